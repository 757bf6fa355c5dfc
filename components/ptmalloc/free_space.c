/*
 * Free space (free_space.h): cut blocks from chunks, the victim and the top,
 * and join what is freed.
 */
#include "config.h"

#include "components/ptmalloc/free_space.h"

enum {
    VICTIM_OF_TOP = 256 /* granules of the top that become the victim */
};

static inline chunk_t *chunk(const free_space_t *space, chunk_id_t id)
{
    return chunk_at(&space->pool, id);
}

/* Make a chunk. The bytes of its granules in the block map are 0. */
static inline void chunk_make(free_space_t *space, uint64_t start,
                              uint64_t size)
{
    chunk_id_t id = chunk_new(&space->pool);
    space->total += size;
    chunk(space, id)->start = start;
    chunk(space, id)->size = size;
    chunk_link(&space->pool, id);
    bins_add(&space->bins, &space->pool, id);
}

/* Remove a chunk. The bytes of its granules in the block map are 0 afterwards.
 */
static inline void chunk_drop(free_space_t *space, chunk_id_t id)
{
    space->total -= chunk(space, id)->size;
    bins_remove(&space->bins, &space->pool, id);
    chunk_unlink(&space->pool, id);
    chunk_delete(&space->pool, id);
}

/* Change the bounds of a chunk. Gained granules have bytes of 0 in the block
 * map. */
static inline void chunk_change(free_space_t *space, chunk_id_t id,
                                uint64_t start, uint64_t size)
{
    chunk_t *c = chunk(space, id);
    bool changes_bin = bins_index(size) != bins_index(c->size);
    space->total += size - c->size;
    chunk_unlink(&space->pool, id);
    if (changes_bin)
        bins_remove(&space->bins, &space->pool, id);
    c->start = start;
    c->size = size;
    if (changes_bin)
        bins_add(&space->bins, &space->pool, id);
    chunk_link(&space->pool, id);
}

/* The span to cut from a piece of `have` granules: a remainder of one granule
 * cannot be a piece, so the span takes it too. */
static inline span_t span_of(uint64_t start, uint64_t size, uint64_t have)
{
    return (span_t){start, have == size + 1 ? have : size};
}

/* Cut a span out of a chunk that contains it. */
static inline span_t chunk_carve(free_space_t *space, chunk_id_t id,
                                 uint64_t start, uint64_t size)
{
    uint64_t from = chunk(space, id)->start;
    uint64_t to = from + chunk(space, id)->size;
    span_t span = span_of(start, size, to - start);
    uint64_t rest = start + span.size;
    if (from < start) {
        chunk_change(space, id, from, start - from);
        if (rest < to)
            chunk_make(space, rest, to - rest);
    } else if (rest < to) {
        chunk_change(space, id, rest, to - rest);
    } else {
        chunk_drop(space, id);
    }
    return span;
}

/* Make a victim; there is none. The bytes of its granules in the block map are
 * 0. */
static inline void victim_set(free_space_t *space, uint64_t start,
                              uint64_t size)
{
    space->total += size;
    space->victim = (span_t){start, size};
    map_mark(&space->pool.map, start, size, 0, (map_header_t){0},
             FOOTER_VICTIM);
}

/* Remove the victim. The bytes of its granules in the block map are 0
 * afterwards. */
static inline void victim_drop(free_space_t *space)
{
    if (space->victim.size == 0)
        return;
    space->total -= space->victim.size;
    map_clear(&space->pool.map, space->victim.start, space->victim.size);
    space->victim = (span_t){GRANULE_NONE, 0};
}

static inline bool victim_meets_top(const free_space_t *space)
{
    return space->victim.size > 0 &&
           space->victim.start + space->victim.size == space->top;
}

/* Cut a span from the start of the victim, which is long enough. */
static inline span_t victim_carve(free_space_t *space, uint64_t size)
{
    span_t victim = space->victim;
    span_t span = span_of(victim.start, size, victim.size);
    span_t rest = {span.start + span.size, victim.size - span.size};
    if (rest.size >= PIECE_LONG) {
        /* The footer stays. */
        const block_map_t *map = &space->pool.map;
        *map_byte(map, victim.start) = 0;
        *map_byte(map, rest.start) = (uint8_t)(rest.start * MAP_ODD + MAP_LONG);
        space->victim = rest;
        space->total -= span.size;
    } else {
        victim_drop(space);
        if (rest.size > 0)
            victim_set(space, rest.start, rest.size);
    }
    return span;
}

void free_space_retire_victim(free_space_t *space)
{
    span_t victim = space->victim;
    bool meets_top = victim_meets_top(space);
    victim_drop(space);
    if (meets_top)
        space->top = victim.start;
    else if (victim.size > 0)
        chunk_make(space, victim.start, victim.size);
}

/* The free piece beside a span. Its size is 0 if there is none. */
typedef struct neighbour {
    span_t span;
    chunk_id_t chunk; /* CHUNK_NONE if it is the victim */
} neighbour_t;

static inline neighbour_t neighbour_of(const free_space_t *space, chunk_id_t id)
{
    const chunk_t *c = chunk(space, id);
    return id == CHUNK_NONE ? (neighbour_t){0}
                            : (neighbour_t){{c->start, c->size}, id};
}

static inline neighbour_t neighbour_before(const free_space_t *space,
                                           uint64_t start)
{
    if (start == 0)
        return (neighbour_t){0};
    const block_map_t *map = &space->pool.map;
    map_prev_t before = map_prev(map, start);
    if (before.is_long ? before.footer == FOOTER_VICTIM
                       : before.start == space->victim.start)
        return (neighbour_t){.span = space->victim};
    if (before.is_long)
        return neighbour_of(space, (chunk_id_t)before.footer);
    if (map_is_live(map, before.start))
        return (neighbour_t){0};
    return neighbour_of(space, chunk_find(&space->pool, before.start));
}

static inline neighbour_t neighbour_behind(const free_space_t *space,
                                           uint64_t end)
{
    if (map_is_live(&space->pool.map, end))
        return (neighbour_t){0};
    if (end == space->victim.start)
        return (neighbour_t){.span = space->victim};
    return neighbour_of(space, free_space_chunk(space, end));
}

/* Remove a free piece. Its bytes in the block map are 0 afterwards. */
static inline void neighbour_drop(free_space_t *space, neighbour_t neighbour)
{
    if (neighbour.chunk != CHUNK_NONE)
        chunk_drop(space, neighbour.chunk);
    else if (neighbour.span.size > 0)
        victim_drop(space);
}

void free_space_give(free_space_t *space, uint64_t start, uint64_t size)
{
    uint64_t end = start + size;
    neighbour_t before = neighbour_before(space, start);
    if (end == space->top) {
        neighbour_drop(space, before);
        space->top = start - before.span.size;
        return;
    }
    neighbour_t behind = neighbour_behind(space, end);
    span_t all = {start - before.span.size,
                  before.span.size + size + behind.span.size};
    bool joins_victim = (before.chunk == CHUNK_NONE && before.span.size > 0) ||
                        (behind.chunk == CHUNK_NONE && behind.span.size > 0);
    if (joins_victim) {
        neighbour_drop(space, before);
        neighbour_drop(space, behind);
        victim_set(space, all.start, all.size);
    } else if (before.chunk != CHUNK_NONE) {
        neighbour_drop(space, behind);
        chunk_change(space, before.chunk, all.start, all.size);
    } else if (behind.chunk != CHUNK_NONE) {
        chunk_change(space, behind.chunk, all.start, all.size);
    } else {
        chunk_make(space, all.start, all.size);
    }
}

/* The first aligned granule at which `size` granules fit into a chunk without
 * a remainder of one granule before them, or GRANULE_NONE. */
static inline uint64_t aligned_start(const chunk_t *c, uint64_t size,
                                     uint64_t align)
{
    uint64_t start = memheap_align_up(c->start, align);
    if (start - c->start == 1)
        start += align;
    uint64_t front = start - c->start;
    return front <= c->size && bins_fits(c->size - front, size) ? start
                                                                : GRANULE_NONE;
}

/* The best fit for `size` granules among chunks and victim, or CHUNK_NONE. The
 * victim becomes a chunk if it is the best fit. */
static chunk_id_t find_best(free_space_t *space, uint64_t size, size_t probes)
{
    chunk_id_t id = bins_best(&space->bins, &space->pool, size, probes);
    if (bins_fits(space->victim.size, size) &&
        (id == CHUNK_NONE || space->victim.size < chunk(space, id)->size)) {
        free_space_retire_victim(space);
        id = bins_best(&space->bins, &space->pool, size, probes);
    }
    return id;
}

/* Cut a short span: from a chunk of exactly its size, else from the victim,
 * else from a longer chunk, and its remainder becomes the victim. */
static span_t take_short(free_space_t *space, uint64_t size, size_t probes)
{
    chunk_id_t id = space->bins.head[size];
    if (id == CHUNK_NONE) {
        if (bins_fits(space->victim.size, size))
            return victim_carve(space, size);
        id = bins_best(&space->bins, &space->pool, size, probes);
        if (id == CHUNK_NONE)
            return (span_t){.start = GRANULE_NONE};
    }
    uint64_t have = chunk(space, id)->size;
    span_t span = span_of(chunk(space, id)->start, size, have);
    chunk_drop(space, id);
    if (span.size < have) {
        free_space_retire_victim(space);
        victim_set(space, span.start + span.size, have - span.size);
    }
    return span;
}

/* The best fit for the size alone may be aligned by chance. A chunk that is
 * longer by the alignment and by one granule, which cannot be left over,
 * always has an aligned start. */
span_t free_space_take(free_space_t *space, uint64_t size, uint64_t align,
                       size_t probes)
{
    if (size < PIECE_LONG && align == 1)
        return take_short(space, size, probes);
    chunk_id_t id = find_best(space, size, probes);
    if (id == CHUNK_NONE)
        return (span_t){.start = GRANULE_NONE};
    uint64_t start = aligned_start(chunk(space, id), size, align);
    if (start == GRANULE_NONE && align > 1) {
        id = find_best(space, size + align + 1, probes);
        if (id != CHUNK_NONE)
            start = aligned_start(chunk(space, id), size, align);
    }
    return start == GRANULE_NONE ? (span_t){.start = GRANULE_NONE}
                                 : chunk_carve(space, id, start, size);
}

/* Commit the metadata for a top. */
static memheap_status_t top_ensure(free_space_t *space, uint64_t top)
{
    memheap_status_t status = map_ensure(&space->pool.map, top);
    if (status == MEMHEAP_OK)
        status = memheap_array_ensure(&space->pool.buckets,
                                      ((top >> CHUNK_BUCKET_ORDER) + 1) *
                                          sizeof(chunk_id_t));
    return status;
}

/* Raise the top to the end of a span behind it. */
static memheap_status_t top_raise(free_space_t *space, uint64_t start,
                                  uint64_t size)
{
    memheap_status_t status = top_ensure(space, start + size);
    if (status != MEMHEAP_OK)
        return status;
    uint64_t front = space->top;
    space->top = start + size;
    space->top_max = memheap_max(space->top_max, space->top);
    if (start > front)
        chunk_make(space, front, start - front);
    return MEMHEAP_OK;
}

memheap_status_t free_space_take_top(free_space_t *space, uint64_t size,
                                     uint64_t align, span_t *span_p)
{
    bool is_short = size < PIECE_LONG && align == 1;
    if (is_short || victim_meets_top(space))
        free_space_retire_victim(space);
    uint64_t start = memheap_align_up(space->top, align);
    if (start - space->top == 1)
        start += align;
    if (start < space->top || start > space->end || size > space->end - start)
        return MEMHEAP_ERR_NO_MEMORY;
    span_t span = span_of(start, size, space->end - start);
    bool makes_victim = is_short && space->end - start >= VICTIM_OF_TOP;
    memheap_status_t status =
        top_raise(space, start, makes_victim ? VICTIM_OF_TOP : span.size);
    if (status == MEMHEAP_OK && makes_victim) {
        victim_set(space, start, VICTIM_OF_TOP);
        victim_carve(space, size);
    }
    *span_p = span;
    return status;
}

memheap_status_t free_space_take_at(free_space_t *space, span_t *span_p)
{
    uint64_t start = span_p->start;
    if (start > space->end || span_p->size > space->end - start)
        return MEMHEAP_ERR_BUSY;
    free_space_retire_victim(space);
    if (start >= space->top) {
        *span_p = span_of(start, span_p->size, space->end - start);
        return start - space->top == 1 ? MEMHEAP_ERR_BAD_ARGUMENT
                                       : top_raise(space, start, span_p->size);
    }
    chunk_id_t id = space->pool.count;
    while (id != CHUNK_NONE &&
           start - chunk(space, id)->start >= chunk(space, id)->size)
        id--;
    if (id == CHUNK_NONE)
        return MEMHEAP_ERR_BUSY;
    uint64_t front = start - chunk(space, id)->start;
    if (chunk(space, id)->size - front < span_p->size)
        return MEMHEAP_ERR_BUSY;
    if (front == 1)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    *span_p = chunk_carve(space, id, start, span_p->size);
    return MEMHEAP_OK;
}

memheap_status_t free_space_extend(free_space_t *space, span_t *span_p)
{
    span_t more = *span_p;
    if (more.start == space->victim.start && space->victim.size < more.size &&
        victim_meets_top(space))
        free_space_retire_victim(space);
    if (more.start == space->top) {
        if (more.size > space->end - more.start)
            return MEMHEAP_ERR_NO_MEMORY;
        *span_p = span_of(more.start, more.size, space->end - more.start);
        return top_raise(space, more.start, span_p->size);
    }
    neighbour_t behind = neighbour_behind(space, more.start);
    if (behind.span.size < more.size)
        return MEMHEAP_ERR_NO_MEMORY;
    *span_p = behind.chunk != CHUNK_NONE
                  ? chunk_carve(space, behind.chunk, more.start, more.size)
                  : victim_carve(space, more.size);
    return MEMHEAP_OK;
}

uint64_t free_space_largest(const free_space_t *space)
{
    uint64_t top = space->end - space->top;
    if (victim_meets_top(space))
        top += space->victim.size;
    uint64_t longest = memheap_max(memheap_max(top, space->victim.size),
                                   bins_largest(&space->bins, &space->pool));
    return longest < PIECE_MIN ? 0 : longest;
}

size_t free_space_metadata(const free_space_t *space)
{
    return map_bytes(space->top_max) +
           ((space->top_max >> CHUNK_BUCKET_ORDER) + 1) * sizeof(chunk_id_t) +
           (space->pool.count + 1) * sizeof(chunk_t);
}

memheap_status_t free_space_open(free_space_t *space,
                                 const memheap_memory_t *memory, uint64_t end,
                                 uint64_t most)
{
    /* Each block, and each chunk beside one, has at least PIECE_MIN granules.
     */
    uint64_t nodes = memheap_min(most / PIECE_MIN, UINT32_MAX / 2);
    space->end = end;
    space->victim.start = GRANULE_NONE;
    space->pool.limit = (chunk_id_t)nodes + ENSURE_STEP + SPARE_NODES + 1;
    memheap_status_t status = map_open(&space->pool.map, memory, most);
    if (status == MEMHEAP_OK)
        status = memheap_array_open(&space->pool.buckets, memory,
                                    (size_t)((most >> CHUNK_BUCKET_ORDER) + 1) *
                                        sizeof(chunk_id_t));
    if (status == MEMHEAP_OK)
        status =
            memheap_array_open(&space->pool.nodes, memory,
                               (size_t)space->pool.limit * sizeof(chunk_t));
    if (status == MEMHEAP_OK)
        status = top_ensure(space, 0);
    return status;
}

void free_space_close(free_space_t *space)
{
    memheap_array_close(&space->pool.map.array);
    memheap_array_close(&space->pool.buckets);
    memheap_array_close(&space->pool.nodes);
}
