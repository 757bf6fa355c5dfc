/*
 * Files that parameters name for output: in folders of this user, and in
 * folders that others may write to.
 */
#include "config.h"

#include "tests/unit/unit.h"
#include "base/output.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
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
    return unit_run("output", tests);
}
