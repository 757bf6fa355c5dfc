/*
 * TAP for MPI tests: PE 0 prints one line per fact that holds on all PEs.
 *
 * The PEs compare facts through MPI, so the heap is not changed by a test's
 * output.
 */
#ifndef MEMHEAP_TESTS_MPI_TAP_H
#define MEMHEAP_TESTS_MPI_TAP_H

#include <mpi.h>
#include <shmem.h>
#include <shmemx.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count;

/* Print the plan. After shmem_init(). */
static inline void tap_plan(int facts)
{
    if (shmem_my_pe() == 0)
        printf("1..%d\n", facts);
    fflush(stdout);
}

static inline bool tap_all(bool holds)
{
    int mine = holds;
    int all;
    MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    return all != 0;
}

/* Print whether a fact holds on all PEs. Collective. */
static inline void tap_ok(bool holds, const char *fact)
{
    bool all = tap_all(holds);
    int rank;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    tap_count++;
    if (rank == 0)
        printf("%s %d - %s\n", all ? "ok" : "not ok", tap_count, fact);
    fflush(stdout);
}

/* The expected size of this PE's node: the PEs that MPI reports, cut into
 * arithmetic progressions of at most the number that the user set. *rank_p
 * takes this PE's rank on the node. Collective over the PEs of the machine. */
static inline int tap_node(int *rank_p)
{
    const char *transport = getenv("MEMHEAP_TRANSPORT");
    const char *limit = getenv("MEMHEAP_NODE_PES");
    int most = limit == NULL ? 0 : atoi(limit);
    int pe;
    int size;
    int mine;
    MPI_Comm machine;
    MPI_Comm_rank(MPI_COMM_WORLD, &pe);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, pe, MPI_INFO_NULL,
                        &machine);
    MPI_Comm_size(machine, &size);
    MPI_Comm_rank(machine, &mine);
    int *pes = malloc((size_t)size * sizeof(*pes));
    MPI_Allgather(&pe, 1, MPI_INT, pes, 1, MPI_INT, machine);
    MPI_Comm_free(&machine);
    if (transport != NULL && strcmp(transport, "ucx") == 0)
        most = 1;
    if (most == 0 || most > size)
        most = size;
    int first = 0;
    int end = 0;
    while (end <= mine) {
        first = end++;
        while (end < size && end - first < most &&
               (end == first + 1 ||
                pes[end] - pes[end - 1] == pes[first + 1] - pes[first]))
            end++;
    }
    free(pes);
    *rank_p = mine - first;
    return end - first;
}

/* Whether all PEs have the same value. Collective. */
static inline bool tap_same(uint64_t value)
{
    uint64_t least;
    uint64_t greatest;
    MPI_Allreduce(&value, &least, 1, MPI_UINT64_T, MPI_MIN, MPI_COMM_WORLD);
    MPI_Allreduce(&value, &greatest, 1, MPI_UINT64_T, MPI_MAX, MPI_COMM_WORLD);
    return least == greatest;
}

/* Whether a block is not NULL and has the same address on all PEs. Collective.
 */
static inline bool tap_symmetric(const void *block)
{
    bool same = tap_same((uintptr_t)block);
    return tap_all(block != NULL) && same;
}

#endif
