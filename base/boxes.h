/*
 * Stacks of places that share a pool of boxes.
 *
 * The uppermost members of a stack are in a box of its own; full boxes below
 * it are a list. Boxes of such lists are in a table, named by their index, 0
 * being none. So a stack costs a box while it is empty, and members of many
 * stacks share memory. A box is long, since pushing into a full one and popping
 * from an empty one is what no processor foresees; and its members are short,
 * since what the processor's caches hold counts too: places from
 * MEMHEAP_BOX_REACH on cannot be members.
 */
#ifndef MEMHEAP_BASE_BOXES_H
#define MEMHEAP_BASE_BOXES_H

#include "base/memory.h"

#define MEMHEAP_BOX_ROOM 27u
#define MEMHEAP_BOX_REACH ((uint64_t)1 << 32)

/** A box, and as the uppermost one a stack. All zero is an empty stack. */
typedef struct memheap_box {
    uint32_t count; /* members in this box */
    uint32_t below; /* the box below this one, which is full */
    uint32_t member[MEMHEAP_BOX_ROOM];
} memheap_box_t;

typedef struct memheap_boxes {
    memheap_table_t table;
    uint32_t count;  /* boxes that were ever in use; the next is fresh */
    uint32_t unused; /* head of a list through `below` */
} memheap_boxes_t;

/** Reserve a pool for stacks that have no more than so many members in all. */
static inline memheap_status_t
memheap_boxes_open(memheap_boxes_t *boxes, const memheap_memory_t *memory,
                   size_t members)
{
    return memheap_table_open(&boxes->table, memory,
                              (members / MEMHEAP_BOX_ROOM + 2) *
                                  sizeof(memheap_box_t));
}

/** Let all stacks have so many members. MEMHEAP_ERR_NO_METADATA. */
static inline memheap_status_t memheap_boxes_ensure(memheap_boxes_t *boxes,
                                                    size_t members)
{
    return memheap_table_ensure(&boxes->table,
                                (members / MEMHEAP_BOX_ROOM + 2) *
                                    sizeof(memheap_box_t));
}

static inline memheap_box_t *memheap_box_at(const memheap_boxes_t *boxes,
                                            uint32_t id)
{
    return (memheap_box_t *)(void *)boxes->table.base + id;
}

static inline bool memheap_box_is_empty(const memheap_box_t *stack)
{
    return stack->count == 0 && stack->below == 0;
}

/** Put the members of a stack's own box, which is full, into one below. */
static inline void memheap_box_spill(memheap_boxes_t *boxes,
                                     memheap_box_t *stack)
{
    uint32_t id = boxes->unused;
    if (id != 0)
        boxes->unused = memheap_box_at(boxes, id)->below;
    else
        id = ++boxes->count;
    *memheap_box_at(boxes, id) = *stack;
    stack->below = id;
    stack->count = 0;
}

/** Fill a stack's own box, which is empty, from the one below.
 *  @return false if there is none */
static inline bool memheap_box_refill(memheap_boxes_t *boxes,
                                      memheap_box_t *stack)
{
    uint32_t id = stack->below;
    if (id == 0)
        return false;
    memheap_box_t *box = memheap_box_at(boxes, id);
    *stack = *box;
    box->below = boxes->unused;
    boxes->unused = id;
    return true;
}

#endif
