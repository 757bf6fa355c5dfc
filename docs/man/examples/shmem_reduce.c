/* The sum and the greatest of all PEs' numbers. */
#include <shmem.h>
#include <stdio.h>

static long mine[2], all[2];

int main(void)
{
    shmem_init();
    mine[0] = mine[1] = shmem_my_pe() + 1;
    shmem_long_sum_reduce(SHMEM_TEAM_WORLD, &all[0], &mine[0], 1);
    shmem_long_max_reduce(SHMEM_TEAM_WORLD, &all[1], &mine[1], 1);
    printf("PE %d: sum %ld, greatest %ld\n", shmem_my_pe(), all[0], all[1]);
    shmem_finalize();
    return 0;
}
