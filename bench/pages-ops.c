/*
 * Measures what the pages under a heap cost: the first touch of a block, and
 * random accesses of 8 bytes to the block of the other PE. It uses only
 * OpenSHMEM 1.4, so the same source measures any OpenSHMEM library. Two PEs.
 *
 *   pages-ops BYTES
 *
 * Both PEs access at the same time, at random words of the block. In a virtual
 * machine, the host may have to provide memory first, which takes much longer
 * than all else. So each PE touches and frees as much memory beforehand. PE 0
 * prints lines of a unit, a name and a number, separated by tabs:
 *
 *   first touch  ms to allocate the block and to write to all of it
 *   first add    ns per atomic add, before this PE has accessed that block
 *   add          ns per atomic add, later
 *   put, get     ns per call
 *   load         ns per load through shmem_ptr()
 */
#include "common/random.h"
#include "common/timing.h"

#include <shmem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    OPS = 1 << 21
};

static long *block;
static uint64_t words;
static int me;
static uint64_t state;

static long *random_word(void)
{
    return block + (draw64(&state) >> 8) % words;
}

static void add(void)
{
    for (int i = 0; i < OPS; i++)
        shmem_long_atomic_add(random_word(), 1, 1 - me);
}

static void put(void)
{
    for (int i = 0; i < OPS; i++)
        shmem_long_p(random_word(), i, 1 - me);
}

static void get(void)
{
    long sum = 0;
    for (int i = 0; i < OPS; i++)
        sum += shmem_long_g(random_word(), 1 - me);
    block[0] = sum;
}

static void load(void)
{
    const long *other = shmem_ptr(block, 1 - me);
    long sum = 0;
    for (int i = 0; i < OPS && other != NULL; i++)
        sum += other[random_word() - block];
    block[0] = sum;
}

/* Touch and free memory, so that the host has provided it. */
static void warm_up(size_t size)
{
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return;
    madvise(memory, size, MADV_HUGEPAGE);
    memset(memory, 1, size);
    munmap(memory, size);
}

/* Run both PEs' accesses, and print the time of one. */
static void measure(const char *name, void (*access)(void))
{
    shmem_barrier_all();
    double start = now();
    access();
    shmem_quiet();
    double each = (now() - start) / OPS;
    shmem_barrier_all();
    if (me == 0)
        printf("ns\t%s\t%.1f\n", name, each);
}

int main(int argc, char **argv)
{
    size_t size = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    shmem_init();
    me = shmem_my_pe();
    if (size < sizeof(long) || shmem_n_pes() != 2) {
        if (me == 0)
            fprintf(stderr, "usage: pages-ops BYTES, with 2 PEs\n");
        shmem_global_exit(2);
    }
    words = size / sizeof(long);
    state = 88172645463325252u + (uint64_t)me;
    warm_up(size + size / 8);
    shmem_barrier_all();
    double start = now();
    block = shmem_malloc(size);
    if (block == NULL)
        shmem_global_exit(1);
    memset(block, 1, size);
    double touched = now() - start;
    shmem_barrier_all();
    if (me == 0)
        printf("ms\tfirst touch\t%.3f\n", touched / 1e6);
    measure("first add", add);
    measure("add", add);
    measure("put", put);
    measure("get", get);
    measure("load", load);
    shmem_finalize();
    return 0;
}
