/*
 * The symmetric heap of a job: at the same addresses on all PEs, with windows
 * to the memory of the PEs of this node.
 */
#ifndef MEMHEAP_COMM_SYMMETRIC_H
#define MEMHEAP_COMM_SYMMETRIC_H

#include "comm/job.h"
#include "comm/window.h"
#include "memheap/heap.h"

typedef struct memheap_symmetric {
    memheap_t *heap;
    char *base;
    size_t limit; /* maximum size, in bytes */
    memheap_windows_t windows;
} memheap_symmetric_t;

/** Configuration, the same on every PE. */
typedef struct memheap_symmetric_config {
    const memheap_job_t *job; /* its nodes are formed */
    /** Maximum size in bytes, a multiple of memheap_pages_unit(). */
    size_t limit;
    /** Commit all of it now, if there is memory. */
    bool committed;
    memheap_memory_policy_t policy;
    /** Folder on the file system that has the memory; NULL: main memory. */
    const char *folder;
    /** The heap's name, flags and log. */
    const memheap_config_t *heap;
    /** PE numbers for messages: PE i of the job is first_pe + i * pe_stride. A
     *  stride of 0 counts as 1. */
    int first_pe, pe_stride;
    /** The caller calls memheap_guard_sync() after other PEs may have written.
     */
    bool synced;
    /** Log for a fallback from preferred pages, written on one PE. */
    const memheap_log_t *warnings;
} memheap_symmetric_config_t;

/**
 * Create a symmetric heap. Collective. If a step fails on a PE, all PEs undo
 * the steps before it.
 * @return the same on every PE: the worst status, logged where it occurred
 */
memheap_status_t
memheap_symmetric_open(const memheap_symmetric_config_t *config,
                       memheap_symmetric_t *symmetric);

/**
 * Write the reports of MEMHEAP_REPORT and MEMHEAP_LEAKS for a heap that ends.
 * The first PE writes them for the job, because the blocks are the same on all
 * PEs. Collective.
 *
 * @return whether MEMHEAP_LEAKS is set and blocks are live; the same on all PEs
 */
bool memheap_symmetric_report(const memheap_job_t *job, memheap_t *heap);

/** Destroy a symmetric heap. Local; a zeroed one may be closed too. */
void memheap_symmetric_close(memheap_symmetric_t *symmetric);

/** The default maximum size per PE: a share of the machine's memory, or of its
 *  pool of huge pages if the policy asks for them; 1 GiB under memcheck. The
 *  minimum over all PEs, in whole pages of the requested kind. Collective. */
size_t memheap_symmetric_share(const memheap_job_t *job,
                               const memheap_memory_policy_t *policy);

#endif
