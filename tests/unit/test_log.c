/*
 * Messages, and sizes formatted for people.
 */
#include "config.h"

#include "tests/unit/unit.h"

static const struct {
    size_t size;
    const char *text;
} sizes[] = {
    {0, "0 bytes"},
    {1, "1 byte"},
    {2, "2 bytes"},
    {1023, "1023 bytes"},
    {1024, "1 KiB"},
    {1536, "1.50 KiB"},
    {65536, "64 KiB"},
    {1048576, "1 MiB"},
    {3250586, "3.10 MiB"},
    {(size_t)8 << 30, "8 GiB"},
    {(size_t)4 << 40, "4 TiB"},
    {(size_t)1 << 50, "1 PiB"},
    {(size_t)1 << 63, "8 EiB"},
    {SIZE_MAX, "16.00 EiB"},
};

START_TEST(size_reads_well)
{
    char text[MEMHEAP_SIZE_TEXT];
    ck_assert_str_eq(memheap_format_size(text, sizes[_i].size), sizes[_i].text);
}
END_TEST

START_TEST(message_reaches_the_sink_once)
{
    unit_log_t log;
    unit_log_init(&log);
    memheap_log_write(&log.log, MEMHEAP_LOG_ERROR, "PE %d: %s", 3, "no room");
    ck_assert_uint_eq(log.count, 1);
    ck_assert_str_eq(log.text, "PE 3: no room\n");
}
END_TEST

START_TEST(level_beyond_the_last_is_dropped)
{
    unit_log_t log;
    unit_log_init(&log);
    memheap_log_write(&log.log, MEMHEAP_LOG_DEBUG, "a detail");
    ck_assert_uint_eq(log.count, 0);
    memheap_log_write(&log.log, MEMHEAP_LOG_WARNING, "a warning");
    ck_assert_uint_eq(log.count, 1);
}
END_TEST

START_TEST(long_message_is_cut)
{
    unit_log_t log;
    unit_log_init(&log);
    char text[2000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    memheap_log_write(&log.log, MEMHEAP_LOG_ERROR, "%s", text);
    ck_assert_uint_eq(strcspn(log.text, "\n"), 1023);
}
END_TEST

START_TEST(message_cannot_control_a_terminal)
{
    unit_log_t log;
    unit_log_init(&log);
    memheap_log_write(&log.log, MEMHEAP_LOG_ERROR, "%s",
                      "a\033[2J\nb\177\302\233c\303\251\233");
    ck_assert_uint_eq(log.count, 1);
    ck_assert_str_eq(log.text, "a?[2J?b???c\303\251?\n");
}
END_TEST

START_TEST(status_has_words)
{
    for (int status = MEMHEAP_ERR_UNREACHABLE; status <= MEMHEAP_OK; status++)
        ck_assert_str_ne(memheap_status_string((memheap_status_t)status),
                         "unknown status");
    ck_assert_str_eq(memheap_status_string((memheap_status_t)1),
                     "unknown status");
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    tcase_add_loop_test(tests, size_reads_well, 0,
                        sizeof(sizes) / sizeof(sizes[0]));
    tcase_add_test(tests, message_reaches_the_sink_once);
    tcase_add_test(tests, message_cannot_control_a_terminal);
    tcase_add_test(tests, level_beyond_the_last_is_dropped);
    tcase_add_test(tests, long_message_is_cut);
    tcase_add_test(tests, status_has_words);
    return unit_run("log", tests);
}
