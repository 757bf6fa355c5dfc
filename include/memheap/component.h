/*
 * The interface that an allocator implements.
 *
 * A component describes an allocator; a module is one live instance of it,
 * which manages one region. A module works on offsets from the start of the
 * region. It never touches the region and does not know its address. Results
 * depend on the arguments and on the module's own history alone, so two
 * modules that receive the same calls return the same results in any two
 * processes.
 *
 * A plug-in is a shared object that exports one memheap_component_t under the
 * name memheap_component.
 */
#ifndef MEMHEAP_COMPONENT_H
#define MEMHEAP_COMPONENT_H

#include "memory.h"
#include "param.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Version of the structs in this header; a plug-in with another is refused. */
#define MEMHEAP_COMPONENT_ABI 6u

/** Alignment of every block, in bytes. */
#define MEMHEAP_MIN_ALIGN ((size_t)16)

/** Arguments of create(). */
typedef struct memheap_module_config {
    /** Bytes of the region, from offset 0. */
    size_t size;
    /** Bytes to which grow() may extend the region. */
    size_t max_size;
    /** Source of all metadata. It outlives the module. */
    const memheap_memory_t *memory;
    /** Values of the component's own parameters, in the order of its
     *  definitions. Valid during create() only. */
    const memheap_value_t *params;
} memheap_module_config_t;

/** A range of the region, as walk() reports it. */
typedef struct memheap_extent {
    size_t offset; /* bytes from the start of the region */
    size_t size;   /* bytes up to the next extent */
    bool live;     /* whether it is a live block */
} memheap_extent_t;

/** Statistics of a module, in bytes. */
typedef struct memheap_module_stats {
    /** The region. */
    size_t size;
    /** Live blocks, as rounded up by the module. */
    size_t used;
    /** A block of this size can be allocated at MEMHEAP_MIN_ALIGN. After
     *  normalize(), no larger one can. */
    size_t largest_free;
    /** Metadata, as far as it is committed. */
    size_t metadata;
} memheap_module_stats_t;

/** Result of an operation: a status and a number of bytes. Returned by value,
 *  in two registers. */
typedef struct memheap_result {
    size_t bytes;
    memheap_status_t status;
} memheap_result_t;

/** A successful result. */
static inline memheap_result_t memheap_result_ok(size_t bytes)
{
    memheap_result_t result = {bytes, MEMHEAP_OK};
    return result;
}

/** A failed result, with 0 bytes. */
static inline memheap_result_t memheap_result_error(memheap_status_t status)
{
    memheap_result_t result = {0, status};
    return result;
}

typedef struct memheap_module_ops memheap_module_ops_t;

/** The common part of all modules. A component's own struct begins with it. */
typedef struct memheap_module {
    const memheap_module_ops_t *ops;
    /** Bytes of live blocks: the sum of their size_of(). */
    size_t used;
    /** Bytes of the region. */
    size_t size;
    /** Blocks allocated so far, without those whose allocation was undone.
     *  Counted by the heap. */
    uint64_t allocations;
    /** Blocks freed so far, counted likewise. */
    uint64_t frees;
    /** Bytes beyond the requested size that a growing block may ask for when
     *  it has to move; the heap also limits them to half of that size. 0 where
     *  memory is scarce. */
    size_t headroom;
} memheap_module_t;

/**
 * The operations of a module. Members may be NULL only where stated.
 *
 * The caller holds the heap's lock and has checked the arguments: sizes are not
 * 0, alignments are powers of two of at least MEMHEAP_MIN_ALIGN. The offset of
 * a block may be any number; that of reserve() is in the region. A failed
 * operation changes nothing. Operations that need metadata may fail with
 * MEMHEAP_ERR_NO_METADATA, except free(), and except reserve() of a block that
 * the previous call freed.
 */
struct memheap_module_ops {
    /** Allocate size bytes at a multiple of align. The result is the offset.
     *  MEMHEAP_ERR_NO_MEMORY if no free space fits. */
    memheap_result_t (*alloc)(memheap_module_t *module, size_t align,
                              size_t size);

    /** Free a block. MEMHEAP_ERR_BAD_ADDRESS if none starts at the offset. */
    memheap_status_t (*free)(memheap_module_t *module, size_t offset);

    /** Usable bytes of a block, at least the requested size.
     *  MEMHEAP_ERR_BAD_ADDRESS if none starts at the offset. */
    memheap_status_t (*size_of)(const memheap_module_t *module, size_t offset,
                                size_t *size_p);

    /** Change the size of a block in place. The result is its usable bytes,
     *  also with the last two of these errors: MEMHEAP_ERR_BAD_ADDRESS if no
     *  block starts at the offset, MEMHEAP_ERR_NO_MEMORY if the block would
     *  have to move or moving is faster, MEMHEAP_ERR_NO_METADATA. May be NULL:
     *  the caller then moves every block that grows. */
    memheap_result_t (*resize)(memheap_module_t *module, size_t offset,
                               size_t size);

    /** Allocate exactly the size bytes at offset. MEMHEAP_ERR_BUSY if a part is
     *  in use, MEMHEAP_ERR_BAD_ARGUMENT if no block of this module can be
     *  there. May be NULL: a block then never moves to a range that overlaps
     *  its own. */
    memheap_status_t (*reserve)(memheap_module_t *module, size_t offset,
                                size_t size);

    /** Normalize: afterwards placement depends only on the set of live blocks.
     *  Called on all PEs after one PE failed and the others undid an
     *  operation. May be NULL if placement never depends on more. */
    void (*normalize)(memheap_module_t *module);

    /** Extend the region to new_size bytes. MEMHEAP_ERR_BAD_ARGUMENT if that is
     *  less than now, or more than max_size. May be NULL: the region then
     *  never grows. */
    memheap_status_t (*grow)(memheap_module_t *module, size_t new_size);

    /** Report every block and all free space in the order of offsets, without
     *  gaps, until visit returns false. visit must not call the module. */
    void (*walk)(const memheap_module_t *module,
                 bool (*visit)(void *context, const memheap_extent_t *extent),
                 void *context);

    /** Check all invariants of the metadata. MEMHEAP_ERR_CORRUPT. */
    memheap_status_t (*check)(const memheap_module_t *module);

    /** Write the statistics, in constant time. */
    void (*stats)(const memheap_module_t *module,
                  memheap_module_stats_t *stats);

    /** Release the module and all its metadata. */
    void (*destroy)(memheap_module_t *module);
};

/** An allocator. */
typedef struct memheap_component {
    /** MEMHEAP_COMPONENT_ABI of the header it was compiled with. */
    unsigned abi;
    /** At most 31 lower-case letters, digits and underscores. */
    const char *name;
    /** One line of description. */
    const char *summary;
    /** Default of MEMHEAP_<NAME>_PRIORITY, 0 to 100. */
    int priority;

    /** Definitions of its own parameters. */
    const memheap_param_def_t *params;
    /** Number of these definitions. */
    size_t param_count;

    /** Called once before the first create(). Any error excludes the
     *  component. May be NULL. */
    memheap_status_t (*open)(void);
    /** Called last, if open() succeeded. May be NULL. */
    void (*close)(void);

    /**
     * Create a module for a region without blocks.
     *
     * @param config      valid during the call, except for memory
     * @param priority_p  on entry the priority by parameter or default; may be
     *                    lowered if the region does not suit the allocator
     * @param module_p    the new module
     * @return MEMHEAP_ERR_UNSUPPORTED if the component does not serve such a
     *         region, and another one shall; MEMHEAP_ERR_BAD_PARAM,
     *         MEMHEAP_ERR_NO_METADATA
     */
    memheap_status_t (*create)(const memheap_module_config_t *config,
                               long *priority_p, memheap_module_t **module_p);
} memheap_component_t;

#ifdef __cplusplus
}
#endif

#endif
