/*
 * The slow part of waiting.
 */
#include "config.h"

#include "comm/wait.h"

#include <sched.h>
#include <sys/resource.h>
#include <time.h>

enum {
    CHECK = 8,       /* yields between two checks */
    SHARED = 2,      /* switches to other threads in these: a shared core */
    CLEAN = 8,       /* checks in a row without: an own core */
    SPINS_MORE = 64, /* smallest number of polls that are worth it */
    SLEEP_PART = 32,
    SLEEP_MIN_NS = 50000,
    SLEEP_MAX_NS = 1000000
};

unsigned memheap_wait_spins = MEMHEAP_WAIT_SPINS;

/* This thread's yields, and the switches that the kernel has counted. */
static _Thread_local struct {
    unsigned yields;
    unsigned clean; /* checks in a row that found an own core */
    long switches;
} thread __attribute__((tls_model("initial-exec")));

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Whether other threads ran on this core in the last yields. A yield counts as
 * an involuntary switch. */
static int is_core_shared(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_THREAD, &usage) != 0)
        return 1;
    long switches = usage.ru_nivcsw - thread.switches;
    thread.switches = usage.ru_nivcsw;
    return switches >= SHARED;
}

/* Adapt the polls of later waits. */
static void adapt(int shared)
{
    unsigned spins = __atomic_load_n(&memheap_wait_spins, __ATOMIC_RELAXED);
    thread.clean = shared ? 0 : thread.clean + 1;
    if (!shared && thread.clean < CLEAN)
        return;
    unsigned other = shared ? 0 : spins * 2 + SPINS_MORE;
    other = other < MEMHEAP_WAIT_SPINS ? other : MEMHEAP_WAIT_SPINS;
    if (other != spins)
        __atomic_store_n(&memheap_wait_spins, other, __ATOMIC_RELAXED);
}

void memheap_wait_yield(memheap_wait_t *wait)
{
    sched_yield();
    if (++thread.yields % CHECK != 0)
        return;
    int shared = is_core_shared();
    uint64_t now = now_ns();
    adapt(shared);
    if (wait->start_ns == 0)
        wait->start_ns = now;
    uint64_t waited = now - wait->start_ns;
    int is_long = waited > (uint64_t)MEMHEAP_WAIT_LONG_MS * 1000000;
    if (is_long && wait->policy.on_long != NULL)
        wait->policy.on_long(wait, now);
    if ((shared || is_long) && waited / SLEEP_PART > SLEEP_MIN_NS) {
        uint64_t sleep = waited / SLEEP_PART;
        nanosleep(
            &(struct timespec){
                .tv_nsec = (long)(sleep < SLEEP_MAX_NS ? sleep : SLEEP_MAX_NS)},
            NULL);
    }
}
