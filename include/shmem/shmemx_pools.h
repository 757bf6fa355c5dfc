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

/** @page shmemx_space_create */

/**
 * Return a space as a pool, for contexts and object caches, as
 * memheap_context_create() and memheap_cache_create() take it. Taking a block
 * and giving one back are collective over the space's PEs, and so is what is
 * built on the pool where it does so; asking for a size is local. The space
 * must be valid, and outlive what is built on it.
 */
memheap_pool_t shmemx_space_pool(shmemx_space_t space);
memheap_pool_t pshmemx_space_pool(shmemx_space_t space);

#ifdef __cplusplus
}
#endif

#endif
