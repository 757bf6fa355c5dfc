/*
 * Whether a heap still grows.
 *
 * Blocks that were allocated past the cache are counted in periods. A period
 * ends when they add up to the top. The heap is steady once a whole period
 * passed in which the top stayed below the highest of this period and the one
 * before, or exceeded it by no more than a small part. It is growing again as
 * soon as the top exceeds both by more.
 */
#ifndef MEMHEAP_COMPONENTS_PTMALLOC_GROWTH_H
#define MEMHEAP_COMPONENTS_PTMALLOC_GROWTH_H

#include "base/util.h"

enum {
    GROWTH_SHIFT = 5 /* the part of the highest top that counts as growth */
};

/** All zero is a heap that never grew. Counts granules. */
typedef struct growth {
    uint64_t highest;        /* top in this period */
    uint64_t highest_before; /* and in the one before */
    uint64_t allocated;      /* past the cache, in this period */
    bool steady;
} growth_t;

/** Count a block that was allocated past the cache. Returns whether the heap
 *  became steady, or ceased to be. */
static inline bool growth_note(growth_t *growth, uint64_t size, uint64_t top)
{
    bool was_steady = growth->steady;
    uint64_t highest = memheap_max(growth->highest, growth->highest_before);
    growth->allocated += size;
    growth->highest = memheap_max(growth->highest, top);
    if (top > highest + (highest >> GROWTH_SHIFT)) {
        growth->steady = false;
        growth->allocated = 0;
    } else if (growth->allocated > top) {
        growth->highest_before = growth->highest;
        growth->highest = top;
        growth->allocated = 0;
        growth->steady = true;
    }
    return growth->steady != was_steady;
}

#endif
