/*
 * Starts and stops the OpenSHMEM layer.
 */
#ifndef MEMHEAP_SHMEM_BOOTSTRAP_H
#define MEMHEAP_SHMEM_BOOTSTRAP_H

#include "shmem/runtime.h"

/** Start: the first shmem_init(). Collective; see shmem_init_thread(). */
memheap_status_t memheap_runtime_start(int thread_level);

/** Stop: the last shmem_finalize(). Collective. */
void memheap_runtime_stop(void);

/** Finalize MPI if this library has to: at the end of the program. */
void memheap_runtime_end_mpi(void);

#endif
