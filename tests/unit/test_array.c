/*
 * Memory for metadata: allocations of a fixed size, and growable arrays.
 */
#include "config.h"

#include "base/array.h"

#include "tests/unit/unit.h"

START_TEST(new_allocation_is_zero_and_writable)
{
    unsigned char *block = memheap_memory_new(&memheap_memory_system, 10000);
    ck_assert_ptr_nonnull(block);
    for (size_t i = 0; i < 10000; i++)
        ck_assert_uint_eq(block[i], 0);
    memset(block, 0xFF, 10000);
    memheap_memory_delete(&memheap_memory_system, block, 10000);
}
END_TEST

START_TEST(deleted_allocation_balances_the_source)
{
    unit_memory_t memory;
    unit_memory_init(&memory);
    void *block = memheap_memory_new(&memory.memory, 10000);
    ck_assert_uint_ge(memory.bytes, 10000);
    memheap_memory_delete(&memory.memory, block, 10000);
    ck_assert_uint_eq(memory.bytes, 0);
    ck_assert_uint_eq(memory.pieces, 0);
}
END_TEST

START_TEST(allocation_that_cannot_be_committed_is_released)
{
    unit_memory_t memory;
    unit_memory_init(&memory);
    memory.fail_at = 2;
    ck_assert_ptr_null(memheap_memory_new(&memory.memory, 10000));
    ck_assert_uint_eq(memory.requests, 2);
    ck_assert_uint_eq(memory.pieces, 0);
}
END_TEST

START_TEST(impossible_allocation_is_refused)
{
    ck_assert_ptr_null(
        memheap_memory_new(&memheap_memory_system, SIZE_MAX / 2));
}
END_TEST

START_TEST(array_grows_where_it_stands)
{
    memheap_array_t array;
    ck_assert_ok(memheap_array_open(&array, &memheap_memory_system, 64 * MIB));
    const char *base = array.base;
    for (size_t size = 1; size <= 64 * MIB; size *= 2) {
        ck_assert_ok(memheap_array_ensure(&array, size));
        ck_assert_uint_ge(array.committed, size);
        array.base[size - 1] = (char)size;
    }
    ck_assert_ptr_eq(array.base, base);
    memheap_array_close(&array);
}
END_TEST

START_TEST(array_grows_in_few_steps)
{
    unit_memory_t memory;
    unit_memory_init(&memory);
    memheap_array_t array;
    ck_assert_ok(memheap_array_open(&array, &memory.memory, 256 * MIB));
    for (size_t size = 0; size <= 256 * MIB; size += 4096) {
        ck_assert_ok(memheap_array_ensure(&array, size));
        ck_assert_uint_le(array.committed, size + size / 8 + 16 * KIB + 4096);
    }
    /* One reservation; steps of 16 KiB up to 128 KiB; then an eighth a step:
     * 65 of these multiply the length by 2048. */
    ck_assert_uint_le(memory.requests, 1 + 8 + 65);
    memheap_array_close(&array);
    ck_assert_uint_eq(memory.bytes, 0);
}
END_TEST

START_TEST(array_of_a_tebibyte_costs_no_memory)
{
    if (unit_lacks_addresses())
        return;
    memheap_array_t array;
    ck_assert_ok(memheap_array_open(&array, &memheap_memory_system, TIB));
    ck_assert_uint_eq(array.committed, 0);
    ck_assert_ok(memheap_array_ensure(&array, 100));
    ck_assert_uint_lt(array.committed, MIB);
    memheap_array_close(&array);
}
END_TEST

START_TEST(array_ends_at_its_reservation)
{
    memheap_array_t array;
    ck_assert_ok(memheap_array_open(&array, &memheap_memory_system, 100));
    ck_assert_ok(memheap_array_ensure(&array, 100));
    ck_assert_int_eq(memheap_array_ensure(&array, array.reserved + 1),
                     MEMHEAP_ERR_NO_METADATA);
    memheap_array_close(&array);
}
END_TEST

START_TEST(array_that_cannot_grow_stays_as_it_is)
{
    unit_memory_t memory;
    unit_memory_init(&memory);
    memheap_array_t array;
    ck_assert_ok(memheap_array_open(&array, &memory.memory, 64 * MIB));
    ck_assert_ok(memheap_array_ensure(&array, 1));
    size_t committed = array.committed;
    memory.fail_at = memory.requests + 1;
    ck_assert_int_eq(memheap_array_ensure(&array, MIB),
                     MEMHEAP_ERR_NO_METADATA);
    ck_assert_uint_eq(array.committed, committed);
    ck_assert_ok(memheap_array_ensure(&array, MIB));
    memheap_array_close(&array);
}
END_TEST

START_TEST(impossible_array_is_refused)
{
    memheap_array_t array;
    ck_assert_int_eq(
        memheap_array_open(&array, &memheap_memory_system, SIZE_MAX),
        MEMHEAP_ERR_NO_METADATA);
    ck_assert_int_eq(
        memheap_array_open(&array, &memheap_memory_system, SIZE_MAX / 4),
        MEMHEAP_ERR_NO_METADATA);
}
END_TEST

START_TEST(array_of_zeros_may_be_closed)
{
    memheap_array_t array = {0};
    memheap_array_close(&array);
    ck_assert_ptr_null(array.base);
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    tcase_add_test(tests, new_allocation_is_zero_and_writable);
    tcase_add_test(tests, deleted_allocation_balances_the_source);
    tcase_add_test(tests, allocation_that_cannot_be_committed_is_released);
    tcase_add_test(tests, impossible_allocation_is_refused);
    tcase_add_test(tests, array_grows_where_it_stands);
    tcase_add_test(tests, array_grows_in_few_steps);
    tcase_add_test(tests, array_of_a_tebibyte_costs_no_memory);
    tcase_add_test(tests, array_ends_at_its_reservation);
    tcase_add_test(tests, array_that_cannot_grow_stays_as_it_is);
    tcase_add_test(tests, impossible_array_is_refused);
    tcase_add_test(tests, array_of_zeros_may_be_closed);
    return unit_run("array", tests);
}
