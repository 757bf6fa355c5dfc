/*
 * Replays a trace on a heap of this process only. This measures the cost of an
 * allocator without the collective step, and the memory that it needs.
 */
#ifndef MEMHEAP_TOOLS_COMMON_LOCAL_H
#define MEMHEAP_TOOLS_COMMON_LOCAL_H

#include <memheap/memheap.h>
#include "tools/common/trace.h"

/** A log that drops all messages. */
extern const memheap_log_t local_quiet_log;

/** A replay in progress. Must not be copied. */
typedef struct local {
    memheap_t *heap;
    const trace_t *trace;
    block_t *blocks;
    size_t failed; /* failed operations so far */
    char *high;    /* end of the highest block so far */
    char component[64];
    const char *params[2];
} local_t;

/** The address range for the heap. If all zero, the heap maps its own. */
typedef struct local_range {
    void *base;
    size_t size;
} local_range_t;

/**
 * Create the heap of a replay.
 *
 * @param blocks  one zeroed entry for each slot of the trace; the replay uses
 *                them until local_close(), which zeroes them again
 */
memheap_status_t local_open(local_t *local, const char *component,
                            const trace_t *trace, local_range_t range,
                            block_t *blocks, const memheap_log_t *log);

void local_close(local_t *local);

/** Replay the operations [first, last). Failed operations are counted. */
void local_replay(local_t *local, size_t first, size_t last);

/** Free all live blocks. */
void local_clear(local_t *local);

typedef struct local_result {
    double ns;        /* time of one operation */
    size_t footprint; /* bytes up to the end of the highest block */
    size_t failed;    /* failed operations */
} local_result_t;

/** Replay a whole trace several times. The time is the median of the passes;
 *  the footprint and the failures are those of the first. */
void local_measure(const char *component, const trace_t *trace, block_t *blocks,
                   const memheap_log_t *log, local_result_t *result);

/**
 * Find the smallest heap that serves the trace without failure, by bisection.
 *
 * @param footprint  footprint of the trace in a large heap, where the search
 *                   begins
 * @return bytes, at most 1 % of the peak above the smallest heap; 0 if the
 *         trace fails in every heap of up to four times the footprint, or if
 *         there is not enough address space
 */
size_t local_smallest(const char *component, const trace_t *trace,
                      size_t footprint, block_t *blocks);

#endif
