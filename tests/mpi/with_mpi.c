/*
 * A program that starts and ends MPI itself, in any order, given by the
 * argument: m and s start MPI and the library, M and S end them.
 */
#include "tests/mpi/tap.h"

static int failures;

static void expect(bool holds, const char *what)
{
    if (!holds) {
        printf("%s\n", what);
        failures++;
    }
}

/* Use MPI and the library, if they are running. */
static void work(bool mpi, bool shmem)
{
    int rank = -1;
    int sum = 0;
    int one = 1;
    int size = 0;
    if (mpi) {
        MPI_Comm_rank(MPI_COMM_WORLD, &rank);
        MPI_Comm_size(MPI_COMM_WORLD, &size);
        MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
        expect(sum == size, "MPI works");
    }
    if (shmem) {
        void *block = shmem_malloc(100);
        expect(block != NULL, "the heap works");
        shmem_barrier_all();
        shmem_free(block);
    }
}

int main(int argc, char **argv)
{
    const char *order = argc > 1 ? argv[1] : "msSM";
    bool mpi = false;
    bool shmem = false;
    for (const char *c = order; *c != '\0'; c++) {
        int flag = 0;
        int provided = -1;
        switch (*c) {
        case 'm':
            expect(MPI_Init(&argc, &argv) == MPI_SUCCESS, "MPI_Init");
            MPI_Initialized(&flag);
            expect(flag, "MPI is initialized");
            mpi = true;
            break;
        case 't':
            MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
            expect(provided >= MPI_THREAD_SINGLE, "MPI_Init_thread");
            mpi = true;
            break;
        case 's':
            shmem_init();
            shmem = true;
            break;
        case 'M':
            expect(MPI_Finalize() == MPI_SUCCESS, "MPI_Finalize");
            MPI_Finalized(&flag);
            expect(flag, "MPI is finalized");
            mpi = false;
            break;
        case 'S':
            shmem_finalize();
            shmem = false;
            break;
        default:
            expect(false, "an order of m, t, s, M, S");
        }
        work(mpi, shmem);
    }
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
