/*
 * Proximities: which source a request goes to.
 *
 * A proximity never changes once it is made, but for its turns, so that threads
 * need no lock here. Whose block an address is, the sources are asked: no table
 * of blocks is kept.
 */
#include "config.h"

#include <memheap/placement.h>
#include "memheap/dependents.h"
#include "memheap/pools/fallback.h"
#include "base/util.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
    SETS = MEMHEAP_REACH_SYSTEM + MEMHEAP_REACH_DEVICE + 1
};

/* A proximity as the pool of one reachability, which is its place in the
 * proximity's list of these. */
typedef struct view {
    memheap_proximity_t *proximity;
    unsigned reach;
} view_t;

struct memheap_proximity {
    size_t bytes; /* of this struct, with its sources */
    memheap_search_order_t order;
    const memheap_log_t *log;
    const memheap_memory_t *memory;
    atomic_size_t turn[SETS];
    view_t view[SETS];
    memheap_dependents_t dependents;
    memheap_dependent_t *self; /* on the pool of each source */
    char name[48];
    size_t count;
    memheap_source_t source[];
};

/* Whether a number is a set of those who reach memory. */
static bool is_set(unsigned reach)
{
    unsigned near = reach & MEMHEAP_REACH_SYSTEM;
    return reach != 0 && reach < SETS &&
           (near == 0 || near == MEMHEAP_REACH_PE ||
            near == MEMHEAP_REACH_NODE || near == MEMHEAP_REACH_SYSTEM);
}

static bool serves(const memheap_source_t *source, unsigned reach)
{
    unsigned callers = MEMHEAP_REACH_SYSTEM;
    return (source->reachability & reach) == reach &&
           (!source->collective ||
            (source->reachability & callers) == (reach & callers));
}

static bool is_source(const memheap_source_t *source)
{
    const memheap_pool_t *pool = &source->pool;
    return pool->pop != NULL && pool->push != NULL && pool->getsize != NULL &&
           is_set(source->reachability);
}

memheap_status_t
memheap_proximity_create(const memheap_proximity_config_t *config,
                         memheap_proximity_t **proximity_p)
{
    const memheap_memory_t *memory =
        config->memory == NULL ? &memheap_memory_system : config->memory;
    const memheap_log_t *log =
        config->log == NULL ? &memheap_log_stderr : config->log;
    size_t bad = 0;
    while (bad < config->count && is_source(&config->sources[bad]))
        bad++;
    if (config->count == 0 || bad < config->count ||
        config->order > MEMHEAP_IN_TURN) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "no proximity can be made of %zu sources: one at "
                          "least, each with its three functions and a "
                          "reachability, in an order that there is",
                          config->count);
        return MEMHEAP_ERR_BAD_ARGUMENT;
    }
    size_t sources = config->count * sizeof(memheap_source_t);
    size_t bytes = sizeof(memheap_proximity_t) + sources +
                   config->count * sizeof(memheap_dependent_t);
    memheap_proximity_t *proximity = memheap_memory_new(memory, bytes);
    if (proximity == NULL) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "no memory for what a proximity keeps about itself");
        return MEMHEAP_ERR_NO_METADATA;
    }
    proximity->bytes = bytes;
    proximity->order = config->order;
    proximity->log = log;
    proximity->memory = memory;
    proximity->count = config->count;
    snprintf(proximity->name, sizeof(proximity->name), "%s",
             config->name == NULL ? "proximity" : config->name);
    memcpy(proximity->source, config->sources, sources);
    proximity->self =
        (memheap_dependent_t *)(void *)(proximity->source + config->count);
    for (size_t i = 0; i < config->count; i++)
        memheap_dependents_add(&proximity->source[i].pool, &proximity->self[i],
                               "proximity", proximity->name);
    for (unsigned reach = 0; reach < SETS; reach++)
        proximity->view[reach] = (view_t){proximity, reach};
    *proximity_p = proximity;
    return MEMHEAP_OK;
}

memheap_status_t memheap_proximity_destroy(memheap_proximity_t *proximity)
{
    if (proximity == NULL)
        return MEMHEAP_OK;
    memheap_status_t status = memheap_dependents_check(
        &proximity->dependents, "proximity", proximity->name, proximity->log);
    if (status != MEMHEAP_OK)
        return status;
    for (size_t i = 0; i < proximity->count; i++)
        memheap_dependents_remove(&proximity->self[i]);
    memheap_memory_delete(proximity->memory, proximity, proximity->bytes);
    return MEMHEAP_OK;
}

/* The source that a request begins with. Turns go by the sources that serve
 * such requests, so that each of them has as many as the others. */
static size_t first_of(memheap_proximity_t *proximity, unsigned reach)
{
    size_t serving = 0;
    if (proximity->order == MEMHEAP_NEAREST_FIRST)
        return 0;
    for (size_t i = 0; i < proximity->count; i++)
        serving += serves(&proximity->source[i], reach);
    if (serving == 0)
        return 0;
    size_t turn = atomic_fetch_add_explicit(&proximity->turn[reach], 1,
                                            memory_order_relaxed) %
                  serving;
    size_t i = 0;
    for (;; i++) {
        if (serves(&proximity->source[i], reach) && turn-- == 0)
            return i;
    }
}

memheap_status_t memheap_placement_alloc(memheap_proximity_t *proximity,
                                         size_t align, size_t size,
                                         unsigned reach, void **block_p)
{
    if (size == 0 || !memheap_is_power_of_two(align) || !is_set(reach))
        return MEMHEAP_ERR_BAD_ARGUMENT;
    memheap_status_t status = MEMHEAP_ERR_UNREACHABLE;
    size_t first = first_of(proximity, reach);
    for (size_t i = 0; i < proximity->count; i++) {
        size_t at = (first + i) % proximity->count;
        const memheap_source_t *source = &proximity->source[at];
        if (!serves(source, reach))
            continue;
        memheap_status_t one =
            source->pool.pop(source->pool.state, align, size, block_p);
        if (!memheap_fallback_is_allowed(one))
            return one;
        status = status == MEMHEAP_ERR_UNREACHABLE
                     ? one
                     : memheap_fallback_status(status, one);
    }
    return status;
}

void *memheap_placement_malloc(memheap_proximity_t *proximity, size_t align,
                               size_t size, unsigned reachability)
{
    void *block;
    return memheap_placement_alloc(proximity, align, size, reachability,
                                   &block) == MEMHEAP_OK
               ? block
               : NULL;
}

/* The source of a block; NULL if it is none's. */
static const memheap_source_t *source_of(const memheap_proximity_t *proximity,
                                         const void *block, size_t *size_p)
{
    for (size_t i = 0; i < proximity->count; i++) {
        const memheap_source_t *source = &proximity->source[i];
        if (source->pool.getsize(source->pool.state, block, size_p) ==
            MEMHEAP_OK)
            return source;
    }
    return NULL;
}

memheap_status_t memheap_placement_free(memheap_proximity_t *proximity,
                                        void *block)
{
    if (block == NULL)
        return MEMHEAP_OK;
    size_t size;
    const memheap_source_t *source = source_of(proximity, block, &size);
    if (source != NULL)
        return source->pool.push(source->pool.state, block);
    memheap_log_write(
        proximity->log, MEMHEAP_LOG_ERROR,
        "memheap_placement_free: %p is no block of any of the %zu "
        "sources",
        block, proximity->count);
    return MEMHEAP_ERR_BAD_ADDRESS;
}

memheap_status_t memheap_placement_query(memheap_proximity_t *proximity,
                                         const void *block, size_t *size_p,
                                         size_t *source_p)
{
    size_t size;
    const memheap_source_t *source = source_of(proximity, block, &size);
    if (source == NULL)
        return MEMHEAP_ERR_BAD_ADDRESS;
    if (size_p != NULL)
        *size_p = size;
    if (source_p != NULL)
        *source_p = (size_t)(source - proximity->source);
    return MEMHEAP_OK;
}

const memheap_source_t *
memheap_proximity_source(const memheap_proximity_t *proximity, size_t i)
{
    return i < proximity->count ? &proximity->source[i] : NULL;
}

static memheap_status_t pop(void *state, size_t align, size_t size,
                            void **block_p)
{
    const view_t *view = state;
    return memheap_placement_alloc(view->proximity, align, size, view->reach,
                                   block_p);
}

static memheap_status_t push(void *state, void *block)
{
    const view_t *view = state;
    return memheap_placement_free(view->proximity, block);
}

static memheap_status_t getsize(void *state, const void *block, size_t *size_p)
{
    const view_t *view = state;
    return memheap_placement_query(view->proximity, block, size_p, NULL);
}

/* Through the first source that is called by all of those who are asked for. */
static memheap_status_t agree(void *state, memheap_status_t mine)
{
    const view_t *view = state;
    const memheap_proximity_t *proximity = view->proximity;
    for (size_t i = 0; i < proximity->count; i++) {
        const memheap_source_t *source = &proximity->source[i];
        if (source->collective && serves(source, view->reach))
            return memheap_pool_agree(&source->pool, mine);
    }
    return mine;
}

memheap_pool_t memheap_proximity_as_pool(memheap_proximity_t *proximity,
                                         unsigned reach)
{
    return (memheap_pool_t){.pop = pop,
                            .push = push,
                            .getsize = getsize,
                            .state =
                                &proximity->view[is_set(reach) ? reach : 0],
                            .agree = agree,
                            .dependents = &proximity->dependents};
}
