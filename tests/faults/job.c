/*
 * The program of several PEs for tests/faults.sh: it uses the whole library,
 * while a call of the system fails at some point in one PE or in all.
 *
 *     job [returns] ANY...    with "returns", shmem_init_thread() starts it
 *
 * Each PE prints the steps that fail, as "PE 1: malloc fails", and "PE 1: done"
 * at its end. The script checks that all PEs print the same.
 */
#include <shmem.h>
#include <shmemx.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCKS = 40,
    LONGS = 1000,
    LARGE = 24 << 20 /* more than a heap commits at first */
};

static int me = -1, n;
static long variable[LONGS];
static long pe_of_variable;

static void say(const char *what, const char *how)
{
    printf("PE %d: %s %s\n", me, what, how);
    fflush(stdout);
}

/* Print a step that fails. @return whether it does not */
static bool did(const char *step, bool succeeded)
{
    if (!succeeded)
        say(step, "fails");
    return succeeded;
}

static void must(const char *what, bool holds)
{
    if (!holds)
        say(what, "is broken");
}

/* Put a pattern to the next PE, get it back, and check what came. */
static void exchange(const char *what, long *words, size_t count)
{
    static long pattern[LONGS];
    static long back[LONGS];
    int next = (me + 1) % n;
    int previous = (me + n - 1) % n;
    for (size_t i = 0; i < count; i++)
        pattern[i] = me * 1000000 + (long)i;
    shmem_barrier_all();
    shmem_long_put_nbi(words, pattern, count, next);
    shmem_barrier_all();
    bool good = true;
    for (size_t i = 0; i < count; i++)
        good = good && words[i] == previous * 1000000 + (long)i;
    must(what, good);
    shmem_long_get(back, words, count, next);
    must(what, memcmp(back, pattern, count * sizeof(long)) == 0);
    shmem_barrier_all();
    shmem_long_atomic_add(words, 1, next);
    shmem_long_atomic_fetch_add(words, 1, next);
    shmem_barrier_all();
    must(what, words[0] == previous * 1000000 + 2);
}

static void use_heap(void)
{
    void *block[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        block[i] = shmem_malloc(100 + (size_t)i * 400);
        did("malloc", block[i] != NULL);
    }
    if (block[BLOCKS - 1] != NULL)
        exchange("a block", block[BLOCKS - 1], LONGS);
    long *large = shmem_malloc(LARGE);
    if (did("large malloc", large != NULL)) {
        exchange("the end of a block", large + LARGE / sizeof(long) - LONGS,
                 LONGS);
        long *larger = shmem_realloc(large, LARGE + LARGE / 2);
        large = did("realloc", larger != NULL) ? larger : large;
        exchange("a moved block", large, LONGS);
    }
    long *zeroed = shmem_calloc(LONGS, sizeof(long));
    did("calloc", zeroed != NULL);
    for (int i = 0; i < BLOCKS; i += 2)
        shmem_free(block[i]);
    shmem_free(large);
    shmem_free(zeroed);
    shmemx_heap_trim(0); /* of this PE alone: it may fail on one */
    must("the heap", shmemx_heap_check() == 0);
    for (int i = 1; i < BLOCKS; i += 2)
        shmem_free(block[i]);
}

static void use_space(void)
{
    shmemx_space_config_t config = {.size = 1 << 20};
    shmemx_space_t space;
    if (!did("space", shmemx_space_create(&config, &space) == 0))
        return;
    long *words = shmemx_space_malloc(space, LONGS * sizeof(long));
    if (did("space's malloc", words != NULL))
        exchange("a block of a space", words, LONGS);
    did("end of space", shmemx_space_destroy(space) == 0);
}

static void use_teams(void)
{
    static long sum[LONGS];
    shmem_team_t team;
    shmem_ctx_t ctx;
    if (did("team", shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 1, n, NULL, 0,
                                             &team) == 0)) {
        variable[0] = me;
        did("reduce", shmem_long_sum_reduce(team, sum, variable, LONGS) == 0);
        must("a sum", sum[0] == (long)n * (n - 1) / 2);
        did("collect", shmem_long_fcollect(team, sum, variable, 10) == 0);
        must("a collection", sum[(n - 1) * 10] == n - 1);
        shmem_team_destroy(team);
    }
    /* Of this PE alone, too. */
    bool made = shmem_ctx_create(0, &ctx) == 0;
    ctx = made ? ctx : SHMEM_CTX_DEFAULT;
    shmem_ctx_long_p(ctx, &pe_of_variable, me, (me + 1) % n);
    shmem_ctx_quiet(ctx);
    if (made)
        shmem_ctx_destroy(ctx);
    shmem_barrier_all();
    must("a variable", pe_of_variable == (me + n - 1) % n);
}

int main(int argc, char **argv)
{
    int level;
    bool returns = argc > 1 && strcmp(argv[1], "returns") == 0;
    if (returns && shmem_init_thread(SHMEM_THREAD_MULTIPLE, &level) != 0) {
        printf("PE ?: start fails\n");
        return EXIT_FAILURE;
    }
    if (!returns)
        shmem_init();
    me = shmem_my_pe();
    n = shmem_n_pes();
    use_heap();
    use_space();
    use_teams();
    exchange("a variable", variable, LONGS);
    shmem_finalize();
    say("is", "done");
    return EXIT_SUCCESS;
}
