/*
 * The other nodes of the job: a way to them, and what they reach of the heap.
 */
#ifndef MEMHEAP_SHMEM_REACH_H
#define MEMHEAP_SHMEM_REACH_H

#include "shmem/runtime.h"

/** Know who is on which node, and have a way to the other nodes if there are
 *  any. Collective.
 *  @return the same on every PE; what failed was printed */
memheap_status_t memheap_reach_open(memheap_runtime_t *rt);

/** Undo it, all of it or what it came to. Collective. */
void memheap_reach_close(memheap_runtime_t *rt);

/** Let other nodes reach what all PEs have backed of the heap, and at least so
 *  much of it. Collective.
 *  @return as memheap_transport_cover() */
memheap_status_t memheap_reach_cover(memheap_runtime_t *rt, size_t end);

/** What memheap_reach_block() does where there are other nodes. */
memheap_status_t memheap_reach_block_far(const void *block, int *pe_p);

/** Let other nodes reach a block that all PEs have now. Collective.
 *  @param pe_p  takes a PE that knows why, if it fails
 *  @return the same on every PE: MEMHEAP_ERR_SYSTEM, MEMHEAP_ERR_NO_METADATA */
static inline memheap_status_t memheap_reach_block(const void *block, int *pe_p)
{
    return __builtin_expect(memheap_runtime.transport == NULL, 1)
               ? MEMHEAP_OK
               : memheap_reach_block_far(block, pe_p);
}

#endif
