/*
 * The type tables of OpenSHMEM.
 *
 * A table calls X(A, type, name) for each of its types, where A is handed
 * through. All typed routines are declared, defined, tested and made generic
 * by going over these tables, so a type is one line here.
 *
 * The tables for C11 generics leave out the types that are others by another
 * name: on 64-bit Linux int8_t is signed char, size_t is unsigned long, and
 * so on.
 *
 * Source: OpenSHMEM 1.6, tables of standard RMA, AMO, point-to-point and
 * reduction types.
 */
#ifndef MEMHEAP_SHMEM_SHMEM_TYPES_H
#define MEMHEAP_SHMEM_SHMEM_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
/* C++ has no _Complex, but its compilers do. */
__extension__ typedef double _Complex shmem_complex_double_t_;
__extension__ typedef float _Complex shmem_complex_float_t_;
#define SHMEM_COMPLEX_(type) shmem_complex_##type##_t_
#else
#define SHMEM_COMPLEX_(type) type _Complex
#endif

/* Groups that the tables below are made of. */
#define SHMEM_FLOATS_(X, A)                                                    \
    X(A, float, float)                                                         \
    X(A, double, double)                                                       \
    X(A, long double, longdouble)
#define SHMEM_UNSIGNED_LONGS_(X, A)                                            \
    X(A, unsigned int, uint)                                                   \
    X(A, unsigned long, ulong)                                                 \
    X(A, unsigned long long, ulonglong)
#define SHMEM_LONGS_(X, A)                                                     \
    X(A, int, int)                                                             \
    X(A, long, long)                                                           \
    X(A, long long, longlong)
#define SHMEM_EXACT_SHORTS_(X, A)                                              \
    X(A, int8_t, int8)                                                         \
    X(A, int16_t, int16)                                                       \
    X(A, uint8_t, uint8)                                                       \
    X(A, uint16_t, uint16)
#define SHMEM_EXACT_LONGS_(X, A)                                               \
    X(A, int32_t, int32)                                                       \
    X(A, int64_t, int64)                                                       \
    X(A, uint32_t, uint32)                                                     \
    X(A, uint64_t, uint64)
#define SHMEM_SIGNED_SHORTS_(X, A)                                             \
    X(A, char, char)                                                           \
    X(A, signed char, schar)                                                   \
    X(A, short, short)
#define SHMEM_UNSIGNED_SHORTS_(X, A)                                           \
    X(A, unsigned char, uchar)                                                 \
    X(A, unsigned short, ushort)

/** Remote memory access, and collectives that move data. */
#define SHMEM_RMA_TYPES_(X, A)                                                 \
    SHMEM_BASIC_TYPES_(X, A)                                                   \
    SHMEM_EXACT_SHORTS_(X, A)                                                  \
    SHMEM_EXACT_LONGS_(X, A)                                                   \
    X(A, size_t, size)                                                         \
    X(A, ptrdiff_t, ptrdiff)

/** The same, each type once. */
#define SHMEM_BASIC_TYPES_(X, A)                                               \
    SHMEM_FLOATS_(X, A)                                                        \
    SHMEM_SIGNED_SHORTS_(X, A)                                                 \
    SHMEM_LONGS_(X, A)                                                         \
    SHMEM_UNSIGNED_SHORTS_(X, A)                                               \
    SHMEM_UNSIGNED_LONGS_(X, A)

/** Atomics with arithmetic; waiting and testing. */
#define SHMEM_AMO_TYPES_(X, A)                                                 \
    SHMEM_AMO_BASIC_TYPES_(X, A)                                               \
    SHMEM_EXACT_LONGS_(X, A)                                                   \
    X(A, size_t, size)                                                         \
    X(A, ptrdiff_t, ptrdiff)
#define SHMEM_AMO_BASIC_TYPES_(X, A)                                           \
    SHMEM_LONGS_(X, A)                                                         \
    SHMEM_UNSIGNED_LONGS_(X, A)

/** Atomics that only move values. */
#define SHMEM_AMO_EXTENDED_TYPES_(X, A)                                        \
    X(A, float, float)                                                         \
    X(A, double, double)                                                       \
    SHMEM_AMO_TYPES_(X, A)
#define SHMEM_AMO_EXTENDED_BASIC_TYPES_(X, A)                                  \
    X(A, float, float)                                                         \
    X(A, double, double)                                                       \
    SHMEM_AMO_BASIC_TYPES_(X, A)

/** Bitwise atomics. */
#define SHMEM_AMO_BIT_TYPES_(X, A)                                             \
    SHMEM_UNSIGNED_LONGS_(X, A)                                                \
    SHMEM_EXACT_LONGS_(X, A)
#define SHMEM_AMO_BIT_BASIC_TYPES_(X, A)                                       \
    SHMEM_UNSIGNED_LONGS_(X, A)                                                \
    X(A, int32_t, int32)                                                       \
    X(A, int64_t, int64)

/** Waiting and testing once had these too. */
#define SHMEM_WAIT_OLD_TYPES_(X, A)                                            \
    X(A, short, short)                                                         \
    X(A, unsigned short, ushort)
#define SHMEM_WAIT_TYPES_(X, A)                                                \
    SHMEM_WAIT_OLD_TYPES_(X, A)                                                \
    SHMEM_AMO_TYPES_(X, A)
#define SHMEM_WAIT_BASIC_TYPES_(X, A)                                          \
    SHMEM_WAIT_OLD_TYPES_(X, A)                                                \
    SHMEM_AMO_BASIC_TYPES_(X, A)

/** Reductions over a team. */
#define SHMEM_REDUCE_BIT_TYPES_(X, A)                                          \
    SHMEM_REDUCE_BIT_BASIC_TYPES_(X, A)                                        \
    SHMEM_EXACT_SHORTS_(X, A)                                                  \
    SHMEM_EXACT_LONGS_(X, A)                                                   \
    X(A, size_t, size)
#define SHMEM_REDUCE_BIT_BASIC_TYPES_(X, A)                                    \
    SHMEM_UNSIGNED_SHORTS_(X, A)                                               \
    SHMEM_UNSIGNED_LONGS_(X, A)
/** Of these, int8_t to int64_t are basic types by another name. */
#define SHMEM_REDUCE_BIT_GENERIC_TYPES_(X, A)                                  \
    SHMEM_REDUCE_BIT_BASIC_TYPES_(X, A)                                        \
    X(A, int8_t, int8)                                                         \
    X(A, int16_t, int16)                                                       \
    X(A, int32_t, int32)                                                       \
    X(A, int64_t, int64)
#define SHMEM_REDUCE_ORDER_TYPES_(X, A) SHMEM_RMA_TYPES_(X, A)
#define SHMEM_REDUCE_ORDER_BASIC_TYPES_(X, A) SHMEM_BASIC_TYPES_(X, A)
#define SHMEM_REDUCE_SUM_TYPES_(X, A)                                          \
    SHMEM_REDUCE_ORDER_TYPES_(X, A)                                            \
    SHMEM_COMPLEX_TYPES_(X, A)
#define SHMEM_REDUCE_SUM_BASIC_TYPES_(X, A)                                    \
    SHMEM_BASIC_TYPES_(X, A)                                                   \
    SHMEM_COMPLEX_TYPES_(X, A)
#define SHMEM_COMPLEX_TYPES_(X, A)                                             \
    X(A, SHMEM_COMPLEX_(double), complexd)                                     \
    X(A, SHMEM_COMPLEX_(float), complexf)

/** Reductions over an active set. */
#define SHMEM_TO_ALL_BIT_TYPES_(X, A)                                          \
    X(A, short, short)                                                         \
    SHMEM_LONGS_(X, A)
#define SHMEM_TO_ALL_ORDER_TYPES_(X, A)                                        \
    SHMEM_TO_ALL_BIT_TYPES_(X, A)                                              \
    SHMEM_FLOATS_(X, A)
#define SHMEM_TO_ALL_SUM_TYPES_(X, A)                                          \
    SHMEM_TO_ALL_ORDER_TYPES_(X, A)                                            \
    SHMEM_COMPLEX_TYPES_(X, A)

/** Atomics by their names of old. */
#define SHMEM_AMO_OLD_TYPES_(X, A) SHMEM_LONGS_(X, A)
#define SHMEM_AMO_OLD_MOVE_TYPES_(X, A)                                        \
    X(A, float, float)                                                         \
    X(A, double, double)                                                       \
    SHMEM_LONGS_(X, A)

/** shmem_TYPE_wait() */
#define SHMEM_WAIT_OLDEST_TYPES_(X, A)                                         \
    X(A, short, short)                                                         \
    SHMEM_LONGS_(X, A)

/** Elements by their size in bits. */
#define SHMEM_SIZES_(X, A)                                                     \
    X(A, void, 8)                                                              \
    X(A, void, 16)                                                             \
    X(A, void, 32)                                                             \
    X(A, void, 64)                                                             \
    X(A, void, 128)

#endif
