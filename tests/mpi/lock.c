/*
 * Locks: a nonatomic counter under a lock loses no update, each PE gets its
 * turns, and several locks are independent. Spin locks that programs build from
 * atomics work too.
 */
#include "tests/mpi/tap.h"

enum {
    ROUNDS = 300, /* turns per PE */
    LOCKS = 5
};

/* Increment a counter on PE 0 by get and put, which races without a lock. */
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

/* All PEs compete for the lock: each gets all its turns, and one PE has the
 * lock at a time. */
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

/* test_lock acquires a lock only if it is free. */
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

/* Several locks; each PE holds two at a time, acquired in one order. */
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
    /* A lock that another PE holds does not block a free lock. */
    if (me < LOCKS) {
        good = shmem_test_lock(&locks[me]) == 0 && good;
        good = shmem_test_lock(&locks[me]) != 0 && good;
    }
    shmem_barrier_all();
    if (me < LOCKS)
        shmem_clear_lock(&locks[me]);
    return good;
}

/* A PE that acquires a lock sees the puts made before its release. */
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

/* A spin lock of the program: the other PEs poll it all the time, and the
 * holder needs progress of these PEs to continue. */
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
           "no update under a lock is lost");
    tap_ok(turns_are_shared(&locks[1], turns, holder),
           "one PE has the lock at a time, and each gets its turns");
    tap_ok(tests_tell(&locks[2], &counters[2]),
           "test_lock acquires a lock only if it is free");
    shmem_barrier_all();
    memset(counters, 0, LOCKS * sizeof(long));
    tap_ok(locks_are_apart(locks, counters), "locks are independent");
    long *pair = shmem_calloc(2, sizeof(long));
    tap_ok(puts_are_seen(&locks[3], pair),
           "puts under a lock are visible to the next holder");
    shmem_barrier_all();
    memset(counters, 0, LOCKS * sizeof(long));
    tap_ok(spinning_serves(&locks[4], &counters[0]),
           "a PE that spins on an atomic serves the holder of the lock");
    shmem_finalize();
    return 0;
}
