/*
 * Measures what a job costs. It uses only OpenSHMEM 1.4, so the same source
 * measures any OpenSHMEM library; with -DPLAIN_MPI it uses MPI only.
 *
 *   pgas-scale [empty | pair]
 *
 * PE 0 prints the bytes of a PE while all PEs are in the program, and the
 * nanoseconds of a barrier and of a sum of one word over all PEs.
 *
 *   empty   only start and end, and print the milliseconds of the start
 *   pair    for two PEs: print the nanoseconds of a transfer of a cache line
 *           between them, of a barrier, a sum and a broadcast of one word
 *
 * Memory is the proportional set size that the kernel reports: each process
 * counts its share of a shared page, so the sum over the PEs is what the job
 * takes. Times are medians over batches: of about 10 ms each; with `pair`, of
 * 100 calls, so that most run undisturbed.
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
    MOST = 1000, /* calls in a batch */
    SHORT_BATCHES = 401,
    SHORT = 100 /* calls in one */
};

static int me, pes;

#ifdef PLAIN_MPI
static long in, out;
static long *cells; /* a word on each of two PEs, of shared memory */

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

static void broadcast(void)
{
    MPI_Bcast(&in, 1, MPI_LONG, 0, MPI_COMM_WORLD);
}

static void allocate(void)
{
    static MPI_Win window;
    MPI_Aint size;
    int unit;
    MPI_Win_allocate_shared(me == 0 ? 4096 : 0, 1, MPI_INFO_NULL,
                            MPI_COMM_WORLD, (void *)&cells, &window);
    MPI_Win_shared_query(window, 0, &size, &unit, (void *)&cells);
    MPI_Barrier(MPI_COMM_WORLD);
}
#else
static long *words; /* source, result */
static long *scratch, *sync_words[4];
static long *cells; /* a word on each of two PEs, in the memory of PE 0 */

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

static void broadcast(void)
{
#if SHMEM_MAJOR_VERSION > 1 || SHMEM_MINOR_VERSION >= 5
    shmem_long_broadcast(SHMEM_TEAM_WORLD, words + 1, words, 1, 0);
#else
    static int turn;
    turn = !turn;
    shmem_broadcast64(words + 1, words, 1, 0, 0, 0, pes, sync_words[2 + turn]);
#endif
}

static void allocate(void)
{
    long *own = shmem_align(4096, 4096);
    memset(own, 0, 4096);
    cells = shmem_ptr(own, 0);
    words = shmem_malloc(2 * sizeof(long));
    scratch = shmem_malloc((1 + SHMEM_REDUCE_MIN_WRKDATA_SIZE) * sizeof(long));
    size_t size = SHMEM_REDUCE_SYNC_SIZE;
    if (size < SHMEM_BCAST_SYNC_SIZE)
        size = SHMEM_BCAST_SYNC_SIZE;
    for (int i = 0; i < 4; i++) {
        sync_words[i] = shmem_malloc(size * sizeof(long));
        for (size_t k = 0; k < size; k++)
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

/* PE 0 writes a word and PE 1 answers in another: two transfers. */
static void transfer_twice(void)
{
    static long turn;
    const int words_apart = 32; /* processors fetch pairs of lines */
    long *own = cells + me * words_apart;
    const long *other = cells + (1 - me) * words_apart;
    turn++;
    if (me == 0)
        __atomic_store_n(own, turn, __ATOMIC_RELEASE);
    while (__atomic_load_n(other, __ATOMIC_ACQUIRE) != turn)
        continue;
    if (me == 1)
        __atomic_store_n(own, turn, __ATOMIC_RELEASE);
}

/* Median of the nanoseconds of a call over batches of `calls`. */
static double median_of(void (*call)(void), long calls, int batches)
{
    static double sample[SHORT_BATCHES];
    for (int k = 0; k < batches; k++) {
        double begin = now();
        for (long i = 0; i < calls; i++)
            call();
        sample[k] = (now() - begin) / (double)calls;
    }
    qsort(sample, (size_t)batches, sizeof(sample[0]), compare);
    return sample[batches / 2];
}

/* The same over batches of a few milliseconds. All PEs make equal numbers of
 * calls. */
static double time_of(void (*call)(void))
{
    double begin = now();
    for (int i = 0; i < 10; i++)
        call();
    double mean = (now() - begin) / 10;
    long calls = mean * MOST < BATCH_NS ? MOST : (long)(BATCH_NS / mean) + 1;
    return median_of(call, sum(calls) / pes, BATCHES);
}

static void measure_pair(void)
{
    void (*const calls[])(void) = {transfer_twice, barrier, sum_one, broadcast};
    double median[4];
    for (int i = 0; i < 4; i++) {
        barrier();
        median[i] = median_of(calls[i], SHORT, SHORT_BATCHES);
    }
    if (me == 0)
        printf("%.1f %.1f %.1f %.1f\n", median[0] / 2, median[1], median[2],
               median[3]);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    double begin = now();
    start();
    double started = now() - begin;
    if (strcmp(mode, "empty") == 0) {
        if (me == 0)
            printf("%.1f\n", started / 1e6);
        end();
        return 0;
    }
#ifdef PLAIN_MPI
    if (strcmp(mode, "pair") == 0)
        allocate();
#else
    allocate();
#endif
    if (strcmp(mode, "pair") == 0) {
        measure_pair();
        end();
        return 0;
    }
    barrier();
    long used = sum(bytes_used()) / pes;
    double of_barrier = time_of(barrier);
    double of_sum = time_of(sum_one);
    if (me == 0)
        printf("%ld %.0f %.0f\n", used, of_barrier, of_sum);
    end();
    return 0;
}
