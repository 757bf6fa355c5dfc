/*
 * Draws the use of heaps over time.
 */
#ifndef MEMHEAP_TOOLS_REPLAY_MAP_H
#define MEMHEAP_TOOLS_REPLAY_MAP_H

#include "tools/common/trace.h"

#include <stdio.h>

enum {
    MAP_COLUMNS = 480, /* columns: time */
    MAP_ROWS = 360     /* rows: addresses */
};

/** The samples of one heap over a trace. */
typedef struct map_panel {
    const char *title;
    size_t footprint; /* bytes up to the end of the highest block */
    size_t columns;
    size_t live[MAP_COLUMNS]; /* live bytes, by requested sizes */
    /** The values of draw_cell(). */
    unsigned char cell[MAP_ROWS][MAP_COLUMNS];
} map_panel_t;

/**
 * Replay a trace on a heap of this process, and sample the heap. The caller
 * sets the title of the panel.
 *
 * @param footprint  footprint of the trace with this component, in bytes
 * @param scale      bytes that the rows cover, the same for all panels
 * @param blocks     one entry for each slot; all zero before and after
 * @return false if the heap cannot be created; the error is logged
 */
bool map_sample(map_panel_t *panel, const char *component, const trace_t *trace,
                size_t footprint, size_t scale, block_t *blocks);

/**
 * Write panels as an SVG picture, two side by side. Errors remain in the state
 * of the file.
 *
 * @param scale  the scale that map_sample() had
 */
void map_write(FILE *file, const trace_t *trace, const map_panel_t *panels,
               size_t count, size_t scale);

#endif
