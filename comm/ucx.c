/*
 * The transport over UCX.
 *
 * One worker serves the PE. Each PE shows the others two kinds of records, once
 * a node: the worker's address, and for each piece of a segment that was
 * covered its base and packed key. A peer, with its endpoint and its unpacked
 * keys, is made when it is first needed.
 *
 * Where several threads come, a lock is held for each step into UCX and never
 * while waiting. Operations that outlive their call are counted, and done when
 * the worker is flushed and the count is zero.
 *
 * An atomic operation is a message to the PE that owns the word, whose
 * processor does it and answers: so it mixes with those of that PE's own node.
 * UCX's own emulation does not, for it reads and writes the word in two steps.
 */
#include "config.h"

#include "comm/transport.h"
#include "comm/address_table.h"
#include "base/hashmap.h"
#include "base/util.h"

#include <ucp/api/ucp.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MESSAGE_ID = 1,
    ATOMIC_ID,
    ANSWER_ID,
    /** Pieces of one segment: each is a quarter longer than all before it, so
     *  this covers any address space. */
    PIECES = 128
};

/* Bytes of a segment that were registered in one step: up to end, from where
 * the piece before it ends. */
typedef struct piece {
    size_t end;
    ucp_mem_h memory;
    memheap_address_table_t
        keys; /* each with the segment's base on its PE before it */
} piece_t;

typedef struct segment {
    memheap_members_t owners;
    piece_t piece[PIECES];
    int count;
} segment_t;

/* Where a PE is, for the others. */
typedef struct address {
    int machine;  /* the first PE there */
    char bytes[]; /* what UCX says */
} address_t;

/* What is known of a piece of a peer. */
typedef struct far_piece {
    uint64_t base;
    ucp_rkey_h key; /* NULL: not unpacked yet */
} far_piece_t;

typedef struct peer {
    memheap_transport_t *transport;
    int pe;
    ucp_ep_h endpoint;
    uint64_t fences; /* up to which what was put is there */
    far_piece_t *pieces[MEMHEAP_SEGMENTS]; /* PIECES of each, or NULL */
    struct peer *next;
} peer_t;

/* What an operation needs after its call. */
typedef struct operation {
    memheap_transport_t *transport;
    int pe;
} operation_t;

/* An atomic operation on its way to the owner of the word, */
typedef struct atomic_message {
    uint64_t address; /* there */
    uint64_t from;    /* the sender's atomic_t */
    uint64_t value, compare;
    uint32_t kind, size;
    int pe; /* the sender */
} atomic_message_t;

/* and its answer. */
typedef struct answer {
    uint64_t from;
    uint64_t old;
} answer_t;

/* An atomic operation that has no answer yet. */
typedef struct atomic {
    void *old;   /* takes the value before it; NULL if nobody wants that */
    bool waits;  /* the caller does, and frees it */
    size_t left; /* answers to come */
    atomic_message_t message;
} atomic_t;

struct memheap_transport {
    memheap_transport_config_t config;
    const memheap_job_t *job;
    const memheap_log_t *log;
    ucp_context_h context;
    ucp_worker_h worker;
    bool locked;        /* calls take the lock */
    bool closing;       /* errors of peers count no more */
    atomic_bool ending; /* the job is */
    pthread_mutex_t lock;
    memheap_address_table_t addresses;
    segment_t *segment[MEMHEAP_SEGMENTS]; /* NULL: nobody has it */
    memheap_hashmap_t peers;              /* from a PE to its peer_t */
    peer_t *first;
    size_t pending; /* operations that outlived their call */
    size_t atomics; /* those of them that are atomic */
    uint64_t fences;
    pthread_t thread;
    bool has_thread;
    atomic_bool thread_ends;
};

static void enter(memheap_transport_t *t)
{
    if (t->locked)
        pthread_mutex_lock(&t->lock);
}

static void leave(memheap_transport_t *t)
{
    if (t->locked)
        pthread_mutex_unlock(&t->lock);
}

void memheap_transport_progress(void *transport)
{
    memheap_transport_t *t = transport;
    enter(t);
    ucp_worker_progress(t->worker);
    leave(t);
}

int memheap_transport_try_progress(memheap_transport_t *t)
{
    if (t->ending || (t->locked && pthread_mutex_trylock(&t->lock) != 0))
        return 0;
    unsigned events = ucp_worker_progress(t->worker);
    leave(t);
    return (int)events;
}

static _Noreturn void lost(memheap_transport_t *t, int pe, ucs_status_t why)
{
    t->ending = true; /* MPI may wait while it ends the job */
    bool gone = why == UCS_ERR_ENDPOINT_TIMEOUT ||
                why == UCS_ERR_CONNECTION_RESET || why == UCS_ERR_TIMED_OUT ||
                why == UCS_ERR_CANCELED;
    t->config.lost(t->config.context, pe, ucs_status_string(why), gone);
    abort();
}

static void on_lost(void *context, ucp_ep_h endpoint, ucs_status_t why)
{
    peer_t *peer = context;
    (void)endpoint;
    if (!peer->transport->closing)
        lost(peer->transport, peer->pe, why);
}

/* Wait for a request, which is freed. The lock is held on entry and on exit,
 * and not in between. */
static void finish(memheap_transport_t *t, int pe, ucs_status_ptr_t request)
{
    if (request == NULL)
        return;
    ucs_status_t status = UCS_PTR_IS_ERR(request)
                              ? UCS_PTR_STATUS(request)
                              : ucp_request_check_status(request);
    memheap_wait_t wait = t->job->wait;
    wait.progress = NULL; /* it is done here, under the lock */
    while (status == UCS_INPROGRESS) {
        unsigned events = ucp_worker_progress(t->worker);
        leave(t);
        if (events == 0)
            memheap_wait_step(&wait);
        enter(t);
        status = ucp_request_check_status(request);
    }
    if (status != UCS_OK && !t->closing)
        lost(t, pe, status);
    if (UCS_PTR_IS_PTR(request))
        ucp_request_free(request);
}

/* The peer of a PE. */
static peer_t *peer_of(memheap_transport_t *t, int pe)
{
    uint64_t *found = memheap_hashmap_find(&t->peers, (uint64_t)pe);
    if (MEMHEAP_LIKELY(found != NULL))
        return (peer_t *)(uintptr_t)*found;
    peer_t *peer = calloc(1, sizeof(*peer));
    if (peer == NULL || memheap_hashmap_reserve(&t->peers) != MEMHEAP_OK)
        lost(t, pe, UCS_ERR_NO_MEMORY);
    size_t size;
    *peer = (peer_t){.transport = t, .pe = pe, .next = t->first};
    const address_t *address =
        memheap_address_table_at(&t->addresses, pe, &size);
    /* Shared memory has no way to lose a PE, so UCX does not use it where it
     * is asked to notice. */
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
    if (status != UCS_OK)
        lost(t, pe, status);
    t->first = peer;
    memheap_hashmap_put(&t->peers, (uint64_t)pe, (uintptr_t)peer);
    return peer;
}

/* The piece of a segment that has an offset. */
static int piece_of(const segment_t *segment, size_t offset)
{
    int i = 0;
    while (i < segment->count && offset >= segment->piece[i].end)
        i++;
    return i;
}

/* The number that a PE has among the owners of a segment. */
static int number_of(const memheap_members_t *owners, int pe)
{
    return owners->stride == 0 ? 0 : (pe - owners->start) / owners->stride;
}

/* Part of a place that lies in one piece. */
typedef struct span {
    peer_t *peer;
    uint64_t address;
    ucp_rkey_h key;
    size_t size;
} span_t;

/* The first of the spans that size bytes at a place consist of. */
static span_t span_of(memheap_transport_t *t,
                      const memheap_remote_addr_t *place, size_t size)
{
    const segment_t *segment = t->segment[place->segment];
    int i = segment == NULL ? 0 : piece_of(segment, place->offset);
    peer_t *peer = peer_of(t, place->pe);
    far_piece_t **pieces = &peer->pieces[place->segment];
    if (segment == NULL ||
        i == segment->count) /* not covered: nobody was given it */
        lost(t, place->pe, UCS_ERR_INVALID_ADDR);
    if (*pieces == NULL)
        *pieces = calloc(PIECES, sizeof(**pieces));
    if (*pieces == NULL)
        lost(t, place->pe, UCS_ERR_NO_MEMORY);
    far_piece_t *piece = *pieces + i;
    if (piece->key == NULL) {
        size_t bytes;
        const char *record = memheap_address_table_at(
            &segment->piece[i].keys, number_of(&segment->owners, place->pe),
            &bytes);
        memcpy(&piece->base, record, sizeof(piece->base));
        ucs_status_t status = ucp_ep_rkey_unpack(
            peer->endpoint, record + sizeof(piece->base), &piece->key);
        if (status != UCS_OK)
            lost(t, place->pe, status);
    }
    return (span_t){peer, piece->base + place->offset, piece->key,
                    memheap_min(size, segment->piece[i].end - place->offset)};
}

/* Count down an operation that outlived its call. */
static void on_done(void *request, ucs_status_t status, void *context)
{
    operation_t *operation = context;
    operation->transport->pending--;
    if (status != UCS_OK && !operation->transport->closing)
        lost(operation->transport, operation->pe, status);
    free(operation);
    ucp_request_free(request);
}

static operation_t *operation_new(memheap_transport_t *t, int pe)
{
    operation_t *operation = malloc(sizeof(*operation));
    if (operation == NULL)
        lost(t, pe, UCS_ERR_NO_MEMORY);
    operation->transport = t;
    operation->pe = pe;
    return operation;
}

static const ucp_request_param_t no_callback = {0};

static ucp_request_param_t callback(operation_t *operation)
{
    return (ucp_request_param_t){.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK |
                                                 UCP_OP_ATTR_FIELD_USER_DATA,
                                 .cb.send = on_done,
                                 .user_data = operation};
}

/* What became of a request with a callback: it is under way, or is done. */
static void began(memheap_transport_t *t, int pe, ucs_status_ptr_t request,
                  operation_t *operation)
{
    if (UCS_PTR_IS_ERR(request))
        lost(t, pe, UCS_PTR_STATUS(request));
    if (request == NULL)
        free(operation);
    else
        t->pending++;
}

/* Move bytes to or from a place, span by span; wait for each, or for none. */
static void move(memheap_transport_t *t, memheap_remote_addr_t place,
                 char *local, size_t size, bool put, bool wait)
{
    enter(t);
    while (size > 0) {
        span_t span = span_of(t, &place, size);
        ucp_ep_h endpoint = span.peer->endpoint;
        operation_t *operation = wait ? NULL : operation_new(t, place.pe);
        ucp_request_param_t param = wait ? no_callback : callback(operation);
        ucs_status_ptr_t request =
            put ? ucp_put_nbx(endpoint, local, span.size, span.address,
                              span.key, &param)
                : ucp_get_nbx(endpoint, local, span.size, span.address,
                              span.key, &param);
        if (wait)
            finish(t, place.pe, request);
        else
            began(t, place.pe, request, operation);
        local += span.size;
        place.offset += span.size;
        size -= span.size;
    }
    leave(t);
}

void memheap_transport_put(memheap_transport_t *transport,
                           const memheap_remote_addr_t *place,
                           const void *source, size_t size)
{
    move(transport, *place, (char *)(uintptr_t)source, size, true, true);
}

void memheap_transport_put_nbi(memheap_transport_t *transport,
                               const memheap_remote_addr_t *place,
                               const void *source, size_t size)
{
    move(transport, *place, (char *)(uintptr_t)source, size, true, false);
}

void memheap_transport_get(memheap_transport_t *transport,
                           const memheap_remote_addr_t *place, void *dest,
                           size_t size)
{
    move(transport, *place, dest, size, false, true);
}

void memheap_transport_get_nbi(memheap_transport_t *transport,
                               const memheap_remote_addr_t *place, void *dest,
                               size_t size)
{
    move(transport, *place, dest, size, false, false);
}

/* What a request leaves when it is done, and nobody waits for it. */
static void on_sent(void *request, ucs_status_t status, void *context)
{
    (void)status; /* the endpoint says what went wrong */
    free(context);
    ucp_request_free(request);
}

/* Send a header alone. It must stay until it has left: so it is freed then
 * if it is the sender's no more. */
static void send_header(memheap_transport_t *t, int pe, ucp_ep_h endpoint,
                        unsigned id, const void *header, size_t size,
                        void *freed)
{
    ucp_request_param_t param = {
        .op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS | UCP_OP_ATTR_FIELD_CALLBACK |
                        UCP_OP_ATTR_FIELD_USER_DATA,
        .flags = UCP_AM_SEND_FLAG_EAGER | UCP_AM_SEND_FLAG_REPLY,
        .cb.send = on_sent,
        .user_data = freed};
    ucs_status_ptr_t request =
        ucp_am_send_nbx(endpoint, id, header, size, NULL, 0, &param);
    if (request == NULL)
        free(freed);
    else if (UCS_PTR_IS_ERR(request) && !t->closing)
        lost(t, pe, UCS_PTR_STATUS(request));
}

/* Send an atomic operation; what was put before a fence is there first. */
static void begin_atomic(memheap_transport_t *t,
                         const memheap_remote_addr_t *place,
                         const memheap_atomic_t *atomic, atomic_t *operation)
{
    memheap_remote_addr_t at = *place;
    span_t span = span_of(t, &at, atomic->size);
    operation->message = (atomic_message_t){
        .address = span.address,
        .from = (uintptr_t)operation,
        .value = atomic->value,
        .compare = atomic->compare,
        .kind = (uint32_t)atomic->kind,
        .size = (uint32_t)atomic->size,
        .pe = t->job->rank,
    };
    if (span.peer->fences != t->fences) {
        span.peer->fences = t->fences;
        finish(t, place->pe,
               ucp_ep_flush_nbx(span.peer->endpoint, &no_callback));
    }
    send_header(t, place->pe, span.peer->endpoint, ATOMIC_ID,
                &operation->message, sizeof(operation->message), NULL);
}

#define DO_ATOMIC(T, WORD, VALUE, COMPARE, KIND, OLD)                          \
    do {                                                                       \
        T *word = (T *)(WORD);                                                 \
        T operand, expected, before;                                           \
        memcpy(&operand, &(VALUE), sizeof(T));                                 \
        memcpy(&expected, &(COMPARE), sizeof(T));                              \
        switch (KIND) {                                                        \
        case MEMHEAP_ATOMIC_ADD:                                               \
            before = __atomic_fetch_add(word, operand, __ATOMIC_SEQ_CST);      \
            break;                                                             \
        case MEMHEAP_ATOMIC_AND:                                               \
            before = __atomic_fetch_and(word, operand, __ATOMIC_SEQ_CST);      \
            break;                                                             \
        case MEMHEAP_ATOMIC_OR:                                                \
            before = __atomic_fetch_or(word, operand, __ATOMIC_SEQ_CST);       \
            break;                                                             \
        case MEMHEAP_ATOMIC_XOR:                                               \
            before = __atomic_fetch_xor(word, operand, __ATOMIC_SEQ_CST);      \
            break;                                                             \
        case MEMHEAP_ATOMIC_SWAP:                                              \
            before = __atomic_exchange_n(word, operand, __ATOMIC_SEQ_CST);     \
            break;                                                             \
        default:                                                               \
            before = expected;                                                 \
            __atomic_compare_exchange_n(word, &before, operand, false,         \
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);   \
        }                                                                      \
        memcpy(&(OLD), &before, sizeof(T));                                    \
    } while (0)

static ucs_status_t on_atomic(void *context, const void *header,
                              size_t header_size, void *data, size_t size,
                              const ucp_am_recv_param_t *param)
{
    memheap_transport_t *t = context;
    atomic_message_t message; /* the header lies where the network put it */
    answer_t *answer = calloc(1, sizeof(*answer));
    (void)header_size;
    (void)data;
    (void)size;
    if (answer == NULL)
        lost(t, t->job->rank, UCS_ERR_NO_MEMORY);
    memcpy(&message, header, sizeof(message));
    answer->from = message.from;
    if (message.size == sizeof(uint32_t))
        DO_ATOMIC(uint32_t, message.address, message.value, message.compare,
                  message.kind, answer->old);
    else
        DO_ATOMIC(uint64_t, message.address, message.value, message.compare,
                  message.kind, answer->old);
    send_header(t, message.pe, param->reply_ep, ANSWER_ID, answer,
                sizeof(*answer), answer);
    return UCS_OK;
}

static ucs_status_t on_answer(void *context, const void *header,
                              size_t header_size, void *data, size_t size,
                              const ucp_am_recv_param_t *param)
{
    memheap_transport_t *t = context;
    answer_t answer;
    (void)header_size;
    (void)data;
    (void)size;
    (void)param;
    memcpy(&answer, header, sizeof(answer));
    atomic_t *operation = (atomic_t *)(uintptr_t)answer.from;
    if (operation->old != NULL)
        memcpy(operation->old, &answer.old, operation->message.size);
    operation->left = 0;
    if (!operation->waits) {
        t->pending--;
        t->atomics--;
        free(operation);
    }
    return UCS_OK;
}

/* Make progress until nothing is left of what is counted. */
static void progress_until_none(memheap_transport_t *t, const size_t *count)
{
    memheap_wait_t wait = t->job->wait;
    wait.progress = NULL; /* it is done here, under the lock */
    while (*count > 0) {
        unsigned events = ucp_worker_progress(t->worker);
        leave(t);
        if (events == 0)
            memheap_wait_step(&wait);
        enter(t);
    }
}

uint64_t memheap_transport_fetch(memheap_transport_t *t,
                                 const memheap_remote_addr_t *place,
                                 const memheap_atomic_t *atomic)
{
    uint64_t old = 0;
    atomic_t operation = {.old = &old, .waits = true, .left = 1};
    enter(t);
    begin_atomic(t, place, atomic, &operation);
    progress_until_none(t, &operation.left);
    leave(t);
    return old;
}

void memheap_transport_update(memheap_transport_t *t,
                              const memheap_remote_addr_t *place,
                              const memheap_atomic_t *atomic, void *old)
{
    atomic_t *operation = malloc(sizeof(*operation));
    enter(t);
    if (operation == NULL)
        lost(t, place->pe, UCS_ERR_NO_MEMORY);
    *operation = (atomic_t){.old = old, .left = 1};
    t->pending++;
    t->atomics++;
    begin_atomic(t, place, atomic, operation);
    leave(t);
}

/* UCX orders what is put; atomics before have to be done, and those behind
 * look at `fences`. */
void memheap_transport_fence(memheap_transport_t *t)
{
    enter(t);
    progress_until_none(t, &t->atomics);
    t->fences++;
    ucp_worker_fence(t->worker);
    leave(t);
}

/* Wait for the operations that outlived their calls. */
static void drain(memheap_transport_t *t)
{
    progress_until_none(t, &t->pending);
}

void memheap_transport_wait_gets(memheap_transport_t *t)
{
    enter(t);
    drain(t);
    leave(t);
}

void memheap_transport_quiet(memheap_transport_t *t)
{
    enter(t);
    finish(t, -1, ucp_worker_flush_nbx(t->worker, &no_callback));
    drain(t);
    leave(t);
}

void memheap_transport_quiet_pe(memheap_transport_t *t, int pe)
{
    enter(t);
    if (memheap_hashmap_find(&t->peers, (uint64_t)pe) != NULL)
        finish(t, pe, ucp_ep_flush_nbx(peer_of(t, pe)->endpoint, &no_callback));
    drain(t); /* what was got may lie behind the flush */
    leave(t);
}

void memheap_transport_send(memheap_transport_t *t, int pe, const void *head,
                            size_t head_size, const void *data, size_t size)
{
    ucp_request_param_t param = {.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS,
                                 .flags = UCP_AM_SEND_FLAG_EAGER};
    enter(t);
    finish(t, pe,
           ucp_am_send_nbx(peer_of(t, pe)->endpoint, MESSAGE_ID, head,
                           head_size, data, size, &param));
    leave(t);
}

static ucs_status_t on_message(void *context, const void *header,
                               size_t header_size, void *data, size_t size,
                               const ucp_am_recv_param_t *param)
{
    memheap_transport_t *t = context;
    (void)header_size;
    (void)param; /* eager: all of it is here */
    t->config.receive(t->config.context, header, data, size);
    return UCS_OK;
}

static memheap_status_t failed(const memheap_transport_t *t, const char *what,
                               ucs_status_t status)
{
    memheap_log_write(t->log, MEMHEAP_LOG_ERROR,
                      "UCX cannot %s (%s); UCX_LOG_LEVEL=info says more", what,
                      ucs_status_string(status));
    return MEMHEAP_ERR_SYSTEM;
}

/* The segment of a number; made, if it is not there. */
static segment_t *segment_of(memheap_transport_t *t, memheap_segment_id_t id,
                             const memheap_members_t *owners)
{
    if (t->segment[id] != NULL)
        return t->segment[id];
    segment_t *segment = calloc(1, sizeof(*segment));
    if (segment != NULL)
        segment->owners = *owners;
    return t->segment[id] = segment;
}

memheap_status_t memheap_transport_register(memheap_transport_t *t,
                                            memheap_segment_id_t id,
                                            const memheap_members_t *owners,
                                            char *base, size_t from, size_t to)
{
    segment_t *segment = segment_of(t, id, owners);
    piece_t piece = {.end = to};
    void *packed = NULL;
    size_t packed_size = 0;
    memheap_status_t status = MEMHEAP_OK;
    ucp_mem_map_params_t params = {
        .field_mask = UCP_MEM_MAP_PARAM_FIELD_ADDRESS |
                      UCP_MEM_MAP_PARAM_FIELD_LENGTH |
                      UCP_MEM_MAP_PARAM_FIELD_FLAGS,
        .address = base + from,
        .length = to - from,
        .flags = t->config.map_nonblocking ? UCP_MEM_MAP_NONBLOCK : 0};
    enter(t);
    ucs_status_t mapped = ucp_mem_map(t->context, &params, &piece.memory);
    ucs_status_t outcome = mapped;
    if (outcome == UCS_OK)
        outcome =
            ucp_rkey_pack(t->context, piece.memory, &packed, &packed_size);
    leave(t);
    if (outcome != UCS_OK)
        status = failed(t,
                        "register memory for other nodes; a higher limit "
                        "on locked memory (ulimit -l) may help",
                        outcome);
    uint64_t address = (uintptr_t)base;
    char *record = malloc(sizeof(address) + packed_size);
    if (status == MEMHEAP_OK &&
        (record == NULL || segment == NULL || segment->count == PIECES))
        status = MEMHEAP_ERR_NO_METADATA;
    status = memheap_job_worst(owners->job, status);
    if (status == MEMHEAP_OK) {
        memcpy(record, &address, sizeof(address));
        memcpy(record + sizeof(address), packed, packed_size);
        status =
            memheap_address_table_open(&piece.keys, owners->job, record,
                                       sizeof(address) + packed_size, t->log);
    }
    enter(t);
    if (status == MEMHEAP_OK)
        segment->piece[segment->count++] = piece;
    else if (mapped == UCS_OK)
        ucp_mem_unmap(t->context, piece.memory);
    if (packed != NULL)
        ucp_rkey_buffer_release(packed);
    leave(t);
    free(record);
    return status;
}

/* Forget what peers have said of their part of a segment; with the lock. */
static void forget_far(memheap_transport_t *t, memheap_segment_id_t id)
{
    for (peer_t *peer = t->first; peer != NULL; peer = peer->next) {
        for (int i = 0; i < PIECES && peer->pieces[id] != NULL; i++) {
            if (peer->pieces[id][i].key != NULL)
                ucp_rkey_destroy(peer->pieces[id][i].key);
        }
        free(peer->pieces[id]);
        peer->pieces[id] = NULL;
    }
}

/* Let go of this PE's part of a segment. */
static void forget_near(memheap_transport_t *t, memheap_segment_id_t id)
{
    segment_t *segment = t->segment[id];
    for (int i = 0; segment != NULL && i < segment->count; i++) {
        ucp_mem_unmap(t->context, segment->piece[i].memory);
        memheap_address_table_close(&segment->piece[i].keys);
    }
    free(segment);
    t->segment[id] = NULL;
}

void memheap_transport_deregister(memheap_transport_t *t,
                                  memheap_segment_id_t id)
{
    enter(t);
    forget_far(t, id);
    forget_near(t, id);
    leave(t);
}

/* Serve other PEs until the end: sleep while there is nothing to do. */
static void *serve(void *context)
{
    memheap_transport_t *t = context;
    int fd;
    if (ucp_worker_get_efd(t->worker, &fd) != UCS_OK)
        return NULL;
    while (!atomic_load(&t->thread_ends)) {
        enter(t);
        while (ucp_worker_progress(t->worker) != 0)
            continue;
        ucs_status_t armed = ucp_worker_arm(t->worker);
        leave(t);
        struct pollfd event = {.fd = fd, .events = POLLIN};
        if (armed == UCS_OK)
            poll(&event, 1, 100);
    }
    return NULL;
}

static memheap_status_t open_context(memheap_transport_t *t)
{
    ucp_config_t *config;
    ucs_status_t status = ucp_config_read(NULL, NULL, &config);
    if (status != UCS_OK)
        return failed(t, "be configured", status);
    ucp_params_t params = {
        .field_mask = UCP_PARAM_FIELD_FEATURES |
                      UCP_PARAM_FIELD_ESTIMATED_NUM_EPS | UCP_PARAM_FIELD_NAME,
        .features = UCP_FEATURE_RMA | UCP_FEATURE_AM |
                    (t->config.progress_thread ? UCP_FEATURE_WAKEUP : 0),
        .estimated_num_eps = (size_t)t->job->size,
        .name = "memheap"};
    status = ucp_init(&params, config, &t->context);
    ucp_config_release(config);
    return status == UCS_OK ? MEMHEAP_OK : failed(t, "start", status);
}

static memheap_status_t open_worker(memheap_transport_t *t)
{
    ucp_worker_params_t params = {.field_mask =
                                      UCP_WORKER_PARAM_FIELD_THREAD_MODE,
                                  .thread_mode = UCS_THREAD_MODE_SERIALIZED};
    static const ucp_am_recv_callback_t handlers[] = {[MESSAGE_ID] = on_message,
                                                      [ATOMIC_ID] = on_atomic,
                                                      [ANSWER_ID] = on_answer};
    ucs_status_t status = ucp_worker_create(t->context, &params, &t->worker);
    for (unsigned id = MESSAGE_ID; id <= ANSWER_ID && status == UCS_OK; id++) {
        ucp_am_handler_param_t handler = {.field_mask =
                                              UCP_AM_HANDLER_PARAM_FIELD_ID |
                                              UCP_AM_HANDLER_PARAM_FIELD_CB |
                                              UCP_AM_HANDLER_PARAM_FIELD_ARG,
                                          .id = id,
                                          .cb = handlers[id],
                                          .arg = t};
        status = ucp_worker_set_am_recv_handler(t->worker, &handler);
    }
    return status == UCS_OK ? MEMHEAP_OK : failed(t, "make a worker", status);
}

/* Show the others where this PE is. Collective. */
static memheap_status_t show_address(memheap_transport_t *t,
                                     memheap_status_t mine)
{
    ucp_address_t *bytes = NULL;
    address_t *address = NULL;
    size_t size = 0;
    if (mine == MEMHEAP_OK) {
        ucs_status_t status = ucp_worker_get_address(t->worker, &bytes, &size);
        if (status != UCS_OK)
            mine = failed(t, "tell its address", status);
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

/* Release what this PE has of the transport. */
static void release(memheap_transport_t *t)
{
    for (memheap_segment_id_t id = 0; id < MEMHEAP_SEGMENTS; id++)
        forget_near(t, id);
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
    pthread_mutex_init(&t->lock, NULL);
    status = memheap_hashmap_open(&t->peers, &memheap_memory_system);
    if (status == MEMHEAP_OK)
        status = open_context(t);
    if (status == MEMHEAP_OK)
        status = open_worker(t);
    status = show_address(t, status);
    if (status == MEMHEAP_OK && config->progress_thread) {
        t->has_thread = pthread_create(&t->thread, NULL, serve, t) == 0;
        if (!t->has_thread)
            memheap_log_write(log, MEMHEAP_LOG_WARNING,
                              "no thread could be made for progress: PEs of "
                              "other nodes wait while this one computes");
    }
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
    memheap_job_worst(t->job, MEMHEAP_OK); /* the others are quiet too */
    enter(t);
    t->closing = true;
    for (memheap_segment_id_t id = 0; id < MEMHEAP_SEGMENTS; id++)
        forget_far(t, id);
    for (peer_t *peer = t->first; peer != NULL; peer = peer->next)
        finish(t, peer->pe, ucp_ep_close_nbx(peer->endpoint, &no_callback));
    leave(t);
    memheap_job_worst(t->job, MEMHEAP_OK); /* nobody needs progress any more */
    if (t->has_thread) {
        atomic_store(&t->thread_ends, true);
        ucp_worker_signal(t->worker);
        pthread_join(t->thread, NULL);
    }
    while (t->first != NULL) {
        peer_t *peer = t->first;
        t->first = peer->next;
        free(peer);
    }
    release(t);
}
