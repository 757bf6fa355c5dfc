/*
 * Agreement between nodes, in rounds of messages (a dissemination barrier).
 *
 * The first member on each node waits for the lines of its node, combines
 * them, and exchanges the outcome with the first members of the other nodes.
 * In round i, each sends all it knows to the node 2^i further and receives from
 * the node 2^i before, so ceil(log2(nodes)) rounds reach all nodes:
 *
 *     round 0   0 -> 1   1 -> 2   2 -> 3   3 -> 4   4 -> 0
 *     round 1   0 -> 2   1 -> 3   2 -> 4   3 -> 0   4 -> 1
 *     round 2   0 -> 4   1 -> 0   2 -> 1   3 -> 2   4 -> 3
 *
 * It then writes the outcome line, for which the others of its node wait. A
 * node's data may arrive twice, so everything that is exchanged is idempotent.
 * Payloads are forwarded the same way: each PE sends all payloads that it has.
 *
 * A message waits in the mailbox of its group, half and round until it is read.
 * The two halves make that safe, as for flag lines.
 *
 * Source: D. Hensgen, R. Finkel, U. Manber, "Two algorithms for barrier
 * synchronization", Int. J. Parallel Programming 17(1), 1988.
 */
#include "config.h"

#include "comm/agree_exchange.h"

#include <stdlib.h>

/* The header of a payload in a message. The data follows, padded to the
 * alignment of any type. */
typedef struct payload_header {
    _Alignas(max_align_t) size_t size;
    int node; /* its index among the nodes of the group */
    int first, step, count;
} payload_header_t;

/* The payloads that a PE has so far, each with its header, back to back. */
typedef struct payload_list {
    char *bytes;
    size_t size;
} payload_list_t;

/* The line for the outcome of all nodes. */
static memheap_flag_line_t *outcome_line(const memheap_agree_t *agree)
{
    return line_of(agree, 0) + agree->state->job->node_size;
}

static mailbox_t *mailbox_of(const memheap_barrier_state_t *state, int group,
                             uint64_t number, int round)
{
    return state->mailboxes +
           ((size_t)group * HALVES + number % HALVES) * (size_t)state->rounds +
           round;
}

static packed_outcome_t pack_outcome(const outcome_t *outcome, uint64_t number)
{
    return (packed_outcome_t){
        stamp_of(number, outcome->worst), outcome->digest, outcome->result,
        (uint64_t)outcome->worst_pe << 2 | (uint64_t)outcome->same_call << 1 |
            outcome->same_result};
}

static outcome_t unpack_outcome(packed_outcome_t word)
{
    return (outcome_t){
        status_of(word.stamp), (int)(word.aux >> 2), (word.aux >> 1 & 1) != 0,
        (word.aux & 1) != 0,   word.digest,          word.result};
}

static outcome_t merge_outcomes(outcome_t a, outcome_t b, reduce_t *reduce)
{
    bool b_worse =
        b.worst < a.worst || (b.worst == a.worst && b.worst_pe < a.worst_pe);
    return (outcome_t){b_worse ? b.worst : a.worst,
                       b_worse ? b.worst_pe : a.worst_pe,
                       a.same_call && b.same_call && a.digest == b.digest,
                       a.same_result && b.same_result && a.result == b.result,
                       a.digest,
                       reduce == NULL ? a.result : reduce(a.result, b.result)};
}

/* End the job. Writes to stderr directly, because the log of the barrier state
 * holds messages back until the PEs have agreed. */
_Noreturn static void no_memory(const memheap_barrier_state_t *state,
                                size_t size)
{
    memheap_log_write(&memheap_log_stderr, MEMHEAP_LOG_ERROR,
                      "no memory for %zu bytes of a collective call", size);
    memheap_job_abort(state->job, EXIT_FAILURE);
}

static void payload_list_append(const memheap_barrier_state_t *state,
                                payload_list_t *list, const void *data,
                                size_t size)
{
    size_t room = memheap_align_up(size, _Alignof(max_align_t));
    if (size == 0)
        return;
    char *bytes = realloc(list->bytes, list->size + room);
    if (bytes == NULL)
        no_memory(state, list->size + room);
    memcpy(bytes + list->size, data, size);
    list->bytes = bytes;
    list->size += room;
}

/* A list that has this node's payload. */
static payload_list_t
payload_list_start(const memheap_agree_t *agree,
                   const memheap_agree_exchange_t *exchange)
{
    payload_header_t head = {.node = agree->node_number,
                             .first = agree->first,
                             .step = agree->step,
                             .count = agree->node_size};
    payload_list_t list = {NULL, 0};
    void *data = exchange->pack(exchange->context, &head.size);
    if (data == NULL)
        no_memory(agree->state, head.size);
    payload_list_append(agree->state, &list, &head, sizeof(head));
    payload_list_append(agree->state, &list, data, head.size);
    free(data);
    return list;
}

/* Unpack the payloads in the order of the nodes. A payload may be in the list
 * twice. */
static void payload_list_unpack(const memheap_agree_t *agree,
                                const payload_list_t *list,
                                const memheap_agree_exchange_t *exchange)
{
    memheap_node_payload_t *payloads =
        calloc((size_t)agree->nodes, sizeof(*payloads));
    if (payloads == NULL)
        no_memory(agree->state, (size_t)agree->nodes * sizeof(*payloads));
    for (size_t at = 0; at < list->size;) {
        const payload_header_t *head =
            (const payload_header_t *)(const void *)(list->bytes + at);
        at += sizeof(*head);
        payloads[head->node] = (memheap_node_payload_t){
            head->first, head->step, head->count, head->size, list->bytes + at};
        at += memheap_align_up(head->size, _Alignof(max_align_t));
    }
    exchange->unpack(exchange->context, payloads, agree->nodes);
    free(payloads);
}

/* Exchange the outcome of this node with the other nodes, and the payloads. */
static outcome_t run_rounds(const memheap_agree_t *agree, outcome_t outcome,
                            reduce_t *reduce, payload_list_t *list)
{
    const memheap_barrier_state_t *state = agree->state;
    for (int round = 0; round < agree->rounds; round++) {
        mailbox_t *mailbox =
            mailbox_of(state, agree->group, agree->number, round);
        message_t message = {.group = agree->group,
                             .round = round,
                             .word = pack_outcome(&outcome, agree->number)};
        memheap_transport_send(state->transport, agree->partner[round],
                               &message, sizeof(message), list->bytes,
                               list->size);
        await(agree, &mailbox->stamp, agree->number);
        packed_outcome_t word = {atomic_load(&mailbox->stamp), mailbox->digest,
                                 mailbox->result, mailbox->aux};
        outcome = merge_outcomes(outcome, unpack_outcome(word), reduce);
        payload_list_append(state, list, mailbox->data, mailbox->size);
        free(mailbox->data);
        mailbox->data = NULL;
        mailbox->size = 0;
    }
    return outcome;
}

outcome_t memheap_agree_between_nodes(memheap_agree_t *agree, uint64_t digest,
                                      uint64_t result, reduce_t *reduce,
                                      const memheap_agree_exchange_t *exchange)
{
    memheap_flag_line_t *line = outcome_line(agree);
    if (agree->node_rank != 0) {
        await(agree, &line->stamp, agree->number);
        packed_outcome_t word = {atomic_load(&line->stamp), line->digest,
                                 line->result, line->aux};
        return unpack_outcome(word);
    }
    for (int i = 1; i < agree->node_size; i++)
        await(agree, &line_of(agree, i)->stamp, agree->number);
    payload_list_t list = {NULL, 0};
    outcome_t outcome = reduce_lines(agree, digest, result, reduce);
    /* A PE in another call has no data to pack. */
    if (exchange != NULL && outcome.same_call)
        list = payload_list_start(agree, exchange);
    outcome = run_rounds(agree, outcome, reduce, &list);
    if (exchange != NULL && outcome.same_call)
        payload_list_unpack(agree, &list, exchange);
    free(list.bytes);
    packed_outcome_t word = pack_outcome(&outcome, agree->number);
    line->digest = word.digest;
    line->result = word.result;
    line->aux = word.aux;
    atomic_store_explicit(&line->stamp, word.stamp, memory_order_release);
    return outcome;
}

/* Keep the description of a call by a PE of another node, for the report. */
static void receive_text(memheap_barrier_state_t *state,
                         const message_t *message, const void *data,
                         size_t size)
{
    remote_text_t *text = malloc(sizeof(*text));
    if (text == NULL)
        no_memory(state, sizeof(*text));
    text->group = message->group;
    text->rank = message->rank;
    memcpy(text->text, data, memheap_min(size, sizeof(text->text)));
    text->next = state->remote_texts;
    state->remote_texts = text;
}

void memheap_agree_receive(const memheap_agree_t *world, const void *head,
                           const void *data, size_t size)
{
    memheap_barrier_state_t *state = world->state;
    message_t message; /* head may be unaligned */
    memcpy(&message, head, sizeof(message));
    if (message.round == ROUND_TEXT) {
        receive_text(state, &message, data, size);
        return;
    }
    uint64_t number = message.word.stamp >> STATUS_BITS;
    mailbox_t *mailbox =
        mailbox_of(state, message.group, number, message.round);
    if (size > 0) {
        mailbox->data = malloc(size);
        if (mailbox->data == NULL)
            no_memory(state, size);
        memcpy(mailbox->data, data, size);
        mailbox->size = size;
    }
    mailbox->digest = message.word.digest;
    mailbox->result = message.word.result;
    mailbox->aux = message.word.aux;
    atomic_store_explicit(&mailbox->stamp, message.word.stamp,
                          memory_order_release);
}
