/*
 * Waiting for another PE.
 *
 * Where each PE has a core of its own, waiting looks again at once for a while,
 * then with pauses; where it has none, the one that is waited for needs the
 * core, and it is given away. Whoever waits also does the work that PEs of
 * other nodes wait for: what they want of this PE's memory.
 */
#ifndef MEMHEAP_COMM_WAIT_H
#define MEMHEAP_COMM_WAIT_H

#include <sched.h>
#include <stddef.h>

enum {
    /** Looks before the core is given away: about as long as a system call
     *  that does so. */
    MEMHEAP_WAIT_SPINS = 4000,
    /** Those of them without a pause: about as long as PEs differ. */
    MEMHEAP_WAIT_EAGER = 100
};

/** How to wait, copied by whoever does. */
typedef struct memheap_wait {
    unsigned spins; /* MEMHEAP_WAIT_SPINS, or 0 where PEs share cores */
    void (*progress)(void *context); /* the work for others; may be NULL */
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

/** To be called between two looks. */
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
