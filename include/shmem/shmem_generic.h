/*
 * The generic names of C11: shmem_put() and others for the type of their
 * arguments. Those of RMA and AMO accept a context in front.
 *
 * SHMEM_ANY_(family, table, first, second) is the routine for the type that
 * first points to, or for the one that second points to if first is a context.
 *
 * Source: OpenSHMEM 1.6, C11 bindings.
 */
#ifndef MEMHEAP_SHMEM_SHMEM_GENERIC_H
#define MEMHEAP_SHMEM_SHMEM_GENERIC_H

#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L &&                \
    !defined(__cplusplus)

/* The first and second of several arguments, and their number. */
#define SHMEM_FIRST_(...) SHMEM_FIRST_OF_(__VA_ARGS__, 0)
#define SHMEM_FIRST_OF_(first, ...) (first)
#define SHMEM_SECOND_(...) SHMEM_SECOND_OF_(__VA_ARGS__, 0, 0)
#define SHMEM_SECOND_OF_(first, second, ...) (second)
#define SHMEM_COUNT_(...) SHMEM_COUNT_OF_(__VA_ARGS__, 6, 5, 4, 3, 2, 1, 0)
#define SHMEM_COUNT_OF_(a, b, c, d, e, f, count, ...) count
#define SHMEM_JOIN_(a, b) SHMEM_JOIN_NOW_(a, b)
#define SHMEM_JOIN_NOW_(a, b) a##b

/* One association of a type with its routine. */
#define SHMEM_CASE_(family, type, name)                                        \
    type * : shmem_##name##_##family, const type * : shmem_##name##_##family,
#define SHMEM_CTX_CASE_(family, type, name)                                    \
    type * : shmem_ctx_##name##_##family,                                      \
             const type * : shmem_ctx_##name##_##family,

/*
 * For other types, the call goes to a function without parameters. So the
 * compiler reports too many arguments to a function whose name has the types
 * that fit. These functions do not exist.
 */
#define SHMEM_BASIC_TYPES_WANTED_                                              \
    shmem_wants_pointer_to_float_double_longdouble_char_schar_short_int_long_longlong_uchar_ushort_uint_ulong_ulonglong
#define SHMEM_AMO_EXTENDED_BASIC_TYPES_WANTED_                                 \
    shmem_wants_pointer_to_float_double_int_long_longlong_uint_ulong_ulonglong
#define SHMEM_AMO_BASIC_TYPES_WANTED_                                          \
    shmem_wants_pointer_to_int_long_longlong_uint_ulong_ulonglong
#define SHMEM_AMO_BIT_BASIC_TYPES_WANTED_                                      \
    shmem_wants_pointer_to_uint_ulong_ulonglong_int32_int64
#define SHMEM_AMO_OLD_MOVE_TYPES_WANTED_                                       \
    shmem_wants_pointer_to_float_double_int_long_longlong
#define SHMEM_AMO_OLD_TYPES_WANTED_ shmem_wants_pointer_to_int_long_longlong
#define SHMEM_WAIT_BASIC_TYPES_WANTED_                                         \
    shmem_wants_pointer_to_short_ushort_int_long_longlong_uint_ulong_ulonglong
#define SHMEM_REDUCE_BIT_GENERIC_TYPES_WANTED_                                 \
    shmem_wants_pointer_to_uchar_ushort_uint_ulong_ulonglong_int8_int16_int32_int64
#define SHMEM_REDUCE_SUM_BASIC_TYPES_WANTED_                                   \
    shmem_wants_pointer_to_float_double_longdouble_char_schar_short_int_long_longlong_uchar_ushort_uint_ulong_ulonglong_complexd_complexf
void SHMEM_BASIC_TYPES_WANTED_(void);
void SHMEM_AMO_EXTENDED_BASIC_TYPES_WANTED_(void);
void SHMEM_AMO_BASIC_TYPES_WANTED_(void);
void SHMEM_AMO_BIT_BASIC_TYPES_WANTED_(void);
void SHMEM_AMO_OLD_MOVE_TYPES_WANTED_(void);
void SHMEM_AMO_OLD_TYPES_WANTED_(void);
void SHMEM_WAIT_BASIC_TYPES_WANTED_(void);
void SHMEM_REDUCE_BIT_GENERIC_TYPES_WANTED_(void);
void SHMEM_REDUCE_SUM_BASIC_TYPES_WANTED_(void);

#define SHMEM_TYPED_(family, table, pointer)                                   \
    _Generic(pointer, table(SHMEM_CASE_, family) default : table##WANTED_)
#define SHMEM_ANY_(family, table, first, second)                               \
    _Generic(first, table(SHMEM_CASE_, family) shmem_ctx_t                     \
             : _Generic(second, table(SHMEM_CTX_CASE_, family) default         \
                        : table##WANTED_),                                     \
               default                                                         \
             : table##WANTED_)
#define SHMEM_RMA_ANY_(family, ...)                                            \
    SHMEM_ANY_(family, SHMEM_BASIC_TYPES_, SHMEM_FIRST_(__VA_ARGS__),          \
               SHMEM_SECOND_(__VA_ARGS__))                                     \
    (__VA_ARGS__)
#define SHMEM_AMO_ANY_(family, table, ...)                                     \
    SHMEM_ANY_(family, table, SHMEM_FIRST_(__VA_ARGS__),                       \
               SHMEM_SECOND_(__VA_ARGS__))                                     \
    (__VA_ARGS__)
#define SHMEM_TYPE_ANY_(family, table, ...)                                    \
    SHMEM_TYPED_(family, table, SHMEM_FIRST_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_TEAM_ANY_(family, table, ...)                                    \
    SHMEM_TYPED_(family, table, SHMEM_SECOND_(__VA_ARGS__))(__VA_ARGS__)

#define shmem_put(...) SHMEM_RMA_ANY_(put, __VA_ARGS__)
#define shmem_get(...) SHMEM_RMA_ANY_(get, __VA_ARGS__)
#define shmem_put_nbi(...) SHMEM_RMA_ANY_(put_nbi, __VA_ARGS__)
#define shmem_get_nbi(...) SHMEM_RMA_ANY_(get_nbi, __VA_ARGS__)
#define shmem_p(...) SHMEM_RMA_ANY_(p, __VA_ARGS__)
#define shmem_g(...) SHMEM_RMA_ANY_(g, __VA_ARGS__)
#define shmem_iput(...) SHMEM_RMA_ANY_(iput, __VA_ARGS__)
#define shmem_iget(...) SHMEM_RMA_ANY_(iget, __VA_ARGS__)
#define shmem_ibput(...) SHMEM_RMA_ANY_(ibput, __VA_ARGS__)
#define shmem_ibget(...) SHMEM_RMA_ANY_(ibget, __VA_ARGS__)
#define shmem_put_signal(...) SHMEM_RMA_ANY_(put_signal, __VA_ARGS__)
#define shmem_put_signal_nbi(...) SHMEM_RMA_ANY_(put_signal_nbi, __VA_ARGS__)

#define SHMEM_MOVE_ANY_(family, ...)                                           \
    SHMEM_AMO_ANY_(family, SHMEM_AMO_EXTENDED_BASIC_TYPES_, __VA_ARGS__)
#define SHMEM_MATH_ANY_(family, ...)                                           \
    SHMEM_AMO_ANY_(family, SHMEM_AMO_BASIC_TYPES_, __VA_ARGS__)
#define SHMEM_BIT_ANY_(family, ...)                                            \
    SHMEM_AMO_ANY_(family, SHMEM_AMO_BIT_BASIC_TYPES_, __VA_ARGS__)
#define shmem_atomic_fetch(...) SHMEM_MOVE_ANY_(atomic_fetch, __VA_ARGS__)
#define shmem_atomic_set(...) SHMEM_MOVE_ANY_(atomic_set, __VA_ARGS__)
#define shmem_atomic_swap(...) SHMEM_MOVE_ANY_(atomic_swap, __VA_ARGS__)
#define shmem_atomic_fetch_nbi(...)                                            \
    SHMEM_MOVE_ANY_(atomic_fetch_nbi, __VA_ARGS__)
#define shmem_atomic_swap_nbi(...) SHMEM_MOVE_ANY_(atomic_swap_nbi, __VA_ARGS__)
#define shmem_atomic_compare_swap(...)                                         \
    SHMEM_MATH_ANY_(atomic_compare_swap, __VA_ARGS__)
#define shmem_atomic_fetch_inc(...)                                            \
    SHMEM_MATH_ANY_(atomic_fetch_inc, __VA_ARGS__)
#define shmem_atomic_inc(...) SHMEM_MATH_ANY_(atomic_inc, __VA_ARGS__)
#define shmem_atomic_fetch_add(...)                                            \
    SHMEM_MATH_ANY_(atomic_fetch_add, __VA_ARGS__)
#define shmem_atomic_add(...) SHMEM_MATH_ANY_(atomic_add, __VA_ARGS__)
#define shmem_atomic_compare_swap_nbi(...)                                     \
    SHMEM_MATH_ANY_(atomic_compare_swap_nbi, __VA_ARGS__)
#define shmem_atomic_fetch_inc_nbi(...)                                        \
    SHMEM_MATH_ANY_(atomic_fetch_inc_nbi, __VA_ARGS__)
#define shmem_atomic_fetch_add_nbi(...)                                        \
    SHMEM_MATH_ANY_(atomic_fetch_add_nbi, __VA_ARGS__)
#define shmem_atomic_fetch_and(...)                                            \
    SHMEM_BIT_ANY_(atomic_fetch_and, __VA_ARGS__)
#define shmem_atomic_and(...) SHMEM_BIT_ANY_(atomic_and, __VA_ARGS__)
#define shmem_atomic_fetch_or(...) SHMEM_BIT_ANY_(atomic_fetch_or, __VA_ARGS__)
#define shmem_atomic_or(...) SHMEM_BIT_ANY_(atomic_or, __VA_ARGS__)
#define shmem_atomic_fetch_xor(...)                                            \
    SHMEM_BIT_ANY_(atomic_fetch_xor, __VA_ARGS__)
#define shmem_atomic_xor(...) SHMEM_BIT_ANY_(atomic_xor, __VA_ARGS__)
#define shmem_atomic_fetch_and_nbi(...)                                        \
    SHMEM_BIT_ANY_(atomic_fetch_and_nbi, __VA_ARGS__)
#define shmem_atomic_fetch_or_nbi(...)                                         \
    SHMEM_BIT_ANY_(atomic_fetch_or_nbi, __VA_ARGS__)
#define shmem_atomic_fetch_xor_nbi(...)                                        \
    SHMEM_BIT_ANY_(atomic_fetch_xor_nbi, __VA_ARGS__)

#define SHMEM_OLD_MOVE_ANY_(family, ...)                                       \
    SHMEM_TYPE_ANY_(family, SHMEM_AMO_OLD_MOVE_TYPES_, __VA_ARGS__)
#define SHMEM_OLD_ANY_(family, ...)                                            \
    SHMEM_TYPE_ANY_(family, SHMEM_AMO_OLD_TYPES_, __VA_ARGS__)
#define shmem_fetch(...) SHMEM_OLD_MOVE_ANY_(fetch, __VA_ARGS__)
#define shmem_set(...) SHMEM_OLD_MOVE_ANY_(set, __VA_ARGS__)
#define shmem_swap(...) SHMEM_OLD_MOVE_ANY_(swap, __VA_ARGS__)
#define shmem_cswap(...) SHMEM_OLD_ANY_(cswap, __VA_ARGS__)
#define shmem_finc(...) SHMEM_OLD_ANY_(finc, __VA_ARGS__)
#define shmem_inc(...) SHMEM_OLD_ANY_(inc, __VA_ARGS__)
#define shmem_fadd(...) SHMEM_OLD_ANY_(fadd, __VA_ARGS__)
#define shmem_add(...) SHMEM_OLD_ANY_(add, __VA_ARGS__)

#define shmem_signal_add(...)                                                  \
    SHMEM_JOIN_(SHMEM_SIGNAL_ADD_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_SIGNAL_ADD_3(...) (shmem_signal_add)(__VA_ARGS__)
#define SHMEM_SIGNAL_ADD_4(...) shmem_ctx_signal_add(__VA_ARGS__)
#define shmem_signal_set(...)                                                  \
    SHMEM_JOIN_(SHMEM_SIGNAL_SET_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_SIGNAL_SET_3(...) (shmem_signal_set)(__VA_ARGS__)
#define SHMEM_SIGNAL_SET_4(...) shmem_ctx_signal_set(__VA_ARGS__)

#define SHMEM_WAIT_ANY_(family, ...)                                           \
    SHMEM_TYPE_ANY_(family, SHMEM_AMO_BASIC_TYPES_, __VA_ARGS__)
#define shmem_wait_until(...)                                                  \
    SHMEM_TYPE_ANY_(wait_until, SHMEM_WAIT_BASIC_TYPES_, __VA_ARGS__)
#define shmem_test(...)                                                        \
    SHMEM_TYPE_ANY_(test, SHMEM_WAIT_BASIC_TYPES_, __VA_ARGS__)
#define shmem_wait_until_all(...) SHMEM_WAIT_ANY_(wait_until_all, __VA_ARGS__)
#define shmem_wait_until_any(...) SHMEM_WAIT_ANY_(wait_until_any, __VA_ARGS__)
#define shmem_wait_until_some(...) SHMEM_WAIT_ANY_(wait_until_some, __VA_ARGS__)
#define shmem_wait_until_all_vector(...)                                       \
    SHMEM_WAIT_ANY_(wait_until_all_vector, __VA_ARGS__)
#define shmem_wait_until_any_vector(...)                                       \
    SHMEM_WAIT_ANY_(wait_until_any_vector, __VA_ARGS__)
#define shmem_wait_until_some_vector(...)                                      \
    SHMEM_WAIT_ANY_(wait_until_some_vector, __VA_ARGS__)
#define shmem_test_all(...) SHMEM_WAIT_ANY_(test_all, __VA_ARGS__)
#define shmem_test_any(...) SHMEM_WAIT_ANY_(test_any, __VA_ARGS__)
#define shmem_test_some(...) SHMEM_WAIT_ANY_(test_some, __VA_ARGS__)
#define shmem_test_all_vector(...) SHMEM_WAIT_ANY_(test_all_vector, __VA_ARGS__)
#define shmem_test_any_vector(...) SHMEM_WAIT_ANY_(test_any_vector, __VA_ARGS__)
#define shmem_test_some_vector(...)                                            \
    SHMEM_WAIT_ANY_(test_some_vector, __VA_ARGS__)

#define SHMEM_MOVE_TEAM_(family, ...)                                          \
    SHMEM_TEAM_ANY_(family, SHMEM_BASIC_TYPES_, __VA_ARGS__)
#define shmem_alltoall(...) SHMEM_MOVE_TEAM_(alltoall, __VA_ARGS__)
#define shmem_alltoalls(...) SHMEM_MOVE_TEAM_(alltoalls, __VA_ARGS__)
#define shmem_broadcast(...) SHMEM_MOVE_TEAM_(broadcast, __VA_ARGS__)
#define shmem_collect(...) SHMEM_MOVE_TEAM_(collect, __VA_ARGS__)
#define shmem_fcollect(...) SHMEM_MOVE_TEAM_(fcollect, __VA_ARGS__)

#define SHMEM_BIT_TEAM_(family, ...)                                           \
    SHMEM_TEAM_ANY_(family, SHMEM_REDUCE_BIT_GENERIC_TYPES_, __VA_ARGS__)
#define SHMEM_SUM_TEAM_(family, ...)                                           \
    SHMEM_TEAM_ANY_(family, SHMEM_REDUCE_SUM_BASIC_TYPES_, __VA_ARGS__)
#define shmem_and_reduce(...) SHMEM_BIT_TEAM_(and_reduce, __VA_ARGS__)
#define shmem_or_reduce(...) SHMEM_BIT_TEAM_(or_reduce, __VA_ARGS__)
#define shmem_xor_reduce(...) SHMEM_BIT_TEAM_(xor_reduce, __VA_ARGS__)
#define shmem_max_reduce(...) SHMEM_MOVE_TEAM_(max_reduce, __VA_ARGS__)
#define shmem_min_reduce(...) SHMEM_MOVE_TEAM_(min_reduce, __VA_ARGS__)
#define shmem_sum_reduce(...) SHMEM_SUM_TEAM_(sum_reduce, __VA_ARGS__)
#define shmem_prod_reduce(...) SHMEM_SUM_TEAM_(prod_reduce, __VA_ARGS__)
#define shmem_sum_inscan(...) SHMEM_SUM_TEAM_(sum_inscan, __VA_ARGS__)
#define shmem_sum_exscan(...) SHMEM_SUM_TEAM_(sum_exscan, __VA_ARGS__)

#define shmem_sync(...)                                                        \
    SHMEM_JOIN_(SHMEM_SYNC_, SHMEM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define SHMEM_SYNC_1(team) shmem_team_sync(team)
#define SHMEM_SYNC_4(...) (shmem_sync)(__VA_ARGS__)

#endif

#endif
