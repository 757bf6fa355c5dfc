/*
 * What memheap offers PGAS programs beyond the standard.
 */
#ifndef MEMHEAP_SHMEM_SHMEMX_H
#define MEMHEAP_SHMEM_SHMEMX_H

#include <shmem.h>

#include "base/backing.h"

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

#ifdef __cplusplus
}
#endif

#endif
