/*
 * Random collectives over teams and active sets, several in a row.
 *
 * Between two of them, no PE waits for others: each call must return only when
 * its buffers may be reused on this PE.
 */
#include "tests/mpi/fuzz_model.h"

typedef int move_t(shmem_team_t team, void *dest, const void *source,
                   size_t count);
typedef int strided_t(shmem_team_t team, void *dest, const void *source,
                      ptrdiff_t dst, ptrdiff_t sst, size_t count);
typedef int rooted_t(shmem_team_t team, void *dest, const void *source,
                     size_t count, int root);

/* The collectives of a type that move data. */
typedef struct family {
    const char *name;
    size_t size;
    rooted_t *broadcast;
    move_t *collect, *fcollect, *alltoall;
    strided_t *alltoalls;
} family_t;

#define MOVES(N, BROADCAST, COLLECT, FCOLLECT, ALLTOALL, ALLTOALLS)            \
    static int N##_roots(shmem_team_t team, void *d, const void *s,            \
                         size_t count, int root)                               \
    {                                                                          \
        return BROADCAST(team, d, s, count, root);                             \
    }                                                                          \
    static int N##_collects(shmem_team_t team, void *d, const void *s,         \
                            size_t count)                                      \
    {                                                                          \
        return COLLECT(team, d, s, count);                                     \
    }                                                                          \
    static int N##_fcollects(shmem_team_t team, void *d, const void *s,        \
                             size_t count)                                     \
    {                                                                          \
        return FCOLLECT(team, d, s, count);                                    \
    }                                                                          \
    static int N##_exchanges(shmem_team_t team, void *d, const void *s,        \
                             size_t count)                                     \
    {                                                                          \
        return ALLTOALL(team, d, s, count);                                    \
    }                                                                          \
    static int N##_strides(shmem_team_t team, void *d, const void *s,          \
                           ptrdiff_t dst, ptrdiff_t sst, size_t count)         \
    {                                                                          \
        return ALLTOALLS(team, d, s, dst, sst, count);                         \
    }
#define TYPED(A, T, N)                                                         \
    MOVES(N, shmem_##N##_broadcast, shmem_##N##_collect, shmem_##N##_fcollect, \
          shmem_##N##_alltoall, shmem_##N##_alltoalls)
#define TYPES(X, A) SHMEM_BASIC_TYPES_(X, A) X(A, uint64_t, uint64)
TYPES(TYPED, 0)
MOVES(mem, shmem_broadcastmem, shmem_collectmem, shmem_fcollectmem,
      shmem_alltoallmem, shmem_alltoallsmem)
#define ROW(A, T, N)                                                           \
    {#N,           sizeof(T),     N##_roots,                                   \
     N##_collects, N##_fcollects, N##_exchanges,                               \
     N##_strides},
static const family_t families[] = {TYPES(ROW, 0) ROW(0, char, mem)};

typedef enum operation {
    MAX,
    MIN,
    SUM,
    PROD,
    INSCAN,
    EXSCAN,
    AND,
    OR,
    XOR,
    OPERATIONS
} operation_t;

/* The reductions of a type. */
typedef struct reduction {
    const char *name;
    size_t size;
    int operations; /* how many of the table fit; those from AND on need bits */
    int (*over_team)(int operation, shmem_team_t team, void *dest,
                     const void *source, size_t count);
    void (*over_set)(int operation, void *dest, const void *source, int count,
                     int start, int log_stride, int size, long *sync);
    void (*make)(void *to, size_t count);
    void (*combine)(int operation, void *to, const void *other, size_t count);
} reduction_t;

#define BIT_CASES(N)                                                           \
    case AND:                                                                  \
        return shmem_##N##_and_reduce(team, dest, source, count);              \
    case OR:                                                                   \
        return shmem_##N##_or_reduce(team, dest, source, count);               \
    case XOR:                                                                  \
        return shmem_##N##_xor_reduce(team, dest, source, count);
#define BIT_COMBINE                                                            \
    case AND:                                                                  \
        to[i] &= other[i];                                                     \
        break;                                                                 \
    case OR:                                                                   \
        to[i] |= other[i];                                                     \
        break;                                                                 \
    case XOR:                                                                  \
        to[i] ^= other[i];                                                     \
        break;
#define NONE(N)
/* W is a type in which a product does not overflow. */
#define REDUCTION(T, N, W, CASES, COMBINE, VALUE)                              \
    static int N##_over_team(int operation, shmem_team_t team, void *dest,     \
                             const void *source, size_t count)                 \
    {                                                                          \
        switch (operation) {                                                   \
        case MAX:                                                              \
            return shmem_##N##_max_reduce(team, dest, source, count);          \
        case MIN:                                                              \
            return shmem_##N##_min_reduce(team, dest, source, count);          \
        case SUM:                                                              \
            return shmem_##N##_sum_reduce(team, dest, source, count);          \
        case PROD:                                                             \
            return shmem_##N##_prod_reduce(team, dest, source, count);         \
        case INSCAN:                                                           \
            return shmem_##N##_sum_inscan(team, dest, source, count);          \
        case EXSCAN:                                                           \
            return shmem_##N##_sum_exscan(team, dest, source, count);          \
            CASES(N)                                                           \
        default:                                                               \
            return -1;                                                         \
        }                                                                      \
    }                                                                          \
    static void N##_make(void *at, size_t count)                               \
    {                                                                          \
        T *to = at;                                                            \
        for (size_t i = 0; i < count; i++)                                     \
            to[i] = (T)(VALUE);                                                \
    }                                                                          \
    static void N##_combine(int operation, void *at, const void *from,         \
                            size_t count)                                      \
    {                                                                          \
        T *to = at;                                                            \
        const T *other = from;                                                 \
        for (size_t i = 0; i < count; i++) {                                   \
            switch (operation) {                                               \
            case MAX:                                                          \
                to[i] = other[i] > to[i] ? other[i] : to[i];                   \
                break;                                                         \
            case MIN:                                                          \
                to[i] = other[i] < to[i] ? other[i] : to[i];                   \
                break;                                                         \
            case PROD:                                                         \
                to[i] = (T)((W)to[i] * (W)other[i]);                           \
                break;                                                         \
                COMBINE                                                        \
            default:                                                           \
                to[i] = (T)(to[i] + other[i]);                                 \
            }                                                                  \
        }                                                                      \
    }
#define SET_CASE(N, O, NAME)                                                   \
    case O:                                                                    \
        shmem_##N##_##NAME##_to_all(dest, source, count, start, log_stride,    \
                                    size, NULL, sync);                         \
        break;
#define SET_BITS(N)                                                            \
    SET_CASE(N, AND, and) SET_CASE(N, OR, or) SET_CASE(N, XOR, xor)
#define OVER_SET(N, BITS)                                                      \
    static void N##_over_set(int operation, void *dest, const void *source,    \
                             int count, int start, int log_stride, int size,   \
                             long *sync)                                       \
    {                                                                          \
        switch (operation) {                                                   \
            SET_CASE(N, MAX, max)                                              \
            SET_CASE(N, MIN, min)                                              \
            SET_CASE(N, SUM, sum)                                              \
            SET_CASE(N, PROD, prod)                                            \
            BITS(N)                                                            \
        default:                                                               \
            must(false, "operation %d over a set", operation);                 \
        }                                                                      \
    }
/* Signed and floating-point values are small, so all results are exact. */
REDUCTION(short, short, int, NONE, , draw(6))
REDUCTION(int, int, int, NONE, , draw(20))
REDUCTION(long, long, long, NONE, , draw(1000))
REDUCTION(float, float, float, NONE, , draw(16))
REDUCTION(double, double, double, NONE, , draw(256))
REDUCTION(unsigned char, uchar, unsigned, BIT_CASES, BIT_COMBINE, draw(256))
REDUCTION(unsigned short, ushort, unsigned, BIT_CASES, BIT_COMBINE, draw(65536))
REDUCTION(unsigned int, uint, unsigned, BIT_CASES, BIT_COMBINE,
          draw(UINT32_MAX))
REDUCTION(uint64_t, uint64, uint64_t, BIT_CASES, BIT_COMBINE, draw(UINT64_MAX))
OVER_SET(short, NONE)
OVER_SET(int, NONE)
OVER_SET(long, NONE)
OVER_SET(float, NONE)
OVER_SET(double, NONE)
#define REDUCE_ROW(T, N, COUNT, SET)                                           \
    {                                                                          \
#N, sizeof(T), COUNT, N##_over_team, SET, N##_make, N##_combine        \
    }
static const reduction_t reductions[] = {
    REDUCE_ROW(short, short, AND, short_over_set),
    REDUCE_ROW(int, int, AND, int_over_set),
    REDUCE_ROW(long, long, AND, long_over_set),
    REDUCE_ROW(float, float, AND, float_over_set),
    REDUCE_ROW(double, double, AND, double_over_set),
    REDUCE_ROW(unsigned char, uchar, OPERATIONS, NULL),
    REDUCE_ROW(unsigned short, ushort, OPERATIONS, NULL),
    REDUCE_ROW(unsigned int, uint, OPERATIONS, NULL),
    REDUCE_ROW(uint64_t, uint64, OPERATIONS, NULL)};

enum {
    REDUCTIONS = sizeof(reductions) / sizeof(reductions[0]),
    FAMILIES = sizeof(families) / sizeof(families[0]),
    IN_A_ROW = 8
};

/* One work array for each collective over a set, up to the next complete(). */
static long syncs[IN_A_ROW][SHMEM_SYNC_SIZE];

/* The collective that is drawn. */
static const team_t *team;
static int log_stride; /* of an active set; -1: the collective is over a team */
static long *sync;
static block_t *to, *from;
static size_t to_offset, from_offset;

static bool is_member(void)
{
    return rank_in(team, me) >= 0;
}

static unsigned char *dest(void)
{
    return to->at + to_offset;
}

static const unsigned char *source(void)
{
    return from->at + from_offset;
}

/* The dest and the source of a rank, in the model. */
static unsigned char *dest_of(int rank)
{
    return to->copy[pe_in(team, rank)] + to_offset;
}

static unsigned char *source_of(int rank)
{
    return from->copy[pe_in(team, rank)] + from_offset;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* A random number of elements of `size` bytes, or 0: dest has room for `dests`
 * times the number, and source for `sources` times. */
static size_t draw_count(size_t size, size_t dests, size_t sources)
{
    size_t most = least((to->size - to_offset) / dests,
                        (from->size - from_offset) / sources) /
                  size;
    size_t count = draw_size(300000) / size;
    return draw(20) == 0 ? 0 : least(count, most);
}

/* Each PE of the team writes to its own source. */
static void renew_sources(const reduction_t *r, size_t bytes)
{
    for (int i = 0; i < team->size; i++) {
        if (r == NULL)
            draw_bytes(source_of(i), bytes);
        else
            r->make(source_of(i), bytes / r->size);
        if (pe_in(team, i) == me)
            memcpy(from->at + from_offset, source_of(i), bytes);
    }
}

static void broadcast(const family_t *f, int bits)
{
    int root = (int)draw((uint64_t)team->size);
    size_t size = log_stride < 0 ? f->size : (size_t)bits / 8;
    size_t count = draw_count(size, 1, 1);
    step("broadcast of %zu elements of %zu bytes from rank %d of %d (%s)",
         count, size, root, team->size, log_stride < 0 ? f->name : "set");
    renew_sources(NULL, count * size);
    for (int i = 0; i < team->size; i++) {
        if (log_stride < 0 || i != root)
            memcpy(dest_of(i), source_of(root), count * size);
    }
    if (!is_member())
        return;
    if (log_stride < 0)
        must(f->broadcast(team->handle, dest(), source(), count, root) == 0,
             "broadcast fails");
    else
        (bits == 32 ? shmem_broadcast32 : shmem_broadcast64)(
            dest(), source(), count, root, team->start, log_stride, team->size,
            sync);
}

static void collect(const family_t *f, int bits, bool same)
{
    size_t ranks = (size_t)team->size;
    size_t size = log_stride < 0 ? f->size : (size_t)bits / 8;
    size_t most = draw_count(size, ranks, 1);
    size_t counts[MOST_PES];
    step("%scollect of up to %zu elements of %zu bytes over %d PEs (%s)",
         same ? "f" : "", most, size, team->size,
         log_stride < 0 ? f->name : "set");
    size_t offsets[MOST_PES + 1] = {0};
    renew_sources(NULL, most * size);
    for (int i = 0; i < team->size; i++) {
        counts[i] = same ? most : draw(most + 1);
        offsets[i + 1] = offsets[i] + counts[i] * size;
    }
    for (int i = 0; i < team->size; i++) {
        for (int k = 0; k < team->size; k++)
            memcpy(dest_of(i) + offsets[k], source_of(k), counts[k] * size);
    }
    if (!is_member())
        return;
    size_t mine = counts[rank_in(team, me)];
    if (log_stride < 0)
        must((same ? f->fcollect : f->collect)(team->handle, dest(), source(),
                                               mine) == 0,
             "collect fails");
    else if (bits == 32)
        (same ? shmem_fcollect32 : shmem_collect32)(
            dest(), source(), mine, team->start, log_stride, team->size, sync);
    else
        (same ? shmem_fcollect64 : shmem_collect64)(
            dest(), source(), mine, team->start, log_stride, team->size, sync);
}

static void alltoall(const family_t *f, int bits, bool strided)
{
    size_t ranks = (size_t)team->size;
    size_t size = log_stride < 0 ? f->size : (size_t)bits / 8;
    size_t dst = strided ? 1 + draw(3) : 1;
    size_t sst = strided ? 1 + draw(3) : 1;
    size_t count = draw_count(size, ranks * dst, ranks * sst);
    if (strided)
        count = least(count, 500);
    step("alltoall%s of %zu elements of %zu bytes over %d PEs, strides %zu and "
         "%zu (%s)",
         strided ? "s" : "", count, size, team->size, dst, sst,
         log_stride < 0 ? f->name : "set");
    renew_sources(NULL, ranks * count * size * sst);
    for (size_t i = 0; i < ranks; i++) {
        for (size_t j = 0; j < ranks; j++) {
            for (size_t k = 0; k < count; k++)
                memcpy(dest_of((int)j) + (i * count + k) * dst * size,
                       source_of((int)i) + (j * count + k) * sst * size, size);
        }
    }
    if (!is_member())
        return;
    if (log_stride < 0 && strided)
        must(f->alltoalls(team->handle, dest(), source(), (ptrdiff_t)dst,
                          (ptrdiff_t)sst, count) == 0,
             "alltoalls fails");
    else if (log_stride < 0)
        must(f->alltoall(team->handle, dest(), source(), count) == 0,
             "alltoall fails");
    else if (strided)
        (bits == 32 ? shmem_alltoalls32 : shmem_alltoalls64)(
            dest(), source(), (ptrdiff_t)dst, (ptrdiff_t)sst, count,
            team->start, log_stride, team->size, sync);
    else
        (bits == 32 ? shmem_alltoall32 : shmem_alltoall64)(
            dest(), source(), count, team->start, log_stride, team->size, sync);
}

static void reduce(void)
{
    const reduction_t *r = &reductions[draw(REDUCTIONS)];
    int operation = (int)draw((uint64_t)r->operations);
    bool in_place = draw(3) == 0;
    bool scans = operation == INSCAN || operation == EXSCAN;
    if (r->over_set == NULL || scans)
        log_stride = -1;
    if (in_place) {
        to = from;
        to_offset = from_offset;
    }
    size_t count = draw_count(r->size, 1, 1);
    size_t bytes = count * r->size;
    step("reduction %d of %zu elements of %s over %d PEs%s%s", operation, count,
         r->name, team->size, log_stride < 0 ? "" : ", set",
         in_place ? ", in place" : "");
    renew_sources(r, bytes);
    unsigned char *result = calloc(1, bytes + 1);
    unsigned char *results = malloc(bytes * MOST_PES + 1);
    for (int i = 0; i < team->size; i++) {
        if (operation == EXSCAN)
            memcpy(results + (size_t)i * bytes, result, bytes);
        if (i == 0 && !scans)
            memcpy(result, source_of(0), bytes);
        else
            r->combine(operation, result, source_of(i), count);
        if (operation == INSCAN)
            memcpy(results + (size_t)i * bytes, result, bytes);
    }
    for (int i = 0; i < team->size; i++)
        memcpy(dest_of(i), scans ? results + (size_t)i * bytes : result, bytes);
    free(result);
    free(results);
    if (!is_member())
        return;
    if (log_stride < 0)
        must(r->over_team(operation, team->handle, dest(), source(), count) ==
                 0,
             "reduction fails");
    else
        r->over_set(operation, dest(), source(), (int)count, team->start,
                    log_stride, team->size, sync);
}

/* Calls that move nothing. */
static void synchronize(void)
{
    uint64_t how = draw(3);
    step("barrier %d over %d PEs%s", (int)how, team->size,
         log_stride < 0 ? "" : ", set");
    if (how == 0)
        shmem_barrier_all();
    else if (how == 1)
        shmem_sync_all();
    else if (log_stride < 0 && is_member())
        shmem_team_sync(team->handle);
    else if (log_stride >= 0 && is_member())
        shmem_sync(team->start, log_stride, team->size, sync);
}

/* Draw the team, or the set of its PEs, and the buffers. False if there are no
 * two blocks for them. */
static bool draw_buffers(int i)
{
    team = &teams[draw_team()];
    log_stride = -1;
    sync = syncs[i];
    for (int log = 0; log < 3; log++) {
        if (team->stride == 1 << log && draw(3) == 0)
            log_stride = log;
    }
    to = draw_block(-1);
    from = draw_block(-1);
    if (to == NULL || to == from || !team_has(members_of(to), team) ||
        !team_has(members_of(from), team))
        return false;
    to_offset = draw(to->size) / 32 * 16;
    from_offset = draw(from->size) / 32 * 16;
    return true;
}

static void draw_collective(int i)
{
    if (!draw_buffers(i))
        return;
    const family_t *f = &families[draw(FAMILIES)];
    int bits = draw(2) == 0 ? 32 : 64;
    switch (draw(8)) {
    case 0:
    case 1:
        broadcast(f, bits);
        break;
    case 2:
        collect(f, bits, false);
        break;
    case 3:
        collect(f, bits, true);
        break;
    case 4:
        alltoall(f, bits, draw(2) == 0);
        break;
    case 5:
        synchronize();
        return;
    default:
        reduce();
    }
    if (is_member())
        block_check(to);
}

void step_collectives(void)
{
    for (int i = 1 + (int)draw(IN_A_ROW); i-- > 0;)
        draw_collective(i);
    complete();
}
