/*
 * A shared object that a program loads, and that uses the library: OpenSHMEM,
 * or with -DHEAP a heap over a communicator.
 */
#ifdef HEAP
#include <memheap/mpi.h>

int use(long *variable);

int use(long *variable)
{
    memheap_mpi_t *heap;
    memheap_config_t config = {.name = "plug-in"};
    void *block;
    (void)variable;
    MPI_Init(NULL, NULL);
    int status =
        memheap_mpi_create(MPI_COMM_WORLD, &config, &heap) == MEMHEAP_OK &&
                memheap_mpi_alloc(heap, 100, &block) == MEMHEAP_OK &&
                memheap_mpi_destroy(heap) == MEMHEAP_OK
            ? 0
            : 1;
    MPI_Finalize();
    return status;
}
#else
#include <shmem.h>

#include <stdio.h>

int use(long *variable);

int use(long *variable)
{
    shmem_init();
    int me = shmem_my_pe();
    int n = shmem_n_pes();
    long *block = shmem_malloc(sizeof(*block));
    shmem_long_p(block, me, (me + 1) % n);
    shmem_barrier_all();
    printf("accessible: %d\n", shmem_addr_accessible(variable, 0));
    fflush(stdout);
    int status = *block == (me + n - 1) % n ? 0 : 1;
    if (*variable == 0) /* the program asks for a put */
        shmem_long_p(variable, 1, 0);
    return status; /* the exit handler finalizes */
}
#endif
