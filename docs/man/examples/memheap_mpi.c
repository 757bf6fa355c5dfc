/* A block that has one address on all ranks. */
#include <memheap/mpi.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    int rank;
    memheap_mpi_t *heap;
    void *block;
    memheap_config_t config = {.name = "fields"};
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (memheap_mpi_create(MPI_COMM_WORLD, &config, &heap) != MEMHEAP_OK ||
        memheap_mpi_alloc(heap, 4096, &block) != MEMHEAP_OK)
        MPI_Abort(MPI_COMM_WORLD, 1);
    printf("rank %d has %p\n", rank, block);
    memheap_mpi_destroy(heap);
    MPI_Finalize();
    return 0;
}
