/*
 * Stacks of block positions that share a pool of magazines.
 *
 * A magazine is a small array of rounds, here positions of blocks. Each stack
 * has one magazine of its own with its uppermost rounds. Full magazines below
 * it come from the shared pool and form a list; they are named by their index
 * in an array, and 0 is none. An empty stack thus costs one magazine, and the
 * stacks share the rest.
 *
 * A magazine is long, because spilling and refilling are mispredicted branches.
 * A round has 32 bits, to save cache space; positions of MEMHEAP_MAGAZINE_LIMIT
 * and above cannot be stored.
 *
 * Source: J. Bonwick, J. Adams, "Magazines and vmem", USENIX 2001.
 */
#ifndef MEMHEAP_BASE_MAGAZINES_H
#define MEMHEAP_BASE_MAGAZINES_H

#include "base/array.h"

#define MEMHEAP_MAGAZINE_ROUNDS 26u
#define MEMHEAP_MAGAZINE_LIMIT ((uint64_t)1 << 32)

/** A magazine. The uppermost one stands for its stack. All zero is an empty
 *  stack. */
typedef struct memheap_magazine {
    uint32_t count; /* rounds in this magazine */
    /** Index of the next lower magazine, which is full; 0 is none. */
    uint32_t below;
    uint32_t round[MEMHEAP_MAGAZINE_ROUNDS];
} memheap_magazine_t;

typedef struct memheap_magazines {
    memheap_array_t array;
    uint32_t count;     /* magazines ever used; the next one is new */
    uint32_t free_list; /* first unused magazine, linked through `below` */
} memheap_magazines_t;

/** Reserve a pool for stacks with at most `rounds` rounds in total. */
static inline memheap_status_t
memheap_magazines_open(memheap_magazines_t *magazines,
                       const memheap_memory_t *memory, size_t rounds)
{
    return memheap_array_open(&magazines->array, memory,
                              (rounds / MEMHEAP_MAGAZINE_ROUNDS + 2) *
                                  sizeof(memheap_magazine_t));
}

/** Make sure that the stacks can hold that many rounds.
 *  MEMHEAP_ERR_NO_METADATA. */
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

/** Move the rounds of a stack's own magazine, which is full, to the pool. */
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

/**
 * Fill a stack's own magazine, which is empty, from the pool.
 * @return false if the stack is empty
 */
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
