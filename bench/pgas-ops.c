/*
 * Measures the calls of PGAS programs. It uses only OpenSHMEM 1.4, so the same
 * source measures any OpenSHMEM library.
 *
 *   pgas-ops SECTION [BATCHES]
 *
 * PE 0 prints lines of a unit, a name and a number, separated by tabs. Each
 * number is the median over batches. The batches of calls that are compared
 * alternate, so that disturbances affect all of them alike.
 *
 *   latency     ns per call and the quiet after it, from PE 0 to PE 1, which
 *               waits in a barrier; and of a put to a PE 1 that computes, and
 *               calls the library each 10 ms only
 *   bandwidth   GB/s between PE 0 and PE 1; also of memcpy between the same
 *               blocks, if shmem_ptr() gives their address
 *   rate        ns per call: 64 puts to the consecutive blocks of a window, and
 *               a quiet; the same for the nonblocking forms of put and get, and
 *               for put with signal
 *   strided     ns per call of strided and block-strided puts and gets
 *   barrier     ns
 *   collective  ns per call over all PEs. Each batch has one synchronization
 *               array per call and ends with a barrier. So no array is reused
 *               before all PEs have left its last call.
 *   crowded     ns with twice as many threads as cores: for a put and a wait
 *               for the answer, and for a barrier while the other threads put
 *               and wait
 *   setup       ms from before shmem_init() to after shmem_finalize()
 *
 * The collectives are those over active sets, and those over teams if the
 * library has them. Where a library lacks a call, what a program does instead
 * is measured: a put, a fence and an atomic set for a put with signal, and a
 * loop for block-strided puts and gets.
 */
#include "common/timing.h"

#include <shmem.h>

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BATCHES = 201, /* short, so that most run undisturbed */
    WORKS = 8,     /* at most, in one measurement */
    SYNCS = 16,    /* calls of a collective in a batch */
    WORDS = 8192,  /* in 64 KiB */
    PART = 128,    /* words per PE, 1 KiB */
    WINDOW = 64    /* outstanding puts */
};

/* Runs one batch of calls. */
typedef void work_t(int calls);

static int me, pes, batches;
static long *cell;            /* target of latency */
static char *mine, *other;    /* blocks for bandwidth; NULL: no direct access */
static size_t size;           /* bytes of a call */
static int words;             /* words per PE of a collective; per block */
static long *source, *target; /* of collectives */
static long *syncs[SYNCS], *scratch[SYNCS];

/* Run the given number of batches of each work, alternating, and set median to
 * the nanoseconds per call. */
static void measure(work_t *const *works, int count, int calls, int times,
                    double *median)
{
    static double sample[WORKS][BATCHES];
    for (int i = 0; i < count; i++)
        works[i](calls);
    for (int k = 0; k < times; k++) {
        for (int i = 0; i < count; i++) {
            double start = now();
            works[i](calls);
            sample[i][k] = (now() - start) / calls;
        }
    }
    for (int i = 0; i < count; i++) {
        qsort(sample[i], (size_t)times, sizeof(sample[i][0]), compare);
        median[i] = sample[i][times / 2];
    }
}

/* Allocate symmetric memory, or end the job. The block is page-aligned, so that
 * copies have the same alignment in every library. */
static void *allocate(size_t bytes)
{
    void *block = shmem_align(4096, bytes);
    if (block == NULL) {
        fprintf(stderr, "pgas-ops: no %zu bytes of symmetric memory\n", bytes);
        shmem_global_exit(1);
    }
    memset(block, 0, bytes);
    return block;
}

/* A work that repeats one statement. */
#define WORK(NAME, STATEMENT)                                                  \
    static void NAME(int calls)                                                \
    {                                                                          \
        for (int i = 0; i < calls; i++) {                                      \
            STATEMENT;                                                         \
        }                                                                      \
    }

static long word;
static volatile long got;
WORK(put_word, (shmem_long_put(cell, &word, 1, 1), shmem_quiet()))
WORK(get_word, (shmem_long_get(&word, cell, 1, 1), shmem_quiet()))
WORK(p_word, (shmem_long_p(cell, i, 1), shmem_quiet()))
WORK(g_word, (got = shmem_long_g(cell, 1), shmem_quiet()))
WORK(add_word, (got = shmem_long_atomic_fetch_add(cell, 1, 1), shmem_quiet()))
WORK(swap_word,
     (got = shmem_long_atomic_compare_swap(cell, i, i + 1, 1), shmem_quiet()))

/* PE 1 computes until PE 0 has measured; then both know that. */
static void compute(void)
{
    enum {
        SILENT_NS = 10000000
    };
    volatile long *done = cell + 1;
    while (*done == 0) {
        double start = now();
        while (*done == 0 && now() - start < SILENT_NS)
            continue;
        got = shmem_long_g(cell, 0); /* makes progress in any library */
    }
}

static void latency(void)
{
    static work_t *const works[] = {put_word, get_word, p_word,
                                    g_word,   add_word, swap_word};
    static const char *const names[] = {
        "put", "get", "p", "g", "atomic fetch-add", "atomic compare-swap"};
    double median[WORKS];
    cell = allocate(2 * sizeof(*cell));
    shmem_barrier_all();
    if (me == 0) {
        measure(works, 6, 100, batches, median);
        for (int i = 0; i < 6; i++)
            printf("ns\t%s\t%.1f\n", names[i], median[i]);
    }
    shmem_barrier_all();
    if (me == 0) {
        measure(works, 1, 1, 51, median);
        printf("ns\tput, the other PE computes\t%.1f\n", median[0]);
        shmem_long_p(cell + 1, 1, 1);
        shmem_quiet();
    } else if (me == 1) {
        compute();
    }
    shmem_barrier_all();
    shmem_free(cell);
}

static void put_block(int calls)
{
    for (int i = 0; i < calls; i++)
        shmem_putmem(mine + size, mine, size, 1);
    shmem_quiet();
}
WORK(get_block, shmem_getmem(mine, mine + size, size, 1))
WORK(copy_out, memcpy(other, mine, size))
WORK(copy_in, memcpy(mine, other, size))

static void bandwidth(void)
{
    static work_t *const works[] = {put_block, get_block, copy_out, copy_in};
    static const struct {
        size_t size;
        const char *name;
        int calls, fewer; /* calls in a batch; divisor of the batches */
    } all[] = {{(size_t)4 << 10, "4 KiB", 512, 1},
               {(size_t)64 << 10, "64 KiB", 32, 1},
               {(size_t)1 << 20, "1 MiB", 4, 1},
               {(size_t)64 << 20, "64 MiB", 1, 10}};
    for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
        double median[WORKS];
        size = all[k].size;
        mine = allocate(2 * size);
        shmem_barrier_all();
        if (me == 0) {
            char *there = shmem_ptr(mine, 1);
            other = there == NULL ? NULL : there + size;
            measure(works, there == NULL ? 2 : 4, all[k].calls,
                    (batches + all[k].fewer - 1) / all[k].fewer, median);
            double bytes = (double)size;
            printf("GB/s\tput %s\t%.3f\n", all[k].name, bytes / median[0]);
            printf("GB/s\tget %s\t%.3f\n", all[k].name, bytes / median[1]);
            if (there != NULL) {
                printf("memcpy\tput %s\t%.3f\n", all[k].name,
                       bytes / median[2]);
                printf("memcpy\tget %s\t%.3f\n", all[k].name,
                       bytes / median[3]);
            }
        }
        shmem_barrier_all();
        shmem_free(mine);
    }
}

#define LATER (SHMEM_MAJOR_VERSION > 1 || SHMEM_MINOR_VERSION >= 5)
#if LATER
#define PUT_SIGNAL(DEST, SOURCE)                                               \
    shmem_putmem_signal(DEST, SOURCE, size, signal_word, 1, SHMEM_SIGNAL_SET, 1)
#else
#define PUT_SIGNAL(DEST, SOURCE)                                               \
    (shmem_putmem(DEST, SOURCE, size, 1), shmem_fence(),                       \
     shmem_ulong_atomic_set((unsigned long *)signal_word, 1, 1))
#endif

/* A work that repeats a call on the blocks of a window, and a quiet. */
#define WINDOW_WORK(NAME, CALL)                                                \
    static void NAME(int calls)                                                \
    {                                                                          \
        for (int i = 0; i < calls; i++) {                                      \
            char *here = mine + (size_t)i * size;                              \
            char *there = here + WINDOW * size;                                \
            CALL;                                                              \
        }                                                                      \
        shmem_quiet();                                                         \
    }

static uint64_t *signal_word;
WINDOW_WORK(put_window, shmem_putmem(there, here, size, 1))
WINDOW_WORK(put_nbi_window, shmem_putmem_nbi(there, here, size, 1))
WINDOW_WORK(get_nbi_window, shmem_getmem_nbi(here, there, size, 1))
WINDOW_WORK(put_signal_window, PUT_SIGNAL(there, here))

static void rate(void)
{
    static work_t *const works[] = {put_window, put_nbi_window, get_nbi_window,
                                    put_signal_window};
    static const char *const names[] = {"put", "put_nbi", "get_nbi",
                                        "put with signal"};
    static const struct {
        size_t size;
        const char *name;
    } all[] = {{8, "8 B"},           {1 << 10, "1 KiB"}, {2 << 10, "2 KiB"},
               {4 << 10, "4 KiB"},   {8 << 10, "8 KiB"}, {16 << 10, "16 KiB"},
               {64 << 10, "64 KiB"}, {1 << 20, "1 MiB"}};
    size_t last = sizeof(all) / sizeof(all[0]) - 1;
    signal_word = allocate(sizeof(*signal_word));
    mine = allocate(2 * WINDOW * all[last].size);
    shmem_barrier_all();
    for (size_t k = 0; k <= last && me == 0; k++) {
        double median[WORKS];
        size = all[k].size;
        measure(works, 4, WINDOW, k < last - 1 ? batches : (batches + 9) / 10,
                median);
        for (int i = 0; i < 4; i++)
            printf("ns\t%s, %s\t%.1f\n", names[i], all[k].name, median[i]);
    }
    shmem_barrier_all();
}

/* Every other block of `words` words; a block is a call where there is none for
 * all. `times` is the number of blocks. */
static int times;
WORK(iput_words, shmem_long_iput(target, source, 2, 2, (size_t)times, 1))
WORK(iget_words, shmem_long_iget(source, target, 2, 2, (size_t)times, 1))
#if SHMEM_MAJOR_VERSION > 1 || SHMEM_MINOR_VERSION >= 6
#define BLOCKS(BLOCK_CALL, CALL, DEST, SOURCE)                                 \
    BLOCK_CALL(DEST, SOURCE, 2 * words, 2 * words, (size_t)words,              \
               (size_t)times, 1)
#else
#define BLOCKS(BLOCK_CALL, CALL, DEST, SOURCE)                                 \
    for (int k = 0; k < times; k++)                                            \
    CALL(DEST + 2 * k * words, SOURCE + 2 * k * words, (size_t)words, 1)
#endif
WORK(ibput_words, BLOCKS(shmem_long_ibput, shmem_long_put, target, source))
WORK(ibget_words, BLOCKS(shmem_long_ibget, shmem_long_get, source, target))

static void strided(void)
{
    static work_t *const singles[] = {iput_words, iget_words};
    static work_t *const blocks[] = {ibput_words, ibget_words};
    static const struct {
        int words, times;
        const char *name;
    } all[] = {{1, 16, "16 of 8 B"},
               {1, 1024, "1024 of 8 B"},
               {8, 128, "128 of 64 B"},
               {128, 16, "16 of 1 KiB"},
               {1024, 8, "8 of 8 KiB"}};
    target = allocate(2 * WORDS * sizeof(*target));
    source = allocate(2 * WORDS * sizeof(*source));
    shmem_barrier_all();
    for (size_t k = 0; k < sizeof(all) / sizeof(all[0]) && me == 0; k++) {
        double median[WORKS];
        words = all[k].words;
        times = all[k].times;
        measure(words == 1 ? singles : blocks, 2, 1024 / words / times + 1,
                batches, median);
        printf("ns\t%s, %s\t%.1f\n", words == 1 ? "iput" : "ibput", all[k].name,
               median[0]);
        printf("ns\t%s, %s\t%.1f\n", words == 1 ? "iget" : "ibget", all[k].name,
               median[1]);
    }
    shmem_barrier_all();
}

WORK(barrier_all, shmem_barrier_all())

static void barrier(void)
{
    static work_t *const works[] = {barrier_all};
    double median[WORKS];
    measure(works, 1, 100, batches, median);
    if (me == 0)
        printf("ns\t%d PEs\t%.1f\n", pes, median[0]);
}

/* The work of a collective: up to SYNCS calls of it, then a barrier. */
#define COLLECTIVE(NAME, CALL)                                                 \
    static void NAME(int calls)                                                \
    {                                                                          \
        for (int i = 0; i < calls; i++) {                                      \
            CALL;                                                              \
        }                                                                      \
        shmem_barrier_all();                                                   \
    }

#define N ((size_t)words)
COLLECTIVE(set_broadcast,
           shmem_broadcast64(target, source, N, 0, 0, 0, pes, syncs[i]))
COLLECTIVE(set_sum, shmem_long_sum_to_all(target, source, words, 0, 0, pes,
                                          scratch[i], syncs[i]))
COLLECTIVE(set_fcollect,
           shmem_fcollect64(target, source, N, 0, 0, pes, syncs[i]))
COLLECTIVE(set_alltoall,
           shmem_alltoall64(target, source, N, 0, 0, pes, syncs[i]))
#if LATER
COLLECTIVE(team_broadcast,
           shmem_long_broadcast(SHMEM_TEAM_WORLD, target, source, N, 0))
COLLECTIVE(team_sum, shmem_long_sum_reduce(SHMEM_TEAM_WORLD, target, source, N))
COLLECTIVE(team_fcollect,
           shmem_long_fcollect(SHMEM_TEAM_WORLD, target, source, N))
COLLECTIVE(team_alltoall,
           shmem_long_alltoall(SHMEM_TEAM_WORLD, target, source, N))
#define TEAM(work) work
#else
#define TEAM(work) NULL
#endif

static void collective(void)
{
    static const struct {
        const char *name;
        int words;
        work_t *set, *team;
    } all[] = {{"broadcast 8 B", 1, set_broadcast, TEAM(team_broadcast)},
               {"broadcast 64 KiB", WORDS, set_broadcast, TEAM(team_broadcast)},
               {"all-reduce 8 B", 1, set_sum, TEAM(team_sum)},
               {"all-reduce 64 KiB", WORDS, set_sum, TEAM(team_sum)},
               {"fcollect 1 KiB", PART, set_fcollect, TEAM(team_fcollect)},
               {"alltoall 1 KiB", PART, set_alltoall, TEAM(team_alltoall)}};
    size_t most = (size_t)(pes * PART > WORDS ? pes * PART : WORDS);
    size_t sync_words = SHMEM_REDUCE_SYNC_SIZE;
    if (sync_words < SHMEM_BCAST_SYNC_SIZE)
        sync_words = SHMEM_BCAST_SYNC_SIZE;
    if (sync_words < SHMEM_COLLECT_SYNC_SIZE)
        sync_words = SHMEM_COLLECT_SYNC_SIZE;
    if (sync_words < SHMEM_ALLTOALL_SYNC_SIZE)
        sync_words = SHMEM_ALLTOALL_SYNC_SIZE;
    source = allocate(most * sizeof(*source));
    target = allocate(most * sizeof(*target));
    for (int i = 0; i < SYNCS; i++) {
        syncs[i] = allocate(sync_words * sizeof(long));
        for (size_t k = 0; k < sync_words; k++)
            syncs[i][k] = SHMEM_SYNC_VALUE;
        scratch[i] = allocate((WORDS / 2 + 1 + SHMEM_REDUCE_MIN_WRKDATA_SIZE) *
                              sizeof(long));
    }
    shmem_barrier_all();
    for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
        work_t *works[] = {all[k].set, all[k].team};
        double median[WORKS];
        words = all[k].words;
        measure(works, works[1] == NULL ? 1 : 2, SYNCS, batches, median);
        if (me != 0)
            continue;
        printf("ns\t%s, %d PEs\t%.1f\n", all[k].name, pes, median[0]);
        if (works[1] != NULL)
            printf("ns\tteam %s, %d PEs\t%.1f\n", all[k].name, pes, median[1]);
    }
}

/*
 * Threads: thread i of PE 0 and thread i of PE 1 answer each other, by the
 * words i. A negative number ends both.
 */
enum {
    ANSWERS = 200,  /* in a batch */
    CROWD = 21,     /* batches */
    THREADS = 1024, /* at most */
    WORD_STEP = 8   /* words of a cache line */
};

static volatile int answered_enough;

/* PE 0 counts up to `most`, or until it is told to end; PE 1 answers. */
static void answer(long i, long most)
{
    long *own = &cell[i * WORD_STEP];
    for (long k = 1; me == 0; k++) {
        bool ends = k > most || answered_enough;
        shmem_long_p(own, ends ? -k : k, 1);
        if (ends)
            return;
        shmem_long_wait_until(own, SHMEM_CMP_EQ, k);
    }
    for (long k = 1; me == 1; k++) {
        shmem_long_wait_until(own, SHMEM_CMP_NE, k - 1);
        if (*own < 0)
            return;
        shmem_long_p(own, k, 0);
    }
}

static void *answer_batch(void *index)
{
    answer((long)index, ANSWERS);
    return NULL;
}

static void *answer_on(void *index)
{
    answer((long)index, LONG_MAX);
    return NULL;
}

/* Run a function on threads 1 and up, and `meanwhile`, or the same function, on
 * this one. */
static void crowd(void *run(void *), long count, work_t *meanwhile)
{
    static pthread_t thread[THREADS];
    memset(cell, 0, THREADS * WORD_STEP * sizeof(*cell));
    answered_enough = 0;
    shmem_barrier_all();
    for (long i = 1; i < count; i++)
        pthread_create(&thread[i], NULL, run, (void *)i);
    if (meanwhile != NULL)
        meanwhile(ANSWERS);
    else
        run((void *)0);
    answered_enough = meanwhile != NULL;
    for (long i = 1; i < count; i++)
        pthread_join(thread[i], NULL);
    shmem_barrier_all();
}

static void crowded(void)
{
    double sample[2][CROWD];
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    count = count < THREADS ? count : THREADS;
    cell = allocate(THREADS * WORD_STEP * sizeof(*cell));
    for (int k = 0; k < CROWD && pes == 2; k++) {
        double start = now();
        crowd(answer_batch, count, NULL);
        sample[0][k] = (now() - start) / ANSWERS;
        start = now();
        crowd(answer_on, count, barrier_all);
        sample[1][k] = (now() - start) / ANSWERS;
    }
    for (int i = 0; i < 2 && me == 0; i++) {
        qsort(sample[i], CROWD, sizeof(sample[i][0]), compare);
        printf("ns\t%s, %ld threads a PE\t%.1f\n",
               i == 0 ? "put and wait" : "barrier", count,
               sample[i][CROWD / 2]);
    }
}

static void setup(void)
{
    double start = now();
    shmem_init();
    me = shmem_my_pe();
    shmem_finalize();
    if (me == 0)
        printf("ms\tin the program\t%.2f\n", (now() - start) / 1e6);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } sections[] = {{"latency", latency}, {"bandwidth", bandwidth},
                    {"rate", rate},       {"strided", strided},
                    {"barrier", barrier}, {"collective", collective},
                    {"crowded", crowded}};
    const char *name = argc > 1 ? argv[1] : "";
    batches = argc > 2 ? atoi(argv[2]) : BATCHES;
    if (batches < 1 || batches > BATCHES)
        batches = BATCHES;
    if (strcmp(name, "setup") == 0) {
        setup();
        return 0;
    }
    int level = SHMEM_THREAD_SINGLE;
    if (strcmp(name, "crowded") != 0)
        shmem_init();
    else if (shmem_init_thread(SHMEM_THREAD_MULTIPLE, &level) != 0 ||
             level != SHMEM_THREAD_MULTIPLE)
        return 0; /* the library has no threads */
    me = shmem_my_pe();
    pes = shmem_n_pes();
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        if (strcmp(name, sections[i].name) == 0)
            sections[i].run();
    }
    shmem_finalize();
    return 0;
}
