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
 * A rooted agreement sends the root's payload down a tree of the nodes. The
 * root is its top, and does not wait. With the nodes numbered from that of the
 * root:
 *
 *     0 -> 1, 2, 4    1 -> 3, 5    2 -> 6    3 -> 7
 *
 * The receiver of the message, a node's first member, stores the payload in the
 * outcome line of the epoch that the root uses, for all members on the node. It
 * does so at any time; it sends the payload on when it makes the call itself.
 * The epochs of a half are the room for payloads that arrive early: the root
 * writes into them after an agreement of all PEs, so all PEs have read what
 * they needed of the half, and it waits for all PEs before the half is full.
 *
 * If PEs make different calls, a PE may wait for a message that never comes. So
 * each wait ends if the node's alarm has the number of the agreement or a lower
 * one. The alarm of a half is the lowest number at which this node knows that
 * the PEs differ, then or before. It is raised by
 *   - a PE that has found a difference. That PE leaves, and sends the alarm to
 *     its partners, which find the difference and do the same. It has sent all
 *     that others need of earlier agreements, so PEs leave at the first
 *     difference or after it.
 *   - the receiver of a payload, if the first member has made another call or
 *     two roots have sent a payload.
 *   - the receiver of digests, if the first member has made another call. The
 *     first member of a node sends its digests when it waits long.
 *   - a PE that waits for another of its node, if that has made another call
 *     before.
 * If no PE can continue, then some first member has other digests than its
 * partner, or than another PE of its node.
 *
 * tests/model/nodes.pml is a model of this file.
 *
 * Source: D. Hensgen, R. Finkel, U. Manber, "Two algorithms for barrier
 * synchronization", Int. J. Parallel Programming 17(1), 1988.
 */
#include "config.h"

#include "comm/agree_exchange.h"
#include "comm/agree_report.h"

#include <stdlib.h>
#include <string.h>

enum {
    ASK_NS = 1000000000 /* a wait for so long may be in vain */
};

/* The header of a payload in a message. The data follows, padded to the
 * alignment of any type. */
typedef struct payload_header {
    _Alignas(max_align_t) size_t size;
    int node; /* its index among the nodes of the group */
    int first, step, count;
} payload_header_t;

static mailbox_t *mailbox_of(const memheap_barrier_state_t *state, int group,
                             int epoch, int round)
{
    int half = epoch / MEMHEAP_AGREE_PENDING_MAX;
    return state->mailboxes +
           ((size_t)group * HALVES + (size_t)half) * (size_t)state->rounds +
           round;
}

/* The number at which this node knows that the PEs differ, in a half whose
 * first agreement has the number `first`; UINT64_MAX if it does not. */
static uint64_t alarm_of(const memheap_flag_line_t *line, uint64_t first)
{
    uint64_t alarm = atomic_load(&line->alarm);
    return alarm < first ? UINT64_MAX : alarm;
}

/* Raise the alarm of this node, in the line of its first member. */
static void raise_alarm(memheap_flag_line_t *line, uint64_t first,
                        uint64_t number)
{
    uint64_t old = atomic_load(&line->alarm);
    while ((old < first || old > number) &&
           !atomic_compare_exchange_weak(&line->alarm, &old, number))
        continue;
}

static int first_epoch_of_half(int epoch)
{
    return epoch - place_in_half(epoch);
}

/* Send the digests of this PE's calls of the half to its partners. */
static void send_digests(const memheap_agree_t *agree, bool differs)
{
    uint64_t digests[MEMHEAP_AGREE_PENDING_MAX];
    int first = first_epoch_of_half(agree->epoch);
    int count = 0;
    for (int epoch = first; epoch <= agree->epoch; epoch++)
        digests[count++] = line_at(agree, epoch, agree->node_rank)->digest;
    message_t message = {
        .group = agree->group,
        .round = ROUND_ALARM,
        .epoch = agree->epoch,
        .word = {.stamp = stamp_of(agree->number, MEMHEAP_OK), .aux = differs}};
    for (int i = 0; i < agree->rounds; i++)
        memheap_transport_send(agree->state->transport, agree->partner[i],
                               &message, sizeof(message), digests,
                               (size_t)count * sizeof(digests[0]));
}

void memheap_agree_raise_alarm(const memheap_agree_t *agree)
{
    raise_alarm(line_at(agree, first_epoch_of_half(agree->epoch), 0),
                first_of_half(agree->number, agree->epoch), agree->number);
    send_digests(agree, true);
}

/* Wait for a stamp of the current agreement, or of one before it. False if
 * this node knows that the PEs differ: the stamp may never come. */
static bool await_unless_alarm(const memheap_agree_t *agree,
                               const _Atomic uint64_t *stamp, uint64_t number)
{
    if (has_reached(stamp, number))
        return true;
    const memheap_flag_line_t *line =
        line_at(agree, first_epoch_of_half(agree->epoch), 0);
    uint64_t first = first_of_half(agree->number, agree->epoch);
    uint64_t asked_ns = 0;
    memheap_wait_t wait = begin_wait(agree);
    do {
        if (alarm_of(line, first) <= agree->number)
            return false;
        memheap_wait_step(&wait);
        if (agree->node_rank != 0 || wait.start_ns == 0)
            continue;
        uint64_t now = memheap_wait_now();
        if (now - (asked_ns == 0 ? wait.start_ns : asked_ns) > ASK_NS) {
            send_digests(agree, false);
            asked_ns = now;
        }
    } while (!has_reached(stamp, number));
    return true;
}

/* Wait for the line of member i of this node. False if the PEs differ. A member
 * that made another call in the half may never come, so its lines are compared
 * with those of this PE first. */
static bool await_member(const memheap_agree_t *agree, int i)
{
    const memheap_flag_line_t *line = line_of(agree, i);
    if (has_reached(&line->stamp, agree->number))
        return true;
    for (int ago = agree->pending; ago > 0; ago--) {
        uint64_t number = agree->number - (uint64_t)ago;
        const memheap_flag_line_t *before =
            line_at(agree, agree->epoch - ago, i);
        if (!await_unless_alarm(agree, &before->stamp, number))
            return false;
        if (before->digest !=
            line_at(agree, agree->epoch - ago, agree->node_rank)->digest) {
            /* The member may wait for the alarm of that agreement. */
            raise_alarm(line_at(agree, first_epoch_of_half(agree->epoch), 0),
                        first_of_half(agree->number, agree->epoch), number);
            return false;
        }
    }
    return await_unless_alarm(agree, &line->stamp, agree->number);
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
_Noreturn void memheap_agree_no_memory(const memheap_barrier_state_t *state,
                                       size_t size)
{
    memheap_log_write(&memheap_log_stderr, MEMHEAP_LOG_ERROR,
                      "no memory for %zu bytes of a collective call", size);
    memheap_job_abort(state->job, EXIT_FAILURE);
}

/* An empty list. Lists are used again, because fresh memory costs more than
 * the copies into it. */
static payload_list_t *list_take(memheap_barrier_state_t *state, size_t room)
{
    for (int i = 0; i < SPARE_LISTS; i++) {
        payload_list_t *list = atomic_exchange(&state->spare[i], NULL);
        if (list != NULL && list->room >= room) {
            list->size = 0;
            return list;
        }
        free(list);
    }
    payload_list_t *list = malloc(sizeof(*list) + room);
    if (list == NULL)
        memheap_agree_no_memory(state, room);
    list->room = room;
    list->size = 0;
    return list;
}

static void list_release(memheap_barrier_state_t *state, payload_list_t *list)
{
    for (int i = 0; i < SPARE_LISTS && list != NULL; i++)
        list = atomic_exchange(&state->spare[i], list);
    free(list);
}

/* Add the payloads of a list to another. */
static payload_list_t *list_append(memheap_barrier_state_t *state,
                                   payload_list_t *list,
                                   const payload_list_t *more)
{
    if (list->room < list->size + more->size) {
        payload_list_t *longer =
            list_take(state, 2 * (list->size + more->size));
        memcpy(longer->bytes, list->bytes, list->size);
        longer->size = list->size;
        free(list);
        list = longer;
    }
    memcpy(list->bytes + list->size, more->bytes, more->size);
    list->size += more->size;
    return list;
}

/* A list that has this node's payload. */
static payload_list_t *list_start(const memheap_agree_t *agree,
                                  const memheap_agree_exchange_t *exchange)
{
    payload_header_t head = {.size = exchange->pack(exchange->context, NULL),
                             .node = agree->node_number,
                             .first = agree->first,
                             .step = agree->step,
                             .count = agree->node_size};
    size_t size =
        sizeof(head) + memheap_align_up(head.size, _Alignof(max_align_t));
    payload_list_t *list = list_take(agree->state, size);
    memcpy(list->bytes, &head, sizeof(head));
    exchange->pack(exchange->context, list->bytes + sizeof(head));
    list->size = size;
    return list;
}

/* Unpack the payloads of two lists in the order of the nodes. A payload may be
 * there twice. */
static void lists_unpack(const memheap_agree_t *agree,
                         payload_list_t *const *lists,
                         const memheap_agree_exchange_t *exchange)
{
    memheap_node_payload_t *payloads =
        calloc((size_t)agree->nodes, sizeof(*payloads));
    if (payloads == NULL)
        memheap_agree_no_memory(agree->state,
                                (size_t)agree->nodes * sizeof(*payloads));
    for (int i = 0; i < 2; i++) {
        const payload_list_t *list = lists[i];
        for (size_t at = 0; list != NULL && at < list->size;) {
            const payload_header_t *head =
                (const payload_header_t *)(const void *)(list->bytes + at);
            at += sizeof(*head);
            payloads[head->node] =
                (memheap_node_payload_t){head->first, head->step, head->count,
                                         head->size, list->bytes + at};
            at += memheap_align_up(head->size, _Alignof(max_align_t));
        }
    }
    exchange->unpack(exchange->context, payloads, agree->nodes);
    free(payloads);
}

/* Exchange the outcome of this node with the other nodes, and the payloads:
 * those of lists[0], to which this function adds those received before the last
 * round. lists[1] takes those of the last round. */
static outcome_t run_rounds(const memheap_agree_t *agree, outcome_t outcome,
                            reduce_t *reduce, payload_list_t **lists)
{
    memheap_barrier_state_t *state = agree->state;
    for (int round = 0; round < agree->rounds; round++) {
        mailbox_t *mailbox =
            mailbox_of(state, agree->group, agree->epoch, round);
        message_t message = {.group = agree->group,
                             .round = round,
                             .epoch = agree->epoch,
                             .word = pack_outcome(&outcome, agree->number)};
        bool has_list = lists[0] != NULL;
        memheap_transport_send(
            state->transport, agree->partner[round], &message, sizeof(message),
            has_list ? lists[0]->bytes : NULL, has_list ? lists[0]->size : 0);
        if (!await_unless_alarm(agree, &mailbox->stamp, agree->number)) {
            outcome.same_call = false;
            break;
        }
        packed_outcome_t word = {atomic_load(&mailbox->stamp), mailbox->digest,
                                 mailbox->result, mailbox->aux};
        payload_list_t *received = mailbox->list;
        mailbox->list = NULL;
        outcome = merge_outcomes(outcome, unpack_outcome(word), reduce);
        if (round == agree->rounds - 1) {
            lists[1] = received;
        } else if (received != NULL) {
            if (has_list)
                lists[0] = list_append(state, lists[0], received);
            list_release(state, received);
        }
    }
    return outcome;
}

/* Wait for the lines of the members on this node. False if the PEs differ. */
static bool await_node(const memheap_agree_t *agree)
{
    for (int i = 1; i < agree->node_size; i++) {
        if (!await_member(agree, i))
            return false;
    }
    return true;
}

/* Whether this node has the payload of a root for the current agreement. That
 * root may have left the group's calls for good. This PE has written its line
 * before; so this function or the receiver of the payload sees both. */
static bool has_payload(const memheap_agree_t *agree)
{
    atomic_thread_fence(memory_order_seq_cst);
    return has_reached(&outcome_line_at(agree, agree->epoch)->stamp,
                       agree->number);
}

outcome_t memheap_agree_between_nodes(memheap_agree_t *agree, uint64_t digest,
                                      uint64_t result, reduce_t *reduce,
                                      const memheap_agree_exchange_t *exchange)
{
    const outcome_t differs = {.same_call = false};
    memheap_flag_line_t *line = outcome_line_at(agree, agree->epoch);
    if (agree->node_rank != 0) {
        if (!await_unless_alarm(agree, &line->stamp, agree->number) ||
            line->sender != 0)
            return differs;
        packed_outcome_t word = {atomic_load(&line->stamp), line->digest,
                                 line->result, line->aux};
        return unpack_outcome(word);
    }
    if (has_payload(agree) || !await_node(agree))
        return differs;
    payload_list_t *lists[2] = {NULL, NULL};
    outcome_t outcome = reduce_lines(agree, digest, result, reduce);
    /* A PE in another call has no data to pack. */
    if (exchange != NULL && outcome.same_call)
        lists[0] = list_start(agree, exchange);
    outcome = run_rounds(agree, outcome, reduce, lists);
    if (exchange != NULL && outcome.same_call)
        lists_unpack(agree, lists, exchange);
    list_release(agree->state, lists[0]);
    list_release(agree->state, lists[1]);
    /* If the calls differ, the line may have the payload of a root. The alarm
     * tells the others. */
    if (!outcome.same_call)
        return differs;
    packed_outcome_t word = pack_outcome(&outcome, agree->number);
    line->digest = word.digest;
    line->result = word.result;
    line->aux = word.aux;
    line->sender = 0;
    atomic_store_explicit(&line->stamp, word.stamp, memory_order_release);
    return outcome;
}

/* Send the payload of a root to the nodes below this one in the tree: the one
 * that is `distance` nodes behind that of the root sends to those that are
 * distance + 2^i behind, 2^i > distance. */
static void send_early(const memheap_agree_t *agree,
                       const memheap_flag_line_t *line, uint32_t sender,
                       uint32_t sender_node)
{
    int distance = agree->node_number - (int)sender_node;
    distance += distance < 0 ? agree->nodes : 0;
    message_t message = {.group = agree->group,
                         .round = ROUND_EARLY,
                         .epoch = agree->epoch,
                         .rank = sender - 1,
                         .node = sender_node,
                         .kind = line->kind,
                         .word = {stamp_of(agree->number, MEMHEAP_OK),
                                  line->digest, line->result, line->aux}};
    for (int i = 0; i < agree->rounds; i++) {
        if (1 << i > distance && distance + (1 << i) < agree->nodes)
            memheap_transport_send(agree->state->transport, agree->partner[i],
                                   &message, sizeof(message), line->payload,
                                   sizeof(line->payload));
    }
}

bool memheap_agree_rooted_between_nodes(const memheap_agree_t *agree,
                                        uint64_t digest, int root)
{
    int i = index_on_node(agree, root);
    if (i >= 0) {
        const memheap_flag_line_t *line = line_of(agree, i);
        if (agree->rank == root)
            send_early(agree, line, (uint32_t)root + 1,
                       (uint32_t)agree->node_number);
        else if (!await_member(agree, i))
            return false;
        return line->digest == digest;
    }
    const memheap_flag_line_t *line = outcome_line_at(agree, agree->epoch);
    if (!await_unless_alarm(agree, &line->stamp, agree->number))
        return false;
    if (agree->node_rank == 0)
        send_early(agree, line, line->sender, line->sender_node);
    return line->sender != 0 && line->digest == digest;
}

/* Store the payload of a root. A second root or a PE of this node in another
 * call is a difference. */
static void receive_early(memheap_barrier_state_t *state,
                          const message_t *message, const void *data,
                          size_t size)
{
    memheap_flag_line_t *own = lines_of_group(state, message->group) +
                               message->epoch * state->stride +
                               state->job->node_rank;
    memheap_flag_line_t *line = own + state->job->node_size;
    uint64_t number = message->word.stamp >> STATUS_BITS;
    bool is_second = has_reached(&line->stamp, number);
    if (is_second) {
        memheap_agree_hear(state, message->group, (int)message->rank, number,
                           message->word, message->kind);
    } else {
        memcpy(line->payload, data, memheap_min(size, sizeof(line->payload)));
        line->digest = message->word.digest;
        line->result = message->word.result;
        line->aux = message->word.aux;
        line->kind = message->kind;
        line->sender = message->rank + 1;
        line->sender_node = message->node;
        atomic_store_explicit(&line->stamp, message->word.stamp,
                              memory_order_release);
        atomic_thread_fence(memory_order_seq_cst);
    }
    if (is_second || (has_reached(&own->stamp, number) &&
                      own->digest != message->word.digest))
        raise_alarm(own - place_in_half(message->epoch) * state->stride,
                    first_of_half(number, message->epoch), number);
}

/* Compare the calls of another PE with those of this one. */
static void receive_alarm(const memheap_barrier_state_t *state,
                          const message_t *message, const void *data,
                          size_t size)
{
    uint64_t digests[MEMHEAP_AGREE_PENDING_MAX];
    int count = place_in_half(message->epoch) + 1;
    memheap_flag_line_t *line =
        lines_of_group(state, message->group) +
        first_epoch_of_half(message->epoch) * state->stride +
        state->job->node_rank;
    uint64_t number = message->word.stamp >> STATUS_BITS;
    uint64_t first = first_of_half(number, message->epoch);
    memcpy(digests, data, memheap_min(size, sizeof(digests)));
    for (int i = 0; i < count; i++) {
        const memheap_flag_line_t *own = line + i * state->stride;
        if (!has_reached(&own->stamp, first + (uint64_t)i))
            break;
        if (own->digest != digests[i]) {
            raise_alarm(line, first, first + (uint64_t)i);
            break;
        }
    }
    if (message->word.aux != 0)
        raise_alarm(line, first, number);
}

/* Store the outcome of another node, and its payloads. */
static void receive_outcome(memheap_barrier_state_t *state,
                            const message_t *message, const void *data,
                            size_t size)
{
    mailbox_t *mailbox =
        mailbox_of(state, message->group, message->epoch, message->round);
    if (size > 0) {
        mailbox->list = list_take(state, size);
        memcpy(mailbox->list->bytes, data, size);
        mailbox->list->size = size;
    }
    mailbox->digest = message->word.digest;
    mailbox->result = message->word.result;
    mailbox->aux = message->word.aux;
    atomic_store_explicit(&mailbox->stamp, message->word.stamp,
                          memory_order_release);
}

void memheap_agree_receive(const memheap_agree_t *world, const void *head,
                           const void *data, size_t size)
{
    message_t message; /* head may be unaligned */
    memcpy(&message, head, sizeof(message));
    switch (message.round) {
    case ROUND_EARLY:
        receive_early(world->state, &message, data, size);
        break;
    case ROUND_ALARM:
        receive_alarm(world->state, &message, data, size);
        break;
    case ROUND_REPORT:
        memheap_agree_receive_report(world->state, &message, data, size);
        break;
    default:
        receive_outcome(world->state, &message, data, size);
    }
}
