/*
 * Wrappers of the calls that start and end MPI.
 *
 * MPI can be started once per process, by this library or by the program, in
 * any order. So this library defines these calls: the program's MPI_Init
 * succeeds if MPI is running already, and its MPI_Finalize is postponed while
 * this library needs MPI.
 *
 * Source: MPI 3.1, profiling interface.
 */
#include "config.h"

#include "shmem/runtime.h"

/* Whether this library has started MPI, at the program's first start of it. */
static bool library_started_mpi(void)
{
    memheap_runtime_t *rt = &memheap_runtime;
    bool started = rt->started_mpi && !rt->program_started_mpi;
    rt->program_started_mpi = true;
    return started;
}

int MPI_Init(int *argc, char ***argv)
{
    return library_started_mpi() ? MPI_SUCCESS : PMPI_Init(argc, argv);
}

int MPI_Init_thread(int *argc, char ***argv, int required, int *provided)
{
    return library_started_mpi()
               ? PMPI_Query_thread(provided)
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
