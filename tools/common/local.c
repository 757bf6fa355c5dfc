/*
 * Replays a trace through libmemheap.
 *
 * The heap is single-threaded. The times therefore include the allocator, the
 * checks of the heap, and a few ns of the replay loop. No block is accessed
 * except when a resize copies it.
 */
#include "config.h"

#include "tools/common/local.h"
#include "base/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum {
    TIMED_PASSES = 3,
    /* The search gives up at this multiple of the footprint. */
    SEARCH_FACTOR = 4
};

static void quiet_sink(void *context, memheap_log_level_t level,
                       const char *message)
{
    (void)context;
    (void)level;
    (void)message;
}

const memheap_log_t local_quiet_log = {quiet_sink, NULL, MEMHEAP_LOG_ERROR};

memheap_status_t local_open(local_t *local, const char *component,
                            const trace_t *trace, local_range_t range,
                            block_t *blocks, const memheap_log_t *log)
{
    *local = (local_t){.trace = trace, .blocks = blocks};
    snprintf(local->component, sizeof(local->component), "MEMHEAP_COMPONENT=%s",
             component);
    local->params[0] = local->component;
    memheap_config_t config = {.name = "replay",
                               .base = range.base,
                               .size = range.size,
                               .flags = MEMHEAP_SINGLE_THREADED,
                               .params = local->params,
                               .log = log};
    memheap_status_t status = memheap_create(&config, &local->heap);
    if (status == MEMHEAP_OK)
        local->high = memheap_base(local->heap);
    return status;
}

void local_close(local_t *local)
{
    memset(local->blocks, 0, local->trace->slots * sizeof(*local->blocks));
    memheap_destroy(local->heap);
}

/* Execute one operation. If it fails, the block does not change. */
static memheap_status_t step(memheap_t *heap, const trace_op_t *op,
                             block_t *block)
{
    void *address = NULL;
    memheap_status_t status = MEMHEAP_OK;
    switch (op->kind) {
    case TRACE_ALLOC:
        status = memheap_alloc(heap, op->size, &address);
        break;
    case TRACE_ALIGN:
        status = memheap_alloc_aligned(heap, (size_t)1 << op->align_order,
                                       op->size, &address);
        break;
    case TRACE_RESIZE:
        address = block->address;
        status = memheap_resize(heap, block->address, op->size, &address);
        if (status != MEMHEAP_OK)
            return status;
        break;
    case TRACE_FREE:
        status = memheap_free(heap, block->address);
        break;
    }
    block->address = address;
    block->size = op->size;
    return status;
}

void local_replay(local_t *local, size_t first, size_t last)
{
    const trace_op_t *ops = local->trace->ops;
    for (size_t i = first; i < last; i++) {
        block_t *block = &local->blocks[ops[i].slot];
        if (step(local->heap, &ops[i], block) != MEMHEAP_OK)
            local->failed++;
        else if (block->address != NULL &&
                 block->address + block->size > local->high)
            local->high = block->address + block->size;
    }
}

void local_clear(local_t *local)
{
    for (size_t i = 0; i < local->trace->slots; i++) {
        memheap_free(local->heap, local->blocks[i].address);
        local->blocks[i] = (block_t){.address = NULL};
    }
}

/* CPU time of this thread, so that other PEs on the same core do not count. */
static double cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

void local_measure(const char *component, const trace_t *trace, block_t *blocks,
                   const memheap_log_t *log, local_result_t *result)
{
    local_t local;
    double ns[TIMED_PASSES];
    *result = (local_result_t){.failed = trace->count};
    if (local_open(&local, component, trace, (local_range_t){NULL, 0}, blocks,
                   log) != MEMHEAP_OK)
        return;
    for (int i = 0; i < TIMED_PASSES; i++) {
        double start = cpu_ns();
        local_replay(&local, 0, trace->count);
        ns[i] = (cpu_ns() - start) / (double)trace->count;
        local_clear(&local);
        if (i == 0) {
            result->failed = local.failed;
            result->footprint =
                (size_t)(local.high - (char *)memheap_base(local.heap));
        }
    }
    qsort(ns, TIMED_PASSES, sizeof(ns[0]), compare_doubles);
    result->ns = ns[TIMED_PASSES / 2];
    local_close(&local);
}

/* Test whether a heap of size bytes at the base of a range serves the trace
 * without failure. */
static bool passes(const char *component, const trace_t *trace,
                   local_range_t range, size_t size, block_t *blocks)
{
    enum {
        STRETCH = 1024 /* operations between two checks for failures */
    };
    local_t local;
    range.size = size;
    /* A heap that is too small is a valid result, so log nothing. */
    if (local_open(&local, component, trace, range, blocks, &local_quiet_log) !=
        MEMHEAP_OK)
        return false;
    for (size_t i = 0; i < trace->count && local.failed == 0; i += STRETCH)
        local_replay(&local, i, memheap_min(i + STRETCH, trace->count));
    bool good = local.failed == 0;
    local_close(&local);
    madvise(range.base, size, MADV_DONTNEED);
    return good;
}

/* Map address space aligned to 1 GiB, like the range of a regular heap. */
static bool range_map(size_t size, local_range_t *mapping_p, char **base_p)
{
    size_t align = MEMHEAP_GIB;
    if (size > SIZE_MAX - align)
        return false;
    void *start = mmap(NULL, size + align, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED)
        return false;
    *mapping_p = (local_range_t){start, size + align};
    *base_p = (char *)start +
              (memheap_align_up((size_t)start, align) - (size_t)start);
    return true;
}

size_t local_smallest(const char *component, const trace_t *trace,
                      size_t footprint, block_t *blocks)
{
    local_range_t mapping;
    char *base;
    size_t limit;
    size_t granule = 16;
    size_t high = memheap_align_up(footprint, granule);
    if (high < footprint || footprint == 0 ||
        __builtin_mul_overflow(high, SEARCH_FACTOR, &limit) ||
        !range_map(limit, &mapping, &base))
        return 0;
    local_range_t range = {base, 0};
    size_t step_size = memheap_max(trace->peak / 100, granule);
    size_t low = memheap_align_down(trace->peak, granule) - granule;
    low = trace->peak < 2 * granule ? 0 : low;
    while (high <= limit && !passes(component, trace, range, high, blocks)) {
        low = high;
        high += memheap_align_up(memheap_max(high / 8, step_size), granule);
    }
    while (high <= limit && high - low > step_size) {
        size_t middle = memheap_align_down(low + (high - low) / 2, granule);
        if (middle == low)
            break;
        if (passes(component, trace, range, middle, blocks))
            high = middle;
        else
            low = middle;
    }
    munmap(mapping.base, mapping.size);
    return high <= limit ? high : 0;
}
