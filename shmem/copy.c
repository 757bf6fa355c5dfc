/*
 * Long copies, by other means than memmove() where measurements favour them.
 *
 * Which way is the fastest depends on where the blocks are:
 *   - Blocks up to 2 KiB, and blocks that are in the first-level cache, are
 *     copied by wide loads and stores. Longer blocks are in that cache if the
 *     same two blocks were copied last. The C library uses string instructions
 *     from about 2 KiB on, which are slower there, and faster elsewhere. Below,
 *     it loads the end of the source early, which confuses the prefetcher.
 *   - Blocks larger than the second-level cache are copied past the caches,
 *     which avoids reading the destination. The C library does so only from
 *     three quarters of the shared cache on, which may be hundreds of
 *     megabytes.
 *   - If the destination is in the shared cache, there is nothing to avoid, and
 *     the stored data stays there for its next reader. The size of a PE's part
 *     of that cache depends on its neighbours, so it is measured: loads of a
 *     few lines of the destination are timed against those of a line that was
 *     just flushed.
 *   - All else is left to the C library, in pieces: it gives up string
 *     instructions for longer blocks.
 *
 * Processors without AVX-512 were not measured, and use the C library for all.
 * bench/copy-ways.c measures each way; docs/performance.md has its table.
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
    STEP = 4 * LINE, /* bytes per iteration of the wide loop */
    PAGE = 4096,
    SHORT = 2 * 1024,         /* up to this size: wide loads */
    WIDE = 32 * 1024,         /* below this size: wide loads if repeated */
    PIECE = 512 * 1024,       /* at most, of a copy by the C library */
    STREAM = 2 * 1024 * 1024, /* from this size on: past the caches */
    PROBES = 7                /* maximum number of timed loads */
};

/* A cache line at any address, with data of any type. */
typedef long long line_t
    __attribute__((vector_size(LINE), aligned(1), may_alias));

/* Copy blocks of at least STEP bytes that do not overlap. */
__attribute__((target("avx512f"))) static void
copy_wide(char *dest, const char *source, size_t size)
{
    size_t i = LINE - (uintptr_t)dest % LINE;
    *(line_t *)(void *)dest = *(const line_t *)(const void *)source;
    for (; i + STEP <= size; i += STEP) {
        const line_t *from = (const line_t *)(const void *)(source + i);
        line_t *to = (line_t *)(void *)(dest + i);
        const line_t lines[] = {from[0], from[1], from[2], from[3]};
        to[0] = lines[0];
        to[1] = lines[1];
        to[2] = lines[2];
        to[3] = lines[3];
    }
    for (; i + LINE <= size; i += LINE)
        *(line_t *)(void *)(dest + i) =
            *(const line_t *)(const void *)(source + i);
    i = size - LINE;
    *(line_t *)(void *)(dest + i) = *(const line_t *)(const void *)(source + i);
}

/* Copy blocks of at least LINE bytes that do not overlap. */
__attribute__((target("avx512f"))) static void
copy_past_caches(char *dest, const char *source, size_t size)
{
    size_t i = LINE - (uintptr_t)dest % LINE;
    memcpy(dest, source, LINE);
    for (; i + LINE <= size; i += LINE)
        _mm512_stream_si512((void *)(dest + i), _mm512_loadu_si512(source + i));
    memcpy(dest + i, source + i, size - i);
    _mm_sfence();
}

/* Copy blocks that do not overlap by the C library. */
static void copy_in_pieces(char *dest, const char *source, size_t size)
{
    for (; size > PIECE; size -= PIECE, dest += PIECE, source += PIECE)
        memcpy(dest, source, PIECE);
    memcpy(dest, source, size);
}

/* The last of this thread's copies that were not always wide. */
static _Thread_local struct {
    const char *dest, *source;
    bool tried; /* to bring the destination into a cache */
} previous __attribute__((tls_model("initial-exec")));

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
        /* Not a line that the processor prefetches, with the one above or
         * because it lies at a constant distance from the last ones. */
        if (time_of_load(page + (8 + i * i % 48) * LINE) < limit)
            cached++;
        else
            other++;
    }
    return cached > other;
}

/* Whether to copy at least STREAM bytes past the caches: if the destination is
 * in no cache. If it is that of the last copy again, try once to bring it into
 * a cache, which may be too small. */
static bool is_to_memory(const char *dest, size_t size)
{
    bool cached = is_cached(dest, size);
    bool again = previous.dest == dest;
    bool past = !cached && !(again && !previous.tried);
    previous.tried = again && !cached;
    previous.dest = dest;
    return past;
}

/* Whether the two blocks were copied last. */
static bool is_repeated(const char *dest, const char *source)
{
    bool same = previous.dest == dest && previous.source == source;
    previous.dest = dest;
    previous.source = source;
    return same;
}

void memheap_copy_long(void *dest, const void *source, size_t size)
{
    uintptr_t to = (uintptr_t)dest;
    uintptr_t from = (uintptr_t)source;
    if (to - from < size || from - to < size)
        memmove(dest, source, size);
    /* Other processors with AVX-512 run slower after its instructions. */
    else if (!__builtin_cpu_supports("avx512vbmi2"))
        memcpy(dest, source, size);
    else if (size <= SHORT || (size < WIDE && is_repeated(dest, source)))
        copy_wide(dest, source, size);
    else if (size >= STREAM && is_to_memory(dest, size))
        copy_past_caches(dest, source, size);
    else
        copy_in_pieces(dest, source, size);
}
#else
void memheap_copy_long(void *dest, const void *source, size_t size)
{
    memmove(dest, source, size);
}
#endif
