/*
 * A heap that the PEs of a job have in common: at one address range on all of
 * them, with windows on the memory of those of this node.
 */
#ifndef MEMHEAP_COMM_SYMMETRIC_H
#define MEMHEAP_COMM_SYMMETRIC_H

#include "comm/job.h"
#include "comm/window.h"
#include "memheap/heap.h"

typedef struct memheap_symmetric {
    memheap_t *heap;
    char *base;
    size_t limit; /* bytes that the heap may become */
    memheap_windows_t windows;
} memheap_symmetric_t;

/** What such a heap is made of, the same on every PE. */
typedef struct memheap_symmetric_config {
    const memheap_job_t *job; /* that knows its nodes */
    /** Bytes, a multiple of memheap_pages_unit(). */
    size_t limit;
    /** Back all of them at once, if there is memory. */
    bool committed;
    memheap_memory_policy_t policy;
    /** Folder whose file system has the memory; NULL: that of the machine. */
    const char *folder;
    /** The heap's name, flags and log. */
    const memheap_config_t *heap;
    /** How PEs are called: number n of the job is first_pe + n * pe_stride; 0
     *  is a stride of 1. */
    int first_pe, pe_stride;
    /** memheap_guard_sync() is called where others may have written. */
    bool synced;
    /** Takes, on one PE, that a PE does not have what is preferred. */
    const memheap_log_t *warnings;
} memheap_symmetric_config_t;

/**
 * Create one. Collective; each step is undone if a later one fails on any PE.
 * @return the same on every PE: what the worst off came to, logged there
 */
memheap_status_t
memheap_symmetric_open(const memheap_symmetric_config_t *config,
                       memheap_symmetric_t *symmetric);

/**
 * Say what MEMHEAP_REPORT and MEMHEAP_LEAKS want to be said of a heap that
 * ends: once for the job, through the log of the first PE, since the blocks are
 * the same on all. Collective.
 *
 * @return whether leaks were asked for and there are some; the same on all PEs
 */
bool memheap_symmetric_report(const memheap_job_t *job, memheap_t *heap);

/** Destroy it. Local; one of zeros may be closed too. */
void memheap_symmetric_close(memheap_symmetric_t *symmetric);

/** The most that each PE of a job can have, by the memory of its machine, or by
 *  its pool of huge pages if the heap is to be there, and 1 GiB under memcheck;
 *  the least of all PEs. In
 *  whole pages of the kind asked for, whether or not they can be had.
 *  Collective. */
size_t memheap_symmetric_share(const memheap_job_t *job,
                               const memheap_memory_policy_t *policy);

#endif
