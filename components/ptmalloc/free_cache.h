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
    /* up to this, a table gives the class; granules */
    CACHE_TABLE_SIZE = 2048,
    CACHE_LARGE_BIT = 63, /* first bit of large blocks in the map */
    CACHE_WORDS = CACHE_ORDERS * CACHE_STEPS / 64
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
    uint32_t capacity;
    memheap_magazine_t magazine;
} cache_stack_t;

typedef struct free_cache {
    cache_stack_t *stacks; /* by class number */
    memheap_magazines_t magazines;
    /** The bit from which the search for large blocks starts. */
    unsigned next_large;
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
    cache->next_large = CACHE_WORDS * 64 - 1;
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

/** A stack with large blocks, or NULL. Stacks are visited downwards from
 *  `next_large`, and round again. */
static inline cache_stack_t *cache_find_large(free_cache_t *cache)
{
    for (unsigned ends = 0; ends < 2;) {
        unsigned bit = cache_prev_bit(cache, cache->next_large);
        if (bit == CACHE_NO_BIT || bit < CACHE_LARGE_BIT) {
            cache->next_large = CACHE_WORDS * 64 - 1;
            ends++;
        } else {
            cache->next_large = bit;
            if (!cache_deactivate_empty(cache, bit))
                return &cache->stacks[cache_number(bit)];
        }
    }
    return NULL;
}

/** The stack with the longest cached small blocks, or NULL. */
static inline cache_stack_t *cache_find_small(free_cache_t *cache)
{
    unsigned bit;
    do
        bit = cache_prev_bit(cache, CACHE_LARGE_BIT - 1);
    while (bit != CACHE_NO_BIT && cache_deactivate_empty(cache, bit));
    return bit == CACHE_NO_BIT ? NULL : &cache->stacks[cache_number(bit)];
}

#endif
