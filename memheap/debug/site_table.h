/*
 * Who allocates: the call sites of a heap with their counts, and the paths that
 * lead to each.
 *
 *     site    "grow at mesh.c:12"         a line of the program
 *     place   0x5581...2c, 0x5581...71    the calls that are in that line
 *     path    grow < refine < main        a stack that leads to a call
 *
 * Places are ordered by their text, so those of a site lie side by side; so do
 * the paths of a place.
 */
#ifndef MEMHEAP_DEBUG_SITE_TABLE_H
#define MEMHEAP_DEBUG_SITE_TABLE_H

#include <memheap/memheap.h>
#include "memheap/debug/frames.h"
#include "memheap/debug/records.h"

enum {
    MEMHEAP_PLACE_PATHS = 100 /* paths of a place that are described */
};

typedef struct memheap_site_path {
    memheap_call_site_t number;
    memheap_site_counts_t counts;
    void *const *frames; /* in the program, the innermost one first */
    int frame_count;     /* 0: the program states file and line */
} memheap_site_path_t;

/** The sum of `count` parts from `first` on: of a site its places, of a place
 *  its paths. */
typedef struct memheap_site_sum {
    memheap_site_stats_t stats;
    size_t first, count;
} memheap_site_sum_t;

typedef struct memheap_site_table {
    const memheap_memory_t *memory;
    memheap_site_path_t *paths; /* of a place, the greatest peak first */
    memheap_site_sum_t *places;
    memheap_site_sum_t *sites; /* the greatest peak first */
    memheap_frame_t *frames;   /* of the described paths, by address */
    size_t path_count, place_count, site_count, frame_count;
    size_t path_room; /* of places and sites, it is path_count */
} memheap_site_table_t;

/**
 * Make the table. May run addr2line(1), which takes a while.
 *
 * @param wanted  the number of sites that the caller needs, those with the
 *                greatest peaks; SIZE_MAX for all sites and the frames of their
 *                paths
 * @return false if the heap has no call sites, or there is no memory. Otherwise
 *         the caller frees the table.
 */
bool memheap_site_table_make(memheap_site_table_t *table, memheap_t *heap,
                             size_t wanted);

void memheap_site_table_free(memheap_site_table_t *table);

/** What a frame of a path means, as the text of a memheap_frame_t. */
const char *memheap_site_table_frame(const memheap_site_table_t *table,
                                     void *address);

#endif
