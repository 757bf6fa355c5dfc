/*
 * Arithmetic on sizes that every part of memheap shares.
 */
#ifndef MEMHEAP_BASE_UTIL_H
#define MEMHEAP_BASE_UTIL_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Our own mistakes, in debug builds only; a caller's are always reported. */
#ifdef MEMHEAP_DEBUG
#define MEMHEAP_ASSERT(condition) assert(condition)
#else
#define MEMHEAP_ASSERT(condition) ((void)0)
#endif

#define MEMHEAP_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define MEMHEAP_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/** Kept out of its callers, whose common way it is not. */
#define MEMHEAP_NOINLINE __attribute__((noinline))
/** Always a part of its callers, however many or long they are. */
#define MEMHEAP_INLINE inline __attribute__((always_inline))

#define MEMHEAP_KIB ((size_t)1 << 10)
#define MEMHEAP_MIB ((size_t)1 << 20)
#define MEMHEAP_GIB ((size_t)1 << 30)

static inline bool memheap_is_power_of_two(size_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/** value, at the next multiple of align, a power of two. May wrap to 0. */
static inline size_t memheap_align_up(size_t value, size_t align)
{
    return (value + align - 1) & ~(align - 1);
}

static inline size_t memheap_align_down(size_t value, size_t align)
{
    return value & ~(align - 1);
}

/** Rounded-down base-2 logarithm of a value that is not 0. */
static inline unsigned memheap_log2_floor(size_t value)
{
    return 63u - (unsigned)__builtin_clzll(value);
}

/** Rounded-up base-2 logarithm of a value of at least 1. */
static inline unsigned memheap_log2_ceil(size_t value)
{
    return value <= 1 ? 0 : memheap_log2_floor(value - 1) + 1;
}

static inline size_t memheap_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t memheap_max(size_t a, size_t b)
{
    return a > b ? a : b;
}

#endif
