/*
 * OpenSHMEM over memheap: the calls of the standard.
 *
 * A comment that begins with @page opens a page of the manual, and what follows
 * up to the next one is on it. Each routine exists under its name with a p in
 * front as well; see pshmem.h.
 */
#ifndef MEMHEAP_SHMEM_SHMEM_H
#define MEMHEAP_SHMEM_SHMEM_H

#include <stddef.h>
#include <stdint.h>

#include <memheap/version.h>

#include "shmem_types.h"

/**
 * @page shmem  the calls of OpenSHMEM 1.6
 *
 * A PE is a process of the job. An object is symmetric if each PE has its own
 * under one address: a block of the symmetric heap, or a global or static
 * variable of the program. A call names the object of another PE by that
 * address and the PE's number.
 *
 * A call is either collective or local. "Collective" means: every PE calls it,
 * with the same arguments, in the same order among all collective calls. Where
 * PEs differ, the job ends with a message that names what each of them called.
 * The addresses of dest and source, the configuration of a team and calls over
 * an active set are not compared. "Collective over a team" means the same for
 * the PEs of the team. A local call is made by one PE alone, and no other PE
 * has to take part.
 *
 * The calls of one subject are on one page:
 *
 * - shmem_init(), shmem_my_pe(), shmem_info_get_version();
 * - shmem_malloc() for the symmetric heap, shmem_ptr() for addresses;
 * - shmem_put(), shmem_get(), shmem_p(), shmem_iput(), shmem_ibput() for data;
 * - shmem_put_signal(), shmem_signal_add() for data with a signal;
 * - shmem_atomic_fetch(), shmem_atomic_compare_swap(), shmem_atomic_add(),
 *   shmem_atomic_and();
 * - shmem_fence(), shmem_wait_until(), shmem_test(), shmem_set_lock();
 * - shmem_barrier_all(), shmem_broadcast(), shmem_collect(), shmem_alltoall(),
 *   shmem_reduce(), shmem_sum_inscan();
 * - shmem_team_split_strided(), shmem_ctx_create();
 * - shmem_swap(), shmem_to_all(), shmem_udcflush() for what is deprecated.
 *
 * The calls may be made between shmem_init() and shmem_finalize(); any other
 * time ends the program with a message, unless the call's page allows it.
 *
 * Threads: with SHMEM_THREAD_MULTIPLE all threads may call at the same time,
 * except that two collective calls on one team come one after the other. Below
 * that level, calls come one at a time.
 *
 * Source: OpenSHMEM 1.6.
 */

/** The version of the standard, the name of this library, and room for it. */
#define SHMEM_MAJOR_VERSION 1
#define SHMEM_MINOR_VERSION 6
#define SHMEM_MAX_NAME_LEN 64
#define SHMEM_VENDOR_STRING "memheap " MEMHEAP_VERSION_STRING
/** This OpenSHMEM is memheap, of this version: a number to compare. */
#define SHMEMX_MEMHEAP MEMHEAP_VERSION
/* Programs that look for a complete OpenSHMEM 1.5, and for no macro of the
 * standard, look for these two of Sandia OpenSHMEM: shmem4py does. */
#define SHMEM_DEF_H
#define SHMEM_FUNCTION_ATTRIBUTES

#define _SHMEM_MAJOR_VERSION SHMEM_MAJOR_VERSION
#define _SHMEM_MINOR_VERSION SHMEM_MINOR_VERSION
#define _SHMEM_MAX_NAME_LEN SHMEM_MAX_NAME_LEN
#define _SHMEM_VENDOR_STRING SHMEM_VENDOR_STRING

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

/** A team: PEs in an order of their own. */
typedef struct shmemx_team *shmem_team_t;

/** A context: a stream of operations that is completed by itself. */
typedef struct shmemx_ctx *shmem_ctx_t;

/**
 * @page shmem_init  start and end the library
 *
 * Threads: the level says which threads of a PE may call the library.
 *
 * Source: OpenSHMEM 1.6, chapters 9.1 and 9.2.
 */

/** Levels of thread support: the PE has one thread; the thread that started
 *  the library makes all calls; threads make calls one at a time; threads make
 *  calls at any time. */
#define SHMEM_THREAD_SINGLE 0
#define SHMEM_THREAD_FUNNELED 1
#define SHMEM_THREAD_SERIALIZED 2
#define SHMEM_THREAD_MULTIPLE 3

/**
 * Start the library. Collective; starts MPI if the program has not. May be
 * called again, before shmem_finalize() and after it; each call needs a
 * finalize of its own. Ends the program with a message if the heap cannot be
 * made. Ends in a barrier.
 */
void shmem_init(void);

/**
 * As shmem_init(), with the level of threads that the program will use.
 *
 * @param requested   SHMEM_THREAD_SINGLE to SHMEM_THREAD_MULTIPLE
 * @param provided    takes the level that is in effect
 * @return 0; not 0 on every PE, with a message from one, if any PE could not
 *         start, or if requested is no level
 */
int shmem_init_thread(int requested, int *provided);

/** Set *provided to the level of threads that shmem_init_thread() provided.
 *  Local. */
void shmem_query_thread(int *provided);

/**
 * End the library. Collective; begins with a barrier. The call that matches
 * the first shmem_init() releases the heap and everything in it. After that,
 * calls that would free something, further finalizes, shmem_my_pe() and
 * shmem_n_pes() only cause one warning; other calls end the program. A program
 * that exits without this call finalizes at exit, unless its status is not 0.
 */
void shmem_finalize(void);

/** Set *initialized to 1 between the first shmem_init() and its finalize, else
 *  to 0. Local; may be called at any time. */
void shmem_query_initialized(int *initialized);

/**
 * End the job from this PE alone. Local. This PE exits in the normal way: its
 * exit handlers run, and what stdio has buffered is written. Calls of the
 * library in the handlers do as after shmem_finalize(). Then the other PEs
 * write what stdio has buffered, and end wherever they are, without their exit
 * handlers.
 *
 * The library installs handlers of SIGTERM and of the signal SIGRTMAX - 2 for
 * this, unless the program has its own. Buffers stay unwritten on a PE that
 * blocks these signals or changes their handlers later. On other machines,
 * PEs write their buffers if the launcher sends them SIGTERM first: Open MPI's
 * mpirun does, and MPICH's mpiexec does not.
 *
 * @param status  the exit status of the job. If several PEs call, it is that of
 *                one of them
 */
SHMEM_NORETURN_ void shmem_global_exit(int status);

/** As shmem_init(); npes is ignored, and so are further calls. The end of the
 *  program finalizes. Deprecated since OpenSHMEM 1.2. */
void start_pes(int npes);

/**
 * @page shmem_my_pe  the number of this PE, and how many there are
 *
 * Source: OpenSHMEM 1.6, shmem_my_pe and shmem_n_pes.
 */

/** Return the number of this PE, from 0. Local. */
int shmem_my_pe(void);

/** Return how many PEs there are. Local. */
int shmem_n_pes(void);

/** As shmem_my_pe(). Deprecated since OpenSHMEM 1.2. */
int _my_pe(void);

/** As shmem_n_pes(). Deprecated since OpenSHMEM 1.2. */
int _num_pes(void);

/**
 * @page shmem_ptr  reach the objects of other PEs
 *
 * Source: OpenSHMEM 1.6, shmem_pe_accessible, shmem_addr_accessible, shmem_ptr
 * and shmem_team_ptr.
 */

/** Return 1 if there is a PE of that number, else 0. Local. */
int shmem_pe_accessible(int pe);

/** Return 1 if addr is symmetric and pe can be reached there, else 0. Local.
 *  An address of the heap counts as far as the heap has grown. */
int shmem_addr_accessible(const void *addr, int pe);

/**
 * Find the local address through which this PE loads and stores what lies at
 * the symmetric address dest on another. Local.
 *
 * @param dest  a symmetric address
 * @param pe    number of the PE
 * @return the address, valid as long as the object is; addresses up to the end
 *         of the object follow on. NULL if dest is not symmetric, if there is
 *         no such PE, or if it is on another node
 */
void *shmem_ptr(const void *dest, int pe);

/** As shmem_ptr(), for a PE by its number in a team. */
void *shmem_team_ptr(shmem_team_t team, const void *dest, int pe);

/**
 * @page shmem_info_get_version  the version and the name of the library
 *
 * These calls are local, and may be made at any time.
 *
 * Source: OpenSHMEM 1.6, shmem_info_get_version and shmem_info_get_name.
 */

/** Write the version of the standard that the library follows:
 *  SHMEM_MAJOR_VERSION and SHMEM_MINOR_VERSION. */
void shmem_info_get_version(int *major, int *minor);

/** Write SHMEM_VENDOR_STRING with its final 0 to name, which has room for
 *  SHMEM_MAX_NAME_LEN bytes. */
void shmem_info_get_name(char *name);

/**
 * @page shmem_malloc  blocks of the symmetric heap
 *
 * These calls are collective. All PEs get the same address, which names the
 * block of any PE in the calls that put and get.
 *
 * A call that allocates ends in a barrier over all PEs, so the block is there
 * on every PE when the call returns. shmem_free() begins with a barrier, so
 * all that was put into the block has arrived before it goes. shmem_realloc()
 * of a block does both. There is no barrier if there is nothing to do: if a
 * size is 0, or NULL is freed.
 *
 * What fails on one PE fails on all, and leaves the heap of every PE as it
 * was. One PE prints the reason; that the heap is out of memory is printed the
 * first time only. memheap(7) explains the messages.
 *
 * @see shmemx_heap_size() shmemx_malloc_batch() shmemx_space_create()
 *
 * Source: OpenSHMEM 1.6, chapter 9.3.
 */

/** Hints for shmem_malloc_with_hints(): bits of a long. */
#define SHMEM_MALLOC_ATOMICS_REMOTE (1L << 0)
#define SHMEM_MALLOC_SIGNAL_REMOTE (1L << 1)

/**
 * Allocate a block at a multiple of 16. Collective. The contents are not set.
 *
 * @param size  bytes, the same on every PE; 0 allocates nothing
 * @return the block, at the same address on every PE and owned by the caller
 *         until shmem_free(). NULL on every PE if size is 0, or if one PE has
 *         no space or no memory for it
 */
void *shmem_malloc(size_t size);

/**
 * As shmem_malloc(), for count times size bytes, which are set to zero.
 *
 * @return as shmem_malloc(); NULL on every PE if the product is 0 or overflows
 */
void *shmem_calloc(size_t count, size_t size);

/**
 * Allocate a block at a chosen alignment. Collective.
 *
 * @param alignment  bytes, a power of two of at most 1 GiB; less than 16 is
 *                   raised to it
 * @param size       bytes, the same on every PE; 0 allocates nothing
 * @return as shmem_malloc(); NULL on every PE if alignment is no power of two
 *         or too large
 */
void *shmem_align(size_t alignment, size_t size);

/**
 * As shmem_malloc(). The hints say how the block will be used; they do not
 * change where it lies.
 *
 * @param size   bytes, the same on every PE; 0 allocates nothing
 * @param hints  SHMEM_MALLOC_ATOMICS_REMOTE, SHMEM_MALLOC_SIGNAL_REMOTE, both
 *               or 0, the same on every PE; other bits are ignored
 * @return as shmem_malloc()
 */
void *shmem_malloc_with_hints(size_t size, long hints);

/**
 * Change a block's size, keeping its contents up to the lesser of both.
 * Collective.
 *
 * The block may move, then at a multiple of 16, and even over its own old
 * place if there is no room for both. A block that moves to grow by less than
 * a quarter gets room for a quarter, if there is some, so that one that grows
 * again and again moves few times. One that shrinks by a quarter or less keeps
 * its space.
 *
 * @param ptr   a block; NULL allocates, as shmem_malloc()
 * @param size  bytes; 0 frees, as shmem_free()
 * @return the block. NULL if size is 0, if ptr is no block, which is reported,
 *         or if one PE could not serve the request: the block is then as it
 *         was on every PE
 */
void *shmem_realloc(void *ptr, size_t size);

/**
 * Free a block. Collective, except that NULL is ignored. An address that is no
 * block, or was freed already, is reported and ignored.
 */
void shmem_free(void *ptr);

/** As shmem_malloc(). Deprecated since OpenSHMEM 1.2. */
void *shmalloc(size_t size);

/** As shmem_free(). Deprecated since OpenSHMEM 1.2. */
void shfree(void *ptr);

/** As shmem_realloc(). Deprecated since OpenSHMEM 1.2. */
void *shrealloc(void *ptr, size_t size);

/** As shmem_align(). Deprecated since OpenSHMEM 1.2. */
void *shmemalign(size_t alignment, size_t size);

/**
 * @page shmem_team_split_strided  teams of PEs
 *
 * A team has PEs of the job, numbered from 0 in it. Collective calls take a
 * team, and contexts are made on one. Two teams are always there:
 * SHMEM_TEAM_WORLD has all PEs, SHMEM_TEAM_SHARED those of this node, whose
 * memory this PE can load and store.
 *
 * A PE can be in about 1000 teams at a time; a split beyond that fails.
 *
 * Source: OpenSHMEM 1.6, chapter 9.4.
 */

/** The predefined teams, and no team. */
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

/** Return this PE's number in a team; -1 if it is not in it. Local. */
int shmem_team_my_pe(shmem_team_t team);

/** Return how many PEs a team has; -1 if it is SHMEM_TEAM_INVALID. Local. */
int shmem_team_n_pes(shmem_team_t team);

/**
 * Read the fields of a team's configuration that the mask names. Local.
 *
 * @param team         the team
 * @param config_mask  SHMEM_TEAM_NUM_CONTEXTS, or 0
 * @param config       takes the fields
 * @return 0; not 0 if the team is SHMEM_TEAM_INVALID
 */
int shmem_team_get_config(shmem_team_t team, long config_mask,
                          shmem_team_config_t *config);

/**
 * Translate a PE's number in one team to its number in another. Local.
 *
 * @param src_team   the team that src_pe is a number of
 * @param src_pe     the number
 * @param dest_team  the other team
 * @return the number in dest_team; -1 if the PE is not in it, or a team is
 *         SHMEM_TEAM_INVALID
 */
int shmem_team_translate_pe(shmem_team_t src_team, int src_pe,
                            shmem_team_t dest_team);

/**
 * Make a team of size PEs of the parent, every stride-th from start.
 * Collective over the parent.
 *
 * @param parent_team  the team to choose from
 * @param start        number in the parent of the first PE
 * @param stride       distance between the PEs, in numbers of the parent; may
 *                     be negative
 * @param size         number of PEs, at least 1
 * @param config       what is asked of the team, or NULL if config_mask is 0
 * @param config_mask  SHMEM_TEAM_NUM_CONTEXTS if config sets that field, or 0
 * @param new_team     takes the team; SHMEM_TEAM_INVALID on PEs that are not in
 *                     it, and on all if it cannot be made
 * @return 0; not 0 on every PE of the parent if the numbers do not fit the
 *         parent, or if a PE has no memory for the team
 */
int shmem_team_split_strided(shmem_team_t parent_team, int start, int stride,
                             int size, const shmem_team_config_t *config,
                             long config_mask, shmem_team_t *new_team);

/**
 * Arrange the parent's PEs in rows of xrange, and make a team of each row and
 * of each column. Collective over the parent.
 *
 * @param parent_team   the team to arrange
 * @param xrange        PEs of a row, at least 1; the last row may be shorter
 * @param xaxis_config  as config of shmem_team_split_strided(), for rows
 * @param xaxis_mask    its mask
 * @param xaxis_team    takes the team of this PE's row
 * @param yaxis_config  as config of shmem_team_split_strided(), for columns
 * @param yaxis_mask    its mask
 * @param yaxis_team    takes the team of this PE's column
 * @return as shmem_team_split_strided()
 */
int shmem_team_split_2d(shmem_team_t parent_team, int xrange,
                        const shmem_team_config_t *xaxis_config,
                        long xaxis_mask, shmem_team_t *xaxis_team,
                        const shmem_team_config_t *yaxis_config,
                        long yaxis_mask, shmem_team_t *yaxis_team);

/** End a team, and the contexts on it that are not private. Collective over
 *  the team, whose PEs wait for each other. SHMEM_TEAM_INVALID is ignored; the
 *  predefined teams stay, with a message. */
void shmem_team_destroy(shmem_team_t team);

/**
 * @page shmem_ctx_create  contexts: operations that are completed by themselves
 *
 * Puts, gets and atomic operations on a context are ordered by
 * shmem_ctx_fence() and completed by shmem_ctx_quiet() on it, whatever other
 * contexts have under way. The calls without a context use SHMEM_CTX_DEFAULT,
 * which is always there. A context numbers PEs as its team does.
 *
 * Threads: threads may share a context that is neither SHMEM_CTX_SERIALIZED
 * nor SHMEM_CTX_PRIVATE.
 *
 * @see shmem_put() shmem_get() shmem_atomic_fetch()
 *
 * Source: OpenSHMEM 1.6, chapter 9.5.
 */

/** The default context, no context, and the options of a context: no two
 *  threads use it at once; only the thread that made it does; shmem_quiet()
 *  and barriers need not complete it. */
extern struct shmemx_ctx shmemx_ctx_default;
#define SHMEM_CTX_DEFAULT (&shmemx_ctx_default)
#define SHMEM_CTX_INVALID ((shmem_ctx_t)0)
#define SHMEM_CTX_SERIALIZED (1L << 0)
#define SHMEM_CTX_PRIVATE (1L << 1)
#define SHMEM_CTX_NOSTORE (1L << 2)

/** Hints about a run of operations; the mask says which fields are set. */
typedef struct shmem_ctx_session_config {
    size_t total_ops; /* number of operations that will come */
} shmem_ctx_session_config_t;
#define SHMEM_CTX_SESSION_TOTAL_OPS (1L << 0)
#define SHMEM_CTX_SESSION_BATCH (1L << 1)

/**
 * Make a context on the world team. Local.
 *
 * @param options  SHMEM_CTX_SERIALIZED, SHMEM_CTX_PRIVATE, SHMEM_CTX_NOSTORE,
 *                 or 0
 * @param ctx      takes the context, or SHMEM_CTX_INVALID
 * @return 0; not 0 if there is no memory for it
 */
int shmem_ctx_create(long options, shmem_ctx_t *ctx);

/**
 * As shmem_ctx_create(), on a team: PEs are numbered as in it.
 *
 * @return 0; not 0 if there is no memory, or team is SHMEM_TEAM_INVALID
 */
int shmem_team_create_ctx(shmem_team_t team, long options, shmem_ctx_t *ctx);

/** End a context, after what it has pending. Local. SHMEM_CTX_INVALID is
 *  ignored; SHMEM_CTX_DEFAULT stays, with a message. */
void shmem_ctx_destroy(shmem_ctx_t ctx);

/** Set *team to the team of a context. Local.
 *
 *  @return 0; not 0 if ctx is SHMEM_CTX_INVALID, and *team is
 *          SHMEM_TEAM_INVALID */
int shmem_ctx_get_team(shmem_ctx_t ctx, shmem_team_t *team);

/**
 * Hint that a run of operations on a context begins, and that it ends. Local.
 * The hints have no effect in this library.
 *
 * @param ctx          the context
 * @param options      SHMEM_CTX_SESSION_BATCH, or 0
 * @param config       more about the operations, or NULL if config_mask is 0
 * @param config_mask  SHMEM_CTX_SESSION_TOTAL_OPS if config sets that field,
 *                     or 0
 */
void shmem_ctx_session_start(shmem_ctx_t ctx, long options,
                             const shmem_ctx_session_config_t *config,
                             long config_mask);
void shmem_ctx_session_stop(shmem_ctx_t ctx);

/**
 * @page shmem_barrier_all  wait for other PEs
 *
 * In C11, shmem_sync(team) is shmem_team_sync() too.
 *
 * Source: OpenSHMEM 1.6, chapter 9.10.
 */

/** What work arrays of active sets hold, and their lengths in long. */
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

/** Wait until all PEs are here and all that they have put has arrived.
 *  Collective. */
void shmem_barrier_all(void);

/** Wait until all PEs are here. Collective. Completes no puts to other PEs:
 *  only local stores are visible to the others afterwards. */
void shmem_sync_all(void);

/** As shmem_sync_all(), over a team. Collective over the team.
 *
 *  @return 0; not 0 if the team is SHMEM_TEAM_INVALID */
int shmem_team_sync(shmem_team_t team);

/**
 * As shmem_barrier_all() and shmem_sync_all(), over an active set: PE_size PEs
 * from PE_start on, 2^logPE_stride apart. Collective over the set. Deprecated
 * since OpenSHMEM 1.5. A set that does not exist, or that this PE is not in,
 * ends the job with a message.
 *
 * @param PE_start      number of the first PE
 * @param logPE_stride  base-2 logarithm of the distance between the PEs
 * @param PE_size       number of PEs
 * @param pSync         symmetric array of SHMEM_BARRIER_SYNC_SIZE, all
 *                      SHMEM_SYNC_VALUE, which it is again afterwards
 */
void shmem_barrier(int PE_start, int logPE_stride, int PE_size, long *pSync);
void shmem_sync(int PE_start, int logPE_stride, int PE_size, long *pSync);

/**
 * @page shmem_fence  order and complete puts
 *
 * These calls are local. They act on puts, atomic operations and signals of
 * one context, SHMEM_CTX_DEFAULT where none is given.
 *
 * Source: OpenSHMEM 1.6, chapter 9.12.
 */

/** Order what this PE puts: for each PE, what was put before arrives before
 *  what is put afterwards. Does not wait for either. */
void shmem_fence(void);
void shmem_ctx_fence(shmem_ctx_t ctx);

/** Wait until all that this PE has put has arrived, and all that it began to
 *  get without blocking is there. */
void shmem_quiet(void);
void shmem_ctx_quiet(shmem_ctx_t ctx);

/**
 * As shmem_quiet(), for operations on some PEs alone.
 *
 * @param ctx         the context; without it, SHMEM_CTX_DEFAULT
 * @param target_pes  npes numbers of PEs, in the team of ctx
 * @param npes        how many
 */
void shmem_pe_quiet(const int *target_pes, size_t npes);
void shmem_ctx_pe_quiet(shmem_ctx_t ctx, const int *target_pes, size_t npes);

/**
 * @page shmem_put  copy data to another PE
 *
 * These calls are local: the other PE takes no part. An address that is not
 * symmetric, or a PE that does not exist, ends the job with a message.
 *
 * The data arrive at the latest when shmem_quiet() or a barrier returns, in no
 * order unless shmem_fence() makes one.
 *
 * Source: OpenSHMEM 1.6, shmem_put and shmem_put_nbi.
 */

/**
 * Copy nelems bytes to a PE. When it returns, source may be changed.
 *
 * @param ctx     the context; without it, SHMEM_CTX_DEFAULT
 * @param dest    symmetric address on the PE
 * @param source  local address, symmetric or not
 * @param nelems  bytes; 0 copies nothing
 * @param pe      number of the PE, in the team of ctx
 */
void shmem_putmem(void *dest, const void *source, size_t nelems, int pe);
void shmem_ctx_putmem(shmem_ctx_t ctx, void *dest, const void *source,
                      size_t nelems, int pe);

/** As shmem_putmem(), but the call may return before source was read: source
 *  may only be changed after shmem_quiet(). */
void shmem_putmem_nbi(void *dest, const void *source, size_t nelems, int pe);
void shmem_ctx_putmem_nbi(shmem_ctx_t ctx, void *dest, const void *source,
                          size_t nelems, int pe);

/**
 * @page shmem_get  copy data from another PE
 *
 * These calls are local: the other PE takes no part. An address that is not
 * symmetric, or a PE that does not exist, ends the job with a message.
 *
 * Source: OpenSHMEM 1.6, shmem_get and shmem_get_nbi.
 */

/**
 * Copy nelems bytes from a PE. When it returns, dest holds the data.
 *
 * @param ctx     the context; without it, SHMEM_CTX_DEFAULT
 * @param dest    local address, symmetric or not
 * @param source  symmetric address on the PE
 * @param nelems  bytes; 0 copies nothing
 * @param pe      number of the PE, in the team of ctx
 */
void shmem_getmem(void *dest, const void *source, size_t nelems, int pe);
void shmem_ctx_getmem(shmem_ctx_t ctx, void *dest, const void *source,
                      size_t nelems, int pe);

/** As shmem_getmem(), but the call may return before dest holds the data:
 *  dest may only be read after shmem_quiet(). */
void shmem_getmem_nbi(void *dest, const void *source, size_t nelems, int pe);
void shmem_ctx_getmem_nbi(shmem_ctx_t ctx, void *dest, const void *source,
                          size_t nelems, int pe);

/**
 * @page shmem_put_signal  copy data to another PE, then update a signal there
 *
 * A PE that sees the new signal, by shmem_signal_wait_until() or
 * shmem_signal_fetch(), sees the data too. These calls are local: the other PE
 * takes no part. An address that is not symmetric, or a PE that does not
 * exist, ends the job with a message.
 *
 * Source: OpenSHMEM 1.6, shmem_put_signal and shmem_put_signal_nbi.
 */

/** What a put with signal does to the signal word: set it to the new value,
 *  or add the value to it. */
#define SHMEM_SIGNAL_SET 0
#define SHMEM_SIGNAL_ADD 1

/**
 * Copy nelems bytes to a PE, then update the signal word there. When it
 * returns, source may be changed.
 *
 * @param ctx       the context; without it, SHMEM_CTX_DEFAULT
 * @param dest      symmetric address on the PE
 * @param source    local address, symmetric or not
 * @param nelems    bytes; 0 copies nothing, and the signal is updated
 * @param sig_addr  symmetric address of the signal word
 * @param signal    its new value, or what to add to it
 * @param sig_op    SHMEM_SIGNAL_SET or SHMEM_SIGNAL_ADD
 * @param pe        number of the PE, in the team of ctx
 */
void shmem_putmem_signal(void *dest, const void *source, size_t nelems,
                         uint64_t *sig_addr, uint64_t signal, int sig_op,
                         int pe);
void shmem_ctx_putmem_signal(shmem_ctx_t ctx, void *dest, const void *source,
                             size_t nelems, uint64_t *sig_addr, uint64_t signal,
                             int sig_op, int pe);

/** As shmem_putmem_signal(), but the call may return before source was read:
 *  source may only be changed after shmem_quiet(). */
void shmem_putmem_signal_nbi(void *dest, const void *source, size_t nelems,
                             uint64_t *sig_addr, uint64_t signal, int sig_op,
                             int pe);
void shmem_ctx_putmem_signal_nbi(shmem_ctx_t ctx, void *dest,
                                 const void *source, size_t nelems,
                                 uint64_t *sig_addr, uint64_t signal,
                                 int sig_op, int pe);

/**
 * @page shmem_signal_add  signal words
 *
 * A signal word is a symmetric uint64_t. These calls are local, and update and
 * read it atomically. In C11, shmem_signal_add() and shmem_signal_set() take a
 * context in front too.
 *
 * Source: OpenSHMEM 1.6, chapter 9.8, and shmem_signal_wait_until.
 */

/**
 * Add to a signal word on a PE, or set it. The update is complete when
 * shmem_quiet() returns.
 *
 * @param ctx       the context; without it, SHMEM_CTX_DEFAULT
 * @param sig_addr  symmetric address of the word
 * @param signal    what to add, or the new value
 * @param pe        number of the PE, in the team of ctx
 */
void shmem_signal_add(uint64_t *sig_addr, uint64_t signal, int pe);
void shmem_ctx_signal_add(shmem_ctx_t ctx, uint64_t *sig_addr, uint64_t signal,
                          int pe);
void shmem_signal_set(uint64_t *sig_addr, uint64_t signal, int pe);
void shmem_ctx_signal_set(shmem_ctx_t ctx, uint64_t *sig_addr, uint64_t signal,
                          int pe);

/** Return the value of a signal word of this PE. */
uint64_t shmem_signal_fetch(const uint64_t *sig_addr);

/**
 * Wait until a comparison holds for a signal word of this PE.
 *
 * @param sig_addr   symmetric address of the word
 * @param cmp        SHMEM_CMP_EQ or another comparison of shmem_wait_until()
 * @param cmp_value  the value to compare with
 * @return the value for which it held
 */
uint64_t shmem_signal_wait_until(uint64_t *sig_addr, int cmp,
                                 uint64_t cmp_value);

/** @page shmem_wait_until */

/** Comparisons: equal, not equal, greater, less or equal, less, greater or
 *  equal. */
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

/** As shmem_long_wait_until() and shmem_long_wait(). Deprecated since OpenSHMEM
 *  1.4: in C11, shmem_wait_until() is the generic name instead. */
void shmem_wait_until(long *ivar, int cmp, long cmp_value);
void shmem_wait(long *ivar, long cmp_value);

/**
 * @page shmem_alltoall  exchange blocks between all PEs of a team
 *
 * Source: OpenSHMEM 1.6, shmem_alltoall and shmem_alltoalls.
 */

/**
 * Copy block j of source on PE i of a team to block i of dest on PE j, for all
 * i and j. Collective over the team: all PEs pass the same nelems.
 *
 * @param team    the team
 * @param dest    symmetric address of as many blocks as the team has PEs
 * @param source  symmetric address of as many; does not overlap dest
 * @param nelems  bytes of a block
 * @return 0; not 0 if the team is SHMEM_TEAM_INVALID
 *
 * When it returns, dest holds the blocks and source may be changed.
 */
int shmem_alltoallmem(shmem_team_t team, void *dest, const void *source,
                      size_t nelems);

/**
 * As shmem_alltoallmem(), for elements that lie apart: element k of the block
 * for PE j is source[(j * nelems + k) * sst], and arrives on PE j, from PE i,
 * as dest[(i * nelems + k) * dst]. Here an element is a byte.
 *
 * @param team    the team
 * @param dest    symmetric address
 * @param source  symmetric address; does not overlap dest
 * @param dst     stride in dest, in elements; 1 or more
 * @param sst     stride in source, in elements; 1 or more
 * @param nelems  elements of a block
 * @return 0; not 0 if the team is SHMEM_TEAM_INVALID
 */
int shmem_alltoallsmem(shmem_team_t team, void *dest, const void *source,
                       ptrdiff_t dst, ptrdiff_t sst, size_t nelems);

/**
 * As shmem_alltoallmem() and shmem_alltoallsmem(), over an active set: PE_size
 * PEs from PE_start on, 2^logPE_stride apart; nelems and strides count elements
 * of 32 or 64 bits. Collective over the set. Deprecated since OpenSHMEM 1.5.
 *
 * @param dest          symmetric address
 * @param source        symmetric address; does not overlap dest
 * @param dst           stride in dest, in elements; 1 or more
 * @param sst           stride in source, in elements; 1 or more
 * @param nelems        elements of a block
 * @param PE_start      number of the first PE
 * @param logPE_stride  base-2 logarithm of the distance between the PEs
 * @param PE_size       number of PEs
 * @param pSync         symmetric array of SHMEM_ALLTOALL_SYNC_SIZE or
 *                      SHMEM_ALLTOALLS_SYNC_SIZE, all SHMEM_SYNC_VALUE, which
 *                      it is again afterwards
 */
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

/**
 * @page shmem_broadcast  copy an array of one PE to all PEs of a team
 *
 * Source: OpenSHMEM 1.6, shmem_broadcast.
 */

/**
 * Copy nelems bytes of source on the root to dest on every PE of a team, the
 * root too. Collective over the team: all PEs pass the same nelems and root.
 *
 * @param team     the team
 * @param dest     symmetric address
 * @param source   symmetric address; does not overlap dest
 * @param nelems   bytes
 * @param PE_root  number of the root in the team; another number ends the job
 *                 with a message
 * @return 0; not 0 if the team is SHMEM_TEAM_INVALID
 *
 * When it returns, dest of this PE holds the data. Other PEs may still wait
 * for theirs.
 */
int shmem_broadcastmem(shmem_team_t team, void *dest, const void *source,
                       size_t nelems, int PE_root);

/**
 * As shmem_broadcastmem(), over an active set: PE_size PEs from PE_start on,
 * 2^logPE_stride apart; nelems counts elements of 32 or 64 bits. The root's
 * dest is not written. Collective over the set. Deprecated since OpenSHMEM 1.5.
 *
 * @param dest          symmetric address
 * @param source        symmetric address; does not overlap dest
 * @param nelems        number of elements
 * @param PE_root       number of the root in the set, from 0
 * @param PE_start      number of the first PE
 * @param logPE_stride  base-2 logarithm of the distance between the PEs
 * @param PE_size       number of PEs
 * @param pSync         symmetric array of SHMEM_BCAST_SYNC_SIZE, all
 *                      SHMEM_SYNC_VALUE, which it is again afterwards
 */
void shmem_broadcast32(void *dest, const void *source, size_t nelems,
                       int PE_root, int PE_start, int logPE_stride, int PE_size,
                       long *pSync);
void shmem_broadcast64(void *dest, const void *source, size_t nelems,
                       int PE_root, int PE_start, int logPE_stride, int PE_size,
                       long *pSync);

/**
 * @page shmem_collect  gather arrays of all PEs of a team on each of them
 *
 * Source: OpenSHMEM 1.6, shmem_collect and shmem_fcollect.
 */

/**
 * Copy source of every PE of a team to dest on all of them, one after the other
 * in the order of the PEs. Collective over the team. Each PE may bring another
 * number of bytes.
 *
 * @param team    the team
 * @param dest    symmetric address, with room for what all PEs bring
 * @param source  symmetric address; does not overlap dest
 * @param nelems  bytes that this PE brings
 * @return 0; not 0 if the team is SHMEM_TEAM_INVALID
 *
 * When it returns, dest holds the data and source may be changed.
 */
int shmem_collectmem(shmem_team_t team, void *dest, const void *source,
                     size_t nelems);

/** As shmem_collectmem(), where all PEs bring the same number of bytes, which
 *  is faster.
 *
 *  @return 0; not 0 if the team is SHMEM_TEAM_INVALID */
int shmem_fcollectmem(shmem_team_t team, void *dest, const void *source,
                      size_t nelems);

/**
 * As shmem_collectmem() and shmem_fcollectmem(), over an active set: PE_size
 * PEs from PE_start on, 2^logPE_stride apart; nelems counts elements of 32 or
 * 64 bits. Collective over the set. Deprecated since OpenSHMEM 1.5.
 *
 * @param dest          symmetric address, with room for what all PEs bring
 * @param source        symmetric address; does not overlap dest
 * @param nelems        number of elements that this PE brings
 * @param PE_start      number of the first PE
 * @param logPE_stride  base-2 logarithm of the distance between the PEs
 * @param PE_size       number of PEs
 * @param pSync         symmetric array of SHMEM_COLLECT_SYNC_SIZE, all
 *                      SHMEM_SYNC_VALUE, which it is again afterwards
 */
void shmem_collect32(void *dest, const void *source, size_t nelems,
                     int PE_start, int logPE_stride, int PE_size, long *pSync);
void shmem_collect64(void *dest, const void *source, size_t nelems,
                     int PE_start, int logPE_stride, int PE_size, long *pSync);
void shmem_fcollect32(void *dest, const void *source, size_t nelems,
                      int PE_start, int logPE_stride, int PE_size, long *pSync);
void shmem_fcollect64(void *dest, const void *source, size_t nelems,
                      int PE_start, int logPE_stride, int PE_size, long *pSync);

/**
 * @page shmem_set_lock  locks that one PE holds at a time
 *
 * A lock is a symmetric long that is 0 at first. PEs get it in the order in
 * which they ask. The calls are local.
 *
 * Threads: a lock belongs to a PE. A thread that asks for a lock that another
 * thread of its PE holds waits for it.
 *
 * Source: OpenSHMEM 1.6, chapter 9.13.
 */

/** Take a lock, and wait while another PE holds it. */
void shmem_set_lock(long *lock);

/** Give a lock back, after all that this PE has put has arrived. */
void shmem_clear_lock(long *lock);

/** Take a lock if it is free.
 *
 *  @return 0 if this PE has it now; 1 if it is held */
int shmem_test_lock(long *lock);

/**
 * @page shmem_pcontrol  a call for profiling tools
 *
 * Source: OpenSHMEM 1.6, chapter 10.
 */

/** Tell a profiling tool a level and more, if one has put its own routine in
 *  the place of this one. Does nothing otherwise. Local. */
void shmem_pcontrol(int level, ...);

/**
 * @page shmem_udcflush  caches that had to be told; these calls do nothing
 *
 * Source: OpenSHMEM 1.2. They are gone from the standard since OpenSHMEM 1.5.
 */

/** Do nothing. Some old machines did not keep their caches coherent. */
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
#include "shmem_overloads.h"

#endif
