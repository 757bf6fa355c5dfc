/*
 * Slabs: runs of fragments with objects of one size class.
 */
#ifndef MEMHEAP_COMPONENTS_MEMPOOL_SLAB_H
#define MEMHEAP_COMPONENTS_MEMPOOL_SLAB_H

#include "components/mempool/run.h"

/** Bytes of an object of each class. */
extern const uint16_t mempool_class_size[SIZE_CLASSES];

/** Reciprocal of each class size: (distance * reciprocal) >> RECIPROCAL_SHIFT
 *  is distance / size, exact for distances below 2^16. */
extern const uint32_t mempool_class_reciprocal[SIZE_CLASSES];

/** The smallest class with objects of `size` bytes at a multiple of `align`,
 *  at most FRAGMENT. SIZE_CLASSES if there is none. */
unsigned size_class_for(size_t size, size_t align);

/** The size class of a request, or SIZE_CLASSES if it takes a run. */
static inline unsigned request_class(size_t size, size_t align)
{
    return size <= OBJECT_MAX && align <= FRAGMENT ? size_class_for(size, align)
                                                   : SIZE_CLASSES;
}

static inline size_t object_size(const slab_t *s)
{
    return mempool_class_size[s->size_class];
}

/* The end of a slab within the region, in bytes. */
static inline size_t slab_end(const mempool_t *p, const slab_t *s)
{
    return memheap_min(s->start + (size_t)s->fragments * FRAGMENT,
                       p->module.size);
}

/** A bit for each object of a slab. */
static inline uint64_t slab_all(const slab_t *s)
{
    return UINT64_MAX >> (64 - s->count);
}

/** The object of a slab that starts at an offset in the slab. Returns false if
 *  none does. */
static inline bool slab_find(const slab_t *s, size_t offset, unsigned *index_p)
{
    size_t distance = offset - s->start;
    unsigned size_class = s->size_class;
    size_t index =
        (uint16_t)distance * (size_t)mempool_class_reciprocal[size_class] >>
        RECIPROCAL_SHIFT;
    *index_p = (unsigned)index;
    return index < s->count &&
           index * mempool_class_size[size_class] == distance;
}

/** Create a slab of fragments that are free or belong to the caller. It is in
 *  no list, and all its objects are free. MEMHEAP_ERR_NO_METADATA;
 *  MEMHEAP_ERR_NO_MEMORY if there are too many slabs. */
memheap_status_t slab_new(mempool_t *p, unsigned size_class, size_t first,
                          size_t fragments, slab_t **s_p);

/** Extend a slab to the object that starts at an offset, over free fragments.
 *  MEMHEAP_ERR_BAD_ARGUMENT: no object behind the slab's can start there, or
 * the fragments are not free; MEMHEAP_ERR_NO_METADATA. */
memheap_status_t slab_extend(mempool_t *p, slab_t *s, size_t offset);

/** Delete a slab that is in no list, but keep its fragments taken. */
void slab_retire(mempool_t *p, slab_t *s);

/** Delete a slab that is in no list, and free its fragments. */
void slab_delete(mempool_t *p, slab_t *s);

/** Link a slab into the list of its class, or unlink it. */
void slab_link(mempool_t *p, slab_t *s);
void slab_unlink(mempool_t *p, slab_t *s);

/** Take an object of a class; create a slab if the list is empty.
 *  MEMHEAP_ERR_NO_MEMORY, MEMHEAP_ERR_NO_METADATA. */
memheap_status_t slab_alloc(mempool_t *p, unsigned size_class,
                            size_t *offset_p);

/** Take one particular free object. */
void slab_take(mempool_t *p, slab_t *s, unsigned index);

/** Restore a deleted slab. Its first `own` fragments belong to the caller.
 *  Returns false if the others are not free, or if metadata is exhausted. */
bool slab_restore(mempool_t *p, const deleted_slab_t *deleted, size_t own,
                  slab_t **s_p);

#endif
