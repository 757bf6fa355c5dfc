/* PE 0 sends an array to every PE, which waits for it without a barrier. */
#include <shmem.h>
#include <stdio.h>

static double data[100];
static uint64_t arrived;

int main(void)
{
    shmem_init();
    int me = shmem_my_pe();
    double values[100] = {[99] = 2.5};
    for (int pe = 0; me == 0 && pe < shmem_n_pes(); pe++)
        shmem_double_put_signal(data, values, 100, &arrived, 1,
                                SHMEM_SIGNAL_SET, pe);
    shmem_signal_wait_until(&arrived, SHMEM_CMP_EQ, 1);
    printf("PE %d got %g\n", me, data[99]);
    shmem_finalize();
    return 0;
}
