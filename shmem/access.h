/*
 * Where a symmetric object lies on another PE.
 *
 * Each call that names one comes here: PE and address are checked in every
 * build, at the cost of two comparisons.
 */
#ifndef MEMHEAP_SHMEM_ACCESS_H
#define MEMHEAP_SHMEM_ACCESS_H

#include "base/util.h"
#include "shmem/runtime.h"
#include "shmem/team.h"

/** End the job because of a PE or an address that a call cannot have. */
_Noreturn void memheap_wrong_pe(const char *call, shmem_ctx_t ctx, int pe);
_Noreturn void memheap_wrong_address(const char *call, const void *address,
                                     size_t size, int pe);

/** The number in the job of a PE of a context's team. */
static inline int memheap_world_pe(const char *call, shmem_ctx_t ctx, int pe)
{
    if (MEMHEAP_UNLIKELY(ctx == SHMEM_CTX_INVALID || pe < 0 ||
                         pe >= ctx->team->size))
        memheap_wrong_pe(call, ctx, pe);
    return ctx->team->start + pe * ctx->team->stride;
}

/** Where size bytes at a symmetric address lie on a PE of the job. */
static inline char *memheap_remote(const char *call, const void *address,
                                   size_t size, int pe)
{
    const memheap_segment_t *heap = &memheap_runtime.symmetric;
    size_t offset = (size_t)((uintptr_t)address - (uintptr_t)heap->base);
    if (MEMHEAP_UNLIKELY(offset > heap->reach || size > heap->reach - offset))
        memheap_wrong_address(call, address, size, pe);
    return heap->windows.base + (size_t)pe * heap->windows.stride + offset;
}

/** The same for a PE of a context's team. */
static inline char *memheap_target(const char *call, shmem_ctx_t ctx,
                                   const void *address, size_t size, int pe)
{
    return memheap_remote(call, address, size, memheap_world_pe(call, ctx, pe));
}

#endif
