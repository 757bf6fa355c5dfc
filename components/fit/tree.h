/*
 * The blocks of a region, and an ordered set of those that are free.
 *
 * The set is a binary tree by key and offset. Each node knows the largest block
 * from there down, so the search for the first that is large enough passes over
 * all that is too small. The tree is a treap: the ranks are random numbers, and
 * the highest is at the root, which keeps it as shallow as a tree of random
 * insertions. No answer depends on the ranks.
 *
 * Source: R. Seidel, C. Aragon, "Randomized search trees", Algorithmica 16,
 * 1996.
 */
#ifndef MEMHEAP_COMPONENTS_FIT_TREE_H
#define MEMHEAP_COMPONENTS_FIT_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The tag of a block. */
typedef struct block {
    size_t offset;
    size_t size;
    struct block *prev, *next; /* in the chain */
    bool live;                 /* if not, it is in the tree: */
    uint32_t rank;
    size_t key;
    size_t largest; /* size from here down */
    struct block *left, *right;
} block_t;

static inline size_t fit_block_end(const block_t *b)
{
    return b->offset + b->size;
}

/** Add a block whose key and rank are set. */
void fit_tree_add(block_t **tree, block_t *b);
void fit_tree_remove(block_t **tree, const block_t *b);

/** The size of the largest block, or 0. */
static inline size_t fit_tree_largest(const block_t *tree)
{
    return tree == NULL ? 0 : tree->largest;
}

/**
 * The first block that has room for size bytes at a multiple of align, or NULL;
 * O(log n), unless the alignment makes it try many that are large enough.
 *
 * @param from  only blocks that end behind it; 0 if the order is not that of
 *              offsets
 */
block_t *fit_tree_find(block_t *tree, size_t size, size_t align, size_t from);

/** Whether all is in order; counts the blocks. */
bool fit_tree_check(const block_t *tree, size_t *count_p);

#endif
