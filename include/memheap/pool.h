/*
 * Pools: anything that blocks can be taken from.
 *
 * Contexts, object caches and proximities take their blocks from a pool, so
 * they work over a heap, a pool of pages, another cache, the symmetric heap of
 * a job, or an allocator of the caller's.
 */
#ifndef MEMHEAP_POOL_H
#define MEMHEAP_POOL_H

#include "memheap.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @page memheap_pool  anything that blocks can be taken from
 *
 * A pool is a struct of functions and the state that they are called with.
 * Whether its calls are collective, and whether several threads may make them
 * at once, depends on the pool, and carries over to what stands on it.
 *
 * @see memheap_context_create(), memheap_cache_create(),
 *      memheap_proximity_create(), memheap_page_pool_create(),
 *      memheap_range_pool_create()
 */

/** The contexts, caches and proximities that stand on a pool. Private. */
typedef struct memheap_dependents memheap_dependents_t;

/** A pool. The state must outlive everything that stands on the pool. */
typedef struct memheap_pool {
    /**
     * Take a block out of the pool. Its contents are not set.
     *
     * @param align  bytes, a power of two
     * @param size   bytes, at least 1
     * @return MEMHEAP_ERR_NO_MEMORY if the pool has no such block now;
     *         MEMHEAP_ERR_BAD_ARGUMENT if it never can have one
     */
    memheap_status_t (*pop)(void *state, size_t align, size_t size,
                            void **block_p);

    /** Return a block. MEMHEAP_ERR_BAD_ADDRESS if none starts there. */
    memheap_status_t (*push)(void *state, void *block);

    /** Usable bytes of a block. MEMHEAP_ERR_BAD_ADDRESS, without a message,
     *  if no block of this pool starts there. */
    memheap_status_t (*getsize)(void *state, const void *block, size_t *size_p);

    void *state;

    /** For a pool whose calls are collective: return the worst status of all
     *  callers to each of them. What could fail on one caller alone is agreed
     *  on before a collective call, so that none waits in vain. NULL: calls
     *  are local. */
    memheap_status_t (*agree)(void *state, memheap_status_t mine);

    /** What stands on the pool, so that it is not destroyed too early. NULL:
     *  the pool does not keep track. */
    memheap_dependents_t *dependents;
} memheap_pool_t;

/** Agree on a status with all callers of a pool.
 *  @return the worst of all; mine if the pool's calls are local */
static inline memheap_status_t memheap_pool_agree(const memheap_pool_t *pool,
                                                  memheap_status_t mine)
{
    return pool->agree == NULL ? mine : pool->agree(pool->state, mine);
}

/** Use a heap as a pool. */
memheap_pool_t memheap_heap_as_pool(memheap_t *heap);

#ifdef __cplusplus
}
#endif

#endif
