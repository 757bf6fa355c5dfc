/*
 * A memory pool over several ranges: a heap for each of them.
 *
 * A block lies in the range that was added first and has room for it. A range
 * is the caller's or the pool's own, and stays until the pool ends. Several
 * threads may use a pool, also while a range is added to it.
 */
#ifndef MEMHEAP_RANGE_POOL_H
#define MEMHEAP_RANGE_POOL_H

#include "pool.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A memory pool. */
typedef struct memheap_range_pool memheap_range_pool_t;

/**
 * Create a pool over the range of a heap's config, of the caller's or its own.
 * What else the config says holds for all ranges, except max_size, which is
 * ignored; what it points to must outlive the pool, also the name.
 *
 * @return as memheap_create()
 */
memheap_status_t memheap_range_pool_create(const memheap_config_t *config,
                                           memheap_range_pool_t **pool_p);

/** Destroy a pool and all blocks in it. NULL is ignored. MEMHEAP_ERR_BUSY,
 *  logged, if something stands on the pool; nothing is destroyed then. */
memheap_status_t memheap_range_pool_destroy(memheap_range_pool_t *pool);

/** Add another range; base is NULL for one of the pool's own.
 *  @return as memheap_create(); MEMHEAP_ERR_BAD_ARGUMENT, logged, also if the
 *          pool has a part of the range already */
memheap_status_t memheap_range_pool_extend(memheap_range_pool_t *pool,
                                           void *base, size_t size);

/**
 * Change a block's size as memheap_resize() does; if its own range has no room
 * it moves to another one.
 *
 * @param block  NULL: a new one
 * @return as memheap_resize()
 */
memheap_status_t memheap_range_pool_resize(memheap_range_pool_t *pool,
                                           void *block, size_t size,
                                           void **block_p);

/** Make a block of that very place, as memheap_reserve() does.
 *  @return as memheap_reserve(); MEMHEAP_ERR_BAD_ARGUMENT outside of ranges,
 * and across the end of one, even where the next begins there */
memheap_status_t memheap_range_pool_reserve(memheap_range_pool_t *pool,
                                            void *address, size_t size);

/** The pool's three functions. A wrong address is logged where it is pushed. */
memheap_pool_t memheap_range_pool_as_pool(memheap_range_pool_t *pool);

#ifdef __cplusplus
}
#endif

#endif
