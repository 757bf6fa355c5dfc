/*
 * Check the invariants of a buddy module (buddy.c).
 */
#include "config.h"

#include "components/buddy/buddy.h"

/* Sums over all blocks. */
typedef struct tally {
    size_t used;
    size_t live;
    size_t cached;
    uint64_t cached_digest; /* of positions and orders of cached blocks */
    size_t count[ORDERS];
} tally_t;

static uint64_t digest_of(uint64_t start, unsigned order)
{
    return (start + 1) * (order + UINT64_C(0x9E3779B97F4A7C15));
}

/* Check the block that starts at a granule, and add it to the sums. */
static bool check_block(const buddy_t *b, uint64_t at, tally_t *t)
{
    uint64_t length = length_at(b, at);
    if (length == 0 || length > b->top - at)
        return false;
    uint64_t end = at + length;
    if ((map_line(&b->map, end)->starts & map_bit(end)) == 0)
        return false;
    if (map_stores_length(at, end) &&
        map_block_start(&b->map, end).length != length)
        return false;
    if (map_is_live(&b->map, at)) {
        t->live++;
        t->used += usable_at(b, at, length);
        return true;
    }
    unsigned order = memheap_log2_floor(length);
    if (length != length_of(order) || at % length != 0)
        return false;
    if (is_free_block(b, at, order)) {
        t->count[order]++;
        return end < b->top && !is_free_block(b, at ^ length, order);
    }
    t->cached++;
    t->cached_digest += digest_of(at, order);
    return true;
}

/* Check the cached blocks of an order, and subtract them from the sums. */
static bool check_cache(const buddy_t *b, unsigned order, tally_t *t)
{
    const memheap_magazine_t *magazine = &b->cache[order];
    if ((b->cached_orders >> order & 1) == 0)
        return memheap_magazine_is_empty(magazine);
    for (bool first = true;; first = false) {
        if (magazine->count > t->cached ||
            magazine->count > MEMHEAP_MAGAZINE_ROUNDS ||
            (!first && magazine->count < MEMHEAP_MAGAZINE_ROUNDS))
            return false;
        t->cached -= magazine->count;
        for (unsigned i = 0; i < magazine->count; i++)
            t->cached_digest -= digest_of(magazine->round[i], order);
        if (magazine->below == 0)
            return true;
        magazine = memheap_magazine_at(&b->magazines, magazine->below);
    }
}

memheap_status_t buddy_check(const memheap_module_t *module)
{
    const buddy_t *b = const_buddy_of(module);
    tally_t t = {.used = 0};
    for (uint64_t at = 0; at < b->top; at += length_at(b, at)) {
        if (!check_block(b, at, &t))
            return MEMHEAP_ERR_CORRUPT;
    }
    if (b->blocks != t.live + t.cached)
        return MEMHEAP_ERR_CORRUPT;
    for (unsigned order = 0; order < ORDERS; order++) {
        if (t.count[order] != b->free_count[order] ||
            (b->free_orders >> order & 1) != (b->free_count[order] != 0) ||
            !check_cache(b, order, &t))
            return MEMHEAP_ERR_CORRUPT;
    }
    if (t.used != module->used || t.cached != 0 || t.cached_digest != 0 ||
        b->top > b->end || b->end != granules_of(b, module->size))
        return MEMHEAP_ERR_CORRUPT;
    return MEMHEAP_OK;
}
