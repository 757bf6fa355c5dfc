/*
 * What a PE writes into blocks, so that a byte out of place shows.
 */
#ifndef MEMHEAP_TOOLS_REPLAY_PATTERN_H
#define MEMHEAP_TOOLS_REPLAY_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /** Bytes at each end of a block that get a pattern. Big blocks have none
     *  in between: that bounds the time, and it is the ends that a neighbour
     *  overwrites. */
    PATTERN_EDGE = 2048,
    PATTERN_PARTS = 2
};

/** A stretch of a block. */
typedef struct pattern_part {
    size_t first, size;
} pattern_part_t;

/** The parts of a block that have a pattern; the second may be empty. */
static inline void pattern_parts(size_t size,
                                 pattern_part_t parts[PATTERN_PARTS])
{
    bool whole = size <= 2 * (size_t)PATTERN_EDGE;
    parts[0] = (pattern_part_t){0, whole ? size : PATTERN_EDGE};
    parts[1] = (pattern_part_t){size - PATTERN_EDGE, PATTERN_EDGE};
    if (whole)
        parts[1] = (pattern_part_t){size, 0};
}

/** What tells one pattern from all others: who wrote it, and when. */
static inline uint64_t pattern_seed(int pe, size_t operation)
{
    uint64_t seed = (uint64_t)(unsigned)pe << 40 ^ operation;
    /* Constants of a 64-bit finalizer: D. Stafford, "Better bit mixing",
     * variant 13. */
    seed = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9u;
    seed = (seed ^ seed >> 27) * 0x94d049bb133111ebu;
    return seed ^ seed >> 31;
}

/** The byte of a pattern at a position in its block. */
static inline unsigned char pattern_byte(uint64_t seed, size_t position)
{
    /* 2^64 over the golden ratio: neighbours differ in the upper byte. */
    return (unsigned char)((seed + position * 0x9e3779b97f4a7c15u) >> 56);
}

#endif
