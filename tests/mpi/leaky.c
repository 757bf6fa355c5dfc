/*
 * Leaves blocks allocated, as the argument says; for leaks.sh.
 */
#include <shmem.h>
#include <shmemx.h>

#include <locale.h>
#include <stdlib.h>
#include <string.h>

/* Found on the stack by its name. */
__attribute__((noinline)) void *leaky_mesh(size_t size);
void *leaky_mesh(size_t size)
{
    void *block = shmem_malloc(size);
    __asm__ volatile("" : : "r"(block) : "memory"); /* no tail call */
    return block;
}

#include <shmemx_sites.h>

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "clean";
    setlocale(LC_ALL, "");
    shmem_init();
    void *gone = shmem_malloc(100);
    if (strcmp(what, "clean") != 0) {
        shmemx_set_tag(strcmp(what, "latin1") == 0 ? "m\xe9sh" : "mesh");
        leaky_mesh(512); /* as much in each component */
        shmemx_set_tag(NULL);
        void *grown = shmem_calloc(10, 7); /* line 32 */
        (void)shmem_realloc(grown, 5000);
        size_t sizes[] = {24, 48};
        void *blocks[2];
        if (shmemx_malloc_batch(2, sizes, blocks) != 0)
            return EXIT_FAILURE;
        shmem_free(blocks[0]);
    }
    shmem_free(gone);
    if (strcmp(what, "exit") == 0)
        return 3;
    shmem_finalize();
    return EXIT_SUCCESS;
}
