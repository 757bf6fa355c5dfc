/*
 * Starts MPI, and hooks into its progress engine.
 */
#ifndef MEMHEAP_COMM_MPI_INIT_H
#define MEMHEAP_COMM_MPI_INIT_H

#include <memheap/log.h>
#include <memheap/status.h>

#include <stdbool.h>

/**
 * Start MPI unless it is running, with MPI_THREAD_MULTIPLE, because the program
 * may use MPI too. Local.
 *
 * @param started_p  takes whether this call has started MPI
 * @return MEMHEAP_ERR_SYSTEM, logged, if MPI was finalized or does not start
 */
memheap_status_t memheap_mpi_start(bool *started_p, const memheap_log_t *log);

/**
 * Add a function to MPI's progress engine, or remove it. MPI then calls it
 * while the program waits in MPI. Local.
 *
 * @return whether this MPI supports it: Open MPI does
 */
bool memheap_mpi_hook_progress(int (*serve)(void), bool on);

#endif
