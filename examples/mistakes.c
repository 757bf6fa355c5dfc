/*
 * Mistakes with symmetric memory, one at a time, and the tools that find them.
 *
 *     oshcc -g mistakes.c -o mistakes
 *     MEMHEAP_LEAKS=1 oshrun -n 2 ./mistakes leak
 *     MEMHEAP_GUARD=1 oshrun -n 2 ./mistakes use-after-free
 *     MEMHEAP_GUARD=1 oshrun -n 2 ./mistakes overrun
 *     MEMHEAP_GUARD=1 oshrun -n 2 ./mistakes stray-write
 *     oshrun -n 2 valgrind ./mistakes uninitialised
 */
#include <shmem.h>
#include <shmemx.h>

#include <stdio.h>
#include <string.h>

enum {
    CELLS = 100
};

int main(int argc, char **argv)
{
    const char *mistake = argc > 1 ? argv[1] : "";
    shmem_init();
    int right = (shmem_my_pe() + 1) % shmem_n_pes();
    shmemx_set_tag("grid");
    int *grid = shmem_malloc(CELLS * sizeof(*grid));
    shmemx_set_tag(NULL);

    if (strcmp(mistake, "uninitialised") == 0 && grid[CELLS / 2] > 0)
        printf("more than nothing\n");
    for (int i = 0; i < CELLS; i++)
        grid[i] = i;
    shmem_barrier_all();

    if (strcmp(mistake, "leak") == 0) {
        grid = NULL;
    } else if (strcmp(mistake, "use-after-free") == 0) {
        shmem_free(grid);
        printf("%d\n", grid[3]);
        grid = NULL;
    } else if (strcmp(mistake, "overrun") == 0) {
        for (volatile int i = 0; i <= CELLS; i++)
            grid[i] = 0;
    } else if (strcmp(mistake, "stray-write") == 0) {
        int *theirs = shmem_ptr(grid, right);
        shmem_free(grid);
        if (theirs != NULL)
            theirs[7] = 1;
        grid = NULL;
    } else if (strcmp(mistake, "stray-put") == 0) {
        shmem_free(grid);
        shmem_int_p(&grid[7], 1, right);
        grid = NULL;
    }
    shmem_free(grid);
    shmem_finalize();
    return 0;
}
