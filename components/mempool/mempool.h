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
 * A slab is in the list of its size, in one of the lanes, while it has free
 * objects; only whoever is in that lane takes objects from it, links or
 * removes it. A heap that is not for concurrent use has one lane. In the other
 * case a lane belongs to a thread (shared.c), and objects are taken and given
 * by atomic operations on the bitmap of their slab:
 *   - giving an object back needs no lane: the word that has the bits also
 *     counts how often the slab was given up, so that a second free that comes
 *     at the same time finds another word than it saw, and looks again;
 *      who gives the first one back to a
 *     slab that was full puts it on a stack of the slab's lane, from which the
 *     lane's thread takes all at once;
 *   - fragments are taken and given under one small lock, when a slab comes or
 *     goes and for runs;
 *   - to stop all others is to wait until no lane has anybody in it, and to
 *     empty their stacks.
 *
 * A module for one thread gives a slab that lost its last object back at once.
 * Else a list's first stays, and what others than its thread emptied, until
 * somebody stops all: then all is as it would be for one thread.
 *
 * Rules that mempool_check() tests:
 *   - heads, free runs and slabs cover the region below the frontier, each
 *     fragment once; no head is set in a free run or within a block;
 *   - a slab is in its lane's list if and only if it has free objects;
 *   - a lane's `sizes` has the bit of each size with a list;
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
    POOL_SIZES = 20, /* of objects */
    POOL_LARGEST = 1024,
    POOL_LANES = 17,
    POOL_RECORDS = 2,
    SLAB_OBJECTS = 48, /* at most, in the low bits of a word */
    POOL_RECIPROCAL = 28,
    POOL_LINE = 64 /* bytes that processors trade at once */
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
    _Alignas(POOL_LINE) _Atomic uint64_t free; /* objects; generation */
    _Atomic uint64_t start;                    /* in bytes */
    _Atomic uint8_t size_index;
    _Atomic uint8_t count; /* of objects */
    _Atomic uint8_t lane;
    uint8_t fragments;
    slab_id_t next; /* in the list of a lane, or of the unused */
    slab_id_t prev;
    slab_id_t next_given;
} slab_t;

typedef struct lane {
    _Alignas(POOL_LINE) _Atomic uint32_t held;
    uint32_t sizes;         /* bit i: there is a list of size i */
    _Atomic ptrdiff_t used; /* bytes since the last stop */
    ptrdiff_t most;         /* of them, as published */
    uint64_t made, gone;    /* blocks since then */
    slab_id_t list[POOL_SIZES];
    /* Bit i: of list i, not the first slab alone may be empty. */
    _Alignas(POOL_LINE) _Atomic uint32_t astray;
    /* Slabs that others gave objects back to. */
    _Atomic slab_id_t given[POOL_SIZES];
} lane_t;

/* What a slab was before it went, for who has to restore it. */
typedef struct record {
    size_t first; /* fragment */
    unsigned fragments;
    unsigned size_index;
} record_t;

typedef struct pool {
    memheap_module_t module;
    const memheap_memory_t *memory;
    size_t max_size;
    fragments_t fragments;
    memheap_array_t heads;
    memheap_array_t slabs;
    _Atomic size_t known; /* fragments that have a head to look at */
    slab_id_t slab_count; /* that were ever in use; the next is fresh */
    slab_id_t slab_limit;
    slab_id_t slab_unused;
    unsigned lanes;
    bool concurrent;
    bool fenced; /* there is no barrier that reaches other threads */
    _Atomic uint32_t closed;
    unsigned record_next;
    record_t record[POOL_RECORDS];
    _Alignas(POOL_LINE) _Atomic uint32_t lock; /* of fragments and tables */
    _Atomic size_t peak; /* of used, since the last stop */
    lane_t lane[POOL_LANES];
} pool_t;

static inline pool_t *pool_of(memheap_module_t *module)
{
    return (pool_t *)(void *)module;
}

static inline const pool_t *const_pool_of(const memheap_module_t *module)
{
    return (const pool_t *)(const void *)module;
}

static inline slab_t *slab_at(const pool_t *p, slab_id_t id)
{
    return (slab_t *)(void *)p->slabs.base + id;
}

static inline _Atomic uint64_t *head_at(const pool_t *p, size_t fragment)
{
    return (_Atomic uint64_t *)(void *)p->heads.base + fragment;
}

/** The head of a fragment, 0 if it never had one. */
static inline uint64_t head_of(const pool_t *p, size_t fragment)
{
    if (fragment >= atomic_load_explicit(&p->known, memory_order_acquire))
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

static inline slab_t *slab_of(const pool_t *p, uint64_t head)
{
    return slab_at(p, (slab_id_t)(head >> 2));
}

static inline void head_set(pool_t *p, size_t fragment, uint64_t head)
{
    atomic_store_explicit(head_at(p, fragment), head, memory_order_release);
}

/* Fragments that hold size bytes. */
static inline size_t fragments_for(size_t size)
{
    return size / FRAGMENT + (size % FRAGMENT != 0);
}

/* Sizes are read through these by threads that hold no lane. */
#define POOL_LOAD(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define POOL_STORE(field, value)                                               \
    atomic_store_explicit(&(field), (value), memory_order_relaxed)

/** Bytes of an object. */
extern const uint16_t pool_size[POOL_SIZES];

/** What a distance within a slab is multiplied with, and then shifted right by
 *  POOL_RECIPROCAL, to divide it by an object's size: exact below 2^16. */
extern const uint32_t pool_reciprocal[POOL_SIZES];

/** The least size of objects that holds size bytes at a multiple of align, up
 *  to FRAGMENT; POOL_SIZES if there is none. */
unsigned pool_size_index(size_t size, size_t align);

/** All objects of a slab, as bits. */
static inline uint64_t slab_all(const slab_t *s)
{
    return UINT64_MAX >> (64 - POOL_LOAD(s->count));
}

/** The bits out of the word in which a slab has them. */
static inline uint64_t slab_bits(uint64_t word)
{
    return word & (((uint64_t)1 << SLAB_OBJECTS) - 1);
}

/** The free objects of a slab. */
static inline uint64_t slab_free(const slab_t *s)
{
    return slab_bits(POOL_LOAD(s->free));
}

/** Which object of a slab an offset in it starts. @return whether it does */
static inline bool slab_find(const slab_t *s, size_t offset, unsigned *index_p)
{
    size_t distance = offset - POOL_LOAD(s->start);
    unsigned size_index = POOL_LOAD(s->size_index);
    size_t index = (uint16_t)distance * (size_t)pool_reciprocal[size_index] >>
                   POOL_RECIPROCAL;
    *index_p = (unsigned)index;
    return index < POOL_LOAD(s->count) &&
           index * pool_size[size_index] == distance;
}

/** Make sure that fragments up to end have heads. */
memheap_status_t pool_ensure_heads(pool_t *p, size_t end);

/** Find count fragments that are free at a multiple of align, of which the
 *  first `size` bytes lie in the region. FRAGMENT_NONE if there are none. */
size_t pool_find(const pool_t *p, size_t count, size_t size, size_t align);

/** The size of objects for a request; POOL_SIZES if it takes a run. */
static inline unsigned pool_index_for(size_t size, size_t align)
{
    return size <= POOL_LARGEST && align <= FRAGMENT
               ? pool_size_index(size, align)
               : POOL_SIZES;
}

/** Enter fragments, which are taken, as a block. @return its usable bytes */
size_t run_enter(pool_t *p, size_t first, size_t count);
/** Find, take and enter a run. */
memheap_status_t run_alloc(pool_t *p, size_t size, size_t align,
                           size_t *offset_p, size_t *usable_p);
void run_free(pool_t *p, size_t first, size_t usable);

/** The lock of fragments and tables, where there is need of one. */
void pool_lock(pool_t *p);
void pool_unlock(pool_t *p);

/** Make a slab of free or own fragments, which become its own, in no list.
 *  MEMHEAP_ERR_NO_METADATA; MEMHEAP_ERR_NO_MEMORY if there are too many. */
memheap_status_t slab_new(pool_t *p, unsigned lane, unsigned size_index,
                          size_t first, size_t fragments, slab_t **s_p);
/** Forget a slab that is in no list; its fragments stay taken. */
void slab_forget(pool_t *p, slab_t *s);
/** What slab_forget() leaves, and give the fragments back. */
void slab_delete(pool_t *p, slab_t *s);

/** An empty slab is in a list, or soon will be, and is not its first. */
static inline void slab_astray(lane_t *lane, unsigned size_index)
{
    atomic_fetch_or_explicit(&lane->astray, 1u << size_index,
                             memory_order_relaxed);
}

void slab_link(pool_t *p, slab_t *s);
void slab_unlink(pool_t *p, slab_t *s);

/** Put all slabs that others gave objects back to in the lane's list. */
void slab_collect(pool_t *p, lane_t *lane, unsigned size_index);

/**
 * Take an object of a size from a lane, out of a list or a new slab.
 * MEMHEAP_ERR_NO_MEMORY if there is no room for a slab.
 */
memheap_status_t slab_alloc(pool_t *p, unsigned lane, unsigned size_index,
                            bool shared, size_t *offset_p);

/** Take a certain object, which is free; whoever calls is alone. */
void slab_take(pool_t *p, slab_t *s, unsigned index);

/** Make the slab of a record again, if its place is free from its first `own`
 *  fragments on, which are the caller's. */
bool slab_restore(pool_t *p, const record_t *record, size_t own, slab_t **s_p);

/** The operation of that name, which may be called by any thread. */
memheap_status_t mempool_size_of(const memheap_module_t *module, size_t offset,
                                 size_t *size_p);

/** What several threads may call, and what this takes; see shared.c. */
extern const memheap_thread_ops_t pool_shared;
void pool_shared_open(pool_t *p);

#endif
