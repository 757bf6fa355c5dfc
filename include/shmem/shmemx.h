/*
 * What memheap offers PGAS programs beyond the standard.
 */
#ifndef MEMHEAP_SHMEM_SHMEMX_H
#define MEMHEAP_SHMEM_SHMEMX_H

#include <shmem.h>

#include <memheap/memory_policy.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes that the symmetric heap can grow to. Local. */
size_t shmemx_heap_size(void);

/** Bytes of it that are in no block. Local. */
size_t shmemx_heap_free(void);

/** Bytes of the largest block that could be allocated, as far as the heap is
 *  asked and not the memory of the machine. Local. */
size_t shmemx_heap_largest_free(void);

/** Bytes of this PE's part of the heap that take memory now, in whole pages,
 *  as the kernel says. Local. */
size_t shmemx_heap_resident(void);

/**
 * Ask the kernel what kind of pages this PE's part of the heap has, and where
 * they lie: what MEMHEAP_PAGES and MEMHEAP_PLACE came to. Local; takes a time
 * that grows with the mappings of the process.
 *
 * @return 0; not 0, with a message, where the kernel does not say
 */
int shmemx_heap_placement(memheap_placement_t *placement);

/**
 * Give the pages of free space back to the system. Local: no block changes and
 * no later address, whichever PEs do it. MEMHEAP_TRIM has every PE do so by
 * itself.
 *
 * @param least  bytes of pages in a row that go back at all; 0: 64 KiB
 * @return 0; not 0, with a message, if the job has several nodes, whose network
 *         may have pinned the pages, or if the system does not take them
 */
int shmemx_heap_trim(size_t least);

/** The name of the component that serves the heap; valid until
 *  shmem_finalize(). Local. */
const char *shmemx_heap_component(void);

/** Test everything that the heap knows of its blocks: 0, or not 0 with a
 *  message if it is corrupt. Local. */
int shmemx_heap_check(void);

/**
 * Give the calling thread's allocations a tag from now on, if the heap keeps
 * records (MEMHEAP_RECORDS, MEMHEAP_LEAKS). Local.
 *
 * @param tag  a word, of which 31 bytes count; must live until the next call.
 *             NULL or "": none
 * @return the tag before
 */
const char *shmemx_set_tag(const char *tag);

/** Say where the calling thread's next call comes from; file NULL: forget it.
 *  The macros of shmemx_sites.h do so for all calls of a source file that
 *  includes it. Local. */
void shmemx_at(const char *file, int line);

/**
 * Allocate several blocks in one collective step, all or none.
 *
 * @param count   of blocks; 0 does nothing, without a barrier
 * @param sizes   count sizes in bytes, none of them 0
 * @param blocks  takes count addresses, the same on every PE
 * @return 0; not 0 on every PE if one could not serve all, or a size is 0:
 *         what is in blocks is lost then
 *
 * Ends in a barrier.
 */
int shmemx_malloc_batch(size_t count, const size_t *sizes, void **blocks);

/**
 * Free several blocks in one collective step, all or none; NULLs are ignored.
 * Begins with a barrier, except when count is 0.
 *
 * @return 0; not 0 on every PE, with a message, if one is no block or appears
 *         twice, or if a PE has no memory to look for that (above 128 blocks)
 */
int shmemx_free_batch(size_t count, void *const *blocks);

/** A symmetric heap: that of the job, or one that the program made. */
typedef struct shmemx_space *shmemx_space_t;

/** No space; and the symmetric heap of all PEs. */
#define SHMEMX_SPACE_INVALID ((shmemx_space_t)0)
#define SHMEMX_SPACE_DEFAULT ((shmemx_space_t)1)

/** What the memory of a space is. A PE that does not have it has no part of
 *  the space. */
#define SHMEMX_DEVICE_HOST 0 /* the machine's memory, which every PE has */
/** Memory of a file system, such as persistent memory or that of another node:
 *  of the folder that MEMHEAP_DEVICE_FOLDER names on the PE, if it can write
 *  there. */
#define SHMEMX_DEVICE_FOLDER 1

/** A flag of a space: to find memory for all of it at once, or fail. */
#define SHMEMX_SPACE_BACKED 1L

/** What a space is made of, the same on every PE. All zero is one of the
 *  machine's memory that grows as it is needed. */
typedef struct shmemx_space_config {
    const char *name; /* for messages; copied, cut at 47 bytes. NULL: "space",
                         with a number */
    int device;       /* SHMEMX_DEVICE_HOST or another */
    size_t
        size;   /* bytes on each PE; 0: as much as this PE's share of the
                   node's memory, of which nothing is taken before it is used */
    long flags; /* 0, or SHMEMX_SPACE_BACKED */
    memheap_memory_policy_t backing; /* pages and place; zero: as MEMHEAP_PAGES
                                  and MEMHEAP_PLACE say */
} shmemx_space_config_t;

/**
 * Make a space. Collective over all PEs, with the same configuration.
 *
 * The space belongs to the PEs that have the device, which must be the same
 * distance apart, as in a team. The others get SHMEMX_SPACE_INVALID.
 *
 * @return 0; not 0 on every PE, with a message, if the space cannot be had
 */
int shmemx_space_create(const shmemx_space_config_t *config,
                        shmemx_space_t *space);

/**
 * End a space, with all that is in it. Collective over its PEs, behind what
 * they have under way. SHMEMX_SPACE_INVALID is ignored.
 *
 * @return 0; not 0 on each of them, with a message, while the space's team or
 *         one that was split from it lives, and for SHMEMX_SPACE_DEFAULT
 */
int shmemx_space_destroy(shmemx_space_t space);

/**
 * As the routines of the standard, in a space. Collective over its PEs; an
 * allocation ends in a barrier of them, a free begins with one. Without
 * bytes, and for SHMEMX_SPACE_INVALID, NULL and no barrier.
 *
 * RMA, atomics, locks and collectives take such addresses like those of the
 * heap, among the space's PEs.
 */
void *shmemx_space_malloc(shmemx_space_t space, size_t size);
void *shmemx_space_malloc_with_hints(shmemx_space_t space, size_t size,
                                     long hints);
void *shmemx_space_calloc(shmemx_space_t space, size_t count, size_t size);
void *shmemx_space_align(shmemx_space_t space, size_t alignment, size_t size);
void *shmemx_space_realloc(shmemx_space_t space, void *ptr, size_t size);
void shmemx_space_free(shmemx_space_t space, void *ptr);

/** The team of a space's PEs, in the order of the job, until it is destroyed;
 *  SHMEM_TEAM_INVALID then, and for no space. Local. */
shmem_team_t shmemx_space_get_team(shmemx_space_t space);

/** What a space can: bits of the following. */
#define SHMEMX_CAP_RMA 0x1L
#define SHMEMX_CAP_COLLECTIVES 0x2L
#define SHMEMX_CAP_ATOMICS 0x4L
/** shmem_ptr() leads to each of its PEs. */
#define SHMEMX_CAP_DIRECT_ACCESS 0x8L
/** Every PE of the job has a part of it. */
#define SHMEMX_CAP_WORLD_ACCESS 0x10L
/** A block has the same address on each of its PEs. */
#define SHMEMX_CAP_IDENTICAL_ADDRESSES 0x20L

/** @return 0; not 0 for SHMEMX_SPACE_INVALID. Local. */
int shmemx_space_get_caps(shmemx_space_t space, long *caps);

/** Bytes that a space can grow to on each PE; 0 for no space. Local. */
size_t shmemx_space_size(shmemx_space_t space);

/** As shmemx_heap_placement(), of a space. Local. */
int shmemx_space_placement(shmemx_space_t space,
                           memheap_placement_t *placement);

/** The space that an address is of: SHMEMX_SPACE_INVALID if none on this PE, as
 *  for a variable. Local. */
shmemx_space_t shmemx_space_of_ptr(const void *ptr);

/** The space whose team this is, or was split from; SHMEMX_SPACE_DEFAULT for
 *  others. Local. */
shmemx_space_t shmemx_space_of_team(shmem_team_t team);

#ifdef __cplusplus
}
#endif

#endif
