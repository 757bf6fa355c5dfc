/*
 * dlmalloc's mspaces over heaps of memheap.
 *
 * A runtime that embeds dlmalloc links libmemheap_mspace instead of its own
 * copy: names, arguments and results are those of dlmalloc 2.8.6.
 */
#ifndef MEMHEAP_MSPACE_H
#define MEMHEAP_MSPACE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @page memheap_mspace  dlmalloc's mspaces over heaps
 *
 * A space is a heap with the interface of dlmalloc's mspaces. The parameters of
 * memheap apply to it, as MEMHEAP_COMPONENT, MEMHEAP_REPORT and MEMHEAP_LEAKS.
 *
 * It differs from dlmalloc in this:
 *
 * - All metadata lies outside the space: every byte of a base can be in a
 *   block, and a stray write harms no bookkeeping.
 * - A space with a base never grows beyond it.
 * - A wrong free is reported on standard error and ignored; dlmalloc aborts.
 * - Equal sequences of calls give equal offsets from the base, in any two
 *   processes, if the bases have the same alignment.
 * - The handle of a space is not an address in it.
 *
 * A call that fails for lack of memory returns NULL and sets errno to ENOMEM.
 * Every block lies at a multiple of 16. A size of 0 counts as 1.
 *
 * @see memheap(), memheap_alloc()
 *
 * Threads: several threads may use a space that is locked. They may use
 * different spaces in any case.
 *
 * Source: Doug Lea, malloc-2.8.6.h.
 */

/** A space. */
typedef void *mspace;

/**
 * Create a space over memory of its own. It may use as much as the machine has,
 * and takes memory as its blocks are touched.
 *
 * @param capacity  bytes that the space must be able to hold; 0: any number
 * @param locked    whether several threads use the space
 * @return NULL if there is not so much address space, or a parameter is wrong;
 *         the cause is printed
 */
mspace create_mspace(size_t capacity, int locked);

/**
 * Create a space over the caller's memory, which must outlive the space.
 *
 * @param base      a base that is not a multiple of 16 is rounded up to one
 * @param capacity  bytes from base on; all can be in blocks
 * @param locked    as above
 * @return NULL if the range has fewer than 64 bytes or wraps around, or a
 *         parameter is wrong
 */
mspace create_mspace_with_base(void *base, size_t capacity, int locked);

/**
 * Destroy a space and all its blocks.
 * @return bytes that were returned to the system: 0 for a space with a base
 */
size_t destroy_mspace(mspace msp);

/** Allocate a block. */
void *mspace_malloc(mspace msp, size_t bytes);

/** Allocate count times bytes, set to zero. */
void *mspace_calloc(mspace msp, size_t count, size_t bytes);

/**
 * Allocate a block at a chosen alignment.
 *
 * An alignment above that of the base takes the first free place that fits: the
 * time grows with the number of blocks. buddy and mempool refuse most of them.
 *
 * @param alignment  bytes; rounded up to a power of two
 */
void *mspace_memalign(mspace msp, size_t alignment, size_t bytes);

/**
 * Change the size of a block, which may move. The contents are kept up to the
 * lesser size.
 *
 * @param mem  NULL: allocate
 * @return NULL if there is no memory, or if mem is no block; mem is unchanged
 */
void *mspace_realloc(mspace msp, void *mem, size_t bytes);

/** As mspace_realloc(), but the block stays where it is.
 *  @return mem; NULL if the block has fewer bytes than that */
void *mspace_realloc_in_place(mspace msp, void *mem, size_t bytes);

/** Free a block. NULL is ignored. */
void mspace_free(mspace msp, void *mem);

/**
 * Free several blocks. Each entry whose block was freed is set to NULL.
 * @return the number of entries that are no blocks of this space; NULLs do not
 *         count
 */
size_t mspace_bulk_free(mspace msp, void **blocks, size_t count);

/** Usable bytes of a block of any space.
 *  @return 0 for NULL and for an address in no space */
size_t mspace_usable_size(const void *mem);

/**
 * Allocate count blocks of equal size, set to zero: all or none. Each is freed
 * by itself. They need not be adjacent.
 *
 * @param blocks  takes the addresses; NULL: an array in the space, which the
 *                caller frees too
 * @return the array; NULL if the call fails
 */
void **mspace_independent_calloc(mspace msp, size_t count, size_t bytes,
                                 void **blocks);

/** As mspace_independent_calloc(), for blocks of different sizes, which are not
 *  set to zero. */
void **mspace_independent_comalloc(mspace msp, size_t count, size_t *sizes,
                                   void **blocks);

/** Bytes of memory that the space has from the system, touched or not: with a
 *  base, all of it. */
size_t mspace_footprint(mspace msp);

/** The greatest mspace_footprint() so far. */
size_t mspace_max_footprint(mspace msp);

/**
 * Set a limit of mspace_footprint(). A call that needs more fails. A space with
 * a base cannot exceed its base, so the limit does not change it.
 *
 * @param bytes  raised to the end of the highest block so far, and rounded up
 * to a multiple of 64 KiB; SIZE_MAX: no limit
 * @return the limit as rounded; 0 if there is none
 */
size_t mspace_set_footprint_limit(mspace msp, size_t bytes);

/** The limit; SIZE_MAX if there is none. */
size_t mspace_footprint_limit(mspace msp);

/**
 * Return pages of free space to the system. The time grows with the number of
 * blocks.
 *
 * @param pad  bytes that may stay at the end of the blocks; ignored
 * @return 1 if memory was returned, otherwise 0, as with a base
 */
int mspace_trim(mspace msp, size_t pad);

/** Does nothing: large blocks are always tracked, and freed with the space.
 *  @return 1 */
int mspace_track_large_chunks(mspace msp, int enable);

/** Does nothing: memheap has parameters of its own.
 *  @return 0: nothing was set */
int mspace_mallopt(int parameter, int value);

/** Print footprint, greatest footprint and bytes in use to standard error. */
void mspace_malloc_stats(mspace msp);

/** What dlmalloc's `struct mallinfo` has, by its names. Another name, because
 *  the C library has a struct mallinfo with other types. */
typedef struct mspace_counts {
    size_t arena;    /* mspace_footprint() */
    size_t ordblks;  /* number of free extents */
    size_t smblks;   /* 0 */
    size_t hblks;    /* 0 */
    size_t hblkhd;   /* 0 */
    size_t usmblks;  /* mspace_max_footprint() */
    size_t fsmblks;  /* 0 */
    size_t uordblks; /* bytes in blocks */
    size_t fordblks; /* bytes of the footprint in no block */
    size_t keepcost; /* bytes of the footprint behind the last block */
} mspace_mallinfo_t;

/** Get statistics. The time grows with the number of blocks. */
mspace_mallinfo_t mspace_mallinfo(mspace msp);

/**
 * Visit all blocks and all free space by ascending address.
 *
 * @param visit    called with the start, the end, the bytes in use (0: free)
 * and context; must not call the space
 */
void mspace_inspect_all(mspace msp,
                        void (*visit)(void *start, void *end, size_t used,
                                      void *context),
                        void *context);

#ifdef __cplusplus
}
#endif

#endif
