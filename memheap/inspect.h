/*
 * What the calls of a heap show of it.
 */
#ifndef MEMHEAP_INSPECT_H
#define MEMHEAP_INSPECT_H

#include "memheap/heap_state.h"

#pragma GCC visibility push(hidden)

/* Publish the statistics on the stats page. The caller holds the lock. */
void memheap_publish_stats(memheap_t *heap);

/* Log what lies at a wrong address. The caller does not hold the lock.
 * @return MEMHEAP_ERR_BAD_ADDRESS */
memheap_status_t memheap_bad_address(memheap_t *heap, const char *call,
                                     const void *address);

#pragma GCC visibility pop

/* End the exclusive use of the heap, and publish its statistics. */
static inline void heap_unlock(memheap_t *heap)
{
    if (!heap->has_end)
        return;
    if (MEMHEAP_UNLIKELY(heap->stats_export != NULL))
        memheap_publish_stats(heap);
    heap_leave(heap);
}

/* The records of the heap; NULL if it keeps none. */
static inline const memheap_records_t *heap_records(const memheap_t *heap)
{
    return heap->events != NULL && heap->events->keeps_records
               ? &heap->events->records
               : NULL;
}

#endif
