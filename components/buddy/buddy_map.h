/*
 * Tags: where each piece of a region starts, and whether it is live.
 *
 * All lengths and places are counted in granules, whose size is the user's.
 * The pieces of a region lie side by side from 0 to the top; a piece is a live
 * block or free.
 * A line has two bits for each of 64 granules: in `starts`, that a piece
 * starts there, and in `lives`, that this piece is a block. Bits in `lives` of
 * granules where nothing starts mean nothing. The top counts as a start, which
 * ends the last piece.
 *
 * A line in which nothing starts is covered by one piece. Of such lines of a
 * piece, the first and the last hold its note in `lives`: a number that says
 * how long the piece is, or is the name of a node that does. So what lies at a
 * place, and what lies before it, is found in two lines at most.
 */
#ifndef MEMHEAP_COMPONENTS_BUDDY_BUDDY_MAP_H
#define MEMHEAP_COMPONENTS_BUDDY_BUDDY_MAP_H

#include "base/array.h"
#include "base/util.h"

enum {
    TAG_LINE_ORDER = 6,
    TAG_LINE = 1 << TAG_LINE_ORDER
};

typedef struct tag_line {
    uint64_t starts;
    uint64_t lives;
} tag_line_t;

/** What tags tell of a piece: its other end, or, if that is further away than
 *  the next line, its note. */
typedef struct tag_far {
    uint64_t granule; /* 0 if there is a note */
    uint64_t note;
} tag_far_t;

static inline uint64_t tag_bit(uint64_t granule)
{
    return (uint64_t)1 << (granule % TAG_LINE);
}

static inline tag_line_t *tag_line(const memheap_array_t *tags,
                                   uint64_t granule)
{
    return (tag_line_t *)(void *)tags->base + (granule >> TAG_LINE_ORDER);
}

/** Whether a live block starts at a granule. */
static inline bool tag_is_live(const memheap_array_t *tags, uint64_t granule)
{
    const tag_line_t *line = tag_line(tags, granule);
    return ((line->starts & line->lives) >> (granule % TAG_LINE) & 1) != 0;
}

/** Where the piece that starts at a granule ends, or its note. */
static inline tag_far_t tag_end(const memheap_array_t *tags, uint64_t granule)
{
    const tag_line_t *line = tag_line(tags, granule);
    unsigned bit = granule % TAG_LINE;
    uint64_t behind = line->starts >> bit >> 1;
    if (behind != 0)
        return (tag_far_t){granule + 1 + (unsigned)__builtin_ctzll(behind), 0};
    line++;
    if (line->starts == 0)
        return (tag_far_t){0, line->lives};
    return (tag_far_t){
        granule - bit + TAG_LINE + (unsigned)__builtin_ctzll(line->starts), 0};
}

/** Where the piece that ends before a granule other than 0 starts, or its
 *  note. */
static inline tag_far_t tag_before(const memheap_array_t *tags,
                                   uint64_t granule)
{
    const tag_line_t *line = tag_line(tags, granule);
    uint64_t first = memheap_align_down(granule, TAG_LINE);
    uint64_t starts = line->starts & (tag_bit(granule) - 1);
    if (starts == 0) {
        line--;
        first -= TAG_LINE;
        starts = line->starts;
        if (starts == 0)
            return (tag_far_t){0, line->lives};
    }
    return (tag_far_t){first + memheap_log2_floor(starts), 0};
}

/** Let nothing start at a granule. */
static inline void tag_none(const memheap_array_t *tags, uint64_t granule)
{
    tag_line(tags, granule)->starts &= ~tag_bit(granule);
}

/** Let a free piece start at a granule. */
static inline void tag_free(const memheap_array_t *tags, uint64_t granule)
{
    tag_line_t *line = tag_line(tags, granule);
    line->starts |= tag_bit(granule);
    line->lives &= ~tag_bit(granule);
}

/** Let a live block start at a granule. */
static inline void tag_live(const memheap_array_t *tags, uint64_t granule)
{
    tag_line_t *line = tag_line(tags, granule);
    line->starts |= tag_bit(granule);
    line->lives |= tag_bit(granule);
}

/** Write the note of the piece from a granule to another. Both are tagged.
 *  @return whether the piece has room for one */
static inline bool tag_note(const memheap_array_t *tags, uint64_t granule,
                            uint64_t end, uint64_t note)
{
    tag_line_t *first = tag_line(tags, granule) + 1;
    tag_line_t *last = tag_line(tags, end) - 1;
    if (first > last)
        return false;
    first->lives = note;
    last->lives = note;
    return true;
}

/** Whether the piece from a granule to another has room for a note. */
static inline bool tag_has_note(uint64_t granule, uint64_t end)
{
    return (granule >> TAG_LINE_ORDER) + 1 < end >> TAG_LINE_ORDER;
}

#endif
