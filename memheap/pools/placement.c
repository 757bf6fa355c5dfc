/*
 * Proximities: selecting a source for a request.
 *
 * A proximity does not change but for its turns, which are atomic, so it needs
 * no lock. To find the source of a block it asks the sources: there is no table
 * of blocks.
 */
#include "config.h"

#include <memheap/placement.h>
#include "memheap/dependents.h"
#include "memheap/pools/fallback.h"
#include "base/text.h"
#include "base/util.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
    REACHABILITIES = MEMHEAP_REACH_SYSTEM + MEMHEAP_REACH_DEVICE + 1
};

/* The state of a proximity as a pool: requests have this reachability. */
typedef struct view {
    memheap_proximity_t *proximity;
    unsigned reachability;
} view_t;

struct memheap_proximity {
    size_t bytes; /* of this struct with the arrays behind it */
    memheap_search_order_t order;
    const memheap_log_t *log;
    const memheap_memory_t *memory;
    atomic_size_t turns[REACHABILITIES];
    view_t views[REACHABILITIES];
    memheap_dependents_t dependents;
    memheap_dependent_t *source_dependents; /* on the pool of each source */
    char name[48];
    size_t count;
    memheap_source_t sources[];
};

/* Whether a bit set is a reachability: PE, node and system include one another.
 */
static bool is_reachability(unsigned reachability)
{
    unsigned pes = reachability & MEMHEAP_REACH_SYSTEM;
    return reachability != 0 && reachability < REACHABILITIES &&
           (pes == 0 || pes == MEMHEAP_REACH_PE || pes == MEMHEAP_REACH_NODE ||
            pes == MEMHEAP_REACH_SYSTEM);
}

/* Whether a source serves requests of a reachability. A source with collective
 * calls does only if the request is of the same PEs. */
static bool serves(const memheap_source_t *source, unsigned reachability)
{
    unsigned callers = MEMHEAP_REACH_SYSTEM;
    return (source->reachability & reachability) == reachability &&
           (!source->collective ||
            (source->reachability & callers) == (reachability & callers));
}

static bool is_valid_source(const memheap_source_t *source)
{
    const memheap_pool_t *pool = &source->pool;
    return pool->pop != NULL && pool->push != NULL && pool->getsize != NULL &&
           is_reachability(source->reachability);
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
    while (bad < config->count && is_valid_source(&config->sources[bad]))
        bad++;
    if (config->count == 0 || bad < config->count ||
        config->order > MEMHEAP_IN_TURN) {
        memheap_log_write(
            log, MEMHEAP_LOG_ERROR,
            "proximity: bad configuration of %zu sources: it needs "
            "at least one, each with three functions and a "
            "reachability, and a search order",
            config->count);
        return MEMHEAP_ERR_BAD_ARGUMENT;
    }
    size_t sources = config->count * sizeof(memheap_source_t);
    size_t bytes = sizeof(memheap_proximity_t) + sources +
                   config->count * sizeof(memheap_dependent_t);
    memheap_proximity_t *proximity = memheap_memory_new(memory, bytes);
    if (proximity == NULL) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "no memory for the metadata of a proximity");
        return MEMHEAP_ERR_NO_METADATA;
    }
    proximity->bytes = bytes;
    proximity->order = config->order;
    proximity->log = log;
    proximity->memory = memory;
    proximity->count = config->count;
    memheap_text_copy(proximity->name, sizeof(proximity->name),
                      config->name == NULL ? "proximity" : config->name);
    memcpy(proximity->sources, config->sources, sources);
    proximity->source_dependents =
        (memheap_dependent_t *)(void *)(proximity->sources + config->count);
    for (size_t i = 0; i < config->count; i++)
        memheap_dependents_add(&proximity->sources[i].pool,
                               &proximity->source_dependents[i], "proximity",
                               proximity->name);
    for (unsigned reachability = 0; reachability < REACHABILITIES;
         reachability++)
        proximity->views[reachability] = (view_t){proximity, reachability};
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
        memheap_dependents_remove(&proximity->source_dependents[i]);
    memheap_memory_delete(proximity->memory, proximity, proximity->bytes);
    return MEMHEAP_OK;
}

/* The source to try first. Turns count only sources that serve such requests,
 * so each of them is first equally often. */
static size_t first_source(memheap_proximity_t *proximity,
                           unsigned reachability)
{
    size_t serving = 0;
    if (proximity->order == MEMHEAP_NEAREST_FIRST)
        return 0;
    for (size_t i = 0; i < proximity->count; i++)
        serving += serves(&proximity->sources[i], reachability);
    if (serving == 0)
        return 0;
    size_t turn = atomic_fetch_add_explicit(&proximity->turns[reachability], 1,
                                            memory_order_relaxed) %
                  serving;
    size_t i = 0;
    for (;; i++) {
        if (serves(&proximity->sources[i], reachability) && turn-- == 0)
            return i;
    }
}

memheap_status_t memheap_placement_alloc(memheap_proximity_t *proximity,
                                         size_t align, size_t size,
                                         unsigned reachability, void **block_p)
{
    if (size == 0 || !memheap_is_power_of_two(align) ||
        !is_reachability(reachability))
        return MEMHEAP_ERR_BAD_ARGUMENT;
    memheap_status_t status = MEMHEAP_ERR_UNREACHABLE;
    size_t first = first_source(proximity, reachability);
    for (size_t i = 0; i < proximity->count; i++) {
        size_t at = (first + i) % proximity->count;
        const memheap_source_t *source = &proximity->sources[at];
        if (!serves(source, reachability))
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

/* The source of a block, or NULL. */
static const memheap_source_t *find_source(const memheap_proximity_t *proximity,
                                           const void *block, size_t *size_p)
{
    for (size_t i = 0; i < proximity->count; i++) {
        const memheap_source_t *source = &proximity->sources[i];
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
    const memheap_source_t *source = find_source(proximity, block, &size);
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
    const memheap_source_t *source = find_source(proximity, block, &size);
    if (source == NULL)
        return MEMHEAP_ERR_BAD_ADDRESS;
    if (size_p != NULL)
        *size_p = size;
    if (source_p != NULL)
        *source_p = (size_t)(source - proximity->sources);
    return MEMHEAP_OK;
}

const memheap_source_t *
memheap_proximity_source(const memheap_proximity_t *proximity, size_t i)
{
    return i < proximity->count ? &proximity->sources[i] : NULL;
}

static memheap_status_t pop(void *state, size_t align, size_t size,
                            void **block_p)
{
    const view_t *view = state;
    return memheap_placement_alloc(view->proximity, align, size,
                                   view->reachability, block_p);
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

/* Agree through the first collective source that serves the reachability. */
static memheap_status_t agree(void *state, memheap_status_t mine)
{
    const view_t *view = state;
    const memheap_proximity_t *proximity = view->proximity;
    for (size_t i = 0; i < proximity->count; i++) {
        const memheap_source_t *source = &proximity->sources[i];
        if (source->collective && serves(source, view->reachability))
            return memheap_pool_agree(&source->pool, mine);
    }
    return mine;
}

memheap_pool_t memheap_proximity_as_pool(memheap_proximity_t *proximity,
                                         unsigned reachability)
{
    return (memheap_pool_t){
        .pop = pop,
        .push = push,
        .getsize = getsize,
        .state =
            &proximity->views[is_reachability(reachability) ? reachability : 0],
        .agree = agree,
        .dependents = &proximity->dependents};
}
