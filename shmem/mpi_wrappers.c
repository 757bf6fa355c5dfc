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
