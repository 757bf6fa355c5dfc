/*
 * The allocator of dlmalloc and ptmalloc, with all metadata outside the region.
 *
 * The region up to the top is cut into pieces (block_map.h). A piece is either
 * free (free_space.h) or a block. A block is live or cached: a cached block was
 * freed and waits for a request of its class (free_cache.h), and is not joined
 * with its neighbours. A request is served from the cache, else from free
 * pieces, else from the top.
 *
 * What may be cached depends on the room above the top, and on whether the heap
 * grows (growth.h). While it does, only a small part of the space below the top
 * is cached, so that freed blocks are joined before the top rises. The cache of
 * a steady heap is bounded by the room alone: its blocks lie where memory was
 * needed before. Blocks beyond the limit take the place of cached blocks that
 * are surplus (free_cache.h), or become free space. A few surplus blocks are
 * joined before the top rises, and all cached blocks before a request fails.
 * The limit is kept as `used_min`, the least that has to be in use, so free()
 * compares one number.
 *
 * Invariants, tested by ptmalloc_check():
 * - each granule below the top belongs to one piece, as the block map says;
 * - free pieces are never adjacent, and no chunk ends at the top;
 * - each chunk has one node, in the bin of its size; no other node is used;
 * - each cached block is in the stack of its class, and no other is.
 *
 * free() cannot fail: it may need a node or a magazine, but there are never
 * more of either than blocks, live and cached. alloc() makes sure of both
 * before it adds a block.
 *
 * Sources: D. Lea, "A memory allocator", 1987-2012; W. Gloger, ptmalloc; J.
 * Bonwick, "The slab allocator", 1994 (caches of freed objects).
 */
#include "config.h"

#include "components/ptmalloc/ptmalloc_state.h"

enum {
    /* The cache of a growing heap is at most the greater of CACHE_SMALL
     * granules and the space below the top >> CACHE_GROWING_SHIFT. */
    CACHE_GROWING_SHIFT = 6,
    CACHE_SMALL = 4096,
    ROOM_PARTS = 256, /* of the region, in which the room is expressed */
    AMPLE_PART = 142, /* room of a steady heap from which it is ample */
    /* The longest block that is cached, as a part of the top: with ample room,
     * and else. */
    LONGEST_AMPLE_SHIFT = 9,
    LONGEST_SHIFT = 11,
    LONGEST_SMALL = 128,
    /* surplus blocks joined before the top rises, and to cache another */
    JOIN_BEFORE_TOP = 5,
    JOIN_ON_FREE = 2,
    VISITS = 4, /* classes that are visited to find a surplus block */
    /* A block stays as it is if it shrinks by at most SHRINK_BYTES and a half
     * of its size. */
    SHRINK_BYTES = 63,
    SHRINK_SHIFT = 1,
    /* A growing block may get half of its new size in addition, up to this
     * many bytes. */
    HEADROOM_MAX = 4096
};

/* Granules of a block of `size` bytes; size is not 0. */
static uint64_t granules_of(size_t size)
{
    return memheap_max(((size - 1) >> GRANULE_ORDER) + 1, PIECE_MIN);
}

/* The granule of an offset. An offset between two granules gives a number
 * beyond any region. */
static uint64_t granule_at(size_t offset)
{
    return offset >> GRANULE_ORDER | offset << (64 - GRANULE_ORDER);
}

/* The granule of an offset if a live block starts there, or GRANULE_NONE. */
static inline uint64_t live_start(const ptmalloc_t *p, size_t offset)
{
    uint64_t start = granule_at(offset);
    return MEMHEAP_LIKELY(start < p->free_space.top &&
                          map_is_live(map_of(p), start))
               ? start
               : GRANULE_NONE;
}

/* Class number of a block, given its code in the block map; 0 for no class.
 * The header is read even if it is not used: whether a block is long is hard
 * to predict, and the compiler then needs no branch. */
static inline unsigned number_at(const ptmalloc_t *p, uint64_t start,
                                 unsigned code)
{
    unsigned noted = map_class_number(map_of(p), start);
    return code == MAP_LONG ? noted : code;
}

/* Enter a live block into the block map, where its bytes are 0. */
static inline void block_mark(ptmalloc_t *p, uint64_t start,
                              cache_class_t class)
{
    map_header_t header = {class.number, class.number == 0 ? class.size : 0};
    map_mark(map_of(p), start, class.size, MAP_LIVE, header, 0);
}

/* Granules of blocks, live and cached. */
static inline uint64_t granules_in_blocks(const ptmalloc_t *p)
{
    return p->free_space.top - p->free_space.total;
}

/* Update the limits that depend on the top and on the growth. The cache may
 * take 16 * room^3 / end^2: no limit in effect if two fifths of the region are
 * above the top, but a thirty-second of the region if an eighth is. */
static MEMHEAP_NOINLINE void room_update(ptmalloc_t *p)
{
    uint64_t top = p->free_space.top;
    uint64_t end = p->free_space.end;
    uint64_t room = end - top;
    uint64_t part = end == 0 ? 0 : room * ROOM_PARTS / end;
    bool steady = p->growth.steady;
    p->cache_max = (room * part >> 8) * part >> 4;
    if (!steady)
        p->cache_max = memheap_min(
            p->cache_max, memheap_max(top >> CACHE_GROWING_SHIFT, CACHE_SMALL));
    bool is_ample = steady && part >= AMPLE_PART;
    p->longest = top >> (is_ample ? LONGEST_AMPLE_SHIFT : LONGEST_SHIFT);
    p->longest = memheap_max(p->longest, LONGEST_SMALL);
    p->module.headroom = is_ample ? HEADROOM_MAX : 0;
    p->cacheable_end = memheap_min(top, MEMHEAP_MAGAZINE_LIMIT);
    p->limited_top = top;
}

/* Update the limits of the cache. Called after the top moved or free space
 * changed. */
static inline void limits_update(ptmalloc_t *p)
{
    if (p->free_space.top != p->limited_top)
        room_update(p);
    uint64_t blocks = granules_in_blocks(p);
    p->used_min = blocks > p->cache_max ? bytes_of(blocks - p->cache_max) : 0;
}

/* Turn the uppermost cached block of a stack into free space. */
static void join_one(ptmalloc_t *p, cache_stack_t *stack)
{
    uint64_t start = cache_drop(&p->cache, stack);
    uint64_t size = stack->block_size >> GRANULE_ORDER;
    p->blocks--;
    map_clear(map_of(p), start, size);
    free_space_give(&p->free_space, start, size);
}

/* Turn a surplus block into free space. Returns false if none is found. */
static bool join_surplus(ptmalloc_t *p)
{
    cache_stack_t *stack = cache_find_surplus(&p->cache, VISITS);
    if (stack != NULL)
        join_one(p, stack);
    return stack != NULL;
}

/* Turn all cached blocks into free space. */
static MEMHEAP_NOINLINE void join_all(ptmalloc_t *p)
{
    for (cache_stack_t *stack; (stack = cache_find_any(&p->cache)) != NULL;)
        join_one(p, stack);
}

/* Make sure of the nodes and magazines that one more block may need. */
static memheap_status_t metadata_ensure(ptmalloc_t *p)
{
    if (MEMHEAP_LIKELY(p->blocks < p->blocks_ensured))
        return MEMHEAP_OK;
    size_t blocks = p->blocks + ENSURE_STEP;
    memheap_status_t status = free_space_ensure(&p->free_space, blocks);
    if (status == MEMHEAP_OK)
        status = memheap_magazines_ensure(&p->cache.magazines, blocks);
    if (status == MEMHEAP_OK)
        p->blocks_ensured = blocks;
    return status;
}

/* Find a span for a block. Joins cached blocks if nothing else fits. */
static memheap_status_t find_place(ptmalloc_t *p, uint64_t size, uint64_t align,
                                   span_t *span_p)
{
    free_space_t *space = &p->free_space;
    *span_p = free_space_take(space, size, align, BIN_PROBES);
    if (span_p->start != GRANULE_NONE)
        return MEMHEAP_OK;
    unsigned joined = 0;
    while (joined < JOIN_BEFORE_TOP && join_surplus(p))
        joined++;
    if (joined > 0) {
        *span_p = free_space_take(space, size, align, BIN_PROBES);
        if (span_p->start != GRANULE_NONE)
            return MEMHEAP_OK;
    }
    memheap_status_t status = free_space_take_top(space, size, align, span_p);
    if (status != MEMHEAP_ERR_NO_MEMORY)
        return status;
    join_all(p);
    *span_p = free_space_take(space, size, align, SIZE_MAX);
    return span_p->start != GRANULE_NONE
               ? MEMHEAP_OK
               : free_space_take_top(space, size, align, span_p);
}

/* The uppermost block of a magazine if it is aligned and above the floor, or
 * GRANULE_NONE. */
static inline uint64_t cache_peek(const cache_stack_t *stack, size_t align)
{
    uint32_t count = stack->magazine.count;
    if (MEMHEAP_UNLIKELY(count == stack->floor))
        return GRANULE_NONE;
    uint64_t start = stack->magazine.round[count - 1];
    return MEMHEAP_LIKELY((bytes_of(start) & (align - 1)) == 0) ? start
                                                                : GRANULE_NONE;
}

/* Take the uppermost block of a magazine out of the cache. */
static inline memheap_result_t cache_pop(ptmalloc_t *p, cache_stack_t *stack,
                                         uint64_t start)
{
    stack->magazine.count--;
    map_set_live(map_of(p), start);
    p->module.used += stack->block_size;
    return memheap_result_ok(bytes_of(start));
}

/* Make a live block of a span taken from free space. */
static void block_add(ptmalloc_t *p, span_t span)
{
    cache_class_t class = cache_class_of(span.size);
    cache_stack(&p->cache, class);
    block_mark(p, span.start, class);
    p->blocks++;
    p->module.used += bytes_of(span.size);
    if (growth_note(&p->growth, span.size, p->free_space.top))
        room_update(p);
    limits_update(p);
}

/* Slow path of alloc: the uppermost cached block is missing, not aligned, or at
 * the floor. */
static MEMHEAP_NOINLINE memheap_result_t alloc_slow(ptmalloc_t *p, size_t size,
                                                    size_t align)
{
    uint64_t exact = granules_of(size);
    if (exact > p->free_space.end)
        return memheap_result_error(MEMHEAP_ERR_NO_MEMORY);
    cache_class_t class = cache_class(exact);
    align >>= GRANULE_ORDER;
    cache_stack_t *stack = cache_find(&p->cache, class.number, align);
    if (stack != NULL)
        return cache_pop(p, stack,
                         stack->magazine.round[stack->magazine.count - 1]);
    memheap_status_t status = metadata_ensure(p);
    if (status != MEMHEAP_OK)
        return memheap_result_error(status);
    /* The class first; as a last resort the exact length, or one granule more
     * if a single granule would be left. */
    uint64_t wants[] = {class.size, exact, exact + 1};
    span_t span;
    status = MEMHEAP_ERR_NO_MEMORY;
    for (unsigned i = exact <= CACHE_EXACT ? 1 : 0;
         i < 3 && status == MEMHEAP_ERR_NO_MEMORY; i++)
        status = find_place(
            p, wants[i],
            memheap_max(align, i == 0 ? (size_t)1 << CACHE_ALIGN : 1), &span);
    if (status != MEMHEAP_OK) {
        limits_update(p);
        return memheap_result_error(status);
    }
    block_add(p, span);
    return memheap_result_ok(bytes_of(span.start));
}

static memheap_result_t ptmalloc_alloc(memheap_module_t *module, size_t align,
                                       size_t size)
{
    ptmalloc_t *p = ptmalloc_of(module);
    uint64_t granules = (size - 1) >> GRANULE_ORDER;
    unsigned number;
    if (MEMHEAP_LIKELY(granules < CACHE_TABLE_SIZE))
        number = p->cache.class_table[granules];
    else
        number = cache_class(granules + 1).number;
    cache_stack_t *stack = &p->cache.stacks[number];
    uint64_t start = cache_peek(stack, align);
    if (MEMHEAP_UNLIKELY(start == GRANULE_NONE))
        return alloc_slow(p, size, align);
    return cache_pop(p, stack, start);
}

/* Cache a live block. The magazine of its stack has room. */
static inline memheap_status_t cache_push(ptmalloc_t *p, cache_stack_t *stack,
                                          uint64_t start, size_t used)
{
    uint32_t count = stack->magazine.count;
    map_clear_live(map_of(p), start);
    stack->magazine.round[count] = (uint32_t)start;
    stack->magazine.count = count + 1;
    p->module.used = used;
    return MEMHEAP_OK;
}

/* Slow path of free: the magazine is full, the cache is at its limit, the
 * block cannot be cached, or no block starts there. */
static MEMHEAP_NOINLINE memheap_status_t free_slow(ptmalloc_t *p,
                                                   uint64_t start)
{
    if (start >= p->free_space.top || !map_is_live(map_of(p), start))
        return MEMHEAP_ERR_BAD_ADDRESS;
    cache_class_t class = class_at(p, start);
    cache_stack_t *stack = &p->cache.stacks[class.number];
    size_t used = p->module.used - bytes_of(class.size);
    bool caches = class.number != 0 && start < MEMHEAP_MAGAZINE_LIMIT &&
                  (class.size < PIECE_LONG || class.size <= p->longest);
    for (unsigned n = 0; caches && used < p->used_min; n++) {
        caches = n < JOIN_ON_FREE && join_surplus(p);
        limits_update(p);
    }
    if (caches) {
        if (stack->capacity == 0)
            cache_activate(&p->cache, class.number);
        if (stack->magazine.count == stack->capacity) {
            memheap_magazine_spill(&p->cache.magazines, &stack->magazine);
            stack->floor = 0;
        }
        return cache_push(p, stack, start, used);
    }
    p->module.used = used;
    p->blocks--;
    map_clear(map_of(p), start, class.size);
    free_space_give(&p->free_space, start, class.size);
    limits_update(p);
    return MEMHEAP_OK;
}

static memheap_status_t ptmalloc_free(memheap_module_t *module, size_t offset)
{
    ptmalloc_t *p = ptmalloc_of(module);
    uint64_t start = granule_at(offset);
    if (MEMHEAP_UNLIKELY(start >= p->cacheable_end))
        return free_slow(p, start);
    unsigned code = map_live_code(map_of(p), start);
    if (MEMHEAP_UNLIKELY(code > MAP_LONG))
        return MEMHEAP_ERR_BAD_ADDRESS;
    cache_stack_t *stack = &p->cache.stacks[number_at(p, start, code)];
    size_t used = module->used - stack->block_size;
    if (MEMHEAP_UNLIKELY(stack->magazine.count == stack->capacity ||
                         used < p->used_min))
        return free_slow(p, start);
    return cache_push(p, stack, start, used);
}

static memheap_status_t ptmalloc_size_of(const memheap_module_t *module,
                                         size_t offset, size_t *size_p)
{
    const ptmalloc_t *p = const_ptmalloc_of(module);
    uint64_t start = live_start(p, offset);
    if (start == GRANULE_NONE)
        return MEMHEAP_ERR_BAD_ADDRESS;
    *size_p = bytes_of(class_at(p, start).size);
    return MEMHEAP_OK;
}

/* Change the length and class of a live block. The caller takes or gives the
 * granules. */
static void block_set_class(ptmalloc_t *p, uint64_t start, cache_class_t have,
                            cache_class_t want)
{
    map_clear(map_of(p), start, have.size);
    cache_stack(&p->cache, want);
    block_mark(p, start, want);
    p->module.used += bytes_of(want.size) - bytes_of(have.size);
}

/* Grow a block into the free space behind it: to the class with headroom, else
 * to the class of the new size, else to exactly that size. */
static memheap_status_t block_grow(ptmalloc_t *p, uint64_t start,
                                   cache_class_t have, uint64_t exact)
{
    uint64_t ahead =
        memheap_min(exact / 2, p->module.headroom >> GRANULE_ORDER);
    uint64_t wants[] = {cache_class(exact + ahead).size,
                        cache_class(exact).size, exact};
    memheap_status_t status = MEMHEAP_ERR_NO_MEMORY;
    span_t more = {0};
    for (unsigned i = 0; i < 3 && status == MEMHEAP_ERR_NO_MEMORY; i++) {
        if (i > 0 && wants[i] == wants[i - 1])
            continue;
        more = (span_t){start + have.size, wants[i] - have.size};
        status = free_space_extend(&p->free_space, &more);
    }
    if (status == MEMHEAP_OK)
        block_set_class(p, start, have, cache_class_of(have.size + more.size));
    return status;
}

/* Slow path of resize: the block has to change, or none starts there. */
static MEMHEAP_NOINLINE memheap_result_t resize_slow(ptmalloc_t *p,
                                                     uint64_t start,
                                                     size_t size)
{
    if (start >= p->free_space.top || !map_is_live(map_of(p), start))
        return memheap_result_error(MEMHEAP_ERR_BAD_ADDRESS);
    memheap_status_t status = metadata_ensure(p);
    cache_class_t have = class_at(p, start);
    uint64_t exact = granules_of(size);
    if (status == MEMHEAP_OK && exact > have.size) {
        status = block_grow(p, start, have, exact);
    } else if (status == MEMHEAP_OK && exact + PIECE_MIN <= have.size) {
        cache_class_t want = cache_class(exact);
        if (want.size + PIECE_MIN > have.size)
            want = cache_class_of(exact);
        block_set_class(p, start, have, want);
        free_space_give(&p->free_space, start + want.size,
                        have.size - want.size);
    }
    limits_update(p);
    return (memheap_result_t){bytes_of(class_at(p, start).size), status};
}

/* A short block that grows moves if a block of its new class is cached: that
 * is faster than joining and splitting. */
static memheap_result_t ptmalloc_resize(memheap_module_t *module, size_t offset,
                                        size_t size)
{
    ptmalloc_t *p = ptmalloc_of(module);
    uint64_t start = granule_at(offset);
    if (MEMHEAP_UNLIKELY(start >= p->cacheable_end))
        return resize_slow(p, start, size);
    unsigned code = map_live_code(map_of(p), start);
    if (MEMHEAP_UNLIKELY(code > MAP_LONG))
        return memheap_result_error(MEMHEAP_ERR_BAD_ADDRESS);
    unsigned number = number_at(p, start, code);
    size_t have = p->cache.stacks[number].block_size;
    if (MEMHEAP_UNLIKELY(number == 0))
        return resize_slow(p, start, size);
    if (size <= have && have - size <= SHRINK_BYTES + (have >> SHRINK_SHIFT))
        return memheap_result_ok(have);
    uint64_t wants = (size - 1) >> GRANULE_ORDER;
    if (MEMHEAP_LIKELY(size > have && wants < MAP_LONG &&
                       p->cache.stacks[wants].magazine.count > 0))
        return (memheap_result_t){have, MEMHEAP_ERR_NO_MEMORY};
    return resize_slow(p, start, size);
}

static memheap_status_t ptmalloc_reserve(memheap_module_t *module,
                                         size_t offset, size_t size)
{
    ptmalloc_t *p = ptmalloc_of(module);
    span_t span = {offset >> GRANULE_ORDER, granules_of(size)};
    bool is_inside = offset <= module->size && size <= module->size - offset;
    /* The smallest block does not fit at the very end of the range. */
    if (offset % MEMHEAP_MIN_ALIGN != 0 ||
        (is_inside && span.start + span.size > module->size >> GRANULE_ORDER))
        return MEMHEAP_ERR_BAD_ARGUMENT;
    memheap_status_t status = metadata_ensure(p);
    if (status != MEMHEAP_OK)
        return status;
    join_all(p);
    status = free_space_take_at(&p->free_space, &span);
    if (status == MEMHEAP_OK)
        block_add(p, span);
    limits_update(p);
    return status;
}

/* Placement depends on the cache, its hand, the victim, the growth, and the
 * order of chunks within a bin. Reset all five; refill the bins in address
 * order. */
static void ptmalloc_normalize(memheap_module_t *module)
{
    ptmalloc_t *p = ptmalloc_of(module);
    join_all(p);
    free_space_retire_victim(&p->free_space);
    p->growth = (growth_t){.steady = false};
    p->cache.hand = CACHE_LAST_BIT;
    p->cache.surplus = 0;
    p->free_space.bins = (bins_t){.summary = 0};
    for (uint64_t at = 0; at < p->free_space.top; at += length_at(p, at)) {
        if (!map_is_live(map_of(p), at))
            bins_add(&p->free_space.bins, &p->free_space.pool,
                     free_space_chunk(&p->free_space, at));
    }
    room_update(p);
    limits_update(p);
}

static memheap_status_t ptmalloc_grow(memheap_module_t *module, size_t new_size)
{
    ptmalloc_t *p = ptmalloc_of(module);
    if (new_size < module->size || new_size > p->max_size)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    module->size = new_size;
    p->free_space.end = new_size >> GRANULE_ORDER;
    room_update(p);
    limits_update(p);
    return MEMHEAP_OK;
}

/* Adjacent free pieces and cached blocks are reported as one extent. */
static void ptmalloc_walk(const memheap_module_t *module,
                          bool (*visit)(void *context,
                                        const memheap_extent_t *extent),
                          void *context)
{
    const ptmalloc_t *p = const_ptmalloc_of(module);
    uint64_t free_start = 0;
    for (uint64_t at = 0; at < p->free_space.top;) {
        uint64_t length = length_at(p, at);
        if (map_is_live(map_of(p), at)) {
            memheap_extent_t before = {bytes_of(free_start),
                                       bytes_of(at - free_start), false};
            memheap_extent_t block = {bytes_of(at), bytes_of(length), true};
            if ((before.size > 0 && !visit(context, &before)) ||
                !visit(context, &block))
                return;
            free_start = at + length;
        }
        at += length;
    }
    size_t last = bytes_of(free_start);
    memheap_extent_t rest = {last, module->size - last, false};
    if (rest.size > 0)
        visit(context, &rest);
}

static void ptmalloc_stats(const memheap_module_t *module,
                           memheap_module_stats_t *stats)
{
    const ptmalloc_t *p = const_ptmalloc_of(module);
    size_t orders = (size_t)__builtin_popcount(p->cache.orders_used);
    size_t cache = orders * CACHE_STEPS * sizeof(cache_stack_t) +
                   (p->cache.magazines.count + 1) * sizeof(memheap_magazine_t);
    *stats = (memheap_module_stats_t){
        .size = module->size,
        .used = module->used,
        .largest_free = bytes_of(free_space_largest(&p->free_space)),
        .metadata = sizeof(*p) + cache + free_space_metadata(&p->free_space)};
}

static void ptmalloc_destroy(memheap_module_t *module)
{
    ptmalloc_t *p = ptmalloc_of(module);
    free_space_close(&p->free_space);
    cache_close(&p->cache, p->memory);
    memheap_memory_delete(p->memory, p, sizeof(*p));
}

static const memheap_module_ops_t ptmalloc_ops = {.alloc = ptmalloc_alloc,
                                                  .free = ptmalloc_free,
                                                  .size_of = ptmalloc_size_of,
                                                  .resize = ptmalloc_resize,
                                                  .reserve = ptmalloc_reserve,
                                                  .normalize =
                                                      ptmalloc_normalize,
                                                  .grow = ptmalloc_grow,
                                                  .walk = ptmalloc_walk,
                                                  .check = ptmalloc_check,
                                                  .stats = ptmalloc_stats,
                                                  .destroy = ptmalloc_destroy};

static memheap_status_t ptmalloc_create(const memheap_module_config_t *config,
                                        long *priority_p,
                                        memheap_module_t **module_p)
{
    (void)priority_p;
    if (config->max_size >> GRANULE_ORDER > MAP_VALUE_MAX)
        return MEMHEAP_ERR_UNSUPPORTED;
    ptmalloc_t *p = memheap_memory_new(config->memory, sizeof(*p));
    if (p == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    p->module.ops = &ptmalloc_ops;
    p->module.size = config->size;
    p->memory = config->memory;
    p->max_size = config->max_size;
    uint64_t most = config->max_size >> GRANULE_ORDER;
    memheap_status_t status = free_space_open(
        &p->free_space, config->memory, config->size >> GRANULE_ORDER, most);
    if (status == MEMHEAP_OK)
        status =
            cache_open(&p->cache, config->memory,
                       memheap_min(most / PIECE_MIN, UINT32_MAX) + ENSURE_STEP);
    if (status != MEMHEAP_OK) {
        ptmalloc_destroy(&p->module);
        return status;
    }
    room_update(p);
    limits_update(p);
    *module_p = &p->module;
    return MEMHEAP_OK;
}

const memheap_component_t memheap_ptmalloc_component = {
    .abi = MEMHEAP_COMPONENT_ABI,
    .name = "ptmalloc",
    .summary = "best fit by bins, with a cache of freed blocks and a victim",
    .priority = 50,
    .create = ptmalloc_create};
