/*
 * Chunks: the free pieces that may be joined and split, each with a node.
 *
 * A node is named by its index in one table, 0 being none. A long chunk has
 * its node's name in its note and before its foot (slots.h). The nodes of short
 * chunks that start in one stretch of granules are a list through `chain`,
 * which begins in `heads`. Nodes that are not in use have no size, and are a
 * list through `next`.
 */
#ifndef MEMHEAP_COMPONENTS_PTMALLOC_CHUNK_H
#define MEMHEAP_COMPONENTS_PTMALLOC_CHUNK_H

#include "components/ptmalloc/block_map.h"

#define CHUNK_NONE 0u

enum {
    CHUNK_BUCKET_ORDER = 7 /* log2 of the granules that share a list */
};

typedef uint32_t chunk_id_t;

typedef struct chunk {
    uint64_t start;
    uint64_t size;
    chunk_id_t next; /* in its bin */
    chunk_id_t prev;
    chunk_id_t bucket_next;
} chunk_t;

typedef struct chunk_pool {
    block_map_t map;
    memheap_array_t buckets;
    memheap_array_t nodes;
    chunk_id_t count;     /* nodes that were ever in use; the next is fresh */
    chunk_id_t free_list; /* head of the list */
    chunk_id_t limit;     /* nodes that there can be */
} chunk_pool_t;

static inline chunk_t *chunk_at(const chunk_pool_t *pool, chunk_id_t id)
{
    return (chunk_t *)(void *)pool->nodes.base + id;
}

static inline chunk_id_t *chunk_bucket(const chunk_pool_t *pool,
                                       uint64_t granule)
{
    return (chunk_id_t *)(void *)pool->buckets.base +
           (granule >> CHUNK_BUCKET_ORDER);
}

/** Make sure that count nodes can be in use at once. */
static inline memheap_status_t chunk_ensure(chunk_pool_t *pool, size_t count)
{
    if (MEMHEAP_UNLIKELY(count >= pool->limit))
        return MEMHEAP_ERR_NO_METADATA;
    return memheap_array_ensure(&pool->nodes, (count + 1) * sizeof(chunk_t));
}

/** The node of a short chunk that starts at a granule; CHUNK_NONE if none
 *  does. */
static inline chunk_id_t chunk_find(const chunk_pool_t *pool, uint64_t granule)
{
    chunk_id_t id = *chunk_bucket(pool, granule);
    while (id != CHUNK_NONE && chunk_at(pool, id)->start != granule)
        id = chunk_at(pool, id)->bucket_next;
    return id;
}

/** Let a chunk be found, by its map and, if it is short, by its list. */
static inline void chunk_link(chunk_pool_t *pool, chunk_id_t id)
{
    chunk_t *chunk = chunk_at(pool, id);
    map_mark(&pool->map, chunk->start, chunk->size, 0,
             (map_header_t){.value = id}, id);
    if (chunk->size < PIECE_LONG) {
        chunk_id_t *head = chunk_bucket(pool, chunk->start);
        chunk->bucket_next = *head;
        *head = id;
    }
}

/** Undo chunk_link(). */
static inline void chunk_unlink(chunk_pool_t *pool, chunk_id_t id)
{
    const chunk_t *chunk = chunk_at(pool, id);
    map_clear(&pool->map, chunk->start, chunk->size);
    if (chunk->size >= PIECE_LONG)
        return;
    chunk_id_t *link = chunk_bucket(pool, chunk->start);
    while (*link != id)
        link = &chunk_at(pool, *link)->bucket_next;
    *link = chunk->bucket_next;
}

/** A node, out of those that chunk_ensure() promised. */
static inline chunk_id_t chunk_new(chunk_pool_t *pool)
{
    chunk_id_t id = pool->free_list;
    if (id == CHUNK_NONE)
        return ++pool->count;
    pool->free_list = chunk_at(pool, id)->next;
    return id;
}

static inline void chunk_delete(chunk_pool_t *pool, chunk_id_t id)
{
    chunk_at(pool, id)->size = 0;
    chunk_at(pool, id)->next = pool->free_list;
    pool->free_list = id;
}

#endif
