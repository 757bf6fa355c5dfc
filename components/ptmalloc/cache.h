/*
 * The cache: blocks that were freed and wait for a request of their length.
 *
 * Lengths that blocks come in have numbers, and a stack each. Every length up
 * to 128 granules has one; beyond, there are 64 for a power of two, and all are
 * multiples of 4 granules. All stacks (base/boxes.h) are there from the start,
 * but take memory only where they were used.
 */
#ifndef MEMHEAP_COMPONENTS_PTMALLOC_CACHE_H
#define MEMHEAP_COMPONENTS_PTMALLOC_CACHE_H

#include "base/boxes.h"
#include "base/util.h"

enum {
    CACHE_EXACT = 128, /* granules up to which a block has what it asked for */
    CACHE_SPLIT = 6,   /* log2 of the lengths in a power of two */
    CACHE_ORDER_STACKS = 1 << CACHE_SPLIT,
    CACHE_ALIGN_ORDER = 2, /* log2 of what longer ones are multiples of */
    CACHE_TURNED = 8,      /* members that are looked at for an alignment */
    CACHE_ORDERS = 40,     /* powers of two that have stacks */
    CACHE_STACKS = CACHE_ORDERS * CACHE_ORDER_STACKS
};

/** The longest block that has a stack, in granules. */
#define CACHE_LONGEST ((uint64_t)1 << (CACHE_ORDERS + CACHE_SPLIT - 2))

typedef struct cache {
    memheap_boxes_t boxes;
    unsigned next;   /* large stack to take from when some have to go */
    uint64_t orders; /* bit o: a stack from o * CACHE_ORDER_STACKS was used */
    /** Bit n % 64 of word n / 64: the stack n may hold blocks. Those below 64,
     *  which serve the small blocks, are not in it. What has its bit is
     *  `marked`. */
    uint64_t map[CACHE_ORDERS];
    uint64_t words;       /* bit w: map[w] is not 0 */
    memheap_box_t *stack; /* CACHE_STACKS of them */
} cache_t;

/** A length that blocks come in. */
typedef struct cache_class {
    uint64_t size; /* granules */
    uint64_t number;
} cache_class_t;

/** The shortest length that holds size granules. */
static inline cache_class_t cache_class(uint64_t size)
{
    if (size <= CACHE_EXACT)
        return (cache_class_t){size, size};
    unsigned order = memheap_log2_floor(size - 1) - CACHE_SPLIT;
    order = order < CACHE_ALIGN_ORDER ? CACHE_ALIGN_ORDER : order;
    uint64_t step = (size - 1) >> order;
    return (cache_class_t){(step + 1) << order,
                           ((uint64_t)order << CACHE_SPLIT) + step};
}

/** The stack of a class that blocks will have. */
static inline memheap_box_t *cache_stack(cache_t *cache, cache_class_t class)
{
    cache->orders |= (uint64_t)1 << class.number / CACHE_ORDER_STACKS;
    return &cache->stack[class.number];
}

/** Let a stack of number 64 or more be found by cache_find_large(). */
static inline void cache_mark(cache_t *cache, uint64_t number)
{
    uint64_t word = number / CACHE_ORDER_STACKS;
    cache->map[word] |= (uint64_t)1 << number % CACHE_ORDER_STACKS;
    cache->words |= (uint64_t)1 << word;
    cache->stack[number].marked = 1;
}

/** Bring a member that lies at a multiple of align granules to the top of a
 *  stack, if one of the uppermost does. */
static inline bool cache_turn(memheap_box_t *stack, uint64_t align)
{
    unsigned last = stack->count - 1u;
    unsigned least =
        stack->count > CACHE_TURNED ? stack->count - CACHE_TURNED : 0;
    for (unsigned i = stack->count; i-- > least;) {
        uint32_t start = stack->member[i];
        if ((start & (align - 1)) == 0) {
            stack->member[i] = stack->member[last];
            stack->member[last] = start;
            return true;
        }
    }
    return false;
}

/** The number of the next stack that holds large blocks, from `next` downwards
 *  and around; 0 if none does. */
static inline unsigned cache_find_large(cache_t *cache)
{
    while (cache->words != 0) {
        unsigned word = cache->next / CACHE_ORDER_STACKS;
        uint64_t map = cache->map[word] &
                       UINT64_MAX >> (63 - cache->next % CACHE_ORDER_STACKS);
        if (map == 0) {
            uint64_t below = cache->words & (((uint64_t)1 << word) - 1);
            word = memheap_log2_floor(below != 0 ? below : cache->words);
            map = cache->map[word];
        }
        unsigned number = word * CACHE_ORDER_STACKS + memheap_log2_floor(map);
        cache->next = number;
        if (!memheap_box_is_empty(&cache->stack[number]))
            return number;
        cache->stack[number].marked = 0;
        cache->map[word] &= ~((uint64_t)1 << number % CACHE_ORDER_STACKS);
        if (cache->map[word] == 0)
            cache->words &= ~((uint64_t)1 << word);
    }
    return 0;
}

/** The number of a stack that holds small blocks; 0 if none does. */
static inline unsigned cache_find_small(const cache_t *cache)
{
    unsigned number = 63;
    while (number > 0 && memheap_box_is_empty(&cache->stack[number]))
        number--;
    return number;
}

#endif
