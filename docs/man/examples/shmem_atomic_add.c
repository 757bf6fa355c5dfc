/* A counter on PE 0 hands out numbers to all PEs. */
#include <shmem.h>
#include <stdio.h>

static long next;

int main(void)
{
    shmem_init();
    long mine = shmem_long_atomic_fetch_inc(&next, 0);
    shmem_barrier_all();
    if (shmem_my_pe() == 0)
        printf("%ld numbers are taken\n", next);
    shmem_finalize();
    return mine < 0;
}
