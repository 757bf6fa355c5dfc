/*
 * Memory ordering, and the barriers over all PEs.
 *
 * A put to a PE of this node is a plain store. PEs that synchronize with this
 * PE see stores in order; processor fences order them for other threads and
 * empty the store buffer. Operations on other nodes are counted per context, so
 * a context waits for the transport only if it has outstanding operations. A
 * program may call these routines in a loop until another PE has stored
 * something, so they make progress.
 */
#include "config.h"

#include "shmem/call_description.h"
#include "shmem/access.h"

#include <pshmem.h>

#include <stdatomic.h>

/* The agreement orders the stores before it, for all PEs that leave it. */
void pshmem_barrier_all(void)
{
    memheap_call_t call = {.kind = MEMHEAP_CALL_BARRIER_ALL,
                           .argument = {0, 0, 0}};
    memheap_runtime_begin("shmem_barrier_all");
    memheap_runtime_sync();
    memheap_runtime_agree(&memheap_runtime.agree, &call, MEMHEAP_OK, 0, NULL);
}
MEMHEAP_PROFILED(shmem_barrier_all)

void pshmem_sync_all(void)
{
    memheap_call_t call = {.kind = MEMHEAP_CALL_SYNC_ALL,
                           .argument = {0, 0, 0}};
    memheap_runtime_begin("shmem_sync_all");
    memheap_runtime_barrier(&memheap_runtime.agree, &call);
}
MEMHEAP_PROFILED(shmem_sync_all)

void pshmem_ctx_fence(shmem_ctx_t ctx)
{
    atomic_thread_fence(memory_order_release);
    memheap_runtime_progress_limited();
    if (memheap_runtime.transport != NULL && ctx != SHMEM_CTX_INVALID &&
        !memheap_ctx_is_quiet(ctx))
        memheap_transport_fence(memheap_runtime.transport);
}
MEMHEAP_PROFILED(shmem_ctx_fence)

/* Complete the issued operations of a context. They are marked as completed
 * only afterwards, because another thread that arrives meanwhile must wait too.
 */
static void complete_issued(shmem_ctx_t ctx)
{
    uint64_t issued = __atomic_load_n(&ctx->issued, __ATOMIC_ACQUIRE);
    uint64_t completed = __atomic_load_n(&ctx->completed, __ATOMIC_ACQUIRE);
    if (completed >= issued)
        return;
    memheap_transport_quiet(memheap_runtime.transport);
    while (completed < issued && !__atomic_compare_exchange_n(
                                     &ctx->completed, &completed, issued, false,
                                     __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        continue;
}

void pshmem_ctx_quiet(shmem_ctx_t ctx)
{
    atomic_thread_fence(memory_order_seq_cst);
    memheap_runtime_progress_limited();
    if (memheap_runtime.transport != NULL && ctx != SHMEM_CTX_INVALID)
        complete_issued(ctx);
}
MEMHEAP_PROFILED(shmem_ctx_quiet)

void pshmem_ctx_pe_quiet(shmem_ctx_t ctx, const int *target_pes, size_t npes)
{
    atomic_thread_fence(memory_order_seq_cst);
    memheap_runtime_progress_limited();
    if (memheap_runtime.transport == NULL || ctx == SHMEM_CTX_INVALID)
        return;
    for (size_t i = 0; i < npes; i++)
        memheap_transport_quiet_pe(
            memheap_runtime.transport,
            memheap_world_pe("shmem_ctx_pe_quiet", ctx, target_pes[i]));
}
MEMHEAP_PROFILED(shmem_ctx_pe_quiet)

void pshmem_fence(void)
{
    pshmem_ctx_fence(SHMEM_CTX_DEFAULT);
}
MEMHEAP_PROFILED(shmem_fence)

void pshmem_quiet(void)
{
    pshmem_ctx_quiet(SHMEM_CTX_DEFAULT);
}
MEMHEAP_PROFILED(shmem_quiet)

void pshmem_pe_quiet(const int *target_pes, size_t npes)
{
    pshmem_ctx_pe_quiet(SHMEM_CTX_DEFAULT, target_pes, npes);
}
MEMHEAP_PROFILED(shmem_pe_quiet)
