/*
 * top
 */
#ifndef MEMHEAP_COMPONENTS_MEMPOOL_SLAB_H
#define MEMHEAP_COMPONENTS_MEMPOOL_SLAB_H

#include "components/mempool/run.h"

/** Bytes of an object. */
extern const uint16_t mempool_class_size[SIZE_CLASSES];

/** What a distance within a slab is multiplied with, and then shifted right by
 *  RECIPROCAL_SHIFT, to divide it by an object's size: exact below 2^16. */
extern const uint32_t mempool_class_reciprocal[SIZE_CLASSES];

/** The least size of objects that holds size bytes at a multiple of align, up
 *  to FRAGMENT; SIZE_CLASSES if there is none. */
unsigned size_class_for(size_t size, size_t align);

/** The size of objects for a request; SIZE_CLASSES if it takes a run. */
static inline unsigned request_class(size_t size, size_t align)
{
    return size <= OBJECT_MAX && align <= FRAGMENT ? size_class_for(size, align)
                                                   : SIZE_CLASSES;
}

static inline size_t object_size(const slab_t *s)
{
    return mempool_class_size[LOAD_RELAXED(s->size_class)];
}

/* Where a slab ends: in the region. */
static inline size_t slab_end(const mempool_t *p, const slab_t *s)
{
    return memheap_min(LOAD_RELAXED(s->start) + (size_t)s->fragments * FRAGMENT,
                       p->module.size);
}

/** All objects of a slab, as bits. */
static inline uint64_t slab_all(const slab_t *s)
{
    return UINT64_MAX >> (64 - LOAD_RELAXED(s->count));
}

/** The bits out of the word in which a slab has them. */
static inline uint64_t slab_bits(uint64_t word)
{
    return word & (((uint64_t)1 << SLAB_OBJECTS) - 1);
}

/** The free objects of a slab. */
static inline uint64_t slab_free(const slab_t *s)
{
    return slab_bits(LOAD_RELAXED(s->free));
}

/** Which object of a slab an offset in it starts. @return whether it does */
static inline bool slab_find(const slab_t *s, size_t offset, unsigned *index_p)
{
    size_t distance = offset - LOAD_RELAXED(s->start);
    unsigned size_class = LOAD_RELAXED(s->size_class);
    size_t index =
        (uint16_t)distance * (size_t)mempool_class_reciprocal[size_class] >>
        RECIPROCAL_SHIFT;
    *index_p = (unsigned)index;
    return index < LOAD_RELAXED(s->count) &&
           index * mempool_class_size[size_class] == distance;
}

/** Make a slab of free or own fragments, which become its own, in no list.
 *  MEMHEAP_ERR_NO_METADATA; MEMHEAP_ERR_NO_MEMORY if there are too many. */
memheap_status_t slab_new(mempool_t *p, unsigned cache, unsigned size_class,
                          size_t first, size_t fragments, slab_t **s_p);
/** Forget a slab that is in no list; its fragments stay taken. */
void slab_retire(mempool_t *p, slab_t *s);
/** What slab_retire() leaves, and give the fragments back. */
void slab_delete(mempool_t *p, slab_t *s);

/** An empty slab is in a list, or soon will be, and is not its first. */
static inline void cache_mark_empty(thread_cache_t *cache, unsigned size_class)
{
    atomic_fetch_or_explicit(&cache->empty_classes, 1u << size_class,
                             memory_order_relaxed);
}

void slab_link(mempool_t *p, slab_t *s);
void slab_unlink(mempool_t *p, slab_t *s);

/** Put all slabs that others gave objects back to in the cache's list. */
void slab_collect_remote(mempool_t *p, thread_cache_t *cache,
                         unsigned size_class);

/**
 * Take an object of a size from a cache, out of a list or a new slab.
 * MEMHEAP_ERR_NO_MEMORY if there is no room for a slab.
 */
memheap_status_t slab_alloc(mempool_t *p, unsigned cache, unsigned size_class,
                            bool concurrent, size_t *offset_p);

/** Take a certain object, which is free; whoever calls is alone. */
void slab_take(mempool_t *p, slab_t *s, unsigned index);

/** Make the slab of a record again, if its place is free from its first `own`
 *  fragments on, which are the caller's. */
bool slab_restore(mempool_t *p, const deleted_slab_t *deleted, size_t own,
                  slab_t **s_p);

#endif
