/*
 * The cache of freed blocks: they wait for a request of their class and are not
 * joined meanwhile.
 *
 * A class is a block length. Every length up to 64 granules is a class; each
 * larger power of two has 32 classes, all multiples of 4 granules. A class of
 * `steps` << `order` granules has the number order * 256 + steps - 1, with
 * steps in 1..64. So a class of order 0 has the number length - 1, and no byte
 * of a number has more than six bits. The number 0 stands for blocks of no
 * class.
 *
 * Each class has a stack of cached blocks (base/magazines.h). The memory of a
 * stack is touched only once the class is used.
 *
 * What is cached and not used is surplus. A hand visits the classes in turn. It
 * sets the floor of a stack to the number of its blocks. An allocation that
 * reaches the floor lowers it. So at the next visit, the blocks below the floor
 * were not needed since the last one, and may be joined. The floor costs
 * nothing in the fast path, which compares with it in place of 0.
 */
#ifndef MEMHEAP_COMPONENTS_PTMALLOC_FREE_CACHE_H
#define MEMHEAP_COMPONENTS_PTMALLOC_FREE_CACHE_H

#include "base/magazines.h"
#include "base/util.h"

enum {
    /* up to this, every length is a class; granules */
    CACHE_EXACT = 64,
    CACHE_SPLIT = 5, /* log2 of the classes of a power of two */
    /* log2 of the granules that longer classes are multiples of */
    CACHE_ALIGN = 2,
    CACHE_ORDERS = 27,        /* orders that classes can have */
    CACHE_ORDER_STRIDE = 256, /* distance of the numbers of two orders */
    CACHE_STEPS = 64,         /* classes of an order */
    CACHE_ALIGN_PROBES = 8,   /* rounds examined for an aligned block */
    CACHE_LONGER = 4,         /* longer classes that may serve a long block */
    /* up to this, a table gives the class; granules */
    CACHE_TABLE_SIZE = 2048,
    CACHE_WORDS = CACHE_ORDERS * CACHE_STEPS / 64,
    CACHE_LAST_BIT = CACHE_WORDS * 64 - 1
};

#define CACHE_NO_BIT UINT32_MAX

/** The longest class, in granules. */
#define CACHE_LONGEST ((uint64_t)1 << 32)

/** The cached blocks of one class: two cache lines. All zero is an empty
 *  stack. */
typedef struct cache_stack {
    uint64_t block_size; /* bytes; set before the first block exists */
    /** Rounds that the magazine can take. 0 while the class is not in the map;
     *  the stack is then empty. */
    uint16_t capacity;
    bool refilled; /* an allocation emptied the magazine since the last visit */
    uint32_t floor; /* rounds of the magazine that are surplus if they stay */
    memheap_magazine_t magazine;
} cache_stack_t;

typedef struct free_cache {
    cache_stack_t *stacks; /* by class number */
    memheap_magazines_t magazines;
    unsigned hand;             /* bit of the class that was visited last */
    uint32_t surplus;          /* blocks of that class that may be joined */
    uint32_t orders_used;      /* bit o: a class of order o was used */
    uint64_t summary;          /* bit w: map[w] is not 0 */
    uint64_t map[CACHE_WORDS]; /* by cache_bit(): the stack may have blocks */
    uint16_t class_table[CACHE_TABLE_SIZE]; /* class number by length - 1 */
} free_cache_t;

/** A class of blocks, or a length without one. */
typedef struct cache_class {
    uint64_t size; /* granules */
    unsigned number;
} cache_class_t;

/** The shortest class of at least `size` granules; size is at least 2. */
static inline cache_class_t cache_class(uint64_t size)
{
    if (size > CACHE_LONGEST)
        return (cache_class_t){size, 0};
    unsigned order = 0;
    if (size > CACHE_EXACT)
        order = (unsigned)memheap_max(
            memheap_log2_floor(size - 1) - CACHE_SPLIT, CACHE_ALIGN);
    uint64_t step = (size - 1) >> order;
    return (cache_class_t){(step + 1) << order,
                           order * CACHE_ORDER_STRIDE + (unsigned)step};
}

/** The class of exactly `size` granules; number 0 if there is none. */
static inline cache_class_t cache_class_of(uint64_t size)
{
    cache_class_t class = cache_class(size);
    return class.size == size ? class : (cache_class_t)
    {
        size, 0
    };
}

/** Granules of a class. */
static inline uint64_t cache_size(unsigned number)
{
    return (uint64_t)(number % CACHE_ORDER_STRIDE + 1)
           << number / CACHE_ORDER_STRIDE;
}

static inline memheap_status_t
cache_open(free_cache_t *cache, const memheap_memory_t *memory, size_t blocks)
{
    cache->hand = CACHE_LAST_BIT;
    for (uint64_t i = 0; i < CACHE_TABLE_SIZE; i++)
        cache->class_table[i] =
            (uint16_t)cache_class(memheap_max(i + 1, 2)).number;
    cache->stacks = memheap_memory_new(
        memory, CACHE_ORDERS * CACHE_ORDER_STRIDE * sizeof(cache_stack_t));
    if (cache->stacks == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    return memheap_magazines_open(&cache->magazines, memory, blocks);
}

static inline void cache_close(free_cache_t *cache,
                               const memheap_memory_t *memory)
{
    memheap_array_close(&cache->magazines.array);
    if (cache->stacks != NULL)
        memheap_memory_delete(memory, cache->stacks,
                              CACHE_ORDERS * CACHE_ORDER_STRIDE *
                                  sizeof(cache_stack_t));
}

/** The stack of a class. Prepares it for its first block. */
static inline cache_stack_t *cache_stack(free_cache_t *cache,
                                         cache_class_t class)
{
    cache_stack_t *stack = &cache->stacks[class.number];
    if (stack->block_size == 0 && class.number != 0) {
        stack->block_size = class.size * MEMHEAP_MIN_ALIGN;
        cache->orders_used |= (uint32_t)1 << class.number / CACHE_ORDER_STRIDE;
    }
    return stack;
}

/** The bit of a class in the map; cache_number() is its inverse. */
static inline unsigned cache_bit(unsigned number)
{
    return number / CACHE_ORDER_STRIDE * CACHE_STEPS +
           number % CACHE_ORDER_STRIDE;
}

static inline unsigned cache_number(unsigned bit)
{
    return bit / CACHE_STEPS * CACHE_ORDER_STRIDE + bit % CACHE_STEPS;
}

/** Enter a class into the map, so that its stack can take blocks. */
static inline void cache_activate(free_cache_t *cache, unsigned number)
{
    unsigned bit = cache_bit(number);
    cache->map[bit / 64] |= (uint64_t)1 << bit % 64;
    cache->summary |= (uint64_t)1 << bit / 64;
    cache->stacks[number].capacity = MEMHEAP_MAGAZINE_ROUNDS;
}

/** Remove a class from the map if its stack is empty. Returns whether it was.
 */
static inline bool cache_deactivate_empty(free_cache_t *cache, unsigned bit)
{
    cache_stack_t *stack = &cache->stacks[cache_number(bit)];
    if (!memheap_magazine_is_empty(&stack->magazine))
        return false;
    stack->capacity = 0;
    stack->refilled = false;
    cache->map[bit / 64] &= ~((uint64_t)1 << bit % 64);
    if (cache->map[bit / 64] == 0)
        cache->summary &= ~((uint64_t)1 << bit / 64);
    return true;
}

/** Move a block aligned to `align` granules to the top of a magazine, if one
 *  of the uppermost CACHE_ALIGN_PROBES rounds is aligned. */
static inline bool cache_find_aligned(memheap_magazine_t *magazine,
                                      uint64_t align)
{
    for (unsigned i = 1; i <= CACHE_ALIGN_PROBES && i <= magazine->count; i++) {
        uint32_t start = magazine->round[magazine->count - i];
        if ((start & (align - 1)) == 0) {
            magazine->round[magazine->count - i] =
                magazine->round[magazine->count - 1];
            magazine->round[magazine->count - 1] = start;
            return true;
        }
    }
    return false;
}

/** The highest set bit of the map at or below `bit`, or CACHE_NO_BIT. */
static inline unsigned cache_prev_bit(const free_cache_t *cache, unsigned bit)
{
    uint64_t map = cache->map[bit / 64] & UINT64_MAX >> (63 - bit % 64);
    if (map != 0)
        return bit / 64 * 64 + memheap_log2_floor(map);
    uint64_t words = cache->summary & (((uint64_t)1 << bit / 64) - 1);
    if (words == 0)
        return CACHE_NO_BIT;
    unsigned word = memheap_log2_floor(words);
    return word * 64 + memheap_log2_floor(cache->map[word]);
}

/** Move the hand to the next class below. Returns false at the end of a round;
 *  the next one starts then. */
static inline bool cache_advance(free_cache_t *cache)
{
    unsigned bit = cache->hand == 0 ? CACHE_NO_BIT
                                    : cache_prev_bit(cache, cache->hand - 1);
    cache->surplus = 0;
    if (bit == CACHE_NO_BIT) {
        cache->hand = CACHE_LAST_BIT;
        return false;
    }
    cache->hand = bit;
    if (cache_deactivate_empty(cache, bit))
        return true;
    cache_stack_t *stack = &cache->stacks[cache_number(bit)];
    bool has_deep = stack->magazine.below != 0 && !stack->refilled;
    cache->surplus = has_deep ? UINT32_MAX : stack->floor;
    stack->floor = stack->magazine.count;
    stack->refilled = false;
    return true;
}

/** A stack with surplus blocks. NULL if `visits` classes have none, and at the
 *  end of a round. */
static inline cache_stack_t *cache_find_surplus(free_cache_t *cache,
                                                unsigned visits)
{
    for (;; visits--) {
        cache_stack_t *stack = &cache->stacks[cache_number(cache->hand)];
        if (cache->surplus > 0 && !memheap_magazine_is_empty(&stack->magazine))
            return stack;
        if (visits == 0 || !cache_advance(cache))
            return NULL;
    }
}

/** A stack that is not empty, or NULL. */
static inline cache_stack_t *cache_find_any(free_cache_t *cache)
{
    unsigned bit;
    do
        bit = cache_prev_bit(cache, CACHE_LAST_BIT);
    while (bit != CACHE_NO_BIT && cache_deactivate_empty(cache, bit));
    return bit == CACHE_NO_BIT ? NULL : &cache->stacks[cache_number(bit)];
}

/** Take the uppermost block out of a stack that is not empty. It counts as
 *  surplus. Returns its start. */
static inline uint64_t cache_drop(free_cache_t *cache, cache_stack_t *stack)
{
    if (stack->magazine.count == 0)
        memheap_magazine_refill(&cache->magazines, &stack->magazine);
    uint64_t start = stack->magazine.round[--stack->magazine.count];
    stack->floor = stack->magazine.count;
    if (cache->surplus > 0 && cache->surplus != UINT32_MAX)
        cache->surplus--;
    return start;
}

/** Whether the magazine of a stack has an aligned block. Moves it to the top,
 *  and lowers the floor so that it can be taken. */
static inline bool cache_offers(cache_stack_t *stack, uint64_t align)
{
    uint32_t count = stack->magazine.count;
    if (count == 0 || !cache_find_aligned(&stack->magazine, align))
        return false;
    if (stack->floor == count)
        stack->floor = count / 2;
    return true;
}

/** A stack whose uppermost block is aligned and serves a request of a class, or
 *  NULL. A long block may be up to CACHE_LONGER classes longer. */
static inline cache_stack_t *cache_find(free_cache_t *cache, unsigned number,
                                        uint64_t align)
{
    cache_stack_t *stack = &cache->stacks[number];
    if (stack->magazine.count == 0 &&
        memheap_magazine_refill(&cache->magazines, &stack->magazine))
        stack->refilled = true;
    if (cache_offers(stack, align))
        return stack;
    if (number < CACHE_ORDER_STRIDE)
        return NULL;
    /* The classes of an order are one word of the map. */
    unsigned bit = cache_bit(number);
    uint64_t longer = cache->map[bit / 64] >> bit % 64 >> 1 &
                      (((uint64_t)1 << CACHE_LONGER) - 1);
    for (; longer != 0; longer &= longer - 1) {
        stack = &cache->stacks[number + 1 + (unsigned)__builtin_ctzll(longer)];
        if (cache_offers(stack, align))
            return stack;
    }
    return NULL;
}

#endif
