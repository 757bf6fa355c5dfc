/*
 * The slow part of waiting.
 *
 * The kernel counts the switches of a thread to others, and its time on a core.
 * While a thread polls and yields, the core is shared if it was switched away
 * several times, or if it was on no core for part of the time. A yield gives
 * the core only to threads of the same group (autogroups of sessions, control
 * groups). So if the core is shared, and yields cause no switch, the thread
 * sleeps for a moment.
 */
#include "config.h"

#include "comm/wait.h"

#include <sched.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <time.h>

enum {
    CHECK = 8,          /* yields between two checks */
    SWITCHES = 2,       /* in these, if other threads share the core */
    GAP_NS = 20000,     /* on no core, if other threads share it */
    KEEP_NS = 20000000, /* a core that was shared counts as such for so long */
    SPINS_MORE = 64,    /* smallest number of polls that are worth it */
    SLEEP_PART = 32,
    SLEEP_MIN_NS = 50000,
    SLEEP_MAX_NS = 1000000
};

unsigned memheap_wait_spins = MEMHEAP_WAIT_SPINS;

/* What the kernel counted for this thread at its last check. */
static _Thread_local struct {
    unsigned yields;
    long switches;
    uint64_t time_ns;
    uint64_t core_ns;         /* time on a core */
    uint64_t shared_until_ns; /* its core counts as shared */
} thread __attribute__((tls_model("initial-exec")));

uint64_t memheap_wait_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t in_ns(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_usec * 1000;
}

/* Look at the counts. Returns the switches since the last check. A yield counts
 * as an involuntary switch. */
static long look(const memheap_wait_t *wait, uint64_t now)
{
    struct rusage usage;
    if (getrusage(RUSAGE_THREAD, &usage) != 0)
        return 0;
    long switches = usage.ru_nivcsw - thread.switches;
    uint64_t core = in_ns(usage.ru_utime) + in_ns(usage.ru_stime);
    /* Before the first check of a wait, the program may have slept. */
    bool had_gap = wait->start_ns != 0 &&
                   now - thread.time_ns > core - thread.core_ns + GAP_NS;
    if (switches >= SWITCHES || had_gap)
        thread.shared_until_ns = now + KEEP_NS;
    thread.switches = usage.ru_nivcsw;
    thread.core_ns = core;
    thread.time_ns = now;
    return switches;
}

/* Adapt the polls of later waits. */
static void adapt(bool shared)
{
    unsigned spins = __atomic_load_n(&memheap_wait_spins, __ATOMIC_RELAXED);
    unsigned other = shared ? 0 : spins * 2 + SPINS_MORE;
    other = other < MEMHEAP_WAIT_SPINS ? other : MEMHEAP_WAIT_SPINS;
    if (other != spins)
        __atomic_store_n(&memheap_wait_spins, other, __ATOMIC_RELAXED);
}

/* Sleep, if that is due. */
static void rest(uint64_t waited, bool shared, bool is_long, bool yields_work)
{
    uint64_t sleep = waited / SLEEP_PART;
    if (shared && !yields_work && waited >= SLEEP_MIN_NS &&
        sleep < SLEEP_MIN_NS)
        sleep = 1; /* the kernel makes it about SLEEP_MIN_NS */
    else if ((!shared && !is_long) || sleep < SLEEP_MIN_NS)
        return;
    sleep = sleep < SLEEP_MAX_NS ? sleep : SLEEP_MAX_NS;
    nanosleep(&(struct timespec){.tv_nsec = (long)sleep}, NULL);
    thread.time_ns =
        memheap_wait_now(); /* a sleep is no sign of other threads */
}

void memheap_wait_yield(memheap_wait_t *wait)
{
    sched_yield();
    if (++thread.yields % CHECK != 0)
        return;
    uint64_t now = memheap_wait_now();
    long switches = look(wait, now);
    bool shared = now < thread.shared_until_ns;
    adapt(shared);
    if (wait->start_ns == 0)
        wait->start_ns = now;
    uint64_t waited = now - wait->start_ns;
    bool is_long = waited > (uint64_t)MEMHEAP_WAIT_LONG_MS * 1000000;
    if (is_long && wait->policy.on_long != NULL)
        wait->policy.on_long(wait, now);
    rest(waited, shared, is_long, switches > 0);
}
