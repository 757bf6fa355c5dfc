/*
 * The registry: what all heaps of a process share, which is the parameters from
 * the environment and the list of components.
 *
 * Uses are counted. The first use reads the environment and loads the plug-ins;
 * the end of the last use unloads them. A component's open() runs when the
 * first heap may use it, its close() after the last. One lock covers all calls.
 */
#ifndef MEMHEAP_BASE_REGISTRY_H
#define MEMHEAP_BASE_REGISTRY_H

#include "base/params.h"

#include <memheap/component.h>

enum {
    MEMHEAP_COMPONENT_MAX = 32,
    MEMHEAP_COMPONENT_PARAM_MAX = 16
};

/** A known component. */
typedef struct memheap_known {
    const memheap_component_t *component;
    void *plugin;   /* from dlopen(); NULL if built in */
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
 * Acquire the registry, and load it on first use.
 *
 * @param job         also read the parameters of jobs
 * @param registry_p  the registry, read-only
 * @return MEMHEAP_ERR_BAD_PARAM, logged
 */
memheap_status_t
memheap_registry_acquire(bool job, const memheap_log_t *log,
                         const memheap_registry_t **registry_p);

/** Release the registry. */
void memheap_registry_release(void);

/** Use a component by index. Returns false if its open() fails. */
bool memheap_registry_open(size_t index);

/** End the use of a component. */
void memheap_registry_close(size_t index);

#endif
