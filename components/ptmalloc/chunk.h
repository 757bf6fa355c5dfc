/*
 * Chunks: the free pieces of a region, each a node outside it.
 *
 * All lengths and places are counted in granules of 16 bytes. A node is named
 * by its index in one table, 0 being none. Nodes that are not in use are kept
 * as a list through `next`.
 */
#ifndef MEMHEAP_COMPONENTS_PTMALLOC_CHUNK_H
#define MEMHEAP_COMPONENTS_PTMALLOC_CHUNK_H

#include "base/memory.h"
#include "base/util.h"

#define CHUNK_NONE 0u

typedef uint32_t chunk_id_t;

typedef struct chunk {
    uint64_t start;
    uint64_t size;
    chunk_id_t next; /* in a ring or list of chunks of the same size */
    chunk_id_t prev;
    chunk_id_t parent; /* in a tree; CHUNK_NONE if the ring's other member is */
    chunk_id_t child[2];
} chunk_t;

typedef struct chunk_pool {
    memheap_table_t table;
    chunk_id_t count;  /* nodes that were ever in use; the next is fresh */
    chunk_id_t unused; /* head of the list */
    chunk_id_t limit;  /* nodes that there can be */
} chunk_pool_t;

static inline chunk_t *chunk_at(const chunk_pool_t *pool, chunk_id_t id)
{
    return (chunk_t *)(void *)pool->table.base + id;
}

/** Make sure that count nodes can be in use at once. */
static inline memheap_status_t chunk_pool_ensure(chunk_pool_t *pool,
                                                 size_t count)
{
    if (count >= pool->limit)
        return MEMHEAP_ERR_NO_METADATA;
    return memheap_table_ensure(&pool->table, (count + 1) * sizeof(chunk_t));
}

/** A node, out of those that chunk_pool_ensure() promised. */
static inline chunk_id_t chunk_new(chunk_pool_t *pool, uint64_t start,
                                   uint64_t size)
{
    chunk_id_t id = pool->unused;
    if (id != CHUNK_NONE)
        pool->unused = chunk_at(pool, id)->next;
    else
        id = ++pool->count;
    chunk_t *chunk = chunk_at(pool, id);
    chunk->start = start;
    chunk->size = size;
    return id;
}

static inline void chunk_delete(chunk_pool_t *pool, chunk_id_t id)
{
    chunk_at(pool, id)->next = pool->unused;
    pool->unused = id;
}

#endif
