/*
 * Parameters: types, sources, and messages about mistakes.
 */
#define _GNU_SOURCE /* F_SETPIPE_SZ */
#include "config.h"

#include "base/param_parse.h"
#include "base/param_table.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const shapes[] = {"round", "square", "flat", NULL};

static const memheap_param_def_t defs[] = {
    {.name = "MEMHEAP_WORD",
     .type = MEMHEAP_PARAM_STRING,
     .unit = "",
     .default_text = "none",
     .old_name = "OLD_WORD"},
    {.name = "MEMHEAP_NUMBER",
     .type = MEMHEAP_PARAM_INT,
     .unit = "",
     .default_text = "5",
     .minimum = 0,
     .maximum = 100},
    {.name = "MEMHEAP_FREE_NUMBER",
     .type = MEMHEAP_PARAM_INT,
     .unit = "",
     .default_text = ""},
    {.name = "MEMHEAP_SIZE",
     .type = MEMHEAP_PARAM_SIZE,
     .unit = "bytes",
     .default_text = "4k",
     .minimum = 16,
     .maximum = 1 << 20},
    {.name = "MEMHEAP_SWITCH",
     .type = MEMHEAP_PARAM_BOOL,
     .unit = "",
     .default_text = "0"},
    {.name = "MEMHEAP_FLAG",
     .type = MEMHEAP_PARAM_FLAG,
     .unit = "",
     .default_text = ""},
    {.name = "MEMHEAP_RENAMED",
     .type = MEMHEAP_PARAM_STRING,
     .unit = "",
     .default_text = "",
     .old_name = "MEMHEAP_OLDER"},
    {.name = "MEMHEAP_SHAPE",
     .type = MEMHEAP_PARAM_STRING,
     .unit = "",
     .default_text = "round",
     .words = shapes},
};

enum {
    DEFS = sizeof(defs) / sizeof(defs[0])
};

static unit_log_t test_log;
static memheap_params_t base;   /* values of the environment and a file */
static memheap_params_t params; /* those, with a program's arguments */
static char file[UNIT_PATH];

static void setup(void)
{
    unsetenv("OLD_WORD");
    unit_log_init(&test_log);
    memheap_params_init(&base, &test_log.log);
    memheap_params_init(&params, &test_log.log);
    file[0] = '\0';
}

static void teardown(void)
{
    if (file[0] != '\0')
        unlink(file);
}

/* Read arguments and a file's text; either may be NULL. */
static memheap_status_t read_params(const char *const *arguments,
                                    const char *text)
{
    static const char *const none[] = {NULL};
    memheap_params_init(&base, &test_log.log);
    memheap_params_reserve(&base, memheap_job_params, memheap_job_param_count);
    if (text != NULL) {
        unit_file_new(file, text);
        memheap_status_t status = memheap_params_read_file(&base, file);
        if (status != MEMHEAP_OK)
            return status;
    }
    memheap_status_t status = memheap_params_add(&base, NULL, defs, DEFS);
    if (status == MEMHEAP_OK)
        status = memheap_params_check_names(&base);
    if (status != MEMHEAP_OK)
        return status;
    return memheap_params_derive(
        &params, &base, arguments == NULL ? none : arguments, &test_log.log);
}

/* Read one argument. */
static memheap_status_t read_argument(const char *argument)
{
    const char *const arguments[] = {argument, NULL};
    return read_params(arguments, NULL);
}

static const memheap_value_t *value_of(const char *name)
{
    return memheap_params_value(&params, name);
}

START_TEST(unset_parameters_have_their_defaults)
{
    ck_assert_ok(read_params(NULL, NULL));
    ck_assert_str_eq(value_of("MEMHEAP_WORD")->string, "none");
    ck_assert_int_eq(value_of("MEMHEAP_NUMBER")->integer, 5);
    ck_assert_int_eq(value_of("MEMHEAP_FREE_NUMBER")->integer, 0);
    ck_assert_uint_eq(value_of("MEMHEAP_SIZE")->size, 4096);
    ck_assert(!value_of("MEMHEAP_SWITCH")->boolean);
    ck_assert(!value_of("MEMHEAP_FLAG")->boolean);
    for (size_t i = 0; i < DEFS; i++) {
        ck_assert_int_eq(params.param[i].source, MEMHEAP_SOURCE_DEFAULT);
        ck_assert_str_eq(params.param[i].origin, "");
    }
}
END_TEST

static const struct {
    const char *text;
    bool value;
} switches[] = {
    {"1", true},      {"yes", true}, {"on", true},  {"true", true},
    {"TRUE", true},   {"0", false},  {"no", false}, {"off", false},
    {"False", false}, {"", false},
};

START_TEST(switch_has_many_spellings)
{
    setenv("MEMHEAP_SWITCH", switches[_i].text, 1);
    ck_assert_ok(read_params(NULL, NULL));
    ck_assert_int_eq(value_of("MEMHEAP_SWITCH")->boolean, switches[_i].value);
}
END_TEST

static const struct {
    const char *text;
    size_t shape;
} spellings[] = {{"flat", 2}, {"FLAT", 2}, {"Square", 1}, {"", 0}};

START_TEST(word_is_one_of_the_definition)
{
    setenv("MEMHEAP_SHAPE", spellings[_i].text, 1);
    ck_assert_ok(read_params(NULL, NULL));
    ck_assert_ptr_eq(value_of("MEMHEAP_SHAPE")->string,
                     shapes[spellings[_i].shape]);
}
END_TEST

START_TEST(other_word_is_refused)
{
    ck_assert_int_eq(read_argument("MEMHEAP_SHAPE=fla"), MEMHEAP_ERR_BAD_PARAM);
    ck_assert_logged(&test_log, "expected round, square or flat");
}
END_TEST

static const char *const flags[] = {"1", "0", "no", ""};

START_TEST(flag_is_true_however_it_is_set)
{
    setenv("MEMHEAP_FLAG", flags[_i], 1);
    ck_assert_ok(read_params(NULL, NULL));
    ck_assert(value_of("MEMHEAP_FLAG")->boolean);
}
END_TEST

START_TEST(number_may_be_negative_where_any_is_allowed)
{
    ck_assert_ok(read_argument("MEMHEAP_FREE_NUMBER=-12"));
    ck_assert_int_eq(value_of("MEMHEAP_FREE_NUMBER")->integer, -12);
}
END_TEST

START_TEST(bounds_are_inclusive)
{
    ck_assert_ok(read_argument("MEMHEAP_NUMBER=100"));
    ck_assert_ok(read_argument("MEMHEAP_NUMBER=0"));
    ck_assert_ok(read_argument("MEMHEAP_SIZE=16"));
    ck_assert_ok(read_argument("MEMHEAP_SIZE=1m"));
}
END_TEST

START_TEST(text_is_kept_as_it_was_written)
{
    ck_assert_ok(read_argument("MEMHEAP_SIZE=.5K"));
    const memheap_param_t *param = memheap_params_find(&params, "memheap_size");
    ck_assert_str_eq(param->text, ".5K");
    ck_assert_uint_eq(param->value.size, 512);
}
END_TEST

START_TEST(sources_have_precedence)
{
    static const char *const arguments[] = {"MEMHEAP_WORD=argument", NULL};
    char origin[UNIT_PATH + 16];

    ck_assert_ok(read_params(NULL, "# a comment\nMEMHEAP_WORD = file\n"));
    snprintf(origin, sizeof(origin), "%s:2", file);
    ck_assert_str_eq(value_of("MEMHEAP_WORD")->string, "file");
    ck_assert_str_eq(params.param[0].origin, origin);
    ck_assert_int_eq(params.param[0].source, MEMHEAP_SOURCE_FILE);
    unlink(file);

    setenv("OMPI_MCA_memheap_word", "mpirun", 1);
    ck_assert_ok(read_params(NULL, "MEMHEAP_WORD = file\n"));
    ck_assert_str_eq(value_of("MEMHEAP_WORD")->string, "mpirun");
    ck_assert_str_eq(params.param[0].origin, "OMPI_MCA_memheap_word");
    ck_assert_int_eq(params.param[0].source, MEMHEAP_SOURCE_ENVIRONMENT);

    setenv("OLD_WORD", "old", 1);
    ck_assert_ok(read_params(NULL, NULL));
    ck_assert_str_eq(value_of("MEMHEAP_WORD")->string, "old");
    ck_assert_str_eq(params.param[0].origin, "OLD_WORD");

    setenv("MEMHEAP_WORD", "environment", 1);
    ck_assert_ok(read_params(NULL, NULL));
    ck_assert_str_eq(value_of("MEMHEAP_WORD")->string, "environment");
    ck_assert_str_eq(params.param[0].origin, "MEMHEAP_WORD");
    ck_assert_int_eq(params.param[0].source, MEMHEAP_SOURCE_ENVIRONMENT);

    ck_assert_ok(read_params(arguments, NULL));
    ck_assert_str_eq(value_of("MEMHEAP_WORD")->string, "argument");
    ck_assert_int_eq(params.param[0].source, MEMHEAP_SOURCE_ARGUMENT);
    unsetenv("OLD_WORD");
}
END_TEST

START_TEST(component_comes_from_mpirun_without_a_suffix)
{
    static const memheap_param_def_t component = {.name = "MEMHEAP_COMPONENT",
                                                  .type = MEMHEAP_PARAM_STRING,
                                                  .unit = "",
                                                  .default_text = ""};
    setenv("OMPI_MCA_memheap", "buddy", 1);
    ck_assert_ok(memheap_params_add(&params, NULL, &component, 1));
    ck_assert_str_eq(params.param[0].text, "buddy");
    ck_assert_str_eq(params.param[0].origin, "OMPI_MCA_memheap");
}
END_TEST

START_TEST(parameter_of_a_component_has_its_name_in_front)
{
    static const memheap_param_def_t own = {.name = "min_block",
                                            .type = MEMHEAP_PARAM_SIZE,
                                            .unit = "bytes",
                                            .default_text = "16"};
    setenv("MEMHEAP_FIT_MIN_BLOCK", "64", 1);
    ck_assert_ok(memheap_params_add(&params, "fit", &own, 1));
    ck_assert_str_eq(params.param[0].name, "MEMHEAP_FIT_MIN_BLOCK");
    ck_assert_uint_eq(value_of("MEMHEAP_fit_min_block")->size, 64);
}
END_TEST

START_TEST(names_in_file_and_arguments_go_in_either_case)
{
    static const char *const arguments[] = {"memheap_number = 7", NULL};
    ck_assert_ok(read_params(arguments, "  memheap_word\t=  a b  \n"));
    ck_assert_str_eq(value_of("MEMHEAP_WORD")->string, "a b");
    ck_assert_int_eq(value_of("MEMHEAP_NUMBER")->integer, 7);
}
END_TEST

START_TEST(last_of_equals_counts)
{
    static const char *const arguments[] = {"MEMHEAP_NUMBER=1",
                                            "MEMHEAP_NUMBER=2", NULL};
    ck_assert_ok(read_params(arguments, "MEMHEAP_WORD=a\nMEMHEAP_WORD=b"));
    ck_assert_int_eq(value_of("MEMHEAP_NUMBER")->integer, 2);
    ck_assert_str_eq(value_of("MEMHEAP_WORD")->string, "b");
}
END_TEST

START_TEST(comments_and_blank_lines_are_skipped)
{
    ck_assert_ok(read_params(NULL, "\n# MEMHEAP_WORD = no\n  \t\n"
                                   "MEMHEAP_NUMBER = 9 # nine\n#"));
    ck_assert_str_eq(value_of("MEMHEAP_WORD")->string, "none");
    ck_assert_int_eq(value_of("MEMHEAP_NUMBER")->integer, 9);
}
END_TEST

START_TEST(later_change_of_the_environment_does_not_matter)
{
    char word[] = "MEMHEAP_WORD=first";
    putenv(word);
    ck_assert_ok(read_params(NULL, NULL));
    memcpy(word + 13, "other", 5);
    ck_assert_str_eq(value_of("MEMHEAP_WORD")->string, "first");
    unsetenv("MEMHEAP_WORD");
}
END_TEST

static const struct {
    const char *argument;
    const char *value;
    const char *wanted;
} bad_values[] = {
    {"MEMHEAP_NUMBER=ten", "\"ten\"", "a whole number from 0 to 100"},
    {"MEMHEAP_NUMBER=101", "\"101\"", "a whole number from 0 to 100"},
    {"MEMHEAP_NUMBER=-1", "\"-1\"", "a whole number from 0 to 100"},
    {"MEMHEAP_FREE_NUMBER=1x", "\"1x\"", "a whole number"},
    {"MEMHEAP_FREE_NUMBER=99999999999999999999", "9\"", "a whole number"},
    {"MEMHEAP_SIZE=x", "\"x\"", "a size such as 512, 64k, 3.1M"},
    {"MEMHEAP_SIZE=15", "\"15\"", "from 16 to"},
    {"MEMHEAP_SIZE=2m", "\"2m\"", "1048576 bytes"},
    {"MEMHEAP_SWITCH=maybe", "\"maybe\"", "yes, no, on, off"},
};

START_TEST(bad_value_is_named_with_what_would_be_right)
{
    char name[64];
    snprintf(name, sizeof(name), "%.*s",
             (int)strcspn(bad_values[_i].argument, "="),
             bad_values[_i].argument);
    ck_assert_int_eq(read_argument(bad_values[_i].argument),
                     MEMHEAP_ERR_BAD_PARAM);
    ck_assert_uint_eq(test_log.count, 1);
    ck_assert_logged(&test_log, name);
    ck_assert_logged(&test_log, bad_values[_i].value);
    ck_assert_logged(&test_log, bad_values[_i].wanted);
}
END_TEST

START_TEST(message_says_where_a_bad_value_came_from)
{
    char origin[UNIT_PATH + 16];
    setenv("OMPI_MCA_memheap_number", "many", 1);
    ck_assert_int_eq(read_params(NULL, NULL), MEMHEAP_ERR_BAD_PARAM);
    ck_assert_logged(&test_log,
                     "(from the environment variable OMPI_MCA_memheap_number)");
    unsetenv("OMPI_MCA_memheap_number");
    ck_assert_int_eq(read_params(NULL, "\n\nMEMHEAP_NUMBER=many"),
                     MEMHEAP_ERR_BAD_PARAM);
    snprintf(origin, sizeof(origin), "(from file %s:3)", file);
    ck_assert_logged(&test_log, origin);
}
END_TEST

/* Check for one message with the unknown name, its source, and what helps. */
static void assert_unknown(const char *name, const char *source)
{
    ck_assert_uint_eq(test_log.count, 1);
    ck_assert_logged(&test_log, name);
    ck_assert_logged(&test_log, source);
    ck_assert_logged(&test_log, "; ");
}

START_TEST(unknown_name_in_the_environment_is_found)
{
    setenv("MEMHEAP_WORT", "1", 1);
    ck_assert_int_eq(read_params(NULL, NULL), MEMHEAP_ERR_BAD_PARAM);
    assert_unknown("MEMHEAP_WORT", "the environment");
}
END_TEST

START_TEST(name_in_wrong_case_in_the_environment_is_found)
{
    setenv("MEMHEAP_Word", "1", 1);
    ck_assert_int_eq(read_params(NULL, NULL), MEMHEAP_ERR_BAD_PARAM);
    assert_unknown("MEMHEAP_Word", "the environment");
}
END_TEST

START_TEST(unknown_name_in_the_file_is_found)
{
    ck_assert_int_eq(read_params(NULL, "memheap_wort = 1\n"),
                     MEMHEAP_ERR_BAD_PARAM);
    assert_unknown("memheap_wort", file);
}
END_TEST

static const char *const foreign_lines[] = {"component = buddy\n",
                                            "WORD = 1\n"};

START_TEST(name_without_its_beginning_in_the_file_is_found)
{
    ck_assert_int_eq(read_params(NULL, foreign_lines[_i]),
                     MEMHEAP_ERR_BAD_PARAM);
    assert_unknown(_i == 0 ? "component" : "WORD", file);
}
END_TEST

START_TEST(reserved_names_are_accepted_unread)
{
    ck_assert_ok(read_params(NULL, "SHMEM_SYMMETRIC_SIZE = nonsense\n"));
    ck_assert_ptr_null(memheap_params_find(&params, "SHMEM_SYMMETRIC_SIZE"));
}
END_TEST

START_TEST(empty_value_in_the_environment_is_the_default)
{
    setenv("MEMHEAP_SIZE", "", 1);
    setenv("MEMHEAP_NUMBER", "", 1);
    ck_assert_ok(read_params(NULL, NULL));
    ck_assert_uint_eq(memheap_params_value(&params, "MEMHEAP_SIZE")->size,
                      4096);
    ck_assert_int_eq(memheap_params_value(&params, "MEMHEAP_NUMBER")->integer,
                     5);
}
END_TEST

START_TEST(unknown_name_in_the_arguments_is_found)
{
    ck_assert_int_eq(read_argument(" MEMHEAP_WORT = 1"), MEMHEAP_ERR_BAD_PARAM);
    assert_unknown("MEMHEAP_WORT", "the program");
}
END_TEST

static const char *const bad_arguments[] = {"MEMHEAP_WORD", "=1", ""};

START_TEST(argument_without_name_or_value_is_found)
{
    ck_assert_int_eq(read_argument(bad_arguments[_i]), MEMHEAP_ERR_BAD_PARAM);
    ck_assert_uint_eq(test_log.count, 1);
    ck_assert_logged(&test_log, "is not of the form NAME=VALUE");
}
END_TEST

START_TEST(unknown_name_is_told_the_nearest)
{
    ck_assert_int_eq(read_argument("memheap_wrod=x"), MEMHEAP_ERR_BAD_PARAM);
    ck_assert_logged(&test_log, "; the nearest is MEMHEAP_WORD");
    ck_assert_int_eq(read_argument("FAR_AWAY=x"), MEMHEAP_ERR_BAD_PARAM);
    ck_assert_logged(&test_log, "; memheap-info lists all");
    ck_assert_int_eq(read_argument("MEMHEAP_SIZ=x"), MEMHEAP_ERR_BAD_PARAM);
    ck_assert_logged(&test_log, "; the nearest is MEMHEAP_SIZE");
    ck_assert_int_eq(read_argument("MEMHEAP_NUMBER=x"), MEMHEAP_ERR_BAD_PARAM);
    ck_assert_logged(&test_log, "(from the program's argument MEMHEAP_NUMBER)");
}
END_TEST

START_TEST(names_of_tests_and_of_others_are_ignored)
{
    setenv("MEMHEAP_TEST_NP", "4", 1);
    setenv("MEMHEAP_TRANSPORT", "ucx", 1);
    ck_assert_ok(read_params(NULL, "SHMEM_DEBUG = 1\nMEMHEAP_NODE_PES = 2\n"));
    ck_assert_uint_eq(test_log.count, 0);
}
END_TEST

START_TEST(old_name_is_a_known_name)
{
    setenv("MEMHEAP_OLDER", "x", 1);
    ck_assert_ok(read_params(NULL, NULL));
    ck_assert_str_eq(value_of("MEMHEAP_RENAMED")->string, "x");
}
END_TEST

/* Write more than a pipe holds, so that the reader gets it in pieces. */
static void *write_pipe(void *context)
{
    const int *fd = context;
    for (int i = 0; i < 600; i++)
        dprintf(*fd, "# a comment\n");
    dprintf(*fd, "MEMHEAP_WORD = piped\n");
    close(*fd);
    return NULL;
}

START_TEST(pipe_is_read_to_its_end)
{
    int fds[2];
    char path[32];
    pthread_t writer;
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_ge(fcntl(fds[1], F_SETPIPE_SZ, 4096), 4096);
    snprintf(path, sizeof(path), "/dev/fd/%d", fds[0]);
    ck_assert_int_eq(pthread_create(&writer, NULL, write_pipe, &fds[1]), 0);
    ck_assert_ok(memheap_params_read_file(&base, path));
    pthread_join(writer, NULL);
    ck_assert_ok(memheap_params_add(&base, NULL, defs, DEFS));
    ck_assert_str_eq(memheap_params_value(&base, "MEMHEAP_WORD")->string,
                     "piped");
    close(fds[0]);
}
END_TEST

START_TEST(unreadable_file_is_a_message)
{
    ck_assert_int_eq(memheap_params_read_file(&params, "/no/such/file"),
                     MEMHEAP_ERR_BAD_PARAM);
    ck_assert_uint_eq(test_log.count, 1);
    ck_assert_logged(&test_log, "/no/such/file");
    ck_assert_logged(&test_log, "No such file");
    ck_assert_int_eq(memheap_params_read_file(&params, "/"),
                     MEMHEAP_ERR_BAD_PARAM);
}
END_TEST

START_TEST(line_without_equals_is_named)
{
    char place[UNIT_PATH + 16];
    ck_assert_int_eq(read_params(NULL, "# fine\nMEMHEAP_WORD x\n"),
                     MEMHEAP_ERR_BAD_PARAM);
    snprintf(place, sizeof(place), "%s:2", file);
    ck_assert_uint_eq(test_log.count, 1);
    ck_assert_logged(&test_log, place);
    ck_assert_logged(&test_log, "\"MEMHEAP_WORD x\"");
    ck_assert_logged(&test_log, "NAME = VALUE");
}
END_TEST

START_TEST(values_that_do_not_fit_are_a_message)
{
    static char text[MEMHEAP_PARAM_TEXT + 100];
    memset(text, 'x', sizeof(text) - 1);
    memcpy(text, "MEMHEAP_WORD=", 13);
    ck_assert_int_eq(read_argument(text), MEMHEAP_ERR_BAD_PARAM);
    ck_assert_uint_eq(test_log.count, 1);
    ck_assert_logged(&test_log, "32768 bytes");
}
END_TEST

START_TEST(sources_have_names)
{
    ck_assert_str_eq(memheap_param_source_name(MEMHEAP_SOURCE_DEFAULT),
                     "default");
    ck_assert_str_eq(memheap_param_source_name(MEMHEAP_SOURCE_FILE), "file");
    ck_assert_str_eq(memheap_param_source_name(MEMHEAP_SOURCE_ENVIRONMENT),
                     "environment");
    ck_assert_str_eq(memheap_param_source_name(MEMHEAP_SOURCE_ARGUMENT),
                     "argument");
}
END_TEST

static const struct {
    const char *text;
    size_t size;
} good_sizes[] = {
    {"0", 0},
    {"1", 1},
    {"512", 512},
    {"1.5", 2},
    {"0.1", 1},
    {"5.", 5},
    {".5k", 512},
    {".5m", MIB / 2},
    {"1k", KIB},
    {"1K", KIB},
    {"2m", 2 * MIB},
    {"2M", 2 * MIB},
    {"3g", 3 * GIB},
    {"3G", 3 * GIB},
    {"4t", 4 * TIB},
    {"4T", 4 * TIB},
    {"3.1M", 3250586},
    {"0.4375k", 448},
    {"0.21875m", 229376},
    {"0.00000000000000000001", 1},
    {"0.9999999999999999t", TIB},
    {"20kk", 20 * KIB},
    {"64kB", 64 * KIB},
    {"1GiB", GIB},
    {"007", 7},
    {"18446744073709551615", SIZE_MAX},
    {"16777215t", SIZE_MAX - TIB + 1},
};

START_TEST(size_is_read)
{
    size_t size = 0;
    ck_assert_ok(memheap_parse_size(good_sizes[_i].text, &size));
    ck_assert_uint_eq(size, good_sizes[_i].size);
}
END_TEST

static const char *const bad_sizes[] = {
    "",
    "x",
    "k",
    ".",
    ".k",
    "-1",
    "+1",
    " 1",
    "1 k",
    "10x",
    "1e3",
    "0x10",
    "1,5k",
    "1..5",
    "18446744073709551616",
    "99999999999999999999999",
    "16777216t",
    "16777215.99999999999999999999t",
    "17179869184g",
};

START_TEST(text_that_is_no_size_is_refused)
{
    size_t size = 77;
    ck_assert_int_eq(memheap_parse_size(bad_sizes[_i], &size),
                     MEMHEAP_ERR_BAD_PARAM);
    ck_assert_uint_eq(size, 77);
}
END_TEST

#define ADD_LOOP(tests, test, table)                                           \
    tcase_add_loop_test(tests, test, 0, sizeof(table) / sizeof((table)[0]))

static const struct {
    const char *text;
    size_t bytes; /* for one of 4 processes on a machine of 10 GiB and 1 byte */
} good_shares[] = {
    {"64k", 64 * KIB},           {"1Gxyz", GIB},
    {"8g/node", 2 * GIB},        {"0.5G/NODE", 128 * MIB},
    {"4096/node", KIB},          {"50%", 5 * GIB / 4},
    {"100%", 10 * GIB / 4},      {"12.5%", 10 * GIB / 8 / 4},
    {"25%/node", 10 * GIB / 16}, {"0.0001%", 2684},
    {"0.00015%", 5368},
};

START_TEST(share_is_a_size_or_part_of_a_machine)
{
    memheap_share_t share;
    ck_assert_ok(memheap_parse_share(good_shares[_i].text, &share));
    ck_assert_uint_eq(memheap_share_bytes(&share, 10 * GIB + 1, 4),
                      good_shares[_i].bytes);
}
END_TEST

static const char *const bad_shares[] = {"%",
                                         "101%",
                                         "0%",
                                         "-5%",
                                         "5%%",
                                         "50%x",
                                         "/node",
                                         "many/node",
                                         "8g/nodes",
                                         "1e3%%",
                                         "0.00001%",
                                         "nan%",
                                         "1e1%",
                                         "0x10%",
                                         "18888888888888888888888%",
                                         "100.00000000000000001%"};

START_TEST(wrong_share_is_refused)
{
    memheap_share_t share;
    ck_assert_int_eq(memheap_parse_share(bad_shares[_i], &share),
                     MEMHEAP_ERR_BAD_PARAM);
}
END_TEST

/* The sets in these tests have no such parameter. */
static void unset_checkers(void)
{
    unsetenv("MEMHEAP_CHECKERS");
}

int main(void)
{
    TCase *tests = unit_case();
    tcase_add_checked_fixture(tests, unset_checkers, NULL);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, unset_parameters_have_their_defaults);
    ADD_LOOP(tests, switch_has_many_spellings, switches);
    ADD_LOOP(tests, flag_is_true_however_it_is_set, flags);
    ADD_LOOP(tests, word_is_one_of_the_definition, spellings);
    tcase_add_test(tests, other_word_is_refused);
    tcase_add_test(tests, number_may_be_negative_where_any_is_allowed);
    tcase_add_test(tests, bounds_are_inclusive);
    tcase_add_test(tests, text_is_kept_as_it_was_written);
    tcase_add_test(tests, sources_have_precedence);
    tcase_add_test(tests, component_comes_from_mpirun_without_a_suffix);
    tcase_add_test(tests, parameter_of_a_component_has_its_name_in_front);
    tcase_add_test(tests, names_in_file_and_arguments_go_in_either_case);
    tcase_add_test(tests, last_of_equals_counts);
    tcase_add_test(tests, comments_and_blank_lines_are_skipped);
    tcase_add_test(tests, later_change_of_the_environment_does_not_matter);
    ADD_LOOP(tests, bad_value_is_named_with_what_would_be_right, bad_values);
    tcase_add_test(tests, message_says_where_a_bad_value_came_from);
    tcase_add_test(tests, unknown_name_in_the_environment_is_found);
    tcase_add_test(tests, name_in_wrong_case_in_the_environment_is_found);
    tcase_add_test(tests, unknown_name_in_the_file_is_found);
    ADD_LOOP(tests, name_without_its_beginning_in_the_file_is_found,
             foreign_lines);
    tcase_add_test(tests, reserved_names_are_accepted_unread);
    tcase_add_test(tests, empty_value_in_the_environment_is_the_default);
    tcase_add_test(tests, unknown_name_in_the_arguments_is_found);
    ADD_LOOP(tests, argument_without_name_or_value_is_found, bad_arguments);
    tcase_add_test(tests, names_of_tests_and_of_others_are_ignored);
    tcase_add_test(tests, unknown_name_is_told_the_nearest);
    tcase_add_test(tests, old_name_is_a_known_name);
    tcase_add_test(tests, pipe_is_read_to_its_end);
    tcase_add_test(tests, unreadable_file_is_a_message);
    tcase_add_test(tests, line_without_equals_is_named);
    tcase_add_test(tests, values_that_do_not_fit_are_a_message);
    tcase_add_test(tests, sources_have_names);
    ADD_LOOP(tests, size_is_read, good_sizes);
    ADD_LOOP(tests, text_that_is_no_size_is_refused, bad_sizes);
    tcase_add_loop_test(tests, share_is_a_size_or_part_of_a_machine, 0,
                        sizeof(good_shares) / sizeof(good_shares[0]));
    tcase_add_loop_test(tests, wrong_share_is_refused, 0,
                        sizeof(bad_shares) / sizeof(bad_shares[0]));
    return unit_run("param", tests);
}
