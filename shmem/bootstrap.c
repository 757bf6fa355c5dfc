/*
 * Starts and stops the OpenSHMEM layer.
 *
 * The start is a sequence of steps. The PEs agree on the status after each. If
 * a step fails on a PE, all PEs undo the steps before it.
 */
#include "config.h"

#include "shmem/bootstrap.h"
#include "shmem/long_waits.h"
#include "shmem/call_description.h"
#include "shmem/global_exit.h"
#include "shmem/process.h"
#include "shmem/remote_registration.h"
#include "shmem/space.h"
#include "shmem/team.h"
#include "shmem/user_memory.h"
#include "comm/symmetric.h"
#include "comm/mpi_init.h"
#include "comm/program.h"
#include "base/sysinfo.h"
#include "base/pages.h"
#include "base/param_parse.h"
#include "base/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shmem.h>

/* Digest of the parameters that must be equal on all PEs. Text is compared
 * without case. */
static uint64_t digest_of_params(const memheap_params_t *params)
{
    uint64_t digest = 0;
    for (size_t i = 0; i < params->count; i++) {
        const memheap_param_t *param = &params->param[i];
        if ((param->def->flags & MEMHEAP_PARAM_PER_PE) != 0)
            continue;
        digest = memheap_digest_bytes(digest, param->name, strlen(param->name));
        if (param->def->type == MEMHEAP_PARAM_STRING) {
            for (const char *c = param->text; *c != '\0'; c++) {
                char lower = (char)(*c | ('A' <= *c && *c <= 'Z' ? 32 : 0));
                digest = memheap_digest_bytes(digest, &lower, 1);
            }
        } else {
            digest = memheap_digest_bytes(digest, &param->value,
                                          sizeof(param->value));
        }
    }
    return digest;
}

/* The maximum size of the heap: set by the user, or a share of the machine's
 * memory. A share that the PEs of a machine split is the minimum over all
 * machines. In whole pages of the requested kind, even if this PE falls back to
 * other pages. */
static size_t heap_limit(memheap_runtime_t *rt,
                         const memheap_memory_policy_t *policy)
{
    const memheap_param_t *param =
        memheap_params_find(rt->params, "SHMEM_SYMMETRIC_SIZE");
    const memheap_share_t *share = &param->value.share;
    size_t unit = memheap_pages_unit(policy);
    size_t total;
    size_t available;
    rt->space.has_limit = param->text[0] != '\0';
    if (!rt->space.has_limit)
        return memheap_symmetric_share(&rt->job, policy);
    memheap_sysinfo_memory(&total, &available);
    size_t wanted =
        memheap_share_bytes(share, total, (size_t)rt->job.machine_size);
    if (share->split)
        wanted = memheap_job_min(&rt->job, wanted, NULL);
    size_t size = memheap_align_up(wanted, unit);
    return size < wanted ? memheap_align_down(SIZE_MAX, unit)
                         : memheap_max(size, unit);
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

/* Acquire the registry with its parameters, until memheap_runtime_stop(). */
static memheap_status_t acquire_params(memheap_runtime_t *rt)
{
    const memheap_registry_t *registry;
    memheap_status_t status =
        memheap_registry_acquire(true, &rt->log, &registry);
    memheap_status_t worst = memheap_job_worst(&rt->job, status);
    if (worst != MEMHEAP_OK) {
        memheap_runtime_report_any(worst);
        if (status == MEMHEAP_OK)
            memheap_registry_release();
        return worst;
    }
    rt->params = &registry->params;
    return MEMHEAP_OK;
}

static void release_params(memheap_runtime_t *rt)
{
    rt->params = NULL;
    memheap_registry_release();
}

/* The job's way to reduce a word on one node: through shared memory, which
 * takes a fraction of the time of MPI, above all if PEs share cores. */
static uint64_t reduce_on_node(void *agree, uint64_t word,
                               uint64_t (*operation)(uint64_t a, uint64_t b))
{
    const memheap_call_t call = {.kind = MEMHEAP_CALL_STEP};
    return memheap_runtime_reduce(agree, &call, word, operation);
}

/* Connect the PEs: form the nodes, open the transport and the agreement. Then
 * agree on the parameters. */
static memheap_status_t connect_pes(memheap_runtime_t *rt)
{
    memheap_status_t status = memheap_registration_open(rt);
    if (status != MEMHEAP_OK)
        return status;
    status = memheap_agree_open(&rt->agree, &rt->job, rt->transport,
                                memheap_call_describe, &rt->divergence_log);
    if (status != MEMHEAP_OK) {
        memheap_runtime_report_any(status);
        return status;
    }
    memheap_long_waits_start(rt);
    if (rt->transport == NULL && rt->job.size > 1) {
        rt->job.reduce = reduce_on_node;
        rt->job.reduce_context = &rt->agree;
    }
    memheap_agree_split(&rt->agree, MEMHEAP_GROUP_SETS, 0, 0, 1, rt->job.size,
                        rt->job.rank, &rt->sets_agree);
    memheap_call_t call = {.kind = MEMHEAP_CALL_INIT,
                           .argument = {digest_of_params(rt->params), 0, 0}};
    memheap_runtime_agree(&rt->agree, &call, MEMHEAP_OK, 0, NULL);
    return MEMHEAP_OK;
}

/* Undo connect_pes(), also after it has failed halfway. */
static void disconnect_pes(memheap_runtime_t *rt)
{
    memheap_registration_close(rt);
    memheap_long_waits_stop(rt);
    rt->job.reduce = NULL;
    memheap_agree_close(&rt->agree);
}

/* Do not return pages of the heap to the system; warn if the user asked for
 * that. */
static void pin_pages(memheap_runtime_t *rt)
{
    memheap_pin_pages(rt->space.heap);
    if (memheap_params_value(rt->params, "MEMHEAP_TRIM")->size > 0)
        memheap_log_write(&rt->log, MEMHEAP_LOG_WARNING,
                          "MEMHEAP_TRIM has no effect: the job has several "
                          "nodes, and the network may use the pages of the "
                          "heap at any time");
}

/* Create the symmetric heap, and make it accessible to other nodes. */
static memheap_status_t create_heap(memheap_runtime_t *rt, size_t limit,
                                    const memheap_memory_policy_t *policy)
{
    memheap_config_t heap = {.name = "symmetric",
                             .flags = MEMHEAP_JOB_HEAP |
                                      (rt->thread_level == SHMEM_THREAD_MULTIPLE
                                           ? MEMHEAP_ORDERED
                                           : MEMHEAP_SINGLE_THREADED),
                             .log = &rt->log};
    /* With a size set by the user, commit and register the heap as a whole. */
    memheap_symmetric_config_t config = {.job = &rt->job,
                                         .limit = limit,
                                         .committed = rt->transport != NULL &&
                                                      rt->space.has_limit,
                                         .policy = *policy,
                                         .heap = &heap,
                                         .synced = true,
                                         .warnings = &memheap_runtime_warnings};
    memheap_symmetric_t symmetric;
    memheap_status_t status = memheap_symmetric_open(&config, &symmetric);
    if (status != MEMHEAP_OK)
        goto err_report;
    rt->space.heap = symmetric.heap;
    memheap_releases_open(&rt->space.releases);
    const char *name = memheap_component_name(rt->space.heap);
    memheap_call_t call = {
        .kind = MEMHEAP_CALL_CREATE,
        .argument = {memheap_digest_bytes(0, name, strlen(name)), 0, 0}};
    memheap_runtime_agree(&rt->agree, &call, MEMHEAP_OK, 0, NULL);
    /* A network card keeps using the page that was registered, even if the
     * kernel has replaced it. */
    if (rt->transport != NULL)
        pin_pages(rt);
    rt->heap_segment.base = symmetric.base;
    rt->heap_segment.windows = symmetric.windows;
    rt->heap_segment.access_checked = memheap_is_access_checked(rt->space.heap);
    rt->slow_access_check =
        rt->slow_access_check || rt->heap_segment.access_checked;
    rt->heap_segment.accessible = memheap_high_water(rt->space.heap);
    status = memheap_register_space(&rt->space, 0);
    if (status == MEMHEAP_OK)
        return MEMHEAP_OK;
    memheap_symmetric_close(&symmetric);

err_report:
    memheap_runtime_report_any(status);
    return status;
}

static void unshare_data(memheap_runtime_t *rt)
{
    memheap_windows_close(&rt->data_segment.windows);
    memheap_segment_reset(&rt->data_segment);
}

/* Whether all PEs run the same executable. If not, write into why how two of
 * them differ. Collective. */
static bool is_one_program(const memheap_job_t *job, char *why, size_t room)
{
    struct program {
        uint64_t digest;
        char path[256];
    } first = {.digest = memheap_program_digest()}, other;
    memheap_program_path(first.path, sizeof(first.path));
    other = first;
    memheap_job_broadcast(job, 0, &first, sizeof(first));
    int pe;
    if (memheap_job_min(job, other.digest == first.digest, &pe) != 0)
        return true;
    memheap_job_broadcast(job, pe, &other, sizeof(other));
    snprintf(why, room, "PE 0 runs %s, and PE %d runs another program, %s",
             first.path, pe, other.path);
    return false;
}

/* Whether the variables of all PEs can be symmetric. If not, that is no error,
 * and rt->no_variables says why. Collective. */
static bool can_share_data(memheap_runtime_t *rt)
{
    char *why = rt->no_variables;
    int pe;
    why[0] = '\0';
    if (!is_one_program(&rt->job, why, sizeof(rt->no_variables)))
        return false;
    enum {
        NOT_MOVED,
        CLOSED,
        MOVED
    };
    const memheap_moved_pages_t *pages = &rt->data_pages;
    size_t state = memheap_moved_pages_is_moved(pages) ? MOVED
                   : pages->moved > 0                  ? CLOSED
                                                       : NOT_MOVED;
    state = memheap_job_min(&rt->job, state, &pe);
    if (state == MOVED)
        return true;
    snprintf(why, sizeof(rt->no_variables),
             state == CLOSED
                 ? "PE %d has closed the descriptor of the memory file that "
                   "this library keeps them in"
                 : "PE %d has other threads, which may write to variables "
                   "while they are moved; load the library before them",
             pe);
    return false;
}

/* Make the data segment symmetric. It has huge pages if the policy asks for
 * them: untouched variables are to take no memory by default. */
static memheap_status_t share_data(memheap_runtime_t *rt,
                                   const memheap_memory_policy_t *policy)
{
    const memheap_moved_pages_t *pages = &rt->data_pages;
    memheap_status_t status = memheap_job_worst(&rt->job, rt->data_status);
    if (status != MEMHEAP_OK) {
        memheap_runtime_report_any(status);
        return status;
    }
    if (!can_share_data(rt)) {
        memheap_log_write(&rt->log, MEMHEAP_LOG_DEBUG,
                          "the program's variables are not symmetric: %s",
                          rt->no_variables);
        return MEMHEAP_OK;
    }
    memheap_windows_t *windows = &rt->data_segment.windows;
    status = memheap_job_worst(
        &rt->job, memheap_windows_open(windows, &rt->job, pages->fd,
                                       pages->lead, pages->size, &rt->log));
    if (status == MEMHEAP_OK) {
        rt->data_segment.base = pages->base;
        rt->data_segment.accessible = pages->size;
    }
    if (policy->pages == MEMHEAP_PAGES_THP)
        memheap_moved_pages_back(pages);
    for (int i = 0; i < pages->count && status == MEMHEAP_OK; i++) {
        if (rt->transport != NULL)
            status = memheap_transport_register(
                rt->transport, rt->data_segment.id, &rt->data_segment.members,
                pages->base, pages->range[i].from, pages->range[i].to);
    }
    if (status != MEMHEAP_OK) {
        memheap_runtime_report_any(status);
        unshare_data(rt);
    }
    return status;
}

/* Run the steps of the start, after the job is open. */
static memheap_status_t start_job(memheap_runtime_t *rt)
{
    memheap_status_t status = acquire_params(rt);
    if (status != MEMHEAP_OK)
        return status;
    if (memheap_params_value(rt->params, "SHMEM_DEBUG")->boolean)
        rt->log.level = MEMHEAP_LOG_DEBUG;
    status = connect_pes(rt);
    size_t limit = 0;
    memheap_memory_policy_t policy = {.numa_node = 0};
    if (status == MEMHEAP_OK) {
        memheap_pages_resolve(rt->params, &policy);
        limit = heap_limit(rt, &policy);
    }
    if (status == MEMHEAP_OK && rt->job.rank == 0)
        print_info(rt->params);
    if (status == MEMHEAP_OK)
        status = share_data(rt, &policy);
    if (status != MEMHEAP_OK)
        goto err_connect;
    status = create_heap(rt, limit, &policy);
    if (status != MEMHEAP_OK)
        goto err_heap;
    memheap_team_start();
    memheap_global_exit_open();
    memheap_log_write(
        &rt->log, MEMHEAP_LOG_DEBUG,
        "heap of at most %zu bytes at %p, component %s, %d node%s", limit,
        (void *)rt->heap_segment.base, memheap_component_name(rt->space.heap),
        rt->job.node_count, rt->job.node_count == 1 ? "" : "s");
    return MEMHEAP_OK;

err_heap:
    disconnect_pes(rt); /* before the memory that is registered with it */
    unshare_data(rt);
    release_params(rt);
    return status;
err_connect:
    disconnect_pes(rt);
    release_params(rt);
    return status;
}

/* Warn if a launcher has started several PEs that do not know of each other:
 * its protocol, or its MPI, is not that of the program. The first of them
 * prints it. */
static void warn_of_lone_pes(const memheap_runtime_t *rt)
{
    static const struct {
        const char *count, *rank, *advice;
    } launchers[] = {
        {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID",
         "start it by srun --mpi=pmix with Open MPI, or --mpi=pmi2 with MPICH"},
        {"PMI_SIZE", "PMI_RANK",
         "start it by the mpirun of the MPI that it was built with"},
        {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK",
         "start it by the mpirun of the MPI that it was built with"}};
    if (rt->job.size > 1)
        return;
    for (size_t i = 0; i < sizeof(launchers) / sizeof(launchers[0]); i++) {
        const char *count = getenv(launchers[i].count);
        const char *rank = getenv(launchers[i].rank);
        if (count == NULL || rank == NULL || atoi(count) < 2)
            continue;
        if (atoi(rank) == 0)
            memheap_log_write(&rt->log, MEMHEAP_LOG_WARNING,
                              "the launcher has started %s processes, but each "
                              "is a job of one PE; %s",
                              count, launchers[i].advice);
        return;
    }
}

memheap_status_t memheap_runtime_start(int thread_level)
{
    memheap_runtime_t *rt = &memheap_runtime;
    bool started;
    rt->message[0] = '\0';
    rt->log.level = MEMHEAP_LOG_WARNING;
    rt->data_status = memheap_move_data(); /* MPI starts threads */
    if (!rt->exit_hook_set) {
        memheap_log_write(&rt->log, MEMHEAP_LOG_ERROR,
                          "there is no memory for an exit handler");
        rt->data_status = MEMHEAP_ERR_NO_METADATA;
    }
    memheap_status_t status = memheap_mpi_start(&started, &rt->log);
    if (status != MEMHEAP_OK) {
        memheap_runtime_report(rt->job.rank);
        return status;
    }
    rt->started_mpi = rt->started_mpi || started;
    rt->thread_level = thread_level;
    rt->space.logged_out_of_memory = false;
    memset(rt->free_groups, 0xFF, sizeof(rt->free_groups));
    rt->free_groups[0] &= ~(uint64_t)1; /* of all PEs */
    rt->free_groups[0] &= ~((uint64_t)1 << MEMHEAP_GROUP_SHARED);
    rt->free_groups[0] &= ~((uint64_t)1 << MEMHEAP_GROUP_SETS);
    memheap_job_open(&rt->job, MPI_COMM_WORLD, -1);
    warn_of_lone_pes(rt);
    status = start_job(rt);
    if (status != MEMHEAP_OK)
        memheap_job_close(&rt->job);
    return status;
}

void memheap_runtime_stop(void)
{
    memheap_runtime_t *rt = &memheap_runtime;
    memheap_space_report(&rt->space);
    memheap_spaces_report();
    memheap_team_stop();
    memheap_global_exit_close();
    /* The transport first: all memory below is registered with it. */
    disconnect_pes(rt);
    memheap_spaces_stop();
    memheap_user_memory_stop();
    memheap_windows_close(&rt->heap_segment.windows);
    memheap_releases_close(&rt->space.releases);
    memheap_end(rt->space.heap);
    unshare_data(rt);
    memheap_job_close(&rt->job);
    release_params(rt);
    rt->space.heap = NULL;
    memheap_segment_reset(&rt->heap_segment);
    rt->job.wait.progress = memheap_refuse_to_wait;
    rt->depth = 0;
}

void memheap_runtime_end_mpi(void)
{
    memheap_runtime_t *rt = &memheap_runtime;
    int finalized;
    PMPI_Finalized(&finalized);
    bool ours = rt->started_mpi && !rt->program_started_mpi;
    if (!finalized && (ours || rt->program_finalized_mpi))
        MEMHEAP_MPI(MPI_Finalize, );
}
