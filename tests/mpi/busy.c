/*
 * A PE that computes and polls its own memory without a call. With a progress
 * thread, a put of another PE arrives nevertheless.
 */
#include "tests/mpi/tap.h"

int main(void)
{
    shmem_init();
    int me = shmem_my_pe();
    int last = shmem_n_pes() - 1;
    volatile long *word = shmem_calloc(2, sizeof(*word));
    long *count = (long *)(uintptr_t)word + 1;
    if (me == 0) {
        while (word[0] == 0)
            continue;
    } else {
        shmem_long_atomic_inc(count, 0);
        if (me == last) {
            while (shmem_long_g(count, 0) < last)
                continue;
            shmem_long_p((long *)(uintptr_t)word, 1, 0);
        }
    }
    shmem_barrier_all();
    if (me == 0)
        printf("%ld PEs reached one that was busy\n", *count);
    shmem_finalize();
    return 0;
}
