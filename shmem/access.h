/*
 * Finds a symmetric object on another PE.
 *
 * Each call on a remote object comes here. The PE and the address are checked
 * in every build, by two comparisons. An object of a PE of this node is
 * accessed through a window; an object of another PE has a remote address, for
 * the transport.
 */
#ifndef MEMHEAP_SHMEM_ACCESS_H
#define MEMHEAP_SHMEM_ACCESS_H

#include "base/util.h"
#include "shmem/runtime.h"
#include "shmem/ctx.h"
#include "shmem/team.h"

/** End the job, because a PE or an address is invalid. */
_Noreturn void memheap_wrong_pe(const char *call, shmem_ctx_t ctx, int pe);
_Noreturn void memheap_wrong_address(const char *call, const void *address,
                                     size_t size, int pe);

/** The PE of the job that is PE `pe` of a context's team. */
__attribute__((always_inline)) static inline int
memheap_world_pe(const char *call, shmem_ctx_t ctx, int pe)
{
    /* A negative PE is too large as an unsigned number. */
    if (MEMHEAP_UNLIKELY(ctx == SHMEM_CTX_INVALID ||
                         (unsigned)pe >= (unsigned)ctx->team->size))
        memheap_wrong_pe(call, ctx, pe);
    return ctx->team->start + pe * ctx->team->stride;
}

/** The size of count elements; SIZE_MAX on overflow, which no object has. */
static inline size_t memheap_bytes(size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? SIZE_MAX : bytes;
}

/** Whether a segment contains size bytes at an address. */
static inline bool memheap_segment_contains(const memheap_segment_t *segment,
                                            const void *address, size_t size)
{
    size_t offset = (size_t)((uintptr_t)address - (uintptr_t)segment->base);
    size_t end = __atomic_load_n(&segment->accessible, __ATOMIC_RELAXED);
    return offset < end && size <= end - offset;
}

/** The segment that contains size bytes at an address; NULL if there is none.
 */
const memheap_segment_t *memheap_segment_at(const void *address, size_t size);

/** A segment id that is unused on all PEs of a job; 0 if there is none.
 *  Collective over the job. */
memheap_segment_id_t memheap_segment_unused_id(const memheap_job_t *job);

/** The symmetric address of an address in a window of a segment; NULL if it
 * lies in none. */
const void *memheap_symmetric_of_window(const memheap_segment_t *segment,
                                        const void *address);

/** The index of a PE among a segment's members; -1 if it is not a member. */
int memheap_segment_number(const memheap_segment_t *segment, int pe);

/** Whether a PE of the job is on this node. */
static inline bool memheap_is_on_node(int pe)
{
    const memheap_job_t *job = &memheap_runtime.job;
    return memheap_job_node_rank(job, pe) < (uint32_t)job->node_size;
}

/** The general case of memheap_locate(). */
char *memheap_locate_slow(const char *call, const void *address, size_t size,
                          int pe, memheap_remote_addr_t *remote_p);

/** Find size bytes at a symmetric address on a PE of the job. Inlined into
 * every access; the fast case is the heap of a job on one node.
 *  @return the address in this process; NULL if the PE is off node, and
 *          *remote_p takes the remote address */
__attribute__((always_inline)) static inline char *
memheap_locate(const char *call, const void *address, size_t size, int pe,
               memheap_remote_addr_t *remote_p)
{
    const memheap_runtime_t *rt = &memheap_runtime;
    const memheap_segment_t *heap = &rt->heap_segment;
    if (MEMHEAP_UNLIKELY(rt->slow_access_check ||
                         !memheap_segment_contains(heap, address, size)))
        return memheap_locate_slow(call, address, size, pe, remote_p);
    /* On the only node, a PE's rank is its number in the job. */
    return heap->windows.base + (size_t)pe * heap->windows.stride +
           ((uintptr_t)address - (uintptr_t)heap->base);
}

/** As memheap_locate(), for a PE of a context's team. */
__attribute__((always_inline)) static inline char *
memheap_locate_ctx(const char *call, shmem_ctx_t ctx, const void *address,
                   size_t size, int pe, memheap_remote_addr_t *remote_p)
{
    return memheap_locate(call, address, size, memheap_world_pe(call, ctx, pe),
                          remote_p);
}

/** Run an atomic operation on an object of size 4 or 8 on another node.
 * Operands have the type of the object; compare is for a compare-and-swap only.
 * The first waits for the old value; the second does not wait, and old_p may be
 *  NULL. */
void memheap_remote_fetch(const memheap_remote_addr_t *remote,
                          memheap_atomic_kind_t kind, size_t size,
                          const void *value, const void *compare, void *old_p);
void memheap_remote_update(shmem_ctx_t ctx, const memheap_remote_addr_t *remote,
                           memheap_atomic_kind_t kind, size_t size,
                           const void *value, const void *compare, void *old_p);

/** A fetching atomic operation on a 32-bit word of any PE, for the library's
 * own words. @return the old value */
uint32_t memheap_word_fetch(const char *call, memheap_atomic_kind_t kind,
                            uint32_t *word, uint32_t value, uint32_t compare,
                            int pe);

#endif
