/*
 * Binary buddy allocator.
 *
 * A block of order k has 2^k granules, a granule being the smallest block, and
 * lies at a multiple of its size. The region is cut only as far as it was ever
 * needed: behind the frontier all is free and belongs to no block. A request
 * takes the lowest free block of the smallest order that fits, split as needed,
 * and moves the frontier if there is none; what the frontier skips to reach a
 * multiple becomes free blocks. Freeing joins a block with its buddy, the one
 * whose place differs in bit k alone, while both are free, or moves the
 * frontier back over it.
 *
 * A block at the region's end is cut where the region ends, so a region of any
 * size is used to its last byte. In granules that is just another length; how
 * many bytes of its last granule such a block has is in a hash table, for it
 * keeps them when the region grows.
 *
 * Blocks that were freed wait in a stack for each order, unjoined, as many as a
 * share of what lies before and behind the frontier. Some of them are joined
 * as the frontier moves up, and all before a request fails.
 *
 * Tags (tags.h) tell where blocks start, how long they are and which are
 * live; for each order there is a bitmap of free blocks and their count. Rules
 * that buddy_check() tests:
 *   - below the frontier each granule is in exactly one block, which is live,
 *     free or in the stack of its order;
 *   - two buddies are never both free;
 *   - no free block ends at the frontier;
 *   - an order's bit in `orders` is set if and only if its count is not 0,
 *     and the count is the number of its free blocks.
 *
 * Source: K. C. Knowlton, "A fast storage allocator", CACM 8(10), 1965.
 */
#include "config.h"

#include "base/bitmap.h"
#include "base/magazines.h"
#include <memheap/component.h>
#include "base/hashmap.h"
#include "components/buddy/buddy_map.h"

enum {
    ORDERS = 62,
    PARAM_MIN_BLOCK = 0,
    ENSURE_AHEAD = 64,
    /* The most that the stacks may hold, as shifts of what lies before the
     * frontier, but for little, and of what lies behind. */
    LIMIT_BEFORE = 2,
    LIMIT_LITTLE = 2048,
    LIMIT_BEHIND = 5,
    STRETCH_ORDER = 7,      /* each time that the frontier comes this far, */
    JOINED_FOR_STRETCH = 6, /* so many blocks in stacks are joined, */
    JOINED_FOR_ROOM = 2     /* and so many to make room for another */
};

typedef struct buddy {
    memheap_module_t module;
    uint64_t frontier;
    unsigned granule_order; /* log2 of a granule's bytes */
    uint64_t held;          /* granules in stacks */
    uint64_t limit;
    uint64_t stacked; /* bit k: the stack of order k may not be empty */
    memheap_array_t tags;
    memheap_magazine_t stack[ORDERS];
    size_t blocks;      /* live and in stacks */
    size_t ensured;     /* blocks that stacks have room for */
    uint64_t end;       /* granules in the region, the last maybe cut */
    unsigned max_order; /* of a block as long as the region may become */
    uint64_t orders;    /* bit k: there are free blocks of order k */
    size_t count[ORDERS];
    memheap_bitmap_t free[ORDERS];
    memheap_magazines_t magazines;
    memheap_hashmap_t cut; /* usable bytes of blocks that were cut */
    uint64_t high;         /* the furthest that the frontier ever was */
    size_t max_size;
    const memheap_memory_t *memory;
    void *bitmap_memory;
    size_t bitmap_bytes;
} buddy_t;

static buddy_t *buddy_of(memheap_module_t *module)
{
    return (buddy_t *)(void *)module;
}

static const buddy_t *const_buddy_of(const memheap_module_t *module)
{
    return (const buddy_t *)(const void *)module;
}

static uint64_t length_of(unsigned order)
{
    return (uint64_t)1 << order;
}

static size_t bytes_of(const buddy_t *b, uint64_t granules)
{
    return (size_t)granules << b->granule_order;
}

/* Granules that size bytes, of at least 1, lie in. */
static uint64_t granules_of(const buddy_t *b, size_t size)
{
    return ((size - 1) >> b->granule_order) + 1;
}

/* The granule of an offset; one that is no multiple of a granule becomes too
 * large to be in any region. */
static uint64_t granule_at(const buddy_t *b, size_t offset)
{
    return offset >> b->granule_order | offset << (64 - b->granule_order);
}

/* The live block at an offset, or SIZE_MAX. */
static uint64_t live_start(const buddy_t *b, size_t offset)
{
    uint64_t start = granule_at(b, offset);
    return MEMHEAP_LIKELY(start < b->frontier && tag_is_live(&b->tags, start))
               ? start
               : SIZE_MAX;
}

static uint64_t length_at(const buddy_t *b, uint64_t start)
{
    tag_far_t far = tag_end(&b->tags, start);
    return far.granule != 0 ? far.granule - start : far.note;
}

/* Usable bytes of a block. */
static size_t usable_at(const buddy_t *b, uint64_t start, uint64_t length)
{
    if (MEMHEAP_UNLIKELY(b->cut.count > 0)) {
        const uint64_t *size = memheap_hashmap_find(&b->cut, start);
        if (size != NULL)
            return *size;
    }
    return bytes_of(b, length);
}

/* Let the limit of the stacks follow the frontier. */
static void limit_set(buddy_t *b)
{
    uint64_t before = memheap_max(b->frontier >> LIMIT_BEFORE, LIMIT_LITTLE);
    b->limit = memheap_min(before, (b->end - b->frontier) >> LIMIT_BEHIND);
}

static void frontier_set(buddy_t *b, uint64_t frontier)
{
    b->frontier = frontier;
    b->high = memheap_max(b->high, frontier);
    tag_free(&b->tags, frontier);
    limit_set(b);
}

static bool is_free_block(const buddy_t *b, uint64_t start, unsigned order)
{
    return (b->orders >> order & 1) != 0 &&
           memheap_bitmap_test(&b->free[order], start >> order);
}

/* Enter a free block, whose end is tagged. */
static void free_block_add(buddy_t *b, uint64_t start, unsigned order)
{
    tag_free(&b->tags, start);
    tag_note(&b->tags, start, start + length_of(order), length_of(order));
    memheap_bitmap_set(&b->free[order], start >> order);
    b->count[order]++;
    b->orders |= (uint64_t)1 << order;
}

/* Remove a free block; its tags stay. */
static void free_block_remove(buddy_t *b, uint64_t start, unsigned order)
{
    memheap_bitmap_clear(&b->free[order], start >> order);
    if (--b->count[order] == 0)
        b->orders &= ~((uint64_t)1 << order);
}

/* The order of the largest block that starts at a place and ends at or before
 * another one. */
static unsigned order_between(uint64_t start, uint64_t end)
{
    unsigned order = memheap_log2_floor(end - start);
    return start == 0
               ? order
               : (unsigned)memheap_min(order, (unsigned)__builtin_ctzll(start));
}

/* Cut [frontier, target) into free blocks, which needs no joining: the block
 * before the frontier is not free. */
static void frontier_advance(buddy_t *b, uint64_t target)
{
    uint64_t start = b->frontier;
    frontier_set(b, target);
    while (start < target) {
        unsigned order = order_between(start, target);
        uint64_t next = start + length_of(order);
        tag_free(&b->tags, next);
        free_block_add(b, start, order);
        start = next;
    }
}

/* Move the frontier back to the start of a block, and over the free blocks
 * before it. */
static void frontier_retreat(buddy_t *b, uint64_t start)
{
    tag_none(&b->tags, b->frontier);
    while (start > 0) {
        tag_far_t far = tag_before(&b->tags, start);
        uint64_t before = far.note != 0 ? start - far.note : far.granule;
        unsigned order = memheap_log2_floor(start - before);
        if (!is_free_block(b, before, order))
            break;
        free_block_remove(b, before, order);
        tag_none(&b->tags, start);
        start = before;
    }
    frontier_set(b, start);
}

/* Free what lies at a place, of any length, block by block. */
static void free_space(buddy_t *b, uint64_t start, uint64_t length)
{
    uint64_t end = start + length;
    if (end == b->frontier) {
        frontier_retreat(b, start);
        return;
    }
    while (start < end) {
        unsigned order = order_between(start, end);
        uint64_t block = start;
        start += length_of(order);
        if (start < end)
            tag_free(&b->tags, start);
        for (;; order++) {
            uint64_t buddy = block ^ length_of(order);
            if (!is_free_block(b, buddy, order))
                break;
            free_block_remove(b, buddy, order);
            tag_none(&b->tags, memheap_max(block, buddy));
            block = memheap_min(block, buddy);
        }
        free_block_add(b, block, order);
    }
}

/* Take the uppermost block out of a stack, which is not empty. */
static uint64_t stack_pop(buddy_t *b, unsigned order)
{
    memheap_magazine_t *stack = &b->stack[order];
    if (stack->count == 0)
        memheap_magazine_refill(&b->magazines, stack);
    b->held -= length_of(order);
    return stack->round[--stack->count];
}

/* Join a block of the highest order that is in a stack. */
static bool join_one(buddy_t *b)
{
    while (b->stacked != 0) {
        unsigned order = memheap_log2_floor(b->stacked);
        if (!memheap_magazine_is_empty(&b->stack[order])) {
            b->blocks--;
            free_space(b, stack_pop(b, order), length_of(order));
            return true;
        }
        b->stacked &= ~((uint64_t)1 << order);
    }
    return false;
}

static void join_all(buddy_t *b)
{
    while (join_one(b))
        continue;
}

/* Cut a block that is no longer free down to the smaller order, around the
 * part that contains a place; the rest becomes free. Returns that part. */
static uint64_t split(buddy_t *b, uint64_t block, unsigned order,
                      unsigned target, uint64_t place)
{
    while (order > target) {
        order--;
        uint64_t upper = block + length_of(order);
        tag_free(&b->tags, upper);
        if (place < upper) {
            free_block_add(b, upper, order);
        } else {
            free_block_add(b, block, order);
            block = upper;
        }
    }
    return block;
}

/* Room in the tables for one block more. */
static memheap_status_t blocks_ensure(buddy_t *b)
{
    memheap_status_t status = memheap_hashmap_reserve(&b->cut);
    if (status != MEMHEAP_OK || b->blocks < b->ensured)
        return status;
    status = memheap_magazines_ensure(&b->magazines, b->blocks + ENSURE_AHEAD);
    if (status == MEMHEAP_OK)
        b->ensured = b->blocks + ENSURE_AHEAD;
    return status;
}

static memheap_status_t tags_ensure(buddy_t *b, uint64_t frontier)
{
    return memheap_array_ensure(&b->tags, ((frontier >> TAG_LINE_ORDER) + 1) *
                                              sizeof(tag_line_t));
}

/* Write the tags of a live block, and note how many bytes it has if it is cut.
 * Returns these. */
static size_t block_tag(buddy_t *b, uint64_t start, uint64_t length)
{
    size_t usable = bytes_of(b, length);
    size_t most = b->module.size - bytes_of(b, start);
    tag_live(&b->tags, start);
    tag_note(&b->tags, start, start + length, length);
    if (MEMHEAP_UNLIKELY(usable > most)) {
        memheap_hashmap_put(&b->cut, start, most);
        usable = most;
    }
    return usable;
}

/* Undo the note of a block that may be cut. */
static void block_uncut(buddy_t *b, uint64_t start)
{
    uint64_t *size =
        b->cut.count > 0 ? memheap_hashmap_find(&b->cut, start) : NULL;
    if (size != NULL)
        memheap_hashmap_remove(&b->cut, size);
}

static void block_enter(buddy_t *b, uint64_t start, uint64_t length)
{
    b->module.used += block_tag(b, start, length);
    b->blocks++;
}

/* Take a block of an order from the free ones, at a multiple of another. */
static bool take_free(buddy_t *b, unsigned order, unsigned align_order,
                      uint64_t *start_p)
{
    uint64_t fitting = b->orders >> align_order << align_order;
    if (fitting == 0)
        return false;
    unsigned from = (unsigned)__builtin_ctzll(fitting);
    uint64_t start = (uint64_t)memheap_bitmap_first(&b->free[from]) << from;
    free_block_remove(b, start, from);
    *start_p = split(b, start, from, order, start);
    return true;
}

/* Take a block of an order, or what of it the region has, but size bytes at
 * least, from behind the frontier. */
static memheap_status_t take_behind(buddy_t *b, unsigned order,
                                    unsigned align_order, size_t size,
                                    uint64_t *start_p, uint64_t *length_p)
{
    uint64_t start = memheap_align_up(b->frontier, length_of(align_order));
    if (start >= b->end || size > b->module.size - bytes_of(b, start))
        return MEMHEAP_ERR_NO_MEMORY;
    uint64_t length = memheap_min(length_of(order), b->end - start);
    memheap_status_t status = tags_ensure(b, start + length);
    if (status != MEMHEAP_OK)
        return status;
    frontier_advance(b, start);
    frontier_set(b, start + length);
    *start_p = start;
    *length_p = length;
    return MEMHEAP_OK;
}

static __attribute__((noinline)) memheap_result_t
alloc_unstacked(buddy_t *b, size_t size, size_t align)
{
    memheap_status_t status = blocks_ensure(b);
    if (status != MEMHEAP_OK)
        return memheap_result_error(status);
    unsigned order = memheap_log2_ceil(granules_of(b, size));
    unsigned align_order = memheap_log2_floor(granules_of(b, align));
    align_order = order > align_order ? order : align_order;
    uint64_t start;
    uint64_t length = length_of(order);
    if (!memheap_magazine_is_empty(&b->stack[order]) && align_order == order) {
        tag_live(&b->tags, start = stack_pop(b, order));
        b->module.used += bytes_of(b, length);
        return memheap_result_ok(bytes_of(b, start));
    }
    bool found = take_free(b, order, align_order, &start);
    uint64_t stretch = (b->frontier ^ (b->frontier + length)) >> STRETCH_ORDER;
    unsigned joins = stretch != 0 ? JOINED_FOR_STRETCH : 0;
    for (; joins > 0 && !found && join_one(b); joins--)
        found = take_free(b, order, align_order, &start);
    if (!found) {
        status = take_behind(b, order, align_order, size, &start, &length);
        if (status == MEMHEAP_ERR_NO_MEMORY) {
            join_all(b);
            if (take_free(b, order, align_order, &start))
                status = MEMHEAP_OK;
            else
                status =
                    take_behind(b, order, align_order, size, &start, &length);
        }
        if (status != MEMHEAP_OK)
            return memheap_result_error(status);
    }
    block_enter(b, start, length);
    return memheap_result_ok(bytes_of(b, start));
}

static memheap_result_t buddy_alloc(memheap_module_t *module, size_t align,
                                    size_t size)
{
    buddy_t *b = buddy_of(module);
    if (MEMHEAP_UNLIKELY(size > module->size))
        return memheap_result_error(MEMHEAP_ERR_NO_MEMORY);
    unsigned order = memheap_log2_ceil(granules_of(b, size));
    memheap_magazine_t *stack = &b->stack[order];
    if (MEMHEAP_UNLIKELY(stack->count == 0))
        return alloc_unstacked(b, size, align);
    uint64_t start = stack->round[stack->count - 1];
    size_t offset = bytes_of(b, start);
    if (MEMHEAP_UNLIKELY((offset & (align - 1)) != 0))
        return alloc_unstacked(b, size, align);
    stack->count--;
    b->held -= length_of(order);
    tag_line(&b->tags, start)->lives |= tag_bit(start);
    module->used += bytes_of(b, length_of(order));
    return memheap_result_ok(offset);
}

/* Free a block that cannot simply be pushed. */
static __attribute__((noinline)) void free_slowly(buddy_t *b, uint64_t start,
                                                  uint64_t length)
{
    b->module.used -= usable_at(b, start, length);
    block_uncut(b, start);
    bool stacks = memheap_is_power_of_two(length) && start % length == 0 &&
                  bytes_of(b, start + length) <= b->module.size &&
                  start < MEMHEAP_MAGAZINE_LIMIT && length <= b->limit;
    for (unsigned n = 0; stacks && b->held + length > b->limit; n++)
        stacks = n < JOINED_FOR_ROOM && join_one(b);
    if (!stacks) {
        b->blocks--;
        free_space(b, start, length);
        return;
    }
    unsigned order = memheap_log2_floor(length);
    memheap_magazine_t *stack = &b->stack[order];
    if (stack->count == MEMHEAP_MAGAZINE_ROUNDS)
        memheap_magazine_spill(&b->magazines, stack);
    stack->round[stack->count++] = (uint32_t)start;
    b->stacked |= (uint64_t)1 << order;
    b->held += length;
    tag_free(&b->tags, start);
}

static memheap_status_t buddy_free(memheap_module_t *module, size_t offset)
{
    buddy_t *b = buddy_of(module);
    uint64_t start = live_start(b, offset);
    if (MEMHEAP_UNLIKELY(start == SIZE_MAX))
        return MEMHEAP_ERR_BAD_ADDRESS;
    uint64_t length = length_at(b, start);
    unsigned order = (unsigned)__builtin_ctzll(length);
    memheap_magazine_t *stack = &b->stack[order];
    if (MEMHEAP_UNLIKELY(length != length_of(order) || b->cut.count > 0 ||
                         start >= MEMHEAP_MAGAZINE_LIMIT ||
                         stack->count == MEMHEAP_MAGAZINE_ROUNDS ||
                         b->held + length > b->limit)) {
        free_slowly(b, start, length);
        return MEMHEAP_OK;
    }
    stack->round[stack->count++] = (uint32_t)start;
    b->stacked |= (uint64_t)1 << order;
    b->held += length;
    tag_line(&b->tags, start)->lives ^= tag_bit(start);
    module->used -= bytes_of(b, length);
    return MEMHEAP_OK;
}

static memheap_status_t buddy_size_of(const memheap_module_t *module,
                                      size_t offset, size_t *size_p)
{
    const buddy_t *b = const_buddy_of(module);
    uint64_t start = live_start(b, offset);
    if (start == SIZE_MAX)
        return MEMHEAP_ERR_BAD_ADDRESS;
    *size_p = usable_at(b, start, length_at(b, start));
    return MEMHEAP_OK;
}

/* Let a live block take in what lies behind it, up to an order. Every buddy on
 * the way must be free, or the frontier lie right behind. */
static memheap_status_t extend(buddy_t *b, uint64_t start, uint64_t length,
                               unsigned target, size_t size)
{
    unsigned order = memheap_log2_floor(length);
    if (start % length_of(target) != 0 ||
        size > b->module.size - bytes_of(b, start))
        return MEMHEAP_ERR_NO_MEMORY;
    unsigned reached = order;
    uint64_t next = start + length;
    if (next < b->frontier && length != length_of(order))
        return MEMHEAP_ERR_NO_MEMORY;
    for (; reached < target && next < b->frontier; reached++) {
        if (!is_free_block(b, next, reached))
            return MEMHEAP_ERR_NO_MEMORY;
        next += length_of(reached);
    }
    uint64_t end = start + memheap_min(length_of(target), b->end - start);
    memheap_status_t status = tags_ensure(b, end);
    if (status != MEMHEAP_OK)
        return status;
    for (; order < reached; order++) {
        free_block_remove(b, start + length_of(order), order);
        tag_none(&b->tags, start + length_of(order));
    }
    if (end > b->frontier) {
        tag_none(&b->tags, b->frontier);
        frontier_set(b, end);
    }
    return MEMHEAP_OK;
}

static memheap_result_t buddy_resize(memheap_module_t *module, size_t offset,
                                     size_t size)
{
    buddy_t *b = buddy_of(module);
    uint64_t start = live_start(b, offset);
    if (start == SIZE_MAX)
        return memheap_result_error(MEMHEAP_ERR_BAD_ADDRESS);
    uint64_t have = length_at(b, start);
    size_t usable = usable_at(b, start, have);
    if (size > module->size)
        return (memheap_result_t){usable, MEMHEAP_ERR_NO_MEMORY};
    unsigned target = memheap_log2_ceil(granules_of(b, size));
    if (size <= usable && length_of(target) >= have)
        return memheap_result_ok(usable);
    memheap_status_t status = blocks_ensure(b);
    if (status == MEMHEAP_OK && size > usable)
        status = extend(b, start, have, target, size);
    if (status != MEMHEAP_OK)
        return (memheap_result_t){usable, status};
    module->used -= usable;
    block_uncut(b, start);
    uint64_t want = memheap_min(length_of(target), b->end - start);
    if (want < have)
        tag_free(&b->tags, start + want);
    usable = block_tag(b, start, want);
    module->used += usable;
    if (want < have)
        free_space(b, start + want, have - want);
    return memheap_result_ok(usable);
}

/* The order of the free block that contains a place, of at least an order;
 * ORDERS if there is none. */
static unsigned order_around(const buddy_t *b, uint64_t place, unsigned order)
{
    while (order <= b->max_order &&
           !is_free_block(b, place & ~(length_of(order) - 1), order))
        order++;
    return order <= b->max_order ? order : ORDERS;
}

/* Take a space of any length out of the free blocks that it lies in: it is what
 * a block had that was cut before the region grew. */
static bool take_space(buddy_t *b, uint64_t start, uint64_t end)
{
    for (uint64_t at = start; at < end;) {
        unsigned order = order_around(b, at, 0);
        if (order == ORDERS)
            return false;
        at = (at & ~(length_of(order) - 1)) + length_of(order);
    }
    for (uint64_t at = start; at < end;) {
        unsigned order = order_around(b, at, 0);
        uint64_t block = at & ~(length_of(order) - 1);
        uint64_t next = block + length_of(order);
        free_block_remove(b, block, order);
        if (block < start) {
            tag_free(&b->tags, start);
            free_space(b, block, start - block);
        }
        if (at > start)
            tag_none(&b->tags, at);
        if (next > end) {
            tag_free(&b->tags, end);
            free_space(b, end, next - end);
        }
        at = next;
    }
    return true;
}

static memheap_status_t buddy_reserve(memheap_module_t *module, size_t offset,
                                      size_t size)
{
    buddy_t *b = buddy_of(module);
    if (size > module->size || size > module->size - offset)
        return MEMHEAP_ERR_BUSY;
    uint64_t start = granule_at(b, offset);
    unsigned order = memheap_log2_ceil(granules_of(b, size));
    uint64_t length = length_of(order);
    if (start >= b->end || start % length != 0)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    memheap_status_t status = blocks_ensure(b);
    if (status != MEMHEAP_OK)
        return status;
    join_all(b);
    unsigned from = order_around(b, start, order);
    if (start >= b->frontier) {
        length = memheap_min(length, b->end - start);
        status = tags_ensure(b, start + length);
        if (status != MEMHEAP_OK)
            return status;
        frontier_advance(b, start);
        frontier_set(b, start + length);
    } else if (from < ORDERS) {
        uint64_t block = start & ~(length_of(from) - 1);
        free_block_remove(b, block, from);
        split(b, block, from, order, start);
    } else {
        length = granules_of(b, size);
        if (!take_space(b, start, start + length))
            return MEMHEAP_ERR_BUSY;
    }
    block_enter(b, start, length);
    return MEMHEAP_OK;
}

/* What depends on the past is which blocks are in stacks. */
static void buddy_normalize(memheap_module_t *module)
{
    join_all(buddy_of(module));
}

static memheap_status_t buddy_grow(memheap_module_t *module, size_t new_size)
{
    buddy_t *b = buddy_of(module);
    if (new_size < module->size || new_size > b->max_size)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    module->size = new_size;
    b->end = granules_of(b, new_size);
    limit_set(b);
    return MEMHEAP_OK;
}

/* Blocks that are not live and touch are shown as one. A granule that is cut
 * belongs to its block as a whole once the region has grown. */
static void buddy_walk(const memheap_module_t *module,
                       bool (*visit)(void *context,
                                     const memheap_extent_t *extent),
                       void *context)
{
    const buddy_t *b = const_buddy_of(module);
    size_t free_start = 0;
    for (uint64_t at = 0; at < b->frontier; at += length_at(b, at)) {
        if (!tag_is_live(&b->tags, at))
            continue;
        size_t start = bytes_of(b, at);
        size_t end =
            memheap_min(bytes_of(b, at + length_at(b, at)), module->size);
        memheap_extent_t before = {free_start, start - free_start, false};
        memheap_extent_t block = {start, end - start, true};
        if ((before.size > 0 && !visit(context, &before)) ||
            !visit(context, &block))
            return;
        free_start = end;
    }
    memheap_extent_t rest = {free_start, module->size - free_start, false};
    if (rest.size > 0)
        visit(context, &rest);
}

/* What one pass over all blocks finds. */
typedef struct tally {
    size_t used;
    size_t live;
    size_t stacked;
    uint64_t stacked_digest; /* of where blocks in stacks lie */
    size_t count[ORDERS];
} tally_t;

static uint64_t digest_of(uint64_t start, unsigned order)
{
    return (start + 1) * (order + UINT64_C(0x9E3779B97F4A7C15));
}

/* Test the block at a place, and count it. */
static bool check_block(const buddy_t *b, uint64_t at, tally_t *t)
{
    uint64_t length = length_at(b, at);
    if (length == 0 || length > b->frontier - at)
        return false;
    uint64_t end = at + length;
    if ((tag_line(&b->tags, end)->starts & tag_bit(end)) == 0)
        return false;
    if (tag_has_note(at, end) && tag_before(&b->tags, end).note != length)
        return false;
    if (tag_is_live(&b->tags, at)) {
        t->live++;
        t->used += usable_at(b, at, length);
        return true;
    }
    unsigned order = memheap_log2_floor(length);
    if (length != length_of(order) || at % length != 0)
        return false;
    if (is_free_block(b, at, order)) {
        t->count[order]++;
        return end < b->frontier && !is_free_block(b, at ^ length, order);
    }
    t->stacked++;
    t->stacked_digest += digest_of(at, order);
    return true;
}

/* Take what a stack holds away from a tally. */
static bool check_stack(const buddy_t *b, unsigned order, tally_t *t)
{
    const memheap_magazine_t *magazine = &b->stack[order];
    if ((b->stacked >> order & 1) == 0)
        return memheap_magazine_is_empty(magazine);
    for (bool first = true;; first = false) {
        if (magazine->count > t->stacked ||
            magazine->count > MEMHEAP_MAGAZINE_ROUNDS ||
            (!first && magazine->count < MEMHEAP_MAGAZINE_ROUNDS))
            return false;
        t->stacked -= magazine->count;
        for (unsigned i = 0; i < magazine->count; i++)
            t->stacked_digest -= digest_of(magazine->round[i], order);
        if (magazine->below == 0)
            return true;
        magazine = memheap_magazine_at(&b->magazines, magazine->below);
    }
}

static memheap_status_t buddy_check(const memheap_module_t *module)
{
    const buddy_t *b = const_buddy_of(module);
    tally_t t = {.used = 0};
    for (uint64_t at = 0; at < b->frontier; at += length_at(b, at)) {
        if (!check_block(b, at, &t))
            return MEMHEAP_ERR_CORRUPT;
    }
    if (b->blocks != t.live + t.stacked)
        return MEMHEAP_ERR_CORRUPT;
    for (unsigned order = 0; order < ORDERS; order++) {
        if (t.count[order] != b->count[order] ||
            (b->orders >> order & 1) != (b->count[order] != 0) ||
            !check_stack(b, order, &t))
            return MEMHEAP_ERR_CORRUPT;
    }
    if (t.used != module->used || t.stacked != 0 || t.stacked_digest != 0 ||
        b->frontier > b->end || b->end != granules_of(b, module->size))
        return MEMHEAP_ERR_CORRUPT;
    return MEMHEAP_OK;
}

/* The largest block that the space behind the frontier would give: for each
 * order, what is left of the region from the next multiple on. */
static size_t largest_behind_frontier(const buddy_t *b)
{
    size_t largest = 0;
    for (unsigned order = 0; order <= b->max_order; order++) {
        uint64_t start = memheap_align_up(b->frontier, length_of(order));
        if (start < b->end)
            largest = memheap_max(
                largest, memheap_min(bytes_of(b, length_of(order)),
                                     b->module.size - bytes_of(b, start)));
    }
    return largest;
}

/* What was ever written of all tables. */
static size_t metadata_of(const buddy_t *b)
{
    size_t bytes = sizeof(*b) +
                   ((b->high >> TAG_LINE_ORDER) + 1) * sizeof(tag_line_t) +
                   (b->magazines.count + 1) * sizeof(memheap_magazine_t) +
                   memheap_hashmap_size(&b->cut);
    for (unsigned order = 0; order <= b->max_order; order++)
        bytes += memheap_bitmap_bytes((b->high >> order) + 1);
    return bytes;
}

static void buddy_stats(const memheap_module_t *module,
                        memheap_module_stats_t *stats)
{
    const buddy_t *b = const_buddy_of(module);
    size_t largest = largest_behind_frontier(b);
    if (b->orders != 0)
        largest = memheap_max(
            largest, bytes_of(b, length_of(memheap_log2_floor(b->orders))));
    *stats = (memheap_module_stats_t){.size = module->size,
                                      .used = module->used,
                                      .largest_free = largest,
                                      .metadata = metadata_of(b)};
}

static void buddy_destroy(memheap_module_t *module)
{
    buddy_t *b = buddy_of(module);
    const memheap_memory_t *memory = b->memory;
    memheap_hashmap_close(&b->cut);
    memheap_array_close(&b->tags);
    memheap_array_close(&b->magazines.array);
    if (b->bitmap_memory != NULL)
        memheap_memory_delete(memory, b->bitmap_memory, b->bitmap_bytes);
    memheap_memory_delete(memory, b, sizeof(*b));
}

static const memheap_module_ops_t buddy_ops = {.alloc = buddy_alloc,
                                               .free = buddy_free,
                                               .size_of = buddy_size_of,
                                               .resize = buddy_resize,
                                               .reserve = buddy_reserve,
                                               .normalize = buddy_normalize,
                                               .grow = buddy_grow,
                                               .walk = buddy_walk,
                                               .check = buddy_check,
                                               .stats = buddy_stats,
                                               .destroy = buddy_destroy};

/* One bitmap an order, all in one piece of memory. */
static memheap_status_t bitmaps_new(buddy_t *b, uint64_t max_end)
{
    size_t bytes = 0;
    for (unsigned order = 0; order <= b->max_order; order++)
        bytes += memheap_bitmap_bytes((max_end >> order) + 2);
    b->bitmap_memory = memheap_memory_new(b->memory, bytes);
    if (b->bitmap_memory == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    b->bitmap_bytes = bytes;
    char *next = b->bitmap_memory;
    for (unsigned order = 0; order <= b->max_order; order++) {
        size_t bits = (max_end >> order) + 2;
        memheap_bitmap_init(&b->free[order], next, bits);
        next += memheap_bitmap_bytes(bits);
    }
    return MEMHEAP_OK;
}

static memheap_status_t tables_open(buddy_t *b)
{
    uint64_t max_end = granules_of(b, b->max_size);
    b->max_order = memheap_log2_ceil(max_end);
    memheap_status_t status = bitmaps_new(b, max_end);
    if (status == MEMHEAP_OK)
        status = memheap_array_open(&b->tags, b->memory,
                                    ((max_end >> TAG_LINE_ORDER) + 1) *
                                        sizeof(tag_line_t));
    if (status == MEMHEAP_OK)
        status = memheap_magazines_open(&b->magazines, b->memory,
                                        max_end + 2 * ENSURE_AHEAD);
    if (status == MEMHEAP_OK)
        status = memheap_hashmap_open(&b->cut, b->memory);
    if (status == MEMHEAP_OK)
        status = tags_ensure(b, 0);
    return status;
}

static memheap_status_t buddy_create(const memheap_module_config_t *config,
                                     long *priority_p,
                                     memheap_module_t **module_p)
{
    (void)priority_p;
    if (memheap_log2_ceil(config->max_size) >= ORDERS)
        return MEMHEAP_ERR_UNSUPPORTED;
    buddy_t *b = memheap_memory_new(config->memory, sizeof(*b));
    if (b == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    b->module.ops = &buddy_ops;
    b->module.size = config->size;
    b->memory = config->memory;
    b->max_size = config->max_size;
    b->granule_order = memheap_log2_floor(config->params[PARAM_MIN_BLOCK].size);
    b->end = granules_of(b, config->size);
    memheap_status_t status = tables_open(b);
    if (status != MEMHEAP_OK) {
        buddy_destroy(&b->module);
        return status;
    }
    frontier_set(b, 0);
    *module_p = &b->module;
    return MEMHEAP_OK;
}

static const memheap_param_def_t params[] = {
    [PARAM_MIN_BLOCK] = {.name = "min_block",
                         .type = MEMHEAP_PARAM_SIZE,
                         .unit = "bytes",
                         .default_text = "32",
                         .help = "size of the smallest block, a power of two",
                         .power_of_two = true,
                         .minimum = 16,
                         .maximum = (size_t)1 << 30},
};

const memheap_component_t memheap_buddy_component = {
    .abi = MEMHEAP_COMPONENT_ABI,
    .name = "buddy",
    .summary = "binary buddies: blocks of powers of two, joined late",
    .priority = 40,
    .params = params,
    .param_count = sizeof(params) / sizeof(params[0]),
    .create = buddy_create};
