/*
 * How the OpenSHMEM layer starts and ends.
 */
#ifndef MEMHEAP_SHMEM_BOOTSTRAP_H
#define MEMHEAP_SHMEM_BOOTSTRAP_H

#include "shmem/runtime.h"

/** Start, the first time; see shmem_init_thread(). */
memheap_status_t memheap_runtime_start(int thread_level);

/** End, the last time. */
void memheap_runtime_stop(void);

/** End MPI if that is up to us: at the end of the program. */
void memheap_runtime_end_mpi(void);

/** Say what the parameters want to be said of a space that ends. Collective
 *  over its PEs. */
void memheap_runtime_report_heap(memheap_space_t *space);

#endif
