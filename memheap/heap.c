/*
 * Creating, growing, normalizing and destroying heaps.
 *
 * A heap is created in this order: the framework, which reads the parameters;
 * the region; the event hooks; the module; the guard; the thread caches; the
 * stats page. A call that fails undoes all
 * of it. A heap that is destroyed reports first.
 */
#include "config.h"

#include "memheap/inspect.h"
#include "memheap/process.h"
#include "memheap/save.h"
#include "memheap/trim.h"
#include "memheap/debug/sanitizer.h"
#include "memheap/debug/report.h"
#include "memheap/debug/trace_names.h"
#include "base/sysinfo.h"
#include "base/pages.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* The largest alignment at which aligned offsets are aligned addresses. */
static size_t common_align(const memheap_region_t *region)
{
    size_t base = (size_t)region->base;
    size_t align = base & (~base + 1);
    return base == 0 ? MEMHEAP_REGION_ALIGN
                     : memheap_min(align, MEMHEAP_REGION_ALIGN);
}

static memheap_status_t open_framework(memheap_t *heap,
                                       const memheap_config_t *config)
{
    memheap_framework_config_t framework = {
        .log = heap->log, .memory = heap->memory, .arguments = config->params};
    return memheap_framework_open(&heap->framework, &framework);
}

/* A guarded heap has a component of its own. */
static memheap_status_t select_module(memheap_t *heap,
                                      memheap_module_config_t *config)
{
    return heap->region.guarded
               ? memheap_framework_use(&heap->framework,
                                       &memheap_guard_component, config,
                                       &heap->module)
               : memheap_framework_select(&heap->framework, config,
                                          &heap->module);
}

/* Use the caller's range, or reserve one. */
static memheap_status_t find_region(memheap_t *heap,
                                    const memheap_config_t *config, void *place)
{
    memheap_region_t *region = &heap->region;
    memheap_memory_policy_t policy = config->policy;
    if (config->base != NULL) {
        memheap_region_wrap(region, config->base, config->size);
        return MEMHEAP_OK;
    }
    memheap_pages_resolve(heap->framework.params, &policy);
    size_t unit = memheap_pages_unit(&policy);
    size_t total = config->size;
    size_t available;
    if (total == 0) {
        memheap_sysinfo_memory(&total, &available);
        total = memheap_min(total, memheap_pages_pool(&policy));
        total = memheap_max(total, unit);
    }
    if (total <= SIZE_MAX - unit)
        total = memheap_align_up(total, unit);
    memheap_status_t status =
        place == NULL
            ? memheap_region_reserve(region, total, heap->log)
            : memheap_region_reserve_at(region, place, total, heap->log);
    if (status != MEMHEAP_OK)
        return status;
    status = memheap_pages_apply(region, &policy, heap->log);
    if (status != MEMHEAP_OK)
        memheap_region_release(region);
    return status;
}

/* Whether to export statistics. By default, a heap of several PEs does, whose
 * calls wait for each other anyway; a private heap does not, for speed. */
static bool is_exported(const memheap_t *heap, unsigned flags)
{
    const char *which =
        memheap_params_value(heap->framework.params, "MEMHEAP_TOP")->string;
    return strcmp(which, "all") == 0 ||
           (strcmp(which, "job") == 0 && (flags & MEMHEAP_STATS_EXPORTED) != 0);
}

static void open_stats_export(memheap_t *heap)
{
    memheap_stats_export_config_t config = {
        .name = heap->name,
        .component = heap->framework.selected->name,
        .base = heap->base,
        .heap_fd =
            heap->region.kind == MEMHEAP_REGION_SHARED ? heap->region.fd : -1,
        .memory = heap->memory,
        .log = heap->log,
        .level = heap->of_job ? MEMHEAP_LOG_DEBUG : MEMHEAP_LOG_WARNING};
    heap->stats_export = memheap_stats_export_open(&config);
    heap->has_end = heap->locks || heap->stats_export != NULL;
    if (heap->stats_export != NULL)
        memheap_publish_stats(heap);
}

/* Guard the whole pages of the caller's range, and leave the rest unused. */
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

/* Whether to tell a sanitizer of blocks. */
static bool is_checked(const memheap_t *heap)
{
    return memheap_params_value(heap->framework.params, "MEMHEAP_CHECKERS")
               ->boolean &&
           memheap_has_sanitizer();
}

/* Check accesses, if the parameters ask for it or a sanitizer is there. */
static memheap_status_t open_guard(memheap_t *heap)
{
    memheap_guard_config_t config = {
        .name = heap->name,
        .region = &heap->region,
        .module = heap->module,
        .records = heap->events == NULL ? NULL : &heap->events->records,
        .memory = heap->memory,
        .log = heap->log,
        .uses_pages = heap->region.guarded,
        .uses_sanitizers = is_checked(heap)};
    if (!config.uses_pages && !config.uses_sanitizers)
        return MEMHEAP_OK;
    memheap_status_t status = memheap_guard_open(&config, &heap->guard);
    if (status == MEMHEAP_OK)
        heap->events->guard = heap->guard;
    return status;
}

/* The lock is held for some dozens of instructions: who waits spins first. */
static void open_lock(memheap_t *heap)
{
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(&heap->lock, &kind);
    pthread_mutexattr_destroy(&kind);
}

static memheap_status_t log_no_metadata(const memheap_log_t *log)
{
    memheap_log_write(log, MEMHEAP_LOG_ERROR,
                      "no memory for the metadata of a heap");
    return MEMHEAP_ERR_NO_METADATA;
}

/* As memheap_create_over(). If the region is NULL, the heap finds its own, at
 * an address if that is not NULL. */
static memheap_status_t create_heap(const memheap_region_t *given, void *place,
                                    const memheap_config_t *config,
                                    memheap_t **heap_p)
{
    const memheap_memory_t *memory =
        config->memory == NULL ? &memheap_memory_system : config->memory;
    const memheap_log_t *log =
        config->log == NULL ? &memheap_log_stderr : config->log;
    memheap_t *heap = memheap_memory_new(memory, sizeof(*heap));
    if (heap == NULL)
        return log_no_metadata(log);
    memheap_region_t *region = &heap->region;
    heap->log = log;
    heap->memory = memory;
    heap->locks = (config->flags & MEMHEAP_SINGLE_THREADED) == 0;
    heap->has_end = heap->locks;
    heap->of_job = (config->flags & MEMHEAP_JOB_HEAP) != 0;
    memheap_text_copy(heap->name, sizeof(heap->name),
                      config->name == NULL ? "heap" : config->name);

    memheap_status_t status = open_framework(heap, config);
    if (status != MEMHEAP_OK)
        goto err_heap;
    if (given != NULL)
        *region = *given;
    else
        status = find_region(heap, config, place);
    if (status != MEMHEAP_OK)
        goto err_framework;
    const memheap_params_t *params = heap->framework.params;
    region->guarded = memheap_params_value(params, "MEMHEAP_GUARD")->boolean;
    if (region->guarded && region->kind == MEMHEAP_REGION_FOREIGN)
        status = take_pages(heap);
    if (status != MEMHEAP_OK)
        goto err_region;
    heap->base = region->base;
    heap->max_align = common_align(region);
    heap->checks = memheap_params_value(params, "MEMHEAP_CHECK")->boolean;
    heap->pinned = region->kind == MEMHEAP_REGION_FOREIGN;
    memheap_set_trim(
        heap,
        heap->pinned ? 0 : memheap_params_value(params, "MEMHEAP_TRIM")->size);
    region->overcommit =
        memheap_params_value(params, "MEMHEAP_OVERCOMMIT")->boolean;
    unsigned flags = config->flags;
    if (!heap->of_job && memheap_has_sanitizer())
        flags |= MEMHEAP_REDZONES;
    if (!memheap_params_value(params, "MEMHEAP_CHECKERS")->boolean)
        flags &= ~(unsigned)MEMHEAP_REDZONES;
    /* The guard page serves as redzone. */
    if ((flags & MEMHEAP_REDZONES) != 0 && !region->guarded)
        heap->padding = MEMHEAP_REDZONE;
    status = memheap_events_open(params, heap->name, flags, memory, log,
                                 &heap->events);
    if (status != MEMHEAP_OK)
        goto err_region;
    size_t longest =
        config->max_size - memheap_min(heap->lead, config->max_size);
    bool exported = is_exported(heap, flags);
    memheap_module_config_t module = {.size = region->size,
                                      .max_size =
                                          memheap_max(region->size, longest),
                                      .memory = memory};
    status = select_module(heap, &module);
    if (status != MEMHEAP_OK)
        goto err_notes;
    status = open_guard(heap);
    if (status != MEMHEAP_OK)
        goto err_module;
    heap->thread_caches.id = THREAD_CACHES_NONE;
    if (heap->locks && !heap->checks && heap->events == NULL && !exported &&
        !heap->of_job && (config->flags & MEMHEAP_ORDERED) == 0)
        status = memheap_thread_caches_open(heap, module.max_size);
    if (status != MEMHEAP_OK) {
        log_no_metadata(log);
        goto err_guard;
    }
    open_lock(heap);
    heap->after_place = heap->checks || heap->guard != NULL;
    memheap_set_trim(heap,
                     heap->guard != NULL && region->guarded ? 0 : heap->trim);
    heap->plain = !heap->locks && !exported && heap->events == NULL &&
                  heap->padding == 0 && !heap->after_place && !heap->after_free;
    memheap_plan_backing(heap);
    if (exported)
        open_stats_export(heap);
    if (heap->locks)
        memheap_process_add(heap);
    *heap_p = heap;
    return MEMHEAP_OK;

err_guard:
    memheap_guard_close(heap->guard);
err_module:
    heap->module->ops->destroy(heap->module);
err_notes:
    memheap_events_close(heap->events);
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
                                     memheap_t **heap_p)
{
    return create_heap(region, NULL, config, heap_p);
}

memheap_status_t memheap_create(const memheap_config_t *config,
                                memheap_t **heap_p)
{
    return memheap_create_at(NULL, config, heap_p);
}

memheap_status_t memheap_create_at(void *place, const memheap_config_t *config,
                                   memheap_t **heap_p)
{
    const memheap_log_t *log =
        config->log == NULL ? &memheap_log_stderr : config->log;
    const memheap_memory_policy_t *policy = &config->policy;
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
    if (policy->pages > MEMHEAP_PAGES_1G || policy->numa > MEMHEAP_NUMA_NODE ||
        (config->base != NULL && (policy->pages != MEMHEAP_PAGES_UNSET ||
                                  policy->numa != MEMHEAP_NUMA_UNSET))) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          config->base == NULL
                              ? "no such page kind or NUMA policy"
                              : "the range is the caller's: a heap over it "
                                "has no memory policy");
        return MEMHEAP_ERR_BAD_ARGUMENT;
    }
    return create_heap(NULL, place, config, heap_p);
}

/* Report on a heap that is destroyed, as the parameters ask. */
static void report(memheap_t *heap)
{
    uint64_t values[MEMHEAP_STAT_COUNT];
    memheap_report_t report = {.heap = heap, .values = values};
    memheap_stats_collect(heap, values);
    memheap_report_by_param(&report, heap->log);
    if (memheap_params_value(heap->framework.params, "MEMHEAP_LEAKS")->boolean)
        memheap_report_leaks(heap);
}

void memheap_end(memheap_t *heap)
{
    const memheap_memory_t *memory = heap->memory;
    if (!heap->of_job)
        report(heap);
    if (heap->locks)
        memheap_process_remove(heap);
    memheap_thread_caches_close(heap);
    if (heap->events != NULL && heap->events->trace != NULL)
        memheap_trace_write_names(heap->events->trace, heap);
    memheap_guard_close(heap->guard);
    heap->module->ops->destroy(heap->module);
    memheap_stats_export_close(heap->stats_export);
    memheap_events_close(heap->events);
    memheap_framework_close(&heap->framework);
    memheap_region_release(&heap->region);
    pthread_mutex_destroy(&heap->lock);
    memheap_memory_delete(memory, heap, sizeof(*heap));
}

memheap_status_t memheap_destroy(memheap_t *heap)
{
    if (heap == NULL)
        return MEMHEAP_OK;
    memheap_status_t status = memheap_dependents_check(
        &heap->dependents, "heap", heap->name, heap->log);
    if (status == MEMHEAP_OK)
        memheap_end(heap);
    return status;
}

void memheap_set_pe(memheap_t *heap, int pe, int pes)
{
    heap_lock(heap);
    memheap_stats_page_t *page =
        heap->stats_export == NULL
            ? NULL
            : memheap_stats_export_begin(heap->stats_export);
    if (page != NULL) {
        page->pe = pe;
        page->pes = pes;
        memheap_stats_export_end(page);
    }
    heap_unlock(heap);
}

void memheap_publish_wait(memheap_t *heap, const char *text, uint64_t since_ns,
                          uint64_t renewed_ns)
{
    if (heap->stats_export != NULL)
        memheap_stats_export_wait(heap->stats_export, text, since_ns,
                                  renewed_ns);
}

void memheap_pin_pages(memheap_t *heap)
{
    heap_lock(heap);
    heap->pinned = true;
    memheap_set_trim(heap, 0);
    heap_leave(heap);
}

void memheap_back_pinned(memheap_t *heap, size_t end)
{
    heap_lock(heap);
    if (end >= heap->back_at)
        memheap_back(heap, memheap_min(end, heap->region.huge.end),
                     memheap_min(end, heap->region.committed));
    heap_leave(heap);
}

void memheap_set_peer_windows(memheap_t *heap,
                              const memheap_peer_windows_t *windows)
{
    heap_lock(heap);
    heap->windows = *windows;
    if (heap->guard != NULL)
        memheap_guard_set_peer_windows(heap->guard, windows);
    heap_unlock(heap);
}

void memheap_normalize(memheap_t *heap)
{
    heap_lock(heap);
    if (heap->module->ops->normalize != NULL)
        heap->module->ops->normalize(heap->module);
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
        heap->region.size = heap->region.committed = new_size;
        if (heap->guard != NULL)
            memheap_guard_grown(heap->guard, old_size, new_size);
    }
    heap_unlock(heap);
    return status;
}
