/*
 * A heap for each NUMA node, and proximities over these heaps: one for each
 * node, nearest heap first, and one that takes the heaps in turn.
 */
#include "config.h"

#include <memheap/placement.h>
#include "memheap/dependents.h"
#include "base/numa.h"
#include "base/text.h"
#include "base/util.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* The heap of a node. */
typedef struct numa_heap {
    unsigned node;
    memheap_t *heap;
    memheap_proximity_t *proximity; /* the heaps, from this node */
} numa_heap_t;

struct memheap_numa_heaps {
    size_t bytes; /* of this struct with its entries */
    const memheap_memory_t *memory;
    const memheap_log_t *log;
    char name[48];
    memheap_proximity_t *interleaved; /* the heaps in turn */
    size_t count;
    numa_heap_t each[];
};

/* A node in the order of another one. */
typedef struct neighbour {
    unsigned distance;
    size_t index; /* of its heap */
} neighbour_t;

static int compare(const void *a, const void *b)
{
    const neighbour_t *left = a;
    const neighbour_t *right = b;
    if (left->distance != right->distance)
        return left->distance < right->distance ? -1 : 1;
    return left->index < right->index ? -1 : left->index > right->index;
}

static memheap_status_t create_heap(numa_heap_t *entry,
                                    const memheap_config_t *config)
{
    char name[64];
    memheap_config_t one = *config;
    snprintf(name, sizeof(name), "%s on node %u",
             config->name == NULL ? "heap" : config->name, entry->node);
    one.name = name;
    one.policy.numa = MEMHEAP_NUMA_NODE;
    one.policy.numa_node = entry->node;
    return memheap_create(&one, &entry->heap);
}

/* Create a proximity of all heaps, in the order of a list. */
static memheap_status_t create_proximity(const memheap_numa_heaps_t *heaps,
                                         const memheap_config_t *config,
                                         const neighbour_t *list,
                                         memheap_search_order_t order,
                                         memheap_source_t *sources,
                                         memheap_proximity_t **proximity_p)
{
    for (size_t i = 0; i < heaps->count; i++) {
        const numa_heap_t *entry = &heaps->each[list[i].index];
        sources[i] =
            (memheap_source_t){.pool = memheap_heap_as_pool(entry->heap),
                               .reachability = MEMHEAP_REACH_PE,
                               .node = (int)entry->node};
        /* These proximities are destroyed with the heaps. */
        sources[i].pool.dependents = NULL;
    }
    memheap_proximity_config_t one = {.sources = sources,
                                      .count = heaps->count,
                                      .order = order,
                                      .log = config->log,
                                      .memory = config->memory};
    return memheap_proximity_create(&one, proximity_p);
}

static memheap_status_t create_proximities(memheap_numa_heaps_t *heaps,
                                           const memheap_config_t *config)
{
    size_t count = heaps->count;
    size_t bytes = count * (sizeof(memheap_source_t) + sizeof(neighbour_t));
    memheap_source_t *sources = memheap_memory_new(heaps->memory, bytes);
    if (sources == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    neighbour_t *list = (neighbour_t *)(void *)(sources + count);
    for (size_t i = 0; i < count; i++)
        list[i].index = i;
    memheap_status_t status = create_proximity(
        heaps, config, list, MEMHEAP_IN_TURN, sources, &heaps->interleaved);
    for (size_t i = 0; i < count && status == MEMHEAP_OK; i++) {
        numa_heap_t *entry = &heaps->each[i];
        for (size_t other = 0; other < count; other++)
            list[other] = (neighbour_t){
                memheap_numa_distance(entry->node, heaps->each[other].node),
                other};
        qsort(list, count, sizeof(*list), compare);
        status = create_proximity(heaps, config, list, MEMHEAP_NEAREST_FIRST,
                                  sources, &entry->proximity);
    }
    memheap_memory_delete(heaps->memory, sources, bytes);
    return status;
}

memheap_status_t memheap_numa_heaps_create(const memheap_config_t *config,
                                           memheap_numa_heaps_t **heaps_p)
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
    size_t bytes = sizeof(memheap_numa_heaps_t) + count * sizeof(numa_heap_t);
    memheap_numa_heaps_t *heaps = memheap_memory_new(memory, bytes);
    if (heaps == NULL) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "no memory for the metadata of the NUMA heaps");
        return MEMHEAP_ERR_NO_METADATA;
    }
    heaps->bytes = bytes;
    heaps->memory = memory;
    heaps->log = log;
    memheap_text_copy(heaps->name, sizeof(heaps->name),
                      config->name == NULL ? "heap" : config->name);
    memheap_status_t status = MEMHEAP_OK;
    for (unsigned node = 0; heaps->count < count && status == MEMHEAP_OK;
         node++) {
        if (!memheap_nodes_has(&nodes, node))
            continue;
        numa_heap_t *entry = &heaps->each[heaps->count++];
        entry->node = node;
        status = create_heap(entry, config);
    }
    if (status == MEMHEAP_OK)
        status = create_proximities(heaps, config);
    if (status == MEMHEAP_OK)
        *heaps_p = heaps;
    else
        memheap_numa_heaps_destroy(heaps);
    return status;
}

/* Check for dependents of a pool, if no earlier check failed. */
static memheap_status_t check_pool(const memheap_numa_heaps_t *heaps,
                                   const memheap_pool_t *pool,
                                   memheap_status_t status)
{
    return status != MEMHEAP_OK || pool->dependents == NULL
               ? status
               : memheap_dependents_check(pool->dependents, "NUMA heaps",
                                          heaps->name, heaps->log);
}

static memheap_status_t check_dependents(const memheap_numa_heaps_t *heaps)
{
    memheap_status_t status = MEMHEAP_OK;
    memheap_pool_t pool = {.dependents = NULL};
    if (heaps->interleaved != NULL)
        pool = memheap_proximity_as_pool(heaps->interleaved, MEMHEAP_REACH_PE);
    status = check_pool(heaps, &pool, status);
    for (size_t i = 0; i < heaps->count; i++) {
        const numa_heap_t *entry = &heaps->each[i];
        if (entry->proximity == NULL)
            continue; /* not created */
        pool = memheap_proximity_as_pool(entry->proximity, MEMHEAP_REACH_PE);
        status = check_pool(heaps, &pool, status);
        pool = memheap_heap_as_pool(entry->heap);
        status = check_pool(heaps, &pool, status);
    }
    return status;
}

memheap_status_t memheap_numa_heaps_destroy(memheap_numa_heaps_t *heaps)
{
    if (heaps == NULL)
        return MEMHEAP_OK;
    memheap_status_t status = check_dependents(heaps);
    if (status != MEMHEAP_OK)
        return status;
    memheap_proximity_destroy(heaps->interleaved);
    for (size_t i = 0; i < heaps->count; i++) {
        memheap_proximity_destroy(heaps->each[i].proximity);
        memheap_destroy(heaps->each[i].heap);
    }
    memheap_memory_delete(heaps->memory, heaps, heaps->bytes);
    return MEMHEAP_OK;
}

size_t memheap_numa_heaps_count(const memheap_numa_heaps_t *heaps)
{
    return heaps->count;
}

int memheap_numa_heaps_node(const memheap_numa_heaps_t *heaps, size_t i)
{
    return i < heaps->count ? (int)heaps->each[i].node : MEMHEAP_NODE_NONE;
}

memheap_t *memheap_numa_heaps_heap(const memheap_numa_heaps_t *heaps, size_t i)
{
    return i < heaps->count ? heaps->each[i].heap : NULL;
}

memheap_proximity_t *
memheap_numa_heaps_proximity(const memheap_numa_heaps_t *heaps, size_t i)
{
    return i < heaps->count ? heaps->each[i].proximity : NULL;
}

memheap_proximity_t *memheap_numa_heaps_local(const memheap_numa_heaps_t *heaps)
{
    unsigned here = memheap_numa_here();
    size_t nearest = 0;
    unsigned min_distance = UINT_MAX;
    for (size_t i = 0; i < heaps->count; i++) {
        unsigned distance = memheap_numa_distance(here, heaps->each[i].node);
        if (distance < min_distance) {
            min_distance = distance;
            nearest = i;
        }
    }
    return heaps->each[nearest].proximity;
}

memheap_proximity_t *
memheap_numa_heaps_interleaved(const memheap_numa_heaps_t *heaps)
{
    return heaps->interleaved;
}
