/*
 * The slow paths of heap_state.h: committing memory, checking the module.
 */
#include "config.h"

#include "memheap/heap_state.h"

#include <string.h>

enum {
    FILL_NEW = 0xA5
};

memheap_status_t memheap_verify(memheap_t *heap, const char *operation)
{
    memheap_status_t status = heap->module->ops->check(heap->module);
    if (status != MEMHEAP_OK)
        memheap_log_write(heap->log, MEMHEAP_LOG_ERROR,
                          "MEMHEAP_CHECK: the metadata of %s is corrupt after "
                          "%s; this is a bug in component %s",
                          heap->name, operation,
                          heap->framework.selected->name);
    return status;
}

static void ignore(void *context, memheap_log_level_t level,
                   const char *message)
{
    (void)context;
    (void)level;
    (void)message;
}

static const memheap_log_t silent = {ignore, NULL, MEMHEAP_LOG_ERROR};

/* In a guarded heap: bytes below an offset that take no memory, because they
 * are in no block. The block that is being placed is not counted yet. */
static size_t idle_below(const memheap_t *heap, size_t end)
{
    const memheap_module_t *module = heap->module;
    size_t taken =
        module->used + (heap_live_blocks(heap) + 1) * heap->region.unit;
    return end - memheap_min(end, taken);
}

memheap_status_t memheap_commit(memheap_t *heap, size_t end)
{
    memheap_region_t *region = &heap->region;
    size_t committed = region->committed;
    if (region->guarded && !heap->pinned)
        region->unused = idle_below(heap, end);
    memheap_status_t status =
        memheap_region_commit(region, end, heap->quiet ? &silent : heap->log);
    heap->commit_failed = status != MEMHEAP_OK;
    if (heap->guard != NULL && region->committed > committed)
        memheap_guard_committed(heap->guard, committed, region->committed);
    return status;
}

memheap_status_t memheap_back(memheap_t *heap, size_t offset, size_t end)
{
    memheap_region_t *region = &heap->region;
    memheap_status_t status = memheap_huge_pages_back(
        region, offset, end, heap->quiet ? &silent : heap->log);
    heap->commit_failed = status != MEMHEAP_OK;
    memheap_plan_backing(heap);
    return status;
}

void memheap_plan_backing(memheap_t *heap)
{
    const memheap_huge_pages_t *huge = &heap->region.huge;
    bool has_any = huge->unit > 0;
    heap->after_place = heap->after_place || huge->has_gaps;
    heap->back_at = has_any ? huge->next : SIZE_MAX;
    heap->back_size = huge->has_gaps ? huge->unit : SIZE_MAX;
}

memheap_status_t memheap_settle(memheap_t *heap, size_t offset, size_t asked,
                                size_t usable, size_t *dirty_p)
{
    size_t end = offset + usable;
    size_t used = offset + memheap_min(asked, usable);
    size_t high = heap->high_water;
    memheap_status_t status = MEMHEAP_OK;
    *dirty_p = end > high ? heap_dirty(heap, offset, usable, high) : usable;
    if (end > heap->region.committed)
        status = memheap_commit(heap, end);
    if (status == MEMHEAP_OK && heap_needs_backing(heap, used, used - offset))
        status = memheap_back(heap, offset, used);
    if (status != MEMHEAP_OK) {
        heap->module->ops->free(heap->module, offset);
        return status;
    }
    heap_raise_high_water(heap, end);
    if (heap->guard != NULL)
        memheap_guard_unprotect(heap->guard, offset, usable);
    if (heap->checks) {
        memset(heap->base + offset, FILL_NEW, usable);
        *dirty_p = usable;
    }
    return MEMHEAP_OK;
}
