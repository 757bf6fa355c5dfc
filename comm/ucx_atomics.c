/*
 * Atomic operations on PEs of other nodes, by active messages.
 *
 * The PE that has the word runs the operation with its own processor and sends
 * the old value back. So operations of other nodes are atomic with respect to
 * those of its own node. UCX's software emulation of atomics is not: it reads
 * and writes the word in two steps.
 *
 * A put with a signal is such an operation, whose message has the data too. The
 * PE stores the data before it runs the operation.
 */
#include "config.h"

#include "comm/ucx_atomics.h"
#include "comm/ucx_segments.h"
#include "base/util.h"

#include <stdlib.h>
#include <string.h>

/* The request to the PE that has the word. */
typedef struct atomic_request {
    uint64_t address;   /* of the word, on that PE */
    uint64_t operation; /* the requester's atomic_operation_t */
    uint64_t value, compare;
    uint32_t kind, size;
    uint64_t dest; /* where to store the data of the message first */
    int pe;        /* the requester */
} atomic_request_t;

/* The reply. */
typedef struct atomic_reply {
    uint64_t operation;
    uint64_t old;
} atomic_reply_t;

/* An atomic operation without a reply. */
typedef struct atomic_operation {
    void *old;          /* takes the old value; may be NULL */
    bool blocking;      /* the caller waits, and owns this struct */
    size_t outstanding; /* replies */
    atomic_request_t request;
    char data[]; /* of the message */
} atomic_operation_t;

/* Completion of a send that no call waits for. */
static void on_sent(void *request, ucs_status_t status, void *context)
{
    (void)status; /* the error handler of the endpoint reports failures */
    free(context);
    ucp_request_free(request);
}

/* Send a message. Header and data must stay valid until it has been sent;
 * `freed` is freed then, and has both or is NULL. */
static void send_message(memheap_transport_t *t, int pe, ucp_ep_h endpoint,
                         unsigned id, const void *header, size_t header_size,
                         const void *data, size_t size, void *freed)
{
    ucp_request_param_t param = {
        .op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS | UCP_OP_ATTR_FIELD_CALLBACK |
                        UCP_OP_ATTR_FIELD_USER_DATA,
        .flags = UCP_AM_SEND_FLAG_EAGER | UCP_AM_SEND_FLAG_REPLY,
        .cb.send = on_sent,
        .user_data = freed};
    ucs_status_ptr_t request =
        ucp_am_send_nbx(endpoint, id, header, header_size, data, size, &param);
    if (request == NULL)
        free(freed);
    else if (UCS_PTR_IS_ERR(request) && !t->closing)
        memheap_ucx_lost(t, pe, UCS_PTR_STATUS(request));
}

/* Send a request, after all puts before the last fence are complete. The
 * operation has `size` bytes of data for an address. */
static void send_atomic(memheap_transport_t *t,
                        const memheap_remote_addr_t *remote,
                        const memheap_atomic_t *atomic,
                        atomic_operation_t *operation, uint64_t dest,
                        size_t size)
{
    memheap_remote_addr_t at = *remote;
    span_t span = memheap_ucx_span(t, &at, atomic->size);
    operation->request = (atomic_request_t){
        .address = span.address,
        .operation = (uintptr_t)operation,
        .value = atomic->value,
        .compare = atomic->compare,
        .kind = (uint32_t)atomic->kind,
        .size = (uint32_t)atomic->size,
        .dest = dest,
        .pe = t->job->rank,
    };
    if (span.peer->fences != t->fences) {
        span.peer->fences = t->fences;
        memheap_ucx_finish(t, remote->pe,
                           ucp_ep_flush_nbx(span.peer->endpoint, &no_callback));
    }
    send_message(t, remote->pe, span.peer->endpoint, ATOMIC_REQUEST_ID,
                 &operation->request, sizeof(operation->request),
                 size == 0 ? NULL : operation->data, size, NULL);
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

ucs_status_t memheap_ucx_on_atomic_request(void *context, const void *header,
                                           size_t header_size, void *data,
                                           size_t size,
                                           const ucp_am_recv_param_t *param)
{
    memheap_transport_t *t = context;
    atomic_request_t request; /* the header may be unaligned */
    atomic_reply_t *reply = calloc(1, sizeof(*reply));
    (void)header_size;
    if (reply == NULL)
        memheap_ucx_lost(t, t->job->rank, UCS_ERR_NO_MEMORY);
    memcpy(&request, header, sizeof(request));
    if (size > 0)
        memcpy((void *)request.dest, data, size);
    reply->operation = request.operation;
    if (request.size == sizeof(uint32_t))
        DO_ATOMIC(uint32_t, request.address, request.value, request.compare,
                  request.kind, reply->old);
    else
        DO_ATOMIC(uint64_t, request.address, request.value, request.compare,
                  request.kind, reply->old);
    send_message(t, request.pe, param->reply_ep, ATOMIC_REPLY_ID, reply,
                 sizeof(*reply), NULL, 0, reply);
    return UCS_OK; /* NOLINT(clang-analyzer-unix.Malloc): freed when it is sent
                    */
}

ucs_status_t memheap_ucx_on_atomic_reply(void *context, const void *header,
                                         size_t header_size, void *data,
                                         size_t size,
                                         const ucp_am_recv_param_t *param)
{
    memheap_transport_t *t = context;
    atomic_reply_t reply;
    (void)header_size;
    (void)data;
    (void)size;
    (void)param;
    memcpy(&reply, header, sizeof(reply));
    atomic_operation_t *operation =
        (atomic_operation_t *)(uintptr_t)reply.operation;
    if (operation->old != NULL)
        memcpy(operation->old, &reply.old, operation->request.size);
    operation->outstanding = 0;
    if (!operation->blocking) {
        t->pending--;
        t->atomics--;
        free(operation);
    }
    return UCS_OK;
}

uint64_t memheap_transport_fetch(memheap_transport_t *t,
                                 const memheap_remote_addr_t *remote,
                                 const memheap_atomic_t *atomic)
{
    uint64_t old = 0;
    atomic_operation_t operation = {
        .old = &old, .blocking = true, .outstanding = 1};
    lock_worker(t);
    send_atomic(t, remote, atomic, &operation, 0, 0);
    memheap_ucx_progress_until_zero(t, &operation.outstanding);
    unlock_worker(t);
    return old;
}

/* An operation that no call waits for, with room for data. Locked. */
static atomic_operation_t *new_operation(memheap_transport_t *t, int pe,
                                         size_t size)
{
    atomic_operation_t *operation = malloc(sizeof(*operation) + size);
    if (operation == NULL)
        memheap_ucx_lost(t, pe, UCS_ERR_NO_MEMORY);
    *operation = (atomic_operation_t){.outstanding = 1};
    t->pending++;
    t->atomics++;
    return operation;
}

void memheap_transport_update(memheap_transport_t *t,
                              const memheap_remote_addr_t *remote,
                              const memheap_atomic_t *atomic, void *old)
{
    lock_worker(t);
    atomic_operation_t *operation = new_operation(t, remote->pe, 0);
    operation->old = old;
    send_atomic(t, remote, atomic, operation, 0, 0);
    unlock_worker(t);
}

void memheap_transport_put_signal(memheap_transport_t *t,
                                  const memheap_remote_addr_t *remote,
                                  const void *source, size_t size,
                                  const memheap_remote_addr_t *word,
                                  const memheap_atomic_t *atomic)
{
    lock_worker(t);
    atomic_operation_t *operation = new_operation(t, remote->pe, size);
    memcpy(operation->data, source, size);
    send_atomic(t, word, atomic, operation,
                memheap_ucx_span(t, remote, size).address, size);
    unlock_worker(t);
}
