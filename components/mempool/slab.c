/*
 * Slabs: create, delete and link them, and take objects.
 *
 * A slab has the length of 48 objects, but at most 8 KiB. If there is no
 * free run of that length, the longest free run is used.
 */
#include "config.h"

#include "components/mempool/slab.h"

enum {
    SLAB_BYTES = 8192
};

/* Steps of 16 bytes up to 128, then four classes for each power of two. */
const uint16_t mempool_class_size[SIZE_CLASSES] = {
    16,  32,  48,  64,  80,  96,  112, 128, 160, 192,
    224, 256, 320, 384, 448, 512, 640, 768, 896, 1024};

#define RECIPROCAL(size) ((1u << RECIPROCAL_SHIFT) / (size) + 1)

const uint32_t mempool_class_reciprocal[SIZE_CLASSES] = {
    RECIPROCAL(16),  RECIPROCAL(32),  RECIPROCAL(48),  RECIPROCAL(64),
    RECIPROCAL(80),  RECIPROCAL(96),  RECIPROCAL(112), RECIPROCAL(128),
    RECIPROCAL(160), RECIPROCAL(192), RECIPROCAL(224), RECIPROCAL(256),
    RECIPROCAL(320), RECIPROCAL(384), RECIPROCAL(448), RECIPROCAL(512),
    RECIPROCAL(640), RECIPROCAL(768), RECIPROCAL(896), RECIPROCAL(1024)};

unsigned size_class_for(size_t size, size_t align)
{
    unsigned index = (unsigned)((size - 1) / 16);
    if (size > 128) {
        unsigned order = memheap_log2_floor(size - 1);
        index = 8 + 4 * (order - 7) + (unsigned)((size - 1) >> (order - 2) & 3);
    }
    while (index < SIZE_CLASSES &&
           (mempool_class_size[index] & (align - 1)) != 0)
        index++;
    return index;
}

/* Get a descriptor. MEMHEAP_ERR_NO_MEMORY if the greatest number is reached,
 * which is the same on all PEs; MEMHEAP_ERR_NO_METADATA. */
static memheap_status_t descriptor_new(mempool_t *p, slab_t **s_p)
{
    slab_id_t id = p->slab_free_list;
    if (id != SLAB_NONE) {
        p->slab_free_list = slab_at(p, id)->next;
        *s_p = slab_at(p, id);
        return MEMHEAP_OK;
    }
    if (p->slab_count >= p->slab_max)
        return MEMHEAP_ERR_NO_MEMORY;
    memheap_status_t status = memheap_array_ensure(
        &p->slabs, (p->slab_count + (size_t)2) * sizeof(slab_t));
    if (status == MEMHEAP_OK)
        *s_p = slab_at(p, ++p->slab_count);
    return status;
}

static slab_id_t id_of(const mempool_t *p, const slab_t *s)
{
    return (slab_id_t)(s - slab_at(p, 0));
}

/* The objects in the first fragments of a slab. */
static uint8_t objects_in(const mempool_t *p, const slab_t *s, size_t fragments)
{
    size_t bytes = memheap_min(fragments * FRAGMENT, p->module.size - s->start);
    return (uint8_t)memheap_min(SLAB_OBJECTS, bytes / object_size(s));
}

memheap_status_t slab_new(mempool_t *p, unsigned size_class, size_t first,
                          size_t fragments, slab_t **s_p)
{
    slab_t *s;
    memheap_status_t status = heads_ensure(p, first + fragments);
    if (status == MEMHEAP_OK)
        status = descriptor_new(p, &s);
    if (status != MEMHEAP_OK)
        return status;
    s->start = first * FRAGMENT;
    s->size_class = (uint8_t)size_class;
    s->count = objects_in(p, s, fragments);
    s->fragments = (uint8_t)fragments;
    s->free = slab_all(s);
    for (size_t i = 0; i < fragments; i++)
        head_set(p, first + i, (uint64_t)id_of(p, s) << 2 | HEAD_SLAB);
    *s_p = s;
    return MEMHEAP_OK;
}

memheap_status_t slab_extend(mempool_t *p, slab_t *s, size_t offset)
{
    size_t size = object_size(s);
    size_t distance = offset - s->start;
    size_t first = s->start / FRAGMENT;
    size_t fragments = fragments_for(distance + size);
    if (distance % size != 0 || distance / size < s->count ||
        distance / size >= SLAB_OBJECTS || size > p->module.size - offset)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    size_t more = fragments - memheap_min(fragments, s->fragments);
    size_t end = first + s->fragments;
    size_t free_end = more == 0 ? end : fragments_end(&p->fragments, end);
    if (free_end - end < more)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    memheap_status_t status = heads_ensure(p, end + more);
    if (status != MEMHEAP_OK)
        return status;
    for (size_t i = 0; i < more; i++)
        head_set(p, end + i, (uint64_t)id_of(p, s) << 2 | HEAD_SLAB);
    if (more > 0)
        fragments_take(&p->fragments, end, more);
    uint64_t before = slab_all(s);
    s->fragments = (uint8_t)(s->fragments + more);
    s->count = objects_in(p, s, s->fragments);
    if (s->free == 0)
        slab_link(p, s);
    s->free |= slab_all(s) & ~before;
    return MEMHEAP_OK;
}

void slab_retire(mempool_t *p, slab_t *s)
{
    size_t first = s->start / FRAGMENT;
    for (size_t i = 0; i < s->fragments; i++)
        head_set(p, first + i, 0);
    p->deleted[p->deleted_next++ % MEMPOOL_DELETED] =
        (deleted_slab_t){first, s->fragments, s->size_class};
    s->next = p->slab_free_list;
    p->slab_free_list = id_of(p, s);
}

void slab_delete(mempool_t *p, slab_t *s)
{
    size_t first = s->start / FRAGMENT;
    slab_retire(p, s);
    fragments_give(&p->fragments, first, s->fragments);
}

void slab_link(mempool_t *p, slab_t *s)
{
    slab_id_t *list = &p->partial[s->size_class];
    s->prev = SLAB_NONE;
    s->next = *list;
    if (*list != SLAB_NONE)
        slab_at(p, *list)->prev = id_of(p, s);
    *list = id_of(p, s);
    p->partial_classes |= 1u << s->size_class;
}

void slab_unlink(mempool_t *p, slab_t *s)
{
    slab_id_t *list = &p->partial[s->size_class];
    if (s->next != SLAB_NONE)
        slab_at(p, s->next)->prev = s->prev;
    if (s->prev != SLAB_NONE)
        slab_at(p, s->prev)->next = s->next;
    else
        *list = s->next;
    if (*list == SLAB_NONE)
        p->partial_classes &= ~(1u << s->size_class);
}

/* Create a slab of one class: of the standard length, else of the greatest
 * length that is free. */
static memheap_status_t slab_make(mempool_t *p, unsigned size_class,
                                  slab_t **s_p)
{
    size_t size = mempool_class_size[size_class];
    size_t objects = memheap_min(SLAB_OBJECTS, SLAB_BYTES / size);
    size_t count = fragments_for(objects * size);
    size_t first = run_find(p, count, count * FRAGMENT, FRAGMENT);
    if (first == FRAGMENT_NONE) {
        size_t start = p->fragments.top * FRAGMENT;
        size_t rest = p->module.size - memheap_min(start, p->module.size);
        size_t bytes = fragments_best(&p->fragments) * FRAGMENT;
        bytes = memheap_min(memheap_max(bytes, rest), count * FRAGMENT);
        if (bytes < size)
            return MEMHEAP_ERR_NO_MEMORY;
        bytes = bytes / size * size;
        count = fragments_for(bytes);
        first = run_find(p, count, bytes, FRAGMENT);
    }
    memheap_status_t status = slab_new(p, size_class, first, count, s_p);
    if (status == MEMHEAP_OK)
        fragments_take(&p->fragments, first, count);
    return status;
}

void slab_take(mempool_t *p, slab_t *s, unsigned index)
{
    s->free &= ~((uint64_t)1 << index);
    if (s->free == 0)
        slab_unlink(p, s);
}

memheap_status_t slab_alloc(mempool_t *p, unsigned size_class, size_t *offset_p)
{
    slab_id_t id = p->partial[size_class];
    slab_t *s = slab_at(p, id);
    if (MEMHEAP_UNLIKELY(id == SLAB_NONE)) {
        memheap_status_t status = slab_make(p, size_class, &s);
        if (status != MEMHEAP_OK)
            return status;
        slab_link(p, s);
    }
    unsigned index = (unsigned)__builtin_ctzll(s->free);
    *offset_p = s->start + index * (size_t)mempool_class_size[size_class];
    slab_take(p, s, index);
    return MEMHEAP_OK;
}

bool slab_restore(mempool_t *p, const deleted_slab_t *deleted, size_t own,
                  slab_t **s_p)
{
    size_t end = deleted->first + memheap_min(own, deleted->fragments);
    size_t rest = deleted->first + deleted->fragments - end;
    if (rest > 0) {
        size_t limit = fragments_end(&p->fragments, end);
        if (limit == end || limit - end < rest)
            return false;
    }
    if (slab_new(p, deleted->size_class, deleted->first, deleted->fragments,
                 s_p) != MEMHEAP_OK)
        return false;
    if (rest > 0)
        fragments_take(&p->fragments, end, rest);
    return true;
}
