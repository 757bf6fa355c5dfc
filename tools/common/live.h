/*
 * Reads the heaps of running processes from their stats pages
 * (memheap/debug/stats_page.h).
 *
 * A stats page is untrusted input. It is copied before it is checked. Numbers
 * are range-checked, and strings are terminated.
 */
#ifndef MEMHEAP_TOOLS_COMMON_LIVE_H
#define MEMHEAP_TOOLS_COMMON_LIVE_H

#include "memheap/debug/stats_page.h"

#include <sys/types.h>

/** A heap of a running process. */
typedef struct live_heap {
    pid_t pid;
    int number; /* the descriptor in the process of the heap */
    int fd;     /* the descriptor in this process */
    dev_t device;
    ino_t inode;
    memheap_stats_page_t page; /* the last copy */
    bool gone;                 /* it has ended, or cannot be read */
    int error;                 /* why it cannot be read; 0: it has ended */
    bool locked;               /* by this program, to request a list */
    uint64_t requested;        /* number of the list */
} live_heap_t;

/** The heaps found so far. Zero-initialized, the list is empty. */
typedef struct live {
    live_heap_t *heap;
    size_t count, room;
    size_t strange; /* heaps of another version of memheap in the last search */
    int error;      /* why a heap was left out in the last search, or 0 */
} live_t;

/** Which processes to search. */
typedef enum live_scope {
    LIVE_PROCESSES, /* the given processes */
    LIVE_JOBS,      /* the given processes and their descendants */
    LIVE_USER       /* all processes of this user */
} live_scope_t;

/**
 * Search for heaps and add new ones.
 *
 * @return 0, or an error number if one of the given processes cannot be read;
 *         *bad_p is then that process. ESRCH: there is no such process
 */
int live_find(live_t *live, live_scope_t scope, const pid_t *pids, size_t count,
              pid_t *bad_p);

void live_close(live_t *live);

/** Remove the heap at an index. */
void live_forget(live_t *live, size_t index);

/**
 * Update the copy of the stats page.
 *
 * The copy does not change if the heap has ended, or if the process was stopped
 * while it wrote the page.
 *
 * @return false if the heap has ended or cannot be read
 */
bool live_read(live_heap_t *heap);

/** Get all statistics from the last copy. Resident memory is measured now. */
void live_stats(const live_heap_t *heap, memheap_stats_t *stats);

/** How long the PE of a heap has been waiting for what page.wait says, in
 *  seconds; 0 if it does not wait, or not for long. From the last copy. */
double live_wait(const live_heap_t *heap);

/** Compute the statistics that depend on others. */
void live_complete(memheap_stats_t *stats);

/**
 * Get the PE of the process of a heap.
 *
 * @return the PE number in the largest job in which the process has a heap; -1
 *         if it belongs to no job
 */
int live_pe(const live_t *live, const live_heap_t *heap);

#endif
