/*
 * Atomics: every operation in all its forms, for every type; and many PEs on
 * one word, without a lost update.
 */
#include "tests/mpi/tap.h"

enum {
    ROUNDS = 200 /* updates of one word by each PE */
};

static shmem_ctx_t ctx;
static void *shared; /* a word, for the PE to the left */
static int right;

/* One PE at a time uses each of these words; a later form sees the result of an
 * earlier one. */
#define MOVES(T, N)                                                            \
    static bool moves_##N(void)                                                \
    {                                                                          \
        T *word = shared;                                                      \
        T got = 0;                                                             \
        shmem_##N##_atomic_set(word, 3, right);                                \
        bool good = shmem_##N##_atomic_fetch(word, right) == 3;                \
        shmem_ctx_##N##_atomic_set(ctx, word, 4, right);                       \
        good = good && shmem_ctx_##N##_atomic_fetch(ctx, word, right) == 4;    \
        good = good && shmem_##N##_atomic_swap(word, 5, right) == 4;           \
        good = good && shmem_ctx_##N##_atomic_swap(ctx, word, 6, right) == 5;  \
        shmem_##N##_atomic_fetch_nbi(&got, word, right);                       \
        shmem_quiet();                                                         \
        good = good && got == 6;                                               \
        shmem_##N##_atomic_swap_nbi(&got, word, 7, right);                     \
        shmem_quiet();                                                         \
        good = good && got == 6;                                               \
        shmem_ctx_##N##_atomic_swap_nbi(ctx, &got, word, 8, right);            \
        shmem_ctx_quiet(ctx);                                                  \
        good = good && got == 7;                                               \
        shmem_ctx_##N##_atomic_fetch_nbi(ctx, &got, word, right);              \
        shmem_ctx_quiet(ctx);                                                  \
        return good && got == 8;                                               \
    }
#define MOVE_TYPED(A, T, N) MOVES(T, N)
SHMEM_AMO_EXTENDED_TYPES_(MOVE_TYPED, 0)

#define ADDS(T, N)                                                             \
    static bool adds_##N(void)                                                 \
    {                                                                          \
        T *word = shared;                                                      \
        T got = 0;                                                             \
        shmem_##N##_atomic_set(word, 10, right);                               \
        shmem_##N##_atomic_inc(word, right);                                   \
        shmem_ctx_##N##_atomic_inc(ctx, word, right);                          \
        bool good = shmem_##N##_atomic_fetch_inc(word, right) == 12;           \
        good =                                                                 \
            good && shmem_ctx_##N##_atomic_fetch_inc(ctx, word, right) == 13;  \
        shmem_##N##_atomic_add(word, 6, right);                                \
        shmem_ctx_##N##_atomic_add(ctx, word, 10, right);                      \
        good = good && shmem_##N##_atomic_fetch_add(word, 5, right) == 30;     \
        good = good &&                                                         \
               shmem_ctx_##N##_atomic_fetch_add(ctx, word, 5, right) == 35;    \
        shmem_##N##_atomic_fetch_inc_nbi(&got, word, right);                   \
        shmem_quiet();                                                         \
        good = good && got == 40;                                              \
        shmem_ctx_##N##_atomic_fetch_inc_nbi(ctx, &got, word, right);          \
        shmem_ctx_quiet(ctx);                                                  \
        good = good && got == 41;                                              \
        shmem_##N##_atomic_fetch_add_nbi(&got, word, 8, right);                \
        shmem_quiet();                                                         \
        good = good && got == 42;                                              \
        shmem_ctx_##N##_atomic_fetch_add_nbi(ctx, &got, word, (T)-1, right);   \
        shmem_ctx_quiet(ctx);                                                  \
        return good && got == 50 &&                                            \
               shmem_##N##_atomic_fetch(word, right) == 49;                    \
    }                                                                          \
    static bool swaps_##N(void)                                                \
    {                                                                          \
        T *word = shared;                                                      \
        T got = 0;                                                             \
        shmem_##N##_atomic_set(word, 1, right);                                \
        bool good = shmem_##N##_atomic_compare_swap(word, 1, 2, right) == 1;   \
        good =                                                                 \
            good && shmem_##N##_atomic_compare_swap(word, 1, 3, right) == 2;   \
        good = good && shmem_ctx_##N##_atomic_compare_swap(ctx, word, 2, 4,    \
                                                           right) == 2;        \
        good = good && shmem_ctx_##N##_atomic_compare_swap(ctx, word, 2, 5,    \
                                                           right) == 4;        \
        shmem_##N##_atomic_compare_swap_nbi(&got, word, 4, 6, right);          \
        shmem_quiet();                                                         \
        good = good && got == 4;                                               \
        shmem_ctx_##N##_atomic_compare_swap_nbi(ctx, &got, word, 0, 7, right); \
        shmem_ctx_quiet(ctx);                                                  \
        return good && got == 6 && shmem_##N##_atomic_fetch(word, right) == 6; \
    }
#define MATH_TYPED(A, T, N) ADDS(T, N)
SHMEM_AMO_TYPES_(MATH_TYPED, 0)

/* One bitwise operation in all forms, from 0x3C with 0x0F and 0x55. */
#define BITS(T, N, NAME, O)                                                    \
    static bool NAME##_##N(void)                                               \
    {                                                                          \
        T *word = shared;                                                      \
        T got = 0;                                                             \
        const T a = 0x0F;                                                      \
        const T b = 0x55;                                                      \
        T now = 0x3C;                                                          \
        shmem_##N##_atomic_set(word, now, right);                              \
        shmem_##N##_atomic_##NAME(word, a, right);                             \
        now = now O a;                                                         \
        bool good = shmem_##N##_atomic_fetch_##NAME(word, b, right) == now;    \
        now = now O b;                                                         \
        shmem_ctx_##N##_atomic_##NAME(ctx, word, b, right);                    \
        now = now O b;                                                         \
        good = good && shmem_ctx_##N##_atomic_fetch_##NAME(ctx, word, a,       \
                                                           right) == now;      \
        now = now O a;                                                         \
        shmem_##N##_atomic_fetch_##NAME##_nbi(&got, word, b, right);           \
        shmem_quiet();                                                         \
        good = good && got == now;                                             \
        now = now O b;                                                         \
        shmem_ctx_##N##_atomic_fetch_##NAME##_nbi(ctx, &got, word, a, right);  \
        shmem_ctx_quiet(ctx);                                                  \
        good = good && got == now;                                             \
        now = now O a;                                                         \
        return good && shmem_##N##_atomic_fetch(word, right) == now;           \
    }
#define BIT_TYPED(A, T, N)                                                     \
    BITS(T, N, and, &)                                                         \
    BITS(T, N, or, |)                                                          \
    BITS(T, N, xor, ^)
SHMEM_AMO_BIT_TYPES_(BIT_TYPED, 0)

#define OLD_MOVE_TYPED(A, T, N)                                                \
    static bool old_moves_##N(void)                                            \
    {                                                                          \
        T *word = shared;                                                      \
        shmem_##N##_set(word, 3, right);                                       \
        return shmem_##N##_fetch(word, right) == 3 &&                          \
               shmem_##N##_swap(word, 4, right) == 3 &&                        \
               shmem_##N##_fetch(word, right) == 4;                            \
    }
SHMEM_AMO_OLD_MOVE_TYPES_(OLD_MOVE_TYPED, 0)

#define OLD_TYPED(A, T, N)                                                     \
    static bool old_adds_##N(void)                                             \
    {                                                                          \
        T *word = shared;                                                      \
        shmem_##N##_set(word, 3, right);                                       \
        shmem_##N##_inc(word, right);                                          \
        shmem_##N##_add(word, 4, right);                                       \
        return shmem_##N##_finc(word, right) == 8 &&                           \
               shmem_##N##_fadd(word, -5, right) == 9 &&                       \
               shmem_##N##_cswap(word, 4, 1, right) == 4 &&                    \
               shmem_##N##_cswap(word, 4, 2, right) == 1 &&                    \
               shmem_##N##_fetch(word, right) == 1;                            \
    }
SHMEM_AMO_OLD_TYPES_(OLD_TYPED, 0)

/* All PEs increment one word of the last PE. Each value that fetch_inc returns
 * must be returned once; `seen` on that PE counts. */
#define CONTENDED(A, T, N)                                                     \
    static bool contended_##N(unsigned *seen)                                  \
    {                                                                          \
        T *words = shared;                                                     \
        int n = shmem_n_pes();                                                 \
        int last = n - 1;                                                      \
        memset(words, 0, 4 * sizeof(T));                                       \
        memset(seen, 0, (size_t)n *ROUNDS * sizeof(*seen));                    \
        shmem_barrier_all();                                                   \
        for (int i = 0; i < ROUNDS; i++) {                                     \
            T ticket = shmem_##N##_atomic_fetch_inc(&words[0], last);          \
            shmem_uint_atomic_inc(&seen[ticket], last);                        \
            shmem_##N##_atomic_add(&words[1], 3, last);                        \
            T old = shmem_##N##_atomic_fetch(&words[2], last);                 \
            T found;                                                           \
            while ((found = shmem_##N##_atomic_compare_swap(                   \
                        &words[2], old, (T)(old + 2), last)) != old)           \
                old = found;                                                   \
            shmem_##N##_atomic_inc(&words[3], last);                           \
        }                                                                      \
        shmem_barrier_all();                                                   \
        T total = (T)(n * ROUNDS);                                             \
        bool good = shmem_my_pe() != last ||                                   \
                    (words[0] == total && words[1] == (T)(3 * total) &&        \
                     words[2] == (T)(2 * total) && words[3] == total);         \
        for (int i = 0; shmem_my_pe() == last && i < n * ROUNDS; i++)          \
            good = good && seen[i] == 1;                                       \
        shmem_barrier_all();                                                   \
        return good;                                                           \
    }
SHMEM_AMO_TYPES_(CONTENDED, 0)

/* Each PE flips its own bit an odd number of times, and all other bits an even
 * number of times. */
#define FLIPPED(A, T, N)                                                       \
    static bool flipped_##N(void)                                              \
    {                                                                          \
        T *word = shared;                                                      \
        int n = shmem_n_pes();                                                 \
        *word = 0;                                                             \
        shmem_barrier_all();                                                   \
        for (int i = 0; i < ROUNDS + 1; i++)                                   \
            shmem_##N##_atomic_xor(word, (T)1 << shmem_my_pe() % 30, 0);       \
        for (int i = 0; i < ROUNDS; i++)                                       \
            shmem_##N##_atomic_fetch_xor(word, (T)-1, 0);                      \
        shmem_barrier_all();                                                   \
        T wanted = 0;                                                          \
        for (int pe = 0; pe < n; pe++)                                         \
            wanted ^= (T)1 << pe % 30;                                         \
        bool good = shmem_my_pe() != 0 || *word == wanted;                     \
        shmem_barrier_all();                                                   \
        return good;                                                           \
    }
SHMEM_AMO_BIT_TYPES_(FLIPPED, 0)

/* All PEs swap their own numbers into one word: each number is returned once,
 * or remains in the word. */
#define PASSED(A, T, N)                                                        \
    static bool passed_##N(void)                                               \
    {                                                                          \
        T *word = shared;                                                      \
        int n = shmem_n_pes();                                                 \
        double sum = 0;                                                        \
        *word = 0;                                                             \
        shmem_barrier_all();                                                   \
        for (int i = 1; i <= ROUNDS; i++)                                      \
            sum += (double)shmem_##N##_atomic_swap(                            \
                word, (T)(shmem_my_pe() * ROUNDS + i), 0);                     \
        shmem_barrier_all();                                                   \
        sum += shmem_my_pe() == 0 ? (double)*word : 0;                         \
        MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_DOUBLE, MPI_SUM,              \
                      MPI_COMM_WORLD);                                         \
        double total = (double)n * ROUNDS;                                     \
        return sum == total * (total + 1) / 2;                                 \
    }
SHMEM_AMO_EXTENDED_TYPES_(PASSED, 0)

/* Whether one of the above holds for all types. */
#define OF(FUNCTION, N) FUNCTION##_##N
#define TRY(FUNCTION, T, N) good = OF(FUNCTION, N)() && good;
#define TRY_CONTENDED(A, T, N) good = contended_##N(seen) && good;

int main(void)
{
    shmem_init();
    tap_plan(11);
    int n = shmem_n_pes();
    right = (shmem_my_pe() + 1) % n;
    shared = shmem_calloc(8, 16);
    unsigned *seen = shmem_calloc((size_t)n * ROUNDS, sizeof(*seen));
    bool good = shmem_ctx_create(SHMEM_CTX_SERIALIZED, &ctx) == 0;
    SHMEM_AMO_EXTENDED_TYPES_(TRY, moves)
    tap_ok(good, "fetch, set and swap, of every type");
    good = true;
    SHMEM_AMO_TYPES_(TRY, adds)
    tap_ok(good, "inc, add, and their fetching forms");
    good = true;
    SHMEM_AMO_TYPES_(TRY, swaps)
    tap_ok(good, "compare_swap stores only if the value is equal");
    good = true;
    SHMEM_AMO_BIT_TYPES_(TRY, and)
    tap_ok(good, "and");
    good = true;
    SHMEM_AMO_BIT_TYPES_(TRY, or)
    tap_ok(good, "or");
    good = true;
    SHMEM_AMO_BIT_TYPES_(TRY, xor)
    tap_ok(good, "xor");
    good = true;
    SHMEM_AMO_OLD_MOVE_TYPES_(TRY, old_moves)
    SHMEM_AMO_OLD_TYPES_(TRY, old_adds)
    tap_ok(good, "the deprecated names work");
    good = true;
    SHMEM_AMO_TYPES_(TRY_CONTENDED, 0)
    tap_ok(good, "no update of a contended word is lost or seen twice");
    good = true;
    SHMEM_AMO_BIT_TYPES_(TRY, flipped)
    tap_ok(good, "no bit of a contended word is lost");
    good = true;
    SHMEM_AMO_EXTENDED_TYPES_(TRY, passed)
    tap_ok(good, "each swapped value is returned once");

    double *real = shared;
    *real = 0.125;
    shmem_barrier_all();
    good = shmem_atomic_fetch(real, right) == 0.125;
    good = good && shmem_atomic_swap(ctx, real, -2.5e300, right) == 0.125;
    shmem_barrier_all();
    tap_ok(good && *real == -2.5e300, "floating-point values keep their bits");
    shmem_ctx_destroy(ctx);
    shmem_finalize();
    return 0;
}
