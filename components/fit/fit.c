/*
 * First, next, best and worst fit over one list of blocks.
 *
 * The region is cut into blocks, live and free. Their nodes are outside it, in
 * a doubly linked list in address order. A request is cut from the front of a
 * free block; the rest becomes a free block. Freeing joins a block with its
 * free neighbours in the list. The strategies differ in the free block they
 * take:
 * - first: the one with the lowest offset that is large enough;
 * - next: like first, but the search continues where the last block was placed,
 *   and wraps around at the end;
 * - best: the smallest that is large enough;
 * - worst: the largest.
 *
 * The last block of the region comes after all others, so that no strategy uses
 * more of a long region than it needs.
 *
 * All strategies share one search: the free blocks are in a tree, ordered by
 * offset, by size, or by descending size, and the first that fits is taken
 * (tree.h).
 *
 * Invariants, tested by fit_check():
 * - the blocks of the list cover the region, and two free ones are never
 *   adjacent;
 * - the tree has all free blocks, and the hash table all live ones.
 *
 * Sources: D. E. Knuth, TAOCP vol. 1, section 2.5; C. Bays, "A comparison of
 * next-fit, first-fit, and best-fit", CACM 20(3), 1977.
 */
#include "config.h"

#include <memheap/component.h>
#include "base/array.h"
#include "base/hashmap.h"
#include "components/fit/tree.h"

#include <string.h>

typedef enum strategy {
    FIRST,
    NEXT,
    BEST,
    WORST
} strategy_t;

static const char *const strategies[] = {"first", "next", "best", "worst",
                                         NULL};

/* The address space of x86-64 with five levels of page tables. */
static const size_t max_region = (size_t)1 << 57;

typedef struct fit {
    memheap_module_t module;
    const memheap_memory_t *memory;
    size_t max_size;
    strategy_t strategy;
    size_t rover;  /* where the search of next fit continues */
    block_t chain; /* head of the circular list; has no bytes */
    block_t *tree;
    memheap_hashmap_t live; /* block of an offset */
    memheap_array_t nodes;
    size_t nodes_made; /* nodes ever made */
    size_t nodes_used;
    block_t *free_list; /* unused nodes, linked through `next` */
    uint64_t random;
} fit_t;

static fit_t *fit_of(memheap_module_t *module)
{
    return (fit_t *)(void *)module;
}

static const fit_t *const_fit_of(const memheap_module_t *module)
{
    return (const fit_t *)(const void *)module;
}

/* Primary key of a free block in the tree; the offset is the second. */
static size_t key_of(const fit_t *f, const block_t *b)
{
    if (b->next == &f->chain)
        return SIZE_MAX;
    return f->strategy == BEST    ? b->size
           : f->strategy == WORST ? SIZE_MAX - b->size
                                  : 0;
}

/* Make a block of the list free. */
static void add_free(fit_t *f, block_t *b)
{
    b->live = false;
    b->key = key_of(f, b);
    fit_tree_add(&f->tree, b);
}

/* Make sure that `count` more nodes are available. MEMHEAP_ERR_NO_METADATA. */
static memheap_status_t nodes_reserve(fit_t *f, size_t count)
{
    for (; f->nodes_made < f->nodes_used + count; f->nodes_made++) {
        memheap_status_t status = memheap_array_ensure(
            &f->nodes, (f->nodes_made + 1) * sizeof(block_t));
        if (status != MEMHEAP_OK)
            return status;
        block_t *b = (block_t *)(void *)f->nodes.base + f->nodes_made;
        /* Knuth's MMIX generator; its upper bits are the better ones. */
        f->random = f->random * UINT64_C(6364136223846793005) +
                    UINT64_C(1442695040888963407);
        b->rank = (uint32_t)(f->random >> 32);
        b->next = f->free_list;
        f->free_list = b;
    }
    return MEMHEAP_OK;
}

/* Insert a block after another, on a reserved node. It is neither live nor in
 * the tree yet. */
static block_t *add_after(fit_t *f, block_t *b, size_t size)
{
    block_t *added = f->free_list;
    f->free_list = added->next;
    f->nodes_used++;
    added->offset = fit_block_end(b);
    added->size = size;
    added->prev = b;
    added->next = b->next;
    added->next->prev = b->next = added;
    return added;
}

/* Shorten a block that is not in the tree, and make the rest free. */
static void cut(fit_t *f, block_t *b, size_t size)
{
    size_t rest = b->size - size;
    b->size = size;
    if (rest > 0)
        add_free(f, add_after(f, b, rest));
}

/* Join a block with the next one; neither is in the tree. */
static void absorb_next(fit_t *f, block_t *b)
{
    block_t *next = b->next;
    b->size += next->size;
    b->next = next->next;
    b->next->prev = b;
    next->next = f->free_list;
    f->free_list = next;
    f->nodes_used--;
}

/* Free a block that is not in the tree, and join it with its free neighbours.
 */
static void release(fit_t *f, block_t *b)
{
    if (!b->next->live) {
        fit_tree_remove(&f->tree, b->next);
        absorb_next(f, b);
    }
    if (!b->prev->live) {
        b = b->prev;
        fit_tree_remove(&f->tree, b);
        absorb_next(f, b);
    }
    add_free(f, b);
}

/* Make a part of a free block live. MEMHEAP_ERR_NO_METADATA. */
static memheap_status_t take(fit_t *f, block_t *b, size_t offset, size_t size)
{
    size_t skip = offset - b->offset;
    size_t rest = b->size - skip;
    memheap_status_t status = memheap_hashmap_reserve(&f->live);
    if (status == MEMHEAP_OK)
        status = nodes_reserve(f, (size_t)(skip > 0) + (rest > size));
    if (status != MEMHEAP_OK)
        return status;
    fit_tree_remove(&f->tree, b);
    if (skip > 0) {
        block_t *front = b;
        front->size = skip;
        b = add_after(f, front, rest);
        add_free(f, front);
    }
    cut(f, b, size);
    b->live = true;
    memheap_hashmap_put(&f->live, offset, (uintptr_t)b);
    f->module.used += size;
    return MEMHEAP_OK;
}

/* The live block that starts at an offset, or NULL. */
static block_t *live_at(const fit_t *f, size_t offset)
{
    const uint64_t *found = memheap_hashmap_find(&f->live, offset);
    return found == NULL ? NULL : (block_t *)(uintptr_t)*found;
}

static memheap_result_t fit_alloc(memheap_module_t *module, size_t align,
                                  size_t size)
{
    fit_t *f = fit_of(module);
    if (size > module->size)
        return memheap_result_error(MEMHEAP_ERR_NO_MEMORY);
    size = memheap_align_up(size, MEMHEAP_MIN_ALIGN);
    block_t *b = fit_tree_find(f->tree, size, align, f->rover);
    if (f->rover > 0 && (b == NULL || b->next == &f->chain))
        b = fit_tree_find(f->tree, size, align, 0);
    if (b == NULL)
        return memheap_result_error(MEMHEAP_ERR_NO_MEMORY);
    size_t offset = memheap_align_up(b->offset, align);
    memheap_status_t status = take(f, b, offset, size);
    if (status != MEMHEAP_OK)
        return memheap_result_error(status);
    if (f->strategy == NEXT)
        f->rover = offset + size;
    return memheap_result_ok(offset);
}

static memheap_status_t fit_free(memheap_module_t *module, size_t offset)
{
    fit_t *f = fit_of(module);
    block_t *b = live_at(f, offset);
    if (b == NULL)
        return MEMHEAP_ERR_BAD_ADDRESS;
    memheap_hashmap_remove(&f->live, memheap_hashmap_find(&f->live, offset));
    module->used -= b->size;
    release(f, b);
    return MEMHEAP_OK;
}

static memheap_status_t fit_size_of(const memheap_module_t *module,
                                    size_t offset, size_t *size_p)
{
    const block_t *b = live_at(const_fit_of(module), offset);
    if (b == NULL)
        return MEMHEAP_ERR_BAD_ADDRESS;
    *size_p = b->size;
    return MEMHEAP_OK;
}

/* Joins the next block if it is free, then cuts off what is too much. */
static memheap_result_t fit_resize(memheap_module_t *module, size_t offset,
                                   size_t size)
{
    fit_t *f = fit_of(module);
    block_t *b = live_at(f, offset);
    if (b == NULL)
        return memheap_result_error(MEMHEAP_ERR_BAD_ADDRESS);
    bool next_is_free = !b->next->live;
    size_t most = memheap_align_down(
        b->size + (next_is_free ? b->next->size : 0), MEMHEAP_MIN_ALIGN);
    if (size > most)
        return (memheap_result_t){b->size, MEMHEAP_ERR_NO_MEMORY};
    size = memheap_align_up(size, MEMHEAP_MIN_ALIGN);
    memheap_status_t status =
        nodes_reserve(f, !next_is_free && size < b->size ? 1 : 0);
    if (status != MEMHEAP_OK)
        return (memheap_result_t){b->size, status};
    module->used += size - b->size;
    if (next_is_free) {
        fit_tree_remove(&f->tree, b->next);
        absorb_next(f, b);
    }
    cut(f, b, size);
    return memheap_result_ok(b->size);
}

/* Walks the list: the tree may be in another order, and only the undoing of a
 * resize calls this. */
static memheap_status_t fit_reserve(memheap_module_t *module, size_t offset,
                                    size_t size)
{
    fit_t *f = fit_of(module);
    if (offset % MEMHEAP_MIN_ALIGN != 0)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    if (size > module->size)
        return MEMHEAP_ERR_BUSY;
    size = memheap_align_up(size, MEMHEAP_MIN_ALIGN);
    block_t *b = f->chain.next;
    while (fit_block_end(b) <= offset)
        b = b->next;
    if (b->live || size > fit_block_end(b) - offset)
        return MEMHEAP_ERR_BUSY;
    return take(f, b, offset, size);
}

static void fit_normalize(memheap_module_t *module)
{
    fit_of(module)->rover = 0;
}

static memheap_status_t fit_grow(memheap_module_t *module, size_t new_size)
{
    fit_t *f = fit_of(module);
    if (new_size < module->size || new_size > f->max_size)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    if (new_size == module->size)
        return MEMHEAP_OK;
    memheap_status_t status = nodes_reserve(f, 1);
    if (status != MEMHEAP_OK)
        return status;
    release(f, add_after(f, f->chain.prev, new_size - module->size));
    module->size = new_size;
    return MEMHEAP_OK;
}

static void fit_walk(const memheap_module_t *module,
                     bool (*visit)(void *context,
                                   const memheap_extent_t *extent),
                     void *context)
{
    const fit_t *f = const_fit_of(module);
    for (const block_t *b = f->chain.next; b != &f->chain; b = b->next) {
        memheap_extent_t extent = {b->offset, b->size, b->live};
        if (!visit(context, &extent))
            return;
    }
}

static memheap_status_t fit_check(const memheap_module_t *module)
{
    const fit_t *f = const_fit_of(module);
    size_t used = 0;
    size_t live = 0;
    size_t free = 0;
    size_t in_tree = 0;
    for (const block_t *b = f->chain.next; b != &f->chain; b = b->next) {
        bool good = b->live ? live_at(f, b->offset) == b
                            : b->prev->live && b->key == key_of(f, b);
        if (!good || b->size == 0 || b->offset != fit_block_end(b->prev) ||
            b->next->prev != b)
            return MEMHEAP_ERR_CORRUPT;
        used += b->live ? b->size : 0;
        live += b->live;
        free += !b->live;
    }
    bool good = fit_tree_check(f->tree, &in_tree) && in_tree == free &&
                fit_block_end(f->chain.prev) == module->size &&
                used == module->used && live == f->live.count &&
                live + free == f->nodes_used;
    return good ? MEMHEAP_OK : MEMHEAP_ERR_CORRUPT;
}

/* Only whole granules can be allocated; a region may end within one. */
static void fit_stats(const memheap_module_t *module,
                      memheap_module_stats_t *stats)
{
    const fit_t *f = const_fit_of(module);
    *stats = (memheap_module_stats_t){
        .size = module->size,
        .used = module->used,
        .largest_free =
            memheap_align_down(fit_tree_largest(f->tree), MEMHEAP_MIN_ALIGN),
        .metadata =
            sizeof(*f) + f->nodes.committed + memheap_hashmap_size(&f->live)};
}

static void fit_destroy(memheap_module_t *module)
{
    fit_t *f = fit_of(module);
    memheap_hashmap_close(&f->live);
    memheap_array_close(&f->nodes);
    memheap_memory_delete(f->memory, f, sizeof(*f));
}

static const memheap_module_ops_t fit_ops = {.alloc = fit_alloc,
                                             .free = fit_free,
                                             .size_of = fit_size_of,
                                             .resize = fit_resize,
                                             .reserve = fit_reserve,
                                             .normalize = fit_normalize,
                                             .grow = fit_grow,
                                             .walk = fit_walk,
                                             .check = fit_check,
                                             .stats = fit_stats,
                                             .destroy = fit_destroy};

static memheap_status_t fit_create(const memheap_module_config_t *config,
                                   long *priority_p,
                                   memheap_module_t **module_p)
{
    (void)priority_p;
    if (config->max_size > max_region)
        return MEMHEAP_ERR_UNSUPPORTED;
    fit_t *f = memheap_memory_new(config->memory, sizeof(*f));
    if (f == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    f->module.ops = &fit_ops;
    f->memory = config->memory;
    f->max_size = config->max_size;
    while (strcmp(strategies[f->strategy], config->params[0].string) != 0)
        f->strategy++;
    f->chain = (block_t){.prev = &f->chain, .next = &f->chain, .live = true};
    /* A node for each granule and two for the end, but at most 2^32. */
    size_t nodes =
        memheap_min(config->max_size / MEMHEAP_MIN_ALIGN + 2, (size_t)1 << 32);
    memheap_status_t status =
        memheap_array_open(&f->nodes, f->memory, nodes * sizeof(block_t));
    if (status == MEMHEAP_OK)
        status = memheap_hashmap_open(&f->live, f->memory);
    if (status == MEMHEAP_OK)
        status = fit_grow(&f->module, config->size);
    if (status != MEMHEAP_OK) {
        fit_destroy(&f->module);
        return status;
    }
    *module_p = &f->module;
    return MEMHEAP_OK;
}

static const memheap_param_def_t params[] = {
    {.name = "strategy",
     .type = MEMHEAP_PARAM_STRING,
     .unit = "",
     .default_text = "first",
     .help = "of the free blocks that are large enough, take the first, the "
             "next behind the last one taken, the best (smallest) or the worst "
             "(largest)",
     .words = strategies},
};

const memheap_component_t memheap_fit_component = {
    .abi = MEMHEAP_COMPONENT_ABI,
    .name = "fit",
    .summary = "first, next, best or worst fit over one chain of blocks",
    .priority = 20,
    .params = params,
    .param_count = sizeof(params) / sizeof(params[0]),
    .create = fit_create};
