/*
 * The PEs of a job, and the few things they do through MPI.
 *
 * All of them are collective over the job, and none lies on a fast path. The
 * communicators are private: nothing of the program's can meet it.
 */
#ifndef MEMHEAP_COMM_JOB_H
#define MEMHEAP_COMM_JOB_H

#include "base/log.h"
#include "base/status.h"

#include <mpi.h>

#include <stdbool.h>
#include <stdint.h>

typedef struct memheap_job {
    MPI_Comm world;
    MPI_Comm node; /* the PEs that MPI says share memory with this one */
    int rank, size;
    int node_rank, node_size;
    bool crowded; /* the node's PEs have fewer cores than they are */
} memheap_job_t;

/** Start MPI if nobody has, for any number of threads, since the program may
 *  use it too; *started_p says whether this call did. MEMHEAP_ERR_SYSTEM,
 *  logged, if MPI is over. Not a call of a job. */
memheap_status_t memheap_mpi_start(bool *started_p, const memheap_log_t *log);

/** Know the job that MPI has started. */
void memheap_job_open(memheap_job_t *job);
void memheap_job_close(memheap_job_t *job);

/** The worst status of all PEs. */
memheap_status_t memheap_job_worst(const memheap_job_t *job,
                                   memheap_status_t mine);

/** The bits that are set on all PEs. */
uint64_t memheap_job_and(const memheap_job_t *job, uint64_t bits);

/** The least value of all PEs, and the lowest of the PEs that have it. pe_p
 *  may be NULL. */
size_t memheap_job_least(const memheap_job_t *job, size_t value, int *pe_p);

/** Send what the node's PE of number root has to all of the node's PEs. */
void memheap_job_node_broadcast(const memheap_job_t *job, int root, void *data,
                                size_t size);

/** End all PEs, with an exit status for the launcher. Not collective. */
_Noreturn void memheap_job_abort(const memheap_job_t *job, int status);

#endif
