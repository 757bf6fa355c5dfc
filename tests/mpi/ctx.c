/*
 * Contexts: their teams, and PE numbers relative to the team.
 */
#include "tests/mpi/tap.h"

enum {
    MANY = 1000
};

static int me, n;

static bool options_are_taken(void)
{
    static const long options[] = {0,
                                   SHMEM_CTX_SERIALIZED,
                                   SHMEM_CTX_PRIVATE,
                                   SHMEM_CTX_NOSTORE,
                                   SHMEM_CTX_SERIALIZED | SHMEM_CTX_NOSTORE,
                                   SHMEM_CTX_PRIVATE | SHMEM_CTX_NOSTORE};
    int *words = shmem_calloc(8, sizeof(*words));
    bool good = true;
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        shmem_ctx_t ctx;
        shmem_team_t team;
        good = shmem_ctx_create(options[i], &ctx) == 0 && good;
        good = shmem_ctx_get_team(ctx, &team) == 0 && good;
        good = team == SHMEM_TEAM_WORLD && good;
        shmem_ctx_int_p(ctx, &words[i], (int)i + me, (me + 1) % n);
        shmem_ctx_fence(ctx);
        shmem_ctx_int_atomic_add(ctx, &words[i], 10, (me + 1) % n);
        shmem_ctx_quiet(ctx);
        shmem_barrier_all();
        good = words[i] == (int)i + 10 + (me + n - 1) % n && good;
        shmem_ctx_destroy(ctx);
    }
    shmem_free(words);
    return good;
}

/* On a team in reverse order, and one of every second PE. */
static bool numbers_are_the_teams(int start, int stride, int size)
{
    shmem_team_t team;
    shmem_team_t found;
    shmem_ctx_t ctx = SHMEM_CTX_DEFAULT;
    int *words = shmem_calloc((size_t)n, sizeof(*words));
    bool good = shmem_team_split_strided(SHMEM_TEAM_WORLD, start, stride, size,
                                         NULL, 0, &team) == 0;
    int mine = shmem_team_my_pe(team);
    good = (shmem_team_create_ctx(team, 0, &ctx) == 0) == (mine >= 0) && good;
    good = (ctx == SHMEM_CTX_INVALID) == (mine < 0) && good;
    if (mine >= 0) {
        good = shmem_ctx_get_team(ctx, &found) == 0 && found == team && good;
        for (int pe = 0; pe < size; pe++)
            shmem_ctx_int_p(ctx, &words[mine], 100 * mine + pe + 1, pe);
        shmem_ctx_quiet(ctx);
        shmem_team_sync(team);
        for (int pe = 0; pe < size; pe++)
            good = words[pe] == 100 * pe + mine + 1 && good;
        for (int pe = 0; pe < size; pe++)
            good = shmem_ctx_int_g(ctx, &words[0], pe) == pe + 1 && good;
        shmem_team_sync(team);
        for (int pe = 0; pe < size; pe++)
            shmem_ctx_int_atomic_inc(ctx, &words[0], pe);
        shmem_ctx_quiet(ctx);
        shmem_team_sync(team);
        good = words[0] == mine + 1 + size && good;
        shmem_ctx_destroy(ctx);
    }
    shmem_team_destroy(team);
    shmem_free(words);
    return good;
}

/* destroy completes the outstanding operations of a context. */
static bool destroy_completes(void)
{
    enum {
        LENGTH = 100000
    };
    char *block = shmem_calloc(LENGTH, 1);
    char *out = malloc(LENGTH);
    bool good = true;
    memset(out, 'a' + me % 20, LENGTH);
    for (int i = 0; i < 10; i++) {
        shmem_ctx_t ctx;
        good = shmem_ctx_create(SHMEM_CTX_PRIVATE, &ctx) == 0 && good;
        shmem_ctx_putmem_nbi(ctx, block, out, LENGTH, (me + 1) % n);
        shmem_ctx_destroy(ctx);
        shmem_barrier_all();
        for (int k = 0; k < LENGTH; k++)
            good = good && block[k] == 'a' + (me + n - 1) % n % 20;
        shmem_barrier_all();
        memset(block, 0, LENGTH);
        shmem_barrier_all();
    }
    free(out);
    shmem_free(block);
    return good;
}

/* Destroying the team does so too. */
static bool team_completes(void)
{
    enum {
        LENGTH = 1 << 20
    };
    char *block = shmem_malloc(LENGTH);
    char *copy = calloc(LENGTH, 1);
    shmem_team_t team;
    shmem_ctx_t ctx;
    memset(block, 'x', LENGTH);
    bool good = shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 1, n, NULL, 0,
                                         &team) == 0;
    good = shmem_team_create_ctx(team, 0, &ctx) == 0 && good;
    shmem_barrier_all();
    shmem_ctx_getmem_nbi(ctx, copy, block, LENGTH, (me + 1) % n);
    shmem_team_destroy(team);
    good = memcmp(copy, block, LENGTH) == 0 && good;
    free(copy);
    shmem_free(block);
    return good;
}

/* Contexts are destroyed in any order, by themselves or with their team. */
static bool many_are_made(void)
{
    static shmem_ctx_t ctxs[MANY];
    shmem_team_t team;
    int *word = shmem_calloc(1, sizeof(*word));
    bool good = shmem_team_split_strided(SHMEM_TEAM_WORLD, n - 1, -1, n, NULL,
                                         0, &team) == 0;
    for (int i = 0; i < MANY; i++) {
        good = shmem_team_create_ctx(i % 2 == 0 ? team : SHMEM_TEAM_WORLD, 0,
                                     &ctxs[i]) == 0 &&
               good;
        shmem_ctx_int_atomic_inc(ctxs[i], word, 0);
    }
    for (int i = 0; i < MANY; i++) {
        int k = i * 7 % MANY; /* each once */
        if (k % 6 != 0)
            shmem_ctx_destroy(ctxs[k]);
    }
    shmem_barrier_all();
    shmem_team_destroy(team);
    shmem_barrier_all();
    int wanted = n == 1 ? MANY : me == 0 || me == n - 1 ? n * MANY / 2 : 0;
    good = *word == wanted && good;
    shmem_free(word);
    return good;
}

/* Quiet completes one context, and does not wait for the others. */
static bool quiet_is_its_own(void)
{
    shmem_ctx_t ctx;
    int *words = shmem_calloc(4, sizeof(*words));
    int pes[1] = {(me + 1) % n};
    int one = 1;
    bool good = shmem_ctx_create(0, &ctx) == 0;
    shmem_ctx_session_start(ctx, SHMEM_CTX_SESSION_BATCH, NULL, 0);
    shmem_ctx_int_put_nbi(ctx, &words[0], &one, 1, pes[0]);
    shmem_ctx_pe_quiet(ctx, pes, 1);
    good = shmem_ctx_int_g(ctx, &words[0], pes[0]) == 1 && good;
    shmem_int_put_nbi(&words[1], &one, 1, pes[0]);
    shmem_pe_quiet(pes, 1);
    good = shmem_int_g(&words[1], pes[0]) == 1 && good;
    shmem_pe_quiet(NULL, 0);
    shmem_ctx_session_stop(ctx);
    shmem_ctx_destroy(ctx);
    shmem_barrier_all();
    shmem_free(words);
    return good;
}

int main(void)
{
    shmem_init();
    tap_plan(9);
    me = shmem_my_pe();
    n = shmem_n_pes();
    tap_ok(options_are_taken(), "contexts with all options work");
    tap_ok(numbers_are_the_teams(n - 1, -1, n),
           "PE numbers are those of a team in reverse order");
    tap_ok(numbers_are_the_teams((n - 1) % 2, 2, (n + 1) / 2),
           "PE numbers are those of a team of every second PE");
    tap_ok(destroy_completes(), "destroy completes outstanding operations");
    tap_ok(team_completes(), "destroying the team does so too");
    tap_ok(many_are_made(), "contexts can be destroyed in any order");
    tap_ok(quiet_is_its_own(), "quiet completes one context, for some PEs");
    shmem_ctx_t ctx = SHMEM_CTX_DEFAULT;
    shmem_team_t team = SHMEM_TEAM_WORLD;
    tap_ok(shmem_team_create_ctx(SHMEM_TEAM_INVALID, 0, &ctx) != 0 &&
               ctx == SHMEM_CTX_INVALID &&
               shmem_ctx_get_team(SHMEM_CTX_INVALID, &team) != 0 &&
               team == SHMEM_TEAM_INVALID,
           "invalid arguments are errors");
    shmem_ctx_destroy(SHMEM_CTX_INVALID);
    tap_ok(shmem_ctx_get_team(SHMEM_CTX_DEFAULT, &team) == 0 &&
               team == SHMEM_TEAM_WORLD,
           "the default context belongs to the world team");
    shmem_finalize();
    return 0;
}
