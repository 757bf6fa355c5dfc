/*
 * The collective operations of a symmetric heap: one implementation, for
 * OpenSHMEM spaces and for heaps over MPI communicators.
 *
 * A call runs in three steps:
 *   1. Each PE does its part on its own heap. The heaps are in the same state,
 *      so the results are equal, unless one PE has run out of memory.
 *   2. The PEs agree on the call, its worst status and its result.
 *   3. If all succeeded, each PE commits. Otherwise each PE that succeeded
 *      rolls back, and all normalize. A rolled back allocation leaves traces
 *      in the allocator, and a PE that could not allocate has none of them;
 *      after normalization, placement depends only on the set of live blocks.
 * A block is freed or resized only after all PEs have agreed on it.
 *
 * A PE that has new releases (comm/releases.h) says so in place of its status:
 * then all PEs first free the blocks that all have released, and agree again.
 * An allocation that found no space is tried again after that.
 *
 * How PEs agree differs, and is passed in as memheap_collective_ops_t. The
 * functions are inlined into callers with constant operations, so the compiler
 * calls those directly: an allocation costs as much as hand-written code.
 */
#ifndef MEMHEAP_COMM_COLLECTIVE_HEAP_H
#define MEMHEAP_COMM_COLLECTIVE_HEAP_H

#include "comm/call.h"
#include "comm/releases.h"
#include "memheap/heap.h"
#include "base/util.h"

/** In an agreement: a PE has new releases. Worse than any status. As a result:
 *  blocks have ended, and the call is to be tried again. */
#define MEMHEAP_RELEASED ((memheap_status_t)-100)

/** What a collective heap needs from its environment. */
typedef struct memheap_collective_ops {
    /** This PE's part of the heap. */
    memheap_t *(*heap)(const void *context);
    /** This PE's releases of blocks of the heap. */
    memheap_releases_t *(*releases)(void *context);
    /** Agree on a call. Collective, and a barrier.
     *  @param mine    this PE's status
     *  @param result  compared if all PEs succeeded
     *  @param pe_p    takes the PE to report a failure
     *  @return the same on every PE: MEMHEAP_OK, the worst status, or
     *          MEMHEAP_ERR_DIVERGED, logged */
    memheap_status_t (*agree)(void *context, const memheap_call_t *call,
                              memheap_status_t mine, uint64_t result,
                              int *pe_p);
    /** The minimum of a word of each PE. Collective. */
    uint64_t (*minimum)(void *context, uint64_t word);
    /** The heap's high-water mark may have changed, by a block that ends at
     *  `end` or behind. Called before the PEs agree. May be NULL. */
    void (*grown)(void *context, uintptr_t end);
    /** All PEs have a block: make it accessible to PEs off the node.
     *  Collective. May be NULL. */
    memheap_status_t (*publish)(void *context, const void *block, int *pe_p);
    /** This PE has no live block at an address. Called before the PEs agree;
     *  log what is there. */
    void (*bad_block)(void *context, const void *block);
    /** The call failed on all PEs; pe has the cause. May be NULL. */
    void (*failed)(void *context, const memheap_call_t *call,
                   memheap_status_t status, int pe);
} memheap_collective_ops_t;

/** A collective heap. */
typedef struct memheap_collective {
    const memheap_collective_ops_t *ops;
    void *context; /* for ops */
} memheap_collective_t;

#define MEMHEAP_COLLECTIVE_INLINE __attribute__((always_inline)) static inline

MEMHEAP_COLLECTIVE_INLINE memheap_t *
memheap_collective_heap(memheap_collective_t c)
{
    return c.ops->heap(c.context);
}

MEMHEAP_COLLECTIVE_INLINE void memheap_collective_grown(memheap_collective_t c,
                                                        uintptr_t end)
{
    if (c.ops->grown != NULL)
        c.ops->grown(c.context, end);
}

/** Free the blocks that all PEs have released. Collective.
 *  @return their number, the same on all PEs */
size_t memheap_collective_collect(memheap_collective_t c);

/** Agree, after a PE has told that it has new releases.
 *  @return as agree; MEMHEAP_RELEASED if a PE has no memory, and blocks have
 *          ended */
memheap_status_t memheap_collective_agree_again(memheap_collective_t c,
                                                const memheap_call_t *call,
                                                memheap_status_t mine,
                                                uint64_t result, int *pe_p);

/** Step 2. @return as memheap_collective_agree_again() */
MEMHEAP_COLLECTIVE_INLINE memheap_status_t
memheap_collective_agree(memheap_collective_t c, const memheap_call_t *call,
                         memheap_status_t mine, uint64_t result, int *pe_p)
{
    bool any_new = memheap_releases_new(c.ops->releases(c.context));
    memheap_status_t worst = c.ops->agree(
        c.context, call, MEMHEAP_UNLIKELY(any_new) ? MEMHEAP_RELEASED : mine,
        result, pe_p);
    return MEMHEAP_LIKELY(worst != MEMHEAP_RELEASED)
               ? worst
               : memheap_collective_agree_again(c, call, mine, result, pe_p);
}

/** Step 3 of an allocation that failed on a PE: undo the count blocks that this
 *  PE has, and report, unless worst is MEMHEAP_RELEASED. */
void memheap_collective_roll_back(memheap_collective_t c,
                                  const memheap_call_t *call,
                                  memheap_status_t worst, int pe,
                                  void *const *blocks, size_t count);

/** Steps 2 and 3 of an allocation of count blocks, after
 *  memheap_collective_grown(). This PE has the blocks if mine is MEMHEAP_OK.
 *  @return the same on every PE; MEMHEAP_RELEASED: allocate again */
MEMHEAP_COLLECTIVE_INLINE memheap_status_t memheap_collective_commit(
    memheap_collective_t c, const memheap_call_t *call, memheap_status_t mine,
    uint64_t result, void **blocks, size_t count)
{
    int pe;
    memheap_status_t worst =
        memheap_collective_agree(c, call, mine, result, &pe);
    if (c.ops->publish != NULL) {
        for (size_t i = 0; i < count && MEMHEAP_LIKELY(worst == MEMHEAP_OK);
             i++)
            worst = c.ops->publish(c.context, blocks[i], &pe);
    }
    if (MEMHEAP_LIKELY(worst == MEMHEAP_OK))
        return MEMHEAP_OK;
    memheap_collective_roll_back(c, call, worst, pe, blocks,
                                 mine == MEMHEAP_OK ? count : 0);
    return worst;
}

/** Allocate a block. @return the same on every PE */
MEMHEAP_COLLECTIVE_INLINE memheap_status_t
memheap_collective_alloc(memheap_collective_t c, const memheap_call_t *call,
                         size_t align, size_t size, void **block_p)
{
    memheap_status_t worst;
    do {
        *block_p = NULL;
        memheap_status_t mine = memheap_alloc_aligned(
            memheap_collective_heap(c), align, size, block_p);
        memheap_collective_grown(c, (uintptr_t)*block_p + size);
        worst = memheap_collective_commit(c, call, mine, (uintptr_t)*block_p,
                                          block_p, 1);
    } while (MEMHEAP_UNLIKELY(worst == MEMHEAP_RELEASED));
    return worst;
}

/** Allocate count * size bytes, set to zero. @return the same on every PE */
MEMHEAP_COLLECTIVE_INLINE memheap_status_t memheap_collective_alloc_zeroed(
    memheap_collective_t c, const memheap_call_t *call, size_t count,
    size_t size, void **block_p)
{
    memheap_status_t worst;
    do {
        *block_p = NULL;
        memheap_status_t mine = memheap_alloc_zeroed(memheap_collective_heap(c),
                                                     count, size, block_p);
        memheap_collective_grown(c, UINTPTR_MAX);
        worst = memheap_collective_commit(c, call, mine, (uintptr_t)*block_p,
                                          block_p, 1);
    } while (MEMHEAP_UNLIKELY(worst == MEMHEAP_RELEASED));
    return worst;
}

/** This PE has no live block at an address, or has released it: agree that the
 * call fails, and report. The address is the call's first argument. PEs whose
 * addresses lie outside of the heap agree on that, not on the address.
 *  @return the same on every PE, not MEMHEAP_OK */
memheap_status_t memheap_collective_refuse(memheap_collective_t c,
                                           const memheap_call_t *call,
                                           const void *block,
                                           memheap_status_t mine);

/** Agree that all PEs name the same live block. @return the same on every PE */
MEMHEAP_COLLECTIVE_INLINE memheap_status_t memheap_collective_find(
    memheap_collective_t c, const memheap_call_t *call, const void *block)
{
    size_t usable;
    int pe;
    memheap_status_t mine =
        memheap_find_block(memheap_collective_heap(c), block, &usable);
    if (MEMHEAP_UNLIKELY(
            memheap_releases_has(c.ops->releases(c.context), block)))
        mine = MEMHEAP_ERR_BAD_ADDRESS;
    if (MEMHEAP_UNLIKELY(mine != MEMHEAP_OK))
        return memheap_collective_refuse(c, call, block, mine);
    memheap_status_t worst = memheap_collective_agree(c, call, mine, 0, &pe);
    if (MEMHEAP_UNLIKELY(worst != MEMHEAP_OK) && c.ops->failed != NULL)
        c.ops->failed(c.context, call, worst, pe);
    return worst;
}

/** Free a block. @return the same on every PE */
MEMHEAP_COLLECTIVE_INLINE memheap_status_t memheap_collective_free(
    memheap_collective_t c, const memheap_call_t *call, void *block)
{
    memheap_status_t worst = memheap_collective_find(c, call, block);
    return MEMHEAP_LIKELY(worst == MEMHEAP_OK)
               ? memheap_free(memheap_collective_heap(c), block)
               : worst;
}

/** Resize a block that memheap_collective_find() has found. If a PE has no
 *  memory for the headroom of a growing block, all try again without it.
 *  @return the same on every PE; *moved_p is set only on success */
MEMHEAP_COLLECTIVE_INLINE memheap_status_t
memheap_collective_resize(memheap_collective_t c, const memheap_call_t *call,
                          void *block, size_t size, void **moved_p)
{
    for (bool headroom = true;; headroom = false) {
        memheap_pending_resize_t step = {.new_offset = 0};
        int pe;
        memheap_status_t mine = memheap_resize_begin(
            memheap_collective_heap(c), block, size, headroom, &step);
        memheap_collective_grown(c, UINTPTR_MAX);
        memheap_status_t worst =
            c.ops->agree(c.context, call, mine, step.new_offset, &pe);
        if (worst == MEMHEAP_OK && c.ops->publish != NULL)
            worst = c.ops->publish(
                c.context, (char *)block - step.old_offset + step.new_offset,
                &pe);
        void *moved = NULL;
        if (mine == MEMHEAP_OK)
            moved = memheap_resize_end(memheap_collective_heap(c), &step,
                                       worst == MEMHEAP_OK);
        if (MEMHEAP_LIKELY(worst == MEMHEAP_OK)) {
            *moved_p = moved;
            return MEMHEAP_OK;
        }
        memheap_normalize(memheap_collective_heap(c));
        if (step.with_headroom && worst == MEMHEAP_ERR_NO_MEMORY)
            continue;
        if (c.ops->failed != NULL)
            c.ops->failed(c.context, call, worst, pe);
        return worst;
    }
}

#endif
