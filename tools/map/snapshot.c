/*
 * Takes snapshots of running heaps.
 */
#include "config.h"

#include "tools/map/map.h"
#include "tools/common/cli.h"
#include "base/util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    POLL_MS = 2
};

void snapshot_free(snapshot_t *snapshot)
{
    free(snapshot->blocks);
    free(snapshot->lives);
    free(snapshot->tags);
    free(snapshot->sites);
    *snapshot = (snapshot_t){.blocks = NULL};
}

static void pause_shortly(void)
{
    struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    nanosleep(&pause, NULL);
}

void snapshot_ask(live_heap_t *heap, double end)
{
    for (;;) {
        listing_ask(heap, MEMHEAP_STATS_ALL);
        if (heap->locked || cli_now() >= end)
            break;
        pause_shortly();
    }
}

/* The end of the last live block. */
static size_t end_of_live(const snapshot_t *snapshot)
{
    size_t end = 0;
    for (size_t i = 0; i < snapshot->count; i++) {
        if (snapshot->blocks[i].live != 0)
            end = snapshot->blocks[i].offset + snapshot->blocks[i].size;
    }
    return end;
}

bool snapshot_set_sites(snapshot_t *snapshot, const places_t *places,
                        const map_site_t *counts, size_t *number, size_t count)
{
    /* The index of each text in snapshot->sites, plus 1. */
    size_t *row = calloc(places->count + 1, sizeof(*row));
    snapshot->sites = calloc(count + 1, sizeof(*snapshot->sites));
    bool good = row != NULL && snapshot->sites != NULL;
    for (size_t i = 0; i < count && good; i++) {
        const map_site_t *from = &counts[i];
        if (from->allocations == 0) {
            number[i] = SIZE_MAX;
            continue;
        }
        size_t *at = &row[number[i]];
        if (*at == 0)
            *at = ++snapshot->site_count;
        map_site_t *site = &snapshot->sites[*at - 1];
        site->text = places->text[number[i]];
        site->used += from->used;
        site->peak += from->peak;
        site->live_blocks += from->live_blocks;
        site->allocations += from->allocations;
        site->bytes += from->bytes;
        number[i] = *at - 1;
    }
    free(row);
    return good;
}

/* Find the texts of the call sites. Returns false if memory is short. */
static bool take_sites(const live_heap_t *heap, const listing_t *listing,
                       places_t *places, snapshot_t *snapshot)
{
    size_t count = listing->site_count;
    size_t *number = calloc(count + 1, sizeof(*number));
    map_site_t *counts = calloc(count + 1, sizeof(*counts));
    bool good = number != NULL && counts != NULL &&
                places_find(places, heap->pid, listing->sites, count, number);
    for (size_t i = 0; i < count && good; i++) {
        const memheap_stats_site_t *from = &listing->sites[i];
        counts[i] = (map_site_t){.used = from->used,
                                 .peak = from->peak,
                                 .live_blocks = from->live_blocks,
                                 .allocations = from->allocations,
                                 .bytes = from->bytes};
    }
    good = good && snapshot_set_sites(snapshot, places, counts, number, count);
    for (size_t i = 0; i < snapshot->count && good; i++) {
        memheap_stats_block_t *block = &snapshot->blocks[i];
        size_t site = block->number > 0 && block->site < count
                          ? number[block->site]
                          : SIZE_MAX;
        block->site = (uint32_t)memheap_min(site, UINT32_MAX);
    }
    free(counts);
    free(number);
    return good;
}

/* Copy the list of a heap. Returns 0 or an error number; EBADMSG if the list is
 * damaged. */
static int take_list(live_heap_t *heap, places_t *places, snapshot_t *snapshot)
{
    listing_t listing;
    int error = listing_take(heap, &listing);
    snapshot->stats = listing.stats;
    if (error == 0) {
        snapshot->blocks = listing.blocks;
        snapshot->count = listing.count;
        snapshot->tags = listing.tags;
        snapshot->tag_count = listing.tag_count;
        listing.blocks = NULL;
        listing.tags = NULL;
        error = take_sites(heap, &listing, places, snapshot) ? 0 : ENOMEM;
    }
    listing_free(&listing);
    return error;
}

/* Wait until the heap has published the list. */
static bool is_answered(live_heap_t *heap, double wait)
{
    double end = cli_now() + wait;
    while (!heap->gone) {
        if (listing_is_there(heap))
            return true;
        if (cli_now() >= end)
            break;
        pause_shortly();
    }
    return false;
}

bool snapshot_fetch(live_heap_t *heap, int pe, double wait, places_t *places,
                    snapshot_t *snapshot, char *message)
{
    const memheap_stats_page_t *page = &heap->page;
    char of_pe[32] = "";
    bool good = false;
    *snapshot = (snapshot_t){.pe = pe, .pid = heap->pid};
    snprintf(snapshot->name, MAP_NAME, "%s", page->name);
    snprintf(snapshot->component, MAP_NAME, "%s", page->component);
    if (pe >= 0)
        snprintf(of_pe, sizeof(of_pe), "PE %d, ", pe);
    snprintf(snapshot->title, MAP_TITLE, "%sprocess %ld: %s, %s", of_pe,
             (long)heap->pid, page->name, page->component);
    if (!heap->locked) {
        snprintf(message, MAP_MESSAGE,
                 "another program has looked at heap \"%s\" of process %ld "
                 "for %g s",
                 page->name, (long)heap->pid, wait);
    } else if (!heap->gone && is_answered(heap, wait)) {
        int error = take_list(heap, places, snapshot);
        good = error == 0;
        if (!good)
            snprintf(message, MAP_MESSAGE,
                     "the blocks of heap \"%s\" of process %ld cannot be read "
                     "(%s)",
                     page->name, (long)heap->pid,
                     error == EBADMSG ? "the list is damaged"
                                      : strerror(error));
    } else if (heap->error != 0) {
        snprintf(message, MAP_MESSAGE,
                 "heap \"%s\" of process %ld cannot be read (%s)", page->name,
                 (long)heap->pid, strerror(heap->error));
    } else if (heap->gone) {
        snprintf(message, MAP_MESSAGE, "heap \"%s\" of process %ld has ended",
                 page->name, (long)heap->pid);
    } else {
        snprintf(
            message, MAP_MESSAGE,
            "heap \"%s\" of process %ld was not called for %g s, and shows "
            "its blocks at the end of a call; try a longer --wait",
            page->name, (long)heap->pid, wait);
    }
    listing_end(heap);
    if (good)
        snapshot->reach = memheap_max(
            end_of_live(snapshot),
            memheap_min(snapshot->stats.high_water, snapshot->stats.size));
    else
        snapshot_free(snapshot);
    return good;
}

static int compare_lives(const void *a, const void *b)
{
    const life_t *x = a;
    const life_t *y = b;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

bool snapshot_live(snapshot_t *snapshot)
{
    snapshot->lives = calloc(snapshot->count + 1, sizeof(*snapshot->lives));
    if (snapshot->lives == NULL)
        return false;
    for (size_t i = 0; i < snapshot->count; i++) {
        const memheap_stats_block_t *block = &snapshot->blocks[i];
        if (block->live == 0)
            continue;
        snapshot->lives[snapshot->life_count++] =
            (life_t){.from = block->number,
                     .offset = block->offset,
                     .size = block->size,
                     .asked = block->asked,
                     .tag = block->tag < snapshot->tag_count ? block->tag : 0,
                     .site = block->site};
    }
    qsort(snapshot->lives, snapshot->life_count, sizeof(*snapshot->lives),
          compare_lives);
    snapshot->moments = snapshot->stats.allocations;
    return true;
}
