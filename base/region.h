/*
 * An address range, and the memory behind it.
 *
 * A region is one of three: a range of the caller's, private pages that
 * memheap reserves, or pages of a memory file that other processes map too.
 * The last two are reserved as long as the heap may become, and made usable
 * from the start as far as the heap has come: nothing but [0, backed) can be
 * touched. Backed pages take memory when they are first touched, but for those
 * of the huge page pool, which do at once; whether there is memory is asked
 * when they are backed, so that the answer is a status and not a signal.
 */
#ifndef MEMHEAP_BASE_REGION_H
#define MEMHEAP_BASE_REGION_H

#include <memheap/memory_policy.h>
#include <memheap/log.h>
#include <memheap/status.h>

#include <stdbool.h>
#include <stddef.h>

typedef enum memheap_region_kind {
    MEMHEAP_REGION_FOREIGN, /* of the caller; all of it is usable */
    MEMHEAP_REGION_PRIVATE, /* anonymous pages of this process */
    MEMHEAP_REGION_SHARED   /* pages of a file descriptor */
} memheap_region_kind_t;

typedef struct memheap_region {
    memheap_region_kind_t kind;
    char *base;
    size_t size;      /* bytes of the address range */
    size_t committed; /* bytes from base that may be touched */
    int fd;           /* of a shared region, else -1 */
    /** Regions of this node that grow in step, this one included: each step
     *  must find memory for all of them. */
    unsigned sharers;
    bool overcommit; /* back without asking whether there is memory */
    memheap_memory_policy_t policy; /* what base/pages.h could have of it */
    size_t unit; /* backed is a multiple of this, or all of the region */
    /** Pages are opened block by block, by others: backing opens none. idle is
     *  how many bytes below the end of what is to be backed nobody uses. */
    bool guarded;
    size_t unused;
    bool hugetlb; /* its memory is reserved: pages of the huge page pool */
} memheap_region_t;

/** Alignment of the base of a region that memheap reserves. */
#define MEMHEAP_REGION_ALIGN ((size_t)1 << 30)

/** A region over a range of the caller's, which must outlive it. */
void memheap_region_wrap(memheap_region_t *region, void *base, size_t size);

/** Reserve a private region. MEMHEAP_ERR_SYSTEM, logged. */
memheap_status_t memheap_region_reserve(memheap_region_t *region, size_t size,
                                        const memheap_log_t *log);

/**
 * Put a shared region into address space that the caller reserved, over a
 * fresh memory file; both belong to the region if the call succeeds.
 *
 * @param fd       of memfd_create(), for reading and writing, still empty
 * @param sharers  regions on this node that grow in step with this one
 * @return MEMHEAP_ERR_SYSTEM, logged
 */
memheap_status_t memheap_region_share(memheap_region_t *region, void *base,
                                      size_t size, int fd, unsigned sharers,
                                      const memheap_log_t *log);

/**
 * Make the first size bytes usable, and some more where that is cheap.
 *
 * @return MEMHEAP_ERR_NO_MEMORY if the region ends before, or if the node has
 *         no memory for them, which is logged. The region is as it was then.
 */
memheap_status_t memheap_region_commit(memheap_region_t *region, size_t size,
                                       const memheap_log_t *log);

/**
 * Give the whole pages in [from, to) back to the system, if they are at least
 * so many bytes. They stay backed, and read as zero. Not for a foreign region.
 * A node that has less memory by the time they are touched was not asked again.
 * Pages of the huge page pool stay.
 *
 * @return MEMHEAP_ERR_SYSTEM, logged
 */
memheap_status_t memheap_region_purge(const memheap_region_t *region,
                                      size_t from, size_t to, size_t least,
                                      const memheap_log_t *log);

/** Bytes of pages that take memory, as the kernel says. Constant time for a
 *  shared region. */
size_t memheap_region_resident(const memheap_region_t *region);

/** Give the range, its memory and its descriptor back. */
void memheap_region_release(memheap_region_t *region);

#endif
