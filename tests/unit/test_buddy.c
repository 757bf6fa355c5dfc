/*
 * The buddy component: blocks of powers of two, and a configurable smallest
 * block.
 */
#include "config.h"

#include "components/buddy/buddy_state.h"
#include "tests/unit/model.h"

#include <stdlib.h>

static model_t model;
static int buddy;

static void setup(void)
{
    for (buddy = 0; strcmp(unit_component_name(buddy), "buddy") != 0; buddy++)
        continue;
}

START_TEST(blocks_are_powers_of_two_at_their_multiples)
{
    size_t offset;
    model_open(&model, buddy, MIB, 0);
    for (size_t size = 1; size < 100000; size = size * 3 + 1) {
        ck_assert_ok(model_alloc(&model, size, 16, &offset));
        size_t usable = (size_t)1 << memheap_log2_ceil(memheap_max(size, 32));
        ck_assert_uint_eq(offset % usable, 0);
        size_t found;
        ck_assert_ok(
            model.unit.ops->size_of(model.unit.module, offset, &found));
        ck_assert_uint_eq(found, usable);
    }
    model_close(&model);
}
END_TEST

START_TEST(block_at_the_end_of_the_region_is_truncated)
{
    size_t offset;
    model_open(&model, buddy, 100000, 0);
    ck_assert_ok(model_alloc(&model, 65536, 16, &offset));
    ck_assert_ok(model_alloc(&model, 34000, 16, &offset));
    ck_assert_uint_eq(offset, 65536);
    ck_assert_uint_eq(model.block[1].usable, 100000 - 65536);
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(lowest_free_block_is_taken)
{
    size_t offset[8];
    model_open(&model, buddy, MIB, 0);
    for (size_t i = 0; i < 8; i++)
        ck_assert_ok(model_alloc(&model, 4096, 16, &offset[i]));
    ck_assert_ok(model_free(&model, offset[6]));
    ck_assert_ok(model_free(&model, offset[2]));
    ck_assert_ok(model_free(&model, offset[4]));
    model.unit.ops->normalize(model.unit.module);
    ck_assert_ok(model_alloc(&model, 4096, 16, &offset[2]));
    ck_assert_uint_eq(offset[2], 2 * 4096);
    model_close(&model);
}
END_TEST

START_TEST(truncated_block_can_be_restored_in_a_longer_region)
{
    size_t offset;
    model_open(&model, buddy, 100016, 200000);
    ck_assert_ok(model_alloc(&model, 65536, 16, &offset));
    ck_assert_ok(model_alloc(&model, 34000, 16, &offset));
    ck_assert_ok(model_grow(&model, 200000));
    size_t behind;
    ck_assert_ok(model_alloc(&model, 2000, 16, &behind));
    ck_assert_uint_lt(behind, 131072);
    ck_assert_ok(model_free(&model, offset));
    model_check(&model);
    ck_assert_ok(model_reserve(&model, offset, 100016 - offset));
    model_check(&model);
    ck_assert_ok(model_free(&model, offset));
    ck_assert_int_eq(model_reserve(&model, offset, 65536), MEMHEAP_ERR_BUSY);
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(freed_block_is_the_next_of_its_order)
{
    size_t offset[40];
    model_open(&model, buddy, 64 * MIB, 0);
    for (size_t i = 0; i < 40; i++)
        ck_assert_ok(model_alloc(&model, 1000, 16, &offset[i]));
    /* Enough for more than one magazine. */
    for (size_t i = 0; i < 40; i += 2)
        ck_assert_ok(model_free(&model, offset[i]));
    model_check(&model);
    for (size_t i = 40; i > 0; i -= 2) {
        size_t again;
        ck_assert_ok(model_alloc(&model, 600, 16, &again));
        ck_assert_uint_eq(again, offset[i - 2]);
    }
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(cached_blocks_are_joined_when_space_is_short)
{
    size_t offset;
    model_open(&model, buddy, MIB, 0);
    for (size_t i = 0; i < 1024; i++)
        ck_assert_ok(model_alloc(&model, 1024, 16, &offset));
    for (size_t i = 0; i < 1024; i++)
        ck_assert_ok(model_free(&model, i * 1024));
    ck_assert_ok(model_alloc(&model, MIB, 16, &offset));
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(metadata_is_less_than_a_fiftieth_of_what_it_describes)
{
    if (unit_lacks_addresses())
        return;
    memheap_module_stats_t stats;
    memheap_result_t last = {0, MEMHEAP_OK};
    model_open(&model, buddy, TIB, 0);
    while (last.bytes < 256 * MIB) {
        last = model.unit.ops->alloc(model.unit.module, MEMHEAP_MIN_ALIGN, 256);
        ck_assert_ok(last.status);
    }
    model.unit.ops->stats(model.unit.module, &stats);
    ck_assert_uint_lt(stats.metadata * 50, last.bytes);
    model_close(&model);
}
END_TEST

START_TEST(no_block_is_less_than_the_smallest)
{
    size_t offset[2];
    setenv("MEMHEAP_BUDDY_MIN_BLOCK", "4k", 1);
    model_open(&model, buddy, 1000003, 0);
    ck_assert_ok(model_alloc(&model, 1, 16, &offset[0]));
    ck_assert_ok(model_alloc(&model, 1, 16, &offset[1]));
    ck_assert_uint_eq(offset[1], 4096);
    ck_assert_uint_eq(model.block[0].usable, 4096);
    ck_assert_ok(model_free(&model, offset[0]));
    ck_assert_ok(model_free(&model, offset[1]));
    model_run(&model, unit_seed(), 3000);
    model_close(&model);
}
END_TEST

START_TEST(smallest_block_may_be_longer_than_the_region)
{
    size_t offset;
    setenv("MEMHEAP_BUDDY_MIN_BLOCK", "1g", 1);
    model_open(&model, buddy, 64 * KIB, MIB);
    ck_assert_ok(model_alloc(&model, 16, 16, &offset));
    ck_assert_uint_eq(model.block[0].usable, 64 * KIB);
    ck_assert_ok(model_grow(&model, MIB));
    model_check(&model);
    ck_assert_ok(model_free(&model, offset));
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(check_finds_violated_invariants)
{
    size_t offset[6];
    model_open(&model, buddy, MIB, 0);
    for (size_t i = 0; i < 6; i++)
        ck_assert_ok(model_alloc(&model, i < 4 ? 32 : 65536, 16, &offset[i]));
    ck_assert_ok(model_free(&model, offset[0]));
    ck_assert_ok(model_free(&model, offset[4]));
    model.unit.ops->normalize(model.unit.module);
    ck_assert_ok(model_free(&model, offset[2])); /* cached */
    model_check(&model);
    buddy_t *b = buddy_of(model.unit.module);
    unsigned low = 0;   /* 32 bytes */
    unsigned high = 11; /* 65536 bytes */
    ck_assert_uint_eq(b->free_count[low], 1);
    ck_assert_uint_ge(b->free_count[high], 1);
    ck_assert_uint_eq(b->cache[low].count, 1);
    uint64_t live = offset[3] >> b->granule_order;
    uint64_t large = offset[5] >> b->granule_order;

    model_assert_found(&model, b->free_count[low], 2);
    model_assert_found(&model, b->free_count[high], 0);
    model_assert_found(&model, b->free_orders, b->free_orders ^ 1);
    model_assert_found(&model, b->free_orders, b->free_orders | 1 << 20);
    model_assert_found(&model, b->blocks, b->blocks + 1);
    model_assert_found(&model, b->end, b->end + 1);
    model_assert_found(&model, b->end, b->top - 1);
    model_assert_found(&model, b->cached_orders, b->cached_orders ^ 1);
    model_assert_found(&model, b->cache[low].count, 0); /* never flushed */
    model_assert_found(&model, b->cache[low].count, 2);
    model_assert_found(&model, b->cache[low].round[0], (uint32_t)live);
    model_assert_found(&model, b->cache[high].count, 1);
    map_line_t *line = map_line(&b->map, live);
    model_assert_found(&model, line->live, line->live ^ map_bit(live));
    model_assert_found(&model, line->live,
                       line->live ^ map_bit(offset[2] >> b->granule_order));
    model_assert_found(&model, line->starts, line->starts ^ map_bit(live));
    line = map_line(&b->map, large);
    model_assert_found(&model, line->live, line->live ^ map_bit(large));
    /* The length of a long block, in its first and last line without a start.
     */
    model_assert_found(&model, line[1].live, 2047);
    model_assert_found(&model, line[2048 / MAP_LINE - 1].live, 2047);
    model_assert_found(&model, map_line(&b->map, b->top)->starts, 0);
    model_close(&model);
}
END_TEST

static const char *const bad_sizes[] = {"8", "48", "2g", "none"};

START_TEST(bad_smallest_block_is_refused)
{
    unit_log_t log;
    memheap_t *heap;
    unit_log_init(&log);
    setenv("MEMHEAP_COMPONENT", "buddy", 1);
    setenv("MEMHEAP_BUDDY_MIN_BLOCK", bad_sizes[_i], 1);
    memheap_config_t config = {.size = MIB, .log = &log.log};
    ck_assert_int_eq(memheap_create(&config, &heap), MEMHEAP_ERR_BAD_PARAM);
    ck_assert_uint_eq(log.count, 1);
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, blocks_are_powers_of_two_at_their_multiples);
    tcase_add_test(tests, block_at_the_end_of_the_region_is_truncated);
    tcase_add_test(tests, lowest_free_block_is_taken);
    tcase_add_test(tests, truncated_block_can_be_restored_in_a_longer_region);
    tcase_add_test(tests, freed_block_is_the_next_of_its_order);
    tcase_add_test(tests, cached_blocks_are_joined_when_space_is_short);
    tcase_add_test(tests,
                   metadata_is_less_than_a_fiftieth_of_what_it_describes);
    tcase_add_test(tests, no_block_is_less_than_the_smallest);
    tcase_add_test(tests, check_finds_violated_invariants);
    tcase_add_test(tests, smallest_block_may_be_longer_than_the_region);
    tcase_add_loop_test(tests, bad_smallest_block_is_refused, 0,
                        sizeof(bad_sizes) / sizeof(bad_sizes[0]));
    return unit_run("buddy", tests);
}
