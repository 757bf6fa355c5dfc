/*
 * The start of MPI, and its progress engine.
 */
#ifndef MEMHEAP_COMM_MPI_INIT_H
#define MEMHEAP_COMM_MPI_INIT_H

#include <memheap/log.h>
#include <memheap/status.h>

#include <stdbool.h>

/** Start MPI if nobody has, for any number of threads, since the program may
 *  use it too; *started_p says whether this call did. MEMHEAP_ERR_SYSTEM,
 *  logged, if MPI is over. Not a call of a job. */
memheap_status_t memheap_mpi_start(bool *started_p, const memheap_log_t *log);

/**
 * Have a function called wherever the program waits in a call of MPI, or stop
 * that. Not a call of a job.
 * @return whether this MPI offers it: Open MPI does
 */
bool memheap_mpi_hook_progress(int (*serve)(void), bool on);

#endif
