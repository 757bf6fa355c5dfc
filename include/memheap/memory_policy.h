/*
 * What the memory behind a heap is to be, and what it is.
 *
 * The kind of pages and the NUMA node that they lie on are asked for, each
 * with how strongly it is meant: what is preferred gives way, with a warning,
 * to what the system does by itself; what is mandatory is an error where it
 * cannot be had. What is in effect is read from the kernel.
 */
#ifndef MEMHEAP_MEMORY_POLICY_H
#define MEMHEAP_MEMORY_POLICY_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Kinds of pages. */
typedef enum memheap_page_kind {
    MEMHEAP_PAGES_UNSET,   /* as the parameter MEMHEAP_PAGES says */
    MEMHEAP_PAGES_DEFAULT, /* what the system does by itself */
    MEMHEAP_PAGES_4K,      /* the machine's smallest, and no others */
    MEMHEAP_PAGES_THP,     /* joined to transparent huge pages where whole
                              ones are touched */
    MEMHEAP_PAGES_2M,      /* of the huge page pool, all reserved at once */
    MEMHEAP_PAGES_1G
} memheap_page_kind_t;

/** Where pages lie. */
typedef enum memheap_numa_policy {
    MEMHEAP_NUMA_UNSET,      /* as the parameter MEMHEAP_PLACE says */
    MEMHEAP_NUMA_DEFAULT,    /* as the system, or numactl, has it */
    MEMHEAP_NUMA_LOCAL,      /* on the node of the thread that touches first */
    MEMHEAP_NUMA_INTERLEAVE, /* page by page on all nodes in turn */
    MEMHEAP_NUMA_NODE        /* on one node */
} memheap_numa_policy_t;

/** How strongly a kind or a place is meant. */
typedef enum memheap_policy_mode {
    MEMHEAP_PREFERRED, /* falls back to the system's choice, with a warning */
    MEMHEAP_MANDATORY  /* is an error where it cannot be had */
} memheap_policy_mode_t;

/** What is asked for. All zero leaves all to the parameters. */
typedef struct memheap_memory_policy {
    memheap_page_kind_t pages;        /* of which kind, */
    memheap_policy_mode_t pages_mode; /* and how strongly */
    memheap_numa_policy_t numa;       /* where they lie, */
    unsigned numa_node; /* of MEMHEAP_NUMA_NODE, as the kernel counts */
    memheap_policy_mode_t numa_mode; /* and how strongly */
} memheap_memory_policy_t;

/** NUMA nodes that a placement tells apart; pages on others are none of it. */
#define MEMHEAP_PLACEMENT_NODES 64

/** What is in effect, by the kernel's own account. Sizes are in bytes, and of
 *  this process's mappings that hold the range. */
typedef struct memheap_placement {
    memheap_page_kind_t pages; /* that the kernel was told, and took */
    size_t page_size;          /* of the pages that it maps one by one */
    size_t resident;           /* that take memory, */
    size_t huge;               /* and those of them in huge pages of any kind */
    memheap_numa_policy_t numa;      /* the policy of the range, */
    unsigned numa_node;              /* of which node; if it is of one, */
    memheap_policy_mode_t numa_mode; /* and of none else */
    size_t sampled; /* pages that were looked at and take memory, */
    size_t on_node[MEMHEAP_PLACEMENT_NODES]; /* and where they lie */
} memheap_placement_t;

#ifdef __cplusplus
}
#endif

#endif
