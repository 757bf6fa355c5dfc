/*
 * Threads of the library itself.
 */
#ifndef MEMHEAP_BASE_THREAD_H
#define MEMHEAP_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/** Start a thread with all signals blocked, so that the program's handlers run
 *  on the program's threads. @return false if the system has no more threads */
bool memheap_thread_start(pthread_t *thread_p, void *(*run)(void *context),
                          void *context);

#endif
