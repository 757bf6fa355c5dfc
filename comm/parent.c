/*
 * Whether this process was forked by a rank of MPI: a handler in the child
 * records it.
 */
#include "config.h"

#include "comm/parent.h"

#include <mpi.h>
#include <pthread.h>

static int rank = -1;

static void in_child(void)
{
    int initialized;
    int finalized;
    PMPI_Initialized(&initialized);
    PMPI_Finalized(&finalized);
    if (initialized && !finalized)
        PMPI_Comm_rank(MPI_COMM_WORLD, &rank);
}

__attribute__((constructor)) static void on_load(void)
{
    pthread_atfork(NULL, NULL, in_child);
}

int memheap_parent_rank(void)
{
    return rank;
}
