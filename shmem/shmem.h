/*
 * OpenSHMEM over memheap: the calls of the standard.
 *
 * A PE is a process of the job. The symmetric heap lies at the same address on
 * every PE, and collective calls return the same addresses everywhere, so a
 * pointer to a local block names that block on all PEs. Each routine exists
 * under its name with a p in front as well; see pshmem.h.
 *
 * "Collective" means: every PE calls it, with the same arguments, in the same
 * order among all collective calls. Where PEs differ, the job ends with a
 * message that names what each of them called.
 *
 * Source for all: OpenSHMEM 1.6.
 */
#ifndef MEMHEAP_SHMEM_SHMEM_H
#define MEMHEAP_SHMEM_SHMEM_H

#include <stddef.h>

#define SHMEM_MAJOR_VERSION 1
#define SHMEM_MINOR_VERSION 6
#define SHMEM_MAX_NAME_LEN 64
#define SHMEM_VENDOR_STRING "memheap 0.1.0"
#define _SHMEM_MAJOR_VERSION SHMEM_MAJOR_VERSION
#define _SHMEM_MINOR_VERSION SHMEM_MINOR_VERSION
#define _SHMEM_MAX_NAME_LEN SHMEM_MAX_NAME_LEN
#define _SHMEM_VENDOR_STRING SHMEM_VENDOR_STRING

#define SHMEM_THREAD_SINGLE 0
#define SHMEM_THREAD_FUNNELED 1
#define SHMEM_THREAD_SERIALIZED 2
#define SHMEM_THREAD_MULTIPLE 3

/** Hints for shmem_malloc_with_hints(): bits of a long. */
#define SHMEM_MALLOC_ATOMICS_REMOTE (1L << 0)
#define SHMEM_MALLOC_SIGNAL_REMOTE (1L << 1)

#if defined(__cplusplus)
#define SHMEM_NORETURN_ [[noreturn]]
extern "C" {
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define SHMEM_NORETURN_ _Noreturn
#else
#define SHMEM_NORETURN_
#endif

/**
 * Start the library. Collective; starts MPI where the program has not. May be
 * called again, before shmem_finalize() and after it; each call needs a
 * finalize of its own. Ends the program with a message if the heap cannot be
 * made. Ends in a barrier.
 */
void shmem_init(void);

/**
 * As shmem_init(), with the threads that the program will use.
 *
 * @param requested   SHMEM_THREAD_SINGLE to SHMEM_THREAD_MULTIPLE
 * @param provided    takes the level that there is
 * @return 0; not 0 on every PE, with a message from one, if any PE could not
 *         start
 */
int shmem_init_thread(int requested, int *provided);

/** The level of threads that shmem_init_thread() provided. Local. */
void shmem_query_thread(int *provided);

/**
 * End the library. Collective; begins with a barrier. The call that matches
 * the first shmem_init() releases the heap and everything in it.
 */
void shmem_finalize(void);

/** Set *initialized to 1 between the first shmem_init() and its finalize, else
 *  to 0. Local; may be called at any time. */
void shmem_query_initialized(int *initialized);

/** End the job from this PE alone, with an exit status for the launcher. */
SHMEM_NORETURN_ void shmem_global_exit(int status);

/** The number of this PE, from 0. Local. */
int shmem_my_pe(void);

/** How many PEs there are. Local. */
int shmem_n_pes(void);

/** 1 if there is a PE of that number and it can be reached, else 0. Local. */
int shmem_pe_accessible(int pe);

/** 1 if addr lies in the symmetric heap, as far as it has grown, and pe can be
 *  reached; else 0. Local. */
int shmem_addr_accessible(const void *addr, int pe);

/**
 * An address through which this PE loads and stores what lies at the symmetric
 * address dest on another. Local.
 * @return NULL if dest is not symmetric or pe is out of reach
 */
void *shmem_ptr(const void *dest, int pe);

/** The version of the standard: SHMEM_MAJOR_VERSION, SHMEM_MINOR_VERSION. */
void shmem_info_get_version(int *major, int *minor);

/** SHMEM_VENDOR_STRING, into SHMEM_MAX_NAME_LEN bytes at most. */
void shmem_info_get_name(char *name);

/**
 * Allocate a block. Collective.
 *
 * @param size  bytes, the same on every PE; 0 allocates nothing
 * @return the block, at the same address on every PE and at a multiple of 16,
 *         to be given back by shmem_free(). NULL on every PE if size is 0 or
 *         if one PE could not serve the request; that PE's reason is printed
 *         once.
 *
 * Ends in a barrier, except when size is 0. The contents are not set.
 */
void *shmem_malloc(size_t size);

/** As shmem_malloc(), for count times size bytes, set to zero. NULL if the
 *  product overflows. */
void *shmem_calloc(size_t count, size_t size);

/**
 * Allocate a block at a chosen alignment. Collective.
 *
 * @param alignment  bytes, a power of two of at most 1 GiB; less than 16 is
 *                   raised to it
 * @param size       bytes, the same on every PE; 0 allocates nothing
 * @return as shmem_malloc(); NULL if alignment is no power of two
 */
void *shmem_align(size_t alignment, size_t size);

/** As shmem_malloc(). The hints, SHMEM_MALLOC_... or 0, do not change where
 *  the block lies; other bits are ignored. */
void *shmem_malloc_with_hints(size_t size, long hints);

/**
 * Change a block's size, keeping its contents up to the lesser of both.
 * Collective.
 *
 * @param ptr   of this family of calls; NULL allocates
 * @param size  bytes; 0 frees
 * @return the block, which may have moved, even over its own old place; NULL
 *         if size is 0, or if it cannot be done: ptr is then as it was on
 *         every PE
 *
 * Begins and ends in a barrier, except when ptr is NULL or size is 0: then
 * as shmem_malloc() or shmem_free().
 */
void *shmem_realloc(void *ptr, size_t size);

/**
 * Free a block. Collective, except that NULL is ignored.
 * Begins with a barrier. A ptr that is no block is reported, and ignored.
 */
void shmem_free(void *ptr);

/** Wait until all PEs are here and all that they have put has arrived.
 *  Collective. */
void shmem_barrier_all(void);

/** Wait until all PEs are here; completes nothing else than local stores.
 *  Collective. */
void shmem_sync_all(void);

/** Order what this PE puts: what comes before arrives first, for each PE.
 *  Local. */
void shmem_fence(void);

/** Wait until all that this PE has put has arrived. Local. */
void shmem_quiet(void);

/**
 * Copy nelems bytes from source to the symmetric address dest on a PE. When it
 * returns, source may be changed. An address that is not symmetric, or a PE
 * that does not exist, ends the job with a message. Local.
 */
void shmem_putmem(void *dest, const void *source, size_t nelems, int pe);

/** Copy nelems bytes from the symmetric address source on a PE to dest. Ends
 *  the job as shmem_putmem() does. Local. */
void shmem_getmem(void *dest, const void *source, size_t nelems, int pe);

/** As shmem_putmem(), but source may only be changed after shmem_quiet(). */
void shmem_putmem_nbi(void *dest, const void *source, size_t nelems, int pe);

/** As shmem_getmem(), but dest is only valid after shmem_quiet(). */
void shmem_getmem_nbi(void *dest, const void *source, size_t nelems, int pe);

/* Names of old, kept by the standard; each is as the one it is followed by. */

/** shmem_init(); npes is ignored, and so are further calls. The end of the
 *  program finalizes. */
void start_pes(int npes);

/** shmem_malloc() */
void *shmalloc(size_t size);

/** shmem_free() */
void shfree(void *ptr);

/** shmem_realloc() */
void *shrealloc(void *ptr, size_t size);

/** shmem_align() */
void *shmemalign(size_t alignment, size_t size);

#ifdef __cplusplus
}
#endif

#undef SHMEM_NORETURN_

#endif
