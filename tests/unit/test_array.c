/*
 * Memory for metadata: allocations of a fixed size, and growable arrays.
 */
#include "config.h"

#include "base/array.h"

#include "tests/unit/unit.h"

START_TEST(new_piece_is_zero_and_writable)
{
    unsigned char *piece = memheap_memory_new(&memheap_memory_system, 10000);
    ck_assert_ptr_nonnull(piece);
    for (size_t i = 0; i < 10000; i++)
        ck_assert_uint_eq(piece[i], 0);
    memset(piece, 0xFF, 10000);
    memheap_memory_delete(&memheap_memory_system, piece, 10000);
}
END_TEST

START_TEST(deleted_piece_balances_the_source)
{
    unit_memory_t memory;
    unit_memory_init(&memory);
    void *piece = memheap_memory_new(&memory.memory, 10000);
    ck_assert_uint_ge(memory.bytes, 10000);
    memheap_memory_delete(&memory.memory, piece, 10000);
    ck_assert_uint_eq(memory.bytes, 0);
    ck_assert_uint_eq(memory.pieces, 0);
}
END_TEST

START_TEST(piece_that_cannot_be_committed_is_released)
{
    unit_memory_t memory;
    unit_memory_init(&memory);
    memory.fail_at = 2;
    ck_assert_ptr_null(memheap_memory_new(&memory.memory, 10000));
    ck_assert_uint_eq(memory.requests, 2);
    ck_assert_uint_eq(memory.pieces, 0);
}
END_TEST

START_TEST(impossible_piece_is_refused)
{
    ck_assert_ptr_null(
        memheap_memory_new(&memheap_memory_system, SIZE_MAX / 2));
}
END_TEST

START_TEST(table_grows_where_it_stands)
{
    memheap_array_t table;
    ck_assert_ok(memheap_array_open(&table, &memheap_memory_system, 64 * MIB));
    const char *base = table.base;
    for (size_t size = 1; size <= 64 * MIB; size *= 2) {
        ck_assert_ok(memheap_array_ensure(&table, size));
        ck_assert_uint_ge(table.committed, size);
        table.base[size - 1] = (char)size;
    }
    ck_assert_ptr_eq(table.base, base);
    memheap_array_close(&table);
}
END_TEST

START_TEST(table_grows_in_few_steps)
{
    unit_memory_t memory;
    unit_memory_init(&memory);
    memheap_array_t table;
    ck_assert_ok(memheap_array_open(&table, &memory.memory, 256 * MIB));
    for (size_t size = 0; size <= 256 * MIB; size += 4096) {
        ck_assert_ok(memheap_array_ensure(&table, size));
        ck_assert_uint_le(table.committed, size + size / 8 + 16 * KIB + 4096);
    }
    /* One reservation; steps of 16 KiB up to 128 KiB; then an eighth a step:
     * 65 of these multiply the length by 2048. */
    ck_assert_uint_le(memory.requests, 1 + 8 + 65);
    memheap_array_close(&table);
    ck_assert_uint_eq(memory.bytes, 0);
}
END_TEST

START_TEST(table_of_a_tebibyte_costs_no_memory)
{
    memheap_array_t table;
    ck_assert_ok(memheap_array_open(&table, &memheap_memory_system, TIB));
    ck_assert_uint_eq(table.committed, 0);
    ck_assert_ok(memheap_array_ensure(&table, 100));
    ck_assert_uint_lt(table.committed, MIB);
    memheap_array_close(&table);
}
END_TEST

START_TEST(table_ends_at_its_reservation)
{
    memheap_array_t table;
    ck_assert_ok(memheap_array_open(&table, &memheap_memory_system, 100));
    ck_assert_ok(memheap_array_ensure(&table, 100));
    ck_assert_int_eq(memheap_array_ensure(&table, table.reserved + 1),
                     MEMHEAP_ERR_NO_METADATA);
    memheap_array_close(&table);
}
END_TEST

START_TEST(table_that_cannot_grow_stays_as_it_is)
{
    unit_memory_t memory;
    unit_memory_init(&memory);
    memheap_array_t table;
    ck_assert_ok(memheap_array_open(&table, &memory.memory, 64 * MIB));
    ck_assert_ok(memheap_array_ensure(&table, 1));
    size_t committed = table.committed;
    memory.fail_at = memory.requests + 1;
    ck_assert_int_eq(memheap_array_ensure(&table, MIB),
                     MEMHEAP_ERR_NO_METADATA);
    ck_assert_uint_eq(table.committed, committed);
    ck_assert_ok(memheap_array_ensure(&table, MIB));
    memheap_array_close(&table);
}
END_TEST

START_TEST(impossible_table_is_refused)
{
    memheap_array_t table;
    ck_assert_int_eq(
        memheap_array_open(&table, &memheap_memory_system, SIZE_MAX),
        MEMHEAP_ERR_NO_METADATA);
    ck_assert_int_eq(
        memheap_array_open(&table, &memheap_memory_system, SIZE_MAX / 4),
        MEMHEAP_ERR_NO_METADATA);
}
END_TEST

START_TEST(table_of_zeros_may_be_closed)
{
    memheap_array_t table = {0};
    memheap_array_close(&table);
    ck_assert_ptr_null(table.base);
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    tcase_add_test(tests, new_piece_is_zero_and_writable);
    tcase_add_test(tests, deleted_piece_balances_the_source);
    tcase_add_test(tests, piece_that_cannot_be_committed_is_released);
    tcase_add_test(tests, impossible_piece_is_refused);
    tcase_add_test(tests, table_grows_where_it_stands);
    tcase_add_test(tests, table_grows_in_few_steps);
    tcase_add_test(tests, table_of_a_tebibyte_costs_no_memory);
    tcase_add_test(tests, table_ends_at_its_reservation);
    tcase_add_test(tests, table_that_cannot_grow_stays_as_it_is);
    tcase_add_test(tests, impossible_table_is_refused);
    tcase_add_test(tests, table_of_zeros_may_be_closed);
    return unit_run("memory", tests);
}
