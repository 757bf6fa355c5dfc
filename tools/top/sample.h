/*
 * Samples of all heaps that are watched.
 */
#ifndef MEMHEAP_TOOLS_TOP_SAMPLE_H
#define MEMHEAP_TOOLS_TOP_SAMPLE_H

#include "tools/common/live.h"
#include "tools/top/top.h"

/** What is known of a heap from previous samples. */
typedef struct tracked {
    bool seen; /* there is a previous sample */
    uint64_t allocations, frees;
    unsigned gone; /* samples since the heap ended */
    top_history_t history;
    /** Its call sites; see sites.h. */
    struct top_heap_sites *sites;
} tracked_t;

typedef struct sample {
    live_t live;
    tracked_t *tracked; /* of each heap of live */
    size_t tracked_count;
    double time;
    top_line_t *lines; /* refer to the heaps; until the next search */
    size_t count;      /* of lines */
    size_t gone;       /* lines of ended heaps */
    top_history_t history;
} sample_t;

/**
 * Take a sample of all heaps.
 *
 * @param forget  remove ended heaps after a while
 * @return false if memory is short
 */
bool sample_take(sample_t *sample, bool forget);

void sample_free(sample_t *sample);

#endif
