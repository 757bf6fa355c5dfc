/*
 * The framework that opens, selects and closes components.
 *
 * Each heap has a framework of its own. open() finds the components that the
 * heap may use and resolves its parameters; select() keeps the one whose module
 * it returns; close() ends both. What heaps share lies in the registry.
 */
#ifndef MEMHEAP_BASE_FRAMEWORK_H
#define MEMHEAP_BASE_FRAMEWORK_H

#include "base/registry.h"

#include <memheap/memory.h>

typedef struct memheap_framework {
    const memheap_log_t *log;
    const memheap_registry_t *registry;
    const memheap_params_t *params;      /* the registry's, or own_params */
    memheap_params_t *own_params;        /* NULL: the heap has no arguments */
    const memheap_memory_t *memory;      /* of own_params */
    const memheap_component_t *selected; /* NULL before select() */
    /** Components by their index in the registry: may the heap use it? */
    bool usable[MEMHEAP_COMPONENT_MAX];
} memheap_framework_t;

/** What memheap_framework_open() is given. All may be NULL or 0. */
typedef struct memheap_framework_config {
    const memheap_log_t *log;       /* NULL: memheap_log_stderr */
    const memheap_memory_t *memory; /* NULL: memheap_memory_system */
    const char *const *arguments;   /* "NAME=VALUE" up to a NULL */
    bool job;                       /* read the parameters of jobs too */
} memheap_framework_config_t;

/**
 * Use the registry, resolve the parameters, and open the components that
 * MEMHEAP_COMPONENT admits.
 *
 * @param framework  uninitialised; needs memheap_framework_close() if, and
 *                   only if, the call succeeds
 * @return MEMHEAP_ERR_BAD_PARAM, MEMHEAP_ERR_NO_COMPONENT,
 *         MEMHEAP_ERR_NO_METADATA; logged
 */
memheap_status_t
memheap_framework_open(memheap_framework_t *framework,
                       const memheap_framework_config_t *config);

/**
 * Ask the usable components for a module, from the highest priority down, as
 * long as one of those left could have a higher one than the best so far. Keep
 * the best, the first by name among equals, and close the others.
 *
 * @param config  its params are filled in by the framework
 * @return MEMHEAP_ERR_NO_COMPONENT, or the status of the component that failed;
 *         logged
 */
memheap_status_t memheap_framework_select(memheap_framework_t *framework,
                                          memheap_module_config_t *config,
                                          memheap_module_t **module_p);

/** Make a module of one component, whatever the priorities, and close the
 *  others. The component has no parameters and needs no open(). Errors as
 *  memheap_framework_select(). */
memheap_status_t memheap_framework_use(memheap_framework_t *framework,
                                       const memheap_component_t *component,
                                       memheap_module_config_t *config,
                                       memheap_module_t **module_p);

/** Close what is open, and end the use of the registry. No module may be
 *  alive. */
void memheap_framework_close(memheap_framework_t *framework);

/** Stop using a component. select() and close() share this step. */
void memheap_framework_close_one(memheap_framework_t *framework, size_t index);

/** Components that there are, usable or not. */
static inline size_t
memheap_framework_count(const memheap_framework_t *framework)
{
    return framework->registry->count;
}

/** The component with an index, in the order of names. */
static inline const memheap_component_t *
memheap_framework_component(const memheap_framework_t *framework, size_t index)
{
    return framework->registry->known[index].component;
}

/** A component's priority: MEMHEAP_<COMPONENT>_PRIORITY, or its own. */
long memheap_framework_priority(const memheap_framework_t *framework,
                                const memheap_component_t *component);

#endif
