/*
 * The bins of bins.h.
 */
#include "config.h"

#include "components/ptmalloc/bins.h"

/* The bits of a size below its leading one, from the uppermost bit on. The
 * size is at least 2. */
static uint64_t path_of(uint64_t size)
{
    return size << (64 - memheap_log2_floor(size));
}

static void list_push(chunk_pool_t *pool, chunk_id_t *head, chunk_id_t id)
{
    chunk_t *chunk = chunk_at(pool, id);
    chunk->prev = CHUNK_NONE;
    chunk->next = *head;
    if (*head != CHUNK_NONE)
        chunk_at(pool, *head)->prev = id;
    *head = id;
}

static void small_remove(bins_t *bins, chunk_pool_t *pool, chunk_id_t id)
{
    const chunk_t *chunk = chunk_at(pool, id);
    if (chunk->next != CHUNK_NONE)
        chunk_at(pool, chunk->next)->prev = chunk->prev;
    if (chunk->prev != CHUNK_NONE) {
        chunk_at(pool, chunk->prev)->next = chunk->next;
        return;
    }
    bins->small[chunk->size] = chunk->next;
    if (chunk->next == CHUNK_NONE)
        bins->small_map &= ~((uint64_t)1 << chunk->size);
}

/* A node's parent; the root's is itself, so that ring members, which have
 * none, can be told from it. */
static void tree_add(bins_t *bins, chunk_pool_t *pool, chunk_id_t id)
{
    chunk_t *chunk = chunk_at(pool, id);
    unsigned bin = memheap_log2_floor(chunk->size);
    chunk->child[0] = chunk->child[1] = CHUNK_NONE;
    chunk->next = chunk->prev = id;
    if (bins->tree[bin] == CHUNK_NONE) {
        bins->tree[bin] = id;
        bins->tree_map |= (uint64_t)1 << bin;
        chunk->parent = id;
        return;
    }
    uint64_t path = path_of(chunk->size);
    chunk_id_t at = bins->tree[bin];
    for (;; path <<= 1) {
        chunk_t *node = chunk_at(pool, at);
        if (node->size == chunk->size) {
            chunk->parent = CHUNK_NONE;
            chunk->prev = at;
            chunk->next = node->next;
            chunk_at(pool, node->next)->prev = id;
            node->next = id;
            return;
        }
        chunk_id_t *child = &node->child[path >> 63];
        if (*child == CHUNK_NONE) {
            *child = id;
            chunk->parent = at;
            return;
        }
        at = *child;
    }
}

/* Let the node `with`, or none, stand where the node `id` stands. */
static void tree_replace(bins_t *bins, chunk_pool_t *pool, chunk_id_t id,
                         chunk_id_t with)
{
    const chunk_t *node = chunk_at(pool, id);
    unsigned bin = memheap_log2_floor(node->size);
    bool is_root = bins->tree[bin] == id;
    if (is_root) {
        bins->tree[bin] = with;
        if (with == CHUNK_NONE)
            bins->tree_map &= ~((uint64_t)1 << bin);
    } else {
        chunk_t *parent = chunk_at(pool, node->parent);
        parent->child[parent->child[1] == id] = with;
    }
    if (with == CHUNK_NONE)
        return;
    chunk_t *heir = chunk_at(pool, with);
    heir->parent = is_root ? with : node->parent;
    for (unsigned side = 0; side < 2; side++) {
        heir->child[side] = node->child[side];
        if (heir->child[side] != CHUNK_NONE)
            chunk_at(pool, heir->child[side])->parent = with;
    }
}

/* Any leaf below a node, cut off; CHUNK_NONE if the node is a leaf itself. */
static chunk_id_t tree_cut_leaf(chunk_pool_t *pool, chunk_id_t id)
{
    chunk_id_t leaf = id;
    for (;;) {
        const chunk_t *node = chunk_at(pool, leaf);
        chunk_id_t child =
            node->child[1] != CHUNK_NONE ? node->child[1] : node->child[0];
        if (child == CHUNK_NONE)
            break;
        leaf = child;
    }
    if (leaf == id)
        return CHUNK_NONE;
    chunk_t *parent = chunk_at(pool, chunk_at(pool, leaf)->parent);
    parent->child[parent->child[1] == leaf] = CHUNK_NONE;
    return leaf;
}

static void tree_remove(bins_t *bins, chunk_pool_t *pool, chunk_id_t id)
{
    const chunk_t *node = chunk_at(pool, id);
    chunk_id_t next = node->next;
    if (next == id) {
        tree_replace(bins, pool, id, tree_cut_leaf(pool, id));
        return;
    }
    chunk_at(pool, next)->prev = node->prev;
    chunk_at(pool, node->prev)->next = next;
    if (node->parent != CHUNK_NONE)
        tree_replace(bins, pool, id, next);
}

void bins_add(bins_t *bins, chunk_pool_t *pool, chunk_id_t id)
{
    uint64_t size = chunk_at(pool, id)->size;
    if (size >= BINS_SMALL) {
        tree_add(bins, pool, id);
        return;
    }
    list_push(pool, &bins->small[size], id);
    bins->small_map |= (uint64_t)1 << size;
}

void bins_remove(bins_t *bins, chunk_pool_t *pool, chunk_id_t id)
{
    if (chunk_at(pool, id)->size < BINS_SMALL)
        small_remove(bins, pool, id);
    else
        tree_remove(bins, pool, id);
}

/* The smallest node of a subtree that is not empty: it lies on the path that
 * goes to child[0] wherever there is one. */
static chunk_id_t tree_least(const chunk_pool_t *pool, chunk_id_t id)
{
    chunk_id_t least = id;
    while (id != CHUNK_NONE) {
        const chunk_t *node = chunk_at(pool, id);
        if (node->size < chunk_at(pool, least)->size)
            least = id;
        id = node->child[0] != CHUNK_NONE ? node->child[0] : node->child[1];
    }
    return least;
}

/* The best fit in the trie of the size's own power of two. On the path of the
 * size each node may fit; off it, only the last subtree to the right of the
 * path holds larger sizes that are closer than all before. */
static chunk_id_t tree_best(const chunk_pool_t *pool, chunk_id_t id,
                            uint64_t size)
{
    chunk_id_t best = CHUNK_NONE;
    chunk_id_t right = CHUNK_NONE;
    uint64_t best_size = UINT64_MAX;
    for (uint64_t path = path_of(size); id != CHUNK_NONE; path <<= 1) {
        const chunk_t *node = chunk_at(pool, id);
        if (node->size >= size && node->size < best_size) {
            best = id;
            best_size = node->size;
            if (best_size == size)
                return best;
        }
        unsigned side = (unsigned)(path >> 63);
        if (side == 0 && node->child[1] != CHUNK_NONE)
            right = node->child[1];
        id = node->child[side];
    }
    if (right != CHUNK_NONE) {
        right = tree_least(pool, right);
        if (chunk_at(pool, right)->size < best_size)
            best = right;
    }
    return best;
}

chunk_id_t bins_best(const bins_t *bins, const chunk_pool_t *pool,
                     uint64_t size)
{
    if (size < BINS_SMALL) {
        uint64_t fitting = bins->small_map >> size << size;
        if (fitting != 0)
            return bins->small[__builtin_ctzll(fitting)];
        size = BINS_SMALL;
    }
    unsigned bin = memheap_log2_floor(size);
    if ((bins->tree_map >> bin & 1) != 0) {
        chunk_id_t best = tree_best(pool, bins->tree[bin], size);
        if (best != CHUNK_NONE)
            return best;
    }
    uint64_t above = bins->tree_map >> bin >> 1;
    if (above == 0)
        return CHUNK_NONE;
    bin += 1 + (unsigned)__builtin_ctzll(above);
    return tree_least(pool, bins->tree[bin]);
}

uint64_t bins_largest(const bins_t *bins, const chunk_pool_t *pool)
{
    if (bins->tree_map == 0)
        return bins->small_map == 0 ? 0 : memheap_log2_floor(bins->small_map);
    uint64_t largest = 0;
    chunk_id_t id = bins->tree[memheap_log2_floor(bins->tree_map)];
    while (id != CHUNK_NONE) {
        const chunk_t *node = chunk_at(pool, id);
        if (node->size > largest)
            largest = node->size;
        id = node->child[1] != CHUNK_NONE ? node->child[1] : node->child[0];
    }
    return largest;
}

/* Test a list or the ring behind a tree node: all of one size, linked both
 * ways. Rings end where they began, lists with none. */
static bool check_equals(const chunk_pool_t *pool, chunk_id_t head,
                         size_t *count_p)
{
    uint64_t size = chunk_at(pool, head)->size;
    chunk_id_t id = head;
    do {
        const chunk_t *chunk = chunk_at(pool, id);
        if (chunk->size != size || ++*count_p > pool->count)
            return false;
        if (chunk->next != CHUNK_NONE &&
            chunk_at(pool, chunk->next)->prev != id)
            return false;
        id = chunk->next;
    } while (id != CHUNK_NONE && id != head);
    return true;
}

/* Whether a node is the first of its size on the path that its size spells,
 * which is where it would be looked for. */
static bool lies_on_path(const chunk_pool_t *pool, chunk_id_t root,
                         chunk_id_t id)
{
    uint64_t size = chunk_at(pool, id)->size;
    uint64_t path = path_of(size);
    for (chunk_id_t at = root; at != CHUNK_NONE; path <<= 1) {
        if (chunk_at(pool, at)->size == size)
            return at == id;
        at = chunk_at(pool, at)->child[path >> 63];
    }
    return false;
}

/* Test a subtree. A path has at most 64 steps, so has the recursion. */
static bool check_subtree(const chunk_pool_t *pool, unsigned bin,
                          chunk_id_t root, chunk_id_t id, chunk_id_t parent,
                          size_t *count_p)
{
    const chunk_t *node = chunk_at(pool, id);
    if (node->parent != parent || memheap_log2_floor(node->size) != bin ||
        !lies_on_path(pool, root, id) || !check_equals(pool, id, count_p))
        return false;
    for (unsigned side = 0; side < 2; side++) {
        if (node->child[side] != CHUNK_NONE &&
            !check_subtree(pool, bin, root, node->child[side], id, count_p))
            return false;
    }
    return true;
}

bool bins_check(const bins_t *bins, const chunk_pool_t *pool, size_t *count_p)
{
    *count_p = 0;
    for (unsigned bin = 0; bin < BINS_SMALL; bin++) {
        chunk_id_t head = bins->small[bin];
        if ((bins->small_map >> bin & 1) != (head != CHUNK_NONE))
            return false;
        if (head != CHUNK_NONE && (chunk_at(pool, head)->size != bin ||
                                   !check_equals(pool, head, count_p)))
            return false;
    }
    for (unsigned bin = 0; bin < BINS_TREE; bin++) {
        chunk_id_t root = bins->tree[bin];
        if ((bins->tree_map >> bin & 1) != (root != CHUNK_NONE))
            return false;
        if (root != CHUNK_NONE &&
            !check_subtree(pool, bin, root, root, root, count_p))
            return false;
    }
    return true;
}
