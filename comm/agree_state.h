/*
 * The barrier state, shared by the parts of the agreement; agree.c has the
 * picture.
 */
#ifndef MEMHEAP_COMM_AGREE_STATE_H
#define MEMHEAP_COMM_AGREE_STATE_H

#include "comm/agree.h"
#include "base/util.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

enum {
    LINE_SIZE = 128, /* two cache lines: processors prefetch pairs of them */
    HALVES = 2,
    EPOCHS = HALVES * MEMHEAP_AGREE_PENDING_MAX,
    STATUS_BITS = 8,
    STAGE_GROUPS = 64, /* have stages */
    /* How long to wait for a PE that has left the call in which it differs,
     * without noticing the difference. */
    ABSENT_SECONDS = 2,
    /* The same for a PE that may still read the lines of the half before. */
    SLOW_SECONDS = 1
};

/* An outcome as it is stored in lines and messages. */
typedef struct packed_outcome {
    uint64_t stamp;  /* number << STATUS_BITS | -(worst status) */
    uint64_t digest; /* of the call */
    uint64_t result; /* or the reduced word */
    uint64_t aux;    /* worst_pe << 2 | same_call << 1 | same_result */
} packed_outcome_t;

struct memheap_flag_line {
    _Alignas(LINE_SIZE) _Atomic uint64_t stamp;
    uint64_t digest;
    uint64_t result;
    uint64_t aux; /* in an outcome line: as packed_outcome_t */
    /* In a rooted agreement, these hold the call: kind; and result and aux,
     * its first two arguments. */
    uint64_t kind;
    union {
        /* In the first epoch of a half, in the line of the node's first member:
         * the PEs differ in this agreement or before. Older than the half:
         * they do not, as far as the node knows. */
        _Atomic uint64_t alarm;
        /* In an outcome line. */
        struct {
            uint32_t sender;      /* 1 + the rank of the root whose payload this
                                     is; 0: the line has an outcome */
            uint32_t sender_node; /* its node's index in the group */
        };
    };
    _Alignas(max_align_t) char payload[MEMHEAP_AGREE_PAYLOAD_MAX];
};
_Static_assert(sizeof(memheap_flag_line_t) == LINE_SIZE,
               "an inline payload must fit into a flag line");

/* Payloads of an exchange, each with its header, back to back. */
typedef struct payload_list {
    size_t room, size; /* bytes */
    _Alignas(max_align_t) char bytes[];
} payload_list_t;

enum {
    SPARE_LISTS = 2 /* one to send, one that is received */
};

/* Where a message from another node waits to be read. */
typedef struct mailbox {
    _Atomic uint64_t stamp;
    uint64_t digest;
    uint64_t result;
    uint64_t aux;
    payload_list_t *list; /* for the reader; may be NULL */
} mailbox_t;

/* The head of a message to a PE of another node: to the first member there, or
 * a report to any. Data may follow it. */
typedef struct message {
    int group;
    int round;     /* of an exchange; or one of the kinds below */
    int epoch;     /* of the sender */
    uint32_t rank; /* of the root; of the PE that a report is about */
    uint32_t node; /* the index of the root's node in the group */
    uint64_t kind; /* of the root's call */
    /* In an early message: result and aux are the call's arguments. In an
     * alarm: aux is 1 if the sender has found a difference. In a report: the
     * stamp is that of the first call, and result that of the last; aux is 1
     * if the sender was told. */
    packed_outcome_t word;
} message_t;

enum {
    ROUND_EARLY = -1,  /* the payload of a root that does not wait */
    ROUND_ALARM = -2,  /* digests of the half; the sender has found a difference
                          or waits long */
    ROUND_REPORT = -3, /* the calls of a PE, as reported_call_t */
};

_Static_assert(sizeof(message_t) <= MEMHEAP_TRANSPORT_HEAD,
               "a message head must fit into the transport's");

/* A call, described for the report of a group on several nodes. */
typedef struct reported_call {
    uint64_t digest;
    char text[MEMHEAP_CALL_TEXT];
} reported_call_t;

/* Calls of one PE, with consecutive numbers. */
typedef struct report {
    int group, rank;
    bool heard;     /* told by another PE: one call */
    uint64_t first; /* number of the first call */
    int count;
    uint64_t result; /* of the last call */
    struct report *next;
    reported_call_t calls[];
} report_t;

struct memheap_barrier_state {
    const memheap_job_t *job;
    memheap_transport_t *transport; /* NULL: all PEs are on one node */
    memheap_call_describe_t *describe;
    const memheap_log_t *log;
    size_t bytes;               /* of lines and texts */
    memheap_flag_line_t *lines; /* of group 0 */
    int stride;                 /* lines in an epoch */
    char *texts;                /* one for each PE of the node */
    char *notes;                /* likewise */
    char *stages;               /* [group][half][PE of the node] */
    const int *crowded;         /* in shared memory: PEs share cores */
    mailbox_t *mailboxes;       /* [group][half][round] */
    int rounds;                 /* in an exchange of all nodes */
    payload_list_t *_Atomic spare[SPARE_LISTS];
    report_t *_Atomic reports; /* for this PE to print, or to pass on */
};

/* The flag lines of a group number. */
static inline memheap_flag_line_t *
lines_of_group(const memheap_barrier_state_t *state, int group)
{
    return state->lines + (ptrdiff_t)group * EPOCHS * state->stride;
}

/* The line of member i of this node, in an epoch. */
static inline memheap_flag_line_t *line_at(const memheap_agree_t *agree,
                                           int epoch, int i)
{
    return agree->lines + epoch * agree->state->stride + agree->node_start +
           i * agree->node_stride;
}

/* The same, in the epoch of the last agreement. */
static inline memheap_flag_line_t *line_of(const memheap_agree_t *agree, int i)
{
    return line_at(agree, agree->epoch, i);
}

/* The line for the outcome of all nodes, or for the payload of a root on
 * another node. In a group on several nodes. */
static inline memheap_flag_line_t *outcome_line_at(const memheap_agree_t *agree,
                                                   int epoch)
{
    return line_at(agree, epoch, 0) + agree->state->job->node_size;
}

/* The index on this node of a rank; -1 if it is on another node. */
static inline int index_on_node(const memheap_agree_t *agree, int rank)
{
    int distance = rank - agree->first;
    int i = distance / agree->step;
    return distance >= 0 && distance % agree->step == 0 && i < agree->node_size
               ? i
               : -1;
}

/* The place of an epoch in its half. */
static inline int place_in_half(int epoch)
{
    return epoch % MEMHEAP_AGREE_PENDING_MAX;
}

/* The number of the first agreement of the half. */
static inline uint64_t first_of_half(uint64_t number, int epoch)
{
    return number - (uint64_t)place_in_half(epoch);
}

/* The first epoch of the half that the last agreement did not use. */
static inline int other_half(const memheap_agree_t *agree)
{
    return agree->epoch < MEMHEAP_AGREE_PENDING_MAX ? MEMHEAP_AGREE_PENDING_MAX
                                                    : 0;
}

static inline int pe_of(const memheap_agree_t *agree, int i)
{
    return agree->start + i * agree->stride;
}

/* The text buffer of member i of this node. */
static inline char *text_on_node(const memheap_agree_t *agree, int i)
{
    return agree->state->texts +
           (size_t)(agree->node_start + i * agree->node_stride) *
               MEMHEAP_CALL_TEXT;
}

/* Digest of a call and of the calls of the half before it. */
static inline uint64_t digest_after(uint64_t before, const memheap_call_t *call)
{
    return before * UINT64_C(0xFF51AFD7ED558CCD) + memheap_call_digest(call);
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

/* Whether a line has the stamp of an agreement, or of a later one. */
static inline bool has_reached(const _Atomic uint64_t *stamp, uint64_t number)
{
    return atomic_load_explicit(stamp, memory_order_acquire) >> STATUS_BITS >=
           number;
}

/* Begin a wait of the current agreement. */
static inline memheap_wait_t begin_wait(const memheap_agree_t *agree)
{
    return memheap_wait_begin(&agree->state->job->wait, &agree->reason);
}

static inline void await(const memheap_agree_t *agree,
                         const _Atomic uint64_t *stamp, uint64_t number)
{
    if (has_reached(stamp, number))
        return;
    memheap_wait_t wait = begin_wait(agree);
    do {
        memheap_wait_step(&wait);
    } while (!has_reached(stamp, number));
}

/* The combined lines of some PEs. */
typedef struct outcome {
    memheap_status_t worst;
    int worst_pe; /* the lowest PE that has it */
    bool same_call;
    bool same_result;
    uint64_t digest;
    uint64_t result; /* of the first PE, or reduced */
} outcome_t;

typedef uint64_t reduce_t(uint64_t a, uint64_t b);

/* Combine the lines of the members on this node. */
static inline outcome_t reduce_lines(const memheap_agree_t *agree,
                                     uint64_t digest, uint64_t result,
                                     reduce_t *reduce)
{
    outcome_t outcome = {MEMHEAP_OK, 0, true, true, digest, result};
    outcome.worst_pe = agree->start;
    for (int i = 0; i < agree->node_size; i++) {
        const memheap_flag_line_t *line = line_of(agree, i);
        memheap_status_t status =
            status_of(atomic_load_explicit(&line->stamp, memory_order_relaxed));
        if (MEMHEAP_UNLIKELY(status < outcome.worst)) {
            outcome.worst = status;
            outcome.worst_pe = memheap_job_pe_on_node(
                agree->state->job, agree->node_start + i * agree->node_stride);
        }
        outcome.same_call = outcome.same_call && line->digest == digest;
        outcome.same_result = outcome.same_result && line->result == result;
        if (reduce != NULL)
            outcome.result = reduce(outcome.result, line->result);
    }
    return outcome;
}

static inline int next_epoch(const memheap_agree_t *agree)
{
    return agree->pending > 0 ? agree->epoch + 1 : other_half(agree);
}

/* Begin the next agreement: write this PE's line. */
static inline void write_line(memheap_agree_t *agree, uint64_t digest,
                              memheap_status_t mine, uint64_t result)
{
    uint64_t number = ++agree->number;
    agree->epoch = next_epoch(agree);
    memheap_flag_line_t *line = line_of(agree, agree->node_rank);
    /* Store all at once: waiting PEs poll the line, and each poll moves it. */
    if (agree->payload_size > 0) {
        memcpy(line->payload, agree->payload, agree->payload_size);
        agree->payload_size = 0;
    }
    line->digest = digest;
    line->result = result;
    atomic_store_explicit(&line->stamp, stamp_of(number, mine),
                          memory_order_release);
}

/* All PEs have agreed: the next agreement uses the other half. */
static inline void start_next_half(memheap_agree_t *agree)
{
    agree->pending = 0;
    agree->pending_digest = 0;
}

#endif
