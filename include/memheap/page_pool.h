/*
 * A pool of whole pages, out of ranges of the caller's.
 */
#ifndef MEMHEAP_PAGE_POOL_H
#define MEMHEAP_PAGE_POOL_H

#include "pool.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @page memheap_page_pool  pools of whole pages
 *
 * A block is a run of pages in one range: the lowest free run that is long
 * enough, in the range that was added first. The metadata lies outside the
 * ranges, which the pool never touches; it takes two bits for a page.
 *
 * A call that fails changes nothing.
 *
 * @retval MEMHEAP_ERR_NO_METADATA  there is no memory for metadata
 * @see memheap_range_pool_create(), memheap_pool_agree()
 *
 * Threads: several threads may use a pool at once.
 */

/** A pool of pages. */
typedef struct memheap_page_pool memheap_page_pool_t;

/** The configuration of a pool of pages. */
typedef struct memheap_page_pool_config {
    /** For messages; copied, cut at 47 bytes. NULL: "page pool". */
    const char *name;
    /** The first range of the caller's, at a multiple of the page size. It must
     *  outlive the pool. */
    void *base;
    /** Bytes of the first range, a multiple of the page size. */
    size_t size;
    /** Bytes of a page, a power of two of at least 16. 0: the system's. */
    size_t page_size;
    /** Where messages go. NULL: standard error. Must outlive the pool. */
    const memheap_log_t *log;
    /** The source of metadata. NULL: pages of this process. Must outlive the
     *  pool. */
    const memheap_memory_t *memory;
} memheap_page_pool_config_t;

/**
 * Create a pool.
 * @retval MEMHEAP_ERR_BAD_ARGUMENT  the range or the page size is not as
 *         described; logged
 */
memheap_status_t
memheap_page_pool_create(const memheap_page_pool_config_t *config,
                         memheap_page_pool_t **pool_p);

/**
 * Destroy a pool and all its blocks. NULL is ignored.
 * @retval MEMHEAP_ERR_BUSY  something stands on the pool; it is logged by name,
 *         and nothing is destroyed
 */
memheap_status_t memheap_page_pool_destroy(memheap_page_pool_t *pool);

/**
 * Add another range of the caller's.
 * @retval MEMHEAP_ERR_BAD_ARGUMENT  the range is not as described, or overlaps
 *         one of the pool; logged
 */
memheap_status_t memheap_page_pool_extend(memheap_page_pool_t *pool, void *base,
                                          size_t size);

/**
 * Allocate a given run of pages.
 *
 * @param address  the start of a page
 * @param size     bytes, at least 1; rounded up to whole pages
 * @retval MEMHEAP_ERR_BUSY  one of the pages is in use
 * @retval MEMHEAP_ERR_BAD_ARGUMENT  they are not pages of one range
 */
memheap_status_t memheap_page_pool_reserve(memheap_page_pool_t *pool,
                                           void *address, size_t size);

/** Count the pages, and those of them that are free. */
void memheap_page_pool_count(memheap_page_pool_t *pool, size_t *pages_p,
                             size_t *free_p);

/** Use it as a pool. push logs a wrong address. */
memheap_pool_t memheap_page_pool_as_pool(memheap_page_pool_t *pool);

#ifdef __cplusplus
}
#endif

#endif
