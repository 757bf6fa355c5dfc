/*
 * Waiting for another PE.
 *
 * A wait polls. Between two polls it spins, yields the core or sleeps:
 *
 *     spin    at first: some polls without a pause, and more with pauses
 *     yield   then: other threads may need the core
 *     sleep   if the core is shared, or the wait is long: for a part of the
 *             time since there was something to do, and at most a
 *             millisecond. A message of another node ends it
 *
 * The kernel tells a yielding thread whether another thread has run instead.
 * If so, the core is shared, and later waits of the process yield at once; if
 * not, they spin longer again. So waiting adapts to PEs, threads and other jobs
 * alike. A waiting PE also makes progress: it serves the PEs of other nodes.
 */
#ifndef MEMHEAP_COMM_WAIT_H
#define MEMHEAP_COMM_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /** Most polls before the core is yielded: they take about as long as a
     *  hundred system calls. */
    MEMHEAP_WAIT_SPINS = 4000,
    /** Polls without a pause at first: about the usual skew between PEs. */
    MEMHEAP_WAIT_EAGER = 100,
    /** A wait is reported to `on_long` when it lasts this long. */
    MEMHEAP_WAIT_LONG_MS = 1000
};

typedef struct memheap_wait memheap_wait_t;

/** What a PE waits for: the text of it is made if the wait takes long. It is
 *  the first member of a struct that has the details. */
typedef struct memheap_wait_reason {
    void (*describe)(const struct memheap_wait_reason *reason, char *text,
                     size_t room);
} memheap_wait_reason_t;

/** How the PE waits, in all waits of a job. */
typedef struct memheap_wait_policy {
    /** Serve other PEs. Returns whether there was something to do. May be
     *  NULL. */
    bool (*progress)(void *context);
    /** Sleep so long, or until there is something to do for progress(). May be
     *  NULL. */
    void (*sleep)(void *context, uint64_t ns);
    void *context;
    /** Called again and again while a wait is long; may be NULL. */
    void (*on_long)(const memheap_wait_t *wait, uint64_t now_ns);
} memheap_wait_policy_t;

/** One wait. */
struct memheap_wait {
    memheap_wait_policy_t policy;
    const memheap_wait_reason_t *reason; /* NULL: not known */
    unsigned spins;                      /* left */
    uint64_t start_ns;                   /* 0: the wait is short so far */
    uint64_t idle_ns; /* since when there was nothing to do for progress() */
    bool served;      /* there was, since the last look at the time */
};

/** Polls before a wait of this process yields. Adapted by memheap_wait_yield().
 */
extern unsigned memheap_wait_spins;

/** Nanoseconds of CLOCK_MONOTONIC. */
uint64_t memheap_wait_now(void);

/** Give the core away, or sleep; adapt. */
void memheap_wait_yield(memheap_wait_t *wait);

static inline void memheap_wait_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static inline memheap_wait_t
memheap_wait_begin(const memheap_wait_policy_t *policy,
                   const memheap_wait_reason_t *reason)
{
    return (memheap_wait_t){
        .policy = *policy,
        .reason = reason,
        .spins = __atomic_load_n(&memheap_wait_spins, __ATOMIC_RELAXED)};
}

/** Call this between two polls. */
static inline void memheap_wait_step(memheap_wait_t *wait)
{
    if (wait->policy.progress != NULL &&
        wait->policy.progress(wait->policy.context))
        wait->served = true;
    if (wait->spins == 0)
        memheap_wait_yield(wait);
    else if (--wait->spins < MEMHEAP_WAIT_SPINS - MEMHEAP_WAIT_EAGER)
        memheap_wait_pause();
}

#endif
