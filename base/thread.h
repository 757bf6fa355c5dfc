/*
 * Threads of the library itself, and a memory barrier on all of the process.
 *
 * The barrier is one half of an asymmetric fence: a thread that is often inside
 * a section marks that by a plain store and then looks whether it may; one that
 * rarely needs to keep it out says so, has the kernel run a barrier on all
 * threads, and then sees each either inside or kept out.
 *
 * Source: D. Dice, H. Huang, M. Yang, "Asymmetric Dekker synchronization",
 * 2001; membarrier(2).
 */
#ifndef MEMHEAP_BASE_THREAD_H
#define MEMHEAP_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/** Start a thread with all signals blocked, so that the program's handlers run
 *  on the program's threads. @return false, with errno set, if the system
 *  has no more threads */
bool memheap_thread_start(pthread_t *thread_p, void *(*run)(void *context),
                          void *context);

/** Prepare memheap_thread_barrier_all().
 *  @return false if the kernel lacks membarrier(2) */
bool memheap_thread_barrier_open(void);

/** Run a memory barrier on all threads of the process. */
void memheap_thread_barrier_all(void);

#endif
