/*
 * Prints the results of all traces and components.
 */
#ifndef MEMHEAP_TOOLS_REPLAY_REPORT_H
#define MEMHEAP_TOOLS_REPLAY_REPORT_H

#include <stdbool.h>
#include <stddef.h>

/** The result of one trace with one component. */
typedef struct measure {
    const char *trace;
    const char *component;
    size_t operations;
    double ns_collective; /* time of one operation on the slowest PE */
    double ns_alone;      /* without the collective step, mean of the PEs */
    size_t peak;          /* most live bytes, by requested sizes */
    size_t footprint;     /* bytes up to the end of the highest block */
    size_t smallest; /* smallest heap that serves the trace; 0: not found */
    size_t verified; /* verified operations */
    bool same;       /* all PEs got the same addresses */
    size_t failed;   /* failed operations on the PE with the most */
    size_t wrong;    /* sum of collective_result_t.wrong over PEs */
} measure_t;

/** Test whether a measurement is free of errors. */
bool measure_good(const measure_t *measure);

/** Print a table for people. */
void report_table(const measure_t *measures, size_t count, int pes);

/** Print CSV. The first line holds the column names. */
void report_csv(const measure_t *measures, size_t count, int pes);

/** Print the same values as JSON. */
void report_json(const measure_t *measures, size_t count, int pes);

#endif
