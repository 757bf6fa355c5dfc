/*
 * Measures threads that allocate and free at the same time, in one heap or with
 * malloc.
 *
 *     thread-churn ALLOCATOR WORKLOAD THREADS OPERATIONS
 *
 * ALLOCATOR is a component of memheap, or "malloc". The malloc is that of the
 * process, so LD_PRELOAD can replace it. WORKLOAD is
 *   own   each thread frees and allocates among 1000 blocks of its own
 *   pass  each thread allocates blocks, which the next thread frees in the
 * order of their allocation 90% of the blocks have up to 256 bytes, 9% up to 1
 * KiB, and 1% up to 16 KiB. The first and the last byte of each block are
 * written. Each thread makes OPERATIONS operations; an allocation is one, and a
 * free is another. The program prints elapsed nanoseconds per operation of all
 * threads: if two threads are twice as fast as one, the figure is half.
 */
#include "common/random.h"
#include "common/timing.h"
#include <memheap/memheap.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    THREADS = 64,
    OWN = 1000,
    RING = 1024,
    SIZES = 4096, /* drawn before the measurement */
    HEAP = 1 << 30
};

/* Blocks that the previous thread has passed to this one. */
typedef struct ring {
    _Alignas(128) _Atomic size_t written;
    _Alignas(128) _Atomic size_t read;
    void *block[RING];
} ring_t;

typedef struct worker {
    _Alignas(128) pthread_t thread;
    unsigned number;
    double began, ended;
    void *own[OWN];
} worker_t;

static memheap_t *heap; /* NULL: malloc */
static unsigned threads;
static size_t operations;
static uint16_t sizes[SIZES];
static ring_t ring[THREADS];
static worker_t worker[THREADS];
static pthread_barrier_t start;

static char *allocate(size_t size)
{
    void *block = NULL;
    if (heap == NULL)
        block = malloc(size);
    else if (memheap_alloc(heap, size, &block) != MEMHEAP_OK)
        block = NULL;
    if (block == NULL)
        abort();
    ((char *)block)[0] = ((char *)block)[size - 1] = 1;
    return block;
}

static void release(void *block)
{
    if (heap == NULL)
        free(block);
    else if (memheap_free(heap, block) != MEMHEAP_OK)
        abort();
}

static void draw_sizes(void)
{
    uint32_t state = 12345;
    for (size_t i = 0; i < SIZES; i++) {
        uint32_t kind = draw32(&state) % 100;
        uint32_t limit = kind < 90 ? 256 : kind < 99 ? 1024 : 16384;
        sizes[i] = (uint16_t)(1 + draw32(&state) % limit);
    }
}

static void *work_own(void *context)
{
    worker_t *w = context;
    uint32_t state = 1 + w->number;
    size_t done = 0;
    pthread_barrier_wait(&start);
    w->began = now();
    for (size_t i = w->number * 77; done < operations; i++) {
        void **slot = &w->own[draw32(&state) % OWN];
        if (*slot != NULL) {
            release(*slot);
            done++;
        }
        *slot = allocate(sizes[i % SIZES]);
        done++;
    }
    w->ended = now();
    return NULL;
}

/* Free one block of the ring. Returns 0 if the ring is empty. */
static size_t take_one(ring_t *from)
{
    size_t at = atomic_load_explicit(&from->read, memory_order_relaxed);
    if (at == atomic_load_explicit(&from->written, memory_order_acquire))
        return 0;
    release(from->block[at % RING]);
    atomic_store_explicit(&from->read, at + 1, memory_order_release);
    return 1;
}

static void *work_pass(void *context)
{
    worker_t *w = context;
    ring_t *to = &ring[(w->number + 1) % threads];
    ring_t *from = &ring[w->number];
    size_t sent = 0;
    size_t freed = 0;
    pthread_barrier_wait(&start);
    w->began = now();
    while (sent < operations / 2 || freed < operations / 2) {
        size_t at = atomic_load_explicit(&to->written, memory_order_relaxed);
        size_t way = at - atomic_load_explicit(&to->read, memory_order_acquire);
        bool sends = sent < operations / 2 && way < RING;
        if (sends) {
            to->block[at % RING] =
                allocate(sizes[(sent + w->number * 77) % SIZES]);
            atomic_store_explicit(&to->written, at + 1, memory_order_release);
            sent++;
        }
        /* Keep the ring half full, so that one thread alone frees blocks of the
         * same age as two threads do. */
        size_t took = sends && way < RING / 2 ? 0 : take_one(from);
        freed += took;
        if (!sends && took == 0)
            sched_yield();
    }
    w->ended = now();
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    bool own = strcmp(argv[2], "own") == 0;
    threads = (unsigned)atoi(argv[3]);
    operations = (size_t)atoll(argv[4]);
    if (threads == 0 || threads > THREADS)
        return 2;
    if (strcmp(argv[1], "malloc") != 0) {
        char component[64];
        snprintf(component, sizeof(component), "MEMHEAP_COMPONENT=%s", argv[1]);
        const char *params[] = {component, NULL};
        memheap_config_t config = {.size = HEAP, .params = params};
        if (memheap_create(&config, &heap) != MEMHEAP_OK)
            return 1;
    }
    draw_sizes();
    pthread_barrier_init(&start, NULL, threads);
    for (unsigned i = 0; i < threads; i++) {
        worker[i].number = i;
        if (pthread_create(&worker[i].thread, NULL, own ? work_own : work_pass,
                           &worker[i]) != 0)
            return 1;
    }
    double began = 1e300;
    double ended = 0;
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(worker[i].thread, NULL);
        began = worker[i].began < began ? worker[i].began : began;
        ended = worker[i].ended > ended ? worker[i].ended : ended;
    }
    printf("%.2f\n", (ended - began) / (double)(operations * threads));
    return 0;
}
