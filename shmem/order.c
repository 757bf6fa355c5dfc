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
    memheap_call_t call = {kind, {0, 0, 0}};
    memheap_runtime_begin(name);
    memheap_runtime_agree(&call, MEMHEAP_OK, 0, NULL);
}

/* The agreement itself orders all stores before it for those that come. */
void pshmem_barrier_all(void)
{
    meet("shmem_barrier_all", MEMHEAP_CALL_BARRIER_ALL);
}
MEMHEAP_PROFILED(void, shmem_barrier_all, (void));

void pshmem_sync_all(void)
{
    meet("shmem_sync_all", MEMHEAP_CALL_SYNC_ALL);
}
MEMHEAP_PROFILED(void, shmem_sync_all, (void));

void pshmem_fence(void)
{
    atomic_thread_fence(memory_order_release);
}
MEMHEAP_PROFILED(void, shmem_fence, (void));

void pshmem_quiet(void)
{
    atomic_thread_fence(memory_order_seq_cst);
}
MEMHEAP_PROFILED(void, shmem_quiet, (void));
