/*
 * The state of the OpenSHMEM layer: one per process.
 */
#ifndef MEMHEAP_SHMEM_RUNTIME_H
#define MEMHEAP_SHMEM_RUNTIME_H

#include "comm/agree.h"
#include "comm/data_segment.h"
#include "comm/job.h"
#include "comm/node_monitor.h"
#include "comm/releases.h"
#include "comm/window.h"
#include "memheap/dependents.h"
#include "memheap/heap.h"
#include "base/registry.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

/**
 * Define `name` as a weak alias of `p##name`, for the standard's profiling
 * interface: a tool may define `name` itself. Put it after the definition of
 * p##name.
 */
#define MEMHEAP_PROFILED(name)                                                 \
    extern __typeof__(p##name) name __attribute__((weak, alias("p" #name)));

/** A range of symmetric addresses, and the access to other PEs' parts of it. */
typedef struct memheap_segment {
    memheap_segment_id_t id;
    memheap_members_t members;
    char *base;        /* on this PE; equal on all PEs, except for data */
    size_t accessible; /* bytes from base that calls may access; a thread may
                          read it while another allocates */
    size_t registered; /* bytes from base that other nodes may access */
    memheap_windows_t windows;
    bool access_checked; /* the guard or a sanitizer checks accesses */
} memheap_segment_t;

/** Empty a segment; id and members stay. */
static inline void memheap_segment_reset(memheap_segment_t *segment)
{
    *segment =
        (memheap_segment_t){.id = segment->id, .members = segment->members};
}

/** Words of memheap_runtime_t.free_groups. */
#define MEMHEAP_GROUP_WORDS (MEMHEAP_AGREE_GROUPS / 64)

/** When this many contexts or teams were destroyed, the memory of the oldest is
 *  used again. */
#define MEMHEAP_ENDED_KEPT 64

/** Reserved group numbers: SHMEM_TEAM_SHARED; and active sets of all PEs, in a
 *  job on several nodes. */
#define MEMHEAP_GROUP_SHARED 1
#define MEMHEAP_GROUP_SETS 2

/** A space: a symmetric heap of a team. The default space belongs to all PEs.
 */
typedef struct shmemx_space {
    memheap_t *heap;
    memheap_segment_t *segment;
    memheap_agree_t *agree; /* of its members */
    memheap_releases_t releases;
    struct shmemx_team *team;
    bool has_limit; /* the user has set a maximum size */
    bool logged_out_of_memory;
    /** The rest is for spaces that the program created. teams counts the teams
     *  in the space: its own, and those split from it. */
    int teams;
    bool team_ended;           /* the program has destroyed its own team */
    struct shmemx_space *next; /* in the list of ended spaces */
    memheap_dependents_t dependents;
} memheap_space_t;

typedef struct memheap_runtime {
    int depth;        /* shmem_init() calls without finalize; 0: not running */
    int thread_level; /* SHMEM_THREAD_... */
    bool exit_hook_set;   /* the exit handler is registered */
    pid_t pid;            /* of this PE; a forked child has another */
    const char *ended_by; /* the call that ended the library; NULL: none */

    bool started_mpi;           /* this library has started MPI */
    bool program_started_mpi;   /* the program has called MPI_Init */
    bool program_finalized_mpi; /* the program has called MPI_Finalize */

    memheap_job_t job;
    memheap_transport_t *transport;       /* NULL: the job has one node */
    memheap_node_monitor_t *node_monitor; /* of other nodes, or NULL */
    /** Use memheap_locate_slow(): the job has several nodes, or accesses are
     *  checked. */
    bool slow_access_check;
    memheap_agree_t agree;
    memheap_agree_t sets_agree;                /* MEMHEAP_GROUP_SETS */
    memheap_agree_t shared_agree;              /* MEMHEAP_GROUP_SHARED */
    uint64_t free_groups[MEMHEAP_GROUP_WORDS]; /* bit set of group numbers */
    /** Protects the lists of teams and contexts, which threads may change. */
    pthread_mutex_t lists_lock;
    memheap_space_t space;          /* the symmetric heap */
    memheap_segment_t heap_segment; /* its range */
    /** The segments of spaces and of registered memory, by id; and the spaces
     *  that the program created, by the ids of their segments. */
    memheap_segment_t *segments[MEMHEAP_SEGMENTS];
    memheap_space_t *spaces[MEMHEAP_SEGMENTS];
    memheap_space_t *ended_spaces;
    memheap_segment_t data_segment; /* global and static variables */
    memheap_moved_pages_t data_pages;
    memheap_status_t data_status; /* of moving them, and of the exit handler */
    int fork_error;               /* why there are no fork handlers, or 0 */
    /** Why variables are not symmetric, or "". */
    char no_variables[600];

    /** Of shmem_global_exit() on this PE. */
    struct {
        atomic_bool begun;
        pthread_t thread;   /* that has called it */
        atomic_int flushed; /* other PEs that have flushed their output */
    } global_exit;

    const memheap_params_t *params; /* NULL: not running */
    int exit_status;                /* of the process, instead of 0 */
    bool ending;                    /* in shmem_finalize(), or in exit() */
    long wait_report_s;             /* MEMHEAP_WAIT_REPORT */
    /** What this PE has seen of the long waits of all; see long_waits.c. */
    struct {
        uint64_t looked_ns;
        uint64_t sum;      /* of their starts, if all are in collective calls */
        uint64_t since_ns; /* it is the same */
    } waits;
    memheap_log_t log;
    memheap_log_t divergence_log; /* for memheap_agree_open() */
    /** The first error since memheap_runtime_begin(), or "". */
    char message[1024];
    unsigned progress_calls; /* for memheap_runtime_progress_limited() */
    /** Destroyed contexts and teams, from the oldest to the newest: they are
     *  kept, so that a call on one is found. */
    struct shmemx_ctx *first_ended_ctx, *last_ended_ctx;
    struct shmemx_team *first_ended_team, *last_ended_team;
    int ended_ctx_count, ended_team_count;
} memheap_runtime_t;

extern memheap_runtime_t memheap_runtime;

/** Begin a call: clear the error message. Ends the program if the library is
 * not running. */
static inline void memheap_runtime_begin(const char *call);

/** A log that prints warnings at once, on any PE. */
extern const memheap_log_t memheap_runtime_warnings;

/** Print the error message of a failed call, if `pe` is this PE; clear it. */
void memheap_runtime_report(int pe);

/** Print the error message of one PE that has one, for a failed step of
 *  shmem_init(); if no PE has one, print the text of status. Collective. */
void memheap_runtime_report_any(memheap_status_t status);

/** Print an error, with the PE number. */
void memheap_runtime_error(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/** memheap_runtime_agree() of several PEs. */
memheap_status_t memheap_runtime_agree_all(memheap_agree_t *agree,
                                           const memheap_call_t *call,
                                           memheap_status_t mine,
                                           uint64_t result, int *pe_p);

/** Whether a group is this PE, in a job without transport: an agreement has
 *  nothing to wait for. */
static inline bool memheap_runtime_is_alone(const memheap_agree_t *agree)
{
    return agree->size == 1 && memheap_runtime.transport == NULL;
}

/** As memheap_agree(), after the default context is quiet. Ends the job if the
 *  PEs differ. */
static inline memheap_status_t memheap_runtime_agree(memheap_agree_t *agree,
                                                     const memheap_call_t *call,
                                                     memheap_status_t mine,
                                                     uint64_t result, int *pe_p)
{
    if (!memheap_runtime_is_alone(agree))
        return memheap_runtime_agree_all(agree, call, mine, result, pe_p);
    if (pe_p != NULL)
        *pe_p = agree->start;
    return mine;
}

/** Barrier over a group. Ends the job if the PEs make different calls. */
void memheap_runtime_barrier(memheap_agree_t *agree,
                             const memheap_call_t *call);

/** As memheap_agree_rooted(). Ends the job if the PEs differ. */
void memheap_runtime_barrier_rooted(memheap_agree_t *agree,
                                    const memheap_call_t *call, int root);

/** As memheap_agree_reduce(). Ends the job if the PEs differ. */
uint64_t memheap_runtime_reduce(memheap_agree_t *agree,
                                const memheap_call_t *call, uint64_t word,
                                uint64_t (*reduce)(uint64_t a, uint64_t b));

/** As memheap_agree_exchange(). Ends the job if the PEs differ. */
void memheap_runtime_exchange(memheap_agree_t *agree,
                              const memheap_call_t *call,
                              const memheap_agree_exchange_t *exchange);

/** Print that a call came too early or too late, or that a forked child must
 * not make it, and end the program. */
_Noreturn void memheap_runtime_not_running(const char *call);

/** The progress callback of waits while the library is not running: no other PE
 *  ends them. As memheap_runtime_not_running(). */
bool memheap_refuse_to_wait(void *context);

/** As memheap_runtime_has_ended(), if the library is not running. */
void memheap_runtime_warn_ended(const char *call);

/** Whether the library has ended, for a call that harms nothing then: PE 0
 *  warns of the first one. Ends the program if the library has not started. */
static inline bool memheap_runtime_has_ended(const char *call)
{
    if (__builtin_expect(memheap_runtime.depth > 0, 1))
        return false;
    memheap_runtime_warn_ended(call);
    return true;
}

/** Set the exit status of this process, instead of 0, to the value of a
 *  parameter that is not 0. */
void memheap_runtime_set_exit_status(const char *param);

/** Abort the job, after printing the error. A forked child ends alone. */
_Noreturn void memheap_runtime_abort(void);

/** Synchronize with the writes of other PEs: tell memcheck, which cannot see
 *  them. */
static inline void memheap_runtime_sync(void)
{
    if (__builtin_expect(memheap_guard_unsynced, 0))
        memheap_guard_sync();
}

/** Prepare to wait for a write of another PE. */
static inline memheap_wait_t
memheap_runtime_wait(const memheap_wait_reason_t *reason)
{
    memheap_runtime_sync();
    return memheap_wait_begin(&memheap_runtime.job.wait, reason);
}

/** Make progress, for a call that tests and does not wait. */
static inline void memheap_runtime_progress(void)
{
    memheap_runtime_sync();
    if (__builtin_expect(memheap_runtime.transport != NULL, 0))
        memheap_transport_progress(memheap_runtime.transport);
}

/** Rate-limited progress, for calls that a program may repeat until another PE
 *  has done something. */
static inline void memheap_runtime_progress_limited(void)
{
    enum {
        EACH = 64 /* calls per progress: makes its cost negligible */
    };
    if (__builtin_expect(memheap_runtime.transport == NULL, 1))
        return;
    /* Concurrent threads may lose counts, which is harmless. */
    unsigned *calls = &memheap_runtime.progress_calls;
    unsigned count = __atomic_load_n(calls, __ATOMIC_RELAXED) + 1;
    __atomic_store_n(calls, count, __ATOMIC_RELAXED);
    if (count % EACH == 0)
        memheap_transport_progress(memheap_runtime.transport);
}

static inline void memheap_runtime_begin(const char *call)
{
    if (__builtin_expect(memheap_runtime.depth == 0, 0))
        memheap_runtime_not_running(call);
    /* Write only if needed: threads may be in collective calls of different
     * teams. */
    char *message = memheap_runtime.message;
    if (__builtin_expect(__atomic_load_n(message, __ATOMIC_RELAXED), 0) != '\0')
        __atomic_store_n(message, '\0', __ATOMIC_RELAXED);
}

#endif
