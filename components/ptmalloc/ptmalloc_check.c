/*
 * Check the invariants of a ptmalloc module (ptmalloc.c).
 */
#include "config.h"

#include "components/ptmalloc/ptmalloc_state.h"

/* Sums over all pieces. */
typedef struct tally {
    uint64_t used;
    size_t live;
    size_t chunks;
    size_t cached;
    uint64_t cached_digest; /* of positions and lengths of cached blocks */
    uint64_t free;
    bool was_free; /* the previous piece is free */
} tally_t;

static uint64_t digest_of(uint64_t start, uint64_t size)
{
    return (start + 1) * (size + UINT64_C(0x9E3779B97F4A7C15));
}

/* Check the bytes of a piece in the block map; of a long piece, those at both
 * ends. */
static bool check_map(const ptmalloc_t *p, uint64_t start, uint64_t size)
{
    const block_map_t *map = map_of(p);
    map_prev_t last = map_prev(map, start + size);
    const uint8_t *byte = map_byte(map, start);
    const uint8_t *end = map_byte(map, start + size);
    if (last.is_long != (size >= PIECE_LONG) ||
        map_code(map, start) != memheap_min(size - 1, MAP_LONG) ||
        (*byte & MAP_ODD) != (uint8_t)(start * MAP_ODD))
        return false;
    if (!last.is_long && last.start != start)
        return false;
    for (unsigned i = 1; i < PIECE_LONG / 2 && byte + i < end; i++) {
        uint8_t either = last.is_long ? byte[i] | end[-(int)i] : byte[i];
        if ((either & MAP_LIVE) != 0 || (!last.is_long && either != 0))
            return false;
    }
    return true;
}

/* Check the piece that starts at a granule, and add it to the sums. */
static bool check_piece(const ptmalloc_t *p, uint64_t at, tally_t *t)
{
    const free_space_t *space = &p->free_space;
    uint64_t length = length_at(p, at);
    uint64_t end = at + length;
    if (length < PIECE_MIN || length > space->top - at ||
        !check_map(p, at, length))
        return false;
    bool is_victim = at == space->victim.start;
    bool is_live = map_is_live(map_of(p), at);
    chunk_id_t id =
        is_live || is_victim ? CHUNK_NONE : free_space_chunk(space, at);
    bool is_free = is_victim || id != CHUNK_NONE;
    if (t->was_free && is_free)
        return false;
    t->was_free = is_free;
    t->free += is_free ? length : 0;
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

/* Check the stack of a class, and subtract its blocks from the sums. */
static bool check_stack(const ptmalloc_t *p, unsigned number, tally_t *t)
{
    const cache_stack_t *stack = &p->cache.stacks[number];
    const memheap_magazine_t *magazine = &stack->magazine;
    unsigned bit = cache_bit(number);
    bool entered = (p->cache.map[bit / 64] >> bit % 64 & 1) != 0;
    if (stack->capacity != (entered ? MEMHEAP_MAGAZINE_ROUNDS : 0) ||
        stack->floor > magazine->count)
        return false;
    for (;;
         magazine = memheap_magazine_at(&p->cache.magazines, magazine->below)) {
        if (magazine->count > t->cached || magazine->count > stack->capacity ||
            (magazine != &stack->magazine &&
             magazine->count < MEMHEAP_MAGAZINE_ROUNDS))
            return false;
        t->cached -= magazine->count;
        for (unsigned i = 0; i < magazine->count; i++) {
            cache_class_t class = class_at(p, magazine->round[i]);
            t->cached_digest -= digest_of(magazine->round[i], class.size);
            if (class.number != number || class.size != cache_size(number) ||
                bytes_of(class.size) != stack->block_size)
                return false;
        }
        if (magazine->below == 0)
            return true;
    }
}

memheap_status_t ptmalloc_check(const memheap_module_t *module)
{
    const ptmalloc_t *p = const_ptmalloc_of(module);
    const free_space_t *space = &p->free_space;
    tally_t t = {0};
    for (uint64_t at = 0; at < space->top; at += length_at(p, at)) {
        if (!check_piece(p, at, &t))
            return MEMHEAP_ERR_CORRUPT;
    }
    size_t binned;
    if (!bins_check(&space->bins, &space->pool, &binned) || binned != t.chunks)
        return MEMHEAP_ERR_CORRUPT;
    size_t unused = 0;
    for (chunk_id_t id = space->pool.free_list; id != CHUNK_NONE;
         id = chunk_at(&space->pool, id)->next) {
        if (++unused > space->pool.count)
            return MEMHEAP_ERR_CORRUPT;
    }
    size_t cached = t.cached;
    for (unsigned word = 0; word < CACHE_WORDS; word++) {
        if ((p->cache.summary >> word & 1) != (p->cache.map[word] != 0))
            return MEMHEAP_ERR_CORRUPT;
    }
    for (unsigned bit = 1; bit < CACHE_WORDS * 64; bit++) {
        if (!check_stack(p, cache_number(bit), &t))
            return MEMHEAP_ERR_CORRUPT;
    }
    if (t.cached != 0 || t.cached_digest != 0 || t.free != space->total ||
        space->top > space->end ||
        space->end != module->size >> GRANULE_ORDER ||
        t.live + cached != p->blocks || bytes_of(t.used) != module->used ||
        space->pool.count != unused + t.chunks)
        return MEMHEAP_ERR_CORRUPT;
    return MEMHEAP_OK;
}
