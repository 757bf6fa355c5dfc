/*
 * The end of the job by one PE.
 */
#ifndef MEMHEAP_SHMEM_GLOBAL_EXIT_H
#define MEMHEAP_SHMEM_GLOBAL_EXIT_H

/** Prepare to be ended by shmem_global_exit() of another PE. Local. */
void memheap_global_exit_open(void);

/** Undo it. Local. */
void memheap_global_exit_close(void);

/** Let the PEs of this machine flush: a PE of another node has called
 *  shmem_global_exit(). Local. */
void memheap_global_exit_flush(void);

/** If another thread has called shmem_global_exit(), wait for the end. */
void memheap_global_exit_wait(void);

#endif
