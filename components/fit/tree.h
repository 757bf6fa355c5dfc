/*
 * The blocks of a region, and a tree of the free ones.
 *
 * The tree is ordered by key and offset. Each node has the size of the largest
 * block of its subtree, so the search for the first block that is large enough
 * skips subtrees that are too small. The tree is a treap: ranks are random
 * numbers, and a node has a higher rank than its children, which keeps the
 * depth logarithmic on average. No result depends on the ranks.
 *
 * Source: R. Seidel, C. Aragon, "Randomized search trees", Algorithmica 16,
 * 1996.
 */
#ifndef MEMHEAP_COMPONENTS_FIT_TREE_H
#define MEMHEAP_COMPONENTS_FIT_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A block, and its node. */
typedef struct block {
    size_t offset;
    size_t size;
    struct block *prev, *next; /* neighbours in address order */
    bool live;                 /* if false, the block is in the tree */
    uint32_t rank;
    size_t key;
    size_t largest; /* size in this subtree */
    struct block *left, *right;
} block_t;

static inline size_t fit_block_end(const block_t *b)
{
    return b->offset + b->size;
}

/** Add a block with key and rank, or remove a block. */
void fit_tree_add(block_t **tree, block_t *b);
void fit_tree_remove(block_t **tree, const block_t *b);

/** The size of the largest block, or 0. */
static inline size_t fit_tree_largest(const block_t *tree)
{
    return tree == NULL ? 0 : tree->largest;
}

/**
 * The first block with room for size bytes at a multiple of align, or NULL.
 * O(log n), unless the alignment rules out many large blocks.
 *
 * @param from  only blocks that end behind this offset; 0 if the order is not
 *     by offset
 */
block_t *fit_tree_find(block_t *tree, size_t size, size_t align, size_t from);

/** Check order, ranks and sizes. Returns the number of blocks. */
bool fit_tree_check(const block_t *tree, size_t *count_p);

#endif
