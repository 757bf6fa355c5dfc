/*
 * A region: an address range and its memory.
 *
 * There are three kinds: a range of the caller, private pages, and pages of a
 * memory file that other processes map too. The last two reserve address space
 * for the greatest size of the heap, and commit memory from the start as the
 * heap grows: only [0, committed) is accessible.
 *
 *     base         base + committed             base + size
 *     | accessible | reserved, not accessible   |
 *
 * Committed pages take memory on first touch; those of the huge page pool take
 * it at once. commit() checks that memory is available, so that a shortage
 * becomes a status and not a signal.
 */
#ifndef MEMHEAP_BASE_REGION_H
#define MEMHEAP_BASE_REGION_H

#include "base/huge_pages.h"

#include <memheap/memory_policy.h>
#include <memheap/log.h>
#include <memheap/status.h>

#include <stdbool.h>
#include <stddef.h>

typedef enum memheap_region_kind {
    MEMHEAP_REGION_FOREIGN, /* of the caller; entirely accessible */
    MEMHEAP_REGION_PRIVATE, /* anonymous pages of this process */
    MEMHEAP_REGION_SHARED   /* pages of a file descriptor */
} memheap_region_kind_t;

typedef struct memheap_region {
    memheap_region_kind_t kind;
    char *base;
    size_t size;      /* bytes of the address range */
    size_t committed; /* accessible bytes from base */
    int fd;           /* of a shared region, else -1 */
    /** Number of regions on this node that grow in step, with this one. Each
     *  step must find memory for all of them. */
    unsigned sharers;
    bool overcommit; /* commit without checking for available memory */
    memheap_memory_policy_t policy; /* the policy in effect */
    size_t unit; /* committed is a multiple of this, or size */
    /** Another part makes pages accessible block by block, so commit() does
     *  not. Then `unused` is the number of bytes below the end to commit that
     *  no block uses. */
    bool guarded;
    size_t unused;
    bool hugetlb;              /* memory is from the huge page pool */
    memheap_huge_pages_t huge; /* transparent huge pages */
} memheap_region_t;

/** Alignment of the base of a private region. */
#define MEMHEAP_REGION_ALIGN ((size_t)1 << 30)

/** Wrap a range of the caller, which must outlive the region. */
void memheap_region_wrap(memheap_region_t *region, void *base, size_t size);

/** Reserve a private region. MEMHEAP_ERR_SYSTEM, logged. */
memheap_status_t memheap_region_reserve(memheap_region_t *region, size_t size,
                                        const memheap_log_t *log);

/** The same at a given address. MEMHEAP_ERR_BUSY, logged: it is taken. */
memheap_status_t memheap_region_reserve_at(memheap_region_t *region,
                                           void *place, size_t size,
                                           const memheap_log_t *log);

/**
 * Map a shared region over address space that the caller reserved, from a new
 * memory file. On success the region owns both.
 *
 * @param fd       from memfd_create(), for reading and writing, empty
 * @param sharers  regions on this node that grow in step with this one
 * @return MEMHEAP_ERR_SYSTEM, logged
 */
memheap_status_t memheap_region_share(memheap_region_t *region, void *base,
                                      size_t size, int fd, unsigned sharers,
                                      const memheap_log_t *log);

/**
 * Commit at least the first size bytes.
 *
 * @return MEMHEAP_ERR_NO_MEMORY if size exceeds the region, or, logged, if the
 *     node has not enough memory. The region is unchanged then.
 */
memheap_status_t memheap_region_commit(memheap_region_t *region, size_t size,
                                       const memheap_log_t *log);

/**
 * Give the whole pages in [from, to) back to the system, if they are at least
 * `least` bytes. They stay committed and read as zero. Availability is not
 * checked again when they are touched. Pages of the huge page pool are kept.
 * Not for a foreign region.
 *
 * @return MEMHEAP_ERR_SYSTEM, logged
 */
memheap_status_t memheap_region_purge(const memheap_region_t *region,
                                      size_t from, size_t to, size_t least,
                                      const memheap_log_t *log);

/** Bytes of the region that take memory, up to an offset. Constant time for a
 *  shared region, for which the offset does not count. */
size_t memheap_region_resident(const memheap_region_t *region, size_t end_used);

/** Release the address range, the memory and the descriptor. */
void memheap_region_release(memheap_region_t *region);

#endif
