/*
 * Arithmetic on sizes, and attributes of functions.
 */
#ifndef MEMHEAP_BASE_UTIL_H
#define MEMHEAP_BASE_UTIL_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

/** Checks our own invariants, in debug builds only. A caller's mistakes are
 *  always reported. */
#ifdef MEMHEAP_DEBUG
#define MEMHEAP_ASSERT(condition) assert(condition)
#else
#define MEMHEAP_ASSERT(condition) ((void)0)
#endif

#define MEMHEAP_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define MEMHEAP_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/** Never inline: for slow paths. */
#define MEMHEAP_NOINLINE __attribute__((noinline))
/** Always inline. */
#define MEMHEAP_INLINE inline __attribute__((always_inline))

#define MEMHEAP_KIB ((size_t)1 << 10)
#define MEMHEAP_MIB ((size_t)1 << 20)
#define MEMHEAP_GIB ((size_t)1 << 30)

static inline bool memheap_is_power_of_two(size_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/** Round value up to a multiple of align, a power of two. May wrap to 0. */
static inline size_t memheap_align_up(size_t value, size_t align)
{
    return (value + align - 1) & ~(align - 1);
}

static inline size_t memheap_align_down(size_t value, size_t align)
{
    return value & ~(align - 1);
}

/** Bytes of the system's smallest page. */
static inline size_t memheap_page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/** Round size up to whole pages. May wrap to 0. */
static inline size_t memheap_page_round(size_t size)
{
    return memheap_align_up(size, memheap_page_size());
}

/** Base-2 logarithm, rounded down. value is not 0. */
static inline unsigned memheap_log2_floor(size_t value)
{
    return 63u - (unsigned)__builtin_clzll(value);
}

/** Base-2 logarithm, rounded up. value is at least 1. */
static inline unsigned memheap_log2_ceil(size_t value)
{
    return value <= 1 ? 0 : memheap_log2_floor(value - 1) + 1;
}

/** Fetch a cache line that this thread will write to. Compilers fetch it for
 *  reading unless they may assume a recent processor; older ones ignore this.
 */
static inline void memheap_prefetch_write(const void *line)
{
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)line));
#else
    __builtin_prefetch(line, 1);
#endif
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
