/*
 * Time of a barrier, and of a pair of malloc and free, through OpenSHMEM calls
 * alone, so that the same source measures any implementation of them.
 *
 * Prints on PE 0 the medians, over batches, of nanoseconds a barrier and
 * nanoseconds a pair; the batches of both alternate.
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
