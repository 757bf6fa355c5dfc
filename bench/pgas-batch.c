/*
 * Compares the time of a single allocation and free with the time per block of
 * a batch of COUNT blocks. Each call is one collective step.
 *
 *   mpirun -n 2 pgas-batch
 *
 * PE 0 prints the nanoseconds per block, as medians over rounds, and the
 * speedup of a batch. All four measurements alternate in each round.
 */
#include "common/timing.h"

#include <shmem.h>
#include <shmemx.h>

#include <stdio.h>
#include <stdlib.h>

enum {
    COUNT = 64,
    ROUNDS = 2001,
    ALLOC_SINGLE = 0,
    FREE_SINGLE,
    ALLOC_BATCH,
    FREE_BATCH,
    KINDS
};

static double times[KINDS][ROUNDS];

/* Nanoseconds per block since start. */
static double since(double start)
{
    return (now() - start) / COUNT;
}

/* Run one round. Returns whether all allocations succeeded. */
static int measure(const size_t *sizes, int round)
{
    void *blocks[COUNT];
    double start = now();
    for (int i = 0; i < COUNT; i++)
        blocks[i] = shmem_malloc(sizes[i]);
    times[ALLOC_SINGLE][round] = since(start);
    int good = blocks[COUNT - 1] != NULL;
    start = now();
    for (int i = 0; i < COUNT; i++)
        shmem_free(blocks[i]);
    times[FREE_SINGLE][round] = since(start);
    start = now();
    good = shmemx_malloc_batch(COUNT, sizes, blocks) == 0 && good;
    times[ALLOC_BATCH][round] = since(start);
    start = now();
    good = good && shmemx_free_batch(COUNT, blocks) == 0;
    times[FREE_BATCH][round] = since(start);
    return good;
}

int main(void)
{
    size_t sizes[COUNT];
    for (int i = 0; i < COUNT; i++)
        sizes[i] = (size_t)(16 + i % 16 * 64);
    shmem_init();
    int good = measure(sizes, 0);
    for (int i = 0; i < ROUNDS && good; i++)
        good = measure(sizes, i);
    for (int i = 0; i < KINDS; i++)
        qsort(times[i], ROUNDS, sizeof(times[i][0]), compare);
    const double alloc_single = times[ALLOC_SINGLE][ROUNDS / 2];
    const double free_single = times[FREE_SINGLE][ROUNDS / 2];
    const double alloc_batch = times[ALLOC_BATCH][ROUNDS / 2];
    const double free_batch = times[FREE_BATCH][ROUNDS / 2];
    if (shmem_my_pe() == 0 && good) {
        printf("%-8s%10s%10s%10s\n", "", "single", "batch", "times");
        printf("%-8s%10.1f%10.1f%10.2f\n", "malloc", alloc_single, alloc_batch,
               alloc_single / alloc_batch);
        printf("%-8s%10.1f%10.1f%10.2f\n", "free", free_single, free_batch,
               free_single / free_batch);
    }
    shmem_finalize();
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
