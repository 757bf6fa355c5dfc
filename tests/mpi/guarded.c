/*
 * Correct and wrong accesses to symmetric memory, chosen by the argument; for
 * guard.sh and checkers.sh.
 */
#include <shmem.h>
#include <shmemx.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUNDS = 200, /* rounds of churn; the second argument may set others */
    LONGS = 2000
};

static int me, pes;

static void fail(const char *what)
{
    printf("PE %d: %s\n", me, what);
    fflush(stdout);
    exit(EXIT_FAILURE);
}

/* Blocks are allocated, freed, resized and written by other PEs all the time.
 */
static void churn(int rounds)
{
    int right = (me + 1) % pes;
    int left = (me + pes - 1) % pes;
    long *kept = shmem_malloc(sizeof(*kept));
    for (int round = 0; round < rounds; round++) {
        size_t count = (size_t)(LONGS + 37 * round);
        long *block = round % 3 == 0 ? shmem_calloc(count, sizeof(*block))
                                     : shmem_malloc(count * sizeof(*block));
        if (block == NULL || kept == NULL)
            fail("no memory");
        long *theirs = shmem_ptr(block, right);
        if (theirs != NULL)
            theirs[0] = me;
        else
            shmem_long_p(block, me, right);
        for (size_t i = 1; i < count; i++)
            block[i] = (long)i;
        shmem_barrier_all();
        if (block[0] != left ||
            shmem_long_g(&block[count - 1], right) != (long)count - 1)
            fail("wrong contents");
        kept = shmem_realloc(kept, (size_t)(round % 50 + 1) * 1000);
        shmem_barrier_all();
        shmem_free(block);
    }
    shmem_free(kept);
}

/* A lock-free exchange: data, then a signal. */
static void signalled(void)
{
    static uint64_t flag;
    long *data = shmem_malloc(LONGS * sizeof(*data));
    long *mine = shmem_calloc(LONGS, sizeof(*mine));
    long sum = 0;
    flag = 0;
    shmem_barrier_all();
    shmem_putmem_signal(data, mine, LONGS * sizeof(*data), &flag, 1,
                        SHMEM_SIGNAL_SET, (me + 1) % pes);
    shmem_signal_wait_until(&flag, SHMEM_CMP_EQ, 1);
    for (int i = 0; i < LONGS; i++)
        sum += data[i];
    if (sum != 0)
        fail("wrong data");
    shmem_free(data);
    shmem_free(mine);
}

/* Members of a space; each writes to the next PE after a free. */
static void in_space(void)
{
    shmemx_space_config_t config = {.device = SHMEMX_DEVICE_FOLDER,
                                    .size = 1000000};
    shmemx_space_t space;
    if (shmemx_space_create(&config, &space) != 0)
        fail("no space");
    if (space != SHMEMX_SPACE_INVALID) {
        shmem_team_t team = shmemx_space_get_team(space);
        int *block = shmemx_space_malloc(space, 4000);
        int n = shmem_team_my_pe(team);
        int next = shmem_team_translate_pe(
            team, (n + 1) % shmem_team_n_pes(team), SHMEM_TEAM_WORLD);
        shmem_int_p(block, 1, next);
        shmemx_space_free(space, block);
        if (n == 0)
            shmem_int_p(block + 2, 1, next);
        shmem_team_sync(team);
    }
    shmem_barrier_all();
    fail("survived");
}

/* Read an uninitialized word. memcheck reports it when a branch depends on it.
 */
static void unset(void)
{
    volatile char *block = shmem_malloc(100);
    if (block[70] == 1)
        printf("one\n");
    block = shmem_calloc(1, 100);
    if (block[70] == 1)
        printf("one\n");
}

/* A reduction whose result does not fit into its block, next to another. */
static void reduce(void)
{
    long *from = shmem_calloc(LONGS, sizeof(*from));
    long *to = shmem_calloc(LONGS - 4, sizeof(*to));
    long *other = shmem_calloc(LONGS, sizeof(*other));
    shmem_long_sum_reduce(SHMEM_TEAM_WORLD, to, from, LONGS);
    fail(other == NULL ? "no memory" : "survived");
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    shmem_init();
    me = shmem_my_pe();
    pes = shmem_n_pes();
    if (strcmp(what, "churn") == 0)
        churn(argc > 2 ? atoi(argv[2]) : ROUNDS);
    else if (strcmp(what, "signalled") == 0)
        signalled();
    else if (strcmp(what, "space") == 0)
        in_space();
    else if (strcmp(what, "reduce") == 0)
        reduce();
    else if (strcmp(what, "unset") == 0)
        unset();
    shmem_barrier_all();
    if (me == 0)
        printf("done\n");
    shmem_finalize();
    return 0;
}
