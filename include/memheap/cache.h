/*
 * Object caches: items of one size, out of the slabs of a pool.
 */
#ifndef MEMHEAP_CACHE_H
#define MEMHEAP_CACHE_H

#include "pool.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @page memheap_cache  object caches: items of one size
 *
 * A cache cuts items out of slabs, which it takes from a pool. Its metadata
 * lies elsewhere: an item of 8 bytes takes 8 bytes, and a stray write into an
 * item harms no other. Which item an allocation returns depends on the earlier
 * calls alone.
 *
 * Only a call that takes or returns a slab comes to the pool. Over a collective
 * pool, that is one collective step for a slab and none for an item; and one
 * more when the cache is created and each time its metadata grows, so that all
 * PEs fail together if one has no memory.
 *
 * A call that fails changes nothing. A wrong address is detected in every
 * build; the message says what lies there.
 *
 * @retval MEMHEAP_ERR_NO_MEMORY  the pool has no slab; any other status of the
 *         pool is passed on too
 * @retval MEMHEAP_ERR_NO_METADATA  there is no memory for metadata
 * @see memheap_pool_agree(), memheap_context_create()
 *
 * Threads: any number of threads may use a cache; one at a time is in it. A
 * thread that is its only user executes no atomic operation.
 */

/** A cache of items of one size. */
typedef struct memheap_cache memheap_cache_t;

/** The configuration of a cache. */
typedef struct memheap_cache_config {
    /** For messages and statistics; copied, cut at 47 bytes. NULL: "cache". */
    const char *name;
    /** Bytes of an item, at least 1. An item takes item_size rounded up to a
     *  multiple of its alignment, and at least 8 bytes. */
    size_t item_size;
    /** Alignment of an item in bytes, a power of two. 0: the greatest power of
     *  two up to 16 that divides item_size. */
    size_t align;
    /** Bytes of a slab: a power of two of at most 4 GiB that holds 1 to 2^18
     *  items. 0: 64 KiB, or the least that holds 8 items. */
    size_t slab_size;
    /** The source of slabs; copied. */
    const memheap_pool_t *pool;
    /** MEMHEAP_SINGLE_THREADED, or 0. */
    unsigned flags;
    /** Where messages go. NULL: standard error. Must outlive the cache. */
    const memheap_log_t *log;
    /** The source of metadata. NULL: pages of this process. Must outlive the
     *  cache. */
    const memheap_memory_t *memory;
} memheap_cache_config_t;

/**
 * Create a cache. It takes no slab yet. Collective if the pool is.
 *
 * @retval MEMHEAP_ERR_BAD_ARGUMENT  a size is not as described, or there is no
 *         pool; logged
 */
memheap_status_t memheap_cache_create(const memheap_cache_config_t *config,
                                      memheap_cache_t **cache_p);

/**
 * Destroy a cache with its items, and return all slabs to the pool, in an order
 * that depends on the earlier calls alone. NULL is ignored.
 *
 * @return the first failure of the pool to take a slab back; all failures are
 *         logged, and the cache is destroyed nevertheless
 * @retval MEMHEAP_ERR_BUSY  something stands on the cache as a pool; it is
 *         logged by name, and nothing is destroyed
 */
memheap_status_t memheap_cache_destroy(memheap_cache_t *cache);

/** Allocate an item. Its contents are not set. */
memheap_status_t memheap_cache_alloc(memheap_cache_t *cache, void **item_p);

/** The plain form of memheap_cache_alloc().
 *  @return the item; NULL if the call fails */
void *memheap_cache_malloc(memheap_cache_t *cache);

/**
 * Free an item. NULL is ignored. The cache keeps one empty slab beside the slab
 * that it allocates from, and returns the others.
 *
 * @retval MEMHEAP_ERR_BAD_ADDRESS  no item in use starts there; logged
 */
memheap_status_t memheap_cache_free(memheap_cache_t *cache, void *item);

/**
 * Allocate several items: all or none.
 * @param items  takes count addresses
 */
memheap_status_t memheap_cache_alloc_batch(memheap_cache_t *cache, size_t count,
                                           void **items);

/**
 * Free several items: all or none.
 * @param items  count addresses; NULLs are ignored
 * @retval MEMHEAP_ERR_BAD_ADDRESS  one is no item in use, or appears twice;
 *         logged
 */
memheap_status_t memheap_cache_free_batch(memheap_cache_t *cache, size_t count,
                                          void *const *items);

/** Statistics of a cache. */
typedef struct memheap_cache_stats {
    const char *name;     /* valid as long as the cache */
    size_t item_size;     /* bytes that an item takes */
    size_t slab_items;    /* items that a slab holds */
    size_t live;          /* items in use */
    size_t peak;          /* the greatest `live` so far */
    size_t slabs;         /* number of slabs now */
    size_t bytes;         /* in these slabs */
    size_t metadata;      /* bytes outside the slabs */
    uint64_t allocations; /* items allocated so far */
    uint64_t frees;       /* items freed so far */
    uint64_t failures;    /* allocating calls that failed */
} memheap_cache_stats_t;

/** Get the statistics, in constant time. */
void memheap_cache_get_stats(memheap_cache_t *cache,
                             memheap_cache_stats_t *stats);

/**
 * Check all metadata.
 * @retval MEMHEAP_ERR_CORRUPT  the metadata contradicts itself
 */
memheap_status_t memheap_cache_check(memheap_cache_t *cache);

/** Use a cache as a pool, whose blocks are items. A request for more than an
 *  item's size or alignment is MEMHEAP_ERR_BAD_ARGUMENT. */
memheap_pool_t memheap_cache_as_pool(memheap_cache_t *cache);

#ifdef __cplusplus
}
#endif

#endif
