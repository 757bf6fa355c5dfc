/*
 * A call of every generic name, in each of its forms, for every type that has
 * one. Compiled, not run. The types are spelt out again: the header's tables
 * cannot be used within themselves, and a mistake in them would not be seen.
 */
#include <shmem.h>

#define LONG_TYPES(X)                                                          \
    X(0, int, int)                                                             \
    X(0, long, long)                                                           \
    X(0, long long, longlong)
#define AMO_TYPES(X)                                                           \
    LONG_TYPES(X)                                                              \
    X(0, unsigned int, uint)                                                   \
    X(0, unsigned long, ulong)                                                 \
    X(0, unsigned long long, ulonglong)                                        \
    X(0, int32_t, int32)                                                       \
    X(0, int64_t, int64)                                                       \
    X(0, uint32_t, uint32)                                                     \
    X(0, uint64_t, uint64)                                                     \
    X(0, size_t, size)                                                         \
    X(0, ptrdiff_t, ptrdiff)
#define MOVE_TYPES(X)                                                          \
    X(0, float, float)                                                         \
    X(0, double, double)                                                       \
    AMO_TYPES(X)
#define BIT_TYPES(X)                                                           \
    X(0, unsigned int, uint)                                                   \
    X(0, unsigned long, ulong)                                                 \
    X(0, unsigned long long, ulonglong)                                        \
    X(0, int32_t, int32)                                                       \
    X(0, int64_t, int64)                                                       \
    X(0, uint32_t, uint32)                                                     \
    X(0, uint64_t, uint64)
#define RMA_TYPES(X)                                                           \
    MOVE_TYPES(X)                                                              \
    X(0, long double, longdouble)                                              \
    X(0, char, char)                                                           \
    X(0, signed char, schar)                                                   \
    X(0, short, short)                                                         \
    X(0, unsigned char, uchar)                                                 \
    X(0, unsigned short, ushort)                                               \
    X(0, int8_t, int8)                                                         \
    X(0, int16_t, int16)                                                       \
    X(0, uint8_t, uint8)                                                       \
    X(0, uint16_t, uint16)
#define SHORT_TYPES(X)                                                         \
    X(0, short, short)                                                         \
    X(0, unsigned short, ushort)
#define REDUCE_BIT_TYPES(X)                                                    \
    BIT_TYPES(X)                                                               \
    X(0, unsigned char, uchar)                                                 \
    X(0, unsigned short, ushort)                                               \
    X(0, int8_t, int8)                                                         \
    X(0, int16_t, int16)                                                       \
    X(0, uint8_t, uint8)                                                       \
    X(0, uint16_t, uint16)                                                     \
    X(0, size_t, size)
#define SUM_TYPES(X)                                                           \
    RMA_TYPES(X)                                                               \
    X(0, double _Complex, complexd)                                            \
    X(0, float _Complex, complexf)
#define OLD_MOVE_TYPES(X)                                                      \
    X(0, float, float)                                                         \
    X(0, double, double)                                                       \
    LONG_TYPES(X)
#define RMA(A, T, N)                                                           \
    static void rma_##N(shmem_ctx_t ctx, T *a, const T *b, uint64_t *signal)   \
    {                                                                          \
        shmem_put(a, b, 1, 0), shmem_put(ctx, a, b, 1, 0);                     \
        shmem_get(a, b, 1, 0), shmem_get(ctx, a, b, 1, 0);                     \
        shmem_put_nbi(a, b, 1, 0), shmem_put_nbi(ctx, a, b, 1, 0);             \
        shmem_get_nbi(a, b, 1, 0), shmem_get_nbi(ctx, a, b, 1, 0);             \
        shmem_p(a, *b, 0), shmem_p(ctx, a, *b, 0);                             \
        *a = shmem_g(b, 0);                                                    \
        *a = shmem_g(ctx, b, 0);                                               \
        *a = shmem_g(a, 0), *a = shmem_g(ctx, a, 0);                           \
        shmem_iput(a, b, 1, 1, 1, 0), shmem_iput(ctx, a, b, 1, 1, 1, 0);       \
        shmem_iget(a, b, 1, 1, 1, 0), shmem_iget(ctx, a, b, 1, 1, 1, 0);       \
        shmem_ibput(a, b, 1, 1, 1, 1, 0);                                      \
        shmem_ibput(ctx, a, b, 1, 1, 1, 1, 0);                                 \
        shmem_ibget(a, b, 1, 1, 1, 1, 0);                                      \
        shmem_ibget(ctx, a, b, 1, 1, 1, 1, 0);                                 \
        shmem_put_signal(a, b, 1, signal, 1, SHMEM_SIGNAL_SET, 0);             \
        shmem_put_signal(ctx, a, b, 1, signal, 1, SHMEM_SIGNAL_ADD, 0);        \
        shmem_put_signal_nbi(a, b, 1, signal, 1, SHMEM_SIGNAL_SET, 0);         \
        shmem_put_signal_nbi(ctx, a, b, 1, signal, 1, SHMEM_SIGNAL_ADD, 0);    \
    }
#define MOVE(A, T, N)                                                          \
    static void move_##N(shmem_ctx_t ctx, T *a, const T *b)                    \
    {                                                                          \
        *a = shmem_atomic_fetch(b, 0), *a = shmem_atomic_fetch(ctx, b, 0);     \
        shmem_atomic_set(a, *b, 0), shmem_atomic_set(ctx, a, *b, 0);           \
        *a = shmem_atomic_swap(a, *b, 0);                                      \
        *a = shmem_atomic_swap(ctx, a, *b, 0);                                 \
        shmem_atomic_fetch_nbi(a, b, 0), shmem_atomic_fetch_nbi(ctx, a, b, 0); \
        shmem_atomic_swap_nbi(a, a, *b, 0);                                    \
        shmem_atomic_swap_nbi(ctx, a, a, *b, 0);                               \
    }
#define MATH(A, T, N)                                                          \
    static void math_##N(shmem_ctx_t ctx, T *a, const T *b)                    \
    {                                                                          \
        *a = shmem_atomic_compare_swap(a, *b, *b, 0);                          \
        *a = shmem_atomic_compare_swap(ctx, a, *b, *b, 0);                     \
        *a = shmem_atomic_fetch_inc(a, 0);                                     \
        *a = shmem_atomic_fetch_inc(ctx, a, 0);                                \
        shmem_atomic_inc(a, 0), shmem_atomic_inc(ctx, a, 0);                   \
        *a = shmem_atomic_fetch_add(a, *b, 0);                                 \
        *a = shmem_atomic_fetch_add(ctx, a, *b, 0);                            \
        shmem_atomic_add(a, *b, 0), shmem_atomic_add(ctx, a, *b, 0);           \
        shmem_atomic_compare_swap_nbi(a, a, *b, *b, 0);                        \
        shmem_atomic_compare_swap_nbi(ctx, a, a, *b, *b, 0);                   \
        shmem_atomic_fetch_inc_nbi(a, a, 0);                                   \
        shmem_atomic_fetch_inc_nbi(ctx, a, a, 0);                              \
        shmem_atomic_fetch_add_nbi(a, a, *b, 0);                               \
        shmem_atomic_fetch_add_nbi(ctx, a, a, *b, 0);                          \
    }
#define BIT(A, T, N)                                                           \
    static void bit_##N(shmem_ctx_t ctx, T *a, const T *b)                     \
    {                                                                          \
        *a = shmem_atomic_fetch_and(a, *b, 0);                                 \
        *a = shmem_atomic_fetch_and(ctx, a, *b, 0);                            \
        shmem_atomic_and(a, *b, 0), shmem_atomic_and(ctx, a, *b, 0);           \
        *a = shmem_atomic_fetch_or(a, *b, 0);                                  \
        *a = shmem_atomic_fetch_or(ctx, a, *b, 0);                             \
        shmem_atomic_or(a, *b, 0), shmem_atomic_or(ctx, a, *b, 0);             \
        *a = shmem_atomic_fetch_xor(a, *b, 0);                                 \
        *a = shmem_atomic_fetch_xor(ctx, a, *b, 0);                            \
        shmem_atomic_xor(a, *b, 0), shmem_atomic_xor(ctx, a, *b, 0);           \
        shmem_atomic_fetch_and_nbi(a, a, *b, 0);                               \
        shmem_atomic_fetch_and_nbi(ctx, a, a, *b, 0);                          \
        shmem_atomic_fetch_or_nbi(a, a, *b, 0);                                \
        shmem_atomic_fetch_or_nbi(ctx, a, a, *b, 0);                           \
        shmem_atomic_fetch_xor_nbi(a, a, *b, 0);                               \
        shmem_atomic_fetch_xor_nbi(ctx, a, a, *b, 0);                          \
    }
#define OLD_MOVE(A, T, N)                                                      \
    static void old_move_##N(T *a, const T *b)                                 \
    {                                                                          \
        *a = shmem_fetch(b, 0);                                                \
        shmem_set(a, *b, 0);                                                   \
        *a = shmem_swap(a, *b, 0);                                             \
    }
#define OLD(A, T, N)                                                           \
    static void old_##N(T *a, const T *b)                                      \
    {                                                                          \
        *a = shmem_cswap(a, *b, *b, 0);                                        \
        *a = shmem_finc(a, 0);                                                 \
        shmem_inc(a, 0);                                                       \
        *a = shmem_fadd(a, *b, 0);                                             \
        shmem_add(a, *b, 0);                                                   \
    }
#define WAIT_ONE(A, T, N)                                                      \
    static int wait_one_##N(T *a, T b)                                         \
    {                                                                          \
        shmem_wait_until(a, SHMEM_CMP_EQ, b);                                  \
        return shmem_test(a, SHMEM_CMP_EQ, b);                                 \
    }
#define WAIT(A, T, N)                                                          \
    static size_t wait_##N(T *a, T b, const T *c, size_t *hits)                \
    {                                                                          \
        size_t sum = 0;                                                        \
        shmem_wait_until_all(a, 1, NULL, SHMEM_CMP_EQ, b);                     \
        sum += shmem_wait_until_any(a, 1, NULL, SHMEM_CMP_EQ, b);              \
        sum += shmem_wait_until_some(a, 1, hits, NULL, SHMEM_CMP_EQ, b);       \
        shmem_wait_until_all_vector(a, 1, NULL, SHMEM_CMP_EQ, c);              \
        sum += shmem_wait_until_any_vector(a, 1, NULL, SHMEM_CMP_EQ, c);       \
        sum +=                                                                 \
            shmem_wait_until_some_vector(a, 1, hits, NULL, SHMEM_CMP_EQ, c);   \
        sum += (size_t)shmem_test_all(a, 1, NULL, SHMEM_CMP_EQ, b);            \
        sum += shmem_test_any(a, 1, NULL, SHMEM_CMP_EQ, b);                    \
        sum += shmem_test_some(a, 1, hits, NULL, SHMEM_CMP_EQ, b);             \
        sum += (size_t)shmem_test_all_vector(a, 1, NULL, SHMEM_CMP_EQ, c);     \
        sum += shmem_test_any_vector(a, 1, NULL, SHMEM_CMP_EQ, c);             \
        sum += shmem_test_some_vector(a, 1, hits, NULL, SHMEM_CMP_EQ, c);      \
        return sum;                                                            \
    }
#define TEAM(A, T, N)                                                          \
    static int team_##N(shmem_team_t team, T *a, const T *b)                   \
    {                                                                          \
        return shmem_alltoall(team, a, b, 1) +                                 \
               shmem_alltoalls(team, a, b, 1, 1, 1) +                          \
               shmem_broadcast(team, a, b, 1, 0) +                             \
               shmem_collect(team, a, b, 1) + shmem_fcollect(team, a, b, 1) +  \
               shmem_max_reduce(team, a, b, 1) +                               \
               shmem_min_reduce(team, a, b, 1);                                \
    }
#define TEAM_BIT(A, T, N)                                                      \
    static int team_bit_##N(shmem_team_t team, T *a, const T *b)               \
    {                                                                          \
        return shmem_and_reduce(team, a, b, 1) +                               \
               shmem_or_reduce(team, a, b, 1) +                                \
               shmem_xor_reduce(team, a, b, 1);                                \
    }
#define TEAM_SUM(A, T, N)                                                      \
    static int team_sum_##N(shmem_team_t team, T *a, const T *b)               \
    {                                                                          \
        return shmem_sum_reduce(team, a, b, 1) +                               \
               shmem_prod_reduce(team, a, b, 1) +                              \
               shmem_sum_inscan(team, a, b, 1) +                               \
               shmem_sum_exscan(team, a, b, 1);                                \
    }

RMA_TYPES(RMA)
MOVE_TYPES(MOVE)
AMO_TYPES(MATH)
BIT_TYPES(BIT)
OLD_MOVE_TYPES(OLD_MOVE)
LONG_TYPES(OLD)
AMO_TYPES(WAIT_ONE)
SHORT_TYPES(WAIT_ONE)
AMO_TYPES(WAIT)
RMA_TYPES(TEAM)
REDUCE_BIT_TYPES(TEAM_BIT)
SUM_TYPES(TEAM_SUM)

#define USE_RMA(A, T, N) (void)rma_##N, (void)team_##N;
#define USE_MOVE(A, T, N) (void)move_##N;
#define USE_MATH(A, T, N) (void)math_##N, (void)wait_##N, (void)wait_one_##N;
#define USE_BIT(A, T, N) (void)bit_##N;
#define USE_OLD_MOVE(A, T, N) (void)old_move_##N;
#define USE_OLD(A, T, N) (void)old_##N;
#define USE_WAIT_ONE(A, T, N) (void)wait_one_##N;
#define USE_TEAM_BIT(A, T, N) (void)team_bit_##N;
#define USE_TEAM_SUM(A, T, N) (void)team_sum_##N;

int main(void)
{
    uint64_t *signal = NULL;
    long sync[SHMEM_SYNC_SIZE] = {SHMEM_SYNC_VALUE};
    RMA_TYPES(USE_RMA)
    MOVE_TYPES(USE_MOVE)
    AMO_TYPES(USE_MATH)
    BIT_TYPES(USE_BIT)
    OLD_MOVE_TYPES(USE_OLD_MOVE)
    LONG_TYPES(USE_OLD)
    SHORT_TYPES(USE_WAIT_ONE)
    REDUCE_BIT_TYPES(USE_TEAM_BIT)
    SUM_TYPES(USE_TEAM_SUM)
    shmem_signal_add(signal, 1, 0);
    shmem_signal_add(SHMEM_CTX_DEFAULT, signal, 1, 0);
    shmem_signal_set(signal, 1, 0);
    shmem_signal_set(SHMEM_CTX_DEFAULT, signal, 1, 0);
    shmem_sync(0, 0, 1, sync);
    return shmem_sync(SHMEM_TEAM_WORLD);
}
