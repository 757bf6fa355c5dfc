/*
 * Collectives that move data over teams, for every type: all PEs, every second
 * PE, all PEs in reverse order, and each PE alone.
 *
 * As in tests/mpi/typed.c, the routines of a type are wrapped into a table of
 * functions over void. Only the collectives synchronize the PEs between two
 * checks, so each call must return only when its buffers may be reused.
 */
#include "tests/mpi/tap.h"

enum {
    COUNT =
        40, /* elements per PE; for some types more than an inline payload */
    WIDEST = 16, /* bytes of an element */
    ROUNDS = 3
};

typedef int move_t(shmem_team_t team, void *dest, const void *source, size_t n);
typedef int strided_t(shmem_team_t team, void *dest, const void *source,
                      ptrdiff_t dst, ptrdiff_t sst, size_t n);
typedef int rooted_t(shmem_team_t team, void *dest, const void *source,
                     size_t n, int root);

/* The routines for one type. */
typedef struct family {
    const char *name;
    size_t size;
    void (*make)(void *element, int value);
    bool (*is)(const void *element, int value);
    rooted_t *broadcast;
    move_t *collect, *fcollect, *alltoall;
    strided_t *alltoalls;
} family_t;

#define WRAPPED(T, N, BROADCAST, COLLECT, FCOLLECT, ALLTOALL, ALLTOALLS)       \
    static void N##_make(void *element, int value)                             \
    {                                                                          \
        *(T *)element = (T)value;                                              \
    }                                                                          \
    static bool N##_is(const void *element, int value)                         \
    {                                                                          \
        return *(const T *)element == (T)value;                                \
    }                                                                          \
    static int N##_broadcast(shmem_team_t team, void *d, const void *s,        \
                             size_t n, int root)                               \
    {                                                                          \
        return BROADCAST(team, d, s, n, root);                                 \
    }                                                                          \
    static int N##_collect(shmem_team_t team, void *d, const void *s,          \
                           size_t n)                                           \
    {                                                                          \
        return COLLECT(team, d, s, n);                                         \
    }                                                                          \
    static int N##_fcollect(shmem_team_t team, void *d, const void *s,         \
                            size_t n)                                          \
    {                                                                          \
        return FCOLLECT(team, d, s, n);                                        \
    }                                                                          \
    static int N##_alltoall(shmem_team_t team, void *d, const void *s,         \
                            size_t n)                                          \
    {                                                                          \
        return ALLTOALL(team, d, s, n);                                        \
    }                                                                          \
    static int N##_alltoalls(shmem_team_t team, void *d, const void *s,        \
                             ptrdiff_t dst, ptrdiff_t sst, size_t n)           \
    {                                                                          \
        return ALLTOALLS(team, d, s, dst, sst, n);                             \
    }
#define TYPED(A, T, N)                                                         \
    WRAPPED(T, N, shmem_##N##_broadcast, shmem_##N##_collect,                  \
            shmem_##N##_fcollect, shmem_##N##_alltoall, shmem_##N##_alltoalls)
SHMEM_RMA_TYPES_(TYPED, 0)
WRAPPED(char, mem, shmem_broadcastmem, shmem_collectmem, shmem_fcollectmem,
        shmem_alltoallmem, shmem_alltoallsmem)

#define ROW(A, T, N)                                                           \
    {#N,          sizeof(T),    N##_make,     N##_is,       N##_broadcast,     \
     N##_collect, N##_fcollect, N##_alltoall, N##_alltoalls},
static const family_t families[] = {SHMEM_RMA_TYPES_(ROW, 0) ROW(0, char, mem)};

static shmem_team_t team; /* the current team */
static int me, n;         /* rank in it */
static char *source, *dest;

/* Element k that one PE sends to another, in one round. */
static int value(int from, int to, size_t k, int round)
{
    return (from * 31 + to * 13 + (int)k * 7 + round * 3) % 100 + 1;
}

static void *at(const family_t *f, char *array, size_t i)
{
    return array + i * f->size;
}

static bool is(const family_t *f, size_t i, int wanted)
{
    if (f->is(at(f, dest, i), wanted))
        return true;
    fprintf(stderr, "%s: element %zu on PE %d of %d is not %d\n", f->name, i,
            me, n, wanted);
    return false;
}

/* Each PE is the root once per round; its dest receives the data too. */
static bool broadcasts(const family_t *f)
{
    bool good = true;
    for (int i = 0; i < ROUNDS * n; i++) {
        int root = i % n;
        for (size_t k = 0; k < COUNT; k++) {
            f->make(at(f, source, k), value(me, 0, k, i));
            f->make(at(f, dest, k), 0);
        }
        f->make(at(f, dest, COUNT), 0);
        good = f->broadcast(team, dest, source, COUNT, root) == 0 && good;
        for (size_t k = 0; k < COUNT; k++)
            good = is(f, k, value(root, 0, k, i)) && good;
        good = is(f, COUNT, 0) && good;
        good = f->broadcast(team, dest, source, 0, root) == 0 && good;
    }
    return good;
}

/* PEs have different lengths, some of them 0. */
static size_t length_of(int pe, int round)
{
    return (size_t)((pe * 2 + round) % (COUNT + 1));
}

static bool collects(const family_t *f)
{
    bool good = true;
    for (int round = 0; round < ROUNDS; round++) {
        size_t mine = length_of(me, round);
        for (size_t k = 0; k < mine; k++)
            f->make(at(f, source, k), value(me, 0, k, round));
        good = f->collect(team, dest, source, mine) == 0 && good;
        size_t place = 0;
        for (int pe = 0; pe < n; pe++) {
            for (size_t k = 0; k < length_of(pe, round); k++)
                good = is(f, place++, value(pe, 0, k, round)) && good;
        }
    }
    return f->collect(team, dest, source, 0) == 0 && good;
}

static bool fcollects(const family_t *f)
{
    bool good = true;
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t k = 0; k < COUNT; k++)
            f->make(at(f, source, k), value(me, 0, k, round));
        good = f->fcollect(team, dest, source, COUNT) == 0 && good;
        for (int pe = 0; pe < n; pe++) {
            for (size_t k = 0; k < COUNT; k++)
                good = is(f, (size_t)pe * COUNT + k, value(pe, 0, k, round)) &&
                       good;
        }
    }
    return f->fcollect(team, dest, source, 0) == 0 && good;
}

/* With strides, the gaps between elements are not written. */
static bool alltoalls(const family_t *f, size_t dst, size_t sst)
{
    bool good = true;
    size_t count = (size_t)n * COUNT;
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < count; i++)
            f->make(at(f, source, i * sst),
                    value(me, (int)(i / COUNT), i % COUNT, round));
        for (size_t i = 0; i < count * dst; i++)
            f->make(at(f, dest, i), 0);
        int status = dst == 1 && sst == 1
                         ? f->alltoall(team, dest, source, COUNT)
                         : f->alltoalls(team, dest, source, (ptrdiff_t)dst,
                                        (ptrdiff_t)sst, COUNT);
        good = status == 0 && good;
        for (size_t i = 0; i < count * dst; i++) {
            size_t k = i / dst;
            int wanted = i % dst != 0
                             ? 0
                             : value((int)(k / COUNT), me, k % COUNT, round);
            good = is(f, i, wanted) && good;
        }
    }
    return f->alltoall(team, dest, source, 0) == 0 && good;
}

/* Test all families over one team; PEs outside it do nothing. */
static void try_over(shmem_team_t which, const char *name)
{
    bool good[5] = {true, true, true, true, true};
    static const char *const facts[5] = {"broadcast",
                                         "collect, of different lengths",
                                         "fcollect", "alltoall", "alltoalls"};
    team = which;
    me = shmem_team_my_pe(team);
    n = shmem_team_n_pes(team);
    for (size_t i = 0; n > 0 && i < sizeof(families) / sizeof(families[0]);
         i++) {
        const family_t *f = &families[i];
        good[0] = broadcasts(f) && good[0];
        good[1] = collects(f) && good[1];
        good[2] = fcollects(f) && good[2];
        good[3] = alltoalls(f, 1, 1) && good[3];
        good[4] = alltoalls(f, 3, 2) && good[4];
    }
    for (int i = 0; i < 5; i++) {
        char fact[100];
        snprintf(fact, sizeof(fact), "%s, over %s", facts[i], name);
        tap_ok(good[i], fact);
    }
}

/* Long enough to be copied in several pieces; each PE is the root in turn. */
static bool large_is_whole(void)
{
    size_t count = 300001;
    int pes = shmem_n_pes();
    int rank = shmem_my_pe();
    uint64_t *from = shmem_malloc(count * sizeof(*from));
    uint64_t *to = shmem_malloc((size_t)pes * count * sizeof(*to));
    bool good = true;
    for (size_t k = 0; k < count; k++)
        from[k] = (uint64_t)rank * count + k;
    shmem_fcollect(SHMEM_TEAM_WORLD, to, from, count);
    for (size_t k = 0; k < (size_t)pes * count; k++)
        good = good && to[k] == k;
    shmem_broadcast(SHMEM_TEAM_WORLD, to, from, count, pes - 1);
    for (size_t k = 0; k < count; k++)
        good = good && to[k] == (uint64_t)(pes - 1) * count + k;
    /* Every second PE contributes half as many. */
    size_t place = 0;
    shmem_collect(SHMEM_TEAM_WORLD, to, from, count / (size_t)(1 + rank % 2));
    for (int pe = 0; pe < pes; pe++) {
        for (size_t k = 0; k < count / (size_t)(1 + pe % 2); k++, place++)
            good = good && to[place] == (uint64_t)pe * count + k;
    }
    shmem_free(to);
    shmem_free(from);
    return good;
}

int main(void)
{
    shmem_init();
    tap_plan(22);
    int pes = shmem_n_pes();
    shmem_team_t second;
    shmem_team_t reverse;
    shmem_team_t single;
    shmem_team_t column;
    source = shmem_calloc((size_t)pes * COUNT * 2, WIDEST);
    dest = shmem_calloc((size_t)pes * COUNT * 3 + 1, WIDEST);
    shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 2, (pes + 1) / 2, NULL, 0,
                             &second);
    shmem_team_split_strided(SHMEM_TEAM_WORLD, pes - 1, -1, pes, NULL, 0,
                             &reverse);
    shmem_team_split_2d(SHMEM_TEAM_WORLD, 1, NULL, 0, &single, NULL, 0,
                        &column);
    try_over(SHMEM_TEAM_WORLD, "all PEs");
    try_over(second, "every second PE");
    try_over(reverse, "the PEs backwards");
    try_over(single, "each PE alone");
    tap_ok(large_is_whole(), "large data arrives completely");
    tap_ok(shmem_int_broadcast(SHMEM_TEAM_INVALID, NULL, NULL, 0, 0) != 0 &&
               shmem_int_collect(SHMEM_TEAM_INVALID, NULL, NULL, 0) != 0 &&
               shmem_int_fcollect(SHMEM_TEAM_INVALID, NULL, NULL, 0) != 0 &&
               shmem_int_alltoall(SHMEM_TEAM_INVALID, NULL, NULL, 0) != 0 &&
               shmem_int_alltoalls(SHMEM_TEAM_INVALID, NULL, NULL, 1, 1, 0) !=
                   0 &&
               shmem_team_sync(SHMEM_TEAM_INVALID) != 0,
           "an invalid team is an error");
    shmem_finalize();
    return 0;
}
