/*
 * A heap that grows: after each step, every PE can access the new part of every
 * other PE, and the old parts are unchanged.
 */
#include "tests/mpi/tap.h"

enum {
    STEPS = 7,
    WORDS = 1000 /* bytes used at each end of a block */
};

static int me, n;

/* The values that a PE writes to another, at both ends of the block of a step.
 */
static uint64_t value(int from, int to, int step, int i)
{
    return ((uint64_t)from << 48 | (uint64_t)to << 32 | (uint64_t)step << 16) +
           (uint64_t)i;
}

static bool is_from(const uint64_t *words, int from, int to, int step)
{
    for (int i = 0; i < WORDS; i++) {
        if (words[i] != value(from, to, step, i))
            return false;
    }
    return true;
}

/* Each PE writes the words of the PE `distance` after it. */
static bool puts_and_gets(uint64_t *words, int step, int distance)
{
    int to = (me + distance) % n;
    int from = (me + n - distance % n) % n;
    uint64_t local[WORDS];
    for (int i = 0; i < WORDS; i++)
        local[i] = value(me, to, step, i);
    shmem_barrier_all();
    shmem_uint64_put_nbi(words, local, WORDS, to);
    shmem_barrier_all();
    bool good = is_from(words, from, me, step);
    memset(local, 0, sizeof(local));
    shmem_uint64_get(local, words, WORDS, to);
    return is_from(local, me, to, step) && good;
}

/* Every PE increments the last word of every PE. */
static bool adds(uint64_t *word)
{
    uint32_t *half = (uint32_t *)(void *)(word + 1);
    *word = 0;
    half[0] = half[1] = 0;
    shmem_barrier_all();
    for (int pe = 0; pe < n; pe++) {
        shmem_uint64_atomic_add(word, (uint64_t)me + 1, pe);
        shmem_uint32_atomic_fetch_inc(&half[1], pe);
    }
    shmem_barrier_all();
    return *word == (uint64_t)n * ((uint64_t)n + 1) / 2 && half[0] == 0 &&
           half[1] == (uint32_t)n;
}

static bool is_reached(uint64_t *block, size_t count, int step)
{
    uint64_t *end = block + count - WORDS;
    bool good = true;
    for (int distance = n; distance > 0; distance--) {
        good = puts_and_gets(end, step, distance) && good;
        good = puts_and_gets(block, step, distance) && good;
    }
    return adds(block + WORDS) && adds(end - 2) && good;
}

int main(void)
{
    uint64_t *blocks[STEPS];
    size_t counts[STEPS];
    char fact[80];
    shmem_init();
    tap_plan(STEPS + 4);
    me = shmem_my_pe();
    n = shmem_n_pes();
    for (int i = 0; i < STEPS; i++) {
        counts[i] = (size_t)10000 << 2 * i;
        blocks[i] = shmem_malloc(counts[i] * sizeof(uint64_t));
        bool there = tap_symmetric(blocks[i]);
        snprintf(fact, sizeof(fact), "a block of %zu bytes is reached",
                 counts[i] * sizeof(uint64_t));
        tap_ok(there && is_reached(blocks[i], counts[i], i), fact);
    }
    bool good = true;
    for (int i = 0; i < STEPS; i++) {
        int from = (me + n - 1) % n; /* the last distance is 1 */
        good = is_from(blocks[i], from, me, i) &&
               is_from(blocks[i] + counts[i] - WORDS, from, me, i) && good;
    }
    tap_ok(good, "data put before a growth is there after it");

    uint64_t *grown =
        shmem_realloc(blocks[STEPS - 1], 2 * counts[STEPS - 1] * 8);
    tap_ok(tap_symmetric(grown) &&
               is_reached(grown, 2 * counts[STEPS - 1], STEPS),
           "blocks grown by shmem_realloc() are accessible");
    for (int i = 0; i < STEPS - 1; i++)
        shmem_free(blocks[i]);
    shmem_free(grown);
    grown = shmem_malloc(counts[0] * sizeof(uint64_t));
    tap_ok(is_reached(grown, counts[0], STEPS),
           "blocks in freed space are accessible");
    void *many[100];
    size_t sizes[100];
    for (int i = 0; i < 100; i++)
        sizes[i] = (size_t)(2 * WORDS + 100 + 500 * i) * sizeof(uint64_t);
    good = shmemx_malloc_batch(100, sizes, many) == 0;
    for (int i = 0; i < 100 && good; i += 33)
        good = is_reached(many[i], sizes[i] / sizeof(uint64_t), i);
    tap_ok(good && shmemx_free_batch(100, many) == 0,
           "blocks of a batch are accessible");
    shmem_finalize();
    return 0;
}
