/*
 * Memory ordering, and the barriers over all PEs.
 *
 * What is put to a PE of this node is a plain store, visible in order to whom
 * synchronises with this PE; the fences order it against other threads and
 * the processor's store buffer.
 */
#include "config.h"

#include "shmem/calls.h"
#include "shmem/runtime.h"

#include <pshmem.h>

#include <stdatomic.h>

static void meet(const char *name, memheap_call_kind_t kind)
{
    memheap_call_t call = {.what = kind, .argument = {0, 0, 0}};
    memheap_runtime_begin(name);
    memheap_runtime_agree(&call, MEMHEAP_OK, 0, NULL);
}

/* The agreement itself orders all stores before it for those that come. */
void pshmem_barrier_all(void)
{
    meet("shmem_barrier_all", MEMHEAP_CALL_BARRIER_ALL);
}
MEMHEAP_PROFILED(shmem_barrier_all)

void pshmem_sync_all(void)
{
    meet("shmem_sync_all", MEMHEAP_CALL_SYNC_ALL);
}
MEMHEAP_PROFILED(shmem_sync_all)

void pshmem_fence(void)
{
    atomic_thread_fence(memory_order_release);
}
MEMHEAP_PROFILED(shmem_fence)

void pshmem_quiet(void)
{
    atomic_thread_fence(memory_order_seq_cst);
}
MEMHEAP_PROFILED(shmem_quiet)

void pshmem_ctx_fence(shmem_ctx_t ctx)
{
    (void)ctx;
    pshmem_fence();
}
MEMHEAP_PROFILED(shmem_ctx_fence)

void pshmem_ctx_quiet(shmem_ctx_t ctx)
{
    (void)ctx;
    pshmem_quiet();
}
MEMHEAP_PROFILED(shmem_ctx_quiet)

void pshmem_pe_quiet(const int *target_pes, size_t npes)
{
    (void)target_pes;
    (void)npes;
    pshmem_quiet();
}
MEMHEAP_PROFILED(shmem_pe_quiet)

void pshmem_ctx_pe_quiet(shmem_ctx_t ctx, const int *target_pes, size_t npes)
{
    (void)ctx;
    pshmem_pe_quiet(target_pes, npes);
}
MEMHEAP_PROFILED(shmem_ctx_pe_quiet)
