/*
 * Atomic memory operations.
 *
 * On a PE of this node, the processor runs them on the window, and the other PE
 * takes no part. On a PE of another node, the transport lets that PE's
 * processor run them. So all operations on a word are atomic to each other.
 */
#include "config.h"

#include "shmem/access.h"

#include <pshmem.h>

/*
 * All forms of an operation. PARAMETERS, in parentheses, are those between the
 * context and the PE. EXPRESSION runs it on the object `at` of this node; KIND,
 * VALUE and COMPARE describe it for the transport. FETCHES makes the blocking
 * and the nonblocking form; UPDATES makes a form that returns nothing.
 */
#define STRIP(...) __VA_ARGS__
#define LOCATE(T, NAME, CTX, ADDRESS)                                          \
    memheap_remote_addr_t remote;                                              \
    T *at = (T *)(void *)memheap_locate_ctx("shmem_" NAME, CTX, ADDRESS,       \
                                            sizeof(T), pe, &remote)
#define FETCHES_FORM(T, NAME, HEAD, CTX, ADDRESS, KIND, VALUE, COMPARE,        \
                     EXPRESSION)                                               \
    T pshmem_##NAME HEAD                                                       \
    {                                                                          \
        memheap_runtime_sync();                                                \
        LOCATE(T, #NAME, CTX, ADDRESS);                                        \
        T old;                                                                 \
        if (MEMHEAP_LIKELY(at != NULL)) {                                      \
            EXPRESSION;                                                        \
        } else {                                                               \
            T operands[] = {VALUE, COMPARE};                                   \
            memheap_remote_fetch(&remote, MEMHEAP_ATOMIC_##KIND, sizeof(T),    \
                                 &operands[0], &operands[1], &old);            \
        }                                                                      \
        return old;                                                            \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##NAME)
#define FETCHES_NBI_FORM(T, NAME, HEAD, CTX, ADDRESS, KIND, VALUE, COMPARE,    \
                         EXPRESSION)                                           \
    void pshmem_##NAME HEAD                                                    \
    {                                                                          \
        LOCATE(T, #NAME, CTX, ADDRESS);                                        \
        if (MEMHEAP_LIKELY(at != NULL)) {                                      \
            T old;                                                             \
            EXPRESSION;                                                        \
            *fetch = old;                                                      \
        } else {                                                               \
            T operands[] = {VALUE, COMPARE};                                   \
            memheap_remote_update(CTX, &remote, MEMHEAP_ATOMIC_##KIND,         \
                                  sizeof(T), &operands[0], &operands[1],       \
                                  fetch);                                      \
        }                                                                      \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##NAME)
#define UPDATES_FORM(T, NAME, HEAD, CTX, KIND, VALUE, EXPRESSION)              \
    void pshmem_##NAME HEAD                                                    \
    {                                                                          \
        LOCATE(T, #NAME, CTX, dest);                                           \
        if (MEMHEAP_LIKELY(at != NULL)) {                                      \
            EXPRESSION;                                                        \
        } else {                                                               \
            T operand = VALUE;                                                 \
            memheap_remote_update(CTX, &remote, MEMHEAP_ATOMIC_##KIND,         \
                                  sizeof(T), &operand, NULL, NULL);            \
        }                                                                      \
    }                                                                          \
    MEMHEAP_PROFILED(shmem_##NAME)

#define FETCHES(T, N, NAME, PARAMETERS, ...)                                   \
    FETCHES_FORM(T, N##_##NAME, (STRIP PARAMETERS, int pe), SHMEM_CTX_DEFAULT, \
                 __VA_ARGS__)                                                  \
    FETCHES_FORM(T, ctx_##N##_##NAME,                                          \
                 (shmem_ctx_t ctx, STRIP PARAMETERS, int pe), ctx,             \
                 __VA_ARGS__)                                                  \
    FETCHES_NBI_FORM(T, N##_##NAME##_nbi,                                      \
                     (T * fetch, STRIP PARAMETERS, int pe), SHMEM_CTX_DEFAULT, \
                     __VA_ARGS__)                                              \
    FETCHES_NBI_FORM(T, ctx_##N##_##NAME##_nbi,                                \
                     (shmem_ctx_t ctx, T * fetch, STRIP PARAMETERS, int pe),   \
                     ctx, __VA_ARGS__)
#define UPDATES(T, N, NAME, PARAMETERS, ...)                                   \
    UPDATES_FORM(T, N##_##NAME, (STRIP PARAMETERS, int pe), SHMEM_CTX_DEFAULT, \
                 __VA_ARGS__)                                                  \
    UPDATES_FORM(T, ctx_##N##_##NAME,                                          \
                 (shmem_ctx_t ctx, STRIP PARAMETERS, int pe), ctx,             \
                 __VA_ARGS__)

/* Operations on this node. The first three work on floating-point objects too.
 */
#define LOAD __atomic_load(at, &old, __ATOMIC_SEQ_CST)
#define STORE __atomic_store(at, &value, __ATOMIC_SEQ_CST)
#define EXCHANGE __atomic_exchange(at, &value, &old, __ATOMIC_SEQ_CST)
#define COMPARE_EXCHANGE                                                       \
    old = cond;                                                                \
    __atomic_compare_exchange_n(at, &old, value, 0, __ATOMIC_SEQ_CST,          \
                                __ATOMIC_SEQ_CST)
#define OPERATE(OPERATION, VALUE)                                              \
    __atomic_fetch_##OPERATION(at, VALUE, __ATOMIC_SEQ_CST)

/* Address, kind, operands and expression of the operations that have two names.
 */
#define FETCH_ARGUMENTS source, ADD, 0, 0, LOAD
#define SWAP_ARGUMENTS dest, SWAP, value, 0, EXCHANGE
#define SET_ARGUMENTS SWAP, value, STORE
#define COMPARE_SWAP_ARGUMENTS dest, COMPARE_SWAP, value, cond, COMPARE_EXCHANGE
#define FETCH_INC_ARGUMENTS dest, ADD, 1, 0, old = OPERATE(add, 1)
#define FETCH_ADD_ARGUMENTS dest, ADD, value, 0, old = OPERATE(add, value)
#define INC_ARGUMENTS ADD, 1, OPERATE(add, 1)
#define ADD_ARGUMENTS ADD, value, OPERATE(add, value)

#define MOVE_TYPED(A, T, N)                                                    \
    FETCHES(T, N, atomic_fetch, (const T *source), FETCH_ARGUMENTS)            \
    FETCHES(T, N, atomic_swap, (T * dest, T value), SWAP_ARGUMENTS)            \
    UPDATES(T, N, atomic_set, (T * dest, T value), SET_ARGUMENTS)

#define MATH_TYPED(A, T, N)                                                    \
    FETCHES(T, N, atomic_compare_swap, (T * dest, T cond, T value),            \
            COMPARE_SWAP_ARGUMENTS)                                            \
    FETCHES(T, N, atomic_fetch_inc, (T * dest), FETCH_INC_ARGUMENTS)           \
    FETCHES(T, N, atomic_fetch_add, (T * dest, T value), FETCH_ADD_ARGUMENTS)  \
    UPDATES(T, N, atomic_inc, (T * dest), INC_ARGUMENTS)                       \
    UPDATES(T, N, atomic_add, (T * dest, T value), ADD_ARGUMENTS)

#define BIT_OPERATION(T, N, O, KIND)                                           \
    FETCHES(T, N, atomic_fetch_##O, (T * dest, T value), dest, KIND, value, 0, \
            old = OPERATE(O, value))                                           \
    UPDATES(T, N, atomic_##O, (T * dest, T value), KIND, value,                \
            OPERATE(O, value))
#define BIT_TYPED(A, T, N)                                                     \
    BIT_OPERATION(T, N, and, AND)                                              \
    BIT_OPERATION(T, N, or, OR)                                                \
    BIT_OPERATION(T, N, xor, XOR)

SHMEM_AMO_EXTENDED_TYPES_(MOVE_TYPED, 0)
SHMEM_AMO_TYPES_(MATH_TYPED, 0)
SHMEM_AMO_BIT_TYPES_(BIT_TYPED, 0)

/* The deprecated names of the same operations. */
#define OLD_FETCHES(T, NAME, PARAMETERS, ...)                                  \
    FETCHES_FORM(T, NAME, (STRIP PARAMETERS, int pe), SHMEM_CTX_DEFAULT,       \
                 __VA_ARGS__)
#define OLD_UPDATES(T, NAME, PARAMETERS, ...)                                  \
    UPDATES_FORM(T, NAME, (STRIP PARAMETERS, int pe), SHMEM_CTX_DEFAULT,       \
                 __VA_ARGS__)
#define OLD_MOVE_TYPED(A, T, N)                                                \
    OLD_FETCHES(T, N##_fetch, (const T *source), FETCH_ARGUMENTS)              \
    OLD_FETCHES(T, N##_swap, (T * dest, T value), SWAP_ARGUMENTS)              \
    OLD_UPDATES(T, N##_set, (T * dest, T value), SET_ARGUMENTS)
#define OLD_MATH_TYPED(A, T, N)                                                \
    OLD_FETCHES(T, N##_cswap, (T * dest, T cond, T value),                     \
                COMPARE_SWAP_ARGUMENTS)                                        \
    OLD_FETCHES(T, N##_finc, (T * dest), FETCH_INC_ARGUMENTS)                  \
    OLD_FETCHES(T, N##_fadd, (T * dest, T value), FETCH_ADD_ARGUMENTS)         \
    OLD_UPDATES(T, N##_inc, (T * dest), INC_ARGUMENTS)                         \
    OLD_UPDATES(T, N##_add, (T * dest, T value), ADD_ARGUMENTS)

SHMEM_AMO_OLD_MOVE_TYPES_(OLD_MOVE_TYPED, 0)
SHMEM_AMO_OLD_TYPES_(OLD_MATH_TYPED, 0)
