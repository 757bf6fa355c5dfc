/*
 * Several blocks in one call: all or none.
 *
 * An allocation places the blocks one by one, and returns them if one fails. A
 * free first checks all addresses in ascending order, in which an address that
 * appears twice is next to itself.
 */
#include "config.h"

#include "memheap/batch.h"
#include "memheap/block_ops.h"

#include <stdlib.h>
#include <string.h>

enum {
    BATCH_ON_STACK = 128
};

/* All blocks of a batch have the call site that the program states, which the
 * event hooks of one block use up. */
static inline void state_again(const memheap_t *heap,
                               memheap_stated_site_t site)
{
    if (MEMHEAP_UNLIKELY(heap->events != NULL))
        memheap_at(site.file, site.line);
}

memheap_status_t memheap_alloc_batch(memheap_t *heap, size_t count,
                                     size_t align, const size_t *sizes,
                                     void **blocks)
{
    memheap_status_t status = MEMHEAP_OK;
    for (size_t i = 0; i < count && status == MEMHEAP_OK; i++)
        status = heap_check_request(heap, &align, sizes[i]);
    if (status != MEMHEAP_OK)
        return status;
    size_t done = 0;
    heap_lock(heap);
    size_t peak = heap->peak;
    for (; done < count; done++) {
        size_t offset = 0;
        size_t dirty;
        status = heap_place(heap, align, heap_padded(heap, sizes[done]),
                            &offset, &dirty);
        if (status != MEMHEAP_OK)
            break;
        blocks[done] = heap->base + offset;
    }
    if (status != MEMHEAP_OK) {
        while (done-- > 0)
            heap_release(heap, false, blocks[done]);
        heap->peak = peak;
        heap_count_failure(heap, status);
    }
    memheap_stated_site_t site = memheap_stated_site();
    for (size_t i = 0; i < count && status == MEMHEAP_OK; i++) {
        state_again(heap, site);
        heap_count_alloc(heap, heap_offset_of(heap, blocks[i]),
                         heap_padded(heap, sizes[i]), align);
    }
    heap_unlock(heap);
    return status;
}

static int compare_addresses(const void *a, const void *b)
{
    uintptr_t left = (uintptr_t) * (void *const *)a;
    uintptr_t right = (uintptr_t) * (void *const *)b;
    return (left > right) - (left < right);
}

/* The first address that is no live block or appears twice; NULL if all can be
 * freed. Sorts the addresses, unless they are sorted already, as is common. */
static const void *find_bad(const memheap_t *heap, void **blocks, size_t count)
{
    size_t ordered = 1;
    while (ordered < count &&
           (uintptr_t)blocks[ordered - 1] <= (uintptr_t)blocks[ordered])
        ordered++;
    if (ordered < count)
        qsort(blocks, count, sizeof(*blocks), compare_addresses);
    for (size_t i = 0; i < count; i++) {
        size_t size;
        if (blocks[i] == NULL)
            continue;
        if ((i > 0 && blocks[i] == blocks[i - 1]) ||
            heap_find_block(heap, blocks[i], &size) != MEMHEAP_OK)
            return blocks[i];
    }
    return NULL;
}

/* Whether all addresses can be freed. The caller holds the lock. */
static memheap_status_t check_batch(const memheap_t *heap, size_t count,
                                    void *const *blocks, const void **bad_p)
{
    void *few[BATCH_ON_STACK];
    void **sorted = few;
    size_t bytes = count * sizeof(*sorted);
    if (count == 0)
        return MEMHEAP_OK;
    if (count > BATCH_ON_STACK)
        sorted = memheap_memory_new(heap->memory, bytes);
    if (sorted == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    memcpy(sorted, blocks, bytes);
    const void *bad = find_bad(heap, sorted, count);
    if (sorted != few)
        memheap_memory_delete(heap->memory, sorted, bytes);
    if (bad == NULL)
        return MEMHEAP_OK;
    *bad_p = bad;
    return MEMHEAP_ERR_BAD_ADDRESS;
}

memheap_status_t memheap_find_batch(memheap_t *heap, size_t count,
                                    void *const *blocks, const void **bad_p)
{
    heap_lock(heap);
    memheap_status_t status = check_batch(heap, count, blocks, bad_p);
    heap_unlock(heap);
    return status;
}

memheap_status_t memheap_free_batch(memheap_t *heap, size_t count,
                                    void *const *blocks)
{
    const void *bad = NULL;
    heap_lock(heap);
    memheap_status_t status = check_batch(heap, count, blocks, &bad);
    memheap_stated_site_t site = memheap_stated_site();
    for (size_t i = 0; i < count && status == MEMHEAP_OK; i++) {
        state_again(heap, site);
        if (blocks[i] != NULL)
            status = heap_free_block(heap, false, blocks[i]);
    }
    heap_unlock(heap);
    return bad == NULL ? status
                       : memheap_bad_address(heap, "memheap_free_batch", bad);
}
