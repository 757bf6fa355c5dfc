/* A sum that all PEs add to, in a space of transparent huge pages. */
#include <shmem.h>
#include <shmemx.h>
#include <stdio.h>

int main(void)
{
    shmem_init();
    shmemx_space_config_t config = {.size = 1 << 20,
                                    .policy.pages = MEMHEAP_PAGES_THP};
    shmemx_space_t space;
    if (shmemx_space_create(&config, &space) != 0)
        return 1;
    long *sum = shmemx_space_calloc(space, 1, sizeof(*sum));
    shmem_long_atomic_add(sum, shmem_my_pe(), 0);
    shmem_barrier_all();
    if (shmem_my_pe() == 0)
        printf("the sum is %ld\n", *sum);
    shmem_team_destroy(shmemx_space_get_team(space));
    shmemx_space_destroy(space);
    shmem_finalize();
    return 0;
}
