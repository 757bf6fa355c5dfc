/*
 * A source of blocks, whatever it is: a heap, a component over a range, a pool
 * of pages, a cache, the symmetric heap of a job, or a caller's own allocator.
 *
 * What is built of blocks (contexts, object caches, proximities) takes them
 * from a pool, and so works over any of these. Whether a pool's calls are
 * collective, and whether several threads may make them at once, is the pool's
 * to say, and holds for what is built on it.
 */
#ifndef MEMHEAP_POOL_H
#define MEMHEAP_POOL_H

#include "memheap.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The objects that stand on a pool; private. */
typedef struct memheap_dependents memheap_dependents_t;

/** Three functions, and the state that they are called with; and a fourth,
 * where calls are collective. The state must outlive all that is built on the
 * pool. */
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

    /** Give a block back. MEMHEAP_ERR_BAD_ADDRESS if it is none. */
    memheap_status_t (*push)(void *state, void *block);

    /** Usable bytes of a block. MEMHEAP_ERR_BAD_ADDRESS, without a message,
     *  if none of this pool starts there. */
    memheap_status_t (*getsize)(void *state, const void *block, size_t *size_p);

    void *state;

    /**
     * For a pool whose calls are collective: let all that would call it know
     * the worst of their statuses, which is the same for all then. Whatever a
     * call has to do beforehand that may fail for one of them alone is agreed
     * on by this, so that none waits in vain. NULL where each calls for itself.
     */
    memheap_status_t (*agree)(void *state, memheap_status_t mine);

    /** The objects that stand on the pool, so that it is not destroyed under
     *  them. NULL: the pool does not keep track. */
    memheap_dependents_t *dependents;
} memheap_pool_t;

/** What a status of one's own comes to, among all that would call a pool. */
static inline memheap_status_t memheap_pool_agree(const memheap_pool_t *pool,
                                                  memheap_status_t mine)
{
    return pool->agree == NULL ? mine : pool->agree(pool->state, mine);
}

/** A heap as a pool. Its calls are those of memheap.h. */
memheap_pool_t memheap_heap_as_pool(memheap_t *heap);

#ifdef __cplusplus
}
#endif

#endif
