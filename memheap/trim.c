/*
 * What happens to memory that blocks leave: it is filled and closed in check
 * and guard mode, and its pages return to the system.
 *
 * Trimming does not change the module, and leaves pinned ranges alone. It
 * happens on request, or under MEMHEAP_TRIM when enough bytes were freed since
 * the last time. On request, it splits huge pages that are free in part; by
 * itself, a heap splits those that are free for a half or more.
 */
#include "config.h"

#include "memheap/trim.h"

#include <string.h>

enum {
    FILL_FREED = 0xDD
};

/* The shortest run of free pages that is returned. The system call for 16 pages
 * costs a tenth of touching them again. */
static const size_t least_run = 64 * MEMHEAP_KIB;

void memheap_set_trim(memheap_t *heap, size_t trim)
{
    heap->trim = trim;
    heap->after_free = heap->checks || trim > 0 || heap->guard != NULL;
    heap->trim_at = trim;
}

/* A walk that returns the pages of free space. The module may keep free
 * neighbours apart, so the walk joins them into runs. */
typedef struct trimming {
    memheap_t *heap;
    size_t least;
    bool splits;  /* also what is a small part of a huge page */
    size_t start; /* of the run of free blocks that the walk is in */
    size_t end;
    memheap_status_t status;
} trimming_t;

static bool trim_run(trimming_t *t)
{
    memheap_region_t *region = &t->heap->region;
    size_t start = t->start;
    size_t end = memheap_min(t->end, t->heap->high_water);
    if (!t->splits)
        memheap_huge_pages_clip(region, &start, &end);
    if (start >= end)
        return true;
    t->status =
        memheap_region_purge(region, start, end, t->least, t->heap->log);
    if (region->huge.unit > 0 && end - start >= t->least) {
        region->huge.has_gaps = true;
        memheap_plan_backing(t->heap);
    }
    return t->status == MEMHEAP_OK;
}

static bool trim_extent(void *context, const memheap_extent_t *extent)
{
    trimming_t *t = context;
    size_t end = extent->offset + extent->size;
    if (extent->live) {
        bool goes_on = trim_run(t) && end < t->heap->high_water;
        t->start = t->end = end;
        return goes_on;
    }
    t->end = end;
    return end < t->heap->high_water;
}

/* Return the pages of free space. The caller holds the lock. The next automatic
 * trim comes after an eighth of the used bytes was freed, so the walk over all
 * blocks costs a constant time for each freed block. */
static memheap_status_t trim(memheap_t *heap, size_t least, bool splits)
{
    trimming_t trimming = {
        .heap = heap, .least = least, .splits = splits, .status = MEMHEAP_OK};
    heap->module->ops->walk(heap->module, trim_extent, &trimming);
    trim_run(&trimming);
    heap->trim_at = memheap_max(heap->trim, heap->module->used / 8);
    heap->freed = 0;
    return trimming.status;
}

/* A system that refuses pages has logged the cause. It is not asked again. */
void memheap_trim_after(memheap_t *heap, size_t size)
{
    heap->freed += size;
    if (heap->trim > 0 && heap->freed >= heap->trim_at &&
        trim(heap, least_run, false) != MEMHEAP_OK)
        memheap_set_trim(heap, 0);
}

memheap_status_t memheap_finish_free(memheap_t *heap, size_t offset,
                                     size_t size)
{
    if (heap->checks && heap->guard != NULL)
        memheap_guard_unprotect(heap->guard, offset, size);
    if (heap->checks)
        memset(heap->base + offset, FILL_FREED, size);
    if (heap->guard != NULL)
        memheap_guard_protect(heap->guard, offset, size, heap->pinned);
    memheap_trim_after(heap, size);
    return heap_verify(heap, "a free");
}

memheap_status_t memheap_trim(memheap_t *heap, size_t least)
{
    if (heap->pinned)
        return MEMHEAP_ERR_UNSUPPORTED;
    if (heap->region.guarded)
        return MEMHEAP_OK; /* free space has no pages */
    heap_lock(heap);
    memheap_thread_caches_empty(heap);
    memheap_status_t status = trim(heap, least == 0 ? least_run : least, true);
    heap_leave(heap);
    return status;
}
