/* A batch of blocks, and what the heap says with it. */
#include <shmem.h>
#include <shmemx.h>
#include <stdio.h>

int main(void)
{
    shmem_init();
    size_t sizes[3] = {1000, 2000, 3000};
    void *blocks[3];
    if (shmemx_malloc_batch(3, sizes, blocks) == 0) {
        if (shmem_my_pe() == 0)
            printf("%s: %zu of %zu bytes are free\n", shmemx_heap_component(),
                   shmemx_heap_free(), shmemx_heap_size());
        shmemx_free_batch(3, blocks);
    }
    int wrong = shmemx_heap_check();
    shmem_finalize();
    return wrong;
}
