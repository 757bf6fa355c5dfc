/*
 * Memory management of any space, as the calls for the symmetric heap and those
 * for other spaces share it. Collective over the PEs of the space, in the
 * middle of a call that memheap_runtime_begin() began; messages name `call`.
 */
#ifndef MEMHEAP_SHMEM_MEMORY_H
#define MEMHEAP_SHMEM_MEMORY_H

#include "shmem/runtime.h"

/** Allocate a block. @return NULL on all PEs if one of them fails */
void *memheap_space_alloc(memheap_space_t *space, const memheap_call_t *call,
                          size_t align, size_t size);

/** The same for count times size bytes, set to zero. */
void *memheap_space_alloc_zeroed(memheap_space_t *space,
                                 const memheap_call_t *call, size_t count,
                                 size_t size);

/** Free a block once all PEs have come. MEMHEAP_ERR_BAD_ADDRESS, printed. */
memheap_status_t memheap_space_free(memheap_space_t *space,
                                    const memheap_call_t *call, void *block);

/** What shmem_realloc() does; name is that of the call, or NULL for it. */
void *memheap_space_resize(memheap_space_t *space, const char *name,
                           void *block, size_t size);

#endif
