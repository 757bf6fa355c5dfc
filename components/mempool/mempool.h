/*
 * State of a mempool module: fragments, heads, slabs and thread caches.
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
 * A slab belongs to a thread cache, and is in the list of its size class there
 * while it has free objects. Only the thread that has entered a cache takes
 * objects from its slabs, and links or unlinks them. A module that is not for
 * concurrent use has one cache. Otherwise each thread has one (thread_ops.c),
 * and objects are taken and freed by atomic operations on the bitmap of the
 * slab:
 * - Freeing needs no cache. The word of the bitmap also has a generation, which
 *   counts how often the slab was deleted. A concurrent second free finds that
 *   the word has changed, and starts again.
 * - The thread that frees the first object of a full slab of another cache
 *   pushes the slab onto the remote free list of that cache. The thread of the
 *   cache takes the whole list at once.
 * - Runs are allocated and freed under a lock, and slabs are created and
 *   deleted under it.
 * - stop() waits until no thread is in a cache, then empties the remote free
 *   lists.
 *
 * A module for one thread deletes a slab with its last object. Otherwise the
 * first slab of a list stays, and so do slabs emptied by other threads, until
 * stop() deletes them. So after stop() the state is the same as in a module for
 * one thread.
 *
 * Invariants, tested by mempool_check():
 * - heads, free runs and slabs cover each fragment below the top once; free
 *   fragments and those inside a block have a head of 0;
 * - a slab is in a list of its cache if and only if it has free objects;
 * - `partial_classes` has the bit of each size class with a list;
 * - `used` is the sum over all blocks; and the invariants of fragments.h.
 *
 * Sources: J. Bonwick, "The slab allocator", USENIX Summer 1994; remote free
 * lists, D. Leijen, B. Zorn, L. de Moura, "Mimalloc: free list sharding in
 * action", APLAS 2019.
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
    SLAB_OBJECTS = 48, /* at most; bits in the low part of a word */
    RECIPROCAL_SHIFT = 28,
    CACHE_LINE = 64 /* bytes that processors exchange at once */
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
    /** Bitmap of free objects; generation. */
    _Alignas(CACHE_LINE) _Atomic uint64_t free;
    /** Bytes from the region's start. */
    _Atomic uint64_t start;
    _Atomic uint8_t size_class;
    _Atomic uint8_t count; /* objects */
    _Atomic uint8_t cache;
    uint8_t fragments;
    slab_id_t next; /* in its list, or in the list of unused slabs */
    slab_id_t prev;
    slab_id_t next_remote;
} slab_t;

typedef struct thread_cache {
    _Alignas(CACHE_LINE) _Atomic uint32_t busy;
    uint32_t partial_classes;    /* bit i: class i has a list */
    _Atomic ptrdiff_t used;      /* bytes since the last stop */
    ptrdiff_t used_max;          /* greatest `used` published */
    uint64_t allocations, frees; /* since the last stop */
    slab_id_t partial[SIZE_CLASSES];
    /* Bit i: a slab of class i other than the first may be empty. */
    _Alignas(CACHE_LINE) _Atomic uint32_t empty_classes;
    /* Slabs in which other threads freed objects. */
    _Atomic slab_id_t remote_free[SIZE_CLASSES];
} thread_cache_t;

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
    _Atomic size_t head_count; /* fragments with a committed head */
    slab_id_t slab_count;      /* slabs ever used; the next one is new */
    slab_id_t slab_max;
    slab_id_t slab_free_list;
    unsigned cache_count;
    bool concurrent;
    bool no_membarrier; /* membarrier(2) is not available */
    _Atomic uint32_t stopped;
    unsigned deleted_next;
    deleted_slab_t deleted[MEMPOOL_DELETED];
    _Alignas(CACHE_LINE) _Atomic uint32_t lock; /* for runs and metadata */
    _Atomic size_t peak; /* most used since the last stop */
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

/** The head of a fragment; 0 if it never had one. */
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

/* Access to fields that threads read without having entered the cache. */
#define LOAD_RELAXED(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define STORE_RELAXED(field, value)                                            \
    atomic_store_explicit(&(field), (value), memory_order_relaxed)

/** size_of() of both operation tables; safe from any thread. */
memheap_status_t mempool_size_of(const memheap_module_t *module, size_t offset,
                                 size_t *size_p);

/** Check all invariants of mempool.h and fragments.h. MEMHEAP_ERR_CORRUPT. */
memheap_status_t mempool_check(const memheap_module_t *module);

#endif
