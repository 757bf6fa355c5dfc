/*
 * Measures threads that allocate and free at the same time, in one heap or with
 * malloc.
 *
 *     thread-churn ALLOCATOR WORKLOAD THREADS OPERATIONS
 *
 * ALLOCATOR is a component of memheap, or "malloc". The malloc is that of the
 * process, so LD_PRELOAD can replace it. WORKLOAD is
 *   own          each thread frees and allocates among 1000 blocks of its own
 *   pass         each thread allocates blocks, which the next thread frees in
 *                the order of their allocation
 *   feed         the first thread allocates blocks, and the others free them;
 *                THREADS is at least 2
 *   come-and-go  each thread frees the 100 blocks that an earlier thread left,
 *                allocates 200, frees half of them, leaves the others to a
 *                later thread, and ends. THREADS is the number at a time
 * 90% of the blocks have up to 256 bytes, 9% up to 1 KiB, and 1% up to 16 KiB.
 * The first and the last byte of each block are written. OPERATIONS is the
 * number for each thread, or each of those at a time; an allocation is one, and
 * a free is another. The program prints
 *   - elapsed nanoseconds per operation of all threads: if two threads are
 *     twice as fast as one, the figure is half;
 *   - by how many KiB the resident memory of the process grew. At the end, up
 *     to 1000 blocks for each thread are live.
 */
#include "common/random.h"
#include "common/timing.h"
#include <memheap/memheap.h>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    THREADS = 64,
    OWN = 1000,
    VISIT = 200, /* blocks that a thread of come-and-go allocates */
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
    size_t done; /* operations */
    double began, ended;
    void *own[OWN];
} worker_t;

static memheap_t *heap; /* NULL: malloc */
static unsigned threads;
static size_t operations;
static uint16_t sizes[SIZES];
static ring_t ring[THREADS];
static worker_t worker[THREADS];
static pthread_barrier_t step;
static atomic_bool fed;

/* Resident memory of the process. The kernel computes it from the page tables;
 * /proc/self/statm may lag behind. */
static size_t resident_kib(void)
{
    char text[1024];
    int file = open("/proc/self/smaps_rollup", O_RDONLY);
    ssize_t length = file < 0 ? 0 : read(file, text, sizeof(text) - 1);
    text[length < 0 ? 0 : length] = 0;
    close(file);
    const char *line = strstr(text, "Rss:");
    return line == NULL ? 0 : strtoull(line + 4, NULL, 10);
}

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

static void work_own(worker_t *w)
{
    uint32_t state = 1 + w->number;
    for (size_t i = w->number * 77; w->done < operations; i++) {
        void **slot = &w->own[draw32(&state) % OWN];
        if (*slot != NULL) {
            release(*slot);
            w->done++;
        }
        *slot = allocate(sizes[i % SIZES]);
        w->done++;
    }
}

/* Put a block into a ring. False if the ring is full. */
static bool send_one(ring_t *to, size_t number)
{
    size_t at = atomic_load_explicit(&to->written, memory_order_relaxed);
    if (at - atomic_load_explicit(&to->read, memory_order_acquire) >= RING)
        return false;
    to->block[at % RING] = allocate(sizes[number % SIZES]);
    atomic_store_explicit(&to->written, at + 1, memory_order_release);
    return true;
}

/* Free the oldest block of a ring. False if the ring is half full or less:
 * blocks have the same age at any number of threads. */
static bool take_one(ring_t *from)
{
    size_t at = atomic_load_explicit(&from->read, memory_order_relaxed);
    size_t end = atomic_load_explicit(&from->written, memory_order_acquire);
    if (end - at <= RING / 2)
        return false;
    release(from->block[at % RING]);
    atomic_store_explicit(&from->read, at + 1, memory_order_release);
    return true;
}

static void work_pass(worker_t *w)
{
    ring_t *to = &ring[(w->number + 1) % threads];
    ring_t *from = &ring[w->number];
    size_t most = operations / 2;
    size_t least = most > RING / 2 ? most - RING / 2 : 0;
    size_t sent = 0;
    size_t freed = 0;
    while (sent < most || freed < least) {
        bool sends = sent < most && send_one(to, sent + w->number * 77);
        bool takes = take_one(from);
        sent += sends;
        freed += takes;
        if (!sends && !takes)
            sched_yield();
    }
    w->done = sent + freed;
}

static void work_feed(worker_t *w)
{
    if (w->number > 0) {
        while (!atomic_load(&fed)) {
            if (take_one(&ring[w->number]))
                w->done++;
            else
                sched_yield();
        }
        return;
    }
    unsigned next = 1;
    unsigned full = 0;
    while (w->done < operations / 2 * threads) {
        bool sends = send_one(&ring[next], w->done);
        w->done += sends;
        full = sends ? 0 : full + 1;
        next = next + 1 < threads ? next + 1 : 1;
        if (full >= threads)
            sched_yield();
    }
    atomic_store(&fed, true);
}

/* A thread of come-and-go. */
static void *visit(void *context)
{
    worker_t *w = context;
    for (size_t i = 0; i < VISIT / 2 && w->own[i] != NULL; i++, w->done++)
        release(w->own[i]);
    char *other[VISIT / 2];
    for (size_t i = 0; i < VISIT / 2; i++) {
        w->own[i] = allocate(sizes[w->done++ % SIZES]);
        other[i] = allocate(sizes[w->done++ % SIZES]);
    }
    for (size_t i = 0; i < VISIT / 2; i++, w->done++)
        release(other[i]);
    return NULL;
}

/* Run come-and-go. Returns false if a thread cannot be created. */
static bool come_and_go(void)
{
    size_t count = operations / (2 * VISIT) * threads;
    worker[0].began = now();
    for (size_t i = 0; i < count + threads; i++) {
        worker_t *w = &worker[i % threads];
        if (i >= threads)
            pthread_join(w->thread, NULL);
        if (i < count && pthread_create(&w->thread, NULL, visit, w) != 0)
            return false;
    }
    worker[0].ended = now();
    return true;
}

static void (*work)(worker_t *w);

static void *run_thread(void *context)
{
    worker_t *w = context;
    pthread_barrier_wait(&step);
    w->began = now();
    work(w);
    w->ended = now();
    pthread_barrier_wait(&step);
    /* Stay until the process ends, with all that the allocator has for the
     * thread. */
    pthread_barrier_wait(&step);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    const char *workload = argv[2];
    threads = (unsigned)atoi(argv[3]);
    operations = (size_t)atoll(argv[4]);
    work = strcmp(workload, "own") == 0    ? work_own
           : strcmp(workload, "pass") == 0 ? work_pass
           : strcmp(workload, "feed") == 0 ? work_feed
                                           : NULL;
    bool stay = work != NULL;
    if ((!stay && strcmp(workload, "come-and-go") != 0) || threads == 0 ||
        threads > THREADS || (work == work_feed && threads < 2))
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
    memset(worker, 0, sizeof(worker));
    memset(ring, 0, sizeof(ring));
    pthread_barrier_init(&step, NULL, threads + 1);
    size_t before = resident_kib();
    if (!stay && !come_and_go())
        return 1;
    for (unsigned i = 0; stay && i < threads; i++) {
        worker[i].number = i;
        if (pthread_create(&worker[i].thread, NULL, run_thread, &worker[i]) !=
            0)
            return 1;
    }
    if (stay) {
        pthread_barrier_wait(&step);
        pthread_barrier_wait(&step);
    }
    size_t after = resident_kib();
    double began = worker[0].began;
    double ended = worker[0].ended;
    size_t done = 0;
    for (unsigned i = 0; i < threads; i++) {
        if (stay) {
            began = worker[i].began < began ? worker[i].began : began;
            ended = worker[i].ended > ended ? worker[i].ended : ended;
        }
        done += worker[i].done;
    }
    printf("%.2f %zu\n", (ended - began) / (double)done,
           after - (after < before ? after : before));
    return 0;
}
