/*
 * Only one PE runs out of memory: the call fails on all PEs, their heaps stay
 * equal, and the next call works.
 *
 * A limit on the data segment of the last PE denies it memory for metadata.
 */
#include "tests/mpi/tap.h"

#include <sys/resource.h>

enum {
    BLOCKS = 100000
};

static void *block[BLOCKS];
static uint64_t state = 88172645463325252;

/* xorshift64; G. Marsaglia, 2003. */
static size_t draw(size_t end)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % end;
}

/* The calls end the job if the heaps differ: they compare the addresses of
 * blocks. */
static void churn(int steps)
{
    static void *churned[200];
    for (int i = 0; i < steps; i++) {
        void **slot = &churned[draw(200)];
        if (*slot == NULL) {
            *slot = shmem_malloc(1 + draw(3000));
        } else {
            shmem_free(*slot);
            *slot = NULL;
        }
    }
}

static void limit_data(bool on)
{
    static struct rlimit saved;
    struct rlimit none = {4096, RLIM_INFINITY}; /* 0 is not counted */
    if (shmem_my_pe() != shmem_n_pes() - 1)
        return;
    if (saved.rlim_max == 0) {
        getrlimit(RLIMIT_DATA, &saved);
        none.rlim_max = saved.rlim_max;
    }
    setrlimit(RLIMIT_DATA, on ? &none : &saved);
}

int main(void)
{
    int count = 0;
    shmem_init();
    tap_plan(7);
    churn(500);
    limit_data(true);
    while (count < BLOCKS && (block[count] = shmem_malloc(64)) != NULL)
        count++;
    limit_data(false);
    tap_ok(count > 0 && count < BLOCKS, "memory for metadata runs out");
    tap_ok(tap_same((uint64_t)count), "on all PEs in the same call");
    tap_ok(tap_same(shmemx_heap_free()) && tap_same(shmemx_heap_largest_free()),
           "all heaps are equal");
    void *next = shmem_malloc(64);
    tap_ok(tap_symmetric(next), "the next call works");

    limit_data(true);
    void *grown = shmem_realloc(next, (size_t)1 << 30);
    limit_data(false);
    bool same = tap_same((uintptr_t)grown) && tap_same(shmemx_heap_free());
    tap_ok(same && tap_symmetric(shmem_malloc(1000)),
           "a realloc that fails on one PE has no effect on any");
    churn(1000);
    tap_ok(shmemx_heap_check() == 0, "and the heaps stay equal");
    for (int i = 0; i < count; i++)
        shmem_free(block[i]);
    tap_ok(shmemx_heap_check() == 0 && tap_same(shmemx_heap_free()),
           "all space is free at the end");
    shmem_finalize();
    return 0;
}
