/*
 * The results of all traces and components.
 */
#ifndef MEMHEAP_TOOLS_REPLAY_REPORT_H
#define MEMHEAP_TOOLS_REPLAY_REPORT_H

#include <stdbool.h>
#include <stddef.h>

/** One trace with one component. */
typedef struct measure {
    const char *trace;
    const char *component;
    size_t operations;
    double ns_collective; /* per operation, on the slowest PE */
    double ns_alone;      /* without the collective step, mean of the PEs */
    size_t peak;          /* bytes that live at once, as asked for */
    size_t footprint;     /* bytes up to the highest that was handed out */
    size_t smallest;      /* heap in which the trace passes; 0: not found */
    size_t verified;      /* operations */
    bool same;            /* every PE got the same addresses */
    size_t failed;        /* operations, on the PE with the most */
    size_t wrong;         /* contents and heaps, on all PEs */
} measure_t;

/** Whether nothing failed. */
bool measure_good(const measure_t *measure);

/** Print a table for people. */
void report_table(const measure_t *measures, size_t count, int pes);

/** Print lines of values split by commas, the first with their names. */
void report_csv(const measure_t *measures, size_t count, int pes);

/** Print the same as JSON. */
void report_json(const measure_t *measures, size_t count, int pes);

#endif
