/*
 * The clock of the benchmarks. Programs include it by a relative path, so that
 * compiler wrappers of other libraries need no flags to find it.
 */
#ifndef MEMHEAP_BENCH_COMMON_TIMING_H
#define MEMHEAP_BENCH_COMMON_TIMING_H

#include <time.h>

/* Nanoseconds since an arbitrary point in time. */
static inline double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Comparison function for qsort(): doubles, in ascending order. */
static inline int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

#endif
