/*
 * What all heaps of a process share: the parameters that the environment sets,
 * and the components that there are.
 *
 * Users are counted. The first one reads the environment and opens the
 * plug-ins; the last one closes them. A component's open() runs when the first
 * heap may use it, its close() after the last. One lock covers all calls.
 */
#ifndef MEMHEAP_BASE_REGISTRY_H
#define MEMHEAP_BASE_REGISTRY_H

#include "base/params.h"

#include <memheap/component.h>

enum {
    MEMHEAP_COMPONENT_MAX = 32,
    MEMHEAP_COMPONENT_PARAM_MAX = 16
};

/** A component that is known. */
typedef struct memheap_known {
    const memheap_component_t *component;
    void *plugin;   /* of dlopen(); NULL for one that is built in */
    unsigned users; /* heaps that may use it; open() ran if not 0 */
} memheap_known_t;

typedef struct memheap_registry {
    unsigned users;
    bool has_job;             /* the parameters of jobs were read */
    const memheap_log_t *log; /* while loading */
    size_t count;
    memheap_known_t known[MEMHEAP_COMPONENT_MAX]; /* in the order of names */
    memheap_params_t params;
} memheap_registry_t;

/**
 * Use the registry; load it if this is its first user.
 *
 * @param job  read the parameters of jobs too
 * @param registry_p  takes the registry, to be read only
 * @return MEMHEAP_ERR_BAD_PARAM, logged
 */
memheap_status_t
memheap_registry_acquire(bool job, const memheap_log_t *log,
                         const memheap_registry_t **registry_p);

/** End the use that memheap_registry_acquire() began. */
void memheap_registry_release(void);

/** Use the component with an index. @return false if its open() refuses */
bool memheap_registry_open(size_t index);

/** End that use. */
void memheap_registry_close(size_t index);

#endif
