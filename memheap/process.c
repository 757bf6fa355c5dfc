/*
 * The list of heaps, and the fork handlers (process.h).
 */
#include "config.h"

#include "memheap/process.h"
#include "memheap/heap_state.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static memheap_t *heaps;

void memheap_process_lock(void)
{
    pthread_mutex_lock(&lock);
}

void memheap_process_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

void memheap_process_add(memheap_t *heap)
{
    memheap_process_lock();
    heap->next_heap = heaps;
    heaps = heap;
    memheap_process_unlock();
}

void memheap_process_remove(memheap_t *heap)
{
    memheap_process_lock();
    memheap_t **link = &heaps;
    while (*link != heap)
        link = &(*link)->next_heap;
    *link = heap->next_heap;
    memheap_process_unlock();
}

static void before_fork(void)
{
    memheap_process_lock();
    for (memheap_t *heap = heaps; heap != NULL; heap = heap->next_heap) {
        heap_lock(heap);
        memheap_thread_caches_stop(heap);
    }
}

static void after_fork(void)
{
    for (memheap_t *heap = heaps; heap != NULL; heap = heap->next_heap)
        heap_leave(heap);
    memheap_process_unlock();
}

/* The other threads of the parent have ended, as far as the child is concerned.
 */
static void in_child(void)
{
    for (memheap_t *heap = heaps; heap != NULL; heap = heap->next_heap)
        memheap_thread_caches_orphan(heap);
    after_fork();
}

/* Handlers run in the reverse order before the fork: those of the program,
 * which may allocate, come before this one. */
__attribute__((constructor)) static void register_handlers(void)
{
    pthread_atfork(before_fork, after_fork, in_child);
}
