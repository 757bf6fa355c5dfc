/*
 * Stacks of places that share a pool of boxes.
 *
 * The uppermost members of a stack are in a box of its own; full boxes below
 * it are a list. Boxes of such lists are in a table, named by their index, 0
 * being none. So a stack costs a box while it is empty, and members of many
 * stacks share memory. A box is long, since pushing into a full one and popping
 * from an empty one is what no processor foresees; and its members are short,
 * since what the processor's caches hold counts too: places from
 * MEMHEAP_MAGAZINE_LIMIT on cannot be members.
 */
#ifndef MEMHEAP_BASE_MAGAZINES_H
#define MEMHEAP_BASE_MAGAZINES_H

#include "base/array.h"

#define MEMHEAP_MAGAZINE_SIZE 27u
#define MEMHEAP_MAGAZINE_LIMIT ((uint64_t)1 << 32)

/** A box, and as the uppermost one a stack. All zero is an empty stack. */
typedef struct memheap_magazine {
    uint32_t count; /* members in this box */
    uint32_t below; /* the box below this one, which is full */
    uint32_t member[MEMHEAP_MAGAZINE_SIZE];
} memheap_magazine_t;

typedef struct memheap_magazines {
    memheap_array_t table;
    uint32_t count;  /* boxes that were ever in use; the next is fresh */
    uint32_t unused; /* head of a list through `below` */
} memheap_magazines_t;

/** Reserve a pool for stacks that have no more than so many members in all. */
static inline memheap_status_t
memheap_magazines_open(memheap_magazines_t *boxes,
                       const memheap_memory_t *memory, size_t members)
{
    return memheap_array_open(&boxes->table, memory,
                              (members / MEMHEAP_MAGAZINE_SIZE + 2) *
                                  sizeof(memheap_magazine_t));
}

/** Let all stacks have so many members. MEMHEAP_ERR_NO_METADATA. */
static inline memheap_status_t
memheap_magazines_ensure(memheap_magazines_t *boxes, size_t members)
{
    return memheap_array_ensure(&boxes->table,
                                (members / MEMHEAP_MAGAZINE_SIZE + 2) *
                                    sizeof(memheap_magazine_t));
}

static inline memheap_magazine_t *
memheap_magazine_at(const memheap_magazines_t *boxes, uint32_t id)
{
    return (memheap_magazine_t *)(void *)boxes->table.base + id;
}

static inline bool memheap_magazine_is_empty(const memheap_magazine_t *stack)
{
    return stack->count == 0 && stack->below == 0;
}

/** Put the members of a stack's own box, which is full, into one below. */
static inline void memheap_magazine_spill(memheap_magazines_t *boxes,
                                          memheap_magazine_t *stack)
{
    uint32_t id = boxes->unused;
    if (id != 0)
        boxes->unused = memheap_magazine_at(boxes, id)->below;
    else
        id = ++boxes->count;
    *memheap_magazine_at(boxes, id) = *stack;
    stack->below = id;
    stack->count = 0;
}

/** Fill a stack's own box, which is empty, from the one below.
 *  @return false if there is none */
static inline bool memheap_magazine_refill(memheap_magazines_t *boxes,
                                           memheap_magazine_t *stack)
{
    uint32_t id = stack->below;
    if (id == 0)
        return false;
    memheap_magazine_t *box = memheap_magazine_at(boxes, id);
    *stack = *box;
    box->below = boxes->unused;
    boxes->unused = id;
    return true;
}

#endif
