/*
 * Agreement between nodes.
 */
#include "config.h"

#include "comm/agree_exchange.h"
#include "comm/agree_report.h"

#include <stdlib.h>

/* A block in a message: its bytes follow, up to the next multiple of an
 * alignment that is good for any type. */
typedef struct block_head {
    _Alignas(max_align_t) size_t size;
    int node; /* its number among those of the group */
    int first, step, count;
} block_head_t;

/* The blocks that a PE has so far, one behind the other. */
typedef struct bundle {
    char *bytes;
    size_t size;
} bundle_t;

/* The line of what all PEs of the group came to. */
static memheap_flag_line_t *outcome_of(const memheap_agree_t *agree)
{
    return line_of(agree, 0) + agree->hub->job->node_size;
}

static box_t *box_of(const memheap_barrier_state_t *hub, int group,
                     uint64_t number, int round)
{
    return hub->boxes +
           ((size_t)group * SETS + number % SETS) * (size_t)hub->rounds + round;
}

static word_t word_of(const verdict_t *verdict, uint64_t number)
{
    return (word_t){
        stamp_of(number, verdict->worst), verdict->digest, verdict->result,
        (uint64_t)verdict->worst_pe << 2 | (uint64_t)verdict->same_call << 1 |
            verdict->same_result};
}

static verdict_t verdict_of(word_t word)
{
    return (verdict_t){
        status_of(word.stamp), (int)(word.more >> 2), (word.more >> 1 & 1) != 0,
        (word.more & 1) != 0,  word.digest,           word.result};
}

static verdict_t merge(verdict_t a, verdict_t b, fold_t *fold)
{
    bool b_worse =
        b.worst < a.worst || (b.worst == a.worst && b.worst_pe < a.worst_pe);
    return (verdict_t){b_worse ? b.worst : a.worst,
                       b_worse ? b.worst_pe : a.worst_pe,
                       a.same_call && b.same_call && a.digest == b.digest,
                       a.same_result && b.same_result && a.result == b.result,
                       a.digest,
                       fold == NULL ? a.result : fold(a.result, b.result)};
}

/* End the job. The message cannot wait for a verdict of the PEs, which is what
 * the hub's log is for. */
_Noreturn void memheap_agree_no_memory(const memheap_barrier_state_t *hub,
                                       size_t size)
{
    memheap_log_write(&memheap_log_stderr, MEMHEAP_LOG_ERROR,
                      "no memory for %zu bytes of a collective call", size);
    memheap_job_abort(hub->job, EXIT_FAILURE);
}

/* Put bytes behind those that a bundle has. */
static void bundle_add(const memheap_barrier_state_t *hub, bundle_t *bundle,
                       const void *data, size_t size)
{
    size_t room = memheap_align_up(size, _Alignof(max_align_t));
    if (size == 0)
        return;
    char *bytes = realloc(bundle->bytes, bundle->size + room);
    if (bytes == NULL)
        memheap_agree_no_memory(hub, bundle->size + room);
    memcpy(bytes + bundle->size, data, size);
    bundle->bytes = bytes;
    bundle->size += room;
}

/* A bundle of the block that this node's PEs bring. */
static bundle_t bundle_own(const memheap_agree_t *agree,
                           const memheap_agree_exchange_t *trade)
{
    block_head_t head = {.node = agree->node_number,
                         .first = agree->first,
                         .step = agree->step,
                         .count = agree->node_size};
    bundle_t bundle = {NULL, 0};
    void *data = trade->pack(trade->context, &head.size);
    if (data == NULL)
        memheap_agree_no_memory(agree->hub, head.size);
    bundle_add(agree->hub, &bundle, &head, sizeof(head));
    bundle_add(agree->hub, &bundle, data, head.size);
    free(data);
    return bundle;
}

/* Hand the blocks of a bundle on, in the order of the nodes. A block may be in
 * it twice. */
static void bundle_open(const memheap_agree_t *agree, const bundle_t *bundle,
                        const memheap_agree_exchange_t *trade)
{
    memheap_agree_block_t *blocks =
        calloc((size_t)agree->nodes, sizeof(*blocks));
    if (blocks == NULL)
        memheap_agree_no_memory(agree->hub,
                                (size_t)agree->nodes * sizeof(*blocks));
    for (size_t at = 0; at < bundle->size;) {
        const block_head_t *head =
            (const block_head_t *)(const void *)(bundle->bytes + at);
        at += sizeof(*head);
        blocks[head->node] =
            (memheap_agree_block_t){head->first, head->step, head->count,
                                    head->size, bundle->bytes + at};
        at += memheap_align_up(head->size, _Alignof(max_align_t));
    }
    trade->unpack(trade->context, blocks, agree->nodes);
    free(blocks);
}

/* Exchange what this node's PEs came for with the other nodes of the group, and
 * the blocks that they bring. */
static verdict_t exchange(const memheap_agree_t *agree, verdict_t verdict,
                          fold_t *fold, bundle_t *bundle)
{
    const memheap_barrier_state_t *hub = agree->hub;
    for (int round = 0; round < agree->rounds; round++) {
        box_t *box = box_of(hub, agree->group, agree->number, round);
        message_t message = {.group = agree->group,
                             .round = round,
                             .word = word_of(&verdict, agree->number)};
        memheap_transport_send(hub->transport, agree->to[round], &message,
                               sizeof(message), bundle->bytes, bundle->size);
        await(&box->stamp, agree->number, hub->job->wait);
        word_t word = {atomic_load(&box->stamp), box->digest, box->result,
                       box->more};
        verdict = merge(verdict, verdict_of(word), fold);
        bundle_add(hub, bundle, box->data, box->size);
        free(box->data);
        box->data = NULL;
        box->size = 0;
    }
    return verdict;
}

/* Meet the PEs of other nodes, when this PE has written its line. */
verdict_t memheap_agree_between_nodes(memheap_agree_t *agree, uint64_t digest,
                                      uint64_t result, fold_t *fold,
                                      const memheap_agree_exchange_t *trade)
{
    memheap_flag_line_t *outcome = outcome_of(agree);
    if (agree->node_rank != 0) {
        await(&outcome->stamp, agree->number, agree->hub->job->wait);
        word_t word = {atomic_load(&outcome->stamp), outcome->digest,
                       outcome->result, outcome->more};
        return verdict_of(word);
    }
    for (int i = 1; i < agree->node_size; i++)
        await(&line_of(agree, i)->stamp, agree->number, agree->hub->job->wait);
    bundle_t bundle = {NULL, 0};
    verdict_t verdict = judge(agree, digest, result, fold);
    /* Whoever calls something else has not got what is to be packed. */
    if (trade != NULL && verdict.same_call)
        bundle = bundle_own(agree, trade);
    verdict = exchange(agree, verdict, fold, &bundle);
    if (trade != NULL && verdict.same_call)
        bundle_open(agree, &bundle, trade);
    free(bundle.bytes);
    word_t word = word_of(&verdict, agree->number);
    outcome->digest = word.digest;
    outcome->result = word.result;
    outcome->more = word.more;
    atomic_store_explicit(&outcome->stamp, word.stamp, memory_order_release);
    return verdict;
}

void memheap_agree_receive(const memheap_agree_t *world, const void *head,
                           const void *data, size_t size)
{
    memheap_barrier_state_t *hub = world->hub;
    message_t message; /* head lies where the network put it */
    memcpy(&message, head, sizeof(message));
    if (message.round == TEXT) {
        memheap_agree_receive_text(hub, &message, data, size);
        return;
    }
    uint64_t number = message.word.stamp >> STATUS_BITS;
    box_t *box = box_of(hub, message.group, number, message.round);
    if (size > 0) {
        box->data = malloc(size);
        if (box->data == NULL)
            memheap_agree_no_memory(hub, size);
        memcpy(box->data, data, size);
        box->size = size;
    }
    box->digest = message.word.digest;
    box->result = message.word.result;
    box->more = message.word.more;
    atomic_store_explicit(&box->stamp, message.word.stamp,
                          memory_order_release);
}
