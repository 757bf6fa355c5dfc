/*
 * PEs with different mappings before the heap is created. The argument chooses
 * what PE 1 has mapped: "some" of the candidate ranges of heaps, or "all".
 */
#include "tests/mpi/tap.h"

#include <sys/mman.h>

/* Reserve the free parts of [start, end), in pieces. */
static void occupy(size_t start, size_t end, size_t piece)
{
    for (size_t at = start; at < end; at += piece)
        mmap((void *)at, piece, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
             -1, 0);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "nothing";
    int rank;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (rank == 1 && strcmp(what, "some") == 0)
        occupy((size_t)1 << 44, (size_t)3 << 44, (size_t)1 << 36);
    if (rank == 1 && strcmp(what, "all") == 0)
        occupy((size_t)1 << 32, (size_t)127 << 40, (size_t)1 << 32);
    shmem_init();
    void *block = shmem_malloc(100);
    bool good = tap_symmetric(block);
    if (rank == 0)
        printf("%s at %p\n", good ? "symmetric" : "different", block);
    shmem_finalize();
    MPI_Finalize();
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
