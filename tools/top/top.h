/*
 * Formats the lines of memheap-top as a table or as JSON.
 */
#ifndef MEMHEAP_TOOLS_TOP_TOP_H
#define MEMHEAP_TOOLS_TOP_TOP_H

#include "memheap/debug/report.h"

#include <stdio.h>
#include <sys/types.h>

/** The state of a heap at one moment. */
typedef struct top_line {
    int pe; /* -1: belongs to no job */
    pid_t pid;
    bool gone; /* the heap has ended; stats are the last ones */
    const char *heap;
    const char *component;
    memheap_stats_t stats;
    double allocations, frees; /* calls per second */
    const char *wait;          /* what the PE waits for */
    double wait_s;             /* and for how long; 0: it does not wait */
} top_line_t;

/** Sort lines by a column. Returns false if there is no such column. */
bool top_sort(top_line_t *lines, size_t count, const char *column);

/** Write the names of the columns into text, for messages. Returns text. */
char *top_columns(char *text, size_t room);

/**
 * Write a table with one line for each heap, and a line of totals.
 *
 * @param width  columns of the terminal; columns that do not fit are left out
 * @param most   maximum number of heaps to list
 */
void top_table(FILE *file, const top_line_t *lines, size_t count, size_t width,
               size_t most);

/** Write the same values as one line of JSON. */
void top_json(FILE *file, const top_line_t *lines, size_t count);

#endif
