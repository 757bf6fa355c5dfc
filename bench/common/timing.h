/*
 * The clock of the programs that are built against other libraries too: found
 * beside them, so that their wrappers need no flags.
 */
#ifndef MEMHEAP_BENCH_COMMON_TIMING_H
#define MEMHEAP_BENCH_COMMON_TIMING_H

#include <time.h>

/* Nanoseconds since some time. */
static inline double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* For qsort(): doubles, the least first. */
static inline int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

#endif
