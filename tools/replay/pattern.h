/*
 * The pattern that a PE writes into blocks, to detect misplaced bytes.
 */
#ifndef MEMHEAP_TOOLS_REPLAY_PATTERN_H
#define MEMHEAP_TOOLS_REPLAY_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /** Bytes of the pattern at each end of a block. The middle of a large block
     *  has no pattern: this limits the time, and an overrun from an adjacent
     *  block damages an end. */
    PATTERN_EDGE = 2048,
    PATTERN_PARTS = 2
};

/** A byte range of a block. */
typedef struct pattern_part {
    size_t first, size;
} pattern_part_t;

/** Compute the parts of a block that have a pattern. The second may be
 *  empty. */
static inline void pattern_parts(size_t size,
                                 pattern_part_t parts[PATTERN_PARTS])
{
    bool whole = size <= 2 * (size_t)PATTERN_EDGE;
    parts[0] = (pattern_part_t){0, whole ? size : PATTERN_EDGE};
    parts[1] = (pattern_part_t){size - PATTERN_EDGE, PATTERN_EDGE};
    if (whole)
        parts[1] = (pattern_part_t){size, 0};
}

/** Compute the seed of a pattern from its writer and its operation. */
static inline uint64_t pattern_seed(int pe, size_t operation)
{
    uint64_t seed = (uint64_t)(unsigned)pe << 40 ^ operation;
    /* Constants of a 64-bit finalizer. Source: D. Stafford, "Better bit
     * mixing", variant 13. */
    seed = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9u;
    seed = (seed ^ seed >> 27) * 0x94d049bb133111ebu;
    return seed ^ seed >> 31;
}

/** Compute the byte of a pattern at an offset in its block. */
static inline unsigned char pattern_byte(uint64_t seed, size_t position)
{
    /* 2^64 over the golden ratio: adjacent offsets differ in the upper byte. */
    return (unsigned char)((seed + position * 0x9e3779b97f4a7c15u) >> 56);
}

#endif
