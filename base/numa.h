/*
 * NUMA nodes of the machine, and the kernel's memory policies.
 *
 * Nodes have the kernel's numbers, which may have gaps. MEMHEAP_TEST_NODES=N
 * simulates a machine with nodes 0 to N - 1: requests for a node that does not
 * exist then go to one that does.
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

/**
 * Get the nodes with memory that this process may use; at least one.
 * @return their number
 */
unsigned memheap_numa_nodes(memheap_nodes_t *nodes);

/** Write the numbers of nodes as "0, 2", truncated to room bytes. Returns
 *  text. */
char *memheap_numa_text(const memheap_nodes_t *nodes, char *text, size_t room);

/** Distance between two nodes as reported by the firmware; 10 is the node
 *  itself. */
unsigned memheap_numa_distance(unsigned from, unsigned to);

/** Available bytes of a node; SIZE_MAX if unknown. */
size_t memheap_numa_available(unsigned node);

/** Free pages of a size in the huge page pool of a node. */
size_t memheap_numa_huge_pages(unsigned node, size_t page_size);

/** The node of the CPU that this thread runs on; 0 if unknown. */
unsigned memheap_numa_here(void);

/**
 * Set the NUMA policy of a range before any of its pages is touched. node is
 * that of MEMHEAP_NUMA_NODE.
 * @return 0, or an errno value
 */
int memheap_numa_set(void *address, size_t size, memheap_numa_policy_t numa,
                     unsigned node, memheap_policy_mode_t mode);

/** Read the NUMA policy of a range, and the nodes of a sample of its pages. */
void memheap_numa_get(const char *address, size_t size,
                      memheap_placement_t *placement);

#endif
