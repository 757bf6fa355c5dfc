/*
 * memheap-report: who allocates, out of reports and traces.
 *
 * A report of memheap has the call sites of each heap, and the paths that lead
 * to each; so has a labelled trace. The sites of other traces are size classes.
 */
#ifndef MEMHEAP_TOOLS_REPORT_REPORT_H
#define MEMHEAP_TOOLS_REPORT_REPORT_H

#include "memheap/debug/report.h"
#include "tools/common/cli.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REPORT_DIFFERS = 1, /* exit status of diff(1) */
    REPORT_TROUBLE = 2
};

/** What is counted of a call site. */
typedef enum count {
    LIVE,  /* bytes now */
    PEAK,  /* bytes at most */
    TOTAL, /* bytes in all */
    CALLS,
    BLOCKS, /* live blocks */
    COUNTS
} count_t;

typedef struct count_name {
    const char *word;  /* of --by */
    const char *title; /* of a column; NULL: not in tables */
    const char *key;   /* in JSON */
} count_name_t;

extern const count_name_t report_counts[COUNTS];

typedef struct counts {
    uint64_t value[COUNTS];
} counts_t;

/** A path to a call site. */
typedef struct path {
    char *frames; /* separated by semicolons, the outermost one first */
    counts_t counts;
} path_t;

typedef struct site {
    char *text;
    counts_t counts;
    path_t *paths;
    size_t path_count;
} site_t;

/** A heap, or the equal heaps of a job. */
typedef struct heap {
    char *name;
    char *component; /* NULL: of a trace */
    uint64_t pes;    /* 0: the heap is not of a job */
    /* Of the PE that has most; if known. */
    uint64_t stats[MEMHEAP_STAT_COUNT];
    bool known[MEMHEAP_STAT_COUNT];
    site_t *sites;
    size_t site_count;
} heap_t;

typedef struct report {
    const char *file;
    const char *kind; /* in messages; only equal kinds can be compared */
    bool by_size;     /* the sites are size classes */
    heap_t *heaps;
    size_t heap_count;
} report_t;

extern const cli_t report_cli;

/** Lengthen an array by an element of zeros. Ends the program if there is no
 *  memory. @return the element */
void *report_add(void *array_p, size_t *count_p, size_t element);

/** Memory for a text of some bytes, and a copy of a text. End the program if
 *  there is none. */
char *report_room(size_t length);
char *report_copy(const char *text);

/** The index of a statistic in memheap_stat_table. */
unsigned report_stat(const char *name);

/** Add counts. A sum that is too large becomes the largest number. */
void report_sum(counts_t *sum, const counts_t *counts);

/** Read a report or a trace. Returns false after a message. The caller frees
 *  the report in any case. */
bool report_load(report_t *report, const char *file);

/** Read a trace, and a report as JSON. As above. */
bool report_load_trace(report_t *report);
bool report_load_json(report_t *report, FILE *file);

void report_free(report_t *report);
void report_free_sites(heap_t *heap);

/** Replace the sites by the paths to them: equal ones are summed. What no path
 *  tells stays with the site. */
void report_by_path(report_t *report);

/** The frames of a path from the innermost one on: "new < grow < main". The
 *  caller frees the text. */
char *report_inside_out(const char *frames);

/** Sort the sites of each heap, the greatest first. */
void report_sort(report_t *report, count_t by);

/** Sort sites by their texts. */
void report_sort_texts(site_t *sites, size_t count);

/** Sort sites by their texts, and unite those that have the same text. */
void report_unite(site_t *sites, size_t *count_p);

/** Print the call sites as tables, and as JSON. */
void report_show(const report_t *report);
void report_show_json(const report_t *report);

/** Print the paths, which are the sites, as folded stacks. */
void report_folded(const report_t *report, count_t by);

/**
 * Print what differs between two reports, whose sites are sorted by their
 * texts.
 *
 * @return whether anything does
 */
bool report_diff(const report_t *a, const report_t *b, count_t by, bool json);

#endif
