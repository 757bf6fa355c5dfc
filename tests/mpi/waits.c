/*
 * PEs that wait for longer than they should. PE 0 is the one that is late, or
 * that makes the mistake. Arguments are run in turn:
 *
 *   word      the others wait for a word that PE 0 writes late
 *   array     for an element of an array, likewise
 *   signal    for a signal, likewise
 *   barrier   in a barrier, until PE 0 has computed for a while
 *   set       in a barrier of an active set, likewise
 *   lock      for a lock that PE 0 holds for a while
 *   exit      the others wait for a word, and PE 0 exits with status 0
 *   twice     PE 0 sets a lock that it holds
 *   foreign   PE 0 clears a lock that the last PE holds
 *   free      PE 0 clears a lock that is free
 *   pace      a thread of each PE takes its core, so its waits yield at once;
 *             and they sleep in the way that their policy says, unless they
 *             serve another PE
 */
#define _GNU_SOURCE /* sched_getcpu() */
#include "tests/mpi/tap.h"
#include "comm/wait.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

static int me, last;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Longer than a wait that is reported after a second, also on a machine whose
 * cores have more to do than this job. */
static void compute(void)
{
    double load = 0;
    getloadavg(&load, 1);
    double end = now() + 2.2 + load / (double)sysconf(_SC_NPROCESSORS_ONLN) / 4;
    while (now() < end)
        continue;
}

/* PE 0 writes to the words of all PEs after a while. */
static void write_late(long *word)
{
    compute();
    for (int pe = 1; pe <= last; pe++)
        shmem_long_p(word, 77, pe);
}

static void word(void)
{
    static long flag = 3;
    if (me == 0)
        write_late(&flag);
    else
        shmem_long_wait_until(&flag, SHMEM_CMP_EQ, 77);
}

static void array(void)
{
    static long flags[4];
    if (me == 0)
        write_late(&flags[2]);
    else
        shmem_long_wait_until_any(flags, 4, NULL, SHMEM_CMP_NE, 0);
}

static void wait_for_signal(void)
{
    static uint64_t flag;
    if (me == 0)
        write_late((long *)&flag);
    else
        shmem_signal_wait_until(&flag, SHMEM_CMP_GE, 77);
}

static void barrier(void)
{
    if (me == 0)
        compute();
    shmem_barrier_all();
}

static void set(void)
{
    static long sync[SHMEM_BARRIER_SYNC_SIZE];
    for (int i = 0; i < SHMEM_BARRIER_SYNC_SIZE; i++)
        sync[i] = SHMEM_SYNC_VALUE;
    shmem_barrier_all();
    if (me == 0)
        compute();
    shmem_barrier(0, 0, last + 1, sync);
}

static void lock(void)
{
    static long key;
    if (me == 0)
        shmem_set_lock(&key);
    shmem_barrier_all();
    if (me == 0)
        compute();
    else
        shmem_set_lock(&key);
    shmem_clear_lock(&key);
}

static void leave(void)
{
    static long flag;
    if (me == 0)
        exit(0);
    shmem_long_wait_until(&flag, SHMEM_CMP_EQ, 77);
}

static void twice(void)
{
    static long key;
    if (me == 0) {
        shmem_set_lock(&key);
        shmem_set_lock(&key);
    }
}

static void foreign(void)
{
    static long key;
    if (me == last)
        shmem_set_lock(&key);
    shmem_barrier_all();
    if (me == 0)
        shmem_clear_lock(&key);
    shmem_barrier_all();
}

static void clear_free(void)
{
    static long key;
    if (me == 0)
        shmem_clear_lock(&key);
}

static void *spin(void *stop)
{
    while (!__atomic_load_n((int *)stop, __ATOMIC_RELAXED))
        continue;
    return NULL;
}

static bool serves;
static int sleeps;

static bool progress(void *context)
{
    (void)context;
    return serves;
}

static void sleep_soundly(void *context, uint64_t ns)
{
    (void)context;
    (void)ns;
    sleeps++;
}

/* Wait until a wait on a shared core has slept; then as long, but serving
 * others. Returns whether only the first slept. */
static bool sleeps_when_idle(void)
{
    const memheap_wait_policy_t policy = {.progress = progress,
                                          .sleep = sleep_soundly};
    memheap_wait_t wait = memheap_wait_begin(&policy, NULL);
    int steps = 0;
    for (; sleeps == 0; steps++)
        memheap_wait_step(&wait);
    sleeps = 0;
    serves = true;
    wait = memheap_wait_begin(&policy, NULL);
    while (steps-- > 0)
        memheap_wait_step(&wait);
    return sleeps == 0;
}

static void pace(void)
{
    static int stop;
    pthread_t thread;
    cpu_set_t core;
    CPU_ZERO(&core);
    CPU_SET((unsigned)sched_getcpu(), &core);
    sched_setaffinity(0, sizeof(core), &core); /* the new thread inherits it */
    pthread_create(&thread, NULL, spin, &stop);
    do {
        const memheap_wait_policy_t policy = {.progress = NULL};
        memheap_wait_t wait = memheap_wait_begin(&policy, NULL);
        for (int i = 0; i < MEMHEAP_WAIT_SPINS + 16; i++)
            memheap_wait_step(&wait);
    } while (memheap_wait_spins > 0);
    if (!sleeps_when_idle())
        printf("slept while serving\n");
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } all[] = {{"word", word},       {"array", array},
               {"barrier", barrier}, {"set", set},
               {"lock", lock},       {"exit", leave},
               {"twice", twice},     {"foreign", foreign},
               {"free", clear_free}, {"signal", wait_for_signal},
               {"pace", pace}};
    shmem_init();
    me = shmem_my_pe();
    last = shmem_n_pes() - 1;
    for (int k = 1; k < argc; k++) {
        for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
            if (strcmp(argv[k], all[i].name) == 0)
                all[i].run();
        }
        shmem_barrier_all();
    }
    if (me == 0)
        printf("all went on\n");
    shmem_finalize();
    return 0;
}
