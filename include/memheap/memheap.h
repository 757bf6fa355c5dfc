/*
 * Heaps over an address range, with an allocator of choice.
 *
 *     memheap_config_t config = {.base = range, .size = length};
 *     memheap_t *heap;
 *     if (memheap_create(&config, &heap) == MEMHEAP_OK) {
 *         double *numbers = memheap_malloc(heap, 100 * sizeof(double));
 *         ...
 *         memheap_destroy(heap);
 *     }
 */
#ifndef MEMHEAP_MEMHEAP_H
#define MEMHEAP_MEMHEAP_H

#include "log.h"
#include "memory.h"
#include "memory_policy.h"
#include "status.h"
#include "version.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @page memheap  heaps over an address range
 *
 * A heap allocates blocks in a range of addresses. Its metadata lies outside
 * the range. The heap writes to the range only to set a block to zero or to
 * move a block, so a stray write into the range does not harm the heap.
 *
 * Placement is deterministic: two heaps over ranges of equal size return equal
 * offsets for equal sequences of calls, in any two processes. Symmetric heaps
 * rest on this.
 *
 * Each call returns a status or, in its plain form, a pointer. A call that
 * fails writes no result and leaves the heap as it was. A wrong address is
 * detected in every build; the message says what lies there.
 *
 * The library needs neither MPI nor OpenSHMEM.
 *
 * @see memheap_alloc(), memheap_get_stats(), memheap_heap_as_pool()
 *
 * Threads: all calls may come from any thread at any time, unless the heap has
 * the flag MEMHEAP_SINGLE_THREADED. memheap_create() and memheap_destroy() of
 * one heap are calls of one thread. Two threads that free one block at the same
 * time may both succeed; the block is not allocated twice, and the mistake is
 * logged later. A forked child can use the heaps of its parent that are not
 * shared, with the blocks of all threads.
 */

/** A heap. */
typedef struct memheap memheap_t;

/** Flags of a heap. */
enum {
    /** No two threads use the heap at once. Calls take no lock. */
    MEMHEAP_SINGLE_THREADED = 1,
    /** Placement depends on the order of the calls alone, whichever threads
     *  make them. Calls always take the lock. Without this flag, each thread
     *  keeps some of the small blocks that it frees for its next requests. */
    MEMHEAP_ORDERED = 2,
    /** Keep a record of each block: size, call, call site and tag. Calls
     *  always take the lock. MEMHEAP_RECORDS and MEMHEAP_LEAKS do the same. */
    MEMHEAP_RECORDED = 4
};

/** The configuration of a heap. All zero is a heap over a range of its own. */
typedef struct memheap_config {
    /** For messages; copied, cut at 47 bytes. NULL: "heap". */
    const char *name;
    /** The caller's range, at a multiple of 16. It must outlive the heap, and
     *  be readable and writable where blocks are zeroed or moved. NULL: the
     *  heap reserves a private range at a multiple of 1 GiB, whose pages take
     *  memory when they are first touched. */
    void *base;
    /** Bytes of the range. 0 without a base: as much as the machine has memory,
     *  or as its pool of huge pages has free if the range is of those. */
    size_t size;
    /** Bytes that memheap_grow() may raise size to. 0: size. With a base. */
    size_t max_size;
    /** MEMHEAP_SINGLE_THREADED and the others, or 0. */
    unsigned flags;
    /** "NAME=VALUE" strings up to a NULL: parameters that override the
     *  environment for this heap. memheap-info lists them. NULL: none. Must
     *  outlive the heap. */
    const char *const *params;
    /** Where messages go. NULL: standard error. Must outlive the heap. */
    const memheap_log_t *log;
    /** The source of metadata. NULL: pages of this process. Must outlive the
     *  heap. */
    const memheap_memory_t *memory;
    /** Page kind and NUMA policy of a range that the heap reserves. The size is
     *  rounded up to whole pages of that kind. All zero: MEMHEAP_PAGES and
     *  MEMHEAP_PLACE decide. */
    memheap_memory_policy_t policy;
} memheap_config_t;

/**
 * Create a heap. The time does not depend on the size. The component is chosen
 * among those that are built in and those on MEMHEAP_PLUGIN_PATH, by
 * MEMHEAP_COMPONENT and the highest priority. The cause of a failure is logged.
 *
 * @param config  copied, but not what it points to
 * @param heap_p  takes the heap
 * @retval MEMHEAP_ERR_BAD_ARGUMENT  the range is empty, wraps around or is not
 *         aligned to 16; or the caller's range has a memory policy
 * @retval MEMHEAP_ERR_BAD_PARAM  a parameter has an unknown name or a bad value
 * @retval MEMHEAP_ERR_NO_COMPONENT  MEMHEAP_COMPONENT admits no component, or
 *         none can serve the range
 * @retval MEMHEAP_ERR_NO_METADATA  there is no memory for metadata
 * @retval MEMHEAP_ERR_UNSUPPORTED  the memory policy is mandatory and cannot be
 *         met
 * @retval MEMHEAP_ERR_SYSTEM  the kernel refuses the range
 */
memheap_status_t memheap_create(const memheap_config_t *config,
                                memheap_t **heap_p);

/**
 * Destroy a heap and all its blocks. The caller's range stays as it is; a
 * range of the heap's own is unmapped.
 *
 * @param heap  NULL is ignored
 * @retval MEMHEAP_ERR_BUSY  a context, cache or proximity stands on the heap;
 *         it is logged by name, and nothing is destroyed
 */
memheap_status_t memheap_destroy(memheap_t *heap);

/** The first byte of the range. */
void *memheap_base(const memheap_t *heap);

/** The name of the component that serves the heap. Valid as long as the heap.
 */
const char *memheap_component_name(const memheap_t *heap);

/**
 * @page memheap_alloc  allocate and free blocks of a heap
 *
 * Every block lies at a multiple of 16. The plain forms memheap_malloc(),
 * memheap_calloc(), memheap_aligned_alloc() and memheap_realloc() return the
 * block, or NULL if the call fails; the others return a status.
 *
 * @retval MEMHEAP_ERR_NO_MEMORY  no free space of that size and alignment, or
 *         the machine has no memory to commit to it
 * @retval MEMHEAP_ERR_NO_METADATA  there is no memory for metadata
 * @retval MEMHEAP_ERR_BAD_ARGUMENT  the size is 0, or the alignment is not as
 *         described
 * @retval MEMHEAP_ERR_BAD_ADDRESS  no live block starts at the address; logged
 */

/**
 * Allocate a block. The contents are not set.
 *
 * @param size     bytes, at least 1
 * @param block_p  takes the block, owned by the caller until memheap_free()
 */
memheap_status_t memheap_alloc(memheap_t *heap, size_t size, void **block_p);

/**
 * Allocate a block at a chosen alignment. The contents are not set.
 *
 * @param align  bytes, a power of two; less than 16 counts as 16. At most
 *               1 GiB, and at most the alignment of the range's base
 */
memheap_status_t memheap_alloc_aligned(memheap_t *heap, size_t align,
                                       size_t size, void **block_p);

/**
 * Allocate count times size bytes, set to zero. Memory of the heap's own that
 * was never part of a block is zero already, and is not touched.
 * @retval MEMHEAP_ERR_NO_MEMORY  the product overflows
 */
memheap_status_t memheap_alloc_zeroed(memheap_t *heap, size_t count,
                                      size_t size, void **block_p);

/** The plain forms.
 *  @return the block; NULL if the call fails */
void *memheap_malloc(memheap_t *heap, size_t size);
void *memheap_calloc(memheap_t *heap, size_t count, size_t size);
void *memheap_aligned_alloc(memheap_t *heap, size_t align, size_t size);
void *memheap_realloc(memheap_t *heap, void *block, size_t size);

/**
 * Free a block.
 * @param block  NULL is ignored
 */
memheap_status_t memheap_free(memheap_t *heap, void *block);

/**
 * Change the size of a block. The contents are kept up to the lesser size.
 *
 * The block stays where it is if it can. Otherwise it moves to a new place at a
 * multiple of 16. If old and new place do not fit side by side, it moves over
 * its old place. A block that moves to grow by less than a quarter gets
 * headroom for a quarter if there is space. A block that shrinks by a quarter
 * or less keeps its space. So a block that grows to n bytes in small steps is
 * copied O(log n) times and wastes at most a quarter.
 *
 * @param block    NULL: allocate
 * @param size     bytes, at least 1
 * @param block_p  takes the block; may point to the variable that holds block.
 *                 If the call fails, the old block is unchanged
 */
memheap_status_t memheap_resize(memheap_t *heap, void *block, size_t size,
                                void **block_p);

/**
 * Allocate a block at a given address.
 *
 * @param address  a multiple of 16 in the heap's range
 * @param size     bytes, at least 1
 * @retval MEMHEAP_ERR_BUSY  a part of the place is in a block
 * @retval MEMHEAP_ERR_BAD_ARGUMENT  the place is not wholly in the range, or
 *         the component has no block of that size there, as buddy at an address
 *         that is not a multiple of the block's size
 * @retval MEMHEAP_ERR_UNSUPPORTED  the component does not offer it
 */
memheap_status_t memheap_reserve(memheap_t *heap, void *address, size_t size);

/** Usable bytes of a block: at least its size as allocated. */
memheap_status_t memheap_usable_size(memheap_t *heap, const void *block,
                                     size_t *size_p);

/**
 * Allocate several blocks: all or none.
 *
 * @param align   of each block, as memheap_alloc_aligned() takes it
 * @param sizes   count sizes in bytes, each at least 1
 * @param blocks  takes count addresses; overwritten even if the call fails
 */
memheap_status_t memheap_alloc_batch(memheap_t *heap, size_t count,
                                     size_t align, const size_t *sizes,
                                     void **blocks);

/**
 * Free several blocks: all or none.
 * @param blocks  count addresses; NULLs are ignored. One that appears twice is
 *                MEMHEAP_ERR_BAD_ADDRESS
 */
memheap_status_t memheap_free_batch(memheap_t *heap, size_t count,
                                    void *const *blocks);

/**
 * @page memheap_save  save a heap, and go on from it later
 *
 * A saved heap has all blocks with their contents, tags included. It is loaded
 * at the same addresses, so pointers within the heap stay right. The heap can
 * be in another process, of the same program or of another one, on a machine of
 * the same kind.
 */

/**
 * Write a heap to a file. It is as it is between two calls; no thread may write
 * to a block meanwhile. Memory that was never touched takes no place in the
 * file.
 *
 * @param root  an address in the heap from which the program finds the rest;
 *              memheap_load() returns it. May be NULL
 * @param fd    open for writing. It is written from its position on, and is not
 *              synchronized or closed. Can be a pipe
 * @retval MEMHEAP_ERR_BUSY  a context, cache or proximity stands on the heap;
 *         logged
 * @retval MEMHEAP_ERR_SYSTEM  the file cannot be written; logged
 * @retval MEMHEAP_ERR_NO_METADATA  there is no memory for a list of the blocks;
 *         logged
 */
memheap_status_t memheap_save(memheap_t *heap, const void *root, int fd);

/**
 * Create a heap from a file of memheap_save(). Later placement can be another
 * one than that of the heap that was saved.
 *
 * @param config  as for memheap_create(). A base must be that of the saved
 * heap; NULL: the heap reserves the range of the saved one. size 0 without a
 * base: that of the saved heap
 * @param fd      open for reading, at the position of the saved heap. After a
 *                success it may be behind the end of it
 * @param heap_p  takes the heap
 * @param root_p  takes the root that was saved; may be NULL
 * @retval MEMHEAP_ERR_CORRUPT  the file is no saved heap, or damaged; logged
 * @retval MEMHEAP_ERR_BAD_ARGUMENT  the base or the component is another one
 *         than that of the saved heap; logged
 * @retval MEMHEAP_ERR_BUSY  the range is taken in this process; logged
 * @retval MEMHEAP_ERR_NO_MEMORY  the range is too short for the blocks, or the
 *         machine has no memory for them; logged
 * @retval MEMHEAP_ERR_UNSUPPORTED  with MEMHEAP_GUARD, or a component that has
 *         no memheap_reserve(); logged
 * @retval MEMHEAP_ERR_SYSTEM  the file cannot be read, or the kernel refuses
 * the range; logged
 */
memheap_status_t memheap_load(const memheap_config_t *config, int fd,
                              memheap_t **heap_p, void **root_p);

/**
 * @page memheap_get_stats  inspect, trim and grow a heap
 */

/** Statistics of a heap. Sizes are in bytes. */
typedef struct memheap_stats {
    size_t size;          /* of the range */
    size_t committed;     /* from its start, that may be touched */
    size_t resident;      /* of the range, that take memory now */
    size_t used;          /* in live blocks, as rounded up */
    size_t free;          /* size - used */
    size_t largest_free;  /* the largest block that could be allocated */
    size_t peak;          /* the greatest `used` so far; blocks that a thread
                             keeps for its next requests count */
    size_t high_water;    /* the end of the highest block so far */
    size_t live_blocks;   /* number of live blocks */
    size_t metadata;      /* outside the range */
    uint64_t allocations; /* blocks allocated so far, one by one or in batches
                           */
    uint64_t frees;       /* blocks freed so far */
    uint64_t resizes;     /* calls that changed a size */
    uint64_t failures;    /* calls that failed for lack of memory */
    double fragmentation; /* the part of `free` that is not in the largest free
                             block, 0 to 1 */
} memheap_stats_t;

/** Get the statistics. Constant time, but for `resident`, for which
 *  memheap_resident() has the cost. */
void memheap_get_stats(memheap_t *heap, memheap_stats_t *stats);

/** Bytes of the range that take memory now, in whole pages, by the kernel's
 *  account. Constant time for the symmetric heap; otherwise it looks at every
 *  page up to the high-water mark, and counts none above. */
size_t memheap_resident(memheap_t *heap);

/**
 * Ask the kernel for the page kind and the NUMA nodes that are in effect. The
 * time grows with the mappings of the process. Nodes are sampled: a few
 * thousand pages at most, spread evenly over the heap.
 *
 * @retval MEMHEAP_ERR_SYSTEM  the kernel does not tell; logged
 */
memheap_status_t memheap_get_placement(memheap_t *heap,
                                       memheap_placement_t *placement);

/**
 * Return the pages of free space to the system. They stay committed, read as
 * zero, and take memory again when they are touched. No block moves, and later
 * placement does not change. Huge pages that are free in part are split. The
 * time grows with the number of blocks. The parameter MEMHEAP_TRIM lets a heap
 * trim itself; it then keeps huge pages that are less than half free.
 *
 * @param least  the shortest run of free pages that is returned, in bytes; 0:
 *               64 KiB
 * @retval MEMHEAP_ERR_UNSUPPORTED  the range is the caller's, or is registered
 *         with a network
 * @retval MEMHEAP_ERR_SYSTEM  the kernel refuses, as for locked pages; logged
 */
memheap_status_t memheap_trim(memheap_t *heap, size_t least);

/**
 * Tell the heap that the caller's range became longer. The new space can be
 * allocated at once.
 *
 * @param new_size  bytes of the whole range
 * @retval MEMHEAP_ERR_BAD_ARGUMENT  new_size is less than the old size or more
 *         than max_size, or the range is the heap's own
 * @retval MEMHEAP_ERR_UNSUPPORTED  the component does not offer it
 * @retval MEMHEAP_ERR_NO_METADATA  there is no memory for metadata
 */
memheap_status_t memheap_grow(memheap_t *heap, size_t new_size);

/** A block, live or free. The last three fields are of a live block that has a
 *  record; otherwise they are 0 and "". */
typedef struct memheap_block {
    void *address;   /* of its first byte */
    size_t size;     /* bytes up to the next block */
    bool live;       /* allocated, not free */
    uint64_t number; /* of the allocation in its heap, from 1 */
    size_t asked;    /* bytes that the caller asked for */
    const char *tag; /* valid as long as the heap */
} memheap_block_t;

/**
 * Visit every block, live and free, by ascending address and without gaps.
 *
 * @param visit    called for each block until it returns false; must not call
 *                 the heap
 * @param context  passed to visit
 */
void memheap_walk(memheap_t *heap,
                  bool (*visit)(void *context, const memheap_block_t *block),
                  void *context);

/**
 * Check all metadata. The time grows with the number of blocks.
 * @retval MEMHEAP_ERR_CORRUPT  the metadata contradicts itself: a bug of the
 *         component, or a stray write over its memory
 */
memheap_status_t memheap_check(memheap_t *heap);

/**
 * Describe in words what lies at an address: a block that starts there, a block
 * that contains it, free space, or none of the heap.
 *
 * @param text  takes the description, cut to room bytes with its final null
 *              byte
 * @return text
 */
char *memheap_describe(memheap_t *heap, const void *address, char *text,
                       size_t room);

/** Bytes of a tag, with its final null byte. */
#define MEMHEAP_TAG_SIZE 32

/**
 * Set the tag of the calling thread: its later allocations carry it, in every
 * heap that keeps records. Statistics are kept for each tag.
 *
 * @param tag  up to 31 bytes count; must stay valid until the next call. NULL
 *             or "": no tag
 * @return the tag before
 */
const char *memheap_set_tag(const char *tag);

/**
 * Set the call site of the calling thread's next call. Without it, a heap that
 * keeps records looks at the stack. Including <memheap/call_sites.h> does this
 * for all calls of a source file.
 *
 * @param file  must stay valid until that call; NULL: clear the call site
 */
void memheap_at(const char *file, int line);

/** Statistics of a tag. Sizes are in bytes. */
typedef struct memheap_tag_stats {
    char name[MEMHEAP_TAG_SIZE]; /* "" for calls without a tag */
    size_t used;                 /* in live blocks, as rounded up */
    size_t peak;                 /* the greatest `used` so far */
    size_t live_blocks;          /* number of live blocks */
    uint64_t allocations;        /* calls so far */
} memheap_tag_stats_t;

/**
 * Get the statistics of one tag.
 *
 * @param index  from 0, in the order in which tags were first used
 * @return false if there is no such tag, or the heap keeps no records
 */
bool memheap_get_tag_stats(memheap_t *heap, unsigned index,
                           memheap_tag_stats_t *stats);

/** Statistics of a call site. Sizes are in bytes. */
typedef struct memheap_site_stats {
    char site[256];       /* as memheap_block_call_site() describes it */
    size_t used;          /* in live blocks, as rounded up */
    size_t peak;          /* the greatest `used` so far; if several paths lead
                             to the call site, the sum of theirs */
    size_t live_blocks;   /* number of live blocks */
    uint64_t allocations; /* calls so far */
    uint64_t bytes;       /* in the blocks of all calls so far, and what
                             blocks grew by */
} memheap_site_stats_t;

/**
 * Get the call sites that allocate most: those with the greatest `peak`, from
 * the greatest on. May run addr2line(1), which takes a while.
 *
 * @param sites  takes at most room of them
 * @return the number of call sites in sites; 0 if the heap keeps no records, or
 *         there is no memory to sort them
 */
size_t memheap_get_site_stats(memheap_t *heap, memheap_site_stats_t *sites,
                              size_t room);

/**
 * Describe where a block was allocated: "heat.c:42", or a function and its
 * object file. May run addr2line(1), which needs a program compiled with -g.
 *
 * @param text  takes the description, cut to room bytes; "" if the block has no
 *              record
 * @return text
 */
char *memheap_block_call_site(memheap_t *heap, const void *block, char *text,
                              size_t room);

/**
 * Log a line for each live block, in the order of allocation, with size,
 * number, tag and call site as far as they are known, and a line for the sum.
 * The parameter MEMHEAP_LEAKS does this when the heap is destroyed.
 *
 * @return the number of live blocks; if it is 0, nothing is logged
 */
size_t memheap_report_leaks(memheap_t *heap);

#ifdef __cplusplus
}
#endif

#endif
