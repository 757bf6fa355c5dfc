/*
 * Inspecting a heap: statistics, blocks, tags, and what lies at an address; for
 * the program, and for other processes that read its stats page.
 *
 * Nothing here changes a block.
 */
#include "config.h"

#include "memheap/inspect.h"
#include "base/address.h"
#include "base/pages.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The statistics but `resident`. The caller holds the lock and has stopped the
 * thread caches. */
static void collect_stats(const memheap_t *heap, memheap_stats_t *stats)
{
    memheap_module_stats_t module;
    thread_tally_t cached = memheap_thread_caches_tally(heap);
    heap->module->ops->stats(heap->module, &module);
    *stats = (memheap_stats_t){
        .size = module.size,
        .committed = heap->region.committed,
        .used = module.used - cached.bytes,
        .free = module.size - module.used + cached.bytes,
        .largest_free = module.largest_free,
        .peak = heap->peak,
        .high_water = heap->high_water,
        .metadata =
            module.metadata + sizeof(*heap) + cached.metadata +
            (heap->events == NULL ? 0 : memheap_events_size(heap->events)),
        .allocations = heap->module->allocations + cached.allocations,
        .frees = heap->module->frees + cached.frees,
        .resizes = heap->resizes + cached.resizes,
        .failures = heap->failures,
    };
    stats->live_blocks = (size_t)(stats->allocations - stats->frees);
    if (stats->free > 0)
        stats->fragmentation =
            1 - (double)stats->largest_free / (double)stats->free;
}

size_t memheap_resident(memheap_t *heap)
{
    heap_lock(heap);
    memheap_region_t region = heap->region;
    size_t high = heap->high_water;
    heap_unlock(heap);
    return memheap_region_resident(&region, high);
}

void memheap_get_stats(memheap_t *heap, memheap_stats_t *stats)
{
    heap_lock(heap);
    memheap_thread_caches_stop(heap);
    collect_stats(heap, stats);
    heap_unlock(heap);
    stats->resident = memheap_resident(heap);
}

memheap_status_t memheap_get_placement(memheap_t *heap,
                                       memheap_placement_t *placement)
{
    heap_lock(heap);
    memheap_region_t region = heap->region;
    memheap_peer_windows_t windows = heap->windows;
    size_t high =
        region.kind == MEMHEAP_REGION_FOREIGN ? region.size : heap->high_water;
    heap_unlock(heap);
    return memheap_pages_query(&region, high, windows.base,
                               windows.stride * (size_t)windows.count,
                               placement, heap->log);
}

/* The visit of a caller. The module passes offsets to it. */
typedef struct walk {
    const memheap_t *heap;
    bool (*visit)(void *context, const memheap_block_t *block);
    void *context;
} walk_t;

static bool visit_extent(void *context, const memheap_extent_t *extent)
{
    const walk_t *walk = context;
    const memheap_records_t *records = heap_records(walk->heap);
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

void memheap_walk(memheap_t *heap,
                  bool (*visit)(void *context, const memheap_block_t *block),
                  void *context)
{
    walk_t walk = {heap, visit, context};
    heap_lock(heap);
    memheap_thread_caches_empty(heap);
    heap->module->ops->walk(heap->module, visit_extent, &walk);
    heap_unlock(heap);
}

memheap_status_t memheap_check(memheap_t *heap)
{
    heap_lock(heap);
    memheap_thread_caches_stop(heap);
    memheap_status_t status = heap->module->ops->check(heap->module);
    if (status == MEMHEAP_OK)
        status = memheap_thread_caches_check(heap);
    heap_unlock(heap);
    return status;
}

/* Add a block to the list on the stats page. */
static bool list_extent(void *context, const memheap_extent_t *extent)
{
    memheap_t *heap = context;
    const memheap_records_t *records = heap_records(heap);
    memheap_stats_block_t block = {
        .offset = extent->offset, .size = extent->size, .live = extent->live};
    const memheap_record_t *record =
        records == NULL || !extent->live
            ? NULL
            : memheap_records_find(records, extent->offset);
    if (record != NULL) {
        block.number = record->number;
        block.asked = record->asked;
        block.tag = (uint16_t)record->tag;
        block.site = record->site;
    }
    memheap_stats_export_list_add(heap->stats_export, &block);
    return true;
}

/* Add a call site to the list on the stats page. */
static void list_site(memheap_t *heap, memheap_call_site_t number)
{
    const memheap_records_t *records = heap_records(heap);
    const memheap_site_counts_t *counts = memheap_records_site(records, number);
    memheap_stats_site_t site = {.used = counts->used,
                                 .peak = counts->peak,
                                 .live_blocks = counts->live_blocks,
                                 .allocations = counts->allocations,
                                 .bytes = counts->bytes};
    site.frames = (uint64_t)memheap_call_site_copy(
        &records->depot, number, site.place.frame, site.place.text,
        sizeof(site.place.text));
    memheap_stats_export_list_add_site(heap->stats_export, &site);
}

static MEMHEAP_NOINLINE void list_blocks(memheap_t *heap)
{
    const memheap_records_t *records = heap_records(heap);
    memheap_stats_kind_t kind =
        memheap_stats_export_list_begin(heap->stats_export);
    if (kind == MEMHEAP_STATS_ALL)
        heap->module->ops->walk(heap->module, list_extent, heap);
    for (uint32_t i = 0; records != NULL && i < records->tag_count; i++)
        memheap_stats_export_list_add_tag(
            heap->stats_export, memheap_records_tag(records, i)->name);
    for (uint32_t i = 0; records != NULL && i < records->site_count; i++)
        list_site(heap, i);
    memheap_stats_export_list_end(heap->stats_export);
}

/* Publish the statistics that take longer, and the list of blocks if a reader
 * asks for it. */
static MEMHEAP_NOINLINE void publish_all(memheap_t *heap,
                                         memheap_stats_page_t *page)
{
    collect_stats(heap, &page->stats);
    if (memheap_stats_export_is_list_due(page))
        list_blocks(heap);
}

void memheap_publish_stats(memheap_t *heap)
{
    const memheap_module_t *module = heap->module;
    memheap_stats_page_t *page = memheap_stats_export_begin(heap->stats_export);
    if (page == NULL)
        return;
    if (MEMHEAP_UNLIKELY(memheap_stats_export_is_due(heap->stats_export) ||
                         memheap_stats_export_is_list_due(page)))
        publish_all(heap, page);
    page->stats.used = module->used;
    page->stats.live_blocks = heap_live_blocks(heap);
    page->stats.allocations = module->allocations;
    page->stats.peak = heap->peak;
    page->stats.high_water = heap->high_water;
    page->stats.committed = heap->region.committed;
    page->stats.resizes = heap->resizes;
    page->stats.failures = heap->failures;
    memheap_stats_export_end(page);
}

bool memheap_get_tag_stats(memheap_t *heap, unsigned index,
                           memheap_tag_stats_t *stats)
{
    const memheap_records_t *records = heap_records(heap);
    heap_lock(heap);
    bool known = records != NULL && index < records->tag_count;
    if (known)
        *stats = *memheap_records_tag(records, index);
    heap_unlock(heap);
    return known;
}

char *memheap_block_call_site(memheap_t *heap, const void *block, char *text,
                              size_t room)
{
    const memheap_records_t *records = heap_records(heap);
    const memheap_record_t *record = NULL;
    heap_lock(heap);
    if (records != NULL)
        record = memheap_records_find(records, heap_offset_of(heap, block));
    memheap_call_site_t site = record == NULL ? 0 : record->site;
    heap_unlock(heap);
    if (record == NULL)
        snprintf(text, room, "%s", "");
    else /* the depot only grows, and never moves */
        memheap_call_site_describe(&records->depot, site, text, room);
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

/* Describe the freed block at an address. @return false if it is not known */
static bool find_freed(memheap_t *heap, const void *address, char *text,
                       size_t room)
{
    if (heap->guard == NULL)
        return false;
    heap_lock(heap);
    bool found = memheap_guard_describe_freed(
        heap->guard, heap_offset_of(heap, address), text, room);
    heap_leave(heap);
    return found;
}

char *memheap_describe(memheap_t *heap, const void *address, char *text,
                       size_t room)
{
    char place[MEMHEAP_ADDRESS_TEXT];
    size_t size = heap->module->size;
    if (heap_offset_of(heap, address) >= size) {
        snprintf(text, room,
                 "%p is no address of heap \"%s\", which lies from %p to %p: "
                 "it is %s",
                 address, heap->name, (void *)heap->base,
                 (void *)(heap->base + size),
                 memheap_address_describe(address, place, sizeof(place)));
        return text;
    }
    search_t search = {.address = (uintptr_t)address};
    memheap_walk(heap, search_block, &search);
    const memheap_block_t *block = &search.found;
    size_t distance = (size_t)(search.address - (uintptr_t)block->address);
    char more[2 * MEMHEAP_CALL_SITE_TEXT];
    if (!block->live && find_freed(heap, address, more, sizeof(more)))
        snprintf(text, room, "%p is no block of heap \"%s\": it lies %s",
                 address, heap->name, more);
    else if (!block->live)
        snprintf(text, room,
                 "%p is no block of heap \"%s\": it lies in free space of %zu "
                 "bytes, and may have been freed before",
                 address, heap->name, block->size);
    else if (distance > 0)
        snprintf(
            text, room,
            "%p is no block of heap \"%s\": it lies %zu bytes into the "
            "block of %zu bytes at %p%s%s",
            address, heap->name, distance, block->size, block->address,
            heap_records(heap) == NULL ? "" : ", allocated from ",
            memheap_block_call_site(heap, block->address, more, sizeof(more)));
    else
        snprintf(text, room, "%p is a block of %zu bytes in heap \"%s\"",
                 address, block->size, heap->name);
    return text;
}

memheap_status_t memheap_bad_address(memheap_t *heap, const char *call,
                                     const void *address)
{
    char text[512];
    memheap_log_write(heap->log, MEMHEAP_LOG_ERROR, "%s: %s", call,
                      memheap_describe(heap, address, text, sizeof(text)));
    return MEMHEAP_ERR_BAD_ADDRESS;
}
