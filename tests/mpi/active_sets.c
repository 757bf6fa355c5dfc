/*
 * Collectives over active sets with a start and a stride: barriers, data
 * movement and reductions. PEs outside a set do not call. Each pSync array is
 * reused at once. And what else is deprecated.
 */
#include "tests/mpi/tap.h"

enum {
    COUNT = 6, /* elements per PE */
    MANY = 777,
    ROUNDS = 4
};

/* The current active set, and this PE's rank in it; -1 if outside. */
static int start, log_stride, size, me;
static uint64_t *source64, *dest64;
static uint32_t *source32, *dest32;
static long *sync_array;
#define SET start, log_stride, size, sync_array

static long many_from[MANY], many_to[MANY];
static long many_work[MANY / 2 + 1 + SHMEM_REDUCE_MIN_WRKDATA_SIZE];

static uint32_t value(int from, int to, size_t k, int round)
{
    return (uint32_t)(from * 1000003 + to * 10007 + (int)k * 101 + round);
}

/* Fill both sources with count elements for each of some PEs. */
static void fill(int pes, size_t stride, int round)
{
    for (int to = 0; to < pes; to++) {
        for (size_t k = 0; k < COUNT; k++) {
            size_t i = ((size_t)to * COUNT + k) * stride;
            source32[i] = value(me, to, k, round);
            source64[i] = ((uint64_t)value(me, to, k, round) << 32) + 1;
        }
    }
}

static bool has(size_t i, uint32_t wanted)
{
    return dest32[i] == wanted && dest64[i] == ((uint64_t)wanted << 32) + 1;
}

static bool broadcasts(int round)
{
    bool good = true;
    for (int root = 0; root < size; root++) {
        fill(1, 1, round);
        for (size_t k = 0; k < COUNT; k++) {
            dest32[k] = 0;
            dest64[k] = 0;
        }
        shmem_broadcast32(dest32, source32, COUNT, root, SET);
        shmem_broadcast64(dest64, source64, COUNT, root, SET);
        for (size_t k = 0; k < COUNT; k++)
            good = good && (me == root ? dest32[k] == 0 && dest64[k] == 0
                                       : has(k, value(root, 0, k, round)));
    }
    return good;
}

/* A root that does not wait runs ahead as far as the array allows, and a PE
 * that has received the data may become a root itself. */
static bool broadcasts_in_a_row(int round)
{
    bool good = true;
    for (int k = 0; k < 300; k++) {
        int root = k / 100 % size;
        uint64_t sent = value(root, 0, (size_t)k, round);
        source64[0] = me == root ? sent : 0;
        shmem_broadcast64(dest64, source64, 1, root, SET);
        good = good && (me == root || dest64[0] == sent);
    }
    return good;
}

static bool collects(int round)
{
    bool good = true;
    fill(1, 1, round);
    shmem_fcollect32(dest32, source32, COUNT, SET);
    shmem_fcollect64(dest64, source64, COUNT, SET);
    for (int pe = 0; pe < size; pe++) {
        for (size_t k = 0; k < COUNT; k++)
            good = good && has((size_t)pe * COUNT + k, value(pe, 0, k, round));
    }
    size_t mine = (size_t)(me + round) % (COUNT + 1);
    shmem_collect32(dest32, source32, mine, SET);
    shmem_collect64(dest64, source64, mine, SET);
    size_t place = 0;
    for (int pe = 0; pe < size; pe++) {
        for (size_t k = 0; k < (size_t)(pe + round) % (COUNT + 1); k++)
            good = good && has(place++, value(pe, 0, k, round));
    }
    return good;
}

static bool alltoalls(int round)
{
    bool good = true;
    size_t count = (size_t)size * COUNT;
    fill(size, 1, round);
    shmem_alltoall32(dest32, source32, COUNT, SET);
    shmem_alltoall64(dest64, source64, COUNT, SET);
    for (size_t i = 0; i < count; i++)
        good = good && has(i, value((int)(i / COUNT), me, i % COUNT, round));
    fill(size, 3, round + 1);
    shmem_alltoalls32(dest32, source32, 2, 3, COUNT, SET);
    shmem_alltoalls64(dest64, source64, 2, 3, COUNT, SET);
    for (size_t i = 0; i < count; i++)
        good = good &&
               has(2 * i, value((int)(i / COUNT), me, i % COUNT, round + 1));
    return good;
}

/* After a barrier, the data that each PE has put to the next one is there;
 * after a sync, the data that it has stored. */
static bool barriers(int round)
{
    int next = start + ((me + 1) % size << log_stride);
    int before = (me + size - 1) % size;
    shmem_uint64_p(&dest64[0], (uint64_t)(me * 100 + round), next);
    shmem_barrier(SET);
    bool good = dest64[0] == (uint64_t)(before * 100 + round);
    *(volatile uint64_t *)source64 = (uint64_t)(me * 7 + round);
    shmem_sync(SET);
    good = good && shmem_uint64_g(source64, next) ==
                       (uint64_t)((me + 1) % size * 7 + round);
    shmem_sync(SET);
    return good;
}

/* All operations of a type, with values small enough for all of them. */
static void *reduce_from, *reduce_to, *reduce_work;
#define FILLED(T)                                                              \
    T *from = reduce_from;                                                     \
    T *to = reduce_to;                                                         \
    for (int k = 0; k < COUNT; k++) {                                          \
        from[k] = (T)(me % 3 + k % 2 + 1);                                     \
        to[k] = 0;                                                             \
    }
#define TO_ALL(T, N, O, EXPRESSION)                                            \
    static bool N##_##O(void)                                                  \
    {                                                                          \
        bool good = true;                                                      \
        FILLED(T)                                                              \
        shmem_##N##_##O##_to_all(to, from, COUNT, start, log_stride, size,     \
                                 reduce_work, sync_array);                     \
        shmem_##N##_##O##_to_all(from, from, COUNT, start, log_stride, size,   \
                                 reduce_work, sync_array);                     \
        for (int k = 0; k < COUNT; k++) {                                      \
            T a = (T)(k % 2 + 1);                                              \
            for (int pe = 1; pe < size; pe++) {                                \
                T b = (T)(pe % 3 + k % 2 + 1);                                 \
                a = (T)(EXPRESSION);                                           \
            }                                                                  \
            good = good && to[k] == a && from[k] == a;                         \
        }                                                                      \
        return good;                                                           \
    }
#define BIT_TYPED(A, T, N)                                                     \
    TO_ALL(T, N, and, a &b)                                                    \
    TO_ALL(T, N, or, a | b)                                                    \
    TO_ALL(T, N, xor, a ^ b)
#define ORDER_TYPED(A, T, N)                                                   \
    TO_ALL(T, N, max, a > b ? a : b)                                           \
    TO_ALL(T, N, min, a < b ? a : b)
#define SUM_TYPED(A, T, N)                                                     \
    TO_ALL(T, N, sum, a + b)                                                   \
    TO_ALL(T, N, prod, a *b)
SHMEM_TO_ALL_BIT_TYPES_(BIT_TYPED, 0)
SHMEM_TO_ALL_ORDER_TYPES_(ORDER_TYPED, 0)
SHMEM_TO_ALL_SUM_TYPES_(SUM_TYPED, 0)

#define TRY_BITS(A, T, N) good = N##_and() && N##_or() && N##_xor() && good;
#define TRY_ORDER(A, T, N) good = N##_max() && N##_min() && good;
#define TRY_SUMS(A, T, N) good = N##_sum() && N##_prod() && good;
static bool reduces(int round)
{
    bool good = true;
    (void)round;
    SHMEM_TO_ALL_BIT_TYPES_(TRY_BITS, 0)
    SHMEM_TO_ALL_ORDER_TYPES_(TRY_ORDER, 0)
    SHMEM_TO_ALL_SUM_TYPES_(TRY_SUMS, 0)
    return good;
}

/* Many elements, so that each PE combines a slice; then in place. */
static bool reduces_many(int round)
{
    bool good = true;
    for (int k = 0; k < MANY; k++) {
        many_from[k] = me * 7 + k + round;
        many_to[k] = 0;
    }
    shmem_long_sum_to_all(many_to, many_from, MANY, start, log_stride, size,
                          many_work, sync_array);
    shmem_long_sum_to_all(many_from, many_from, MANY, start, log_stride, size,
                          many_work, sync_array);
    for (int k = 0; k < MANY; k++) {
        long sum = size * (size - 1) / 2 * 7 + size * (k + round);
        good = good && many_to[k] == sum && many_from[k] == sum;
    }
    return good;
}

static bool is_reset(void)
{
    bool good = true;
    for (int i = 0; i < SHMEM_SYNC_SIZE; i++)
        good = good && sync_array[i] == SHMEM_SYNC_VALUE;
    return good;
}

/* One check over all possible sets, in several rounds. The sets overlap, so all
 * PEs synchronize before the next set uses pSync. */
static void try_over_sets(bool (*check)(int round), const char *fact)
{
    bool good = true;
    int n = shmem_n_pes();
    for (start = 0; start < n; start++) {
        for (log_stride = 0; start == 0 || start + (1 << log_stride) < n;
             log_stride++) {
            int stride = 1 << log_stride;
            if (stride > n)
                break;
            size = (n - start + stride - 1) / stride;
            int distance = shmem_my_pe() - start;
            bool inside = distance >= 0 && distance % stride == 0;
            me = inside ? distance / stride : -1;
            for (int round = 0; inside && round < ROUNDS; round++)
                good = check(round) && good;
            shmem_barrier_all();
            good = is_reset() && good;
            shmem_barrier_all();
        }
    }
    tap_ok(good, fact);
}

/* Other routines that are deprecated since 1.2 or 1.3. */
static bool old_routines(void)
{
    static long flag;
    int next = (shmem_my_pe() + 1) % shmem_n_pes();
    bool good = _my_pe() == shmem_my_pe() && _num_pes() == shmem_n_pes();
    shmem_long_p(&flag, 1, next);
    shmem_wait(&flag, 0);
    good = good && flag == 1;
    shmem_barrier_all();
    shmem_long_p(&flag, 2, next);
    (shmem_wait_until)(&flag, SHMEM_CMP_EQ, 2);
    shmem_set_cache_inv();
    shmem_set_cache_line_inv(&flag);
    shmem_udcflush();
    shmem_udcflush_line(&flag);
    shmem_clear_cache_inv();
    shmem_clear_cache_line_inv(&flag);
    shmem_pcontrol(1);
    shmem_pcontrol(2, &flag, "more");
    return good && flag == 2;
}

int main(void)
{
    shmem_init();
    tap_plan(8);
    size_t most = (size_t)shmem_n_pes() * COUNT * 3;
    source64 = shmem_calloc(most, sizeof(uint64_t));
    dest64 = shmem_calloc(most, sizeof(uint64_t));
    source32 = shmem_calloc(most, sizeof(uint32_t));
    dest32 = shmem_calloc(most, sizeof(uint32_t));
    sync_array = shmem_malloc(SHMEM_SYNC_SIZE * sizeof(long));
    reduce_from = shmem_calloc(COUNT, 32);
    reduce_to = shmem_calloc(COUNT, 32);
    reduce_work =
        shmem_calloc(COUNT / 2 + 1 + SHMEM_REDUCE_MIN_WRKDATA_SIZE, 32);
    for (int i = 0; i < SHMEM_SYNC_SIZE; i++)
        sync_array[i] = SHMEM_SYNC_VALUE;
    shmem_barrier_all();
    try_over_sets(barriers, "barrier and sync over active sets");
    try_over_sets(broadcasts, "broadcast, and not to the root itself");
    try_over_sets(broadcasts_in_a_row, "broadcasts that follow at once");
    try_over_sets(collects, "fcollect, and collect of different lengths");
    try_over_sets(alltoalls, "alltoall and alltoalls");
    try_over_sets(reduces, "to_all, of every operation and type, in place too");
    try_over_sets(reduces_many, "to_all of many elements");
    tap_ok(old_routines(), "deprecated routines that are no collectives");
    shmem_finalize();
    return 0;
}
