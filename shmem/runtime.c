/*
 * The state of the OpenSHMEM layer, its messages, and the agreement of its
 * calls.
 *
 * All errors of a collective step are logged into one message. It is printed
 * only after the PEs have agreed that the step failed, and by the lowest PE
 * that has the worst status. So a job prints a cause once, even if all PEs have
 * it.
 */
#include "config.h"

#include "shmem/runtime.h"
#include "shmem/global_exit.h"
#include "comm/parent.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pshmem.h>

static void log_sink(void *context, memheap_log_level_t level,
                     const char *message);
static void divergence_sink(void *context, memheap_log_level_t level,
                            const char *message);

memheap_runtime_t memheap_runtime = {
    .job = {.wait = {.progress = memheap_refuse_to_wait}},
    .space = {.segment = &memheap_runtime.heap_segment,
              .agree = &memheap_runtime.agree,
              .team = &shmemx_team_world},
    .heap_segment = {.id = MEMHEAP_SEGMENT_HEAP,
                     .members = {&memheap_runtime.job, 0, 1}},
    .data_segment = {.id = MEMHEAP_SEGMENT_DATA,
                     .members = {&memheap_runtime.job, 0, 1}},
    .log = {log_sink, &memheap_runtime, MEMHEAP_LOG_WARNING},
    .lists_lock = PTHREAD_MUTEX_INITIALIZER,
    .divergence_log = {divergence_sink, &memheap_runtime, MEMHEAP_LOG_ERROR}};

/* Print a line with a single write. kind NULL: the line is about all PEs. */
static void print_line(const char *kind, const char *message)
{
    char line[1200];
    char pe[24] = ""; /* unknown before the job is open */
    if (memheap_runtime.job.size > 0)
        snprintf(pe, sizeof(pe), "PE %d: ", memheap_runtime.job.rank);
    snprintf(line, sizeof(line) - 1, "memheap: %s%s%s", kind == NULL ? "" : pe,
             kind == NULL ? "" : kind, message);
    size_t length = strlen(memheap_text_clean(line));
    line[length++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, length);
    (void)written; /* an error here cannot be reported */
}

/* Keep errors until the PEs agree. Warnings are equal on all PEs, so the first
 * PE prints them. */
static void log_sink(void *context, memheap_log_level_t level,
                     const char *message)
{
    memheap_runtime_t *rt = context;
    if (level == MEMHEAP_LOG_ERROR && rt->message[0] == '\0')
        snprintf(rt->message, sizeof(rt->message), "%s", message);
    else if (level == MEMHEAP_LOG_WARNING && rt->job.rank == 0)
        print_line("warning: ", message);
    else if (level == MEMHEAP_LOG_DEBUG)
        print_line("", message);
    else if (level == MEMHEAP_LOG_REPORT)
        print_line(NULL, message);
}

/* A divergence is the cause of other errors, so it replaces their message. */
static void divergence_sink(void *context, memheap_log_level_t level,
                            const char *message)
{
    memheap_runtime_t *rt = context;
    (void)level;
    snprintf(rt->message, sizeof(rt->message), "%s", message);
}

void memheap_runtime_error(const char *format, ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    print_line("", message);
}

/* Print a warning at once. */
static void warn(void *context, memheap_log_level_t level, const char *message)
{
    (void)context;
    (void)level;
    memheap_runtime_error("warning: %s", message);
}

const memheap_log_t memheap_runtime_warnings = {warn, NULL,
                                                MEMHEAP_LOG_WARNING};

void memheap_runtime_report(int pe)
{
    memheap_runtime_t *rt = &memheap_runtime;
    if (pe == rt->job.rank && rt->message[0] != '\0')
        print_line("", rt->message);
    rt->message[0] = '\0';
}

void memheap_runtime_report_any(memheap_status_t status)
{
    memheap_runtime_t *rt = &memheap_runtime;
    int pe;
    if (memheap_job_min(&rt->job, rt->message[0] == '\0', &pe) != 0)
        snprintf(rt->message, sizeof(rt->message), "shmem_init: %s",
                 memheap_status_string(status));
    memheap_runtime_report(pe);
    /* When one PE ends, the launcher ends all. So wait for the message. */
    memheap_job_worst(&rt->job, MEMHEAP_OK);
}

void memheap_runtime_set_exit_status(const char *param)
{
    memheap_runtime_t *rt = &memheap_runtime;
    long status = memheap_params_value(rt->params, param)->integer;
    if (status != 0)
        rt->exit_status = (int)status;
}

void memheap_runtime_abort(void)
{
    if (memheap_parent_rank() >= 0)
        _exit(EXIT_FAILURE);
    memheap_job_abort(&memheap_runtime.job, EXIT_FAILURE);
}

void memheap_runtime_warn_ended(const char *call)
{
    static atomic_flag warned = ATOMIC_FLAG_INIT;
    memheap_global_exit_wait();
    if (memheap_runtime.ended_by == NULL || memheap_parent_rank() >= 0)
        memheap_runtime_not_running(call);
    if (memheap_runtime.job.rank == 0 && !atomic_flag_test_and_set(&warned))
        memheap_runtime_error("warning: %s was called after %s, and has no "
                              "effect",
                              call, memheap_runtime.ended_by);
}

/* End the job after a divergence. The PE that has logged it aborts; the others
 * wait, so that the launcher does not end the job before the message is out. */
static _Noreturn void end_diverged(const memheap_agree_t *agree)
{
    if (agree->logged_divergence) {
        memheap_runtime_report(memheap_runtime.job.rank);
        memheap_runtime_abort();
    }
    sleep(30);
    _exit(EXIT_FAILURE);
}

memheap_status_t memheap_runtime_agree_all(memheap_agree_t *agree,
                                           const memheap_call_t *call,
                                           memheap_status_t mine,
                                           uint64_t result, int *pe_p)
{
    if (__builtin_expect(memheap_runtime.transport != NULL, 0))
        pshmem_quiet(); /* on one node, the agreement orders all stores */
    memheap_status_t status = memheap_agree(agree, call, mine, result, pe_p);
    if (__builtin_expect(status == MEMHEAP_ERR_DIVERGED, 0))
        end_diverged(agree);
    return status;
}

void memheap_runtime_barrier(memheap_agree_t *agree, const memheap_call_t *call)
{
    memheap_runtime_sync();
    if (__builtin_expect(
            memheap_agree(agree, call, MEMHEAP_OK, 0, NULL) != MEMHEAP_OK, 0))
        end_diverged(agree);
}

void memheap_runtime_barrier_rooted(memheap_agree_t *agree,
                                    const memheap_call_t *call, int root)
{
    memheap_runtime_sync();
    if (__builtin_expect(memheap_agree_rooted(agree, call, root) != MEMHEAP_OK,
                         0))
        end_diverged(agree);
}

uint64_t memheap_runtime_reduce(memheap_agree_t *agree,
                                const memheap_call_t *call, uint64_t word,
                                uint64_t (*reduce)(uint64_t a, uint64_t b))
{
    uint64_t all;
    memheap_runtime_sync();
    if (memheap_agree_reduce(agree, call, word, reduce, &all) != MEMHEAP_OK)
        end_diverged(agree);
    return all;
}

void memheap_runtime_exchange(memheap_agree_t *agree,
                              const memheap_call_t *call,
                              const memheap_agree_exchange_t *exchange)
{
    memheap_runtime_sync();
    if (memheap_agree_exchange(agree, call, exchange) != MEMHEAP_OK)
        end_diverged(agree);
}
