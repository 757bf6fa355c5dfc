/*
 * Heaps as a whole, made, grown, settled and ended; and the blocks in them.
 *
 * A block that grows by less than a quarter and has to move gets room for a
 * quarter more, if there is some, and keeps it until it shrinks by more: so a
 * block that grows in many steps is copied a number of times that grows as the
 * logarithm of its size.
 */
#include "config.h"

#include "memheap/heap_inside.h"
#include "memheap/checker.h"
#include "memheap/report.h"
#include "base/machine.h"
#include "base/pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH_ON_STACK = 128
};

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

void memheap_set_windows(memheap_t *heap, const memheap_windows_on_t *windows)
{
    heap_lock(heap);
    if (heap->guard != NULL)
        memheap_guard_set_windows(heap->guard, windows);
    heap_unlock(heap);
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
