/*
 * The symmetric heap, and other spaces, as pools: what contexts, object caches
 * and proximities of memheap are built on.
 */
#ifndef MEMHEAP_SHMEM_SHMEMX_POOLS_H
#define MEMHEAP_SHMEM_SHMEMX_POOLS_H

#include <memheap/pool.h>
#include <shmemx.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A space as a pool. Taking a block and giving one back are collective over
 *  the space's PEs, and so is what is built on it, wherever it does so; asking
 *  for a size is local. The space must be valid, and outlive all that. */
memheap_pool_t shmemx_space_pool(shmemx_space_t space);
memheap_pool_t pshmemx_space_pool(shmemx_space_t space);

#ifdef __cplusplus
}
#endif

#endif
