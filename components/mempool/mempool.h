/*
 * The pool: what the three tiers share.
 *
 * Tier 1 is fragments.h. A word for each fragment, its head, says what begins
 * there: nothing, a run that is one block, or a part of a slab. Tier 2 are
 * slabs: runs of fragments that hold up to 48 objects of one size, with a bit
 * for each in one word. Tier 3 is the choice among the slabs' sizes, for
 * requests of 4 bytes (and less) to 256, and on to 1024 in wider steps. All
 * else is a run.
 *
 * A slab is in the list of its size, in one of the caches, while it has free
 * objects; only whoever is in that cache takes objects from it, links or
 * removes it. A heap that is not for concurrent use has one cache. In the other
 * case a cache belongs to a thread (shared.c), and objects are taken and given
 * by atomic operations on the bitmap of their slab:
 *   - giving an object back needs no cache: the word that has the bits also
 *     counts how often the slab was given up, so that a second free that comes
 *     at the same time finds another word than it saw, and looks again;
 *      who gives the first one back to a
 *     slab that was full puts it on a stack of the slab's cache, from which the
 *     cache's thread takes all at once;
 *   - fragments are taken and given under one small lock, when a slab comes or
 *     goes and for runs;
 *   - to stop all others is to wait until no cache has anybody in it, and to
 *     empty their stacks.
 *
 * A module for one thread gives a slab that lost its last object back at once.
 * Else a list's first stays, and what others than its thread emptied, until
 * somebody stops all: then all is as it would be for one thread.
 *
 * Rules that mempool_check() tests:
 *   - heads, free runs and slabs cover the region below the top, each
 *     fragment once; no head is set in a free run or within a block;
 *   - a slab is in its cache's list if and only if it has free objects;
 *   - a cache's `sizes` has the bit of each size with a list;
 *   - the figures are the sums over all blocks; and those of fragments.h.
 *
 * Source: J. Bonwick, "The slab allocator", USENIX Summer 1994; lists given
 * back by other threads, D. Leijen, B. Zorn, L. de Moura, "Mimalloc: free list
 * sharding in action", APLAS 2019.
 */
#ifndef MEMHEAP_COMPONENTS_MEMPOOL_MEMPOOL_H
#define MEMHEAP_COMPONENTS_MEMPOOL_MEMPOOL_H

#include <memheap/component.h>
#include "components/mempool/fragments.h"

#include <stdatomic.h>

enum {
    SIZE_CLASSES = 20, /* of objects */
    OBJECT_MAX = 1024,
    MEMPOOL_CACHES = 17,
    MEMPOOL_DELETED = 2,
    SLAB_OBJECTS = 48, /* at most, in the low bits of a word */
    RECIPROCAL_SHIFT = 28,
    CACHE_LINE = 64 /* bytes that processors trade at once */
};

#define SLAB_NONE 0u

typedef uint32_t slab_id_t;

/* What begins at a fragment: 0, or a kind with a number above it. */
enum {
    HEAD_RUN = 1,  /* a block of so many bytes */
    HEAD_SLAB = 2, /* a part of the slab of that number */
    HEAD_KIND = 3
};

typedef struct slab {
    _Alignas(CACHE_LINE) _Atomic uint64_t free; /* objects; generation */
    _Atomic uint64_t start;                     /* in bytes */
    _Atomic uint8_t size_class;
    _Atomic uint8_t count; /* of objects */
    _Atomic uint8_t cache;
    uint8_t fragments;
    slab_id_t next; /* in the list of a cache, or of the unused */
    slab_id_t prev;
    slab_id_t next_remote;
} slab_t;

typedef struct thread_cache {
    _Alignas(CACHE_LINE) _Atomic uint32_t busy;
    uint32_t partial_classes;    /* bit i: there is a list of size i */
    _Atomic ptrdiff_t used;      /* bytes since the last stop */
    ptrdiff_t used_max;          /* of them, as published */
    uint64_t allocations, frees; /* blocks since then */
    slab_id_t partial[SIZE_CLASSES];
    /* Bit i: of list i, not the first slab alone may be empty. */
    _Alignas(CACHE_LINE) _Atomic uint32_t empty_classes;
    /* Slabs that others gave objects back to. */
    _Atomic slab_id_t remote_free[SIZE_CLASSES];
} thread_cache_t;

/* What a slab was before it went, for who has to restore it. */
typedef struct deleted_slab {
    size_t first; /* fragment */
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
    _Atomic size_t head_count; /* fragments that have a head to look at */
    slab_id_t slab_count;      /* that were ever in use; the next is fresh */
    slab_id_t slab_max;
    slab_id_t slab_free_list;
    unsigned cache_count;
    bool concurrent;
    bool no_membarrier; /* there is no barrier that reaches other threads */
    _Atomic uint32_t stopped;
    unsigned deleted_next;
    deleted_slab_t deleted[MEMPOOL_DELETED];
    _Alignas(CACHE_LINE) _Atomic uint32_t lock; /* of fragments and tables */
    _Atomic size_t peak; /* of used, since the last stop */
    thread_cache_t caches[MEMPOOL_CACHES];
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

static inline _Atomic uint64_t *head_at(const mempool_t *p, size_t fragment)
{
    return (_Atomic uint64_t *)(void *)p->heads.base + fragment;
}

/** The head of a fragment, 0 if it never had one. */
static inline uint64_t head_of(const mempool_t *p, size_t fragment)
{
    if (fragment >= atomic_load_explicit(&p->head_count, memory_order_acquire))
        return 0;
    return atomic_load_explicit(head_at(p, fragment), memory_order_acquire);
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
    atomic_store_explicit(head_at(p, fragment), head, memory_order_release);
}

/* Sizes are read through these by threads that hold no cache. */
#define LOAD_RELAXED(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define STORE_RELAXED(field, value)                                            \
    atomic_store_explicit(&(field), (value), memory_order_relaxed)

/** The operation of that name, which may be called by any thread. */
memheap_status_t mempool_size_of(const memheap_module_t *module, size_t offset,
                                 size_t *size_p);

/** check */
memheap_status_t mempool_check(const memheap_module_t *module);

#endif
