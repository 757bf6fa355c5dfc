/*
 * The operations of a mempool module (mempool_state.h).
 *
 * A request of up to 1024 bytes takes an object from the list of its size
 * class, or from a new slab. If no slab can be created, it takes a run, and if
 * there is none, an object of a larger class. So any request that is not larger
 * than the largest free block succeeds. Runs are first fit.
 *
 * resize() keeps a block in place: a slab in which only the first object is
 * live becomes a run, and a run that shrinks to 128 bytes or less becomes the
 * first object of a slab.
 */
#include "config.h"

#include "components/mempool/slab.h"

enum {
    /* A run that shrinks to this size becomes a slab. */
    SLAB_SHRINK_MAX = 128,
    SLABS_MAX = 1 << 28,
    ORDERS = 62
};

static void count_block(mempool_t *p, size_t usable)
{
    p->module.used += usable;
}

/* Take an object of the smallest class that fits and has a free object. */
static memheap_status_t take_any(mempool_t *p, unsigned index, size_t align,
                                 size_t *offset_p, size_t *usable_p)
{
    for (; index < SIZE_CLASSES; index++) {
        if ((mempool_class_size[index] & (align - 1)) != 0)
            continue;
        if (p->partial[index] == SLAB_NONE)
            continue;
        *usable_p = mempool_class_size[index];
        return slab_alloc(p, index, offset_p);
    }
    return MEMHEAP_ERR_NO_MEMORY;
}

static memheap_status_t block_place(mempool_t *p, size_t size, size_t align,
                                    size_t *offset_p, size_t *usable_p)
{
    unsigned index = request_class(size, align);
    memheap_status_t status = MEMHEAP_ERR_NO_MEMORY;
    if (index < SIZE_CLASSES) {
        *usable_p = mempool_class_size[index];
        status = slab_alloc(p, index, offset_p);
    }
    if (status == MEMHEAP_ERR_NO_MEMORY)
        status = run_alloc(p, size, align, offset_p, usable_p);
    if (status == MEMHEAP_ERR_NO_MEMORY && index < SIZE_CLASSES)
        status = take_any(p, index, align, offset_p, usable_p);
    return status;
}

static memheap_result_t mempool_alloc(memheap_module_t *module, size_t align,
                                      size_t size)
{
    mempool_t *p = mempool_of(module);
    size_t offset;
    size_t usable;
    memheap_status_t status = block_place(p, size, align, &offset, &usable);
    if (status != MEMHEAP_OK)
        return memheap_result_error(status);
    count_block(p, usable);
    return memheap_result_ok(offset);
}

/* The block at an offset: its head, and the index of its object if it is in a
 * slab. MEMHEAP_ERR_BAD_ADDRESS if no block starts there. */
static memheap_status_t find_block(const mempool_t *p, size_t offset,
                                   uint64_t *head_p, unsigned *index_p)
{
    uint64_t head = head_of(p, offset / FRAGMENT);
    *head_p = head;
    if (is_run(head))
        return offset % FRAGMENT == 0 ? MEMHEAP_OK : MEMHEAP_ERR_BAD_ADDRESS;
    if (!is_slab(head))
        return MEMHEAP_ERR_BAD_ADDRESS;
    const slab_t *s = slab_of(p, head);
    if (!slab_find(s, offset, index_p) || (s->free >> *index_p & 1) != 0)
        return MEMHEAP_ERR_BAD_ADDRESS;
    return MEMHEAP_OK;
}

static memheap_status_t mempool_free(memheap_module_t *module, size_t offset)
{
    mempool_t *p = mempool_of(module);
    uint64_t head;
    unsigned index;
    memheap_status_t status = find_block(p, offset, &head, &index);
    if (status != MEMHEAP_OK)
        return status;
    size_t usable = head >> 2;
    if (is_run(head)) {
        run_free(p, offset / FRAGMENT, usable);
    } else {
        slab_t *s = slab_of(p, head);
        uint64_t before = s->free;
        uint64_t after = before | (uint64_t)1 << index;
        usable = object_size(s);
        if (after == slab_all(s)) {
            if (before != 0)
                slab_unlink(p, s);
            slab_delete(p, s);
        } else {
            s->free = after;
            if (before == 0)
                slab_link(p, s);
        }
    }
    module->used -= usable;
    return MEMHEAP_OK;
}

static memheap_status_t mempool_size_of(const memheap_module_t *module,
                                        size_t offset, size_t *size_p)
{
    const mempool_t *p = const_mempool_of(module);
    uint64_t head;
    unsigned index;
    memheap_status_t status = find_block(p, offset, &head, &index);
    if (status == MEMHEAP_OK)
        *size_p = is_run(head) ? head >> 2 : object_size(slab_of(p, head));
    return status;
}

/* The deleted slab with an object of that size at an offset, or NULL. */
static const deleted_slab_t *deleted_for(const mempool_t *p, size_t offset,
                                         size_t size)
{
    for (unsigned i = 1; i <= MEMPOOL_DELETED; i++) {
        const deleted_slab_t *r =
            &p->deleted[(p->deleted_next - i) % MEMPOOL_DELETED];
        size_t start = r->first * FRAGMENT;
        if (r->fragments > 0 && mempool_class_size[r->size_class] == size &&
            offset >= start && offset - start < r->fragments * FRAGMENT &&
            (offset - start) % size == 0)
            return r;
    }
    return NULL;
}

/* Make a free object of a slab a live block. Returns its usable bytes. */
static size_t object_reserve(mempool_t *p, slab_t *s, size_t offset)
{
    unsigned index;
    slab_find(s, offset, &index);
    slab_take(p, s, index);
    return object_size(s);
}

/* Shrink a run of `old` fragments. *usable_p becomes its usable bytes. */
static memheap_status_t run_shrink(mempool_t *p, size_t first, size_t old,
                                   size_t size, size_t *usable_p)
{
    size_t count = fragments_for(size);
    size_t offset = first * FRAGMENT;
    slab_t *s = NULL;
    const deleted_slab_t *deleted = deleted_for(p, offset, size);
    if (deleted != NULL && deleted->first == first) {
        if (slab_restore(p, deleted, old, &s))
            count = deleted->fragments;
    }
    if (s == NULL && size <= SLAB_SHRINK_MAX) {
        count = 1;
        unsigned index = size_class_for(size, MEMHEAP_MIN_ALIGN);
        memheap_status_t status = MEMHEAP_ERR_NO_MEMORY;
        if (mempool_class_size[index] <= p->module.size - offset)
            status = slab_new(p, index, first, count, &s);
        if (status == MEMHEAP_ERR_NO_METADATA)
            return status;
    }
    if (s != NULL) {
        slab_link(p, s);
        *usable_p = object_reserve(p, s, offset);
    } else if (count < old)
        *usable_p = run_mark(p, first, count);
    if (count < old)
        fragments_give(&p->fragments, first + count, old - count);
    return MEMHEAP_OK;
}

/* Extend a run of `old` fragments. *usable_p becomes its usable bytes. */
static memheap_status_t run_extend(mempool_t *p, size_t first, size_t old,
                                   size_t size, size_t *usable_p)
{
    size_t count = fragments_for(size);
    if (size > p->module.size - first * FRAGMENT)
        return MEMHEAP_ERR_NO_MEMORY;
    if (count > old) {
        size_t end = fragments_end(&p->fragments, first + old);
        if (end == first + old || end - first < count)
            return MEMHEAP_ERR_NO_MEMORY;
        fragments_take(&p->fragments, first + old, count - old);
    }
    *usable_p = run_mark(p, first, count);
    return MEMHEAP_OK;
}

/* Turn a slab in which only the first object is live into a run. */
static memheap_status_t slab_to_run(mempool_t *p, slab_t *s, size_t size,
                                    size_t *usable_p)
{
    size_t first = s->start / FRAGMENT;
    size_t old = s->fragments;
    size_t count = fragments_for(size);
    uint64_t free = s->free;
    if ((free | 1) != slab_all(s) || size > p->module.size - first * FRAGMENT)
        return MEMHEAP_ERR_NO_MEMORY;
    if (count > old) {
        size_t end = fragments_end(&p->fragments, first + old);
        if (end == first + old || end - first < count)
            return MEMHEAP_ERR_NO_MEMORY;
    }
    if (free != 0)
        slab_unlink(p, s);
    slab_retire(p, s);
    if (count > old)
        fragments_take(&p->fragments, first + old, count - old);
    *usable_p = run_mark(p, first, count);
    if (count < old)
        fragments_give(&p->fragments, first + count, old - count);
    return MEMHEAP_OK;
}

static memheap_result_t mempool_resize(memheap_module_t *module, size_t offset,
                                       size_t size)
{
    mempool_t *p = mempool_of(module);
    uint64_t head;
    unsigned index;
    memheap_status_t status = find_block(p, offset, &head, &index);
    if (status != MEMHEAP_OK)
        return memheap_result_error(status);
    size_t before = head >> 2;
    size_t after;
    if (is_run(head)) {
        size_t first = offset / FRAGMENT;
        size_t old = fragments_for(before);
        after = before;
        status = size > before ? run_extend(p, first, old, size, &after)
                               : run_shrink(p, first, old, size, &after);
    } else {
        slab_t *s = slab_of(p, head);
        before = after = object_size(s);
        if (size > before)
            status = index == 0 ? slab_to_run(p, s, size, &after)
                                : MEMHEAP_ERR_NO_MEMORY;
    }
    if (status != MEMHEAP_OK)
        return (memheap_result_t){before, status};
    module->used += after - before;
    return memheap_result_ok(after);
}

/* Reserve an object of an existing slab. */
static memheap_status_t slab_reserve(mempool_t *p, slab_t *s, size_t offset,
                                     size_t size)
{
    unsigned index;
    size_t length = object_size(s);
    uint64_t free = s->free;
    if (slab_find(s, offset, &index) && size <= length) {
        if ((free >> index & 1) == 0)
            return MEMHEAP_ERR_BUSY;
        slab_take(p, s, index);
        count_block(p, length);
        return MEMHEAP_OK;
    }
    size_t from = (offset - s->start) / length;
    size_t to = (offset + size - 1 - s->start) / length;
    for (; from <= to && from < s->count; from++) {
        if ((free >> from & 1) == 0)
            return MEMHEAP_ERR_BUSY;
    }
    return MEMHEAP_ERR_BAD_ARGUMENT;
}

/* Whether fragments are free. */
static bool all_free(const mempool_t *p, size_t first, size_t count)
{
    size_t end = fragments_end(&p->fragments, first);
    return end > first && end - first >= count;
}

/* Extend a slab, or create the shortest one in free fragments, so that it has a
 * free object of the class for `size` at an offset. MEMHEAP_ERR_BAD_ARGUMENT if
 * there is no room. Blocks that are reserved by ascending offset fit in again
 * where they were: slabs then are no longer than before. */
static memheap_status_t slab_around(mempool_t *p, size_t offset, size_t size,
                                    slab_t **s_p)
{
    unsigned index = size_class_for(size, MEMHEAP_MIN_ALIGN);
    size_t length = mempool_class_size[index];
    if (length > p->module.size - offset)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    size_t first = offset / FRAGMENT;
    size_t limit = first - memheap_min(first, length / MEMHEAP_MIN_ALIGN);
    for (;; first--) {
        uint64_t head = head_of(p, first);
        if (is_slab(head) && slab_of(p, head)->size_class == index) {
            *s_p = slab_of(p, head);
            return slab_extend(p, *s_p, offset);
        }
        if ((offset - first * FRAGMENT) % length == 0)
            break;
        if (first == limit)
            return MEMHEAP_ERR_BAD_ARGUMENT;
    }
    size_t count = fragments_for(offset + length - first * FRAGMENT);
    if (!all_free(p, first, count))
        return MEMHEAP_ERR_BAD_ARGUMENT;
    memheap_status_t status = slab_new(p, index, first, count, s_p);
    if (status != MEMHEAP_OK)
        return status;
    fragments_take(&p->fragments, first, count);
    slab_link(p, *s_p);
    return MEMHEAP_OK;
}

/* Whether a block to reserve is to be an object of a slab: it is short, or does
 * not start like a run, or does not end like one. */
static bool is_object(size_t offset, size_t size)
{
    return size <= SLAB_SHRINK_MAX ||
           (size <= OBJECT_MAX &&
            (offset % FRAGMENT != 0 ||
             (size % FRAGMENT != 0 &&
              mempool_class_size[size_class_for(size, MEMHEAP_MIN_ALIGN)] ==
                  size)));
}

static memheap_status_t mempool_reserve(memheap_module_t *module, size_t offset,
                                        size_t size)
{
    mempool_t *p = mempool_of(module);
    if (size > module->size || size > module->size - offset)
        return MEMHEAP_ERR_BUSY;
    if (offset % MEMHEAP_MIN_ALIGN != 0)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    size_t first = offset / FRAGMENT;
    uint64_t head = head_of(p, first);
    memheap_status_t status = MEMHEAP_ERR_BAD_ARGUMENT;
    if (is_slab(head))
        status = slab_reserve(p, slab_of(p, head), offset, size);
    if (status != MEMHEAP_ERR_BAD_ARGUMENT)
        return status;
    size_t count = fragments_for(offset % FRAGMENT + size);
    if (!is_slab(head) && (is_run(head) || !all_free(p, first, count)))
        return MEMHEAP_ERR_BUSY;

    slab_t *s = NULL;
    const deleted_slab_t *deleted =
        is_slab(head) ? NULL : deleted_for(p, offset, size);
    if (deleted != NULL && slab_restore(p, deleted, 0, &s)) {
        slab_link(p, s);
        status = MEMHEAP_OK;
    } else if (is_object(offset, size)) {
        status = slab_around(p, offset, size, &s);
    }
    if (status == MEMHEAP_OK) {
        count_block(p, object_reserve(p, s, offset));
        return MEMHEAP_OK;
    }
    if (status != MEMHEAP_ERR_BAD_ARGUMENT || offset % FRAGMENT != 0 ||
        is_slab(head))
        return status;
    status = heads_ensure(p, first + 1);
    if (status != MEMHEAP_OK)
        return status;
    fragments_take(&p->fragments, first, count);
    count_block(p, run_mark(p, first, count));
    return MEMHEAP_OK;
}

/* Only the order of the lists and the record of deleted slabs make placement
 * depend on the past. */
static void mempool_normalize(memheap_module_t *module)
{
    mempool_t *p = mempool_of(module);
    slab_t *last[SIZE_CLASSES] = {NULL};
    p->deleted_next = 0;
    for (unsigned i = 0; i < MEMPOOL_DELETED; i++)
        p->deleted[i].fragments = 0;
    p->partial_classes = 0;
    for (unsigned i = 0; i < SIZE_CLASSES; i++)
        p->partial[i] = SLAB_NONE;
    for (size_t at = 0; at < p->fragments.top;) {
        uint64_t head = head_of(p, at);
        if (is_run(head)) {
            at += fragments_for(head >> 2);
        } else if (!is_slab(head)) {
            at = fragments_end(&p->fragments, at);
        } else {
            slab_t *s = slab_of(p, head);
            slab_t **before = &last[s->size_class];
            at += s->fragments;
            if (s->free == 0)
                continue;
            if (*before == NULL) {
                slab_link(p, s);
            } else {
                (*before)->next = (slab_id_t)(s - slab_at(p, 0));
                s->prev = (slab_id_t)(*before - slab_at(p, 0));
                s->next = SLAB_NONE;
            }
            *before = s;
        }
    }
}

static memheap_status_t mempool_grow(memheap_module_t *module, size_t new_size)
{
    if (new_size < module->size || new_size > mempool_of(module)->max_size)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    module->size = new_size;
    return MEMHEAP_OK;
}

typedef bool visit_t(void *context, const memheap_extent_t *extent);

/* Report a slab. Adjacent free objects and the unused rest are one extent. */
static bool walk_slab(const mempool_t *p, const slab_t *s, visit_t *visit,
                      void *context)
{
    size_t start = s->start;
    size_t end = slab_end(p, s);
    size_t size = object_size(s);
    uint64_t free = s->free;
    unsigned count = s->count;
    memheap_extent_t gap = {start, 0, false};
    for (unsigned i = 0; i < count; i++) {
        memheap_extent_t object = {start + i * size, size, true};
        if ((free >> i & 1) != 0)
            continue;
        gap.size = object.offset - gap.offset;
        if (gap.size > 0 && !visit(context, &gap))
            return false;
        if (!visit(context, &object))
            return false;
        gap.offset = object.offset + size;
    }
    gap.size = end - gap.offset;
    return gap.size == 0 || visit(context, &gap);
}

static void mempool_walk(const memheap_module_t *module, visit_t *visit,
                         void *context)
{
    const mempool_t *p = const_mempool_of(module);
    for (size_t at = 0; at < p->fragments.top;) {
        uint64_t head = head_of(p, at);
        memheap_extent_t extent = {at * FRAGMENT, 0, is_run(head)};
        if (is_slab(head)) {
            const slab_t *s = slab_of(p, head);
            if (s->fragments == 0 || !walk_slab(p, s, visit, context))
                return;
            at += s->fragments;
            continue;
        }
        size_t end = is_run(head) ? at + fragments_for(head >> 2)
                                  : fragments_end(&p->fragments, at);
        end = memheap_min(end, p->fragments.top);
        extent.size = memheap_min(end * FRAGMENT, module->size) - extent.offset;
        if (end == at || !visit(context, &extent))
            return;
        at = end;
    }
    size_t end = memheap_min(p->fragments.top * FRAGMENT, module->size);
    memheap_extent_t rest = {end, module->size - end, false};
    if (rest.size > 0)
        visit(context, &rest);
}

static void mempool_stats(const memheap_module_t *module,
                          memheap_module_stats_t *stats)
{
    const mempool_t *p = const_mempool_of(module);
    size_t end = memheap_min(p->fragments.top * FRAGMENT, module->size);
    size_t largest = memheap_max(fragments_best(&p->fragments) * FRAGMENT,
                                 module->size - end);
    if (p->partial_classes != 0)
        largest = memheap_max(
            largest,
            mempool_class_size[memheap_log2_floor(p->partial_classes)]);
    *stats = (memheap_module_stats_t){
        .size = module->size,
        .used = module->used,
        .largest_free = largest,
        .metadata = sizeof(*p) + p->fragments.bytes + p->heads.committed +
                    p->slabs.committed};
}

static void mempool_destroy(memheap_module_t *module)
{
    mempool_t *p = mempool_of(module);
    const memheap_memory_t *memory = p->memory;
    fragments_close(&p->fragments);
    memheap_array_close(&p->heads);
    memheap_array_close(&p->slabs);
    memheap_memory_delete(memory, p, sizeof(*p));
}

static const memheap_module_ops_t mempool_ops = {.alloc = mempool_alloc,
                                                 .free = mempool_free,
                                                 .size_of = mempool_size_of,
                                                 .resize = mempool_resize,
                                                 .reserve = mempool_reserve,
                                                 .normalize = mempool_normalize,
                                                 .grow = mempool_grow,
                                                 .walk = mempool_walk,
                                                 .check = mempool_check,
                                                 .stats = mempool_stats,
                                                 .destroy = mempool_destroy};

static memheap_status_t mempool_create(const memheap_module_config_t *config,
                                       long *priority_p,
                                       memheap_module_t **module_p)
{
    (void)priority_p;
    if (memheap_log2_ceil(config->max_size) >= ORDERS)
        return MEMHEAP_ERR_UNSUPPORTED;
    mempool_t *p = memheap_memory_new(config->memory, sizeof(*p));
    if (p == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    size_t most = fragments_for(config->max_size);
    p->module.ops = &mempool_ops;
    p->module.size = config->size;
    p->memory = config->memory;
    p->max_size = config->max_size;
    p->slab_max = (slab_id_t)memheap_min(most, SLABS_MAX);
    memheap_status_t status =
        fragments_open(&p->fragments, config->memory, config->max_size);
    if (status == MEMHEAP_OK)
        status = memheap_array_open(&p->heads, config->memory,
                                    most * sizeof(uint64_t));
    if (status == MEMHEAP_OK)
        status = memheap_array_open(&p->slabs, config->memory,
                                    (p->slab_max + (size_t)2) * sizeof(slab_t));
    if (status != MEMHEAP_OK) {
        mempool_destroy(&p->module);
        return status;
    }
    *module_p = &p->module;
    return MEMHEAP_OK;
}

const memheap_component_t memheap_mempool_component = {
    .abi = MEMHEAP_COMPONENT_ABI,
    .name = "mempool",
    .summary = "slabs of small objects and runs of fragments, by bitmaps",
    .priority = 30,
    .create = mempool_create};
