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
    CHUNK_STRETCH_ORDER = 7 /* log2 of the granules that share a list */
};

typedef uint32_t chunk_id_t;

typedef struct chunk {
    uint64_t start;
    uint64_t size;
    chunk_id_t next; /* in its bin */
    chunk_id_t prev;
    chunk_id_t chain;
} chunk_t;

typedef struct chunk_pool {
    slots_t slots;
    memheap_array_t heads;
    memheap_array_t nodes;
    chunk_id_t count;  /* nodes that were ever in use; the next is fresh */
    chunk_id_t unused; /* head of the list */
    chunk_id_t limit;  /* nodes that there can be */
} chunk_pool_t;

static inline chunk_t *chunk_at(const chunk_pool_t *pool, chunk_id_t id)
{
    return (chunk_t *)(void *)pool->nodes.base + id;
}

static inline chunk_id_t *chunk_head(const chunk_pool_t *pool, uint64_t granule)
{
    return (chunk_id_t *)(void *)pool->heads.base +
           (granule >> CHUNK_STRETCH_ORDER);
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
    chunk_id_t id = *chunk_head(pool, granule);
    while (id != CHUNK_NONE && chunk_at(pool, id)->start != granule)
        id = chunk_at(pool, id)->chain;
    return id;
}

/** Let a chunk be found, by its slots and, if it is short, by its list. */
static inline void chunk_enter(chunk_pool_t *pool, chunk_id_t id)
{
    chunk_t *chunk = chunk_at(pool, id);
    slot_mark(&pool->slots, chunk->start, chunk->size, 0,
              (slot_note_t){.value = id}, id);
    if (chunk->size < PIECE_LONG) {
        chunk_id_t *head = chunk_head(pool, chunk->start);
        chunk->chain = *head;
        *head = id;
    }
}

/** Undo chunk_enter(). */
static inline void chunk_leave(chunk_pool_t *pool, chunk_id_t id)
{
    const chunk_t *chunk = chunk_at(pool, id);
    slot_clear(&pool->slots, chunk->start, chunk->size);
    if (chunk->size >= PIECE_LONG)
        return;
    chunk_id_t *link = chunk_head(pool, chunk->start);
    while (*link != id)
        link = &chunk_at(pool, *link)->chain;
    *link = chunk->chain;
}

/** A node, out of those that chunk_ensure() promised. */
static inline chunk_id_t chunk_new(chunk_pool_t *pool)
{
    chunk_id_t id = pool->unused;
    if (id == CHUNK_NONE)
        return ++pool->count;
    pool->unused = chunk_at(pool, id)->next;
    return id;
}

static inline void chunk_delete(chunk_pool_t *pool, chunk_id_t id)
{
    chunk_at(pool, id)->size = 0;
    chunk_at(pool, id)->next = pool->unused;
    pool->unused = id;
}

#endif
