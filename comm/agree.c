/*
 * Agreement on one node, through flag lines in shared memory.
 *
 * Each group has 32 epochs, in two halves that are used alternately. An epoch
 * has one flag line per PE of the node: two cache lines with a stamp (the
 * number of the agreement and the PE's status), the digest of the call, the
 * result and an inline payload. With several nodes, an epoch has a second line
 * per PE, for the result of the exchange between the nodes.
 *
 *             half 0                        half 1
 *     epoch 0   1  ...  15          epoch 16  17  ...  31
 *          +---+---+---+---+             +---+---+---+---+
 *     PE 0 |   |   |   |   |        PE 0 |   |   |   |   |
 *     PE 1 |   |   |   |   |        PE 1 |   |   |   |   |
 *      :   +---+---+---+---+         :   +---+---+---+---+
 *
 * An agreement of all PEs: each PE writes its line, the stamp last, and reads
 * the lines of the others until all stamps have the number. One phase is
 * enough: a PE that has left agreement n may write into the other half only.
 * It returns to this half after the next agreement of all PEs, and then every
 * PE has read what it needs of this half.
 *
 * A rooted agreement: if only the root's payload is needed, the root does not
 * wait, and the others wait for the root only. Each uses the next epoch of the
 * half. All PEs write their lines, and compare with the root's line at once.
 * Other differences are detected later: the digest of a line covers the
 * digests of the lines before it in the half, so the next agreement of all PEs
 * finds any difference in the lines of the epoch before its own. In the last
 * epoch of a half, all PEs agree.
 *
 * A PE that has found a difference poisons its remaining lines of the half, so
 * that other PEs do not wait for it in vain. All PEs then find the same first
 * difference, because it lies in an epoch before every poisoned line.
 *
 * Invariants:
 *   - A line is written by its own PE only, with increasing numbers.
 *   - Groups without a common PE may share a group number, and so its epochs:
 *     each uses the lines of its members only.
 *   - A stage, the room for a longer payload, belongs to a half. A PE writes to
 *     its own before an agreement of all PEs in that half.
 *   - A group ends by a barrier that reads no data. So a PE that has left it
 *     may reuse its lines in a new group of the same number while a slow PE
 *     still waits: any later number ends that wait.
 *
 * tests/model/node.pml is a model of this file and of the report on one node,
 * tests/model/groups.pml one of groups that share a number.
 *
 * Source: P. Brooks, "The butterfly barrier", Int. J. Parallel Programming
 * 15(4), 1986, in its flat form: all partners in one round.
 */
#include "config.h"

#include "comm/agree.h"
#include "comm/agree_exchange.h"
#include "comm/agree_report.h"
#include "comm/window.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Whether rank i made a different call in the rooted agreement before this one,
 * in a group on one node. That PE may never come to the current agreement, so
 * the caller must not wait for it. */
static bool has_diverged(const memheap_agree_t *agree, int i)
{
    if (agree->pending == 0)
        return false;
    const memheap_flag_line_t *line = line_at(agree, agree->epoch - 1, i);
    await(agree, &line->stamp, agree->number - 1);
    return line->digest != agree->pending_digest;
}

static bool any_diverged(const memheap_agree_t *agree)
{
    bool any = false;
    for (int i = 0; i < agree->size && agree->pending > 0; i++)
        any = any || has_diverged(agree, i);
    return any;
}

/* The reason of a wait in an agreement. */
static void describe_call(const memheap_wait_reason_t *reason, char *text,
                          size_t room)
{
    const memheap_agree_t *agree =
        (const memheap_agree_t *)(const void *)((const char *)reason -
                                                offsetof(memheap_agree_t,
                                                         reason));
    if (agree->call == NULL) {
        snprintf(text, room, "a step of the library");
        return;
    }
    agree->state->describe(agree->call, text, room);
    size_t used = strlen(text);
    used += (size_t)snprintf(text + used, room - used, ", collective call %llu",
                             (unsigned long long)agree->number);
    if (agree->group != 0 && used < room)
        snprintf(text + used, room - used,
                 " of team %d (%d PEs from %d, %d apart)", agree->group,
                 agree->size, agree->start, agree->stride);
}

bool memheap_agree_is_reason(const memheap_wait_reason_t *reason)
{
    return reason->describe == describe_call;
}

/* Write this PE's line, wait for all PEs, and combine their lines. Not inlined,
 * so that an agreement of a single PE stays short. */
__attribute__((noinline)) static outcome_t
barrier(memheap_agree_t *agree, uint64_t digest, memheap_status_t mine,
        uint64_t result, reduce_t *reduce,
        const memheap_agree_exchange_t *exchange)
{
    write_line(agree, digest, mine, result);
    uint64_t number = agree->number;
    if (MEMHEAP_UNLIKELY(!memheap_agree_is_one_node(agree)))
        return memheap_agree_between_nodes(agree, digest, result, reduce,
                                           exchange);
    /* Fetch the line of the next agreement into the cache early. */
    __builtin_prefetch(line_at(agree, other_half(agree), agree->node_rank), 1);
    if (MEMHEAP_UNLIKELY(any_diverged(agree)))
        return (outcome_t){.same_call = false};
    for (int i = agree->rank + 1; i < agree->size; i++)
        await(agree, &line_of(agree, i)->stamp, number);
    for (int i = 0; i < agree->rank; i++)
        await(agree, &line_of(agree, i)->stamp, number);
    return reduce_lines(agree, digest, result, reduce);
}

void memheap_agree_barrier(memheap_agree_t *agree)
{
    agree->call = NULL;
    barrier(agree, 0, MEMHEAP_OK, 0, NULL, NULL);
    start_next_half(agree);
}

memheap_status_t memheap_agree(memheap_agree_t *agree,
                               const memheap_call_t *call,
                               memheap_status_t mine, uint64_t result,
                               int *pe_p)
{
    if (agree->size == 1) {
        agree->number++;
        if (pe_p != NULL)
            *pe_p = agree->start;
        return mine;
    }
    agree->call = call;
    outcome_t outcome =
        barrier(agree, digest_after(agree->pending_digest, call), mine, result,
                NULL, NULL);
    if (MEMHEAP_UNLIKELY(!outcome.same_call ||
                         (outcome.worst == MEMHEAP_OK && !outcome.same_result)))
        return memheap_agree_diverge(agree, call, result, outcome.same_call);
    start_next_half(agree);
    if (pe_p != NULL)
        *pe_p = outcome.worst_pe;
    return outcome.worst;
}

/* Copy a call word by word. Its words have just been stored one by one, and a
 * load of two at once would wait for all stores before them: also for that to a
 * line, which takes long. So the loads are volatile. */
static void keep_call(memheap_call_t *to, const memheap_call_t *call)
{
    const volatile memheap_call_t *from = call;
    to->kind = from->kind;
    for (int i = 0; i < 3; i++)
        to->argument[i] = from->argument[i];
    to->name = from->name;
}

/* The epoch of a rooted agreement a few calls later: early enough to fetch its
 * line into the cache. If the root is ahead of the others, lines move one after
 * the other, and their times would add up. */
static int epoch_after(const memheap_agree_t *agree)
{
    enum {
        AHEAD = 3
    };
    return (agree->epoch + AHEAD) % EPOCHS;
}

memheap_status_t memheap_agree_rooted(memheap_agree_t *agree,
                                      const memheap_call_t *call, int root)
{
    if (!memheap_agree_may_run_ahead(agree))
        return memheap_agree(agree, call, MEMHEAP_OK, 0, NULL);
    agree->call = call;
    uint64_t digest = digest_after(agree->pending_digest, call);
    keep_call(&agree->pending_calls[agree->pending], call);
    memheap_flag_line_t *own =
        line_at(agree, next_epoch(agree), agree->node_rank);
    own->kind = call->kind;
    own->aux = call->argument[1];
    write_line(agree, digest, MEMHEAP_OK, call->argument[0]);
    memheap_prefetch_write(
        line_at(agree, epoch_after(agree), agree->node_rank));
    bool same = true;
    if (MEMHEAP_UNLIKELY(!memheap_agree_is_one_node(agree))) {
        same = memheap_agree_rooted_between_nodes(agree, digest, root);
    } else if (agree->rank != root) {
        const memheap_flag_line_t *line = line_of(agree, root);
        if (has_reached(&line->stamp, agree->number))
            __builtin_prefetch(line_at(agree, epoch_after(agree), root));
        else
            same = !has_diverged(agree, root);
        if (MEMHEAP_LIKELY(same)) {
            await(agree, &line->stamp, agree->number);
            same = line->digest == digest;
        }
    }
    if (MEMHEAP_UNLIKELY(!same))
        return memheap_agree_diverge(agree, call, 0, false);
    agree->pending++;
    agree->pending_digest = digest;
    return MEMHEAP_OK;
}

memheap_status_t
memheap_agree_reduce(memheap_agree_t *agree, const memheap_call_t *call,
                     uint64_t word, uint64_t (*reduce)(uint64_t a, uint64_t b),
                     uint64_t *all_p)
{
    agree->call = call;
    outcome_t outcome =
        barrier(agree, digest_after(agree->pending_digest, call), MEMHEAP_OK,
                word, reduce, NULL);
    if (!outcome.same_call)
        return memheap_agree_diverge(agree, call, 0, false);
    start_next_half(agree);
    *all_p = outcome.result;
    return MEMHEAP_OK;
}

memheap_status_t
memheap_agree_exchange(memheap_agree_t *agree, const memheap_call_t *call,
                       const memheap_agree_exchange_t *exchange)
{
    agree->call = call;
    outcome_t outcome =
        barrier(agree, digest_after(agree->pending_digest, call), MEMHEAP_OK, 0,
                NULL, exchange);
    if (!outcome.same_call)
        return memheap_agree_diverge(agree, call, 0, false);
    start_next_half(agree);
    return MEMHEAP_OK;
}

void *memheap_agree_note(const memheap_agree_t *world, int node_rank)
{
    return world->state->notes + (size_t)node_rank * MEMHEAP_AGREE_NOTE;
}

void memheap_agree_attach(memheap_agree_t *agree, const void *data, size_t size)
{
    agree->payload = data;
    agree->payload_size = size;
}

const void *memheap_agree_payload(const memheap_agree_t *agree, int i)
{
    return line_of(agree, i)->payload;
}

static char *stage_at(const memheap_agree_t *agree, int epoch, int i)
{
    int half = epoch / MEMHEAP_AGREE_PENDING_MAX;
    int pe = agree->node_start + i * agree->node_stride;
    ptrdiff_t place = (ptrdiff_t)(agree->group * HALVES + half) *
                      agree->state->job->node_size;
    return agree->state->stages + (place + pe) * MEMHEAP_AGREE_STAGE_MAX;
}

bool memheap_agree_is_crowded(const memheap_agree_t *agree)
{
    return *agree->state->crowded != 0;
}

char *memheap_agree_stage(const memheap_agree_t *agree, size_t size)
{
    if (!memheap_agree_is_crowded(agree) || size > MEMHEAP_AGREE_STAGE_MAX ||
        agree->group >= STAGE_GROUPS || !memheap_agree_is_one_node(agree) ||
        agree->size == 1) /* an agreement of one PE uses no epoch */
        return NULL;
    return stage_at(agree, next_epoch(agree), agree->node_rank);
}

const char *memheap_agree_staged(const memheap_agree_t *agree, int i)
{
    return stage_at(agree, agree->epoch, i);
}

const void *memheap_agree_root_payload(const memheap_agree_t *agree, int root)
{
    int i = index_on_node(agree, root);
    return i >= 0 ? line_of(agree, i)->payload
                  : outcome_line_at(agree, agree->epoch)->payload;
}

uint64_t memheap_agree_last(const memheap_agree_t *world, int group)
{
    const memheap_barrier_state_t *state = world->state;
    const memheap_flag_line_t *line =
        lines_of_group(state, group) + state->job->node_rank;
    uint64_t last = 0;
    for (int epoch = 0; epoch < EPOCHS; epoch++, line += state->stride) {
        uint64_t number =
            atomic_load_explicit(&line->stamp, memory_order_relaxed) >>
            STATUS_BITS;
        last = number > last ? number : last;
    }
    return last;
}

/* The rank of a PE of the job; -1 if it is not in the group. */
static int rank_of(const memheap_agree_t *agree, int pe)
{
    int distance = pe - agree->start;
    if (agree->stride == 0)
        return distance == 0 ? 0 : -1;
    int i = distance / agree->stride;
    return distance % agree->stride == 0 && i >= 0 && i < agree->size ? i : -1;
}

/* The lowest rank on a node; -1 if the node has no member. */
static int first_rank_on(const memheap_agree_t *agree,
                         const memheap_node_t *node)
{
    int first = -1;
    for (int i = 0; i < node->size; i++) {
        int rank = rank_of(agree, node->start + i * node->stride);
        if (rank >= 0 && (first < 0 || rank < first))
            first = rank;
    }
    return first;
}

/* Find the members on this node. The intersection of two arithmetic
 * progressions is an arithmetic progression. */
static void find_on_node(memheap_agree_t *agree)
{
    const memheap_job_t *job = agree->state->job;
    const memheap_node_t *node = &job->nodes[job->node_number];
    int first = first_rank_on(agree, node);
    int next = agree->size; /* the second lowest rank on this node */
    agree->node_size = 0;
    for (int i = 0; i < node->size; i++) {
        int rank = rank_of(agree, node->start + i * node->stride);
        agree->node_size += rank >= 0;
        if (rank > first && rank < next)
            next = rank;
    }
    agree->first = first;
    agree->step = next - first;
    agree->node_start = (int)memheap_job_node_rank(job, pe_of(agree, first));
    agree->node_stride = 0;
    agree->node_rank = 0;
    if (agree->node_size > 1) {
        agree->node_stride =
            (int)memheap_job_node_rank(job, pe_of(agree, next)) -
            agree->node_start;
        agree->node_rank =
            (job->node_rank - agree->node_start) / agree->node_stride;
    }
}

/* Find the first members on other nodes to which this PE sends. */
static void find_partners(memheap_agree_t *agree)
{
    const memheap_job_t *job = agree->state->job;
    int count = 0;
    int mine = 0;
    agree->rounds = 0;
    if (memheap_agree_is_one_node(agree))
        return;
    for (int n = 0; n < job->node_count; n++) {
        if (n == job->node_number)
            mine = count;
        count += first_rank_on(agree, &job->nodes[n]) >= 0;
    }
    agree->nodes = count;
    agree->node_number = mine;
    agree->rounds = (int)memheap_log2_ceil((size_t)count);
    for (int n = 0, i = 0; n < job->node_count; n++) {
        int first = first_rank_on(agree, &job->nodes[n]);
        for (int round = 0; round < agree->rounds && first >= 0; round++) {
            if ((mine + (1 << round)) % count == i)
                agree->partner[round] = pe_of(agree, first);
        }
        i += first >= 0;
    }
}

void memheap_agree_split(const memheap_agree_t *world, int group,
                         uint64_t number, int start, int stride, int size,
                         int rank, memheap_agree_t *agree)
{
    *agree = (memheap_agree_t){.state = world->state,
                               .lines = lines_of_group(world->state, group),
                               .number = number,
                               .group = group,
                               .start = start,
                               .stride = stride,
                               .size = size,
                               .rank = rank,
                               .reason = {describe_call}};
    find_on_node(agree);
    find_partners(agree);
}

void memheap_agree_end(memheap_agree_t *agree)
{
    if (agree->size > 1)
        memheap_agree_barrier(agree);
}

static void state_free(memheap_barrier_state_t *state)
{
    if (state == NULL)
        return;
    if (state->lines != NULL)
        munmap(state->lines, state->bytes);
    for (int i = 0; i < SPARE_LISTS; i++)
        free(state->spare[i]);
    free(state->mailboxes);
    free(state);
}

/* Allocate the barrier state, without the shared memory. */
static memheap_barrier_state_t *state_new(const memheap_job_t *job,
                                          memheap_transport_t *transport)
{
    memheap_barrier_state_t *state = calloc(1, sizeof(*state));
    if (state == NULL)
        return NULL;
    state->job = job;
    state->transport = transport;
    state->stride = transport == NULL ? job->node_size : 2 * job->node_size;
    state->rounds = (int)memheap_log2_ceil((size_t)job->node_count);
    if (state->rounds == 0)
        return state;
    state->mailboxes =
        calloc(MEMHEAP_AGREE_GROUPS * HALVES * (size_t)state->rounds,
               sizeof(*state->mailboxes));
    if (state->mailboxes == NULL) {
        free(state);
        return NULL;
    }
    return state;
}

memheap_status_t memheap_agree_open(memheap_agree_t *agree,
                                    const memheap_job_t *job,
                                    memheap_transport_t *transport,
                                    memheap_call_describe_t *describe,
                                    const memheap_log_t *log)
{
    memheap_barrier_state_t *state = state_new(job, transport);
    memheap_status_t status =
        state == NULL ? MEMHEAP_ERR_NO_METADATA : MEMHEAP_OK;
    if (memheap_job_worst(job, status) != MEMHEAP_OK || state == NULL) {
        state_free(state);
        return MEMHEAP_ERR_NO_METADATA;
    }
    size_t lines = MEMHEAP_AGREE_GROUPS * EPOCHS * (size_t)state->stride *
                   sizeof(memheap_flag_line_t);
    size_t texts = (size_t)job->node_size * MEMHEAP_CALL_TEXT;
    size_t notes = ((size_t)job->node_size + 1) * MEMHEAP_AGREE_NOTE;
    size_t stages = (size_t)STAGE_GROUPS * HALVES * (size_t)job->node_size *
                    MEMHEAP_AGREE_STAGE_MAX;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t used =
        memheap_align_up(lines + texts + notes + sizeof(*state->crowded), page);
    size_t bytes = memheap_align_up(used + stages, page);
    void *address = NULL;
    int fd = -1;
    state->describe = describe;
    state->log = log;
    state->bytes = bytes;
    if (job->node_rank == 0)
        status =
            memheap_memory_file_create("memheap-agree", NULL, bytes, &fd, log);
    memheap_status_t mapped =
        memheap_window_open_first(job, fd, bytes, log, &address);
    if (status == MEMHEAP_OK)
        status = mapped;
    state->lines = address;
    state->texts = (char *)address + lines;
    state->notes = state->texts + texts;
    state->stages = (char *)address + used;
    int *crowded = (int *)(void *)(state->notes + notes);
    state->crowded = crowded;
    /* One PE decides for all. */
    if (job->node_rank == 0 && address != NULL)
        *crowded = job->machine_size > sysconf(_SC_NPROCESSORS_ONLN);
    /* Before the reduction: other PEs may send messages right after it. */
    *agree = (memheap_agree_t){.state = state};
    status = memheap_job_worst(job, status);
    if (fd >= 0)
        close(fd);
    if (status != MEMHEAP_OK) {
        state_free(state);
        *agree = (memheap_agree_t){.state = NULL};
        return status;
    }
    memheap_agree_split(agree, 0, 0, 0, 1, job->size, job->rank, agree);
    return MEMHEAP_OK;
}

void memheap_agree_close(memheap_agree_t *agree)
{
    state_free(agree->state);
    *agree = (memheap_agree_t){.state = NULL};
}
