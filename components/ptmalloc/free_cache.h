/*
 * The cache: blocks that were freed and wait for a request of their class.
 *
 * Blocks come in classes, which have a length, a number and a stack each. Every
 * length up to 64 granules is a class; beyond, there are 32 for a power of
 * two, and all are multiples of 4 granules. A number is log2 of the step
 * between lengths, times 256, plus the steps that the length has, less one; so
 * that the number of a class of one step per granule is its length less one,
 * and no byte of a number has more than six bits. 0, which would be the length
 * of 1, stands for what has no class. All stacks (base/magazines.h) are there
 * from the start, but take memory only where they were used.
 */
#ifndef MEMHEAP_COMPONENTS_PTMALLOC_FREE_CACHE_H
#define MEMHEAP_COMPONENTS_PTMALLOC_FREE_CACHE_H

#include "base/magazines.h"
#include "base/util.h"

enum {
    CACHE_EXACT = 64,         /* granules up to which every length is a class */
    CACHE_SPLIT = 5,          /* log2 of the classes of a power of two */
    CACHE_ALIGN = 2,          /* log2 of what longer ones are multiples of */
    CACHE_ORDERS = 27,        /* steps that there are */
    CACHE_ORDER_STRIDE = 256, /* numbers for each */
    CACHE_STEPS = 64,         /* of which this many are used */
    CACHE_ALIGN_PROBES = 8,   /* members that are looked at for an alignment */
    CACHE_TABLE_SIZE = 2048,  /* granules up to which classes are looked up */
    CACHE_LARGE_BIT = 63,     /* bit in the map from which blocks are large */
    CACHE_WORDS = CACHE_ORDERS * CACHE_STEPS / 64
};

#define CACHE_NO_BIT UINT32_MAX

/** The longest class, in granules. */
#define CACHE_LONGEST ((uint64_t)1 << 32)

/** A stack, which fills two lines of the processor's cache. All zero is an
 *  empty one. */
typedef struct cache_stack {
    uint64_t block_size; /* of each block; set before there is one */
    uint32_t capacity;   /* members that the box has room for; 0 as long as the
                        map   does not have the stack, which is empty then */
    memheap_magazine_t magazine;
} cache_stack_t;

typedef struct free_cache {
    cache_stack_t *stacks; /* by number */
    memheap_magazines_t magazines;
    unsigned next_large;  /* bit of the map to look for large blocks from */
    uint32_t orders_used; /* bit o: a class of the order o was used */
    uint64_t summary;     /* bit w: map[w] is not 0 */
    uint64_t map[CACHE_WORDS]; /* by cache_bit(): the stack may have blocks */
    uint16_t class_table[CACHE_TABLE_SIZE]; /* by a length less one */
} free_cache_t;

/** A length that blocks come in. */
typedef struct cache_class {
    uint64_t size; /* granules */
    unsigned number;
} cache_class_t;

/** The shortest class that holds size granules, of at least 2. */
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

/** The class of just that length, or none. */
static inline cache_class_t cache_class_of(uint64_t size)
{
    cache_class_t class = cache_class(size);
    return class.size == size ? class : (cache_class_t)
    {
        size, 0
    };
}

/** The length of a class. */
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

/** The stack of a class that a block has, or will have. */
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

/** The bit of a class in the map, and back. */
static inline unsigned cache_bit(unsigned number)
{
    return number / CACHE_ORDER_STRIDE * CACHE_STEPS +
           number % CACHE_ORDER_STRIDE;
}

static inline unsigned cache_number(unsigned bit)
{
    return bit / CACHE_STEPS * CACHE_ORDER_STRIDE + bit % CACHE_STEPS;
}

/** Let a stack be found, so that it can have members. */
static inline void cache_activate(free_cache_t *cache, unsigned number)
{
    unsigned bit = cache_bit(number);
    cache->map[bit / 64] |= (uint64_t)1 << bit % 64;
    cache->summary |= (uint64_t)1 << bit / 64;
    cache->stacks[number].capacity = MEMHEAP_MAGAZINE_ROUNDS;
}

/** Let no stack be found that is empty. */
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

/** Bring a member that lies at a multiple of align granules to the top of a
 *  magazine, if one of the uppermost does. */
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

/** The highest bit of the map that is set, from one on downwards; or
 *  CACHE_NO_BIT. */
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

/** The next stack that has large blocks, from `next` downwards and around; NULL
 *  if none has. */
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

/** The stack of the longest small blocks that are cached; NULL if none are. */
static inline cache_stack_t *cache_find_small(free_cache_t *cache)
{
    unsigned bit;
    do
        bit = cache_prev_bit(cache, CACHE_LARGE_BIT - 1);
    while (bit != CACHE_NO_BIT && cache_deactivate_empty(cache, bit));
    return bit == CACHE_NO_BIT ? NULL : &cache->stacks[cache_number(bit)];
}

#endif
