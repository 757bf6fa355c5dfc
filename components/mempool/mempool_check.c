/*
 * Check the invariants of a mempool module (mempool_state.h).
 */
#include "config.h"

#include "components/mempool/slab.h"

/* Sums over all heads. */
typedef struct tally {
    size_t used;
    size_t partial; /* slabs with free objects */
} tally_t;

static bool check_slab(const mempool_t *p, size_t at, slab_id_t id, tally_t *t)
{
    if (id == SLAB_NONE || id > p->slab_count)
        return false;
    const slab_t *s = slab_at(p, id);
    uint64_t free = s->free;
    size_t size = object_size(s);
    if (s->start != at * FRAGMENT || s->fragments == 0 ||
        at + s->fragments > p->fragments.top || s->count == 0 ||
        s->count * size > slab_end(p, s) - at * FRAGMENT ||
        (free & ~slab_all(s)) != 0 || free == slab_all(s))
        return false;
    for (size_t i = 1; i < s->fragments; i++) {
        if (head_of(p, at + i) != head_of(p, at))
            return false;
    }
    size_t live = s->count - (unsigned)__builtin_popcountll(free);
    t->used += live * size;
    t->partial += free != 0;
    return true;
}

/* Whether all heads of [first, end) are 0. Of a long range only both ends are
 * checked: the heads between may be terabytes that were never committed. */
static bool check_no_heads(const mempool_t *p, size_t first, size_t end)
{
    enum {
        MANY = 4096
    };
    end = memheap_min(end, p->head_count);
    for (size_t at = first; at < end; at++) {
        if (head_of(p, at) != 0)
            return false;
        if (at - first == MANY && end - at > MANY)
            at = end - MANY;
    }
    return true;
}

/* Check that the lists contain `partial` slabs, all with free objects. */
static bool check_lists(const mempool_t *p, size_t partial)
{
    for (unsigned i = 0; i < SIZE_CLASSES; i++) {
        slab_id_t id = p->partial[i];
        if ((p->partial_classes >> i & 1) != (id != SLAB_NONE))
            return false;
        for (slab_id_t prev = SLAB_NONE; id != SLAB_NONE;) {
            const slab_t *s = slab_at(p, id);
            if (id > p->slab_count || partial-- == 0 || s->prev != prev ||
                s->free == 0 || s->size_class != i)
                return false;
            prev = id;
            id = s->next;
        }
    }
    return partial == 0;
}

memheap_status_t mempool_check(const memheap_module_t *module)
{
    const mempool_t *p = const_mempool_of(module);
    tally_t t = {0, 0};
    size_t top = p->fragments.top;
    if (top > fragments_for(module->size) || !fragments_check(&p->fragments))
        return MEMHEAP_ERR_CORRUPT;
    for (size_t at = 0; at < top;) {
        uint64_t head = head_of(p, at);
        size_t end = fragments_end(&p->fragments, at);
        if (head == 0) {
            if (end == at || end > top || !check_no_heads(p, at, end))
                return MEMHEAP_ERR_CORRUPT;
            at = end;
            continue;
        }
        slab_id_t id = (slab_id_t)(head >> 2);
        if (end != at || (is_slab(head) && !check_slab(p, at, id, &t)))
            return MEMHEAP_ERR_CORRUPT;
        size_t next = at + (is_slab(head) ? slab_at(p, id)->fragments
                                          : fragments_for(head >> 2));
        if (is_run(head))
            t.used += head >> 2;
        /* Its fragments are all in use, and nothing else starts there. */
        if (next > top || (is_run(head) && !check_no_heads(p, at + 1, next)))
            return MEMHEAP_ERR_CORRUPT;
        size_t run = fragments_find(&p->fragments, 1, at);
        if (run < next)
            return MEMHEAP_ERR_CORRUPT;
        at = next;
    }
    if (!check_no_heads(p, top, SIZE_MAX) || !check_lists(p, t.partial) ||
        t.used != module->used)
        return MEMHEAP_ERR_CORRUPT;
    return MEMHEAP_OK;
}
