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

#include "memory_policy.h"
#include "log.h"
#include "memory.h"
#include "status.h"
#include "version.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
    MEMHEAP_ORDERED = 2,
    /** Keep a record of each block: what was asked for, by which call, from
     *  where, and with which tag; calls always take the lock. So does a heap
     *  whose parameter MEMHEAP_RECORDS or MEMHEAP_LEAKS is set. */
    MEMHEAP_RECORDED = 4
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
    /** The kind and the place of the pages of a range that memheap reserves,
     *  whose size is rounded up to whole pages of that kind. Huge pages of the
     *  pool are reserved for all of it at once; a size of 0 then means as many
     *  as are free. All zero: MEMHEAP_PAGES and MEMHEAP_PLACE say. */
    memheap_memory_policy_t policy;
} memheap_config_t;

/**
 * Create a heap. Costs the same for any size.
 *
 * The component is chosen among those that are built in and those on
 * MEMHEAP_PLUGIN_PATH, by MEMHEAP_COMPONENT and the highest priority.
 *
 * @return MEMHEAP_ERR_BAD_ARGUMENT for a range that no heap can have, or
 *         whose pages are the caller's and not to be asked for,
 *         MEMHEAP_ERR_UNSUPPORTED for pages or a place that are mandatory and
 *         cannot be had, MEMHEAP_ERR_BAD_PARAM, MEMHEAP_ERR_NO_COMPONENT,
 *         MEMHEAP_ERR_NO_METADATA, MEMHEAP_ERR_SYSTEM; the cause is logged
 */
memheap_status_t memheap_create(const memheap_config_t *config,
                                memheap_t **heap_p);

/**
 * Destroy a heap and all blocks in it. NULL is ignored.
 * @return MEMHEAP_ERR_BUSY, logged, if a context, cache or proximity stands on
 *         the heap; nothing is destroyed then
 */
memheap_status_t memheap_destroy(memheap_t *heap);

/**
 * Allocate a block at a multiple of 16. The contents are not set.
 *
 * @param size  bytes, at least 1
 * @return MEMHEAP_ERR_NO_MEMORY, MEMHEAP_ERR_NO_METADATA,
 *         MEMHEAP_ERR_BAD_ARGUMENT if size is 0
 */
memheap_status_t memheap_alloc(memheap_t *heap, size_t size, void **block_p);

/** As memheap_alloc(), memheap_alloc_zeroed(), memheap_alloc_aligned() and
 *  memheap_resize(), for callers that need no status.
 *  @return the block, or NULL if the call fails */
void *memheap_malloc(memheap_t *heap, size_t size);
void *memheap_calloc(memheap_t *heap, size_t count, size_t size);
void *memheap_aligned_alloc(memheap_t *heap, size_t align, size_t size);
void *memheap_realloc(memheap_t *heap, void *block, size_t size);

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
 * Take the very place from address on, and make a block of it.
 *
 * @param address  a multiple of 16 in the heap's range
 * @param size     bytes, at least 1
 * @return MEMHEAP_ERR_BUSY if a part of it is in a block,
 *         MEMHEAP_ERR_BAD_ARGUMENT if it is not all in the range, or no block
 *         of this component could lie there, MEMHEAP_ERR_UNSUPPORTED by the
 *         component, MEMHEAP_ERR_NO_MEMORY, MEMHEAP_ERR_NO_METADATA
 */
memheap_status_t memheap_reserve(memheap_t *heap, void *address, size_t size);

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
    size_t size;          /* of the range */
    size_t committed;     /* from its start on, that may be touched */
    size_t resident;      /* of the range, that take memory now */
    size_t used;          /* in live blocks, as rounded up */
    size_t free;          /* the rest of size */
    size_t largest_free;  /* a block of so much could be allocated */
    size_t peak;          /* the greatest used so far */
    size_t reach;         /* the end of the highest block that ever was */
    size_t live_blocks;   /* their number */
    size_t metadata;      /* beside the range, to know all this */
    uint64_t allocations; /* blocks so far, one by one or in batches */
    uint64_t frees;       /* the same */
    uint64_t resizes;     /* calls that changed a size */
    uint64_t failures;    /* calls that failed for want of memory */
    double fragmentation; /* the share of free that is not in the largest
                             free block: 0 to 1 */
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
 * Ask the kernel what kind of pages the heap has, and where they lie. Takes a
 * time that grows with the mappings of the process, and with the range up to a
 * few thousand pages, which are looked at evenly.
 *
 * @return MEMHEAP_ERR_SYSTEM, logged, where the kernel does not say
 */
memheap_status_t memheap_get_placement(memheap_t *heap,
                                       memheap_placement_t *placement);

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
    /* Of a live block that the heap has a record of, else 0 and "": */
    uint64_t number; /* of the allocation in its heap, from 1 */
    size_t asked;    /* bytes that were asked for */
    const char *tag; /* as it was then; valid as long as the heap */
} memheap_block_t;

/**
 * Show every block, in the order of addresses and without gaps, until visit
 * returns false. visit must not call the heap.
 */
void memheap_walk(memheap_t *heap,
                  bool (*visit)(void *context, const memheap_block_t *block),
                  void *context);

/** Bytes of a tag, with the null byte that ends it. */
#define MEMHEAP_TAG_SIZE 32

/**
 * Give the calling thread's allocations a tag from now on, in every heap that
 * keeps records. Tags are few: each has a sum of its own.
 *
 * @param tag  a word; counts up to 31 bytes, and must live until the next call.
 *             NULL or "": none
 * @return the tag before
 */
const char *memheap_set_tag(const char *tag);

/**
 * Say where the calling thread's next call of a heap comes from; a heap that
 * keeps records looks at the stack otherwise. The macros of sites.h and
 * shmemx_sites.h do so for all calls of a source file that includes them.
 *
 * @param file  must live until that call; NULL: forget the last one
 */
void memheap_at(const char *file, int line);

/** The figures of a tag, in bytes unless the name says otherwise. */
typedef struct memheap_tag_stats {
    char name[MEMHEAP_TAG_SIZE]; /* "" for calls without a tag */
    size_t used;                 /* in live blocks, as rounded up */
    size_t peak;                 /* the greatest used so far */
    size_t live_blocks;          /* their number */
    uint64_t allocations;        /* calls */
} memheap_tag_stats_t;

/** The figures of the tag with an index, from 0 on, in the order in which tags
 *  first came. False if there are no more, or the heap keeps no records. */
bool memheap_get_tag_stats(memheap_t *heap, unsigned index,
                           memheap_tag_stats_t *stats);

/**
 * Say where a block was allocated: "heat.c:42", or a function and what is known
 * of its place. The text is cut at room bytes, and returned; "" if the heap has
 * no record of the block. May start addr2line(1).
 */
char *memheap_block_call_site(memheap_t *heap, const void *block, char *text,
                              size_t room);

/**
 * Log a line for each live block, in the order in which they were allocated,
 * with size, number, tag and place as far as the heap knows them, and one for
 * all of them.
 *
 * @return their number; nothing is logged if that is 0
 */
size_t memheap_report_leaks(memheap_t *heap);

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
