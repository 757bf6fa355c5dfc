/*
 * Memory policy: the page size and NUMA nodes of a heap's memory.
 *
 * A policy requests a kind of pages and a NUMA placement, each either as
 * preferred or as mandatory. If a preferred choice is not available, the
 * system's default is used, with a warning; a mandatory one is then an error.
 * memheap_placement_t tells what is in effect, as reported by the kernel.
 */
#ifndef MEMHEAP_MEMORY_POLICY_H
#define MEMHEAP_MEMORY_POLICY_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Kinds of pages. */
typedef enum memheap_page_kind {
    /** As the parameter MEMHEAP_PAGES says. */
    MEMHEAP_PAGES_UNSET,
    /** Transparent huge pages where they cost little: where blocks cover or
     *  begin to fill whole ones. Small pages elsewhere, and where the system
     *  has no huge pages. */
    MEMHEAP_PAGES_DEFAULT,
    /** Pages of the smallest size only. */
    MEMHEAP_PAGES_4K,
    /** Transparent huge pages wherever a block is. */
    MEMHEAP_PAGES_THP,
    /** Pages of 2 MiB from the huge page pool, all reserved at once. */
    MEMHEAP_PAGES_2M,
    /** Pages of 1 GiB from the huge page pool, all reserved at once. */
    MEMHEAP_PAGES_1G
} memheap_page_kind_t;

/** NUMA placement of pages. */
typedef enum memheap_numa_policy {
    /** As the parameter MEMHEAP_PLACE says. */
    MEMHEAP_NUMA_UNSET,
    /** The policy of the process, for instance by numactl. */
    MEMHEAP_NUMA_DEFAULT,
    /** The node of the thread that touches a page first. */
    MEMHEAP_NUMA_LOCAL,
    /** Page by page on all nodes in turn. */
    MEMHEAP_NUMA_INTERLEAVE,
    /** One node. */
    MEMHEAP_NUMA_NODE
} memheap_numa_policy_t;

/** How strictly a request is meant. */
typedef enum memheap_policy_mode {
    /** Fall back to the system's default, with a warning. */
    MEMHEAP_PREFERRED,
    /** Fail if it is not available. */
    MEMHEAP_MANDATORY
} memheap_policy_mode_t;

/** A memory policy. All zero: as the parameters say. */
typedef struct memheap_memory_policy {
    /** Kind of pages. */
    memheap_page_kind_t pages;
    /** Mode of `pages`. */
    memheap_policy_mode_t pages_mode;
    /** NUMA placement. */
    memheap_numa_policy_t numa;
    /** Node of MEMHEAP_NUMA_NODE, as the kernel numbers nodes. */
    unsigned numa_node;
    /** Mode of `numa`. */
    memheap_policy_mode_t numa_mode;
} memheap_memory_policy_t;

/** Number of NUMA nodes in a placement; nodes above are not counted. */
#define MEMHEAP_PLACEMENT_NODES 64

/** The memory of a heap, as the kernel reports it for the mappings of this
 *  process. Sizes are in bytes. */
typedef struct memheap_placement {
    /** Kind of pages that was requested from the kernel and granted. */
    memheap_page_kind_t pages;
    /** Size of the kernel's page of the mapping. */
    size_t page_size;
    /** Memory that the range takes. */
    size_t resident;
    /** Part of it in huge pages of any kind. */
    size_t huge;
    /** NUMA policy of the range. */
    memheap_numa_policy_t numa;
    /** Node of MEMHEAP_NUMA_NODE. */
    unsigned numa_node;
    /** MEMHEAP_MANDATORY if the policy binds the range to the node. */
    memheap_policy_mode_t numa_mode;
    /** Number of pages examined that take memory. */
    size_t sampled;
    /** Number of these pages on each node. */
    size_t on_node[MEMHEAP_PLACEMENT_NODES];
    /** Memory of the node's PEs that this process has accessed through its
     *  mappings of their heaps. 0 for a private heap. */
    size_t windows_resident;
    /** Part of it in huge pages of any kind. */
    size_t windows_huge;
} memheap_placement_t;

#ifdef __cplusplus
}
#endif

#endif
