/*
 * Tiers 2 and 3 of pool.h: slabs, and the sizes of their objects.
 *
 * A slab is as long as 48 of its objects, but at most 8 KiB; where that much
 * does not lie in a row any more, as much as does.
 */
#include "config.h"

#include "components/mempool/mempool.h"

#include <sched.h>

enum {
    SLAB_BYTES = 8192
};

/* Steps of 16 bytes up to 128, then four to a doubling. */
const uint16_t pool_size[POOL_SIZES] = {16,  32,  48,  64,  80,  96,  112,
                                        128, 160, 192, 224, 256, 320, 384,
                                        448, 512, 640, 768, 896, 1024};

#define RECIPROCAL(size) ((1u << POOL_RECIPROCAL) / (size) + 1)

const uint32_t pool_reciprocal[POOL_SIZES] = {
    RECIPROCAL(16),  RECIPROCAL(32),  RECIPROCAL(48),  RECIPROCAL(64),
    RECIPROCAL(80),  RECIPROCAL(96),  RECIPROCAL(112), RECIPROCAL(128),
    RECIPROCAL(160), RECIPROCAL(192), RECIPROCAL(224), RECIPROCAL(256),
    RECIPROCAL(320), RECIPROCAL(384), RECIPROCAL(448), RECIPROCAL(512),
    RECIPROCAL(640), RECIPROCAL(768), RECIPROCAL(896), RECIPROCAL(1024)};

unsigned pool_size_index(size_t size, size_t align)
{
    unsigned index = (unsigned)((size - 1) / 16);
    if (size > 128) {
        unsigned order = memheap_log2_floor(size - 1);
        index = 8 + 4 * (order - 7) + (unsigned)((size - 1) >> (order - 2) & 3);
    }
    while (index < POOL_SIZES && (pool_size[index] & (align - 1)) != 0)
        index++;
    return index;
}

memheap_status_t pool_ensure_heads(pool_t *p, size_t end)
{
    if (end <= POOL_LOAD(p->known))
        return MEMHEAP_OK;
    memheap_status_t status =
        memheap_array_ensure(&p->heads, end * sizeof(uint64_t));
    if (status == MEMHEAP_OK)
        atomic_store_explicit(&p->known, p->heads.committed / sizeof(uint64_t),
                              memory_order_release);
    return status;
}

void pool_lock(pool_t *p)
{
    if (!p->concurrent)
        return;
    while (atomic_exchange_explicit(&p->lock, 1, memory_order_acquire) != 0)
        sched_yield();
}

void pool_unlock(pool_t *p)
{
    if (p->concurrent)
        atomic_store_explicit(&p->lock, 0, memory_order_release);
}

/* Whether the first size bytes of fragments from first on are free. */
static bool fits(const pool_t *p, size_t first, size_t count, size_t size)
{
    size_t left = p->module.size / FRAGMENT;
    if (first > left || size > p->module.size - first * FRAGMENT)
        return false;
    size_t end = fragments_end(&p->fragments, first);
    return end > first && end - first >= count;
}

/* Of the free runs below the frontier, from the lowest on, the first that has
 * an aligned place; limit runs are looked at. */
static size_t find_aligned(const pool_t *p, size_t count, size_t size,
                           size_t align, size_t limit)
{
    size_t from = 0;
    for (size_t i = 0; i < limit; i++) {
        size_t run = fragments_find(&p->fragments, count, from);
        if (run == FRAGMENT_NONE)
            return FRAGMENT_NONE;
        size_t place = memheap_align_up(run, align);
        if (fits(p, place, count, size) && place < p->fragments.frontier)
            return place;
        from = fragments_end(&p->fragments, run);
    }
    return FRAGMENT_NONE;
}

size_t pool_find(const pool_t *p, size_t count, size_t size, size_t align)
{
    enum {
        FEW = 32
    };
    size_t run;
    if (align <= FRAGMENT) {
        run = fragments_find(&p->fragments, count, 0);
        if (run != FRAGMENT_NONE)
            return run;
        run = p->fragments.frontier;
        return fits(p, run, count, size) ? run : FRAGMENT_NONE;
    }
    align /= FRAGMENT;
    run = find_aligned(p, count, size, align, FEW);
    if (run != FRAGMENT_NONE)
        return run;
    run = fragments_find(&p->fragments, count + align - 1, 0);
    if (run != FRAGMENT_NONE)
        return memheap_align_up(run, align);
    run = memheap_align_up(p->fragments.frontier, align);
    if (fits(p, run, count, size))
        return run;
    return find_aligned(p, count, size, align, SIZE_MAX);
}

size_t run_enter(pool_t *p, size_t first, size_t count)
{
    size_t usable =
        memheap_min(count * FRAGMENT, p->module.size - first * FRAGMENT);
    head_set(p, first, (uint64_t)usable << 2 | HEAD_RUN);
    return usable;
}

memheap_status_t run_alloc(pool_t *p, size_t size, size_t align,
                           size_t *offset_p, size_t *usable_p)
{
    if (size > p->module.size)
        return MEMHEAP_ERR_NO_MEMORY;
    size_t count = fragments_for(size);
    size_t first = pool_find(p, count, size, align);
    if (first == FRAGMENT_NONE)
        return MEMHEAP_ERR_NO_MEMORY;
    memheap_status_t status = pool_ensure_heads(p, first + 1);
    if (status != MEMHEAP_OK)
        return status;
    fragments_take(&p->fragments, first, count);
    *offset_p = first * FRAGMENT;
    *usable_p = run_enter(p, first, count);
    return MEMHEAP_OK;
}

void run_free(pool_t *p, size_t first, size_t usable)
{
    head_set(p, first, 0);
    fragments_give(&p->fragments, first, fragments_for(usable));
}

/* A descriptor that is in no use. MEMHEAP_ERR_NO_MEMORY where there can be no
 * more of them, which is so on all PEs alike. */
static memheap_status_t descriptor_new(pool_t *p, slab_t **s_p)
{
    slab_id_t id = p->slab_unused;
    if (id != SLAB_NONE) {
        p->slab_unused = slab_at(p, id)->next;
        *s_p = slab_at(p, id);
        return MEMHEAP_OK;
    }
    if (p->slab_count >= p->slab_limit)
        return MEMHEAP_ERR_NO_MEMORY;
    memheap_status_t status = memheap_array_ensure(
        &p->slabs, (p->slab_count + (size_t)2) * sizeof(slab_t));
    if (status == MEMHEAP_OK)
        *s_p = slab_at(p, ++p->slab_count);
    return status;
}

static slab_id_t id_of(const pool_t *p, const slab_t *s)
{
    return (slab_id_t)(s - slab_at(p, 0));
}

memheap_status_t slab_new(pool_t *p, unsigned lane, unsigned size_index,
                          size_t first, size_t fragments, slab_t **s_p)
{
    slab_t *s;
    memheap_status_t status = pool_ensure_heads(p, first + fragments);
    if (status == MEMHEAP_OK)
        status = descriptor_new(p, &s);
    if (status != MEMHEAP_OK)
        return status;
    size_t bytes =
        memheap_min(fragments * FRAGMENT, p->module.size - first * FRAGMENT);
    POOL_STORE(s->start, first * FRAGMENT);
    POOL_STORE(s->size_index, (uint8_t)size_index);
    POOL_STORE(s->count, (uint8_t)memheap_min(SLAB_OBJECTS,
                                              bytes / pool_size[size_index]));
    POOL_STORE(s->lane, (uint8_t)lane);
    s->fragments = (uint8_t)fragments;
    atomic_store_explicit(&s->free, POOL_LOAD(s->free) | slab_all(s),
                          memory_order_release);
    for (size_t i = 0; i < fragments; i++)
        head_set(p, first + i, (uint64_t)id_of(p, s) << 2 | HEAD_SLAB);
    *s_p = s;
    return MEMHEAP_OK;
}

void slab_forget(pool_t *p, slab_t *s)
{
    size_t first = POOL_LOAD(s->start) / FRAGMENT;
    for (size_t i = 0; i < s->fragments; i++)
        head_set(p, first + i, 0);
    if (!p->concurrent)
        p->record[p->record_next++ % POOL_RECORDS] =
            (record_t){first, s->fragments, POOL_LOAD(s->size_index)};
    uint64_t generation = POOL_LOAD(s->free) >> SLAB_OBJECTS;
    POOL_STORE(s->free, (generation + 1) << SLAB_OBJECTS);
    s->next = p->slab_unused;
    p->slab_unused = id_of(p, s);
}

void slab_delete(pool_t *p, slab_t *s)
{
    size_t first = POOL_LOAD(s->start) / FRAGMENT;
    slab_forget(p, s);
    fragments_give(&p->fragments, first, s->fragments);
}

void slab_link(pool_t *p, slab_t *s)
{
    lane_t *lane = &p->lane[POOL_LOAD(s->lane)];
    unsigned size = POOL_LOAD(s->size_index);
    slab_id_t *list = &lane->list[size];
    s->prev = SLAB_NONE;
    s->next = *list;
    if (*list != SLAB_NONE) {
        slab_t *after = slab_at(p, *list);
        after->prev = id_of(p, s);
        if (p->concurrent && slab_free(after) == slab_all(after))
            slab_astray(lane, size);
    }
    *list = id_of(p, s);
    lane->sizes |= 1u << size;
}

void slab_unlink(pool_t *p, slab_t *s)
{
    lane_t *lane = &p->lane[POOL_LOAD(s->lane)];
    unsigned size = POOL_LOAD(s->size_index);
    if (s->next != SLAB_NONE)
        slab_at(p, s->next)->prev = s->prev;
    if (s->prev != SLAB_NONE)
        slab_at(p, s->prev)->next = s->next;
    else
        lane->list[size] = s->next;
    if (lane->list[size] == SLAB_NONE)
        lane->sizes &= ~(1u << size);
}

void slab_collect(pool_t *p, lane_t *lane, unsigned size_index)
{
    if (POOL_LOAD(lane->given[size_index]) == SLAB_NONE)
        return;
    slab_id_t id = atomic_exchange_explicit(&lane->given[size_index], SLAB_NONE,
                                            memory_order_acquire);
    while (id != SLAB_NONE) {
        slab_t *s = slab_at(p, id);
        id = s->next_given;
        slab_link(p, s);
    }
}

/* A new slab of one size, as long as it should be or else as it can. */
static memheap_status_t slab_make(pool_t *p, unsigned lane, unsigned size_index,
                                  slab_t **s_p)
{
    size_t size = pool_size[size_index];
    size_t objects = memheap_min(SLAB_OBJECTS, SLAB_BYTES / size);
    size_t count = fragments_for(objects * size);
    size_t first = pool_find(p, count, count * FRAGMENT, FRAGMENT);
    if (first == FRAGMENT_NONE) {
        size_t start = p->fragments.frontier * FRAGMENT;
        size_t rest = p->module.size - memheap_min(start, p->module.size);
        size_t bytes = fragments_best(&p->fragments) * FRAGMENT;
        bytes = memheap_min(memheap_max(bytes, rest), count * FRAGMENT);
        if (bytes < size)
            return MEMHEAP_ERR_NO_MEMORY;
        bytes = bytes / size * size;
        count = fragments_for(bytes);
        first = pool_find(p, count, bytes, FRAGMENT);
    }
    memheap_status_t status = slab_new(p, lane, size_index, first, count, s_p);
    if (status == MEMHEAP_OK)
        fragments_take(&p->fragments, first, count);
    return status;
}

void slab_take(pool_t *p, slab_t *s, unsigned index)
{
    uint64_t left = POOL_LOAD(s->free) & ~((uint64_t)1 << index);
    POOL_STORE(s->free, left);
    if (slab_bits(left) == 0)
        slab_unlink(p, s);
}

memheap_status_t slab_alloc(pool_t *p, unsigned lane, unsigned size_index,
                            bool shared, size_t *offset_p)
{
    lane_t *l = &p->lane[lane];
    slab_id_t id = l->list[size_index];
    if (MEMHEAP_UNLIKELY(id == SLAB_NONE) && shared) {
        slab_collect(p, l, size_index);
        id = l->list[size_index];
    }
    slab_t *s = slab_at(p, id);
    if (MEMHEAP_UNLIKELY(id == SLAB_NONE)) {
        pool_lock(p);
        memheap_status_t status = slab_make(p, lane, size_index, &s);
        pool_unlock(p);
        if (status != MEMHEAP_OK)
            return status;
        slab_link(p, s);
    }
    unsigned index = (unsigned)__builtin_ctzll(POOL_LOAD(s->free));
    uint64_t bit = (uint64_t)1 << index;
    *offset_p = POOL_LOAD(s->start) + index * (size_t)pool_size[size_index];
    if (!shared) {
        slab_take(p, s, index);
        return MEMHEAP_OK;
    }
    /* Others add bits; none but who holds the lane takes them. */
    uint64_t before =
        atomic_fetch_sub_explicit(&s->free, bit, memory_order_acquire);
    if (slab_bits(before) == bit)
        slab_unlink(p, s);
    return MEMHEAP_OK;
}

bool slab_restore(pool_t *p, const record_t *record, size_t own, slab_t **s_p)
{
    size_t end = record->first + memheap_min(own, record->fragments);
    size_t rest = record->first + record->fragments - end;
    if (rest > 0) {
        size_t limit = fragments_end(&p->fragments, end);
        if (limit == end || limit - end < rest)
            return false;
    }
    if (slab_new(p, 0, record->size_index, record->first, record->fragments,
                 s_p) != MEMHEAP_OK)
        return false;
    if (rest > 0)
        fragments_take(&p->fragments, end, rest);
    return true;
}
