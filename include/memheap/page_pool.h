/*
 * A pool of whole pages, out of ranges of the caller's.
 *
 * A block is a run of pages in one range: the lowest that is free and long
 * enough, in the range that was added first. What is known of the pages lies
 * outside the ranges, which are never touched; a page costs two bits. Several
 * threads may use a pool.
 */
#ifndef MEMHEAP_PAGE_POOL_H
#define MEMHEAP_PAGE_POOL_H

#include "pool.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A pool of pages. */
typedef struct memheap_page_pool memheap_page_pool_t;

/** What a pool is made of. */
typedef struct memheap_page_pool_config {
    /** For messages; copied, cut at 47 bytes. NULL: "page pool". */
    const char *name;
    /** The first range: multiples of a page's size, which stay the caller's and
     *  must outlive the pool. */
    void *base;
    size_t size; /* bytes of it */
    /** Bytes of a page, a power of two of at least 16; 0: the system's. */
    size_t page_size;
    /** Where messages go; NULL: standard error. Must outlive the pool. */
    const memheap_log_t *log;
    /** Where metadata comes from; NULL: pages of this process. Must outlive
     *  the pool. */
    const memheap_memory_t *memory;
} memheap_page_pool_config_t;

/** Create a pool. MEMHEAP_ERR_BAD_ARGUMENT for a range or a page size that is
 *  none, MEMHEAP_ERR_NO_METADATA; both are logged. */
memheap_status_t
memheap_page_pool_create(const memheap_page_pool_config_t *config,
                         memheap_page_pool_t **pool_p);

/** Destroy a pool and all blocks in it. NULL is ignored. MEMHEAP_ERR_BUSY,
 *  logged, if something stands on the pool; nothing is destroyed then. */
memheap_status_t memheap_page_pool_destroy(memheap_page_pool_t *pool);

/** Add another range. MEMHEAP_ERR_BAD_ARGUMENT, logged, also if the pool has a
 *  part of it already; MEMHEAP_ERR_NO_METADATA. */
memheap_status_t memheap_page_pool_extend(memheap_page_pool_t *pool, void *base,
                                          size_t size);

/**
 * Make a block of that very run of pages.
 *
 * @param address  where a page begins
 * @param size     bytes, at least 1; rounded up to pages
 * @return MEMHEAP_ERR_BUSY if one of them is in use, MEMHEAP_ERR_BAD_ARGUMENT
 *         if they are not pages of one range
 */
memheap_status_t memheap_page_pool_reserve(memheap_page_pool_t *pool,
                                           void *address, size_t size);

/** How many pages there are, and how many of them are free. */
void memheap_page_pool_count(memheap_page_pool_t *pool, size_t *pages_p,
                             size_t *free_p);

/** The pool's three functions. A wrong address is logged where it is pushed. */
memheap_pool_t memheap_page_pool_as_pool(memheap_page_pool_t *pool);

#ifdef __cplusplus
}
#endif

#endif
