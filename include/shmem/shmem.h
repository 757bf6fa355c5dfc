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
#include <stdint.h>

#include <memheap/version.h>

#include "shmem_types.h"

#define SHMEM_MAJOR_VERSION 1
#define SHMEM_MINOR_VERSION 6
#define SHMEM_MAX_NAME_LEN 64
#define SHMEM_VENDOR_STRING "memheap " MEMHEAP_VERSION_STRING
/** This OpenSHMEM is memheap, of this version: a number to compare. */
#define SHMEMX_MEMHEAP MEMHEAP_VERSION
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

/** Comparisons for waiting and testing. */
#define SHMEM_CMP_EQ 1
#define SHMEM_CMP_NE 2
#define SHMEM_CMP_GT 3
#define SHMEM_CMP_LE 4
#define SHMEM_CMP_LT 5
#define SHMEM_CMP_GE 6
#define _SHMEM_CMP_EQ SHMEM_CMP_EQ
#define _SHMEM_CMP_NE SHMEM_CMP_NE
#define _SHMEM_CMP_GT SHMEM_CMP_GT
#define _SHMEM_CMP_LE SHMEM_CMP_LE
#define _SHMEM_CMP_LT SHMEM_CMP_LT
#define _SHMEM_CMP_GE SHMEM_CMP_GE

/** What a put with signal does to the signal word. */
#define SHMEM_SIGNAL_SET 0
#define SHMEM_SIGNAL_ADD 1

/** Work arrays of the active-set collectives: a value and lengths in long. */
#define SHMEM_SYNC_VALUE 0L
#define SHMEM_SYNC_SIZE 8
#define SHMEM_BARRIER_SYNC_SIZE SHMEM_SYNC_SIZE
#define SHMEM_BCAST_SYNC_SIZE SHMEM_SYNC_SIZE
#define SHMEM_REDUCE_SYNC_SIZE SHMEM_SYNC_SIZE
#define SHMEM_COLLECT_SYNC_SIZE SHMEM_SYNC_SIZE
#define SHMEM_ALLTOALL_SYNC_SIZE SHMEM_SYNC_SIZE
#define SHMEM_ALLTOALLS_SYNC_SIZE SHMEM_SYNC_SIZE
#define SHMEM_REDUCE_MIN_WRKDATA_SIZE 1
#define _SHMEM_SYNC_VALUE SHMEM_SYNC_VALUE
#define _SHMEM_BARRIER_SYNC_SIZE SHMEM_BARRIER_SYNC_SIZE
#define _SHMEM_BCAST_SYNC_SIZE SHMEM_BCAST_SYNC_SIZE
#define _SHMEM_REDUCE_SYNC_SIZE SHMEM_REDUCE_SYNC_SIZE
#define _SHMEM_COLLECT_SYNC_SIZE SHMEM_COLLECT_SYNC_SIZE
#define _SHMEM_REDUCE_MIN_WRKDATA_SIZE SHMEM_REDUCE_MIN_WRKDATA_SIZE

/** A team: PEs in an order of their own. */
typedef struct shmemx_team *shmem_team_t;
extern struct shmemx_team shmemx_team_world;
extern struct shmemx_team shmemx_team_shared;
#define SHMEM_TEAM_WORLD (&shmemx_team_world)
#define SHMEM_TEAM_SHARED (&shmemx_team_shared)
#define SHMEM_TEAM_INVALID ((shmem_team_t)0)

/** What is asked of a new team; the mask says which fields are set. */
typedef struct shmem_team_config {
    int num_contexts; /* that will be created on it */
} shmem_team_config_t;
#define SHMEM_TEAM_NUM_CONTEXTS (1L << 0)

/** A context: a stream of operations that is completed by itself. */
typedef struct shmemx_ctx *shmem_ctx_t;
extern struct shmemx_ctx shmemx_ctx_default;
#define SHMEM_CTX_DEFAULT (&shmemx_ctx_default)
#define SHMEM_CTX_INVALID ((shmem_ctx_t)0)
#define SHMEM_CTX_SERIALIZED (1L << 0)
#define SHMEM_CTX_PRIVATE (1L << 1)
#define SHMEM_CTX_NOSTORE (1L << 2)

/** Hints about a run of operations; the mask says which fields are set. */
typedef struct shmem_ctx_session_config {
    size_t total_ops;
} shmem_ctx_session_config_t;
#define SHMEM_CTX_SESSION_TOTAL_OPS (1L << 0)
#define SHMEM_CTX_SESSION_BATCH (1L << 1)

#if defined(__cplusplus)
#if __cplusplus >= 201103L
#define SHMEM_NORETURN_ [[noreturn]]
#elif defined(__GNUC__)
#define SHMEM_NORETURN_ __attribute__((noreturn))
#else
#define SHMEM_NORETURN_
#endif
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

/** 1 if addr lies in the symmetric heap, as far as it has grown, or is a global
 *  or static variable of the program, and pe can be reached; else 0. Local. */
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

/** As shmem_ptr(), for a PE by its number in a team. */
void *shmem_team_ptr(shmem_team_t team, const void *dest, int pe);

/** This PE's number in a team; -1 if it is not in it. Local. */
int shmem_team_my_pe(shmem_team_t team);

/** How many PEs a team has; -1 if it is invalid. Local. */
int shmem_team_n_pes(shmem_team_t team);

/** Read the fields of a team's configuration that the mask names. Local.
 *  @return 0; not 0 if the team is invalid */
int shmem_team_get_config(shmem_team_t team, long config_mask,
                          shmem_team_config_t *config);

/** The number in dest_team of the PE with number src_pe in src_team; -1 if
 *  there is none. Local. */
int shmem_team_translate_pe(shmem_team_t src_team, int src_pe,
                            shmem_team_t dest_team);

/**
 * Make a team out of size PEs of the parent, every stride-th from start.
 * Collective over the parent.
 *
 * @param new_team  takes the team; SHMEM_TEAM_INVALID on PEs that are not in
 *                  it, and on all if it cannot be made
 * @return 0; not 0 on every PE of the parent if it cannot be made
 */
int shmem_team_split_strided(shmem_team_t parent_team, int start, int stride,
                             int size, const shmem_team_config_t *config,
                             long config_mask, shmem_team_t *new_team);

/** Arrange the parent's PEs in rows of xrange, and make a team of each row
 *  (xaxis_team) and each column (yaxis_team). Otherwise as
 *  shmem_team_split_strided(). */
int shmem_team_split_2d(shmem_team_t parent_team, int xrange,
                        const shmem_team_config_t *xaxis_config,
                        long xaxis_mask, shmem_team_t *xaxis_team,
                        const shmem_team_config_t *yaxis_config,
                        long yaxis_mask, shmem_team_t *yaxis_team);

/** End a team, and the contexts on it that are not private. Collective over
 *  the team, whose PEs wait for each other; SHMEM_TEAM_INVALID is ignored. */
void shmem_team_destroy(shmem_team_t team);

/** Make a context on the world team. Local.
 *  @return 0; not 0 if there is no memory, and *ctx is SHMEM_CTX_INVALID */
int shmem_ctx_create(long options, shmem_ctx_t *ctx);

/** As shmem_ctx_create(), on a team: PEs are numbered as in it. */
int shmem_team_create_ctx(shmem_team_t team, long options, shmem_ctx_t *ctx);

/** End a context, after what it has pending. Local. */
void shmem_ctx_destroy(shmem_ctx_t ctx);

/** The team of a context. @return 0; not 0 if ctx is SHMEM_CTX_INVALID */
int shmem_ctx_get_team(shmem_ctx_t ctx, shmem_team_t *team);

/** Hints that a run of operations begins and ends. Local. */
void shmem_ctx_session_start(shmem_ctx_t ctx, long options,
                             const shmem_ctx_session_config_t *config,
                             long config_mask);
void shmem_ctx_session_stop(shmem_ctx_t ctx);

/** Wait until all PEs are here and all that they have put has arrived.
 *  Collective. */
void shmem_barrier_all(void);

/** Wait until all PEs are here; completes nothing else than local stores.
 *  Collective. */
void shmem_sync_all(void);

/** As shmem_sync_all(), over a team. @return 0; not 0 if it is invalid */
int shmem_team_sync(shmem_team_t team);

/* Over an active set, of old: every 2^logPE_stride-th PE from PE_start. pSync
 * is a symmetric array of SHMEM_..._SYNC_SIZE, set to SHMEM_SYNC_VALUE. */
void shmem_barrier(int PE_start, int logPE_stride, int PE_size, long *pSync);
void shmem_sync(int PE_start, int logPE_stride, int PE_size, long *pSync);

/** Order what this PE puts: what comes before arrives first, for each PE.
 *  Local. */
void shmem_fence(void);
void shmem_ctx_fence(shmem_ctx_t ctx);

/** Wait until all that this PE has put has arrived. Local. */
void shmem_quiet(void);
void shmem_ctx_quiet(shmem_ctx_t ctx);

/** The same for some PEs alone. Local. */
void shmem_pe_quiet(const int *target_pes, size_t npes);
void shmem_ctx_pe_quiet(shmem_ctx_t ctx, const int *target_pes, size_t npes);

/**
 * Copy nelems bytes from source to the symmetric address dest on a PE. When it
 * returns, source may be changed. An address that is not symmetric, or a PE
 * that does not exist, ends the job with a message. Local.
 */
void shmem_putmem(void *dest, const void *source, size_t nelems, int pe);
void shmem_ctx_putmem(shmem_ctx_t ctx, void *dest, const void *source,
                      size_t nelems, int pe);

/** Copy nelems bytes from the symmetric address source on a PE to dest. Ends
 *  the job as shmem_putmem() does. Local. */
void shmem_getmem(void *dest, const void *source, size_t nelems, int pe);
void shmem_ctx_getmem(shmem_ctx_t ctx, void *dest, const void *source,
                      size_t nelems, int pe);

/** As shmem_putmem(), but source may only be changed after shmem_quiet(). */
void shmem_putmem_nbi(void *dest, const void *source, size_t nelems, int pe);
void shmem_ctx_putmem_nbi(shmem_ctx_t ctx, void *dest, const void *source,
                          size_t nelems, int pe);

/** As shmem_getmem(), but dest is only valid after shmem_quiet(). */
void shmem_getmem_nbi(void *dest, const void *source, size_t nelems, int pe);
void shmem_ctx_getmem_nbi(shmem_ctx_t ctx, void *dest, const void *source,
                          size_t nelems, int pe);

/** As shmem_putmem(); then, when the data are there, set the word at sig_addr
 *  on the PE to signal (SHMEM_SIGNAL_SET) or add it (SHMEM_SIGNAL_ADD). */
void shmem_putmem_signal(void *dest, const void *source, size_t nelems,
                         uint64_t *sig_addr, uint64_t signal, int sig_op,
                         int pe);
void shmem_ctx_putmem_signal(shmem_ctx_t ctx, void *dest, const void *source,
                             size_t nelems, uint64_t *sig_addr, uint64_t signal,
                             int sig_op, int pe);
void shmem_putmem_signal_nbi(void *dest, const void *source, size_t nelems,
                             uint64_t *sig_addr, uint64_t signal, int sig_op,
                             int pe);
void shmem_ctx_putmem_signal_nbi(shmem_ctx_t ctx, void *dest,
                                 const void *source, size_t nelems,
                                 uint64_t *sig_addr, uint64_t signal,
                                 int sig_op, int pe);

/** Update a signal word on a PE; read one of this PE. Local. */
void shmem_signal_add(uint64_t *sig_addr, uint64_t signal, int pe);
void shmem_ctx_signal_add(shmem_ctx_t ctx, uint64_t *sig_addr, uint64_t signal,
                          int pe);
void shmem_signal_set(uint64_t *sig_addr, uint64_t signal, int pe);
void shmem_ctx_signal_set(shmem_ctx_t ctx, uint64_t *sig_addr, uint64_t signal,
                          int pe);
uint64_t shmem_signal_fetch(const uint64_t *sig_addr);

/** Wait until a comparison holds for a signal word of this PE. Local.
 *  @return the value for which it held */
uint64_t shmem_signal_wait_until(uint64_t *sig_addr, int cmp,
                                 uint64_t cmp_value);

/* Collectives over a team that move bytes; see shmem_typed.h. */
int shmem_alltoallmem(shmem_team_t team, void *dest, const void *source,
                      size_t nelems);
int shmem_alltoallsmem(shmem_team_t team, void *dest, const void *source,
                       ptrdiff_t dst, ptrdiff_t sst, size_t nelems);
int shmem_broadcastmem(shmem_team_t team, void *dest, const void *source,
                       size_t nelems, int PE_root);
int shmem_collectmem(shmem_team_t team, void *dest, const void *source,
                     size_t nelems);
int shmem_fcollectmem(shmem_team_t team, void *dest, const void *source,
                      size_t nelems);

/* The same over an active set, of old, for elements of 32 and 64 bits. The
 * root's dest is not written by shmem_broadcast32() and 64. */
void shmem_alltoall32(void *dest, const void *source, size_t nelems,
                      int PE_start, int logPE_stride, int PE_size, long *pSync);
void shmem_alltoall64(void *dest, const void *source, size_t nelems,
                      int PE_start, int logPE_stride, int PE_size, long *pSync);
void shmem_alltoalls32(void *dest, const void *source, ptrdiff_t dst,
                       ptrdiff_t sst, size_t nelems, int PE_start,
                       int logPE_stride, int PE_size, long *pSync);
void shmem_alltoalls64(void *dest, const void *source, ptrdiff_t dst,
                       ptrdiff_t sst, size_t nelems, int PE_start,
                       int logPE_stride, int PE_size, long *pSync);
void shmem_broadcast32(void *dest, const void *source, size_t nelems,
                       int PE_root, int PE_start, int logPE_stride, int PE_size,
                       long *pSync);
void shmem_broadcast64(void *dest, const void *source, size_t nelems,
                       int PE_root, int PE_start, int logPE_stride, int PE_size,
                       long *pSync);
void shmem_collect32(void *dest, const void *source, size_t nelems,
                     int PE_start, int logPE_stride, int PE_size, long *pSync);
void shmem_collect64(void *dest, const void *source, size_t nelems,
                     int PE_start, int logPE_stride, int PE_size, long *pSync);
void shmem_fcollect32(void *dest, const void *source, size_t nelems,
                      int PE_start, int logPE_stride, int PE_size, long *pSync);
void shmem_fcollect64(void *dest, const void *source, size_t nelems,
                      int PE_start, int logPE_stride, int PE_size, long *pSync);

/**
 * Take a lock, in the order of arrival; give it back after all that this PE
 * has put; try to take it: 0 if it was taken. A lock is a symmetric object,
 * and 0 at first. Local.
 */
void shmem_set_lock(long *lock);
void shmem_clear_lock(long *lock);
int shmem_test_lock(long *lock);

/** For tools that replace it. Does nothing. */
void shmem_pcontrol(int level, ...);

/* Names of old, kept by the standard; each is as the one it is followed by. */

/** shmem_init(); npes is ignored, and so are further calls. The end of the
 *  program finalizes. */
void start_pes(int npes);

/** shmem_my_pe() */
int _my_pe(void);

/** shmem_n_pes() */
int _num_pes(void);

/** shmem_malloc() */
void *shmalloc(size_t size);

/** shmem_free() */
void shfree(void *ptr);

/** shmem_realloc() */
void *shrealloc(void *ptr, size_t size);

/** shmem_align() */
void *shmemalign(size_t alignment, size_t size);

/** shmem_long_wait_until(), shmem_long_wait() */
void shmem_wait_until(long *ivar, int cmp, long cmp_value);
void shmem_wait(long *ivar, long cmp_value);

/* Of machines with caches that had to be told. They do nothing. */
void shmem_clear_cache_inv(void);
void shmem_clear_cache_line_inv(void *dest);
void shmem_set_cache_inv(void);
void shmem_set_cache_line_inv(void *dest);
void shmem_udcflush(void);
void shmem_udcflush_line(void *dest);

#include "shmem_typed.h"

SHMEM_TYPED_ROUTINES_(shmem_)

#ifdef __cplusplus
}
#endif

#undef SHMEM_NORETURN_

#include "shmem_generic.h"

#endif
