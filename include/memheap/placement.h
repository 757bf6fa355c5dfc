/*
 * Where a block is to lie: reachability and proximity.
 *
 * A request has two arguments beside its size. Its *reachability* is who is to
 * reach the block, at least. Its *proximity* is an object: a list of sources,
 * nearest first, of which the first that has room serves; or a global one,
 * whose sources serve in turn. A source is any pool of pool.h, with what it can
 * be reached by: a heap, a pool of pages, the symmetric heap of a job, a
 * caller's own allocator, or another proximity.
 *
 *     memheap_numa_heaps_t *places;
 *     memheap_config_t config = {.name = "near"};
 *     memheap_numa_heaps_create(&config, &places);
 *     memheap_proximity_t *near = memheap_numa_heaps_proximity(places, 0);
 *     memheap_placement_alloc(near, 64, 4096, MEMHEAP_REACH_PE, &block);
 *     ...
 *     memheap_placement_free(near, block);
 *
 * Several threads may use a proximity whose sources they may use.
 */
#ifndef MEMHEAP_PLACEMENT_H
#define MEMHEAP_PLACEMENT_H

#include "pool.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Who reaches memory: a set, as each of the first three contains those before
 * it, and a device may be added to any. A source serves a request if its set
 * has all that the request's has.
 */
typedef enum memheap_reachability {
    MEMHEAP_REACH_PE = 1,   /* this PE */
    MEMHEAP_REACH_NODE = 3, /* and the others of its node, by load and store */
    MEMHEAP_REACH_SYSTEM = 7, /* and all PEs of the job */
    MEMHEAP_REACH_DEVICE = 8  /* a device that the memory is registered with */
} memheap_reachability_t;

/** The memory of a source lies on no NUMA node in particular. */
#define MEMHEAP_NODE_NONE (-1)

/** Where blocks come from. */
typedef struct memheap_source {
    memheap_pool_t pool; /* whose functions are called */
    /** Of the above, or MEMHEAP_REACH_DEVICE and one of the others. */
    unsigned reach;
    /** Its NUMA node, for whoever asks; or MEMHEAP_NODE_NONE. */
    int node;
    /** Its calls are to be made by all that reach it, together. It serves no
     *  request for less: such a one is a call of fewer. */
    bool collective;
} memheap_source_t;

/** The order in which sources are asked. */
typedef enum memheap_search_order {
    MEMHEAP_NEAREST_FIRST, /* as they are listed */
    MEMHEAP_IN_TURN        /* each request begins one further, and goes round */
} memheap_search_order_t;

/** A preference among sources. */
typedef struct memheap_proximity memheap_proximity_t;

/** What a proximity is made of. */
typedef struct memheap_proximity_config {
    /** For messages; copied, cut at 47 bytes. NULL: "proximity". */
    const char *name;
    /** count sources, at least one; copied. Their pools must outlive it. */
    const memheap_source_t *sources;
    size_t count;                 /* of them */
    memheap_search_order_t order; /* in which they are asked */
    /** Where messages go; NULL: standard error. Must outlive it. */
    const memheap_log_t *log;
    /** Where its memory comes from; NULL: pages of this process. Must outlive
     *  it. */
    const memheap_memory_t *memory;
} memheap_proximity_config_t;

/** Create a proximity. MEMHEAP_ERR_BAD_ARGUMENT for no sources, one without a
 *  function, or a set that is none; MEMHEAP_ERR_NO_METADATA. Both are logged.
 */
memheap_status_t
memheap_proximity_create(const memheap_proximity_config_t *config,
                         memheap_proximity_t **proximity_p);

/** Destroy a proximity; its sources and their blocks stay. NULL is ignored.
 *  MEMHEAP_ERR_BUSY, logged, if something stands on the proximity as a pool;
 *  it stays then. */
memheap_status_t memheap_proximity_destroy(memheap_proximity_t *proximity);

/**
 * Place a block. The contents are not set.
 *
 * A source that is full, or can have no such block, is passed by. Where that
 * leads to a collective source, it must do so on all its PEs: no source may
 * stand before it whose state differs between them. Turns are counted for each
 * reachability by itself, so that requests of one PE do not disturb those of
 * all.
 *
 * @param size   bytes, at least 1
 * @param align  bytes, a power of two
 * @param reach  a set as of a source
 * @return MEMHEAP_ERR_UNREACHABLE if no source is that reachable;
 *         MEMHEAP_ERR_NO_MEMORY if those that are are full;
 *         MEMHEAP_ERR_BAD_ARGUMENT for an argument that is none, or if none of
 *         them ever has such a block; MEMHEAP_ERR_NO_METADATA. All else a pool
 *         says ends the request, such as MEMHEAP_ERR_DIVERGED
 */
memheap_status_t memheap_placement_alloc(memheap_proximity_t *proximity,
                                         size_t align, size_t size,
                                         unsigned reach, void **block_p);

/** As memheap_placement_alloc(), for callers that need no status.
 *  @return the block, or NULL if the call fails */
void *memheap_placement_malloc(memheap_proximity_t *proximity, size_t align,
                               size_t size, unsigned reachability);

/** Give a block back to the source that it is of, whichever proximity placed
 *  it there. NULL is ignored. MEMHEAP_ERR_BAD_ADDRESS, logged. */
memheap_status_t memheap_placement_free(memheap_proximity_t *proximity,
                                        void *block);

/** Usable bytes of a block, and the number of its source in the list; both may
 *  be NULL. MEMHEAP_ERR_BAD_ADDRESS. */
memheap_status_t memheap_placement_query(memheap_proximity_t *proximity,
                                         const void *block, size_t *size_p,
                                         size_t *source_p);

/** A source by its number, as it was listed: where a block lies that
 *  memheap_placement_query() found. NULL past the last. */
const memheap_source_t *
memheap_proximity_source(const memheap_proximity_t *proximity, size_t i);

/** A proximity as a pool, for requests of one reachability. One that is none
 *  makes a pool that serves no request. */
memheap_pool_t memheap_proximity_as_pool(memheap_proximity_t *proximity,
                                         unsigned reach);

/** A heap of this PE on each NUMA node, and proximities over them. */
typedef struct memheap_numa_heaps memheap_numa_heaps_t;

/**
 * Create a heap for each NUMA node, which takes memory as it is used.
 *
 * @param config  of each heap: no base; size is that of each; of backing, the
 *                place is its node, preferred or mandatory as it says. A heap
 *                whose node is mandatory is full when its node is; otherwise
 *                the kernel goes to other nodes by itself. NULL: all zero. What
 *                it points to must outlive the places
 * @return as memheap_create()
 */
memheap_status_t memheap_numa_heaps_create(const memheap_config_t *config,
                                           memheap_numa_heaps_t **places_p);

/** Destroy the heaps, with all blocks, and the proximities. NULL is ignored.
 *  MEMHEAP_ERR_BUSY, logged, if something stands on one of them; nothing is
 *  destroyed then. */
memheap_status_t memheap_numa_heaps_destroy(memheap_numa_heaps_t *places);

/** How many NUMA nodes, and so heaps, there are. */
size_t memheap_numa_heaps_count(const memheap_numa_heaps_t *places);

/** The node of number i in the order of nodes, as the kernel counts. */
int memheap_numa_heaps_node(const memheap_numa_heaps_t *places, size_t i);

/** The heap of that node. */
memheap_t *memheap_numa_heaps_heap(const memheap_numa_heaps_t *places,
                                   size_t i);

/** The proximity of that node: nodes by their distance from it, as the firmware
 *  has it. NULL if i is no number of a node. */
memheap_proximity_t *
memheap_numa_heaps_proximity(const memheap_numa_heaps_t *places, size_t i);

/** The proximity of the node that this thread runs on now, or of the nearest
 *  one. Asks the system: for a thread that keeps the answer. */
memheap_proximity_t *
memheap_numa_heaps_local(const memheap_numa_heaps_t *places);

/** The proximity that takes nodes in turn. */
memheap_proximity_t *
memheap_numa_heaps_interleaved(const memheap_numa_heaps_t *places);

#ifdef __cplusplus
}
#endif

#endif
