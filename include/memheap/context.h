/*
 * Contexts: blocks that belong together, and end together.
 *
 * A context owns what is allocated through it, so that a library can give all
 * of it back by one call, whatever way it ends. It knows each block by an info
 * record, and takes blocks from a pool. What it keeps lies elsewhere, never in
 * the blocks. What it does depends on the calls before it alone; its calls are
 * collective where the pool's are, with one block each.
 *
 *     memheap_pool_t pool = memheap_heap_as_pool(heap);
 *     memheap_context_config_t config = {.name = "solver", .pool = &pool};
 *     memheap_context_t *context;
 *     void *block;
 *     if (memheap_context_create(&config, &context) == MEMHEAP_OK &&
 *         memheap_context_alloc(context, 4096, &block) == MEMHEAP_OK)
 *         ...
 *     memheap_context_destroy(context);
 *
 * Several threads may use a context, or contexts of one parent, at once; none
 * may while it, or a context above it, is destroyed. Results are written on
 * success alone, and a call that fails changes nothing. A wrong address is
 * found in every build, and logged with what it is.
 */
#ifndef MEMHEAP_CONTEXT_H
#define MEMHEAP_CONTEXT_H

#include "pool.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Every block lies at a multiple of this many bytes, if no other is asked
 *  for: a line of the cache. */
#define MEMHEAP_CONTEXT_ALIGN ((size_t)64)

/** A context. */
typedef struct memheap_context memheap_context_t;

/** Of what kind memory is. */
typedef enum memheap_kind {
    MEMHEAP_KIND_ANY,    /* in what is asked for: whichever the context has */
    MEMHEAP_KIND_NORMAL, /* of the CPU, in pages of the usual size */
    MEMHEAP_KIND_HUGE,   /* of the CPU, in larger pages */
    MEMHEAP_KIND_DEVICE  /* out of the CPU's reach: never read or written */
} memheap_kind_t;

/** The record of a block. */
typedef struct memheap_block_info {
    size_t size;         /* bytes that were asked for */
    void *pointer;       /* its first byte */
    size_t align;        /* bytes that it lies at a multiple of */
    memheap_kind_t kind; /* of memory */
    bool pinned;         /* registered with a device */
    bool unset;          /* it was not set to zero */
    uint64_t tag;        /* whatever the caller gave */
} memheap_block_info_t;

/** What a context is made of. Of a sub-context, pool, kind, pinned, log and
 *  memory are those of its parent if they are zero; kind and pinned, if pool
 *  is NULL. */
typedef struct memheap_context_config {
    /** For messages; copied, cut at 47 bytes. NULL: "context". */
    const char *name;
    /** The context that this one ends with; NULL: none. */
    memheap_context_t *parent;
    /** Where blocks come from; the struct is copied. */
    const memheap_pool_t *pool;
    /** Of what kind the pool's memory is. MEMHEAP_KIND_ANY: normal. */
    memheap_kind_t kind;
    /** All of the pool's memory is registered with a device. */
    bool pinned;
    /** MEMHEAP_SINGLE_THREADED, or 0. */
    unsigned flags;
    /** Where messages go; NULL: standard error. Must outlive the context. */
    const memheap_log_t *log;
    /** Where metadata comes from; NULL: pages of this process. Must outlive
     *  the context. */
    const memheap_memory_t *memory;
} memheap_context_config_t;

/**
 * Create a context. Takes nothing from the pool; collective where that is.
 *
 * @return MEMHEAP_ERR_BAD_ARGUMENT, logged, if there is neither pool nor
 *         parent; MEMHEAP_ERR_NO_METADATA, logged
 */
memheap_status_t memheap_context_create(const memheap_context_config_t *config,
                                        memheap_context_t **context_p);

/**
 * Destroy a context: first its sub-contexts, the youngest first and each like
 * this one, then its blocks, the youngest first. NULL is ignored.
 *
 * @return the first failure of a pool to take a block back, each of which is
 *         logged; all else is done nevertheless
 */
memheap_status_t memheap_context_destroy(memheap_context_t *context);

/**
 * Allocate a block of zeros at a multiple of MEMHEAP_CONTEXT_ALIGN. Device
 * memory is not set.
 *
 * @param size  bytes, at least 1
 * @return MEMHEAP_ERR_BAD_ARGUMENT if size is 0; MEMHEAP_ERR_NO_METADATA; or
 *         as the pool
 */
memheap_status_t memheap_context_alloc(memheap_context_t *context, size_t size,
                                       void **block_p);

/** As memheap_context_alloc() and memheap_context_resize(), for callers that
 *  need no status. @return the block, or NULL if the call fails */
void *memheap_context_malloc(memheap_context_t *context, size_t size);
void *memheap_context_realloc(memheap_context_t *context, void *block,
                              size_t size);

/**
 * Allocate a block as a record says: size; align, 0 for
 * MEMHEAP_CONTEXT_ALIGN; kind and pinned, where they are not zero; unset, for
 * contents that are not set; tag.
 *
 * @param info  takes all of the block's record on success
 * @return as memheap_context_alloc(); MEMHEAP_ERR_BAD_ARGUMENT if align is no
 *         power of two; MEMHEAP_ERR_UNSUPPORTED if the context's memory is
 *         of another kind, or not pinned
 */
memheap_status_t memheap_context_alloc_info(memheap_context_t *context,
                                            memheap_block_info_t *info);

/**
 * The record of a block.
 * @return MEMHEAP_ERR_BAD_ADDRESS, logged, if no block of this context starts
 *         there: at NULL, in a block, or in another context
 */
memheap_status_t memheap_context_get_info(memheap_context_t *context,
                                          const void *block,
                                          memheap_block_info_t *info);

/**
 * Free a block. NULL is ignored.
 * @return MEMHEAP_ERR_BAD_ADDRESS, logged, if no block of this context starts
 *         there; or as the pool, logged: it is a block of the context then as
 *         before
 */
memheap_status_t memheap_context_free(memheap_context_t *context, void *block);

/**
 * Change a block's size, keeping its contents up to the lesser of both; what
 * is more is zero, unless the block was asked for otherwise. The block stays
 * if the pool gave it enough bytes and no more than twice as many; otherwise
 * one is taken and one given back, in this order. Its record keeps all but
 * size and pointer, and its place among the others in age.
 *
 * @param block  NULL: as memheap_context_alloc()
 * @param size   bytes, at least 1
 * @param block_p  may point to a variable that holds block
 * @return as memheap_context_alloc() and memheap_context_free();
 *         MEMHEAP_ERR_UNSUPPORTED for device memory
 */
memheap_status_t memheap_context_resize(memheap_context_t *context, void *block,
                                        size_t size, void **block_p);

/** The figures of a context, without its sub-contexts. */
typedef struct memheap_context_stats {
    const char *name;    /* lives as long as the context */
    size_t blocks;       /* their number */
    size_t bytes;        /* in them, as asked for */
    size_t peak;         /* the greatest bytes so far */
    size_t sub_contexts; /* whose parent it is */
    size_t metadata;     /* bytes beside the blocks, to know all this */
} memheap_context_stats_t;

/** The figures now, in constant time. */
void memheap_context_get_stats(memheap_context_t *context,
                               memheap_context_stats_t *stats);

/**
 * Show the record of every block, the oldest first, until visit returns false.
 * visit must not call the context.
 */
void memheap_context_walk(memheap_context_t *context,
                          bool (*visit)(void *state,
                                        const memheap_block_info_t *info),
                          void *state);

/** A context as a pool: its blocks are those of the context, and not set. */
memheap_pool_t memheap_context_as_pool(memheap_context_t *context);

#ifdef __cplusplus
}
#endif

#endif
