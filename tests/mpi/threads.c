/*
 * Threads: several threads per PE, each with its own context, put and update at
 * the same time, and run collectives, each in a team of its own.
 */
#include "tests/mpi/tap.h"

#include <pthread.h>
#include <sched.h>

enum {
    THREADS = 4,
    ROUNDS = 300
};

static int me, n;
static long *counter;   /* one on each PE, for all threads of all PEs */
static uint64_t *cells; /* ROUNDS for each thread of each PE */
static uint64_t *signal_words;

typedef struct thread {
    pthread_t handle;
    int number;
    bool good;
} thread_t;

static uint64_t value(int pe, int thread, int i)
{
    return (uint64_t)((pe * THREADS + thread) * ROUNDS + i + 1);
}

/* All threads create and destroy contexts at the same time. */
static void *run(void *argument)
{
    thread_t *thread = argument;
    int row = me * THREADS + thread->number;
    int next = (me + 1) % n;
    bool good = true;
    for (int i = 0; i < ROUNDS; i++) {
        shmem_ctx_t ctx;
        uint64_t word = value(me, thread->number, i);
        uint64_t *cell = &cells[row * ROUNDS + i];
        if (shmem_ctx_create(0, &ctx) != 0) {
            thread->good = false;
            return NULL;
        }
        shmem_ctx_uint64_put_nbi(ctx, cell, &word, 1, next);
        shmem_ctx_long_atomic_inc(ctx, counter, i % n);
        shmem_ctx_quiet(ctx);
        good = shmem_ctx_uint64_g(ctx, cell, next) == word && good;
        shmem_ctx_signal_add(ctx, signal_words, 1, next);
        shmem_ctx_destroy(ctx);
    }
    thread->good = good;
    return NULL;
}

/* One thread waits while the other threads continue. */
static void *wait_for_all(void *argument)
{
    thread_t *thread = argument;
    uint64_t all = (uint64_t)THREADS * ROUNDS;
    thread->good =
        shmem_signal_wait_until(signal_words, SHMEM_CMP_GE, all) == all;
    return NULL;
}

/* Many barriers in a team that no other thread uses. */
static void *meet(void *argument)
{
    thread_t *thread = argument;
    shmem_team_t team =
        thread->number == 0 ? SHMEM_TEAM_WORLD : SHMEM_TEAM_SHARED;
    bool good = true;
    for (int i = 0; i < 10 * ROUNDS; i++)
        good = shmem_team_sync(team) == 0 && good;
    thread->good = good;
    return NULL;
}

static shmem_team_t parents[2];

/* Split a parent that no other thread splits, and use the new teams. */
static void *split(void *argument)
{
    thread_t *thread = argument;
    shmem_team_t parent = parents[thread->number];
    bool good = true;
    for (int i = 0; i < ROUNDS; i++) {
        shmem_team_t team;
        good = shmem_team_split_strided(parent, n - 1, -1, n, NULL, 0, &team) ==
                   0 &&
               good;
        good = shmem_team_n_pes(team) == n && good;
        good = shmem_team_sync(team) == 0 && good;
        shmem_team_destroy(team);
    }
    thread->good = good;
    return NULL;
}

static bool parents_are_made(void)
{
    bool good = true;
    for (int i = 0; i < 2; i++)
        good = shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 1, n, NULL, 0,
                                        &parents[i]) == 0 &&
               good;
    return good;
}

enum {
    LONG = 1 << 20
};

static pthread_barrier_t both;
static char *block, *copy; /* of LONG bytes */

/* Both threads call quiet on one context after one of them has issued
 * operations; both see the data. */
static void *settle(void *argument)
{
    thread_t *thread = argument;
    bool good = true;
    for (int i = 0; i < 30; i++) {
        if (thread->number == 0) {
            memset(copy, 0, LONG);
            shmem_getmem_nbi(copy, block, LONG, (me + 1) % n);
        }
        pthread_barrier_wait(&both);
        shmem_quiet();
        good = memcmp(copy, block, LONG) == 0 && good;
        pthread_barrier_wait(&both);
    }
    thread->good = good;
    return NULL;
}

static bool block_is_made(void)
{
    block = shmem_malloc(LONG);
    copy = malloc(LONG);
    if (block == NULL || copy == NULL)
        return false;
    memset(block, 'x', LONG);
    shmem_barrier_all();
    return pthread_barrier_init(&both, NULL, 2) == 0;
}

/* Run a function in two threads, and return whether both succeeded. */
static bool two_run(void *(*function)(void *argument))
{
    thread_t threads[2];
    bool good = true;
    for (int i = 0; i < 2; i++) {
        threads[i] = (thread_t){.number = i};
        good = pthread_create(&threads[i].handle, NULL, function,
                              &threads[i]) == 0 &&
               good;
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i].handle, NULL);
        good = threads[i].good && good;
    }
    return good;
}

enum {
    RELEASED = 2000
};

static void *released[RELEASED];
static int released_count; /* those that thread 1 may release */

/* Thread 0 allocates; thread 1 releases what thread 0 has allocated. */
static void *release(void *argument)
{
    thread_t *thread = argument;
    bool good = true;
    for (int i = 0; i < RELEASED; i++) {
        if (thread->number == 0) {
            released[i] = shmem_malloc((size_t)(1 + i % 500));
            good = released[i] != NULL && good;
            __atomic_store_n(&released_count, i + 1, __ATOMIC_RELEASE);
        } else {
            while (__atomic_load_n(&released_count, __ATOMIC_ACQUIRE) <= i)
                sched_yield();
            good = shmemx_release(released[i]) == 0 && good;
        }
    }
    thread->good = good;
    return NULL;
}

static bool all_are_released(void)
{
    size_t before = shmemx_heap_free();
    bool good = two_run(release);
    shmemx_heap_collect();
    return good && shmemx_heap_released() == 0 &&
           shmemx_heap_free() == before && shmemx_heap_check() == 0;
}

int main(void)
{
    int provided = -1;
    bool good = shmem_init_thread(SHMEM_THREAD_MULTIPLE, &provided) == 0;
    tap_plan(9);
    me = shmem_my_pe();
    n = shmem_n_pes();
    tap_ok(good && provided == SHMEM_THREAD_MULTIPLE,
           "threads may call at any time");
    counter = shmem_calloc(1, sizeof(*counter));
    signal_words = shmem_calloc(1, sizeof(*signal_words));
    cells = shmem_calloc((size_t)n * THREADS * ROUNDS, sizeof(*cells));
    thread_t threads[THREADS + 1];
    good = true;
    for (int i = 0; i <= THREADS; i++) {
        threads[i].number = i;
        good = pthread_create(&threads[i].handle, NULL,
                              i < THREADS ? run : wait_for_all,
                              &threads[i]) == 0 &&
               good;
    }
    tap_ok(good, "threads start");
    for (int i = 0; i <= THREADS; i++) {
        pthread_join(threads[i].handle, NULL);
        good = threads[i].good && good;
    }
    tap_ok(good, "each thread sees its puts, and one thread sees all signals");
    shmem_barrier_all();
    long wanted = 0;
    for (int i = 0; i < ROUNDS; i++)
        wanted += i % n == me ? (long)n * THREADS : 0;
    tap_ok(*counter == wanted, "no update is lost");
    good = true;
    int before = (me + n - 1) % n;
    for (int k = 0; k < THREADS; k++) {
        for (int i = 0; i < ROUNDS; i++)
            good = good && cells[(before * THREADS + k) * ROUNDS + i] ==
                               value(before, k, i);
    }
    tap_ok(good, "all puts arrive");
    tap_ok(two_run(meet), "two threads use the predefined teams at once");
    tap_ok(parents_are_made() && two_run(split),
           "two threads split teams at once");
    tap_ok(block_is_made() && two_run(settle),
           "two threads complete the same operations");
    tap_ok(all_are_released(), "a thread releases while another allocates");
    shmem_finalize();
    return 0;
}
