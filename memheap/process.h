/*
 * What the process knows of its heaps: a list of those with a lock, and one
 * lock for links between objects of several heaps or threads.
 *
 * A process may fork while threads are in its heaps. Before that, the lock of
 * the process and those of all heaps are taken and all thread caches stopped,
 * so the child finds each heap in a consistent state. Locks are taken in that
 * order: that of the process, then that of a heap.
 */
#ifndef MEMHEAP_PROCESS_H
#define MEMHEAP_PROCESS_H

#include <memheap/memheap.h>

#pragma GCC visibility push(hidden)

void memheap_process_lock(void);
void memheap_process_unlock(void);

/* Enter a heap with a lock into the list, and remove it. */
void memheap_process_add(memheap_t *heap);
void memheap_process_remove(memheap_t *heap);

#pragma GCC visibility pop

#endif
