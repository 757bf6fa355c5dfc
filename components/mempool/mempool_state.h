/*
 * State of a mempool module: fragments, heads and slabs.
 *
 * The region is cut into fragments of 256 bytes (fragments.h). Each fragment
 * has a head, which tells what starts there:
 *
 *     63                    2 1 0
 *     +----------------------+---+
 *     | usable bytes         | 1 |   HEAD_RUN: a block of whole fragments
 *     | number of the slab   | 2 |   HEAD_SLAB: a fragment of a slab
 *     | 0                    | 0 |   free, or inside a run
 *     +----------------------+---+
 *
 * A run (run.h) is a block of whole fragments. A slab (slab.h) is a run of
 * fragments that holds up to 48 objects of one size class. Requests of up to
 * 1024 bytes take an object, others a run.
 *
 * A slab is in the list of its size class while it has free objects, and is
 * deleted with its last object.
 *
 * Invariants, tested by mempool_check():
 * - heads, free runs and slabs cover each fragment below the top once; free
 *   fragments and those inside a block have a head of 0;
 * - a slab is in a list if and only if it has free objects;
 * - `partial_classes` has the bit of each size class with a list;
 * - `used` is the sum over all blocks; and the invariants of fragments.h.
 *
 * Source: J. Bonwick, "The slab allocator", USENIX Summer 1994.
 */
#ifndef MEMHEAP_COMPONENTS_MEMPOOL_MEMPOOL_STATE_H
#define MEMHEAP_COMPONENTS_MEMPOOL_MEMPOOL_STATE_H

#include <memheap/component.h>
#include "components/mempool/fragments.h"

enum {
    SIZE_CLASSES = 20, /* of objects */
    OBJECT_MAX = 1024,
    MEMPOOL_DELETED = 2,
    SLAB_OBJECTS = 48, /* at most */
    RECIPROCAL_SHIFT = 28
};

#define SLAB_NONE 0u

typedef uint32_t slab_id_t;

/* The kind of a head; the number is above it. */
enum {
    HEAD_RUN = 1,  /* number: usable bytes */
    HEAD_SLAB = 2, /* number: the slab's */
    HEAD_KIND = 3
};

typedef struct slab {
    uint64_t free;  /* bitmap of free objects */
    uint64_t start; /* bytes from the region's start */
    uint8_t size_class;
    uint8_t count; /* objects */
    uint8_t fragments;
    slab_id_t next; /* in its list, or in the list of unused slabs */
    slab_id_t prev;
} slab_t;

/* A deleted slab, so that an undone operation can restore it. */
typedef struct deleted_slab {
    size_t first; /* fragments */
    unsigned fragments;
    unsigned size_class;
} deleted_slab_t;

typedef struct mempool {
    memheap_module_t module;
    const memheap_memory_t *memory;
    size_t max_size;
    fragments_t fragments;
    memheap_array_t heads;
    memheap_array_t slabs;
    size_t head_count;    /* fragments with a committed head */
    slab_id_t slab_count; /* slabs ever used; the next one is new */
    slab_id_t slab_max;
    slab_id_t slab_free_list;
    uint32_t partial_classes;        /* bit i: class i has a list */
    slab_id_t partial[SIZE_CLASSES]; /* lists of slabs with free objects */
    unsigned deleted_next;
    deleted_slab_t deleted[MEMPOOL_DELETED];
} mempool_t;

static inline mempool_t *mempool_of(memheap_module_t *module)
{
    return (mempool_t *)(void *)module;
}

static inline const mempool_t *const_mempool_of(const memheap_module_t *module)
{
    return (const mempool_t *)(const void *)module;
}

static inline slab_t *slab_at(const mempool_t *p, slab_id_t id)
{
    return (slab_t *)(void *)p->slabs.base + id;
}

static inline uint64_t *head_at(const mempool_t *p, size_t fragment)
{
    return (uint64_t *)(void *)p->heads.base + fragment;
}

/** The head of a fragment; 0 if it never had one. */
static inline uint64_t head_of(const mempool_t *p, size_t fragment)
{
    return fragment < p->head_count ? *head_at(p, fragment) : 0;
}

static inline bool is_run(uint64_t head)
{
    return (head & HEAD_KIND) == HEAD_RUN;
}

static inline bool is_slab(uint64_t head)
{
    return (head & HEAD_KIND) == HEAD_SLAB;
}

static inline slab_t *slab_of(const mempool_t *p, uint64_t head)
{
    return slab_at(p, (slab_id_t)(head >> 2));
}

static inline void head_set(mempool_t *p, size_t fragment, uint64_t head)
{
    *head_at(p, fragment) = head;
}

/** Check all invariants, above and in fragments.h. MEMHEAP_ERR_CORRUPT. */
memheap_status_t mempool_check(const memheap_module_t *module);

#endif
