/*
 * State of a buddy module, and what its sources share.
 */
#ifndef MEMHEAP_COMPONENTS_BUDDY_BUDDY_H
#define MEMHEAP_COMPONENTS_BUDDY_BUDDY_H

#include <memheap/component.h>
#include "base/bitmap.h"
#include "base/hashmap.h"
#include "base/magazines.h"
#include "components/buddy/buddy_map.h"

enum {
    ORDERS = 62
};

typedef struct buddy {
    memheap_module_t module;
    uint64_t top;
    unsigned granule_order; /* log2 of the bytes of a granule */
    uint64_t cached;        /* granules of cached blocks */
    uint64_t cache_max;
    uint64_t cached_orders; /* bit k: blocks of order k may be cached */
    memheap_array_t map;
    memheap_magazine_t cache[ORDERS];
    size_t blocks;         /* live and cached */
    size_t blocks_ensured; /* blocks with ensured metadata */
    uint64_t end;          /* granules of the region; the last may be partial */
    unsigned max_order;    /* of a block as long as max_size */
    uint64_t free_orders;  /* bit k: order k has free blocks */
    size_t free_count[ORDERS];
    memheap_bitmap_t free_map[ORDERS];
    memheap_magazines_t magazines;
    memheap_hashmap_t truncated; /* usable bytes by granule */
    uint64_t top_max;            /* highest top so far */
    size_t max_size;
    const memheap_memory_t *memory;
    void *bitmap_memory;
    size_t bitmap_bytes;
} buddy_t;

static inline const buddy_t *const_buddy_of(const memheap_module_t *module)
{
    return (const buddy_t *)(const void *)module;
}

static inline buddy_t *buddy_of(memheap_module_t *module)
{
    return (buddy_t *)(void *)module;
}

static inline uint64_t length_of(unsigned order)
{
    return (uint64_t)1 << order;
}

static inline size_t bytes_of(const buddy_t *b, uint64_t granules)
{
    return (size_t)granules << b->granule_order;
}

/* Granules of a block of `size` bytes; size is not 0. */
static inline uint64_t granules_of(const buddy_t *b, size_t size)
{
    return ((size - 1) >> b->granule_order) + 1;
}

static inline uint64_t length_at(const buddy_t *b, uint64_t start)
{
    map_bound_t bound = map_block_end(&b->map, start);
    return bound.granule != 0 ? bound.granule - start : bound.length;
}

/* Usable bytes of a block. */
static inline size_t usable_at(const buddy_t *b, uint64_t start,
                               uint64_t length)
{
    if (MEMHEAP_UNLIKELY(b->truncated.count > 0)) {
        const uint64_t *size = memheap_hashmap_find(&b->truncated, start);
        if (size != NULL)
            return *size;
    }
    return bytes_of(b, length);
}

static inline bool is_free_block(const buddy_t *b, uint64_t start,
                                 unsigned order)
{
    return (b->free_orders >> order & 1) != 0 &&
           memheap_bitmap_test(&b->free_map[order], start >> order);
}

static inline memheap_status_t map_ensure(buddy_t *b, uint64_t top)
{
    return memheap_array_ensure(&b->map, ((top >> MAP_LINE_ORDER) + 1) *
                                             sizeof(map_line_t));
}

/** Check all invariants of buddy.c. MEMHEAP_ERR_CORRUPT. */
memheap_status_t buddy_check(const memheap_module_t *module);

#endif
