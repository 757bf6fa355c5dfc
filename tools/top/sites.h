/*
 * Call sites of all heaps that are watched.
 *
 * Heaps are asked at each sample. What came is collected some time before the
 * next one, so that other readers, such as memheap-map, get the lock of a heap
 * in between.
 */
#ifndef MEMHEAP_TOOLS_TOP_SITES_H
#define MEMHEAP_TOOLS_TOP_SITES_H

#include "tools/common/places.h"
#include "tools/top/sample.h"

/** The counts of a call site, summed over the heaps of one name. */
typedef struct top_site {
    const char *heap;
    const char *text;
    uint64_t used, peak, live_blocks, allocations, bytes;
} top_site_t;

typedef struct top_sites {
    bool asked; /* and not collected yet */
    places_t places;
    top_site_t *site; /* by bytes now; refer to the heaps as lines do */
    size_t count;
    size_t heaps;      /* that are summed */
    size_t unrecorded; /* heaps without records */
    size_t silent;     /* heaps that have not written theirs */
} top_sites_t;

/** Send requests, and sum up what is known. Returns false if memory is short.
 */
bool top_sites_ask(top_sites_t *sites, sample_t *sample);

/** Take what came, withdraw the other requests, and sum up. Returns false if
 *  memory is short. */
bool top_sites_collect(top_sites_t *sites, sample_t *sample);

/** Withdraw requests. */
void top_sites_stop(top_sites_t *sites, sample_t *sample);

void top_sites_table(FILE *file, const top_face_t *face,
                     const top_sites_t *sites, size_t width);

/** Write them as members of the open object. */
void top_sites_json(memheap_json_t *json, const top_sites_t *sites);

/** Free the call sites of one heap. NULL is ignored. */
void top_heap_sites_free(struct top_heap_sites *sites);

void top_sites_free(top_sites_t *sites);

#endif
