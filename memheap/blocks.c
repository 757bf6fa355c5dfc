/*
 * Allocating and freeing single blocks.
 *
 * The fast path of an allocation and a free, from the public call to the
 * thread cache or the module, is here, in thread_cache.h and in block_ops.h.
 */
#include "config.h"

#include "memheap/blocks.h"
#include "memheap/block_ops.h"

#include <string.h>

/* Allocate a block with the lock of the heap. The arguments are checked. */
static memheap_status_t alloc_block(memheap_t *heap, size_t align, size_t size,
                                    char **block_p, size_t *dirty_p)
{
    size = heap_padded(heap, size);
    memheap_thread_cache_t *cache = NULL;
    if (heap_has_thread_caches(heap) && size <= THREAD_CACHE_MAX &&
        align == MEMHEAP_MIN_ALIGN)
        cache = memheap_thread_cache_mine(heap);
    size_t offset;
    heap_lock(heap);
    memheap_status_t status =
        cache != NULL
            ? memheap_thread_cache_refill(heap, cache, size, &offset, dirty_p)
            : heap_place(heap, align, size, &offset, dirty_p);
    if (MEMHEAP_LIKELY(status == MEMHEAP_OK)) {
        heap_count_alloc(heap, offset, size, align);
        *block_p = heap->base + offset;
    } else {
        heap_count_failure(heap, status);
    }
    heap_unlock(heap);
    return status;
}

static MEMHEAP_NOINLINE memheap_status_t alloc_general(memheap_t *heap,
                                                       size_t align,
                                                       size_t size,
                                                       void **block_p)
{
    char *block = NULL;
    size_t dirty;
    memheap_status_t status = alloc_block(heap, align, size, &block, &dirty);
    if (MEMHEAP_LIKELY(status == MEMHEAP_OK))
        *block_p = block;
    return status;
}

/* Allocate a block without the lock. @return NULL if that is not possible */
static MEMHEAP_INLINE char *pop_block(memheap_t *heap, size_t size)
{
    size_t offset;
    return MEMHEAP_LIKELY(size - 1 < THREAD_CACHE_MAX) &&
                   thread_cache_pop(&heap->thread_caches, size, &offset)
               ? heap->base + offset
               : NULL;
}

/* Allocate a block of a plain heap. */
static MEMHEAP_NOINLINE memheap_status_t alloc_plain(memheap_t *heap,
                                                     size_t align, size_t size,
                                                     void **block_p)
{
    size_t offset;
    size_t dirty;
    memheap_status_t status =
        heap_try_place(heap, true, align, size, &offset, &dirty);
    if (MEMHEAP_LIKELY(status == MEMHEAP_OK)) {
        heap->module->allocations++;
        *block_p = heap->base + offset;
    } else {
        heap_count_failure(heap, status);
    }
    return status;
}

/* Check the arguments, and allocate a block that is in no thread cache. */
static MEMHEAP_NOINLINE memheap_status_t alloc_checked(memheap_t *heap,
                                                       size_t align,
                                                       size_t size,
                                                       void **block_p)
{
    memheap_status_t status = heap_check_request(heap, &align, size);
    if (MEMHEAP_UNLIKELY(status != MEMHEAP_OK))
        return status;
    return MEMHEAP_LIKELY(heap->plain)
               ? alloc_plain(heap, align, size, block_p)
               : alloc_general(heap, align, size, block_p);
}

memheap_status_t memheap_alloc(memheap_t *heap, size_t size, void **block_p)
{
    if (heap->plain && size != 0)
        return alloc_plain(heap, MEMHEAP_MIN_ALIGN, size, block_p);
    char *block = pop_block(heap, size);
    if (MEMHEAP_UNLIKELY(block == NULL))
        return alloc_checked(heap, MEMHEAP_MIN_ALIGN, size, block_p);
    *block_p = block;
    return MEMHEAP_OK;
}

memheap_status_t memheap_alloc_aligned(memheap_t *heap, size_t align,
                                       size_t size, void **block_p)
{
    return align <= MEMHEAP_MIN_ALIGN && memheap_is_power_of_two(align)
               ? memheap_alloc(heap, size, block_p)
               : alloc_checked(heap, align, size, block_p);
}

memheap_status_t memheap_alloc_zeroed(memheap_t *heap, size_t count,
                                      size_t size, void **block_p)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return MEMHEAP_ERR_NO_MEMORY;
    char *block = pop_block(heap, total);
    size_t dirty = SIZE_MAX;
    if (block == NULL) {
        size_t align = MEMHEAP_MIN_ALIGN;
        memheap_status_t status = heap_check_request(heap, &align, total);
        if (status == MEMHEAP_OK)
            status = alloc_block(heap, align, total, &block, &dirty);
        if (status != MEMHEAP_OK)
            return status;
    }
    memset(block, 0, memheap_min(total, dirty));
    if (MEMHEAP_UNLIKELY(heap->guard != NULL))
        memheap_guard_mark_set(heap->guard, heap_offset_of(heap, block), total);
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
    if (heap_mark(heap, heap_offset_of(heap, block)) != 0)
        return heap_find_block(heap, block, size_p);
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

/* Free a block with the lock of the heap. */
static MEMHEAP_NOINLINE memheap_status_t free_block(memheap_t *heap,
                                                    const void *block)
{
    size_t offset = heap_offset_of(heap, block);
    memheap_thread_cache_t *cache = NULL;
    if (heap_mark(heap, offset) != 0)
        cache = memheap_thread_cache_mine(heap);
    heap_lock(heap);
    memheap_status_t status = MEMHEAP_OK;
    if (cache != NULL && heap_mark(heap, offset) > THREAD_LIVE)
        memheap_thread_cache_spill(heap, cache, offset);
    else
        status = heap_free_block(heap, false, block);
    heap_unlock(heap);
    return status;
}

static MEMHEAP_NOINLINE memheap_status_t free_or_report(memheap_t *heap,
                                                        const void *block)
{
    memheap_status_t status = memheap_release(heap, block);
    if (MEMHEAP_UNLIKELY(status == MEMHEAP_ERR_BAD_ADDRESS))
        return memheap_bad_address(heap, "memheap_free", block);
    return status;
}

memheap_status_t memheap_release(memheap_t *heap, const void *block)
{
    return MEMHEAP_LIKELY(heap->plain) ? heap_free_block(heap, true, block)
                                       : free_block(heap, block);
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
    if (block == NULL ||
        thread_cache_push(&heap->thread_caches, heap_offset_of(heap, block)))
        return MEMHEAP_OK;
    return free_or_report(heap, block);
}

void memheap_roll_back(memheap_t *heap, void *const *blocks, size_t count)
{
    heap_lock(heap);
    for (size_t i = 0; i < count; i++)
        heap_free_block(heap, false, blocks[i]);
    heap->module->allocations -= count;
    heap->module->frees -= count;
    heap->failures++;
    heap_unlock(heap);
}

/* As memheap_reserve(). The caller holds the lock. */
static memheap_status_t reserve(memheap_t *heap, size_t offset, size_t size)
{
    memheap_module_t *module = heap->module;
    memheap_thread_caches_empty(heap);
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
