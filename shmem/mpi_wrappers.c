/*
 * The calls that start and end MPI, in front of MPI's own.
 *
 * MPI can be started once in a program, by this library or by the program, in
 * whatever order they come. So this library takes the plain names of these
 * calls: the program's MPI_Init succeeds when MPI runs already, and its
 * MPI_Finalize is put off while this library still needs MPI.
 *
 * Source: MPI 3.1, profiling interface.
 */
#include "config.h"

#include "shmem/runtime.h"

/* Whether the program's first start of MPI finds it running. */
static bool runs_for_us(void)
{
    memheap_runtime_t *rt = &memheap_runtime;
    bool shared = rt->started_mpi && !rt->program_started_mpi;
    rt->program_started_mpi = true;
    return shared;
}

int MPI_Init(int *argc, char ***argv)
{
    return runs_for_us() ? MPI_SUCCESS : PMPI_Init(argc, argv);
}

int MPI_Init_thread(int *argc, char ***argv, int required, int *provided)
{
    return runs_for_us() ? PMPI_Query_thread(provided)
                         : PMPI_Init_thread(argc, argv, required, provided);
}

int MPI_Finalize(void)
{
    memheap_runtime_t *rt = &memheap_runtime;
    rt->program_finalized_mpi = true;
    return rt->depth > 0 ? MPI_SUCCESS : PMPI_Finalize();
}

int MPI_Finalized(int *flag)
{
    if (memheap_runtime.program_finalized_mpi) {
        *flag = 1;
        return MPI_SUCCESS;
    }
    return PMPI_Finalized(flag);
}
