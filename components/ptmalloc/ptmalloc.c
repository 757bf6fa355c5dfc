/*
 * The allocator of dlmalloc and ptmalloc, with all it knows outside the heap.
 *
 * The region is cut into pieces, up to the top (slots.h). A piece is a block or
 * loose (space.h); and a block is live, or cached: it was freed and waits for a
 * request of its class (cache.h), and nothing joins it meanwhile. A request is
 * served from the cache, else from what is loose, else from the top.
 *
 * Up to twice what was ever live, and to two fifths of the region, the top
 * rises freely, and all that is freed may be cached. Above that, the cache may
 * hold a small share of what lies below the top and of what lies above; what it
 * may not hold is given back to the space, and so are a few blocks before the
 * top moves up, and all of them before a request fails. How much may be cached
 * is kept as `floor`, the least that has to be in use, so that free() compares
 * one number.
 *
 * Rules that ptmalloc_check() tests:
 *   - each granule below the top is in one piece, and the slots say which;
 *   - no two loose pieces touch, and no chunk touches the top;
 *   - each chunk has one node, in the bin for its size, and there are no more;
 *   - each cached block is in the stack of its class, and nothing else is.
 *
 * Freeing may need a node or a box of the cache. Neither are ever more than
 * blocks, live or cached, so alloc() sees to it that there is one of each
 * before it makes one block more; free() cannot fail.
 *
 * Sources: D. Lea, "A memory allocator", 1987-2012; W. Gloger, ptmalloc; J.
 * Bonwick, "The slab allocator", 1994 (stacks of objects that are kept).
 */
#include "config.h"

#include <memheap/component.h>
#include "components/ptmalloc/free_cache.h"
#include "components/ptmalloc/free_space.h"

enum {
    GRANULE_ORDER = 4,
    ROOMY_PART = 2, /* the part of the region in which the top rises freely */
    ROOMY_OF = 5,
    /* The most that the cache may hold above that, as shifts of what lies below
     * the top, but for little, and of what lies above. */
    LIMIT_BELOW = 2,
    LIMIT_LITTLE = 4096,
    LIMIT_ABOVE = 5,
    LIMIT_ONE = 6,        /* the part of it that one block may be, as a shift */
    FLUSHED_FOR_TOP = 2,  /* cached blocks that are joined before it moves */
    FLUSHED_FOR_ROOM = 1, /* and those that make room for another */
    /* A block that shrinks by no more than these bytes and a part of its
     * length, a half while there is room and else a sixteenth, stays as it is.
     */
    SLACK = 63,
    SLACK_ROOMY = 1,
    SLACK_TIGHT = 4,
    /* A block that grows may get half of what it needs beside, but no more than
     * so many bytes. */
    GROWN_MOST = 65536
};

typedef struct ptmalloc {
    memheap_module_t module;
    uint64_t reach; /* blocks before it may be cached; not behind the top */
    size_t floor;   /* bytes; less in use would mean that too much is cached */
    uint64_t limit; /* granules; the most that may be */
    uint64_t roomy; /* granules; up to there the top rises freely */
    uint64_t most;  /* granules that were ever live */
    unsigned slack; /* the part of itself that a block may shrink, a shift */
    size_t blocks;  /* live and cached */
    size_t ensured; /* blocks that there are nodes and boxes for */
    space_t space;
    cache_t cache;
    size_t max_size;
    const memheap_memory_t *memory;
} ptmalloc_t;

static ptmalloc_t *ptmalloc_of(memheap_module_t *module)
{
    return (ptmalloc_t *)(void *)module;
}

static const ptmalloc_t *const_ptmalloc_of(const memheap_module_t *module)
{
    return (const ptmalloc_t *)(const void *)module;
}

/* Granules of a size that is not 0. */
static uint64_t granules_of(size_t size)
{
    return memheap_max(((size - 1) >> GRANULE_ORDER) + 1, PIECE_LEAST);
}

/* The granule of an offset; one that is no multiple of a granule becomes too
 * large to be in any region. */
static uint64_t granule_at(size_t offset)
{
    return offset >> GRANULE_ORDER | offset << (64 - GRANULE_ORDER);
}

static size_t bytes_of(uint64_t granules)
{
    return (size_t)granules << GRANULE_ORDER;
}

static inline const slots_t *slots_of(const ptmalloc_t *p)
{
    return &p->space.pool.slots;
}

/* The granule of an offset if a live block starts there, or SPACE_NOWHERE. */
static inline uint64_t live_start(const ptmalloc_t *p, size_t offset)
{
    uint64_t start = granule_at(offset);
    return MEMHEAP_LIKELY(start < p->space.top &&
                          slot_is_live(slots_of(p), start))
               ? start
               : SPACE_NOWHERE;
}

/* The class of a block, live or cached: without a number, it is live, and too
 * long for one or cut shorter than classes are. */
static inline cache_class_t class_at(const ptmalloc_t *p, uint64_t start)
{
    unsigned number = slot_code(slots_of(p), start);
    if (number == SLOT_LONG)
        number = slot_number(slots_of(p), start);
    uint64_t size =
        number != 0 ? cache_size(number) : slot_value(slots_of(p), start);
    return (cache_class_t){size, number};
}

/* The number of the class of a block, of which its slot has the code; 0 if it
 * has none. No branch tells long from short, since lengths come as they like.
 */
static inline unsigned number_at(const ptmalloc_t *p, uint64_t start,
                                 unsigned code)
{
    unsigned noted = slot_number(slots_of(p), start);
    return code == SLOT_LONG ? noted : code;
}

/* Granules of a piece. */
static uint64_t length_at(const ptmalloc_t *p, uint64_t start)
{
    if (start == p->space.victim.start)
        return p->space.victim.size;
    if (!slot_is_live(slots_of(p), start)) {
        chunk_id_t id = space_chunk(&p->space, start);
        if (id != CHUNK_NONE)
            return chunk_at(&p->space.pool, id)->size;
    }
    return class_at(p, start).size;
}

/* Let slots that are 0 be those of a live block. */
static inline void block_mark(ptmalloc_t *p, uint64_t start,
                              cache_class_t class)
{
    slot_note_t note = {class.number, class.number == 0 ? class.size : 0};
    slot_mark(slots_of(p), start, class.size, SLOT_LIVE, note, 0);
}

/* Granules of blocks, live and cached. */
static inline uint64_t taken(const ptmalloc_t *p)
{
    return p->space.top - p->space.loose;
}

/* Say anew how much may be cached: called by all that may have moved the top,
 * or changed what is loose, when they are done. */
static inline void bounds_set(ptmalloc_t *p)
{
    uint64_t top = p->space.top;
    uint64_t end = p->space.end;
    p->most = memheap_max(p->most, p->module.used >> GRANULE_ORDER);
    p->roomy =
        memheap_min(end / ROOMY_OF * ROOMY_PART, 2 * p->most + LIMIT_LITTLE);
    p->limit = top;
    p->slack = SLACK_ROOMY;
    p->module.headroom = GROWN_MOST;
    if (top > p->roomy) {
        p->slack = SLACK_TIGHT;
        p->module.headroom = 0;
        p->limit = memheap_min(memheap_max(top >> LIMIT_BELOW, LIMIT_LITTLE),
                               (end - top) >> LIMIT_ABOVE);
    }
    p->floor = taken(p) > p->limit ? bytes_of(taken(p) - p->limit) : 0;
    p->reach = memheap_min(top, MEMHEAP_MAGAZINE_LIMIT);
}

/* Give the uppermost block of a stack back to the space. */
static void flush_stack(ptmalloc_t *p, cache_stack_t *stack)
{
    if (stack->box.count == 0)
        memheap_magazine_refill(&p->cache.boxes, &stack->box);
    uint64_t start = stack->box.member[--stack->box.count];
    uint64_t size = stack->bytes >> GRANULE_ORDER;
    p->blocks--;
    slot_clear(slots_of(p), start, size);
    space_give(&p->space, start, size);
}

/* Give up to `count` cached blocks back, large ones first. */
static MEMHEAP_NOINLINE void flush(ptmalloc_t *p, size_t count)
{
    for (; count > 0; count--) {
        cache_stack_t *stack = cache_find_large(&p->cache);
        if (stack == NULL)
            stack = cache_find_small(&p->cache);
        if (stack == NULL)
            return;
        flush_stack(p, stack);
    }
}

/* A node for each chunk and a box for each block in the cache after one more
 * alloc(). */
static memheap_status_t blocks_ensure(ptmalloc_t *p)
{
    if (MEMHEAP_LIKELY(p->blocks < p->ensured))
        return MEMHEAP_OK;
    size_t blocks = p->blocks + SPACE_AHEAD;
    memheap_status_t status = space_ensure(&p->space, blocks);
    if (status == MEMHEAP_OK)
        status = memheap_magazines_ensure(&p->cache.boxes, blocks);
    if (status == MEMHEAP_OK)
        p->ensured = blocks;
    return status;
}

/* Find a place for a block, of cached ones if there is no other. */
static memheap_status_t place_anywhere(ptmalloc_t *p, uint64_t size,
                                       uint64_t align, span_t *span_p)
{
    space_t *space = &p->space;
    *span_p = space_take(space, size, align, SPACE_LOOKS);
    if (span_p->start == SPACE_NOWHERE && space->top + size > p->roomy) {
        flush(p, FLUSHED_FOR_TOP);
        *span_p = space_take(space, size, align, SPACE_LOOKS);
    }
    if (span_p->start != SPACE_NOWHERE)
        return MEMHEAP_OK;
    memheap_status_t status = space_take_top(space, size, align, span_p);
    if (status != MEMHEAP_ERR_NO_MEMORY)
        return status;
    flush(p, SIZE_MAX);
    *span_p = space_take(space, size, align, SIZE_MAX);
    return span_p->start != SPACE_NOWHERE
               ? MEMHEAP_OK
               : space_take_top(space, size, align, span_p);
}

/* The uppermost block in the box of a stack if it will do, or SPACE_NOWHERE. */
static inline uint64_t block_peek(const cache_stack_t *stack, size_t align)
{
    uint32_t count = stack->box.count;
    if (MEMHEAP_UNLIKELY(count == 0))
        return SPACE_NOWHERE;
    uint64_t start = stack->box.member[count - 1];
    return MEMHEAP_LIKELY((bytes_of(start) & (align - 1)) == 0) ? start
                                                                : SPACE_NOWHERE;
}

/* Let the uppermost block in the box of a stack be live. */
static inline memheap_result_t block_take(ptmalloc_t *p, cache_stack_t *stack,
                                          uint64_t start)
{
    stack->box.count--;
    slot_set_live(slots_of(p), start);
    p->module.used += stack->bytes;
    return memheap_result_ok(bytes_of(start));
}

/* Let granules that the space gave be a live block. */
static void block_enter(ptmalloc_t *p, span_t span)
{
    cache_class_t class = cache_class_of(span.size);
    cache_stack(&p->cache, class);
    block_mark(p, span.start, class);
    p->blocks++;
    p->module.used += bytes_of(span.size);
    bounds_set(p);
}

/* Alloc where the uppermost block in the box of the stack will not do. */
static MEMHEAP_NOINLINE memheap_result_t alloc_slowly(ptmalloc_t *p,
                                                      size_t size, size_t align)
{
    uint64_t exact = granules_of(size);
    if (exact > p->space.end)
        return memheap_result_error(MEMHEAP_ERR_NO_MEMORY);
    cache_class_t class = cache_class(exact);
    cache_stack_t *stack = &p->cache.stack[class.number];
    align >>= GRANULE_ORDER;
    if ((stack->box.count > 0 ||
         memheap_magazine_refill(&p->cache.boxes, &stack->box)) &&
        cache_turn(&stack->box, align))
        return block_take(p, stack, stack->box.member[stack->box.count - 1]);
    memheap_status_t status = blocks_ensure(p);
    if (status != MEMHEAP_OK)
        return memheap_result_error(status);
    /* In need, just what was asked for; or with one more that cannot be left.
     */
    uint64_t wants[] = {class.size, exact, exact + 1};
    span_t span;
    status = MEMHEAP_ERR_NO_MEMORY;
    for (unsigned i = exact <= CACHE_EXACT ? 1 : 0;
         i < 3 && status == MEMHEAP_ERR_NO_MEMORY; i++) {
        size_t common = i == 0 ? (size_t)1 << CACHE_ALIGN : 1;
        status = place_anywhere(p, wants[i], memheap_max(align, common), &span);
    }
    if (status != MEMHEAP_OK) {
        bounds_set(p);
        return memheap_result_error(status);
    }
    block_enter(p, span);
    return memheap_result_ok(bytes_of(span.start));
}

static memheap_result_t ptmalloc_alloc(memheap_module_t *module, size_t align,
                                       size_t size)
{
    ptmalloc_t *p = ptmalloc_of(module);
    uint64_t granules = (size - 1) >> GRANULE_ORDER;
    unsigned number;
    if (MEMHEAP_LIKELY(granules < CACHE_TABLE))
        number = p->cache.number[granules];
    else
        number = cache_class(granules + 1).number;
    cache_stack_t *stack = &p->cache.stack[number];
    uint64_t start = block_peek(stack, align);
    if (MEMHEAP_UNLIKELY(start == SPACE_NOWHERE))
        return alloc_slowly(p, size, align);
    return block_take(p, stack, start);
}

/* Let a live block be cached; the box of its stack has room. */
static inline memheap_status_t block_push(ptmalloc_t *p, cache_stack_t *stack,
                                          uint64_t start, size_t used)
{
    uint32_t count = stack->box.count;
    slot_set_dead(slots_of(p), start);
    stack->box.member[count] = (uint32_t)start;
    stack->box.count = count + 1;
    p->module.used = used;
    return MEMHEAP_OK;
}

/* Free where there is more to do than to push the block; or less, since there
 * is none. */
static MEMHEAP_NOINLINE memheap_status_t free_slowly(ptmalloc_t *p,
                                                     uint64_t start)
{
    if (start >= p->space.top || !slot_is_live(slots_of(p), start))
        return MEMHEAP_ERR_BAD_ADDRESS;
    cache_class_t class = class_at(p, start);
    cache_stack_t *stack = &p->cache.stack[class.number];
    size_t used = p->module.used - bytes_of(class.size);
    bool caches =
        class.number != 0 && start < MEMHEAP_MAGAZINE_LIMIT &&
        (class.size < PIECE_LONG || class.size <= p->limit >> LIMIT_ONE);
    for (unsigned n = 0; caches && used < p->floor; n++) {
        cache_stack_t *large =
            n < FLUSHED_FOR_ROOM ? cache_find_large(&p->cache) : NULL;
        caches = large != NULL;
        if (caches)
            flush_stack(p, large);
        bounds_set(p);
    }
    if (caches) {
        if (stack->room == 0)
            cache_enter(&p->cache, class.number);
        if (stack->box.count == stack->room)
            memheap_magazine_spill(&p->cache.boxes, &stack->box);
        return block_push(p, stack, start, used);
    }
    p->module.used = used;
    p->blocks--;
    slot_clear(slots_of(p), start, class.size);
    space_give(&p->space, start, class.size);
    bounds_set(p);
    return MEMHEAP_OK;
}

static memheap_status_t ptmalloc_free(memheap_module_t *module, size_t offset)
{
    ptmalloc_t *p = ptmalloc_of(module);
    uint64_t start = granule_at(offset);
    if (MEMHEAP_UNLIKELY(start >= p->reach))
        return free_slowly(p, start);
    unsigned code = slot_live_code(slots_of(p), start);
    if (MEMHEAP_UNLIKELY(code > SLOT_LONG))
        return MEMHEAP_ERR_BAD_ADDRESS;
    cache_stack_t *stack = &p->cache.stack[number_at(p, start, code)];
    size_t used = module->used - stack->bytes;
    if (MEMHEAP_UNLIKELY(stack->box.count == stack->room || used < p->floor))
        return free_slowly(p, start);
    return block_push(p, stack, start, used);
}

static memheap_status_t ptmalloc_size_of(const memheap_module_t *module,
                                         size_t offset, size_t *size_p)
{
    const ptmalloc_t *p = const_ptmalloc_of(module);
    uint64_t start = live_start(p, offset);
    if (start == SPACE_NOWHERE)
        return MEMHEAP_ERR_BAD_ADDRESS;
    *size_p = bytes_of(class_at(p, start).size);
    return MEMHEAP_OK;
}

/* Give a live block, whose length is the caller's to change, another class. */
static void block_change(ptmalloc_t *p, uint64_t start, cache_class_t have,
                         cache_class_t want)
{
    slot_clear(slots_of(p), start, have.size);
    cache_stack(&p->cache, want);
    block_mark(p, start, want);
    p->module.used += bytes_of(want.size) - bytes_of(have.size);
}

/* Let a block grow over what is loose behind it: to a class, while there is
 * room to one that it can grow on in, or just to `exact`. */
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
        status = space_extend(&p->space, &more);
    }
    if (status == MEMHEAP_OK)
        block_change(p, start, have, cache_class_of(have.size + more.size));
    return status;
}

/* Resize a live block that may not stay as it is, or an offset where none
 * is. */
static MEMHEAP_NOINLINE memheap_result_t resize_slowly(ptmalloc_t *p,
                                                       uint64_t start,
                                                       size_t size)
{
    if (start >= p->space.top || !slot_is_live(slots_of(p), start))
        return memheap_result_error(MEMHEAP_ERR_BAD_ADDRESS);
    memheap_status_t status = blocks_ensure(p);
    cache_class_t have = class_at(p, start);
    uint64_t exact = granules_of(size);
    if (status == MEMHEAP_OK && exact > have.size) {
        status = block_grow(p, start, have, exact);
    } else if (status == MEMHEAP_OK && exact + PIECE_LEAST <= have.size) {
        cache_class_t want = cache_class(exact);
        if (want.size + PIECE_LEAST > have.size)
            want = cache_class_of(exact);
        block_change(p, start, have, want);
        space_give(&p->space, start + want.size, have.size - want.size);
    }
    bounds_set(p);
    return (memheap_result_t){bytes_of(class_at(p, start).size), status};
}

/* A short block that grows moves if one of its new class is cached: that is
 * quicker than to join and to split. */
static memheap_result_t ptmalloc_resize(memheap_module_t *module, size_t offset,
                                        size_t size)
{
    ptmalloc_t *p = ptmalloc_of(module);
    uint64_t start = granule_at(offset);
    if (MEMHEAP_UNLIKELY(start >= p->reach))
        return resize_slowly(p, start, size);
    unsigned code = slot_live_code(slots_of(p), start);
    if (MEMHEAP_UNLIKELY(code > SLOT_LONG))
        return memheap_result_error(MEMHEAP_ERR_BAD_ADDRESS);
    unsigned number = number_at(p, start, code);
    size_t have = p->cache.stack[number].bytes;
    if (MEMHEAP_UNLIKELY(number == 0))
        return resize_slowly(p, start, size);
    if (size <= have && have - size <= SLACK + (have >> p->slack))
        return memheap_result_ok(have);
    uint64_t wants = (size - 1) >> GRANULE_ORDER;
    if (MEMHEAP_LIKELY(size > have && wants < SLOT_LONG &&
                       p->cache.stack[wants].box.count > 0))
        return (memheap_result_t){have, MEMHEAP_ERR_NO_MEMORY};
    return resize_slowly(p, start, size);
}

static memheap_status_t ptmalloc_reserve(memheap_module_t *module,
                                         size_t offset, size_t size)
{
    ptmalloc_t *p = ptmalloc_of(module);
    if (offset % MEMHEAP_MIN_ALIGN != 0)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    memheap_status_t status = blocks_ensure(p);
    if (status != MEMHEAP_OK)
        return status;
    span_t span = {offset >> GRANULE_ORDER, granules_of(size)};
    flush(p, SIZE_MAX);
    status = space_take_at(&p->space, &span);
    if (status == MEMHEAP_OK)
        block_enter(p, span);
    bounds_set(p);
    return status;
}

/* What depends on the past is what is cached, what was ever live, which piece
 * is the victim, and the order of the chunks in a bin: start anew, and add them
 * in the order of addresses. */
static void ptmalloc_normalize(memheap_module_t *module)
{
    ptmalloc_t *p = ptmalloc_of(module);
    flush(p, SIZE_MAX);
    space_retire(&p->space);
    p->most = 0;
    p->cache.next = CACHE_WORDS * 64 - 1;
    p->space.bins = (bins_t){.summary = 0};
    for (uint64_t at = 0; at < p->space.top; at += length_at(p, at)) {
        if (!slot_is_live(slots_of(p), at))
            bins_add(&p->space.bins, &p->space.pool,
                     space_chunk(&p->space, at));
    }
    bounds_set(p);
}

static memheap_status_t ptmalloc_grow(memheap_module_t *module, size_t new_size)
{
    ptmalloc_t *p = ptmalloc_of(module);
    if (new_size < module->size || new_size > p->max_size)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    module->size = new_size;
    p->space.end = new_size >> GRANULE_ORDER;
    bounds_set(p);
    return MEMHEAP_OK;
}

/* Free pieces that touch are shown as one. */
static void ptmalloc_walk(const memheap_module_t *module,
                          bool (*visit)(void *context,
                                        const memheap_extent_t *extent),
                          void *context)
{
    const ptmalloc_t *p = const_ptmalloc_of(module);
    uint64_t free_start = 0;
    for (uint64_t at = 0; at < p->space.top;) {
        uint64_t length = length_at(p, at);
        if (slot_is_live(slots_of(p), at)) {
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

/* What one pass over the pieces finds. */
typedef struct tally {
    uint64_t used;
    size_t live;
    size_t chunks;
    size_t cached;
    uint64_t cached_digest; /* of where cached blocks lie, and how long */
    uint64_t loose;
    bool was_loose; /* the piece before */
} tally_t;

static uint64_t digest_of(uint64_t start, uint64_t size)
{
    return (start + 1) * (size + UINT64_C(0x9E3779B97F4A7C15));
}

/* Test that the slots of a piece say nothing but what it is; of a long one,
 * those at either end. */
static bool check_slots(const ptmalloc_t *p, uint64_t start, uint64_t size)
{
    const slots_t *slots = slots_of(p);
    slot_before_t last = slot_before(slots, start + size);
    const uint8_t *slot = slot_at(slots, start);
    const uint8_t *end = slot_at(slots, start + size);
    if (last.is_long != (size >= PIECE_LONG) ||
        slot_code(slots, start) != memheap_min(size - 1, SLOT_LONG) ||
        (*slot & SLOT_ODD) != (uint8_t)(start * SLOT_ODD))
        return false;
    if (!last.is_long && last.start != start)
        return false;
    for (unsigned i = 1; i < PIECE_LONG / 2 && slot + i < end; i++) {
        uint8_t either = last.is_long ? slot[i] | end[-(int)i] : slot[i];
        if ((either & SLOT_LIVE) != 0 || (!last.is_long && either != 0))
            return false;
    }
    return true;
}

/* Test the piece that starts at a granule, and count it. */
static bool check_piece(const ptmalloc_t *p, uint64_t at, tally_t *t)
{
    const space_t *space = &p->space;
    uint64_t length = length_at(p, at);
    uint64_t end = at + length;
    if (length < PIECE_LEAST || length > space->top - at ||
        !check_slots(p, at, length))
        return false;
    bool is_victim = at == space->victim.start;
    bool is_live = slot_is_live(slots_of(p), at);
    chunk_id_t id = is_live || is_victim ? CHUNK_NONE : space_chunk(space, at);
    bool is_loose = is_victim || id != CHUNK_NONE;
    if (t->was_loose && is_loose)
        return false;
    t->was_loose = is_loose;
    t->loose += is_loose ? length : 0;
    if (is_live) {
        t->live++;
        t->used += length;
    } else if (id != CHUNK_NONE) {
        const chunk_t *c = chunk_at(&space->pool, id);
        t->chunks++;
        return id <= space->pool.count && c->start == at && c->size == length &&
               end < space->top;
    } else if (!is_victim) {
        t->cached++;
        t->cached_digest += digest_of(at, length);
    }
    return true;
}

/* Take what a stack holds away from a tally. */
static bool check_stack(const ptmalloc_t *p, unsigned number, tally_t *t)
{
    const cache_stack_t *stack = &p->cache.stack[number];
    const memheap_magazine_t *box = &stack->box;
    unsigned bit = cache_bit(number);
    bool entered = (p->cache.map[bit / 64] >> bit % 64 & 1) != 0;
    if (stack->room != (entered ? MEMHEAP_MAGAZINE_SIZE : 0))
        return false;
    for (;; box = memheap_magazine_at(&p->cache.boxes, box->below)) {
        if (box->count > t->cached || box->count > stack->room ||
            (box != &stack->box && box->count < MEMHEAP_MAGAZINE_SIZE))
            return false;
        t->cached -= box->count;
        for (unsigned i = 0; i < box->count; i++) {
            cache_class_t class = class_at(p, box->member[i]);
            t->cached_digest -= digest_of(box->member[i], class.size);
            if (class.number != number || class.size != cache_size(number) ||
                bytes_of(class.size) != stack->bytes)
                return false;
        }
        if (box->below == 0)
            return true;
    }
}

static memheap_status_t ptmalloc_check(const memheap_module_t *module)
{
    const ptmalloc_t *p = const_ptmalloc_of(module);
    const space_t *space = &p->space;
    tally_t t = {0};
    for (uint64_t at = 0; at < space->top; at += length_at(p, at)) {
        if (!check_piece(p, at, &t))
            return MEMHEAP_ERR_CORRUPT;
    }
    size_t binned;
    if (!bins_check(&space->bins, &space->pool, &binned) || binned != t.chunks)
        return MEMHEAP_ERR_CORRUPT;
    size_t unused = 0;
    for (chunk_id_t id = space->pool.unused; id != CHUNK_NONE;
         id = chunk_at(&space->pool, id)->next) {
        if (++unused > space->pool.count)
            return MEMHEAP_ERR_CORRUPT;
    }
    size_t cached = t.cached;
    for (unsigned bit = 1; bit < CACHE_WORDS * 64; bit++) {
        if (!check_stack(p, cache_number(bit), &t))
            return MEMHEAP_ERR_CORRUPT;
    }
    if (t.cached != 0 || t.cached_digest != 0 || t.loose != space->loose ||
        space->top > space->end ||
        space->end != module->size >> GRANULE_ORDER ||
        t.live + cached != p->blocks || bytes_of(t.used) != module->used ||
        space->pool.count != unused + t.chunks)
        return MEMHEAP_ERR_CORRUPT;
    return MEMHEAP_OK;
}

static void ptmalloc_stats(const memheap_module_t *module,
                           memheap_module_stats_t *stats)
{
    const ptmalloc_t *p = const_ptmalloc_of(module);
    size_t orders = (size_t)__builtin_popcount(p->cache.orders);
    size_t cache = orders * CACHE_STEPS * sizeof(cache_stack_t) +
                   (p->cache.boxes.count + 1) * sizeof(memheap_magazine_t);
    *stats = (memheap_module_stats_t){
        .size = module->size,
        .used = module->used,
        .largest_free = bytes_of(space_longest(&p->space)),
        .metadata = sizeof(*p) + cache + space_metadata(&p->space)};
}

static void ptmalloc_destroy(memheap_module_t *module)
{
    ptmalloc_t *p = ptmalloc_of(module);
    space_close(&p->space);
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
    if (config->max_size >> GRANULE_ORDER > SLOT_VALUE_MAX)
        return MEMHEAP_ERR_UNSUPPORTED;
    ptmalloc_t *p = memheap_memory_new(config->memory, sizeof(*p));
    if (p == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    p->module.ops = &ptmalloc_ops;
    p->module.size = config->size;
    p->memory = config->memory;
    p->max_size = config->max_size;
    uint64_t most = config->max_size >> GRANULE_ORDER;
    memheap_status_t status = space_open(&p->space, config->memory,
                                         config->size >> GRANULE_ORDER, most);
    if (status == MEMHEAP_OK)
        status = cache_open(&p->cache, config->memory,
                            memheap_min(most / PIECE_LEAST, UINT32_MAX) +
                                SPACE_AHEAD);
    if (status != MEMHEAP_OK) {
        ptmalloc_destroy(&p->module);
        return status;
    }
    bounds_set(p);
    *module_p = &p->module;
    return MEMHEAP_OK;
}

const memheap_component_t memheap_ptmalloc_component = {
    .abi = MEMHEAP_COMPONENT_ABI,
    .name = "ptmalloc",
    .summary = "best fit by bins, with a cache of freed blocks and a victim",
    .priority = 50,
    .create = ptmalloc_create};
