/* Each PE waits until its neighbour has written to it, in C11. */
#include <shmem.h>
#include <stdio.h>

static int flag;

int main(void)
{
    shmem_init();
    shmem_p(&flag, 1, (shmem_my_pe() + 1) % shmem_n_pes());
    shmem_wait_until(&flag, SHMEM_CMP_EQ, 1);
    printf("PE %d may go on\n", shmem_my_pe());
    shmem_finalize();
    return 0;
}
