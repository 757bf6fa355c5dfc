/*
 * Wrong addresses: each call refuses them, describes the address, and changes
 * nothing.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SIZE = 256 * 1024
};

static unit_heap_t unit;

static void *alloc(memheap_t *heap, size_t size)
{
    void *block;
    ck_assert_ok(memheap_alloc(heap, size, &block));
    return block;
}

START_TEST(free_of_null_is_ignored)
{
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    ck_assert_ok(memheap_free(unit.heap, NULL));
    ck_assert_uint_eq(unit.log.count, 0);
    unit_heap_close(&unit);
}
END_TEST

/* Check that each call refuses an address with one message, which names the
 * call, the address and the heap, and changes nothing. */
static void assert_refused(void *address, const char *more)
{
    static const char *const calls[] = {
        "memheap_free: ", "memheap_resize: ", "memheap_usable_size: ",
        "memheap_free_batch: "};
    char text[64];
    uint64_t before = unit_heap_digest(unit.heap);
    snprintf(text, sizeof(text), "%p", address);
    for (size_t i = 0; i < 4; i++) {
        size_t size;
        void *moved;
        memheap_status_t status =
            i == 0   ? memheap_free(unit.heap, address)
            : i == 1 ? memheap_resize(unit.heap, address, 50, &moved)
            : i == 2 ? memheap_usable_size(unit.heap, address, &size)
                     : memheap_free_batch(unit.heap, 1, &address);
        ck_assert_int_eq(status, MEMHEAP_ERR_BAD_ADDRESS);
        ck_assert_uint_eq(unit.log.count, 1);
        ck_assert_logged(&unit.log, calls[i]);
        ck_assert_logged(&unit.log, text);
        ck_assert_logged(&unit.log, "heap \"heap\"");
        ck_assert_logged(&unit.log, more);
        unit_log_clear(&unit.log);
    }
    ck_assert_uint_eq(unit_heap_digest(unit.heap), before);
    ck_assert_ok(memheap_check(unit.heap));
}

START_TEST(foreign_pointer_is_refused)
{
    char here;
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    alloc(unit.heap, SIZE);
    assert_refused(&here, "is no address of heap");
    assert_refused(&here, ": it is on the stack");
    assert_refused(&unit, ": it is in the variables of the program");
    assert_refused((char *)(uintptr_t)unit_heap_open,
                   ": it is in the code of the program");
    assert_refused(dlsym(dlopen(NULL, RTLD_NOW), "getpid"),
                   ": it is in the code of /");
    assert_refused((void *)(uintptr_t)4096, ": it is in no mapped memory");
    char *large = malloc((size_t)1 << 26);
    assert_refused(large, ": it is in memory of malloc() or mmap()");
    free(large);
    assert_refused(unit.base - 1, "is no address of heap");
    assert_refused(unit.base + SIZE, "is no address of heap");
    unit_heap_close(&unit);
}
END_TEST

START_TEST(pointer_into_a_block_is_refused)
{
    char text[64];
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    char *block = alloc(unit.heap, 4096);
    snprintf(text, sizeof(text), "into the block of 4096 bytes at %p",
             (void *)block);
    assert_refused(block + 1, text);
    assert_refused(block + 1, "it lies 1 bytes into");
    assert_refused(block + 16, "it lies 16 bytes into");
    assert_refused(block + 4095, text);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(second_free_is_refused)
{
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    char *block = alloc(unit.heap, 100);
    char *next = alloc(unit.heap, 100);
    ck_assert_ok(memheap_free(unit.heap, block));
    assert_refused(block, "may have been freed before");
    ck_assert_ok(memheap_free(unit.heap, next));
    assert_refused(next, "it lies in free space of 262144 bytes");
    unit_heap_close(&unit);
}
END_TEST

START_TEST(block_of_another_heap_is_refused)
{
    static unit_heap_t other;
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    unit_heap_open(&other, _i, SIZE, 0, NULL);
    void *block = alloc(other.heap, 100);
    alloc(unit.heap, 100);
    assert_refused(block, "is no address of heap");
    ck_assert_ok(memheap_free(other.heap, block));
    unit_heap_close(&other);
    unit_heap_close(&unit);
}
END_TEST

int main(void)
{
    int kinds = unit_heap_kinds();
    TCase *tests = unit_case();
    tcase_add_loop_test(tests, free_of_null_is_ignored, 0, kinds);
    tcase_add_loop_test(tests, foreign_pointer_is_refused, 0, kinds);
    tcase_add_loop_test(tests, pointer_into_a_block_is_refused, 0, kinds);
    tcase_add_loop_test(tests, second_free_is_refused, 0, kinds);
    tcase_add_loop_test(tests, block_of_another_heap_is_refused, 0, kinds);
    return unit_run("mistakes", tests);
}
