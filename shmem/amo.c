/*
 * Atomic memory operations, by the processor on the other PE's window.
 *
 * All PEs that update a word do it so, the owner of the word included, and so
 * atomics of PEs of one node never need another's help.
 */
#include "config.h"

#include "shmem/access.h"

#include <pshmem.h>

/* The object on its PE. */
#define AT(T, NAME, CTX, ADDRESS)                                              \
    ((T *)(void *)memheap_target("shmem_" NAME, CTX, ADDRESS, sizeof(T), pe))

/*
 * All forms of an operation. PARAMETERS and ARGUMENTS, in parentheses, are
 * those between the context and the PE; `at` is the object in EXPRESSION.
 * FETCHES also has a nonblocking form, UPDATES returns nothing.
 */
#define STRIP(...) __VA_ARGS__
#define FETCHES_FORM(T, NAME, HEAD, CTX, ADDRESS, EXPRESSION)                  \
    T pshmem_##NAME HEAD                                                       \
    {                                                                          \
        T *at = AT(T, #NAME, CTX, ADDRESS);                                    \
        T old;                                                                 \
        EXPRESSION;                                                            \
        return old;                                                            \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##NAME)
#define FETCHES_NBI_FORM(T, NAME, HEAD, CTX, ADDRESS, EXPRESSION)              \
    void pshmem_##NAME HEAD                                                    \
    {                                                                          \
        T *at = AT(T, #NAME, CTX, ADDRESS);                                    \
        T old;                                                                 \
        EXPRESSION;                                                            \
        *fetch = old;                                                          \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##NAME)
#define UPDATES_FORM(T, NAME, HEAD, CTX, EXPRESSION)                           \
    void pshmem_##NAME HEAD                                                    \
    {                                                                          \
        T *at = AT(T, #NAME, CTX, dest);                                       \
        EXPRESSION;                                                            \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##NAME)

#define FETCHES(T, N, NAME, PARAMETERS, ADDRESS, EXPRESSION)                   \
    FETCHES_FORM(T, N##_##NAME, (STRIP PARAMETERS, int pe), SHMEM_CTX_DEFAULT, \
                 ADDRESS, EXPRESSION)                                          \
    FETCHES_FORM(T, ctx_##N##_##NAME,                                          \
                 (shmem_ctx_t ctx, STRIP PARAMETERS, int pe), ctx, ADDRESS,    \
                 EXPRESSION)                                                   \
    FETCHES_NBI_FORM(T, N##_##NAME##_nbi,                                      \
                     (T * fetch, STRIP PARAMETERS, int pe), SHMEM_CTX_DEFAULT, \
                     ADDRESS, EXPRESSION)                                      \
    FETCHES_NBI_FORM(T, ctx_##N##_##NAME##_nbi,                                \
                     (shmem_ctx_t ctx, T * fetch, STRIP PARAMETERS, int pe),   \
                     ctx, ADDRESS, EXPRESSION)
#define UPDATES(T, N, NAME, PARAMETERS, EXPRESSION)                            \
    UPDATES_FORM(T, N##_##NAME, (STRIP PARAMETERS, int pe), SHMEM_CTX_DEFAULT, \
                 EXPRESSION)                                                   \
    UPDATES_FORM(T, ctx_##N##_##NAME,                                          \
                 (shmem_ctx_t ctx, STRIP PARAMETERS, int pe), ctx, EXPRESSION)

/* What is done; these work on floating-point objects too. */
#define LOAD __atomic_load(at, &old, __ATOMIC_SEQ_CST)
#define STORE __atomic_store(at, &value, __ATOMIC_SEQ_CST)
#define SWAP __atomic_exchange(at, &value, &old, __ATOMIC_SEQ_CST)
#define COMPARE_SWAP                                                           \
    old = cond;                                                                \
    __atomic_compare_exchange_n(at, &old, value, 0, __ATOMIC_SEQ_CST,          \
                                __ATOMIC_SEQ_CST)
#define OPERATE(OPERATION, VALUE)                                              \
    __atomic_fetch_##OPERATION(at, VALUE, __ATOMIC_SEQ_CST)

#define MOVE_TYPED(A, T, N)                                                    \
    FETCHES(T, N, atomic_fetch, (const T *source), source, LOAD)               \
    FETCHES(T, N, atomic_swap, (T * dest, T value), dest, SWAP)                \
    UPDATES(T, N, atomic_set, (T * dest, T value), STORE)

#define MATH_TYPED(A, T, N)                                                    \
    FETCHES(T, N, atomic_compare_swap, (T * dest, T cond, T value), dest,      \
            COMPARE_SWAP)                                                      \
    FETCHES(T, N, atomic_fetch_inc, (T * dest), dest, old = OPERATE(add, 1))   \
    FETCHES(T, N, atomic_fetch_add, (T * dest, T value), dest,                 \
            old = OPERATE(add, value))                                         \
    UPDATES(T, N, atomic_inc, (T * dest), OPERATE(add, 1))                     \
    UPDATES(T, N, atomic_add, (T * dest, T value), OPERATE(add, value))

#define BIT_OPERATION(T, N, O)                                                 \
    FETCHES(T, N, atomic_fetch_##O, (T * dest, T value), dest,                 \
            old = OPERATE(O, value))                                           \
    UPDATES(T, N, atomic_##O, (T * dest, T value), OPERATE(O, value))
#define BIT_TYPED(A, T, N)                                                     \
    BIT_OPERATION(T, N, and)                                                   \
    BIT_OPERATION(T, N, or)                                                    \
    BIT_OPERATION(T, N, xor)

SHMEM_AMO_EXTENDED_TYPES_(MOVE_TYPED, 0)
SHMEM_AMO_TYPES_(MATH_TYPED, 0)
SHMEM_AMO_BIT_TYPES_(BIT_TYPED, 0)

/* The names of old are the same operations. */
#define OLD(TYPE, NAME, PARAMETERS, CALL)                                      \
    TYPE pshmem_##NAME PARAMETERS                                              \
    {                                                                          \
        CALL;                                                                  \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##NAME)
#define OLD_MOVE_TYPED(A, T, N)                                                \
    OLD(T, N##_fetch, (const T *source, int pe),                               \
        return pshmem_##N##_atomic_fetch(source, pe))                          \
    OLD(void, N##_set, (T * dest, T value, int pe),                            \
        pshmem_##N##_atomic_set(dest, value, pe))                              \
    OLD(T, N##_swap, (T * dest, T value, int pe),                              \
        return pshmem_##N##_atomic_swap(dest, value, pe))
#define OLD_MATH_TYPED(A, T, N)                                                \
    OLD(T, N##_cswap, (T * dest, T cond, T value, int pe),                     \
        return pshmem_##N##_atomic_compare_swap(dest, cond, value, pe))        \
    OLD(T, N##_finc, (T * dest, int pe),                                       \
        return pshmem_##N##_atomic_fetch_inc(dest, pe))                        \
    OLD(void, N##_inc, (T * dest, int pe), pshmem_##N##_atomic_inc(dest, pe))  \
    OLD(T, N##_fadd, (T * dest, T value, int pe),                              \
        return pshmem_##N##_atomic_fetch_add(dest, value, pe))                 \
    OLD(void, N##_add, (T * dest, T value, int pe),                            \
        pshmem_##N##_atomic_add(dest, value, pe))

SHMEM_AMO_OLD_MOVE_TYPES_(OLD_MOVE_TYPED, 0)
SHMEM_AMO_OLD_TYPES_(OLD_MATH_TYPED, 0)
