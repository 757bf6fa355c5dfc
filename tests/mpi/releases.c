/*
 * Releases: a block ends when all PEs have released it, in the next collective
 * call of its heap.
 */
#include "tests/mpi/tap.h"

#include <memheap/mpi.h>

enum {
    BLOCKS = 60,
    ROUNDS = 40,
    KIB = 1024
};

static int me, n;

/* The next number of a sequence that is the same on all PEs. xorshift64*;
 * S. Vigna, 2016. */
static uint64_t draw(uint64_t below)
{
    static uint64_t state = UINT64_C(0x9E3779B97F4A7C15);
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (state * UINT64_C(2685821657736338717) >> 16) % below;
}

/* A block stays while a PE has not released it, and that PE can use all copies.
 */
static bool lives_until_the_last(void)
{
    size_t before = shmemx_heap_free();
    long *block = shmem_calloc(1000, sizeof(*block));
    size_t without = shmemx_heap_free();
    bool good = true;
    for (int last = 0; last < n; last++) {
        if (me != last)
            good = good && shmemx_release(block) == 0;
        shmem_free(shmem_malloc(64));
        good = good && shmemx_heap_free() == without;
        if (me == last) {
            for (int pe = 0; pe < n; pe++)
                shmem_long_p(block + 999, last + 1, pe);
            shmem_quiet();
            for (int pe = 0; pe < n; pe++)
                good = good && shmem_long_g(block + 999, pe) == last + 1;
            good = good && shmemx_release(block) == 0;
            good = good && shmemx_release(NULL) == 0;
        }
        good = good && shmemx_heap_released() >= 8000;
        shmem_barrier_all(); /* ends no block */
        good = good && shmemx_heap_free() == without;
        shmem_barrier_all();
        long *other = shmem_malloc(8); /* ends it */
        good = good && shmemx_heap_released() == 0;
        shmem_free(other);
        good = good && shmemx_heap_free() == before;
        block = shmem_calloc(1000, sizeof(*block));
        good = good && shmemx_heap_free() == without;
    }
    shmem_free(block);
    return good && shmemx_heap_free() == before;
}

static bool collect_ends_at_once(void)
{
    void *blocks[BLOCKS];
    bool good = shmemx_heap_collect() == 0;
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = shmem_malloc(100);
    size_t without = shmemx_heap_free();
    for (int i = 0; i < BLOCKS; i++) /* another order on each PE */
        good = good && shmemx_release(blocks[(i * 7 + me * 13) % BLOCKS]) == 0;
    good = good && shmemx_heap_collect() == BLOCKS;
    good = good && shmemx_heap_released() == 0;
    good = good && shmemx_heap_free() > without;
    return good && shmemx_heap_collect() == 0 && shmemx_heap_check() == 0;
}

/* Each call that allocates, resizes or frees ends a released block. */
static bool every_call_collects(void)
{
    bool good = true;
    void *kept = shmem_malloc(100);
    for (int call = 0; call < 9; call++) {
        size_t sizes[2] = {100, 200};
        void *batch[2] = {NULL, NULL};
        void *block = shmem_malloc(100);
        void *got = NULL;
        good = good && shmemx_release(block) == 0;
        good = good && shmemx_heap_released() > 0;
        switch (call) {
        case 0:
            got = shmem_malloc(100);
            break;
        case 1:
            got = shmem_calloc(2, 50);
            break;
        case 2:
            got = shmem_align(256, 100);
            break;
        case 3:
            got = shmem_malloc_with_hints(100, 0);
            break;
        case 4:
            kept = shmem_realloc(kept, 5000);
            break;
        case 5:
            kept = shmem_realloc(kept, 50);
            break;
        case 6:
            shmemx_malloc_batch(2, sizes, batch);
            break;
        case 7:
            batch[0] = kept;
            shmemx_free_batch(1, batch);
            kept = batch[0] = NULL;
            break;
        default:
            shmem_free(kept = shmem_malloc(100));
            kept = NULL;
            break;
        }
        good = good && shmemx_heap_released() == 0;
        shmem_free(got);
        shmemx_free_batch(2, batch);
        if (kept == NULL)
            kept = shmem_malloc(100);
    }
    shmem_free(kept);
    return good && shmemx_heap_check() == 0;
}

/* Blocks of random sizes. Each PE releases each of them at its own time; all
 * draw the same numbers, so each knows which blocks live. */
static bool ends_as_a_model_says(shmemx_space_t space)
{
    struct {
        char *at;
        size_t size;
        int waits_for; /* PEs */
        int when[64];  /* the round in which a PE releases it */
    } block[BLOCKS] = {{.at = NULL}};
    bool good = true;
    for (int round = 0; round < ROUNDS; round++) {
        size_t ended = 0;
        for (int i = 0; i < BLOCKS; i++) {
            if (block[i].at == NULL)
                continue;
            for (int pe = 0; pe < n; pe++)
                block[i].waits_for -= block[i].when[pe] == round;
            if (block[i].when[me] == round)
                good = good && shmemx_release(block[i].at) == 0;
            else if (block[i].when[me] > round) /* not overwritten */
                good = good && block[i].at[0] == (char)i &&
                       block[i].at[block[i].size - 1] == (char)me;
            if (block[i].waits_for == 0) {
                ended++;
                block[i].at = NULL;
            }
        }
        if (draw(2) == 0)
            good = good && shmemx_space_collect(space) == ended;
        for (int k = 0; k < 10; k++) {
            int i = (int)draw(BLOCKS);
            size_t size = 2 + draw(3000);
            int most = 1 + (int)draw(8);
            int spread = (int)draw(3);
            if (block[i].at != NULL)
                continue;
            block[i].at = shmemx_space_malloc(space, size);
            block[i].size = size;
            block[i].waits_for = n;
            for (int pe = 0; pe < n; pe++)
                block[i].when[pe] =
                    round + most + (int)draw(spread == 0 ? 1 : 6);
            good = good && block[i].at != NULL;
            if (block[i].at == NULL)
                return false;
            block[i].at[0] = (char)i;
            block[i].at[size - 1] = (char)me;
        }
        /* No two blocks overlap, though some of them wait. */
        for (int i = 0; i < BLOCKS; i++)
            for (int k = 0; k < i; k++)
                good = good && (block[i].at == NULL || block[k].at == NULL ||
                                block[i].at + block[i].size <= block[k].at ||
                                block[k].at + block[k].size <= block[i].at);
    }
    for (int i = 0; i < BLOCKS; i++) {
        if (block[i].at != NULL && block[i].when[me] >= ROUNDS)
            good = good && shmemx_release(block[i].at) == 0;
    }
    shmemx_space_collect(space);
    return good && shmemx_space_released(space) == 0;
}

/* A call that finds no space is tried again after released blocks have ended,
 * and nothing is printed. */
static bool full_space_is_found(void)
{
    shmemx_space_config_t config = {.size = 256 * KIB};
    shmemx_space_t space;
    if (shmemx_space_create(&config, &space) != 0)
        return false;
    bool good = true;
    for (int call = 0; call < 4; call++) {
        char *all = shmemx_space_malloc(space, 256 * KIB);
        good = good && all != NULL && shmemx_release(all) == 0;
        good = good && shmemx_space_released(space) == 256 * KIB;
        if (call == 0)
            all = shmemx_space_malloc(space, 256 * KIB);
        else if (call == 1)
            all = shmemx_space_calloc(space, 256, KIB);
        else if (call == 2)
            all = shmemx_space_align(space, 64, 256 * KIB);
        else
            all = shmemx_space_realloc(space, NULL, 256 * KIB);
        good = good && all != NULL && shmemx_space_released(space) == 0;
        shmemx_space_free(space, all);
    }
    /* Only some PEs have released it: it stays, and the call fails. */
    char *whole = shmemx_space_malloc(space, 256 * KIB);
    if (me == 0 && n > 1)
        good = good && shmemx_release(whole) == 0;
    if (n > 1)
        good = good && shmemx_space_malloc(space, 256 * KIB) == NULL;
    if (me != 0 || n == 1)
        good = good && shmemx_release(whole) == 0;
    good = good && shmemx_space_malloc(space, 256 * KIB) == whole;
    shmemx_space_free(space, whole);
    shmem_team_destroy(shmemx_space_get_team(space));
    return shmemx_space_destroy(space) == 0 && good;
}

/* The same for the heap of a communicator. */
static bool works_over_mpi(void)
{
    memheap_mpi_t *heap = NULL;
    memheap_config_t config = {.name = "mpi", .size = 256 * KIB};
    if (memheap_mpi_create(MPI_COMM_WORLD, &config, &heap) != MEMHEAP_OK)
        return false;
    bool good = true;
    size_t ended = 7;
    char *block = memheap_mpi_malloc(heap, 200 * KIB);
    for (int i = 0; i < 3; i++) {
        char *next = NULL;
        good = good && memheap_mpi_release(heap, block) == MEMHEAP_OK;
        good = good && memheap_mpi_released(heap) >= 200 * KIB;
        next = memheap_mpi_malloc(heap, 200 * KIB); /* it has space for one */
        good = good && next == block && memheap_mpi_released(heap) == 0;
        block = next;
    }
    void *kept = memheap_mpi_malloc(heap, 100);
    good = good && memheap_mpi_release(heap, NULL) == MEMHEAP_OK;
    good = good && memheap_mpi_release(heap, block) == MEMHEAP_OK;
    good = good && memheap_mpi_collect(heap, &ended) == MEMHEAP_OK;
    good = good && ended == 1;
    good = good && memheap_mpi_collect(heap, NULL) == MEMHEAP_OK;
    if (me == 0)
        good = good && memheap_mpi_release(heap, kept) == MEMHEAP_OK;
    good = good && memheap_mpi_collect(heap, &ended) == MEMHEAP_OK;
    good = good && ended == (size_t)(n == 1);
    return memheap_mpi_destroy(heap) == MEMHEAP_OK && good;
}

int main(void)
{
    shmem_init();
    me = shmem_my_pe();
    n = shmem_n_pes();
    tap_plan(7);
    tap_ok(lives_until_the_last(), "a block lives until the last PE releases");
    tap_ok(collect_ends_at_once(), "a collection ends blocks at once");
    tap_ok(every_call_collects(), "each call that changes the heap collects");
    tap_ok(ends_as_a_model_says(SHMEMX_SPACE_DEFAULT),
           "blocks end as a model says");
    shmemx_space_config_t config = {.size = 0};
    shmemx_space_t space;
    shmemx_space_create(&config, &space);
    tap_ok(ends_as_a_model_says(space), "the same in a space");
    shmem_team_destroy(shmemx_space_get_team(space));
    shmemx_space_destroy(space);
    tap_ok(full_space_is_found(), "a full heap looks for released blocks");
    tap_ok(works_over_mpi(), "the heap of a communicator has releases");
    shmem_finalize();
    return EXIT_SUCCESS;
}
