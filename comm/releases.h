/*
 * Releases: a PE lets go of a block of a collective heap alone, at any time.
 * The block ends when all PEs have released it, in a collective call.
 *
 * Each PE keeps the blocks that it has released until they end. A release is
 * new until the next collection, in which all PEs find the blocks that each of
 * them has released. The PE that releases a block last has a new release of
 * it, so a collection looks at blocks with a new release only: a release costs
 * at most one reduction of a word. The PEs take these blocks in the order of
 * addresses, so they free the same blocks in the same order.
 *
 * A word of the reduction, to the minimum, has two parts:
 *   - 1 bit: this PE has released the block of the step before;
 *   - 63 bits: the lowest address of a new release, or NO_MORE.
 * If a PE has not released the block, the minimum is that of such PEs only.
 * So the next step may leave out lower addresses, but they come later, and
 * NO_MORE is the end only if the bit is set.
 *
 * One lock protects all. A collection holds it, so a release waits for the end
 * of a collection; all PEs are in it, so that comes soon.
 */
#ifndef MEMHEAP_COMM_RELEASES_H
#define MEMHEAP_COMM_RELEASES_H

#include "memheap/heap.h"
#include "base/hashmap.h"

#include <pthread.h>
#include <stdatomic.h>

/** The releases of this PE. */
typedef struct memheap_releases {
    pthread_mutex_t lock;
    memheap_hashmap_t blocks; /* address -> usable bytes */
    uintptr_t *fresh;         /* addresses of the new releases */
    size_t fresh_room;
    _Atomic size_t fresh_count;
    _Atomic size_t count; /* blocks */
    _Atomic size_t bytes;
} memheap_releases_t;

void memheap_releases_open(memheap_releases_t *releases);
/** Accepts one of zeros. */
void memheap_releases_close(memheap_releases_t *releases);

/** Whether this PE has released a block that has not ended. */
static inline bool memheap_releases_any(const memheap_releases_t *releases)
{
    return atomic_load_explicit(&releases->count, memory_order_relaxed) > 0;
}

/** Whether a release is new. */
static inline bool memheap_releases_new(const memheap_releases_t *releases)
{
    return atomic_load_explicit(&releases->fresh_count, memory_order_relaxed) >
           0;
}

/** Whether this PE has released this block. */
bool memheap_releases_has(memheap_releases_t *releases, const void *block);

/**
 * Release a block of the heap. Local. Thread-safe, if the heap is.
 *
 * @return MEMHEAP_ERR_BAD_ADDRESS: no live block starts at the address;
 *         MEMHEAP_ERR_BUSY: this PE has released it before;
 *         MEMHEAP_ERR_NO_METADATA
 */
memheap_status_t memheap_releases_add(memheap_releases_t *releases,
                                      memheap_t *heap, void *block);

/** Free the blocks that all PEs have released. Collective.
 *
 *  @param minimum  reduces a word of each PE to the minimum
 *  @return the number of blocks, the same on all PEs */
size_t memheap_releases_collect(memheap_releases_t *releases, memheap_t *heap,
                                uint64_t (*minimum)(void *context,
                                                    uint64_t word),
                                void *context);

#endif
