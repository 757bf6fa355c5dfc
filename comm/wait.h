/*
 * Waiting for another PE.
 *
 * Where each PE has a core of its own, waiting looks again at once for a while,
 * then with pauses; where it has none, the one that is waited for needs the
 * core, and it is given away.
 */
#ifndef MEMHEAP_COMM_WAIT_H
#define MEMHEAP_COMM_WAIT_H

#include <sched.h>

enum {
    /** Looks before the core is given away: about as long as a system call
     *  that does so. */
    MEMHEAP_WAIT_SPINS = 4000,
    /** Those of them without a pause: about as long as PEs differ. */
    MEMHEAP_WAIT_EAGER = 100
};

static inline void memheap_wait_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/** To be called between two looks. *spins_p starts as MEMHEAP_WAIT_SPINS, or
 *  as 0 where PEs share cores. */
static inline void memheap_wait_step(unsigned *spins_p)
{
    if (*spins_p == 0)
        sched_yield();
    else if (--*spins_p < MEMHEAP_WAIT_SPINS - MEMHEAP_WAIT_EAGER)
        memheap_wait_pause();
}

#endif
