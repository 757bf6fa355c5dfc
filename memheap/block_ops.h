/*
 * The steps of an allocation and a free that all calls for blocks share. The
 * caller holds the lock. Steps with an argument `plain` are inlined into the
 * fast path of a plain heap, where it is true, and so leave out what such a
 * heap has not.
 */
#ifndef MEMHEAP_BLOCK_OPS_H
#define MEMHEAP_BLOCK_OPS_H

#include "memheap/heap_state.h"
#include "memheap/inspect.h"
#include "memheap/trim.h"

/* Check the arguments of an allocation, and raise a small alignment. */
static inline memheap_status_t heap_check_request(const memheap_t *heap,
                                                  size_t *align_p, size_t size)
{
    if (size == 0 || !memheap_is_power_of_two(*align_p) ||
        *align_p > heap->max_align)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    *align_p = memheap_max(*align_p, MEMHEAP_MIN_ALIGN);
    return MEMHEAP_OK;
}

/* Let the module place a block, and commit it. *dirty_p takes how many of its
 * bytes, from the first, may not be zero. */
static MEMHEAP_INLINE memheap_status_t heap_try_place(memheap_t *heap,
                                                      bool plain, size_t align,
                                                      size_t size,
                                                      size_t *offset_p,
                                                      size_t *dirty_p)
{
    memheap_module_t *module = heap->module;
    size_t used = module->used;
    memheap_result_t answer = module->ops->alloc(module, align, size);
    if (MEMHEAP_UNLIKELY(answer.status != MEMHEAP_OK))
        return answer.status;
    size_t offset = answer.bytes;
    size_t usable = module->used - used;
    *dirty_p = usable;
    if (MEMHEAP_UNLIKELY(offset + usable > heap->high_water ||
                         (!plain && heap->after_place))) {
        memheap_status_t status =
            memheap_settle(heap, offset, size, usable, dirty_p);
        if (status != MEMHEAP_OK)
            return status;
    }
    if (module->used > heap->peak)
        heap->peak = module->used;
    *offset_p = offset;
    return plain ? MEMHEAP_OK : heap_verify(heap, "an allocation");
}

/* The same; a full heap takes the blocks of the thread caches first. */
static inline memheap_status_t heap_place(memheap_t *heap, size_t align,
                                          size_t size, size_t *offset_p,
                                          size_t *dirty_p)
{
    memheap_status_t status =
        heap_try_place(heap, false, align, size, offset_p, dirty_p);
    if (MEMHEAP_UNLIKELY(status == MEMHEAP_ERR_NO_MEMORY) &&
        heap_has_thread_caches(heap) && memheap_thread_caches_empty(heap))
        status = heap_try_place(heap, false, align, size, offset_p, dirty_p);
    return status;
}

/* Count an allocation of size bytes, padding included, once it is certain. */
static MEMHEAP_INLINE void heap_count_alloc(memheap_t *heap, size_t offset,
                                            size_t size, size_t align)
{
    uint64_t number = ++heap->module->allocations;
    if (MEMHEAP_UNLIKELY(heap->events != NULL))
        memheap_events_alloc(heap->events, offset, heap_usable_at(heap, offset),
                             size - heap->padding, align, number);
}

/* Count a call that failed for lack of memory. */
static inline void heap_count_failure(memheap_t *heap, memheap_status_t status)
{
    if (status == MEMHEAP_ERR_NO_MEMORY || status == MEMHEAP_ERR_NO_METADATA)
        heap->failures++;
}

/* Return a block to the module. If it has a class, it loses that. */
static MEMHEAP_INLINE memheap_status_t heap_release(memheap_t *heap, bool plain,
                                                    const void *block)
{
    memheap_module_t *module = heap->module;
    size_t offset = heap_offset_of(heap, block);
    size_t used = module->used;
    unsigned mark = plain ? 0 : heap_mark(heap, offset);
    if (MEMHEAP_UNLIKELY(mark != 0)) {
        if (mark < THREAD_LIVE)
            return MEMHEAP_ERR_BAD_ADDRESS;
        thread_set_mark(&heap->thread_caches, offset, 0);
    }
    memheap_status_t status = module->ops->free(module, offset);
    if (!plain && MEMHEAP_UNLIKELY(heap->after_free) && status == MEMHEAP_OK)
        status = memheap_finish_free(heap, offset, used - module->used);
    return status;
}

/* Free a block that a caller had: return it, and count it. */
static MEMHEAP_INLINE memheap_status_t heap_free_block(memheap_t *heap,
                                                       bool plain,
                                                       const void *block)
{
    size_t used = heap->module->used;
    memheap_status_t status = heap_release(heap, plain, block);
    if (MEMHEAP_UNLIKELY(status != MEMHEAP_OK))
        return status;
    heap->module->frees++;
    if (!plain && MEMHEAP_UNLIKELY(heap->events != NULL))
        memheap_events_free(heap->events, heap_offset_of(heap, block),
                            used - heap->module->used);
    return MEMHEAP_OK;
}

#endif
