/*
 * Runs: blocks of whole fragments.
 */
#ifndef MEMHEAP_COMPONENTS_MEMPOOL_RUN_H
#define MEMHEAP_COMPONENTS_MEMPOOL_RUN_H

#include "components/mempool/mempool_state.h"

/* Fragments of a block of `size` bytes. */
static inline size_t fragments_for(size_t size)
{
    return size / FRAGMENT + (size % FRAGMENT != 0);
}

/** Commit the heads of fragments below `end`. MEMHEAP_ERR_NO_METADATA. */
memheap_status_t heads_ensure(mempool_t *p, size_t end);

/** The first of `count` free fragments, aligned to `align` bytes, with their
 *  first `size` bytes in the region. FRAGMENT_NONE if there are none. */
size_t run_find(const mempool_t *p, size_t count, size_t size, size_t align);

/** Enter a run into its head. Its fragments are taken. Returns the usable
 *  bytes. */
size_t run_mark(mempool_t *p, size_t first, size_t count);

/** Find and take a run. MEMHEAP_ERR_NO_MEMORY, MEMHEAP_ERR_NO_METADATA. */
memheap_status_t run_alloc(mempool_t *p, size_t size, size_t align,
                           size_t *offset_p, size_t *usable_p);

/** Free a run. */
void run_free(mempool_t *p, size_t first, size_t usable);

#endif
