/*
 * One module over one region.
 *
 * A heap checks what its callers say, turns addresses into the module's
 * offsets and back, and does what touches memory: backing it, setting it to
 * zero, moving it. Rules that keep it right:
 *   - whatever a module hands out is backed before the caller gets it; a block
 *     that cannot be backed goes back to the module;
 *   - `high` is the end of the highest block ever handed out: behind it lies
 *     zeroed memory if the heap reserved the region itself;
 *   - the placement of a block never depends on what is backed;
 *   - a block that grows by less than a quarter and has to move gets room for a
 *     quarter more, if there is some, and keeps it until it shrinks by more: so
 *     a block that grows in many steps is copied a number of times that grows
 *     as the logarithm of its size;
 *   - pages of free space go back to the system without a change of what the
 *     module knows, and never of a range that somebody else may have pinned.
 *
 * A heap of several threads has a lock. Where the module is made for threads,
 * blocks come and go without it: the module says where, and what is left to do
 * here is done by atomic operations. A thread raises `high` over its block
 * before it has the block, so that whoever gets the place after it knows; and
 * `ready`, which `high` never passes, is what the region has backed. All else
 * takes the lock and stops the module's other threads.
 */
#include "config.h"

#include "memheap/heap.h"
#include "memheap/checker.h"
#include "memheap/gauge.h"
#include "memheap/guard.h"
#include "memheap/notes.h"
#include "memheap/report.h"
#include "base/machine.h"
#include "base/pages.h"
#include "base/util.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_SIZE = 48,
    FILL_NEW = 0xA5,
    FILL_FREED = 0xDD,
    BATCH_ON_STACK = 128
};

/* The least run of free pages that goes back: a call of the system for 16 pages
 * costs a tenth of what touching them again does. */
static const size_t least_run = 64 * MEMHEAP_KIB;

struct memheap {
    memheap_module_t *module;
    const memheap_module_shared_t *shared; /* NULL: all calls take the lock */
    memheap_notes_t *notes;                /* NULL: nobody wants to know */
    memheap_gauge_t *gauge;                /* NULL: nobody can see */
    memheap_guard_t *guard;                /* NULL: nobody watches */
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
    bool unbacked;      /* the last place that was found could not be backed, */
    bool quiet;         /* of which nothing is said */
    size_t trim;        /* MEMHEAP_TRIM; 0: pages go back when asked */
    _Atomic size_t due; /* bytes to be freed until they do, */
    _Atomic size_t freed; /* and those that were */
    pthread_mutex_t lock;
    memheap_region_t region;
    const memheap_log_t *log;
    const memheap_memory_t *memory;
    char name[NAME_SIZE];
    memheap_framework_t framework;
};

static void show_more(memheap_t *heap, memheap_gauge_page_t *page);

static size_t heap_high(const memheap_t *heap)
{
    return atomic_load_explicit(&heap->high, memory_order_relaxed);
}

static void heap_set_high(memheap_t *heap, size_t high)
{
    atomic_store_explicit(&heap->high, high, memory_order_relaxed);
}

static MEMHEAP_NOINLINE void memheap_stop_others(memheap_t *heap)
{
    size_t most = heap->shared->stop(heap->module);
    heap->peak = memheap_max(heap->peak, most);
}

/* What the threads had backed is the region's to know, and the reverse. */
static MEMHEAP_NOINLINE void memheap_let_others_go(memheap_t *heap)
{
    atomic_store_explicit(&heap->ready, heap->region.backed,
                          memory_order_release);
    heap->shared->resume(heap->module);
}

/* Let others see what the heap has come to; the caller holds the lock. */
static MEMHEAP_NOINLINE void memheap_show(memheap_t *heap)
{
    const memheap_module_t *module = heap->module;
    memheap_gauge_page_t *page = memheap_gauge_begin(heap->gauge);
    if (page == NULL)
        return;
    if (MEMHEAP_UNLIKELY(memheap_gauge_is_due(heap->gauge) ||
                         memheap_gauge_is_asked(page)))
        show_more(heap, page);
    page->stats.used = module->used;
    page->stats.live_blocks = module->live_blocks;
    page->stats.allocations = module->allocations;
    page->stats.peak = heap->peak;
    page->stats.reach = heap_high(heap);
    page->stats.backed = heap->region.backed;
    page->stats.resizes = heap->resizes;
    page->stats.failures = heap->failures;
    memheap_gauge_end(page);
}

/* Be alone with the heap. */
static void heap_lock(memheap_t *heap)
{
    if (!heap->locks)
        return;
    pthread_mutex_lock(&heap->lock);
    if (heap->shared != NULL)
        memheap_stop_others(heap);
}

/* Let others be, after a call that has changed nothing. */
static void heap_leave(memheap_t *heap)
{
    if (!heap->locks)
        return;
    if (heap->shared != NULL)
        memheap_let_others_go(heap);
    pthread_mutex_unlock(&heap->lock);
}

static void heap_unlock(memheap_t *heap)
{
    if (!heap->ends)
        return;
    if (MEMHEAP_UNLIKELY(heap->gauge != NULL))
        memheap_show(heap);
    heap_leave(heap);
}

/* The offset of an address; at least the region's size if it lies outside. */
static size_t heap_offset_of(const memheap_t *heap, const void *address)
{
    return (size_t)((uintptr_t)address - (uintptr_t)heap->base);
}

/* The largest alignment that offsets and addresses have in common. */
static size_t common_align(const memheap_region_t *region)
{
    size_t base = (size_t)region->base;
    size_t align = base & (~base + 1);
    return base == 0 ? MEMHEAP_REGION_ALIGN
                     : memheap_min(align, MEMHEAP_REGION_ALIGN);
}

static memheap_status_t open_framework(memheap_t *heap,
                                       const memheap_config_t *config,
                                       const memheap_param_def_t *defs,
                                       size_t count)
{
    memheap_framework_config_t framework = {.log = heap->log,
                                            .arguments = config->params,
                                            .params = defs,
                                            .param_count = count};
    return memheap_framework_open(&heap->framework, &framework);
}

static void memheap_set_trim(memheap_t *heap, size_t trim)
{
    heap->trim = trim;
    heap->after_free = heap->checks || trim > 0 || heap->guard != NULL;
    atomic_store_explicit(&heap->due, trim, memory_order_relaxed);
}

/* The caller's range, or one of the heap's own. */
static memheap_status_t find_region(memheap_t *heap,
                                    const memheap_config_t *config)
{
    memheap_region_t *region = &heap->region;
    memheap_backing_t backing = config->backing;
    if (config->base != NULL) {
        memheap_region_wrap(region, config->base, config->size);
        return MEMHEAP_OK;
    }
    memheap_pages_read(&heap->framework.params, &backing);
    size_t unit = memheap_pages_unit(&backing);
    size_t total = config->size;
    size_t available;
    if (total == 0) {
        memheap_machine_memory(&total, &available);
        total = memheap_min(total, memheap_pages_pool(&backing));
        total = memheap_max(total, unit);
    }
    if (total <= SIZE_MAX - unit)
        total = memheap_align_up(total, unit);
    memheap_status_t status = memheap_region_reserve(region, total, heap->log);
    if (status != MEMHEAP_OK)
        return status;
    status = memheap_pages_ask(region, &backing, heap->log);
    if (status != MEMHEAP_OK)
        memheap_region_release(region);
    return status;
}

/* Whether others are to see the figures. A heap whose calls meet those of other
 * PEs can afford it; one that is the program's own is to be as fast as it can.
 */
static bool is_shown(const memheap_t *heap, unsigned flags)
{
    const char *which =
        memheap_params_value(&heap->framework.params, "MEMHEAP_TOP")->string;
    return strcmp(which, "all") == 0 ||
           (strcmp(which, "job") == 0 && (flags & MEMHEAP_SHOWN) != 0);
}

static void open_gauge(memheap_t *heap)
{
    memheap_gauge_config_t config = {
        .name = heap->name,
        .component = heap->framework.selected->name,
        .base = heap->base,
        .file =
            heap->region.kind == MEMHEAP_REGION_SHARED ? heap->region.fd : -1,
        .memory = heap->memory,
        .log = heap->log,
        .level = heap->of_job ? MEMHEAP_LOG_DEBUG : MEMHEAP_LOG_WARNING};
    heap->gauge = memheap_gauge_open(&config);
    heap->ends = heap->locks || heap->gauge != NULL;
    if (heap->gauge != NULL)
        memheap_show(heap);
}

/* Of a range of the caller's that is to be guarded, take the whole pages. */
static memheap_status_t take_pages(memheap_t *heap)
{
    memheap_region_t *region = &heap->region;
    size_t start = (size_t)region->base;
    size_t end = memheap_align_down(start + region->size, region->unit);
    size_t first = memheap_align_up(start, region->unit);
    if (first < start || first >= end) {
        memheap_log_write(heap->log, MEMHEAP_LOG_ERROR,
                          "MEMHEAP_GUARD: a range of %zu bytes at %p has no "
                          "whole page",
                          region->size, (void *)region->base);
        return MEMHEAP_ERR_BAD_ARGUMENT;
    }
    heap->lead = first - start;
    memheap_region_wrap(region, region->base + heap->lead, end - first);
    region->guarded = true;
    return MEMHEAP_OK;
}

/* Whether a checker is to be told of blocks. */
static bool is_checked(const memheap_t *heap)
{
    return memheap_params_value(&heap->framework.params, "MEMHEAP_CHECKERS")
               ->boolean &&
           memheap_has_checker();
}

/* Have the heap watched, if that is asked for or somebody is there to do so. */
static memheap_status_t open_guard(memheap_t *heap)
{
    memheap_guard_config_t config = {
        .name = heap->name,
        .region = &heap->region,
        .module = heap->module,
        .records = heap->notes == NULL ? NULL : &heap->notes->records,
        .memory = heap->memory,
        .log = heap->log,
        .pages = heap->region.guarded,
        .checkers = is_checked(heap)};
    if (!config.pages && !config.checkers)
        return MEMHEAP_OK;
    memheap_status_t status = memheap_guard_open(&config, &heap->guard);
    if (status == MEMHEAP_OK)
        heap->notes->guard = heap->guard;
    return status;
}

/* As memheap_create_over(); the heap finds its region where that is NULL. */
static memheap_status_t create_heap(const memheap_region_t *given,
                                    const memheap_config_t *config,
                                    const memheap_param_def_t *defs,
                                    size_t count, memheap_t **heap_p)
{
    const memheap_memory_t *memory =
        config->memory == NULL ? &memheap_memory_system : config->memory;
    const memheap_log_t *log =
        config->log == NULL ? &memheap_log_stderr : config->log;
    memheap_t *heap = memheap_memory_new(memory, sizeof(*heap));
    if (heap == NULL) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "no memory for what a heap keeps about itself");
        return MEMHEAP_ERR_NO_METADATA;
    }
    memheap_region_t *region = &heap->region;
    heap->log = log;
    heap->memory = memory;
    heap->locks = (config->flags & MEMHEAP_SINGLE_THREADED) == 0;
    heap->ends = heap->locks;
    heap->of_job = (config->flags & MEMHEAP_OF_JOB) != 0;
    snprintf(heap->name, sizeof(heap->name), "%s",
             config->name == NULL ? "heap" : config->name);

    memheap_status_t status = open_framework(heap, config, defs, count);
    if (status != MEMHEAP_OK)
        goto err_heap;
    if (given != NULL)
        *region = *given;
    else
        status = find_region(heap, config);
    if (status != MEMHEAP_OK)
        goto err_framework;
    const memheap_params_t *params = &heap->framework.params;
    region->guarded = memheap_params_value(params, "MEMHEAP_GUARD")->boolean;
    if (region->guarded && region->kind == MEMHEAP_REGION_FOREIGN)
        status = take_pages(heap);
    if (status != MEMHEAP_OK)
        goto err_region;
    heap->base = region->base;
    heap->max_align = common_align(region);
    if (region->kind == MEMHEAP_REGION_FOREIGN)
        heap_set_high(heap, region->size);
    heap->checks = memheap_params_value(params, "MEMHEAP_CHECK")->boolean;
    heap->pinned = region->kind == MEMHEAP_REGION_FOREIGN;
    memheap_set_trim(
        heap,
        heap->pinned ? 0 : memheap_params_value(params, "MEMHEAP_TRIM")->size);
    region->overcommit =
        memheap_params_value(params, "MEMHEAP_OVERCOMMIT")->boolean;
    unsigned flags = config->flags;
    if (!heap->of_job && memheap_has_checker())
        flags |= MEMHEAP_PADDED;
    if (!memheap_params_value(params, "MEMHEAP_CHECKERS")->boolean)
        flags &= ~(unsigned)MEMHEAP_PADDED;
    /* A page that is guarded is padding enough. */
    if ((flags & MEMHEAP_PADDED) != 0 && !region->guarded)
        heap->padding = MEMHEAP_REDZONE;
    status =
        memheap_notes_open(params, heap->name, flags, memory, &heap->notes);
    if (status != MEMHEAP_OK)
        goto err_region;
    size_t longest =
        config->max_size - memheap_min(heap->lead, config->max_size);
    bool shown = is_shown(heap, flags);
    memheap_module_config_t module = {
        .size = region->size,
        .max_size = memheap_max(region->size, longest),
        .memory = memory,
        .concurrent = heap->locks && !heap->checks && heap->notes == NULL &&
                      !shown && (config->flags & MEMHEAP_ORDERED) == 0};
    status = memheap_framework_select(&heap->framework, &module, &heap->module);
    if (status != MEMHEAP_OK)
        goto err_notes;
    status = open_guard(heap);
    if (status != MEMHEAP_OK)
        goto err_module;
    pthread_mutex_init(&heap->lock, NULL);
    if (module.concurrent)
        heap->shared = heap->module->shared;
    heap->special = heap->shared != NULL || heap->padding > 0;
    heap->after_place = heap->checks || heap->guard != NULL;
    memheap_set_trim(heap,
                     heap->guard != NULL && region->guarded ? 0 : heap->trim);
    atomic_init(&heap->ready, region->backed);
    if (shown)
        open_gauge(heap);
    *heap_p = heap;
    return MEMHEAP_OK;

err_module:
    heap->module->ops->destroy(heap->module);
err_notes:
    memheap_notes_close(heap->notes);
err_region:
    if (given == NULL)
        memheap_region_release(region);
err_framework:
    memheap_framework_close(&heap->framework);
err_heap:
    memheap_memory_delete(memory, heap, sizeof(*heap));
    return status;
}

memheap_status_t memheap_create_over(const memheap_region_t *region,
                                     const memheap_config_t *config,
                                     const memheap_param_def_t *defs,
                                     size_t count, memheap_t **heap_p)
{
    return create_heap(region, config, defs, count, heap_p);
}

memheap_status_t memheap_create(const memheap_config_t *config,
                                memheap_t **heap_p)
{
    const memheap_log_t *log =
        config->log == NULL ? &memheap_log_stderr : config->log;
    const memheap_backing_t *backing = &config->backing;
    size_t longest = memheap_max(config->size, config->max_size);
    if (config->base != NULL &&
        (config->size == 0 ||
         (uintptr_t)config->base % MEMHEAP_MIN_ALIGN != 0 ||
         longest > SIZE_MAX - (uintptr_t)config->base)) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "no heap of %zu bytes can lie at %p: a base is "
                          "a multiple of %zu, and a size is not 0",
                          longest, config->base, MEMHEAP_MIN_ALIGN);
        return MEMHEAP_ERR_BAD_ARGUMENT;
    }
    if (backing->pages > MEMHEAP_PAGES_1G ||
        backing->place > MEMHEAP_PLACE_NODE ||
        (config->base != NULL && (backing->pages != MEMHEAP_PAGES_UNSAID ||
                                  backing->place != MEMHEAP_PLACE_UNSAID))) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          config->base == NULL
                              ? "no such kind or place of pages"
                              : "the pages of a range of the caller's are the "
                                "caller's: a heap over it asks for none");
        return MEMHEAP_ERR_BAD_ARGUMENT;
    }
    return create_heap(NULL, config, NULL, 0, heap_p);
}

/* What the parameters want to be said of a heap that ends. */
static void report(memheap_t *heap)
{
    uint64_t values[MEMHEAP_FIGURES];
    memheap_report_t report = {.heap = heap, .values = values};
    memheap_figures_take(heap, values);
    memheap_report_as_asked(&report, heap->log);
    if (memheap_params_value(&heap->framework.params, "MEMHEAP_LEAKS")->boolean)
        memheap_report_leaks(heap);
}

void memheap_destroy(memheap_t *heap)
{
    if (heap == NULL)
        return;
    const memheap_memory_t *memory = heap->memory;
    if (!heap->of_job)
        report(heap);
    memheap_guard_close(heap->guard);
    heap->module->ops->destroy(heap->module);
    memheap_gauge_close(heap->gauge);
    memheap_notes_close(heap->notes);
    memheap_framework_close(&heap->framework);
    memheap_region_release(&heap->region);
    pthread_mutex_destroy(&heap->lock);
    memheap_memory_delete(memory, heap, sizeof(*heap));
}

/* In check mode, test the module; say which operation broke it. */
static memheap_status_t heap_verify(memheap_t *heap, const char *operation)
{
    if (MEMHEAP_LIKELY(!heap->checks))
        return MEMHEAP_OK;
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

/* Bytes below an offset that are in no block, and whose pages went back: all
 * of a block is at the end of its pages. */
static size_t idle_below(const memheap_t *heap, size_t end)
{
    const memheap_module_t *module = heap->module;
    size_t taken = module->used + module->live_blocks * heap->region.unit;
    return end - memheap_min(end, taken);
}

/* Back the region up to the end of a place that the module found. */
static memheap_status_t memheap_back(memheap_t *heap, size_t end)
{
    memheap_region_t *region = &heap->region;
    size_t backed = region->backed;
    if (region->guarded && !heap->pinned)
        region->idle = idle_below(heap, end);
    memheap_status_t status =
        memheap_region_back(region, end, heap->quiet ? &silent : heap->log);
    heap->unbacked = status != MEMHEAP_OK;
    if (heap->guard != NULL && region->backed > backed)
        memheap_guard_backed(heap->guard, backed, region->backed);
    return status;
}

/* Let the end of a block just handed out be the new high. */
static memheap_status_t memheap_raise_high(memheap_t *heap, size_t offset,
                                           size_t end)
{
    if (end > heap->region.backed) {
        memheap_status_t status = memheap_back(heap, end);
        if (status != MEMHEAP_OK) {
            heap->module->ops->free(heap->module, offset);
            return status;
        }
    }
    heap_set_high(heap, end);
    return MEMHEAP_OK;
}

/* Open a block's memory, and fill it. */
static MEMHEAP_NOINLINE void memheap_finish_place(memheap_t *heap,
                                                  size_t offset, size_t usable,
                                                  size_t *dirty_p)
{
    if (heap->guard != NULL)
        memheap_guard_enter(heap->guard, offset, usable);
    if (heap->checks) {
        memset(heap->base + offset, FILL_NEW, usable);
        *dirty_p = usable;
    }
}

/* Have the module place a block, and back it. *dirty_p is how many of its
 * bytes may be other than zero. The caller holds the lock. */
static MEMHEAP_INLINE memheap_status_t heap_place(memheap_t *heap, size_t align,
                                                  size_t size, size_t *offset_p,
                                                  size_t *dirty_p)
{
    memheap_module_t *module = heap->module;
    size_t used = module->used;
    size_t offset;
    memheap_status_t status = module->ops->alloc(module, size, align, &offset);
    if (MEMHEAP_UNLIKELY(status != MEMHEAP_OK))
        return status;
    size_t usable = module->used - used;
    size_t end = offset + usable;
    size_t high = heap_high(heap);
    *dirty_p = usable;
    if (MEMHEAP_UNLIKELY(end > high)) {
        *dirty_p = high - memheap_min(high, offset);
        status = memheap_raise_high(heap, offset, end);
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
static size_t heap_usable_at(const memheap_t *heap, size_t offset)
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
        memheap_notes_alloc(heap->notes, offset, heap_usable_at(heap, offset),
                            size - heap->padding, align, number);
}

/* A call failed, if for want of memory. */
static void heap_count_failure(memheap_t *heap, memheap_status_t status)
{
    if (status == MEMHEAP_ERR_NO_MEMORY || status == MEMHEAP_ERR_NO_METADATA)
        heap->failures++;
}

/* Whether the arguments of an allocation make sense; raises a small align. */
static memheap_status_t heap_check_request(const memheap_t *heap,
                                           size_t *align_p, size_t size)
{
    if (size == 0 || !memheap_is_power_of_two(*align_p) ||
        *align_p > heap->max_align)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    *align_p = memheap_max(*align_p, MEMHEAP_MIN_ALIGN);
    return MEMHEAP_OK;
}

/* Back the region up to a block's end, among other threads. */
static memheap_status_t back_shared(memheap_t *heap, size_t end)
{
    pthread_mutex_lock(&heap->lock);
    memheap_status_t status =
        memheap_region_back(&heap->region, end, heap->log);
    if (status == MEMHEAP_OK)
        atomic_store_explicit(&heap->ready, heap->region.backed,
                              memory_order_release);
    pthread_mutex_unlock(&heap->lock);
    return status;
}

/* As alloc_block(), for a module of several threads. MEMHEAP_ERR_BUSY if that
 * is for somebody alone with the heap to try. */
static MEMHEAP_NOINLINE memheap_status_t alloc_shared(memheap_t *heap,
                                                      size_t align, size_t size,
                                                      char **block_p,
                                                      size_t *dirty_p)
{
    size_t offset;
    size_t usable;
    memheap_status_t status =
        heap->shared->alloc(heap->module, size, align, &offset, &usable);
    if (status != MEMHEAP_OK)
        return status == MEMHEAP_ERR_NO_MEMORY ? MEMHEAP_ERR_BUSY : status;
    size_t end = offset + usable;
    size_t high = heap_high(heap);
    *dirty_p = end > high ? high - memheap_min(high, offset) : usable;
    if (end > high &&
        end > atomic_load_explicit(&heap->ready, memory_order_acquire)) {
        status = back_shared(heap, end);
        if (status != MEMHEAP_OK) {
            heap->shared->undo(heap->module, offset);
            return status;
        }
    }
    while (end > high && !atomic_compare_exchange_weak_explicit(
                             &heap->high, &high, end, memory_order_relaxed,
                             memory_order_relaxed))
        continue;
    *block_p = heap->base + offset;
    return MEMHEAP_OK;
}

/* Bytes to place for those that are asked for; SIZE_MAX cannot be had. */
static size_t heap_padded(const memheap_t *heap, size_t size)
{
    return size > SIZE_MAX - heap->padding ? SIZE_MAX : size + heap->padding;
}

static memheap_status_t alloc_block(memheap_t *heap, size_t align, size_t size,
                                    char **block_p, size_t *dirty_p)
{
    memheap_status_t status = heap_check_request(heap, &align, size);
    if (status != MEMHEAP_OK)
        return status;
    if (MEMHEAP_UNLIKELY(heap->special)) {
        if (heap->shared != NULL) {
            status = alloc_shared(heap, align, size, block_p, dirty_p);
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

/* As memheap_find_block(), for a caller that holds the lock. */
static memheap_status_t heap_find_block(const memheap_t *heap,
                                        const void *block, size_t *size_p)
{
    size_t offset = heap_offset_of(heap, block);
    if (offset >= heap->module->size)
        return MEMHEAP_ERR_BAD_ADDRESS;
    return heap->module->ops->size_of(heap->module, offset, size_p);
}

/* Of a block's size, what its user may have: a checker counts the rest as
 * overrun. */
static size_t without_padding(const memheap_t *heap, const void *block,
                              size_t size)
{
    const memheap_record_t *record = memheap_records_find(
        &heap->notes->records, heap_offset_of(heap, block));
    return record == NULL ? size - heap->padding : record->asked;
}

memheap_status_t memheap_find_block(memheap_t *heap, const void *block,
                                    size_t *size_p)
{
    if (heap->shared != NULL) {
        size_t offset = heap_offset_of(heap, block);
        return heap->shared->size_of(heap->module, offset, size_p);
    }
    heap_lock(heap);
    memheap_status_t status = heap_find_block(heap, block, size_p);
    if (MEMHEAP_UNLIKELY(heap->padding > 0) && status == MEMHEAP_OK)
        *size_p = without_padding(heap, block, *size_p);
    heap_leave(heap);
    return status;
}

/* Report a wrong address; returns the status for it. */
static memheap_status_t memheap_bad_address(memheap_t *heap, const char *call,
                                            const void *address)
{
    char text[512];
    memheap_log_write(heap->log, MEMHEAP_LOG_ERROR, "%s: %s", call,
                      memheap_describe(heap, address, text, sizeof(text)));
    return MEMHEAP_ERR_BAD_ADDRESS;
}

/* A walk that gives the pages of free space back: the run of free blocks that
 * it is in. The module may keep neighbours apart. */
typedef struct trimming {
    memheap_t *heap;
    size_t least;
    size_t start, end;
    memheap_status_t status;
} trimming_t;

static bool trim_run(trimming_t *t)
{
    size_t end = memheap_min(t->end, heap_high(t->heap));
    if (t->start < end)
        t->status = memheap_region_give_back(&t->heap->region, t->start, end,
                                             t->least, t->heap->log);
    return t->status == MEMHEAP_OK;
}

static bool trim_extent(void *context, const memheap_extent_t *extent)
{
    trimming_t *t = context;
    size_t end = extent->offset + extent->size;
    if (extent->live) {
        bool goes_on = trim_run(t) && end < heap_high(t->heap);
        t->start = t->end = end;
        return goes_on;
    }
    t->end = end;
    return end < heap_high(t->heap);
}

/* Give pages back; the caller holds the lock. An eighth of what is in use is to
 * be freed before that is done unasked again: the blocks are that many times
 * as many as those freed meanwhile, on average, and no more. */
static memheap_status_t trim(memheap_t *heap, size_t least)
{
    trimming_t trimming = {.heap = heap, .least = least, .status = MEMHEAP_OK};
    heap->module->ops->walk(heap->module, trim_extent, &trimming);
    trim_run(&trimming);
    size_t due = memheap_max(heap->trim, heap->module->used / 8);
    atomic_store_explicit(&heap->due, due, memory_order_relaxed);
    atomic_store_explicit(&heap->freed, 0, memory_order_relaxed);
    return trimming.status;
}

/* Count bytes that were freed. @return whether pages are to go back */
static bool heap_count_freed(memheap_t *heap, size_t size)
{
    size_t freed =
        atomic_fetch_add_explicit(&heap->freed, size, memory_order_relaxed);
    return freed + size >=
           atomic_load_explicit(&heap->due, memory_order_relaxed);
}

/* Bytes were freed; the caller holds the lock. A system that takes no pages has
 * said why, and is not asked unasked again. */
static void memheap_trim_after(memheap_t *heap, size_t size)
{
    if (heap->trim > 0 && heap_count_freed(heap, size) &&
        trim(heap, least_run) != MEMHEAP_OK)
        memheap_set_trim(heap, 0);
}

static MEMHEAP_NOINLINE memheap_status_t memheap_finish_free(memheap_t *heap,
                                                             size_t offset,
                                                             size_t size)
{
    if (heap->checks && heap->guard != NULL)
        memheap_guard_enter(heap->guard, offset, size);
    if (heap->checks)
        memset(heap->base + offset, FILL_FREED, size);
    if (heap->guard != NULL)
        memheap_guard_leave(heap->guard, offset, size, heap->pinned);
    memheap_trim_after(heap, size);
    return heap_verify(heap, "a free");
}

/* Free a block; the caller holds the lock. */
static MEMHEAP_INLINE memheap_status_t heap_release(memheap_t *heap,
                                                    const void *block)
{
    memheap_module_t *module = heap->module;
    size_t offset = heap_offset_of(heap, block);
    if (MEMHEAP_UNLIKELY(offset >= module->size))
        return MEMHEAP_ERR_BAD_ADDRESS;
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
    if (MEMHEAP_UNLIKELY(heap->notes != NULL) && status == MEMHEAP_OK)
        memheap_notes_free(heap->notes, heap_offset_of(heap, block),
                           used - heap->module->used);
    return status;
}

/* Free a block among other threads. */
static MEMHEAP_INLINE memheap_status_t release_shared(memheap_t *heap,
                                                      const void *block)
{
    size_t offset = heap_offset_of(heap, block);
    size_t size = 0;
    if (MEMHEAP_UNLIKELY(heap->after_free) &&
        heap->shared->size_of(heap->module, offset, &size) != MEMHEAP_OK)
        return MEMHEAP_ERR_BAD_ADDRESS;
    memheap_status_t status = heap->shared->free(heap->module, offset);
    if (MEMHEAP_UNLIKELY(size > 0) && status == MEMHEAP_OK &&
        heap_count_freed(heap, size)) {
        heap_lock(heap);
        memheap_trim_after(heap, 0);
        heap_unlock(heap);
    }
    return status;
}

memheap_status_t memheap_free(memheap_t *heap, void *block)
{
    if (block == NULL)
        return MEMHEAP_OK;
    memheap_status_t status;
    if (MEMHEAP_UNLIKELY(heap->shared != NULL)) {
        status = release_shared(heap, block);
    } else {
        heap_lock(heap);
        status = heap_free_block(heap, block);
        heap_unlock(heap);
    }
    if (MEMHEAP_UNLIKELY(status == MEMHEAP_ERR_BAD_ADDRESS))
        return memheap_bad_address(heap, "memheap_free", block);
    return status;
}

void memheap_take_back(memheap_t *heap, void *const *blocks, size_t count)
{
    heap_lock(heap);
    for (size_t i = 0; i < count; i++)
        heap_free_block(heap, blocks[i]);
    heap->module->allocations -= count;
    heap->failures++;
    heap_unlock(heap);
}

memheap_status_t memheap_usable_size(memheap_t *heap, const void *block,
                                     size_t *size_p)
{
    memheap_status_t status = memheap_find_block(heap, block, size_p);
    if (status == MEMHEAP_ERR_BAD_ADDRESS)
        return memheap_bad_address(heap, "memheap_usable_size", block);
    return status;
}

/* Resize where the block stands, and back what that adds. The room that a block
 * got when it grew is not taken from it while it grows on. A guarded block has
 * its end where its pages end: it moves. */
static memheap_status_t resize_in_place(memheap_t *heap, size_t offset,
                                        size_t old_size, size_t size)
{
    memheap_module_t *module = heap->module;
    if (heap->region.guarded)
        return memheap_align_up(size, MEMHEAP_MIN_ALIGN) == old_size
                   ? MEMHEAP_OK
                   : MEMHEAP_ERR_NO_MEMORY;
    if (size <= old_size && size >= old_size - old_size / 4)
        return MEMHEAP_OK;
    if (module->ops->resize == NULL)
        return size <= old_size ? MEMHEAP_OK : MEMHEAP_ERR_NO_MEMORY;
    size_t used = module->used;
    memheap_status_t status = module->ops->resize(module, offset, size);
    if (status != MEMHEAP_OK)
        return status;
    size_t end = offset + old_size + (module->used - used);
    if (end > heap->region.backed) {
        status = memheap_back(heap, end);
        if (status != MEMHEAP_OK) {
            module->ops->resize(module, offset, old_size);
            return status;
        }
    }
    heap_set_high(heap, memheap_max(heap_high(heap), end));
    heap->peak = memheap_max(heap->peak, module->used);
    if (heap->guard != NULL && end > offset + old_size)
        memheap_guard_enter(heap->guard, offset + old_size,
                            end - offset - old_size);
    return MEMHEAP_OK;
}

/* As memheap_reserve(), for a caller that holds the lock. */
static memheap_status_t reserve(memheap_t *heap, size_t offset, size_t size)
{
    memheap_module_t *module = heap->module;
    size_t used = module->used;
    memheap_status_t status = module->ops->reserve(module, offset, size);
    if (status != MEMHEAP_OK)
        return status;
    size_t end = offset + (module->used - used);
    if (end > heap_high(heap))
        status = memheap_raise_high(heap, offset, end);
    if (status != MEMHEAP_OK)
        return status;
    heap->peak = memheap_max(heap->peak, module->used);
    if (heap->after_place) {
        size_t dirty;
        memheap_finish_place(heap, offset, end - offset, &dirty);
    }
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

/* Put a block that was freed a moment ago back to where it was. */
static void restore(memheap_t *heap, const memheap_resize_step_t *step)
{
    memheap_status_t status = heap->module->ops->reserve(
        heap->module, step->old_offset, step->old_size);
    MEMHEAP_ASSERT(status == MEMHEAP_OK);
    (void)status;
}

/* Find a new place for a block that grows, with room to grow on if there is
 * one and step->roomy asks for it; step->roomy says what it was. */
static memheap_status_t place_grown(memheap_t *heap, size_t size, bool roomy,
                                    memheap_resize_step_t *step)
{
    size_t room;
    size_t dirty;
    memheap_status_t status = MEMHEAP_ERR_NO_MEMORY;
    step->roomy =
        roomy &&
        !__builtin_add_overflow(step->old_size, step->old_size / 4, &room) &&
        room > size;
    if (step->roomy) {
        heap->quiet = true;
        status = heap_place(heap, MEMHEAP_MIN_ALIGN, room, &step->new_offset,
                            &dirty);
        heap->quiet = false;
        if (status != MEMHEAP_ERR_NO_MEMORY || heap->unbacked)
            return status;
        step->roomy = false;
    }
    return heap_place(heap, MEMHEAP_MIN_ALIGN, size, &step->new_offset, &dirty);
}

/* Move a block to where its own space is part of the new one. */
static memheap_status_t resize_over(memheap_t *heap, size_t size, bool roomy,
                                    memheap_resize_step_t *step)
{
    memheap_module_t *module = heap->module;
    if (module->ops->reserve == NULL)
        return MEMHEAP_ERR_NO_MEMORY;
    bool checks = heap->checks;
    module->ops->free(module, step->old_offset);
    heap->checks = false; /* the fill would overwrite what is to be moved */
    memheap_status_t status = place_grown(heap, size, roomy, step);
    heap->checks = checks;
    if (status != MEMHEAP_OK) {
        restore(heap, step);
        return status;
    }
    memmove(heap->base + step->new_offset, heap->base + step->old_offset,
            memheap_min(step->old_size, size));
    step->kind = MEMHEAP_RESIZE_OVER;
    return MEMHEAP_OK;
}

/* Bytes of a live block that were asked for. */
static size_t asked_at(const memheap_t *heap, size_t offset, size_t usable)
{
    const memheap_record_t *record =
        memheap_records_find(&heap->notes->records, offset);
    return record == NULL ? usable : record->asked;
}

/* Open all of a block that is to be copied, or let it be as it was. */
static void lift(memheap_t *heap, const memheap_resize_step_t *step, bool lifts)
{
    if (MEMHEAP_LIKELY(heap->guard == NULL))
        return;
    size_t asked = asked_at(heap, step->old_offset, step->old_size);
    (lifts ? memheap_guard_lift : memheap_guard_fit_again)(
        heap->guard, step->old_offset, step->old_size, asked);
}

/* One that did not get room to grow on may be tried again. */
static void count_failed_resize(memheap_t *heap, memheap_status_t status,
                                const memheap_resize_step_t *step)
{
    if (status != MEMHEAP_ERR_NO_MEMORY || !step->roomy)
        heap_count_failure(heap, status);
}

/* A way that ends in a place which cannot be backed ends the resize: where the
 * next way leads would depend on the memory that this process happens to get.
 */
memheap_status_t memheap_resize_begin(memheap_t *heap, const void *block,
                                      size_t size, bool roomy,
                                      memheap_resize_step_t *step)
{
    step->roomy = false;
    step->asked = size;
    if (size == 0)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    size = heap_padded(heap, size);
    roomy = roomy && !heap->region.guarded;
    heap_lock(heap);
    heap->unbacked = false;
    memheap_status_t status = heap_find_block(heap, block, &step->old_size);
    if (status != MEMHEAP_OK)
        goto out;
    step->kind = MEMHEAP_RESIZE_IN_PLACE;
    step->old_peak = heap->peak;
    step->old_offset = step->new_offset = heap_offset_of(heap, block);
    lift(heap, step, true);
    status = resize_in_place(heap, step->old_offset, step->old_size, size);
    if (status != MEMHEAP_ERR_NO_MEMORY || heap->unbacked)
        goto out;
    status = place_grown(heap, size, roomy, step);
    if (status == MEMHEAP_OK) {
        step->kind = MEMHEAP_RESIZE_BESIDE;
        memcpy(heap->base + step->new_offset, heap->base + step->old_offset,
               memheap_min(step->old_size, size));
    } else if (status == MEMHEAP_ERR_NO_MEMORY && !heap->unbacked) {
        status = resize_over(heap, size, roomy, step);
        /* A guarded block that shrinks need not move. */
        if (status == MEMHEAP_ERR_NO_MEMORY && heap->region.guarded &&
            size <= step->old_size)
            status = MEMHEAP_OK;
    }
    if (status != MEMHEAP_OK)
        lift(heap, step, false);
out:
    count_failed_resize(heap, status, step);
    heap_unlock(heap);
    return status;
}

/* Bytes that a block lost where it stands. */
static size_t shrunk_by(const memheap_t *heap,
                        const memheap_resize_step_t *step)
{
    return step->old_size -
           memheap_min(heap_usable_at(heap, step->old_offset), step->old_size);
}

void *memheap_resize_end(memheap_t *heap, const memheap_resize_step_t *step,
                         bool keep)
{
    const memheap_module_ops_t *ops = heap->module->ops;
    size_t leaves = keep ? step->old_offset : step->new_offset;
    heap_lock(heap);
    switch (step->kind) {
    case MEMHEAP_RESIZE_IN_PLACE:
        if (!keep && ops->resize != NULL)
            ops->resize(heap->module, step->old_offset, step->old_size);
        if (keep && heap->trim > 0)
            memheap_trim_after(heap, shrunk_by(heap, step));
        break;
    case MEMHEAP_RESIZE_BESIDE:
        heap_release(heap, heap->base + leaves);
        break;
    case MEMHEAP_RESIZE_OVER:
        if (keep)
            break;
        ops->free(heap->module, step->new_offset);
        restore(heap, step);
        memmove(heap->base + step->old_offset, heap->base + step->new_offset,
                step->old_size);
        break;
    }
    if (!keep) {
        heap->peak = step->old_peak;
        count_failed_resize(heap, MEMHEAP_ERR_NO_MEMORY, step);
    } else {
        heap->resizes++;
        if (MEMHEAP_UNLIKELY(heap->notes != NULL))
            memheap_notes_move(
                heap->notes, step->old_offset, step->old_size, step->new_offset,
                heap_usable_at(heap, step->new_offset), step->asked);
    }
    if (!keep)
        lift(heap, step, false);
    heap_verify(heap, "a resize");
    heap_unlock(heap);
    return heap->base + (keep ? step->new_offset : step->old_offset);
}

memheap_status_t memheap_resize(memheap_t *heap, void *block, size_t size,
                                void **block_p)
{
    if (block == NULL)
        return memheap_alloc(heap, size, block_p);
    memheap_resize_step_t step;
    memheap_status_t status =
        memheap_resize_begin(heap, block, size, true, &step);
    if (status == MEMHEAP_ERR_NO_MEMORY && step.roomy)
        status = memheap_resize_begin(heap, block, size, false, &step);
    if (status == MEMHEAP_ERR_BAD_ADDRESS)
        return memheap_bad_address(heap, "memheap_resize", block);
    if (status != MEMHEAP_OK)
        return status;
    *block_p = memheap_resize_end(heap, &step, true);
    return MEMHEAP_OK;
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
        size_t offset;
        size_t dirty;
        status = heap_place(heap, align, heap_padded(heap, sizes[done]),
                            &offset, &dirty);
        if (status != MEMHEAP_OK)
            break;
        blocks[done] = heap->base + offset;
    }
    if (status != MEMHEAP_OK) {
        while (done-- > 0)
            heap_release(heap, blocks[done]);
        heap->peak = peak;
        heap_count_failure(heap, status);
    }
    for (size_t i = 0; i < count && status == MEMHEAP_OK; i++)
        heap_count_alloc(heap, heap_offset_of(heap, blocks[i]),
                         heap_padded(heap, sizes[i]), align);
    heap_unlock(heap);
    return status;
}

static int compare_addresses(const void *a, const void *b)
{
    uintptr_t left = (uintptr_t) * (void *const *)a;
    uintptr_t right = (uintptr_t) * (void *const *)b;
    return (left > right) - (left < right);
}

/* The first entry that is no live block, or is there twice; NULL if all may be
 * freed. Sorts the entries, which batches often are as they come. */
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

/* Whether all entries may be freed; the caller holds the lock. */
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
    for (size_t i = 0; i < count && status == MEMHEAP_OK; i++) {
        if (blocks[i] != NULL)
            status = heap_free_block(heap, blocks[i]);
    }
    heap_unlock(heap);
    return bad == NULL ? status
                       : memheap_bad_address(heap, "memheap_free_batch", bad);
}

memheap_status_t memheap_trim(memheap_t *heap, size_t least)
{
    if (heap->pinned)
        return MEMHEAP_ERR_UNSUPPORTED;
    if (heap->region.guarded)
        return MEMHEAP_OK; /* there are none */
    heap_lock(heap);
    memheap_status_t status = trim(heap, least == 0 ? least_run : least);
    heap_unlock(heap);
    return status;
}

void memheap_pin(memheap_t *heap)
{
    heap_lock(heap);
    heap->pinned = true;
    memheap_set_trim(heap, 0);
    heap_unlock(heap);
}

size_t memheap_resident(memheap_t *heap)
{
    heap_lock(heap);
    memheap_region_t region = heap->region;
    heap_unlock(heap);
    return memheap_region_resident(&region);
}

memheap_status_t memheap_get_placement(memheap_t *heap,
                                       memheap_placement_t *placement)
{
    heap_lock(heap);
    memheap_region_t region = heap->region;
    size_t high = heap_high(heap);
    heap_unlock(heap);
    return memheap_pages_in_effect(&region, high, placement, heap->log);
}

void memheap_set_windows(memheap_t *heap, const memheap_windows_on_t *windows)
{
    heap_lock(heap);
    if (heap->guard != NULL)
        memheap_guard_set_windows(heap->guard, windows);
    heap_unlock(heap);
}

bool memheap_is_watched(const memheap_t *heap)
{
    return heap->guard != NULL;
}

void memheap_settle(memheap_t *heap)
{
    heap_lock(heap);
    if (heap->module->ops->settle != NULL)
        heap->module->ops->settle(heap->module);
    heap_unlock(heap);
}

memheap_status_t memheap_grow(memheap_t *heap, size_t new_size)
{
    memheap_module_t *module = heap->module;
    if (module->ops->grow == NULL)
        return MEMHEAP_ERR_UNSUPPORTED;
    if (heap->region.kind != MEMHEAP_REGION_FOREIGN)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    if (heap->region.guarded)
        new_size = memheap_align_down(
            new_size - memheap_min(new_size, heap->lead), heap->region.unit);
    heap_lock(heap);
    size_t old_size = heap->region.size;
    memheap_status_t status = module->ops->grow(module, new_size);
    if (status == MEMHEAP_OK) {
        heap->region.size = heap->region.backed = new_size;
        heap_set_high(heap, new_size);
        if (heap->guard != NULL)
            memheap_guard_grown(heap->guard, old_size, new_size);
    }
    heap_unlock(heap);
    return status;
}

/* The figures but resident; the caller holds the lock. */
static void take_stats(const memheap_t *heap, memheap_stats_t *stats)
{
    memheap_module_stats_t module;
    heap->module->ops->stats(heap->module, &module);
    *stats = (memheap_stats_t){
        .size = module.size,
        .backed = heap->region.backed,
        .used = module.used,
        .free = module.size - module.used,
        .largest_free = module.largest_free,
        .peak = heap->peak,
        .reach = heap_high(heap),
        .live_blocks = module.live_blocks,
        .metadata = module.metadata + sizeof(*heap) +
                    (heap->notes == NULL ? 0 : memheap_notes_size(heap->notes)),
        .allocations = heap->module->allocations,
        .frees = heap->module->allocations - module.live_blocks,
        .resizes = heap->resizes,
        .failures = heap->failures,
    };
    if (stats->free > 0)
        stats->fragmentation =
            1 - (double)stats->largest_free / (double)stats->free;
}

void memheap_get_stats(memheap_t *heap, memheap_stats_t *stats)
{
    heap_lock(heap);
    take_stats(heap, stats);
    heap_unlock(heap);
    stats->resident = memheap_resident(heap);
}

/* A caller's visit, for a module that knows no addresses. */
typedef struct walk {
    const memheap_t *heap;
    bool (*visit)(void *context, const memheap_block_t *block);
    void *context;
} walk_t;

/* The heap's records; NULL if it keeps none. */
static const memheap_records_t *records_of(const memheap_t *heap)
{
    return heap->notes != NULL && heap->notes->keeps_records
               ? &heap->notes->records
               : NULL;
}

static bool visit_extent(void *context, const memheap_extent_t *extent)
{
    const walk_t *walk = context;
    const memheap_records_t *records = records_of(walk->heap);
    memheap_block_t block = {.address = walk->heap->base + extent->offset,
                             .size = extent->size,
                             .live = extent->live,
                             .tag = ""};
    const memheap_record_t *record =
        records == NULL || !extent->live
            ? NULL
            : memheap_records_find(records, extent->offset);
    if (record != NULL) {
        block.number = record->number;
        block.asked = record->asked;
        block.tag = memheap_records_tag(records, record->tag)->name;
    }
    return walk->visit(walk->context, &block);
}

/* A list of the blocks for somebody who looks. */
static bool list_extent(void *context, const memheap_extent_t *extent)
{
    memheap_t *heap = context;
    const memheap_records_t *records = records_of(heap);
    memheap_gauge_block_t block = {
        .offset = extent->offset, .size = extent->size, .live = extent->live};
    const memheap_record_t *record =
        records == NULL || !extent->live
            ? NULL
            : memheap_records_find(records, extent->offset);
    if (record != NULL) {
        block.number = record->number;
        block.asked = record->asked;
        block.tag = record->tag;
    }
    memheap_gauge_add(heap->gauge, &block);
    return true;
}

static MEMHEAP_NOINLINE void list_blocks(memheap_t *heap)
{
    const memheap_records_t *records = records_of(heap);
    memheap_gauge_list(heap->gauge);
    heap->module->ops->walk(heap->module, list_extent, heap);
    for (uint32_t i = 0; records != NULL && i < records->tag_count; i++)
        memheap_gauge_add_tag(heap->gauge,
                              memheap_records_tag(records, i)->name);
    memheap_gauge_answer(heap->gauge);
}

/* Show what takes longer to find out, or was asked for. */
static MEMHEAP_NOINLINE void show_more(memheap_t *heap,
                                       memheap_gauge_page_t *page)
{
    take_stats(heap, &page->stats);
    if (memheap_gauge_is_asked(page))
        list_blocks(heap);
}

void memheap_set_pe(memheap_t *heap, int pe, int pes)
{
    heap_lock(heap);
    memheap_gauge_page_t *page =
        heap->gauge == NULL ? NULL : memheap_gauge_begin(heap->gauge);
    if (page != NULL) {
        page->pe = pe;
        page->pes = pes;
        memheap_gauge_end(page);
    }
    heap_unlock(heap);
}

void memheap_walk(memheap_t *heap,
                  bool (*visit)(void *context, const memheap_block_t *block),
                  void *context)
{
    walk_t walk = {heap, visit, context};
    heap_lock(heap);
    heap->module->ops->walk(heap->module, visit_extent, &walk);
    heap_unlock(heap);
}

memheap_status_t memheap_check(memheap_t *heap)
{
    heap_lock(heap);
    memheap_status_t status = heap->module->ops->check(heap->module);
    heap_unlock(heap);
    return status;
}

void *memheap_base(const memheap_t *heap)
{
    return heap->base;
}

size_t memheap_reach(const memheap_t *heap)
{
    return heap_high(heap);
}

const char *memheap_component_name(const memheap_t *heap)
{
    return heap->framework.selected->name;
}

const char *memheap_name(const memheap_t *heap)
{
    return heap->name;
}

const memheap_log_t *memheap_get_log(const memheap_t *heap)
{
    return heap->log;
}

const memheap_params_t *memheap_get_params(const memheap_t *heap)
{
    return &heap->framework.params;
}

bool memheap_get_tag_stats(memheap_t *heap, unsigned index,
                           memheap_tag_stats_t *stats)
{
    const memheap_records_t *records = records_of(heap);
    heap_lock(heap);
    bool known = records != NULL && index < records->tag_count;
    if (known)
        *stats = *memheap_records_tag(records, index);
    heap_unlock(heap);
    return known;
}

char *memheap_block_site(memheap_t *heap, const void *block, char *text,
                         size_t room)
{
    const memheap_records_t *records = records_of(heap);
    const memheap_record_t *record = NULL;
    heap_lock(heap);
    if (records != NULL)
        record = memheap_records_find(records, heap_offset_of(heap, block));
    memheap_site_t site = record == NULL ? 0 : record->site;
    heap_unlock(heap);
    if (record == NULL)
        snprintf(text, room, "%s", "");
    else /* a depot only ever grows, where it is */
        memheap_site_describe(&records->sites, site, text, room);
    return text;
}

/* A search for the block that contains an address. */
typedef struct search {
    uintptr_t address;
    memheap_block_t found;
} search_t;

static bool search_block(void *context, const memheap_block_t *block)
{
    search_t *search = context;
    search->found = *block;
    return search->address - (uintptr_t)block->address >= block->size;
}

char *memheap_describe(memheap_t *heap, const void *address, char *text,
                       size_t room)
{
    size_t size = heap->module->size;
    if (heap_offset_of(heap, address) >= size) {
        snprintf(text, room,
                 "%p is no address of heap \"%s\", which lies from %p to %p",
                 address, heap->name, (void *)heap->base,
                 (void *)(heap->base + size));
        return text;
    }
    search_t search = {.address = (uintptr_t)address};
    memheap_walk(heap, search_block, &search);
    const memheap_block_t *block = &search.found;
    size_t distance = (size_t)(search.address - (uintptr_t)block->address);
    if (!block->live)
        snprintf(text, room,
                 "%p is no block of heap \"%s\": it lies in free space of %zu "
                 "bytes, and may have been freed before",
                 address, heap->name, block->size);
    else if (distance > 0)
        snprintf(text, room,
                 "%p is no block of heap \"%s\": it lies %zu bytes into the "
                 "block of %zu bytes at %p",
                 address, heap->name, distance, block->size, block->address);
    else
        snprintf(text, room, "%p is a block of %zu bytes in heap \"%s\"",
                 address, block->size, heap->name);
    return text;
}
