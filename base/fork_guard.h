/*
 * Which process this is, to be asked in every call.
 *
 * What a heap shares with others by a mapping, a forked child shares as well,
 * and would write into. A page of the process, which the kernel clears in a
 * child, tells the two apart without a system call.
 */
#ifndef MEMHEAP_BASE_FORK_GUARD_H
#define MEMHEAP_BASE_FORK_GUARD_H

#include <stdbool.h>

/** A process, as it is known to whoever began something in it. */
typedef struct memheap_fork_guard {
    const volatile int *now; /* the number of the process that looks, or 0 */
    int number;
} memheap_fork_guard_t;

/** This process. */
memheap_fork_guard_t memheap_fork_guard_get(void);

/** Whether the process is the same still, and no child of it. True in a child
 *  where the kernel does not tell. */
static inline bool memheap_fork_guard_holds(memheap_fork_guard_t process)
{
    return *process.now == process.number;
}

#endif
