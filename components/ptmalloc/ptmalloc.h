/*
 * top
 */
#ifndef MEMHEAP_COMPONENTS_PTMALLOC_PTMALLOC_H
#define MEMHEAP_COMPONENTS_PTMALLOC_PTMALLOC_H

#include <memheap/component.h>
#include "components/ptmalloc/free_cache.h"
#include "components/ptmalloc/free_space.h"

enum {
    GRANULE_ORDER = 4
};

typedef struct ptmalloc {
    memheap_module_t module;
    uint64_t
        cacheable_end; /* blocks before it may be cached; not behind the top */
    size_t used_min; /* bytes; less in use would mean that too much is cached */
    uint64_t cache_max;  /* granules; the most that may be */
    uint64_t plenty_end; /* granules; up to there the top rises freely */
    uint64_t used_max;   /* granules that were ever live */
    unsigned
        shrink_shift; /* the part of itself that a block may shrink, a shift */
    size_t blocks;    /* live and cached */
    size_t blocks_ensured; /* blocks that there are nodes and boxes for */
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

/* The class of a block, live or cached: without a number, it is live, and too
 * long for one or cut shorter than classes are. */
static inline cache_class_t class_at(const ptmalloc_t *p, uint64_t start)
{
    unsigned number = map_code(map_of(p), start);
    if (number == MAP_LONG)
        number = map_class_number(map_of(p), start);
    uint64_t size =
        number != 0 ? cache_size(number) : map_value(map_of(p), start);
    return (cache_class_t){size, number};
}

/* Granules of a piece. */
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

/** check */
memheap_status_t ptmalloc_check(const memheap_module_t *module);

#endif
