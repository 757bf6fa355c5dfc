/*
 * Measures the time per operation of recorded traces. It uses only OpenSHMEM
 * calls, so the same source measures any OpenSHMEM library.
 *
 * Usage: pgas-replay [-c] [-f] [-n OPERATIONS] TRACE...
 *
 * Prints one line per trace: its name, the median over the passes of the
 * nanoseconds per operation on PE 0, and the number of failed allocations.
 * -c measures CPU time, which excludes other processes. -f adds the footprint:
 * the bytes from the lowest block to the end of the highest block of the first
 * pass. Blocks that a trace does not free are freed between the passes, outside
 * the measured time.
 */
#include "tools/common/trace.h"

#include "common/timing.h"

#include <shmem.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    PASSES = 5
};

typedef struct span {
    uintptr_t low;
    uintptr_t high;
} span_t;

static void widen(span_t *span, const void *block, size_t size)
{
    uintptr_t start = (uintptr_t)block;
    if (start < span->low)
        span->low = start;
    if (start + size > span->high)
        span->high = start + size;
}

/* Run one pass over the trace. Returns the number of failed allocations. Stores
 * the address range of the blocks in span, unless it is NULL. */
static size_t pass(const trace_t *trace, void **slots, span_t *span)
{
    size_t failures = 0;
    for (size_t i = 0; i < trace->count; i++) {
        const trace_op_t *op = &trace->ops[i];
        void **slot = &slots[op->slot];
        void *moved;
        switch (op->kind) {
        case TRACE_ALLOC:
            *slot = shmem_malloc(op->size);
            failures += *slot == NULL;
            break;
        case TRACE_ALIGN:
            *slot = shmem_align((size_t)1 << op->align_order, op->size);
            failures += *slot == NULL;
            break;
        case TRACE_RESIZE:
            moved = shmem_realloc(*slot, op->size);
            failures += moved == NULL;
            *slot = moved == NULL ? *slot : moved;
            break;
        case TRACE_FREE:
            shmem_free(*slot);
            *slot = NULL;
            break;
        }
        if (span != NULL && *slot != NULL)
            widen(span, *slot, op->size);
    }
    return failures;
}

static void free_all(const trace_t *trace, void **slots)
{
    for (size_t i = 0; i < trace->slots; i++) {
        shmem_free(slots[i]);
        slots[i] = NULL;
    }
}

static bool processor;
static bool footprint;
static size_t operations = SIZE_MAX;

static double clock_now(void)
{
    struct timespec t;
    if (!processor)
        return now();
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void measure(const char *path)
{
    trace_t trace;
    char error[256];
    if (!trace_load(&trace, path, operations, error, sizeof(error))) {
        fprintf(stderr, "%s\n", error);
        shmem_global_exit(1);
    }
    void **slots = calloc(trace.slots + 1, sizeof(*slots));
    double times[PASSES];
    span_t span = {.low = UINTPTR_MAX};
    size_t failures = pass(&trace, slots, &span);
    free_all(&trace, slots);
    for (int i = 0; i < PASSES; i++) {
        double start = clock_now();
        failures += pass(&trace, slots, NULL);
        times[i] = (clock_now() - start) / (double)trace.count;
        free_all(&trace, slots);
    }
    qsort(times, PASSES, sizeof(times[0]), compare);
    if (shmem_my_pe() == 0) {
        printf("%s %.2f %zu", trace.name, times[PASSES / 2], failures);
        if (footprint)
            printf(" %zu", (size_t)(span.high - span.low));
        printf("\n");
    }
    free(slots);
    trace_free(&trace);
}

int main(int argc, char **argv)
{
    int option;
    shmem_init();
    while ((option = getopt(argc, argv, "cfn:")) != -1) {
        if (option == 'c')
            processor = true;
        else if (option == 'f')
            footprint = true;
        else if (option == 'n')
            operations = strtoull(optarg, NULL, 0);
        else
            shmem_global_exit(2);
    }
    for (int i = optind; i < argc; i++)
        measure(argv[i]);
    shmem_finalize();
    return 0;
}
