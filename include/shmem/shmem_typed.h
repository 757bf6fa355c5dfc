/*
 * The typed routines of OpenSHMEM, each family once.
 *
 * A family is a macro that declares the routines of one type, under the names
 * that begin with P; SHMEM_TYPED_ROUTINES_ goes over all families with the
 * tables of shmem_types.h. What a family does is said at its macro.
 *
 * In all of them: nelems counts elements, strides too; pe is a number in the
 * world team, or in the team of ctx where there is one; remote objects are
 * symmetric. An address that is not symmetric, or runs past the heap, and a PE
 * that does not exist, end the job with a message that names them. Local,
 * unless they are said to be collective.
 *
 * Source: OpenSHMEM 1.6, chapters 9.6 to 9.11.
 */
#ifndef MEMHEAP_SHMEM_SHMEM_TYPED_H
#define MEMHEAP_SHMEM_SHMEM_TYPED_H

#include "shmem_types.h"

/*
 * Put and get. The blocking forms return when the local array may be used
 * again; the _nbi forms need shmem_quiet() for that. p and g move one element.
 * iput and iget take every dst-th and sst-th element, ibput and ibget blocks of
 * bsize elements whose starts are so far apart. put_signal updates the word at
 * sig_addr on the PE after the data are there: SHMEM_SIGNAL_SET, _ADD.
 */
#define SHMEM_RMA_ROUTINES_(P, T, N)                                           \
    void P##N##_put(T *dest, const T *source, size_t nelems, int pe);          \
    void P##ctx_##N##_put(shmem_ctx_t ctx, T *dest, const T *source,           \
                          size_t nelems, int pe);                              \
    void P##N##_get(T *dest, const T *source, size_t nelems, int pe);          \
    void P##ctx_##N##_get(shmem_ctx_t ctx, T *dest, const T *source,           \
                          size_t nelems, int pe);                              \
    void P##N##_put_nbi(T *dest, const T *source, size_t nelems, int pe);      \
    void P##ctx_##N##_put_nbi(shmem_ctx_t ctx, T *dest, const T *source,       \
                              size_t nelems, int pe);                          \
    void P##N##_get_nbi(T *dest, const T *source, size_t nelems, int pe);      \
    void P##ctx_##N##_get_nbi(shmem_ctx_t ctx, T *dest, const T *source,       \
                              size_t nelems, int pe);                          \
    void P##N##_p(T *dest, T value, int pe);                                   \
    void P##ctx_##N##_p(shmem_ctx_t ctx, T *dest, T value, int pe);            \
    T P##N##_g(const T *source, int pe);                                       \
    T P##ctx_##N##_g(shmem_ctx_t ctx, const T *source, int pe);                \
    void P##N##_iput(T *dest, const T *source, ptrdiff_t dst, ptrdiff_t sst,   \
                     size_t nelems, int pe);                                   \
    void P##ctx_##N##_iput(shmem_ctx_t ctx, T *dest, const T *source,          \
                           ptrdiff_t dst, ptrdiff_t sst, size_t nelems,        \
                           int pe);                                            \
    void P##N##_iget(T *dest, const T *source, ptrdiff_t dst, ptrdiff_t sst,   \
                     size_t nelems, int pe);                                   \
    void P##ctx_##N##_iget(shmem_ctx_t ctx, T *dest, const T *source,          \
                           ptrdiff_t dst, ptrdiff_t sst, size_t nelems,        \
                           int pe);                                            \
    void P##N##_ibput(T *dest, const T *source, ptrdiff_t dst, ptrdiff_t sst,  \
                      size_t bsize, size_t nblocks, int pe);                   \
    void P##ctx_##N##_ibput(shmem_ctx_t ctx, T *dest, const T *source,         \
                            ptrdiff_t dst, ptrdiff_t sst, size_t bsize,        \
                            size_t nblocks, int pe);                           \
    void P##N##_ibget(T *dest, const T *source, ptrdiff_t dst, ptrdiff_t sst,  \
                      size_t bsize, size_t nblocks, int pe);                   \
    void P##ctx_##N##_ibget(shmem_ctx_t ctx, T *dest, const T *source,         \
                            ptrdiff_t dst, ptrdiff_t sst, size_t bsize,        \
                            size_t nblocks, int pe);                           \
    void P##N##_put_signal(T *dest, const T *source, size_t nelems,            \
                           uint64_t *sig_addr, uint64_t signal, int sig_op,    \
                           int pe);                                            \
    void P##ctx_##N##_put_signal(shmem_ctx_t ctx, T *dest, const T *source,    \
                                 size_t nelems, uint64_t *sig_addr,            \
                                 uint64_t signal, int sig_op, int pe);         \
    void P##N##_put_signal_nbi(T *dest, const T *source, size_t nelems,        \
                               uint64_t *sig_addr, uint64_t signal,            \
                               int sig_op, int pe);                            \
    void P##ctx_##N##_put_signal_nbi(                                          \
        shmem_ctx_t ctx, T *dest, const T *source, size_t nelems,              \
        uint64_t *sig_addr, uint64_t signal, int sig_op, int pe);

/* The same for elements of N bits. */
#define SHMEM_SIZED_ROUTINES_(P, T, N)                                         \
    void P##put##N(T *dest, const T *source, size_t nelems, int pe);           \
    void P##ctx_put##N(shmem_ctx_t ctx, T *dest, const T *source,              \
                       size_t nelems, int pe);                                 \
    void P##get##N(T *dest, const T *source, size_t nelems, int pe);           \
    void P##ctx_get##N(shmem_ctx_t ctx, T *dest, const T *source,              \
                       size_t nelems, int pe);                                 \
    void P##put##N##_nbi(T *dest, const T *source, size_t nelems, int pe);     \
    void P##ctx_put##N##_nbi(shmem_ctx_t ctx, T *dest, const T *source,        \
                             size_t nelems, int pe);                           \
    void P##get##N##_nbi(T *dest, const T *source, size_t nelems, int pe);     \
    void P##ctx_get##N##_nbi(shmem_ctx_t ctx, T *dest, const T *source,        \
                             size_t nelems, int pe);                           \
    void P##iput##N(T *dest, const T *source, ptrdiff_t dst, ptrdiff_t sst,    \
                    size_t nelems, int pe);                                    \
    void P##ctx_iput##N(shmem_ctx_t ctx, T *dest, const T *source,             \
                        ptrdiff_t dst, ptrdiff_t sst, size_t nelems, int pe);  \
    void P##iget##N(T *dest, const T *source, ptrdiff_t dst, ptrdiff_t sst,    \
                    size_t nelems, int pe);                                    \
    void P##ctx_iget##N(shmem_ctx_t ctx, T *dest, const T *source,             \
                        ptrdiff_t dst, ptrdiff_t sst, size_t nelems, int pe);  \
    void P##ibput##N(T *dest, const T *source, ptrdiff_t dst, ptrdiff_t sst,   \
                     size_t bsize, size_t nblocks, int pe);                    \
    void P##ctx_ibput##N(shmem_ctx_t ctx, T *dest, const T *source,            \
                         ptrdiff_t dst, ptrdiff_t sst, size_t bsize,           \
                         size_t nblocks, int pe);                              \
    void P##ibget##N(T *dest, const T *source, ptrdiff_t dst, ptrdiff_t sst,   \
                     size_t bsize, size_t nblocks, int pe);                    \
    void P##ctx_ibget##N(shmem_ctx_t ctx, T *dest, const T *source,            \
                         ptrdiff_t dst, ptrdiff_t sst, size_t bsize,           \
                         size_t nblocks, int pe);                              \
    void P##put##N##_signal(T *dest, const T *source, size_t nelems,           \
                            uint64_t *sig_addr, uint64_t signal, int sig_op,   \
                            int pe);                                           \
    void P##ctx_put##N##_signal(shmem_ctx_t ctx, T *dest, const T *source,     \
                                size_t nelems, uint64_t *sig_addr,             \
                                uint64_t signal, int sig_op, int pe);          \
    void P##put##N##_signal_nbi(T *dest, const T *source, size_t nelems,       \
                                uint64_t *sig_addr, uint64_t signal,           \
                                int sig_op, int pe);                           \
    void P##ctx_put##N##_signal_nbi(shmem_ctx_t ctx, T *dest, const T *source, \
                                    size_t nelems, uint64_t *sig_addr,         \
                                    uint64_t signal, int sig_op, int pe);

/* Atomic operations on one element of a PE. Those that fetch return what it
 * held before; their _nbi forms put that into *fetch, by shmem_quiet(). */
#define SHMEM_AMO_MOVE_ROUTINES_(P, T, N)                                      \
    T P##N##_atomic_fetch(const T *source, int pe);                            \
    T P##ctx_##N##_atomic_fetch(shmem_ctx_t ctx, const T *source, int pe);     \
    void P##N##_atomic_set(T *dest, T value, int pe);                          \
    void P##ctx_##N##_atomic_set(shmem_ctx_t ctx, T *dest, T value, int pe);   \
    T P##N##_atomic_swap(T *dest, T value, int pe);                            \
    T P##ctx_##N##_atomic_swap(shmem_ctx_t ctx, T *dest, T value, int pe);     \
    void P##N##_atomic_fetch_nbi(T *fetch, const T *source, int pe);           \
    void P##ctx_##N##_atomic_fetch_nbi(shmem_ctx_t ctx, T *fetch,              \
                                       const T *source, int pe);               \
    void P##N##_atomic_swap_nbi(T *fetch, T *dest, T value, int pe);           \
    void P##ctx_##N##_atomic_swap_nbi(shmem_ctx_t ctx, T *fetch, T *dest,      \
                                      T value, int pe);

#define SHMEM_AMO_ROUTINES_(P, T, N)                                           \
    T P##N##_atomic_compare_swap(T *dest, T cond, T value, int pe);            \
    T P##ctx_##N##_atomic_compare_swap(shmem_ctx_t ctx, T *dest, T cond,       \
                                       T value, int pe);                       \
    T P##N##_atomic_fetch_inc(T *dest, int pe);                                \
    T P##ctx_##N##_atomic_fetch_inc(shmem_ctx_t ctx, T *dest, int pe);         \
    void P##N##_atomic_inc(T *dest, int pe);                                   \
    void P##ctx_##N##_atomic_inc(shmem_ctx_t ctx, T *dest, int pe);            \
    T P##N##_atomic_fetch_add(T *dest, T value, int pe);                       \
    T P##ctx_##N##_atomic_fetch_add(shmem_ctx_t ctx, T *dest, T value,         \
                                    int pe);                                   \
    void P##N##_atomic_add(T *dest, T value, int pe);                          \
    void P##ctx_##N##_atomic_add(shmem_ctx_t ctx, T *dest, T value, int pe);   \
    void P##N##_atomic_compare_swap_nbi(T *fetch, T *dest, T cond, T value,    \
                                        int pe);                               \
    void P##ctx_##N##_atomic_compare_swap_nbi(                                 \
        shmem_ctx_t ctx, T *fetch, T *dest, T cond, T value, int pe);          \
    void P##N##_atomic_fetch_inc_nbi(T *fetch, T *dest, int pe);               \
    void P##ctx_##N##_atomic_fetch_inc_nbi(shmem_ctx_t ctx, T *fetch, T *dest, \
                                           int pe);                            \
    void P##N##_atomic_fetch_add_nbi(T *fetch, T *dest, T value, int pe);      \
    void P##ctx_##N##_atomic_fetch_add_nbi(shmem_ctx_t ctx, T *fetch, T *dest, \
                                           T value, int pe);

/* One bitwise operation: O is and, or, xor. */
#define SHMEM_AMO_BIT_OPERATION_(P, T, N, O)                                   \
    T P##N##_atomic_fetch_##O(T *dest, T value, int pe);                       \
    T P##ctx_##N##_atomic_fetch_##O(shmem_ctx_t ctx, T *dest, T value,         \
                                    int pe);                                   \
    void P##N##_atomic_##O(T *dest, T value, int pe);                          \
    void P##ctx_##N##_atomic_##O(shmem_ctx_t ctx, T *dest, T value, int pe);   \
    void P##N##_atomic_fetch_##O##_nbi(T *fetch, T *dest, T value, int pe);    \
    void P##ctx_##N##_atomic_fetch_##O##_nbi(shmem_ctx_t ctx, T *fetch,        \
                                             T *dest, T value, int pe);
#define SHMEM_AMO_BIT_ROUTINES_(P, T, N)                                       \
    SHMEM_AMO_BIT_OPERATION_(P, T, N, and)                                     \
    SHMEM_AMO_BIT_OPERATION_(P, T, N, or)                                      \
    SHMEM_AMO_BIT_OPERATION_(P, T, N, xor)

/* Names of old: atomic_fetch, atomic_set, atomic_swap; compare_swap, fetch_inc,
 * inc, fetch_add, add. */
#define SHMEM_AMO_OLD_MOVE_ROUTINES_(P, T, N)                                  \
    T P##N##_fetch(const T *source, int pe);                                   \
    void P##N##_set(T *dest, T value, int pe);                                 \
    T P##N##_swap(T *dest, T value, int pe);
#define SHMEM_AMO_OLD_ROUTINES_(P, T, N)                                       \
    T P##N##_cswap(T *dest, T cond, T value, int pe);                          \
    T P##N##_finc(T *dest, int pe);                                            \
    void P##N##_inc(T *dest, int pe);                                          \
    T P##N##_fadd(T *dest, T value, int pe);                                   \
    void P##N##_add(T *dest, T value, int pe);

/*
 * Wait until, or test whether, a comparison (SHMEM_CMP_...) holds for an
 * object of this PE that others update. The forms for arrays leave out the
 * elements whose status is not 0; status may be NULL. all: every element;
 * any: one, whose index is returned; some: at least one, whose indices are
 * written and counted. With no element to look at, all holds, any is SIZE_MAX
 * and some is 0. The _vector forms compare each element with its own value.
 */
#define SHMEM_WAIT_ROUTINES_(P, T, N)                                          \
    void P##N##_wait_until(T *ivar, int cmp, T cmp_value);                     \
    int P##N##_test(T *ivar, int cmp, T cmp_value);
#define SHMEM_WAIT_ARRAY_ROUTINES_(P, T, N)                                    \
    SHMEM_WAIT_ROUTINES_(P, T, N)                                              \
    void P##N##_wait_until_all(T *ivars, size_t nelems, const int *status,     \
                               int cmp, T cmp_value);                          \
    size_t P##N##_wait_until_any(T *ivars, size_t nelems, const int *status,   \
                                 int cmp, T cmp_value);                        \
    size_t P##N##_wait_until_some(T *ivars, size_t nelems, size_t *indices,    \
                                  const int *status, int cmp, T cmp_value);    \
    void P##N##_wait_until_all_vector(T *ivars, size_t nelems,                 \
                                      const int *status, int cmp,              \
                                      const T *cmp_values);                    \
    size_t P##N##_wait_until_any_vector(T *ivars, size_t nelems,               \
                                        const int *status, int cmp,            \
                                        const T *cmp_values);                  \
    size_t P##N##_wait_until_some_vector(T *ivars, size_t nelems,              \
                                         size_t *indices, const int *status,   \
                                         int cmp, const T *cmp_values);        \
    int P##N##_test_all(T *ivars, size_t nelems, const int *status, int cmp,   \
                        T cmp_value);                                          \
    size_t P##N##_test_any(T *ivars, size_t nelems, const int *status,         \
                           int cmp, T cmp_value);                              \
    size_t P##N##_test_some(T *ivars, size_t nelems, size_t *indices,          \
                            const int *status, int cmp, T cmp_value);          \
    int P##N##_test_all_vector(T *ivars, size_t nelems, const int *status,     \
                               int cmp, const T *cmp_values);                  \
    size_t P##N##_test_any_vector(T *ivars, size_t nelems, const int *status,  \
                                  int cmp, const T *cmp_values);               \
    size_t P##N##_test_some_vector(T *ivars, size_t nelems, size_t *indices,   \
                                   const int *status, int cmp,                 \
                                   const T *cmp_values);
#define SHMEM_WAIT_OLDEST_ROUTINES_(P, T, N)                                   \
    void P##N##_wait(T *ivar, T cmp_value);

/* Collectives over a team that move data; each returns 0, or not 0 if the team
 * is invalid. dest and source do not overlap. */
#define SHMEM_TEAM_ROUTINES_(P, T, N)                                          \
    int P##N##_alltoall(shmem_team_t team, T *dest, const T *source,           \
                        size_t nelems);                                        \
    int P##N##_alltoalls(shmem_team_t team, T *dest, const T *source,          \
                         ptrdiff_t dst, ptrdiff_t sst, size_t nelems);         \
    int P##N##_broadcast(shmem_team_t team, T *dest, const T *source,          \
                         size_t nelems, int PE_root);                          \
    int P##N##_collect(shmem_team_t team, T *dest, const T *source,            \
                       size_t nelems);                                         \
    int P##N##_fcollect(shmem_team_t team, T *dest, const T *source,           \
                        size_t nelems);

/* Reductions over a team, of each element by itself; dest may be source. */
#define SHMEM_REDUCE_ROUTINE_(P, T, N, O)                                      \
    int P##N##_##O##_reduce(shmem_team_t team, T *dest, const T *source,       \
                            size_t nreduce);
#define SHMEM_REDUCE_BIT_ROUTINES_(P, T, N)                                    \
    SHMEM_REDUCE_ROUTINE_(P, T, N, and)                                        \
    SHMEM_REDUCE_ROUTINE_(P, T, N, or)                                         \
    SHMEM_REDUCE_ROUTINE_(P, T, N, xor)
#define SHMEM_REDUCE_ORDER_ROUTINES_(P, T, N)                                  \
    SHMEM_REDUCE_ROUTINE_(P, T, N, max)                                        \
    SHMEM_REDUCE_ROUTINE_(P, T, N, min)
#define SHMEM_REDUCE_SUM_ROUTINES_(P, T, N)                                    \
    SHMEM_REDUCE_ROUTINE_(P, T, N, sum)                                        \
    SHMEM_REDUCE_ROUTINE_(P, T, N, prod)                                       \
    int P##N##_sum_inscan(shmem_team_t team, T *dest, const T *source,         \
                          size_t nelems);                                      \
    int P##N##_sum_exscan(shmem_team_t team, T *dest, const T *source,         \
                          size_t nelems);

/* Reductions over an active set, of old. */
#define SHMEM_TO_ALL_ROUTINE_(P, T, N, O)                                      \
    void P##N##_##O##_to_all(T *dest, const T *source, int nreduce,            \
                             int PE_start, int logPE_stride, int PE_size,      \
                             T *pWrk, long *pSync);
#define SHMEM_TO_ALL_BIT_ROUTINES_(P, T, N)                                    \
    SHMEM_TO_ALL_ROUTINE_(P, T, N, and)                                        \
    SHMEM_TO_ALL_ROUTINE_(P, T, N, or)                                         \
    SHMEM_TO_ALL_ROUTINE_(P, T, N, xor)
#define SHMEM_TO_ALL_ORDER_ROUTINES_(P, T, N)                                  \
    SHMEM_TO_ALL_ROUTINE_(P, T, N, max)                                        \
    SHMEM_TO_ALL_ROUTINE_(P, T, N, min)
#define SHMEM_TO_ALL_SUM_ROUTINES_(P, T, N)                                    \
    SHMEM_TO_ALL_ROUTINE_(P, T, N, sum)                                        \
    SHMEM_TO_ALL_ROUTINE_(P, T, N, prod)

/** Declare all of them, under names that begin with P. */
#define SHMEM_TYPED_ROUTINES_(P)                                               \
    SHMEM_RMA_TYPES_(SHMEM_RMA_ROUTINES_, P)                                   \
    SHMEM_SIZES_(SHMEM_SIZED_ROUTINES_, P)                                     \
    SHMEM_AMO_EXTENDED_TYPES_(SHMEM_AMO_MOVE_ROUTINES_, P)                     \
    SHMEM_AMO_TYPES_(SHMEM_AMO_ROUTINES_, P)                                   \
    SHMEM_AMO_BIT_TYPES_(SHMEM_AMO_BIT_ROUTINES_, P)                           \
    SHMEM_AMO_OLD_MOVE_TYPES_(SHMEM_AMO_OLD_MOVE_ROUTINES_, P)                 \
    SHMEM_AMO_OLD_TYPES_(SHMEM_AMO_OLD_ROUTINES_, P)                           \
    SHMEM_AMO_TYPES_(SHMEM_WAIT_ARRAY_ROUTINES_, P)                            \
    SHMEM_WAIT_OLD_TYPES_(SHMEM_WAIT_ROUTINES_, P)                             \
    SHMEM_WAIT_OLDEST_TYPES_(SHMEM_WAIT_OLDEST_ROUTINES_, P)                   \
    SHMEM_RMA_TYPES_(SHMEM_TEAM_ROUTINES_, P)                                  \
    SHMEM_REDUCE_BIT_TYPES_(SHMEM_REDUCE_BIT_ROUTINES_, P)                     \
    SHMEM_REDUCE_ORDER_TYPES_(SHMEM_REDUCE_ORDER_ROUTINES_, P)                 \
    SHMEM_REDUCE_SUM_TYPES_(SHMEM_REDUCE_SUM_ROUTINES_, P)                     \
    SHMEM_TO_ALL_BIT_TYPES_(SHMEM_TO_ALL_BIT_ROUTINES_, P)                     \
    SHMEM_TO_ALL_ORDER_TYPES_(SHMEM_TO_ALL_ORDER_ROUTINES_, P)                 \
    SHMEM_TO_ALL_SUM_TYPES_(SHMEM_TO_ALL_SUM_ROUTINES_, P)

#endif
