/*
 * Object caches: items of one size, out of slabs that a pool gives.
 *
 * An item takes its size and not a bit of memory beside it: what a cache knows
 * of its items lies elsewhere, so a stray write into an item harms no other
 * and nothing of the cache. Which item an allocation gets depends on the calls
 * before it alone. The calls are as collective as the pool's, but only those
 * that need a slab or give one back come to the pool: over a symmetric heap,
 * one collective step for a slab and none for an item.
 *
 *     memheap_pool_t pool = memheap_heap_as_pool(heap);
 *     memheap_cache_config_t config = {
 *         .name = "nodes", .item_size = 48, .pool = &pool};
 *     memheap_cache_t *nodes;
 *     void *node;
 *     if (memheap_cache_create(&config, &nodes) == MEMHEAP_OK &&
 *         memheap_cache_alloc(nodes, &node) == MEMHEAP_OK)
 *         ...
 *     memheap_cache_destroy(nodes);
 *
 * Results are written on success alone, and a call that fails changes nothing.
 * A wrong address is found in every build, and logged with what it is.
 */
#ifndef MEMHEAP_CACHE_H
#define MEMHEAP_CACHE_H

#include "pool.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A cache of items of one size. */
typedef struct memheap_cache memheap_cache_t;

/** What a cache is made of. */
typedef struct memheap_cache_config {
    /** For messages and statistics; copied, cut at 47 bytes. NULL: "cache". */
    const char *name;
    /** Bytes of an item, at least 1. It takes so much, rounded up to a
     *  multiple of its alignment, and at least 8. */
    size_t item_size;
    /** Of each item: bytes, a power of two. 0: the greatest of up to 16 that
     *  divides item_size. */
    size_t align;
    /** Bytes that are taken from the pool at once: a power of two of at most
     *  4 GiB that holds 1 to 2^18 items. 0: 64 KiB, or the least that holds 8
     *  items. */
    size_t slab_size;
    /** Where slabs come from; the struct is copied. */
    const memheap_pool_t *pool;
    /** MEMHEAP_SINGLE_THREADED, or 0. */
    unsigned flags;
    /** Where messages go; NULL: standard error. Must outlive the cache. */
    const memheap_log_t *log;
    /** Where metadata comes from; NULL: pages of this process. Must outlive
     *  the cache. */
    const memheap_memory_t *memory;
} memheap_cache_config_t;

/**
 * Create a cache. Takes nothing from the pool yet; collective where that is.
 *
 * @return MEMHEAP_ERR_BAD_ARGUMENT, logged, for sizes that do not fit as
 *         described or no pool; MEMHEAP_ERR_NO_METADATA, logged
 */
memheap_status_t memheap_cache_create(const memheap_cache_config_t *config,
                                      memheap_cache_t **cache_p);

/**
 * Destroy a cache: its items end, and all slabs go back to the pool. The order
 * of the slabs depends on the calls before alone. NULL is ignored.
 *
 * @return the first failure of the pool's, each of which is logged; all else
 *         is done nevertheless
 */
memheap_status_t memheap_cache_destroy(memheap_cache_t *cache);

/**
 * Allocate an item. Its contents are not set.
 * @return MEMHEAP_ERR_NO_METADATA, or as the pool if there is to be a slab
 */
memheap_status_t memheap_cache_alloc(memheap_cache_t *cache, void **item_p);

/** As memheap_cache_alloc(), for callers that need no status.
 *  @return the item, or NULL if the call fails */
void *memheap_cache_malloc(memheap_cache_t *cache);

/**
 * Free an item. NULL is ignored. Of slabs without an item, one is kept beside
 * the one that allocations come from.
 * @return MEMHEAP_ERR_BAD_ADDRESS, logged, if it is no item in use
 */
memheap_status_t memheap_cache_free(memheap_cache_t *cache, void *item);

/**
 * Allocate several items, each of its own, all or none.
 * @param items  takes count addresses
 * @return as memheap_cache_alloc()
 */
memheap_status_t memheap_cache_alloc_batch(memheap_cache_t *cache, size_t count,
                                           void **items);

/**
 * Free several items, all or none. NULLs among them are ignored.
 * @return MEMHEAP_ERR_BAD_ADDRESS, logged, if one is no item in use or appears
 *         twice
 */
memheap_status_t memheap_cache_free_batch(memheap_cache_t *cache, size_t count,
                                          void *const *items);

/** The figures of a cache. */
typedef struct memheap_cache_stats {
    const char *name;     /* lives as long as the cache */
    size_t item_size;     /* bytes that an item takes */
    size_t slab_items;    /* that one slab holds */
    size_t live;          /* items in use */
    size_t peak;          /* the most that ever were */
    size_t slabs;         /* taken from the pool now */
    size_t bytes;         /* of these slabs */
    size_t metadata;      /* bytes beside them, to know all this */
    uint64_t allocations; /* items that were allocated, */
    uint64_t frees;       /* and freed */
    uint64_t failures;    /* calls that allocated nothing */
} memheap_cache_stats_t;

/** The figures now, in constant time. */
void memheap_cache_get_stats(memheap_cache_t *cache,
                             memheap_cache_stats_t *stats);

/** Test all that the cache keeps about its items. MEMHEAP_ERR_CORRUPT. */
memheap_status_t memheap_cache_check(memheap_cache_t *cache);

/** A cache as a pool, whose blocks are items: more than an item's size or
 *  alignment is MEMHEAP_ERR_BAD_ARGUMENT. */
memheap_pool_t memheap_cache_as_pool(memheap_cache_t *cache);

#ifdef __cplusplus
}
#endif

#endif
