/*
 * The inside of a heap: one module over one region, for the files that make up
 * the heap and for nobody else.
 *
 * A heap checks what its callers say, turns addresses into the module's
 * offsets and back, and does what touches memory: backing it, setting it to
 * zero, moving it. Rules that keep it right:
 *   - whatever a module hands out is backed before the caller gets it; a block
 *     that cannot be backed goes back to the module;
 *   - `high` is the end of the highest block ever handed out: behind it lies
 *     zeroed memory if the heap reserved the region itself;
 *   - the placement of a block never depends on what is backed.
 *
 * A heap of several threads has a lock. Where the module is made for threads,
 * blocks come and go without it: the module says where, and what is left to do
 * here is done by atomic operations. A thread raises `high` over its block
 * before it has the block, so that whoever gets the place after it knows; and
 * `ready`, which `high` never passes, is what the region has backed. All else
 * takes the lock and stops the module's other threads.
 *
 * What each allocation and free goes through is inline here; what is seldom is
 * declared above it, and lies in the file named there.
 */
#ifndef MEMHEAP_HEAP_INTERNAL_H
#define MEMHEAP_HEAP_INTERNAL_H

#include "memheap/heap.h"
#include "memheap/dependents.h"
#include "memheap/debug/stats_page.h"
#include "memheap/debug/guard.h"
#include "memheap/debug/events.h"
#include "base/util.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    MEMHEAP_NAME_SIZE = 48
};

struct memheap {
    memheap_module_t *module;
    const memheap_thread_ops_t *thread_ops; /* NULL: all calls take the lock */
    memheap_events_t *notes;                /* NULL: nobody wants to know */
    memheap_stats_export_t *gauge;          /* NULL: nobody can see */
    memheap_guard_t *guard;                 /* NULL: nobody watches */
    char *base;
    _Atomic size_t high;
    _Atomic size_t ready; /* where there is `shared` */
    size_t peak;
    uint64_t resizes, failures;
    size_t max_align;
    size_t padding; /* bytes that blocks have more than is asked for */
    size_t lead;    /* of the caller's range that cannot be guarded */
    bool locks;
    bool ends; /* there is something to do when a call ends: unlock, or show */
    bool checks;
    bool special;       /* `shared` or `padding` is there */
    bool after_place;   /* there is something to do when a place is found */
    bool of_job;        /* others report on it */
    bool pinned;        /* pages never go back */
    bool after_free;    /* there is something to do after a free */
    bool commit_failed; /* the last place that was found could not be backed, */
    bool quiet;         /* of which nothing is said */
    size_t trim;        /* MEMHEAP_TRIM; 0: pages go back when asked */
    _Atomic size_t due; /* bytes to be freed until they do, */
    _Atomic size_t freed; /* and those that were */
    pthread_mutex_t lock;
    memheap_region_t region;
    const memheap_log_t *log;
    const memheap_memory_t *memory;
    char name[MEMHEAP_NAME_SIZE];
    memheap_framework_t framework;
    memheap_dependents_t dependents;
};

_Static_assert(sizeof(struct memheap) < 1024,
               "a program may have many heaps, and each has a page");

/* None of these is for the users of the library. */
#pragma GCC visibility push(hidden)

/* heap_inside.c; for callers that hold the lock. */

/* Stop the module's other threads, and let them go on: of heap_lock(). */
void memheap_stop_threads(memheap_t *heap);
void memheap_resume_threads(memheap_t *heap);

/* Test the module; say which operation broke it. */
memheap_status_t memheap_verify(memheap_t *heap, const char *operation);

/* Back the region up to the end of a place that the module found. */
memheap_status_t memheap_commit(memheap_t *heap, size_t end);

/* Let the end of a block just handed out be the new high; the block goes back
 * to the module if that fails. */
memheap_status_t memheap_raise_high_water(memheap_t *heap, size_t offset,
                                          size_t end);

/* Open a block's memory, and fill it. */
void memheap_finish_place(memheap_t *heap, size_t offset, size_t usable,
                          size_t *dirty_p);

/* trim.c; for callers that hold the lock. */

/* Have pages go back by themselves after so many bytes; 0: never. */
void memheap_set_trim(memheap_t *heap, size_t trim);

/* Bytes were freed: give pages back if that is due. */
void memheap_trim_after(memheap_t *heap, size_t size);

/* Fill the memory of a block that was freed, and close it. */
memheap_status_t memheap_finish_free(memheap_t *heap, size_t offset,
                                     size_t size);

/* look.c */

/* Let others see what the heap has come to; the caller holds the lock. */
void memheap_publish_stats(memheap_t *heap);

/* Log what lies at a wrong address; the caller does not hold the lock.
 * @return MEMHEAP_ERR_BAD_ADDRESS */
memheap_status_t memheap_bad_address(memheap_t *heap, const char *call,
                                     const void *address);

#pragma GCC visibility pop

static inline size_t heap_high_water(const memheap_t *heap)
{
    return atomic_load_explicit(&heap->high, memory_order_relaxed);
}

static inline void heap_set_high_water(memheap_t *heap, size_t high)
{
    atomic_store_explicit(&heap->high, high, memory_order_relaxed);
}

/* Be alone with the heap. */
static inline void heap_lock(memheap_t *heap)
{
    if (!heap->locks)
        return;
    pthread_mutex_lock(&heap->lock);
    if (heap->thread_ops != NULL)
        memheap_stop_threads(heap);
}

/* Let others be, after a call that has changed nothing. */
static inline void heap_leave(memheap_t *heap)
{
    if (!heap->locks)
        return;
    if (heap->thread_ops != NULL)
        memheap_resume_threads(heap);
    pthread_mutex_unlock(&heap->lock);
}

static inline void heap_unlock(memheap_t *heap)
{
    if (!heap->ends)
        return;
    if (MEMHEAP_UNLIKELY(heap->gauge != NULL))
        memheap_publish_stats(heap);
    heap_leave(heap);
}

/* The offset of an address; at least the region's size if it lies outside. */
static inline size_t heap_offset_of(const memheap_t *heap, const void *address)
{
    return (size_t)((uintptr_t)address - (uintptr_t)heap->base);
}

/* In check mode, test the module after an operation. */
static inline memheap_status_t heap_verify(memheap_t *heap,
                                           const char *operation)
{
    return MEMHEAP_LIKELY(!heap->checks) ? MEMHEAP_OK
                                         : memheap_verify(heap, operation);
}

/* Whether the arguments of an allocation make sense; raises a small align. */
static inline memheap_status_t heap_check_request(const memheap_t *heap,
                                                  size_t *align_p, size_t size)
{
    if (size == 0 || !memheap_is_power_of_two(*align_p) ||
        *align_p > heap->max_align)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    *align_p = memheap_max(*align_p, MEMHEAP_MIN_ALIGN);
    return MEMHEAP_OK;
}

/* Bytes to place for those that are asked for; SIZE_MAX cannot be had. */
static inline size_t heap_padded(const memheap_t *heap, size_t size)
{
    return size > SIZE_MAX - heap->padding ? SIZE_MAX : size + heap->padding;
}

/* Have the module place a block, and back it. *dirty_p is how many of its
 * bytes may be other than zero. The caller holds the lock. */
static MEMHEAP_INLINE memheap_status_t heap_place(memheap_t *heap, size_t align,
                                                  size_t size, size_t *offset_p,
                                                  size_t *dirty_p)
{
    memheap_module_t *module = heap->module;
    size_t used = module->used;
    memheap_result_t answer = module->ops->alloc(module, align, size);
    if (MEMHEAP_UNLIKELY(answer.status != MEMHEAP_OK))
        return answer.status;
    size_t offset = answer.bytes;
    size_t usable = module->used - used;
    size_t end = offset + usable;
    size_t high = heap_high_water(heap);
    *dirty_p = usable;
    if (MEMHEAP_UNLIKELY(end > high)) {
        *dirty_p = high - memheap_min(high, offset);
        memheap_status_t status = memheap_raise_high_water(heap, offset, end);
        if (status != MEMHEAP_OK)
            return status;
    }
    if (module->used > heap->peak)
        heap->peak = module->used;
    if (MEMHEAP_UNLIKELY(heap->after_place))
        memheap_finish_place(heap, offset, usable, dirty_p);
    *offset_p = offset;
    return heap_verify(heap, "an allocation");
}

/* Usable bytes of a live block. */
static inline size_t heap_usable_at(const memheap_t *heap, size_t offset)
{
    size_t usable = 0;
    heap->module->ops->size_of(heap->module, offset, &usable);
    return usable;
}

/* An allocation of size bytes, with padding, is done: the caller will have the
 * block. */
static MEMHEAP_INLINE void heap_count_alloc(memheap_t *heap, size_t offset,
                                            size_t size, size_t align)
{
    uint64_t number = ++heap->module->allocations;
    if (MEMHEAP_UNLIKELY(heap->notes != NULL))
        memheap_events_alloc(heap->notes, offset, heap_usable_at(heap, offset),
                             size - heap->padding, align, number);
}

/* Blocks that callers have. */
static inline size_t heap_live_blocks(const memheap_t *heap)
{
    return (size_t)(heap->module->allocations - heap->module->frees);
}

/* A call failed, if for want of memory. */
static inline void heap_count_failure(memheap_t *heap, memheap_status_t status)
{
    if (status == MEMHEAP_ERR_NO_MEMORY || status == MEMHEAP_ERR_NO_METADATA)
        heap->failures++;
}

/* As memheap_find_block(), for a caller that holds the lock. */
static inline memheap_status_t
heap_find_block(const memheap_t *heap, const void *block, size_t *size_p)
{
    return heap->module->ops->size_of(heap->module, heap_offset_of(heap, block),
                                      size_p);
}

/* Count bytes that were freed. @return whether pages are to go back */
static inline bool heap_count_freed(memheap_t *heap, size_t size)
{
    size_t freed =
        atomic_fetch_add_explicit(&heap->freed, size, memory_order_relaxed);
    return freed + size >=
           atomic_load_explicit(&heap->due, memory_order_relaxed);
}

/* Free a block; the caller holds the lock. */
static MEMHEAP_INLINE memheap_status_t heap_release(memheap_t *heap,
                                                    const void *block)
{
    memheap_module_t *module = heap->module;
    size_t offset = heap_offset_of(heap, block);
    size_t used = module->used;
    memheap_status_t status = module->ops->free(module, offset);
    if (MEMHEAP_UNLIKELY(heap->after_free) && status == MEMHEAP_OK)
        status = memheap_finish_free(heap, offset, used - module->used);
    return status;
}

/* The same for a block that the caller had, and not only the heap. */
static MEMHEAP_INLINE memheap_status_t heap_free_block(memheap_t *heap,
                                                       const void *block)
{
    size_t used = heap->module->used;
    memheap_status_t status = heap_release(heap, block);
    if (MEMHEAP_UNLIKELY(status != MEMHEAP_OK))
        return status;
    heap->module->frees++;
    if (MEMHEAP_UNLIKELY(heap->notes != NULL))
        memheap_events_free(heap->notes, heap_offset_of(heap, block),
                            used - heap->module->used);
    return MEMHEAP_OK;
}

#endif
