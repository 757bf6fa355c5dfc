/*
 * Hash tables.
 */
#include "config.h"

#include "tests/unit/unit.h"
#include "base/hashmap.h"

/* Add a new key. */
static void put(memheap_hashmap_t *map, uint64_t key, uint64_t value)
{
    ck_assert_ok(memheap_hashmap_reserve(map));
    memheap_hashmap_put(map, key, value);
}

START_TEST(new_table_finds_nothing)
{
    memheap_hashmap_t map;
    ck_assert_ok(memheap_hashmap_open(&map, &memheap_memory_system));
    ck_assert_uint_eq(map.count, 0);
    ck_assert_ptr_null(memheap_hashmap_find(&map, 0));
    ck_assert_ptr_null(memheap_hashmap_find(&map, UINT64_MAX - 1));
    memheap_hashmap_close(&map);
}
END_TEST

START_TEST(least_and_greatest_key_are_keys)
{
    memheap_hashmap_t map;
    ck_assert_ok(memheap_hashmap_open(&map, &memheap_memory_system));
    put(&map, 0, 7);
    put(&map, UINT64_MAX - 1, 8);
    ck_assert_uint_eq(*memheap_hashmap_find(&map, 0), 7);
    ck_assert_uint_eq(*memheap_hashmap_find(&map, UINT64_MAX - 1), 8);
    memheap_hashmap_close(&map);
}
END_TEST

START_TEST(value_can_be_changed_in_its_place)
{
    memheap_hashmap_t map;
    ck_assert_ok(memheap_hashmap_open(&map, &memheap_memory_system));
    put(&map, 16, 1);
    *memheap_hashmap_find(&map, 16) = 2;
    ck_assert_uint_eq(*memheap_hashmap_find(&map, 16), 2);
    memheap_hashmap_close(&map);
}
END_TEST

START_TEST(growing_table_keeps_its_entries)
{
    enum {
        ENTRIES = 10000
    };
    memheap_hashmap_t map;
    ck_assert_ok(memheap_hashmap_open(&map, &memheap_memory_system));
    for (uint64_t i = 0; i < ENTRIES; i++)
        put(&map, i * 4096, i);
    ck_assert_uint_eq(map.count, ENTRIES);
    for (uint64_t i = 0; i < ENTRIES; i++)
        ck_assert_uint_eq(*memheap_hashmap_find(&map, i * 4096), i);
    ck_assert_ptr_null(memheap_hashmap_find(&map, 1));
    memheap_hashmap_close(&map);
}
END_TEST

START_TEST(table_stays_three_quarters_full_at_most)
{
    memheap_hashmap_t map;
    ck_assert_ok(memheap_hashmap_open(&map, &memheap_memory_system));
    for (uint64_t i = 0; i < 3000; i++) {
        put(&map, i, i);
        ck_assert_uint_le(4 * map.count, 3 * ((size_t)1 << map.order));
    }
    memheap_hashmap_close(&map);
}
END_TEST

START_TEST(random_puts_and_removes_agree_with_an_array)
{
    enum {
        KEYS = 700, /* more than the first table holds */
        STEPS = 50000
    };
    memheap_hashmap_t map;
    static bool present[KEYS];
    memset(present, 0, sizeof(present));
    ck_assert_ok(memheap_hashmap_open(&map, &memheap_memory_system));
    uint64_t seed = 3;
    size_t count = 0;
    for (unsigned step = 0; step < STEPS; step++) {
        size_t key = unit_random_below(&seed, KEYS);
        uint64_t *value = memheap_hashmap_find(&map, key * 64);
        ck_assert_int_eq(value != NULL, present[key]);
        if (value == NULL) {
            put(&map, key * 64, ~key);
            count++;
        } else {
            ck_assert_uint_eq(*value, ~key);
            memheap_hashmap_remove(&map, value);
            count--;
        }
        present[key] = !present[key];
        ck_assert_uint_eq(map.count, count);
    }
    memheap_hashmap_close(&map);
}
END_TEST

START_TEST(failed_growth_changes_nothing)
{
    unit_memory_t memory;
    unit_memory_init(&memory);
    memheap_hashmap_t map;
    ck_assert_ok(memheap_hashmap_open(&map, &memory.memory));
    size_t full = map.room;
    for (uint64_t i = 0; i < full; i++)
        put(&map, i, i);
    memory.fail_at = memory.requests + 1;
    ck_assert_int_eq(memheap_hashmap_reserve(&map), MEMHEAP_ERR_NO_METADATA);
    ck_assert_uint_eq(map.count, full);
    for (uint64_t i = 0; i < full; i++)
        ck_assert_uint_eq(*memheap_hashmap_find(&map, i), i);
    put(&map, full, full);
    memheap_hashmap_close(&map);
    ck_assert_uint_eq(memory.bytes, 0);
}
END_TEST

/* Blocks start at multiples of a power of two, and so do keys. */
START_TEST(multiples_of_a_power_of_two_are_spread)
{
    memheap_hashmap_t map;
    ck_assert_ok(memheap_hashmap_open(&map, &memheap_memory_system));
    for (uint64_t key = 0; key < 3000; key++)
        put(&map, key << _i, key);
    size_t slots = (size_t)1 << map.order;
    size_t longest = 0;
    for (size_t i = 0, run = 0; i < slots; i++) {
        run = map.slots[i].key_plus_one == 0 ? 0 : run + 1;
        longest = memheap_max(longest, run);
    }
    ck_assert_uint_eq(slots, 4096);
    ck_assert_uint_le(longest, 100);
    memheap_hashmap_close(&map);
}
END_TEST

START_TEST(table_of_zeros_may_be_closed)
{
    memheap_hashmap_t map = {0};
    memheap_hashmap_close(&map);
    ck_assert_ptr_null(map.slots);
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    tcase_add_test(tests, new_table_finds_nothing);
    tcase_add_test(tests, least_and_greatest_key_are_keys);
    tcase_add_test(tests, value_can_be_changed_in_its_place);
    tcase_add_test(tests, growing_table_keeps_its_entries);
    tcase_add_test(tests, table_stays_three_quarters_full_at_most);
    tcase_add_test(tests, random_puts_and_removes_agree_with_an_array);
    tcase_add_test(tests, failed_growth_changes_nothing);
    tcase_add_loop_test(tests, multiples_of_a_power_of_two_are_spread, 0, 40);
    tcase_add_test(tests, table_of_zeros_may_be_closed);
    return unit_run("hashmap", tests);
}
