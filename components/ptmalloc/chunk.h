/*
 * Chunks: free pieces that may be joined and split. Each has a node with its
 * bounds and its links.
 *
 * A node is named by its index in an array; 0 is no node. A long chunk has its
 * node's index in its header and footer (block_map.h). Short chunks are found
 * through buckets: the short chunks that start in one group of 128 granules
 * form a list through `bucket_next`. Unused nodes have size 0 and form a list
 * through `next`.
 */
#ifndef MEMHEAP_COMPONENTS_PTMALLOC_CHUNK_H
#define MEMHEAP_COMPONENTS_PTMALLOC_CHUNK_H

#include "components/ptmalloc/block_map.h"

#define CHUNK_NONE 0u

enum {
    CHUNK_BUCKET_ORDER = 7 /* log2 of the granules of a bucket */
};

typedef uint32_t chunk_id_t;

typedef struct chunk {
    uint64_t start;
    uint64_t size;
    chunk_id_t next; /* next and previous chunk of its bin */
    chunk_id_t prev;
    chunk_id_t bucket_next;
} chunk_t;

typedef struct chunk_pool {
    block_map_t map;
    memheap_array_t buckets;
    memheap_array_t nodes;
    chunk_id_t count;     /* nodes ever used; the next one is new */
    chunk_id_t free_list; /* first unused node */
    chunk_id_t limit;     /* the most nodes that there can be */
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

/** Make sure that count nodes can be in use. MEMHEAP_ERR_NO_METADATA. */
static inline memheap_status_t chunk_ensure(chunk_pool_t *pool, size_t count)
{
    if (MEMHEAP_UNLIKELY(count >= pool->limit))
        return MEMHEAP_ERR_NO_METADATA;
    return memheap_array_ensure(&pool->nodes, (count + 1) * sizeof(chunk_t));
}

/** The node of the short chunk that starts at a granule, or CHUNK_NONE. */
static inline chunk_id_t chunk_find(const chunk_pool_t *pool, uint64_t granule)
{
    chunk_id_t id = *chunk_bucket(pool, granule);
    while (id != CHUNK_NONE && chunk_at(pool, id)->start != granule)
        id = chunk_at(pool, id)->bucket_next;
    return id;
}

/** Enter a chunk into the block map and, if it is short, into its bucket. */
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

/** Get a node. chunk_ensure() must have provided it. */
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
