/*
 * Agreement: a barrier that also checks that all PEs make the same call, and
 * tells all of them the worst status.
 *
 * Each PE contributes its call, its status and its result. If all calls and
 * results are equal and all statuses are MEMHEAP_OK, an agreement costs what a
 * barrier costs. If a PE has failed, all PEs get the worst status and the PE
 * that has it. If the calls differ, or the results of PEs that all succeeded,
 * the PEs describe their calls, and one of them logs the differences.
 *
 * agree.c has the agreement on one node and the setup; agree_exchange.c the
 * agreement between nodes; agree_report.c the report of a divergence.
 */
#ifndef MEMHEAP_COMM_AGREE_H
#define MEMHEAP_COMM_AGREE_H

#include "comm/call.h"
#include "comm/transport.h"

typedef struct memheap_flag_line memheap_flag_line_t;
typedef struct memheap_barrier_state memheap_barrier_state_t;

/** Epochs per half. At most this many agreements, less one, can be rooted
 * before the next agreement of all PEs; see memheap_agree_rooted(). */
#define MEMHEAP_AGREE_PENDING_MAX 16

/** Upper bound of the base-2 logarithm of the number of nodes. */
#define MEMHEAP_AGREE_ROUNDS 20

/**
 * A group of PEs that can agree: the PEs start + i * stride of the job,
 * i < size. "Rank i" is the PE with index i in the group.
 */
typedef struct memheap_agree {
    memheap_barrier_state_t *state; /* shared by all groups */
    memheap_flag_line_t *lines;     /* of this group, all epochs */
    uint64_t number;                /* of the last agreement */
    int epoch;                      /* of the last agreement */
    int pending; /* rooted agreements since the last agreement of all PEs */
    uint64_t pending_digest;    /* of the calls of these */
    const memheap_call_t *call; /* of the current agreement; may be NULL */
    memheap_call_t pending_calls[MEMHEAP_AGREE_PENDING_MAX - 1];
    int group; /* the group number */
    int rank, size;
    int start, stride;
    /** The members on this node are the PEs node_start + i * node_stride of
     *  the node, i < node_size. This PE has index node_rank among them. */
    int node_start, node_stride, node_size, node_rank;
    /** Their ranks in the group are first + i * step. */
    int first, step;
    int nodes, node_number; /* the nodes of the group; the index of this one */
    /** partner[i] is the first member on the node 2^i further. In round i of an
     *  exchange, the node's first member sends to it. */
    int rounds;
    int partner[MEMHEAP_AGREE_ROUNDS];
    const void *payload;          /* inline payload of the next agreement */
    size_t payload_size;          /* bytes; 0: none */
    bool logged_divergence;       /* this PE has logged that the PEs differ */
    memheap_wait_reason_t reason; /* describes `call`, while this PE waits */
} memheap_agree_t;

/** Group numbers: 0 is the group of all PEs. Groups without a common PE may
 *  share a number. */
#define MEMHEAP_AGREE_GROUPS 1024

/**
 * Create the barrier state, and the group of all PEs. Collective.
 *
 * @param transport  sends messages between nodes; NULL if there is one node
 * @param describe   writes a call as text, for the report of a divergence
 * @return the same on every PE. MEMHEAP_ERR_SYSTEM, MEMHEAP_ERR_NO_METADATA;
 *         logged
 */
memheap_status_t memheap_agree_open(memheap_agree_t *agree,
                                    const memheap_job_t *job,
                                    memheap_transport_t *transport,
                                    memheap_call_describe_t *describe,
                                    const memheap_log_t *log);

/** Size of a note, in bytes. */
#define MEMHEAP_AGREE_NOTE 1024

/** The note of a PE of this node: memory that the node's PEs share, for use by
 *  the caller. Zero at first. node_rank = job->node_size: a note that belongs
 *  to no PE. */
void *memheap_agree_note(const memheap_agree_t *world, int node_rank);

/** Whether a wait for this reason is one in an agreement. */
bool memheap_agree_is_reason(const memheap_wait_reason_t *reason);

/** Free the barrier state. Local; all groups become invalid. */
void memheap_agree_close(memheap_agree_t *agree);

/**
 * Agree. Collective over the group; no PE returns before all PEs have called.
 *
 * @param mine    this PE's status
 * @param result  compared if all PEs have succeeded
 * @param pe_p    takes the lowest PE that has the worst status; may be NULL
 * @return the same on every PE: MEMHEAP_OK, the worst status, or
 *         MEMHEAP_ERR_DIVERGED. In the last case one PE has logged the calls
 *         of all, and has set agree->logged_divergence.
 */
memheap_status_t memheap_agree(memheap_agree_t *agree,
                               const memheap_call_t *call,
                               memheap_status_t mine, uint64_t result,
                               int *pe_p);

/** Whether the next agreement can be rooted. If not, memheap_agree_rooted() is
 * an agreement of all PEs: once in MEMHEAP_AGREE_PENDING_MAX times. */
static inline bool memheap_agree_may_run_ahead(const memheap_agree_t *agree)
{
    return agree->pending < MEMHEAP_AGREE_PENDING_MAX - 1 && agree->size > 1;
}

/**
 * Agree without a status and a result, and wait for rank `root` only. The root
 * does not wait. Its inline payload reaches all PEs; on several nodes, only if
 * memheap_agree_may_run_ahead(). Other differences between the calls are
 * detected by the next agreement of all PEs. The call has at most two
 * arguments.
 */
memheap_status_t memheap_agree_rooted(memheap_agree_t *agree,
                                      const memheap_call_t *call, int root);

/**
 * Agree without a status, and reduce one word of each PE. All PEs get the
 * result.
 *
 * @param reduce  commutative, associative and idempotent: a word may be
 *                reduced more than once
 */
memheap_status_t
memheap_agree_reduce(memheap_agree_t *agree, const memheap_call_t *call,
                     uint64_t word, uint64_t (*reduce)(uint64_t a, uint64_t b),
                     uint64_t *all_p);

/** A reduction: the greater of two words. */
static inline uint64_t memheap_agree_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/** Wait for all PEs of the group; calls are not compared. */
void memheap_agree_barrier(memheap_agree_t *agree);

/** Maximum size of an inline payload, in bytes. */
#define MEMHEAP_AGREE_PAYLOAD_MAX 80

/** Attach an inline payload to the next agreement of a group of more than one
 *  PE: the PEs of the node can read it afterwards. The data must stay valid
 *  until the agreement. Local. */
void memheap_agree_attach(memheap_agree_t *agree, const void *data,
                          size_t size);

/** The inline payload that member i of this node attached to the last
 *  agreement, aligned for any type. Valid until this PE's next agreement. */
const void *memheap_agree_payload(const memheap_agree_t *agree, int i);

/** The inline payload that rank `root` attached to the last agreement, which
 *  was rooted. Aligned and valid as above. */
const void *memheap_agree_root_payload(const memheap_agree_t *agree, int root);

/** Whether the PEs of this node share cores: they are more than the cores. */
bool memheap_agree_is_crowded(const memheap_agree_t *agree);

/** Maximum size of a staged payload, in bytes. */
#define MEMHEAP_AGREE_STAGE_MAX 8192

/** Memory for a staged payload of the next agreement: like an inline payload,
 *  but longer, and never rooted. Copying it costs more than to let the others
 *  read it in place and to wait for them once more, unless PEs share cores. So
 *  that is when it is offered, to groups of low numbers.
 *  @return NULL on all PEs: the data is not to be staged */
char *memheap_agree_stage(const memheap_agree_t *agree, size_t size);

/** The payload that member i of this node staged for the last agreement. Valid
 *  until this PE's next agreement. */
const char *memheap_agree_staged(const memheap_agree_t *agree, int i);

/** The payload of one node in an exchange: the data of the ranks
 *  first + i * step, i < count. */
typedef struct memheap_node_payload {
    int first, step, count;
    size_t size;      /* bytes of data */
    const void *data; /* aligned for any type */
} memheap_node_payload_t;

/** Callbacks of an exchange. The first member of each node runs them for all
 *  members on the node, which wait meanwhile; it may access their memory. */
typedef struct memheap_agree_exchange {
    /** Write the node's payload to `to`, unless that is NULL.
     *  @return its size */
    size_t (*pack)(void *context, void *to);
    /** Process the payloads of all nodes, in the same order on all nodes. */
    void (*unpack)(void *context, const memheap_node_payload_t *payloads,
                   int count);
    void *context;
} memheap_agree_exchange_t;

/** Agree without a status in a group on several nodes, and exchange payloads
 *  between the nodes. */
memheap_status_t
memheap_agree_exchange(memheap_agree_t *agree, const memheap_call_t *call,
                       const memheap_agree_exchange_t *exchange);

/** The number of this PE's last agreement in any group of a group number. */
uint64_t memheap_agree_last(const memheap_agree_t *world, int group);

/** Whether all PEs of the group are on this node. */
static inline bool memheap_agree_is_one_node(const memheap_agree_t *agree)
{
    return agree->node_size == agree->size;
}

/**
 * Create a group of some PEs: start + i * stride of the job, i < size. Local.
 *
 * @param world   the group of all PEs; must outlive the new group
 * @param group   a group number that no member uses in another group
 * @param number  the same on all members, and not less than
 *                memheap_agree_last() of any of them
 * @param rank    this PE's rank in the group
 */
void memheap_agree_split(const memheap_agree_t *world, int group,
                         uint64_t number, int start, int stride, int size,
                         int rank, memheap_agree_t *agree);

/** Destroy a group that memheap_agree_split() created. Collective over it; its
 *  number is free when all members have called. */
void memheap_agree_end(memheap_agree_t *agree);

#endif
