/*
 * The PEs of a job, and the few things they do through MPI.
 *
 * A node is a set of PEs that map each other's memory. MPI says which PEs
 * could; a node's PEs are also an arithmetic progression, so that whether a PE
 * is near takes a multiplication and no table. Where the launcher's order is
 * another, the machine counts as several nodes.
 *
 * All calls are collective over the job, and none lies on a fast path. Waiting
 * in one of them goes on serving PEs of other nodes. The communicators are
 * private: nothing of the program's can meet it.
 */
#ifndef MEMHEAP_COMM_JOB_H
#define MEMHEAP_COMM_JOB_H

#include <memheap/log.h>
#include <memheap/status.h>
#include "comm/wait.h"

#include <mpi.h>

#include <stdbool.h>
#include <stdint.h>

/** The PEs start + i * stride of the job, i < size. */
typedef struct memheap_node {
    int start, stride, size;
} memheap_node_t;

typedef struct memheap_job {
    MPI_Comm world;
    MPI_Comm machine; /* the PEs that MPI says share memory with this one */
    MPI_Comm node;    /* those of this PE's node */
    MPI_Comm leaders; /* the first PE of each node; MPI_COMM_NULL on others */
    int rank, size;
    int machine_size, machine_first; /* PEs of the machine, and the first */
    int node_rank, node_size;
    memheap_node_t *nodes; /* all of them, by their first PE */
    int node_count;
    int node_number;          /* of this PE's */
    int node_pe_start;        /* of this PE's node, */
    uint32_t node_pe_inverse; /* and its stride, as memheap_job_node_rank()
                                 needs it */
    unsigned node_pe_shift;
    bool oversubscribed; /* the machine's PEs have fewer cores than they are */
    memheap_wait_t wait;
} memheap_job_t;

/**
 * Know the PEs of a communicator as a job.
 *
 * @param machine  the PEs that say the same number are on one machine; -1 on
 *                 all of them: as MPI says
 */
void memheap_job_open(memheap_job_t *job, MPI_Comm comm, int machine);

/** Some PEs of a job: start + i * stride, i < size; this one is number rank. */
typedef struct memheap_subset {
    MPI_Comm comm; /* of them */
    int start, stride, size, rank;
} memheap_subset_t;

/**
 * Find the PEs that want to take part. Collective.
 * @param part  on one that does not, size is 0
 * @return MEMHEAP_ERR_UNSUPPORTED on every PE if they are no progression
 */
memheap_status_t memheap_job_subset(const memheap_job_t *job, bool takes_part,
                                    memheap_subset_t *part);

/** Let go of the communicator. Local; whether or not that found anything. */
void memheap_job_subset_end(memheap_subset_t *part);

/** Know its nodes, of at most that many PEs each. MEMHEAP_ERR_NO_METADATA, the
 *  same on every PE. */
memheap_status_t memheap_job_form_nodes(memheap_job_t *job, size_t most);

void memheap_job_close(memheap_job_t *job);

/** The worst status of all PEs. */
memheap_status_t memheap_job_worst(const memheap_job_t *job,
                                   memheap_status_t mine);

/** The bits that are set on all PEs. */
uint64_t memheap_job_and(const memheap_job_t *job, uint64_t bits);

/** The least value of all PEs, and the lowest of the PEs that have it. pe_p
 *  may be NULL. */
size_t memheap_job_min(const memheap_job_t *job, size_t value, int *pe_p);

/** Collect what each PE has on PE 0; all is for that alone. */
void memheap_job_gather(const memheap_job_t *job, const void *mine, size_t size,
                        void *all);

/** Send what the node's PE of number root has to all of the node's PEs. */
void memheap_job_node_broadcast(const memheap_job_t *job, int root, void *data,
                                size_t size);

/** Wait until all PEs of the node have come. */
void memheap_job_node_barrier(const memheap_job_t *job);

/** Collect what the first PEs of the nodes have, in the order of the nodes;
 *  for them alone. */
void memheap_job_leaders_gather(const memheap_job_t *job, const void *mine,
                                const int *sizes, const int *places, void *all);

/** Have what the first PE of the next node has, and let the one before have
 *  mine; for first PEs alone. */
void memheap_job_leaders_shift(const memheap_job_t *job, const void *mine,
                               void *next, size_t size);

/** End all PEs, with an exit status for the launcher. Not collective. */
_Noreturn void memheap_job_abort(const memheap_job_t *job, int status);

/** The number on this node of a PE of the job; node_size or more for one of
 *  another node. */
static inline uint32_t memheap_job_node_rank(const memheap_job_t *job, int pe)
{
    /* If the stride divides the distance, the product with its odd part's
     * inverse and a rotation by its other bits give the quotient; otherwise
     * what they give is greater than any quotient. Source: H. S. Warren,
     * Hacker's Delight, section 10-17. */
    uint32_t product =
        ((uint32_t)pe - (uint32_t)job->node_pe_start) * job->node_pe_inverse;
    return product >> job->node_pe_shift | product
                                               << (-job->node_pe_shift & 31);
}

/** The PE of the job that has a number on this node. */
static inline int memheap_job_pe_on_node(const memheap_job_t *job, int number)
{
    const memheap_node_t *node = &job->nodes[job->node_number];
    return node->start + number * node->stride;
}

#endif
