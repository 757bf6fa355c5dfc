/*
 * The shared state of agreement, as its three parts see it.
 */
#ifndef MEMHEAP_COMM_AGREE_STATE_H
#define MEMHEAP_COMM_AGREE_STATE_H

#include "comm/agree.h"
#include "base/util.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

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
static inline memheap_flag_line_t *line_in(const memheap_agree_t *agree,
                                           int row, int i)
{
    return agree->lines + row * agree->hub->row + agree->node_start +
           i * agree->node_stride;
}

/* The same in the row of the last agreement. */
static inline memheap_flag_line_t *line_of(const memheap_agree_t *agree, int i)
{
    return line_in(agree, agree->row, i);
}

/* The first row of the set that is not that of the last agreement. */
static inline int other_set(const memheap_agree_t *agree)
{
    return agree->row < MEMHEAP_AGREE_PENDING_MAX ? MEMHEAP_AGREE_PENDING_MAX
                                                  : 0;
}

static inline int pe_of(const memheap_agree_t *agree, int i)
{
    return agree->start + i * agree->stride;
}

/* The text of number i among those of the group that are on this node. */
static inline char *text_of(const memheap_agree_t *agree, int i)
{
    return agree->hub->texts +
           (size_t)(agree->node_start + i * agree->node_stride) *
               MEMHEAP_CALL_TEXT;
}

static inline uint64_t stamp_of(uint64_t number, memheap_status_t status)
{
    return number << STATUS_BITS | (uint64_t) - (int)status;
}

static inline memheap_status_t status_of(uint64_t stamp)
{
    int worse = (int)(stamp & ((1u << STATUS_BITS) - 1));
    return (memheap_status_t)-worse;
}

/* Whether a stamp has come to the agreement of that number, or is past it. */
static inline bool is_at(const _Atomic uint64_t *stamp, uint64_t number)
{
    return atomic_load_explicit(stamp, memory_order_acquire) >> STATUS_BITS >=
           number;
}

static inline void await(const _Atomic uint64_t *stamp, uint64_t number,
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

/* All PEs have agreed: go on in the other set of rows. */
static inline void agreed(memheap_agree_t *agree)
{
    agree->lag = 0;
    agree->digest = 0;
}

#endif
