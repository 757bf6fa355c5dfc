/* Each PE gives the next one a page of its own memory. */
#include <shmem.h>
#include <shmemx.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    shmem_init();
    int next = (shmem_my_pe() + 1) % shmem_n_pes();
    int *numbers = aligned_alloc(65536, 65536);
    if (shmemx_register(numbers, 65536) == NULL)
        return 1;
    shmem_int_p(&numbers[100], shmem_my_pe(), next);
    shmem_barrier_all();
    if (shmem_my_pe() == 0)
        printf("PE %d has written\n", numbers[100]);
    shmemx_deregister(numbers);
    free(numbers);
    shmem_finalize();
    return 0;
}
