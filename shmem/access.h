/*
 * Where a symmetric object lies on another PE.
 *
 * Each call that names one comes here: PE and address are checked in every
 * build, at the cost of two comparisons. An object of a PE of this node is
 * loaded and stored through a window; one of any other PE has a place, which
 * the transport reaches.
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
__attribute__((always_inline)) static inline int
memheap_world_pe(const char *call, shmem_ctx_t ctx, int pe)
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

/** Whether a segment has size bytes at an address. */
static inline bool memheap_segment_contains(const memheap_segment_t *segment,
                                            const void *address, size_t size)
{
    size_t offset = (size_t)((uintptr_t)address - (uintptr_t)segment->base);
    return offset < segment->accessible && size <= segment->accessible - offset;
}

/** The segment that has size bytes at an address, with the means of a PE that
 *  has a part of it; NULL if none does. */
const memheap_segment_t *memheap_segment_at(const void *address, size_t size);

/** The number that a PE of the job has among a segment's; -1 if it has no part
 *  of it. */
int memheap_segment_number(const memheap_segment_t *segment, int pe);

/** Whether a PE of the job is on this node. */
static inline bool memheap_is_on_node(int pe)
{
    const memheap_job_t *job = &memheap_runtime.job;
    return memheap_job_node_rank(job, pe) < (uint32_t)job->node_size;
}

/** What memheap_locate() does where it is not the heap of a job on one node. */
char *memheap_locate_slow(const char *call, const void *address, size_t size,
                          int pe, memheap_remote_addr_t *remote_p);

/** Where size bytes at a symmetric address lie on a PE of the job; NULL if it
 *  is of another node, and *remote_p is its place then. Small enough to be part
 * of every call that comes here. */
__attribute__((always_inline)) static inline char *
memheap_locate(const char *call, const void *address, size_t size, int pe,
               memheap_remote_addr_t *remote_p)
{
    const memheap_runtime_t *rt = &memheap_runtime;
    const memheap_segment_t *heap = &rt->heap_segment;
    if (MEMHEAP_UNLIKELY(rt->slow_access_check ||
                         !memheap_segment_contains(heap, address, size)))
        return memheap_locate_slow(call, address, size, pe, remote_p);
    /* PEs of the only node have their numbers in the job. */
    return heap->windows.base + (size_t)pe * heap->windows.stride +
           ((uintptr_t)address - (uintptr_t)heap->base);
}

/** The same for a PE of a context's team. */
__attribute__((always_inline)) static inline char *
memheap_locate_ctx(const char *call, shmem_ctx_t ctx, const void *address,
                   size_t size, int pe, memheap_remote_addr_t *remote_p)
{
    return memheap_locate(call, address, size, memheap_world_pe(call, ctx, pe),
                          remote_p);
}

/** Note that a context has something to be quiet about. Behind what it began,
 *  so that a quiet of another thread does not take it for done. */
static inline void memheap_ctx_note_issued(shmem_ctx_t ctx)
{
    __atomic_fetch_add(&ctx->issued, 1, __ATOMIC_RELEASE);
}

/** Whether a quiet of a context has nothing to wait for. */
static inline bool memheap_ctx_is_quiet(shmem_ctx_t ctx)
{
    return __atomic_load_n(&ctx->issued, __ATOMIC_ACQUIRE) ==
           __atomic_load_n(&ctx->completed, __ATOMIC_ACQUIRE);
}

/** An atomic operation on size bytes at a place, 4 or 8; operands are of the
 *  object's type, `compare` for a compare-and-swap alone. The first waits for
 *  the value before it, the second for nothing; its old_p may be NULL. */
void memheap_remote_fetch(const memheap_remote_addr_t *remote,
                          memheap_atomic_kind_t kind, size_t size,
                          const void *value, const void *compare, void *old_p);
void memheap_remote_update(shmem_ctx_t ctx, const memheap_remote_addr_t *remote,
                           memheap_atomic_kind_t kind, size_t size,
                           const void *value, const void *compare, void *old_p);

/** A fetching atomic operation on a word of 4 bytes of a PE of the job, for
 *  the library's own words. @return the value before it */
uint32_t memheap_word_fetch(const char *call, memheap_atomic_kind_t kind,
                            uint32_t *word, uint32_t value, uint32_t compare,
                            int pe);

#endif
