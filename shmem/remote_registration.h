/*
 * The other nodes of the job: a way to them, and what they reach of the heap.
 */
#ifndef MEMHEAP_SHMEM_REMOTE_REGISTRATION_H
#define MEMHEAP_SHMEM_REMOTE_REGISTRATION_H

#include "shmem/runtime.h"

/** Know who is on which node, and have a way to the other nodes if there are
 *  any. Collective.
 *  @return the same on every PE; what failed was printed */
memheap_status_t memheap_registration_open(memheap_runtime_t *rt);

/** Undo it, all of it or what it came to. Collective. */
void memheap_registration_close(memheap_runtime_t *rt);

/** Let other nodes reach what all PEs have backed of a space, and at least so
 *  much of it. Collective over its PEs.
 *  @return as memheap_transport_register() */
memheap_status_t memheap_register_space(const memheap_space_t *space,
                                        size_t end);

/** What memheap_register_block() does where there are other nodes. */
memheap_status_t memheap_register_block_off_node(const memheap_space_t *space,
                                                 const void *block, int *pe_p);

/** Let other nodes reach a block that all PEs of a space have now. Collective
 *  over them.
 *  @param pe_p  takes a PE that knows why, if it fails
 *  @return the same on all: MEMHEAP_ERR_SYSTEM, MEMHEAP_ERR_NO_METADATA */
static inline memheap_status_t
memheap_register_block(const memheap_space_t *space, const void *block,
                       int *pe_p)
{
    return __builtin_expect(memheap_runtime.transport == NULL, 1)
               ? MEMHEAP_OK
               : memheap_register_block_off_node(space, block, pe_p);
}

#endif
