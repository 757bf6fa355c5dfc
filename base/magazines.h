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

#define MEMHEAP_MAGAZINE_ROUNDS 27u
#define MEMHEAP_MAGAZINE_LIMIT ((uint64_t)1 << 32)

/** A box, and as the uppermost one a stack. All zero is an empty stack. */
typedef struct memheap_magazine {
    uint32_t count; /* members in this box */
    uint32_t below; /* the box below this one, which is full */
    uint32_t round[MEMHEAP_MAGAZINE_ROUNDS];
} memheap_magazine_t;

typedef struct memheap_magazines {
    memheap_array_t array;
    uint32_t count;     /* boxes that were ever in use; the next is fresh */
    uint32_t free_list; /* head of a list through `below` */
} memheap_magazines_t;

/** Reserve a pool for stacks that have no more than so many members in all. */
static inline memheap_status_t
memheap_magazines_open(memheap_magazines_t *magazines,
                       const memheap_memory_t *memory, size_t rounds)
{
    return memheap_array_open(&magazines->array, memory,
                              (rounds / MEMHEAP_MAGAZINE_ROUNDS + 2) *
                                  sizeof(memheap_magazine_t));
}

/** Let all stacks have so many members. MEMHEAP_ERR_NO_METADATA. */
static inline memheap_status_t
memheap_magazines_ensure(memheap_magazines_t *magazines, size_t rounds)
{
    return memheap_array_ensure(&magazines->array,
                                (rounds / MEMHEAP_MAGAZINE_ROUNDS + 2) *
                                    sizeof(memheap_magazine_t));
}

static inline memheap_magazine_t *
memheap_magazine_at(const memheap_magazines_t *magazines, uint32_t id)
{
    return (memheap_magazine_t *)(void *)magazines->array.base + id;
}

static inline bool memheap_magazine_is_empty(const memheap_magazine_t *stack)
{
    return stack->count == 0 && stack->below == 0;
}

/** Put the members of a stack's own box, which is full, into one below. */
static inline void memheap_magazine_spill(memheap_magazines_t *magazines,
                                          memheap_magazine_t *stack)
{
    uint32_t id = magazines->free_list;
    if (id != 0)
        magazines->free_list = memheap_magazine_at(magazines, id)->below;
    else
        id = ++magazines->count;
    *memheap_magazine_at(magazines, id) = *stack;
    stack->below = id;
    stack->count = 0;
}

/** Fill a stack's own box, which is empty, from the one below.
 *  @return false if there is none */
static inline bool memheap_magazine_refill(memheap_magazines_t *magazines,
                                           memheap_magazine_t *stack)
{
    uint32_t id = stack->below;
    if (id == 0)
        return false;
    memheap_magazine_t *magazine = memheap_magazine_at(magazines, id);
    *stack = *magazine;
    magazine->below = magazines->free_list;
    magazines->free_list = id;
    return true;
}

#endif
