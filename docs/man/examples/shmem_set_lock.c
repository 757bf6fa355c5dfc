/* PEs update two variables of PE 0 that belong together. */
#include <shmem.h>
#include <stdio.h>

static long lock;
static int pair[2];

int main(void)
{
    shmem_init();
    int copy[2];
    shmem_set_lock(&lock);
    shmem_int_get(copy, pair, 2, 0);
    copy[0]++;
    copy[1] += 10;
    shmem_int_put(pair, copy, 2, 0);
    shmem_clear_lock(&lock); /* what was put has arrived */
    shmem_barrier_all();
    if (shmem_my_pe() == 0)
        printf("%d and %d\n", pair[0], pair[1]);
    shmem_finalize();
    return 0;
}
