/*
 * The cache: blocks that were freed and wait for a request of their length.
 *
 * Lengths that blocks come in have numbers, and a stack each. Every length up
 * to 128 granules has one; beyond, there are 64 for a power of two, and all are
 * multiples of 4 granules. The uppermost starts of a stack are in a box of its
 * own, and full boxes below it in a list. These are named by their index in a
 * table, 0 being none. All stacks are there from the start, but take memory
 * only where they were used.
 */
#ifndef MEMHEAP_COMPONENTS_PTMALLOC_CACHE_H
#define MEMHEAP_COMPONENTS_PTMALLOC_CACHE_H

#include "base/memory.h"
#include "base/util.h"

enum {
    CACHE_EXACT = 128, /* granules up to which a block has what it asked for */
    CACHE_SPLIT = 6,   /* log2 of the lengths in a power of two */
    CACHE_ORDER_STACKS = 1 << CACHE_SPLIT,
    CACHE_ALIGN_ORDER = 2, /* log2 of what longer ones are multiples of */
    CACHE_ORDERS = 40,     /* powers of two that have stacks */
    CACHE_STACKS = CACHE_ORDERS * CACHE_ORDER_STACKS,
    BOX_ROOM = 7
};

typedef struct cache_box {
    uint32_t count;
    uint32_t below; /* the box below this one */
    uint64_t start[BOX_ROOM];
} cache_box_t;

typedef struct cache {
    memheap_table_t boxes;
    uint32_t box_count; /* that were ever in use */
    uint32_t unused;    /* a list of boxes */
    uint64_t held;      /* granules that count against the limit */
    uint64_t limit;
    unsigned next;   /* large stack to take from when some have to go */
    uint64_t orders; /* bit o: a stack from o * CACHE_ORDER_STACKS was used */
    /** Bit n % 64 of word n / 64: the stack n may hold blocks. Those below 64,
     *  which serve the small blocks, are not in it. */
    uint64_t map[CACHE_ORDERS];
    cache_box_t stack[CACHE_STACKS];
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

static inline cache_box_t *cache_box(const cache_t *cache, uint32_t id)
{
    return (cache_box_t *)(void *)cache->boxes.base + id;
}

/** The stack of a class that blocks will have. */
static inline cache_box_t *cache_stack(cache_t *cache, cache_class_t class)
{
    cache->orders |= (uint64_t)1 << class.number / CACHE_ORDER_STACKS;
    return &cache->stack[class.number];
}

/** Let so many blocks be in the cache at once, whatever their sizes. */
static inline memheap_status_t cache_ensure(cache_t *cache, size_t blocks)
{
    return memheap_table_ensure(&cache->boxes,
                                (blocks / BOX_ROOM + 1) * sizeof(cache_box_t));
}

/** Put the contents of a stack's box into one below. */
static inline void cache_spill(cache_t *cache, cache_box_t *stack)
{
    uint32_t id = cache->unused;
    if (id != 0)
        cache->unused = cache_box(cache, id)->below;
    else
        id = ++cache->box_count;
    *cache_box(cache, id) = *stack;
    stack->below = id;
    stack->count = 0;
}

/** Fill a stack's box, which is empty, from the one below, if there is one. */
static inline bool cache_refill(cache_t *cache, cache_box_t *stack)
{
    uint32_t id = stack->below;
    if (id == 0)
        return false;
    cache_box_t *box = cache_box(cache, id);
    *stack = *box;
    box->below = cache->unused;
    cache->unused = id;
    return true;
}

/** Let a stack of number 64 or more be found by cache_victim(). */
static inline void cache_mark(cache_t *cache, uint64_t number)
{
    cache->map[number / CACHE_ORDER_STACKS] |= (uint64_t)1
                                               << number % CACHE_ORDER_STACKS;
}

static inline bool cache_is_empty(const cache_box_t *stack)
{
    return stack->count == 0 && stack->below == 0;
}

/** The number of the next stack that holds large blocks, from `next` downwards
 *  and around; 0 if none does. */
static inline unsigned cache_find_large(cache_t *cache)
{
    unsigned number = cache->next;
    for (unsigned words = 0; words <= CACHE_ORDERS; words++) {
        unsigned word = number / CACHE_ORDER_STACKS;
        uint64_t *map = &cache->map[word];
        uint64_t below = UINT64_MAX >> (63 - number % CACHE_ORDER_STACKS);
        while ((*map & below) != 0) {
            number =
                word * CACHE_ORDER_STACKS + memheap_log2_floor(*map & below);
            if (!cache_is_empty(&cache->stack[number])) {
                cache->next = number;
                return number;
            }
            *map &= ~((uint64_t)1 << number % CACHE_ORDER_STACKS);
        }
        number = (word == 0 ? CACHE_ORDERS : word) * CACHE_ORDER_STACKS - 1;
    }
    return 0;
}

/** The number of a stack that holds small blocks; 0 if none does. */
static inline unsigned cache_find_small(const cache_t *cache)
{
    unsigned number = 63;
    while (number > 0 && cache_is_empty(&cache->stack[number]))
        number--;
    return number;
}

#endif
