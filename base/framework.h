/*
 * The framework that opens, selects and closes components.
 *
 * The three stages are three calls, and a framework is an object: it holds the
 * parameters and the components that are open. After select() one component
 * is left, the one whose module it returned.
 */
#ifndef MEMHEAP_BASE_FRAMEWORK_H
#define MEMHEAP_BASE_FRAMEWORK_H

#include <memheap/component.h>
#include <memheap/log.h>
#include "base/params.h"

enum {
    MEMHEAP_COMPONENT_MAX = 32,
    MEMHEAP_COMPONENT_PARAM_MAX = 16
};

typedef struct memheap_opened {
    const memheap_component_t *component;
    void *plugin; /* of dlopen(); NULL for one that is built in */
    /** Whether open() succeeded and close() is due. A component that the
     *  user's list leaves out, or that stood aside, is known but not usable. */
    bool usable;
} memheap_opened_t;

typedef struct memheap_framework {
    const memheap_log_t *log;
    size_t count;
    memheap_opened_t opened[MEMHEAP_COMPONENT_MAX];
    const memheap_component_t *selected; /* NULL before select() */
    memheap_params_t params;
} memheap_framework_t;

/** What serves a heap that is guarded; not chosen among the others. */
extern const memheap_component_t memheap_guard_component;

/** What open() is given, beside the environment. All may be NULL or 0. */
typedef struct memheap_framework_config {
    const memheap_log_t *log;          /* NULL: memheap_log_stderr */
    const char *const *arguments;      /* as memheap_params_init() takes them */
    const memheap_param_def_t *params; /* of the caller, for the registry */
    size_t param_count;
} memheap_framework_config_t;

/**
 * Find the components that are built in and those on MEMHEAP_PLUGIN_PATH, read
 * all parameters, and open the components that MEMHEAP_COMPONENT admits.
 *
 * @param framework  uninitialised; needs memheap_framework_close() if, and
 *                   only if, the call succeeds
 * @return MEMHEAP_ERR_BAD_PARAM, MEMHEAP_ERR_NO_COMPONENT; each is logged
 */
memheap_status_t
memheap_framework_open(memheap_framework_t *framework,
                       const memheap_framework_config_t *config);

/**
 * Ask the usable components for a module, from the highest priority down and
 * as long as one of those left could have a higher one than the best so far;
 * keep the best (the first by name among equals), and close the others. With
 * MEMHEAP_GUARD, all are closed, and the module is that of a guarded heap.
 *
 * @param config  its params are filled in by the framework
 * @return MEMHEAP_ERR_NO_COMPONENT, or what the failing component said; logged
 */
memheap_status_t memheap_framework_select(memheap_framework_t *framework,
                                          memheap_module_config_t *config,
                                          memheap_module_t **module_p);

/** Close what is open. No module may be alive. */
void memheap_framework_close(memheap_framework_t *framework);

/** Close one component: the step that select() and close() share. */
void memheap_framework_close_one(memheap_opened_t *opened);

#endif
