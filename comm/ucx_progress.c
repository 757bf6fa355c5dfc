/*
 * The progress thread: serves other PEs while the program makes no call.
 *
 * UCX needs this PE's processor to complete operations of other PEs. A program
 * that calls the library makes progress by that, and must not pay for the
 * thread. `calls` counts the program's steps into UCX. The thread looks at it
 * from time to time:
 *
 *     looking   `calls` has grown since the last look: the program makes
 *               progress itself. The next look comes twice as late, at the
 *               latest after LOOK_MAX_US. Otherwise the thread serves.
 *     serving   The thread makes progress until UCX has nothing to do, arms the
 *               worker's event descriptor, and sleeps on it. An event wakes it.
 *               If the program has been silent since, the thread serves at
 *               once, otherwise it looks again.
 *
 * So a program that calls steadily is disturbed by one short look in each
 * LOOK_MAX_US, and other PEs wait for a silent one that long at most.
 */
#include "config.h"

#include "comm/ucx_progress.h"
#include "base/thread.h"
#include "base/util.h"

#include <poll.h>
#include <sys/prctl.h>
#include <time.h>

enum {
    LOOK_MIN_US = 30,
    LOOK_MAX_US = 8000,
    LONGEST_SLEEP_MS = 1000, /* if the signal to end does not come */
    SLACK_NS = 1000 /* the kernel's default would make each look 50 us later */
};

static uint64_t calls_of(const memheap_transport_t *t)
{
    return __atomic_load_n(&t->calls, __ATOMIC_RELAXED);
}

/* Make progress until there is nothing to do, and arm the event descriptor.
 * Returns the calls of the program so far. */
static uint64_t serve(memheap_transport_t *t, bool *armed_p)
{
    pthread_mutex_lock(&t->lock);
    while (!t->ending && ucp_worker_progress(t->worker) != 0)
        continue;
    uint64_t calls = calls_of(t);
    *armed_p = ucp_worker_arm(t->worker) == UCS_OK;
    pthread_mutex_unlock(&t->lock);
    return calls;
}

static void *run(void *context)
{
    memheap_transport_t *t = context;
    struct pollfd event = {.fd = t->event_file, .events = POLLIN};
    bool can_sleep = t->event_file >= 0;
    long look_us = LOOK_MIN_US;
    uint64_t seen = calls_of(t);
    prctl(PR_SET_TIMERSLACK, SLACK_NS);
    while (!atomic_load(&t->thread_ends)) {
        const struct timespec look = {.tv_nsec = look_us * 1000};
        clock_nanosleep(CLOCK_MONOTONIC, 0, &look, NULL);
        uint64_t calls = calls_of(t);
        if (calls != seen) {
            seen = calls;
            look_us = look_us < LOOK_MAX_US / 2 ? look_us * 2 : LOOK_MAX_US;
            continue;
        }
        bool armed;
        do {
            seen = serve(t, &armed);
            if (armed && can_sleep)
                poll(&event, 1, LONGEST_SLEEP_MS);
            calls = calls_of(t);
        } while (calls == seen && (can_sleep || !armed) &&
                 !atomic_load(&t->thread_ends));
        look_us = can_sleep ? LOOK_MIN_US : LOOK_MAX_US;
        seen = calls;
    }
    return NULL;
}

bool memheap_ucx_progress_start(memheap_transport_t *t)
{
    t->has_thread = memheap_thread_start(&t->thread, run, t);
    return t->has_thread;
}

void memheap_ucx_progress_stop(memheap_transport_t *t)
{
    if (!t->has_thread)
        return;
    atomic_store(&t->thread_ends, true);
    ucp_worker_signal(t->worker);
    pthread_join(t->thread, NULL);
    t->has_thread = false;
}
