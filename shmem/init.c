/*
 * Library setup, exit and query; thread support.
 *
 * MPI stays initialized until the program ends, because MPI cannot be started
 * twice, but shmem_init() can. At a normal exit without shmem_finalize(), the
 * library is finalized. After an exit with an error it is not, so that the
 * launcher notices the lost PE and ends the others.
 */
#include "config.h"

#include "shmem/access.h"
#include "shmem/bootstrap.h"
#include "shmem/call_description.h"
#include "shmem/global_exit.h"
#include "shmem/mistakes.h"
#include "shmem/team.h"
#include "comm/parent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pshmem.h>

static void agree_on(memheap_call_kind_t kind, const char *name)
{
    memheap_call_t call = {.kind = kind, .argument = {0, 0, 0}, .name = name};
    memheap_runtime_agree(&memheap_runtime.agree, &call, MEMHEAP_OK, 0, NULL);
}

static void finalize_all(const char *name, const char *how)
{
    memheap_runtime.ending = true;
    agree_on(MEMHEAP_CALL_FINALIZE, name);
    memheap_team_final_sync();
    memheap_runtime_stop();
    memheap_runtime.ending = false;
    memheap_runtime.ended_by = how;
}

static void at_exit(int status, void *unused)
{
    (void)unused;
    if (getpid() != memheap_runtime.pid)
        return; /* a forked child is not a PE */
    if (memheap_runtime.global_exit.begun)
        return;
    if (memheap_runtime.depth > 0) {
        if (status != EXIT_SUCCESS)
            return;
        finalize_all("shmem_finalize, which runs at exit",
                     "shmem_finalize(), which ran at exit");
    }
    memheap_runtime_end_mpi();
    if (status == EXIT_SUCCESS && memheap_runtime.exit_status != 0) {
        fflush(NULL);
        _exit(memheap_runtime.exit_status);
    }
}

static int init(int thread_level)
{
    memheap_runtime_t *rt = &memheap_runtime;
    if (memheap_parent_rank() >= 0)
        memheap_runtime_not_running("shmem_init");
    if (rt->depth > 0) {
        agree_on(MEMHEAP_CALL_INIT_AGAIN, NULL);
        rt->depth++;
        return 0;
    }
    if (!rt->exit_hook_set)
        rt->exit_hook_set = on_exit(at_exit, NULL) == 0;
    rt->pid = getpid();
    if (memheap_runtime_start(thread_level) != MEMHEAP_OK)
        return -1;
    rt->depth = 1;
    return 0;
}

void pshmem_init(void)
{
    if (init(SHMEM_THREAD_SINGLE) != 0)
        exit(EXIT_FAILURE);
}
MEMHEAP_PROFILED(shmem_init)

int pshmem_init_thread(int requested, int *provided)
{
    if (requested < SHMEM_THREAD_SINGLE || requested > SHMEM_THREAD_MULTIPLE) {
        memheap_mistake_survived(MEMHEAP_WRONG_THREAD_LEVEL,
                                 "shmem_init_thread: the thread level is %d; "
                                 "it can be SHMEM_THREAD_SINGLE (%d) to "
                                 "SHMEM_THREAD_MULTIPLE (%d)",
                                 requested, SHMEM_THREAD_SINGLE,
                                 SHMEM_THREAD_MULTIPLE);
        return -1;
    }
    int status = init(requested);
    if (status == 0 && provided != NULL)
        *provided = memheap_runtime.thread_level;
    return status;
}
MEMHEAP_PROFILED(shmem_init_thread)

void pshmem_query_thread(int *provided)
{
    *provided = memheap_runtime.thread_level;
}
MEMHEAP_PROFILED(shmem_query_thread)

void pstart_pes(int npes)
{
    (void)npes;
    if (memheap_runtime.depth > 0)
        return;
    pshmem_init();
}
MEMHEAP_PROFILED(start_pes)

void pshmem_finalize(void)
{
    if (memheap_runtime_has_ended("shmem_finalize"))
        return;
    memheap_runtime_begin("shmem_finalize");
    if (memheap_runtime.depth == 1) {
        finalize_all(NULL, "shmem_finalize()");
        return;
    }
    agree_on(MEMHEAP_CALL_FINALIZE, NULL);
    memheap_runtime.depth--;
}
MEMHEAP_PROFILED(shmem_finalize)

void pshmem_query_initialized(int *initialized)
{
    *initialized = memheap_runtime.depth > 0;
}
MEMHEAP_PROFILED(shmem_query_initialized)

int pshmem_my_pe(void)
{
    memheap_runtime_has_ended("shmem_my_pe");
    return memheap_runtime.job.rank;
}
MEMHEAP_PROFILED(shmem_my_pe)

int pshmem_n_pes(void)
{
    memheap_runtime_has_ended("shmem_n_pes");
    return memheap_runtime.job.size;
}
MEMHEAP_PROFILED(shmem_n_pes)

int pshmem_pe_accessible(int pe)
{
    return memheap_runtime.depth > 0 && pe >= 0 &&
           pe < memheap_runtime.job.size;
}
MEMHEAP_PROFILED(shmem_pe_accessible)

int pshmem_addr_accessible(const void *addr, int pe)
{
    if (!pshmem_pe_accessible(pe))
        return 0;
    const memheap_segment_t *segment = memheap_segment_at(addr, 1);
    return segment != NULL && memheap_segment_number(segment, pe) >= 0;
}
MEMHEAP_PROFILED(shmem_addr_accessible)

void *pshmem_ptr(const void *dest, int pe)
{
    if (!pshmem_addr_accessible(dest, pe))
        return NULL;
    if (pe == memheap_runtime.job.rank)
        return (void *)(uintptr_t)dest;
    memheap_remote_addr_t remote;
    return memheap_locate("shmem_ptr", dest, 1, pe, &remote);
}
MEMHEAP_PROFILED(shmem_ptr)

void pshmem_info_get_version(int *major, int *minor)
{
    *major = SHMEM_MAJOR_VERSION;
    *minor = SHMEM_MINOR_VERSION;
}
MEMHEAP_PROFILED(shmem_info_get_version)

void pshmem_info_get_name(char *name)
{
    memcpy(name, SHMEM_VENDOR_STRING, sizeof(SHMEM_VENDOR_STRING));
}
MEMHEAP_PROFILED(shmem_info_get_name)
