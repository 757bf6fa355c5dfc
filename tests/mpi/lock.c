/*
 * Locks: a counter that is not atomic loses nothing behind one, each PE gets
 * its turns, and several locks are independent. Locks that programs make of
 * atomics work too.
 */
#include "tests/mpi/tap.h"

enum {
    ROUNDS = 300, /* turns of each PE */
    LOCKS = 5
};

/* Add one to a counter of PE 0 by get and put, which another would disturb. */
static void count(long *counter)
{
    shmem_long_p(counter, shmem_long_g(counter, 0) + 1, 0);
}

static bool nothing_is_lost(long *lock, long *counter)
{
    for (int i = 0; i < ROUNDS; i++) {
        shmem_set_lock(lock);
        count(counter);
        shmem_clear_lock(lock);
    }
    shmem_barrier_all();
    return shmem_long_g(counter, 0) == (long)shmem_n_pes() * ROUNDS;
}

/* While all ask again and again, each gets as many turns as it wants; who has
 * the lock is alone. */
static bool turns_are_shared(long *lock, long *turns, int *holder)
{
    int me = shmem_my_pe();
    int n = shmem_n_pes();
    bool good = true;
    shmem_barrier_all();
    for (int i = 0; i < ROUNDS; i++) {
        shmem_set_lock(lock);
        good = shmem_int_atomic_compare_swap(holder, 0, me + 1, 0) == 0 && good;
        shmem_long_p(&turns[me], shmem_long_g(&turns[me], 0) + 1, 0);
        good = shmem_int_atomic_swap(holder, 0, 0) == me + 1 && good;
        shmem_clear_lock(lock);
    }
    shmem_barrier_all();
    for (int pe = 0; pe < n; pe++)
        good = good && shmem_long_g(&turns[pe], 0) == ROUNDS;
    return good;
}

/* test_lock takes a lock that is free, and only such. */
static bool tests_tell(long *lock, long *counter)
{
    int me = shmem_my_pe();
    bool good = true;
    shmem_barrier_all();
    if (me == 0)
        good = shmem_test_lock(lock) == 0;
    shmem_barrier_all();
    good = shmem_test_lock(lock) != 0 && good;
    good = shmem_test_lock(lock) != 0 && good;
    shmem_barrier_all();
    if (me == 0)
        shmem_clear_lock(lock);
    shmem_barrier_all();
    for (int i = 0; i < ROUNDS; i++) {
        while (shmem_test_lock(lock) != 0)
            continue;
        count(counter);
        shmem_clear_lock(lock);
    }
    shmem_barrier_all();
    return good && shmem_long_g(counter, 0) == (long)shmem_n_pes() * ROUNDS;
}

/* Several locks, two of them held at a time, in one order. */
static bool locks_are_apart(long *locks, long *counters)
{
    int me = shmem_my_pe();
    int n = shmem_n_pes();
    bool good = true;
    shmem_barrier_all();
    for (int i = 0; i < ROUNDS; i++) {
        int a = (me + i) % (LOCKS - 1);
        shmem_set_lock(&locks[a]);
        shmem_set_lock(&locks[a + 1]);
        count(&counters[a]);
        count(&counters[a + 1]);
        shmem_clear_lock(&locks[a]);
        shmem_clear_lock(&locks[a + 1]);
    }
    shmem_barrier_all();
    long total = 0;
    for (int i = 0; i < LOCKS; i++)
        total += shmem_long_g(&counters[i], 0);
    good = total == 2L * n * ROUNDS;
    shmem_barrier_all();
    /* A lock that another PE holds does not hinder one that is free. */
    if (me < LOCKS) {
        good = shmem_test_lock(&locks[me]) == 0 && good;
        good = shmem_test_lock(&locks[me]) != 0 && good;
    }
    shmem_barrier_all();
    if (me < LOCKS)
        shmem_clear_lock(&locks[me]);
    return good;
}

/* Whoever takes a lock sees what was put before it was given back. */
static bool puts_are_seen(long *lock, long *pair)
{
    int last = shmem_n_pes() - 1;
    bool good = true;
    shmem_barrier_all();
    for (int i = 0; i < ROUNDS; i++) {
        shmem_set_lock(lock);
        long seen[2];
        shmem_long_get(seen, pair, 2, last);
        good = good && seen[0] == seen[1];
        seen[0]++;
        shmem_long_put_nbi(&pair[0], &seen[0], 1, last);
        shmem_long_put_nbi(&pair[1], &seen[0], 1, last);
        shmem_clear_lock(lock);
    }
    shmem_barrier_all();
    return good && shmem_long_g(&pair[1], last) == (long)(last + 1) * ROUNDS;
}

/* A lock of the program's own, which one PE has and the others ask for again
 * and again: whoever has it gets on, though it needs them. */
static bool spinning_serves(long *word, long *counters)
{
    int n = shmem_n_pes();
    long mine = shmem_my_pe() + 1;
    bool good = true;
    shmem_barrier_all();
    for (int i = 0; i < ROUNDS; i++) {
        while (shmem_long_atomic_compare_swap(word, 0, mine, 0) != 0)
            continue;
        for (int pe = 0; pe < n; pe++)
            shmem_long_p(counters, shmem_long_g(counters, pe) + 1, pe);
        shmem_quiet();
        good = shmem_long_atomic_swap(word, 0, 0) == mine && good;
    }
    shmem_barrier_all();
    return good && *counters == (long)n * ROUNDS;
}

int main(void)
{
    shmem_init();
    tap_plan(6);
    long *locks = shmem_calloc(LOCKS, sizeof(long));
    long *counters = shmem_calloc(LOCKS, sizeof(long));
    long *turns = shmem_calloc((size_t)shmem_n_pes(), sizeof(long));
    int *holder = shmem_calloc(1, sizeof(int));
    tap_ok(nothing_is_lost(&locks[0], &counters[0]),
           "no turn behind a lock is lost");
    tap_ok(turns_are_shared(&locks[1], turns, holder),
           "one PE has the lock at a time, and each has its turns");
    tap_ok(tests_tell(&locks[2], &counters[2]),
           "test_lock takes a lock that is free, and no other");
    shmem_barrier_all();
    memset(counters, 0, LOCKS * sizeof(long));
    tap_ok(locks_are_apart(locks, counters), "locks are independent");
    long *pair = shmem_calloc(2, sizeof(long));
    tap_ok(puts_are_seen(&locks[3], pair),
           "what was put under a lock is there for the next PE");
    shmem_barrier_all();
    memset(counters, 0, LOCKS * sizeof(long));
    tap_ok(spinning_serves(&locks[4], &counters[0]),
           "who spins on an atomic serves the one that has its lock");
    shmem_finalize();
    return 0;
}
