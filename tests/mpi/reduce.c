/*
 * Reductions and scans over teams: every operation and type against a serial
 * reference, of several lengths, in place too.
 *
 * The values are small whole numbers, and products are of ones and twos, so
 * that floating-point results do not depend on the order of the terms.
 */
#include "tests/mpi/tap.h"

static const size_t lengths[] = {0, 1, 7, 1000, 100003};
static const size_t longest = 100003;

static shmem_team_t team; /* the current team */
static int me, n;         /* rank in it */
static void *source_block, *dest_block;
/* Only one type of each size uses the longest array, to save time. */
static size_t most;

/* Terms for sums and min/max, for products, and for bitwise operations. */
static int term(int pe, size_t k)
{
    return (int)((size_t)pe * 5 + k * 3) % 11 + 1;
}

static int factor(int pe, size_t k)
{
    return (size_t)pe % 4 == k % 5 ? 2 : 1;
}

static int pattern(int pe, size_t k)
{
    return (int)((size_t)pe * 37 + k * 11) % 128;
}

static bool miss(const char *name, size_t length, size_t k)
{
    fprintf(stderr, "%s: element %zu of %zu on PE %d of %d is wrong\n", name, k,
            length, me, n);
    return false;
}

/* A reduction of values V; EXPRESSION combines a and b. With separate buffers
 * and in place; memory behind dest must not change. */
#define REDUCED(T, N, O, V, EXPRESSION)                                        \
    static bool N##_##O##_of(size_t length)                                    \
    {                                                                          \
        T *source = source_block;                                              \
        T *dest = dest_block;                                                  \
        for (size_t k = 0; k <= length; k++) {                                 \
            source[k] = (T)V(me, k);                                           \
            dest[k] = (T)99;                                                   \
        }                                                                      \
        bool good =                                                            \
            shmem_##N##_##O##_reduce(team, dest, source, length) == 0 &&       \
            source[length] == (T)V(me, length);                                \
        good = shmem_##N##_##O##_reduce(team, source, source, length) == 0 &&  \
               good;                                                           \
        for (size_t k = 0; k < length; k++) {                                  \
            T a = (T)V(0, k);                                                  \
            for (int pe = 1; pe < n; pe++) {                                   \
                T b = (T)V(pe, k);                                             \
                a = (T)(EXPRESSION);                                           \
            }                                                                  \
            if (dest[k] != a || source[k] != a)                                \
                return miss(#N "_" #O, length, k);                             \
        }                                                                      \
        return good && dest[length] == (T)99 &&                                \
               source[length] == (T)V(me, length);                             \
    }
#define BIT_TYPED(A, T, N)                                                     \
    REDUCED(T, N, and, pattern, a &b)                                          \
    REDUCED(T, N, or, pattern, a | b)                                          \
    REDUCED(T, N, xor, pattern, a ^ b)
#define ORDER_TYPED(A, T, N)                                                   \
    REDUCED(T, N, max, term, a > b ? a : b)                                    \
    REDUCED(T, N, min, term, a < b ? a : b)
#define SUM_TYPED(A, T, N)                                                     \
    REDUCED(T, N, sum, term, a + b)                                            \
    REDUCED(T, N, prod, factor, a *b)
SHMEM_REDUCE_BIT_TYPES_(BIT_TYPED, 0)
SHMEM_REDUCE_ORDER_TYPES_(ORDER_TYPED, 0)
SHMEM_REDUCE_SUM_TYPES_(SUM_TYPED, 0)

/* A scan over the PEs before `me + OWN`. */
#define SCANNED(T, N, NAME, OWN)                                               \
    static bool N##_##NAME##_of(size_t length)                                 \
    {                                                                          \
        T *source = source_block;                                              \
        T *dest = dest_block;                                                  \
        for (size_t k = 0; k <= length; k++) {                                 \
            source[k] = (T)term(me, k);                                        \
            dest[k] = (T)99;                                                   \
        }                                                                      \
        bool good = shmem_##N##_sum_##NAME(team, dest, source, length) == 0;   \
        good =                                                                 \
            shmem_##N##_sum_##NAME(team, source, source, length) == 0 && good; \
        for (size_t k = 0; k < length; k++) {                                  \
            T a = 0;                                                           \
            for (int pe = 0; pe < me + (OWN); pe++)                            \
                a = (T)(a + (T)term(pe, k));                                   \
            if (dest[k] != a || source[k] != a)                                \
                return miss(#N "_" #NAME, length, k);                          \
        }                                                                      \
        return good && dest[length] == (T)99 &&                                \
               source[length] == (T)term(me, length);                          \
    }
#define SCAN_TYPED(A, T, N)                                                    \
    SCANNED(T, N, inscan, 1)                                                   \
    SCANNED(T, N, exscan, 0)
SHMEM_REDUCE_SUM_TYPES_(SCAN_TYPED, 0)

/* Whether one of the tests above holds for all types and lengths. */
#define TRY(O, T, N)                                                           \
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {        \
        if (lengths[i] <= most)                                                \
            good = N##_##O##_of(lengths[i]) && good;                           \
    }
#define TRY_BITS(A, T, N)                                                      \
    TRY(and, T, N)                                                             \
    TRY(or, T, N)                                                              \
    TRY(xor, T, N)
#define TRY_ORDER(A, T, N)                                                     \
    TRY(max, T, N)                                                             \
    TRY(min, T, N)
#define TRY_SUMS(A, T, N)                                                      \
    TRY(sum, T, N)                                                             \
    TRY(prod, T, N)
#define TRY_SCANS(A, T, N)                                                     \
    TRY(inscan, T, N)                                                          \
    TRY(exscan, T, N)

static bool bits(void)
{
    bool good = true;
    most = 1000;
    SHMEM_REDUCE_BIT_TYPES_(TRY_BITS, 0)
    most = longest;
    TRY_BITS(0, uint8_t, uint8)
    TRY_BITS(0, uint64_t, uint64)
    return good;
}

static bool orders(void)
{
    bool good = true;
    most = 1000;
    SHMEM_REDUCE_ORDER_TYPES_(TRY_ORDER, 0)
    most = longest;
    TRY_ORDER(0, short, short)
    TRY_ORDER(0, long double, longdouble)
    return good;
}

static bool sums(void)
{
    bool good = true;
    most = 1000;
    SHMEM_REDUCE_SUM_TYPES_(TRY_SUMS, 0)
    most = longest;
    TRY_SUMS(0, float, float)
    TRY_SUMS(0, double _Complex, complexd)
    return good;
}

static bool scans(void)
{
    bool good = true;
    most = 1000;
    SHMEM_REDUCE_SUM_TYPES_(TRY_SCANS, 0)
    most = longest;
    TRY_SCANS(0, char, char)
    TRY_SCANS(0, double, double)
    return good;
}

static void try_over(shmem_team_t which, const char *name)
{
    static bool (*const checks[])(void) = {bits, orders, sums, scans};
    static const char *const facts[] = {"and, or and xor", "max and min",
                                        "sum and prod", "inscan and exscan"};
    team = which;
    me = shmem_team_my_pe(team);
    n = shmem_team_n_pes(team);
    for (int i = 0; i < 4; i++) {
        char fact[100];
        snprintf(fact, sizeof(fact), "%s, over %s", facts[i], name);
        tap_ok(team == SHMEM_TEAM_INVALID || checks[i](), fact);
    }
}

/* Terms with a sum that depends on the order: all PEs have the same sum. */
static bool sums_are_equal(void)
{
    double *source = source_block;
    double *dest = dest_block;
    bool good = true;
    for (size_t k = 0; k < 1000; k++)
        source[k] = 1.0 / (double)(k * 7 + (size_t)shmem_my_pe() + 1);
    shmem_sum_reduce(SHMEM_TEAM_WORLD, dest, source, 1000);
    for (size_t k = 0; k < 1000; k++) {
        uint64_t image;
        memcpy(&image, &dest[k], sizeof(image));
        good = tap_same(image) && good;
    }
    return good;
}

/* The minimum and maximum values of signed and unsigned types. */
static bool extremes_are_kept(void)
{
    int64_t *source = source_block;
    int64_t *dest = dest_block;
    int last = shmem_n_pes() - 1;
    source[0] = shmem_my_pe() == last ? INT64_MIN : INT64_MAX;
    source[1] = shmem_my_pe() == 0 ? -1 : 1;
    shmem_min_reduce(SHMEM_TEAM_WORLD, dest, source, 2);
    bool good = dest[0] == INT64_MIN && dest[1] == -1;
    shmem_uint64_max_reduce(SHMEM_TEAM_WORLD, (uint64_t *)dest,
                            (const uint64_t *)source, 2);
    return good && dest[0] == INT64_MIN && dest[1] == -1;
}

int main(void)
{
    shmem_init();
    tap_plan(15);
    int pes = shmem_n_pes();
    shmem_team_t second;
    shmem_team_t reverse;
    source_block = shmem_calloc(longest + 1, 16);
    dest_block = shmem_calloc(longest + 1, 16);
    shmem_team_split_strided(SHMEM_TEAM_WORLD, (pes - 1) % 2, 2, (pes + 1) / 2,
                             NULL, 0, &second);
    shmem_team_split_strided(SHMEM_TEAM_WORLD, pes - 1, -1, pes, NULL, 0,
                             &reverse);
    try_over(SHMEM_TEAM_WORLD, "all PEs");
    try_over(second, "every second PE");
    try_over(reverse, "the PEs backwards");
    tap_ok(sums_are_equal(), "a sum is bitwise equal on all PEs");
    tap_ok(extremes_are_kept(), "min and max respect signs");
    tap_ok(shmem_int_sum_reduce(SHMEM_TEAM_INVALID, NULL, NULL, 0) != 0 &&
               shmem_int_sum_inscan(SHMEM_TEAM_INVALID, NULL, NULL, 0) != 0 &&
               shmem_int_sum_exscan(SHMEM_TEAM_INVALID, NULL, NULL, 0) != 0,
           "an invalid team is an error");
    shmem_finalize();
    return 0;
}
