/*
 * Bins: lists of all chunks by size.
 *
 * A chunk of less than 64 granules is in the bin of its exact size. Each larger
 * power of two is divided into 16 bins. A bin is a list, last in first out. A
 * bitmap tells which bins are not empty; a summary word tells which words of
 * the bitmap are not 0.
 *
 * Source: M. Masmano, I. Ripoll, A. Crespo, J. Real, "TLSF: a new dynamic
 * memory allocator for real-time systems", 2004 (bins in two levels).
 */
#ifndef MEMHEAP_COMPONENTS_PTMALLOC_BINS_H
#define MEMHEAP_COMPONENTS_PTMALLOC_BINS_H

#include "components/ptmalloc/chunk.h"

enum {
    BINS_EXACT = 64, /* smaller sizes have a bin each */
    BINS_SPLIT = 4,  /* log2 of the bins of a power of two */
    /* a shorter block may be a granule longer than requested */
    BINS_SLACK_MAX = 64,
    BINS_COUNT = BINS_EXACT + ((64 - 6) << BINS_SPLIT),
    BINS_WORDS = (BINS_COUNT + 63) / 64
};

typedef struct bins {
    uint64_t summary;         /* bit w: map[w] is not 0 */
    uint64_t map[BINS_WORDS]; /* bit b % 64 of word b / 64: bin b has chunks */
    chunk_id_t head[BINS_COUNT];
} bins_t;

static inline unsigned bins_index(uint64_t size)
{
    if (size < BINS_EXACT)
        return (unsigned)size;
    unsigned order = memheap_log2_floor(size);
    return ((order - 6 + 3) << BINS_SPLIT) +
           (unsigned)(size >> (order - BINS_SPLIT));
}

static inline void bins_add(bins_t *bins, chunk_pool_t *pool, chunk_id_t id)
{
    chunk_t *chunk = chunk_at(pool, id);
    unsigned bin = bins_index(chunk->size);
    chunk_id_t head = bins->head[bin];
    chunk->prev = CHUNK_NONE;
    chunk->next = head;
    bins->head[bin] = id;
    if (head != CHUNK_NONE) {
        chunk_at(pool, head)->prev = id;
        return;
    }
    bins->map[bin / 64] |= (uint64_t)1 << bin % 64;
    bins->summary |= (uint64_t)1 << bin / 64;
}

static inline void bins_remove(bins_t *bins, chunk_pool_t *pool, chunk_id_t id)
{
    const chunk_t *chunk = chunk_at(pool, id);
    if (chunk->next != CHUNK_NONE)
        chunk_at(pool, chunk->next)->prev = chunk->prev;
    if (chunk->prev != CHUNK_NONE) {
        chunk_at(pool, chunk->prev)->next = chunk->next;
        return;
    }
    unsigned bin = bins_index(chunk->size);
    bins->head[bin] = chunk->next;
    if (chunk->next != CHUNK_NONE)
        return;
    bins->map[bin / 64] &= ~((uint64_t)1 << bin % 64);
    if (bins->map[bin / 64] == 0)
        bins->summary &= ~((uint64_t)1 << bin / 64);
}

/** The first bin at or after `bin` that is not empty, or BINS_COUNT. */
static inline unsigned bins_next(const bins_t *bins, unsigned bin)
{
    unsigned word = bin / 64;
    uint64_t map = bins->map[word] >> bin % 64;
    if (map != 0)
        return bin + (unsigned)__builtin_ctzll(map);
    uint64_t words = bins->summary >> word >> 1;
    if (words == 0)
        return BINS_COUNT;
    word += 1 + (unsigned)__builtin_ctzll(words);
    return word * 64 + (unsigned)__builtin_ctzll(bins->map[word]);
}

/** Whether `size` granules can be taken from a piece of `have`. A remainder of
 *  one granule cannot be a piece: a short block takes it too; a long block
 *  does not, because few lengths have a class. */
static inline bool bins_fits(uint64_t have, uint64_t size)
{
    return have >= size && (have != size + 1 || size < BINS_SLACK_MAX);
}

/** Best fit for `size` granules among the first `probes` chunks of a bin, or
 *  CHUNK_NONE. */
static inline chunk_id_t bins_search(const bins_t *bins,
                                     const chunk_pool_t *pool, unsigned bin,
                                     uint64_t size, size_t probes)
{
    chunk_id_t best = CHUNK_NONE;
    uint64_t best_size = UINT64_MAX;
    for (chunk_id_t id = bins->head[bin]; id != CHUNK_NONE && probes > 0;
         id = chunk_at(pool, id)->next, probes--) {
        uint64_t have = chunk_at(pool, id)->size;
        if (bins_fits(have, size) && have < best_size) {
            best = id;
            best_size = have;
            if (have == size)
                break;
        }
    }
    return best;
}

/** Good fit for `size` granules: the best of the first `probes` chunks of the
 *  lowest bin in which a chunk fits, or CHUNK_NONE. */
static inline chunk_id_t bins_best(const bins_t *bins, const chunk_pool_t *pool,
                                   uint64_t size, size_t probes)
{
    unsigned bin = bins_index(size);
    chunk_id_t id = CHUNK_NONE;
    while (id == CHUNK_NONE) {
        bin = bins_next(bins, bin);
        if (bin == BINS_COUNT)
            return CHUNK_NONE;
        id = bin < BINS_EXACT ? bins->head[bin]
                              : bins_search(bins, pool, bin, size, probes);
        bin++;
    }
    return id;
}

/** Granules of the largest of the first 64 chunks in the highest bin that is
 *  not empty; 0 if all bins are empty. */
static inline uint64_t bins_largest(const bins_t *bins,
                                    const chunk_pool_t *pool)
{
    if (bins->summary == 0)
        return 0;
    unsigned word = memheap_log2_floor(bins->summary);
    unsigned bin = word * 64 + memheap_log2_floor(bins->map[word]);
    uint64_t largest = 0;
    size_t probes = 64;
    for (chunk_id_t id = bins->head[bin]; id != CHUNK_NONE && probes > 0;
         id = chunk_at(pool, id)->next, probes--)
        largest = memheap_max(largest, chunk_at(pool, id)->size);
    return largest;
}

/** Check that each chunk is in the bin of its size, that links agree in both
 *  directions, and that the bitmap tells which bins are not empty. Returns the
 *  number of chunks. */
static inline bool bins_check(const bins_t *bins, const chunk_pool_t *pool,
                              size_t *count_p)
{
    *count_p = 0;
    for (unsigned bin = 0; bin < BINS_COUNT; bin++) {
        chunk_id_t prev = CHUNK_NONE;
        bool bit = (bins->map[bin / 64] >> bin % 64 & 1) != 0;
        bool word = (bins->summary >> bin / 64 & 1) != 0;
        if (bit != (bins->head[bin] != CHUNK_NONE) ||
            word != (bins->map[bin / 64] != 0))
            return false;
        for (chunk_id_t id = bins->head[bin]; id != CHUNK_NONE;
             id = chunk_at(pool, id)->next) {
            const chunk_t *chunk = chunk_at(pool, id);
            if (id > pool->count || ++*count_p > pool->count ||
                chunk->prev != prev || bins_index(chunk->size) != bin)
                return false;
            prev = id;
        }
    }
    return true;
}

#endif
