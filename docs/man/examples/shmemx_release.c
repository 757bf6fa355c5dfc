/* Each PE lets go of its blocks in an order of its own. */
#include <shmem.h>
#include <shmemx.h>
#include <stdio.h>

int main(void)
{
    shmem_init();
    void *blocks[4];
    for (int i = 0; i < 4; i++)
        blocks[i] = shmem_malloc(1000);
    for (int i = 0; i < 4; i++)
        shmemx_release(blocks[(i + shmem_my_pe()) % 4]);
    size_t ended = shmemx_heap_collect();
    if (shmem_my_pe() == 0)
        printf("%zu blocks have ended\n", ended);
    shmem_finalize();
    return 0;
}
