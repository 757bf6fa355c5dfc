/*
 * Trimming: returning pages of free blocks to the system, and resident memory.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    COUNT = 64,
    BLOCK = 512 * 1024 /* COUNT of these are 32 MiB */
};

static unit_heap_t unit;
static void *blocks[COUNT];

/* A heap of a component over memory of its own, with blocks that are written
 * to. */
static void open_filled(int component, const char *param)
{
    unit_heap_open(&unit, 2 * component, GIB, 0, param);
    for (size_t i = 0; i < COUNT; i++) {
        ck_assert_ok(memheap_alloc(unit.heap, BLOCK, &blocks[i]));
        memset(blocks[i], (int)i + 1, BLOCK);
    }
}

static void free_from(size_t first, size_t distance)
{
    for (size_t i = first; i < COUNT; i += distance)
        ck_assert_ok(memheap_free(unit.heap, blocks[i]));
}

static bool has_value(size_t i)
{
    const unsigned char *block = blocks[i];
    return block[0] == i + 1 && memcmp(block, block + 1, BLOCK - 1) == 0;
}

START_TEST(resident_counts_touched_pages)
{
    void *block;
    unit_heap_open(&unit, 2 * _i, GIB, 0, NULL);
    ck_assert_uint_eq(memheap_resident(unit.heap), 0);
    ck_assert_ok(memheap_alloc(unit.heap, 64 * MIB, &block));
    ck_assert_uint_eq(memheap_resident(unit.heap), 0);
    memset(block, 1, 20 * MIB);
    ck_assert_uint_ge(memheap_resident(unit.heap), 20 * MIB);
    ck_assert_uint_le(memheap_resident(unit.heap), 24 * MIB);
    memheap_stats_t stats;
    memheap_get_stats(unit.heap, &stats);
    ck_assert_uint_eq(stats.resident, memheap_resident(unit.heap));
    unit_heap_close(&unit);
}
END_TEST

START_TEST(free_pages_stay_until_a_trim)
{
    open_filled(_i, NULL);
    free_from(0, 1);
    ck_assert_uint_ge(memheap_resident(unit.heap), COUNT * BLOCK);
    ck_assert_ok(memheap_trim(unit.heap, 0));
    ck_assert_uint_le(memheap_resident(unit.heap), 2 * 4096);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(pages_of_live_blocks_stay)
{
    open_filled(_i, NULL);
    uint64_t before;
    free_from(0, 2);
    before = unit_heap_digest(unit.heap);
    ck_assert_ok(memheap_trim(unit.heap, 0));
    ck_assert_uint_eq(unit_heap_digest(unit.heap), before);
    ck_assert_uint_ge(memheap_resident(unit.heap), COUNT / 2 * BLOCK);
    ck_assert_uint_le(memheap_resident(unit.heap),
                      COUNT / 2 * (BLOCK + 2 * 4096));
    for (size_t i = 1; i < COUNT; i += 2)
        ck_assert(has_value(i));
    unit_heap_close(&unit);
}
END_TEST

START_TEST(trim_does_not_change_placement)
{
    uintptr_t offsets[2][100];
    for (int trims = 0; trims < 2; trims++) {
        uint64_t seed = 1;
        open_filled(_i, NULL);
        free_from(0, 3);
        if (trims == 1)
            ck_assert_ok(memheap_trim(unit.heap, 1));
        for (size_t i = 0; i < 100; i++) {
            void *block;
            size_t size = 1 + unit_random_below(&seed, BLOCK);
            ck_assert_ok(memheap_alloc(unit.heap, size, &block));
            offsets[trims][i] = (uintptr_t)block - (uintptr_t)unit.base;
            if (i % 3 == 0)
                ck_assert_ok(memheap_free(unit.heap, block));
        }
        unit_heap_close(&unit);
    }
    ck_assert_mem_eq(offsets[0], offsets[1], sizeof(offsets[0]));
}
END_TEST

START_TEST(short_runs_stay)
{
    open_filled(_i, NULL);
    free_from(0, 2);
    size_t before = memheap_resident(unit.heap);
    ck_assert_ok(memheap_trim(unit.heap, 2 * BLOCK));
    ck_assert_uint_eq(memheap_resident(unit.heap), before);
    ck_assert_ok(memheap_trim(unit.heap, BLOCK / 2));
    ck_assert_uint_lt(memheap_resident(unit.heap), before);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(small_blocks_side_by_side_are_one_run)
{
    static void *small[20000];
    unit_heap_open(&unit, 2 * _i, GIB, 0, NULL);
    for (size_t i = 0; i < 20000; i++) {
        ck_assert_ok(memheap_alloc(unit.heap, 320, &small[i]));
        memset(small[i], 1, 320);
    }
    for (size_t i = 1; i < 20000; i++)
        ck_assert_ok(memheap_free(unit.heap, small[i]));
    ck_assert_uint_ge(memheap_resident(unit.heap), 20000 * 320);
    ck_assert_ok(memheap_trim(unit.heap, 0));
    ck_assert_uint_le(memheap_resident(unit.heap), 160 * KIB);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(trimmed_pages_can_be_used_again)
{
    void *block;
    open_filled(_i, NULL);
    free_from(0, 1);
    ck_assert_ok(memheap_trim(unit.heap, 0));
    ck_assert_ok(memheap_alloc_zeroed(unit.heap, COUNT, BLOCK / 2, &block));
    for (size_t i = 0; i < COUNT * BLOCK / 2; i += 512)
        ck_assert_int_eq(((char *)block)[i], 0);
    memset(block, 7, COUNT * BLOCK / 2);
    ck_assert_ok(memheap_check(unit.heap));
    unit_heap_close(&unit);
}
END_TEST

/* The greatest resident size while blocks are allocated and freed. */
static size_t most_resident(int component, const char *param)
{
    open_filled(component, param);
    free_from(0, 1);
    size_t resident = memheap_resident(unit.heap);
    unit_heap_close(&unit);
    return resident;
}

START_TEST(parameter_trims_automatically)
{
    ck_assert_uint_ge(most_resident(_i, "MEMHEAP_TRIM=0"), COUNT * BLOCK);
    ck_assert_uint_le(most_resident(_i, "MEMHEAP_TRIM=1m"), 4 * MIB);
    ck_assert_uint_ge(most_resident(_i, "MEMHEAP_TRIM=1g"), COUNT * BLOCK);
}
END_TEST

/* A trim that is due for ever would walk over all blocks in each free. */
START_TEST(next_trim_comes_after_as_much_was_freed_again)
{
    open_filled(_i, "MEMHEAP_TRIM=4m");
    free_from(COUNT - 8, 1); /* 4 MiB */
    size_t resident = memheap_resident(unit.heap);
    ck_assert_uint_lt(resident, COUNT * BLOCK);
    for (size_t i = 0; i < 7; i++)
        ck_assert_ok(memheap_free(unit.heap, blocks[i]));
    ck_assert_uint_eq(memheap_resident(unit.heap), resident);
    for (size_t i = 7; i < 16; i++)
        ck_assert_ok(memheap_free(unit.heap, blocks[i]));
    ck_assert_uint_lt(memheap_resident(unit.heap), resident);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(trim_works_in_check_mode)
{
    memheap_config_t config = {.size = 64 * MIB, .log = &unit.log.log};
    const char *params[] = {"MEMHEAP_CHECK=1", "MEMHEAP_TRIM=64k", NULL};
    void *block;
    void *other;
    unit_log_init(&unit.log);
    config.params = params;
    ck_assert_ok(memheap_create(&config, &unit.heap));
    ck_assert_ok(memheap_alloc(unit.heap, MIB, &block));
    ck_assert_ok(memheap_alloc(unit.heap, 16, &other));
    ck_assert_ok(memheap_free(unit.heap, block));
    ck_assert_uint_le(memheap_resident(unit.heap), 2 * 4096);
    memheap_destroy(unit.heap);
}
END_TEST

START_TEST(pages_of_a_shrunk_block_are_trimmed)
{
    void *block;
    unit_heap_open(&unit, 2 * _i, GIB, 0, "MEMHEAP_TRIM=1m");
    ck_assert_ok(memheap_alloc(unit.heap, 8 * MIB, &block));
    memset(block, 5, 8 * MIB);
    ck_assert_ok(memheap_resize(unit.heap, block, MIB, &block));
    ck_assert_uint_le(memheap_resident(unit.heap), 2 * MIB);
    ck_assert_int_eq(memcmp(block, (char *)block + 1, MIB - 1), 0);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(range_of_the_caller_is_not_trimmed)
{
    void *block;
    unit_heap_open(&unit, 2 * _i + 1, 4 * MIB, 0, "MEMHEAP_TRIM=64k");
    ck_assert_ok(memheap_alloc(unit.heap, 2 * MIB, &block));
    memset(block, 9, 2 * MIB);
    ck_assert_ok(memheap_free(unit.heap, block));
    ck_assert_int_eq(memheap_trim(unit.heap, 0), MEMHEAP_ERR_UNSUPPORTED);
    ck_assert_int_eq(memcmp(block, (char *)block + 1, 2 * MIB - 1), 0);
    ck_assert_int_eq(*(char *)block, 9);
    ck_assert_uint_ge(memheap_resident(unit.heap), 2 * MIB);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(pinned_heap_keeps_its_pages)
{
    open_filled(_i, "MEMHEAP_TRIM=64k");
    memheap_pin_pages(unit.heap);
    free_from(0, 1);
    ck_assert_int_eq(memheap_trim(unit.heap, 0), MEMHEAP_ERR_UNSUPPORTED);
    ck_assert_uint_ge(memheap_resident(unit.heap), COUNT * BLOCK);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(failed_trim_is_logged_and_ends_trimming)
{
    open_filled(_i, "MEMHEAP_TRIM=4m");
    /* A sanitizer's mlock() does nothing. */
    if (syscall(SYS_mlock, blocks[10], 4096) == 0) {
        free_from(0, 1);
        ck_assert_uint_eq(unit.log.count, 1);
        ck_assert_logged(&unit.log, "cannot give pages of the heap back");
        ck_assert_int_eq(memheap_trim(unit.heap, 0), MEMHEAP_ERR_SYSTEM);
        syscall(SYS_munlock, blocks[10], 4096);
        ck_assert_ok(memheap_trim(unit.heap, 0));
        ck_assert_uint_le(memheap_resident(unit.heap), 2 * 4096);
    }
    unit_heap_close(&unit);
}
END_TEST

START_TEST(shared_file_is_trimmed)
{
    memheap_region_t region;
    memheap_config_t config = {.name = "shared"};
    memheap_t *heap;
    void *block;
    int fd = memfd_create("memheap-test", MFD_CLOEXEC);
    void *base = mmap(NULL, GIB, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ck_assert_ptr_ne(base, MAP_FAILED);
    ck_assert_ok(
        memheap_region_share(&region, base, GIB, fd, 1, &memheap_log_stderr));
    ck_assert_ok(memheap_create_over(&region, &config, &heap));
    ck_assert_uint_eq(memheap_resident(heap), 0);
    ck_assert_ok(memheap_alloc(heap, 16 * MIB, &block));
    memset(block, 1, 16 * MIB);
    char *window = mmap(NULL, GIB, PROT_READ, MAP_SHARED, fd, 0);
    ck_assert_ptr_ne(window, MAP_FAILED);
    ck_assert_int_eq(window[MIB], 1);
    ck_assert_uint_ge(memheap_resident(heap), 16 * MIB);
    ck_assert_ok(memheap_free(heap, block));
    ck_assert_ok(memheap_trim(heap, 0));
    ck_assert_uint_le(memheap_resident(heap), 2 * 4096);
    ck_assert_int_eq(window[MIB], 0);
    munmap(window, GIB);
    memheap_destroy(heap);
}
END_TEST

START_TEST(many_small_blocks_commit_the_heap_in_few_steps)
{
    memheap_stats_t stats = {.committed = 0};
    unsigned steps = 0;
    unit_heap_open(&unit, 2 * _i, 2 * GIB, 0, "MEMHEAP_OVERCOMMIT=1");
    for (size_t i = 0; i < GIB / (64 * KIB); i++) {
        void *block;
        size_t before = stats.committed;
        ck_assert_ok(memheap_alloc(unit.heap, 64 * KIB - 16, &block));
        memheap_get_stats(unit.heap, &stats);
        steps += stats.committed != before;
    }
    /* 16 MiB a step up to 64 MiB, and a quarter more each from there on. */
    ck_assert_uint_le(steps, 4 + 13);
    unit_heap_close(&unit);
}
END_TEST

int main(void)
{
    int count = (int)unit_component_count();
    TCase *tests = unit_case();
    tcase_add_loop_test(tests, resident_counts_touched_pages, 0, count);
    tcase_add_loop_test(tests, free_pages_stay_until_a_trim, 0, count);
    tcase_add_loop_test(tests, pages_of_live_blocks_stay, 0, count);
    tcase_add_loop_test(tests, trim_does_not_change_placement, 0, count);
    tcase_add_loop_test(tests, short_runs_stay, 0, count);
    tcase_add_loop_test(tests, small_blocks_side_by_side_are_one_run, 0, count);
    tcase_add_loop_test(tests, trimmed_pages_can_be_used_again, 0, count);
    tcase_add_loop_test(tests, parameter_trims_automatically, 0, count);
    tcase_add_loop_test(tests, next_trim_comes_after_as_much_was_freed_again, 0,
                        count);
    tcase_add_test(tests, trim_works_in_check_mode);
    tcase_add_loop_test(tests, pages_of_a_shrunk_block_are_trimmed, 0, count);
    tcase_add_loop_test(tests, range_of_the_caller_is_not_trimmed, 0, count);
    tcase_add_loop_test(tests, pinned_heap_keeps_its_pages, 0, count);
    tcase_add_loop_test(tests, failed_trim_is_logged_and_ends_trimming, 0,
                        count);
    tcase_add_test(tests, shared_file_is_trimmed);
    tcase_add_loop_test(tests, many_small_blocks_commit_the_heap_in_few_steps,
                        0, count);
    return unit_run("trim", tests);
}
