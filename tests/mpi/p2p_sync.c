/*
 * Waiting and testing: all comparisons for every type, arrays with and without
 * a status, and values that other PEs write in every possible way.
 */
#include "tests/mpi/tap.h"

enum {
    COUNT = 6 /* elements of an array */
};

static int me, n, next;
static void *shared; /* 8 elements of any type */

/* The comparisons that hold for an object of 5 and the values 4, 5 and 6. */
static const struct {
    int cmp;
    bool holds[3];
} comparisons[] = {
    {SHMEM_CMP_EQ, {false, true, false}}, {SHMEM_CMP_NE, {true, false, true}},
    {SHMEM_CMP_GT, {true, false, false}}, {SHMEM_CMP_LE, {false, true, true}},
    {SHMEM_CMP_LT, {false, false, true}}, {SHMEM_CMP_GE, {true, true, false}}};

#define COMPARED(A, T, N)                                                      \
    static bool compared_##N(void)                                             \
    {                                                                          \
        T *object = shared;                                                    \
        bool good = true;                                                      \
        *object = 5;                                                           \
        for (int i = 0; i < 6; i++) {                                          \
            for (int k = 0; k < 3; k++) {                                      \
                int cmp = comparisons[i].cmp;                                  \
                bool holds = comparisons[i].holds[k];                          \
                good = good && (shmem_##N##_test(object, cmp, (T)(4 + k)) !=   \
                                0) == holds;                                   \
                if (holds)                                                     \
                    shmem_##N##_wait_until(object, cmp, (T)(4 + k));           \
            }                                                                  \
        }                                                                      \
        *object = (T)-1;                                                       \
        return good && (shmem_##N##_test(object, SHMEM_CMP_LT, 0) != 0) ==     \
                           ((T)-1 < (T)1);                                     \
    }
SHMEM_AMO_TYPES_(COMPARED, 0)
SHMEM_WAIT_OLD_TYPES_(COMPARED, 0)

/* Elements 0, 10, 20, ...; the status excludes 0, 3 and 5. */
static const int some[COUNT] = {1, 0, 0, 1, 0, 1};
static const int none[COUNT] = {1, 1, 1, 1, 1, 1};

static bool are(const size_t *indices, size_t count, size_t a, size_t b,
                size_t c)
{
    bool has[COUNT] = {false};
    for (size_t i = 0; i < count; i++) {
        if (indices[i] >= COUNT || has[indices[i]])
            return false;
        has[indices[i]] = true;
    }
    return count == 3 && has[a] && has[b] && has[c];
}

/* The array routines, for one value and for a vector; GE is SHMEM_CMP_GE. */
#define ARRAYS(A, T, N)                                                        \
    static bool arrays_##N(void)                                               \
    {                                                                          \
        T *array = shared;                                                     \
        T values[COUNT];                                                       \
        size_t hits[COUNT];                                                    \
        size_t hit;                                                            \
        const int ge = SHMEM_CMP_GE;                                           \
        for (int i = 0; i < COUNT; i++) {                                      \
            array[i] = (T)(10 * i);                                            \
            values[i] = (T)(i == 2 ? 21 : 10 * i);                             \
        }                                                                      \
        bool good = shmem_##N##_test_all(array, COUNT, NULL, ge, 0) != 0 &&    \
                    shmem_##N##_test_all(array, COUNT, NULL, ge, 10) == 0 &&   \
                    shmem_##N##_test_all(array, COUNT, some, ge, 10) != 0 &&   \
                    shmem_##N##_test_all(array, COUNT, some, ge, 11) == 0;     \
        shmem_##N##_wait_until_all(array, COUNT, NULL, ge, 0);                 \
        shmem_##N##_wait_until_all(array, COUNT, some, ge, 10);                \
        hit = shmem_##N##_test_any(array, COUNT, NULL, SHMEM_CMP_EQ, 30);      \
        good = good && hit == 3;                                               \
        good = good && shmem_##N##_test_any(array, COUNT, some, SHMEM_CMP_EQ,  \
                                            30) == SIZE_MAX;                   \
        hit = shmem_##N##_wait_until_any(array, COUNT, some, ge, 30);          \
        good = good && hit == 4;                                               \
        hit = shmem_##N##_test_some(array, COUNT, hits, NULL, ge, 30);         \
        good = good && are(hits, hit, 3, 4, 5);                                \
        hit = shmem_##N##_wait_until_some(array, COUNT, hits, some, ge, 10);   \
        good = good && are(hits, hit, 1, 2, 4);                                \
        good = good &&                                                         \
               shmem_##N##_test_some(array, COUNT, hits, NULL, ge, 51) == 0;   \
        good = good &&                                                         \
               shmem_##N##_test_all_vector(array, COUNT, NULL, ge, values) ==  \
                   0 &&                                                        \
               shmem_##N##_test_any_vector(array, COUNT, NULL, SHMEM_CMP_LT,   \
                                           values) == 2 &&                     \
               shmem_##N##_test_any_vector(array, COUNT, NULL, SHMEM_CMP_GT,   \
                                           values) == SIZE_MAX;                \
        hit = shmem_##N##_wait_until_any_vector(array, COUNT, some,            \
                                                SHMEM_CMP_LT, values);         \
        good = good && hit == 2;                                               \
        values[2] = 20;                                                        \
        values[3] = 31;                                                        \
        values[0] = 1;                                                         \
        shmem_##N##_wait_until_all_vector(array, COUNT, some, ge, values);     \
        good = good && shmem_##N##_test_all_vector(array, COUNT, some, ge,     \
                                                   values) != 0;               \
        hit = shmem_##N##_test_some_vector(array, COUNT, hits, some, ge,       \
                                           values);                            \
        good = good && are(hits, hit, 1, 2, 4);                                \
        values[1] = 11;                                                        \
        hit = shmem_##N##_wait_until_some_vector(array, COUNT, hits, NULL, ge, \
                                                 values);                      \
        return good && are(hits, hit, 2, 4, 5);                                \
    }                                                                          \
    /* Nothing to test: no element, or all are excluded. */                    \
    static bool empty_##N(void)                                                \
    {                                                                          \
        T *array = shared;                                                     \
        T values[COUNT] = {0};                                                 \
        size_t hits[COUNT];                                                    \
        const int eq = SHMEM_CMP_EQ;                                           \
        bool good = true;                                                      \
        memset(array, 0, COUNT * sizeof(T));                                   \
        for (size_t k = 0; k <= COUNT; k += COUNT) {                           \
            shmem_##N##_wait_until_all(array, k, none, eq, 9);                 \
            shmem_##N##_wait_until_all_vector(array, k, none, eq, values);     \
            good = good && shmem_##N##_test_all(array, k, none, eq, 9) != 0 && \
                   shmem_##N##_test_all_vector(array, k, none, eq, values) !=  \
                       0 &&                                                    \
                   shmem_##N##_wait_until_any(array, k, none, eq, 0) ==        \
                       SIZE_MAX &&                                             \
                   shmem_##N##_test_any(array, k, none, eq, 0) == SIZE_MAX &&  \
                   shmem_##N##_wait_until_any_vector(array, k, none, eq,       \
                                                     values) == SIZE_MAX &&    \
                   shmem_##N##_test_any_vector(array, k, none, eq, values) ==  \
                       SIZE_MAX &&                                             \
                   shmem_##N##_wait_until_some(array, k, hits, none, eq, 0) == \
                       0 &&                                                    \
                   shmem_##N##_test_some(array, k, hits, none, eq, 0) == 0 &&  \
                   shmem_##N##_wait_until_some_vector(array, k, hits, none,    \
                                                      eq, values) == 0 &&      \
                   shmem_##N##_test_some_vector(array, k, hits, none, eq,      \
                                                values) == 0;                  \
        }                                                                      \
        return good;                                                           \
    }
SHMEM_AMO_TYPES_(ARRAYS, 0)

/* Values that another PE writes: by put, p and an atomic; in an array too. */
#define WOKEN(A, T, N)                                                         \
    static bool woken_##N(void)                                                \
    {                                                                          \
        T *array = shared;                                                     \
        T one[2] = {1, 2};                                                     \
        memset(array, 0, COUNT * sizeof(T));                                   \
        shmem_barrier_all();                                                   \
        shmem_##N##_put(array, one, 2, next);                                  \
        shmem_##N##_wait_until(&array[0], SHMEM_CMP_EQ, 1);                    \
        shmem_##N##_wait_until(&array[1], SHMEM_CMP_GT, 1);                    \
        shmem_##N##_p(&array[2], 3, next);                                     \
        shmem_##N##_wait_until(&array[2], SHMEM_CMP_NE, 0);                    \
        shmem_##N##_atomic_inc(&array[3], next);                               \
        shmem_##N##_atomic_add(&array[4], 4, next);                            \
        shmem_##N##_atomic_swap(&array[5], 5, next);                           \
        int left[COUNT] = {1, 1, 1, 0, 0, 0};                                  \
        for (int i = 3; i < COUNT; i++) {                                      \
            size_t hit = shmem_##N##_wait_until_any(array, COUNT, left,        \
                                                    SHMEM_CMP_NE, 0);          \
            if (hit >= COUNT || left[hit] != 0)                                \
                return false;                                                  \
            left[hit] = 1;                                                     \
        }                                                                      \
        shmem_##N##_wait_until_all(array, COUNT, NULL, SHMEM_CMP_GE, 1);       \
        bool good = array[3] == 1 && array[4] == 4 && array[5] == 5;           \
        shmem_barrier_all();                                                   \
        return good;                                                           \
    }
SHMEM_AMO_TYPES_(WOKEN, 0)

#define OLDEST(A, T, N)                                                        \
    static bool oldest_##N(void)                                               \
    {                                                                          \
        T *object = shared;                                                    \
        *object = 5;                                                           \
        shmem_barrier_all();                                                   \
        shmem_##N##_p(object, 6, next);                                        \
        shmem_##N##_wait(object, 5);                                           \
        bool good = *object == 6;                                              \
        shmem_barrier_all();                                                   \
        return good;                                                           \
    }
SHMEM_WAIT_OLDEST_TYPES_(OLDEST, 0)

/* Each form of any, over two arrays in turn and over one, finds each of four
 * elements that hold, in few calls. */
#define FOUND(CALL, VALUES)                                                    \
    for (int arrays = 1; arrays <= 2; arrays++) {                              \
        int left = arrays * 4;                                                 \
        bool seen[2][4] = {{false}};                                           \
        for (int i = 0; i < 10000 && left > 0; i++) {                          \
            int k = i % arrays;                                                \
            size_t hit = CALL(array + 4 * k, 4, NULL, SHMEM_CMP_GE, VALUES);   \
            good = good && hit < 4 && (arrays == 2 || i < 4);                  \
            left -= hit < 4 && !seen[k][hit];                                  \
            seen[k][hit % 4] = true;                                           \
        }                                                                      \
        good = good && left == 0;                                              \
    }
#define FAIR(A, T, N)                                                          \
    static bool fair_##N(void)                                                 \
    {                                                                          \
        T *array = shared;                                                     \
        T values[4] = {0};                                                     \
        bool good = true;                                                      \
        memset(array, 0, 8 * sizeof(T));                                       \
        FOUND(shmem_##N##_test_any, 0)                                         \
        FOUND(shmem_##N##_wait_until_any, 0)                                   \
        FOUND(shmem_##N##_test_any_vector, values)                             \
        FOUND(shmem_##N##_wait_until_any_vector, values)                       \
        return good;                                                           \
    }
SHMEM_AMO_TYPES_(FAIR, 0)

/* Whether all words of a block have a value. */
static bool is_filled(const long *block, size_t count, long value)
{
    size_t i = 0;
    while (i < count && block[i] == value)
        i++;
    return i == count;
}

/* Around the ring: each PE continues after the previous one. Data up to 64 KiB
 * may travel with its signal. */
static bool ring_turns(void)
{
    static const size_t counts[] = {1, 100, 8191, 8192, 8193};
    static long out[8193];
    uint64_t *word = shmem_calloc(1, sizeof(*word));
    long *data = shmem_calloc(8193, sizeof(*data));
    bool good = true;
    for (uint64_t round = 1; round <= 100; round++) {
        uint64_t seen = round;
        size_t count = counts[round % 5];
        if (me != 0)
            seen = shmem_signal_wait_until(word, SHMEM_CMP_GE, round);
        good = seen == round &&
               (me == 0 || is_filled(data, count, (long)round)) && good;
        for (size_t i = 0; i < count; i++)
            out[i] = (long)round;
        if (round % 2 == 0) {
            shmem_long_put_signal(data, out, count, word, 1, SHMEM_SIGNAL_ADD,
                                  next);
        } else {
            shmem_long_put_signal_nbi(data, out, count, word, round,
                                      SHMEM_SIGNAL_SET, next);
            shmem_quiet();
        }
        memset(out, 0, sizeof(out)); /* the source is free now */
        if (me == 0)
            good =
                shmem_signal_wait_until(word, SHMEM_CMP_EQ, round) == round &&
                good;
    }
    shmem_free(data);
    shmem_free(word);
    return good;
}

/* A program that polls its memory, with a fence between two polls, serves other
 * PEs. */
static bool ordering_serves(void)
{
    long *word = shmem_calloc(1, sizeof(*word));
    const volatile long *now = word;
    for (long round = 1; round <= 100; round++) {
        shmem_long_p(word, round, next);
        while (*now < round) {
            if (round % 3 == 0)
                shmem_quiet();
            else if (round % 3 == 1)
                shmem_fence();
            else
                shmem_pe_quiet(&me, 1);
        }
        shmem_barrier_all();
    }
    bool good = *word == 100;
    shmem_free(word);
    return good;
}

#define OF(CHECK, N) CHECK##_##N
#define TRY(CHECK, T, N) good = OF(CHECK, N)() && good;

int main(void)
{
    shmem_init();
    tap_plan(8);
    me = shmem_my_pe();
    n = shmem_n_pes();
    next = (me + 1) % n;
    shared = shmem_calloc(8, sizeof(uint64_t));
    bool good = true;
    SHMEM_AMO_TYPES_(TRY, compared)
    SHMEM_WAIT_OLD_TYPES_(TRY, compared)
    tap_ok(good, "all comparisons, for every type");
    good = true;
    SHMEM_AMO_TYPES_(TRY, arrays)
    tap_ok(good, "all, any and some, of values and vectors");
    good = true;
    SHMEM_AMO_TYPES_(TRY, empty)
    tap_ok(good, "with nothing to test, no call waits");
    good = true;
    SHMEM_AMO_TYPES_(TRY, fair)
    tap_ok(good, "repeated calls of any find each element that holds");
    good = true;
    SHMEM_AMO_TYPES_(TRY, woken)
    tap_ok(good, "waits see puts and atomics of another PE");
    good = true;
    SHMEM_WAIT_OLDEST_TYPES_(TRY, oldest)
    tap_ok(good, "the deprecated names work");
    tap_ok(ring_turns(), "signals go around the ring, each after its data");
    tap_ok(ordering_serves(), "a PE that only calls fence serves other PEs");
    shmem_finalize();
    return 0;
}
