/*
 * Batches: all blocks or none.
 */
#include "config.h"

#include "memheap/batch.h"
#include "tests/unit/unit.h"

#include <stdio.h>

enum {
    SIZE = 256 * 1024,
    MANY = 1000 /* more than a heap keeps on its stack */
};

static unit_heap_t unit;
static size_t sizes[MANY];
static void *blocks[MANY];

/* Allocate the first count of some sizes. */
static memheap_status_t alloc_batch(size_t count, size_t align)
{
    for (size_t i = 0; i < count; i++)
        sizes[i] = 16 + i % 7 * 24;
    return memheap_alloc_batch(unit.heap, count, align, sizes, blocks);
}

static void assert_live_blocks(size_t count)
{
    memheap_stats_t stats;
    memheap_get_stats(unit.heap, &stats);
    ck_assert_uint_eq(stats.live_blocks, count);
    ck_assert_ok(memheap_check(unit.heap));
}

START_TEST(large_batch_is_a_thousand_blocks)
{
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    ck_assert_ok(alloc_batch(MANY, 16));
    assert_live_blocks(MANY);
    for (size_t i = 0; i < MANY; i++) {
        size_t usable;
        ck_assert_ok(memheap_usable_size(unit.heap, blocks[i], &usable));
        ck_assert_uint_ge(usable, sizes[i]);
    }
    ck_assert_ok(memheap_free_batch(unit.heap, MANY, blocks));
    assert_live_blocks(0);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(each_block_is_aligned)
{
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    ck_assert_ok(alloc_batch(20, 1024));
    for (size_t i = 0; i < 20; i++)
        ck_assert_uint_eq((uintptr_t)blocks[i] % 1024, 0);
    ck_assert_ok(alloc_batch(20, 1));
    unit_heap_close(&unit);
}
END_TEST

START_TEST(batch_that_does_not_fit_allocates_nothing)
{
    memheap_stats_t stats;
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    ck_assert_ok(alloc_batch(3, 16));
    uint64_t before = unit_heap_digest(unit.heap);
    for (size_t i = 0; i < 100; i++)
        sizes[i] = 4096;
    ck_assert_int_eq(memheap_alloc_batch(unit.heap, 100, 16, sizes, blocks + 3),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_uint_eq(unit_heap_digest(unit.heap), before);
    assert_live_blocks(3);
    memheap_get_stats(unit.heap, &stats);
    ck_assert_uint_eq(stats.peak, stats.used);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(wrong_size_or_alignment_refuses_the_batch)
{
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    ck_assert_int_eq(alloc_batch(10, 3), MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_int_eq(alloc_batch(10, 0), MEMHEAP_ERR_BAD_ARGUMENT);
    sizes[9] = 0;
    ck_assert_int_eq(memheap_alloc_batch(unit.heap, 10, 16, sizes, blocks),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    assert_live_blocks(0);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(empty_batch_is_fine)
{
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    ck_assert_ok(memheap_alloc_batch(unit.heap, 0, 16, NULL, NULL));
    ck_assert_ok(memheap_free_batch(unit.heap, 0, NULL));
    unit_heap_close(&unit);
}
END_TEST

START_TEST(nulls_in_a_batch_are_ignored)
{
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    ck_assert_ok(alloc_batch(4, 16));
    void *some[] = {NULL, blocks[2], NULL, blocks[0], NULL};
    ck_assert_ok(memheap_free_batch(unit.heap, 5, some));
    assert_live_blocks(2);
    ck_assert_uint_eq(unit.log.count, 0);
    unit_heap_close(&unit);
}
END_TEST

/* Check that a batch with one bad entry is refused with a message, and frees
 * nothing. */
static void assert_refused(size_t count, void *bad)
{
    char text[32];
    snprintf(text, sizeof(text), "memheap_free_batch: %p", bad);
    uint64_t before = unit_heap_digest(unit.heap);
    ck_assert_int_eq(memheap_free_batch(unit.heap, count, blocks),
                     MEMHEAP_ERR_BAD_ADDRESS);
    ck_assert_uint_eq(unit_heap_digest(unit.heap), before);
    ck_assert_uint_eq(unit.log.count, 1);
    ck_assert_logged(&unit.log, text);
    assert_live_blocks(MANY);
}

static const size_t counts[] = {2, 100, MANY};

START_TEST(duplicate_in_a_batch_frees_nothing)
{
    size_t count = counts[_i % 3];
    unit_heap_open(&unit, _i / 3, SIZE, 0, NULL);
    ck_assert_ok(alloc_batch(MANY, 16));
    blocks[count - 1] = blocks[0];
    assert_refused(count, blocks[0]);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(bad_entry_in_a_batch_frees_nothing)
{
    char here;
    size_t count = counts[_i % 3];
    unit_heap_open(&unit, _i / 3, SIZE, 0, NULL);
    ck_assert_ok(alloc_batch(MANY, 16));
    blocks[count / 2] = &here;
    assert_refused(count, &here);
    unit_log_clear(&unit.log);
    blocks[count / 2] = (char *)blocks[0] + 8;
    assert_refused(count, (char *)blocks[0] + 8);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(bad_entry_in_a_batch_is_found)
{
    const void *bad = NULL;
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    ck_assert_ok(alloc_batch(20, 16));
    ck_assert_ok(memheap_find_batch(unit.heap, 20, blocks, &bad));
    ck_assert_ptr_null(bad);
    void *last = blocks[19];
    blocks[19] = unit.base + SIZE - 16;
    ck_assert_int_eq(memheap_find_batch(unit.heap, 20, blocks, &bad),
                     MEMHEAP_ERR_BAD_ADDRESS);
    ck_assert_ptr_eq(bad, blocks[19]);
    blocks[19] = last;
    assert_live_blocks(20);
    ck_assert_ok(memheap_free_batch(unit.heap, 20, blocks));
    unit_heap_close(&unit);
}
END_TEST

START_TEST(all_blocks_have_the_stated_call_site)
{
    char text[512];
    unit_heap_open(&unit, _i, SIZE, 0, "MEMHEAP_GUARD=1");
    memheap_at("solver.c", 42);
    ck_assert_ok(alloc_batch(3, 16));
    memheap_at("solver.c", 77);
    ck_assert_ok(memheap_free_batch(unit.heap, 3, blocks));
    for (size_t i = 0; i < 3; i++) {
        memheap_describe(unit.heap, blocks[i], text, sizeof(text));
        ck_assert_msg(strstr(text, "allocated from solver.c:42 and freed from "
                                   "solver.c:77") != NULL,
                      "%s", text);
    }
    unit_heap_close(&unit);
}
END_TEST

int main(void)
{
    int kinds = unit_heap_kinds();
    TCase *tests = unit_case();
    tcase_add_loop_test(tests, large_batch_is_a_thousand_blocks, 0, kinds);
    tcase_add_loop_test(tests, each_block_is_aligned, 0, kinds);
    tcase_add_loop_test(tests, batch_that_does_not_fit_allocates_nothing, 0,
                        kinds);
    tcase_add_loop_test(tests, wrong_size_or_alignment_refuses_the_batch, 0,
                        kinds);
    tcase_add_loop_test(tests, empty_batch_is_fine, 0, kinds);
    tcase_add_loop_test(tests, nulls_in_a_batch_are_ignored, 0, kinds);
    tcase_add_loop_test(tests, duplicate_in_a_batch_frees_nothing, 0,
                        3 * kinds);
    tcase_add_loop_test(tests, bad_entry_in_a_batch_frees_nothing, 0,
                        3 * kinds);
    tcase_add_loop_test(tests, bad_entry_in_a_batch_is_found, 0, kinds);
    tcase_add_loop_test(tests, all_blocks_have_the_stated_call_site, 0, kinds);
    return unit_run("batch", tests);
}
