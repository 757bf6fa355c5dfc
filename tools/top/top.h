/*
 * What memheap-top shows, and how it looks.
 *
 * sample.c takes samples of the heaps and sites.c their call sites; columns.c
 * formats and sorts the lines; table.c and json.c write them. On a terminal,
 * screen.c and keys.c keep a full screen, and graph.c draws bars and histories.
 */
#ifndef MEMHEAP_TOOLS_TOP_TOP_H
#define MEMHEAP_TOOLS_TOP_TOP_H

#include "memheap/debug/report.h"

#include <stdio.h>
#include <sys/types.h>

enum {
    TOP_CELL = 64,   /* enough for the text of a cell */
    TOP_SECONDS = 60 /* of a history */
};

/** The last minute of a heap, or of all. A value for each second; negative: not
 *  known. */
typedef struct top_history {
    double used[TOP_SECONDS];
    double allocations[TOP_SECONDS]; /* per second */
    uint64_t second; /* of the last value, by cli_now(); 0: there are none */
} top_history_t;

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
    const top_history_t *history;
} top_line_t;

/** How output looks. All false is plain text. */
typedef struct top_face {
    bool colours; /* escape sequences for colours */
    bool graphs;  /* bars and histories */
    bool utf8;    /* graphs have block characters */
    int sort;     /* the column to mark */
} top_face_t;

typedef enum top_style {
    TOP_PLAIN,
    TOP_DIM,
    TOP_TITLE, /* of a table */
    TOP_MARK,  /* the title of the sort column */
    TOP_GRAPH, /* of a history */
    TOP_GOOD,
    TOP_WARNING,
    TOP_BAD
} top_style_t;

/** The escape sequence of a style; "" without colours. TOP_PLAIN ends others.
 */
const char *top_style(const top_face_t *face, top_style_t style);

/** The style of a share of used bytes. */
top_style_t top_share_style(double share);

/** Write a bar of width cells with brackets: used bytes, their peak, and the
 *  size of a heap. */
void top_bar(FILE *file, const top_face_t *face, const memheap_stats_t *stats,
             size_t width);

/** Write a history in width cells. Heights are from 0 to the largest value. */
void top_spark(FILE *file, const top_face_t *face,
               const double values[TOP_SECONDS], size_t width);

/** Add values for the time since the last ones. */
void top_history_add(top_history_t *history, double now, double used,
                     double allocations);

/** Format a number in at most five characters, with a letter for a power of
 *  1024 or of 1000. */
void top_bytes(char text[TOP_CELL], double value);
void top_count(char text[TOP_CELL], double value);

/** Find a column by which lines can be sorted. Returns -1 if there is none. */
int top_column(const char *title);

/** The column that follows a column, or precedes it. */
int top_next_column(int column, bool forward);

const char *top_title(int column);

/** Write the names of the columns into text, for messages. Returns text. */
char *top_columns(char *text, size_t room);

/** Sort lines by a column: numbers from the greatest on, names and PEs from the
 *  first on; or reversed. */
void top_sort(top_line_t *lines, size_t count, int column, bool reversed);

/** Sum up the lines of heaps that have not ended. */
top_line_t top_total(const top_line_t *lines, size_t count);

/**
 * Write a table with one line for each heap, and a line of totals.
 *
 * @param width  columns of the terminal; columns that do not fit are left out
 */
void top_table(FILE *file, const top_face_t *face, const top_line_t *lines,
               size_t count, size_t width);

/** Write the same values as members of the open object. */
void top_json(memheap_json_t *json, const top_line_t *lines, size_t count);

#endif
