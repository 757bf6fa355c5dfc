/*
 * Pseudo-random numbers: the same on every machine, and fast compared with the
 * measured calls. A state may be any number except 0.
 *
 * Source: G. Marsaglia, "Xorshift RNGs", J. Stat. Software 8(14), 2003.
 */
#ifndef MEMHEAP_BENCH_COMMON_RANDOM_H
#define MEMHEAP_BENCH_COMMON_RANDOM_H

#include <stdint.h>

static inline uint64_t draw64(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

static inline uint32_t draw32(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    return *state ^= *state << 5;
}

#endif
