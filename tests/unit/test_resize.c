/*
 * Resizing blocks: in place, by a move, and by a move that overlaps the old
 * block; and in two phases: begin, then commit or undo.
 */
#include "config.h"

#include "tests/unit/unit.h"
#include "base/sysinfo.h"
#include "memheap/heap_state.h"

#include <stdio.h>

enum {
    SIZE = 256 * 1024
};

static unit_heap_t unit;

static unsigned char *alloc(size_t size)
{
    void *block;
    ck_assert_ok(memheap_alloc(unit.heap, size, &block));
    return block;
}

static unsigned char *resize(void *block, size_t size)
{
    ck_assert_ok(memheap_resize(unit.heap, block, size, &block));
    ck_assert_ok(memheap_check(unit.heap));
    return block;
}

/* A pattern that differs from each shift of itself. */
static unsigned char pattern(size_t i)
{
    return (unsigned char)(i * 7 + (i >> 8) * 13 + (i >> 16));
}

static void write_pattern(unsigned char *block, size_t size)
{
    for (size_t i = 0; i < size; i++)
        block[i] = pattern(i);
}

static bool has_pattern(const unsigned char *block, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (block[i] != pattern(i))
            return false;
    }
    return true;
}

/* With MEMHEAP_CHECK, which fills blocks, and without. */
static void open_heap(int index)
{
    unit_heap_open(&unit, index / 2, SIZE, 0,
                   index % 2 == 0 ? NULL : "MEMHEAP_CHECK=1");
}

/* A block of 100 KiB in the middle of the heap, with space on both sides, that
 * can only grow over itself. */
static unsigned char *alloc_in_the_middle(void)
{
    unsigned char *first = alloc(16 * KIB);
    unsigned char *block = alloc(100 * KIB);
    ck_assert_ptr_ne(block, unit.base);
    ck_assert_ok(memheap_free(unit.heap, first));
    write_pattern(block, 100 * KIB);
    return block;
}

START_TEST(lone_block_grows_in_place)
{
    open_heap(_i);
    unsigned char *block = alloc(1000);
    write_pattern(block, 1000);
    ck_assert_ptr_eq(resize(block, SIZE), block);
    ck_assert(has_pattern(block, 1000));
    write_pattern(block, SIZE);
    ck_assert_ok(memheap_free(unit.heap, block));
    unit_heap_close(&unit);
}
END_TEST

START_TEST(shrunk_block_stays_and_frees_space)
{
    open_heap(_i);
    unsigned char *block = alloc(SIZE);
    write_pattern(block, 5000);
    ck_assert_ptr_eq(resize(block, 5000), block);
    alloc(128 * KIB);
    ck_assert(has_pattern(block, 5000));
    unit_heap_close(&unit);
}
END_TEST

START_TEST(block_with_a_neighbour_moves)
{
    size_t size;
    open_heap(_i);
    unsigned char *block = alloc(4096);
    unsigned char *next = alloc(4096);
    write_pattern(block, 4096);
    unsigned char *moved = resize(block, 20000);
    ck_assert_ptr_ne(moved, block);
    ck_assert_ptr_ne(moved, next);
    ck_assert(has_pattern(moved, 4096));
    ck_assert_int_eq(memheap_find_block(unit.heap, block, &size),
                     MEMHEAP_ERR_BAD_ADDRESS);
    ck_assert_ok(memheap_find_block(unit.heap, moved, &size));
    ck_assert_uint_ge(size, 20000);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(block_moves_over_itself)
{
    open_heap(_i);
    unsigned char *block = alloc_in_the_middle();
    unsigned char *moved = resize(block, SIZE);
    ck_assert_ptr_eq(moved, unit.base);
    ck_assert(has_pattern(moved, 100 * KIB));
    unit_heap_close(&unit);
}
END_TEST

/* The place where it begins is not that of the heap. */
START_TEST(block_moves_over_itself_behind_another)
{
    open_heap(_i);
    memheap_stats_t stats;
    unsigned char *wall = alloc(4096);
    unsigned char *first = alloc(16 * KIB);
    unsigned char *block = alloc(50 * KIB);
    write_pattern(wall, 4096);
    write_pattern(block, 50 * KIB);
    for (memheap_get_stats(unit.heap, &stats); stats.largest_free > 40 * KIB;
         memheap_get_stats(unit.heap, &stats))
        alloc(stats.largest_free);
    ck_assert_ok(memheap_free(unit.heap, first));
    void *moved = block;
    if (memheap_resize(unit.heap, block, 60 * KIB, &moved) == MEMHEAP_OK)
        ck_assert(moved == first || moved == block);
    ck_assert(has_pattern(moved, 50 * KIB));
    ck_assert(has_pattern(wall, 4096));
    ck_assert_ok(memheap_check(unit.heap));
    unit_heap_close(&unit);
}
END_TEST

/* Of a full heap, whose thread caches have nothing either. */
START_TEST(small_block_that_cannot_grow_stays)
{
    memheap_stats_t before;
    memheap_stats_t after;
    void *block;
    void *last = NULL;
    void *moved = NULL;
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    unsigned char *first = alloc(100);
    while (memheap_alloc(unit.heap, 100, &block) == MEMHEAP_OK)
        last = block;
    while (memheap_alloc(unit.heap, 16, &block) == MEMHEAP_OK)
        last = block;
    ck_assert_ptr_nonnull(last);
    write_pattern(first, 100);
    memheap_get_stats(unit.heap, &before);
    ck_assert_int_eq(memheap_resize(unit.heap, first, 1000, &moved),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_ptr_null(moved);
    ck_assert(has_pattern(first, 100));
    memheap_get_stats(unit.heap, &after);
    ck_assert_uint_eq(after.failures, before.failures + 1);
    ck_assert_uint_eq(after.resizes, before.resizes);
    ck_assert_uint_eq(after.live_blocks, before.live_blocks);
    ck_assert_ok(memheap_check(unit.heap));
    unit_heap_close(&unit);
}
END_TEST

/* Sizes around each class of the thread caches, and their greatest. */
START_TEST(size_of_any_class_is_kept)
{
    unit_heap_open(&unit, _i, MIB, 0, NULL);
    for (size_t order = 0; order <= 16; order++) {
        for (size_t i = 0; i < 16; i++) {
            size_t size = ((size_t)1 << order) - 2 + i;
            size_t usable;
            if (size == 0 || size > 70000)
                continue;
            for (int round = 0; round < 2; round++) { /* new, then cached */
                void *block = alloc(size);
                ck_assert_ok(memheap_usable_size(unit.heap, block, &usable));
                ck_assert_uint_ge(usable, size);
                write_pattern(block, size);
                block = resize(block, size + 1);
                ck_assert(has_pattern(block, size));
                ck_assert_ok(memheap_usable_size(unit.heap, block, &usable));
                ck_assert_uint_ge(usable, size + 1);
                ck_assert_ok(memheap_free(unit.heap, block));
            }
        }
    }
    unit_heap_close(&unit);
}
END_TEST

START_TEST(neighbours_keep_their_contents)
{
    open_heap(_i);
    unsigned char *first = alloc(3000);
    unsigned char *block = alloc(30000);
    unsigned char *last = alloc(3000);
    write_pattern(first, 3000);
    write_pattern(last, 3000);
    static const size_t sizes[] = {60000, 100, 31000, 120000, 16, 64000};
    for (size_t i = 0; i < 6; i++) {
        block = resize(block, sizes[i]);
        memset(block, 0xEE, sizes[i]);
        ck_assert(has_pattern(first, 3000));
        ck_assert(has_pattern(last, 3000));
    }
    unit_heap_close(&unit);
}
END_TEST

static const size_t impossible[] = {SIZE + 1, SIZE_MAX / 2, SIZE_MAX};

START_TEST(failed_resize_changes_nothing)
{
    open_heap(_i);
    unsigned char *block = alloc_in_the_middle();
    uint64_t before = unit_heap_digest(unit.heap);
    for (size_t i = 0; i < 3; i++) {
        void *moved = NULL;
        ck_assert_int_eq(
            memheap_resize(unit.heap, block, impossible[i], &moved),
            MEMHEAP_ERR_NO_MEMORY);
        ck_assert_ptr_null(moved);
        ck_assert_uint_eq(unit_heap_digest(unit.heap), before);
        ck_assert(has_pattern(block, 100 * KIB));
        ck_assert_ok(memheap_check(unit.heap));
    }
    ck_assert_uint_eq(unit.log.count, 0);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(resize_to_zero_is_refused)
{
    void *moved = NULL;
    size_t size;
    open_heap(_i);
    unsigned char *block = alloc(100);
    ck_assert_int_eq(memheap_resize(unit.heap, block, 0, &moved),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_ptr_null(moved);
    ck_assert_ok(memheap_find_block(unit.heap, block, &size));
    unit_heap_close(&unit);
}
END_TEST

START_TEST(resize_of_null_allocates)
{
    void *block = NULL;
    open_heap(_i);
    ck_assert_ok(memheap_resize(unit.heap, NULL, 100, &block));
    ck_assert_ok(memheap_free(unit.heap, block));
    ck_assert_int_eq(memheap_resize(unit.heap, NULL, 0, &block),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(added_memory_is_committed)
{
    unit_heap_open(&unit, 2 * _i, GIB, 0, NULL);
    unsigned char *block = alloc(100);
    block = resize(block, 100 * MIB);
    block[100 * MIB - 1] = 1;
    unit_heap_close(&unit);
}
END_TEST

START_TEST(reused_added_memory_is_zeroed)
{
    void *zeroed;
    open_heap(_i);
    unsigned char *block = resize(alloc(16), SIZE);
    memset(block, 0xFF, SIZE);
    ck_assert_ok(memheap_free(unit.heap, block));
    ck_assert_ok(memheap_alloc_zeroed(unit.heap, 1, SIZE, &zeroed));
    ck_assert_int_eq(memcmp(zeroed, (char *)zeroed + 1, SIZE - 1), 0);
    ck_assert_int_eq(*(char *)zeroed, 0);
    unit_heap_close(&unit);
}
END_TEST

/* Bytes of writable private memory of this process, as RLIMIT_DATA counts them.
 */
static rlim_t data_size(void)
{
    unsigned long kib = 0;
    char line[128];
    FILE *status = fopen("/proc/self/status", "r");
    ck_assert_ptr_nonnull(status);
    while (fgets(line, sizeof(line), status) != NULL) {
        if (sscanf(line, "VmData: %lu kB", &kib) == 1)
            break;
    }
    fclose(status);
    return (rlim_t)kib * KIB;
}

/* Grow a block where the system refuses to back its new place, though another
 * place is backed and free. A process that had the memory would take the first
 * one: that this one has not must not show in the placement. */
static void assert_stays(unsigned char *block, size_t has, size_t wants)
{
    void *moved = NULL;
    size_t total;
    size_t available;
    /* More than the machine has leaves the metadata for it behind, so that the
     * place alone is refused. */
    memheap_sysinfo_memory(&total, &available);
    ck_assert_int_eq(memheap_alloc(unit.heap, total + GIB, &moved),
                     MEMHEAP_ERR_NO_MEMORY);
    unit_log_clear(&unit.log);
    uint64_t before = unit_heap_digest(unit.heap);
    write_pattern(block, has);
    /* Enough for the metadata of the block. */
    rlim_t limit = unit_limit(RLIMIT_DATA, data_size() + 8 * MIB);
    memheap_status_t status = memheap_resize(unit.heap, block, wants, &moved);
    unit_limit(RLIMIT_DATA, limit);
    ck_assert_int_eq(status, MEMHEAP_ERR_NO_MEMORY);
    ck_assert_ptr_null(moved);
    ck_assert_uint_eq(unit.log.count, 1);
    ck_assert_uint_eq(unit_heap_digest(unit.heap), before);
    ck_assert(has_pattern(block, has));
    ck_assert_ok(memheap_check(unit.heap));
}

START_TEST(block_that_cannot_be_committed_in_place_does_not_move)
{
    if (unit_lacks_addresses() || unit_is_emulated())
        return;
    unit_heap_open(&unit, 2 * _i, TIB, 0, NULL);
    unsigned char *hole = alloc(64 * MIB);
    unsigned char *block = alloc(MIB);
    ck_assert_ok(memheap_free(unit.heap, hole));
    assert_stays(block, MIB, 32 * MIB);
    ck_assert_ptr_eq(resize(block, 32 * MIB), block);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(block_that_cannot_be_committed_elsewhere_does_not_move_over_itself)
{
    if (unit_lacks_addresses() || unit_is_emulated())
        return;
    unit_heap_open(&unit, 2 * _i, TIB, 0, NULL);
    unsigned char *hole = alloc(32 * MIB);
    unsigned char *block = alloc(32 * MIB);
    unsigned char *next = alloc(4096);
    ck_assert_ok(memheap_free(unit.heap, hole));
    assert_stays(block, 32 * MIB, 60 * MIB);
    ck_assert(resize(block, 60 * MIB) > next);
    unit_heap_close(&unit);
}
END_TEST

/* Begin a resize and undo it: nothing has changed. */
static void assert_undone(unsigned char *block, size_t has, size_t wants,
                          memheap_resize_kind_t kind)
{
    memheap_pending_resize_t step;
    uint64_t before = unit_heap_digest(unit.heap);
    write_pattern(block, has);
    ck_assert_ok(memheap_resize_begin(unit.heap, block, wants, true, &step));
    ck_assert_int_eq(step.kind, kind);
    ck_assert_ptr_eq(memheap_resize_end(unit.heap, &step, false), block);
    ck_assert_uint_eq(unit_heap_digest(unit.heap), before);
    ck_assert(has_pattern(block, has));
    ck_assert_ok(memheap_check(unit.heap));
}

START_TEST(growth_in_place_can_be_undone)
{
    open_heap(_i);
    assert_undone(alloc(4096), 4096, 10000, MEMHEAP_RESIZE_IN_PLACE);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(shrinking_can_be_undone)
{
    open_heap(_i);
    unsigned char *block = alloc(8192);
    alloc(4096);
    assert_undone(block, 8192, 16, MEMHEAP_RESIZE_IN_PLACE);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(move_elsewhere_can_be_undone)
{
    open_heap(_i);
    unsigned char *block = alloc(4096);
    alloc(4096);
    assert_undone(block, 4096, 8192, MEMHEAP_RESIZE_BESIDE);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(move_over_itself_can_be_undone)
{
    open_heap(_i);
    assert_undone(alloc_in_the_middle(), 100 * KIB, SIZE, MEMHEAP_RESIZE_OVER);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(begun_resize_of_a_wrong_address_logs_nothing)
{
    memheap_pending_resize_t step;
    open_heap(_i);
    ck_assert_int_eq(
        memheap_resize_begin(unit.heap, unit.base, 16, true, &step),
        MEMHEAP_ERR_BAD_ADDRESS);
    ck_assert_uint_eq(unit.log.count, 0);
    unit_heap_close(&unit);
}
END_TEST

/* Grow a block as the tests below do, where it cannot grow on: fill all space
 * below it with blocks, so that the last one lies right behind it. */
static void *wall_behind(const unsigned char *block)
{
    static void *fill[65536];
    size_t count = 0;
    void *found = NULL;
    for (size_t size = 32 * MIB; size >= 16; size /= 2) {
        found = NULL;
        while (memheap_alloc(unit.heap, size, &found) == MEMHEAP_OK &&
               (unsigned char *)found < block) {
            ck_assert_uint_lt(count, sizeof(fill) / sizeof(*fill));
            fill[count++] = found;
            found = NULL;
        }
        if (size > 16)
            ck_assert_ok(memheap_free(unit.heap, found));
    }
    while (count > 0)
        ck_assert_ok(memheap_free(unit.heap, fill[--count]));
    return found;
}

enum {
    SMALLEST = 16,
    LARGEST = 16 * 1024 * 1024,
    /* The 62nd power of 5/4 is LARGEST / SMALLEST; sizes are rounded. */
    MOST_MOVES = 62 + 2
};

/* Steps below and above the rounding of allocators. */
static const size_t steps[] = {16, 1000};

START_TEST(block_that_grows_in_steps_moves_few_times)
{
    unit_heap_open(&unit, _i / 2 * 2, GIB, 0, NULL);
    unsigned char *block = alloc(SMALLEST);
    void *wall = wall_behind(block);
    write_pattern(block, SMALLEST);
    unsigned moves = 0;
    size_t size = SMALLEST;
    while (size < LARGEST) {
        size_t more = size + steps[_i % 2];
        void *moved;
        ck_assert_ok(memheap_resize(unit.heap, block, more, &moved));
        for (size_t i = size; i < more; i++)
            ((unsigned char *)moved)[i] = pattern(i);
        size = more;
        if (moved == block)
            continue;
        block = moved;
        ck_assert_uint_le(++moves, MOST_MOVES);
        ck_assert_ok(memheap_free(unit.heap, wall));
        wall = wall_behind(block);
    }
    ck_assert(has_pattern(block, size));
    ck_assert_ok(memheap_check(unit.heap));
    ck_assert_ok(memheap_free(unit.heap, block));
    ck_assert_ok(memheap_free(unit.heap, wall));
    memheap_stats_t stats;
    memheap_get_stats(unit.heap, &stats);
    ck_assert_uint_eq(stats.used, 0);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(headroom_is_a_quarter_or_what_the_module_can_spare)
{
    size_t size;
    size_t alone;
    open_heap(_i);
    unsigned char *block = alloc(8192);
    alloc(16);
    block = resize(block, 8192 + 16);
    ck_assert_ok(memheap_usable_size(unit.heap, block, &size));
    ck_assert_uint_ge(size, 8192 + 8192 / 4);
    /* As much as a block that was allocated with that size. */
    ck_assert_ok(memheap_usable_size(unit.heap, alloc(size), &alone));
    ck_assert_uint_eq(alone, size);

    block = alloc(4096);
    alloc(16);
    block = resize(block, 3 * 4096);
    ck_assert_ok(memheap_usable_size(unit.heap, block, &size));
    ck_assert_ok(memheap_usable_size(unit.heap, alloc(3 * 4096), &alone));
    /* No more, unless the module can spare some. */
    ck_assert_uint_ge(size, alone);
    ck_assert_uint_le(size, alone + alone / 2 + alone / 16);
    if (strcmp(memheap_component_name(unit.heap), "ptmalloc") != 0)
        ck_assert_uint_eq(size, alone);
    unit_heap_close(&unit);
}
END_TEST

/* What a module can spare is much for a small block. */
START_TEST(headroom_is_half_of_the_block_at_most)
{
    enum {
        ASKED = 1000
    };
    size_t size;
    size_t half;
    unit_heap_open(&unit, 2 * _i, GIB, 0, "MEMHEAP_RECORDS=1");
    /* A component may spare space when the heap does not grow any more. */
    for (int i = 0; i < 20; i++)
        ck_assert_ok(memheap_free(unit.heap, alloc(16 * MIB)));
    unsigned char *block = alloc(ASKED / 2);
    alloc(16);
    block = resize(block, ASKED);
    ck_assert_ok(memheap_usable_size(unit.heap, block, &size));
    ck_assert_ok(
        memheap_usable_size(unit.heap, alloc(ASKED + ASKED / 2), &half));
    ck_assert_uint_le(size, half);
    if (unit.heap->module->headroom > 0)
        ck_assert_uint_eq(size, half);
    ck_assert_int_eq(unit.heap->module->headroom > 0,
                     strcmp(memheap_component_name(unit.heap), "ptmalloc") ==
                         0);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(headroom_stays_until_the_block_shrinks_by_more)
{
    size_t size;
    size_t room;
    open_heap(_i);
    unsigned char *block = alloc(32 * KIB);
    alloc(16);
    block = resize(block, 32 * KIB + 16);
    ck_assert_ok(memheap_usable_size(unit.heap, block, &room));
    ck_assert_ptr_eq(resize(block, room - 64), block);
    ck_assert_ptr_eq(resize(block, room - room / 4), block);
    ck_assert_ok(memheap_usable_size(unit.heap, block, &size));
    ck_assert_uint_eq(size, room);
    ck_assert_ptr_eq(resize(block, room / 4), block);
    ck_assert_ok(memheap_usable_size(unit.heap, block, &size));
    ck_assert_uint_le(size, room / 2);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(block_grows_without_headroom_if_there_is_none)
{
    memheap_stats_t stats;
    open_heap(_i);
    unsigned char *block = alloc(64 * KIB);
    unsigned char *wall = wall_behind(block);
    write_pattern(block, 64 * KIB);
    /* Behind the last block, space for a little more than the block has. */
    memheap_get_stats(unit.heap, &stats);
    if (stats.largest_free >= 80 * KIB)
        alloc(stats.largest_free - 70 * KIB);
    memheap_get_stats(unit.heap, &stats);
    size_t wants = stats.largest_free;
    if (wants > 64 * KIB && wants < 80 * KIB) {
        unsigned char *moved = resize(block, wants);
        ck_assert(has_pattern(moved, 64 * KIB));
    }
    ck_assert_ok(memheap_free(unit.heap, wall));
    unit_heap_close(&unit);
}
END_TEST

/* A block of 15 MiB in a heap with 32 MiB committed, with a small one
 * behind it. 16 MiB are available, but 18.75 MiB are not until more is
 * committed. */
static unsigned char *alloc_below_uncommitted(int index)
{
    size_t total;
    size_t available;
    void *none = NULL;
    unit_heap_open(&unit, 2 * index, TIB, 0, NULL);
    unsigned char *block = alloc(15 * MIB);
    alloc(16);
    unsigned char *touched = alloc(10 * MIB);
    ck_assert_ok(memheap_free(unit.heap, touched));
    write_pattern(block, 15 * MIB);
    /* See assert_stays(). */
    memheap_sysinfo_memory(&total, &available);
    ck_assert_int_eq(memheap_alloc(unit.heap, total + GIB, &none),
                     MEMHEAP_ERR_NO_MEMORY);
    unit_log_clear(&unit.log);
    return block;
}

START_TEST(block_grows_without_headroom_that_cannot_be_committed)
{
    if (unit_lacks_addresses() || unit_is_emulated())
        return;
    void *moved = NULL;
    unsigned char *block = alloc_below_uncommitted(_i);
    rlim_t limit = unit_limit(RLIMIT_DATA, MIB);
    memheap_status_t status =
        memheap_resize(unit.heap, block, 16 * MIB, &moved);
    unsigned logged = unit.log.count;
    /* Any other call that lacks memory says so. */
    void *none;
    memheap_status_t failed = memheap_alloc(unit.heap, 20 * MIB, &none);
    unit_limit(RLIMIT_DATA, limit);
    ck_assert_ok(status);
    ck_assert_uint_eq(logged, 0);
    /* A component may need metadata first. */
    ck_assert_int_ne(failed, MEMHEAP_OK);
    ck_assert_uint_eq(unit.log.count, failed == MEMHEAP_ERR_NO_MEMORY);
    ck_assert(has_pattern(moved, 15 * MIB));
    ck_assert_ok(memheap_check(unit.heap));
    unit_heap_close(&unit);
}
END_TEST

START_TEST(begun_resize_tells_that_headroom_failed)
{
    if (unit_lacks_addresses())
        return;
    memheap_pending_resize_t step;
    memheap_pending_resize_t with;
    unsigned char *block = alloc_below_uncommitted(_i);
    uint64_t before = unit_heap_digest(unit.heap);
    rlim_t limit = unit_limit(RLIMIT_DATA, MIB);
    memheap_status_t status =
        memheap_resize_begin(unit.heap, block, 16 * MIB, true, &step);
    unit_limit(RLIMIT_DATA, limit);
    if (status == MEMHEAP_OK) /* the component has space elsewhere */
        memheap_resize_end(unit.heap, &step, false);
    ck_assert_uint_eq(unit_heap_digest(unit.heap), before);
    ck_assert_ok(memheap_resize_begin(unit.heap, block, 16 * MIB, true, &with));
    ck_assert_int_eq(with.with_headroom, step.with_headroom);
    memheap_resize_end(unit.heap, &with, false);
    ck_assert_uint_eq(unit_heap_digest(unit.heap), before);
    unit_heap_close(&unit);
}
END_TEST

int main(void)
{
    int kinds = 2 * unit_heap_kinds();
    int count = (int)unit_component_count();
    TCase *tests = unit_case();
    tcase_add_loop_test(tests, lone_block_grows_in_place, 0, kinds);
    tcase_add_loop_test(tests, shrunk_block_stays_and_frees_space, 0, kinds);
    tcase_add_loop_test(tests, block_with_a_neighbour_moves, 0, kinds);
    tcase_add_loop_test(tests, block_moves_over_itself, 0, kinds);
    tcase_add_loop_test(tests, block_moves_over_itself_behind_another, 0,
                        kinds);
    tcase_add_loop_test(tests, small_block_that_cannot_grow_stays, 0,
                        unit_heap_kinds());
    tcase_add_loop_test(tests, size_of_any_class_is_kept, 0, unit_heap_kinds());
    tcase_add_loop_test(tests, neighbours_keep_their_contents, 0, kinds);
    tcase_add_loop_test(tests, failed_resize_changes_nothing, 0, kinds);
    tcase_add_loop_test(tests, resize_to_zero_is_refused, 0, kinds);
    tcase_add_loop_test(tests, resize_of_null_allocates, 0, kinds);
    tcase_add_loop_test(tests, added_memory_is_committed, 0, count);
    tcase_add_loop_test(tests, reused_added_memory_is_zeroed, 0, kinds);
    tcase_add_loop_test(
        tests, block_that_cannot_be_committed_in_place_does_not_move, 0, count);
    tcase_add_loop_test(
        tests,
        block_that_cannot_be_committed_elsewhere_does_not_move_over_itself, 0,
        count);
    tcase_add_loop_test(tests, growth_in_place_can_be_undone, 0, kinds);
    tcase_add_loop_test(tests, shrinking_can_be_undone, 0, kinds);
    tcase_add_loop_test(tests, move_elsewhere_can_be_undone, 0, kinds);
    tcase_add_loop_test(tests, move_over_itself_can_be_undone, 0, kinds);
    tcase_add_loop_test(tests, begun_resize_of_a_wrong_address_logs_nothing, 0,
                        kinds);
    tcase_add_loop_test(tests, block_that_grows_in_steps_moves_few_times, 0,
                        2 * count);
    tcase_add_loop_test(
        tests, headroom_is_a_quarter_or_what_the_module_can_spare, 0, kinds);
    tcase_add_loop_test(tests, headroom_is_half_of_the_block_at_most, 0, count);
    tcase_add_loop_test(tests, headroom_stays_until_the_block_shrinks_by_more,
                        0, kinds);
    tcase_add_loop_test(tests, block_grows_without_headroom_if_there_is_none, 0,
                        kinds);
    tcase_add_loop_test(
        tests, block_grows_without_headroom_that_cannot_be_committed, 0, count);
    tcase_add_loop_test(tests, begun_resize_tells_that_headroom_failed, 0,
                        count);
    return unit_run("resize", tests);
}
