/*
 * Memory management in any space, shared by the calls for the symmetric heap
 * and those for other spaces.
 *
 * All functions are collective over the members of the space, and are called
 * after memheap_runtime_begin(). Messages name `call`.
 */
#ifndef MEMHEAP_SHMEM_MEMORY_H
#define MEMHEAP_SHMEM_MEMORY_H

#include "shmem/runtime.h"

#include <shmemx.h>

/** Allocate a block.
 *  @return the same on all PEs: the block; NULL if a PE failed, printed */
void *memheap_space_alloc(memheap_space_t *space, const memheap_call_t *call,
                          size_t align, size_t size);

/** Allocate count * size bytes, set to zero. As memheap_space_alloc(). */
void *memheap_space_alloc_zeroed(memheap_space_t *space,
                                 const memheap_call_t *call, size_t count,
                                 size_t size);

/** Free a block, after all PEs have called.
 *  @return the same on all PEs. MEMHEAP_ERR_BAD_ADDRESS, printed */
memheap_status_t memheap_space_free(memheap_space_t *space,
                                    const memheap_call_t *call, void *block);

/** Implements shmem_realloc(). `name` is the routine for messages; NULL:
 *  shmem_realloc. */
void *memheap_space_resize(memheap_space_t *space, const char *name,
                           void *block, size_t size);

/** The space of a valid handle. */
static inline memheap_space_t *memheap_space_of(struct shmemx_space *handle)
{
    return handle == SHMEMX_SPACE_DEFAULT ? &memheap_runtime.space : handle;
}

/** Free the blocks that all PEs have released.
 *  @return their number, the same on all PEs */
size_t memheap_space_collect(memheap_space_t *space);

#endif
