/*
 * Puts and gets between all pairs of PEs, of many sizes, blocking and
 * nonblocking.
 */
#include "tests/mpi/tap.h"

#ifdef __x86_64__
#include <emmintrin.h>
#endif

enum {
    LARGE = 3000000
};

static unsigned char value(int from, int to, size_t i)
{
    return (unsigned char)((size_t)from * 31 + (size_t)to * 17 + i * 3);
}

/* Each PE writes to its part of every other PE's block; all check the data. */
static bool puts_arrive(size_t size, bool blocking)
{
    int me = shmem_my_pe();
    int n = shmem_n_pes();
    unsigned char *block = shmem_malloc(size * (size_t)n);
    unsigned char *out = malloc(size);
    for (int pe = 0; pe < n; pe++) {
        for (size_t i = 0; i < size; i++)
            out[i] = value(me, pe, i);
        if (blocking) {
            shmem_putmem(block + (size_t)me * size, out, size, pe);
        } else {
            shmem_putmem_nbi(block + (size_t)me * size, out, size, pe);
            shmem_quiet();
        }
    }
    shmem_barrier_all();
    bool good = true;
    for (int pe = 0; pe < n; pe++) {
        for (size_t i = 0; i < size; i++)
            good = good && block[(size_t)pe * size + i] == value(pe, me, i);
    }
    free(out);
    shmem_free(block);
    return good;
}

static bool gets_see(size_t size, bool blocking)
{
    int me = shmem_my_pe();
    int n = shmem_n_pes();
    unsigned char *block = shmem_malloc(size);
    unsigned char *in = malloc(size);
    for (size_t i = 0; i < size; i++)
        block[i] = value(me, 0, i);
    shmem_barrier_all();
    bool good = true;
    for (int pe = 0; pe < n; pe++) {
        if (blocking) {
            shmem_getmem(in, block, size, pe);
        } else {
            shmem_getmem_nbi(in, block, size, pe);
            shmem_quiet();
        }
        for (size_t i = 0; i < size; i++)
            good = good && in[i] == value(pe, 0, i);
    }
    free(in);
    shmem_free(block);
    return good;
}

/* Flush a block from the caches, if the processor supports it. */
static void flush(const unsigned char *block, size_t size)
{
#ifdef __x86_64__
    for (size_t i = 0; i < size; i += 64)
        _mm_clflush(block + i);
    _mm_mfence();
#else
    (void)block;
    (void)size;
#endif
}

/* Fill a block, and flush it from the caches or not. */
static void refill(unsigned char *block, size_t size, bool cached)
{
    memset(block, 0xEE, size);
    if (!cached)
        flush(block, size);
}

/* Whether a block has the given bytes, and none beside them was changed. */
static bool is_exact(const unsigned char *block, const unsigned char *bytes,
                     size_t size)
{
    return memcmp(block, bytes, size) == 0 && block[-1] == 0xEE &&
           block[size] == 0xEE;
}

/* Sizes around the limits between ways to copy, at odd addresses on both sides,
 * with cached and uncached destinations, twice between the same blocks: all
 * bytes arrive, and no other byte changes. */
static bool copies_are_exact(void)
{
    static const size_t sizes[] = {
        767,     768,     769,         1023,   2048,   2049,
        4096,    32767,   32768,       524288, 524289, 2 * 524288 + 1,
        2097151, 2097152, 2097152 + 63};
    static const size_t starts[] = {64, 65, 127};
    int right = (shmem_my_pe() + 1) % shmem_n_pes();
    size_t room = LARGE;
    unsigned char *block = shmem_malloc(room);
    unsigned char *out = malloc(room);
    unsigned char *in = malloc(room);
    for (size_t i = 0; i < room; i++)
        out[i] = value(1, 2, i + i / 256);
    bool good = true;
    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]) * 18; k++) {
        size_t size = sizes[k / 18];
        bool cached = k % 18 < 9;
        size_t to = starts[k % 9 / 3];
        size_t from = starts[k % 3];
        int times = size < 65536 ? 2 : 1;
        for (int i = 0; i < times; i++) {
            refill(block, to + size + 64, cached);
            shmem_barrier_all();
            shmem_putmem(block + to, out + from, size, right);
            shmem_barrier_all();
            good = good && is_exact(block + to, out + from, size);
        }
        for (int i = 0; i < times; i++) {
            refill(in, from + size + 64, cached);
            shmem_getmem(in + from, block + to, size, right);
            good = good && is_exact(in + from, out + from, size);
        }
        shmem_barrier_all();
    }
    free(in);
    free(out);
    shmem_free(block);
    return good;
}

/* A copy of overlapping blocks within the memory of another PE of the node
 * behaves like memmove(). */
static bool overlapping_copies_move(void)
{
    int mine;
    int near = tap_node(&mine);
    int right = shmem_team_translate_pe(SHMEM_TEAM_SHARED, (mine + 1) % near,
                                        SHMEM_TEAM_WORLD);
    unsigned char *before = malloc(LARGE);
    unsigned char *block = shmem_malloc(LARGE);
    unsigned char *there = shmem_ptr(block, right);
    bool good = true;
    for (size_t size = 768; near > 1 && size < LARGE - 3; size *= 4) {
        for (size_t i = 0; i < size; i++)
            before[i] = there[i] = value(right, 0, i + i / 256);
        shmem_getmem(there + 3, block, size, right);
        good = good && memcmp(there + 3, before, size) == 0;
    }
    free(before);
    shmem_free(block);
    return good;
}

/* A flag after a fence never arrives before the data. */
static bool fence_orders(void)
{
    int me = shmem_my_pe();
    int right = (me + 1) % shmem_n_pes();
    int *data = shmem_calloc(1, sizeof(int));
    volatile int *flag = shmem_calloc(1, sizeof(int));
    bool good = true;
    for (int round = 1; round <= 200; round++) {
        shmem_putmem(data, &round, sizeof(round), right);
        shmem_fence();
        shmem_putmem((void *)(uintptr_t)flag, &round, sizeof(round), right);
        shmem_int_wait_until((int *)(uintptr_t)flag, SHMEM_CMP_GE, round);
        good = good && *(volatile int *)data >= round;
        shmem_barrier_all();
    }
    shmem_free(data);
    shmem_free((void *)(uintptr_t)flag);
    return good;
}

/* Fresh memory is not zeroed by calloc, so no PE may have written to it. */
static bool calloc_is_clean(void)
{
    char *block = shmem_malloc(LARGE * 8);
    bool inside = shmem_addr_accessible(block + LARGE * 8 - 1, 0) == 1;
    bool behind = shmem_addr_accessible(block + LARGE * 9, 0) == 1;
    shmem_free(block);
    return inside && !behind;
}

int main(void)
{
    static const size_t sizes[] = {1, 7, 8, 64, 4095, 65536, LARGE};
    bool good = true;
    shmem_init();
    tap_plan(10);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        good = puts_arrive(sizes[i], true) && good;
    tap_ok(good, "putmem writes every PE's memory");
    tap_ok(puts_arrive(1000, false), "putmem_nbi is complete after quiet");
    good = true;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        good = gets_see(sizes[i], true) && good;
    tap_ok(good, "getmem reads every PE's memory");
    tap_ok(gets_see(1000, false), "getmem_nbi is complete after quiet");

    tap_ok(copies_are_exact(), "copies of any length change nothing else");
    tap_ok(overlapping_copies_move(),
           "overlapping blocks are copied correctly");

    int local = 5;
    shmem_putmem(&local, &local, 0, 0);
    shmem_getmem(NULL, NULL, 0, shmem_n_pes() - 1);
    tap_ok(local == 5, "a length of 0 copies nothing");
    tap_ok(fence_orders(), "fence orders puts to one PE");

    tap_ok(calloc_is_clean(),
           "no put can write to memory that was never allocated");
    char *block = shmem_malloc(128);
    int mine;
    int near = tap_node(&mine);
    char *there = shmem_team_ptr(SHMEM_TEAM_SHARED, block, (mine + 1) % near);
    there[5] = (char)mine;
    shmem_barrier_all();
    tap_ok(block[5] == (char)((mine + near - 1) % near),
           "a store through shmem_ptr is visible after a barrier");
    shmem_finalize();
    return 0;
}
