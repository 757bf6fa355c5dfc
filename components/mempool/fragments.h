/*
 * Fragments of 256 bytes, and which of them are free.
 *
 * All space above the top is free and has no metadata. Below, each fragment has
 * a bit, set if the fragment is free; a word has 64 of them. Eight words form a
 * node of level 1, eight nodes a node of the next level. A node has the free
 * run at its start (prefix), at its end (suffix), and the longest one (best):
 *
 *     level 2   [ prefix suffix best ]
 *     level 1   [ ][ ][ ][ ][ ][ ][ ][ ]          512 fragments each
 *     level 0   64-bit words, 8 below each node   64 fragments each
 *
 * If a node is entirely free or in use, the three numbers tell so and the nodes
 * below it are ignored; so marking a run of any length writes a few nodes of
 * each level. The tree has no levels that the top does not need.
 *
 * Invariants, tested by fragments_check():
 * - a node is the combination of its children, if they are not ignored;
 * - no free run ends at the top, and bits above the top are 0.
 *
 * The longest run in a word is found by doubling: the bits at which 2^i free
 * fragments start are those for 2^(i-1), shifted by 2^(i-1) and masked.
 *
 * Sources: runs in a word, H. S. Warren, "Hacker's Delight", 2nd ed., section
 * 6-2; trees of (prefix, suffix, best), J. L. Bentley, "Solutions to Klee's
 * rectangle problems", 1977.
 */
#ifndef MEMHEAP_COMPONENTS_MEMPOOL_FRAGMENTS_H
#define MEMHEAP_COMPONENTS_MEMPOOL_FRAGMENTS_H

#include "base/array.h"
#include "base/util.h"

enum {
    FRAGMENT = 256,
    FRAGMENT_LEVELS = 20
};

#define FRAGMENT_NONE SIZE_MAX

/* Free runs of a node, in fragments. */
typedef struct fragment_run {
    uint64_t prefix;
    uint64_t suffix;
    uint64_t best;
} fragment_run_t;

typedef struct fragments {
    uint64_t *bits;                        /* level 0 */
    uint8_t *best;                         /* longest run of each word */
    fragment_run_t *node[FRAGMENT_LEVELS]; /* from level 1 */
    unsigned root_level; /* the top lies in the first node of this level */
    size_t top;          /* in fragments */
    const memheap_memory_t *memory;
    size_t bytes;
} fragments_t;

/** Start with all fragments free, for at most max_size bytes.
 *  MEMHEAP_ERR_NO_METADATA. */
memheap_status_t fragments_open(fragments_t *f, const memheap_memory_t *memory,
                                size_t max_size);
void fragments_close(fragments_t *f);

/** The lowest position at or after `from` of `count` free fragments below the
 *  top, or FRAGMENT_NONE. */
size_t fragments_find(const fragments_t *f, size_t count, size_t from);

/** The end of the free run that contains `first`: the next fragment in use;
 *  SIZE_MAX if the run reaches the top; `first` itself if it is in use. */
size_t fragments_end(const fragments_t *f, size_t first);

/** Take free fragments. If they are above the top, the fragments between
 *  become free runs. */
void fragments_take(fragments_t *f, size_t first, size_t count);

/** Free fragments. */
void fragments_give(fragments_t *f, size_t first, size_t count);

/** The length of the longest free run below the top. */
size_t fragments_best(const fragments_t *f);

/** Check all invariants. */
bool fragments_check(const fragments_t *f);

#endif
