/*
 * Range pools: a list of heaps, one for each range.
 *
 * Ranges are added and never removed, so reading the list needs no lock. The
 * heaps have locks of their own.
 */
#include "config.h"

#include <memheap/range_pool.h>
#include "memheap/dependents.h"
#include "memheap/heap.h"
#include "memheap/pools/fallback.h"
#include "base/text.h"
#include "base/util.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

typedef struct range {
    struct range *_Atomic next;
    memheap_t *heap;
    char *base;
    size_t size;
} range_t;

struct memheap_range_pool {
    range_t first;
    memheap_config_t config;
    const memheap_memory_t *memory;
    const memheap_log_t *log;
    memheap_dependents_t dependents;
    char name[48];
    pthread_mutex_t lock; /* to add a range */
};

static range_t *next_range(range_t *range)
{
    return atomic_load_explicit(&range->next, memory_order_acquire);
}

/* Create a heap over a range; over memory of its own if base is NULL. */
static memheap_status_t open_range(const memheap_config_t *config, void *base,
                                   size_t size, range_t *range)
{
    memheap_config_t one = *config;
    memheap_stats_t stats;
    one.base = base;
    one.size = size;
    one.max_size = 0;
    memheap_status_t status = memheap_create(&one, &range->heap);
    if (status != MEMHEAP_OK)
        return status;
    memheap_get_stats(range->heap, &stats);
    range->base = memheap_base(range->heap);
    range->size = stats.size;
    return MEMHEAP_OK;
}

memheap_status_t memheap_range_pool_create(const memheap_config_t *config,
                                           memheap_range_pool_t **pool_p)
{
    const memheap_memory_t *memory =
        config->memory == NULL ? &memheap_memory_system : config->memory;
    const memheap_log_t *log =
        config->log == NULL ? &memheap_log_stderr : config->log;
    memheap_range_pool_t *pool = memheap_memory_new(memory, sizeof(*pool));
    if (pool == NULL) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "no memory for the metadata of a range pool");
        return MEMHEAP_ERR_NO_METADATA;
    }
    memheap_status_t status =
        open_range(config, config->base, config->size, &pool->first);
    if (status != MEMHEAP_OK) {
        memheap_memory_delete(memory, pool, sizeof(*pool));
        return status;
    }
    pool->config = *config;
    pool->memory = memory;
    pool->log = log;
    memheap_text_copy(pool->name, sizeof(pool->name),
                      config->name == NULL ? "range pool" : config->name);
    pthread_mutex_init(&pool->lock, NULL);
    *pool_p = pool;
    return MEMHEAP_OK;
}

memheap_status_t memheap_range_pool_destroy(memheap_range_pool_t *pool)
{
    if (pool == NULL)
        return MEMHEAP_OK;
    memheap_status_t status = memheap_dependents_check(
        &pool->dependents, "range pool", pool->name, pool->log);
    if (status != MEMHEAP_OK)
        return status;
    for (range_t *range = next_range(&pool->first); range != NULL;) {
        range_t *next = next_range(range);
        memheap_destroy(range->heap);
        memheap_memory_delete(pool->memory, range, sizeof(*range));
        range = next;
    }
    memheap_destroy(pool->first.heap);
    pthread_mutex_destroy(&pool->lock);
    memheap_memory_delete(pool->memory, pool, sizeof(*pool));
    return MEMHEAP_OK;
}

/* Whether a range overlaps no range of the pool. */
static bool is_new_range(memheap_range_pool_t *pool, const void *base,
                         size_t size)
{
    uintptr_t start = (uintptr_t)base;
    for (range_t *range = &pool->first; range != NULL;
         range = next_range(range)) {
        uintptr_t other = (uintptr_t)range->base;
        /* By differences: a range may wrap, which fails later. */
        if (start - other < range->size || other - start < size)
            return false;
    }
    return true;
}

memheap_status_t memheap_range_pool_extend(memheap_range_pool_t *pool,
                                           void *base, size_t size)
{
    memheap_status_t status = MEMHEAP_ERR_NO_METADATA;
    range_t *range = memheap_memory_new(pool->memory, sizeof(*range));
    if (range == NULL)
        return status;
    pthread_mutex_lock(&pool->lock);
    if (base != NULL && !is_new_range(pool, base, size)) {
        memheap_log_write(pool->log, MEMHEAP_LOG_ERROR,
                          "range pool: %zu bytes at %p overlap another range",
                          size, base);
        status = MEMHEAP_ERR_BAD_ARGUMENT;
    } else {
        status = open_range(&pool->config, base, size, range);
    }
    if (status == MEMHEAP_OK) {
        range_t *last = &pool->first;
        while (next_range(last) != NULL)
            last = next_range(last);
        atomic_store_explicit(&last->next, range, memory_order_release);
    }
    pthread_mutex_unlock(&pool->lock);
    if (status != MEMHEAP_OK)
        memheap_memory_delete(pool->memory, range, sizeof(*range));
    return status;
}

/* The range that contains an address, or NULL. */
static range_t *find_range(memheap_range_pool_t *pool, const void *address)
{
    range_t *range = &pool->first;
    while (range != NULL &&
           (uintptr_t)address - (uintptr_t)range->base >= range->size)
        range = next_range(range);
    return range;
}

/* Report an address outside all ranges. */
static memheap_status_t bad_address(const memheap_range_pool_t *pool,
                                    const void *address)
{
    memheap_log_write(pool->log, MEMHEAP_LOG_ERROR,
                      "%p is in none of the ranges of the pool", address);
    return MEMHEAP_ERR_BAD_ADDRESS;
}

/* Allocate a block in the first range that can, but not in one of them. */
static memheap_status_t pop_except(memheap_range_pool_t *pool,
                                   const range_t *except, size_t align,
                                   size_t size, void **block_p)
{
    memheap_status_t status = MEMHEAP_ERR_BAD_ARGUMENT;
    for (range_t *range = &pool->first; range != NULL;
         range = next_range(range)) {
        if (range == except)
            continue;
        memheap_status_t result =
            memheap_alloc_aligned(range->heap, align, size, block_p);
        if (!memheap_fallback_is_allowed(result))
            return result;
        status = memheap_fallback_status(status, result);
    }
    return status;
}

static memheap_status_t pop(void *state, size_t align, size_t size,
                            void **block_p)
{
    return pop_except(state, NULL, align, size, block_p);
}

static memheap_status_t push(void *state, void *block)
{
    const range_t *range = find_range(state, block);
    return range == NULL ? bad_address(state, block)
                         : memheap_free(range->heap, block);
}

static memheap_status_t getsize(void *state, const void *block, size_t *size_p)
{
    const range_t *range = find_range(state, block);
    return range == NULL ? MEMHEAP_ERR_BAD_ADDRESS
                         : memheap_find_block(range->heap, block, size_p);
}

memheap_pool_t memheap_range_pool_as_pool(memheap_range_pool_t *pool)
{
    return (memheap_pool_t){.pop = pop,
                            .push = push,
                            .getsize = getsize,
                            .state = pool,
                            .dependents = &pool->dependents};
}

memheap_status_t memheap_range_pool_resize(memheap_range_pool_t *pool,
                                           void *block, size_t size,
                                           void **block_p)
{
    if (block == NULL)
        return pop(pool, 1, size, block_p);
    const range_t *range = find_range(pool, block);
    if (range == NULL)
        return bad_address(pool, block);
    memheap_status_t status = memheap_resize(range->heap, block, size, block_p);
    if (status != MEMHEAP_ERR_NO_MEMORY)
        return status;
    size_t old_size;
    void *moved;
    status = memheap_find_block(range->heap, block, &old_size);
    if (status == MEMHEAP_OK)
        status = pop_except(pool, range, 1, size, &moved);
    if (status != MEMHEAP_OK)
        return MEMHEAP_ERR_NO_MEMORY;
    memcpy(moved, block, memheap_min(old_size, size));
    memheap_free(range->heap, block);
    *block_p = moved;
    return MEMHEAP_OK;
}

memheap_status_t memheap_range_pool_reserve(memheap_range_pool_t *pool,
                                            void *address, size_t size)
{
    const range_t *range = find_range(pool, address);
    return range == NULL ? MEMHEAP_ERR_BAD_ARGUMENT
                         : memheap_reserve(range->heap, address, size);
}
