/*
 * The PEs of a job and their nodes, and collective operations through MPI.
 *
 * A node is a set of PEs that map each other's memory. MPI tells which PEs can.
 * The PEs of a node must also be an arithmetic progression, so that a test
 * whether a PE is on this node takes one multiplication and no table. If the
 * launcher places PEs in another order, a machine is split into several nodes.
 *
 * All calls are collective over the job unless they say otherwise, and none is
 * on a fast path. They make progress for PEs of other nodes while they wait.
 * The communicators are duplicates, so messages of the program cannot
 * interfere.
 */
#ifndef MEMHEAP_COMM_JOB_H
#define MEMHEAP_COMM_JOB_H

#include <memheap/log.h>
#include <memheap/status.h>
#include "comm/wait.h"

#include <mpi.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** Call a function of MPI. If it fails, that ends the job: this PE cannot take
 *  part in what the others do. Usually MPI ends the job itself; but the program
 *  may have it return errors (MPI_ERRORS_RETURN). */
#define MEMHEAP_MPI(name, ...) memheap_mpi_check(#name, P##name(__VA_ARGS__))

/** End the job if a call of MPI has returned an error, and say which. */
void memheap_mpi_check(const char *call, int error);

/** A node: the PEs start + i * stride of the job, i < size. */
typedef struct memheap_node {
    int start, stride, size;
} memheap_node_t;

/** A process. Others in its PID namespace can signal it. */
typedef struct memheap_process {
    pid_t pid;
    ino_t pid_namespace; /* 0: unknown */
} memheap_process_t;

typedef struct memheap_job {
    MPI_Comm world;
    MPI_Comm machine; /* PEs that share memory with this one, by MPI */
    MPI_Comm node;    /* PEs of this PE's node */
    MPI_Comm leaders; /* the first PE of each node; MPI_COMM_NULL on others */
    int rank, size;
    int machine_size, machine_first; /* number of PEs, and the first PE */
    memheap_process_t *processes;    /* of the PEs of the machine */
    void *gathered; /* MEMHEAP_JOB_GATHER_MAX bytes for each of them */
    int node_rank, node_size;
    memheap_node_t *nodes; /* ordered by their first PE */
    int node_count;
    int node_number; /* of this PE's node */
    /** For memheap_job_node_rank(): the first PE of the node, the inverse of
     * the odd part of its stride, and the number of its factors 2. */
    int node_pe_start;
    uint32_t node_pe_inverse;
    unsigned node_pe_shift;
    memheap_wait_policy_t wait;
    /** A faster way to reduce a word over all PEs than MPI's; may be NULL. The
     *  operation is commutative, associative and idempotent. */
    uint64_t (*reduce)(void *context, uint64_t word,
                       uint64_t (*operation)(uint64_t a, uint64_t b));
    void *reduce_context;
} memheap_job_t;

/**
 * Create a job from a communicator. The nodes follow in
 * memheap_job_form_nodes().
 *
 * @param machine  equal on all PEs of one machine; -1 on all PEs: ask MPI
 */
void memheap_job_open(memheap_job_t *job, MPI_Comm comm, int machine);

/** A subset of a job: the PEs start + i * stride, i < size. */
typedef struct memheap_subset {
    MPI_Comm comm; /* of its PEs */
    int start, stride, size, rank;
} memheap_subset_t;

/**
 * Form the subset of the PEs that take part. Collective.
 * @param part  takes the subset; size is 0 on a PE that does not take part
 * @return MEMHEAP_ERR_UNSUPPORTED on every PE if the subset is no arithmetic
 * progression
 */
memheap_status_t memheap_job_subset(const memheap_job_t *job, bool takes_part,
                                    memheap_subset_t *part);

/** Free the communicator of a subset, also after a failure. Local. */
void memheap_job_subset_end(memheap_subset_t *part);

/** Form the nodes of the job, with at most `most` PEs each.
 *  @return the same on every PE: MEMHEAP_ERR_NO_METADATA */
memheap_status_t memheap_job_form_nodes(memheap_job_t *job, size_t most);

void memheap_job_close(memheap_job_t *job);

/** Reduce a status: the worst status of all PEs. */
memheap_status_t memheap_job_worst(const memheap_job_t *job,
                                   memheap_status_t mine);

/** Reduce by AND: the bits that are set on all PEs. */
uint64_t memheap_job_and(const memheap_job_t *job, uint64_t bits);

/** Reduce by minimum. pe_p takes the lowest PE that has it, and may be NULL. */
size_t memheap_job_min(const memheap_job_t *job, size_t value, int *pe_p);

/** Gather size bytes of each PE on PE 0. `all` is used on PE 0 only. */
void memheap_job_gather(const memheap_job_t *job, const void *mine, size_t size,
                        void *all);

/** Broadcast from PE `root`. */
void memheap_job_broadcast(const memheap_job_t *job, int root, void *data,
                           size_t size);

/** Broadcast from PE `root` of the node. Collective over the node. */
void memheap_job_node_broadcast(const memheap_job_t *job, int root, void *data,
                                size_t size);

/** Maximum size of what a PE gives to memheap_job_node_gather(), in bytes. */
#define MEMHEAP_JOB_GATHER_MAX 64

/** Gather `size` bytes of each PE of the node. Collective over the node.
 *  @return them, in the order of the PEs; valid until the next gather */
const void *memheap_job_node_gather(const memheap_job_t *job, const void *mine,
                                    size_t size);

/** Barrier over the PEs of the node. */
void memheap_job_node_barrier(const memheap_job_t *job);

/** Gather the data of the first PEs of all nodes on each of them, in the order
 *  of the nodes. Collective over these PEs. */
void memheap_job_leaders_gather(const memheap_job_t *job, const void *mine,
                                const int *sizes, const int *displacements,
                                void *all);

/** Receive the data of the first PE of the next node, and send `mine` to that
 * of the previous node. Collective over the first PEs of the nodes. */
void memheap_job_leaders_shift(const memheap_job_t *job, const void *mine,
                               void *next, size_t size);

/** End all PEs, with an exit status for the launcher. MPI prints nothing.
 *  Local. */
_Noreturn void memheap_job_end(int status);

/** The same for an error: MPI prints that the job was aborted. */
_Noreturn void memheap_job_abort(const memheap_job_t *job, int status);

/** The rank on this node of a PE; node_size or more if it is on another node.
 */
static inline uint32_t memheap_job_node_rank(const memheap_job_t *job, int pe)
{
    /* Exact division of the distance by the stride: multiply by the inverse of
     * the stride's odd part, and rotate by its factors 2. If the stride does
     * not divide the distance, the result is greater than any quotient. Source:
     * H. S. Warren, Hacker's Delight, section 10-17. */
    uint32_t product =
        ((uint32_t)pe - (uint32_t)job->node_pe_start) * job->node_pe_inverse;
    return product >> job->node_pe_shift | product
                                               << (-job->node_pe_shift & 31);
}

/** The PE of the job that has a rank on this node. */
static inline int memheap_job_pe_on_node(const memheap_job_t *job, int rank)
{
    const memheap_node_t *node = &job->nodes[job->node_number];
    return node->start + rank * node->stride;
}

#endif
