/*
 * PEs that never end by themselves, for scripts that cut the network between
 * their nodes. The argument chooses what they do: barriers, puts to the next
 * PE, or waiting for a word that no PE writes.
 */
#include "tests/mpi/tap.h"

#include <time.h>

enum {
    BYTES = 1 << 20
};

static void put_all(char *block, int pe)
{
    static char source[BYTES];
    for (int i = 1; i < shmem_n_pes(); i++)
        shmem_putmem(block, source, BYTES, (pe + i) % shmem_n_pes());
}

/* Compute for some seconds, without a call. */
static void compute(double seconds)
{
    struct timespec begin;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((double)(now.tv_sec - begin.tv_sec) +
                 1e-9 * (double)(now.tv_nsec - begin.tv_nsec) <
             seconds);
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    shmem_init();
    int me = shmem_my_pe();
    char *block = shmem_calloc(1, BYTES);
    put_all(block, me);
    shmem_barrier_all();
    if (me == 0)
        printf("ready\n");
    fflush(stdout);
    if (strcmp(how, "compute") == 0) {
        if (me == shmem_n_pes() - 1)
            compute(argc > 2 ? strtod(argv[2], NULL) : 0);
        shmem_barrier_all();
        put_all(block, me);
        shmem_barrier_all();
        if (me == 0)
            printf("nobody was lost\n");
        shmem_finalize();
        return 0;
    }
    for (;;) {
        if (strcmp(how, "meet") == 0)
            shmem_barrier_all();
        else if (strcmp(how, "put") == 0)
            put_all(block, me);
        else
            shmem_long_wait_until((long *)(void *)block, SHMEM_CMP_NE, 0);
    }
}
