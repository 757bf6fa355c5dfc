/*
 * The heaps of running processes, as memheap/debug/stats_page.h shows them.
 *
 * What a process shows is believed in nothing: it is copied before it is looked
 * at, numbers are numbers, and texts end.
 */
#ifndef MEMHEAP_TOOLS_COMMON_LIVE_H
#define MEMHEAP_TOOLS_COMMON_LIVE_H

#include "memheap/debug/stats_page.h"

#include <sys/types.h>

/** A heap that was found. */
typedef struct live_heap {
    pid_t pid;
    int number; /* of the descriptor in that process, */
    int fd;     /* and in this one */
    dev_t device;
    ino_t inode;
    memheap_stats_page_t page; /* as it was read last */
    bool gone;                 /* the heap, or the process, has ended */
} live_heap_t;

/** Those that were found, by process. All zero: none. */
typedef struct live {
    live_heap_t *heap;
    size_t count, room;
    size_t strange; /* heaps of another version of memheap, of the last look */
} live_t;

/** What processes to look at. */
typedef enum live_scope {
    LIVE_PROCESSES, /* the ones named */
    LIVE_JOBS,      /* those that the ones named have started */
    LIVE_USER       /* all of this user */
} live_scope_t;

/**
 * Look for heaps, beside those that are known.
 * @return 0; an error number if one of the processes named cannot be looked
 *         at, which *bad_p takes: ESRCH if there is none
 */
int live_find(live_t *live, live_scope_t scope, const pid_t *pids, size_t count,
              pid_t *bad_p);

void live_close(live_t *live);

/** Forget the heap of an index. */
void live_forget(live_t *live, size_t index);

/** Read what a heap shows now. False, and as it was, if it has gone; as it was,
 *  too, if the process was stopped while it wrote. */
bool live_read(live_heap_t *heap);

/** All figures of a heap as it was read last; resident as it is now. */
void live_stats(const live_heap_t *heap, memheap_stats_t *stats);

/** Find out the figures that follow from others. */
void live_complete(memheap_stats_t *stats);

/** The number of a heap's process in the largest job that it has a heap of; -1:
 *  it is of none. */
int live_pe(const live_t *live, const live_heap_t *heap);

#endif
