/*
 * The other nodes of the job: the transport to them, and the memory that is
 * registered for them.
 */
#ifndef MEMHEAP_SHMEM_REMOTE_REGISTRATION_H
#define MEMHEAP_SHMEM_REMOTE_REGISTRATION_H

#include "shmem/runtime.h"

/** Form the nodes, and open the transport if there are several. Collective.
 *  @return the same on every PE; a failure is printed */
memheap_status_t memheap_registration_open(memheap_runtime_t *rt);

/** Undo memheap_registration_open(), also after a failure. Collective. */
void memheap_registration_close(memheap_runtime_t *rt);

/** Register the part of a space that is committed on all members, and at least
 *  the bytes up to `end`. Collective over the members.
 *  @return as memheap_transport_register() */
memheap_status_t memheap_register_space(const memheap_space_t *space,
                                        size_t end);

/** memheap_register_block() in a job on several nodes. */
memheap_status_t memheap_register_block_off_node(const memheap_space_t *space,
                                                 const void *block, int *pe_p);

/** Register a new block for other nodes, unless it is registered already.
 *  Collective over the members of the space.
 *  @param pe_p  on failure, takes a PE that has an error message
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
