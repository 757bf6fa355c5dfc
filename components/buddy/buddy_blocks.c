/*
 * Free blocks and the top of a buddy module: split, join, take and release.
 */
#include "config.h"

#include "components/buddy/buddy_blocks.h"

enum {
    /* Limits of the cache: the greater of CACHE_MAX_SMALL granules and the
     * space below the top >> CACHE_MAX_BELOW_SHIFT, but no more than the space
     * above it >> CACHE_MAX_ABOVE_SHIFT. */
    CACHE_MAX_BELOW_SHIFT = 2,
    CACHE_MAX_SMALL = 2048,
    CACHE_MAX_ABOVE_SHIFT = 5,
};

void buddy_update_cache_limit(buddy_t *b)
{
    uint64_t before =
        memheap_max(b->top >> CACHE_MAX_BELOW_SHIFT, CACHE_MAX_SMALL);
    b->cache_max =
        memheap_min(before, (b->end - b->top) >> CACHE_MAX_ABOVE_SHIFT);
}

void buddy_set_top(buddy_t *b, uint64_t top)
{
    b->top = top;
    b->top_max = memheap_max(b->top_max, top);
    map_mark_free(&b->map, top);
    buddy_update_cache_limit(b);
}

/* Enter a free block. The start behind it is already marked. */
static void free_block_add(buddy_t *b, uint64_t start, unsigned order)
{
    map_mark_free(&b->map, start);
    map_store_length(&b->map, start, start + length_of(order),
                     length_of(order));
    memheap_bitmap_set(&b->free_map[order], start >> order);
    b->free_count[order]++;
    b->free_orders |= (uint64_t)1 << order;
}

void buddy_remove_free(buddy_t *b, uint64_t start, unsigned order)
{
    memheap_bitmap_clear(&b->free_map[order], start >> order);
    if (--b->free_count[order] == 0)
        b->free_orders &= ~((uint64_t)1 << order);
}

/* The order of the largest block that starts at `start` and ends at or before
 * `end`. */
static unsigned order_between(uint64_t start, uint64_t end)
{
    unsigned order = memheap_log2_floor(end - start);
    return start == 0
               ? order
               : (unsigned)memheap_min(order, (unsigned)__builtin_ctzll(start));
}

void buddy_advance_top(buddy_t *b, uint64_t target)
{
    uint64_t start = b->top;
    buddy_set_top(b, target);
    while (start < target) {
        unsigned order = order_between(start, target);
        uint64_t next = start + length_of(order);
        map_mark_free(&b->map, next);
        free_block_add(b, start, order);
        start = next;
    }
}

/* Lower the top to the start of a block, and further over free blocks below
 * it. */
static void top_retreat(buddy_t *b, uint64_t start)
{
    map_unmark(&b->map, b->top);
    while (start > 0) {
        map_bound_t bound = map_block_start(&b->map, start);
        uint64_t before =
            bound.length != 0 ? start - bound.length : bound.granule;
        unsigned order = memheap_log2_floor(start - before);
        if (!is_free_block(b, before, order))
            break;
        buddy_remove_free(b, before, order);
        map_unmark(&b->map, start);
        start = before;
    }
    buddy_set_top(b, start);
}

void buddy_release(buddy_t *b, uint64_t start, uint64_t length)
{
    uint64_t end = start + length;
    if (end == b->top) {
        top_retreat(b, start);
        return;
    }
    while (start < end) {
        unsigned order = order_between(start, end);
        uint64_t block = start;
        start += length_of(order);
        if (start < end)
            map_mark_free(&b->map, start);
        for (;; order++) {
            uint64_t buddy = block ^ length_of(order);
            if (!is_free_block(b, buddy, order))
                break;
            buddy_remove_free(b, buddy, order);
            map_unmark(&b->map, memheap_max(block, buddy));
            block = memheap_min(block, buddy);
        }
        free_block_add(b, block, order);
    }
}

uint64_t buddy_split(buddy_t *b, uint64_t block, unsigned order,
                     unsigned target, uint64_t granule)
{
    while (order > target) {
        order--;
        uint64_t upper = block + length_of(order);
        map_mark_free(&b->map, upper);
        if (granule < upper) {
            free_block_add(b, upper, order);
        } else {
            free_block_add(b, block, order);
            block = upper;
        }
    }
    return block;
}

bool buddy_take_free(buddy_t *b, unsigned order, unsigned align_order,
                     uint64_t *start_p)
{
    uint64_t fitting = b->free_orders >> align_order << align_order;
    if (fitting == 0)
        return false;
    unsigned from = (unsigned)__builtin_ctzll(fitting);
    uint64_t start = (uint64_t)memheap_bitmap_first(&b->free_map[from]) << from;
    buddy_remove_free(b, start, from);
    *start_p = buddy_split(b, start, from, order, start);
    return true;
}

memheap_status_t buddy_take_above_top(buddy_t *b, unsigned order,
                                      unsigned align_order, size_t size,
                                      uint64_t *start_p, uint64_t *length_p)
{
    uint64_t start = memheap_align_up(b->top, length_of(align_order));
    if (start >= b->end || size > b->module.size - bytes_of(b, start))
        return MEMHEAP_ERR_NO_MEMORY;
    uint64_t length = memheap_min(length_of(order), b->end - start);
    memheap_status_t status = map_ensure(b, start + length);
    if (status != MEMHEAP_OK)
        return status;
    buddy_advance_top(b, start);
    buddy_set_top(b, start + length);
    *start_p = start;
    *length_p = length;
    return MEMHEAP_OK;
}

memheap_status_t buddy_extend(buddy_t *b, uint64_t start, uint64_t length,
                              unsigned target, size_t size)
{
    unsigned order = memheap_log2_floor(length);
    if (start % length_of(target) != 0 ||
        size > b->module.size - bytes_of(b, start))
        return MEMHEAP_ERR_NO_MEMORY;
    unsigned reached = order;
    uint64_t next = start + length;
    if (next < b->top && length != length_of(order))
        return MEMHEAP_ERR_NO_MEMORY;
    for (; reached < target && next < b->top; reached++) {
        if (!is_free_block(b, next, reached))
            return MEMHEAP_ERR_NO_MEMORY;
        next += length_of(reached);
    }
    uint64_t end = start + memheap_min(length_of(target), b->end - start);
    memheap_status_t status = map_ensure(b, end);
    if (status != MEMHEAP_OK)
        return status;
    for (; order < reached; order++) {
        buddy_remove_free(b, start + length_of(order), order);
        map_unmark(&b->map, start + length_of(order));
    }
    if (end > b->top) {
        map_unmark(&b->map, b->top);
        buddy_set_top(b, end);
    }
    return MEMHEAP_OK;
}

unsigned buddy_order_around(const buddy_t *b, uint64_t granule, unsigned order)
{
    while (order <= b->max_order &&
           !is_free_block(b, granule & ~(length_of(order) - 1), order))
        order++;
    return order <= b->max_order ? order : ORDERS;
}

bool buddy_take_range(buddy_t *b, uint64_t start, uint64_t end)
{
    for (uint64_t at = start; at < end;) {
        unsigned order = buddy_order_around(b, at, 0);
        if (order == ORDERS)
            return false;
        at += length_of(order);
    }
    for (uint64_t at = start; at < end;) {
        unsigned order = buddy_order_around(b, at, 0);
        uint64_t next = at + length_of(order);
        buddy_remove_free(b, at, order);
        if (at > start)
            map_unmark(&b->map, at);
        if (next > end) {
            map_mark_free(&b->map, end);
            buddy_release(b, end, next - end);
        }
        at = next;
    }
    return true;
}
