/* Each PE sends its number to its neighbour, in a block that then grows. */
#include <shmem.h>
#include <stdio.h>

int main(void)
{
    shmem_init();
    int me = shmem_my_pe();
    int count = shmem_n_pes();
    long *box = shmem_calloc(4, sizeof(*box));
    if (box == NULL)
        shmem_global_exit(1); /* on every PE alike */
    long number = 100 + me;
    shmem_putmem(&box[3], &number, sizeof(number), (me + 1) % count);

    long *larger = shmem_realloc(box, 1000 * sizeof(*box));
    if (larger != NULL)
        box = larger;
    printf("PE %d: %ld\n", me, box[3]);
    shmem_free(box);
    shmem_finalize();
    return 0;
}
