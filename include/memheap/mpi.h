/*
 * Symmetric heaps over MPI communicators, for runtimes and programs that do not
 * use OpenSHMEM.
 *
 *     memheap_mpi_t *heap;
 *     void *block;
 *     memheap_config_t config = {.name = "fields"};
 *     if (memheap_mpi_create(MPI_COMM_WORLD, &config, &heap) == MEMHEAP_OK &&
 *         memheap_mpi_alloc(heap, 4096, &block) == MEMHEAP_OK)
 *         ...
 *     memheap_mpi_destroy(heap);
 */
#ifndef MEMHEAP_MPI_H
#define MEMHEAP_MPI_H

#include "memheap.h"
#include <mpi.h>
#include "pool.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @page memheap_mpi  symmetric heaps over MPI communicators
 *
 * A heap with the same address range on all ranks of a communicator; a block
 * has the same address on all of them. It needs neither OpenSHMEM nor UCX, and
 * may be used together with them. A program may have several heaps at once,
 * over overlapping communicators.
 *
 * Collective calls are collective over the ranks of the heap's communicator,
 * and follow MPI's ordering rules for collective operations. They cost one
 * reduction and return the same status on all ranks: if one rank fails, the
 * call has no effect on any rank. MPI must be initialized. In a forked child of
 * a rank they fail with MEMHEAP_ERR_BAD_ARGUMENT, and log it.
 *
 * The statuses of blocks are those of memheap_alloc() and memheap_free().
 *
 * @retval MEMHEAP_ERR_DIVERGED  the ranks make different calls; rank 0 logs
 *         which rank called what, and the call has no effect
 * @see memheap_create(), memheap_alloc(), memheap_pool_agree()
 *
 * Threads: calls for one heap must be serialized, as MPI requires it for a
 * communicator.
 */

/** A symmetric heap over a communicator. */
typedef struct memheap_mpi memheap_mpi_t;

/**
 * Create a heap. Collective over the communicator, which is duplicated.
 *
 * @param config  as for memheap_create(), the same on every rank. base and
 *                max_size must be 0. If size is 0, the heap may grow to the
 *                rank's share of its machine's memory
 * @return the same on every rank. MEMHEAP_ERR_BAD_ARGUMENT,
 *         MEMHEAP_ERR_DIVERGED, and as memheap_create(); the rank that has the
 *         cause logs it
 */
memheap_status_t memheap_mpi_create(MPI_Comm comm,
                                    const memheap_config_t *config,
                                    memheap_mpi_t **heap_p);

/** Destroy a heap and all its blocks. Collective. Rank 0 logs the reports of
 *  MEMHEAP_REPORT and MEMHEAP_LEAKS. NULL is ignored.
 *  @return MEMHEAP_ERR_BUSY if a context, cache or proximity uses the heap */
memheap_status_t memheap_mpi_destroy(memheap_mpi_t *heap);

/** As the calls of memheap.h, but collective: a block has the same address on
 *  all ranks, and exists on all ranks when the call returns. A block is freed
 *  or resized after all ranks have called. */
memheap_status_t memheap_mpi_alloc(memheap_mpi_t *heap, size_t size,
                                   void **block_p);
memheap_status_t memheap_mpi_alloc_aligned(memheap_mpi_t *heap, size_t align,
                                           size_t size, void **block_p);
memheap_status_t memheap_mpi_alloc_zeroed(memheap_mpi_t *heap, size_t count,
                                          size_t size, void **block_p);
void *memheap_mpi_malloc(memheap_mpi_t *heap, size_t size);
void *memheap_mpi_calloc(memheap_mpi_t *heap, size_t count, size_t size);
void *memheap_mpi_aligned_alloc(memheap_mpi_t *heap, size_t align, size_t size);
void *memheap_mpi_realloc(memheap_mpi_t *heap, void *block, size_t size);
memheap_status_t memheap_mpi_free(memheap_mpi_t *heap, void *block);
memheap_status_t memheap_mpi_resize(memheap_mpi_t *heap, void *block,
                                    size_t size, void **block_p);

/**
 * Let go of a block alone, at any time and in any order: from a destructor or a
 * garbage collector, for example. This rank must not use the block any more,
 * and its accesses to other ranks' copies must be complete. The block ends when
 * all ranks have released it: in the next collective call of the heap that
 * allocates, resizes or frees, or in memheap_mpi_collect(). Local; thread-safe,
 * if the heap is. NULL is ignored.
 *
 * @return MEMHEAP_ERR_BAD_ADDRESS  no live block starts at the address, or this
 *                                  rank has released it before; logged
 *         MEMHEAP_ERR_NO_METADATA  there is no memory; logged
 */
memheap_status_t memheap_mpi_release(memheap_mpi_t *heap, void *block);

/** Free the blocks that all ranks have released. Collective.
 *  @param ended_p  takes their number, the same on all ranks; may be NULL
 *  @return MEMHEAP_ERR_DIVERGED  the ranks made different calls; logged */
memheap_status_t memheap_mpi_collect(memheap_mpi_t *heap, size_t *ended_p);

/** Bytes of the blocks that this rank has released, and that have not ended.
 *  Local. */
size_t memheap_mpi_released(const memheap_mpi_t *heap);

/** The address at which this process can load and store the memory of a rank
 *  that lies at `address` there. Local.
 *  @return NULL if the rank is on another node, or the address is above the
 *          heap's high-water mark */
void *memheap_mpi_ptr(const memheap_mpi_t *heap, const void *address, int rank);

/** This rank's part of the heap, for queries only. Local. */
memheap_t *memheap_mpi_heap(const memheap_mpi_t *heap);

/** A pool interface to the heap. Its pop and push are collective. Local. */
memheap_pool_t memheap_mpi_as_pool(memheap_mpi_t *heap);

#ifdef __cplusplus
}
#endif

#endif
