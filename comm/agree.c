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
#include "comm/window.h"
#include "base/util.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
    LINE_SIZE = 128, /* two cache lines: processors fetch them in pairs */
    SETS = 2,
    ROWS = SETS * MEMHEAP_AGREE_PENDING_MAX,
    STATUS_BITS = 8,
    /* Wait so long for a PE that is past the call in which it differs from
     * others, and does not know it. */
    ABSENT_SECONDS = 2
};

/* What one or several PEs came for. */
typedef struct word {
    uint64_t stamp;  /* number, then the worst status */
    uint64_t digest; /* of their call */
    uint64_t result; /* or what theirs were folded into */
    uint64_t more;   /* the PE of the worst status; whether all were alike */
} word_t;

struct memheap_flag_line {
    _Alignas(LINE_SIZE) _Atomic uint64_t stamp;
    uint64_t digest;
    uint64_t result;
    uint64_t more; /* in the line of an outcome */
    uint64_t what; /* in an agreement with one, whose two lines above have the
                    * first arguments of the call */
    _Alignas(max_align_t) char shown[MEMHEAP_AGREE_PAYLOAD_MAX];
};
_Static_assert(sizeof(memheap_flag_line_t) == LINE_SIZE,
               "what a PE shows has to fit into its line");

/* Where a message waits to be read. */
typedef struct box {
    _Atomic uint64_t stamp;
    uint64_t digest;
    uint64_t result;
    uint64_t more;
    void *data; /* of size bytes, freed by whoever reads it */
    size_t size;
} box_t;

/* The head of a message to the first PE on another node, behind which blocks
 * may follow; or if `round` is TEXT, to the first PE of the group, with the
 * text of number `rank` behind it. */
typedef struct message {
    int group, round;
    int rank;
    word_t word;
} message_t;

enum {
    TEXT = -1
};

_Static_assert(sizeof(message_t) <= MEMHEAP_TRANSPORT_HEAD,
               "a message has a short head");

typedef struct far_text {
    int group, rank;
    char text[MEMHEAP_CALL_TEXT];
    struct far_text *next;
} far_text_t;

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

struct memheap_barrier_state {
    const memheap_job_t *job;
    memheap_transport_t *transport; /* NULL: all PEs are on one node */
    memheap_call_describe_t *describe;
    const memheap_log_t *log;
    size_t bytes;               /* of the lines of all groups, and texts */
    memheap_flag_line_t *lines; /* of group 0 */
    int row;                    /* lines in a row */
    char *texts;                /* one for each PE of the node */
    box_t *boxes;               /* SETS times rounds for each group */
    int rounds;                 /* that groups may need */
    far_text_t *_Atomic far_texts;
};

/* The line in a row of number i among those of the group that are on this node.
 */
static memheap_flag_line_t *line_in(const memheap_agree_t *agree, int row,
                                    int i)
{
    return agree->lines + row * agree->hub->row + agree->node_start +
           i * agree->node_stride;
}

/* The same in the row of the last agreement. */
static memheap_flag_line_t *line_of(const memheap_agree_t *agree, int i)
{
    return line_in(agree, agree->row, i);
}

/* The first row of the set that is not that of the last agreement. */
static int other_set(const memheap_agree_t *agree)
{
    return agree->row < MEMHEAP_AGREE_PENDING_MAX ? MEMHEAP_AGREE_PENDING_MAX
                                                  : 0;
}

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

static int pe_of(const memheap_agree_t *agree, int i)
{
    return agree->start + i * agree->stride;
}

/* The text of number i among those of the group that are on this node. */
static char *text_of(const memheap_agree_t *agree, int i)
{
    return agree->hub->texts +
           (size_t)(agree->node_start + i * agree->node_stride) *
               MEMHEAP_CALL_TEXT;
}

/* Equal for equal calls on all PEs, and for others by chance alone: a sum whose
 * terms can be computed at once. The factors are random odd numbers. */
static uint64_t digest_of(const memheap_call_t *call)
{
    return call->what * UINT64_C(0x9E3779B97F4A7C15) +
           call->argument[0] * UINT64_C(0xC2B2AE3D27D4EB4F) +
           call->argument[1] * UINT64_C(0x165667B19E3779F9) +
           call->argument[2] * UINT64_C(0xD6E8FEB86659FD93);
}

/* The digest of a call and of those since the last agreement of all. */
static uint64_t digest_after(const memheap_agree_t *agree,
                             const memheap_call_t *call)
{
    return agree->digest * UINT64_C(0xFF51AFD7ED558CCD) + digest_of(call);
}

static uint64_t stamp_of(uint64_t number, memheap_status_t status)
{
    return number << STATUS_BITS | (uint64_t) - (int)status;
}

static memheap_status_t status_of(uint64_t stamp)
{
    int worse = (int)(stamp & ((1u << STATUS_BITS) - 1));
    return (memheap_status_t)-worse;
}

/* Whether a stamp has come to the agreement of that number, or is past it. */
static bool is_at(const _Atomic uint64_t *stamp, uint64_t number)
{
    return atomic_load_explicit(stamp, memory_order_acquire) >> STATUS_BITS >=
           number;
}

static void await(const _Atomic uint64_t *stamp, uint64_t number,
                  memheap_wait_t wait)
{
    while (!is_at(stamp, number))
        memheap_wait_step(&wait);
}

/* What the PEs of one agreement came for, together. */
typedef struct verdict {
    memheap_status_t worst;
    int worst_pe; /* the lowest that has it */
    bool same_call;
    bool same_result;
    uint64_t digest;
    uint64_t result; /* of the first, or folded */
} verdict_t;

typedef uint64_t fold_t(uint64_t a, uint64_t b);

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

/* Read the lines of the group's PEs on this node. */
static inline verdict_t judge(const memheap_agree_t *agree, uint64_t digest,
                              uint64_t result, fold_t *fold)
{
    verdict_t verdict = {MEMHEAP_OK, 0, true, true, digest, result};
    verdict.worst_pe = agree->start;
    for (int i = 0; i < agree->node_size; i++) {
        const memheap_flag_line_t *line = line_of(agree, i);
        memheap_status_t status =
            status_of(atomic_load_explicit(&line->stamp, memory_order_relaxed));
        if (MEMHEAP_UNLIKELY(status < verdict.worst)) {
            verdict.worst = status;
            verdict.worst_pe = memheap_job_pe_on_node(
                agree->hub->job, agree->node_start + i * agree->node_stride);
        }
        verdict.same_call = verdict.same_call && line->digest == digest;
        verdict.same_result = verdict.same_result && line->result == result;
        if (fold != NULL)
            verdict.result = fold(verdict.result, line->result);
    }
    return verdict;
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
static _Noreturn void no_memory(const memheap_barrier_state_t *hub, size_t size)
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
        no_memory(hub, bundle->size + room);
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
        no_memory(agree->hub, head.size);
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
        no_memory(agree->hub, (size_t)agree->nodes * sizeof(*blocks));
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
static verdict_t meet_far(memheap_agree_t *agree, uint64_t digest,
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

/* The row of the next agreement. */
static inline int next_row(const memheap_agree_t *agree)
{
    return agree->lag > 0 ? agree->row + 1 : other_set(agree);
}

/* Write this PE's line of it. */
static inline void write_line(memheap_agree_t *agree, uint64_t digest,
                              memheap_status_t mine, uint64_t result)
{
    uint64_t number = ++agree->number;
    agree->row = next_row(agree);
    memheap_flag_line_t *line = line_of(agree, agree->node_rank);
    /* All stores together: whoever waits looks at the line all the time. */
    if (agree->show_size > 0) {
        memcpy(line->shown, agree->show, agree->show_size);
        agree->show_size = 0;
    }
    line->digest = digest;
    line->result = result;
    atomic_store_explicit(&line->stamp, stamp_of(number, mine),
                          memory_order_release);
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
static inline verdict_t meet(memheap_agree_t *agree, uint64_t digest,
                             memheap_status_t mine, uint64_t result,
                             fold_t *fold,
                             const memheap_agree_exchange_t *trade)
{
    write_line(agree, digest, mine, result);
    uint64_t number = agree->number;
    if (MEMHEAP_UNLIKELY(!memheap_agree_is_one_node(agree)))
        return meet_far(agree, digest, result, fold, trade);
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

/* All PEs have agreed: go on in the other set of rows. */
static inline void agreed(memheap_agree_t *agree)
{
    agree->lag = 0;
    agree->digest = 0;
}

/* Wait for all PEs, whatever they came for. */
static void meet_only(memheap_agree_t *agree)
{
    meet(agree, 0, MEMHEAP_OK, 0, NULL, NULL);
    agreed(agree);
}

/* The text of number i of the group, on its first PE. NULL if it has not come.
 */
static const char *any_text_of(const memheap_agree_t *agree, int i)
{
    const memheap_job_t *job = agree->hub->job;
    uint32_t near = memheap_job_node_rank(job, pe_of(agree, i));
    if (near < (uint32_t)job->node_size)
        return agree->hub->texts + (size_t)near * MEMHEAP_CALL_TEXT;
    for (const far_text_t *far = agree->hub->far_texts; far != NULL;
         far = far->next) {
        if (far->group == agree->group && far->rank == i)
            return far->text;
    }
    return NULL;
}

/* What number i of the group called, where texts have come of all PEs that are
 * not absent. An absent one's line tells with whom it came, or what it did. */
static const char *told_by(const memheap_agree_t *agree, int row, int i,
                           char *room)
{
    const char *text = any_text_of(agree, i);
    if (text != NULL && text[0] != '\0')
        return text;
    const memheap_flag_line_t *line = line_in(agree, row, i);
    for (int k = 0; k < agree->size; k++) {
        text = any_text_of(agree, k);
        if (text != NULL && text[0] != '\0' &&
            line_in(agree, row, k)->digest == line->digest)
            return text;
    }
    const memheap_call_t call = {line->what, {line->result, line->more}, NULL};
    agree->hub->describe(&call, room, MEMHEAP_CALL_TEXT);
    return room;
}

/* Log the calls of all PEs, neighbours with the same call together. */
static void report(memheap_agree_t *agree, uint64_t number, int row)
{
    char message[1000];
    char said[2][MEMHEAP_CALL_TEXT];
    size_t used = (size_t)snprintf(
        message, sizeof(message),
        "the PEs differ in collective call %llu, which all must make alike:",
        (unsigned long long)number);
    for (int i = 0; i < agree->size; i++) {
        memheap_wait_t wait = agree->hub->job->wait;
        while (any_text_of(agree, i) == NULL)
            memheap_wait_step(&wait);
    }
    for (int i = 0; i < agree->size && used < sizeof(message);) {
        const char *text = told_by(agree, row, i, said[0]);
        int last = i;
        while (agree->stride == 1 && last + 1 < agree->size &&
               strcmp(told_by(agree, row, last + 1, said[1]), text) == 0)
            last++;
        const char *separator = i == 0 ? "" : ";";
        size_t room = sizeof(message) - used;
        if (last > i)
            used += (size_t)snprintf(message + used, room,
                                     "%s PEs %d to %d called %s", separator,
                                     pe_of(agree, i), pe_of(agree, last), text);
        else
            used += (size_t)snprintf(message + used, room, "%s PE %d called %s",
                                     separator, pe_of(agree, i), text);
        i = last + 1;
    }
    memheap_log_write(agree->hub->log, MEMHEAP_LOG_ERROR, "%s", message);
    agree->reports = true;
}

/* Fill up this PE's lines of the set, up to where all agree: with digests that
 * are nobody's. */
static void fill_up(const memheap_agree_t *agree)
{
    uint64_t digest = line_of(agree, agree->node_rank)->digest;
    for (int i = agree->lag + 1; i < MEMHEAP_AGREE_PENDING_MAX; i++) {
        int ahead = i - agree->lag;
        memheap_flag_line_t *line =
            line_in(agree, agree->row + ahead, agree->node_rank);
        line->digest = ~digest;
        line->result = 0;
        atomic_store_explicit(
            &line->stamp, stamp_of(agree->number + (uint64_t)ahead, MEMHEAP_OK),
            memory_order_release);
    }
}

/* How many agreements ago the PEs differed first, in a group on one node. All
 * have written their lines of then. */
static int first_difference(const memheap_agree_t *agree)
{
    for (int ago = agree->lag; ago > 0; ago--) {
        uint64_t number = agree->number - (uint64_t)ago;
        for (int i = 0; i < agree->size; i++) {
            memheap_flag_line_t *line = line_in(agree, agree->row - ago, i);
            await(&line->stamp, number, agree->hub->job->wait);
            if (line->digest != line_in(agree, agree->row - ago, 0)->digest)
                return ago;
        }
    }
    return 0;
}

/* As meet_only(), but give up waiting for PEs that do not come. Whether all
 * came; *first_p takes the first that did. */
static bool meet_present(memheap_agree_t *agree, int *first_p)
{
    struct timespec start;
    struct timespec now;
    bool all = true;
    write_line(agree, 0, MEMHEAP_OK, 0);
    agreed(agree);
    *first_p = agree->size;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < agree->size; i++) {
        memheap_wait_t wait = agree->hub->job->wait;
        const _Atomic uint64_t *stamp = &line_of(agree, i)->stamp;
        bool here;
        do {
            here = is_at(stamp, agree->number);
            memheap_wait_step(&wait);
            clock_gettime(CLOCK_MONOTONIC, &now);
        } while (!here && now.tv_sec - start.tv_sec < ABSENT_SECONDS);
        all = all && here;
        if (here && i < *first_p)
            *first_p = i;
    }
    return all;
}

/* All PEs come here, or none: each has the same verdict; or each that makes
 * another call after agreements with one. */
static memheap_status_t diverge(memheap_agree_t *agree,
                                const memheap_call_t *call, uint64_t result,
                                bool results_differ)
{
    const memheap_barrier_state_t *hub = agree->hub;
    bool near = memheap_agree_is_one_node(agree);
    int ago = 0;
    int first = 0;
    bool all = true;
    if (near) {
        fill_up(agree);
        ago = first_difference(agree);
    }
    uint64_t number = agree->number - (uint64_t)ago;
    int row = agree->row - ago;
    char *text = text_of(agree, agree->node_rank);
    hub->describe(ago == 0 ? call : &agree->calls[agree->lag - ago], text,
                  MEMHEAP_CALL_TEXT);
    if (results_differ) {
        size_t used = strlen(text);
        snprintf(text + used, MEMHEAP_CALL_TEXT - used, " with result %#llx",
                 (unsigned long long)result);
    }
    if (near) {
        /* All go on from the same number, in the other set. */
        agree->number += (uint64_t)(MEMHEAP_AGREE_PENDING_MAX - agree->lag);
        agreed(agree);
        all = meet_present(agree, &first);
    } else {
        if (memheap_job_node_rank(hub->job, agree->start) >=
            (uint32_t)hub->job->node_size) {
            message_t message = {
                .group = agree->group, .round = TEXT, .rank = agree->rank};
            memheap_transport_send(hub->transport, agree->start, &message,
                                   sizeof(message), text, MEMHEAP_CALL_TEXT);
        }
        meet_only(agree);
    }
    if (agree->rank == first)
        report(agree, number, row);
    if (!near)
        meet_only(agree);
    else if (all)
        meet_present(agree, &first);
    return MEMHEAP_ERR_DIVERGED;
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
        return diverge(agree, call, result, verdict.same_call);
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
            return diverge(agree, call, 0, false);
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
        return diverge(agree, call, 0, false);
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
        return diverge(agree, call, 0, false);
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

void memheap_agree_receive(const memheap_agree_t *world, const void *head,
                           const void *data, size_t size)
{
    memheap_barrier_state_t *hub = world->hub;
    message_t message; /* head lies where the network put it */
    memcpy(&message, head, sizeof(message));
    if (message.round == TEXT) {
        far_text_t *text = malloc(sizeof(*text));
        if (text == NULL)
            no_memory(hub, sizeof(*text));
        text->group = message.group;
        text->rank = message.rank;
        memcpy(text->text, data, memheap_min(size, sizeof(text->text)));
        text->next = hub->far_texts;
        hub->far_texts = text;
        return;
    }
    uint64_t number = message.word.stamp >> STATUS_BITS;
    box_t *box = box_of(hub, message.group, number, message.round);
    if (size > 0) {
        box->data = malloc(size);
        if (box->data == NULL)
            no_memory(hub, size);
        memcpy(box->data, data, size);
        box->size = size;
    }
    box->digest = message.word.digest;
    box->result = message.word.result;
    box->more = message.word.more;
    atomic_store_explicit(&box->stamp, message.word.stamp,
                          memory_order_release);
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
        meet_only(agree);
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
