/* Each PE writes its number into an array of its neighbour. */
#include <shmem.h>
#include <stdio.h>

static int row[4]; /* symmetric */

int main(void)
{
    shmem_init();
    int me = shmem_my_pe();
    int count = shmem_n_pes();
    int numbers[4] = {me, me, me, me};
    shmem_int_put(row, numbers, 4, (me + 1) % count);
    shmem_barrier_all(); /* the data of all PEs have arrived */
    printf("PE %d has %d %d\n", me, row[0], row[3]);
    shmem_finalize();
    return 0;
}
