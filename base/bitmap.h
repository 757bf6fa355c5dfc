/*
 * A set of small numbers that finds its smallest member in a few loads.
 *
 * Level 0 has a bit for each number. Each bit of a higher level summarizes a
 * word of the level below: it is set if that word is not 0. The highest level
 * is one word:
 *
 *     level 2   [ w0 ]                     1 word
 *     level 1   [ w0 ][ w1 ] ...           up to 64 words
 *     level 0   [ w0 ][ w1 ][ w2 ] ...     a bit for each number
 *
 * Six levels cover 2^36 numbers. The words are zeroed memory of the caller; a
 * set touches only the pages of its members and their summaries.
 *
 * Source: 64-ary van Emde Boas layout; P. van Emde Boas, "Preserving order in a
 * forest in less than logarithmic time", FOCS 1975.
 */
#ifndef MEMHEAP_BASE_BITMAP_H
#define MEMHEAP_BASE_BITMAP_H

#include "base/util.h"

#define MEMHEAP_BITMAP_LEVELS 11
#define MEMHEAP_BITMAP_NONE SIZE_MAX

typedef struct memheap_bitmap {
    uint64_t *level[MEMHEAP_BITMAP_LEVELS];
    unsigned levels;
    size_t bits; /* members are below this */
} memheap_bitmap_t;

/** Bytes of zeroed memory for a set of numbers below `bits`. */
static inline size_t memheap_bitmap_bytes(size_t bits)
{
    size_t words = 0;
    size_t left = bits;
    do {
        left = left / 64 + (left % 64 != 0);
        words += left;
    } while (left > 1);
    return words * sizeof(uint64_t);
}

/** Initialize an empty set in memheap_bitmap_bytes(bits) bytes of zeros. bits
 *  > 0. */
static inline void memheap_bitmap_init(memheap_bitmap_t *map, void *memory,
                                       size_t bits)
{
    uint64_t *word = memory;
    size_t left = bits;
    map->bits = bits;
    map->levels = 0;
    do {
        left = left / 64 + (left % 64 != 0);
        map->level[map->levels++] = word;
        word += left;
    } while (left > 1);
}

static inline bool memheap_bitmap_test(const memheap_bitmap_t *map, size_t n)
{
    return (map->level[0][n / 64] >> (n % 64) & 1) != 0;
}

static inline void memheap_bitmap_set(memheap_bitmap_t *map, size_t n)
{
    for (unsigned level = 0; level < map->levels; level++) {
        uint64_t before = map->level[level][n / 64];
        map->level[level][n / 64] = before | (uint64_t)1 << (n % 64);
        if (before != 0)
            return;
        n /= 64;
    }
}

static inline void memheap_bitmap_clear(memheap_bitmap_t *map, size_t n)
{
    for (unsigned level = 0; level < map->levels; level++) {
        map->level[level][n / 64] &= ~((uint64_t)1 << (n % 64));
        if (map->level[level][n / 64] != 0)
            return;
        n /= 64;
    }
}

/** The smallest member, or MEMHEAP_BITMAP_NONE. */
static inline size_t memheap_bitmap_first(const memheap_bitmap_t *map)
{
    size_t n = 0;
    for (unsigned level = map->levels; level-- > 0;) {
        uint64_t word = map->level[level][n];
        if (word == 0)
            return MEMHEAP_BITMAP_NONE;
        n = n * 64 + (size_t)__builtin_ctzll(word);
    }
    return n;
}

#endif
