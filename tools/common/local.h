/*
 * A trace on a heap of this process alone: what an allocator costs without the
 * collective step, and how much room it needs.
 */
#ifndef MEMHEAP_TOOLS_COMMON_LOCAL_H
#define MEMHEAP_TOOLS_COMMON_LOCAL_H

#include <memheap/memheap.h>
#include "tools/common/trace.h"

/** Takes messages and drops them. */
extern const memheap_log_t local_quiet_log;

/** A replay that stands between two operations. Must not be copied. */
typedef struct local {
    memheap_t *heap;
    const trace_t *trace;
    block_t *blocks;
    size_t failed; /* operations so far */
    char *high;    /* behind the highest byte handed out so far */
    char component[64];
    const char *params[2];
} local_t;

/** A range of the caller's for the heap; all zero for one of its own. */
typedef struct local_range {
    void *base;
    size_t size;
} local_range_t;

/**
 * Make a heap.
 *
 * @param blocks  one for each slot of the trace, all zero; the replay's until
 *                local_close(), which leaves them zero
 */
memheap_status_t local_open(local_t *local, const char *component,
                            const trace_t *trace, local_range_t range,
                            block_t *blocks, const memheap_log_t *log);

void local_close(local_t *local);

/** Replay the operations [first, last). Failed ones are counted. */
void local_replay(local_t *local, size_t first, size_t last);

/** Free what lives. */
void local_clear(local_t *local);

typedef struct local_result {
    double ns;        /* per operation */
    size_t footprint; /* from the base to behind the highest byte handed out */
    size_t failed;    /* operations */
} local_result_t;

/** Replay a whole trace a few times and take the figures. */
void local_measure(const char *component, const trace_t *trace, block_t *blocks,
                   const memheap_log_t *log, local_result_t *result);

/**
 * The smallest heap in which a trace passes, found by bisection.
 *
 * @param footprint  of the trace in a large heap, where the search begins
 * @return bytes, 1 % above the smallest at most; 0 if it passes in none of up
 *         to four times the footprint, or if there is no address space
 */
size_t local_smallest(const char *component, const trace_t *trace,
                      size_t footprint, block_t *blocks);

#endif
