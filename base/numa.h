/*
 * The NUMA nodes of the machine, and the kernel's policies for memory on them.
 *
 * Nodes are numbered as the kernel numbers them, which may leave gaps. The
 * variable MEMHEAP_TEST_NODES=N makes the machine look as though it had the
 * nodes 0 to N - 1: what is asked of a node that is not there is asked of one
 * that is.
 */
#ifndef MEMHEAP_BASE_NUMA_H
#define MEMHEAP_BASE_NUMA_H

#include <memheap/memory_policy.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MEMHEAP_NODE_MAX = 1024
};

/** A set of nodes. */
typedef struct memheap_nodes {
    uint64_t word[MEMHEAP_NODE_MAX / 64];
} memheap_nodes_t;

static inline bool memheap_nodes_has(const memheap_nodes_t *nodes,
                                     unsigned node)
{
    return node < MEMHEAP_NODE_MAX &&
           (nodes->word[node / 64] >> (node % 64) & 1) != 0;
}

/** The nodes that have memory which this process may use; at least one.
 *  @return their number */
unsigned memheap_numa_nodes(memheap_nodes_t *nodes);

/** Write the numbers of nodes, as "0, 2"; the text is cut at room bytes, and
 *  returned. */
char *memheap_numa_text(const memheap_nodes_t *nodes, char *text, size_t room);

/** How far memory of one node is from another, as the firmware says: 10 is a
 *  node itself. */
unsigned memheap_numa_distance(unsigned from, unsigned to);

/** Bytes of a node that can be had now; SIZE_MAX if nobody can tell. */
size_t memheap_numa_available(unsigned node);

/** Pages of a size that the huge page pool of a node has free. */
size_t memheap_numa_huge_pages(unsigned node, size_t page_size);

/** The node of the processor that this thread runs on; 0 if nobody can tell. */
unsigned memheap_numa_here(void);

/**
 * Say where the pages of a range are to come from, none of which is there yet.
 * @return 0, or what errno says
 */
int memheap_numa_set(void *address, size_t size, memheap_numa_policy_t numa,
                     unsigned node, memheap_policy_mode_t mode);

/** Read place, node and strength, and where pages of the range lie, of as many
 *  as are looked at in a short time. */
void memheap_numa_get(const char *address, size_t size,
                      memheap_placement_t *placement);

#endif
