/*
 * Symmetric heaps over MPI communicators, for runtimes and programs that have
 * no OpenSHMEM: a heap whose range lies at one place on all ranks of a
 * communicator, and whose blocks have one address there. There may be several
 * at once, over communicators that overlap, made and ended in any order that
 * MPI's collective calls could have.
 *
 *     memheap_mpi_t *heap;
 *     void *block;
 *     memheap_config_t config = {.name = "fields"};
 *     if (memheap_mpi_create(MPI_COMM_WORLD, &config, &heap) == MEMHEAP_OK &&
 *         memheap_mpi_alloc(heap, 4096, &block) == MEMHEAP_OK)
 *         ...
 *     memheap_mpi_destroy(heap);
 *
 * Calls that are collective are so over the ranks of the heap's communicator,
 * cost one reduction, and have the same outcome on all of them: what one rank
 * cannot do, none does. Ranks that differ in what they call are told by
 * MEMHEAP_ERR_DIVERGED, which is logged on the first with who called what. MPI
 * must be initialized; calls of one heap come one at a time, as MPI wants it of
 * a communicator. Nothing here needs shmem_init(), or is in its way.
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
 * A heap whose range lies at the same address on all ranks of a communicator,
 * and whose blocks have one address there. It needs neither OpenSHMEM nor UCX.
 * There may be several heaps at once, over communicators that overlap, created
 * and destroyed in any order that MPI allows for collective calls.
 *
 * A collective call is collective over the ranks of the heap's communicator,
 * costs one reduction, and has the same outcome on all of them: if one rank
 * fails, all fail, and each heap is as it was. MPI must be initialized.
 *
 * The statuses of blocks are those of memheap_alloc() and memheap_free().
 *
 * @retval MEMHEAP_ERR_DIVERGED  the ranks differ in what they call; rank 0 logs
 *         who called what, and the call does nothing
 * @see memheap_create(), memheap_alloc(), memheap_pool_agree()
 *
 * Threads: the calls of one heap come one at a time, as MPI demands of a
 * communicator.
 */

/** A symmetric heap over a communicator. */
typedef struct memheap_mpi memheap_mpi_t;

/**
 * Create a heap. Collective over the communicator, of which the heap has a copy
 * of its own.
 *
 * @param config  as memheap_create() takes it, the same on every rank; base and
 *                max_size are none. With a size of 0 the heap may take the
 *                rank's share of its machine's memory, as it is needed
 * @return MEMHEAP_ERR_BAD_ARGUMENT, MEMHEAP_ERR_DIVERGED, and as
 *         memheap_create(); the cause is logged where it is
 */
memheap_status_t memheap_mpi_create(MPI_Comm comm,
                                    const memheap_config_t *config,
                                    memheap_mpi_t **heap_p);

/** Destroy a heap and all blocks in it, when all ranks have come; rank 0 logs
 *  what MEMHEAP_REPORT and MEMHEAP_LEAKS ask for. Collective. NULL is ignored.
 */
memheap_status_t memheap_mpi_destroy(memheap_mpi_t *heap);

/** As the calls of memheap.h. Collective; a block has the same address on all
 *  ranks. An allocation ends when all ranks have it, and a block is freed or
 *  changed when all have come. */
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

/** Where this process finds what a rank has at an address of the heap, to be
 *  loaded and stored; NULL if the rank is of another node, or the address is
 *  none that a block ever had. Local. */
void *memheap_mpi_ptr(const memheap_mpi_t *heap, const void *address, int rank);

/** This rank's part as a heap, to be looked at and not to be changed. Local. */
memheap_t *memheap_mpi_heap(const memheap_mpi_t *heap);

/** The heap as a pool, whose pop and push are collective. Local. */
memheap_pool_t memheap_mpi_as_pool(memheap_mpi_t *heap);

#ifdef __cplusplus
}
#endif

#endif
