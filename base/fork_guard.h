/*
 * Detection of a forked child without a system call.
 *
 * A child of fork() shares its parent's shared mappings and must not write to
 * them. The kernel clears a page of the process in a child, which tells the two
 * apart.
 */
#ifndef MEMHEAP_BASE_FORK_GUARD_H
#define MEMHEAP_BASE_FORK_GUARD_H

#include <stdbool.h>

/** A process, as remembered by an object that belongs to it. */
typedef struct memheap_fork_guard {
    const volatile int *now; /* process ID, or 0 in a child */
    int number;
} memheap_fork_guard_t;

/** The calling process. */
memheap_fork_guard_t memheap_fork_guard_get(void);

/** Whether the caller is that process and not a child of it. Always true if
 *  the kernel cannot clear a page on fork. */
static inline bool memheap_fork_guard_holds(memheap_fork_guard_t process)
{
    return *process.now == process.number;
}

#endif
