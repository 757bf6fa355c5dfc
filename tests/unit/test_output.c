/*
 * Files that parameters name for output: in folders of this user, and in
 * folders that others may write to.
 */
#include "config.h"

#include "tests/unit/unit.h"
#include "base/output.h"
#include "base/pages.h"
#include "memheap/debug/report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char refusal[] =
    "it is a link, or not a regular file of this user, in a folder that others "
    "may write to";

static char own[UNIT_PATH];    /* a folder of this user */
static char shared[UNIT_PATH]; /* a folder like /tmp */
static char target[PATH_MAX];  /* a file with contents */
static char path[UNIT_PATH + 16];

static void setup(void)
{
    unit_folder_new(own);
    unit_folder_new(shared);
    ck_assert_int_eq(chmod(shared, 01777), 0);
    unit_file_new(path, "precious");
    ck_assert_ptr_nonnull(realpath(path, target)); /* links lead to it */
}

static void teardown(void)
{
    unit_folder_delete(own);
    unit_folder_delete(shared);
    unlink(target);
}

/* Set path to a file of a folder. */
static const char *in(const char *folder)
{
    snprintf(path, sizeof(path), "%s/out", folder);
    return path;
}

static void expect_opened(void)
{
    const char *problem;
    int fd = memheap_output_open(path, O_WRONLY, &problem);
    ck_assert_msg(fd >= 0, "%s", problem);
    ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_eq(write(fd, "x", 1), 1);
    close(fd);
}

static void expect_refused(const char *why)
{
    const char *problem;
    ck_assert_int_eq(memheap_output_open(path, O_WRONLY, &problem), -1);
    ck_assert_str_eq(problem, why);
}

START_TEST(new_file_is_created_anywhere)
{
    in(own);
    expect_opened();
    in(shared);
    expect_opened();
    expect_opened(); /* it is this user's */
}
END_TEST

START_TEST(link_is_followed_in_a_folder_of_this_user)
{
    ck_assert_int_eq(symlink(target, in(own)), 0);
    expect_opened();
    ck_assert_int_eq(unlink(target), 0);
    expect_opened(); /* it creates what the link leads to */
    ck_assert_int_eq(access(target, F_OK), 0);
}
END_TEST

START_TEST(link_is_refused_in_a_shared_folder)
{
    ck_assert_int_eq(symlink(target, in(shared)), 0);
    expect_refused(refusal);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(link(target, path), 0);
    expect_refused(refusal);
}
END_TEST

START_TEST(file_of_another_user_is_refused_in_a_shared_folder)
{
    if (geteuid() != 0)
        return; /* only root can make one */
    ck_assert_int_eq(chown(target, 65534, 65534), 0);
    ck_assert_int_eq(rename(target, in(shared)), 0);
    expect_refused(refusal);
    ck_assert_int_eq(chown(path, 0, 0), 0);
    expect_opened();
    /* The owner of a folder may write to it, too. */
    ck_assert_int_eq(symlink("/dev/null", in(own)), 0);
    ck_assert_int_eq(chown(own, 65534, 65534), 0);
    expect_refused(refusal);
}
END_TEST

START_TEST(pipe_without_a_reader_is_not_waited_for)
{
    ck_assert_int_eq(mkfifo(in(own), 0600), 0);
    expect_refused("it is a pipe that no process reads");
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    ck_assert_int_ge(reader, 0);
    expect_opened();
    close(reader);
    ck_assert_int_eq(mkfifo(in(shared), 0600), 0);
    reader = open(path, O_RDONLY | O_NONBLOCK);
    ck_assert_int_ge(reader, 0);
    expect_refused(refusal);
    close(reader);
}
END_TEST

START_TEST(missing_folder_is_reported)
{
    snprintf(path, sizeof(path), "/no/such/file");
    expect_refused("No such file or directory");
}
END_TEST

/* Open and close a heap whose parameter names a link in a shared folder. */
static void expect_kept(const char *parameter, const char *message)
{
    unit_heap_t unit;
    char setting[UNIT_PATH + 64];
    char text[16] = "";
    ck_assert_int_eq(symlink(target, in(shared)), 0);
    snprintf(setting, sizeof(setting), "%s=%s", parameter, path);
    unit_heap_open(&unit, 0, MIB, 0, setting);
    memheap_destroy(unit.heap);
    unit.heap = NULL;
    ck_assert_uint_eq(unit.log.count, 1);
    ck_assert_logged(&unit.log, message);
    ck_assert_logged(&unit.log, refusal);
    unit_heap_close(&unit);
    FILE *file = fopen(target, "r");
    ck_assert_uint_eq(fread(text, 1, sizeof(text) - 1, file), 8);
    ck_assert_str_eq(text, "precious");
    fclose(file);
}

START_TEST(report_follows_no_link_of_a_shared_folder)
{
    expect_kept("MEMHEAP_REPORT", "MEMHEAP_REPORT: cannot write ");
}
END_TEST

START_TEST(trace_follows_no_link_of_a_shared_folder)
{
    expect_kept("MEMHEAP_TRACE", "MEMHEAP_TRACE: cannot write ");
}
END_TEST

/* The statistics of a report that do not change when the heap is closed. */
static void list_stats(memheap_t *heap, bool json, char lines[][64])
{
    memheap_stats_t stats;
    memheap_get_stats(heap, &stats);
    const struct {
        const char *name;
        size_t value;
    } each[] = {{"live_blocks", stats.live_blocks},
                {"allocations", stats.allocations},
                {"frees", stats.frees},
                {"resizes", stats.resizes},
                {"failures", stats.failures}};
    for (size_t i = 0; i < 5; i++) {
        if (json) {
            snprintf(lines[i], 64, "\"%s\": %zu", each[i].name, each[i].value);
            continue;
        }
        snprintf(lines[i], 64, "  %-14s %zu\n", each[i].name, each[i].value);
        for (char *c = lines[i]; *c != '\0'; c++)
            *c = *c == '_' ? ' ' : *c;
    }
}

START_TEST(report_has_each_statistic)
{
    unit_heap_t unit;
    char setting[UNIT_PATH + 64] = "MEMHEAP_REPORT=1";
    char text[4096] = "";
    char lines[5][64];
    void *block[4];
    if (_i == 1)
        snprintf(setting, sizeof(setting), "MEMHEAP_REPORT=%s", in(own));
    unit_heap_open(&unit, 0, MIB, 0, setting);
    for (size_t i = 0; i < 4; i++)
        ck_assert_ok(memheap_alloc(unit.heap, 100, &block[i]));
    ck_assert_ok(memheap_free(unit.heap, block[1]));
    for (size_t i = 0; i < 3; i++)
        ck_assert_ok(
            memheap_resize(unit.heap, block[0], 5000 + 9000 * i, &block[0]));
    for (size_t i = 0; i < 2; i++)
        ck_assert_int_eq(memheap_alloc(unit.heap, 2 * MIB, &block[1]),
                         MEMHEAP_ERR_NO_MEMORY);
    list_stats(unit.heap, _i == 1, lines);
    unit_log_clear(&unit.log);
    memheap_destroy(unit.heap);
    unit.heap = NULL;
    if (_i == 1) {
        FILE *file = fopen(path, "r");
        ck_assert_ptr_nonnull(file);
        ck_assert_uint_gt(fread(text, 1, sizeof(text) - 1, file), 0);
        fclose(file);
    } else {
        snprintf(text, sizeof(text), "%.4000s", unit.log.text);
        ck_assert_ptr_nonnull(strstr(text, "  size           1 MiB\n"));
        ck_assert_ptr_null(strstr(text, " PE")); /* of no job */
        ck_assert_ptr_nonnull(strstr(text, "  fragmentation  "));
        ck_assert_ptr_nonnull(strstr(text, " %\n"));
    }
    for (size_t i = 0; i < 5; i++)
        ck_assert_msg(strstr(text, lines[i]) != NULL, "no \"%s\" in %s",
                      lines[i], text);
    unit_log_clear(&unit.log);
    unit_heap_close(&unit);
}
END_TEST

/* The index of a statistic. */
static unsigned stat_of(const char *name)
{
    unsigned i = 0;
    while (strcmp(memheap_stat_table[i].name, name) != 0)
        i++;
    return i;
}

/* A report of some PEs, whose values of each statistic are listed here. */
static memheap_report_t report_of_job(memheap_t *heap, int pes)
{
    enum {
        PES = 3
    };
    static uint64_t values[PES][MEMHEAP_STAT_COUNT];
    static const uint64_t bytes[PES] = {2048, 1024, 4096};
    static const uint64_t peak[PES] = {1024, 4096, 4096};
    static const uint64_t counts[PES] = {5, 9, 5};
    static const uint64_t parts[PES] = {500000, 250000, 750000};
    for (size_t pe = 0; pe < PES; pe++) {
        for (unsigned i = 0; i < MEMHEAP_STAT_COUNT; i++) {
            memheap_unit_t u = memheap_stat_table[i].unit;
            values[pe][i] = u == MEMHEAP_UNIT_BYTES   ? bytes[pe]
                            : u == MEMHEAP_UNIT_COUNT ? counts[pe]
                                                      : parts[pe];
        }
        values[pe][stat_of("peak")] = peak[pe];
        values[pe][stat_of("failures")] = 3;
    }
    return (memheap_report_t){heap, pes, values[0]};
}

START_TEST(report_of_a_job_names_extreme_pes)
{
    unit_heap_t unit;
    unit_heap_open(&unit, 0, MIB, 0, "MEMHEAP_RECORDS=1");
    memheap_report_t report = report_of_job(unit.heap, 3);
    memheap_report_log(&report, &unit.log.log);
    ck_assert_logged(&unit.log, " on 3 PEs:\n");
    ck_assert_logged(&unit.log,
                     "  size           1 KiB (PE 1) to 4 KiB (PE 2), "
                     "7 KiB in all\n");
    ck_assert_logged(&unit.log,
                     "  peak           1 KiB (PE 0) to 4 KiB (PE 1), "
                     "9 KiB in all\n");
    ck_assert_logged(&unit.log,
                     "  live blocks    5 (PE 0) to 9 (PE 1), 19 in all\n");
    ck_assert_logged(&unit.log, "  failures       3 on each PE\n");
    ck_assert_logged(&unit.log,
                     "  fragmentation  25.00 % (PE 1) to 75.00 % (PE 2)\n");
    ck_assert_logged(&unit.log, " in huge pages on PE 0; PE 0 has accessed 0 ");
    ck_assert_ptr_null(strstr(unit.log.text, "call site"));

    unit_log_clear(&unit.log);
    report.pes = 1;
    memheap_report_log(&report, &unit.log.log);
    ck_assert_logged(&unit.log, " on 1 PE:\n");
    ck_assert_logged(&unit.log, "  size           2 KiB on each PE\n");
    ck_assert_logged(&unit.log, "  fragmentation  50.00 % on each PE\n");
    ck_assert_logged(&unit.log, " in huge pages on PE 0; PE 0 has accessed 0 ");
    unit_log_clear(&unit.log);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(report_file_of_a_job_has_each_pe)
{
    unit_heap_t unit;
    char text[8192] = "";
    static const char *const parts[] = {
        "\"pes\": 3, \"sum\": {\"size\": 7168, ",
        "\"peak\": 9216, ",
        "\"failures\": 9}, \"min\": {\"size\": 1024, ",
        "\"live_blocks\": 5, ",
        "\"fragmentation\": 0.250000}, \"max\": {\"size\": 4096, ",
        "\"live_blocks\": 9, ",
        "\"fragmentation\": 0.750000}, \"each\": [{\"pe\": 0, \"size\": 2048, ",
        "{\"pe\": 1, \"size\": 1024, ",
        "{\"pe\": 2, \"size\": 4096, ",
        "\"fragmentation\": 0.750000}], \"pages\": {"};
    unit_heap_open(&unit, 0, MIB, 0, NULL);
    memheap_report_t report = report_of_job(unit.heap, 3);
    ck_assert_ok(memheap_report_write(&report, in(own), &unit.log.log));
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_gt(fread(text, 1, sizeof(text) - 1, file), 0);
    fclose(file);
    const char *at = text;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        at = strstr(at, parts[i]); /* in this order */
        ck_assert_msg(at != NULL, "no \"%s\" in %s", parts[i], text);
    }
    unit_heap_close(&unit);
}
END_TEST

/* A report has the figures of the program's own calls. */
START_TEST(report_has_pages_tags_and_sites)
{
    unit_heap_t unit;
    uint64_t values[MEMHEAP_STAT_COUNT];
    memheap_placement_t pages;
    memheap_tag_stats_t tag[2];
    memheap_site_stats_t site[2];
    void *block;
    char text[4096] = "";
    char expected[2048];
    char size[3][MEMHEAP_SIZE_TEXT];
    unit_heap_open(&unit, 0, MIB, 0, "MEMHEAP_RECORDS=1");
    memheap_at("a.c", 1);
    ck_assert_ok(memheap_alloc(unit.heap, 9000, &block));
    memheap_report_t report = {.heap = unit.heap, .values = values};
    memheap_stats_collect(unit.heap, values);
    memheap_report_log(&report, &unit.log.log);
    ck_assert_logged(&unit.log, "calls  call site\n");
    unit_log_clear(&unit.log);
    memheap_set_tag("mesh");
    for (int i = 0; i < 3; i++) {
        memheap_at("b.c", 2);
        ck_assert_ok(memheap_alloc(unit.heap, 1000, &block));
    }
    memheap_set_tag(NULL);
    ck_assert_ok(memheap_free(unit.heap, block));
    memheap_stats_collect(unit.heap, values);
    ck_assert_ok(memheap_get_placement(unit.heap, &pages));
    for (unsigned i = 0; i < 2; i++)
        ck_assert(memheap_get_tag_stats(unit.heap, i, &tag[i]));
    ck_assert_uint_eq(memheap_get_site_stats(unit.heap, site, 2), 2);
    int old = open(in(own), O_RDWR | O_CREAT, 0600);

    size_t allocated = 0;
    for (int i = 0; i < 3; i++) { /* the first one takes the name */
        ck_assert(i < 2 || unit_malloced() == allocated);
        allocated = unit_malloced();
        ck_assert_int_eq(ftruncate(old, 0), 0);
        ck_assert_ok(memheap_report_write(&report, path, &unit.log.log));
    }
    close(old);
    FILE *file = fopen(path, "r");
    ck_assert_uint_gt(fread(text, 1, sizeof(text) - 1, file), 0);
    fclose(file);
    int used = snprintf(
        expected, sizeof(expected),
        "}, \"pages\": {\"kind\": \"%s\", \"resident\": %zu, \"huge\": %zu, "
        "\"windows_resident\": 0, \"windows_huge\": 0}, \"tags\": [",
        memheap_pages_word(pages.pages), pages.resident, pages.huge);
    for (int i = 0; i < 2; i++)
        used += snprintf(expected + used, sizeof(expected) - (size_t)used,
                         "%s{\"tag\": \"%s\", \"used\": %zu, \"peak\": %zu, "
                         "\"live_blocks\": %d, \"allocations\": %d}",
                         i == 0 ? "" : ", ", i == 0 ? "" : "mesh", tag[i].used,
                         tag[i].peak, 1 + i, 1 + 2 * i);
    used += snprintf(expected + used, sizeof(expected) - (size_t)used,
                     "], \"sites\": [");
    for (int i = 0; i < 2; i++)
        used += snprintf(expected + used, sizeof(expected) - (size_t)used,
                         "%s{\"site\": \"%s\", \"used\": %zu, \"peak\": %zu, "
                         "\"live_blocks\": %d, \"allocations\": %d, \"bytes\": "
                         "%llu, \"paths\": []}",
                         i == 0 ? "" : ", ", i == 0 ? "a.c:1" : "b.c:2",
                         site[i].used, site[i].peak, 1 + i, 1 + 2 * i,
                         (unsigned long long)site[i].bytes);
    snprintf(expected + used, sizeof(expected) - (size_t)used, "]}\n]}\n");
    const char *rest = strstr(text, "}, \"pages\"");
    ck_assert_ptr_nonnull(rest);
    ck_assert_str_eq(rest, expected);

    memheap_report_log(&report, &unit.log.log);
    snprintf(expected, sizeof(expected),
             "  tag \"\": %s in 1 block, %s at most, 1 allocation\n",
             memheap_format_size(size[0], tag[0].used),
             memheap_format_size(size[1], tag[0].peak));
    ck_assert_logged(&unit.log, expected);
    snprintf(expected, sizeof(expected),
             "  tag \"mesh\": %s in 2 blocks, %s at most, 3 allocations\n",
             memheap_format_size(size[0], tag[1].used),
             memheap_format_size(size[1], tag[1].peak));
    ck_assert_logged(&unit.log, expected);
    used = snprintf(expected, sizeof(expected),
                    "          live      at most       in all      calls  call "
                    "site\n");
    for (int i = 0; i < 2; i++)
        used += snprintf(expected + used, sizeof(expected) - (size_t)used,
                         "  %12s %12s %12s %10d  %s\n",
                         memheap_format_size(size[0], site[i].used),
                         memheap_format_size(size[1], site[i].peak),
                         memheap_format_size(size[2], site[i].bytes), 1 + 2 * i,
                         i == 0 ? "a.c:1" : "b.c:2");
    ck_assert_logged(&unit.log, expected);
    unit_log_clear(&unit.log);
    unit_heap_close(&unit);
}
END_TEST

/* As the tools write them. */
START_TEST(statistics_are_those_of_a_report)
{
    unit_heap_t unit;
    uint64_t values[MEMHEAP_STAT_COUNT];
    memheap_stats_t stats;
    char text[4096] = "";
    char *alone = NULL;
    size_t size = 0;
    unit_heap_open(&unit, 0, MIB, 0, NULL);
    FILE *file = open_memstream(&alone, &size);
    memheap_json_t json = {.file = file};
    memheap_get_stats(unit.heap, &stats);
    memheap_json_object(&json, NULL);
    memheap_json_stats(&json, &stats);
    memheap_json_end(&json);
    fclose(file);
    memheap_stats_collect(unit.heap, values);
    memheap_report_t report = {.heap = unit.heap, .values = values};
    ck_assert_ok(memheap_report_write(&report, in(own), &unit.log.log));
    file = fopen(path, "r");
    ck_assert_uint_gt(fread(text, 1, sizeof(text) - 1, file), 0);
    fclose(file);
    const char *inside = strstr(text, "\"stats\": ");
    ck_assert_ptr_nonnull(inside);
    alone[strcspn(alone, "\n")] = '\0';
    ck_assert_msg(strncmp(inside + 9, alone, strlen(alone)) == 0, "%s in %s",
                  alone, text);
    free(alone);
    unit_heap_close(&unit);
}
END_TEST

/* Write a report where fstat() fails. @return whether it fails, and leaves no
 * file open */
static bool fails_cleanly(const memheap_report_t *report, unit_log_t *log)
{
    int before = unit_open_files();
    return unit_refuse_call(SYS_fstat, ENOMEM) &&
           unit_refuse_call(SYS_newfstatat, ENOMEM) &&
           memheap_report_write(report, path, &log->log) ==
               MEMHEAP_ERR_SYSTEM &&
           unit_open_files() == before &&
           strstr(log->text, "/out (Cannot allocate memory)") != NULL;
}

START_TEST(report_that_fails_leaves_no_file_open)
{
    unit_heap_t unit;
    uint64_t values[MEMHEAP_STAT_COUNT] = {0};
    int status;
    in(own);
    unit_heap_open(&unit, 0, MIB, 0, NULL);
    memheap_report_t report = {.heap = unit.heap, .values = values};
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(fails_cleanly(&report, &unit.log) ? 0 : 1);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    unit_heap_close(&unit);
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, new_file_is_created_anywhere);
    tcase_add_test(tests, link_is_followed_in_a_folder_of_this_user);
    tcase_add_test(tests, link_is_refused_in_a_shared_folder);
    tcase_add_test(tests, file_of_another_user_is_refused_in_a_shared_folder);
    tcase_add_test(tests, pipe_without_a_reader_is_not_waited_for);
    tcase_add_test(tests, missing_folder_is_reported);
    tcase_add_test(tests, report_follows_no_link_of_a_shared_folder);
    tcase_add_test(tests, trace_follows_no_link_of_a_shared_folder);
    tcase_add_loop_test(tests, report_has_each_statistic, 0, 2);
    tcase_add_test(tests, report_of_a_job_names_extreme_pes);
    tcase_add_test(tests, report_file_of_a_job_has_each_pe);
    tcase_add_test(tests, report_has_pages_tags_and_sites);
    tcase_add_test(tests, statistics_are_those_of_a_report);
    tcase_add_test(tests, report_that_fails_leaves_no_file_open);
    return unit_run("output", tests);
}
