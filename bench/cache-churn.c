/*
 * Measures allocation and free of 48-byte items, with a heap or with an object
 * cache over the same heap.
 *
 *     cache-churn WHAT WORKLOAD LOCKS PAIRS
 *
 * WHAT is "heap", for memheap_alloc() and memheap_free() of a default heap, or
 * "cache", for memheap_cache_alloc() and memheap_cache_free(). WORKLOAD is
 *   pair    allocates an item and frees it at once
 *   fill    allocates all items, and then frees them in the same order
 *   random  replaces a random one of 1000 items by a new one
 *   spread  replaces a random one of 100000 items by a new one
 * LOCKS is "none", for MEMHEAP_SINGLE_THREADED; "alone", for a lock in a
 * process of one thread; or "second", for a lock while a second thread exists,
 * which waits. The program prints the mean nanoseconds of a pair of allocation
 * and free over PAIRS pairs, after a warm-up of the same length.
 *
 * To count instructions, use valgrind --tool=callgrind --toggle-collect=run,
 * and divide by the pairs.
 */
#include "common/random.h"
#include "common/timing.h"
#include <memheap/cache.h>

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ITEM = 48,
    FEW = 1000,
    SPREAD = 100000,
    HEAP = 1 << 30
};

static memheap_t *heap;
static memheap_cache_t *cache; /* NULL: items come from the heap itself */
static size_t pairs;
static void **items;
static uint32_t state = 12345;

static inline void *take(void)
{
    void *item = NULL;
    if (cache != NULL ? memheap_cache_alloc(cache, &item) != MEMHEAP_OK
                      : memheap_alloc(heap, ITEM, &item) != MEMHEAP_OK)
        abort();
    return item;
}

static inline void give(void *item)
{
    if (cache != NULL ? memheap_cache_free(cache, item) != MEMHEAP_OK
                      : memheap_free(heap, item) != MEMHEAP_OK)
        abort();
}

static void run_pair(void)
{
    for (size_t i = 0; i < pairs; i++)
        give(take());
}

static void run_fill(void)
{
    for (size_t i = 0; i < pairs; i++)
        items[i] = take();
    for (size_t i = 0; i < pairs; i++)
        give(items[i]);
}

static void run_random(size_t live)
{
    for (size_t i = 0; i < pairs; i++) {
        size_t chosen = draw32(&state) % live;
        give(items[chosen]);
        items[chosen] = take();
    }
}

__attribute__((noinline)) static void run(const char *workload)
{
    if (strcmp(workload, "pair") == 0)
        run_pair();
    else if (strcmp(workload, "fill") == 0)
        run_fill();
    else
        run_random(strcmp(workload, "random") == 0 ? FEW : SPREAD);
}

static void *wait_for_the_end(void *context)
{
    pause();
    return context;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    pthread_t second;
    const char *workload = argv[2];
    unsigned flags =
        strcmp(argv[3], "none") == 0 ? (unsigned)MEMHEAP_SINGLE_THREADED : 0;
    pairs = (size_t)atoll(argv[4]);
    size_t live = strcmp(workload, "random") == 0   ? FEW
                  : strcmp(workload, "spread") == 0 ? SPREAD
                                                    : 0;
    items = calloc(pairs > SPREAD ? pairs : SPREAD, sizeof(*items));
    if (items == NULL || pairs == 0 ||
        (strcmp(argv[3], "second") == 0 &&
         pthread_create(&second, NULL, wait_for_the_end, NULL) != 0))
        return 1;
    memheap_config_t config = {.size = HEAP, .flags = flags};
    if (memheap_create(&config, &heap) != MEMHEAP_OK)
        return 1;
    memheap_pool_t pool = memheap_heap_as_pool(heap);
    memheap_cache_config_t items_config = {
        .item_size = ITEM, .pool = &pool, .flags = flags};
    if (strcmp(argv[1], "cache") == 0 &&
        memheap_cache_create(&items_config, &cache) != MEMHEAP_OK)
        return 1;
    for (size_t i = 0; i < live; i++)
        items[i] = take();
    run(workload);
    double began = now();
    run(workload);
    printf("%.2f\n", (now() - began) / (double)pairs);
    return 0;
}
