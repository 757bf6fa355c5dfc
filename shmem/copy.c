/*
 * Long copies, by other means than memmove() where those were measured to win.
 *
 * What fits into the first-level cache is copied by wide loads and stores: the
 * C library takes string instructions there, which do not overlap with what
 * comes before and after them. What does not fit into the second-level one
 * goes past the caches, four pages side by side: that spares reading the
 * destination, and keeps more banks of memory busy. The C library does so from
 * three quarters of the shared cache on, which may be hundreds of megabytes.
 *
 * But where the destination is in the shared cache, there is nothing to spare,
 * and what is stored stays there for whoever reads it next. How much of that
 * cache a PE has is up to its neighbours, so it is tried: loads of a few lines
 * of the destination are timed against those of a line that was just flushed.
 *
 * Measured on a Xeon of 2023 with glibc 2.36, in GB/s, with memcpy() and so:
 * 4 KiB 128, 184; 64 MiB in memory 7.2, 10.6. Between, wide loads were no
 * faster. Past the caches, against memcpy(), where two blocks are copied to and
 * fro: 4 MiB 9.1, 12.7; 16 MiB 9.0, 12.7; 64 MiB, of which the cache kept less,
 * 10.5, 7.2; and where neither block was in a cache: 4 MiB 8.2, 5.2; 16 MiB
 * 8.4, 5.3. A load took 58 to 130 cycles if cached, else 262 to 330.
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
    STEP = 2 * LINE, /* bytes of a turn of the wide loop */
    PAGE = 4096,
    PAGES = 4,                /* side by side */
    WIDE = 32 * 1024,         /* less than so many bytes: wide */
    STREAM = 2 * 1024 * 1024, /* so many or more: past the caches */
    PROBES = 7                /* lines whose loads are timed, at most */
};

/* A cache line at any address, whatever type it has there. */
typedef long long line_t
    __attribute__((vector_size(LINE), aligned(1), may_alias));

/* Blocks that do not overlap, of at least STEP bytes. The ends are loaded
 * before anything is stored: a processor takes a load for one of what it just
 * stored if both lie at the same place of a page. */
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

/* One cache line, which lies at a multiple of its size, past the caches. */
static inline void stream_line(char *dest, const char *source)
{
    for (int i = 0; i < LINE; i += 16)
        _mm_stream_si128((__m128i *)(void *)(dest + i),
                         _mm_loadu_si128((const void *)(source + i)));
}

/* Blocks that do not overlap, of at least LINE bytes. */
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

/* Cycles that a load takes, or a bit more. */
static unsigned time_of_load(const volatile char *from)
{
    _mm_lfence();
    uint64_t start = __rdtsc();
    _mm_lfence();
    (void)*from;
    _mm_lfence();
    return (unsigned)(__rdtsc() - start);
}

/* The same of a load from memory. */
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
        (void)*(const volatile char *)page; /* where the page is */
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
        uintptr_t place = (uintptr_t)block + size / (PROBES + 1) * i;
        const volatile char *page =
            (const volatile char *)(place - place % PAGE);
        (void)*page;
        /* Not where the processor fetches with the line above. */
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
