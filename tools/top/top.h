/*
 * What memheap-top shows, and how.
 */
#ifndef MEMHEAP_TOOLS_TOP_TOP_H
#define MEMHEAP_TOOLS_TOP_TOP_H

#include "memheap/debug/report.h"

#include <stdio.h>
#include <sys/types.h>

/** A heap, as it was at one moment. */
typedef struct top_line {
    int pe; /* -1: of no job */
    pid_t pid;
    bool gone; /* the figures are the last ones */
    const char *heap;
    const char *component;
    memheap_stats_t stats;
    double allocations, frees; /* a second */
} top_line_t;

/** Put lines in the order of a column; false if it has no such name. */
bool top_sort(top_line_t *lines, size_t count, const char *column);

/** The names of the columns, for messages. */
char *top_columns(char *text, size_t room);

/**
 * Write a table with a line for each heap and one for all.
 *
 * @param width  columns of the terminal: what has no room is left out
 * @param most   lines of heaps at most
 */
void top_table(FILE *file, const top_line_t *lines, size_t count, size_t width,
               size_t most);

/** Write the same as a line of JSON. */
void top_json(FILE *file, const top_line_t *lines, size_t count);

#endif
