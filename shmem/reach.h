/*
 * The other nodes of the job, for its start and its end.
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

#endif
