/*
 * Mistakes of the program (mistakes.h).
 *
 * While the library runs, the PEs of a node share a set of flags, and the PE
 * that sets a flag prints. A PE of another node than the first waits for a
 * second before it prints: if the first node has the same mistake, it ends the
 * job meanwhile. Before shmem_init() and after shmem_finalize() no memory is
 * shared: all PEs but the first wait, and longer, since mpirun takes a second
 * to notice the end of a process.
 */
#include "config.h"

#include "shmem/mistakes.h"
#include "shmem/runtime.h"
#include "shmem/global_exit.h"
#include "comm/parent.h"

#include <execinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    ENDS_JOB,     /* the flag of the mistakes that end the job */
    NODE_S = 1,   /* time for the first node to end the job */
    PE_S = 3,     /* time for the first PE to end it by its exit */
    LAST_S = 30,  /* after which a PE ends without the launcher */
    MESSAGE = 768 /* bytes of a message without the place */
};

char *memheap_call_place(char text[MEMHEAP_CALL_SITE_TEXT])
{
    void *frame[MEMHEAP_CALL_SITE_FRAMES];
    int count = backtrace(frame, MEMHEAP_CALL_SITE_FRAMES);
    return memheap_frames_describe(frame, count, text, MEMHEAP_CALL_SITE_TEXT);
}

/* Whether this is the first PE of the node that sets a flag. True if the PEs
 * share no memory. */
static bool is_first(unsigned flag)
{
    const memheap_runtime_t *rt = &memheap_runtime;
    uint32_t bit = UINT32_C(1) << flag;
    if (rt->agree.state == NULL)
        return true;
    _Atomic uint32_t *flags = memheap_agree_note(&rt->agree, rt->job.node_size);
    return (atomic_fetch_or(flags, bit) & bit) == 0;
}

/* The PE number of this process; before shmem_init(), what the launcher says,
 * or -1 if it says nothing. */
static int pe_number(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK",
                                        "PMI_RANK", "SLURM_PROCID"};
    if (memheap_runtime.job.size > 0)
        return memheap_runtime.job.rank;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *rank = getenv(names[i]);
        if (rank != NULL)
            return atoi(rank);
    }
    return -1;
}

static void wait_for(unsigned seconds)
{
    while (seconds > 0)
        seconds = sleep(seconds);
}

/* Print a message with the place of the call, after some time. The place is
 * looked up before, which takes about the same time on all PEs. */
static void print_after(unsigned seconds, const char *message)
{
    char place[MEMHEAP_CALL_SITE_TEXT];
    memheap_call_place(place);
    wait_for(seconds);
    memheap_runtime_error("%s; the call is from %s", message, place);
}

void memheap_mistake(const char *format, ...)
{
    char message[MESSAGE];
    va_list args;
    if (!is_first(ENDS_JOB)) {
        wait_for(LAST_S);
        _exit(EXIT_FAILURE);
    }
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    print_after(memheap_runtime.job.node_number > 0 ? NODE_S : 0, message);
    memheap_runtime_abort();
}

void memheap_mistake_survived(memheap_survived_t kind, const char *format, ...)
{
    char message[MESSAGE];
    bool running = memheap_runtime.depth > 0;
    va_list args;
    if (running ? !is_first(kind) : pe_number() > 0)
        return;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    print_after(0, message);
}

int memheap_refuse_team(const char *call)
{
    memheap_runtime_begin(call);
    memheap_mistake_survived(MEMHEAP_USES_NO_TEAM,
                             "%s: the team is SHMEM_TEAM_INVALID: this PE is "
                             "in no such team, and the call has no effect",
                             call);
    return -1;
}

void memheap_team_was_destroyed(const char *call)
{
    if (memheap_runtime.depth == 0)
        memheap_runtime_not_running(call);
    memheap_mistake("%s: the team was destroyed", call);
}

/* End the job while the library is not running. An exit handler of the program
 * may have called, after MPI has ended. */
static _Noreturn void end_job(void)
{
    int started;
    int ended;
    PMPI_Initialized(&started);
    PMPI_Finalized(&ended);
    if (!started || ended || memheap_runtime.global_exit.begun)
        exit(EXIT_FAILURE);
    fflush(stdout);
    memheap_job_abort(&memheap_runtime.job, EXIT_FAILURE);
}

void memheap_runtime_not_running(const char *call)
{
    char message[MESSAGE];
    int parent = memheap_parent_rank();
    if (parent >= 0) {
        snprintf(message, sizeof(message),
                 "%s was called in a forked child of PE %d, which is not a PE",
                 call, parent);
        print_after(0, message);
        _exit(EXIT_FAILURE);
    }
    int pe = pe_number();
    memheap_global_exit_wait();
    bool alone = pe <= 0 || memheap_runtime.global_exit.begun;
    if (memheap_runtime.ended_by != NULL)
        snprintf(message, sizeof(message), "%s was called after %s", call,
                 memheap_runtime.ended_by);
    else if (pe < 0)
        snprintf(message, sizeof(message), "%s was called before shmem_init()",
                 call);
    else
        snprintf(message, sizeof(message),
                 "PE %d: %s was called before shmem_init()", pe, call);
    print_after(alone ? 0 : PE_S, message);
    end_job();
}

bool memheap_refuse_to_wait(void *context)
{
    (void)context;
    memheap_runtime_not_running("a routine that waits for another PE");
}
