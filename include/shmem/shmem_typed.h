/*
 * The typed routines of OpenSHMEM, each family once.
 *
 * A family is a macro that declares the routines of one type, under names that
 * begin with P: T is the type, N its name (for sizes, the number of bits), and
 * O an operation. SHMEM_TYPED_ROUTINES_ goes over all families with the tables
 * of shmem_types.h. What a family does is said above its macro; shmem.h has
 * the forms for bytes.
 *
 * Source: OpenSHMEM 1.6, chapters 9.6 to 9.11.
 */
#ifndef MEMHEAP_SHMEM_SHMEM_TYPED_H
#define MEMHEAP_SHMEM_SHMEM_TYPED_H

#include "shmem_types.h"

/** @page shmem_put */

/**
 * As shmem_putmem(), but nelems counts elements of TYPE, or of SIZE bits.
 */
#define SHMEM_PUT_ROUTINES_(P, T, N)                                           \
    void P##N##_put(T *dest, const T *source, size_t nelems, int pe);          \
    void P##ctx_##N##_put(shmem_ctx_t ctx, T *dest, const T *source,           \
                          size_t nelems, int pe);
#define SHMEM_PUT_SIZED_ROUTINES_(P, T, N)                                     \
    void P##put##N(T *dest, const T *source, size_t nelems, int pe);           \
    void P##ctx_put##N(shmem_ctx_t ctx, T *dest, const T *source,              \
                       size_t nelems, int pe);

/**
 * As shmem_putmem_nbi(), but nelems counts elements of TYPE, or of SIZE bits.
 */
#define SHMEM_PUT_NBI_ROUTINES_(P, T, N)                                       \
    void P##N##_put_nbi(T *dest, const T *source, size_t nelems, int pe);      \
    void P##ctx_##N##_put_nbi(shmem_ctx_t ctx, T *dest, const T *source,       \
                              size_t nelems, int pe);
#define SHMEM_PUT_NBI_SIZED_ROUTINES_(P, T, N)                                 \
    void P##put##N##_nbi(T *dest, const T *source, size_t nelems, int pe);     \
    void P##ctx_put##N##_nbi(shmem_ctx_t ctx, T *dest, const T *source,        \
                             size_t nelems, int pe);

/** @page shmem_get */

/**
 * As shmem_getmem(), but nelems counts elements of TYPE, or of SIZE bits.
 */
#define SHMEM_GET_ROUTINES_(P, T, N)                                           \
    void P##N##_get(T *dest, const T *source, size_t nelems, int pe);          \
    void P##ctx_##N##_get(shmem_ctx_t ctx, T *dest, const T *source,           \
                          size_t nelems, int pe);
#define SHMEM_GET_SIZED_ROUTINES_(P, T, N)                                     \
    void P##get##N(T *dest, const T *source, size_t nelems, int pe);           \
    void P##ctx_get##N(shmem_ctx_t ctx, T *dest, const T *source,              \
                       size_t nelems, int pe);

/**
 * As shmem_getmem_nbi(), but nelems counts elements of TYPE, or of SIZE bits.
 */
#define SHMEM_GET_NBI_ROUTINES_(P, T, N)                                       \
    void P##N##_get_nbi(T *dest, const T *source, size_t nelems, int pe);      \
    void P##ctx_##N##_get_nbi(shmem_ctx_t ctx, T *dest, const T *source,       \
                              size_t nelems, int pe);
#define SHMEM_GET_NBI_SIZED_ROUTINES_(P, T, N)                                 \
    void P##get##N##_nbi(T *dest, const T *source, size_t nelems, int pe);     \
    void P##ctx_get##N##_nbi(shmem_ctx_t ctx, T *dest, const T *source,        \
                             size_t nelems, int pe);

/**
 * @page shmem_p  write or read one element of another PE
 *
 * Source: OpenSHMEM 1.6, shmem_p and shmem_g.
 */

/**
 * Write value to the symmetric object at dest on a PE. Local. The value
 * arrives at the latest when shmem_quiet() or a barrier returns.
 *
 * @param ctx    the context; without it, SHMEM_CTX_DEFAULT
 * @param dest   symmetric address of one element
 * @param value  what to write
 * @param pe     number of the PE, in the team of ctx
 *
 * An address that is not symmetric, or a PE that does not exist, ends the job
 * with a message.
 */
#define SHMEM_P_ROUTINES_(P, T, N)                                             \
    void P##N##_p(T *dest, T value, int pe);                                   \
    void P##ctx_##N##_p(shmem_ctx_t ctx, T *dest, T value, int pe);

/**
 * Read the symmetric object at source on a PE. Local. Fails as shmem_p() does.
 *
 * @param ctx     the context; without it, SHMEM_CTX_DEFAULT
 * @param source  symmetric address of one element
 * @param pe      number of the PE, in the team of ctx
 * @return the value
 */
#define SHMEM_G_ROUTINES_(P, T, N)                                             \
    T P##N##_g(const T *source, int pe);                                       \
    T P##ctx_##N##_g(shmem_ctx_t ctx, const T *source, int pe);

/**
 * @page shmem_iput  copy elements that lie apart
 *
 * Source: OpenSHMEM 1.6, shmem_iput and shmem_iget.
 */

/**
 * Copy nelems elements to a PE: element i of the copy goes from
 * source[i * sst] to dest[i * dst]. Local. When it returns, source may be
 * changed; the data arrive as those of shmem_put().
 *
 * @param ctx     the context; without it, SHMEM_CTX_DEFAULT
 * @param dest    symmetric address on the PE
 * @param source  local address
 * @param dst     stride in dest, in elements; 1 or more
 * @param sst     stride in source, in elements; 1 or more
 * @param nelems  number of elements of TYPE, or of SIZE bits
 * @param pe      number of the PE, in the team of ctx
 *
 * An address that is not symmetric, or a PE that does not exist, ends the job
 * with a message.
 */
#define SHMEM_IPUT_ROUTINES_(P, T, N)                                          \
    void P##N##_iput(T *dest, const T *source, ptrdiff_t dst, ptrdiff_t sst,   \
                     size_t nelems, int pe);                                   \
    void P##ctx_##N##_iput(shmem_ctx_t ctx, T *dest, const T *source,          \
                           ptrdiff_t dst, ptrdiff_t sst, size_t nelems,        \
                           int pe);
#define SHMEM_IPUT_SIZED_ROUTINES_(P, T, N)                                    \
    void P##iput##N(T *dest, const T *source, ptrdiff_t dst, ptrdiff_t sst,    \
                    size_t nelems, int pe);                                    \
    void P##ctx_iput##N(shmem_ctx_t ctx, T *dest, const T *source,             \
                        ptrdiff_t dst, ptrdiff_t sst, size_t nelems, int pe);

/**
 * Copy nelems elements from a PE: element i of the copy goes from
 * source[i * sst] on the PE to dest[i * dst]. Local. When it returns, dest
 * holds the data. The parameters are those of shmem_iput(), with source
 * symmetric and dest local.
 */
#define SHMEM_IGET_ROUTINES_(P, T, N)                                          \
    void P##N##_iget(T *dest, const T *source, ptrdiff_t dst, ptrdiff_t sst,   \
                     size_t nelems, int pe);                                   \
    void P##ctx_##N##_iget(shmem_ctx_t ctx, T *dest, const T *source,          \
                           ptrdiff_t dst, ptrdiff_t sst, size_t nelems,        \
                           int pe);
#define SHMEM_IGET_SIZED_ROUTINES_(P, T, N)                                    \
    void P##iget##N(T *dest, const T *source, ptrdiff_t dst, ptrdiff_t sst,    \
                    size_t nelems, int pe);                                    \
    void P##ctx_iget##N(shmem_ctx_t ctx, T *dest, const T *source,             \
                        ptrdiff_t dst, ptrdiff_t sst, size_t nelems, int pe);

/**
 * @page shmem_ibput  copy blocks that lie apart
 *
 * Source: OpenSHMEM 1.6, shmem_ibput and shmem_ibget.
 */

/**
 * Copy nblocks blocks of bsize elements to a PE: block i of the copy goes from
 * source[i * sst] to dest[i * dst]. Local. When it returns, source may be
 * changed; the data arrive as those of shmem_put().
 *
 * @param ctx      the context; without it, SHMEM_CTX_DEFAULT
 * @param dest     symmetric address on the PE
 * @param source   local address
 * @param dst      from the start of one block in dest to that of the next, in
 *                 elements; bsize or more
 * @param sst      the same in source
 * @param bsize    elements of a block, of TYPE or of SIZE bits
 * @param nblocks  number of blocks
 * @param pe       number of the PE, in the team of ctx
 *
 * An address that is not symmetric, or a PE that does not exist, ends the job
 * with a message.
 */
#define SHMEM_IBPUT_ROUTINES_(P, T, N)                                         \
    void P##N##_ibput(T *dest, const T *source, ptrdiff_t dst, ptrdiff_t sst,  \
                      size_t bsize, size_t nblocks, int pe);                   \
    void P##ctx_##N##_ibput(shmem_ctx_t ctx, T *dest, const T *source,         \
                            ptrdiff_t dst, ptrdiff_t sst, size_t bsize,        \
                            size_t nblocks, int pe);
#define SHMEM_IBPUT_SIZED_ROUTINES_(P, T, N)                                   \
    void P##ibput##N(T *dest, const T *source, ptrdiff_t dst, ptrdiff_t sst,   \
                     size_t bsize, size_t nblocks, int pe);                    \
    void P##ctx_ibput##N(shmem_ctx_t ctx, T *dest, const T *source,            \
                         ptrdiff_t dst, ptrdiff_t sst, size_t bsize,           \
                         size_t nblocks, int pe);

/**
 * Copy nblocks blocks of bsize elements from a PE: block i of the copy goes
 * from source[i * sst] on the PE to dest[i * dst]. Local. When it returns,
 * dest holds the data. The parameters are those of shmem_ibput(), with source
 * symmetric and dest local.
 */
#define SHMEM_IBGET_ROUTINES_(P, T, N)                                         \
    void P##N##_ibget(T *dest, const T *source, ptrdiff_t dst, ptrdiff_t sst,  \
                      size_t bsize, size_t nblocks, int pe);                   \
    void P##ctx_##N##_ibget(shmem_ctx_t ctx, T *dest, const T *source,         \
                            ptrdiff_t dst, ptrdiff_t sst, size_t bsize,        \
                            size_t nblocks, int pe);
#define SHMEM_IBGET_SIZED_ROUTINES_(P, T, N)                                   \
    void P##ibget##N(T *dest, const T *source, ptrdiff_t dst, ptrdiff_t sst,   \
                     size_t bsize, size_t nblocks, int pe);                    \
    void P##ctx_ibget##N(shmem_ctx_t ctx, T *dest, const T *source,            \
                         ptrdiff_t dst, ptrdiff_t sst, size_t bsize,           \
                         size_t nblocks, int pe);

/** @page shmem_put_signal */

/**
 * As shmem_putmem_signal(), but nelems counts elements of TYPE, or of SIZE
 * bits.
 */
#define SHMEM_PUT_SIGNAL_ROUTINES_(P, T, N)                                    \
    void P##N##_put_signal(T *dest, const T *source, size_t nelems,            \
                           uint64_t *sig_addr, uint64_t signal, int sig_op,    \
                           int pe);                                            \
    void P##ctx_##N##_put_signal(shmem_ctx_t ctx, T *dest, const T *source,    \
                                 size_t nelems, uint64_t *sig_addr,            \
                                 uint64_t signal, int sig_op, int pe);
#define SHMEM_PUT_SIGNAL_SIZED_ROUTINES_(P, T, N)                              \
    void P##put##N##_signal(T *dest, const T *source, size_t nelems,           \
                            uint64_t *sig_addr, uint64_t signal, int sig_op,   \
                            int pe);                                           \
    void P##ctx_put##N##_signal(shmem_ctx_t ctx, T *dest, const T *source,     \
                                size_t nelems, uint64_t *sig_addr,             \
                                uint64_t signal, int sig_op, int pe);

/**
 * As shmem_putmem_signal_nbi(), but nelems counts elements of TYPE, or of SIZE
 * bits.
 */
#define SHMEM_PUT_SIGNAL_NBI_ROUTINES_(P, T, N)                                \
    void P##N##_put_signal_nbi(T *dest, const T *source, size_t nelems,        \
                               uint64_t *sig_addr, uint64_t signal,            \
                               int sig_op, int pe);                            \
    void P##ctx_##N##_put_signal_nbi(                                          \
        shmem_ctx_t ctx, T *dest, const T *source, size_t nelems,              \
        uint64_t *sig_addr, uint64_t signal, int sig_op, int pe);
#define SHMEM_PUT_SIGNAL_NBI_SIZED_ROUTINES_(P, T, N)                          \
    void P##put##N##_signal_nbi(T *dest, const T *source, size_t nelems,       \
                                uint64_t *sig_addr, uint64_t signal,           \
                                int sig_op, int pe);                           \
    void P##ctx_put##N##_signal_nbi(shmem_ctx_t ctx, T *dest, const T *source, \
                                    size_t nelems, uint64_t *sig_addr,         \
                                    uint64_t signal, int sig_op, int pe);

/**
 * @page shmem_atomic_fetch  read, write and exchange an element atomically
 *
 * Atomic operations act on one element of a PE, and each is done as a whole
 * before or after any other atomic operation on that element, whichever PEs
 * or contexts they come from. They are atomic only among calls that use the
 * same type. They are local calls: the PE that has the element takes no part.
 *
 * An address that is not symmetric, or a PE that does not exist, ends the job
 * with a message.
 *
 * Source: OpenSHMEM 1.6, chapter 9.7.
 */

/**
 * Read, write or exchange the element at a symmetric address on a PE:
 *
 * - atomic_fetch returns the value at source;
 * - atomic_set writes value to dest, and is complete when shmem_quiet()
 *   returns;
 * - atomic_swap writes value to dest and returns the old value.
 *
 * @param ctx     the context; without it, SHMEM_CTX_DEFAULT
 * @param dest    symmetric address of the element
 * @param source  symmetric address of the element
 * @param value   the new value
 * @param pe      number of the PE, in the team of ctx
 * @return the value before the call
 */
#define SHMEM_AMO_MOVE_ROUTINES_(P, T, N)                                      \
    T P##N##_atomic_fetch(const T *source, int pe);                            \
    T P##ctx_##N##_atomic_fetch(shmem_ctx_t ctx, const T *source, int pe);     \
    void P##N##_atomic_set(T *dest, T value, int pe);                          \
    void P##ctx_##N##_atomic_set(shmem_ctx_t ctx, T *dest, T value, int pe);   \
    T P##N##_atomic_swap(T *dest, T value, int pe);                            \
    T P##ctx_##N##_atomic_swap(shmem_ctx_t ctx, T *dest, T value, int pe);

/**
 * As the forms without _nbi, but the value before the call is written to a
 * local variable, and only there once shmem_quiet() has returned.
 *
 * @param fetch  local address that takes the value
 */
#define SHMEM_AMO_MOVE_NBI_ROUTINES_(P, T, N)                                  \
    void P##N##_atomic_fetch_nbi(T *fetch, const T *source, int pe);           \
    void P##ctx_##N##_atomic_fetch_nbi(shmem_ctx_t ctx, T *fetch,              \
                                       const T *source, int pe);               \
    void P##N##_atomic_swap_nbi(T *fetch, T *dest, T value, int pe);           \
    void P##ctx_##N##_atomic_swap_nbi(shmem_ctx_t ctx, T *fetch, T *dest,      \
                                      T value, int pe);

/**
 * @page shmem_atomic_compare_swap  exchange an element if it has a given value
 *
 * See shmem_atomic_fetch() for what all atomic operations have in common.
 *
 * Source: OpenSHMEM 1.6, shmem_atomic_compare_swap.
 */

/**
 * Compare the element at dest on a PE with cond, and write value there if they
 * are equal. Local.
 *
 * @param ctx    the context; without it, SHMEM_CTX_DEFAULT
 * @param dest   symmetric address of the element
 * @param cond   the value to compare with
 * @param value  the new value
 * @param pe     number of the PE, in the team of ctx
 * @return the value before the call; it was replaced if this is cond
 */
#define SHMEM_AMO_COMPARE_ROUTINES_(P, T, N)                                   \
    T P##N##_atomic_compare_swap(T *dest, T cond, T value, int pe);            \
    T P##ctx_##N##_atomic_compare_swap(shmem_ctx_t ctx, T *dest, T cond,       \
                                       T value, int pe);

/**
 * As shmem_atomic_compare_swap(), but the value before the call is written to
 * a local variable, and only there once shmem_quiet() has returned.
 *
 * @param fetch  local address that takes the value
 */
#define SHMEM_AMO_COMPARE_NBI_ROUTINES_(P, T, N)                               \
    void P##N##_atomic_compare_swap_nbi(T *fetch, T *dest, T cond, T value,    \
                                        int pe);                               \
    void P##ctx_##N##_atomic_compare_swap_nbi(                                 \
        shmem_ctx_t ctx, T *fetch, T *dest, T cond, T value, int pe);

/**
 * @page shmem_atomic_add  add to an element atomically
 *
 * See shmem_atomic_fetch() for what all atomic operations have in common.
 * Integers wrap around.
 *
 * Source: OpenSHMEM 1.6, shmem_atomic_add, shmem_atomic_inc and their forms
 * that fetch.
 */

/**
 * Add value, or 1 (inc), to the element at dest on a PE. Local. The forms with
 * fetch wait for the old value; the others return at once, and are complete
 * when shmem_quiet() returns.
 *
 * @param ctx    the context; without it, SHMEM_CTX_DEFAULT
 * @param dest   symmetric address of the element
 * @param value  what to add
 * @param pe     number of the PE, in the team of ctx
 * @return the value before the call
 */
#define SHMEM_AMO_ADD_ROUTINES_(P, T, N)                                       \
    T P##N##_atomic_fetch_inc(T *dest, int pe);                                \
    T P##ctx_##N##_atomic_fetch_inc(shmem_ctx_t ctx, T *dest, int pe);         \
    void P##N##_atomic_inc(T *dest, int pe);                                   \
    void P##ctx_##N##_atomic_inc(shmem_ctx_t ctx, T *dest, int pe);            \
    T P##N##_atomic_fetch_add(T *dest, T value, int pe);                       \
    T P##ctx_##N##_atomic_fetch_add(shmem_ctx_t ctx, T *dest, T value,         \
                                    int pe);                                   \
    void P##N##_atomic_add(T *dest, T value, int pe);                          \
    void P##ctx_##N##_atomic_add(shmem_ctx_t ctx, T *dest, T value, int pe);

/**
 * As the forms without _nbi, but the value before the call is written to a
 * local variable, and only there once shmem_quiet() has returned.
 *
 * @param fetch  local address that takes the value
 */
#define SHMEM_AMO_ADD_NBI_ROUTINES_(P, T, N)                                   \
    void P##N##_atomic_fetch_inc_nbi(T *fetch, T *dest, int pe);               \
    void P##ctx_##N##_atomic_fetch_inc_nbi(shmem_ctx_t ctx, T *fetch, T *dest, \
                                           int pe);                            \
    void P##N##_atomic_fetch_add_nbi(T *fetch, T *dest, T value, int pe);      \
    void P##ctx_##N##_atomic_fetch_add_nbi(shmem_ctx_t ctx, T *fetch, T *dest, \
                                           T value, int pe);

/**
 * @page shmem_atomic_and  combine an element with bits atomically
 *
 * OPERATION is one of and, or, xor. See shmem_atomic_fetch() for what all
 * atomic operations have in common.
 *
 * Source: OpenSHMEM 1.6, shmem_atomic_and, shmem_atomic_or, shmem_atomic_xor
 * and their forms that fetch.
 */

/**
 * Replace the element at dest on a PE by its bitwise OPERATION with value.
 * Local. The forms with fetch wait for the old value, and with _nbi have it in
 * *fetch once shmem_quiet() has returned; the others return at once, and are
 * complete when shmem_quiet() returns.
 *
 * @param ctx    the context; without it, SHMEM_CTX_DEFAULT
 * @param fetch  local address that takes the value before the call
 * @param dest   symmetric address of the element
 * @param value  the bits
 * @param pe     number of the PE, in the team of ctx
 * @return the value before the call
 */
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

/**
 * @page shmem_swap  atomic operations by their old names
 *
 * These names are deprecated since OpenSHMEM 1.4. New programs use
 * shmem_atomic_fetch() and its relatives, which do the same.
 *
 * Source: OpenSHMEM 1.6, deprecated forms of chapter 9.7.
 */

/**
 * As shmem_atomic_fetch(), shmem_atomic_set() and shmem_atomic_swap().
 *
 * @return the value before the call
 */
#define SHMEM_AMO_OLD_MOVE_ROUTINES_(P, T, N)                                  \
    T P##N##_fetch(const T *source, int pe);                                   \
    void P##N##_set(T *dest, T value, int pe);                                 \
    T P##N##_swap(T *dest, T value, int pe);

/**
 * As shmem_atomic_compare_swap(), shmem_atomic_fetch_inc(),
 * shmem_atomic_inc(), shmem_atomic_fetch_add() and shmem_atomic_add().
 *
 * @return the value before the call
 */
#define SHMEM_AMO_OLD_ROUTINES_(P, T, N)                                       \
    T P##N##_cswap(T *dest, T cond, T value, int pe);                          \
    T P##N##_finc(T *dest, int pe);                                            \
    void P##N##_inc(T *dest, int pe);                                          \
    T P##N##_fadd(T *dest, T value, int pe);                                   \
    void P##N##_add(T *dest, T value, int pe);

/**
 * @page shmem_wait_until  wait for objects that other PEs update
 *
 * The objects are symmetric ones of this PE. What a PE put before it updated
 * an object, with a fence between the two, is visible when the wait for the
 * update returns. The calls are local.
 *
 * A comparison is one of SHMEM_CMP_EQ, SHMEM_CMP_NE, SHMEM_CMP_GT,
 * SHMEM_CMP_LE, SHMEM_CMP_LT and SHMEM_CMP_GE: the object is on the left, the
 * given value on the right. Any other number ends the job with a message.
 *
 * Source: OpenSHMEM 1.6, chapter 9.11.
 */

/**
 * Wait until the object at ivar compares with cmp_value as cmp says. The forms
 * for short and unsigned short are deprecated since OpenSHMEM 1.5.
 *
 * @param ivar       symmetric address of the object on this PE
 * @param cmp        SHMEM_CMP_EQ or another comparison
 * @param cmp_value  the value to compare with
 */
#define SHMEM_WAIT_ROUTINES_(P, T, N)                                          \
    void P##N##_wait_until(T *ivar, int cmp, T cmp_value);

/**
 * Wait until the comparison holds for every (all), one (any), or at least one
 * (some) of nelems objects. An element whose status is not 0 is left out. If
 * no element remains, the call returns at once. Repeated calls of any return
 * each element for which the comparison holds sooner or later; calls on one
 * array find them in turn.
 *
 * @param ivars       symmetric address of the first of nelems objects
 * @param nelems      number of objects
 * @param indices     takes the indices of the elements for which the comparison
 *                    holds; room for nelems of them
 * @param status      nelems numbers, not 0 for elements to leave out; or NULL
 * @param cmp         SHMEM_CMP_EQ or another comparison
 * @param cmp_value   the value to compare each element with
 * @param cmp_values  nelems values, one for each element
 * @return for any, the index of an element for which the comparison holds, or
 *         SIZE_MAX if no element remains; for some, the number of elements for
 *         which it holds, which indices lists, or 0 if no element remains
 */
#define SHMEM_WAIT_ARRAY_ROUTINES_(P, T, N)                                    \
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
                                         int cmp, const T *cmp_values);

/**
 * Wait until the object at ivar is not cmp_value. Deprecated since OpenSHMEM
 * 1.4: shmem_wait_until() with SHMEM_CMP_NE does the same.
 */
#define SHMEM_WAIT_OLDEST_ROUTINES_(P, T, N)                                   \
    void P##N##_wait(T *ivar, T cmp_value);

/**
 * @page shmem_test  look at objects that other PEs update
 *
 * As shmem_wait_until() and its forms for arrays, but these calls look once
 * and do not wait. They are local. A program may call them in a loop: they
 * make progress for other PEs.
 *
 * Source: OpenSHMEM 1.6, chapter 9.11.
 */

/**
 * Compare the object at ivar with cmp_value once. The forms for short and
 * unsigned short are deprecated since OpenSHMEM 1.5.
 *
 * @param ivar       symmetric address of the object on this PE
 * @param cmp        SHMEM_CMP_EQ or another comparison
 * @param cmp_value  the value to compare with
 * @return 1 if the comparison holds, else 0
 */
#define SHMEM_TEST_ROUTINES_(P, T, N)                                          \
    int P##N##_test(T *ivar, int cmp, T cmp_value);

/**
 * Compare nelems objects once. An element whose status is not 0 is left out.
 *
 * @param ivars       symmetric address of the first of nelems objects
 * @param nelems      number of objects
 * @param indices     takes the indices of the elements for which the comparison
 *                    holds; room for nelems of them
 * @param status      nelems numbers, not 0 for elements to leave out; or NULL
 * @param cmp         SHMEM_CMP_EQ or another comparison
 * @param cmp_value   the value to compare each element with
 * @param cmp_values  nelems values, one for each element
 * @return for all, 1 if the comparison holds for all elements that remain, also
 *         if none remains, else 0; for any, the index of one for which it
 *         holds, or SIZE_MAX; for some, the number of those for which it holds,
 *         which indices lists
 */
#define SHMEM_TEST_ARRAY_ROUTINES_(P, T, N)                                    \
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

/** @page shmem_alltoall */

/** As shmem_alltoallmem(), but nelems counts elements of TYPE.
 *
 *  @return 0; not 0 if the team is SHMEM_TEAM_INVALID */
#define SHMEM_ALLTOALL_ROUTINES_(P, T, N)                                      \
    int P##N##_alltoall(shmem_team_t team, T *dest, const T *source,           \
                        size_t nelems);

/** As shmem_alltoallsmem(), but nelems and the strides count elements of TYPE.
 *
 *  @return 0; not 0 if the team is SHMEM_TEAM_INVALID */
#define SHMEM_ALLTOALLS_ROUTINES_(P, T, N)                                     \
    int P##N##_alltoalls(shmem_team_t team, T *dest, const T *source,          \
                         ptrdiff_t dst, ptrdiff_t sst, size_t nelems);

/** @page shmem_broadcast */

/** As shmem_broadcastmem(), but nelems counts elements of TYPE.
 *
 *  @return 0; not 0 if the team is SHMEM_TEAM_INVALID */
#define SHMEM_BROADCAST_ROUTINES_(P, T, N)                                     \
    int P##N##_broadcast(shmem_team_t team, T *dest, const T *source,          \
                         size_t nelems, int PE_root);

/** @page shmem_collect */

/** As shmem_collectmem(), but nelems counts elements of TYPE.
 *
 *  @return 0; not 0 if the team is SHMEM_TEAM_INVALID */
#define SHMEM_COLLECT_ROUTINES_(P, T, N)                                       \
    int P##N##_collect(shmem_team_t team, T *dest, const T *source,            \
                       size_t nelems);

/** As shmem_fcollectmem(), but nelems counts elements of TYPE.
 *
 *  @return 0; not 0 if the team is SHMEM_TEAM_INVALID */
#define SHMEM_FCOLLECT_ROUTINES_(P, T, N)                                      \
    int P##N##_fcollect(shmem_team_t team, T *dest, const T *source,           \
                        size_t nelems);

/**
 * @page shmem_reduce  combine arrays of all PEs of a team, element by element
 *
 * OPERATION is one of
 *
 * - and, or, xor: bitwise;
 * - max, min: the greatest, the least;
 * - sum, prod: the sum, the product, also of complex numbers.
 *
 * Source: OpenSHMEM 1.6, shmem_reduce.
 */

/**
 * Combine element i of source of all PEs of a team into element i of dest on
 * each of them. Collective over the team: all PEs pass the same nreduce. All
 * get the same bits.
 *
 * @param team     the team
 * @param dest     symmetric address of nreduce elements; may be source, but
 *                 not overlap it otherwise
 * @param source   symmetric address of nreduce elements
 * @param nreduce  number of elements
 * @return 0; not 0 if the team is SHMEM_TEAM_INVALID
 *
 * When it returns, dest holds the result and source may be changed.
 */
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
    SHMEM_REDUCE_ROUTINE_(P, T, N, prod)

/**
 * @page shmem_sum_inscan  sums over the PEs up to each
 *
 * Source: OpenSHMEM 1.6, shmem_sum_inscan and shmem_sum_exscan.
 */

/**
 * Set element i of dest on each PE to the sum of element i of source on the
 * PEs of the team up to this one: including it (inscan), or not (exscan, which
 * gives the first PE 0). Collective over the team: all PEs pass the same
 * nelems.
 *
 * @param team    the team
 * @param dest    symmetric address of nelems elements; may be source, but not
 *                overlap it otherwise
 * @param source  symmetric address of nelems elements
 * @param nelems  number of elements
 * @return 0; not 0 if the team is SHMEM_TEAM_INVALID
 */
#define SHMEM_SCAN_ROUTINES_(P, T, N)                                          \
    int P##N##_sum_inscan(shmem_team_t team, T *dest, const T *source,         \
                          size_t nelems);                                      \
    int P##N##_sum_exscan(shmem_team_t team, T *dest, const T *source,         \
                          size_t nelems);

/**
 * @page shmem_to_all  combine arrays of the PEs of an active set
 *
 * OPERATION is one of and, or, xor, max, min, sum, prod, as in shmem_reduce().
 * Active sets are deprecated since OpenSHMEM 1.5: use shmem_reduce() with a
 * team.
 *
 * Source: OpenSHMEM 1.6, deprecated reductions of chapter 9.10.
 */

/**
 * As the reductions of shmem_reduce(), over an active set: the PE_size PEs of
 * the job from PE_start on, 2^logPE_stride apart. Collective over the set. A
 * set that does not exist, or that this PE is not in, ends the job with a
 * message.
 *
 * @param dest          symmetric address of nreduce elements; may be source
 * @param source        symmetric address of nreduce elements
 * @param nreduce       number of elements
 * @param PE_start      number of the first PE
 * @param logPE_stride  base-2 logarithm of the distance between the PEs
 * @param PE_size       number of PEs
 * @param pWrk          symmetric work array that the standard asks for; not
 *                      used
 * @param pSync         symmetric array of SHMEM_REDUCE_SYNC_SIZE, all
 *                      SHMEM_SYNC_VALUE, which it is again afterwards
 */
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

/* Declare all of them, under names that begin with P. */
#define SHMEM_TYPED_ROUTINES_(P)                                               \
    SHMEM_RMA_TYPES_(SHMEM_PUT_ROUTINES_, P)                                   \
    SHMEM_RMA_TYPES_(SHMEM_PUT_NBI_ROUTINES_, P)                               \
    SHMEM_RMA_TYPES_(SHMEM_GET_ROUTINES_, P)                                   \
    SHMEM_RMA_TYPES_(SHMEM_GET_NBI_ROUTINES_, P)                               \
    SHMEM_RMA_TYPES_(SHMEM_P_ROUTINES_, P)                                     \
    SHMEM_RMA_TYPES_(SHMEM_G_ROUTINES_, P)                                     \
    SHMEM_RMA_TYPES_(SHMEM_IPUT_ROUTINES_, P)                                  \
    SHMEM_RMA_TYPES_(SHMEM_IGET_ROUTINES_, P)                                  \
    SHMEM_RMA_TYPES_(SHMEM_IBPUT_ROUTINES_, P)                                 \
    SHMEM_RMA_TYPES_(SHMEM_IBGET_ROUTINES_, P)                                 \
    SHMEM_RMA_TYPES_(SHMEM_PUT_SIGNAL_ROUTINES_, P)                            \
    SHMEM_RMA_TYPES_(SHMEM_PUT_SIGNAL_NBI_ROUTINES_, P)                        \
    SHMEM_SIZES_(SHMEM_PUT_SIZED_ROUTINES_, P)                                 \
    SHMEM_SIZES_(SHMEM_PUT_NBI_SIZED_ROUTINES_, P)                             \
    SHMEM_SIZES_(SHMEM_GET_SIZED_ROUTINES_, P)                                 \
    SHMEM_SIZES_(SHMEM_GET_NBI_SIZED_ROUTINES_, P)                             \
    SHMEM_SIZES_(SHMEM_IPUT_SIZED_ROUTINES_, P)                                \
    SHMEM_SIZES_(SHMEM_IGET_SIZED_ROUTINES_, P)                                \
    SHMEM_SIZES_(SHMEM_IBPUT_SIZED_ROUTINES_, P)                               \
    SHMEM_SIZES_(SHMEM_IBGET_SIZED_ROUTINES_, P)                               \
    SHMEM_SIZES_(SHMEM_PUT_SIGNAL_SIZED_ROUTINES_, P)                          \
    SHMEM_SIZES_(SHMEM_PUT_SIGNAL_NBI_SIZED_ROUTINES_, P)                      \
    SHMEM_AMO_EXTENDED_TYPES_(SHMEM_AMO_MOVE_ROUTINES_, P)                     \
    SHMEM_AMO_EXTENDED_TYPES_(SHMEM_AMO_MOVE_NBI_ROUTINES_, P)                 \
    SHMEM_AMO_TYPES_(SHMEM_AMO_COMPARE_ROUTINES_, P)                           \
    SHMEM_AMO_TYPES_(SHMEM_AMO_COMPARE_NBI_ROUTINES_, P)                       \
    SHMEM_AMO_TYPES_(SHMEM_AMO_ADD_ROUTINES_, P)                               \
    SHMEM_AMO_TYPES_(SHMEM_AMO_ADD_NBI_ROUTINES_, P)                           \
    SHMEM_AMO_BIT_TYPES_(SHMEM_AMO_BIT_ROUTINES_, P)                           \
    SHMEM_AMO_OLD_MOVE_TYPES_(SHMEM_AMO_OLD_MOVE_ROUTINES_, P)                 \
    SHMEM_AMO_OLD_TYPES_(SHMEM_AMO_OLD_ROUTINES_, P)                           \
    SHMEM_WAIT_TYPES_(SHMEM_WAIT_ROUTINES_, P)                                 \
    SHMEM_WAIT_TYPES_(SHMEM_TEST_ROUTINES_, P)                                 \
    SHMEM_AMO_TYPES_(SHMEM_WAIT_ARRAY_ROUTINES_, P)                            \
    SHMEM_AMO_TYPES_(SHMEM_TEST_ARRAY_ROUTINES_, P)                            \
    SHMEM_WAIT_OLDEST_TYPES_(SHMEM_WAIT_OLDEST_ROUTINES_, P)                   \
    SHMEM_RMA_TYPES_(SHMEM_ALLTOALL_ROUTINES_, P)                              \
    SHMEM_RMA_TYPES_(SHMEM_ALLTOALLS_ROUTINES_, P)                             \
    SHMEM_RMA_TYPES_(SHMEM_BROADCAST_ROUTINES_, P)                             \
    SHMEM_RMA_TYPES_(SHMEM_COLLECT_ROUTINES_, P)                               \
    SHMEM_RMA_TYPES_(SHMEM_FCOLLECT_ROUTINES_, P)                              \
    SHMEM_REDUCE_BIT_TYPES_(SHMEM_REDUCE_BIT_ROUTINES_, P)                     \
    SHMEM_REDUCE_ORDER_TYPES_(SHMEM_REDUCE_ORDER_ROUTINES_, P)                 \
    SHMEM_REDUCE_SUM_TYPES_(SHMEM_REDUCE_SUM_ROUTINES_, P)                     \
    SHMEM_REDUCE_SUM_TYPES_(SHMEM_SCAN_ROUTINES_, P)                           \
    SHMEM_TO_ALL_BIT_TYPES_(SHMEM_TO_ALL_BIT_ROUTINES_, P)                     \
    SHMEM_TO_ALL_ORDER_TYPES_(SHMEM_TO_ALL_ORDER_ROUTINES_, P)                 \
    SHMEM_TO_ALL_SUM_TYPES_(SHMEM_TO_ALL_SUM_ROUTINES_, P)

#endif
