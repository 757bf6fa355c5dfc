/*
 * The block map: two bits for each granule. It tells where each block starts,
 * how long it is and whether it is live.
 *
 * All positions and lengths count granules. The blocks of the region are
 * adjacent, from 0 to the top. A line of the map covers 64 granules:
 *
 *     starts   bit g: a block starts at granule g, or the top is there
 *     live     bit g: this block is live; no meaning where none starts
 *
 * A line without any start is covered by one block. The first and the last such
 * line of a block hold the block's length in `live`:
 *
 *     line     0          1        2 ... n-1      n          n+1
 *     starts   0..1..0    0        0              0          1..
 *     live     0..1..0    length   undefined      length     0..
 *                 ^ block starts                             ^ next start
 *
 * So the block that starts or ends at a granule is found in at most two lines.
 */
#ifndef MEMHEAP_COMPONENTS_BUDDY_BUDDY_MAP_H
#define MEMHEAP_COMPONENTS_BUDDY_BUDDY_MAP_H

#include "base/array.h"
#include "base/util.h"

enum {
    MAP_LINE_ORDER = 6,
    MAP_LINE = 1 << MAP_LINE_ORDER
};

typedef struct map_line {
    uint64_t starts;
    uint64_t live;
} map_line_t;

/** The other end of a block, or its length if the other end is beyond the next
 *  line. */
typedef struct map_bound {
    uint64_t granule; /* 0: use length */
    uint64_t length;
} map_bound_t;

static inline uint64_t map_bit(uint64_t granule)
{
    return (uint64_t)1 << (granule % MAP_LINE);
}

static inline map_line_t *map_line(const memheap_array_t *map, uint64_t granule)
{
    return (map_line_t *)(void *)map->base + (granule >> MAP_LINE_ORDER);
}

/** Whether a live block starts at a granule. */
static inline bool map_is_live(const memheap_array_t *map, uint64_t granule)
{
    const map_line_t *line = map_line(map, granule);
    return ((line->starts & line->live) >> (granule % MAP_LINE) & 1) != 0;
}

/** The end of the block that starts at a granule. */
static inline map_bound_t map_block_end(const memheap_array_t *map,
                                        uint64_t granule)
{
    const map_line_t *line = map_line(map, granule);
    unsigned bit = granule % MAP_LINE;
    uint64_t behind = line->starts >> bit >> 1;
    if (behind != 0)
        return (map_bound_t){granule + 1 + (unsigned)__builtin_ctzll(behind),
                             0};
    line++;
    if (line->starts == 0)
        return (map_bound_t){0, line->live};
    return (map_bound_t){
        granule - bit + MAP_LINE + (unsigned)__builtin_ctzll(line->starts), 0};
}

/** The start of the block that ends at a granule greater than 0. */
static inline map_bound_t map_block_start(const memheap_array_t *map,
                                          uint64_t granule)
{
    const map_line_t *line = map_line(map, granule);
    uint64_t first = memheap_align_down(granule, MAP_LINE);
    uint64_t starts = line->starts & (map_bit(granule) - 1);
    if (starts == 0) {
        line--;
        first -= MAP_LINE;
        starts = line->starts;
        if (starts == 0)
            return (map_bound_t){0, line->live};
    }
    return (map_bound_t){first + memheap_log2_floor(starts), 0};
}

/** Remove the start at a granule. */
static inline void map_unmark(const memheap_array_t *map, uint64_t granule)
{
    map_line(map, granule)->starts &= ~map_bit(granule);
}

/** Mark the start of a block that is not live. */
static inline void map_mark_free(const memheap_array_t *map, uint64_t granule)
{
    map_line_t *line = map_line(map, granule);
    line->starts |= map_bit(granule);
    line->live &= ~map_bit(granule);
}

/** Mark the start of a live block. */
static inline void map_mark_live(const memheap_array_t *map, uint64_t granule)
{
    map_line_t *line = map_line(map, granule);
    line->starts |= map_bit(granule);
    line->live |= map_bit(granule);
}

/** Store the length of a block in the lines without a start, if it has any.
 *  Both of its ends are marked. */
static inline void map_store_length(const memheap_array_t *map,
                                    uint64_t granule, uint64_t end,
                                    uint64_t length)
{
    map_line_t *first = map_line(map, granule) + 1;
    map_line_t *last = map_line(map, end) - 1;
    if (first <= last)
        first->live = last->live = length;
}

/** Whether a block has lines without a start. */
static inline bool map_stores_length(uint64_t granule, uint64_t end)
{
    return (granule >> MAP_LINE_ORDER) + 1 < end >> MAP_LINE_ORDER;
}

#endif
