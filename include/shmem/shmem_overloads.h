/*
 * The generic names in C++: shmem_put() and others, overloaded for the types
 * that they have in C11. Those of RMA and AMO accept a context in front.
 * Reductions of complex numbers take std::complex too.
 *
 * A macro below defines the overloads of a type: C is the parameter for the
 * context, or empty; c is the argument for it; F begins the name of the
 * function for the type.
 *
 * Source: OpenSHMEM 1.6, C11 bindings.
 */
#ifndef MEMHEAP_SHMEM_SHMEM_OVERLOADS_H
#define MEMHEAP_SHMEM_SHMEM_OVERLOADS_H

#ifdef __cplusplus
#include "shmem.h"

extern "C++" {
#include <complex>

#define SHMEM_COMMA_ ,
/* Apply X(T, F, C, c) without a context and with one. */
#define SHMEM_BOTH_(X, T, N)                                                   \
    X(T, shmem_##N##_, , )                                                     \
    X(T, shmem_ctx_##N##_, shmem_ctx_t ctx SHMEM_COMMA_, ctx SHMEM_COMMA_)

#define SHMEM_RMA_WITH_(T, F, C, c)                                            \
    inline void shmem_put(C T *dest, const T *source, size_t nelems, int pe)   \
    {                                                                          \
        F##put(c dest, source, nelems, pe);                                    \
    }                                                                          \
    inline void shmem_get(C T *dest, const T *source, size_t nelems, int pe)   \
    {                                                                          \
        F##get(c dest, source, nelems, pe);                                    \
    }                                                                          \
    inline void shmem_put_nbi(C T *dest, const T *source, size_t nelems,       \
                              int pe)                                          \
    {                                                                          \
        F##put_nbi(c dest, source, nelems, pe);                                \
    }                                                                          \
    inline void shmem_get_nbi(C T *dest, const T *source, size_t nelems,       \
                              int pe)                                          \
    {                                                                          \
        F##get_nbi(c dest, source, nelems, pe);                                \
    }                                                                          \
    inline void shmem_p(C T *dest, T value, int pe)                            \
    {                                                                          \
        F##p(c dest, value, pe);                                               \
    }                                                                          \
    inline T shmem_g(C const T *source, int pe)                                \
    {                                                                          \
        return F##g(c source, pe);                                             \
    }                                                                          \
    inline void shmem_iput(C T *dest, const T *source, ptrdiff_t dst,          \
                           ptrdiff_t sst, size_t nelems, int pe)               \
    {                                                                          \
        F##iput(c dest, source, dst, sst, nelems, pe);                         \
    }                                                                          \
    inline void shmem_iget(C T *dest, const T *source, ptrdiff_t dst,          \
                           ptrdiff_t sst, size_t nelems, int pe)               \
    {                                                                          \
        F##iget(c dest, source, dst, sst, nelems, pe);                         \
    }                                                                          \
    inline void shmem_ibput(C T *dest, const T *source, ptrdiff_t dst,         \
                            ptrdiff_t sst, size_t bsize, size_t nblocks,       \
                            int pe)                                            \
    {                                                                          \
        F##ibput(c dest, source, dst, sst, bsize, nblocks, pe);                \
    }                                                                          \
    inline void shmem_ibget(C T *dest, const T *source, ptrdiff_t dst,         \
                            ptrdiff_t sst, size_t bsize, size_t nblocks,       \
                            int pe)                                            \
    {                                                                          \
        F##ibget(c dest, source, dst, sst, bsize, nblocks, pe);                \
    }                                                                          \
    inline void shmem_put_signal(C T *dest, const T *source, size_t nelems,    \
                                 uint64_t *sig_addr, uint64_t signal,          \
                                 int sig_op, int pe)                           \
    {                                                                          \
        F##put_signal(c dest, source, nelems, sig_addr, signal, sig_op, pe);   \
    }                                                                          \
    inline void shmem_put_signal_nbi(C T *dest, const T *source,               \
                                     size_t nelems, uint64_t *sig_addr,        \
                                     uint64_t signal, int sig_op, int pe)      \
    {                                                                          \
        F##put_signal_nbi(c dest, source, nelems, sig_addr, signal, sig_op,    \
                          pe);                                                 \
    }

#define SHMEM_MOVE_WITH_(T, F, C, c)                                           \
    inline T shmem_atomic_fetch(C const T *source, int pe)                     \
    {                                                                          \
        return F##atomic_fetch(c source, pe);                                  \
    }                                                                          \
    inline void shmem_atomic_set(C T *dest, T value, int pe)                   \
    {                                                                          \
        F##atomic_set(c dest, value, pe);                                      \
    }                                                                          \
    inline T shmem_atomic_swap(C T *dest, T value, int pe)                     \
    {                                                                          \
        return F##atomic_swap(c dest, value, pe);                              \
    }                                                                          \
    inline void shmem_atomic_fetch_nbi(C T *fetch, const T *source, int pe)    \
    {                                                                          \
        F##atomic_fetch_nbi(c fetch, source, pe);                              \
    }                                                                          \
    inline void shmem_atomic_swap_nbi(C T *fetch, T *dest, T value, int pe)    \
    {                                                                          \
        F##atomic_swap_nbi(c fetch, dest, value, pe);                          \
    }

#define SHMEM_MATH_WITH_(T, F, C, c)                                           \
    inline T shmem_atomic_compare_swap(C T *dest, T cond, T value, int pe)     \
    {                                                                          \
        return F##atomic_compare_swap(c dest, cond, value, pe);                \
    }                                                                          \
    inline T shmem_atomic_fetch_inc(C T *dest, int pe)                         \
    {                                                                          \
        return F##atomic_fetch_inc(c dest, pe);                                \
    }                                                                          \
    inline void shmem_atomic_inc(C T *dest, int pe)                            \
    {                                                                          \
        F##atomic_inc(c dest, pe);                                             \
    }                                                                          \
    inline T shmem_atomic_fetch_add(C T *dest, T value, int pe)                \
    {                                                                          \
        return F##atomic_fetch_add(c dest, value, pe);                         \
    }                                                                          \
    inline void shmem_atomic_add(C T *dest, T value, int pe)                   \
    {                                                                          \
        F##atomic_add(c dest, value, pe);                                      \
    }                                                                          \
    inline void shmem_atomic_compare_swap_nbi(C T *fetch, T *dest, T cond,     \
                                              T value, int pe)                 \
    {                                                                          \
        F##atomic_compare_swap_nbi(c fetch, dest, cond, value, pe);            \
    }                                                                          \
    inline void shmem_atomic_fetch_inc_nbi(C T *fetch, T *dest, int pe)        \
    {                                                                          \
        F##atomic_fetch_inc_nbi(c fetch, dest, pe);                            \
    }                                                                          \
    inline void shmem_atomic_fetch_add_nbi(C T *fetch, T *dest, T value,       \
                                           int pe)                             \
    {                                                                          \
        F##atomic_fetch_add_nbi(c fetch, dest, value, pe);                     \
    }

#define SHMEM_BIT_WITH_(T, F, C, c)                                            \
    inline T shmem_atomic_fetch_and(C T *dest, T value, int pe)                \
    {                                                                          \
        return F##atomic_fetch_and(c dest, value, pe);                         \
    }                                                                          \
    inline void shmem_atomic_and(C T *dest, T value, int pe)                   \
    {                                                                          \
        F##atomic_and(c dest, value, pe);                                      \
    }                                                                          \
    inline void shmem_atomic_fetch_and_nbi(C T *fetch, T *dest, T value,       \
                                           int pe)                             \
    {                                                                          \
        F##atomic_fetch_and_nbi(c fetch, dest, value, pe);                     \
    }                                                                          \
    inline T shmem_atomic_fetch_or(C T *dest, T value, int pe)                 \
    {                                                                          \
        return F##atomic_fetch_or(c dest, value, pe);                          \
    }                                                                          \
    inline void shmem_atomic_or(C T *dest, T value, int pe)                    \
    {                                                                          \
        F##atomic_or(c dest, value, pe);                                       \
    }                                                                          \
    inline void shmem_atomic_fetch_or_nbi(C T *fetch, T *dest, T value,        \
                                          int pe)                              \
    {                                                                          \
        F##atomic_fetch_or_nbi(c fetch, dest, value, pe);                      \
    }                                                                          \
    inline T shmem_atomic_fetch_xor(C T *dest, T value, int pe)                \
    {                                                                          \
        return F##atomic_fetch_xor(c dest, value, pe);                         \
    }                                                                          \
    inline void shmem_atomic_xor(C T *dest, T value, int pe)                   \
    {                                                                          \
        F##atomic_xor(c dest, value, pe);                                      \
    }                                                                          \
    inline void shmem_atomic_fetch_xor_nbi(C T *fetch, T *dest, T value,       \
                                           int pe)                             \
    {                                                                          \
        F##atomic_fetch_xor_nbi(c fetch, dest, value, pe);                     \
    }

#define SHMEM_RMA_OVERLOADS_(A, T, N) SHMEM_BOTH_(SHMEM_RMA_WITH_, T, N)

#define SHMEM_MOVE_OVERLOADS_(A, T, N) SHMEM_BOTH_(SHMEM_MOVE_WITH_, T, N)

#define SHMEM_MATH_OVERLOADS_(A, T, N) SHMEM_BOTH_(SHMEM_MATH_WITH_, T, N)

#define SHMEM_BIT_OVERLOADS_(A, T, N) SHMEM_BOTH_(SHMEM_BIT_WITH_, T, N)

SHMEM_BASIC_TYPES_(SHMEM_RMA_OVERLOADS_, 0)
SHMEM_AMO_EXTENDED_BASIC_TYPES_(SHMEM_MOVE_OVERLOADS_, 0)
SHMEM_AMO_BASIC_TYPES_(SHMEM_MATH_OVERLOADS_, 0)
SHMEM_AMO_BIT_BASIC_TYPES_(SHMEM_BIT_OVERLOADS_, 0)

#define SHMEM_OLD_MOVE_OVERLOADS_(A, T, N)                                     \
    inline T shmem_fetch(const T *source, int pe)                              \
    {                                                                          \
        return shmem_##N##_fetch(source, pe);                                  \
    }                                                                          \
    inline void shmem_set(T *dest, T value, int pe)                            \
    {                                                                          \
        shmem_##N##_set(dest, value, pe);                                      \
    }                                                                          \
    inline T shmem_swap(T *dest, T value, int pe)                              \
    {                                                                          \
        return shmem_##N##_swap(dest, value, pe);                              \
    }

#define SHMEM_OLD_OVERLOADS_(A, T, N)                                          \
    inline T shmem_cswap(T *dest, T cond, T value, int pe)                     \
    {                                                                          \
        return shmem_##N##_cswap(dest, cond, value, pe);                       \
    }                                                                          \
    inline T shmem_finc(T *dest, int pe)                                       \
    {                                                                          \
        return shmem_##N##_finc(dest, pe);                                     \
    }                                                                          \
    inline void shmem_inc(T *dest, int pe)                                     \
    {                                                                          \
        shmem_##N##_inc(dest, pe);                                             \
    }                                                                          \
    inline T shmem_fadd(T *dest, T value, int pe)                              \
    {                                                                          \
        return shmem_##N##_fadd(dest, value, pe);                              \
    }                                                                          \
    inline void shmem_add(T *dest, T value, int pe)                            \
    {                                                                          \
        shmem_##N##_add(dest, value, pe);                                      \
    }

#define SHMEM_WAIT_UNTIL_OVERLOAD_(A, T, N)                                    \
    inline void shmem_wait_until(T *ivar, int cmp, T cmp_value)                \
    {                                                                          \
        shmem_##N##_wait_until(ivar, cmp, cmp_value);                          \
    }

#define SHMEM_TEST_OVERLOAD_(A, T, N)                                          \
    inline int shmem_test(T *ivar, int cmp, T cmp_value)                       \
    {                                                                          \
        return shmem_##N##_test(ivar, cmp, cmp_value);                         \
    }

#define SHMEM_WAIT_OVERLOADS_(A, T, N)                                         \
    inline void shmem_wait_until_all(T *ivars, size_t nelems,                  \
                                     const int *status, int cmp, T cmp_value)  \
    {                                                                          \
        shmem_##N##_wait_until_all(ivars, nelems, status, cmp, cmp_value);     \
    }                                                                          \
    inline size_t shmem_wait_until_any(                                        \
        T *ivars, size_t nelems, const int *status, int cmp, T cmp_value)      \
    {                                                                          \
        return shmem_##N##_wait_until_any(ivars, nelems, status, cmp,          \
                                          cmp_value);                          \
    }                                                                          \
    inline size_t shmem_wait_until_some(T *ivars, size_t nelems,               \
                                        size_t *indices, const int *status,    \
                                        int cmp, T cmp_value)                  \
    {                                                                          \
        return shmem_##N##_wait_until_some(ivars, nelems, indices, status,     \
                                           cmp, cmp_value);                    \
    }                                                                          \
    inline void shmem_wait_until_all_vector(T *ivars, size_t nelems,           \
                                            const int *status, int cmp,        \
                                            const T *cmp_values)               \
    {                                                                          \
        shmem_##N##_wait_until_all_vector(ivars, nelems, status, cmp,          \
                                          cmp_values);                         \
    }                                                                          \
    inline size_t shmem_wait_until_any_vector(T *ivars, size_t nelems,         \
                                              const int *status, int cmp,      \
                                              const T *cmp_values)             \
    {                                                                          \
        return shmem_##N##_wait_until_any_vector(ivars, nelems, status, cmp,   \
                                                 cmp_values);                  \
    }                                                                          \
    inline size_t shmem_wait_until_some_vector(                                \
        T *ivars, size_t nelems, size_t *indices, const int *status, int cmp,  \
        const T *cmp_values)                                                   \
    {                                                                          \
        return shmem_##N##_wait_until_some_vector(ivars, nelems, indices,      \
                                                  status, cmp, cmp_values);    \
    }                                                                          \
    inline int shmem_test_all(T *ivars, size_t nelems, const int *status,      \
                              int cmp, T cmp_value)                            \
    {                                                                          \
        return shmem_##N##_test_all(ivars, nelems, status, cmp, cmp_value);    \
    }                                                                          \
    inline size_t shmem_test_any(T *ivars, size_t nelems, const int *status,   \
                                 int cmp, T cmp_value)                         \
    {                                                                          \
        return shmem_##N##_test_any(ivars, nelems, status, cmp, cmp_value);    \
    }                                                                          \
    inline size_t shmem_test_some(T *ivars, size_t nelems, size_t *indices,    \
                                  const int *status, int cmp, T cmp_value)     \
    {                                                                          \
        return shmem_##N##_test_some(ivars, nelems, indices, status, cmp,      \
                                     cmp_value);                               \
    }                                                                          \
    inline int shmem_test_all_vector(T *ivars, size_t nelems,                  \
                                     const int *status, int cmp,               \
                                     const T *cmp_values)                      \
    {                                                                          \
        return shmem_##N##_test_all_vector(ivars, nelems, status, cmp,         \
                                           cmp_values);                        \
    }                                                                          \
    inline size_t shmem_test_any_vector(T *ivars, size_t nelems,               \
                                        const int *status, int cmp,            \
                                        const T *cmp_values)                   \
    {                                                                          \
        return shmem_##N##_test_any_vector(ivars, nelems, status, cmp,         \
                                           cmp_values);                        \
    }                                                                          \
    inline size_t shmem_test_some_vector(T *ivars, size_t nelems,              \
                                         size_t *indices, const int *status,   \
                                         int cmp, const T *cmp_values)         \
    {                                                                          \
        return shmem_##N##_test_some_vector(ivars, nelems, indices, status,    \
                                            cmp, cmp_values);                  \
    }

SHMEM_AMO_OLD_MOVE_TYPES_(SHMEM_OLD_MOVE_OVERLOADS_, 0)
SHMEM_AMO_OLD_TYPES_(SHMEM_OLD_OVERLOADS_, 0)
/* For long, shmem_wait_until() is a function of C. */
SHMEM_WAIT_OLD_TYPES_(SHMEM_WAIT_UNTIL_OVERLOAD_, 0)
SHMEM_WAIT_UNTIL_OVERLOAD_(0, int, int)
SHMEM_WAIT_UNTIL_OVERLOAD_(0, long long, longlong)
SHMEM_UNSIGNED_LONGS_(SHMEM_WAIT_UNTIL_OVERLOAD_, 0)
SHMEM_WAIT_BASIC_TYPES_(SHMEM_TEST_OVERLOAD_, 0)
SHMEM_AMO_BASIC_TYPES_(SHMEM_WAIT_OVERLOADS_, 0)

#define SHMEM_TEAM_OVERLOADS_(A, T, N)                                         \
    inline int shmem_alltoall(shmem_team_t team, T *dest, const T *source,     \
                              size_t nelems)                                   \
    {                                                                          \
        return shmem_##N##_alltoall(team, dest, source, nelems);               \
    }                                                                          \
    inline int shmem_collect(shmem_team_t team, T *dest, const T *source,      \
                             size_t nelems)                                    \
    {                                                                          \
        return shmem_##N##_collect(team, dest, source, nelems);                \
    }                                                                          \
    inline int shmem_fcollect(shmem_team_t team, T *dest, const T *source,     \
                              size_t nelems)                                   \
    {                                                                          \
        return shmem_##N##_fcollect(team, dest, source, nelems);               \
    }                                                                          \
    inline int shmem_max_reduce(shmem_team_t team, T *dest, const T *source,   \
                                size_t nelems)                                 \
    {                                                                          \
        return shmem_##N##_max_reduce(team, dest, source, nelems);             \
    }                                                                          \
    inline int shmem_min_reduce(shmem_team_t team, T *dest, const T *source,   \
                                size_t nelems)                                 \
    {                                                                          \
        return shmem_##N##_min_reduce(team, dest, source, nelems);             \
    }                                                                          \
    inline int shmem_alltoalls(shmem_team_t team, T *dest, const T *source,    \
                               ptrdiff_t dst, ptrdiff_t sst, size_t nelems)    \
    {                                                                          \
        return shmem_##N##_alltoalls(team, dest, source, dst, sst, nelems);    \
    }                                                                          \
    inline int shmem_broadcast(shmem_team_t team, T *dest, const T *source,    \
                               size_t nelems, int PE_root)                     \
    {                                                                          \
        return shmem_##N##_broadcast(team, dest, source, nelems, PE_root);     \
    }

#define SHMEM_TEAM_BIT_OVERLOADS_(A, T, N)                                     \
    inline int shmem_and_reduce(shmem_team_t team, T *dest, const T *source,   \
                                size_t nelems)                                 \
    {                                                                          \
        return shmem_##N##_and_reduce(team, dest, source, nelems);             \
    }                                                                          \
    inline int shmem_or_reduce(shmem_team_t team, T *dest, const T *source,    \
                               size_t nelems)                                  \
    {                                                                          \
        return shmem_##N##_or_reduce(team, dest, source, nelems);              \
    }                                                                          \
    inline int shmem_xor_reduce(shmem_team_t team, T *dest, const T *source,   \
                                size_t nelems)                                 \
    {                                                                          \
        return shmem_##N##_xor_reduce(team, dest, source, nelems);             \
    }

#define SHMEM_TEAM_SUM_OVERLOADS_(A, T, N)                                     \
    inline int shmem_sum_reduce(shmem_team_t team, T *dest, const T *source,   \
                                size_t nelems)                                 \
    {                                                                          \
        return shmem_##N##_sum_reduce(team, dest, source, nelems);             \
    }                                                                          \
    inline int shmem_prod_reduce(shmem_team_t team, T *dest, const T *source,  \
                                 size_t nelems)                                \
    {                                                                          \
        return shmem_##N##_prod_reduce(team, dest, source, nelems);            \
    }                                                                          \
    inline int shmem_sum_inscan(shmem_team_t team, T *dest, const T *source,   \
                                size_t nelems)                                 \
    {                                                                          \
        return shmem_##N##_sum_inscan(team, dest, source, nelems);             \
    }                                                                          \
    inline int shmem_sum_exscan(shmem_team_t team, T *dest, const T *source,   \
                                size_t nelems)                                 \
    {                                                                          \
        return shmem_##N##_sum_exscan(team, dest, source, nelems);             \
    }

/* std::complex<T> has the layout of T _Complex. */
#define SHMEM_STD_COMPLEX_OVERLOAD_(T, N, O)                                   \
    inline int shmem_##N##_##O(shmem_team_t team, std::complex<T> *dest,       \
                               const std::complex<T> *source, size_t nelems)   \
    {                                                                          \
        return shmem_##N##_##O(                                                \
            team, reinterpret_cast<SHMEM_COMPLEX_(T) *>(dest),                 \
            reinterpret_cast<const SHMEM_COMPLEX_(T) *>(source), nelems);      \
    }
#define SHMEM_STD_COMPLEX_TO_ALL_(T, N, O)                                     \
    inline void shmem_##N##_##O##_to_all(                                      \
        std::complex<T> *dest, const std::complex<T> *source, int nreduce,     \
        int PE_start, int logPE_stride, int PE_size, std::complex<T> *pWrk,    \
        long *pSync)                                                           \
    {                                                                          \
        shmem_##N##_##O##_to_all(                                              \
            reinterpret_cast<SHMEM_COMPLEX_(T) *>(dest),                       \
            reinterpret_cast<const SHMEM_COMPLEX_(T) *>(source), nreduce,      \
            PE_start, logPE_stride, PE_size,                                   \
            reinterpret_cast<SHMEM_COMPLEX_(T) *>(pWrk), pSync);               \
    }
#define SHMEM_STD_COMPLEX_OVERLOADS_(T, N)                                     \
    SHMEM_STD_COMPLEX_OVERLOAD_(T, N, sum_reduce)                              \
    SHMEM_STD_COMPLEX_OVERLOAD_(T, N, prod_reduce)                             \
    SHMEM_STD_COMPLEX_OVERLOAD_(T, N, sum_inscan)                              \
    SHMEM_STD_COMPLEX_OVERLOAD_(T, N, sum_exscan)                              \
    SHMEM_STD_COMPLEX_TO_ALL_(T, N, sum)                                       \
    SHMEM_STD_COMPLEX_TO_ALL_(T, N, prod)                                      \
    SHMEM_TEAM_SUM_OVERLOADS_(0, std::complex<T>, N)
SHMEM_STD_COMPLEX_OVERLOADS_(double, complexd)
SHMEM_STD_COMPLEX_OVERLOADS_(float, complexf)
SHMEM_BASIC_TYPES_(SHMEM_TEAM_OVERLOADS_, 0)
SHMEM_REDUCE_BIT_GENERIC_TYPES_(SHMEM_TEAM_BIT_OVERLOADS_, 0)
SHMEM_REDUCE_SUM_BASIC_TYPES_(SHMEM_TEAM_SUM_OVERLOADS_, 0)

inline void shmem_signal_add(shmem_ctx_t ctx, uint64_t *sig_addr,
                             uint64_t signal, int pe)
{
    shmem_ctx_signal_add(ctx, sig_addr, signal, pe);
}

inline void shmem_signal_set(shmem_ctx_t ctx, uint64_t *sig_addr,
                             uint64_t signal, int pe)
{
    shmem_ctx_signal_set(ctx, sig_addr, signal, pe);
}

inline int shmem_sync(shmem_team_t team)
{
    return shmem_team_sync(team);
}
}
#endif

#endif
