/*
 * Measures a barrier, and a pair of malloc and free. It uses only OpenSHMEM
 * calls, so the same source measures any OpenSHMEM library.
 *
 * PE 0 prints the nanoseconds per barrier and per pair, as medians over
 * batches. The batches of both alternate.
 */
#include "common/timing.h"

#include <shmem.h>

#include <stdio.h>
#include <stdlib.h>

/* Short batches, so that most of them run undisturbed by other processes. */
enum {
    BATCHES = 401,
    COUNT = 100
};

static double barriers(void)
{
    double start = now();
    for (int i = 0; i < COUNT; i++)
        shmem_barrier_all();
    return (now() - start) / COUNT;
}

static double pairs(void)
{
    double start = now();
    for (int i = 0; i < COUNT; i++)
        shmem_free(shmem_malloc(64));
    return (now() - start) / COUNT;
}

int main(void)
{
    double barrier[BATCHES];
    double pair[BATCHES];
    shmem_init();
    barriers();
    pairs();
    for (int i = 0; i < BATCHES; i++) {
        barrier[i] = barriers();
        pair[i] = pairs();
    }
    qsort(barrier, BATCHES, sizeof(barrier[0]), compare);
    qsort(pair, BATCHES, sizeof(pair[0]), compare);
    if (shmem_my_pe() == 0)
        printf("%.1f %.1f\n", barrier[BATCHES / 2], pair[BATCHES / 2]);
    shmem_finalize();
    return 0;
}
