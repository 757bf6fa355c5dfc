/*
 * Runs: blocks of whole fragments. First fit.
 */
#include "config.h"

#include "components/mempool/run.h"

memheap_status_t heads_ensure(mempool_t *p, size_t end)
{
    if (end <= p->head_count)
        return MEMHEAP_OK;
    memheap_status_t status =
        memheap_array_ensure(&p->heads, end * sizeof(uint64_t));
    if (status == MEMHEAP_OK)
        p->head_count = p->heads.committed / sizeof(uint64_t);
    return status;
}

/* Whether `count` fragments from `first` on are free, and their first `size`
 * bytes lie in the region. */
static bool fits(const mempool_t *p, size_t first, size_t count, size_t size)
{
    size_t left = p->module.size / FRAGMENT;
    if (first > left || size > p->module.size - first * FRAGMENT)
        return false;
    size_t end = fragments_end(&p->fragments, first);
    return end > first && end - first >= count;
}

/* The first aligned position in the lowest free runs below the top. At most
 * `limit` runs are examined. */
static size_t find_aligned(const mempool_t *p, size_t count, size_t size,
                           size_t align, size_t limit)
{
    size_t from = 0;
    for (size_t i = 0; i < limit; i++) {
        size_t run = fragments_find(&p->fragments, count, from);
        if (run == FRAGMENT_NONE)
            return FRAGMENT_NONE;
        size_t start = memheap_align_up(run, align);
        if (fits(p, start, count, size) && start < p->fragments.top)
            return start;
        from = fragments_end(&p->fragments, run);
    }
    return FRAGMENT_NONE;
}

size_t run_find(const mempool_t *p, size_t count, size_t size, size_t align)
{
    enum {
        FEW = 32
    };
    size_t run;
    if (align <= FRAGMENT) {
        run = fragments_find(&p->fragments, count, 0);
        if (run != FRAGMENT_NONE)
            return run;
        run = p->fragments.top;
        return fits(p, run, count, size) ? run : FRAGMENT_NONE;
    }
    align /= FRAGMENT;
    run = find_aligned(p, count, size, align, FEW);
    if (run != FRAGMENT_NONE)
        return run;
    run = fragments_find(&p->fragments, count + align - 1, 0);
    if (run != FRAGMENT_NONE)
        return memheap_align_up(run, align);
    run = memheap_align_up(p->fragments.top, align);
    if (fits(p, run, count, size))
        return run;
    return find_aligned(p, count, size, align, SIZE_MAX);
}

size_t run_mark(mempool_t *p, size_t first, size_t count)
{
    size_t usable =
        memheap_min(count * FRAGMENT, p->module.size - first * FRAGMENT);
    head_set(p, first, (uint64_t)usable << 2 | HEAD_RUN);
    return usable;
}

memheap_status_t run_alloc(mempool_t *p, size_t size, size_t align,
                           size_t *offset_p, size_t *usable_p)
{
    if (size > p->module.size)
        return MEMHEAP_ERR_NO_MEMORY;
    size_t count = fragments_for(size);
    size_t first = run_find(p, count, size, align);
    if (first == FRAGMENT_NONE)
        return MEMHEAP_ERR_NO_MEMORY;
    memheap_status_t status = heads_ensure(p, first + 1);
    if (status != MEMHEAP_OK)
        return status;
    fragments_take(&p->fragments, first, count);
    *offset_p = first * FRAGMENT;
    *usable_p = run_mark(p, first, count);
    return MEMHEAP_OK;
}

void run_free(mempool_t *p, size_t first, size_t usable)
{
    head_set(p, first, 0);
    fragments_give(&p->fragments, first, fragments_for(usable));
}
