/*
 * A trace on the symmetric heap: every PE makes the same calls.
 *
 * All calls here are collective, between shmem_init() and shmem_finalize().
 */
#ifndef MEMHEAP_TOOLS_REPLAY_COLLECTIVE_H
#define MEMHEAP_TOOLS_REPLAY_COLLECTIVE_H

#include "tools/common/trace.h"

/** What one PE saw. */
typedef struct collective_result {
    double ns;       /* per operation of the timed pass */
    uint64_t digest; /* of all addresses returned there, in their order */
    size_t failed;   /* operations */
    size_t wrong;    /* blocks with contents other than what was put there, and
                      * heaps that were not whole, or not empty, in the end */
} collective_result_t;

/** The PEs that take part, and this one's neighbours in their ring. */
typedef struct ring {
    int me, count;
    int left, right;
} ring_t;

ring_t ring_get(void);

/**
 * Replay a trace and take the time; blocks are not touched.
 *
 * @param blocks  one for each slot of the trace, all zero before and after
 * @param label   for the line on the terminal
 */
void collective_replay(const trace_t *trace, block_t *blocks, const char *label,
                       collective_result_t *result);

/**
 * Replay the first operations of a trace, at most count of them, and verify
 * contents: each PE puts a pattern into each block of its right neighbour, and
 * finds its left neighbour's pattern in its own before the block goes. Adds to
 * what the result counts.
 */
void collective_verify(const trace_t *trace, size_t count, block_t *blocks,
                       const char *label, collective_result_t *result);

/**
 * Let every PE have size bytes of each.
 *
 * @param all  takes size bytes for each PE
 * @return false on every PE if the symmetric heap has no room for them
 */
bool collective_gather(const void *mine, size_t size, void *all);

/** The greatest of what the PEs bring; a failure to tell counts as 1. */
int collective_worst(int status);

#endif
