/*
 * A map of heaps over time, as a picture.
 */
#ifndef MEMHEAP_TOOLS_REPLAY_MAP_H
#define MEMHEAP_TOOLS_REPLAY_MAP_H

#include "tools/common/trace.h"

#include <stdio.h>

enum {
    MAP_COLUMNS = 480, /* steps of time */
    MAP_ROWS = 360     /* steps of addresses */
};

/** One heap, sampled over a trace. */
typedef struct map_panel {
    const char *title;
    size_t footprint; /* behind the highest byte that was ever handed out */
    size_t columns;
    size_t live[MAP_COLUMNS]; /* bytes, as asked for */
    /** What covers most of a cell, and how much of it; 0 if nothing does. */
    unsigned char cell[MAP_ROWS][MAP_COLUMNS];
} map_panel_t;

/**
 * Replay a trace on a heap of this process, and sample it; the panel's title is
 * the caller's to set.
 *
 * @param footprint  of the trace with this component
 * @param scale      bytes that the rows cover, the same for all panels
 * @param blocks     one for each slot, all zero before and after
 * @return false, logged, if there is no such heap
 */
bool map_sample(map_panel_t *panel, const char *component, const trace_t *trace,
                size_t footprint, size_t scale, block_t *blocks);

/**
 * Write panels, two side by side, as an SVG picture. Errors stay with the file.
 *
 * @param scale  as map_sample() had it
 */
void map_write(FILE *file, const trace_t *trace, const map_panel_t *panels,
               size_t count, size_t scale);

#endif
