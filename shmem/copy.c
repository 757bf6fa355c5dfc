/*
 * Long copies, by other means than memmove() where measurements favour them.
 *
 * Blocks that fit into the first-level cache are copied by wide loads and
 * stores. The C library uses string instructions there, which do not overlap
 * with the instructions around them. Blocks larger than the second-level cache
 * are copied past the caches, four pages in parallel: that avoids reading the
 * destination, and keeps more memory banks busy. The C library does so only
 * from three quarters of the shared cache on, which may be hundreds of
 * megabytes.
 *
 * If the destination is in the shared cache, there is nothing to avoid, and the
 * stored data stays there for its next reader. The size of a PE's part of that
 * cache depends on its neighbours, so it is measured: loads of a few lines of
 * the destination are timed against those of a line that was just flushed.
 *
 * Measured on a Xeon of 2023 with glibc 2.36, in GB/s, as "memcpy(), this":
 * 4 KiB 128, 184; 64 MiB in memory 7.2, 10.6. Between these sizes, wide loads
 * were not faster. Past the caches, copying two blocks back and forth: 4 MiB
 * 9.1, 12.7; 16 MiB 9.0, 12.7; 64 MiB, which the cache kept in part, 10.5, 7.2;
 * with neither block in a cache: 4 MiB 8.2, 5.2; 16 MiB 8.4, 5.3. A load took
 * 58 to 130 cycles if cached, else 262 to 330.
 */
#include "config.h"

#include "shmem/copy.h"

#include <stdint.h>

#ifdef __x86_64__
#include <x86intrin.h>

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>

enum {
    LINE = 64,
    STEP = 2 * LINE, /* bytes per iteration of the wide loop */
    PAGE = 4096,
    PAGES = 4,                /* copied in parallel */
    WIDE = 32 * 1024,         /* below this size: wide loads */
    STREAM = 2 * 1024 * 1024, /* from this size on: past the caches */
    PROBES = 7                /* maximum number of timed loads */
};

/* A cache line at any address, with data of any type. */
typedef long long line_t
    __attribute__((vector_size(LINE), aligned(1), may_alias));

/* Copy blocks of at least STEP bytes that do not overlap. The ends are loaded
 * before the first store: if a load and a recent store have the same offset in
 * their pages, the processor assumes that the load depends on the store. */
__attribute__((target("avx512f"))) static void
copy_wide(char *dest, const char *source, size_t size)
{
    const line_t head = *(const line_t *)(const void *)source;
    const line_t *end = (const line_t *)(const void *)(source + size);
    const line_t tail[] = {end[-2], end[-1]};
    *(line_t *)(void *)dest = head;
    for (size_t i = LINE - (uintptr_t)dest % LINE; i + STEP < size; i += STEP) {
        const line_t *from = (const line_t *)(const void *)(source + i);
        line_t *to = (line_t *)(void *)(dest + i);
        const line_t both[] = {from[0], from[1]};
        to[0] = both[0];
        to[1] = both[1];
    }
    line_t *last = (line_t *)(void *)(dest + size);
    last[-2] = tail[0];
    last[-1] = tail[1];
}

/* Copy an aligned cache line past the caches. */
static inline void stream_line(char *dest, const char *source)
{
    for (int i = 0; i < LINE; i += 16)
        _mm_stream_si128((__m128i *)(void *)(dest + i),
                         _mm_loadu_si128((const void *)(source + i)));
}

/* Copy blocks of at least LINE bytes that do not overlap. */
static void copy_past_caches(char *dest, const char *source, size_t size)
{
    size_t done = LINE - (uintptr_t)dest % LINE;
    memcpy(dest, source, LINE);
    for (; done + PAGES * PAGE <= size; done += PAGES * PAGE) {
        for (size_t line = done; line < done + PAGE; line += LINE) {
            for (size_t i = 0; i < PAGES * PAGE; i += PAGE)
                stream_line(dest + line + i, source + line + i);
        }
    }
    memcpy(dest + done, source + done, size - done);
    _mm_sfence();
}

/* The cycles of a load, with some overhead. */
static unsigned time_of_load(const volatile char *from)
{
    _mm_lfence();
    uint64_t start = __rdtsc();
    _mm_lfence();
    (void)*from;
    _mm_lfence();
    return (unsigned)(__rdtsc() - start);
}

/* The cycles of a load from memory. */
static unsigned time_of_memory(void)
{
    static _Alignas(PAGE) char page[PAGE];
    static _Atomic unsigned known;
    unsigned least = atomic_load_explicit(&known, memory_order_relaxed);
    if (least != 0)
        return least;
    least = UINT_MAX;
    for (int i = 0; i < PROBES; i++) {
        const volatile char *line = page + PAGE / 2;
        _mm_clflush(page + PAGE / 2);
        _mm_mfence();
        (void)*(const volatile char *)page; /* load the page translation */
        unsigned time = time_of_load(line);
        least = time < least ? time : least;
    }
    atomic_store_explicit(&known, least, memory_order_relaxed);
    return least;
}

/* Whether most of a block of at least STREAM bytes is in a cache. */
static bool is_cached(const char *block, size_t size)
{
    const unsigned limit = time_of_memory() / 3 * 2;
    int cached = 0;
    int other = 0;
    for (size_t i = 1; cached <= PROBES / 2 && other <= PROBES / 2; i++) {
        uintptr_t address = (uintptr_t)block + size / (PROBES + 1) * i;
        const volatile char *page =
            (const volatile char *)(address - address % PAGE);
        (void)*page;
        /* Not a line that the processor prefetches with the one above. */
        if (time_of_load(page + PAGE / 2 + i * LINE) < limit)
            cached++;
        else
            other++;
    }
    return cached > other;
}

void memheap_copy_long(void *dest, const void *source, size_t size)
{
    uintptr_t to = (uintptr_t)dest;
    uintptr_t from = (uintptr_t)source;
    if (to - from < size || from - to < size)
        memmove(dest, source, size);
    else if (size >= STREAM && !is_cached(dest, size))
        copy_past_caches(dest, source, size);
    /* Processors without these instructions run slower after wide ones. */
    else if (size < WIDE && __builtin_cpu_supports("avx512vbmi2"))
        copy_wide(dest, source, size);
    else
        memcpy(dest, source, size);
}
#else
void memheap_copy_long(void *dest, const void *source, size_t size)
{
    memmove(dest, source, size);
}
#endif
