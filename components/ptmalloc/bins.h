/*
 * Bins: all free chunks but two, found by size.
 *
 * A chunk of less than 64 granules lies in the list of its exact size, last in
 * first out. A larger one lies in the tree for the power of two that it is in:
 * a binary trie whose nodes each hold one size, with the chunks of that size
 * in a ring behind the node. On level d of a trie, counted from 0, a node's
 * child[1] leads to the sizes whose bit d below the leading one is set, and
 * child[0] to the others; a node itself may have any size that belongs on its
 * path. Rules that bins_check() tests:
 *   - a list holds its size alone, a trie the sizes of its power of two, and
 *     each node's path is spelt by the bits of its size;
 *   - no two nodes of a trie have the same size;
 *   - a bin's bit is set if and only if the bin is not empty.
 *
 * Source: D. Lea, "A memory allocator", 1987-2012 (bins, tree bins).
 */
#ifndef MEMHEAP_COMPONENTS_PTMALLOC_BINS_H
#define MEMHEAP_COMPONENTS_PTMALLOC_BINS_H

#include "components/ptmalloc/chunk.h"

enum {
    BINS_SMALL = 64,
    BINS_TREE = 64
};

typedef struct bins {
    uint64_t small_map; /* bit n: the list of size n is not empty */
    uint64_t tree_map;  /* bit k: the trie of sizes from 2^k is not empty */
    chunk_id_t small[BINS_SMALL];
    chunk_id_t tree[BINS_TREE];
} bins_t;

/** Put a chunk into the bin for its size. */
void bins_add(bins_t *bins, chunk_pool_t *pool, chunk_id_t id);

/** Take a chunk out of its bin. */
void bins_remove(bins_t *bins, chunk_pool_t *pool, chunk_id_t id);

/** The smallest chunk of at least size granules, still in its bin, or
 *  CHUNK_NONE. */
chunk_id_t bins_best(const bins_t *bins, const chunk_pool_t *pool,
                     uint64_t size);

/** Granules of the largest chunk, 0 if there is none. */
uint64_t bins_largest(const bins_t *bins, const chunk_pool_t *pool);

/** Test the rules, and count the chunks. */
bool bins_check(const bins_t *bins, const chunk_pool_t *pool, size_t *count_p);

#endif
