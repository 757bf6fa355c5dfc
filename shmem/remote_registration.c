/*
 * The other nodes of the job: forms the nodes, opens the transport, registers
 * memory, and ends the job when a node is lost.
 */
#include "config.h"

#include "shmem/remote_registration.h"
#include "shmem/global_exit.h"
#include "comm/agree_exchange.h"
#include "comm/mpi_init.h"
#include "base/util.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <shmem.h>

/* The maximum number of PEs per node, by the parameters. */
static size_t node_limit(const memheap_params_t *params)
{
    const char *transport =
        memheap_params_value(params, "MEMHEAP_TRANSPORT")->string;
    long pes = memheap_params_value(params, "MEMHEAP_NODE_PES")->integer;
    if (strcasecmp(transport, "ucx") == 0)
        return 1;
    return pes == 0 ? SIZE_MAX : (size_t)pes;
}

/* Check the value of MEMHEAP_TRANSPORT. */
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
        memheap_runtime_report_any(status);
    return status;
}

static void receive(void *context, const void *head, const void *data,
                    size_t size)
{
    const memheap_runtime_t *rt = context;
    memheap_agree_receive(&rt->agree, head, data, size);
}

/* Callback of MPI's progress engine: serve other nodes while waiting in MPI. */
static int progress_from_mpi(void)
{
    memheap_transport_t *transport = memheap_runtime.transport;
    return transport == NULL ? 0 : memheap_transport_try_progress(transport);
}

/* Whether this is the first thread to detect a loss. */
static bool is_first_loss(void)
{
    static atomic_flag found = ATOMIC_FLAG_INIT;
    return !atomic_flag_test_and_set(&found);
}

/* Give the launcher time to end this PE. */
static void wait_for_launcher(unsigned seconds)
{
    while (seconds > 0)
        seconds = sleep(seconds);
}

/* End the job after a loss. Give the launcher time to detect the loss itself:
 * if it is told to end the job, it first sends orders to the lost node, and
 * waits as long as TCP retries: a quarter of an hour. */
static _Noreturn void end_after_loss(void)
{
    wait_for_launcher(30);
    memheap_runtime_abort();
}

/* A lost PE may have been ended by the launcher, which will end this one too.
 * The cause has been printed then. */
static void on_peer_lost(void *context, int pe, const char *why, bool gone)
{
    (void)context;
    if (gone)
        wait_for_launcher(3);
    bool first = is_first_loss();
    if (first && pe < 0)
        memheap_runtime_error("a PE of another node cannot be reached (%s)",
                              why);
    else if (first)
        memheap_runtime_error("PE %d cannot be reached (%s)%s", pe, why,
                              gone ? ": its node, or the network to it, is lost"
                                   : "");
    if (!gone)
        memheap_runtime_abort();
    end_after_loss();
}

static long node_timeout_s(const memheap_runtime_t *rt)
{
    return memheap_params_value(rt->params, "MEMHEAP_NODE_TIMEOUT")->integer;
}

/* Called on the thread of the node monitor. */
static void on_node_lost(void *context, const memheap_node_t *node,
                         const char *host, int error)
{
    const memheap_runtime_t *rt = context;
    char pes[80];
    char why[80];
    if (node->size == 1)
        snprintf(pes, sizeof(pes), "PE %d", node->start);
    else if (node->stride == 1)
        snprintf(pes, sizeof(pes), "PEs %d to %d", node->start,
                 node->start + node->size - 1);
    else
        snprintf(pes, sizeof(pes), "%d PEs from PE %d, %d apart", node->size,
                 node->start, node->stride);
    if (error == ETIMEDOUT)
        snprintf(why, sizeof(why),
                 "it did not answer for %ld seconds (MEMHEAP_NODE_TIMEOUT)",
                 node_timeout_s(rt));
    else
        snprintf(why, sizeof(why), "%s", strerror(error));
    if (is_first_loss())
        memheap_runtime_error("node %s with %s, or the network to it, is lost: "
                              "%s",
                              host, pes, why);
    end_after_loss();
}

/* Called on the thread of the node monitor. */
static void on_notice(void *context)
{
    (void)context;
    memheap_global_exit_flush();
}

/* Start the node monitor, unless the user has disabled it. Collective. */
static void start_node_monitor(memheap_runtime_t *rt)
{
    memheap_node_monitor_config_t config = {.timeout_s = node_timeout_s(rt),
                                            .lost = on_node_lost,
                                            .notified = on_notice,
                                            .context = rt};
    long least =
        (long)memheap_job_min(&rt->job, (size_t)config.timeout_s, NULL);
    if (least > 0)
        rt->node_monitor =
            memheap_node_monitor_open(&rt->job, &config, &rt->log);
}

/* Open the transport and the node monitor, and hook into MPI. Collective. */
static memheap_status_t open_transport(memheap_runtime_t *rt)
{
    const memheap_params_t *params = rt->params;
    memheap_transport_config_t config = {
        /* A thread in MPI may make progress while another calls the transport.
         */
        .threads = rt->thread_level != SHMEM_THREAD_SINGLE,
        .concurrent = rt->thread_level == SHMEM_THREAD_MULTIPLE,
        .progress_thread =
            memheap_params_value(params, "MEMHEAP_PROGRESS_THREAD")->boolean,
        .map_nonblocking =
            memheap_params_value(params, "MEMHEAP_MAP_NONBLOCK")->boolean,
        .receive = receive,
        .lost = on_peer_lost,
        .context = rt};
    memheap_status_t status =
        memheap_transport_open(&rt->job, &config, &rt->log, &rt->transport);
    if (status != MEMHEAP_OK) {
        memheap_runtime_report_any(status);
        return status;
    }
    start_node_monitor(rt);
    rt->job.wait.progress = memheap_transport_progress;
    rt->job.wait.sleep = memheap_transport_sleep;
    rt->job.wait.context = rt->transport;
    if (!memheap_mpi_hook_progress(progress_from_mpi, true) &&
        !config.progress_thread)
        memheap_log_write(&rt->log, MEMHEAP_LOG_DEBUG,
                          "this MPI does not serve other nodes while the "
                          "program waits in it; "
                          "set MEMHEAP_PROGRESS_THREAD=1");
    return MEMHEAP_OK;
}

memheap_status_t memheap_registration_open(memheap_runtime_t *rt)
{
    memheap_status_t status = check_transport(rt);
    if (status != MEMHEAP_OK)
        return status;
    status = memheap_job_form_nodes(&rt->job, node_limit(rt->params));
    if (status != MEMHEAP_OK) {
        memheap_runtime_report_any(status);
        return status;
    }
    rt->slow_access_check = rt->job.node_count > 1;
    return rt->job.node_count > 1 ? open_transport(rt) : MEMHEAP_OK;
}

void memheap_registration_close(memheap_runtime_t *rt)
{
    if (rt->transport != NULL)
        memheap_mpi_hook_progress(progress_from_mpi, false);
    memheap_transport_close(rt->transport);
    rt->transport = NULL;
    memheap_node_monitor_close(rt->node_monitor);
    rt->node_monitor = NULL;
    rt->job.wait.progress = NULL;
    rt->job.wait.sleep = NULL;
}

memheap_status_t memheap_register_space(const memheap_space_t *space,
                                        size_t end)
{
    memheap_runtime_t *rt = &memheap_runtime;
    memheap_segment_t *segment = space->segment;
    const memheap_members_t *members = &segment->members;
    memheap_stats_t stats;
    if (rt->transport == NULL)
        return MEMHEAP_OK;
    memheap_get_stats(space->heap, &stats);
    size_t target =
        memheap_max(memheap_job_min(members->job, stats.committed, NULL), end);
    if (target <= segment->registered)
        return MEMHEAP_OK;
    if (memheap_transport_pins(rt->transport))
        memheap_back_pinned(space->heap, target);
    memheap_status_t status =
        memheap_transport_register(rt->transport, segment->id, members,
                                   segment->base, segment->registered, target);
    if (status == MEMHEAP_OK)
        segment->registered = target;
    return status;
}

memheap_status_t memheap_register_block_off_node(const memheap_space_t *space,
                                                 const void *block, int *pe_p)
{
    const memheap_segment_t *segment = space->segment;
    const memheap_members_t *members = &segment->members;
    size_t size;
    if (block == NULL ||
        memheap_find_block(space->heap, block, &size) != MEMHEAP_OK)
        return MEMHEAP_OK;
    size_t end = (size_t)((const char *)block - segment->base) + size;
    if (end <= segment->registered)
        return MEMHEAP_OK;
    memheap_status_t status = memheap_register_space(space, end);
    if (status != MEMHEAP_OK) {
        int number;
        memheap_job_min(members->job, memheap_runtime.message[0] == '\0',
                        &number);
        *pe_p = members->start + number * members->stride;
    }
    return status;
}
