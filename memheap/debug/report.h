/*
 * Reports of the statistics of a heap, or of the equal heaps of a job, as text
 * and as JSON.
 *
 * One table has the name, unit and getter of each statistic, so all outputs use
 * the same names. Values are integers.
 */
#ifndef MEMHEAP_DEBUG_REPORT_H
#define MEMHEAP_DEBUG_REPORT_H

#include <memheap/memheap.h>
#include "base/json.h"

typedef enum memheap_unit {
    MEMHEAP_UNIT_BYTES,
    MEMHEAP_UNIT_COUNT,
    MEMHEAP_UNIT_PPM /* parts per million */
} memheap_unit_t;

/** A statistic. */
typedef struct memheap_stat {
    const char *name; /* the field of memheap_stats_t */
    memheap_unit_t unit;
    uint64_t (*get)(const memheap_stats_t *stats);
} memheap_stat_t;

enum {
    MEMHEAP_STAT_COUNT = 14
};

extern const memheap_stat_t memheap_stat_table[MEMHEAP_STAT_COUNT];

/** Get the statistics of a heap, in the order of the table. */
void memheap_stats_collect(memheap_t *heap,
                           uint64_t values[MEMHEAP_STAT_COUNT]);

/** The input of a report. */
typedef struct memheap_report {
    memheap_t *heap; /* of this process */
    int pes;         /* number of PEs; 0: the heap is not of a job */
    /** MEMHEAP_STAT_COUNT values of each PE, or of the one process. */
    const uint64_t *values;
} memheap_report_t;

/** Log a report as lines of text. */
void memheap_report_log(const memheap_report_t *report,
                        const memheap_log_t *log);

/**
 * Write a report to a file, as JSON.
 *
 * @param path  memheap_path_expand() expands it
 * @return MEMHEAP_ERR_SYSTEM, logged
 */
memheap_status_t memheap_report_write(const memheap_report_t *report,
                                      const char *path,
                                      const memheap_log_t *log);

/** Write statistics as members of the open object. */
void memheap_json_stats(memheap_json_t *json, const memheap_stats_t *stats);

/** Log a report, write it to a file, or do nothing, as MEMHEAP_REPORT says. */
void memheap_report_by_param(const memheap_report_t *report,
                             const memheap_log_t *log);

#endif
