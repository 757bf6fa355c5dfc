/*
 * The struct of a heap, and the steps that its calls are made of. For the files
 * of this folder alone.
 *
 * A heap checks the arguments of its callers, translates between addresses and
 * the module's offsets, and does what touches memory: committing it, zeroing
 * it, moving it. Invariants:
 *   - a block is committed before the caller gets it; a block that cannot be
 *     committed is returned to the module;
 *   - high_water is the end of the highest block so far. Memory above it is
 *     zero if the heap reserved the region itself;
 *   - placement never depends on what is committed.
 *
 *     base              high_water    region.committed      module->size
 *      |  live and free  |    zero     |     no access       |
 *
 * A heap that several threads use has a lock. Unless its calls have to be in
 * one order, it has thread caches (thread_cache.h), and most allocations and
 * frees of small blocks take no lock. Calls that look at all blocks take the
 * lock and stop the caches.
 *
 * Files include this one in layers: inspect.c and trim.c use only what is here;
 * block_ops.h adds their work to the steps of an allocation and a free.
 */
#ifndef MEMHEAP_HEAP_STATE_H
#define MEMHEAP_HEAP_STATE_H

#include "memheap/dependents.h"
#include "memheap/heap.h"
#include "memheap/thread_cache.h"
#include "memheap/debug/events.h"
#include "memheap/debug/guard_pages.h"
#include "memheap/debug/stats_page.h"
#include "base/framework.h"
#include "base/util.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    MEMHEAP_NAME_SIZE = 48
};

struct memheap {
    memheap_module_t *module;
    memheap_events_t *events;             /* NULL: no event hooks */
    memheap_stats_export_t *stats_export; /* NULL: not exported */
    memheap_guard_t *guard;               /* NULL: access is not checked */
    char *base;
    memheap_thread_caches_t thread_caches;
    _Atomic size_t high_water;
    /* A block that ends at back_at or above, or has back_size bytes or more, is
     * to be backed with huge pages. */
    size_t back_at;
    size_t back_size;
    size_t peak;
    uint64_t resizes;
    uint64_t failures;
    size_t max_align;
    size_t padding; /* bytes of the redzone behind each block */
    size_t lead;    /* bytes at the start of the caller's range that are no
                       whole page, in a guarded heap */
    bool locks;     /* the heap has a lock */
    bool has_end;   /* a call ends with an unlock or an export */
    bool checks;    /* MEMHEAP_CHECK */
    /* No lock, padding, event hooks, checks or exported statistics, and nothing
     * to do after a free. */
    bool plain;
    bool after_place;   /* every placement is to be settled */
    bool after_free;    /* there is work after a free */
    bool of_job;        /* the job reports on the heap */
    bool pinned;        /* pages are never returned to the system */
    bool commit_failed; /* the last placement could not be committed */
    bool quiet;         /* do not log a failed commit */
    size_t trim;        /* MEMHEAP_TRIM; 0: trim on request only */
    size_t trim_at;     /* trim when `freed` reaches it */
    size_t freed;       /* bytes freed since the last trim */
    pthread_mutex_t lock;
    memheap_t *next_heap; /* in the list of process.h */
    memheap_region_t region;
    memheap_peer_windows_t windows;
    const memheap_log_t *log;
    const memheap_memory_t *memory;
    char name[MEMHEAP_NAME_SIZE];
    memheap_framework_t framework;
    memheap_dependents_t dependents;
};

_Static_assert(sizeof(struct memheap) < 1024, "a heap has no large tables");

#pragma GCC visibility push(hidden)

/* The slow paths of the steps below. The caller holds the lock. */

/* Check the module, and log the operation that broke it. */
memheap_status_t memheap_verify(memheap_t *heap, const char *operation);

/* Commit the region up to an offset. */
memheap_status_t memheap_commit(memheap_t *heap, size_t end);

/* Do what a placement calls for: commit the block, back it with huge pages up
 * to what its caller asked for, raise high_water, and open it to accesses. In
 * check mode, fill it. *dirty_p takes how many of its bytes may not be zero. On
 * failure, the block returns to the module. */
memheap_status_t memheap_settle(memheap_t *heap, size_t offset, size_t asked,
                                size_t usable, size_t *dirty_p);

/* Back a block with huge pages, up to `end`. Its memory is committed and not
 * used yet. */
memheap_status_t memheap_back(memheap_t *heap, size_t offset, size_t end);

/* Learn from the region which blocks are to be backed from now on. */
void memheap_plan_backing(memheap_t *heap);

#pragma GCC visibility pop

/* How many bytes of a block may not be zero: those below the high-water mark,
 * and all in memory of the caller. For a block that ends above the mark. */
static inline size_t heap_dirty(const memheap_t *heap, size_t offset,
                                size_t usable, size_t high)
{
    return heap->region.kind == MEMHEAP_REGION_FOREIGN
               ? usable
               : high - memheap_min(high, offset);
}

static inline void heap_raise_high_water(memheap_t *heap, size_t end)
{
    if (end > heap->high_water)
        atomic_store_explicit(&heap->high_water, end, memory_order_relaxed);
}

/* Whether a block has to be backed. */
static inline bool heap_needs_backing(const memheap_t *heap, size_t end,
                                      size_t size)
{
    return end >= heap->back_at || size >= heap->back_size;
}

/* Get exclusive use of the heap, but for its thread caches. */
static inline void heap_lock(memheap_t *heap)
{
    if (heap->locks)
        pthread_mutex_lock(&heap->lock);
}

/* End it, after a call that changed no statistics. */
static inline void heap_leave(memheap_t *heap)
{
    if (!heap->locks)
        return;
    if (MEMHEAP_UNLIKELY(heap->thread_caches.stopped))
        memheap_thread_caches_resume(heap);
    pthread_mutex_unlock(&heap->lock);
}

static inline bool heap_has_thread_caches(const memheap_t *heap)
{
    return heap->thread_caches.id != THREAD_CACHES_NONE;
}

/* The offset of an address. At least the region's size if it lies outside. */
static inline size_t heap_offset_of(const memheap_t *heap, const void *address)
{
    return (size_t)((uintptr_t)address - (uintptr_t)heap->base);
}

/* In check mode, check the module after an operation. */
static inline memheap_status_t heap_verify(memheap_t *heap,
                                           const char *operation)
{
    return MEMHEAP_LIKELY(!heap->checks) ? MEMHEAP_OK
                                         : memheap_verify(heap, operation);
}

/* Bytes to place for a size: with its redzone. SIZE_MAX never fits. */
static inline size_t heap_padded(const memheap_t *heap, size_t size)
{
    return size > SIZE_MAX - heap->padding ? SIZE_MAX : size + heap->padding;
}

/* Usable bytes of a live block. */
static inline size_t heap_usable_at(const memheap_t *heap, size_t offset)
{
    size_t usable = 0;
    heap->module->ops->size_of(heap->module, offset, &usable);
    return usable;
}

/* Number of blocks that callers have, in a heap without thread caches. */
static inline size_t heap_live_blocks(const memheap_t *heap)
{
    return (size_t)(heap->module->allocations - heap->module->frees);
}

/* What the thread caches know of the block at an offset (thread_mark()). */
static inline unsigned heap_mark(const memheap_t *heap, size_t offset)
{
    return heap_has_thread_caches(heap)
               ? thread_mark(&heap->thread_caches, offset)
               : 0;
}

/* As memheap_find_block(). The caller holds the lock. */
static inline memheap_status_t
heap_find_block(const memheap_t *heap, const void *block, size_t *size_p)
{
    size_t offset = heap_offset_of(heap, block);
    unsigned mark = heap_mark(heap, offset);
    if (mark == 0)
        return heap->module->ops->size_of(heap->module, offset, size_p);
    if (mark < THREAD_LIVE)
        return MEMHEAP_ERR_BAD_ADDRESS;
    *size_p = thread_class_size(mark & THREAD_CLASS);
    return MEMHEAP_OK;
}

#endif
