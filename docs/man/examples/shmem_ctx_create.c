/* Puts on a context of their own are completed without others. */
#include <shmem.h>
#include <stdio.h>

static long value;

int main(void)
{
    shmem_init();
    shmem_ctx_t ctx;
    if (shmem_ctx_create(0, &ctx) != 0)
        shmem_global_exit(1);
    int next = (shmem_my_pe() + 1) % shmem_n_pes();
    shmem_ctx_long_p(ctx, &value, 42, next);
    shmem_ctx_quiet(ctx); /* it has arrived */
    shmem_ctx_destroy(ctx);
    shmem_sync_all();
    printf("PE %d has %ld\n", shmem_my_pe(), value);
    shmem_finalize();
    return 0;
}
