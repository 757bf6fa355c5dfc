/*
 * The allocator of dlmalloc and ptmalloc, with all it knows outside the heap.
 *
 * The region is cut into pieces of whole granules of 16 bytes, up to the top:
 * the space behind the last block, which was never used or has been given
 * back. Tags tell where pieces start and which are live blocks (base/tags.h). A
 * free piece is one of three:
 *   - cached: a block that was freed and waits for a request of its length
 *     (cache.h), which nothing joins;
 *   - the victim: the rest of the last chunk that was split for a small
 *     request, or a piece of the top, so that blocks of one time lie together;
 *   - a chunk, with a node (chunk.h) in the bin for its size (bins.h).
 *
 * A request is served from the cache, else from a chunk of just its size, else
 * if it is small from the victim, and else from the smallest chunk that fits.
 * Live and cached blocks together may take twice what was ever live, but no
 * more than a third of the region; beyond, the cache may hold a small share of
 * what lies below the top and of what lies above. What it may not hold is
 * joined with its neighbours, a few blocks at a time, and all of it before a
 * request fails.
 * Rules that ptmalloc_check() tests:
 *   - each granule below the top is in exactly one piece, and the tags say so;
 *   - no two of chunks and victim touch, and no chunk touches the top;
 *   - each chunk has one node, in the bin for its size, and there are no more;
 *   - each cached piece is in the stack for its length, and nothing else is.
 *
 * Freeing may need a node or a box of the cache. Neither are ever more than
 * blocks, live or cached, so alloc() sees to it that there is one of each
 * before it makes one block more; free() cannot fail.
 *
 * Sources: D. Lea, "A memory allocator", 1987-2012; W. Gloger, ptmalloc.
 */
#include "config.h"

#include "base/component.h"
#include "components/ptmalloc/bins.h"
#include "components/ptmalloc/cache.h"

#define NOWHERE UINT64_MAX

enum {
    GRANULE_ORDER = 4,
    SMALL = 64, /* granules; blocks of fewer never have a note */
    /* An aligned request may leave a chunk on either side of it for a moment
     * before its block counts. */
    SPARE_NODES = 4,
    ENSURE_AHEAD = 64,
    /* While the top is in this part of the region, all that is free may be
     * cached; then no more than these shifts of what lies below the top, but
     * for little, and of what lies above. */
    ROOMY = 3,
    LIMIT_BELOW = 2,
    LIMIT_LITTLE = 4096,
    LIMIT_ABOVE = 5,
    LIMIT_ONE = 3,        /* the part of it that one block may be, as a shift */
    FLUSHED_FOR_TOP = 2,  /* cached blocks that are joined before it moves */
    FLUSHED_FOR_ROOM = 1, /* and those that make room for another */
    LOOKS = 8,            /* chunks of a bin that are compared */
    VICTIM_OF_TOP = 256,  /* granules */
    /* A block that shrinks by no more than this and an eighth of its length
     * stays as it is. */
    SLACK = 3,
    SLACK_ORDER = 3
};

/* A place of some granules. */
typedef struct span {
    uint64_t start;
    uint64_t size;
} span_t;

typedef struct ptmalloc {
    memheap_module_t module;
    uint64_t reach; /* blocks before it may be cached; not behind the top */
    size_t floor;   /* bytes; less in use would mean that too much is cached */
    uint64_t limit; /* granules; the most that may be */
    uint64_t roomy; /* granules of blocks up to which all may be */
    uint64_t most;  /* granules that were ever live */
    uint64_t top;
    uint64_t loose; /* granules of chunks and the victim */
    span_t victim;  /* starts NOWHERE if there is none */
    size_t blocks;  /* live and cached */
    size_t ensured; /* blocks that there are nodes and boxes for */
    uint64_t end;   /* granules in the region */
    uint64_t high;  /* the highest that the top ever was */
    chunk_pool_t pool;
    bins_t bins;
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
    return ((size - 1) >> GRANULE_ORDER) + 1;
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

static chunk_t *chunk(const ptmalloc_t *p, chunk_id_t id)
{
    return chunk_at(&p->pool, id);
}

/* Write and read what a long block's note says. One without a stack has the
 * number 0. */
static inline uint64_t note_of(cache_class_t class)
{
    return class.size | class.number << NOTE_NUMBER;
}

static inline cache_class_t class_in(uint64_t note)
{
    return (cache_class_t){note & (((uint64_t)1 << NOTE_NUMBER) - 1),
                           note >> NOTE_NUMBER};
}

/* The granule of an offset if a live block starts there, or NOWHERE. */
static inline uint64_t live_start(const ptmalloc_t *p, size_t offset)
{
    uint64_t start = granule_at(offset);
    return MEMHEAP_LIKELY(start < p->top &&
                          memheap_tag_is_live(&p->pool.tags, start))
               ? start
               : NOWHERE;
}

/* Granules of a piece. */
static inline uint64_t length_at(const ptmalloc_t *p, uint64_t start)
{
    memheap_tag_far_t far = memheap_tag_end(&p->pool.tags, start);
    if (far.granule != 0)
        return far.granule - start;
    if (MEMHEAP_UNLIKELY(start == p->victim.start))
        return p->victim.size;
    return (far.note & NOTE_NODE) == 0 ? class_in(far.note).size
                                       : chunk(p, (chunk_id_t)far.note)->size;
}

/* The chunk that starts at a granule where the victim does not and no block
 * is live; CHUNK_NONE for a cached piece. */
static inline chunk_id_t chunk_of(const ptmalloc_t *p, uint64_t start)
{
    memheap_tag_far_t far = memheap_tag_end(&p->pool.tags, start);
    if (far.granule != 0)
        return chunk_find(&p->pool, start);
    return (far.note & NOTE_NODE) != 0 ? (chunk_id_t)far.note : CHUNK_NONE;
}

/* Make a chunk of a piece that is tagged as free. */
static inline void chunk_make(ptmalloc_t *p, uint64_t start, uint64_t size)
{
    chunk_id_t id = chunk_new(&p->pool);
    p->loose += size;
    chunk(p, id)->start = start;
    chunk(p, id)->size = size;
    chunk_enter(&p->pool, id);
    bins_add(&p->bins, &p->pool, id);
}

/* Give a chunk other bounds; the new ones are tagged. */
static inline void chunk_change(ptmalloc_t *p, chunk_id_t id, uint64_t start,
                                uint64_t size)
{
    chunk_t *c = chunk(p, id);
    chunk_leave(&p->pool, id);
    p->loose += size - c->size;
    c->start = start;
    if (bins_index(size) == bins_index(c->size)) {
        c->size = size;
    } else {
        bins_remove(&p->bins, &p->pool, id);
        c->size = size;
        bins_add(&p->bins, &p->pool, id);
    }
    chunk_enter(&p->pool, id);
}

static inline void chunk_drop(ptmalloc_t *p, chunk_id_t id)
{
    p->loose -= chunk(p, id)->size;
    bins_remove(&p->bins, &p->pool, id);
    chunk_leave(&p->pool, id);
    chunk_delete(&p->pool, id);
}

/* Let a piece that is tagged as free be the victim. Its note is for the piece
 * behind it, and stays right when the victim loses its start. */
static inline void victim_set(ptmalloc_t *p, uint64_t start, uint64_t size)
{
    p->loose += size - p->victim.size;
    p->victim = (span_t){start, size};
    memheap_tag_note(&p->pool.tags, start, start + size, NOTE_VICTIM);
}

static inline void victim_clear(ptmalloc_t *p)
{
    p->loose -= p->victim.size;
    p->victim = (span_t){NOWHERE, 0};
}

/* Granules of blocks, live and cached. */
static inline uint64_t taken(const ptmalloc_t *p)
{
    return p->top - p->loose;
}

/* Say anew how much may be cached: called by all that may have moved the top,
 * or changed what is loose, when they are done. */
static inline void bounds_set(ptmalloc_t *p)
{
    uint64_t below = memheap_max(p->top >> LIMIT_BELOW, LIMIT_LITTLE);
    uint64_t above = (p->end - p->top) >> LIMIT_ABOVE;
    p->most = memheap_max(p->most, p->module.used >> GRANULE_ORDER);
    p->roomy = memheap_min(p->end / ROOMY, 2 * p->most + LIMIT_LITTLE);
    p->limit = taken(p) <= p->roomy ? p->top : memheap_min(below, above);
    p->floor = taken(p) > p->limit ? bytes_of(taken(p) - p->limit) : 0;
    p->reach = memheap_min(p->top, MEMHEAP_BOX_REACH);
}

static inline bool victim_meets_top(const ptmalloc_t *p)
{
    return p->victim.start + p->victim.size == p->top && p->victim.size > 0;
}

/* Let there be no victim: it is part of the top or a chunk from now on. */
static void victim_retire(ptmalloc_t *p)
{
    if (victim_meets_top(p)) {
        memheap_tag_none(&p->pool.tags, p->top);
        p->top = p->victim.start;
    } else if (p->victim.size > 0) {
        chunk_make(p, p->victim.start, p->victim.size);
    }
    victim_clear(p);
}

/* Cut a live block from the start of the victim. */
static inline uint64_t victim_carve(ptmalloc_t *p, uint64_t size)
{
    uint64_t start = p->victim.start;
    memheap_tag_live(&p->pool.tags, start);
    p->victim.size -= size;
    p->loose -= size;
    if (p->victim.size > 0) {
        p->victim.start = start + size;
        memheap_tag_free(&p->pool.tags, start + size);
    } else {
        p->victim.start = NOWHERE;
    }
    return start;
}

/* Free a piece that is tagged, but for the end of a block that was cut off:
 * join it with what is free on either side. What the victim joins becomes the
 * victim. */
static void piece_free(ptmalloc_t *p, uint64_t start, uint64_t size)
{
    const memheap_table_t *tags = &p->pool.tags;
    uint64_t end = start + size;
    chunk_id_t before = CHUNK_NONE;
    chunk_id_t after = CHUNK_NONE;
    bool joins_victim = false;
    if (start > 0) {
        memheap_tag_far_t far = memheap_tag_before(tags, start);
        uint64_t from = far.granule;
        if (far.note == 0) {
            if (from == p->victim.start)
                joins_victim = true;
            else if (!memheap_tag_is_live(tags, from))
                before = chunk_find(&p->pool, from);
        } else if (far.note == NOTE_VICTIM) {
            joins_victim = true;
            from = p->victim.start;
        } else if ((far.note & NOTE_NODE) != 0) {
            before = (chunk_id_t)far.note;
            from = chunk(p, before)->start;
        }
        if (joins_victim || before != CHUNK_NONE) {
            memheap_tag_none(tags, start);
            start = from;
        }
    }
    if (MEMHEAP_UNLIKELY(end == p->top)) {
        if (joins_victim)
            victim_clear(p);
        else if (before != CHUNK_NONE)
            chunk_drop(p, before);
        memheap_tag_none(tags, end);
        memheap_tag_free(tags, start);
        p->top = start;
        return;
    }
    if (!memheap_tag_is_live(tags, end)) {
        if (end == p->victim.start) {
            joins_victim = true;
            memheap_tag_none(tags, end);
            end += p->victim.size;
        } else {
            after = chunk_of(p, end);
            if (after != CHUNK_NONE) {
                memheap_tag_none(tags, end);
                end += chunk(p, after)->size;
            }
        }
    }
    memheap_tag_free(tags, start);
    if (joins_victim) {
        if (before != CHUNK_NONE)
            chunk_drop(p, before);
        if (after != CHUNK_NONE)
            chunk_drop(p, after);
        victim_set(p, start, end - start);
    } else if (before != CHUNK_NONE) {
        if (after != CHUNK_NONE)
            chunk_drop(p, after);
        chunk_change(p, before, start, end - start);
    } else if (after != CHUNK_NONE) {
        chunk_change(p, after, start, end - start);
    } else {
        chunk_make(p, start, end - start);
    }
}

/* Join the uppermost block of a stack with its neighbours. */
static void flush_stack(ptmalloc_t *p, memheap_box_t *stack)
{
    if (stack->count == 0)
        memheap_box_refill(&p->cache.boxes, stack);
    uint64_t start = stack->member[--stack->count];
    p->blocks--;
    piece_free(p, start, length_at(p, start));
}

/* Join up to `count` cached blocks with their neighbours, large ones first. */
static __attribute__((noinline)) void flush(ptmalloc_t *p, size_t count)
{
    for (; count > 0 && p->blocks > p->module.live_blocks; count--) {
        unsigned number = cache_find_large(&p->cache);
        if (number == 0)
            number = cache_find_small(&p->cache);
        flush_stack(p, &p->cache.stack[number]);
    }
}

/* Cut a live block of `size` granules from `start` out of a chunk that
 * contains it. */
static inline void chunk_carve(ptmalloc_t *p, chunk_id_t id, uint64_t start,
                               uint64_t size)
{
    uint64_t from = chunk(p, id)->start;
    uint64_t rest = start + size;
    uint64_t to = from + chunk(p, id)->size;
    if (rest < to)
        memheap_tag_free(&p->pool.tags, rest);
    memheap_tag_live(&p->pool.tags, start);
    if (from == start) {
        if (rest < to)
            chunk_change(p, id, rest, to - rest);
        else
            chunk_drop(p, id);
    } else {
        chunk_change(p, id, from, start - from);
        if (rest < to)
            chunk_make(p, rest, to - rest);
    }
}

/* Let the tables reach to a top. */
static memheap_status_t top_ensure(ptmalloc_t *p, uint64_t top)
{
    size_t lines = (top >> MEMHEAP_TAG_LINE_ORDER) + 2;
    memheap_status_t status =
        memheap_table_ensure(&p->pool.tags, lines * sizeof(memheap_tag_line_t));
    if (status == MEMHEAP_OK)
        status =
            memheap_table_ensure(&p->pool.heads, lines * sizeof(chunk_id_t));
    return status;
}

/* Move the top up to the end of a live block behind it. */
static memheap_status_t top_raise(ptmalloc_t *p, uint64_t start, uint64_t size)
{
    memheap_status_t status = top_ensure(p, start + size);
    if (status != MEMHEAP_OK)
        return status;
    uint64_t front = p->top;
    p->top = start + size;
    p->high = memheap_max(p->high, p->top);
    memheap_tag_free(&p->pool.tags, p->top);
    memheap_tag_live(&p->pool.tags, start);
    if (start > front)
        chunk_make(p, front, start - front);
    return MEMHEAP_OK;
}

/* Take a place from the top, at a multiple of align granules. */
static memheap_status_t place_at_top(ptmalloc_t *p, uint64_t size,
                                     uint64_t align, uint64_t *start_p)
{
    if (victim_meets_top(p))
        victim_retire(p);
    uint64_t start = memheap_align_up(p->top, align);
    if (start < p->top || start > p->end || size > p->end - start)
        return MEMHEAP_ERR_NO_MEMORY;
    *start_p = start;
    return top_raise(p, start, size);
}

/* Take a piece from the top as the victim, and a small block from that. */
static memheap_status_t place_at_top_small(ptmalloc_t *p, uint64_t size,
                                           uint64_t *start_p)
{
    victim_retire(p);
    if (p->end - p->top < VICTIM_OF_TOP)
        return place_at_top(p, size, 1, start_p);
    uint64_t start = p->top;
    memheap_status_t status = top_raise(p, start, VICTIM_OF_TOP);
    if (status != MEMHEAP_OK)
        return status;
    memheap_tag_free(&p->pool.tags, start);
    victim_set(p, start, VICTIM_OF_TOP);
    *start_p = victim_carve(p, size);
    return MEMHEAP_OK;
}

/* A multiple of align granules at which size of them lie in a chunk, or
 * NOWHERE. */
static inline uint64_t place_in(const chunk_t *c, uint64_t size, uint64_t align)
{
    uint64_t start = memheap_align_up(c->start, align);
    uint64_t front = start - c->start;
    return front <= c->size && size <= c->size - front ? start : NOWHERE;
}

/* Take a place from the best of the chunks, of which the victim is one, that
 * have at least `room` granules. */
static inline uint64_t place_best(ptmalloc_t *p, uint64_t size, uint64_t room,
                                  uint64_t align, size_t looks)
{
    chunk_id_t id = bins_best(&p->bins, &p->pool, room, looks);
    if (p->victim.size >= room &&
        (id == CHUNK_NONE || p->victim.size < chunk(p, id)->size)) {
        victim_retire(p);
        id = bins_best(&p->bins, &p->pool, room, looks);
    }
    if (id == CHUNK_NONE)
        return NOWHERE;
    uint64_t start = place_in(chunk(p, id), size, align);
    if (start != NOWHERE)
        chunk_carve(p, id, start, size);
    return start;
}

/* The best fit may happen to lie well; a chunk that is longer by the alignment
 * always does. */
static inline uint64_t place_large(ptmalloc_t *p, uint64_t size, uint64_t align,
                                   size_t looks)
{
    uint64_t start = place_best(p, size, size, align, looks);
    if (start == NOWHERE && align > 1)
        start = place_best(p, size, size + align - 1, align, looks);
    return start;
}

static inline uint64_t place_small(ptmalloc_t *p, uint64_t size)
{
    chunk_id_t id = p->bins.head[size];
    if (id == CHUNK_NONE) {
        if (p->victim.size >= size)
            return victim_carve(p, size);
        id = bins_best(&p->bins, &p->pool, size, LOOKS);
        if (id == CHUNK_NONE)
            return NOWHERE;
    }
    uint64_t start = chunk(p, id)->start;
    uint64_t rest = chunk(p, id)->size - size;
    chunk_drop(p, id);
    memheap_tag_live(&p->pool.tags, start);
    if (rest > 0) {
        memheap_tag_free(&p->pool.tags, start + size);
        victim_retire(p);
        victim_set(p, start + size, rest);
    }
    return start;
}

static inline uint64_t place(ptmalloc_t *p, uint64_t size, uint64_t align,
                             size_t looks)
{
    return size < SMALL && align == 1 ? place_small(p, size)
                                      : place_large(p, size, align, looks);
}

/* A node for each chunk and a box for each block in the cache after one more
 * alloc(). */
static memheap_status_t blocks_ensure(ptmalloc_t *p)
{
    if (MEMHEAP_LIKELY(p->blocks < p->ensured))
        return MEMHEAP_OK;
    size_t blocks = p->blocks + ENSURE_AHEAD;
    memheap_status_t status = chunk_ensure(&p->pool, blocks + SPARE_NODES);
    if (status == MEMHEAP_OK)
        status = memheap_boxes_ensure(&p->cache.boxes, blocks);
    if (status == MEMHEAP_OK)
        p->ensured = blocks;
    return status;
}

static memheap_status_t place_anywhere(ptmalloc_t *p, uint64_t size,
                                       uint64_t align, uint64_t *start_p)
{
    uint64_t start = place(p, size, align, LOOKS);
    if (start == NOWHERE && p->blocks > p->module.live_blocks &&
        taken(p) + size > p->roomy) {
        flush(p, FLUSHED_FOR_TOP);
        start = place(p, size, align, LOOKS);
    }
    if (start != NOWHERE) {
        *start_p = start;
        return MEMHEAP_OK;
    }
    memheap_status_t status = size < SMALL && align == 1
                                  ? place_at_top_small(p, size, start_p)
                                  : place_at_top(p, size, align, start_p);
    if (status != MEMHEAP_ERR_NO_MEMORY)
        return status;
    flush(p, SIZE_MAX);
    *start_p = place(p, size, align, SIZE_MAX);
    return *start_p != NOWHERE ? MEMHEAP_OK
                               : place_at_top(p, size, align, start_p);
}

/* The uppermost block in the box of a stack if it will do, or NOWHERE. */
static inline uint64_t block_peek(const memheap_box_t *stack, size_t align)
{
    uint32_t count = stack->count;
    if (MEMHEAP_UNLIKELY(count == 0))
        return NOWHERE;
    uint64_t start = stack->member[count - 1];
    return MEMHEAP_LIKELY((bytes_of(start) & (align - 1)) == 0) ? start
                                                                : NOWHERE;
}

/* Let the uppermost block in the box of a stack be live. */
static inline memheap_status_t block_take(ptmalloc_t *p, memheap_box_t *stack,
                                          uint64_t start, uint64_t size,
                                          size_t *offset_p)
{
    stack->count--;
    memheap_tag_line(&p->pool.tags, start)->lives |= memheap_tag_bit(start);
    p->module.used += bytes_of(size);
    p->module.live_blocks++;
    *offset_p = bytes_of(start);
    return MEMHEAP_OK;
}

/* Enter a block that was not cached. */
static inline memheap_status_t block_enter(ptmalloc_t *p, uint64_t start,
                                           cache_class_t class,
                                           size_t *offset_p)
{
    if (class.size >= SMALL)
        memheap_tag_note(&p->pool.tags, start, start + class.size,
                         note_of(class));
    p->blocks++;
    p->module.live_blocks++;
    p->module.used += bytes_of(class.size);
    *offset_p = bytes_of(start);
    bounds_set(p);
    return MEMHEAP_OK;
}

/* Alloc where the uppermost block in the box of the stack will not do. */
static __attribute__((noinline)) memheap_status_t
alloc_uncached(ptmalloc_t *p, uint64_t exact, size_t align, size_t *offset_p)
{
    if (exact > p->end)
        return MEMHEAP_ERR_NO_MEMORY;
    uint64_t start;
    cache_class_t class = cache_class(exact);
    memheap_box_t *stack = cache_stack(&p->cache, class);
    align >>= GRANULE_ORDER;
    if ((stack->count > 0 || memheap_box_refill(&p->cache.boxes, stack)) &&
        cache_turn(stack, align))
        return block_take(p, stack, stack->member[stack->count - 1], class.size,
                          offset_p);
    memheap_status_t status = blocks_ensure(p);
    if (status != MEMHEAP_OK)
        return status;
    if (exact <= CACHE_EXACT) {
        status = place_anywhere(p, exact, align, &start);
    } else {
        size_t common = (size_t)1 << CACHE_ALIGN_ORDER;
        status =
            place_anywhere(p, class.size, memheap_max(align, common), &start);
        if (status == MEMHEAP_ERR_NO_MEMORY) {
            class = (cache_class_t){exact, 0};
            status = place_anywhere(p, exact, align, &start);
        }
    }
    if (status == MEMHEAP_OK)
        return block_enter(p, start, class, offset_p);
    bounds_set(p);
    return status;
}

/* Alloc a small block that is not cached: mostly a chunk of its size is there
 * or the victim serves. */
static __attribute__((noinline)) memheap_status_t
alloc_small(ptmalloc_t *p, uint64_t size, size_t align, size_t *offset_p)
{
    const memheap_box_t *stack = &p->cache.stack[size];
    if (MEMHEAP_LIKELY(stack->count == 0 && stack->below == 0 &&
                       align == MEMHEAP_MIN_ALIGN && p->blocks < p->ensured)) {
        cache_class_t class = {size, size};
        chunk_id_t id = p->bins.head[size];
        if (id == CHUNK_NONE && p->victim.size >= size)
            return block_enter(p, victim_carve(p, size), class, offset_p);
        if (id != CHUNK_NONE) {
            uint64_t start = chunk(p, id)->start;
            chunk_drop(p, id);
            memheap_tag_live(&p->pool.tags, start);
            return block_enter(p, start, class, offset_p);
        }
    }
    return alloc_uncached(p, size, align, offset_p);
}

static __attribute__((noinline)) memheap_status_t
alloc_large(ptmalloc_t *p, uint64_t exact, size_t align, size_t *offset_p)
{
    if (MEMHEAP_LIKELY(exact <= p->end)) {
        cache_class_t class = cache_class(exact);
        memheap_box_t *stack = &p->cache.stack[class.number];
        uint64_t start = block_peek(stack, align);
        if (start != NOWHERE)
            return block_take(p, stack, start, class.size, offset_p);
    }
    return alloc_uncached(p, exact, align, offset_p);
}

static memheap_status_t ptmalloc_alloc(memheap_module_t *module, size_t size,
                                       size_t align, size_t *offset_p)
{
    ptmalloc_t *p = ptmalloc_of(module);
    uint64_t exact = granules_of(size);
    if (MEMHEAP_UNLIKELY(exact >= SMALL))
        return alloc_large(p, exact, align, offset_p);
    memheap_box_t *stack = &p->cache.stack[exact];
    uint64_t start = block_peek(stack, align);
    if (MEMHEAP_UNLIKELY(start == NOWHERE))
        return alloc_small(p, exact, align, offset_p);
    return block_take(p, stack, start, exact, offset_p);
}

/* Let a live block be cached; the box of its stack has room. */
static inline memheap_status_t block_push(ptmalloc_t *p, memheap_box_t *stack,
                                          uint64_t start, size_t used)
{
    uint32_t count = stack->count;
    memheap_tag_line(&p->pool.tags, start)->lives ^= memheap_tag_bit(start);
    stack->member[count] = (uint32_t)start;
    stack->count = count + 1;
    p->module.used = used;
    p->module.live_blocks--;
    return MEMHEAP_OK;
}

/* Free where the box of the stack is full, or nothing more may be cached. */
static __attribute__((noinline)) memheap_status_t
free_uncached(ptmalloc_t *p, uint64_t start, cache_class_t class)
{
    memheap_box_t *stack = &p->cache.stack[class.number];
    size_t used = p->module.used - bytes_of(class.size);
    bool caches = class.number != 0 && start < MEMHEAP_BOX_REACH &&
                  (class.size < SMALL || class.size <= p->limit >> LIMIT_ONE);
    for (unsigned n = 0; caches && used < p->floor; n++) {
        unsigned number =
            n < FLUSHED_FOR_ROOM ? cache_find_large(&p->cache) : 0;
        caches = number != 0;
        if (caches)
            flush_stack(p, &p->cache.stack[number]);
        bounds_set(p);
    }
    if (!caches) {
        p->module.used = used;
        p->module.live_blocks--;
        p->blocks--;
        piece_free(p, start, class.size);
        bounds_set(p);
        return MEMHEAP_OK;
    }
    if (stack->count == MEMHEAP_BOX_ROOM)
        memheap_box_spill(&p->cache.boxes, stack);
    if (class.size >= SMALL && stack->marked == 0)
        cache_mark(&p->cache, class.number);
    return block_push(p, stack, start, used);
}

/* Free a block that reaches beyond the tags that were looked at. */
static __attribute__((noinline)) memheap_status_t free_large(ptmalloc_t *p,
                                                             uint64_t start)
{
    memheap_tag_far_t far = memheap_tag_end(&p->pool.tags, start);
    uint64_t near = far.granule - start;
    cache_class_t class =
        far.granule != 0 ? (cache_class_t){near, near} : class_in(far.note);
    memheap_box_t *stack = &p->cache.stack[class.number];
    size_t used = p->module.used - bytes_of(class.size);
    if (class.number == 0 || class.size > p->limit >> LIMIT_ONE ||
        stack->count == MEMHEAP_BOX_ROOM || used < p->floor ||
        stack->marked == 0 || start >= MEMHEAP_BOX_REACH)
        return free_uncached(p, start, class);
    return block_push(p, stack, start, used);
}

/* Free a block, if there is one, that lies too far for a stack. */
static __attribute__((noinline)) memheap_status_t free_far(ptmalloc_t *p,
                                                           uint64_t start)
{
    if (start >= p->top || !memheap_tag_is_live(&p->pool.tags, start))
        return MEMHEAP_ERR_BAD_ADDRESS;
    return free_uncached(p, start, (cache_class_t){length_at(p, start), 0});
}

static memheap_status_t ptmalloc_free(memheap_module_t *module, size_t offset)
{
    ptmalloc_t *p = ptmalloc_of(module);
    uint64_t start = granule_at(offset);
    if (MEMHEAP_UNLIKELY(start >= p->reach))
        return free_far(p, start);
    const memheap_tag_line_t *line = memheap_tag_line(&p->pool.tags, start);
    uint64_t starts = memheap_tag_starts(line, start);
    if (MEMHEAP_UNLIKELY(
            (line->starts & line->lives & memheap_tag_bit(start)) == 0))
        return MEMHEAP_ERR_BAD_ADDRESS;
    if (MEMHEAP_UNLIKELY(starts == 1))
        return free_large(p, start);
    uint64_t size = (unsigned)__builtin_ctzll(starts - 1);
    memheap_box_t *stack = &p->cache.stack[size];
    size_t used = module->used - bytes_of(size);
    if (MEMHEAP_UNLIKELY(stack->count == MEMHEAP_BOX_ROOM || used < p->floor))
        return free_uncached(p, start, (cache_class_t){size, size});
    return block_push(p, stack, start, used);
}

static memheap_status_t ptmalloc_size_of(const memheap_module_t *module,
                                         size_t offset, size_t *size_p)
{
    const ptmalloc_t *p = const_ptmalloc_of(module);
    uint64_t start = live_start(p, offset);
    if (start == NOWHERE)
        return MEMHEAP_ERR_BAD_ADDRESS;
    *size_p = bytes_of(length_at(p, start));
    return MEMHEAP_OK;
}

/* Take `more` granules behind a block that ends at `end`. */
static memheap_status_t extend(ptmalloc_t *p, uint64_t end, uint64_t more)
{
    if (end == p->victim.start && p->victim.size < more && victim_meets_top(p))
        victim_retire(p);
    if (end == p->top) {
        if (more > p->end - end)
            return MEMHEAP_ERR_NO_MEMORY;
        memheap_status_t status = top_raise(p, end, more);
        if (status != MEMHEAP_OK)
            return status;
    } else if (memheap_tag_is_live(&p->pool.tags, end)) {
        return MEMHEAP_ERR_NO_MEMORY;
    } else if (end == p->victim.start) {
        if (p->victim.size < more)
            return MEMHEAP_ERR_NO_MEMORY;
        victim_carve(p, more);
    } else {
        chunk_id_t id = chunk_of(p, end);
        if (id == CHUNK_NONE || chunk(p, id)->size < more)
            return MEMHEAP_ERR_NO_MEMORY;
        chunk_carve(p, id, end, more);
    }
    memheap_tag_none(&p->pool.tags, end);
    return MEMHEAP_OK;
}

static memheap_status_t ptmalloc_resize(memheap_module_t *module, size_t offset,
                                        size_t size)
{
    ptmalloc_t *p = ptmalloc_of(module);
    uint64_t start = live_start(p, offset);
    if (start == NOWHERE)
        return MEMHEAP_ERR_BAD_ADDRESS;
    uint64_t have = length_at(p, start);
    uint64_t exact = granules_of(size);
    if (exact <= have && have - exact <= SLACK + (have >> SLACK_ORDER))
        return MEMHEAP_OK;
    memheap_status_t status = blocks_ensure(p);
    if (status != MEMHEAP_OK)
        return status;
    cache_class_t want = cache_class(exact);
    if (want.size > have) {
        status = extend(p, start + have, want.size - have);
        if (status == MEMHEAP_ERR_NO_MEMORY && want.size > exact) {
            want = (cache_class_t){exact, 0};
            status = extend(p, start + have, exact - have);
        }
        if (status == MEMHEAP_OK)
            memheap_tag_note(&p->pool.tags, start, start + want.size,
                             note_of(want));
    } else {
        memheap_tag_free(&p->pool.tags, start + want.size);
        memheap_tag_note(&p->pool.tags, start, start + want.size,
                         note_of(want));
        piece_free(p, start + want.size, have - want.size);
    }
    if (status == MEMHEAP_OK)
        module->used += bytes_of(want.size) - bytes_of(have);
    bounds_set(p);
    return status;
}

/* The start of the piece that contains a granule below the top. */
static uint64_t piece_around(const ptmalloc_t *p, uint64_t granule)
{
    const memheap_tag_line_t *line = memheap_tag_line(&p->pool.tags, granule);
    uint64_t starts =
        line->starts & (UINT64_MAX >> (63 - granule % MEMHEAP_TAG_LINE));
    while (starts == 0)
        starts = (--line)->starts;
    uint64_t first = (uint64_t)(line - memheap_tag_line(&p->pool.tags, 0))
                     << MEMHEAP_TAG_LINE_ORDER;
    return first + memheap_log2_floor(starts);
}

static memheap_status_t ptmalloc_reserve(memheap_module_t *module,
                                         size_t offset, size_t size)
{
    ptmalloc_t *p = ptmalloc_of(module);
    uint64_t start = offset >> GRANULE_ORDER;
    uint64_t granules = granules_of(size);
    size_t ignored;
    if (offset % MEMHEAP_MIN_ALIGN != 0)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    if (start > p->end || granules > p->end - start)
        return MEMHEAP_ERR_BUSY;
    memheap_status_t status = blocks_ensure(p);
    if (status != MEMHEAP_OK)
        return status;
    flush(p, SIZE_MAX);
    victim_retire(p);
    if (start >= p->top) {
        status = top_raise(p, start, granules);
        if (status != MEMHEAP_OK)
            return status;
    } else {
        uint64_t around = piece_around(p, start);
        if (memheap_tag_is_live(&p->pool.tags, around))
            return MEMHEAP_ERR_BUSY;
        chunk_id_t id = chunk_of(p, around);
        if (around + chunk(p, id)->size < start + granules)
            return MEMHEAP_ERR_BUSY;
        chunk_carve(p, id, start, granules);
    }
    cache_class_t class = cache_class(granules);
    if (class.size != granules)
        class = (cache_class_t){granules, 0};
    return block_enter(p, start, class, &ignored);
}

/* What depends on the past is what is cached, which chunk is the victim, and
 * the order of the chunks in a bin: start anew, and add them in the order of
 * addresses. */
static void ptmalloc_settle(memheap_module_t *module)
{
    ptmalloc_t *p = ptmalloc_of(module);
    flush(p, SIZE_MAX);
    victim_retire(p);
    p->cache.next = CACHE_STACKS - 1;
    p->bins = (bins_t){.summary = 0};
    for (uint64_t at = 0; at < p->top; at += length_at(p, at)) {
        if (!memheap_tag_is_live(&p->pool.tags, at))
            bins_add(&p->bins, &p->pool, chunk_of(p, at));
    }
    bounds_set(p);
}

static memheap_status_t ptmalloc_grow(memheap_module_t *module, size_t new_size)
{
    ptmalloc_t *p = ptmalloc_of(module);
    if (new_size < module->size || new_size > p->max_size)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    module->size = new_size;
    p->end = new_size >> GRANULE_ORDER;
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
    for (uint64_t at = 0; at < p->top;) {
        uint64_t length = length_at(p, at);
        if (memheap_tag_is_live(&p->pool.tags, at)) {
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
    uint64_t cached_digest; /* of where cached pieces lie, and how long */
    uint64_t loose;
    bool victim;
} tally_t;

static uint64_t digest_of(uint64_t start, uint64_t size)
{
    return (start + 1) * (size + UINT64_C(0x9E3779B97F4A7C15));
}

/* Test the piece that starts at a granule, and count it. */
static bool check_piece(const ptmalloc_t *p, uint64_t at, bool *joins,
                        tally_t *t)
{
    const memheap_table_t *tags = &p->pool.tags;
    memheap_tag_far_t far = memheap_tag_end(tags, at);
    uint64_t length = length_at(p, at);
    uint64_t end = at + length;
    if (length == 0 || length > p->top - at ||
        (memheap_tag_line(tags, end)->starts & memheap_tag_bit(end)) == 0)
        return false;
    bool is_victim = at == p->victim.start;
    bool is_live = memheap_tag_is_live(tags, at);
    chunk_id_t id = is_live || is_victim ? CHUNK_NONE : chunk_of(p, at);
    if (far.granule == 0 && memheap_tag_before(tags, end).note != far.note &&
        !is_victim)
        return false;
    bool joined = *joins;
    *joins = id != CHUNK_NONE || is_victim;
    if (joined && *joins)
        return false;
    if (is_live) {
        t->live++;
        t->used += length;
    } else if (is_victim) {
        t->victim = true;
        t->loose += length;
    } else if (id != CHUNK_NONE) {
        t->chunks++;
        t->loose += length;
        return id <= p->pool.count && chunk(p, id)->start == at &&
               chunk(p, id)->size == length && end < p->top;
    } else {
        t->cached++;
        t->cached_digest += digest_of(at, length);
    }
    return true;
}

/* Take what a stack holds away from a tally. */
static bool check_stack(const ptmalloc_t *p, unsigned number, tally_t *t)
{
    const memheap_box_t *box = &p->cache.stack[number];
    const memheap_box_t *first = box;
    for (;; box = memheap_box_at(&p->cache.boxes, box->below)) {
        if (box->count > t->cached || box->count > MEMHEAP_BOX_ROOM ||
            (box != first && box->count < MEMHEAP_BOX_ROOM))
            return false;
        t->cached -= box->count;
        for (unsigned i = 0; i < box->count; i++) {
            uint64_t size = length_at(p, box->member[i]);
            t->cached_digest -= digest_of(box->member[i], size);
            if (cache_class(size).size != size ||
                cache_class(size).number != number)
                return false;
        }
        if (box->below == 0)
            return true;
    }
}

static memheap_status_t ptmalloc_check(const memheap_module_t *module)
{
    const ptmalloc_t *p = const_ptmalloc_of(module);
    tally_t t = {0};
    bool joins = false;
    for (uint64_t at = 0; at < p->top; at += length_at(p, at)) {
        if (!check_piece(p, at, &joins, &t))
            return MEMHEAP_ERR_CORRUPT;
    }
    size_t binned;
    if (!bins_check(&p->bins, &p->pool, &binned) || binned != t.chunks)
        return MEMHEAP_ERR_CORRUPT;
    size_t unused = 0;
    for (chunk_id_t id = p->pool.unused; id != CHUNK_NONE;
         id = chunk(p, id)->next) {
        if (++unused > p->pool.count)
            return MEMHEAP_ERR_CORRUPT;
    }
    size_t cached = t.cached;
    for (unsigned i = 0; i < CACHE_STACKS; i++) {
        if (!check_stack(p, i, &t))
            return MEMHEAP_ERR_CORRUPT;
    }
    if (t.cached != 0 || t.cached_digest != 0 || t.loose != p->loose ||
        t.victim != (p->victim.size > 0) || p->top > p->end ||
        p->end != module->size >> GRANULE_ORDER ||
        t.live != module->live_blocks || t.live + cached != p->blocks ||
        bytes_of(t.used) != module->used || p->pool.count != unused + t.chunks)
        return MEMHEAP_ERR_CORRUPT;
    return MEMHEAP_OK;
}

/* What was ever written of all tables. */
static size_t metadata_of(const ptmalloc_t *p)
{
    size_t orders = (size_t)__builtin_popcountll(p->cache.orders);
    return sizeof(*p) + orders * CACHE_ORDER_STACKS * sizeof(memheap_box_t) +
           ((p->high >> MEMHEAP_TAG_LINE_ORDER) + 2) *
               (sizeof(memheap_tag_line_t) + sizeof(chunk_id_t)) +
           (p->pool.count + 1) * sizeof(chunk_t) +
           (p->cache.boxes.count + 1) * sizeof(memheap_box_t);
}

static void ptmalloc_stats(const memheap_module_t *module,
                           memheap_module_stats_t *stats)
{
    const ptmalloc_t *p = const_ptmalloc_of(module);
    uint64_t top = p->end - p->top;
    if (victim_meets_top(p))
        top += p->victim.size;
    uint64_t largest = memheap_max(memheap_max(top, p->victim.size),
                                   bins_largest(&p->bins, &p->pool));
    *stats = (memheap_module_stats_t){.size = module->size,
                                      .used = module->used,
                                      .largest_free = bytes_of(largest),
                                      .live_blocks = module->live_blocks,
                                      .metadata = metadata_of(p)};
}

static void ptmalloc_destroy(memheap_module_t *module)
{
    ptmalloc_t *p = ptmalloc_of(module);
    memheap_table_close(&p->pool.tags);
    memheap_table_close(&p->pool.heads);
    memheap_table_close(&p->pool.nodes);
    memheap_table_close(&p->cache.boxes.table);
    if (p->cache.stack != NULL)
        memheap_memory_delete(p->memory, p->cache.stack,
                              CACHE_STACKS * sizeof(memheap_box_t));
    memheap_memory_delete(p->memory, p, sizeof(*p));
}

static const memheap_module_ops_t ptmalloc_ops = {.alloc = ptmalloc_alloc,
                                                  .free = ptmalloc_free,
                                                  .size_of = ptmalloc_size_of,
                                                  .resize = ptmalloc_resize,
                                                  .reserve = ptmalloc_reserve,
                                                  .settle = ptmalloc_settle,
                                                  .grow = ptmalloc_grow,
                                                  .walk = ptmalloc_walk,
                                                  .check = ptmalloc_check,
                                                  .stats = ptmalloc_stats,
                                                  .destroy = ptmalloc_destroy};

/* Reserve the tables that the longest region may need. */
static memheap_status_t tables_open(ptmalloc_t *p)
{
    uint64_t end = p->max_size >> GRANULE_ORDER;
    uint64_t lines = (end >> MEMHEAP_TAG_LINE_ORDER) + 2;
    /* Each block, and each chunk beside one, takes a granule at least. */
    uint64_t nodes = memheap_min(end + ENSURE_AHEAD, UINT32_MAX / 2);
    p->pool.limit = (chunk_id_t)nodes + SPARE_NODES + 1;
    memheap_status_t status = memheap_table_open(
        &p->pool.tags, p->memory, (size_t)lines * sizeof(memheap_tag_line_t));
    if (status == MEMHEAP_OK)
        status = memheap_table_open(&p->pool.heads, p->memory,
                                    (size_t)lines * sizeof(chunk_id_t));
    if (status == MEMHEAP_OK)
        status = memheap_table_open(&p->pool.nodes, p->memory,
                                    (size_t)p->pool.limit * sizeof(chunk_t));
    if (status == MEMHEAP_OK)
        status = memheap_boxes_open(&p->cache.boxes, p->memory, nodes);
    if (status == MEMHEAP_OK)
        status = top_ensure(p, 0);
    p->cache.stack =
        memheap_memory_new(p->memory, CACHE_STACKS * sizeof(memheap_box_t));
    return p->cache.stack == NULL ? MEMHEAP_ERR_NO_METADATA : status;
}

static memheap_status_t ptmalloc_create(const memheap_module_config_t *config,
                                        long *priority_p,
                                        memheap_module_t **module_p)
{
    (void)priority_p;
    if (config->max_size >> GRANULE_ORDER > CACHE_LONGEST)
        return MEMHEAP_ERR_UNSUPPORTED;
    ptmalloc_t *p = memheap_memory_new(config->memory, sizeof(*p));
    if (p == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    p->module.ops = &ptmalloc_ops;
    p->module.size = config->size;
    p->memory = config->memory;
    p->end = config->size >> GRANULE_ORDER;
    p->max_size = config->max_size;
    p->cache.next = CACHE_STACKS - 1;
    victim_clear(p);
    memheap_status_t status = tables_open(p);
    if (status != MEMHEAP_OK) {
        ptmalloc_destroy(&p->module);
        return status;
    }
    memheap_tag_free(&p->pool.tags, 0);
    *module_p = &p->module;
    return MEMHEAP_OK;
}

const memheap_component_t memheap_ptmalloc_component = {
    .abi = MEMHEAP_COMPONENT_ABI,
    .name = "ptmalloc",
    .summary = "best fit by bins, with a cache of freed blocks and a victim",
    .priority = 50,
    .create = ptmalloc_create};
