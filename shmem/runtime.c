/*
 * The one state of the OpenSHMEM layer: started, used and ended.
 *
 * Everything of a collective step is logged into one message, which is printed
 * only when the PEs know that the step failed, by the lowest of the PEs that
 * failed worst: so a job prints a cause once, however many PEs share it.
 * Starting is a row of steps, each of which ends in an agreement on the
 * status; the first that fails undoes those before it, on all PEs alike.
 */
#include "config.h"

#include "shmem/runtime.h"
#include "shmem/calls.h"
#include "shmem/params.h"
#include "shmem/team.h"
#include "comm/symmetric.h"
#include "base/machine.h"
#include "base/util.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <pshmem.h>

static void log_sink(void *context, memheap_log_level_t level,
                     const char *message);
static void verdict_sink(void *context, memheap_log_level_t level,
                         const char *message);

memheap_runtime_t memheap_runtime = {
    .symmetric = {.id = MEMHEAP_SEGMENT_HEAP},
    .variables = {.id = MEMHEAP_SEGMENT_VARIABLES},
    .log = {log_sink, &memheap_runtime, MEMHEAP_LOG_WARNING},
    .lists_lock = PTHREAD_MUTEX_INITIALIZER,
    .verdict = {verdict_sink, &memheap_runtime, MEMHEAP_LOG_ERROR}};

/* Print a line, all of it at once. */
static void print_line(const char *kind, const char *message)
{
    char line[1200];
    char pe[24] = ""; /* unknown before the job is */
    if (memheap_runtime.job.size > 0)
        snprintf(pe, sizeof(pe), "PE %d: ", memheap_runtime.job.rank);
    int length =
        snprintf(line, sizeof(line), "memheap: %s%s%s\n", pe, kind, message);
    ssize_t written = write(STDERR_FILENO, line, (size_t)length);
    (void)written; /* there is nowhere left to report it to */
}

/* Errors wait for the outcome of their step; warnings, which all PEs have
 * alike, are printed by the first. */
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
}

/* That the PEs differ is the cause, whatever else was said before. */
static void verdict_sink(void *context, memheap_log_level_t level,
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

void memheap_runtime_report(int pe)
{
    memheap_runtime_t *rt = &memheap_runtime;
    if (pe == rt->job.rank && rt->message[0] != '\0')
        print_line("", rt->message);
    rt->message[0] = '\0';
}

/* Print one of the messages that the PEs have for a step of the start. */
static void report_start(memheap_runtime_t *rt)
{
    int pe;
    memheap_job_least(&rt->job, rt->message[0] == '\0', &pe);
    memheap_runtime_report(pe);
}

void memheap_runtime_abort(void)
{
    memheap_job_abort(&memheap_runtime.job, EXIT_FAILURE);
}

void memheap_runtime_not_running(const char *call)
{
    memheap_runtime_error("%s was called before shmem_init() or after "
                          "shmem_finalize()",
                          call);
    exit(EXIT_FAILURE);
}

/* The PE that reports ends the job; the others wait for it, so that none ends
 * before the message is out. */
static _Noreturn void end_diverged(const memheap_agree_t *agree)
{
    if (agree->rank == 0) {
        memheap_runtime_report(memheap_runtime.job.rank);
        memheap_runtime_abort();
    }
    sleep(30);
    _exit(EXIT_FAILURE);
}

memheap_status_t memheap_runtime_agree(const memheap_call_t *call,
                                       memheap_status_t mine, uint64_t result,
                                       int *pe_p)
{
    memheap_agree_t *agree = &memheap_runtime.agree;
    if (__builtin_expect(memheap_runtime.transport != NULL, 0))
        pshmem_quiet(); /* within a node, the agreement orders all stores */
    memheap_status_t status = memheap_agree(agree, call, mine, result, pe_p);
    if (__builtin_expect(status == MEMHEAP_ERR_DIVERGED, 0))
        end_diverged(agree);
    return status;
}

void memheap_runtime_meet(memheap_agree_t *agree, const memheap_call_t *call)
{
    if (__builtin_expect(
            memheap_agree(agree, call, MEMHEAP_OK, 0, NULL) != MEMHEAP_OK, 0))
        end_diverged(agree);
}

uint64_t memheap_runtime_fold(memheap_agree_t *agree,
                              const memheap_call_t *call, uint64_t word,
                              uint64_t (*fold)(uint64_t a, uint64_t b))
{
    uint64_t all;
    if (memheap_agree_fold(agree, call, word, fold, &all) != MEMHEAP_OK)
        end_diverged(agree);
    return all;
}

void memheap_runtime_trade(memheap_agree_t *agree, const memheap_call_t *call,
                           const memheap_agree_trade_t *trade)
{
    if (memheap_agree_trade(agree, call, trade) != MEMHEAP_OK)
        end_diverged(agree);
}

/* Whether PEs may set a parameter differently: it is about this PE's files or
 * output, and not about the heap. */
static bool is_private(const char *name)
{
    static const char *const names[] = {"MEMHEAP_PARAM_FILE",
                                        "MEMHEAP_PLUGIN_PATH", "SHMEM_VERSION",
                                        "SHMEM_INFO", "SHMEM_DEBUG"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

/* A digest of the values that all PEs must share, however they are spelt. */
static uint64_t digest_of_params(const memheap_params_t *params)
{
    uint64_t digest = 0;
    for (size_t i = 0; i < params->count; i++) {
        const memheap_param_t *param = &params->param[i];
        if (is_private(param->name))
            continue;
        digest = memheap_call_digest(digest, param->name, strlen(param->name));
        if (param->def->type == MEMHEAP_PARAM_STRING) {
            for (const char *c = param->text; *c != '\0'; c++) {
                char lower = (char)(*c | ('A' <= *c && *c <= 'Z' ? 32 : 0));
                digest = memheap_call_digest(digest, &lower, 1);
            }
        } else {
            digest = memheap_call_digest(digest, &param->value,
                                         sizeof(param->value));
        }
    }
    return digest;
}

/* The longest that the heap may become: what the user says, else this node's
 * memory shared among its PEs, and no more address space than there is. */
static size_t heap_limit(memheap_runtime_t *rt)
{
    const memheap_param_t *param =
        memheap_params_find(rt->params, "SHMEM_SYMMETRIC_SIZE");
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    rt->limited = param->text[0] != '\0';
    if (rt->limited) {
        size_t size = memheap_align_up(param->value.size, page);
        return size < param->value.size ? memheap_align_down(SIZE_MAX, page)
                                        : memheap_max(size, page);
    }
    size_t total;
    size_t available;
    struct rlimit limit;
    memheap_machine_memory(&total, &available);
    total /= (size_t)rt->job.machine_size;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        total = memheap_min(total, limit.rlim_cur / 2 /
                                       (size_t)(rt->job.machine_size + 2));
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0)
        total = memheap_min(total, limit.rlim_cur);
    total = memheap_job_least(&rt->job, total, NULL);
    return memheap_max(memheap_align_down(total, page), page);
}

static void print_info(const memheap_params_t *params)
{
    if (memheap_params_value(params, "SHMEM_VERSION")->boolean)
        printf("%s, OpenSHMEM %d.%d\n", SHMEM_VENDOR_STRING,
               SHMEM_MAJOR_VERSION, SHMEM_MINOR_VERSION);
    if (!memheap_params_value(params, "SHMEM_INFO")->boolean) {
        fflush(stdout);
        return;
    }
    for (size_t i = 0; i < params->count; i++) {
        const memheap_param_t *param = &params->param[i];
        printf("%s=%s (%s)\n    %s\n", param->name, param->text,
               memheap_param_source_name(param->source), param->def->help);
    }
    fflush(stdout);
}

/* Read the parameters into a registry, which rt->params is then. */
static memheap_status_t read_params(memheap_runtime_t *rt,
                                    memheap_framework_t *framework)
{
    /* The heap's framework will say the same warnings again. */
    memheap_log_t errors = rt->log;
    errors.level = MEMHEAP_LOG_ERROR;
    memheap_framework_config_t config = {.log = &errors,
                                         .params = memheap_shmem_param_defs,
                                         .param_count =
                                             memheap_shmem_param_def_count};
    memheap_status_t status = memheap_framework_open(framework, &config);
    memheap_status_t worst = memheap_job_worst(&rt->job, status);
    if (worst != MEMHEAP_OK) {
        report_start(rt);
        if (status == MEMHEAP_OK)
            memheap_framework_close(framework);
        return worst;
    }
    rt->params = &framework->params;
    return MEMHEAP_OK;
}

/* The most PEs that may be one node, as the user wants it. */
static size_t node_limit(const memheap_params_t *params)
{
    const char *transport =
        memheap_params_value(params, "MEMHEAP_TRANSPORT")->string;
    long pes = memheap_params_value(params, "MEMHEAP_NODE_PES")->integer;
    if (strcasecmp(transport, "ucx") == 0)
        return 1;
    return pes == 0 ? SIZE_MAX : (size_t)pes;
}

/* A value that only some texts can have. */
static memheap_status_t check_transport(memheap_runtime_t *rt)
{
    const char *transport =
        memheap_params_value(rt->params, "MEMHEAP_TRANSPORT")->string;
    memheap_status_t status = MEMHEAP_OK;
    if (strcasecmp(transport, "auto") != 0 &&
        strcasecmp(transport, "ucx") != 0) {
        memheap_log_write(&rt->log, MEMHEAP_LOG_ERROR,
                          "MEMHEAP_TRANSPORT is \"%s\"; it can be auto or ucx",
                          transport);
        status = MEMHEAP_ERR_BAD_PARAM;
    }
    status = memheap_job_worst(&rt->job, status);
    if (status != MEMHEAP_OK)
        report_start(rt);
    return status;
}

static void receive(void *context, const void *head, const void *data,
                    size_t size)
{
    const memheap_runtime_t *rt = context;
    memheap_agree_receive(&rt->agree, head, data, size);
}

/* For MPI: whoever waits there serves PEs of other nodes too. */
static int serve(void)
{
    memheap_transport_t *transport = memheap_runtime.transport;
    return transport == NULL ? 0 : memheap_transport_try_progress(transport);
}

/* Whether this is the first thread to find that PEs are lost. */
static bool is_first_loss(void)
{
    static atomic_flag found = ATOMIC_FLAG_INIT;
    return !atomic_flag_test_and_set(&found);
}

/* Leave the launcher some time to end this PE. */
static void await_end(unsigned seconds)
{
    while (seconds > 0)
        seconds = sleep(seconds);
}

/* End the job for PEs that are gone. The launcher is left the time to find that
 * out, since one that is told to end sends a lost node its orders first, and
 * waits for as long as TCP tries that: a quarter of an hour. */
static _Noreturn void end_lost(void)
{
    await_end(30);
    memheap_runtime_abort();
}

/* A PE that is gone may be one that the launcher has ended, as it will end this
 * one: whoever caused that has said why. */
static void lost(void *context, int pe, const char *why, bool gone)
{
    (void)context;
    if (gone)
        await_end(3);
    bool first = is_first_loss();
    if (first && pe < 0)
        memheap_runtime_error("a PE of another node cannot be reached (%s)",
                              why);
    else if (first)
        memheap_runtime_error("PE %d cannot be reached (%s): its node, or the "
                              "way there, is lost",
                              pe, why);
    if (!gone)
        memheap_runtime_abort();
    end_lost();
}

/* Comes on a thread of the watch. */
static void lost_node(void *context, const memheap_node_t *node,
                      const char *host)
{
    const memheap_watch_config_t *config = context;
    char pes[80];
    if (node->size == 1)
        snprintf(pes, sizeof(pes), "PE %d", node->start);
    else if (node->stride == 1)
        snprintf(pes, sizeof(pes), "PEs %d to %d", node->start,
                 node->start + node->size - 1);
    else
        snprintf(pes, sizeof(pes), "%d PEs from PE %d, %d apart", node->size,
                 node->start, node->stride);
    if (is_first_loss())
        memheap_runtime_error(
            "node %s is lost, or the way there, with %s: nothing was heard of "
            "it for %ld seconds (MEMHEAP_NODE_TIMEOUT)",
            host, pes, config->timeout_s);
    end_lost();
}

/* Watch the other nodes, if the user wants it. Collective. */
static void watch(memheap_runtime_t *rt)
{
    static memheap_watch_config_t config;
    config = (memheap_watch_config_t){
        .timeout_s =
            memheap_params_value(rt->params, "MEMHEAP_NODE_TIMEOUT")->integer,
        .lost = lost_node,
        .context = &config};
    long least =
        (long)memheap_job_least(&rt->job, (size_t)config.timeout_s, NULL);
    if (least > 0)
        rt->watch = memheap_watch_open(&rt->job, &config, &rt->log);
}

/* Know who is on which node, reach the other nodes if there are any, and agree
 * on the parameters. */
static memheap_status_t join(memheap_runtime_t *rt)
{
    memheap_status_t status = check_transport(rt);
    if (status == MEMHEAP_OK)
        status = memheap_job_form_nodes(&rt->job, node_limit(rt->params));
    if (status != MEMHEAP_OK)
        return status;
    const memheap_params_t *params = rt->params;
    memheap_transport_config_t config = {
        .threads = rt->thread_level == SHMEM_THREAD_MULTIPLE,
        .progress_thread =
            memheap_params_value(params, "MEMHEAP_PROGRESS_THREAD")->boolean,
        .map_nonblocking =
            memheap_params_value(params, "MEMHEAP_MAP_NONBLOCK")->boolean,
        .receive = receive,
        .lost = lost,
        .context = rt};
    if (rt->job.node_count > 1) {
        status =
            memheap_transport_open(&rt->job, &config, &rt->log, &rt->transport);
        if (status != MEMHEAP_OK) {
            report_start(rt);
            return status;
        }
        watch(rt);
        rt->job.wait.progress = memheap_transport_progress;
        rt->job.wait.context = rt->transport;
        if (!memheap_mpi_serve_in_waits(serve, true) && !config.progress_thread)
            memheap_log_write(&rt->log, MEMHEAP_LOG_DEBUG,
                              "this MPI does not serve other nodes where the "
                              "program waits in it; MEMHEAP_PROGRESS_THREAD=1 "
                              "does");
    }
    status = memheap_agree_open(&rt->agree, &rt->job, rt->transport,
                                memheap_call_describe, &rt->verdict);
    if (status != MEMHEAP_OK) {
        report_start(rt);
        return status;
    }
    memheap_call_t call = {.what = MEMHEAP_CALL_INIT,
                           .argument = {digest_of_params(params), 0, 0}};
    memheap_runtime_agree(&call, MEMHEAP_OK, 0, NULL);
    return MEMHEAP_OK;
}

/* Undo what join() did, all of it or what it came to. */
static void part(memheap_runtime_t *rt)
{
    memheap_transport_t *transport = rt->transport;
    memheap_transport_close(transport);
    rt->transport = NULL;
    memheap_watch_close(rt->watch);
    rt->watch = NULL;
    if (transport != NULL)
        memheap_mpi_serve_in_waits(serve, false);
    rt->job.wait.progress = NULL;
    memheap_agree_close(&rt->agree);
}

/* Let other nodes reach what all PEs have backed of the heap, and at least so
 * much of it. Collective. */
static memheap_status_t cover_backed(memheap_runtime_t *rt, size_t end)
{
    memheap_segment_t *heap = &rt->symmetric;
    memheap_stats_t stats;
    if (rt->transport == NULL)
        return MEMHEAP_OK;
    memheap_get_stats(rt->heap, &stats);
    size_t target =
        memheap_max(memheap_job_least(&rt->job, stats.backed, NULL), end);
    if (target <= heap->covered)
        return MEMHEAP_OK;
    memheap_status_t status = memheap_transport_cover(
        rt->transport, heap->id, heap->base, heap->covered, target);
    if (status == MEMHEAP_OK)
        heap->covered = target;
    return status;
}

memheap_status_t memheap_runtime_cover_far(const void *block, int *pe_p)
{
    memheap_runtime_t *rt = &memheap_runtime;
    const memheap_segment_t *heap = &rt->symmetric;
    size_t size;
    if (block == NULL ||
        memheap_find_block(rt->heap, block, &size) != MEMHEAP_OK)
        return MEMHEAP_OK;
    size_t end = (size_t)((const char *)block - heap->base) + size;
    if (end <= heap->covered)
        return MEMHEAP_OK;
    memheap_status_t status = cover_backed(rt, end);
    if (status != MEMHEAP_OK)
        memheap_job_least(&rt->job, rt->message[0] == '\0', pe_p);
    return status;
}

static void ignore(void *context, memheap_log_level_t level,
                   const char *message)
{
    (void)context;
    (void)level;
    (void)message;
}

/* This PE's part of the heap: memory behind the common range, windows on all
 * PEs' memory, and the heap over it. Each step is undone if a later one fails
 * on any PE. */
static memheap_status_t create_heap(memheap_runtime_t *rt, size_t limit)
{
    void *base;
    memheap_region_t region;
    memheap_config_t config = {.name = "symmetric",
                               .flags =
                                   rt->thread_level == SHMEM_THREAD_MULTIPLE
                                       ? 0
                                       : MEMHEAP_SINGLE_THREADED,
                               .log = &rt->log};
    const memheap_log_t silent = {ignore, NULL, MEMHEAP_LOG_ERROR};
    int fd = -1;
    memheap_status_t status =
        memheap_symmetric_reserve(&rt->job, limit, &rt->log, &base);
    memheap_status_t worst = memheap_job_worst(&rt->job, status);
    if (worst != MEMHEAP_OK)
        goto err_report;
    status = memheap_window_file("memheap", 0, &fd, &rt->log);
    if (status == MEMHEAP_OK)
        status = memheap_region_share(&region, base, limit, fd,
                                      (unsigned)rt->job.machine_size, &rt->log);
    /* What the user says that it will be is registered in one piece, if there
     * is memory for it. */
    if (status == MEMHEAP_OK && rt->transport != NULL && rt->limited)
        memheap_region_back(&region, limit, &silent);
    worst = memheap_job_worst(&rt->job, status);
    if (worst != MEMHEAP_OK)
        goto err_file;
    status = memheap_windows_open(&rt->symmetric.windows, &rt->job, fd, limit,
                                  &rt->log);
    worst = memheap_job_worst(&rt->job, status);
    if (worst != MEMHEAP_OK)
        goto err_windows;
    status = memheap_create_over(&region, &config, memheap_shmem_param_defs,
                                 memheap_shmem_param_def_count, &rt->heap);
    worst = memheap_job_worst(&rt->job, status);
    if (worst != MEMHEAP_OK)
        goto err_heap;
    const char *name = memheap_component_name(rt->heap);
    memheap_call_t call = {
        .what = MEMHEAP_CALL_CREATE,
        .argument = {memheap_call_digest(0, name, strlen(name)), 0, 0}};
    memheap_runtime_agree(&call, MEMHEAP_OK, 0, NULL);
    rt->symmetric.base = memheap_base(rt->heap);
    rt->symmetric.reach = memheap_reach(rt->heap);
    worst = cover_backed(rt, 0);
    if (worst == MEMHEAP_OK)
        return MEMHEAP_OK;

err_heap:
    if (status == MEMHEAP_OK)
        memheap_destroy(rt->heap);
    else
        memheap_region_release(&region);
    memheap_windows_close(&rt->symmetric.windows);
    goto err_report;
err_windows:
    memheap_windows_close(&rt->symmetric.windows);
err_file:
    munmap(base, limit);
    if (fd >= 0)
        close(fd);
err_report:
    report_start(rt);
    return worst;
}

static void leave_variables(memheap_runtime_t *rt)
{
    memheap_windows_close(&rt->variables.windows);
    memheap_globals_unshare(&rt->globals);
    rt->variables = (memheap_segment_t){.id = MEMHEAP_SEGMENT_VARIABLES};
}

/* Make the program's variables symmetric, where all PEs run one program. It is
 * no error if they do not: each has its own variables then. */
static memheap_status_t share_variables(memheap_runtime_t *rt)
{
    memheap_globals_t *globals = &rt->globals;
    memheap_globals_find(globals);
    uint64_t digest = globals->digest;
    bool same = memheap_job_and(&rt->job, digest) == digest &&
                memheap_job_and(&rt->job, ~digest) == ~digest;
    if (memheap_job_and(&rt->job, same && globals->base != NULL) == 0) {
        memheap_log_write(&rt->log, MEMHEAP_LOG_DEBUG,
                          "the PEs run different programs: their variables "
                          "are not symmetric");
        return MEMHEAP_OK;
    }
    memheap_windows_t *windows = &rt->variables.windows;
    memheap_status_t status = memheap_globals_share(globals, &rt->log);
    memheap_status_t worst = memheap_job_worst(&rt->job, status);
    if (worst == MEMHEAP_OK) {
        status = memheap_windows_open(windows, &rt->job, globals->fd,
                                      globals->size, &rt->log);
        worst = memheap_job_worst(&rt->job, status);
    }
    if (worst != MEMHEAP_OK) {
        memheap_windows_close(windows);
        memheap_globals_unshare(globals);
        report_start(rt);
        return worst;
    }
    rt->variables.base = globals->base;
    rt->variables.reach = globals->size;
    if (rt->transport != NULL)
        worst = memheap_transport_cover(rt->transport, rt->variables.id,
                                        globals->base, 0, globals->size);
    if (worst != MEMHEAP_OK) {
        report_start(rt);
        leave_variables(rt);
    }
    return worst;
}

/* Start the job's parts in order; see memheap_runtime_start(). */
static memheap_status_t start(memheap_runtime_t *rt)
{
    memheap_framework_t framework;
    memheap_status_t status = read_params(rt, &framework);
    if (status != MEMHEAP_OK)
        return status;
    if (memheap_params_value(rt->params, "SHMEM_DEBUG")->boolean)
        rt->log.level = MEMHEAP_LOG_DEBUG;
    status = join(rt);
    size_t limit = status == MEMHEAP_OK ? heap_limit(rt) : 0;
    if (status == MEMHEAP_OK && rt->job.rank == 0)
        print_info(rt->params);
    rt->params = NULL;
    memheap_framework_close(&framework);
    if (status == MEMHEAP_OK)
        status = share_variables(rt);
    if (status != MEMHEAP_OK)
        goto err_part;
    status = create_heap(rt, limit);
    if (status != MEMHEAP_OK)
        goto err_heap;
    memheap_team_start();
    memheap_log_write(
        &rt->log, MEMHEAP_LOG_DEBUG,
        "heap of at most %zu bytes at %p, component %s, %s, %d node%s", limit,
        (void *)rt->symmetric.base, memheap_component_name(rt->heap),
        rt->job.crowded ? "more PEs than cores" : "a core for each PE",
        rt->job.node_count, rt->job.node_count == 1 ? "" : "s");
    return MEMHEAP_OK;

err_heap:
    part(rt); /* before the memory that it knows */
    leave_variables(rt);
    return status;
err_part:
    part(rt);
    return status;
}

memheap_status_t memheap_runtime_start(int thread_level)
{
    memheap_runtime_t *rt = &memheap_runtime;
    bool started;
    rt->message[0] = '\0';
    rt->log.level = MEMHEAP_LOG_WARNING;
    memheap_status_t status = memheap_mpi_start(&started, &rt->log);
    if (status != MEMHEAP_OK) {
        memheap_runtime_report(rt->job.rank);
        return status;
    }
    rt->started_mpi = rt->started_mpi || started;
    rt->thread_level = thread_level;
    rt->told_out_of_memory = false;
    memset(rt->free_groups, 0xFF, sizeof(rt->free_groups));
    rt->free_groups[0] &= ~(uint64_t)1; /* that of all PEs */
    rt->free_groups[0] &= ~((uint64_t)1 << MEMHEAP_GROUP_SHARED);
    memheap_job_open(&rt->job);
    status = start(rt);
    if (status != MEMHEAP_OK)
        memheap_job_close(&rt->job);
    return status;
}

void memheap_runtime_stop(void)
{
    memheap_runtime_t *rt = &memheap_runtime;
    memheap_team_stop();
    /* The transport first: it knows the memory of all below. */
    part(rt);
    memheap_windows_close(&rt->symmetric.windows);
    memheap_destroy(rt->heap);
    leave_variables(rt);
    memheap_job_close(&rt->job);
    rt->heap = NULL;
    rt->symmetric = (memheap_segment_t){.id = MEMHEAP_SEGMENT_HEAP};
    rt->depth = 0;
}

void memheap_runtime_end_mpi(void)
{
    memheap_runtime_t *rt = &memheap_runtime;
    int finalized;
    PMPI_Finalized(&finalized);
    bool ours = rt->started_mpi && !rt->program_started_mpi;
    if (!finalized && (ours || rt->program_finalized_mpi))
        PMPI_Finalize();
}
