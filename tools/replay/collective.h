/*
 * Replays a trace on the symmetric heap. Every PE makes the same calls.
 *
 * All functions here are collective, between shmem_init() and shmem_finalize().
 */
#ifndef MEMHEAP_TOOLS_REPLAY_COLLECTIVE_H
#define MEMHEAP_TOOLS_REPLAY_COLLECTIVE_H

#include "tools/common/trace.h"

/** The result on one PE. */
typedef struct collective_result {
    double ns;       /* time of one operation in the timed pass */
    uint64_t digest; /* digest of the returned addresses, in order */
    size_t failed;   /* failed operations */
    size_t wrong;    /* wrong blocks, damaged heaps and leaks */
} collective_result_t;

/** The PEs of the job, and the neighbours of this PE in their ring. */
typedef struct ring {
    int me, count;
    int left, right;
} ring_t;

ring_t ring_get(void);

/**
 * Replay a trace and measure the time. Blocks are not accessed.
 *
 * @param blocks  one entry for each slot of the trace; all zero before and
 *                after
 * @param label   prefix of the progress line
 */
void collective_replay(const trace_t *trace, block_t *blocks, const char *label,
                       collective_result_t *result);

/**
 * Replay the first count operations of a trace, and verify the contents of
 * blocks.
 *
 * Each PE puts a pattern into every block of its right neighbour. Before a
 * block is freed or resized, its PE checks the pattern that the left neighbour
 * put there. Errors are added to the result.
 */
void collective_verify(const trace_t *trace, size_t count, block_t *blocks,
                       const char *label, collective_result_t *result);

/**
 * Gather size bytes from every PE on every PE.
 *
 * @param all  receives size bytes for each PE
 * @return false on every PE if the symmetric heap is too small
 */
bool collective_gather(const void *mine, size_t size, void *all);

/** Compute the maximum of a status over all PEs. If memory is short, a status
 *  of 0 becomes 1. */
int collective_worst(int status);

#endif
