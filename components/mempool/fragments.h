/*
 * Fragments: the region in pieces of 256 bytes, and which runs of them are
 * free.
 *
 * Behind the top all is free; nothing is kept of it. Below it, a set bit
 * is a free fragment, 64 to a word. Eight words make a node of level 1, eight
 * nodes one of the next level; a node holds the free run at its start, the one
 * at its end and its longest. A node that is free, or in use, from end to end
 * says so in these three, and what lies below it is not looked at: a run of
 * any length costs a few nodes on each level. Levels above the top are
 * not kept. Rules that fragments_check() tests:
 *   - the three numbers of a node are those of its children, where these count;
 *   - no free run ends at the top, so free bits lie below it alone.
 *
 * A longest run of bits is found by halving: the word of all places where
 * 2^i free bits begin is that of 2^(i-1), shifted by as much and masked.
 *
 * Source: runs in a word, H. S. Warren, "Hacker's Delight", 2nd ed., section
 * 6-2; trees of (prefix, suffix, best), J. L. Bentley, "Solutions to Klee's
 * rectangle problems", 1977, and the folklore of segment trees.
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

/* Free runs in a node, in fragments. */
typedef struct fragment_run {
    uint64_t prefix;
    uint64_t suffix;
    uint64_t best;
} fragment_run_t;

typedef struct fragments {
    uint64_t *bits;                        /* level 0 */
    uint8_t *best;                         /* run in each of its words */
    fragment_run_t *node[FRAGMENT_LEVELS]; /* from level 1 on */
    unsigned root_level; /* the level whose first node reaches to the top */
    size_t top;          /* in fragments */
    const memheap_memory_t *memory;
    size_t bytes;
} fragments_t;

/** Nothing in use, of at most max_size bytes. MEMHEAP_ERR_NO_METADATA. */
memheap_status_t fragments_open(fragments_t *f, const memheap_memory_t *memory,
                                size_t max_size);
void fragments_close(fragments_t *f);

/** The first of count free fragments in a row, the lowest ones that lie at or
 *  behind from and below the top; else FRAGMENT_NONE. */
size_t fragments_find(const fragments_t *f, size_t count, size_t from);

/** The end of the free run in which a fragment lies: the next one in use, or
 *  SIZE_MAX if the run reaches to the top; first itself if in use. */
size_t fragments_end(const fragments_t *f, size_t first);

/** Take free fragments; those that the top skips become free runs. */
void fragments_take(fragments_t *f, size_t first, size_t count);

/** Give fragments back. */
void fragments_give(fragments_t *f, size_t first, size_t count);

/** The longest free run below the top. */
size_t fragments_best(const fragments_t *f);

/** Test the rules. */
bool fragments_check(const fragments_t *f);

#endif
