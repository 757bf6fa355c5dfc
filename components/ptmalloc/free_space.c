/*
 * Space, as space.h has it: pieces are cut from what is loose, and joined
 * again.
 */
#include "config.h"

#include "components/ptmalloc/free_space.h"

enum {
    VICTIM_OF_TOP = 256 /* granules of the top that become the victim */
};

static inline chunk_t *chunk(const space_t *space, chunk_id_t id)
{
    return chunk_at(&space->pool, id);
}

/* Make a chunk of granules whose slots are 0. */
static inline void chunk_make(space_t *space, uint64_t start, uint64_t size)
{
    chunk_id_t id = chunk_new(&space->pool);
    space->loose += size;
    chunk(space, id)->start = start;
    chunk(space, id)->size = size;
    chunk_enter(&space->pool, id);
    bins_add(&space->bins, &space->pool, id);
}

/* Let a chunk be granules of nothing, whose slots are 0. */
static inline void chunk_drop(space_t *space, chunk_id_t id)
{
    space->loose -= chunk(space, id)->size;
    bins_remove(&space->bins, &space->pool, id);
    chunk_leave(&space->pool, id);
    chunk_delete(&space->pool, id);
}

/* Give a chunk other bounds; the slots of what it gains are 0. */
static inline void chunk_change(space_t *space, chunk_id_t id, uint64_t start,
                                uint64_t size)
{
    chunk_t *c = chunk(space, id);
    bool rebins = bins_index(size) != bins_index(c->size);
    space->loose += size - c->size;
    chunk_leave(&space->pool, id);
    if (rebins)
        bins_remove(&space->bins, &space->pool, id);
    c->start = start;
    c->size = size;
    if (rebins)
        bins_add(&space->bins, &space->pool, id);
    chunk_enter(&space->pool, id);
}

/* A piece that is taken out of a longer one, with what is left of it. */
static inline span_t span_of(uint64_t start, uint64_t size, uint64_t have)
{
    return (span_t){start, have == size + 1 ? have : size};
}

/* Cut a piece out of a chunk that contains it. */
static inline span_t chunk_carve(space_t *space, chunk_id_t id, uint64_t start,
                                 uint64_t size)
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

/* Let granules whose slots are 0 be the victim, where there is none. */
static inline void victim_set(space_t *space, uint64_t start, uint64_t size)
{
    space->loose += size;
    space->victim = (span_t){start, size};
    slot_mark(&space->pool.slots, start, size, 0, (slot_note_t){0},
              SPACE_VICTIM);
}

/* Let there be no victim, but granules whose slots are 0. */
static inline void victim_drop(space_t *space)
{
    if (space->victim.size == 0)
        return;
    space->loose -= space->victim.size;
    slot_clear(&space->pool.slots, space->victim.start, space->victim.size);
    space->victim = (span_t){SPACE_NOWHERE, 0};
}

static inline bool victim_meets_top(const space_t *space)
{
    return space->victim.size > 0 &&
           space->victim.start + space->victim.size == space->top;
}

/* Cut a piece from the start of the victim, which fits. */
static inline span_t victim_carve(space_t *space, uint64_t size)
{
    span_t victim = space->victim;
    span_t span = span_of(victim.start, size, victim.size);
    span_t rest = {span.start + span.size, victim.size - span.size};
    if (rest.size >= PIECE_LONG) {
        /* Its foot stays. */
        const slots_t *slots = &space->pool.slots;
        *slot_at(slots, victim.start) = 0;
        *slot_at(slots, rest.start) =
            (uint8_t)(rest.start * SLOT_ODD + SLOT_LONG);
        space->victim = rest;
        space->loose -= span.size;
    } else {
        victim_drop(space);
        if (rest.size > 0)
            victim_set(space, rest.start, rest.size);
    }
    return span;
}

void space_retire(space_t *space)
{
    span_t victim = space->victim;
    bool meets_top = victim_meets_top(space);
    victim_drop(space);
    if (meets_top)
        space->top = victim.start;
    else if (victim.size > 0)
        chunk_make(space, victim.start, victim.size);
}

/* What is loose before or behind a place. */
typedef struct neighbour {
    span_t span;
    chunk_id_t chunk; /* CHUNK_NONE if it is the victim, or if there is none */
} neighbour_t;

static inline neighbour_t neighbour_of(const space_t *space, chunk_id_t id)
{
    const chunk_t *c = chunk(space, id);
    return id == CHUNK_NONE ? (neighbour_t){0}
                            : (neighbour_t){{c->start, c->size}, id};
}

static inline neighbour_t neighbour_before(const space_t *space, uint64_t start)
{
    if (start == 0)
        return (neighbour_t){0};
    const slots_t *slots = &space->pool.slots;
    slot_before_t before = slot_before(slots, start);
    if (before.is_long ? before.foot == SPACE_VICTIM
                       : before.start == space->victim.start)
        return (neighbour_t){.span = space->victim};
    if (before.is_long)
        return neighbour_of(space, (chunk_id_t)before.foot);
    if (slot_is_live(slots, before.start))
        return (neighbour_t){0};
    return neighbour_of(space, chunk_find(&space->pool, before.start));
}

static inline neighbour_t neighbour_behind(const space_t *space, uint64_t end)
{
    if (slot_is_live(&space->pool.slots, end))
        return (neighbour_t){0};
    if (end == space->victim.start)
        return (neighbour_t){.span = space->victim};
    return neighbour_of(space, space_chunk(space, end));
}

/* Let a neighbour be granules of nothing. */
static inline void neighbour_drop(space_t *space, neighbour_t neighbour)
{
    if (neighbour.chunk != CHUNK_NONE)
        chunk_drop(space, neighbour.chunk);
    else if (neighbour.span.size > 0)
        victim_drop(space);
}

void space_give(space_t *space, uint64_t start, uint64_t size)
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

/* A multiple of align granules at which size of them lie in a chunk, with no
 * single one left before it; or SPACE_NOWHERE. */
static inline uint64_t place_in(const chunk_t *c, uint64_t size, uint64_t align)
{
    uint64_t start = memheap_align_up(c->start, align);
    if (start - c->start == 1)
        start += align;
    uint64_t front = start - c->start;
    return front <= c->size && bins_fits(c->size - front, size) ? start
                                                                : SPACE_NOWHERE;
}

/* Take a place from the best of chunks and victim that have at least `room`
 * granules. */
static span_t take_best(space_t *space, uint64_t size, uint64_t room,
                        uint64_t align, size_t looks)
{
    chunk_id_t id = bins_best(&space->bins, &space->pool, room, looks);
    if (bins_fits(space->victim.size, room) &&
        (id == CHUNK_NONE || space->victim.size < chunk(space, id)->size)) {
        space_retire(space);
        id = bins_best(&space->bins, &space->pool, room, looks);
    }
    if (id == CHUNK_NONE)
        return (span_t){.start = SPACE_NOWHERE};
    uint64_t start = place_in(chunk(space, id), size, align);
    return start == SPACE_NOWHERE ? (span_t){.start = SPACE_NOWHERE}
                                  : chunk_carve(space, id, start, size);
}

/* Take a short piece: a chunk of its size, or a part of the victim, or of a
 * longer chunk, the rest of which is the victim then. */
static span_t take_short(space_t *space, uint64_t size, size_t looks)
{
    chunk_id_t id = space->bins.head[size];
    if (id == CHUNK_NONE) {
        if (bins_fits(space->victim.size, size))
            return victim_carve(space, size);
        id = bins_best(&space->bins, &space->pool, size, looks);
        if (id == CHUNK_NONE)
            return (span_t){.start = SPACE_NOWHERE};
    }
    uint64_t have = chunk(space, id)->size;
    span_t span = span_of(chunk(space, id)->start, size, have);
    chunk_drop(space, id);
    if (span.size < have) {
        space_retire(space);
        victim_set(space, span.start + span.size, have - span.size);
    }
    return span;
}

/* The best fit may happen to lie well; a chunk that is longer by the alignment
 * and the one granule that may not be left always does. */
span_t space_take(space_t *space, uint64_t size, uint64_t align, size_t looks)
{
    if (size < PIECE_LONG && align == 1)
        return take_short(space, size, looks);
    span_t span = take_best(space, size, size, align, looks);
    if (span.start == SPACE_NOWHERE && align > 1)
        span = take_best(space, size, size + align + 1, align, looks);
    return span;
}

/* Let the tables reach to a top. */
static memheap_status_t top_ensure(space_t *space, uint64_t top)
{
    memheap_status_t status = slots_ensure(&space->pool.slots, top);
    if (status == MEMHEAP_OK)
        status = memheap_array_ensure(&space->pool.heads,
                                      ((top >> CHUNK_STRETCH_ORDER) + 1) *
                                          sizeof(chunk_id_t));
    return status;
}

/* Move the top up to the end of a piece behind it. */
static memheap_status_t top_raise(space_t *space, uint64_t start, uint64_t size)
{
    memheap_status_t status = top_ensure(space, start + size);
    if (status != MEMHEAP_OK)
        return status;
    uint64_t front = space->top;
    space->top = start + size;
    space->high = memheap_max(space->high, space->top);
    if (start > front)
        chunk_make(space, front, start - front);
    return MEMHEAP_OK;
}

memheap_status_t space_take_top(space_t *space, uint64_t size, uint64_t align,
                                span_t *span_p)
{
    bool is_short = size < PIECE_LONG && align == 1;
    if (is_short || victim_meets_top(space))
        space_retire(space);
    uint64_t start = memheap_align_up(space->top, align);
    if (start - space->top == 1)
        start += align;
    if (start < space->top || start > space->end || size > space->end - start)
        return MEMHEAP_ERR_NO_MEMORY;
    span_t span = span_of(start, size, space->end - start);
    bool carves = is_short && space->end - start >= VICTIM_OF_TOP;
    memheap_status_t status =
        top_raise(space, start, carves ? VICTIM_OF_TOP : span.size);
    if (status == MEMHEAP_OK && carves) {
        victim_set(space, start, VICTIM_OF_TOP);
        victim_carve(space, size);
    }
    *span_p = span;
    return status;
}

memheap_status_t space_take_at(space_t *space, span_t *span_p)
{
    uint64_t start = span_p->start;
    if (start > space->end || span_p->size > space->end - start)
        return MEMHEAP_ERR_BUSY;
    space_retire(space);
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

memheap_status_t space_extend(space_t *space, span_t *span_p)
{
    span_t more = *span_p;
    if (more.start == space->victim.start && space->victim.size < more.size &&
        victim_meets_top(space))
        space_retire(space);
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

uint64_t space_longest(const space_t *space)
{
    uint64_t top = space->end - space->top;
    if (victim_meets_top(space))
        top += space->victim.size;
    uint64_t longest = memheap_max(memheap_max(top, space->victim.size),
                                   bins_largest(&space->bins, &space->pool));
    return longest < PIECE_LEAST ? 0 : longest;
}

size_t space_metadata(const space_t *space)
{
    return slots_bytes(space->high) +
           ((space->high >> CHUNK_STRETCH_ORDER) + 1) * sizeof(chunk_id_t) +
           (space->pool.count + 1) * sizeof(chunk_t);
}

memheap_status_t space_open(space_t *space, const memheap_memory_t *memory,
                            uint64_t end, uint64_t most)
{
    /* Each block, and each chunk beside one, takes PIECE_LEAST at least. */
    uint64_t nodes = memheap_min(most / PIECE_LEAST, UINT32_MAX / 2);
    space->end = end;
    space->victim.start = SPACE_NOWHERE;
    space->pool.limit = (chunk_id_t)nodes + SPACE_AHEAD + SPACE_SPARE_NODES + 1;
    memheap_status_t status = slots_open(&space->pool.slots, memory, most);
    if (status == MEMHEAP_OK)
        status = memheap_array_open(
            &space->pool.heads, memory,
            (size_t)((most >> CHUNK_STRETCH_ORDER) + 1) * sizeof(chunk_id_t));
    if (status == MEMHEAP_OK)
        status =
            memheap_array_open(&space->pool.nodes, memory,
                               (size_t)space->pool.limit * sizeof(chunk_t));
    if (status == MEMHEAP_OK)
        status = top_ensure(space, 0);
    return status;
}

void space_close(space_t *space)
{
    memheap_array_close(&space->pool.slots.table);
    memheap_array_close(&space->pool.heads);
    memheap_array_close(&space->pool.nodes);
}
