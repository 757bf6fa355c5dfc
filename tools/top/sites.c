/*
 * Collects, sums up and writes call sites.
 */
#include "config.h"

#include "tools/top/sites.h"
#include "base/text.h"
#include "tools/common/listing.h"
#include "tools/top/columns.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The last list of a heap. */
typedef struct top_heap_sites {
    bool has_records;
    memheap_stats_site_t *site;
    size_t *number; /* of the text of each site */
    size_t count;
} top_heap_sites_t;

void top_heap_sites_free(top_heap_sites_t *sites)
{
    if (sites == NULL)
        return;
    free(sites->site);
    free(sites->number);
    free(sites);
}

/* Take the list of a heap. The last one stays if this one is damaged. Returns
 * false if memory is short. */
static bool take(places_t *places, live_heap_t *heap, tracked_t *tracked)
{
    listing_t listing;
    bool good = true;
    if (listing_take(heap, &listing) == 0) {
        top_heap_sites_t *taken = calloc(1, sizeof(*taken));
        size_t *number = calloc(listing.site_count + 1, sizeof(*number));
        good = taken != NULL && number != NULL &&
               places_find(places, heap->pid, listing.sites, listing.site_count,
                           number);
        if (good) {
            *taken = (top_heap_sites_t){listing.tag_count > 0, listing.sites,
                                        number, listing.site_count};
            listing.sites = NULL;
            top_heap_sites_free(tracked->sites);
            tracked->sites = taken;
        } else {
            free(taken);
            free(number);
        }
    }
    listing_free(&listing);
    return good;
}

/* Compare by bytes now, then by their peak. */
static int compare(const void *a, const void *b)
{
    const top_site_t *x = a;
    const top_site_t *y = b;
    if (x->used != y->used)
        return x->used > y->used ? -1 : 1;
    if (x->peak != y->peak)
        return x->peak > y->peak ? -1 : 1;
    int order = strcmp(x->text, y->text);
    return order != 0 ? order : strcmp(x->heap, y->heap);
}

/* A table of the sites of heaps of one name, by the number of their text. */
static top_site_t *row_of(top_sites_t *sites, size_t *row, const char *heap,
                          size_t number)
{
    if (row[number] == 0) {
        sites->site[sites->count++] =
            (top_site_t){.heap = heap, .text = sites->places.text[number]};
        row[number] = sites->count;
    }
    return &sites->site[row[number] - 1];
}

static void add_heap(top_sites_t *sites, size_t *row, const char *name,
                     const top_heap_sites_t *heap)
{
    for (size_t i = 0; i < heap->count; i++) {
        const memheap_stats_site_t *from = &heap->site[i];
        if (from->allocations == 0)
            continue;
        top_site_t *site = row_of(sites, row, name, heap->number[i]);
        site->used += from->used;
        site->peak += from->peak;
        site->live_blocks += from->live_blocks;
        site->allocations += from->allocations;
        site->bytes += from->bytes;
    }
}

/* Whether a heap of this name comes before heap number index. */
static bool is_repeated(const live_t *live, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(live->heap[i].page.name, live->heap[index].page.name) == 0)
            return true;
    }
    return false;
}

static bool sum_up(top_sites_t *sites, const sample_t *sample)
{
    const live_t *live = &sample->live;
    size_t room = 1;
    for (size_t i = 0; i < sample->tracked_count; i++)
        room += sample->tracked[i].sites == NULL
                    ? 0
                    : sample->tracked[i].sites->count;
    free(sites->site);
    sites->site = calloc(room, sizeof(*sites->site));
    size_t *row = calloc(sites->places.count + 1, sizeof(*row));
    sites->count = sites->heaps = sites->unrecorded = sites->silent = 0;
    bool good = sites->site != NULL && row != NULL;
    for (size_t i = 0; i < sample->tracked_count && good; i++) {
        const char *name = live->heap[i].page.name;
        const top_heap_sites_t *own = sample->tracked[i].sites;
        if (live->heap[i].gone)
            continue;
        sites->heaps += own != NULL && own->has_records;
        sites->unrecorded += own != NULL && !own->has_records;
        sites->silent += own == NULL;
        if (is_repeated(live, i))
            continue;
        memset(row, 0, sites->places.count * sizeof(*row));
        for (size_t k = i; k < sample->tracked_count; k++) {
            if (sample->tracked[k].sites != NULL && !live->heap[k].gone &&
                strcmp(live->heap[k].page.name, name) == 0)
                add_heap(sites, row, name, sample->tracked[k].sites);
        }
    }
    free(row);
    if (good && sites->count > 0)
        qsort(sites->site, sites->count, sizeof(*sites->site), compare);
    return good;
}

bool top_sites_ask(top_sites_t *sites, sample_t *sample)
{
    for (size_t i = 0; i < sample->tracked_count; i++) {
        if (!sample->live.heap[i].gone)
            listing_ask(&sample->live.heap[i], MEMHEAP_STATS_SITES);
    }
    sites->asked = true;
    return sum_up(sites, sample);
}

bool top_sites_collect(top_sites_t *sites, sample_t *sample)
{
    bool good = true;
    for (size_t i = 0; i < sample->tracked_count && good; i++) {
        live_heap_t *heap = &sample->live.heap[i];
        if (listing_is_there(heap))
            good = take(&sites->places, heap, &sample->tracked[i]);
    }
    top_sites_stop(sites, sample);
    return good && sum_up(sites, sample);
}

void top_sites_stop(top_sites_t *sites, sample_t *sample)
{
    for (size_t i = 0; i < sample->live.count; i++) {
        if (sample->live.heap[i].locked)
            listing_end(&sample->live.heap[i]);
    }
    sites->asked = false;
}

/* Write what is summed up, and what is missing. */
static void write_notes(FILE *file, const top_sites_t *sites)
{
    size_t all = sites->heaps + sites->unrecorded + sites->silent;
    if (sites->heaps > 0)
        fprintf(file, "call sites, summed over %zu of %zu heap%s:\n",
                sites->heaps, all, all == 1 ? "" : "s");
    if (sites->unrecorded > 0)
        fprintf(file,
                "%zu of %zu heap%s keep%s no records; start the program with "
                "MEMHEAP_RECORDS=1\n",
                sites->unrecorded, all, all == 1 ? "" : "s",
                sites->unrecorded == 1 ? "s" : "");
    if (sites->silent > 0)
        fprintf(file,
                "%zu of %zu heap%s %s not called; call sites are written at "
                "the end of a call\n",
                sites->silent, all, all == 1 ? "" : "s",
                sites->silent == 1 ? "was" : "were");
}

void top_sites_table(FILE *file, const top_face_t *face,
                     const top_sites_t *sites, size_t width)
{
    enum {
        NUMBERS = 40, /* width of the columns before the heap */
        HEAP = 10
    };
    bool several = false;
    for (size_t i = 1; i < sites->count; i++)
        several =
            several || strcmp(sites->site[i].heap, sites->site[0].heap) != 0;
    putc('\n', file);
    write_notes(file, sites);
    if (sites->heaps == 0)
        return;
    fprintf(file, "%s%7s %8s %7s %7s %5s%s  %s%s\n", top_style(face, TOP_TITLE),
            "NOW", "AT MOST", "IN ALL", "CALLS", "LIVE",
            several ? "  HEAP     " : "", "CALL SITE",
            top_style(face, TOP_PLAIN));
    size_t before = NUMBERS + (several ? HEAP + 1 : 0);
    for (size_t i = 0; i < sites->count; i++) {
        const top_site_t *site = &sites->site[i];
        char text[5][TOP_CELL];
        char heap[TOP_CELL] = "";
        char *place = strdup(site->text);
        top_bytes(text[0], (double)site->used);
        top_bytes(text[1], (double)site->peak);
        top_bytes(text[2], (double)site->bytes);
        top_count(text[3], (double)site->allocations);
        top_count(text[4], (double)site->live_blocks);
        if (several)
            top_text(heap, site->heap, HEAP - 1);
        fprintf(file, "%7s %8s %7s %7s %5s", text[0], text[1], text[2], text[3],
                text[4]);
        if (several)
            fprintf(file, "  %-*s", HEAP - 1, heap);
        if (place != NULL && width > before)
            place[memheap_text_fit(place, width - before + 1)] = '\0';
        fprintf(file, "  %s\n", place == NULL ? "" : place);
        free(place);
    }
}

void top_sites_json(memheap_json_t *json, const top_sites_t *sites)
{
    memheap_json_object(json, "sites_of");
    memheap_json_number(json, "heaps", sites->heaps);
    memheap_json_number(json, "without_records", sites->unrecorded);
    memheap_json_number(json, "not_called", sites->silent);
    memheap_json_end(json);
    memheap_json_array(json, "sites");
    for (size_t i = 0; i < sites->count; i++) {
        const top_site_t *site = &sites->site[i];
        memheap_json_object(json, NULL);
        memheap_json_string(json, "heap", site->heap);
        memheap_json_string(json, "site", site->text);
        memheap_json_number(json, "used", site->used);
        memheap_json_number(json, "peak", site->peak);
        memheap_json_number(json, "live_blocks", site->live_blocks);
        memheap_json_number(json, "allocations", site->allocations);
        memheap_json_number(json, "bytes", site->bytes);
        memheap_json_end(json);
    }
    memheap_json_end(json);
}

void top_sites_free(top_sites_t *sites)
{
    places_free(&sites->places);
    free(sites->site);
    *sites = (top_sites_t){.site = NULL};
}
