/*
 * Programs that do wrong, or whose last PE does: the argument says how. What
 * the job then says and how it ends is read by the scripts that start it.
 */
#include "tests/mpi/tap.h"

#include <signal.h>
#include <unistd.h>

static bool is_last(void)
{
    return shmem_my_pe() == shmem_n_pes() - 1;
}

/* Calls that the last PE leaves out, or does not stay for. */
static bool leave(const char *how)
{
    if (strcmp(how, "skip") == 0) {
        if (!is_last())
            shmem_malloc(64);
    } else if (strcmp(how, "exit") == 0) {
        if (is_last())
            exit(EXIT_SUCCESS);
    } else if (strcmp(how, "finalize") == 0) {
        if (is_last())
            shmem_finalize();
    } else {
        return false;
    }
    return true;
}

/* Calls of the last PE that differ from those of the others. */
static bool differ(const char *how)
{
    char *a = shmem_malloc(64);
    char *b = shmem_malloc(64);
    size_t sizes[2] = {8, is_last() ? 24 : 16};
    void *blocks[2];
    if (strcmp(how, "size") == 0)
        shmem_malloc(is_last() ? 128 : 64);
    else if (strcmp(how, "alignment") == 0)
        shmem_align(is_last() ? 64 : 4096, 100);
    else if (strcmp(how, "calloc") == 0)
        shmem_calloc(is_last() ? 10 : 20, 8);
    else if (strcmp(how, "hints") == 0)
        shmem_malloc_with_hints(64, is_last() ? 0 : 1);
    else if (strcmp(how, "realloc") == 0)
        shmem_realloc(a, is_last() ? 1000 : 2000);
    else if (strcmp(how, "batch") == 0)
        shmemx_malloc_batch(2, sizes, blocks);
    else if (strcmp(how, "large") == 0) /* the first has no memory for it */
        shmem_malloc(shmem_my_pe() == 0 ? (size_t)1 << 39 : 100);
    else if (strcmp(how, "kind") == 0 && is_last())
        shmem_free(a);
    else if (strcmp(how, "kind") == 0)
        shmem_malloc(64);
    else if (strcmp(how, "block") == 0)
        shmem_free(is_last() ? a : b);
    else if (strcmp(how, "stranger") == 0)
        shmem_free(is_last() ? (char *)sizes : b);
    else if (!leave(how))
        return false;
    shmem_barrier_all();
    return true;
}

/* Errors of one PE. */
static bool err(const char *how)
{
    char local[8] = "1234567";
    char *block = shmem_malloc(64);
    bool mine = is_last();
    if (strcmp(how, "put-local") == 0 && mine)
        shmem_putmem(local, local, 8, 0);
    else if (strcmp(how, "get-local") == 0 && mine)
        shmem_getmem(local, local, 8, 0);
    else if (strcmp(how, "put-past") == 0 && mine)
        shmem_putmem_nbi(block, local, shmemx_heap_size() + 1, 0);
    else if (strcmp(how, "put-pe") == 0 && mine)
        shmem_putmem(block, local, 8, shmem_n_pes());
    else if (strcmp(how, "get-pe") == 0 && mine)
        shmem_getmem_nbi(local, block, 8, -1);
    else if (strcmp(how, "kill") == 0 && mine)
        raise(SIGKILL);
    else if (strcmp(how, "status") == 0 && mine)
        exit(3);
    else if (strcmp(how, "global") == 0 && mine)
        shmem_global_exit(7);
    else if (mine)
        return false;
    shmem_barrier_all();
    shmem_barrier_all();
    return true;
}

/* What all PEs do alike, and survive. */
static bool all(const char *how, const char *number)
{
    char *block = shmem_malloc(64);
    char *other = shmem_malloc(64);
    if (strcmp(how, "inside") == 0) {
        shmem_free(block + 16);
    } else if (strcmp(how, "twice") == 0) {
        shmem_free(block);
        shmem_free(block);
    } else if (strcmp(how, "foreign") == 0) {
        shmem_free((void *)(uintptr_t)4096);
    } else if (strcmp(how, "memory") == 0) {
        shmem_malloc((size_t)1 << 50);
        shmem_malloc((size_t)1 << 50);
    } else if (strcmp(how, "whole") == 0) {
        shmem_free(block);
        shmem_free(other);
        other = shmem_malloc(strtoull(number, NULL, 10));
        if (shmem_my_pe() == 0)
            printf("%s of %zu\n", other == NULL ? "none" : "a block",
                   shmemx_heap_size());
    } else {
        return strcmp(how, "plain") == 0;
    }
    shmem_barrier_all();
    if (shmem_my_pe() == 0)
        printf("survived\n");
    return true;
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "plain";
    int provided;
    if (strcmp(how, "before") == 0)
        shmem_malloc(64);
    if (strcmp(how, "thread") == 0)
        return shmem_init_thread(SHMEM_THREAD_SINGLE, &provided) == 0 ? 0 : 5;
    shmem_init();
    while (strcmp(how, "hold") == 0)
        pause();
    if (strcmp(how, "after") == 0) {
        shmem_finalize();
        shmem_barrier_all();
    }
    if (strcmp(how, "join") == 0) /* what tests/mpi/ranges does */
        return tap_symmetric(shmem_malloc(100)) ? 0 : EXIT_FAILURE;
    bool known = all(how, argc > 2 ? argv[2] : "0") || differ(how) || err(how);
    shmem_finalize();
    return known ? EXIT_SUCCESS : EXIT_FAILURE;
}
