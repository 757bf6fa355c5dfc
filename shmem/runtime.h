/*
 * The one state of the OpenSHMEM layer, and what its chapters share.
 */
#ifndef MEMHEAP_SHMEM_RUNTIME_H
#define MEMHEAP_SHMEM_RUNTIME_H

#include "comm/agree.h"
#include "comm/data_segment.h"
#include "comm/job.h"
#include "comm/node_monitor.h"
#include "comm/window.h"
#include "memheap/dependents.h"
#include "memheap/heap.h"
#include "base/registry.h"

#include <pthread.h>
#include <sys/types.h>

/**
 * Let `name` stand for `p##name`, unless a tool brings its own: the standard's
 * profiling interface. Stands behind the definition of p##name.
 */
#define MEMHEAP_PROFILED(name)                                                 \
    extern __typeof__(p##name) name __attribute__((weak, alias("p" #name)));

/** A range of symmetric addresses, and where the other PEs' part of it is. */
typedef struct memheap_segment {
    memheap_segment_id_t id;
    memheap_members_t members;
    char *base;        /* on this PE; the heap's is the same on every PE */
    size_t accessible; /* bytes from base that can be put to and got from */
    size_t registered; /* those of them that other nodes know of */
    memheap_windows_t windows;
    bool access_checked; /* accesses to wrong memory end the process */
} memheap_segment_t;

/** Let there be nothing in a segment. */
static inline void memheap_segment_reset(memheap_segment_t *segment)
{
    *segment =
        (memheap_segment_t){.id = segment->id, .members = segment->members};
}

/** Words of the set memheap_runtime_t.free_groups. */
#define MEMHEAP_GROUP_WORDS (MEMHEAP_AGREE_GROUPS / 64)

/** Groups that are always there: of the PEs of one node, and of active sets of
 *  all PEs, where there are several nodes. */
#define MEMHEAP_GROUP_SHARED 1
#define MEMHEAP_GROUP_SETS 2

/** A heap that some PEs have in common; that of all is the default. */
typedef struct shmemx_space {
    memheap_t *heap;
    memheap_segment_t *segment;
    memheap_agree_t *agree; /* of its PEs */
    struct shmemx_team *team;
    bool has_limit; /* the user has said how long it may become */
    bool logged_out_of_memory;
    /* Of one that the program made: */
    int teams;       /* that live here: its own, and those split from it */
    bool team_ended; /* its own does not */
    struct shmemx_space *next; /* among those that ended */
    memheap_dependents_t dependents;
} memheap_space_t;

typedef struct memheap_runtime {
    int depth;          /* of inits without their finalize; 0: not running */
    int thread_level;   /* SHMEM_THREAD_... */
    bool exit_hook_set; /* the exit handler is registered */
    pid_t pid;          /* of this PE */

    bool started_mpi;           /* MPI was not there before us */
    bool program_started_mpi;   /* the program called MPI_Init too */
    bool program_finalized_mpi; /* and MPI_Finalize, which we put off */

    memheap_job_t job;
    memheap_transport_t *transport;       /* NULL: the job has one node */
    memheap_node_monitor_t *node_monitor; /* of other nodes, or NULL */
    bool
        slow_access_check; /* the job has several nodes, or memory is watched */
    memheap_agree_t agree;
    memheap_agree_t sets_agree;   /* of active sets of all PEs, if so */
    memheap_agree_t shared_agree; /* of this node */
    uint64_t free_groups[MEMHEAP_GROUP_WORDS]; /* numbers no team has */
    /** Held while the lists of teams and of their contexts are changed, since
     *  threads make contexts of their own. */
    pthread_mutex_t lists_lock;
    memheap_space_t space;          /* the symmetric heap, */
    memheap_segment_t heap_segment; /* and its range */
    /** Those that the program made, by the number of their segment. */
    memheap_space_t *spaces[MEMHEAP_SEGMENTS];
    memheap_space_t *ended_spaces;
    memheap_segment_t data_segment; /* global and static ones of the program */
    memheap_data_segment_t data_pages;

    const memheap_params_t *params; /* of the process; NULL: not running */
    int exit_status;                /* of the process, where it would be 0 */
    memheap_log_t log;
    memheap_log_t
        divergence_log; /* where an agreement says that the PEs differ */
    /** The first error since memheap_runtime_begin(); "" if there is none. */
    char message[1024];
    unsigned progress_calls; /* of memheap_runtime_progress_limited() */
} memheap_runtime_t;

extern memheap_runtime_t memheap_runtime;

/** Begin a collective call: whatever is logged from now on belongs to it.
 *  Ends the program if the library is not running. */
static inline void memheap_runtime_begin(const char *call);

/** Prints warnings of this PE alone. */
extern const memheap_log_t memheap_runtime_warnings;

/** Print the message of a call that failed, if it failed on this PE. */
void memheap_runtime_report(int pe);

/** Print one of the messages that the PEs have for a step of the start, or
 *  what its status means if none has one. Collective. */
void memheap_runtime_report_any(memheap_status_t status);

/** Print an error of this PE. */
void memheap_runtime_error(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/** As memheap_agree(), behind what the default context has under way; ends the
 *  job where the PEs differ. */
memheap_status_t memheap_runtime_agree(memheap_agree_t *agree,
                                       const memheap_call_t *call,
                                       memheap_status_t mine, uint64_t result,
                                       int *pe_p);

/** Wait for all PEs of a group, which make the same call. */
void memheap_runtime_barrier(memheap_agree_t *agree,
                             const memheap_call_t *call);

/** As memheap_agree_rooted(); ends the job where the PEs differ. */
void memheap_runtime_barrier_rooted(memheap_agree_t *agree,
                                    const memheap_call_t *call, int root);

/** As memheap_agree_reduce(); ends the job where the PEs differ. */
uint64_t memheap_runtime_reduce(memheap_agree_t *agree,
                                const memheap_call_t *call, uint64_t word,
                                uint64_t (*reduce)(uint64_t a, uint64_t b));

/** As memheap_agree_exchange(); ends the job where the PEs differ. */
void memheap_runtime_exchange(memheap_agree_t *agree,
                              const memheap_call_t *call,
                              const memheap_agree_exchange_t *exchange);

/** Say that a call came before shmem_init(), and end the program. */
_Noreturn void memheap_runtime_not_running(const char *call);

/** End the job after an error that was printed. */
_Noreturn void memheap_runtime_abort(void);

/** For a call that shows what other PEs may have written: memcheck, which does
 *  not see that, is told. */
static inline void memheap_runtime_sync(void)
{
    if (__builtin_expect(memheap_guard_unsynced, 0))
        memheap_guard_sync();
}

/** How to wait for what other PEs write. */
static inline memheap_wait_t memheap_runtime_wait(void)
{
    memheap_runtime_sync();
    return memheap_runtime.job.wait;
}

/** Serve PEs of other nodes, for a call that looks and does not wait. */
static inline void memheap_runtime_progress(void)
{
    memheap_runtime_sync();
    if (__builtin_expect(memheap_runtime.transport != NULL, 0))
        memheap_transport_progress(memheap_runtime.transport);
}

/** The same for a call that is not meant to look, but that a program may make
 *  over and over until something has happened: done now and then. */
static inline void memheap_runtime_progress_limited(void)
{
    enum {
        EACH = 64 /* so that what it costs does not show */
    };
    if (__builtin_expect(memheap_runtime.transport == NULL, 1))
        return;
    /* Threads may lose a count to one another. */
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
    /* Threads that meet in different teams would all write there. */
    char *message = memheap_runtime.message;
    if (__builtin_expect(__atomic_load_n(message, __ATOMIC_RELAXED), 0) != '\0')
        __atomic_store_n(message, '\0', __ATOMIC_RELAXED);
}

#endif
