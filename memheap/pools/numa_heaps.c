/*
 * The ready-made proximities: a heap for each NUMA node of the machine.
 */
#include "config.h"

#include <memheap/placement.h>
#include "memheap/dependents.h"
#include "base/numa.h"
#include "base/util.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* One node. */
typedef struct place {
    unsigned node;
    memheap_t *heap;
    memheap_proximity_t *near;
} place_t;

struct memheap_numa_heaps {
    size_t bytes; /* of this struct, with its nodes */
    const memheap_memory_t *memory;
    const memheap_log_t *log;
    char name[48];
    memheap_proximity_t *global;
    size_t count;
    place_t place[];
};

/* A node as another one sees it. */
typedef struct neighbour {
    unsigned distance;
    size_t place;
} neighbour_t;

static int compare(const void *a, const void *b)
{
    const neighbour_t *left = a;
    const neighbour_t *right = b;
    if (left->distance != right->distance)
        return left->distance < right->distance ? -1 : 1;
    return left->place < right->place ? -1 : left->place > right->place;
}

static memheap_status_t create_heap(place_t *place,
                                    const memheap_config_t *config)
{
    char name[64];
    memheap_config_t one = *config;
    snprintf(name, sizeof(name), "%s on node %u",
             config->name == NULL ? "heap" : config->name, place->node);
    one.name = name;
    one.policy.numa = MEMHEAP_NUMA_NODE;
    one.policy.numa_node = place->node;
    return memheap_create(&one, &place->heap);
}

/* Make a proximity of all heaps, in the order of a list. */
static memheap_status_t create_proximity(const memheap_numa_heaps_t *places,
                                         const memheap_config_t *config,
                                         const neighbour_t *list,
                                         memheap_search_order_t order,
                                         memheap_source_t *sources,
                                         memheap_proximity_t **proximity_p)
{
    for (size_t i = 0; i < places->count; i++) {
        const place_t *place = &places->place[list[i].place];
        sources[i] =
            (memheap_source_t){.pool = memheap_heap_as_pool(place->heap),
                               .reachability = MEMHEAP_REACH_PE,
                               .node = (int)place->node};
        /* These proximities end with the heaps, and keep none alive. */
        sources[i].pool.dependents = NULL;
    }
    memheap_proximity_config_t one = {.sources = sources,
                                      .count = places->count,
                                      .order = order,
                                      .log = config->log,
                                      .memory = config->memory};
    return memheap_proximity_create(&one, proximity_p);
}

static memheap_status_t create_proximities(memheap_numa_heaps_t *places,
                                           const memheap_config_t *config)
{
    size_t count = places->count;
    size_t bytes = count * (sizeof(memheap_source_t) + sizeof(neighbour_t));
    memheap_source_t *sources = memheap_memory_new(places->memory, bytes);
    if (sources == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    neighbour_t *list = (neighbour_t *)(void *)(sources + count);
    for (size_t i = 0; i < count; i++)
        list[i].place = i;
    memheap_status_t status = create_proximity(
        places, config, list, MEMHEAP_IN_TURN, sources, &places->global);
    for (size_t i = 0; i < count && status == MEMHEAP_OK; i++) {
        place_t *place = &places->place[i];
        for (size_t other = 0; other < count; other++)
            list[other] = (neighbour_t){
                memheap_numa_distance(place->node, places->place[other].node),
                other};
        qsort(list, count, sizeof(*list), compare);
        status = create_proximity(places, config, list, MEMHEAP_NEAREST_FIRST,
                                  sources, &place->near);
    }
    memheap_memory_delete(places->memory, sources, bytes);
    return status;
}

memheap_status_t memheap_numa_heaps_create(const memheap_config_t *config,
                                           memheap_numa_heaps_t **places_p)
{
    static const memheap_config_t standard;
    memheap_nodes_t nodes;
    if (config == NULL)
        config = &standard;
    const memheap_memory_t *memory =
        config->memory == NULL ? &memheap_memory_system : config->memory;
    const memheap_log_t *log =
        config->log == NULL ? &memheap_log_stderr : config->log;
    if (config->base != NULL) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "heaps of several NUMA nodes cannot share the range "
                          "at %p",
                          config->base);
        return MEMHEAP_ERR_BAD_ARGUMENT;
    }
    size_t count = memheap_numa_nodes(&nodes);
    size_t bytes = sizeof(memheap_numa_heaps_t) + count * sizeof(place_t);
    memheap_numa_heaps_t *places = memheap_memory_new(memory, bytes);
    if (places == NULL) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "no memory for what places keep about themselves");
        return MEMHEAP_ERR_NO_METADATA;
    }
    places->bytes = bytes;
    places->memory = memory;
    places->log = log;
    snprintf(places->name, sizeof(places->name), "%s",
             config->name == NULL ? "heap" : config->name);
    memheap_status_t status = MEMHEAP_OK;
    for (unsigned node = 0; places->count < count && status == MEMHEAP_OK;
         node++) {
        if (!memheap_nodes_has(&nodes, node))
            continue;
        place_t *place = &places->place[places->count++];
        place->node = node;
        status = create_heap(place, config);
    }
    if (status == MEMHEAP_OK)
        status = create_proximities(places, config);
    if (status == MEMHEAP_OK)
        *places_p = places;
    else
        memheap_numa_heaps_destroy(places);
    return status;
}

/* Whether something stands on a pool, which may be none. */
static memheap_status_t check_pool(const memheap_numa_heaps_t *places,
                                   const memheap_pool_t *pool,
                                   memheap_status_t status)
{
    return status != MEMHEAP_OK || pool->dependents == NULL
               ? status
               : memheap_dependents_check(pool->dependents, "NUMA heaps",
                                          places->name, places->log);
}

static memheap_status_t check_dependents(const memheap_numa_heaps_t *places)
{
    memheap_status_t status = MEMHEAP_OK;
    memheap_pool_t pool = {.dependents = NULL};
    if (places->global != NULL)
        pool = memheap_proximity_as_pool(places->global, MEMHEAP_REACH_PE);
    status = check_pool(places, &pool, status);
    for (size_t i = 0; i < places->count; i++) {
        const place_t *place = &places->place[i];
        if (place->near == NULL)
            continue; /* not created */
        pool = memheap_proximity_as_pool(place->near, MEMHEAP_REACH_PE);
        status = check_pool(places, &pool, status);
        pool = memheap_heap_as_pool(place->heap);
        status = check_pool(places, &pool, status);
    }
    return status;
}

memheap_status_t memheap_numa_heaps_destroy(memheap_numa_heaps_t *places)
{
    if (places == NULL)
        return MEMHEAP_OK;
    memheap_status_t status = check_dependents(places);
    if (status != MEMHEAP_OK)
        return status;
    memheap_proximity_destroy(places->global);
    for (size_t i = 0; i < places->count; i++) {
        memheap_proximity_destroy(places->place[i].near);
        memheap_destroy(places->place[i].heap);
    }
    memheap_memory_delete(places->memory, places, places->bytes);
    return MEMHEAP_OK;
}

size_t memheap_numa_heaps_count(const memheap_numa_heaps_t *places)
{
    return places->count;
}

int memheap_numa_heaps_node(const memheap_numa_heaps_t *places, size_t i)
{
    return i < places->count ? (int)places->place[i].node : MEMHEAP_NODE_NONE;
}

memheap_t *memheap_numa_heaps_heap(const memheap_numa_heaps_t *places, size_t i)
{
    return i < places->count ? places->place[i].heap : NULL;
}

memheap_proximity_t *
memheap_numa_heaps_proximity(const memheap_numa_heaps_t *places, size_t i)
{
    return i < places->count ? places->place[i].near : NULL;
}

memheap_proximity_t *
memheap_numa_heaps_local(const memheap_numa_heaps_t *places)
{
    unsigned here = memheap_numa_here();
    size_t nearest = 0;
    unsigned least = UINT_MAX;
    for (size_t i = 0; i < places->count; i++) {
        unsigned distance = memheap_numa_distance(here, places->place[i].node);
        if (distance < least) {
            least = distance;
            nearest = i;
        }
    }
    return places->place[nearest].near;
}

memheap_proximity_t *
memheap_numa_heaps_interleaved(const memheap_numa_heaps_t *places)
{
    return places->global;
}
