/*
 * Tags: where each piece of a region starts, and whether it is live.
 *
 * All lengths and places are counted in granules, whose size is the user's.
 * The pieces of a region lie side by side from 0 to the top; a piece is a live
 * block or free.
 * A line has two bits for each of 64 granules: in `starts`, that a piece
 * starts there, and in `live`, that this piece is a block. Bits in `live` of
 * granules where nothing starts mean nothing. The top counts as a start, which
 * ends the last piece.
 *
 * A line in which nothing starts is covered by one piece. Of such lines of a
 * piece, the first and the last hold its note in `live`: a number that says
 * how long the piece is, or is the name of a node that does. So what lies at a
 * place, and what lies before it, is found in two lines at most.
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

/** What map tell of a piece: its other end, or, if that is further away than
 *  the next line, its note. */
typedef struct map_bound {
    uint64_t granule; /* 0 if there is a note */
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

/** Where the piece that starts at a granule ends, or its note. */
static inline map_bound_t map_piece_end(const memheap_array_t *map,
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

/** Where the piece that ends before a granule other than 0 starts, or its
 *  note. */
static inline map_bound_t map_piece_start(const memheap_array_t *map,
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

/** Let nothing start at a granule. */
static inline void map_unmark(const memheap_array_t *map, uint64_t granule)
{
    map_line(map, granule)->starts &= ~map_bit(granule);
}

/** Let a free piece start at a granule. */
static inline void map_mark_free(const memheap_array_t *map, uint64_t granule)
{
    map_line_t *line = map_line(map, granule);
    line->starts |= map_bit(granule);
    line->live &= ~map_bit(granule);
}

/** Let a live block start at a granule. */
static inline void map_mark_live(const memheap_array_t *map, uint64_t granule)
{
    map_line_t *line = map_line(map, granule);
    line->starts |= map_bit(granule);
    line->live |= map_bit(granule);
}

/** Write the note of the piece from a granule to another. Both are tagged.
 *  @return whether the piece has room for one */
static inline bool map_store_length(const memheap_array_t *map,
                                    uint64_t granule, uint64_t end,
                                    uint64_t length)
{
    map_line_t *first = map_line(map, granule) + 1;
    map_line_t *last = map_line(map, end) - 1;
    if (first > last)
        return false;
    first->live = length;
    last->live = length;
    return true;
}

/** Whether the piece from a granule to another has room for a note. */
static inline bool map_stores_length(uint64_t granule, uint64_t end)
{
    return (granule >> MAP_LINE_ORDER) + 1 < end >> MAP_LINE_ORDER;
}

#endif
