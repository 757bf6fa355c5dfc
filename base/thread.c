/*
 * Threads of the library itself.
 */
#include "config.h"

#include "base/thread.h"

#include <signal.h>

bool memheap_thread_start(pthread_t *thread_p, void *(*run)(void *context),
                          void *context)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(thread_p, NULL, run, context) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}
