/* A team of the even PEs counts its members. */
#include <shmem.h>
#include <stdio.h>

static int one = 1, sum;

int main(void)
{
    shmem_init();
    shmem_team_t even;
    int size = (shmem_n_pes() + 1) / 2;
    if (shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 2, size, NULL, 0,
                                 &even) != 0)
        shmem_global_exit(1);
    if (even != SHMEM_TEAM_INVALID) {
        shmem_int_sum_reduce(even, &sum, &one, 1);
        printf("PE %d is number %d of %d\n", shmem_my_pe(),
               shmem_team_my_pe(even), sum);
        shmem_team_destroy(even);
    }
    shmem_finalize();
    return 0;
}
