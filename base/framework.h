/*
 * The framework: opens, selects and closes components.
 *
 * Each heap has its own. open() finds the components that the heap may use and
 * resolves its parameters. select() returns a module and keeps its component.
 * close() releases both. The registry holds what all heaps share.
 */
#ifndef MEMHEAP_BASE_FRAMEWORK_H
#define MEMHEAP_BASE_FRAMEWORK_H

#include "base/registry.h"

#include <memheap/memory.h>

typedef struct memheap_framework {
    const memheap_log_t *log;
    const memheap_registry_t *registry;
    const memheap_params_t *params;      /* of the registry, or own_params */
    memheap_params_t *own_params;        /* NULL: the heap has no arguments */
    const memheap_memory_t *memory;      /* source of own_params */
    const memheap_component_t *selected; /* NULL before select() */
    /** Whether the heap may use a component, by its index in the registry. */
    bool usable[MEMHEAP_COMPONENT_MAX];
} memheap_framework_t;

/** Arguments of memheap_framework_open(). Members may be NULL or false. */
typedef struct memheap_framework_config {
    const memheap_log_t *log;       /* NULL: memheap_log_stderr */
    const memheap_memory_t *memory; /* NULL: memheap_memory_system */
    const char *const *arguments;   /* "NAME=VALUE", terminated by NULL */
    bool job;                       /* also read the parameters of jobs */
} memheap_framework_config_t;

/**
 * Acquire the registry, resolve the parameters, and open the components that
 * MEMHEAP_COMPONENT allows.
 *
 * @param framework  uninitialized; to be closed only if the call succeeds
 * @return MEMHEAP_ERR_BAD_PARAM, MEMHEAP_ERR_NO_COMPONENT,
 *     MEMHEAP_ERR_NO_METADATA; logged
 */
memheap_status_t
memheap_framework_open(memheap_framework_t *framework,
                       const memheap_framework_config_t *config);

/**
 * Create a module of the component with the highest priority, and close the
 * other components. Components are tried from the highest priority down.
 * create() may lower a priority, so the search ends when no component left can
 * have a higher one than the best module so far. The first by name wins among
 * equals.
 *
 * @param config  the framework fills in its params
 * @return MEMHEAP_ERR_NO_COMPONENT, or the status of a component that failed;
 *     logged
 */
memheap_status_t memheap_framework_select(memheap_framework_t *framework,
                                          memheap_module_config_t *config,
                                          memheap_module_t **module_p);

/** Create a module of a given component and close all others. The component
 *  has no parameters and needs no open(). Errors as
 *  memheap_framework_select(). */
memheap_status_t memheap_framework_use(memheap_framework_t *framework,
                                       const memheap_component_t *component,
                                       memheap_module_config_t *config,
                                       memheap_module_t **module_p);

/** Close the components and release the registry. No module may exist. */
void memheap_framework_close(memheap_framework_t *framework);

/** Stop using a component. */
void memheap_framework_close_one(memheap_framework_t *framework, size_t index);

/** Number of components, usable or not. */
static inline size_t
memheap_framework_count(const memheap_framework_t *framework)
{
    return framework->registry->count;
}

/** A component by its index, in the order of names. */
static inline const memheap_component_t *
memheap_framework_component(const memheap_framework_t *framework, size_t index)
{
    return framework->registry->known[index].component;
}

/** Priority of a component: MEMHEAP_<COMPONENT>_PRIORITY, or its own default.
 */
long memheap_framework_priority(const memheap_framework_t *framework,
                                const memheap_component_t *component);

#endif
