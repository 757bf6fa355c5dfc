/*
 * Measures what a job of many PEs costs. It uses only OpenSHMEM 1.4, so the
 * same source measures any OpenSHMEM library; with -DPLAIN_MPI it uses MPI
 * only.
 *
 *   pgas-scale [empty]
 *
 * PE 0 prints the bytes of a PE while all PEs are in the program, and the
 * nanoseconds of a barrier and of a sum of one word over all PEs. `empty`: only
 * start and end, and print the milliseconds from before the start to after it.
 *
 * Memory is the proportional set size that the kernel reports: each process
 * counts its share of a shared page, so the sum over the PEs is what the job
 * takes. Times are medians over batches, which take about 10 ms each.
 */
#include "common/timing.h"

#ifdef PLAIN_MPI
#include <mpi.h>
#else
#include <shmem.h>
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCHES = 21,
    BATCH_NS = 10000000,
    MOST = 1000 /* calls in a batch */
};

static int me, pes;

#ifdef PLAIN_MPI
static long in, out;

static void start(void)
{
    MPI_Init(NULL, NULL);
    MPI_Comm_rank(MPI_COMM_WORLD, &me);
    MPI_Comm_size(MPI_COMM_WORLD, &pes);
}

static void end(void)
{
    MPI_Finalize();
}

static void barrier(void)
{
    MPI_Barrier(MPI_COMM_WORLD);
}

static long sum(long word)
{
    in = word;
    MPI_Allreduce(&in, &out, 1, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
    return out;
}
#else
static long *words; /* source, result */
static long *scratch, *sync_words[2];

static void start(void)
{
    shmem_init();
    me = shmem_my_pe();
    pes = shmem_n_pes();
}

static void end(void)
{
    shmem_finalize();
}

static void barrier(void)
{
    shmem_barrier_all();
}

/* Over a team if the library has teams, or else over an active set. */
static long sum(long word)
{
    words[0] = word;
#if SHMEM_MAJOR_VERSION > 1 || SHMEM_MINOR_VERSION >= 5
    shmem_long_sum_reduce(SHMEM_TEAM_WORLD, words + 1, words, 1);
#else
    static int turn;
    turn = !turn;
    shmem_long_sum_to_all(words + 1, words, 1, 0, 0, pes, scratch,
                          sync_words[turn]);
#endif
    return words[1];
}

static void allocate(void)
{
    words = shmem_malloc(2 * sizeof(long));
    scratch = shmem_malloc((1 + SHMEM_REDUCE_MIN_WRKDATA_SIZE) * sizeof(long));
    for (int i = 0; i < 2; i++) {
        sync_words[i] = shmem_malloc(SHMEM_REDUCE_SYNC_SIZE * sizeof(long));
        for (int k = 0; k < (int)SHMEM_REDUCE_SYNC_SIZE; k++)
            sync_words[i][k] = SHMEM_SYNC_VALUE;
    }
    shmem_barrier_all();
}
#endif

/* The memory of this process. */
static long bytes_used(void)
{
    char line[256];
    long kib = 0;
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "Pss:", 4) == 0)
            kib = strtol(line + 4, NULL, 10);
    }
    if (file != NULL)
        fclose(file);
    return kib * 1024;
}

static void sum_one(void)
{
    sum(1);
}

/* Nanoseconds of a call. All PEs make equal numbers of calls. */
static double time_of(void (*call)(void))
{
    double sample[BATCHES];
    double begin = now();
    for (int i = 0; i < 10; i++)
        call();
    double mean = (now() - begin) / 10;
    long calls = mean * MOST < BATCH_NS ? MOST : (long)(BATCH_NS / mean) + 1;
    calls = sum(calls) / pes;
    for (int k = 0; k < BATCHES; k++) {
        begin = now();
        for (long i = 0; i < calls; i++)
            call();
        sample[k] = (now() - begin) / (double)calls;
    }
    qsort(sample, BATCHES, sizeof(sample[0]), compare);
    return sample[BATCHES / 2];
}

int main(int argc, char **argv)
{
    double begin = now();
    start();
    double started = now() - begin;
    if (argc > 1 && strcmp(argv[1], "empty") == 0) {
        if (me == 0)
            printf("%.1f\n", started / 1e6);
        end();
        return 0;
    }
#ifndef PLAIN_MPI
    allocate();
#endif
    barrier();
    long used = sum(bytes_used()) / pes;
    double of_barrier = time_of(barrier);
    double of_sum = time_of(sum_one);
    if (me == 0)
        printf("%ld %.0f %.0f\n", used, of_barrier, of_sum);
    end();
    return 0;
}
