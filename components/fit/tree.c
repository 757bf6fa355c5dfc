/*
 * The treap of tree.h.
 */
#include "config.h"

#include "components/fit/tree.h"
#include "base/util.h"

static bool precedes(const block_t *a, const block_t *b)
{
    return a->key != b->key ? a->key < b->key : a->offset < b->offset;
}

static size_t largest_of(const block_t *b)
{
    return memheap_max(b->size, memheap_max(fit_tree_largest(b->left),
                                            fit_tree_largest(b->right)));
}

/* Split a tree into the blocks that precede `at` and the others. */
static void split(block_t *tree, const block_t *at, block_t **before_p,
                  block_t **after_p)
{
    if (tree == NULL) {
        *before_p = *after_p = NULL;
        return;
    }
    if (precedes(tree, at)) {
        split(tree->right, at, &tree->right, after_p);
        *before_p = tree;
    } else {
        split(tree->left, at, before_p, &tree->left);
        *after_p = tree;
    }
    tree->largest = largest_of(tree);
}

/* Join two trees; all blocks of the first precede those of the second. */
static block_t *join(block_t *before, block_t *after)
{
    if (before == NULL || after == NULL)
        return before == NULL ? after : before;
    block_t *root = before->rank > after->rank ? before : after;
    if (root == before)
        before->right = join(before->right, after);
    else
        after->left = join(before, after->left);
    root->largest = largest_of(root);
    return root;
}

void fit_tree_add(block_t **tree, block_t *b)
{
    if (*tree != NULL && (*tree)->rank >= b->rank) {
        fit_tree_add(precedes(b, *tree) ? &(*tree)->left : &(*tree)->right, b);
    } else {
        split(*tree, b, &b->left, &b->right);
        *tree = b;
    }
    (*tree)->largest = largest_of(*tree);
}

void fit_tree_remove(block_t **tree, const block_t *b)
{
    if (*tree == b) {
        *tree = join(b->left, b->right);
        return;
    }
    fit_tree_remove(precedes(b, *tree) ? &(*tree)->left : &(*tree)->right, b);
    (*tree)->largest = largest_of(*tree);
}

static bool has_room(const block_t *b, size_t size, size_t align)
{
    size_t skip = memheap_align_up(b->offset, align) - b->offset;
    return skip <= b->size && size <= b->size - skip;
}

block_t *fit_tree_find(block_t *tree, size_t size, size_t align, size_t from)
{
    block_t *found = NULL;
    if (fit_tree_largest(tree) < size)
        return NULL;
    if (fit_block_end(tree) > from) {
        found = fit_tree_find(tree->left, size, align, from);
        if (found == NULL && has_room(tree, size, align))
            found = tree;
    }
    return found != NULL ? found
                         : fit_tree_find(tree->right, size, align, from);
}

/* Check a tree that follows *last_p, and set *last_p to its last block. */
static bool check_after(const block_t *tree, const block_t **last_p,
                        size_t *count_p)
{
    if (tree == NULL)
        return true;
    if (tree->live || tree->largest != largest_of(tree) ||
        (tree->left != NULL && tree->left->rank > tree->rank) ||
        (tree->right != NULL && tree->right->rank > tree->rank) ||
        !check_after(tree->left, last_p, count_p) ||
        (*last_p != NULL && !precedes(*last_p, tree)))
        return false;
    *last_p = tree;
    ++*count_p;
    return check_after(tree->right, last_p, count_p);
}

bool fit_tree_check(const block_t *tree, size_t *count_p)
{
    const block_t *last = NULL;
    return check_after(tree, &last, count_p);
}
