/*
 * Heaps under a checker: which bytes it takes for accessible, after each call.
 *
 * The tests are in test_asan.c and test_memcheck.c, which say how to ask their
 * checker for the state of a byte. Sizes are multiples of 8, the granule of
 * AddressSanitizer.
 */
#ifndef MEMHEAP_TESTS_UNIT_CHECKED_HEAP_H
#define MEMHEAP_TESTS_UNIT_CHECKED_HEAP_H

#include "memheap/debug/access.h"
#include "memheap/resize.h"
#include "tests/unit/unit.h"

#include <sys/mman.h>

enum {
    CLOSED,
    UNSET, /* accessible; memcheck takes it for uninitialized */
    SET
};

enum {
    PAGE = 4096,
    SIZE = 256 * 1024,
    WINDOWS = 2
};

/* Heaps over memory of their own and over a range; then the same, guarded. */
enum {
    OWN,
    RANGE,
    GUARDED,
    GUARDED_RANGE,
    KINDS
};

static memheap_t *heap;
static unit_log_t heap_log;
static char *range;
static size_t rest; /* closed bytes behind the blocks that the tests have */

/** The state of a byte, by what the checker says. */
static int state_of(const char *byte);
/** Whether the checker knows the contents: UNSET and SET differ. */
static const bool knows_contents;

static void expect(const char *block, size_t from, size_t to, int state)
{
    for (size_t i = from; i < to;
         i = i + 8 < to || i + 1 == to ? i + 8 : to - 1) {
        int found = state_of(block + i);
        if (found == SET && !knows_contents && state == UNSET)
            found = UNSET;
        ck_assert_msg(found == state, "byte %zu has state %d instead of %d", i,
                      found, state);
    }
}

static char *map(size_t size)
{
    char *address = mmap(NULL, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(address, MAP_FAILED);
    return address;
}

static void open_checked(int kind)
{
    static const char *params[3] = {"MEMHEAP_CHECKERS=1"};
    params[1] = kind >= GUARDED ? "MEMHEAP_GUARD=1" : NULL;
    rest = kind >= GUARDED ? 8 : 16; /* up to the end of the page; a redzone */
    range = kind == RANGE || kind == GUARDED_RANGE ? map(2 * SIZE) : NULL;
    memheap_config_t config = {.name = "checked",
                               .base = range,
                               .size = SIZE,
                               .max_size = range == NULL ? SIZE : 2 * SIZE,
                               .params = params,
                               .log = &heap_log.log};
    unit_log_init(&heap_log);
    ck_assert_ok(memheap_create(&config, &heap));
}

static void close_checked(void)
{
    ck_assert_ok(memheap_check(heap));
    memheap_destroy(heap);
    ck_assert_str_eq(heap_log.text, "");
    if (range != NULL)
        munmap(range, 2 * SIZE);
}

static char *alloc(size_t size)
{
    void *block;
    ck_assert_ok(memheap_alloc(heap, size, &block));
    return block;
}

static char *resize(char *block, size_t size)
{
    void *moved;
    ck_assert_ok(memheap_resize(heap, block, size, &moved));
    return moved;
}

START_TEST(block_is_open_up_to_its_size)
{
    open_checked(_i);
    char *first = alloc(1000);
    char *block = alloc(1000);
    expect(first, 0, 1000, UNSET);
    expect(block, 0, 1000, UNSET);
    expect(block, 1000, 1000 + rest, CLOSED);
    ck_assert_ok(memheap_free(heap, block));
    expect(block, 0, 1000 + rest, CLOSED);
    expect(first, 0, 1000, UNSET);
    expect(first, 1000, 1000 + rest, CLOSED);
    block = alloc(1000);
    expect(block, 0, 1000, UNSET);
    expect(block, 1000, 1000 + rest, CLOSED);
    close_checked();
}
END_TEST

START_TEST(zeroed_block_is_set)
{
    void *block;
    open_checked(_i);
    ck_assert_ok(memheap_free(heap, alloc(1000)));
    ck_assert_ok(memheap_alloc_zeroed(heap, 10, 100, &block));
    expect(block, 0, 1000, SET);
    expect(block, 1000, 1000 + rest, CLOSED);
    close_checked();
}
END_TEST

/* Heaps without guard pages resize in place. */
START_TEST(resized_block_is_open_up_to_its_size)
{
    open_checked(_i);
    alloc(8); /* so that the block is not where the heap begins */
    char *block = alloc(2000);
    memset(block, 1, 2000);
    ck_assert_ptr_eq(resize(block, 1600), block);
    expect(block, 0, 1600, SET);
    expect(block, 1600, 2000 + rest, CLOSED);
    ck_assert_ptr_eq(resize(block, 1800), block);
    expect(block, 0, 1600, SET);
    expect(block, 1600, 1800, UNSET);
    /* Memcheck takes all memory without blocks for closed. */
    expect(block, 1800, knows_contents ? 6000 : 2000 + rest, CLOSED);
    ck_assert_ptr_eq(resize(block, 600), block);
    expect(block, 0, 600, SET);
    expect(block, 600, 2000 + rest, CLOSED);
    size_t usable;
    ck_assert_ok(memheap_usable_size(heap, block, &usable));
    ck_assert_uint_eq(usable, 600);
    /* It is the last one, and grows beyond its old end. */
    ck_assert_ptr_eq(resize(block, 5000), block);
    expect(block, 0, 600, SET);
    expect(block, 600, 5000, UNSET);
    expect(block, 5000, 5000 + rest, CLOSED);
    close_checked();
}
END_TEST

/* A resize that fails, or is undone, leaves a block open as it was. */
static void expect_unchanged(const char *block)
{
    expect(block, 0, 1000, SET);
    expect(block, 1000, 1000 + rest, CLOSED);
}

START_TEST(failed_resize_changes_nothing)
{
    static const size_t sizes[] = {800, 600, 1200, SIZE / 2};
    void *moved;
    open_checked(_i);
    alloc(8);
    char *block = alloc(1000);
    memset(block, 1, 1000);
    alloc(8);
    ck_assert_int_eq(memheap_resize(heap, block, 2 * SIZE, &moved),
                     MEMHEAP_ERR_NO_MEMORY);
    expect_unchanged(block);
    for (size_t i = 0; i < 4; i++) {
        memheap_pending_resize_t step;
        ck_assert_ok(memheap_resize_begin(heap, block, sizes[i], true, &step));
        ck_assert_ptr_eq(memheap_resize_end(heap, &step, false), block);
        expect_unchanged(block);
    }
    close_checked();
}
END_TEST

START_TEST(old_place_of_a_moved_block_is_closed)
{
    open_checked(_i);
    alloc(8);
    char *old = alloc(1000);
    char *wall = alloc(8);
    memset(old, 1, 1000);
    char *block = resize(old, 3000);
    ck_assert_ptr_ne(block, old);
    expect(old, 0, 1000 + rest, CLOSED);
    expect(block, 0, 1000, SET);
    expect(block, 1000, 3000, UNSET);
    expect(block, 3000, 3000 + rest, CLOSED);
    expect(wall, 0, 8, UNSET);
    close_checked();
}
END_TEST

/* In a heap without space, a block moves over its old place. */
START_TEST(what_a_block_leaves_is_closed)
{
    open_checked(OWN);
    char *first = alloc(SIZE / 4);
    char *block = alloc(SIZE / 2);
    alloc(50000);
    memset(block, 1, SIZE / 2);
    ck_assert_ok(memheap_free(heap, first));
    char *moved = resize(block, SIZE / 8 * 5);
    ck_assert_ptr_eq(moved, first);
    expect(moved, 0, SIZE / 2, SET);
    expect(moved, SIZE / 2, SIZE / 8 * 5, UNSET);
    expect(moved, SIZE / 8 * 5, SIZE / 4 * 3, CLOSED);
    close_checked();
}
END_TEST

START_TEST(batch_is_open_up_to_the_sizes)
{
    size_t sizes[] = {88, 808};
    void *blocks[2];
    open_checked(_i);
    ck_assert_ok(memheap_alloc_batch(heap, 2, 16, sizes, blocks));
    for (int i = 0; i < 2; i++) {
        expect(blocks[i], 0, sizes[i], UNSET);
        expect(blocks[i], sizes[i], sizes[i] + rest, CLOSED);
    }
    ck_assert_ok(memheap_free_batch(heap, 2, blocks));
    for (int i = 0; i < 2; i++)
        expect(blocks[i], 0, sizes[i] + rest, CLOSED);
    close_checked();
}
END_TEST

/* A range outlives the heap: the program may access all of it. */
START_TEST(range_is_open_after_the_heap)
{
    open_checked(_i == 0 ? RANGE : GUARDED_RANGE);
    ck_assert_ok(memheap_free(heap, alloc(1000)));
    alloc(500);
    memheap_destroy(heap);
    expect(range, 0, SIZE, SET);
    memset(range, 1, SIZE);
    munmap(range, 2 * SIZE);
}
END_TEST

START_TEST(grown_range_has_open_blocks)
{
    open_checked(_i == 0 ? RANGE : GUARDED_RANGE);
    ck_assert_ok(memheap_grow(heap, 2 * SIZE));
    char *block = alloc(SIZE + 1000);
    expect(block, 0, SIZE + 1000, UNSET);
    expect(block, SIZE + 1000, SIZE + 1000 + rest, CLOSED);
    ck_assert_ok(memheap_free(heap, block));
    expect(block, 0, SIZE + 1000, CLOSED);
    close_checked();
}
END_TEST

/* Open a heap with windows on those of two other PEs. @return the windows */
static char *open_windowed(int kind, bool alone, bool synced)
{
    open_checked(kind);
    memheap_peer_windows_t windows = {.base = map(WINDOWS * SIZE),
                                      .stride = SIZE,
                                      .count = WINDOWS,
                                      .pe = 3,
                                      .first_pe = 5,
                                      .pe_stride = 2,
                                      .alone = alone,
                                      .synced = synced};
    memheap_set_peer_windows(heap, &windows);
    return windows.base;
}

START_TEST(windows_are_open_as_the_heap_is)
{
    char *windows = open_windowed(_i == 0 ? OWN : GUARDED, false, false);
    alloc(8);
    char *block = alloc(1000);
    char *other = alloc(1000);
    expect(block, 0, 1000, SET); /* by other PEs, perhaps */
    ck_assert_ok(memheap_free(heap, other));
    char *base = memheap_base(heap);
    for (size_t n = 0; n < WINDOWS; n++) {
        const char *window = windows + n * SIZE;
        expect(window + (block - base), 0, 1000, SET);
        expect(window + (block - base), 1000, 1000 + rest, CLOSED);
        expect(window + (other - base), 0, 1000 + rest, CLOSED);
    }
    alloc(8);
    other = resize(block, 5000);
    ck_assert_ptr_ne(other, block);
    for (size_t n = 0; n < WINDOWS; n++) {
        const char *window = windows + n * SIZE;
        expect(window + (block - base), 0, 8, CLOSED);
        expect(window + (other - base), 0, 5000, SET);
        expect(window + (other - base), 5000, 5000 + rest, CLOSED);
    }
    ck_assert_ok(memheap_free(heap, other)); /* at all its addresses */
    close_checked();
    munmap(windows, WINDOWS * SIZE);
}
END_TEST

/* In a full heap, a block takes the place of one below others. */
START_TEST(reused_place_leaves_the_blocks_above_open)
{
    char *blocks[SIZE / 1024];
    size_t count = 0;
    void *block;
    open_checked(_i);
    heap_log.log.level = MEMHEAP_LOG_ERROR;
    while (memheap_alloc(heap, 1000, &block) == MEMHEAP_OK)
        blocks[count++] = block;
    ck_assert_uint_gt(count, 10);
    ck_assert_ok(memheap_free(heap, blocks[4]));
    ck_assert_ptr_eq(alloc(1000), blocks[4]);
    for (size_t i = 0; i < count; i++) {
        expect(blocks[i], 0, 1000, UNSET);
        expect(blocks[i], 1000, 1000 + rest, CLOSED);
    }
    close_checked();
}
END_TEST

static void add_checked_tests(TCase *tests)
{
    tcase_add_loop_test(tests, reused_place_leaves_the_blocks_above_open, 0,
                        KINDS);
    tcase_add_loop_test(tests, block_is_open_up_to_its_size, 0, KINDS);
    tcase_add_loop_test(tests, zeroed_block_is_set, 0, KINDS);
    tcase_add_loop_test(tests, resized_block_is_open_up_to_its_size, 0,
                        GUARDED);
    tcase_add_loop_test(tests, failed_resize_changes_nothing, 0, KINDS);
    tcase_add_loop_test(tests, old_place_of_a_moved_block_is_closed, 0, KINDS);
    tcase_add_test(tests, what_a_block_leaves_is_closed);
    tcase_add_loop_test(tests, batch_is_open_up_to_the_sizes, 0, KINDS);
    tcase_add_loop_test(tests, range_is_open_after_the_heap, 0, 2);
    tcase_add_loop_test(tests, grown_range_has_open_blocks, 0, 2);
    tcase_add_loop_test(tests, windows_are_open_as_the_heap_is, 0, 2);
}

#endif
