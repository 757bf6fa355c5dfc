/*
 * Binary buddy allocator.
 *
 * A block of order k has 2^k granules and lies at a multiple of its size; a
 * granule is the smallest block. The region is cut only as far as needed: all
 * space above the top is free and belongs to no block. A request takes the
 * lowest free block of the smallest order that fits, split as needed. If there
 * is none, the top rises; space skipped for alignment becomes free blocks.
 * Freeing joins a block with its buddy, the block whose position differs in bit
 * k only, while both are free. A free block that ends at the top lowers the
 * top.
 *
 * A block at the region's end is truncated there, so a region of any size is
 * used to its last byte. A hash table holds the usable bytes of such blocks,
 * because they keep them when the region grows.
 *
 * Freed blocks are cached unjoined, in one stack for each order. The cache is
 * limited to shares of the space below and above the top. Some cached blocks
 * are joined as the top rises, and all before a request fails.
 *
 * The block map (buddy_map.h) tells where blocks start, how long they are and
 * which are live. Each order has a bitmap of its free blocks and their number.
 *
 * Invariants, tested by buddy_check():
 * - each granule below the top belongs to one block, which is live, free or
 *   cached;
 * - two buddies are never both free;
 * - no free block ends at the top;
 * - the bit of an order in `free_orders` is set if and only if the order has
 *   free blocks, and `free_count` is their number.
 *
 * Source: K. C. Knowlton, "A fast storage allocator", CACM 8(10), 1965.
 */
#include "config.h"

#include "components/buddy/buddy_blocks.h"

enum {
    PARAM_MIN_BLOCK = 0,
    ENSURE_STEP = 64,
    /* Log2 of the granules between two joins as the top rises. */
    JOIN_STEP_ORDER = 7,
    JOIN_PER_STEP = 6, /* cached blocks joined at each step */
    JOIN_ON_FREE = 2   /* cached blocks joined to cache another */
};

/* The granule of an offset. An offset between two granules gives a number
 * beyond any region. */
static uint64_t granule_at(const buddy_t *b, size_t offset)
{
    return offset >> b->granule_order | offset << (64 - b->granule_order);
}

/* The granule of an offset if a live block starts there, or SIZE_MAX. */
static uint64_t live_start(const buddy_t *b, size_t offset)
{
    uint64_t start = granule_at(b, offset);
    return MEMHEAP_LIKELY(start < b->top && map_is_live(&b->map, start))
               ? start
               : SIZE_MAX;
}

/* Take the uppermost block of an order out of the cache, which has one. */
static uint64_t cache_pop(buddy_t *b, unsigned order)
{
    memheap_magazine_t *stack = &b->cache[order];
    if (stack->count == 0)
        memheap_magazine_refill(&b->magazines, stack);
    b->cached -= length_of(order);
    return stack->round[--stack->count];
}

/* Join a cached block of the highest order. Returns false if none is cached. */
static bool join_one(buddy_t *b)
{
    while (b->cached_orders != 0) {
        unsigned order = memheap_log2_floor(b->cached_orders);
        if (!memheap_magazine_is_empty(&b->cache[order])) {
            b->blocks--;
            buddy_release(b, cache_pop(b, order), length_of(order));
            return true;
        }
        b->cached_orders &= ~((uint64_t)1 << order);
    }
    return false;
}

static void join_all(buddy_t *b)
{
    while (join_one(b))
        continue;
}

/* Make sure of the metadata that one more block may need. */
static memheap_status_t metadata_ensure(buddy_t *b)
{
    memheap_status_t status = memheap_hashmap_reserve(&b->truncated);
    if (status != MEMHEAP_OK || b->blocks < b->blocks_ensured)
        return status;
    status = memheap_magazines_ensure(&b->magazines, b->blocks + ENSURE_STEP);
    if (status == MEMHEAP_OK)
        b->blocks_ensured = b->blocks + ENSURE_STEP;
    return status;
}

/* Enter a live block into the block map, and record its usable bytes if it is
 * truncated. Returns the usable bytes. */
static size_t block_mark(buddy_t *b, uint64_t start, uint64_t length)
{
    size_t usable = bytes_of(b, length);
    size_t most = b->module.size - bytes_of(b, start);
    map_mark_live(&b->map, start);
    map_store_length(&b->map, start, start + length, length);
    if (MEMHEAP_UNLIKELY(usable > most)) {
        memheap_hashmap_put(&b->truncated, start, most);
        usable = most;
    }
    return usable;
}

/* Remove the record of a block that may be truncated. */
static void truncated_remove(buddy_t *b, uint64_t start)
{
    uint64_t *size = b->truncated.count > 0
                         ? memheap_hashmap_find(&b->truncated, start)
                         : NULL;
    if (size != NULL)
        memheap_hashmap_remove(&b->truncated, size);
}

static void block_add(buddy_t *b, uint64_t start, uint64_t length)
{
    b->module.used += block_mark(b, start, length);
    b->blocks++;
}

static MEMHEAP_NOINLINE memheap_result_t alloc_slow(buddy_t *b, size_t size,
                                                    size_t align)
{
    memheap_status_t status = metadata_ensure(b);
    if (status != MEMHEAP_OK)
        return memheap_result_error(status);
    unsigned order = memheap_log2_ceil(granules_of(b, size));
    unsigned align_order = memheap_log2_floor(granules_of(b, align));
    align_order = order > align_order ? order : align_order;
    uint64_t start;
    uint64_t length = length_of(order);
    if (!memheap_magazine_is_empty(&b->cache[order]) && align_order == order) {
        map_mark_live(&b->map, start = cache_pop(b, order));
        b->module.used += bytes_of(b, length);
        return memheap_result_ok(bytes_of(b, start));
    }
    bool found = buddy_take_free(b, order, align_order, &start);
    uint64_t crosses_step = (b->top ^ (b->top + length)) >> JOIN_STEP_ORDER;
    unsigned joins = crosses_step != 0 ? JOIN_PER_STEP : 0;
    for (; joins > 0 && !found && join_one(b); joins--)
        found = buddy_take_free(b, order, align_order, &start);
    if (!found) {
        status =
            buddy_take_above_top(b, order, align_order, size, &start, &length);
        if (status == MEMHEAP_ERR_NO_MEMORY) {
            join_all(b);
            if (buddy_take_free(b, order, align_order, &start))
                status = MEMHEAP_OK;
            else
                status = buddy_take_above_top(b, order, align_order, size,
                                              &start, &length);
        }
        if (status != MEMHEAP_OK)
            return memheap_result_error(status);
    }
    block_add(b, start, length);
    return memheap_result_ok(bytes_of(b, start));
}

static memheap_result_t buddy_alloc(memheap_module_t *module, size_t align,
                                    size_t size)
{
    buddy_t *b = buddy_of(module);
    if (MEMHEAP_UNLIKELY(size > module->size))
        return memheap_result_error(MEMHEAP_ERR_NO_MEMORY);
    unsigned order = memheap_log2_ceil(granules_of(b, size));
    memheap_magazine_t *stack = &b->cache[order];
    if (MEMHEAP_UNLIKELY(stack->count == 0))
        return alloc_slow(b, size, align);
    uint64_t start = stack->round[stack->count - 1];
    size_t offset = bytes_of(b, start);
    if (MEMHEAP_UNLIKELY((offset & (align - 1)) != 0))
        return alloc_slow(b, size, align);
    stack->count--;
    b->cached -= length_of(order);
    map_line(&b->map, start)->live |= map_bit(start);
    module->used += bytes_of(b, length_of(order));
    return memheap_result_ok(offset);
}

/* Slow path of free: the magazine is full, the cache is at its limit, or the
 * block cannot be cached. */
static MEMHEAP_NOINLINE void free_slow(buddy_t *b, uint64_t start,
                                       uint64_t length)
{
    b->module.used -= usable_at(b, start, length);
    truncated_remove(b, start);
    bool caches = memheap_is_power_of_two(length) && start % length == 0 &&
                  bytes_of(b, start + length) <= b->module.size &&
                  start < MEMHEAP_MAGAZINE_LIMIT && length <= b->cache_max;
    for (unsigned n = 0; caches && b->cached + length > b->cache_max; n++)
        caches = n < JOIN_ON_FREE && join_one(b);
    if (!caches) {
        b->blocks--;
        buddy_release(b, start, length);
        return;
    }
    unsigned order = memheap_log2_floor(length);
    memheap_magazine_t *stack = &b->cache[order];
    if (stack->count == MEMHEAP_MAGAZINE_ROUNDS)
        memheap_magazine_spill(&b->magazines, stack);
    stack->round[stack->count++] = (uint32_t)start;
    b->cached_orders |= (uint64_t)1 << order;
    b->cached += length;
    map_mark_free(&b->map, start);
}

static memheap_status_t buddy_free(memheap_module_t *module, size_t offset)
{
    buddy_t *b = buddy_of(module);
    uint64_t start = live_start(b, offset);
    if (MEMHEAP_UNLIKELY(start == SIZE_MAX))
        return MEMHEAP_ERR_BAD_ADDRESS;
    uint64_t length = length_at(b, start);
    unsigned order = (unsigned)__builtin_ctzll(length);
    memheap_magazine_t *stack = &b->cache[order];
    if (MEMHEAP_UNLIKELY(length != length_of(order) || b->truncated.count > 0 ||
                         start >= MEMHEAP_MAGAZINE_LIMIT ||
                         stack->count == MEMHEAP_MAGAZINE_ROUNDS ||
                         b->cached + length > b->cache_max)) {
        free_slow(b, start, length);
        return MEMHEAP_OK;
    }
    stack->round[stack->count++] = (uint32_t)start;
    b->cached_orders |= (uint64_t)1 << order;
    b->cached += length;
    map_line(&b->map, start)->live ^= map_bit(start);
    module->used -= bytes_of(b, length);
    return MEMHEAP_OK;
}

static memheap_status_t buddy_size_of(const memheap_module_t *module,
                                      size_t offset, size_t *size_p)
{
    const buddy_t *b = const_buddy_of(module);
    uint64_t start = live_start(b, offset);
    if (start == SIZE_MAX)
        return MEMHEAP_ERR_BAD_ADDRESS;
    *size_p = usable_at(b, start, length_at(b, start));
    return MEMHEAP_OK;
}

static memheap_result_t buddy_resize(memheap_module_t *module, size_t offset,
                                     size_t size)
{
    buddy_t *b = buddy_of(module);
    uint64_t start = live_start(b, offset);
    if (start == SIZE_MAX)
        return memheap_result_error(MEMHEAP_ERR_BAD_ADDRESS);
    uint64_t have = length_at(b, start);
    size_t usable = usable_at(b, start, have);
    if (size > module->size)
        return (memheap_result_t){usable, MEMHEAP_ERR_NO_MEMORY};
    unsigned target = memheap_log2_ceil(granules_of(b, size));
    if (size <= usable && length_of(target) >= have)
        return memheap_result_ok(usable);
    memheap_status_t status = metadata_ensure(b);
    if (status == MEMHEAP_OK && size > usable)
        status = buddy_extend(b, start, have, target, size);
    if (status != MEMHEAP_OK)
        return (memheap_result_t){usable, status};
    module->used -= usable;
    truncated_remove(b, start);
    uint64_t want = memheap_min(length_of(target), b->end - start);
    if (want < have)
        map_mark_free(&b->map, start + want);
    usable = block_mark(b, start, want);
    module->used += usable;
    if (want < have)
        buddy_release(b, start + want, have - want);
    return memheap_result_ok(usable);
}

static memheap_status_t buddy_reserve(memheap_module_t *module, size_t offset,
                                      size_t size)
{
    buddy_t *b = buddy_of(module);
    if (size > module->size || size > module->size - offset)
        return MEMHEAP_ERR_BUSY;
    uint64_t start = granule_at(b, offset);
    unsigned order = memheap_log2_ceil(granules_of(b, size));
    uint64_t length = length_of(order);
    if (start >= b->end || start % length != 0)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    memheap_status_t status = metadata_ensure(b);
    if (status != MEMHEAP_OK)
        return status;
    join_all(b);
    unsigned from = buddy_order_around(b, start, order);
    if (start >= b->top) {
        length = memheap_min(length, b->end - start);
        status = map_ensure(b, start + length);
        if (status != MEMHEAP_OK)
            return status;
        buddy_advance_top(b, start);
        buddy_set_top(b, start + length);
    } else if (from < ORDERS) {
        uint64_t block = start & ~(length_of(from) - 1);
        buddy_remove_free(b, block, from);
        buddy_split(b, block, from, order, start);
    } else {
        length = granules_of(b, size);
        if (!buddy_take_range(b, start, start + length))
            return MEMHEAP_ERR_BUSY;
    }
    block_add(b, start, length);
    return MEMHEAP_OK;
}

/* Only the cache makes placement depend on the past. */
static void buddy_normalize(memheap_module_t *module)
{
    join_all(buddy_of(module));
}

static memheap_status_t buddy_grow(memheap_module_t *module, size_t new_size)
{
    buddy_t *b = buddy_of(module);
    if (new_size < module->size || new_size > b->max_size)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    module->size = new_size;
    b->end = granules_of(b, new_size);
    buddy_update_cache_limit(b);
    return MEMHEAP_OK;
}

/* Adjacent blocks that are not live are reported as one extent. If a block was
 * truncated before the region grew, its last granule belongs to it as a whole.
 */
static void buddy_walk(const memheap_module_t *module,
                       bool (*visit)(void *context,
                                     const memheap_extent_t *extent),
                       void *context)
{
    const buddy_t *b = const_buddy_of(module);
    size_t free_start = 0;
    for (uint64_t at = 0; at < b->top; at += length_at(b, at)) {
        if (!map_is_live(&b->map, at))
            continue;
        size_t start = bytes_of(b, at);
        size_t end =
            memheap_min(bytes_of(b, at + length_at(b, at)), module->size);
        memheap_extent_t before = {free_start, start - free_start, false};
        memheap_extent_t block = {start, end - start, true};
        if ((before.size > 0 && !visit(context, &before)) ||
            !visit(context, &block))
            return;
        free_start = end;
    }
    memheap_extent_t rest = {free_start, module->size - free_start, false};
    if (rest.size > 0)
        visit(context, &rest);
}

/* The largest block that the space above the top can give: for each order, the
 * rest of the region from the next multiple of its size. */
static size_t largest_above_top(const buddy_t *b)
{
    size_t largest = 0;
    for (unsigned order = 0; order <= b->max_order; order++) {
        uint64_t start = memheap_align_up(b->top, length_of(order));
        if (start < b->end)
            largest = memheap_max(
                largest, memheap_min(bytes_of(b, length_of(order)),
                                     b->module.size - bytes_of(b, start)));
    }
    return largest;
}

/* Bytes of metadata ever written. */
static size_t metadata_of(const buddy_t *b)
{
    size_t bytes = sizeof(*b) +
                   ((b->top_max >> MAP_LINE_ORDER) + 1) * sizeof(map_line_t) +
                   (b->magazines.count + 1) * sizeof(memheap_magazine_t) +
                   memheap_hashmap_size(&b->truncated);
    for (unsigned order = 0; order <= b->max_order; order++)
        bytes += memheap_bitmap_bytes((b->top_max >> order) + 1);
    return bytes;
}

static void buddy_stats(const memheap_module_t *module,
                        memheap_module_stats_t *stats)
{
    const buddy_t *b = const_buddy_of(module);
    size_t largest = largest_above_top(b);
    if (b->free_orders != 0)
        largest = memheap_max(
            largest,
            bytes_of(b, length_of(memheap_log2_floor(b->free_orders))));
    *stats = (memheap_module_stats_t){.size = module->size,
                                      .used = module->used,
                                      .largest_free = largest,
                                      .metadata = metadata_of(b)};
}

static void buddy_destroy(memheap_module_t *module)
{
    buddy_t *b = buddy_of(module);
    const memheap_memory_t *memory = b->memory;
    memheap_hashmap_close(&b->truncated);
    memheap_array_close(&b->map);
    memheap_array_close(&b->magazines.array);
    if (b->bitmap_memory != NULL)
        memheap_memory_delete(memory, b->bitmap_memory, b->bitmap_bytes);
    memheap_memory_delete(memory, b, sizeof(*b));
}

static const memheap_module_ops_t buddy_ops = {.alloc = buddy_alloc,
                                               .free = buddy_free,
                                               .size_of = buddy_size_of,
                                               .resize = buddy_resize,
                                               .reserve = buddy_reserve,
                                               .normalize = buddy_normalize,
                                               .grow = buddy_grow,
                                               .walk = buddy_walk,
                                               .check = buddy_check,
                                               .stats = buddy_stats,
                                               .destroy = buddy_destroy};

/* A bitmap for each order, in one allocation. */
static memheap_status_t bitmaps_new(buddy_t *b, uint64_t max_end)
{
    size_t bytes = 0;
    for (unsigned order = 0; order <= b->max_order; order++)
        bytes += memheap_bitmap_bytes((max_end >> order) + 2);
    b->bitmap_memory = memheap_memory_new(b->memory, bytes);
    if (b->bitmap_memory == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    b->bitmap_bytes = bytes;
    char *next = b->bitmap_memory;
    for (unsigned order = 0; order <= b->max_order; order++) {
        size_t bits = (max_end >> order) + 2;
        memheap_bitmap_init(&b->free_map[order], next, bits);
        next += memheap_bitmap_bytes(bits);
    }
    return MEMHEAP_OK;
}

static memheap_status_t tables_open(buddy_t *b)
{
    uint64_t max_end = granules_of(b, b->max_size);
    b->max_order = memheap_log2_ceil(max_end);
    memheap_status_t status = bitmaps_new(b, max_end);
    if (status == MEMHEAP_OK)
        status = memheap_array_open(&b->map, b->memory,
                                    ((max_end >> MAP_LINE_ORDER) + 1) *
                                        sizeof(map_line_t));
    if (status == MEMHEAP_OK)
        status = memheap_magazines_open(&b->magazines, b->memory,
                                        max_end + 2 * ENSURE_STEP);
    if (status == MEMHEAP_OK)
        status = memheap_hashmap_open(&b->truncated, b->memory);
    if (status == MEMHEAP_OK)
        status = map_ensure(b, 0);
    return status;
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
    b->granule_order = memheap_log2_floor(config->params[PARAM_MIN_BLOCK].size);
    b->end = granules_of(b, config->size);
    memheap_status_t status = tables_open(b);
    if (status != MEMHEAP_OK) {
        buddy_destroy(&b->module);
        return status;
    }
    buddy_set_top(b, 0);
    *module_p = &b->module;
    return MEMHEAP_OK;
}

static const memheap_param_def_t params[] = {
    [PARAM_MIN_BLOCK] = {.name = "min_block",
                         .type = MEMHEAP_PARAM_SIZE,
                         .unit = "bytes",
                         .default_text = "32",
                         .help = "size of the smallest block, a power of two",
                         .power_of_two = true,
                         .minimum = 16,
                         .maximum = (size_t)1 << 30},
};

const memheap_component_t memheap_buddy_component = {
    .abi = MEMHEAP_COMPONENT_ABI,
    .name = "buddy",
    .summary = "binary buddies: blocks of powers of two, joined late",
    .priority = 40,
    .params = params,
    .param_count = sizeof(params) / sizeof(params[0]),
    .create = buddy_create};
