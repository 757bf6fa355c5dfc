/*
 * Heaps under memcheck: what they tell it. The program runs itself under
 * valgrind.
 */
#include "config.h"

#include "memheap/debug/sanitizer.h"
#include "memheap/heap_state.h"
#include "tests/unit/checked_heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef HAVE_VALGRIND_MEMCHECK_H
#include <valgrind/memcheck.h>
#include <valgrind/valgrind.h>

static const bool knows_contents = true;

static int state_of(const char *byte)
{
    unsigned char unset;
    if (VALGRIND_GET_VBITS(byte, &unset, 1) != 1)
        return CLOSED;
    return unset == 0 ? SET : UNSET;
}

START_TEST(memory_without_blocks_is_closed)
{
    open_checked(_i);
    char *base = memheap_base(heap);
    expect(base, 0, SIZE, CLOSED);
    char *block = alloc(1000);
    expect(base, 0, (size_t)(block - base), CLOSED);
    expect(base, (size_t)(block - base) + 1000, SIZE, CLOSED);
    if (range != NULL) {
        ck_assert_ok(memheap_grow(heap, 2 * SIZE));
        expect(base, SIZE, 2 * SIZE, CLOSED);
    }
    close_checked();
}
END_TEST

START_TEST(window_without_blocks_is_closed)
{
    char *windows = open_windowed(_i == 0 ? OWN : GUARDED, false, false);
    expect(windows, 0, WINDOWS * SIZE, CLOSED);
    close_checked();
    munmap(windows, WINDOWS * SIZE);
}
END_TEST

START_TEST(block_that_no_other_pe_writes_is_unset)
{
    char *windows = open_windowed(OWN, true, _i != 0);
    expect(alloc(1000), 0, 1000, UNSET);
    ck_assert(!memheap_guard_unsynced);
    close_checked();
    munmap(windows, WINDOWS * SIZE);
}
END_TEST

START_TEST(block_is_set_when_other_pes_may_have_written)
{
    char *windows = open_windowed(OWN, false, true);
    char *block = alloc(1000);
    expect(block, 0, 1000, UNSET);
    ck_assert(memheap_guard_unsynced); /* the call ends in a barrier */
    memheap_guard_sync();
    ck_assert(!memheap_guard_unsynced);
    expect(block, 0, 1000, SET);
    expect(block, 1000, 1000 + rest, CLOSED);

    /* The next allocation and the next free are told first. */
    char *second = alloc(1000);
    char *third = alloc(1000);
    expect(second, 0, 1000, SET);
    expect(third, 0, 1000, UNSET);
    ck_assert_ok(memheap_free(heap, second));
    expect(third, 0, 1000, SET);
    memheap_guard_sync();
    resize(third, 800);
    ck_assert(memheap_guard_unsynced);
    close_checked();
    munmap(windows, WINDOWS * SIZE);
}
END_TEST

/* The hooks tell memcheck of long ranges in parts of 128 MiB. */
START_TEST(hooks_take_ranges_of_any_length)
{
    static const size_t part = 128 * MIB;
    char *memory = map(part + PAGE);
    char *last = memory + part - 8;
    memheap_sanitizer_poison_untouched(memory, part + 16);
    expect(memory, 0, 8, CLOSED);
    expect(last, 0, 24, CLOSED);
    expect(last, 24, 32, SET);
    VALGRIND_MAKE_MEM_NOACCESS(last + 16, 16);
    memheap_sanitizer_unpoison(memory, part + 8, false);
    expect(memory, 0, 8, UNSET);
    expect(last, 0, 16, UNSET);
    expect(last, 16, 24, CLOSED);
    VALGRIND_MAKE_MEM_UNDEFINED(last + 16, 8);
    memheap_sanitizer_mark_set(memory, part + 8);
    expect(memory, 0, 8, SET);
    expect(last, 0, 16, SET);
    expect(last, 16, 24, UNSET);
    expect(last, 24, 32, CLOSED);
    munmap(memory, part + PAGE);
}
END_TEST

static unsigned errors_before;

static void count_errors(void)
{
    errors_before = VALGRIND_COUNT_ERRORS;
}

/* Calls for blocks that memcheck does not know are errors. */
static void find_no_errors(void)
{
    unsigned errors = VALGRIND_COUNT_ERRORS;
    ck_assert_uint_eq(errors, errors_before);
}

/* Freeing it again is an error, which says where it was freed. */
START_TEST(memcheck_knows_each_free)
{
    open_checked(_i);
    char *block = alloc(1000);
    ck_assert_ok(memheap_free(heap, block));
    VALGRIND_MEMPOOL_FREE(heap->guard, block);
    unsigned errors = VALGRIND_COUNT_ERRORS;
    ck_assert_uint_eq(errors, ++errors_before);
    close_checked();
}
END_TEST

int main(int count, char **arguments)
{
    (void)count;
    (void)arguments;
    /* AddressSanitizer and valgrind do not go together, and valgrind 3.19 ends
     * at what clang 14 writes for debuggers. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
    if (!RUNNING_ON_VALGRIND)
        execlp("valgrind", "valgrind", "-q", arguments[0], (char *)NULL);
#endif
    if (!RUNNING_ON_VALGRIND) {
        puts("1..0 # SKIP valgrind cannot run this program");
        return 0;
    }
    setenv("CK_FORK", "no", 0); /* it takes long under valgrind */
    TCase *tests = unit_case();
    tcase_add_checked_fixture(tests, count_errors, find_no_errors);
    add_checked_tests(tests);
    tcase_add_loop_test(tests, memory_without_blocks_is_closed, 0, KINDS);
    tcase_add_loop_test(tests, window_without_blocks_is_closed, 0, 2);
    tcase_add_loop_test(tests, block_that_no_other_pe_writes_is_unset, 0, 2);
    tcase_add_loop_test(tests, memcheck_knows_each_free, 0, KINDS);
    tcase_add_test(tests, hooks_take_ranges_of_any_length);
    tcase_add_test(tests, block_is_set_when_other_pes_may_have_written);
    return unit_run("memcheck", tests);
}
#else
int main(void)
{
    puts("1..0 # SKIP memheap knows no memcheck");
    return 0;
}
#endif
