/*
 * Agreement: a barrier that also tells whether all PEs came for the same
 * reason, and whether all of them are well.
 *
 * Each PE brings the call that it is in, its status, and its result. Where all
 * are alike and well, this costs what a barrier costs. Where a PE is not well,
 * all learn the worst status and whose it is. Where the calls differ, or the
 * results of PEs that are all well, the PEs say what they came for, and one of
 * them prints it all.
 */
#ifndef MEMHEAP_COMM_AGREE_H
#define MEMHEAP_COMM_AGREE_H

#include "comm/job.h"

/** What a PE is doing: a number of the caller's, and what goes with it. */
typedef struct memheap_call {
    uint64_t what;
    uint64_t argument[3];
} memheap_call_t;

/** Room for the text of a call. */
#define MEMHEAP_CALL_TEXT 448

/** Write a call as people read it, in MEMHEAP_CALL_TEXT bytes at most. */
typedef void memheap_call_describe_t(const memheap_call_t *call, char *text,
                                     size_t room);

typedef struct memheap_agree_line memheap_agree_line_t;

typedef struct memheap_agree {
    memheap_agree_line_t *lines; /* two rows of one line a PE, then the texts */
    size_t bytes;
    uint64_t number; /* of agreements so far */
    int rank, size;
    unsigned spins; /* looks at a line before the core is given away */
    memheap_call_describe_t *describe;
    const memheap_log_t *log;
} memheap_agree_t;

/**
 * Make the means to agree. Collective.
 * @return the same on every PE. MEMHEAP_ERR_SYSTEM, logged
 */
memheap_status_t memheap_agree_open(memheap_agree_t *agree,
                                    const memheap_job_t *job,
                                    memheap_call_describe_t *describe,
                                    const memheap_log_t *log);
void memheap_agree_close(memheap_agree_t *agree);

/**
 * Agree. Collective; no PE returns before all have come.
 *
 * @param mine    this PE's status
 * @param result  compared where all PEs are well
 * @param pe_p    takes the lowest of the PEs that have the worst status; NULL
 *                if nobody wants to know
 * @return the same on every PE: MEMHEAP_OK, the worst status, or
 *         MEMHEAP_ERR_DIVERGED after one PE logged which called what
 */
memheap_status_t memheap_agree(memheap_agree_t *agree,
                               const memheap_call_t *call,
                               memheap_status_t mine, uint64_t result,
                               int *pe_p);

#endif
