/*
 * Agreement: a barrier that also tells whether all PEs came for the same
 * reason, and whether all of them are well.
 *
 * Each PE brings the call that it is in, its status, and its result. Where all
 * are alike and well, this costs what a barrier costs. Where a PE is not well,
 * all learn the worst status and whose it is. Where the calls differ, or the
 * results of PEs that are all well, the PEs say what they came for, and one of
 * them prints it all.
 */
#ifndef MEMHEAP_COMM_AGREE_H
#define MEMHEAP_COMM_AGREE_H

#include "comm/call.h"
#include "comm/transport.h"

typedef struct memheap_flag_line memheap_flag_line_t;
typedef struct memheap_barrier_state memheap_barrier_state_t;

/** Agreements that end in one of all PEs: those before it may be agreements
 * with one. */
#define MEMHEAP_AGREE_PENDING_MAX 16

/** 2 to this power is more than the nodes of any job. */
#define MEMHEAP_AGREE_ROUNDS 20

/** Means to agree, for the PEs start + i * stride of the job, i < size. */
typedef struct memheap_agree {
    memheap_barrier_state_t *hub; /* of all groups */
    memheap_flag_line_t *lines;
    uint64_t number; /* of the last agreement */
    int row;         /* its lines */
    int lag;         /* agreements with one PE since the last of all, */
    uint64_t digest; /* and of their calls, which are these */
    memheap_call_t calls[MEMHEAP_AGREE_PENDING_MAX - 1];
    int group;
    int rank, size; /* this PE is number rank of them */
    int start, stride;
    /** Those of them that are on this node: node_start + i * node_stride there,
     *  i < node_size; this PE is number node_rank of these. In the group they
     *  are the numbers first + i * step. */
    int node_start, node_stride, node_size, node_rank;
    int first, step;
    int nodes, node_number; /* of the group, and this node among them */
    /** For the first PE of these: the first PE on the node 2^i further,
     *  of as many as it takes to have met all. */
    int rounds;
    int to[MEMHEAP_AGREE_ROUNDS];
    const void *show; /* in the next agreement, */
    size_t show_size; /* so many bytes */
    bool reports;     /* that the PEs differ, as their only one */
} memheap_agree_t;

/** Groups that can be there at once, numbered from 0, which is that of all
 *  PEs. Groups that have no PE in common may have one number. */
#define MEMHEAP_AGREE_GROUPS 1024

/**
 * Make the means to agree. Collective.
 *
 * @param transport  takes messages between nodes; NULL if there is one node
 * @return the same on every PE. MEMHEAP_ERR_SYSTEM, MEMHEAP_ERR_NO_METADATA;
 *         logged
 */
memheap_status_t memheap_agree_open(memheap_agree_t *agree,
                                    const memheap_job_t *job,
                                    memheap_transport_t *transport,
                                    memheap_call_describe_t *describe,
                                    const memheap_log_t *log);

void memheap_agree_close(memheap_agree_t *agree);

/**
 * Agree. Collective; no PE returns before all have come.
 *
 * @param mine    this PE's status
 * @param result  compared where all PEs are well
 * @param pe_p    takes the lowest of the PEs that have the worst status; NULL
 *                if nobody wants to know
 * @return the same on every PE: MEMHEAP_OK, the worst status, or
 *         MEMHEAP_ERR_DIVERGED after one PE, whose agree->reports is set,
 *         logged which called what
 */
memheap_status_t memheap_agree(memheap_agree_t *agree,
                               const memheap_call_t *call,
                               memheap_status_t mine, uint64_t result,
                               int *pe_p);

/**
 * As memheap_agree(), for PEs that are all well, but wait for number `one` of
 * the group alone, where all PEs are on one node; so that one waits for nobody.
 * Whether the others differ turns out in the next agreement of all at the
 * latest: one of these does that now and then. Calls that go through here are
 * described by two arguments.
 */
memheap_status_t memheap_agree_rooted(memheap_agree_t *agree,
                                      const memheap_call_t *call, int one);

/**
 * As memheap_agree(), for PEs that are all well; and fold the words that they
 * bring into one, which all get. A word may be folded in more than once.
 */
memheap_status_t memheap_agree_reduce(memheap_agree_t *agree,
                                      const memheap_call_t *call, uint64_t word,
                                      uint64_t (*fold)(uint64_t a, uint64_t b),
                                      uint64_t *all_p);

/** Wait for all PEs of the group, whatever they came for. */
void memheap_agree_barrier(memheap_agree_t *agree);

/** Most bytes that a PE can show to the others of its node. */
#define MEMHEAP_AGREE_PAYLOAD_MAX 80

/** Show some bytes in the next agreement, in a group of more than one PE. They
 *  have to stay there until then. Local. */
void memheap_agree_attach(memheap_agree_t *agree, const void *data,
                          size_t size);

/** What number i of the PEs on this node has shown in the last agreement,
 *  aligned for any type. It is there until this PE comes to the next one. */
const void *memheap_agree_payload(const memheap_agree_t *agree, int i);

/** What the PEs of one node brought together: those that have the numbers
 *  first + i * step in the group, i < count. */
typedef struct memheap_agree_block {
    int first, step, count;
    size_t size; /* bytes of data, aligned for any type */
    const void *data;
} memheap_agree_block_t;

/** What the first PE of the group on each node does, while its others wait and
 *  have their memory read and written by it. */
typedef struct memheap_agree_exchange {
    /** Bring something for the other nodes, of *size_p bytes, which
     *  memheap_agree() frees. NULL if there is no memory. */
    void *(*pack)(void *context, size_t *size_p);
    /** Take what each node brought, in the same order on all nodes. */
    void (*unpack)(void *context, const memheap_agree_block_t *blocks,
                   int count);
    void *context;
} memheap_agree_exchange_t;

/** As memheap_agree(), for PEs that are all well, of a group on several nodes;
 *  and let the nodes trade. */
memheap_status_t memheap_agree_exchange(memheap_agree_t *agree,
                                        const memheap_call_t *call,
                                        const memheap_agree_exchange_t *trade);

/** A fold: the greater of two words. */
static inline uint64_t memheap_agree_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/** The number of the last agreement of this PE in a group. */
uint64_t memheap_agree_last(const memheap_agree_t *world, int group);

/** Whether all PEs of the group are on this node. */
static inline bool memheap_agree_is_one_node(const memheap_agree_t *agree)
{
    return agree->node_size == agree->size;
}

/**
 * The means for some of the PEs. Local.
 *
 * @param world   those of all PEs, which must outlive these
 * @param group   a number that none of the PEs uses for another group
 * @param number  at least what memheap_agree_last() is on each of the PEs, and
 *                the same on all of them
 * @param rank    this PE's number among them; the PEs of the job that belong
 *                to it are start + i * stride, i < size
 */
void memheap_agree_split(const memheap_agree_t *world, int group,
                         uint64_t number, int start, int stride, int size,
                         int rank, memheap_agree_t *agree);

/** End the means that memheap_agree_split() gave, after what all of the PEs
 *  have agreed on: their group number is free when all have come here. */
void memheap_agree_end(memheap_agree_t *agree);

#endif
