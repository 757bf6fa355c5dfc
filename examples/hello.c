/*
 * Prints the address of a symmetric block on each PE: it is the same on all
 * PEs.
 *
 *     mpicc hello.c $(pkg-config --cflags --libs shmem) -o hello
 *     mpirun -n 4 ./hello
 */
#include <shmem.h>
#include <shmemx.h>

#include <stdio.h>

int main(void)
{
    shmem_init();
    int me = shmem_my_pe();
    int n = shmem_n_pes();

    /* Collective: every PE requests the same size, and gets the same address.
     */
    int *greeting = shmem_malloc(sizeof(*greeting));

    /* So the local address of a block denotes the block of any other PE. */
    shmem_putmem(greeting, &me, sizeof(me), (me + 1) % n);
    shmem_barrier_all();

    printf("PE %d of %d: block at %p, component %s, greeted by PE %d\n", me, n,
           (void *)greeting, shmemx_heap_component(), *greeting);
    shmem_free(greeting);
    shmem_finalize();
    return 0;
}
