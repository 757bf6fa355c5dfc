/*
 * top
 */
#ifndef MEMHEAP_COMPONENTS_MEMPOOL_RUN_H
#define MEMHEAP_COMPONENTS_MEMPOOL_RUN_H

#include "components/mempool/mempool.h"

#include <sched.h>

/* Fragments that hold size bytes. */
static inline size_t fragments_for(size_t size)
{
    return size / FRAGMENT + (size % FRAGMENT != 0);
}

/** lock */
static inline void mempool_lock(mempool_t *p)
{
    if (!p->concurrent)
        return;
    while (atomic_exchange_explicit(&p->lock, 1, memory_order_acquire) != 0)
        sched_yield();
}

static inline void mempool_unlock(mempool_t *p)
{
    if (p->concurrent)
        atomic_store_explicit(&p->lock, 0, memory_order_release);
}

/** Make sure that fragments up to end have heads. */
memheap_status_t heads_ensure(mempool_t *p, size_t end);

/** Find count fragments that are free at a multiple of align, of which the
 *  first `size` bytes lie in the region. FRAGMENT_NONE if there are none. */
size_t run_find(const mempool_t *p, size_t count, size_t size, size_t align);

/** Enter fragments, which are taken, as a block. @return its usable bytes */
size_t run_mark(mempool_t *p, size_t first, size_t count);
/** Find, take and enter a run. */
memheap_status_t run_alloc(mempool_t *p, size_t size, size_t align,
                           size_t *offset_p, size_t *usable_p);
void run_free(mempool_t *p, size_t first, size_t usable);

#endif
