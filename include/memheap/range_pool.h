/*
 * A pool over several ranges, with a heap for each.
 */
#ifndef MEMHEAP_RANGE_POOL_H
#define MEMHEAP_RANGE_POOL_H

#include "pool.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @page memheap_range_pool  pools over several ranges
 *
 * A pool of ranges has a heap for each range. A block lies in the range that
 * was added first and has room for it; no block spans two ranges, even if they
 * touch. A range is the caller's or the pool's own, and stays until the pool is
 * destroyed.
 *
 * Where a heap is created, the statuses are those of memheap_create(); where a
 * block is allocated or freed, those of memheap_alloc() and memheap_free().
 *
 * @see memheap_page_pool_create(), memheap_pool_agree()
 *
 * Threads: several threads may use a pool at once, even while a range is added.
 */

/** A pool of ranges. */
typedef struct memheap_range_pool memheap_range_pool_t;

/**
 * Create a pool over the range of a heap's configuration.
 *
 * @param config  base and size are the first range. The rest applies to all
 *                ranges; max_size is ignored. What it points to, the name
 *                included, must outlive the pool
 */
memheap_status_t memheap_range_pool_create(const memheap_config_t *config,
                                           memheap_range_pool_t **pool_p);

/**
 * Destroy a pool and all its blocks. NULL is ignored.
 * @retval MEMHEAP_ERR_BUSY  something stands on the pool; it is logged by name,
 *         and nothing is destroyed
 */
memheap_status_t memheap_range_pool_destroy(memheap_range_pool_t *pool);

/**
 * Add another range.
 *
 * @param base  NULL: a range of the pool's own
 * @retval MEMHEAP_ERR_BAD_ARGUMENT  the range overlaps one of the pool; logged
 */
memheap_status_t memheap_range_pool_extend(memheap_range_pool_t *pool,
                                           void *base, size_t size);

/**
 * Change the size of a block, as memheap_resize() does. If its range has no
 * room, the block moves to another range.
 *
 * @param block  NULL: allocate
 */
memheap_status_t memheap_range_pool_resize(memheap_range_pool_t *pool,
                                           void *block, size_t size,
                                           void **block_p);

/**
 * Allocate a block at a given address, as memheap_reserve() does.
 * @retval MEMHEAP_ERR_BAD_ARGUMENT  the place is not wholly in one range
 */
memheap_status_t memheap_range_pool_reserve(memheap_range_pool_t *pool,
                                            void *address, size_t size);

/** Use it as a pool. push logs a wrong address. */
memheap_pool_t memheap_range_pool_as_pool(memheap_range_pool_t *pool);

#ifdef __cplusplus
}
#endif

#endif
