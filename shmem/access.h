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

/** The bytes of count elements; SIZE_MAX, which no object has, if that many
 *  cannot be. */
static inline size_t memheap_bytes(size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? SIZE_MAX : bytes;
}

/** Where size bytes lie on a PE of the job if a segment has them, else NULL. */
static inline char *memheap_find(const memheap_segment_t *segment,
                                 const void *address, size_t size, int pe)
{
    size_t offset = (size_t)((uintptr_t)address - (uintptr_t)segment->base);
    if (offset >= segment->reach || size > segment->reach - offset)
        return NULL;
    return segment->windows.base + (size_t)pe * segment->windows.stride +
           offset;
}

/** Where size bytes at a symmetric address lie on a PE of the job. */
static inline char *memheap_remote(const char *call, const void *address,
                                   size_t size, int pe)
{
    const memheap_runtime_t *rt = &memheap_runtime;
    char *place = memheap_find(&rt->symmetric, address, size, pe);
    if (MEMHEAP_UNLIKELY(place == NULL))
        place = memheap_find(&rt->variables, address, size, pe);
    if (MEMHEAP_UNLIKELY(place == NULL))
        memheap_wrong_address(call, address, size, pe);
    return place;
}

/** The same for a PE of a context's team. */
static inline char *memheap_target(const char *call, shmem_ctx_t ctx,
                                   const void *address, size_t size, int pe)
{
    return memheap_remote(call, address, size, memheap_world_pe(call, ctx, pe));
}

#endif
