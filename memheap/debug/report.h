/*
 * The figures of a heap, or of the equal heaps of a job, for people and for
 * programs.
 *
 * A figure is a whole number with a name and a unit. All that shows figures
 * goes by one table of them, so that each is known by one name everywhere.
 */
#ifndef MEMHEAP_DEBUG_REPORT_H
#define MEMHEAP_DEBUG_REPORT_H

#include <memheap/memheap.h>
#include "base/json.h"

typedef enum memheap_unit {
    MEMHEAP_UNIT_BYTES,
    MEMHEAP_UNIT_COUNT,
    MEMHEAP_UNIT_PPM /* millionths */
} memheap_unit_t;

typedef struct memheap_stat {
    const char *name; /* as the field of memheap_stats_t */
    memheap_unit_t unit;
    uint64_t (*of)(const memheap_stats_t *stats);
} memheap_stat_t;

enum {
    MEMHEAP_STAT_COUNT = 14
};

extern const memheap_stat_t memheap_stat_table[MEMHEAP_STAT_COUNT];

/** The figures of a heap now, in the order of the table. */
void memheap_stats_collect(memheap_t *heap,
                           uint64_t values[MEMHEAP_STAT_COUNT]);

/** What is reported. */
typedef struct memheap_report {
    memheap_t *heap; /* of this process */
    int pes;         /* that have one of the kind; 0: no job */
    /** MEMHEAP_STAT_COUNT of each PE, or of the one process. */
    const uint64_t *values;
} memheap_report_t;

/** Log lines of text. */
void memheap_report_log(const memheap_report_t *report,
                        const memheap_log_t *log);

/**
 * Write a file of JSON.
 *
 * @param path  is expanded by memheap_path_expand()
 * @return MEMHEAP_ERR_SYSTEM, logged
 */
memheap_status_t memheap_report_write(const memheap_report_t *report,
                                      const char *path,
                                      const memheap_log_t *log);

/** Write statistics as members of the open object. */
void memheap_json_stats(memheap_json_t *json, const memheap_stats_t *stats);

/** Do what MEMHEAP_REPORT says of a report: log it, write it, or nothing. */
void memheap_report_by_param(const memheap_report_t *report,
                             const memheap_log_t *log);

#endif
