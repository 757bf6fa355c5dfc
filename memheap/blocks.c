/*
 * Allocating and freeing single blocks.
 *
 * The fast path of an allocation and a free, from the public call to the
 * module, is here and in block_ops.h. If the module has thread ops, the fast
 * path bypasses the lock and the counters. An allocation that fails there is
 * tried again with exclusive use of the heap.
 */
#include "config.h"

#include "memheap/blocks.h"
#include "memheap/block_ops.h"

#include <string.h>

/* Commit and back the memory of a block, among other threads. */
static memheap_status_t commit_among_threads(memheap_t *heap, size_t offset,
                                             size_t asked, size_t usable)
{
    pthread_mutex_lock(&heap->lock);
    memheap_status_t status =
        memheap_region_commit(&heap->region, offset + usable, heap->log);
    size_t end = offset + memheap_min(asked, usable);
    if (status == MEMHEAP_OK && heap_needs_backing(heap, end, end - offset))
        status = memheap_back(heap, offset, end);
    atomic_store_explicit(&heap->thread_committed, heap->region.committed,
                          memory_order_release);
    pthread_mutex_unlock(&heap->lock);
    return status;
}

/* As alloc_block(), among other threads. MEMHEAP_ERR_BUSY: try again with
 * exclusive use of the heap. */
static MEMHEAP_NOINLINE memheap_status_t alloc_among_threads(
    memheap_t *heap, size_t align, size_t size, char **block_p, size_t *dirty_p)
{
    size_t offset;
    size_t usable;
    memheap_status_t status =
        heap->thread_ops->alloc(heap->module, align, size, &offset, &usable);
    if (status != MEMHEAP_OK)
        return status == MEMHEAP_ERR_NO_MEMORY ? MEMHEAP_ERR_BUSY : status;
    size_t end = offset + usable;
    size_t high = heap_high_water(heap);
    *dirty_p = end > high ? heap_dirty(heap, offset, usable, high) : usable;
    if (end > atomic_load_explicit(&heap->thread_committed,
                                   memory_order_acquire) ||
        heap_needs_backing(heap, end, size)) {
        status = commit_among_threads(heap, offset, size, usable);
        if (status != MEMHEAP_OK) {
            heap->thread_ops->undo(heap->module, offset);
            return status;
        }
    }
    while (end > high && !atomic_compare_exchange_weak_explicit(
                             &heap->high_water, &high, end,
                             memory_order_relaxed, memory_order_relaxed))
        continue;
    *block_p = heap->base + offset;
    return MEMHEAP_OK;
}

static memheap_status_t alloc_block(memheap_t *heap, size_t align, size_t size,
                                    char **block_p, size_t *dirty_p)
{
    memheap_status_t status = heap_check_request(heap, &align, size);
    if (status != MEMHEAP_OK)
        return status;
    if (MEMHEAP_UNLIKELY(heap->special)) {
        if (heap->thread_ops != NULL) {
            status = alloc_among_threads(heap, align, size, block_p, dirty_p);
            if (status != MEMHEAP_ERR_BUSY)
                return status;
        }
        size = heap_padded(heap, size);
    }
    size_t offset;
    heap_lock(heap);
    status = heap_place(heap, align, size, &offset, dirty_p);
    if (MEMHEAP_LIKELY(status == MEMHEAP_OK)) {
        heap_count_alloc(heap, offset, size, align);
        *block_p = heap->base + offset;
    } else {
        heap_count_failure(heap, status);
    }
    heap_unlock(heap);
    return status;
}

memheap_status_t memheap_alloc_aligned(memheap_t *heap, size_t align,
                                       size_t size, void **block_p)
{
    char *block;
    size_t dirty;
    memheap_status_t status = alloc_block(heap, align, size, &block, &dirty);
    if (MEMHEAP_LIKELY(status == MEMHEAP_OK))
        *block_p = block;
    return status;
}

memheap_status_t memheap_alloc(memheap_t *heap, size_t size, void **block_p)
{
    return memheap_alloc_aligned(heap, MEMHEAP_MIN_ALIGN, size, block_p);
}

memheap_status_t memheap_alloc_zeroed(memheap_t *heap, size_t count,
                                      size_t size, void **block_p)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return MEMHEAP_ERR_NO_MEMORY;
    char *block;
    size_t dirty;
    memheap_status_t status =
        alloc_block(heap, MEMHEAP_MIN_ALIGN, total, &block, &dirty);
    if (status != MEMHEAP_OK)
        return status;
    memset(block, 0, memheap_min(total, dirty));
    if (MEMHEAP_UNLIKELY(heap->guard != NULL))
        memheap_guard_zeroed(heap->guard, heap_offset_of(heap, block), total);
    *block_p = block;
    return MEMHEAP_OK;
}

/* The size of a block without its redzone. */
static size_t without_padding(const memheap_t *heap, const void *block,
                              size_t size)
{
    const memheap_record_t *record = memheap_records_find(
        &heap->events->records, heap_offset_of(heap, block));
    return record == NULL ? size - heap->padding : record->asked;
}

memheap_status_t memheap_find_block(memheap_t *heap, const void *block,
                                    size_t *size_p)
{
    if (heap->thread_ops != NULL) {
        size_t offset = heap_offset_of(heap, block);
        return heap->thread_ops->size_of(heap->module, offset, size_p);
    }
    heap_lock(heap);
    memheap_status_t status = heap_find_block(heap, block, size_p);
    if (MEMHEAP_UNLIKELY(heap->padding > 0) && status == MEMHEAP_OK)
        *size_p = without_padding(heap, block, *size_p);
    heap_leave(heap);
    return status;
}

memheap_status_t memheap_usable_size(memheap_t *heap, const void *block,
                                     size_t *size_p)
{
    memheap_status_t status = memheap_find_block(heap, block, size_p);
    if (status == MEMHEAP_ERR_BAD_ADDRESS)
        return memheap_bad_address(heap, "memheap_usable_size", block);
    return status;
}

/* Free a block among other threads. */
static MEMHEAP_INLINE memheap_status_t free_among_threads(memheap_t *heap,
                                                          const void *block)
{
    size_t offset = heap_offset_of(heap, block);
    size_t size = 0;
    if (MEMHEAP_UNLIKELY(heap->after_free) &&
        heap->thread_ops->size_of(heap->module, offset, &size) != MEMHEAP_OK)
        return MEMHEAP_ERR_BAD_ADDRESS;
    memheap_status_t status = heap->thread_ops->free(heap->module, offset);
    if (MEMHEAP_UNLIKELY(size > 0) && status == MEMHEAP_OK &&
        heap_count_freed(heap, size)) {
        heap_lock(heap);
        memheap_trim_after(heap, 0);
        heap_unlock(heap);
    }
    return status;
}

void *memheap_malloc(memheap_t *heap, size_t size)
{
    void *block;
    return memheap_alloc(heap, size, &block) == MEMHEAP_OK ? block : NULL;
}

void *memheap_calloc(memheap_t *heap, size_t count, size_t size)
{
    void *block;
    return memheap_alloc_zeroed(heap, count, size, &block) == MEMHEAP_OK ? block
                                                                         : NULL;
}

void *memheap_aligned_alloc(memheap_t *heap, size_t align, size_t size)
{
    void *block;
    return memheap_alloc_aligned(heap, align, size, &block) == MEMHEAP_OK
               ? block
               : NULL;
}

memheap_status_t memheap_free(memheap_t *heap, void *block)
{
    if (block == NULL)
        return MEMHEAP_OK;
    memheap_status_t status;
    if (MEMHEAP_UNLIKELY(heap->thread_ops != NULL)) {
        status = free_among_threads(heap, block);
    } else {
        heap_lock(heap);
        status = heap_free_block(heap, block);
        heap_unlock(heap);
    }
    if (MEMHEAP_UNLIKELY(status == MEMHEAP_ERR_BAD_ADDRESS))
        return memheap_bad_address(heap, "memheap_free", block);
    return status;
}

void memheap_roll_back(memheap_t *heap, void *const *blocks, size_t count)
{
    heap_lock(heap);
    for (size_t i = 0; i < count; i++)
        heap_free_block(heap, blocks[i]);
    heap->module->allocations -= count;
    heap->module->frees -= count;
    heap->failures++;
    heap_unlock(heap);
}

/* As memheap_reserve(). The caller holds the lock. */
static memheap_status_t reserve(memheap_t *heap, size_t offset, size_t size)
{
    memheap_module_t *module = heap->module;
    size_t used = module->used;
    memheap_status_t status = module->ops->reserve(module, offset, size);
    if (status != MEMHEAP_OK)
        return status;
    size_t dirty;
    status = memheap_settle(heap, offset, size, module->used - used, &dirty);
    if (status != MEMHEAP_OK)
        return status;
    heap->peak = memheap_max(heap->peak, module->used);
    return heap_verify(heap, "a reservation");
}

memheap_status_t memheap_reserve(memheap_t *heap, void *address, size_t size)
{
    size_t offset = heap_offset_of(heap, address);
    size_t range = heap->module->size;
    if (size == 0 || offset % MEMHEAP_MIN_ALIGN != 0 || offset >= range ||
        size > range - offset)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    if (heap->module->ops->reserve == NULL)
        return MEMHEAP_ERR_UNSUPPORTED;
    heap_lock(heap);
    memheap_status_t status = reserve(heap, offset, size);
    if (status == MEMHEAP_OK)
        heap_count_alloc(heap, offset, size + heap->padding, MEMHEAP_MIN_ALIGN);
    heap_unlock(heap);
    return status;
}
