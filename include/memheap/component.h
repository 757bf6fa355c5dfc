/*
 * What an allocator implements.
 *
 * A component describes an allocator; a module is one live heap of it. A
 * module answers where blocks lie, as offsets into a region that it never
 * touches and whose address it never learns. Its answers depend on its own
 * history and on the arguments alone, so that two modules that were asked the
 * same have answered the same, in any two processes.
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

/** Changes whenever this header's structs do. */
#define MEMHEAP_COMPONENT_ABI 5u

/** Every block lies at a multiple of this many bytes. */
#define MEMHEAP_MIN_ALIGN ((size_t)16)

/** What a module is made for. Its memory outlives the module; its parameters
 *  are there for the call of create() alone. */
typedef struct memheap_module_config {
    /** Bytes; the region is [0, size) now, */
    size_t size;
    /** and grow() may raise its end to this. */
    size_t max_size;
    /** Where all metadata comes from. */
    const memheap_memory_t *memory;
    /** The component's own parameters, in the order of its definitions. */
    const memheap_value_t *params;
    /** Several threads will use the heap: a module that can has `thread_ops`.
     *  Never set for a symmetric heap, whose calls come one by one. */
    bool concurrent;
} memheap_module_config_t;

/** A block, as walk() shows it. */
typedef struct memheap_extent {
    size_t offset;
    size_t size; /* bytes from this block's start to the next one's */
    bool live;
} memheap_extent_t;

/** The figures of a module, in bytes unless the name says otherwise. */
typedef struct memheap_module_stats {
    size_t size;         /* of the region */
    size_t used;         /* in live blocks, as rounded up by the module */
    size_t largest_free; /* alloc() of so much at MEMHEAP_MIN_ALIGN succeeds;
                            after normalize(), no more does */
    size_t metadata;     /* committed to know all this */
} memheap_module_stats_t;

/** What an operation answers: whether it did, and a number of bytes. It comes
 *  back in registers, where an address to write to would be memory. */
typedef struct memheap_result {
    size_t bytes;
    memheap_status_t status;
} memheap_result_t;

static inline memheap_result_t memheap_result_ok(size_t bytes)
{
    memheap_result_t answer = {bytes, MEMHEAP_OK};
    return answer;
}

static inline memheap_result_t memheap_result_error(memheap_status_t status)
{
    memheap_result_t answer = {0, status};
    return answer;
}

typedef struct memheap_module_ops memheap_module_ops_t;
typedef struct memheap_thread_ops memheap_thread_ops_t;

/** The part of a module that all have; a component's own struct starts so. */
typedef struct memheap_module {
    const memheap_module_ops_t *ops;
    /* What several threads may call at once; NULL: nothing. */
    const memheap_thread_ops_t *thread_ops;
    size_t used; /* the sum of what size_of() says of live blocks */
    size_t size; /* of the region */
    /** Blocks that were ever allocated and kept, and those of them that were
     *  freed. The heap counts them, except for those of `thread_ops`, whose the
     *  module adds in stop(). */
    uint64_t allocations;
    uint64_t frees;
    /** Bytes that a block which grows, and has to move, may ask for beyond what
     *  it needs, but no more than half of that: 0 where memory is scarce. */
    size_t headroom;
} memheap_module_t;

/**
 * The operations of one module. Only those marked so may be NULL.
 *
 * The caller holds the heap's lock and has checked the arguments: sizes are
 * not zero, and alignments are powers of two of at least MEMHEAP_MIN_ALIGN;
 * what is to be a block may have any offset, but for that of reserve(), which
 * lies in the region. An operation that fails changes nothing. Any that needs
 * metadata may fail with MEMHEAP_ERR_NO_METADATA, except free(), and except
 * reserve() of a block freed by the call before it.
 */
struct memheap_module_ops {
    /** Find a place for size bytes at a multiple of align; answers its offset.
     *  MEMHEAP_ERR_NO_MEMORY if there is none. */
    memheap_result_t (*alloc)(memheap_module_t *module, size_t align,
                              size_t size);

    /** Give a block back. MEMHEAP_ERR_BAD_ADDRESS if none starts there. */
    memheap_status_t (*free)(memheap_module_t *module, size_t offset);

    /** Usable bytes of a block, at least what was asked for.
     *  MEMHEAP_ERR_BAD_ADDRESS if none starts there. */
    memheap_status_t (*size_of)(const memheap_module_t *module, size_t offset,
                                size_t *size_p);

    /** Change a block's size where it stands. MEMHEAP_ERR_BAD_ADDRESS if none
     *  starts there, MEMHEAP_ERR_NO_MEMORY if it would have to move, or if that
     *  is quicker than to make room. Answers the block's usable bytes, also
     *  where it refuses for want of memory or metadata. May be NULL: every
     *  growth then moves the block, which is the caller's work. */
    memheap_result_t (*resize)(memheap_module_t *module, size_t offset,
                               size_t size);

    /** Take that very place, of size bytes from a multiple of
     *  MEMHEAP_MIN_ALIGN. MEMHEAP_ERR_BUSY if a part of it is in use,
     *  MEMHEAP_ERR_BAD_ARGUMENT if no block of this module could lie there.
     *  May be NULL: blocks then never move over themselves. */
    memheap_status_t (*reserve)(memheap_module_t *module, size_t offset,
                                size_t size);

    /** Forget everything of the past but which blocks are live and where, on
     *  which alone later answers depend then. Called on every PE when one of
     *  them could not do what others did and undid. May be NULL for a module
     *  whose answers never depend on more. */
    void (*normalize)(memheap_module_t *module);

    /** The region became longer. May be NULL: it then never does. */
    memheap_status_t (*grow)(memheap_module_t *module, size_t new_size);

    /** Show every block, live and free, in the order of their offsets and
     *  without gaps, until visit returns false. visit must not change the
     *  module. */
    void (*walk)(const memheap_module_t *module,
                 bool (*visit)(void *context, const memheap_extent_t *extent),
                 void *context);

    /** Test every rule of the metadata. MEMHEAP_ERR_CORRUPT. */
    memheap_status_t (*check)(const memheap_module_t *module);

    /** The figures, in constant time. */
    void (*stats)(const memheap_module_t *module,
                  memheap_module_stats_t *stats);

    /** Give the module and all its metadata back. */
    void (*destroy)(memheap_module_t *module);
};

/**
 * Operations that any number of threads may call at once, without a lock of
 * the heap's. The operations above, and the fields of a module, are for a
 * thread that called stop() and not yet resume(). What differs from above:
 */
struct memheap_thread_ops {
    /** Also says the usable bytes. MEMHEAP_ERR_NO_MEMORY may come too early:
     *  ops->alloc() has the last word. */
    memheap_status_t (*alloc)(memheap_module_t *module, size_t align,
                              size_t size, size_t *offset_p, size_t *size_p);

    memheap_status_t (*free)(memheap_module_t *module, size_t offset);

    /** Take an alloc() back: the block was never in use. */
    void (*undo)(memheap_module_t *module, size_t offset);

    /** Right for a block that nobody frees meanwhile. */
    memheap_status_t (*size_of)(const memheap_module_t *module, size_t offset,
                                size_t *size_p);

    /** Wait until no other thread is in one of these, and let none in. One
     *  thread at a time. @return the most bytes that were in use since the
     *  last time, as far as is known: exact for one thread at a time */
    size_t (*stop)(memheap_module_t *module);
    void (*resume)(memheap_module_t *module);
};

typedef struct memheap_component {
    /** MEMHEAP_COMPONENT_ABI as this component was compiled with. */
    unsigned abi;
    /** Lower-case letters, digits and underscores. */
    const char *name;
    /** One line for people. */
    const char *summary;
    /** Of MEMHEAP_<NAME>_PRIORITY where the user sets none. 0 to 100. */
    int priority;

    /** Its own parameters, and how many. */
    const memheap_param_def_t *params;
    size_t param_count;

    /** Called once before all else. MEMHEAP_ERR_UNSUPPORTED stands aside.
     *  May be NULL. */
    memheap_status_t (*open)(void);
    /** Called last, if open succeeded. May be NULL. */
    void (*close)(void);

    /**
     * Make a module for a region in which nothing is allocated.
     *
     * @param priority_p  comes as the user's choice or the default; may be
     *                    lowered for a region that does not suit
     * @return MEMHEAP_ERR_UNSUPPORTED to stand aside;
     *         MEMHEAP_ERR_BAD_PARAM, MEMHEAP_ERR_NO_METADATA
     */
    memheap_status_t (*create)(const memheap_module_config_t *config,
                               long *priority_p, memheap_module_t **module_p);
} memheap_component_t;

#ifdef __cplusplus
}
#endif

#endif
