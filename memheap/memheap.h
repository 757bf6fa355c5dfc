/*
 * memheap: heaps over an address range, with an allocator of choice.
 *
 * A heap keeps everything that it knows of its blocks outside the range: it
 * never reads or writes the range, except to set blocks to zero and to move
 * them, and a stray write into the range cannot harm it. Two heaps over ranges
 * of the same length that are asked the same answer with the same offsets, in
 * any two processes; this is what symmetric heaps are made of. Nothing here
 * is collective, and nothing needs MPI.
 *
 *     memheap_t *heap;
 *     void *block;
 *     memheap_config_t config = {.base = range, .size = length};
 *     if (memheap_create(&config, &heap) == MEMHEAP_OK &&
 *         memheap_alloc(heap, 4096, &block) == MEMHEAP_OK)
 *         ...
 *     memheap_destroy(heap);
 *
 * Each call returns a status; results are written on success alone, and a call
 * that fails leaves the heap as it was. A wrong address is found in every
 * build, and logged with what lies there.
 */
#ifndef MEMHEAP_MEMHEAP_H
#define MEMHEAP_MEMHEAP_H

#include "base/log.h"
#include "base/memory.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A heap. */
typedef struct memheap memheap_t;

/** Flags of a heap. */
enum {
    /** No two threads use the heap at once: calls take no lock. */
    MEMHEAP_SINGLE_THREADED = 1,
    /** Where blocks go depends on the order of the calls alone, whichever
     *  threads make them: calls always take the lock. Otherwise a component
     *  may let threads allocate side by side, and in different places. */
    MEMHEAP_ORDERED = 2
};

/** What a heap is made of. All zero is a heap over memory of its own. */
typedef struct memheap_config {
    /** For messages; copied, cut at 47 bytes. NULL: "heap". */
    const char *name;
    /** The range: a multiple of 16, which stays the caller's and must outlive
     *  the heap. NULL: memheap reserves a range, private to this process and
     *  at a multiple of 1 GiB; its pages take memory when they are touched. */
    void *base;
    /** Bytes of the range. 0 without a base: as much as the machine has. */
    size_t size;
    /** Bytes that memheap_grow() may raise size to; 0: size. With a base. */
    size_t max_size;
    /** Of the above, or 0. */
    unsigned flags;
    /** Parameters as "NAME=VALUE" up to a NULL, stronger than the
     *  environment; `memheap-info` lists the names. NULL: none. Must outlive
     *  the heap. */
    const char *const *params;
    /** Where messages go; NULL: standard error. Must outlive the heap. */
    const memheap_log_t *log;
    /** Where metadata comes from; NULL: pages of this process. Must outlive
     *  the heap. */
    const memheap_memory_t *memory;
} memheap_config_t;

/**
 * Create a heap. Costs the same for any size.
 *
 * The component is chosen among those that are built in and those on
 * MEMHEAP_PLUGIN_PATH, by MEMHEAP_COMPONENT and the highest priority.
 *
 * @return MEMHEAP_ERR_BAD_ARGUMENT for a range that no heap can have,
 *         MEMHEAP_ERR_BAD_PARAM, MEMHEAP_ERR_NO_COMPONENT,
 *         MEMHEAP_ERR_NO_METADATA, MEMHEAP_ERR_SYSTEM; the cause is logged
 */
memheap_status_t memheap_create(const memheap_config_t *config,
                                memheap_t **heap_p);

/** Destroy a heap and all blocks in it. NULL is ignored. */
void memheap_destroy(memheap_t *heap);

/**
 * Allocate a block at a multiple of 16. The contents are not set.
 *
 * @param size  bytes, at least 1
 * @return MEMHEAP_ERR_NO_MEMORY, MEMHEAP_ERR_NO_METADATA,
 *         MEMHEAP_ERR_BAD_ARGUMENT if size is 0
 */
memheap_status_t memheap_alloc(memheap_t *heap, size_t size, void **block_p);

/**
 * Allocate a block at a chosen alignment.
 *
 * @param align  bytes, a power of two; less than 16 is raised to it. No more
 *               than the base of the range is aligned to, and than 1 GiB
 * @return as memheap_alloc(); MEMHEAP_ERR_BAD_ARGUMENT for a bad alignment
 */
memheap_status_t memheap_alloc_aligned(memheap_t *heap, size_t align,
                                       size_t size, void **block_p);

/**
 * Allocate count times size bytes, set to zero. Memory that the heap reserved
 * itself and never handed out is zero already, and is not touched.
 *
 * @return as memheap_alloc(); MEMHEAP_ERR_NO_MEMORY if the product overflows
 */
memheap_status_t memheap_alloc_zeroed(memheap_t *heap, size_t count,
                                      size_t size, void **block_p);

/**
 * Free a block. NULL is ignored.
 * @return MEMHEAP_ERR_BAD_ADDRESS, logged, if no live block starts there
 */
memheap_status_t memheap_free(memheap_t *heap, void *block);

/**
 * Change a block's size, keeping its contents up to the lesser of both.
 *
 * The block stays where it is if it can. Otherwise it moves to a new place,
 * or, where old and new do not fit side by side, over its old one. A block that
 * moves to grow by less than a quarter gets room for that much, if there is
 * some; one that shrinks by a quarter or less keeps its space.
 *
 * @param block  NULL: as memheap_alloc()
 * @param size   bytes, at least 1
 * @param block_p  may point to a variable that holds block
 * @return as memheap_alloc(); MEMHEAP_ERR_BAD_ADDRESS, logged. The block is as
 *         it was then.
 */
memheap_status_t memheap_resize(memheap_t *heap, void *block, size_t size,
                                void **block_p);

/**
 * Bytes of a block that may be used, at least what was asked for.
 * @return MEMHEAP_ERR_BAD_ADDRESS, logged
 */
memheap_status_t memheap_usable_size(memheap_t *heap, const void *block,
                                     size_t *size_p);

/**
 * Allocate several blocks, all or none.
 *
 * @param align   as memheap_alloc_aligned() takes it, for each block
 * @param sizes   count sizes in bytes, each at least 1
 * @param blocks  takes count addresses; its contents are lost if the call fails
 * @return as memheap_alloc_aligned()
 */
memheap_status_t memheap_alloc_batch(memheap_t *heap, size_t count,
                                     size_t align, const size_t *sizes,
                                     void **blocks);

/**
 * Free several blocks, all or none. NULLs among them are ignored.
 * @return MEMHEAP_ERR_BAD_ADDRESS, logged, if one is no live block or appears
 *         twice; MEMHEAP_ERR_NO_METADATA
 */
memheap_status_t memheap_free_batch(memheap_t *heap, size_t count,
                                    void *const *blocks);

/**
 * Tell the heap that the caller's range became longer.
 * @return MEMHEAP_ERR_BAD_ARGUMENT if new_size is less than it was or more
 *         than max_size, MEMHEAP_ERR_UNSUPPORTED by the component
 */
memheap_status_t memheap_grow(memheap_t *heap, size_t new_size);

/** The figures of a heap, in bytes unless the name says otherwise. */
typedef struct memheap_stats {
    size_t size;         /* of the range */
    size_t backed;       /* from its start on, that may be touched */
    size_t resident;     /* of the range, that take memory now */
    size_t used;         /* in live blocks, as rounded up */
    size_t free;         /* the rest of size */
    size_t largest_free; /* a block of so much could be allocated */
    size_t peak;         /* the greatest used so far */
    size_t live_blocks;  /* their number */
    size_t metadata;     /* beside the range, to know all this */
} memheap_stats_t;

/** The figures now: resident as memheap_resident() has it, all others in
 *  constant time. */
void memheap_get_stats(memheap_t *heap, memheap_stats_t *stats);

/**
 * Bytes of the range that take memory now, in whole pages, as the kernel says.
 * Constant time for the symmetric heap, else a look at every page that is
 * backed.
 */
size_t memheap_resident(memheap_t *heap);

/**
 * Give the pages of free space back to the system. They are backed as before,
 * and take memory again when they are touched. Changes no block and no later
 * placement. MEMHEAP_TRIM has a heap do so by itself.
 *
 * @param least  bytes of pages in a row that go back at all; 0: 64 KiB
 * @return MEMHEAP_ERR_UNSUPPORTED if the range is the caller's, or known to a
 *         network by its pages; MEMHEAP_ERR_SYSTEM, logged
 */
memheap_status_t memheap_trim(memheap_t *heap, size_t least);

/** A block, live or free. */
typedef struct memheap_block {
    void *address; /* of its first byte */
    size_t size;   /* bytes up to the next block */
    bool live;     /* in use, not free */
} memheap_block_t;

/**
 * Show every block, in the order of addresses and without gaps, until visit
 * returns false. visit must not call the heap.
 */
void memheap_walk(memheap_t *heap,
                  bool (*visit)(void *context, const memheap_block_t *block),
                  void *context);

/** Test all that the heap keeps about its blocks. MEMHEAP_ERR_CORRUPT. */
memheap_status_t memheap_check(memheap_t *heap);

/** The first byte of the range. */
void *memheap_base(const memheap_t *heap);

/** The name of the component that serves the heap; lives as long as it. */
const char *memheap_component_name(const memheap_t *heap);

/**
 * Say in words what lies at an address: whether a block starts there, which
 * block contains it, or that it is none of the heap's. The text is cut at room
 * bytes, and returned.
 */
char *memheap_describe(memheap_t *heap, const void *address, char *text,
                       size_t room);

#ifdef __cplusplus
}
#endif

#endif
