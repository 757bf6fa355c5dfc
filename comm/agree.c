/*
 * Agreement through one cache line a PE, and between nodes by messages.
 *
 * On a node there are two sets of rows of lines, used in turn. To agree, a PE
 * writes its line of the first row of the set whose turn it is, the number of
 * the agreement last, and reads those of all others until each has that number.
 * One phase is enough: a PE that is past agreement n can write lines of the
 * other set, but cannot write this one again before all have come to the next
 * agreement, and so have read what they need of this set.
 *
 * Where only what one PE shows is wanted, that PE waits for nobody and the
 * others for it alone: an agreement with one. All write their lines, each in
 * the next row of the set, and compare with that PE's at once. The digest of a
 * line covers those of the lines before it in the set, so that the next
 * agreement of all finds any difference, in the row before its own already. The
 * first row where lines differ tells which call it was. When the set has one
 * row left, all agree. A PE that has found a difference fills up its lines of
 * the set, so that nobody waits for it in vain, and everyone finds the same:
 * the first row with a difference comes before every line that was filled up.
 *
 * A group on several nodes has a first PE on each of them. That one reads the
 * lines of its node, exchanges what they say with its like, and writes the
 * outcome into a line of its own, which the others of its node wait for. The
 * exchange takes a round for each power of two below the number of nodes: in
 * round i everyone sends what it knows to the one 2^i further. All that is
 * exchanged may be counted twice without harm. Nodes can trade blocks of bytes
 * on that occasion: everyone sends all blocks that it knows. A message lies in
 * a box for its group, row and round until it is read; the rows make that safe,
 * as above.
 *
 * Each group of PEs has rows of its own, and in them one line for each PE of
 * the node, of which it uses those of its members: so groups without a common
 * PE can share rows. A group ends by a meeting whose lines are waited for and
 * not read: a PE that is past it may write them again, in another group of the
 * same rows, while a slow one still waits, which any later number satisfies.
 *
 * Sources: the flat sense of it is P. Brooks, "The butterfly barrier", Int. J.
 * Parallel Programming 15(4), 1986, with all partners in one round; the rounds
 * between nodes are D. Hensgen, R. Finkel, U. Manber, "Two algorithms for
 * barrier synchronization", Int. J. Parallel Programming 17(1), 1988.
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
#include <time.h>
#include <unistd.h>

/* The digest of a call and of those since the last agreement of all. */
static uint64_t digest_after(const memheap_agree_t *agree,
                             const memheap_call_t *call)
{
    return agree->digest * UINT64_C(0xFF51AFD7ED558CCD) +
           memheap_call_digest(call);
}

/* Whether number i of a group on one node came for something else before, in an
 * agreement with one. It need not come again, and is not waited for then. */
static bool differed(const memheap_agree_t *agree, int i)
{
    if (agree->lag == 0)
        return false;
    const memheap_flag_line_t *line = line_in(agree, agree->row - 1, i);
    await(&line->stamp, agree->number - 1, agree->hub->job->wait);
    return line->digest != agree->digest;
}

static bool any_differed(const memheap_agree_t *agree)
{
    bool any = false;
    for (int i = 0; i < agree->size && agree->lag > 0; i++)
        any = any || differed(agree, i);
    return any;
}

/* Write this PE's line, wait for all PEs, and have what they came for. */
__attribute__((noinline)) static verdict_t
meet(memheap_agree_t *agree, uint64_t digest, memheap_status_t mine,
     uint64_t result, fold_t *fold, const memheap_agree_exchange_t *trade)
{
    write_line(agree, digest, mine, result);
    uint64_t number = agree->number;
    if (MEMHEAP_UNLIKELY(!memheap_agree_is_one_node(agree)))
        return memheap_agree_between_nodes(agree, digest, result, fold, trade);
    /* Own the line of the next agreement before it is needed. */
    __builtin_prefetch(line_in(agree, other_set(agree), agree->node_rank), 1);
    if (MEMHEAP_UNLIKELY(any_differed(agree)))
        return (verdict_t){.same_call = false};
    const memheap_wait_t *wait = &agree->hub->job->wait;
    for (int i = agree->rank + 1; i < agree->size; i++)
        await(&line_of(agree, i)->stamp, number, *wait);
    for (int i = 0; i < agree->rank; i++)
        await(&line_of(agree, i)->stamp, number, *wait);
    return judge(agree, digest, result, fold);
}

/* Wait for all PEs, whatever they came for. */
void memheap_agree_barrier(memheap_agree_t *agree)
{
    meet(agree, 0, MEMHEAP_OK, 0, NULL, NULL);
    agreed(agree);
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
    verdict_t verdict =
        meet(agree, digest_after(agree, call), mine, result, NULL, NULL);
    if (MEMHEAP_UNLIKELY(!verdict.same_call ||
                         (verdict.worst == MEMHEAP_OK && !verdict.same_result)))
        return memheap_agree_diverge(agree, call, result, verdict.same_call);
    agreed(agree);
    if (pe_p != NULL)
        *pe_p = verdict.worst_pe;
    return verdict.worst;
}

memheap_status_t memheap_agree_rooted(memheap_agree_t *agree,
                                      const memheap_call_t *call, int one)
{
    if (agree->lag == MEMHEAP_AGREE_PENDING_MAX - 1 || agree->size == 1 ||
        !memheap_agree_is_one_node(agree))
        return memheap_agree(agree, call, MEMHEAP_OK, 0, NULL);
    uint64_t digest = digest_after(agree, call);
    memheap_flag_line_t *own =
        line_in(agree, next_row(agree), agree->node_rank);
    own->what = call->what;
    own->more = call->argument[1];
    write_line(agree, digest, MEMHEAP_OK, call->argument[0]);
    __builtin_prefetch(line_in(agree, agree->row + 1, agree->node_rank), 1);
    if (agree->rank != one) {
        const memheap_flag_line_t *line = line_of(agree, one);
        bool same = is_at(&line->stamp, agree->number) || !differed(agree, one);
        if (MEMHEAP_LIKELY(same)) {
            await(&line->stamp, agree->number, agree->hub->job->wait);
            same = line->digest == digest;
        }
        if (MEMHEAP_UNLIKELY(!same))
            return memheap_agree_diverge(agree, call, 0, false);
    }
    agree->calls[agree->lag++] = *call;
    agree->digest = digest;
    return MEMHEAP_OK;
}

memheap_status_t memheap_agree_reduce(memheap_agree_t *agree,
                                      const memheap_call_t *call, uint64_t word,
                                      uint64_t (*fold)(uint64_t a, uint64_t b),
                                      uint64_t *all_p)
{
    verdict_t verdict =
        meet(agree, digest_after(agree, call), MEMHEAP_OK, word, fold, NULL);
    if (!verdict.same_call)
        return memheap_agree_diverge(agree, call, 0, false);
    agreed(agree);
    *all_p = verdict.result;
    return MEMHEAP_OK;
}

memheap_status_t memheap_agree_exchange(memheap_agree_t *agree,
                                        const memheap_call_t *call,
                                        const memheap_agree_exchange_t *trade)
{
    verdict_t verdict =
        meet(agree, digest_after(agree, call), MEMHEAP_OK, 0, NULL, trade);
    if (!verdict.same_call)
        return memheap_agree_diverge(agree, call, 0, false);
    agreed(agree);
    return MEMHEAP_OK;
}

void memheap_agree_attach(memheap_agree_t *agree, const void *data, size_t size)
{
    agree->show = data;
    agree->show_size = size;
}

const void *memheap_agree_payload(const memheap_agree_t *agree, int i)
{
    return line_of(agree, i)->shown;
}

static memheap_flag_line_t *lines_of(const memheap_barrier_state_t *hub,
                                     int group)
{
    return hub->lines + (ptrdiff_t)group * ROWS * hub->row;
}

uint64_t memheap_agree_last(const memheap_agree_t *world, int group)
{
    const memheap_barrier_state_t *hub = world->hub;
    const memheap_flag_line_t *line =
        lines_of(hub, group) + hub->job->node_rank;
    uint64_t last = 0;
    for (int row = 0; row < ROWS; row++, line += hub->row) {
        uint64_t number =
            atomic_load_explicit(&line->stamp, memory_order_relaxed) >>
            STATUS_BITS;
        last = number > last ? number : last;
    }
    return last;
}

/* The group's number of a PE of the job; -1 if it is not in the group. */
static int rank_of(const memheap_agree_t *agree, int pe)
{
    int distance = pe - agree->start;
    if (agree->stride == 0)
        return distance == 0 ? 0 : -1;
    int i = distance / agree->stride;
    return distance % agree->stride == 0 && i >= 0 && i < agree->size ? i : -1;
}

/* The lowest of the group's numbers that PEs of a node have; -1 if none. */
static int first_on(const memheap_agree_t *agree, const memheap_node_t *node)
{
    int first = -1;
    for (int i = 0; i < node->size; i++) {
        int rank = rank_of(agree, node->start + i * node->stride);
        if (rank >= 0 && (first < 0 || rank < first))
            first = rank;
    }
    return first;
}

/* Find the group's PEs on this node: two progressions have one in common. */
static void find_near(memheap_agree_t *agree)
{
    const memheap_job_t *job = agree->hub->job;
    const memheap_node_t *node = &job->nodes[job->node_number];
    int first = first_on(agree, node);
    int next = agree->size; /* the group's number of the second of them */
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

/* Find the first PEs on other nodes that this one exchanges with. */
static void find_far(memheap_agree_t *agree)
{
    const memheap_job_t *job = agree->hub->job;
    int count = 0;
    int mine = 0;
    agree->rounds = 0;
    if (memheap_agree_is_one_node(agree) || agree->node_rank != 0)
        return;
    for (int n = 0; n < job->node_count; n++) {
        if (n == job->node_number)
            mine = count;
        count += first_on(agree, &job->nodes[n]) >= 0;
    }
    agree->nodes = count;
    agree->node_number = mine;
    agree->rounds = (int)memheap_log2_ceil((size_t)count);
    for (int n = 0, i = 0; n < job->node_count; n++) {
        int first = first_on(agree, &job->nodes[n]);
        for (int round = 0; round < agree->rounds && first >= 0; round++) {
            if ((mine + (1 << round)) % count == i)
                agree->to[round] = pe_of(agree, first);
        }
        i += first >= 0;
    }
}

void memheap_agree_split(const memheap_agree_t *world, int group,
                         uint64_t number, int start, int stride, int size,
                         int rank, memheap_agree_t *agree)
{
    *agree = (memheap_agree_t){.hub = world->hub,
                               .lines = lines_of(world->hub, group),
                               .number = number,
                               .group = group,
                               .start = start,
                               .stride = stride,
                               .size = size,
                               .rank = rank};
    find_near(agree);
    find_far(agree);
}

void memheap_agree_end(memheap_agree_t *agree)
{
    if (agree->size > 1)
        memheap_agree_barrier(agree);
}

/* Release what an agreement that is not open yet has. */
static void hub_free(memheap_barrier_state_t *hub)
{
    if (hub == NULL)
        return;
    if (hub->lines != NULL)
        munmap(hub->lines, hub->bytes);
    free(hub->boxes);
    free(hub);
}

/* A hub without the memory that the node's PEs share. */
static memheap_barrier_state_t *hub_new(const memheap_job_t *job,
                                        memheap_transport_t *transport)
{
    memheap_barrier_state_t *hub = calloc(1, sizeof(*hub));
    if (hub == NULL)
        return NULL;
    hub->job = job;
    hub->transport = transport;
    hub->row = transport == NULL ? job->node_size : 2 * job->node_size;
    hub->rounds = (int)memheap_log2_ceil((size_t)job->node_count);
    if (hub->rounds == 0)
        return hub;
    hub->boxes = calloc(MEMHEAP_AGREE_GROUPS * SETS * (size_t)hub->rounds,
                        sizeof(*hub->boxes));
    if (hub->boxes == NULL) {
        free(hub);
        return NULL;
    }
    return hub;
}

memheap_status_t memheap_agree_open(memheap_agree_t *agree,
                                    const memheap_job_t *job,
                                    memheap_transport_t *transport,
                                    memheap_call_describe_t *describe,
                                    const memheap_log_t *log)
{
    memheap_barrier_state_t *hub = hub_new(job, transport);
    memheap_status_t status =
        hub == NULL ? MEMHEAP_ERR_NO_METADATA : MEMHEAP_OK;
    if (memheap_job_worst(job, status) != MEMHEAP_OK || hub == NULL) {
        hub_free(hub);
        return MEMHEAP_ERR_NO_METADATA;
    }
    size_t lines = MEMHEAP_AGREE_GROUPS * ROWS * (size_t)hub->row *
                   sizeof(memheap_flag_line_t);
    size_t texts = (size_t)job->node_size * MEMHEAP_CALL_TEXT;
    size_t bytes =
        memheap_align_up(lines + texts, (size_t)sysconf(_SC_PAGESIZE));
    void *address = NULL;
    int fd = -1;
    hub->describe = describe;
    hub->log = log;
    hub->bytes = bytes;
    if (job->node_rank == 0)
        status =
            memheap_memory_file_create("memheap-agree", NULL, bytes, &fd, log);
    memheap_status_t mapped =
        memheap_window_open_first(job, fd, bytes, log, &address);
    if (status == MEMHEAP_OK)
        status = mapped;
    hub->lines = address;
    hub->texts = (char *)address + lines;
    /* Before the last step: the others may send as soon as it is over. */
    *agree = (memheap_agree_t){.hub = hub};
    status = memheap_job_worst(job, status);
    if (fd >= 0)
        close(fd);
    if (status != MEMHEAP_OK) {
        hub_free(hub);
        *agree = (memheap_agree_t){.hub = NULL};
        return status;
    }
    memheap_agree_split(agree, 0, 0, 0, 1, job->size, job->rank, agree);
    return MEMHEAP_OK;
}

void memheap_agree_close(memheap_agree_t *agree)
{
    hub_free(agree->hub);
    *agree = (memheap_agree_t){.hub = NULL};
}
