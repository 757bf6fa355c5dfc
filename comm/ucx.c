/*
 * The transport over UCX: the worker, the peers, and puts and gets.
 *
 * One UCX worker serves the PE. Each PE publishes two kinds of records, stored
 * once per node: its worker address; and for each registered part of a segment,
 * the segment's base address and the packed remote key. A peer is created on
 * first use, with its endpoint; its remote keys are unpacked on first use.
 *
 * Invariants:
 *   - If several threads may call, a lock is held for each step into UCX, and
 *     is released while waiting.
 *   - `pending` counts the operations that outlive their call. They are
 *     complete when the worker is flushed and the count is zero.
 *
 * ucx_segments.c has the registered memory, ucx_atomics.c the atomic
 * operations, ucx_progress.c the progress thread. Together they implement
 * transport.h.
 */
#define _GNU_SOURCE /* secure_getenv(), ppoll() */
#include "config.h"

#include "comm/ucx.h"
#include "comm/ucx_atomics.h"
#include "comm/ucx_progress.h"
#include "comm/ucx_segments.h"
#include "base/util.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The record by which other PEs reach a PE. */
typedef struct address {
    int machine;  /* the first PE of its machine */
    char bytes[]; /* the UCX worker address */
} address_t;

/* Context of an operation that outlives its call. */
typedef struct operation {
    memheap_transport_t *transport;
    int pe;
} operation_t;

bool memheap_transport_progress(void *transport)
{
    memheap_transport_t *t = transport;
    lock_worker(t);
    unsigned events = ucp_worker_progress(t->worker);
    unlock_worker(t);
    return events != 0;
}

void memheap_transport_sleep(void *transport, uint64_t ns)
{
    memheap_transport_t *t = transport;
    struct pollfd event = {.fd = -1, .events = POLLIN}; /* -1 is ignored */
    const struct timespec time = {.tv_nsec = (long)ns};
    lock_worker(t);
    ucs_status_t armed =
        t->event_file < 0 ? UCS_ERR_UNSUPPORTED : ucp_worker_arm(t->worker);
    unlock_worker(t);
    if (armed == UCS_ERR_BUSY) /* there is something to do */
        return;
    if (armed == UCS_OK)
        event.fd = t->event_file;
    ppoll(&event, 1, &time, NULL);
}

int memheap_transport_try_progress(memheap_transport_t *t)
{
    if (t->ending || (t->locked && pthread_mutex_trylock(&t->lock) != 0))
        return 0;
    count_call(t);
    unsigned events = ucp_worker_progress(t->worker);
    unlock_worker(t);
    return (int)events;
}

_Noreturn void memheap_ucx_lost(memheap_transport_t *t, int pe,
                                ucs_status_t why)
{
    t->ending = true; /* MPI may make progress while it ends the job */
    bool gone = why == UCS_ERR_ENDPOINT_TIMEOUT ||
                why == UCS_ERR_CONNECTION_RESET || why == UCS_ERR_TIMED_OUT ||
                why == UCS_ERR_CANCELED;
    t->config.lost(t->config.context, pe,
                   why == UCS_ERR_UNREACHABLE
                       ? "UCX has chosen a network that does not lead there; "
                         "UCX_NET_DEVICES selects another"
                       : ucs_status_string(why),
                   gone);
    abort();
}

static void on_lost(void *context, ucp_ep_h endpoint, ucs_status_t why)
{
    peer_t *peer = context;
    (void)endpoint;
    if (!peer->transport->closing)
        memheap_ucx_lost(peer->transport, peer->pe, why);
}

static void describe_operation(const memheap_wait_reason_t *reason, char *text,
                               size_t room)
{
    (void)reason;
    snprintf(text, room, "an operation on a PE of another node");
}

static const memheap_wait_reason_t remote_operation = {describe_operation};

/* Begin a wait of a loop that makes progress itself, under the lock. */
static memheap_wait_t begin_wait(const memheap_transport_t *t)
{
    memheap_wait_t wait = memheap_wait_begin(&t->job->wait, &remote_operation);
    wait.policy.progress = NULL;
    return wait;
}

void memheap_ucx_finish(memheap_transport_t *t, int pe,
                        ucs_status_ptr_t request)
{
    if (request == NULL)
        return;
    ucs_status_t status = UCS_PTR_IS_ERR(request)
                              ? UCS_PTR_STATUS(request)
                              : ucp_request_check_status(request);
    memheap_wait_t wait = begin_wait(t);
    while (status == UCS_INPROGRESS) {
        unsigned events = ucp_worker_progress(t->worker);
        unlock_worker(t);
        if (events == 0)
            memheap_wait_step(&wait);
        else
            wait.served = true;
        lock_worker(t);
        status = ucp_request_check_status(request);
    }
    if (status != UCS_OK && !t->closing)
        memheap_ucx_lost(t, pe, status);
    if (UCS_PTR_IS_PTR(request))
        ucp_request_free(request);
}

peer_t *memheap_ucx_peer(memheap_transport_t *t, int pe)
{
    uint64_t *found = memheap_hashmap_find(&t->peers, (uint64_t)pe);
    if (MEMHEAP_LIKELY(found != NULL))
        return (peer_t *)(uintptr_t)*found;
    peer_t *peer = calloc(1, sizeof(*peer));
    if (peer == NULL || memheap_hashmap_reserve(&t->peers) != MEMHEAP_OK)
        memheap_ucx_lost(t, pe, UCS_ERR_NO_MEMORY);
    size_t size;
    *peer = (peer_t){.transport = t, .pe = pe, .next = t->first};
    const address_t *address =
        memheap_address_table_at(&t->addresses, pe, &size);
    /* UCX does not use shared memory for an endpoint that detects failures,
     * so detect failures only between machines. */
    ucp_ep_params_t params = {
        .field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS |
                      UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE |
                      UCP_EP_PARAM_FIELD_ERR_HANDLER,
        .address = (const ucp_address_t *)address->bytes,
        .err_mode = address->machine == t->job->machine_first
                        ? UCP_ERR_HANDLING_MODE_NONE
                        : UCP_ERR_HANDLING_MODE_PEER,
        .err_handler = {on_lost, peer}};
    ucs_status_t status = ucp_ep_create(t->worker, &params, &peer->endpoint);
    if (status == UCS_ERR_UNREACHABLE) {
        /* UCX 1.10 detects no failures over TCP. The node monitor does. */
        params.err_mode = UCP_ERR_HANDLING_MODE_NONE;
        status = ucp_ep_create(t->worker, &params, &peer->endpoint);
    }
    if (status != UCS_OK)
        memheap_ucx_lost(t, pe, status);
    t->first = peer;
    memheap_hashmap_put(&t->peers, (uint64_t)pe, (uintptr_t)peer);
    return peer;
}

/* Completion of an operation that outlived its call. */
static void on_done(void *request, ucs_status_t status, void *context)
{
    operation_t *operation = context;
    operation->transport->pending--;
    if (status != UCS_OK && !operation->transport->closing)
        memheap_ucx_lost(operation->transport, operation->pe, status);
    free(operation);
    ucp_request_free(request);
}

static operation_t *operation_new(memheap_transport_t *t, int pe)
{
    operation_t *operation = malloc(sizeof(*operation));
    if (operation == NULL)
        memheap_ucx_lost(t, pe, UCS_ERR_NO_MEMORY);
    operation->transport = t;
    operation->pe = pe;
    return operation;
}

static ucp_request_param_t callback(operation_t *operation)
{
    return (ucp_request_param_t){.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK |
                                                 UCP_OP_ATTR_FIELD_USER_DATA,
                                 .cb.send = on_done,
                                 .user_data = operation};
}

/* Count an operation as pending, unless it is complete already. */
static void track(memheap_transport_t *t, int pe, ucs_status_ptr_t request,
                  operation_t *operation)
{
    if (UCS_PTR_IS_ERR(request))
        memheap_ucx_lost(t, pe, UCS_PTR_STATUS(request));
    if (request == NULL)
        free(operation);
    else
        t->pending++;
}

/* Copy bytes to or from another PE, span by span. Wait for each span, or for
 * none. */
static void move(memheap_transport_t *t, memheap_remote_addr_t remote,
                 char *local, size_t size, bool put, bool wait)
{
    lock_worker(t);
    while (size > 0) {
        span_t span = memheap_ucx_span(t, &remote, size);
        ucp_ep_h endpoint = span.peer->endpoint;
        operation_t *operation = wait ? NULL : operation_new(t, remote.pe);
        ucp_request_param_t param = wait ? no_callback : callback(operation);
        ucs_status_ptr_t request =
            put ? ucp_put_nbx(endpoint, local, span.size, span.address,
                              span.key, &param)
                : ucp_get_nbx(endpoint, local, span.size, span.address,
                              span.key, &param);
        if (wait)
            memheap_ucx_finish(t, remote.pe, request);
        else
            track(t, remote.pe, request, operation);
        local += span.size;
        remote.offset += span.size;
        size -= span.size;
    }
    unlock_worker(t);
}

void memheap_transport_put(memheap_transport_t *transport,
                           const memheap_remote_addr_t *remote,
                           const void *source, size_t size)
{
    move(transport, *remote, (char *)(uintptr_t)source, size, true, true);
}

void memheap_transport_put_nbi(memheap_transport_t *transport,
                               const memheap_remote_addr_t *remote,
                               const void *source, size_t size)
{
    move(transport, *remote, (char *)(uintptr_t)source, size, true, false);
}

void memheap_transport_get(memheap_transport_t *transport,
                           const memheap_remote_addr_t *remote, void *dest,
                           size_t size)
{
    move(transport, *remote, dest, size, false, true);
}

void memheap_transport_get_nbi(memheap_transport_t *transport,
                               const memheap_remote_addr_t *remote, void *dest,
                               size_t size)
{
    move(transport, *remote, dest, size, false, false);
}

void memheap_ucx_progress_until_zero(memheap_transport_t *t,
                                     const size_t *count)
{
    memheap_wait_t wait = begin_wait(t);
    while (*count > 0) {
        unsigned events = ucp_worker_progress(t->worker);
        unlock_worker(t);
        if (events == 0)
            memheap_wait_step(&wait);
        else
            wait.served = true;
        lock_worker(t);
    }
}

/* UCX orders puts. Atomic operations before the fence are completed here; those
 * after it compare the peer's fence count, and flush the peer if needed. */
void memheap_transport_fence(memheap_transport_t *t)
{
    lock_worker(t);
    memheap_ucx_progress_until_zero(t, &t->atomics);
    t->fences++;
    ucs_status_t status = ucp_worker_fence(t->worker);
    if (status != UCS_OK)
        memheap_ucx_lost(t, -1, status);
    unlock_worker(t);
}

static void wait_pending(memheap_transport_t *t)
{
    memheap_ucx_progress_until_zero(t, &t->pending);
}

void memheap_transport_wait_gets(memheap_transport_t *t)
{
    lock_worker(t);
    wait_pending(t);
    unlock_worker(t);
}

void memheap_transport_quiet(memheap_transport_t *t)
{
    lock_worker(t);
    memheap_ucx_finish(t, -1, ucp_worker_flush_nbx(t->worker, &no_callback));
    wait_pending(t);
    unlock_worker(t);
}

void memheap_transport_quiet_pe(memheap_transport_t *t, int pe)
{
    lock_worker(t);
    if (memheap_hashmap_find(&t->peers, (uint64_t)pe) != NULL)
        memheap_ucx_finish(
            t, pe,
            ucp_ep_flush_nbx(memheap_ucx_peer(t, pe)->endpoint, &no_callback));
    wait_pending(t); /* a get may complete after the flush */
    unlock_worker(t);
}

void memheap_transport_send(memheap_transport_t *t, int pe, const void *head,
                            size_t head_size, const void *data, size_t size)
{
    ucp_request_param_t param = {.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS,
                                 .flags = UCP_AM_SEND_FLAG_EAGER};
    lock_worker(t);
    memheap_ucx_finish(t, pe,
                       ucp_am_send_nbx(memheap_ucx_peer(t, pe)->endpoint,
                                       MESSAGE_ID, head, head_size, data, size,
                                       &param));
    unlock_worker(t);
}

static ucs_status_t on_message(void *context, const void *header,
                               size_t header_size, void *data, size_t size,
                               const ucp_am_recv_param_t *param)
{
    memheap_transport_t *t = context;
    (void)header_size;
    (void)param; /* the message is eager, so data is complete */
    t->config.receive(t->config.context, header, data, size);
    return UCS_OK;
}

memheap_status_t memheap_ucx_failed(const memheap_transport_t *t,
                                    const char *what, ucs_status_t status)
{
    memheap_log_write(t->log, MEMHEAP_LOG_ERROR,
                      "UCX cannot %s (%s); UCX_LOG_LEVEL=info says more", what,
                      ucs_status_string(status));
    return MEMHEAP_ERR_SYSTEM;
}

/* Whether all PEs are on one machine, and in the same namespaces of processes
 * and users: only then can UCX share memory between them. Collective. */
static bool can_share_memory(const memheap_job_t *job)
{
    struct stat pids = {.st_ino = 0};
    struct stat users = {.st_ino = 0};
    if (job->machine_size < job->size)
        return false;
    if (stat("/proc/self/ns/pid", &pids) != 0 ||
        stat("/proc/self/ns/user", &users) != 0)
        pids.st_ino = 0;
    uint64_t mine = (uint64_t)pids.st_ino << 32 | (uint32_t)users.st_ino;
    uint64_t ones = memheap_job_and(job, mine);
    uint64_t zeros = memheap_job_and(job, ~mine);
    return ones == mine && zeros == ~mine;
}

/* Offer nothing to others that the job does not need, unless the user chooses
 * the transports: no SysV segments, which the user's group may attach, since
 * POSIX shared memory serves as well; and no network device if shared memory
 * serves all PEs. UCX 1.13 has lists of what to leave out. */
static ucs_status_t limit_transports(const memheap_transport_t *t,
                                     ucp_config_t *config)
{
    unsigned major;
    unsigned minor;
    unsigned release;
    ucs_status_t status = UCS_OK;
    if (secure_getenv("UCX_TLS") != NULL)
        return UCS_OK;
    ucp_get_version(&major, &minor, &release);
    if (major > 1 || minor >= 13)
        status = ucp_config_modify(config, "TLS", "^sysv");
    if (status == UCS_OK && t->shares_memory)
        status = ucp_config_modify(config, "NET_DEVICES", "");
    return status;
}

static bool has_rdma_device(void)
{
    DIR *devices = opendir("/sys/class/infiniband");
    bool found = false;
    struct dirent *entry;
    while (devices != NULL && (entry = readdir(devices)) != NULL)
        found = found || entry->d_name[0] != '.';
    if (devices != NULL)
        closedir(devices);
    return found;
}

/* Have a flush of the worker only wait for what is outstanding. By default it
 * flushes each endpoint too, which takes another message and its answer over
 * TCP. Without that, operations of other threads could hold it up for ever, and
 * so could answers to other PEs, which a device of RDMA always has on their
 * way; TCP has them only while its buffers are full. */
static void shorten_flush(const memheap_transport_t *t, ucp_config_t *config)
{
    if (!t->config.concurrent && !has_rdma_device() &&
        secure_getenv("UCX_FLUSH_WORKER_EPS") == NULL)
        (void)ucp_config_modify(config, "FLUSH_WORKER_EPS", "n");
}

static memheap_status_t open_context(memheap_transport_t *t)
{
    ucp_config_t *config;
    ucs_status_t status = ucp_config_read(NULL, NULL, &config);
    if (status != UCS_OK)
        return memheap_ucx_failed(t, "be configured", status);
    ucp_params_t params = {
        .field_mask =
            UCP_PARAM_FIELD_FEATURES | UCP_PARAM_FIELD_ESTIMATED_NUM_EPS,
        .features = UCP_FEATURE_RMA | UCP_FEATURE_AM |
                    (t->config.progress_thread ? UCP_FEATURE_WAKEUP : 0),
        .estimated_num_eps = (size_t)t->job->size};
    /* No endpoint has the address of a socket. Without this, UCX 1.10 opens a
     * device of RDMA, and fails where there is none. */
    (void)ucp_config_modify(config, "SOCKADDR_TLS_PRIORITY", "tcp");
    shorten_flush(t, config);
    status = limit_transports(t, config);
    if (status == UCS_OK)
        status = ucp_init(&params, config, &t->context);
    ucp_config_release(config);
    return status == UCS_OK ? MEMHEAP_OK
                            : memheap_ucx_failed(t, "start", status);
}

static memheap_status_t open_worker(memheap_transport_t *t)
{
    ucp_worker_params_t params = {.field_mask =
                                      UCP_WORKER_PARAM_FIELD_THREAD_MODE,
                                  .thread_mode = UCS_THREAD_MODE_SERIALIZED};
    static const ucp_am_recv_callback_t handlers[] = {
        [MESSAGE_ID] = on_message,
        [ATOMIC_REQUEST_ID] = memheap_ucx_on_atomic_request,
        [ATOMIC_REPLY_ID] = memheap_ucx_on_atomic_reply};
    ucs_status_t status = ucp_worker_create(t->context, &params, &t->worker);
    for (unsigned id = MESSAGE_ID; id <= ATOMIC_REPLY_ID && status == UCS_OK;
         id++) {
        ucp_am_handler_param_t handler = {.field_mask =
                                              UCP_AM_HANDLER_PARAM_FIELD_ID |
                                              UCP_AM_HANDLER_PARAM_FIELD_CB |
                                              UCP_AM_HANDLER_PARAM_FIELD_ARG,
                                          .id = id,
                                          .cb = handlers[id],
                                          .arg = t};
        status = ucp_worker_set_am_recv_handler(t->worker, &handler);
    }
    if (status != UCS_OK)
        return memheap_ucx_failed(t, "create a worker", status);
    if (!t->config.progress_thread ||
        ucp_worker_get_efd(t->worker, &t->event_file) != UCS_OK)
        t->event_file = -1;
    return MEMHEAP_OK;
}

/* Publish the worker address of this PE. Collective. */
static memheap_status_t publish_address(memheap_transport_t *t,
                                        memheap_status_t mine)
{
    ucp_address_t *bytes = NULL;
    address_t *address = NULL;
    size_t size = 0;
    if (mine == MEMHEAP_OK) {
        ucs_status_t status = ucp_worker_get_address(t->worker, &bytes, &size);
        if (status != UCS_OK)
            mine = memheap_ucx_failed(t, "get the worker address", status);
        address = malloc(sizeof(*address) + size);
        if (address == NULL)
            mine = MEMHEAP_ERR_NO_METADATA;
    }
    memheap_status_t worst = memheap_job_worst(t->job, mine);
    if (worst == MEMHEAP_OK && address != NULL) {
        address->machine = t->job->machine_first;
        memcpy(address->bytes, bytes, size);
        worst = memheap_address_table_open(&t->addresses, t->job, address,
                                           sizeof(*address) + size, t->log);
    }
    free(address);
    if (bytes != NULL)
        ucp_worker_release_address(t->worker, bytes);
    return worst;
}

static void release(memheap_transport_t *t)
{
    for (memheap_segment_id_t id = 0; id < MEMHEAP_SEGMENTS; id++)
        memheap_ucx_release_segment(t, id);
    memheap_address_table_close(&t->addresses);
    if (t->worker != NULL)
        ucp_worker_destroy(t->worker);
    if (t->context != NULL)
        ucp_cleanup(t->context);
    memheap_hashmap_close(&t->peers);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

memheap_status_t memheap_transport_open(
    const memheap_job_t *job, const memheap_transport_config_t *config,
    const memheap_log_t *log, memheap_transport_t **transport_p)
{
    memheap_transport_t *t = calloc(1, sizeof(*t));
    memheap_status_t status = t == NULL ? MEMHEAP_ERR_NO_METADATA : MEMHEAP_OK;
    if (memheap_job_worst(job, status) != MEMHEAP_OK) {
        free(t);
        return MEMHEAP_ERR_NO_METADATA;
    }
    t->config = *config;
    t->job = job;
    t->log = log;
    t->locked = config->threads || config->progress_thread;
    t->shares_memory = can_share_memory(job);
    pthread_mutex_init(&t->lock, NULL);
    status = memheap_hashmap_open(&t->peers, &memheap_memory_system);
    if (status == MEMHEAP_OK)
        status = open_context(t);
    if (status == MEMHEAP_OK)
        status = open_worker(t);
    status = publish_address(t, status);
    if (status == MEMHEAP_OK && config->progress_thread &&
        !memheap_ucx_progress_start(t))
        memheap_log_write(&memheap_log_stderr, MEMHEAP_LOG_WARNING,
                          "PE %d cannot create the progress thread (%s): PEs "
                          "of other nodes wait while it computes",
                          job->rank, strerror(errno));
    if (status != MEMHEAP_OK)
        release(t);
    else
        *transport_p = t;
    return status;
}

void memheap_transport_close(memheap_transport_t *t)
{
    if (t == NULL)
        return;
    memheap_transport_quiet(t);
    memheap_job_worst(t->job, MEMHEAP_OK); /* all PEs are quiet */
    lock_worker(t);
    t->closing = true;
    for (memheap_segment_id_t id = 0; id < MEMHEAP_SEGMENTS; id++)
        memheap_ucx_release_keys(t, id);
    for (peer_t *peer = t->first; peer != NULL; peer = peer->next)
        memheap_ucx_finish(t, peer->pe,
                           ucp_ep_close_nbx(peer->endpoint, &no_callback));
    unlock_worker(t);
    memheap_job_worst(t->job, MEMHEAP_OK); /* no PE needs progress any more */
    memheap_ucx_progress_stop(t);
    while (t->first != NULL) {
        peer_t *peer = t->first;
        t->first = peer->next;
        free(peer);
    }
    release(t);
}
