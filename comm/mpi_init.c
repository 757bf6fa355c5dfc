/*
 * Starts MPI, and hooks into its progress engine.
 */
#include "config.h"

#include "comm/mpi_init.h"

#include <mpi.h>

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

memheap_status_t memheap_mpi_start(bool *started_p, const memheap_log_t *log)
{
    int initialized;
    int finalized;
    int provided;
    PMPI_Initialized(&initialized);
    PMPI_Finalized(&finalized);
    if (finalized) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "MPI was finalized, and cannot start again: call "
                          "shmem_init() before MPI_Finalize()");
        return MEMHEAP_ERR_SYSTEM;
    }
    *started_p = !initialized;
    if (!initialized && PMPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE,
                                         &provided) != MPI_SUCCESS) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR, "MPI_Init_thread() failed");
        return MEMHEAP_ERR_SYSTEM;
    }
    return MEMHEAP_OK;
}

/* The functions that add callbacks to Open MPI's progress engine are not part
 * of MPI, so they are looked up at run time. */
bool memheap_mpi_hook_progress(int (*serve)(void), bool on)
{
    typedef int take_t(int (*callback)(void));
    take_t *take = NULL;
    void *symbol = dlsym(RTLD_DEFAULT, on ? "opal_progress_register"
                                          : "opal_progress_unregister");
    if (symbol == NULL)
        return false;
    memcpy(&take, &symbol, sizeof(take)); /* as POSIX specifies for dlsym() */
    return take(serve) == 0;
}
