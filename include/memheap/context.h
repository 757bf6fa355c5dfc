/*
 * Contexts: blocks that belong together and end together.
 */
#ifndef MEMHEAP_CONTEXT_H
#define MEMHEAP_CONTEXT_H

#include "pool.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @page memheap_context  contexts: blocks that are freed together
 *
 * A context owns the blocks that are allocated through it, so a library can
 * free all of them by one call. It takes them from a pool and keeps a record of
 * each block, outside the blocks. Its calls are collective if the pool's are,
 * with one block each. Over a collective pool there is one more step when the
 * context is created and each time its metadata grows, so that all PEs fail
 * together if one has no memory.
 *
 * A call that fails changes nothing. A wrong address is detected in every
 * build; the message says what lies there.
 *
 * @retval MEMHEAP_ERR_NO_MEMORY  the pool has no such block; any other status
 *         of the pool is passed on too
 * @retval MEMHEAP_ERR_NO_METADATA  there is no memory for metadata
 * @see memheap_pool_agree(), memheap_cache_create()
 *
 * Threads: several threads may use a context, or contexts of one parent, at
 * once. No thread may use a context while it, or one of its ancestors, is
 * destroyed.
 */

/** The alignment of blocks where no other is asked for: a cache line. */
#define MEMHEAP_CONTEXT_ALIGN ((size_t)64)

/** A context. */
typedef struct memheap_context memheap_context_t;

/** Kinds of memory. */
typedef enum memheap_kind {
    MEMHEAP_KIND_ANY,    /* in a request: the kind that the context has */
    MEMHEAP_KIND_NORMAL, /* host memory in pages of the usual size */
    MEMHEAP_KIND_HUGE,   /* host memory in larger pages */
    MEMHEAP_KIND_DEVICE  /* device memory: the library does not access it */
} memheap_kind_t;

/** The record of a block. */
typedef struct memheap_block_info {
    size_t size;         /* bytes that the caller asked for */
    void *pointer;       /* its first byte */
    size_t align;        /* bytes that it is aligned to */
    memheap_kind_t kind; /* of its memory */
    bool pinned;         /* registered with a device */
    bool unset;          /* it was not set to zero */
    uint64_t tag;        /* a number of the caller's */
} memheap_block_info_t;

/** The configuration of a context. A sub-context inherits pool, kind, pinned,
 *  log and memory from its parent where they are zero; kind and pinned only
 *  together with the pool. */
typedef struct memheap_context_config {
    /** For messages; copied, cut at 47 bytes. NULL: "context". */
    const char *name;
    /** The context that destroys this one with itself. NULL: none. */
    memheap_context_t *parent;
    /** The source of blocks; copied. */
    const memheap_pool_t *pool;
    /** The kind of the pool's memory. MEMHEAP_KIND_ANY: normal. */
    memheap_kind_t kind;
    /** All memory of the pool is registered with a device. */
    bool pinned;
    /** MEMHEAP_SINGLE_THREADED, or 0. */
    unsigned flags;
    /** Where messages go. NULL: standard error. Must outlive the context. */
    const memheap_log_t *log;
    /** The source of metadata. NULL: pages of this process. Must outlive the
     *  context. */
    const memheap_memory_t *memory;
} memheap_context_config_t;

/**
 * Create a context. It takes no block yet. Collective if the pool is.
 *
 * @retval MEMHEAP_ERR_BAD_ARGUMENT  there is neither a pool nor a parent;
 * logged
 */
memheap_status_t memheap_context_create(const memheap_context_config_t *config,
                                        memheap_context_t **context_p);

/**
 * Destroy a context: first its sub-contexts, the youngest first, then its
 * blocks, the youngest first. NULL is ignored.
 *
 * @return the first failure of a pool to take a block back; all failures are
 *         logged, and the context is destroyed nevertheless
 * @retval MEMHEAP_ERR_BUSY  something stands on the context or a sub-context as
 *         a pool; it is logged by name, and nothing is destroyed
 */
memheap_status_t memheap_context_destroy(memheap_context_t *context);

/**
 * Allocate a block of zeros at a multiple of MEMHEAP_CONTEXT_ALIGN. Device
 * memory is not set.
 *
 * @param size  bytes, at least 1
 * @retval MEMHEAP_ERR_BAD_ARGUMENT  the size is 0
 */
memheap_status_t memheap_context_alloc(memheap_context_t *context, size_t size,
                                       void **block_p);

/** The plain forms of memheap_context_alloc() and memheap_context_resize().
 *  @return the block; NULL if the call fails */
void *memheap_context_malloc(memheap_context_t *context, size_t size);
void *memheap_context_realloc(memheap_context_t *context, void *block,
                              size_t size);

/**
 * Allocate a block as a record asks: size; align, 0 for MEMHEAP_CONTEXT_ALIGN;
 * kind and pinned, if they are not zero; unset, to leave the contents as they
 * are; tag.
 *
 * @param info  takes the whole record of the block
 * @retval MEMHEAP_ERR_BAD_ARGUMENT  the size is 0, or the alignment is no power
 *         of two
 * @retval MEMHEAP_ERR_UNSUPPORTED  the context's memory is of another kind, or
 *         is not pinned
 */
memheap_status_t memheap_context_alloc_info(memheap_context_t *context,
                                            memheap_block_info_t *info);

/**
 * Get the record of a block.
 * @retval MEMHEAP_ERR_BAD_ADDRESS  no block of this context starts there;
 * logged
 */
memheap_status_t memheap_context_get_info(memheap_context_t *context,
                                          const void *block,
                                          memheap_block_info_t *info);

/**
 * Free a block. NULL is ignored. If the pool does not take the block back, the
 * failure is logged, and the block stays in the context.
 *
 * @retval MEMHEAP_ERR_BAD_ADDRESS  no block of this context starts there;
 * logged
 */
memheap_status_t memheap_context_free(memheap_context_t *context, void *block);

/**
 * Change the size of a block. The contents are kept up to the lesser size; new
 * bytes are zero, unless the block was allocated unset. The block stays if the
 * pool gave it enough bytes and no more than twice as many. Otherwise the
 * context allocates a new one and then frees the old one. The record keeps all
 * but size and pointer, and its place in the order of age.
 *
 * @param block    NULL: allocate
 * @param size     bytes, at least 1
 * @param block_p  takes the block; may point to the variable that holds block
 * @retval MEMHEAP_ERR_UNSUPPORTED  device memory cannot be moved
 */
memheap_status_t memheap_context_resize(memheap_context_t *context, void *block,
                                        size_t size, void **block_p);

/** Statistics of a context, without its sub-contexts. */
typedef struct memheap_context_stats {
    const char *name;    /* valid as long as the context */
    size_t blocks;       /* number of blocks */
    size_t bytes;        /* in them, as asked for */
    size_t peak;         /* the greatest `bytes` so far */
    size_t sub_contexts; /* number of direct sub-contexts */
    size_t metadata;     /* bytes outside the blocks */
} memheap_context_stats_t;

/** Get the statistics, in constant time. */
void memheap_context_get_stats(memheap_context_t *context,
                               memheap_context_stats_t *stats);

/**
 * Visit the record of every block, the oldest first.
 * @param visit  called until it returns false; must not call the context
 */
void memheap_context_walk(memheap_context_t *context,
                          bool (*visit)(void *state,
                                        const memheap_block_info_t *info),
                          void *state);

/** Use a context as a pool. Its blocks are the context's, and are not set. */
memheap_pool_t memheap_context_as_pool(memheap_context_t *context);

#ifdef __cplusplus
}
#endif

#endif
