/*
 * State of a ptmalloc module, and what its sources share.
 */
#ifndef MEMHEAP_COMPONENTS_PTMALLOC_PTMALLOC_STATE_H
#define MEMHEAP_COMPONENTS_PTMALLOC_PTMALLOC_STATE_H

#include <memheap/component.h>
#include "components/ptmalloc/free_cache.h"
#include "components/ptmalloc/free_space.h"
#include "components/ptmalloc/growth.h"

enum {
    GRANULE_ORDER = 4
};

typedef struct ptmalloc {
    memheap_module_t module;
    /** Granules. A block at or behind this cannot be cached. Not above the
     *  top. */
    uint64_t cacheable_end;
    size_t used_min;      /* bytes; if less is in use, too much is cached */
    uint64_t cache_max;   /* granules that may be cached */
    uint64_t longest;     /* granules of the longest block that is cached */
    uint64_t limited_top; /* the top for which the limits hold */
    growth_t growth;
    size_t blocks;         /* live and cached */
    size_t blocks_ensured; /* blocks with ensured metadata */
    free_space_t free_space;
    free_cache_t cache;
    size_t max_size;
    const memheap_memory_t *memory;
} ptmalloc_t;

static inline ptmalloc_t *ptmalloc_of(memheap_module_t *module)
{
    return (ptmalloc_t *)(void *)module;
}

static inline const ptmalloc_t *
const_ptmalloc_of(const memheap_module_t *module)
{
    return (const ptmalloc_t *)(const void *)module;
}

static inline size_t bytes_of(uint64_t granules)
{
    return (size_t)granules << GRANULE_ORDER;
}

static inline const block_map_t *map_of(const ptmalloc_t *p)
{
    return &p->free_space.pool.map;
}

/* The class of a block, live or cached. A block without class number is live,
 * and longer than any class or of a length between two classes. */
static inline cache_class_t class_at(const ptmalloc_t *p, uint64_t start)
{
    unsigned number = map_code(map_of(p), start);
    if (number == MAP_LONG)
        number = map_class_number(map_of(p), start);
    uint64_t size =
        number != 0 ? cache_size(number) : map_value(map_of(p), start);
    return (cache_class_t){size, number};
}

/* Granules of the piece that starts at a granule. */
static inline uint64_t length_at(const ptmalloc_t *p, uint64_t start)
{
    if (start == p->free_space.victim.start)
        return p->free_space.victim.size;
    if (!map_is_live(map_of(p), start)) {
        chunk_id_t id = free_space_chunk(&p->free_space, start);
        if (id != CHUNK_NONE)
            return chunk_at(&p->free_space.pool, id)->size;
    }
    return class_at(p, start).size;
}

/** Check all invariants of ptmalloc.c. MEMHEAP_ERR_CORRUPT. */
memheap_status_t ptmalloc_check(const memheap_module_t *module);

#endif
