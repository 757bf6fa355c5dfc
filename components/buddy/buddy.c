/*
 * Binary buddy allocator with a hash table of block sizes.
 *
 * A block of order k has 2^k bytes and lies at a multiple of its size. The
 * region is cut only as far as it was ever needed: behind the frontier all is
 * free and belongs to no block. A request takes the lowest free block of the
 * smallest order that fits, split as needed, and moves the frontier if there
 * is none; what the frontier skips to reach a multiple becomes free blocks.
 * Freeing joins a block with its buddy, the one whose offset differs in bit k
 * alone, while both are free, or moves the frontier back over it. A block at
 * the region's end may stick out of it: only its front part is handed out, so
 * a region of any size is used to its last byte.
 *
 * For each order there is a bitmap of free blocks and their count; a hash
 * table leads from the offset of a live block to its usable size. Rules that
 * buddy_check() tests:
 *   - below the frontier each byte is in exactly one block, free or live;
 *   - two buddies are never both free;
 *   - no free block ends at the frontier, so none sticks out of the region;
 *   - an order's bit in `orders` is set if and only if its count is not 0,
 *     and the count is the number of its free blocks.
 *
 * Source: K. C. Knowlton, "A fast storage allocator", CACM 8(10), 1965.
 */
#include "config.h"

#include "base/bitmap.h"
#include "base/component.h"
#include "base/hashmap.h"

enum {
    ORDERS = 62,
    PARAM_MIN_BLOCK = 0
};

typedef struct buddy {
    memheap_module_t module;
    const memheap_memory_t *memory;
    size_t max_size;
    size_t frontier;
    unsigned min_order;
    unsigned max_order; /* the order of a block as long as max_size */
    uint64_t orders;    /* bit k: there are free blocks of order k */
    size_t count[ORDERS];
    memheap_bitmap_t free[ORDERS];
    memheap_hashmap_t live;
    void *bitmap_memory;
    size_t bitmap_bytes;
} buddy_t;

static buddy_t *buddy_of(memheap_module_t *module)
{
    return (buddy_t *)(void *)module;
}

static const buddy_t *const_buddy_of(const memheap_module_t *module)
{
    return (const buddy_t *)(const void *)module;
}

static size_t bytes_of(unsigned order)
{
    return (size_t)1 << order;
}

/* The order of a block of size bytes, which must be at most 2^61. */
static unsigned order_for(const buddy_t *b, size_t size)
{
    unsigned order = memheap_log2_ceil(size);
    return order < b->min_order ? b->min_order : order;
}

static void free_block_add(buddy_t *b, size_t offset, unsigned order)
{
    memheap_bitmap_set(&b->free[order], offset >> order);
    b->count[order]++;
    b->orders |= (uint64_t)1 << order;
}

static void free_block_remove(buddy_t *b, size_t offset, unsigned order)
{
    memheap_bitmap_clear(&b->free[order], offset >> order);
    if (--b->count[order] == 0)
        b->orders &= ~((uint64_t)1 << order);
}

static bool is_free_block(const buddy_t *b, size_t offset, unsigned order)
{
    return (b->orders >> order & 1) != 0 &&
           memheap_bitmap_test(&b->free[order], offset >> order);
}

/* Cut [b->frontier, target) into free blocks, which needs no joining: the
 * block in front of the frontier is live. */
static void frontier_advance(buddy_t *b, size_t target)
{
    while (b->frontier < target) {
        unsigned order = memheap_log2_floor(target - b->frontier);
        if (b->frontier != 0 && (unsigned)__builtin_ctzll(b->frontier) < order)
            order = (unsigned)__builtin_ctzll(b->frontier);
        free_block_add(b, b->frontier, order);
        b->frontier += bytes_of(order);
    }
}

/* Move the frontier back to offset, and over the free blocks that end there
 * then: at most one of each order does. */
static void frontier_retreat(buddy_t *b, size_t offset)
{
    b->frontier = offset;
    for (bool moved = true; moved && b->frontier != 0;) {
        unsigned limit = (unsigned)__builtin_ctzll(b->frontier);
        uint64_t candidates = b->orders & (((uint64_t)2 << limit) - 1);
        moved = false;
        for (; candidates != 0 && !moved; candidates &= candidates - 1) {
            unsigned order = (unsigned)__builtin_ctzll(candidates);
            size_t start = b->frontier - bytes_of(order);
            if (is_free_block(b, start, order)) {
                free_block_remove(b, start, order);
                b->frontier = start;
                moved = true;
            }
        }
    }
}

/* Cut a block that is no longer in a bitmap down to the smaller order, around
 * the part that contains offset; the rest becomes free. */
static void split(buddy_t *b, size_t block, unsigned order, unsigned target,
                  size_t offset)
{
    while (order > target) {
        order--;
        size_t upper = block + bytes_of(order);
        if (offset < upper) {
            free_block_add(b, upper, order);
        } else {
            free_block_add(b, block, order);
            block = upper;
        }
    }
}

/* Enter a block as live. There is room in the table. */
static void live_add(buddy_t *b, size_t offset, unsigned order)
{
    size_t size = memheap_min(bytes_of(order), b->module.size - offset);
    memheap_hashmap_put(&b->live, offset, size);
    b->module.used += size;
    b->module.live_blocks++;
}

static memheap_status_t buddy_alloc(memheap_module_t *module, size_t size,
                                    size_t align, size_t *offset_p)
{
    buddy_t *b = buddy_of(module);
    if (size > module->size)
        return MEMHEAP_ERR_NO_MEMORY;
    memheap_status_t status = memheap_hashmap_reserve(&b->live);
    if (status != MEMHEAP_OK)
        return status;
    unsigned order = order_for(b, size);
    unsigned wanted = memheap_log2_floor(align);
    wanted = wanted < order ? order : wanted;
    uint64_t fitting = b->orders >> wanted << wanted;
    size_t offset;
    if (fitting != 0) {
        unsigned from = (unsigned)__builtin_ctzll(fitting);
        offset = memheap_bitmap_first(&b->free[from]) << from;
        free_block_remove(b, offset, from);
        split(b, offset, from, order, offset);
    } else {
        offset = memheap_align_up(b->frontier, bytes_of(wanted));
        if (offset > module->size || size > module->size - offset)
            return MEMHEAP_ERR_NO_MEMORY;
        frontier_advance(b, offset);
        b->frontier = offset + bytes_of(order);
    }
    live_add(b, offset, order);
    *offset_p = offset;
    return MEMHEAP_OK;
}

static memheap_status_t buddy_free(memheap_module_t *module, size_t offset)
{
    buddy_t *b = buddy_of(module);
    uint64_t *size = memheap_hashmap_find(&b->live, offset);
    if (size == NULL)
        return MEMHEAP_ERR_BAD_ADDRESS;
    unsigned order = order_for(b, *size);
    module->used -= *size;
    module->live_blocks--;
    memheap_hashmap_remove(&b->live, size);
    if (offset + bytes_of(order) >= b->frontier) {
        frontier_retreat(b, offset);
        return MEMHEAP_OK;
    }
    for (; is_free_block(b, offset ^ bytes_of(order), order); order++) {
        free_block_remove(b, offset ^ bytes_of(order), order);
        offset &= ~bytes_of(order);
    }
    free_block_add(b, offset, order);
    return MEMHEAP_OK;
}

static memheap_status_t buddy_size_of(const memheap_module_t *module,
                                      size_t offset, size_t *size_p)
{
    const uint64_t *size =
        memheap_hashmap_find(&const_buddy_of(module)->live, offset);
    if (size == NULL)
        return MEMHEAP_ERR_BAD_ADDRESS;
    *size_p = *size;
    return MEMHEAP_OK;
}

/* Give the upper part of a live block back, down to order target. */
static void shrink(buddy_t *b, size_t offset, unsigned order, unsigned target)
{
    if (offset + bytes_of(order) >= b->frontier) {
        b->frontier = offset + bytes_of(target);
        return;
    }
    split(b, offset, order, target, offset);
}

/* Whether a live block can take in what lies behind it, up to order target.
 * Every buddy on the way must be free, or the frontier lie right behind. */
static bool can_extend(const buddy_t *b, size_t offset, unsigned order,
                       unsigned target, size_t size)
{
    if ((offset & (bytes_of(target) - 1)) != 0 ||
        size > b->module.size - offset)
        return false;
    for (; order < target && offset + bytes_of(order) < b->frontier; order++) {
        if (!is_free_block(b, offset + bytes_of(order), order))
            return false;
    }
    return true;
}

static memheap_status_t buddy_resize(memheap_module_t *module, size_t offset,
                                     size_t size)
{
    buddy_t *b = buddy_of(module);
    uint64_t *usable = memheap_hashmap_find(&b->live, offset);
    if (usable == NULL)
        return MEMHEAP_ERR_BAD_ADDRESS;
    if (size > module->size)
        return MEMHEAP_ERR_NO_MEMORY;
    unsigned order = order_for(b, *usable);
    unsigned target = order_for(b, size);
    if (target < order) {
        shrink(b, offset, order, target);
    } else {
        if (!can_extend(b, offset, order, target, size))
            return MEMHEAP_ERR_NO_MEMORY;
        for (; order < target && offset + bytes_of(order) < b->frontier;
             order++)
            free_block_remove(b, offset + bytes_of(order), order);
        b->frontier = memheap_max(b->frontier, offset + bytes_of(target));
    }
    module->used -= *usable;
    *usable = memheap_min(bytes_of(target), module->size - offset);
    module->used += *usable;
    return MEMHEAP_OK;
}

static memheap_status_t buddy_reserve(memheap_module_t *module, size_t offset,
                                      size_t size)
{
    buddy_t *b = buddy_of(module);
    if (size > module->size || size > module->size - offset)
        return MEMHEAP_ERR_BUSY;
    unsigned order = order_for(b, size);
    if ((offset & (bytes_of(order) - 1)) != 0)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    memheap_status_t status = memheap_hashmap_reserve(&b->live);
    if (status != MEMHEAP_OK)
        return status;
    if (offset >= b->frontier) {
        frontier_advance(b, offset);
        b->frontier = offset + bytes_of(order);
    } else {
        unsigned from = order;
        while (from <= b->max_order &&
               !is_free_block(b, offset & ~(bytes_of(from) - 1), from))
            from++;
        if (from > b->max_order)
            return MEMHEAP_ERR_BUSY;
        size_t block = offset & ~(bytes_of(from) - 1);
        free_block_remove(b, block, from);
        split(b, block, from, order, offset);
    }
    live_add(b, offset, order);
    return MEMHEAP_OK;
}

static memheap_status_t buddy_grow(memheap_module_t *module, size_t new_size)
{
    if (new_size < module->size || new_size > buddy_of(module)->max_size)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    module->size = new_size;
    return MEMHEAP_OK;
}

/* The block at an offset where one starts. For a live block that sticks out of
 * the region, and for one that the region outgrew, what lies behind its usable
 * part up to its end belongs to it too. */
static memheap_extent_t extent_at(const buddy_t *b, size_t offset)
{
    const uint64_t *size = memheap_hashmap_find(&b->live, offset);
    if (size != NULL) {
        size_t whole = bytes_of(order_for(b, *size));
        return (memheap_extent_t){
            offset, memheap_min(whole, b->module.size - offset), true};
    }
    unsigned limit =
        offset == 0 ? b->max_order : (unsigned)__builtin_ctzll(offset);
    for (unsigned order = b->min_order; order <= limit && order <= b->max_order;
         order++) {
        if (is_free_block(b, offset, order))
            return (memheap_extent_t){offset, bytes_of(order), false};
    }
    return (memheap_extent_t){offset, 0, false};
}

static void buddy_walk(const memheap_module_t *module,
                       bool (*visit)(void *context,
                                     const memheap_extent_t *extent),
                       void *context)
{
    const buddy_t *b = const_buddy_of(module);
    size_t end = memheap_min(b->frontier, module->size);
    for (size_t offset = 0; offset < end;) {
        memheap_extent_t extent = extent_at(b, offset);
        if (extent.size == 0 || !visit(context, &extent))
            return;
        offset += extent.size;
    }
    memheap_extent_t rest = {end, module->size - end, false};
    if (rest.size > 0)
        visit(context, &rest);
}

/* What one pass over all blocks finds. */
typedef struct tally {
    const buddy_t *buddy;
    size_t next; /* where the next block must start */
    size_t used;
    size_t live_blocks;
    size_t count[ORDERS];
    bool broken;
} tally_t;

/* A free block that touches the frontier, or whose buddy is free, is broken;
 * the rest behind the frontier is no block. */
static bool tally_extent(void *context, const memheap_extent_t *extent)
{
    tally_t *t = context;
    const buddy_t *b = t->buddy;
    t->broken = t->broken || extent->offset != t->next;
    t->next = extent->offset + extent->size;
    if (extent->live) {
        t->live_blocks++;
        t->used += *memheap_hashmap_find(&b->live, extent->offset);
        return !t->broken;
    }
    if (extent->offset >= b->frontier)
        return !t->broken;
    unsigned order = memheap_log2_floor(extent->size);
    t->count[order]++;
    if (t->next >= b->frontier ||
        is_free_block(b, extent->offset ^ extent->size, order))
        t->broken = true;
    return !t->broken;
}

static memheap_status_t buddy_check(const memheap_module_t *module)
{
    const buddy_t *b = const_buddy_of(module);
    tally_t t = {.buddy = b};
    buddy_walk(module, tally_extent, &t);
    if (t.broken || t.next != module->size || t.used != module->used ||
        t.live_blocks != module->live_blocks || t.live_blocks != b->live.count)
        return MEMHEAP_ERR_CORRUPT;
    for (unsigned order = 0; order < ORDERS; order++) {
        if (t.count[order] != b->count[order] ||
            (b->orders >> order & 1) != (b->count[order] != 0))
            return MEMHEAP_ERR_CORRUPT;
    }
    return MEMHEAP_OK;
}

/* The largest block that the space behind the frontier would give: for each
 * order, what is left of the region from the next multiple on. */
static size_t largest_behind_frontier(const buddy_t *b)
{
    size_t largest = 0;
    for (unsigned order = b->min_order; order <= b->max_order; order++) {
        size_t start = memheap_align_up(b->frontier, bytes_of(order));
        if (start < b->module.size)
            largest = memheap_max(
                largest, memheap_min(bytes_of(order), b->module.size - start));
    }
    return largest;
}

static void buddy_stats(const memheap_module_t *module,
                        memheap_module_stats_t *stats)
{
    const buddy_t *b = const_buddy_of(module);
    size_t largest = largest_behind_frontier(b);
    if (b->orders != 0)
        largest = memheap_max(largest, bytes_of(memheap_log2_floor(b->orders)));
    *stats = (memheap_module_stats_t){
        .size = module->size,
        .used = module->used,
        .largest_free = largest,
        .live_blocks = module->live_blocks,
        .metadata = sizeof(*b) + b->bitmap_bytes +
                    (sizeof(memheap_hashmap_slot_t) << b->live.order)};
}

static void buddy_destroy(memheap_module_t *module)
{
    buddy_t *b = buddy_of(module);
    const memheap_memory_t *memory = b->memory;
    memheap_hashmap_close(&b->live);
    if (b->bitmap_memory != NULL)
        memheap_memory_delete(memory, b->bitmap_memory, b->bitmap_bytes);
    memheap_memory_delete(memory, b, sizeof(*b));
}

static const memheap_module_ops_t buddy_ops = {.alloc = buddy_alloc,
                                               .free = buddy_free,
                                               .size_of = buddy_size_of,
                                               .resize = buddy_resize,
                                               .reserve = buddy_reserve,
                                               .grow = buddy_grow,
                                               .walk = buddy_walk,
                                               .check = buddy_check,
                                               .stats = buddy_stats,
                                               .destroy = buddy_destroy};

/* One bitmap an order, all in one piece of memory. */
static memheap_status_t bitmaps_new(buddy_t *b)
{
    size_t bytes = 0;
    for (unsigned order = b->min_order; order <= b->max_order; order++)
        bytes += memheap_bitmap_bytes((b->max_size >> order) + 1);
    b->bitmap_memory = memheap_memory_new(b->memory, bytes);
    if (b->bitmap_memory == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    b->bitmap_bytes = bytes;
    char *next = b->bitmap_memory;
    for (unsigned order = b->min_order; order <= b->max_order; order++) {
        size_t bits = (b->max_size >> order) + 1;
        memheap_bitmap_init(&b->free[order], next, bits);
        next += memheap_bitmap_bytes(bits);
    }
    return MEMHEAP_OK;
}

static memheap_status_t buddy_create(const memheap_module_config_t *config,
                                     long *priority_p,
                                     memheap_module_t **module_p)
{
    (void)priority_p;
    if (memheap_log2_ceil(config->max_size) >= ORDERS)
        return MEMHEAP_ERR_UNSUPPORTED;
    buddy_t *b = memheap_memory_new(config->memory, sizeof(*b));
    if (b == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    b->module.ops = &buddy_ops;
    b->module.size = config->size;
    b->memory = config->memory;
    b->max_size = config->max_size;
    b->min_order = memheap_log2_floor(config->params[PARAM_MIN_BLOCK].size);
    b->max_order = order_for(b, config->max_size);
    memheap_status_t status = bitmaps_new(b);
    if (status == MEMHEAP_OK)
        status = memheap_hashmap_open(&b->live, config->memory);
    if (status != MEMHEAP_OK) {
        buddy_destroy(&b->module);
        return status;
    }
    *module_p = &b->module;
    return MEMHEAP_OK;
}

static const memheap_param_def_t params[] = {
    [PARAM_MIN_BLOCK] = {.name = "min_block",
                         .type = MEMHEAP_PARAM_SIZE,
                         .unit = "bytes",
                         .default_text = "16",
                         .help = "size of the smallest block, a power of two",
                         .power_of_two = true,
                         .minimum = 16,
                         .maximum = (size_t)1 << 30},
};

const memheap_component_t memheap_buddy_component = {
    .abi = MEMHEAP_COMPONENT_ABI,
    .name = "buddy",
    .summary = "binary buddies: blocks of powers of two, joined at once",
    .priority = 40,
    .params = params,
    .param_count = sizeof(params) / sizeof(params[0]),
    .create = buddy_create};
