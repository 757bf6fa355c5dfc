/*
 * The job as MPI sees it.
 *
 * MPI is called by its profiling names: the plain ones are the program's, and
 * those that start and end MPI are wrapped by this library.
 */
#include "config.h"

#include "comm/job.h"

#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

memheap_status_t memheap_mpi_start(bool *started_p, const memheap_log_t *log)
{
    int initialized;
    int finalized;
    int provided;
    PMPI_Initialized(&initialized);
    PMPI_Finalized(&finalized);
    if (finalized) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "MPI was finalized, and cannot start again: call "
                          "shmem_init() before MPI_Finalize()");
        return MEMHEAP_ERR_SYSTEM;
    }
    *started_p = !initialized;
    if (!initialized && PMPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE,
                                         &provided) != MPI_SUCCESS) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR, "MPI does not start");
        return MEMHEAP_ERR_SYSTEM;
    }
    return MEMHEAP_OK;
}

/* Whether the cores on which any of the node's PEs may run are fewer than the
 * PEs. */
static bool is_crowded(const memheap_job_t *job)
{
    cpu_set_t mine;
    cpu_set_t all;
    CPU_ZERO(&mine);
    sched_getaffinity(0, sizeof(mine), &mine); /* none, if it fails */
    PMPI_Allreduce(&mine, &all, (int)sizeof(mine), MPI_BYTE, MPI_BOR,
                   job->node);
    return CPU_COUNT(&all) < job->node_size;
}

void memheap_job_open(memheap_job_t *job)
{
    PMPI_Comm_dup(MPI_COMM_WORLD, &job->world);
    PMPI_Comm_rank(job->world, &job->rank);
    PMPI_Comm_size(job->world, &job->size);
    PMPI_Comm_split_type(job->world, MPI_COMM_TYPE_SHARED, job->rank,
                         MPI_INFO_NULL, &job->node);
    PMPI_Comm_rank(job->node, &job->node_rank);
    PMPI_Comm_size(job->node, &job->node_size);
    job->crowded = is_crowded(job);
}

void memheap_job_close(memheap_job_t *job)
{
    PMPI_Comm_free(&job->node);
    PMPI_Comm_free(&job->world);
}

memheap_status_t memheap_job_worst(const memheap_job_t *job,
                                   memheap_status_t mine)
{
    int in = (int)mine;
    int out;
    PMPI_Allreduce(&in, &out, 1, MPI_INT, MPI_MIN, job->world);
    return (memheap_status_t)out;
}

uint64_t memheap_job_and(const memheap_job_t *job, uint64_t bits)
{
    uint64_t all;
    PMPI_Allreduce(&bits, &all, 1, MPI_UINT64_T, MPI_BAND, job->world);
    return all;
}

size_t memheap_job_least(const memheap_job_t *job, size_t value, int *pe_p)
{
    uint64_t mine = value;
    uint64_t least;
    PMPI_Allreduce(&mine, &least, 1, MPI_UINT64_T, MPI_MIN, job->world);
    if (pe_p != NULL) {
        int candidate = mine == least ? job->rank : job->size;
        PMPI_Allreduce(&candidate, pe_p, 1, MPI_INT, MPI_MIN, job->world);
    }
    return (size_t)least;
}

void memheap_job_node_broadcast(const memheap_job_t *job, int root, void *data,
                                size_t size)
{
    PMPI_Bcast(data, (int)size, MPI_BYTE, root, job->node);
}

void memheap_job_abort(const memheap_job_t *job, int status)
{
    (void)job;
    PMPI_Abort(MPI_COMM_WORLD, status);
    _exit(status == 0 ? EXIT_FAILURE : status);
}
