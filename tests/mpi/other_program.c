/*
 * Two programs that differ in the order of their variables only: without and
 * with -DSWAP. A put to a variable must end the job, unless all PEs run the
 * same program.
 */
#include <shmem.h>

#include <stdio.h>

#ifdef SWAP
long right[16] = {1};
long left[16] = {1};
#else
long left[16] = {1};
long right[16] = {1};
#endif

int main(void)
{
    shmem_init();
    int next = (shmem_my_pe() + 1) % shmem_n_pes();
    printf("accessible: %d\n", shmem_addr_accessible(&left[2], next));
    fflush(stdout);
    shmem_barrier_all();
    if (shmem_my_pe() == 0)
        shmem_long_p(&left[2], 7, next);
    shmem_barrier_all();
    shmem_finalize();
    return right[2] == 7;
}
