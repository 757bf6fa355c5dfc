/*
 * The table of call sites. The counts are copied under the heap's lock; what
 * takes long, the meaning of the frames, is found after that.
 */
#include "config.h"

#include "memheap/debug/site_table.h"
#include "memheap/inspect.h"
#include "base/text.h"
#include "base/util.h"

#include <stdlib.h>
#include <string.h>

enum {
    PLACES = 4 /* described for each call site that is wanted */
};

static int compare(uintptr_t a, uintptr_t b)
{
    return a < b ? -1 : a > b;
}

/* The return address that stands for a path's place, if it has one. */
static void *place_of(const memheap_site_path_t *path)
{
    return path->frame_count == 0 ? NULL : path->frames[0];
}

/* A stated line is a place of its own, and so has one path. */
static int compare_places(const memheap_site_path_t *x,
                          const memheap_site_path_t *y)
{
    int order = compare((uintptr_t)place_of(x), (uintptr_t)place_of(y));
    if (order == 0 && place_of(x) == NULL)
        order = compare(x->number, y->number);
    return order;
}

static int compare_paths(const void *a, const void *b)
{
    const memheap_site_path_t *x = a;
    const memheap_site_path_t *y = b;
    int order = compare_places(x, y);
    if (order == 0)
        order = compare(y->counts.peak, x->counts.peak);
    return order != 0 ? order : compare(x->number, y->number);
}

static int compare_peaks(const void *a, const void *b)
{
    const memheap_site_sum_t *x = a;
    const memheap_site_sum_t *y = b;
    int order = compare(y->stats.peak, x->stats.peak);
    if (order == 0)
        order = strcmp(x->stats.site, y->stats.site);
    return order != 0 ? order : compare(x->first, y->first);
}

static int compare_texts(const void *a, const void *b)
{
    const memheap_site_sum_t *x = a;
    const memheap_site_sum_t *y = b;
    int order = strcmp(x->stats.site, y->stats.site);
    return order != 0 ? order : compare(x->first, y->first);
}

static int compare_addresses(const void *a, const void *b)
{
    return compare(*(const uintptr_t *)a, *(const uintptr_t *)b);
}

static int compare_frames(const void *a, const void *b)
{
    const memheap_frame_t *x = a;
    const memheap_frame_t *y = b;
    return compare((uintptr_t)x->address, (uintptr_t)y->address);
}

static void add(memheap_site_stats_t *stats, size_t used, size_t peak,
                size_t live_blocks, uint64_t allocations, uint64_t bytes)
{
    stats->used += used;
    stats->peak += peak;
    stats->live_blocks += live_blocks;
    stats->allocations += allocations;
    stats->bytes += bytes;
}

/* Copy the call sites that have allocated. */
static bool copy_paths(memheap_site_table_t *table, memheap_t *heap)
{
    const memheap_records_t *records = heap_records(heap);
    heap_lock(heap);
    if (records != NULL && records->site_count > 0) {
        table->path_room = records->site_count;
        table->paths = memheap_memory_new(
            table->memory, table->path_room * sizeof(*table->paths));
    }
    for (uint32_t i = 0; table->paths != NULL && i < table->path_room; i++) {
        const memheap_site_counts_t *counts = memheap_records_site(records, i);
        if (counts->allocations > 0)
            table->paths[table->path_count++] =
                (memheap_site_path_t){.number = i, .counts = *counts};
    }
    heap_unlock(heap);
    for (size_t i = 0; i < table->path_count; i++) {
        memheap_site_path_t *path = &table->paths[i];
        path->frames = memheap_call_site_frames(&records->depot, path->number,
                                                &path->frame_count);
        path->frames =
            memheap_frames_of_program(path->frames, &path->frame_count);
    }
    if (table->path_count > 0)
        qsort(table->paths, table->path_count, sizeof(*table->paths),
              compare_paths);
    return table->path_count > 0;
}

/* Sum the paths of each place, and keep the greatest places. */
static bool sum_paths(memheap_site_table_t *table, size_t wanted)
{
    const memheap_site_path_t *path = table->paths;
    size_t size = table->path_count * sizeof(*table->places);
    table->places = memheap_memory_new(table->memory, size);
    table->sites = memheap_memory_new(table->memory, size);
    if (table->places == NULL || table->sites == NULL)
        return false;
    memheap_site_sum_t *place = NULL;
    for (size_t i = 0; i < table->path_count; i++) {
        if (i == 0 || compare_places(&path[i - 1], &path[i]) != 0) {
            place = &table->places[table->place_count++];
            *place = (memheap_site_sum_t){.first = i};
        }
        const memheap_site_counts_t *c = &path[i].counts;
        add(&place->stats, c->used, c->peak, c->live_blocks, c->allocations,
            c->bytes);
        place->count++;
    }
    qsort(table->places, table->place_count, sizeof(*table->places),
          compare_peaks);
    if (table->place_count / PLACES > wanted)
        table->place_count = wanted * PLACES;
    return true;
}

/* Collect the frames of all described paths, or the first one of each place.
 * Only count them if addresses is NULL. @return their number */
static size_t collect(const memheap_site_table_t *table, bool all,
                      uintptr_t *addresses)
{
    size_t count = 0;
    for (size_t i = 0; i < table->place_count; i++) {
        const memheap_site_sum_t *place = &table->places[i];
        size_t paths = all ? MEMHEAP_PLACE_PATHS : 1;
        paths = memheap_min(paths, place->count);
        for (size_t j = 0; j < paths; j++) {
            const memheap_site_path_t *path = &table->paths[place->first + j];
            for (int k = 0; k < path->frame_count && (all || k == 0); k++) {
                if (addresses != NULL)
                    addresses[count] = (uintptr_t)path->frames[k];
                count++;
            }
        }
    }
    return count;
}

/* Describe each frame once. */
static bool resolve(memheap_site_table_t *table, bool all)
{
    size_t room = collect(table, all, NULL);
    if (room == 0)
        return true;
    uintptr_t *addresses =
        memheap_memory_new(table->memory, room * sizeof(*addresses));
    if (addresses == NULL)
        return false;
    collect(table, all, addresses);
    qsort(addresses, room, sizeof(*addresses), compare_addresses);
    size_t count = 0;
    for (size_t i = 0; i < room; i++) {
        if (i == 0 || addresses[i] != addresses[count - 1])
            addresses[count++] = addresses[i];
    }
    table->frames =
        memheap_memory_new(table->memory, count * sizeof(*table->frames));
    if (table->frames != NULL) {
        table->frame_count = count;
        for (size_t i = 0; i < count; i++)
            table->frames[i].address = (void *)addresses[i];
        memheap_frames_resolve(table->frames, count);
    }
    memheap_memory_delete(table->memory, addresses, room * sizeof(*addresses));
    return table->frames != NULL;
}

/* Give the places their texts, and sum those with the same text. */
static void sum_places(memheap_site_table_t *table, memheap_t *heap)
{
    const memheap_stack_depot_t *depot = &heap_records(heap)->depot;
    for (size_t i = 0; i < table->place_count; i++) {
        memheap_site_stats_t *stats = &table->places[i].stats;
        const memheap_site_path_t *path = &table->paths[table->places[i].first];
        char text[MEMHEAP_CALL_SITE_TEXT];
        if (path->frame_count > 0) {
            memheap_text_copy(text, sizeof(text),
                              memheap_site_table_frame(table, path->frames[0]));
            text[strcspn(text, "\n")] = '\0';
        } else {
            memheap_call_site_describe(depot, path->number, text, sizeof(text));
        }
        memheap_text_copy(stats->site, sizeof(stats->site), text);
    }
    qsort(table->places, table->place_count, sizeof(*table->places),
          compare_texts);
    memheap_site_sum_t *site = NULL;
    for (size_t i = 0; i < table->place_count; i++) {
        const memheap_site_stats_t *stats = &table->places[i].stats;
        if (i > 0 && strcmp(stats->site, site->stats.site) == 0) {
            add(&site->stats, stats->used, stats->peak, stats->live_blocks,
                stats->allocations, stats->bytes);
            site->count++;
        } else {
            site = &table->sites[table->site_count++];
            *site = (memheap_site_sum_t){*stats, i, 1};
        }
    }
    qsort(table->sites, table->site_count, sizeof(*table->sites),
          compare_peaks);
}

bool memheap_site_table_make(memheap_site_table_t *table, memheap_t *heap,
                             size_t wanted)
{
    *table = (memheap_site_table_t){.memory = heap->memory};
    if (copy_paths(table, heap) && sum_paths(table, wanted) &&
        resolve(table, wanted == SIZE_MAX)) {
        sum_places(table, heap);
        return true;
    }
    memheap_site_table_free(table);
    return false;
}

static void discard(const memheap_site_table_t *table, void *array, size_t size)
{
    if (array != NULL)
        memheap_memory_delete(table->memory, array, size);
}

void memheap_site_table_free(memheap_site_table_t *table)
{
    size_t room = table->path_count; /* of places and sites too */
    discard(table, table->paths, table->path_room * sizeof(*table->paths));
    discard(table, table->places, room * sizeof(*table->places));
    discard(table, table->sites, room * sizeof(*table->sites));
    discard(table, table->frames, table->frame_count * sizeof(*table->frames));
    *table = (memheap_site_table_t){.memory = NULL};
}

const char *memheap_site_table_frame(const memheap_site_table_t *table,
                                     void *address)
{
    const memheap_frame_t key = {.address = address};
    const memheap_frame_t *frame =
        bsearch(&key, table->frames, table->frame_count, sizeof(*table->frames),
                compare_frames);
    return frame == NULL ? "" : frame->text;
}

size_t memheap_get_site_stats(memheap_t *heap, memheap_site_stats_t *sites,
                              size_t room)
{
    memheap_site_table_t table;
    if (!memheap_site_table_make(&table, heap, room))
        return 0;
    size_t count = memheap_min(table.site_count, room);
    for (size_t i = 0; i < count; i++)
        sites[i] = table.sites[i].stats;
    memheap_site_table_free(&table);
    return count;
}
