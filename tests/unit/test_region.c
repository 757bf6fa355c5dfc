/*
 * Regions. Shortage of memory is simulated by a large number of sharers, so
 * that no test takes much memory.
 */
#include "config.h"

#include "tests/unit/unit.h"
#include "base/sysinfo.h"
#include "base/region.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* A shared region of 1 GiB over a new file. */
static void share(memheap_region_t *region, unsigned sharers,
                  const memheap_log_t *log)
{
    int fd = memfd_create("memheap-test", MFD_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    void *base = mmap(NULL, GIB, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ck_assert_ptr_ne(base, MAP_FAILED);
    ck_assert_ok(memheap_region_share(region, base, GIB, fd, sharers, log));
}

START_TEST(four_tebibytes_can_be_reserved)
{
    unit_log_t log;
    unit_log_init(&log);
    memheap_region_t region;
    ck_assert_ok(memheap_region_reserve(&region, 4 * TIB, &log.log));
    ck_assert_int_eq(region.kind, MEMHEAP_REGION_PRIVATE);
    ck_assert_uint_eq(region.size, 4 * TIB);
    ck_assert_uint_eq(region.committed, 0);
    ck_assert_uint_eq((uintptr_t)region.base % MEMHEAP_REGION_ALIGN, 0);
    ck_assert_uint_eq(log.count, 0);
    memheap_region_release(&region);
}
END_TEST

START_TEST(size_is_rounded_up_to_pages)
{
    memheap_region_t region;
    ck_assert_ok(memheap_region_reserve(&region, 100, &memheap_log_stderr));
    ck_assert_uint_eq(region.size, (size_t)sysconf(_SC_PAGESIZE));
    memheap_region_release(&region);
}
END_TEST

static const size_t impossible[] = {SIZE_MAX, SIZE_MAX / 2, (size_t)1 << 56};

START_TEST(impossible_size_is_refused_with_a_message)
{
    unit_log_t log;
    unit_log_init(&log);
    memheap_region_t region;
    ck_assert_int_eq(memheap_region_reserve(&region, impossible[_i], &log.log),
                     MEMHEAP_ERR_SYSTEM);
    ck_assert_uint_eq(log.count, 1);
    ck_assert_logged(&log, "cannot reserve");
    ck_assert_logged(&log, "ulimit -v");
}
END_TEST

START_TEST(committed_part_can_be_written)
{
    memheap_region_t region;
    ck_assert_ok(memheap_region_reserve(&region, 4 * TIB, &memheap_log_stderr));
    ck_assert_ok(memheap_region_commit(&region, 100000, &memheap_log_stderr));
    ck_assert_uint_ge(region.committed, 100000);
    memset(region.base, 0xFF, region.committed);
    memheap_region_release(&region);
}
END_TEST

START_TEST(growth_keeps_contents_and_place)
{
    memheap_region_t region;
    ck_assert_ok(memheap_region_reserve(&region, GIB, &memheap_log_stderr));
    const char *base = region.base;
    size_t committed = 0;
    for (size_t size = 4096; size <= GIB / 2; size *= 4) {
        ck_assert_ok(memheap_region_commit(&region, size, &memheap_log_stderr));
        ck_assert_uint_ge(region.committed, memheap_max(size, committed));
        committed = region.committed;
        region.base[size - 1] = (char)1;
    }
    for (size_t size = 4096; size <= GIB / 2; size *= 4)
        ck_assert_int_eq(region.base[size - 1], 1);
    ck_assert_ptr_eq(region.base, base);
    memheap_region_release(&region);
}
END_TEST

START_TEST(growth_takes_few_steps)
{
    memheap_region_t region;
    ck_assert_ok(memheap_region_reserve(&region, 8 * GIB, &memheap_log_stderr));
    region.overcommit = true;
    unsigned steps = 0;
    for (size_t size = MIB; size <= 8 * GIB; size += MIB) {
        size_t before = region.committed;
        ck_assert_ok(memheap_region_commit(&region, size, &memheap_log_stderr));
        steps += region.committed != before;
    }
    /* Steps of 16 MiB up to 64 MiB, then of a quarter. */
    ck_assert_uint_le(steps, 4 + 22);
    memheap_region_release(&region);
}
END_TEST

START_TEST(whole_region_can_be_committed)
{
    memheap_region_t region;
    size_t size = 5 * (size_t)sysconf(_SC_PAGESIZE);
    ck_assert_ok(memheap_region_reserve(&region, size, &memheap_log_stderr));
    ck_assert_ok(memheap_region_commit(&region, size, &memheap_log_stderr));
    ck_assert_uint_eq(region.committed, size);
    region.base[size - 1] = 1;
    memheap_region_release(&region);
}
END_TEST

START_TEST(end_of_the_region_is_the_end)
{
    memheap_region_t region;
    ck_assert_ok(memheap_region_reserve(&region, MIB, &memheap_log_stderr));
    ck_assert_int_eq(
        memheap_region_commit(&region, MIB + 1, &memheap_log_stderr),
        MEMHEAP_ERR_NO_MEMORY);
    ck_assert_uint_eq(region.committed, 0);
    memheap_region_release(&region);
}
END_TEST

START_TEST(more_than_the_node_has_is_refused_with_a_message)
{
    unit_log_t log;
    unit_log_init(&log);
    memheap_region_t region;
    ck_assert_ok(memheap_region_reserve(&region, 64 * TIB, &log.log));
    ck_assert_int_eq(memheap_region_commit(&region, 63 * TIB, &log.log),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_uint_eq(region.committed, 0);
    ck_assert_uint_eq(log.count, 1);
    ck_assert_logged(&log, "63 TiB");
    ck_assert_logged(&log, "(1 heap)");
    ck_assert_logged(&log, "MEMHEAP_OVERCOMMIT=1");
    memheap_region_release(&region);
}
END_TEST

START_TEST(memory_is_checked_for_all_sharers)
{
    unit_log_t log;
    unit_log_init(&log);
    memheap_region_t region;
    share(&region, 1u << 30, &log.log);
    ck_assert_int_eq(memheap_region_commit(&region, MIB, &log.log),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_uint_eq(region.committed, 0);
    ck_assert_logged(&log, "1 PiB more");
    ck_assert_logged(&log, "(1073741824 heaps)");
    memheap_region_release(&region);
}
END_TEST

START_TEST(overcommit_does_not_check)
{
    unit_log_t log;
    unit_log_init(&log);
    memheap_region_t region;
    ck_assert_ok(memheap_region_reserve(&region, 8 * TIB, &log.log));
    region.overcommit = true;
    ck_assert_ok(memheap_region_commit(&region, 8 * TIB, &log.log));
    region.base[8 * TIB - 1] = 1;
    ck_assert_uint_eq(log.count, 0);
    memheap_region_release(&region);
}
END_TEST

START_TEST(step_shrinks_where_memory_is_short)
{
    size_t total;
    size_t available;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    memheap_region_t region;
    memheap_sysinfo_memory(&total, &available);
    ck_assert_ok(memheap_region_reserve(&region, GIB, &memheap_log_stderr));
    /* The smallest step needs twice the available memory; a page needs little.
     */
    region.sharers = (unsigned)(available / (8 * MIB));
    ck_assert_ok(memheap_region_commit(&region, page, &memheap_log_stderr));
    ck_assert_uint_eq(region.committed, page);
    memheap_region_release(&region);
}
END_TEST

START_TEST(system_error_is_a_status_and_a_message)
{
    unit_log_t log;
    unit_log_init(&log);
    memheap_region_t region;
    ck_assert_ok(memheap_region_reserve(&region, TIB, &log.log));
    rlim_t before = unit_limit(RLIMIT_DATA, MIB);
    memheap_status_t status = memheap_region_commit(&region, GIB, &log.log);
    unit_limit(RLIMIT_DATA, before);
    ck_assert_int_eq(status, MEMHEAP_ERR_NO_MEMORY);
    ck_assert_uint_eq(region.committed, 0);
    ck_assert_uint_eq(log.count, 1);
    ck_assert_logged(&log, "the system cannot commit a heap of");
    memheap_region_release(&region);
}
END_TEST

START_TEST(shared_region_shows_in_every_mapping_of_its_file)
{
    memheap_region_t region;
    share(&region, 1, &memheap_log_stderr);
    ck_assert_int_eq(region.kind, MEMHEAP_REGION_SHARED);
    ck_assert_ok(memheap_region_commit(&region, 8192, &memheap_log_stderr));
    memcpy(region.base + 5000, "memheap", 8);
    char *window = mmap(NULL, 8192, PROT_READ, MAP_SHARED, region.fd, 0);
    ck_assert_ptr_ne(window, MAP_FAILED);
    ck_assert_str_eq(window + 5000, "memheap");
    munmap(window, 8192);
    memheap_region_release(&region);
}
END_TEST

START_TEST(released_region_gives_range_and_file_back)
{
    memheap_region_t region;
    share(&region, 1, &memheap_log_stderr);
    memheap_region_t before = region;
    memheap_region_release(&region);
    ck_assert_int_eq(fcntl(before.fd, F_GETFD), -1);
    void *again =
        mmap(before.base, GIB, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    ck_assert_ptr_eq(again, before.base);
    munmap(again, GIB);
}
END_TEST

START_TEST(limit_on_file_sizes_is_reported_without_a_signal)
{
    unit_log_t log;
    unit_log_init(&log);
    memheap_region_t region;
    int fd = memfd_create("memheap-test", MFD_CLOEXEC);
    rlim_t before = unit_limit(RLIMIT_FSIZE, 64 * MIB);
    memheap_status_t status =
        memheap_region_share(&region, NULL, GIB, fd, 1, &log.log);
    unit_limit(RLIMIT_FSIZE, before);
    ck_assert_int_eq(status, MEMHEAP_ERR_SYSTEM);
    ck_assert_uint_eq(log.count, 1);
    ck_assert_logged(&log, "ulimit -f");
    ck_assert_logged(&log, "1 GiB");
    close(fd);
}
END_TEST

START_TEST(file_that_cannot_be_mapped_is_a_message)
{
    unit_log_t log;
    unit_log_init(&log);
    memheap_region_t region;
    ck_assert_int_eq(memheap_region_share(&region, NULL, GIB, -1, 1, &log.log),
                     MEMHEAP_ERR_SYSTEM);
    ck_assert_uint_eq(log.count, 1);
    ck_assert_logged(&log, "cannot map a memory file of 1 GiB");
}
END_TEST

START_TEST(foreign_range_is_committed_and_stays_mapped)
{
    static char range[4096];
    memheap_region_t region;
    memheap_region_wrap(&region, range, sizeof(range));
    ck_assert_int_eq(region.kind, MEMHEAP_REGION_FOREIGN);
    ck_assert_uint_eq(region.committed, sizeof(range));
    ck_assert_ok(
        memheap_region_commit(&region, sizeof(range), &memheap_log_stderr));
    ck_assert_int_eq(
        memheap_region_commit(&region, sizeof(range) + 1, &memheap_log_stderr),
        MEMHEAP_ERR_NO_MEMORY);
    memheap_region_release(&region);
    range[0] = 1;
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    tcase_add_test(tests, four_tebibytes_can_be_reserved);
    tcase_add_test(tests, size_is_rounded_up_to_pages);
    tcase_add_loop_test(tests, impossible_size_is_refused_with_a_message, 0,
                        sizeof(impossible) / sizeof(impossible[0]));
    tcase_add_test(tests, committed_part_can_be_written);
    tcase_add_test(tests, growth_keeps_contents_and_place);
    tcase_add_test(tests, growth_takes_few_steps);
    tcase_add_test(tests, whole_region_can_be_committed);
    tcase_add_test(tests, end_of_the_region_is_the_end);
    tcase_add_test(tests, more_than_the_node_has_is_refused_with_a_message);
    tcase_add_test(tests, memory_is_checked_for_all_sharers);
    tcase_add_test(tests, overcommit_does_not_check);
    tcase_add_test(tests, step_shrinks_where_memory_is_short);
    tcase_add_test(tests, system_error_is_a_status_and_a_message);
    tcase_add_test(tests, shared_region_shows_in_every_mapping_of_its_file);
    tcase_add_test(tests, released_region_gives_range_and_file_back);
    tcase_add_test(tests, limit_on_file_sizes_is_reported_without_a_signal);
    tcase_add_test(tests, file_that_cannot_be_mapped_is_a_message);
    tcase_add_test(tests, foreign_range_is_committed_and_stays_mapped);
    return unit_run("region", tests);
}
