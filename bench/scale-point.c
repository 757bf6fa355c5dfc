/*
 * Measures a component with a given number of live blocks and size of heap.
 *
 * Usage: scale-point COMPONENT LIVE HEAP SECONDS
 *
 * Blocks have 16 to 496 bytes, 256 on average. The program first allocates LIVE
 * blocks. Then it repeats a pair: it frees a random block and allocates
 * another. It makes LIVE pairs as a warm-up, and then measures 9 batches of
 * 20000 pairs and takes the median. Each of the two parts stops after half of
 * SECONDS. Component "none" only draws the random numbers: its time is that of
 * the harness. With LIVE 0, the program creates and destroys a heap 101 times.
 *
 * The program prints nanoseconds per pair, or per creation; bytes of metadata
 * per byte requested, as the heap reports and as the resident memory grew; and
 * the number of warm-up pairs divided by LIVE. "-" stands for a figure that was
 * not measured.
 *
 * The heap's range is reserved and never touched. To count instructions, use
 * valgrind --tool=callgrind --toggle-collect=run_batch, and divide by the
 * pairs.
 */
#include "config.h"

#include <memheap/memheap.h>

#include "common/random.h"
#include "common/timing.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    BATCHES = 9,
    PAIRS = 20000,
    CREATIONS = 101
};

static memheap_t *heap; /* NULL: component "none" */
static char **blocks;
static uint16_t *sizes;
static size_t live;
static size_t live_bytes;
static uint64_t state = 88172645463325252u;

static void take(size_t i)
{
    size_t size = 16 + (draw64(&state) >> 32) % 481;
    void *block = NULL;
    if (heap != NULL && memheap_alloc(heap, size, &block) != MEMHEAP_OK)
        exit(1);
    blocks[i] = block;
    sizes[i] = (uint16_t)size;
    live_bytes += size;
}

static void replace(void)
{
    size_t i = (size_t)((draw64(&state) >> 32) * live >> 32);
    if (heap != NULL && memheap_free(heap, blocks[i]) != MEMHEAP_OK)
        exit(1);
    live_bytes -= sizes[i];
    take(i);
}

/* Not inlined, so that callgrind can count its instructions alone. */
__attribute__((noinline)) static void run_batch(void)
{
    for (int i = 0; i < PAIRS; i++)
        replace();
}

static double processor_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Return the anonymous memory of the process in bytes. It comes from
 * smaps_rollup, because the count in statm is wrong by some hundred KiB. */
static size_t resident(void)
{
    char line[256];
    size_t kib = 0;
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "Anonymous:", 10) == 0)
            kib = strtoull(line + 10, NULL, 10);
    }
    if (file != NULL)
        fclose(file);
    return kib * 1024;
}

static void create(const char *component, size_t size)
{
    char choice[80];
    const char *params[] = {choice, NULL};
    snprintf(choice, sizeof(choice), "MEMHEAP_COMPONENT=%s", component);
    void *base = mmap(NULL, size, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    memheap_config_t config = {.base = base,
                               .size = size,
                               .flags = MEMHEAP_SINGLE_THREADED,
                               .params = params};
    if (base == MAP_FAILED || memheap_create(&config, &heap) != MEMHEAP_OK)
        exit(1);
}

/* The heap allocates its own range, which is part of the measured time. */
static void measure_creation(const char *component, size_t size)
{
    double times[CREATIONS];
    char choice[80];
    const char *params[] = {choice, NULL};
    snprintf(choice, sizeof(choice), "MEMHEAP_COMPONENT=%s", component);
    memheap_config_t config = {.size = size, .params = params};
    for (int i = 0; i < CREATIONS; i++) {
        double start = processor_time();
        if (memheap_create(&config, &heap) != MEMHEAP_OK)
            exit(1);
        times[i] = processor_time() - start;
        memheap_destroy(heap);
    }
    qsort(times, CREATIONS, sizeof(times[0]), compare);
    printf("%.0f - - -\n", times[CREATIONS / 2]);
}

static void measure_pairs(const char *component, size_t size, double length)
{
    double times[BATCHES];
    blocks = malloc(live * sizeof(*blocks));
    sizes = malloc(live * sizeof(*sizes));
    if (blocks == NULL || sizes == NULL)
        exit(1);
    /* Make the arrays resident. The compiler would turn zeros into calloc(). */
    memset(blocks, 1, live * sizeof(*blocks));
    memset(sizes, 1, live * sizeof(*sizes));
    /* Create and destroy a heap first, so that memory which the library
     * allocates once does not count for the measured heap. */
    bool none = strcmp(component, "none") == 0;
    if (!none) {
        create(component, (size_t)1 << 20);
        take(0);
        memheap_destroy(heap);
        live_bytes = 0;
    }
    resident();
    size_t before = resident();
    if (!none)
        create(component, size);
    for (size_t i = 0; i < live; i++)
        take(i);
    double began = now();
    size_t done = 0;
    for (; done < live && now() < began + length / 2; done += PAIRS)
        run_batch();
    int batches = 0;
    for (began = now(); batches < BATCHES && now() < began + length / 2;
         batches++) {
        double start = processor_time();
        run_batch();
        times[batches] = (processor_time() - start) / PAIRS;
    }
    qsort(times, (size_t)batches, sizeof(times[0]), compare);
    memheap_stats_t stats = {.metadata = 0};
    if (heap != NULL)
        memheap_get_stats(heap, &stats);
    printf("%.1f %.5f %.5f %.2f\n", times[batches / 2],
           (double)stats.metadata / (double)live_bytes,
           (double)(resident() - before) / (double)live_bytes,
           (double)done / (double)live);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: scale-point COMPONENT LIVE HEAP SECONDS\n");
        return 2;
    }
    live = strtoull(argv[2], NULL, 0);
    size_t size = strtoull(argv[3], NULL, 0);
    if (live == 0)
        measure_creation(argv[1], size);
    else
        measure_pairs(argv[1], size, atof(argv[4]) * 1e9);
    return 0;
}
