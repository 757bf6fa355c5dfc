/*
 * The columns of the table.
 */
#ifndef MEMHEAP_TOOLS_TOP_COLUMNS_H
#define MEMHEAP_TOOLS_TOP_COLUMNS_H

#include "tools/top/top.h"

enum {
    TOP_COLUMNS = 17
};

typedef enum top_source {
    TOP_PE,
    TOP_PID,
    TOP_HEAP,
    TOP_COMPONENT,
    TOP_ALLOCATION_RATE,
    TOP_FREE_RATE,
    TOP_WAIT,
    TOP_BAR,
    TOP_HISTORY,
    TOP_STAT
} top_source_t;

typedef struct top_column {
    const char *title;
    int width; /* negative: left-aligned */
    int rank;  /* columns of high rank are left out first; 0: never */
    top_source_t source;
    const char *stat;
} top_column_t;

extern const top_column_t top_column_table[TOP_COLUMNS];

/** The statistic of a column of source TOP_STAT. */
const memheap_stat_t *top_figure(const top_column_t *column);

/** Write the text of a cell. Columns of graphs have none. */
void top_cell(char text[TOP_CELL], const top_column_t *column,
              const top_line_t *line);

/** Copy a text of the program, cut to width characters. Replace characters that
 *  could control a terminal. */
void top_text(char text[TOP_CELL], const char *from, int width);

#endif
