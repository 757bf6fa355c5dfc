/*
 * Placement of blocks by reachability and proximity.
 */
#ifndef MEMHEAP_PLACEMENT_H
#define MEMHEAP_PLACEMENT_H

#include "pool.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @page memheap_placement  place blocks by reachability and proximity
 *
 * A request has two arguments beside size and alignment. Its *reachability*
 * says who must be able to access the block. Its *proximity* is a list of
 * sources, nearest first: the first source that is reachable enough and has
 * room serves the request. A global proximity lets its sources serve in turn.
 * A source is any pool: a heap, a pool of pages, the symmetric heap of a job,
 * another proximity, or an allocator of the caller's.
 *
 * @retval MEMHEAP_ERR_NO_METADATA  there is no memory for metadata
 * @see memheap_page_pool_create(), memheap_range_pool_create(),
 *      memheap_heap_as_pool()
 *
 * Threads: several threads may use a proximity if they may use its sources.
 */

/** Who can access memory: a set. Each of the first three contains those before
 *  it; a device can be added to any. A source serves a request if its set
 *  contains the request's. */
typedef enum memheap_reachability {
    MEMHEAP_REACH_PE = 1,     /* this PE */
    MEMHEAP_REACH_NODE = 3,   /* the PEs of this node, by load and store */
    MEMHEAP_REACH_SYSTEM = 7, /* all PEs of the job */
    MEMHEAP_REACH_DEVICE = 8  /* a device that the memory is registered with */
} memheap_reachability_t;

/** The memory of a source lies on no particular NUMA node. */
#define MEMHEAP_NODE_NONE (-1)

/** A source of blocks. */
typedef struct memheap_source {
    memheap_pool_t pool; /* that is asked */
    /** A memheap_reachability_t, or two of them joined by |. */
    unsigned reachability;
    /** The NUMA node of its memory, for information; or MEMHEAP_NODE_NONE. */
    int node;
    /** All PEs that can access the source call it together, as they do with
     *  shmem_malloc(). It serves no request for fewer PEs, since such a call
     *  would wait for the others. */
    bool collective;
} memheap_source_t;

/** The order in which sources are asked. */
typedef enum memheap_search_order {
    MEMHEAP_NEAREST_FIRST, /* as they are listed */
    MEMHEAP_IN_TURN        /* each request starts one source further */
} memheap_search_order_t;

/** A preference among sources. */
typedef struct memheap_proximity memheap_proximity_t;

/** The configuration of a proximity. */
typedef struct memheap_proximity_config {
    /** For messages; copied, cut at 47 bytes. NULL: "proximity". */
    const char *name;
    /** The sources; copied. Their pools must outlive the proximity. */
    const memheap_source_t *sources;
    /** Number of sources, at least one. */
    size_t count;
    memheap_search_order_t order; /* in which they are asked */
    /** Where messages go. NULL: standard error. Must outlive the proximity. */
    const memheap_log_t *log;
    /** The source of metadata. NULL: pages of this process. Must outlive the
     *  proximity. */
    const memheap_memory_t *memory;
} memheap_proximity_config_t;

/**
 * Create a proximity.
 * @retval MEMHEAP_ERR_BAD_ARGUMENT  there is no source, or one lacks a function
 *         or a valid reachability; logged
 */
memheap_status_t
memheap_proximity_create(const memheap_proximity_config_t *config,
                         memheap_proximity_t **proximity_p);

/**
 * Destroy a proximity. Its sources and their blocks stay. NULL is ignored.
 * @retval MEMHEAP_ERR_BUSY  something stands on the proximity as a pool; it is
 *         logged by name, and nothing is destroyed
 */
memheap_status_t memheap_proximity_destroy(memheap_proximity_t *proximity);

/**
 * Allocate a block from the first source that can serve the request. The
 * contents are not set.
 *
 * A source that is full, or can have no such block, is skipped. If that leads
 * to a collective source, it must do so on all its PEs: no source before it may
 * differ between them. Turns are counted for each reachability by itself, so a
 * request of one PE does not disturb those of all.
 *
 * Any other failure of a source, such as MEMHEAP_ERR_DIVERGED, ends the
 * request.
 *
 * @param align         bytes, a power of two
 * @param size          bytes, at least 1
 * @param reachability  as of a source
 * @retval MEMHEAP_ERR_UNREACHABLE  no source is reachable enough
 * @retval MEMHEAP_ERR_NO_MEMORY  all sources that are reachable enough are full
 * @retval MEMHEAP_ERR_BAD_ARGUMENT  an argument is not as described, or no
 *         source can ever have such a block
 */
memheap_status_t memheap_placement_alloc(memheap_proximity_t *proximity,
                                         size_t align, size_t size,
                                         unsigned reachability, void **block_p);

/** The plain form of memheap_placement_alloc().
 *  @return the block; NULL if the call fails */
void *memheap_placement_malloc(memheap_proximity_t *proximity, size_t align,
                               size_t size, unsigned reachability);

/**
 * Return a block to its source, whichever proximity allocated it. NULL is
 * ignored.
 * @retval MEMHEAP_ERR_BAD_ADDRESS  it is no block of a source; logged
 */
memheap_status_t memheap_placement_free(memheap_proximity_t *proximity,
                                        void *block);

/**
 * Find the source of a block.
 *
 * @param size_p    takes the usable bytes of the block; may be NULL
 * @param source_p  takes the index of the source; may be NULL
 * @retval MEMHEAP_ERR_BAD_ADDRESS  it is no block of a source
 */
memheap_status_t memheap_placement_query(memheap_proximity_t *proximity,
                                         const void *block, size_t *size_p,
                                         size_t *source_p);

/** Get a source by its index in the list; NULL past the last. */
const memheap_source_t *
memheap_proximity_source(const memheap_proximity_t *proximity, size_t i);

/** Use a proximity as a pool, for requests of one reachability. With an invalid
 *  reachability, the pool serves no request. */
memheap_pool_t memheap_proximity_as_pool(memheap_proximity_t *proximity,
                                         unsigned reachability);

/**
 * @page memheap_numa_heaps  a heap on each NUMA node
 *
 * A heap of this PE on each NUMA node, a proximity for each node, which tries
 * the nodes by their distance, and a global proximity, which takes them in
 * turn.
 *
 * @see memheap_placement_alloc(), memheap_create()
 *
 * Threads: several threads may use the heaps and proximities at once.
 */

/** Heaps on NUMA nodes, with proximities over them. */
typedef struct memheap_numa_heaps memheap_numa_heaps_t;

/**
 * Create a heap on each NUMA node. They take memory as it is used.
 *
 * @param config  of each heap, without a base; size is that of each. If
 *                policy.numa_mode is mandatory, a heap is full when its node
 *                has no memory left; otherwise the kernel takes memory of
 *                other nodes then. NULL: all zero. What it points to must
 *                outlive the heaps
 * @return as memheap_create()
 */
memheap_status_t memheap_numa_heaps_create(const memheap_config_t *config,
                                           memheap_numa_heaps_t **heaps_p);

/**
 * Destroy the heaps with all blocks, and the proximities. NULL is ignored.
 * @retval MEMHEAP_ERR_BUSY  something stands on one of them; it is logged by
 *         name, and nothing is destroyed
 */
memheap_status_t memheap_numa_heaps_destroy(memheap_numa_heaps_t *heaps);

/** Number of NUMA nodes, and so of heaps. */
size_t memheap_numa_heaps_count(const memheap_numa_heaps_t *heaps);

/** The kernel's number of a node, by its index; MEMHEAP_NODE_NONE past the
 *  last. */
int memheap_numa_heaps_node(const memheap_numa_heaps_t *heaps, size_t i);

/** The heap on a node, by its index; NULL past the last. */
memheap_t *memheap_numa_heaps_heap(const memheap_numa_heaps_t *heaps, size_t i);

/** The proximity of a node, by its index: the nodes by their distance from it,
 *  as the firmware has it. NULL past the last. */
memheap_proximity_t *
memheap_numa_heaps_proximity(const memheap_numa_heaps_t *heaps, size_t i);

/** The proximity of the node that this thread runs on, or of the nearest one.
 *  Asks the system; keep the result. */
memheap_proximity_t *
memheap_numa_heaps_local(const memheap_numa_heaps_t *heaps);

/** The proximity that takes the nodes in turn. */
memheap_proximity_t *
memheap_numa_heaps_interleaved(const memheap_numa_heaps_t *heaps);

#ifdef __cplusplus
}
#endif

#endif
