/*
 * Long runs of short broadcasts, in which the root does not wait: with roots in
 * turn and at random, among other collectives of the same team and of teams
 * that share PEs with it. Each call has its own data, and only the calls
 * synchronize the PEs, so data of another call would be noticed.
 *
 * MEMHEAP_TEST_SEED repeats a sequence.
 */
#include "tests/mpi/tap.h"

enum {
    CALLS = 2000,
    MOST = 100, /* maximum bytes: some calls exceed an inline payload */
    TEAMS = 4
};

static shmem_team_t teams[TEAMS];
static uint64_t seed;
static unsigned char *source, *dest;
static long *sums;
static unsigned char stamp; /* of the last call over any team */

/* xorshift64*; S. Vigna, 2016. The same on every PE. */
static uint64_t draw(uint64_t below)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (seed * UINT64_C(2685821657736338717) >> 16) % below;
}

/* Broadcast data of this call, and check it. The root may change its source as
 * soon as its call returns. */
static bool broadcast(shmem_team_t team, size_t size, int root)
{
    bool good = true;
    int me = shmem_team_my_pe(team);
    stamp++;
    if (me < 0)
        return true;
    for (size_t i = 0; i < size; i++)
        source[i] = (unsigned char)(stamp * 7 + root + (int)i);
    if (shmem_broadcastmem(team, dest, source, size, root) != 0)
        return false;
    for (size_t i = 0; i < size; i++) {
        good = good && dest[i] == (unsigned char)(stamp * 7 + root + (int)i);
        dest[i] = source[i] = 0;
    }
    return good;
}

static bool roots_take_turns(shmem_team_t team)
{
    bool good = true;
    int n = shmem_team_n_pes(team);
    for (int i = 0; i < CALLS; i++)
        good = broadcast(team, 8, i % n) && good;
    return good;
}

static bool one_root_runs_ahead(shmem_team_t team)
{
    bool good = true;
    for (int i = 0; i < CALLS; i++)
        good = broadcast(team, 8, 0) && good;
    return good;
}

/* A root makes as many calls as it can without the others, which wait until it
 * tells them. Then they get the data of each. */
static bool root_does_not_wait(int root)
{
    enum {
        AHEAD = 15
    };
    bool good = true;
    int me = shmem_my_pe();
    sums[0] = 0;
    shmem_sync_all();
    if (me != root)
        shmem_long_wait_until(sums, SHMEM_CMP_EQ, 1);
    for (int i = 0; i < AHEAD; i++)
        good = broadcast(SHMEM_TEAM_WORLD, 8, root) && good;
    for (int pe = 0; pe < shmem_n_pes() && me == root; pe++)
        shmem_long_p(sums, 1, pe);
    shmem_barrier_all();
    return good;
}

/* A sum over the team, with terms of this call. */
static bool sum(shmem_team_t team)
{
    int n = shmem_team_n_pes(team);
    int me = shmem_team_my_pe(team);
    stamp++;
    if (me < 0)
        return true;
    sums[0] = stamp + me;
    shmem_long_sum_reduce(team, sums + 1, sums, 1);
    return sums[1] == (long)stamp * n + (long)n * (n - 1) / 2;
}

/* Any collective over a team. */
static bool any_call(shmem_team_t team)
{
    int n = shmem_team_n_pes(team);
    size_t size = draw(MOST + 1);
    int root = (int)draw(1000);
    uint64_t kind = draw(12);
    if (kind == 0)
        return sum(team);
    if (kind == 1)
        return n < 1 || shmem_team_sync(team) == 0;
    return broadcast(team, size, n < 1 ? 0 : root % n);
}

static bool other_calls_come_between(shmem_team_t team)
{
    bool good = true;
    for (int i = 0; i < CALLS; i++) {
        good = any_call(team) && good;
        if (draw(100) == 0)
            shmem_barrier_all();
        if (draw(100) == 0)
            shmem_free(shmem_malloc(64));
    }
    return good;
}

static bool teams_share_pes(void)
{
    bool good = true;
    for (int i = 0; i < CALLS; i++)
        good = any_call(teams[draw(TEAMS)]) && good;
    return good;
}

/* Teams that are destroyed during a run, and pass their flag lines to the next.
 */
static bool teams_come_and_go(void)
{
    bool good = true;
    int n = shmem_n_pes();
    for (int i = 0; i < CALLS / 20; i++) {
        shmem_team_t team;
        int size = 1 + (int)draw((uint64_t)n);
        int start = (int)draw((uint64_t)(n - size + 1));
        int calls = (int)draw(40);
        shmem_team_split_strided(SHMEM_TEAM_WORLD, start, 1, size, NULL, 0,
                                 &team);
        for (int k = 0; k < calls; k++)
            good = broadcast(team, 16, k % size) && good;
        shmem_team_destroy(team);
    }
    return good;
}

int main(void)
{
    const char *given = getenv("MEMHEAP_TEST_SEED");
    seed = given == NULL ? 20261120 : strtoull(given, NULL, 10);
    seed += seed == 0;
    uint64_t first = seed;
    shmem_init();
    tap_plan(10);
    int n = shmem_n_pes();
    source = shmem_calloc(MOST, 1);
    dest = shmem_calloc(MOST, 1);
    sums = shmem_calloc(2, sizeof(*sums));
    teams[0] = SHMEM_TEAM_WORLD;
    shmem_team_split_strided(teams[0], 0, 2, (n + 1) / 2, NULL, 0, &teams[1]);
    shmem_team_split_strided(teams[0], n - 1, -1, n, NULL, 0, &teams[2]);
    shmem_team_split_strided(teams[2], 0, 1, (n + 1) / 2, NULL, 0, &teams[3]);
    tap_ok(roots_take_turns(teams[0]), "each PE is the root in turn");
    tap_ok(roots_take_turns(teams[2]), "so in a team in reverse order");
    tap_ok(roots_take_turns(teams[1]), "so in a team of every second PE");
    tap_ok(one_root_runs_ahead(teams[0]), "one root runs ahead of the others");
    tap_ok(root_does_not_wait(0), "PE 0 sends before the others call");
    tap_ok(root_does_not_wait(n - 1), "so does the last PE");
    tap_ok(other_calls_come_between(teams[0]), "other calls are mixed in");
    tap_ok(teams_share_pes(), "teams that share PEs alternate");
    tap_ok(teams_come_and_go(), "teams come and go");
    tap_ok(roots_take_turns(SHMEM_TEAM_SHARED), "so in the team of a node");
    if (shmem_my_pe() == 0)
        printf("# MEMHEAP_TEST_SEED=%llu\n", (unsigned long long)first);
    shmem_finalize();
    return 0;
}
