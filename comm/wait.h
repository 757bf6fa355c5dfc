/*
 * Waiting for another PE.
 *
 * If each PE has a core of its own, a waiting PE polls without a pause for a
 * while, and then with pauses. If PEs share cores, it yields the core at once,
 * because the other PE may need it. A waiting PE also makes progress: it serves
 * the PEs of other nodes.
 */
#ifndef MEMHEAP_COMM_WAIT_H
#define MEMHEAP_COMM_WAIT_H

#include <sched.h>
#include <stddef.h>

enum {
    /** Polls before the core is yielded: about as long as the system call for
     *  it takes. */
    MEMHEAP_WAIT_SPINS = 4000,
    /** Polls without a pause at first: about the usual skew between PEs. */
    MEMHEAP_WAIT_EAGER = 100
};

/** How to wait; each wait uses a copy. */
typedef struct memheap_wait {
    unsigned spins; /* MEMHEAP_WAIT_SPINS, or 0 where PEs share cores */
    void (*progress)(void *context); /* serve other PEs; may be NULL */
    void *context;
} memheap_wait_t;

static inline void memheap_wait_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/** Call this between two polls. */
static inline void memheap_wait_step(memheap_wait_t *wait)
{
    if (wait->progress != NULL)
        wait->progress(wait->context);
    if (wait->spins == 0)
        sched_yield();
    else if (--wait->spins < MEMHEAP_WAIT_SPINS - MEMHEAP_WAIT_EAGER)
        memheap_wait_pause();
}

#endif
