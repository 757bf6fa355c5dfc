/*
 * What happens to memory that blocks leave. The caller holds the lock.
 */
#ifndef MEMHEAP_TRIM_H
#define MEMHEAP_TRIM_H

#include "memheap/heap_state.h"

#pragma GCC visibility push(hidden)

/* Trim automatically when `trim` bytes were freed; 0: never. */
void memheap_set_trim(memheap_t *heap, size_t trim);

/* Count freed bytes, and trim if it is time. */
void memheap_trim_after(memheap_t *heap, size_t size);

/* Fill the memory of a freed block in check mode, and close it to accesses. */
memheap_status_t memheap_finish_free(memheap_t *heap, size_t offset,
                                     size_t size);

#pragma GCC visibility pop

#endif
