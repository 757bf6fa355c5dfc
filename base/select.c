/*
 * Second stage: one module, of the component with the highest priority.
 *
 * Components are asked from the highest priority down, and none whose own is no
 * higher than that of the best module so far: create() may lower a priority,
 * not raise it. So a component that would not be chosen costs nothing, and
 * cannot fail.
 */
#include "config.h"

#include "base/framework.h"

#include <stdio.h>

/* The values of a component's own parameters, in the order it wants. */
static void collect_values(const memheap_framework_t *f,
                           const memheap_component_t *component,
                           memheap_value_t *values)
{
    for (size_t i = 0; i < component->param_count; i++) {
        char name[128];
        snprintf(name, sizeof(name), "MEMHEAP_%s_%s", component->name,
                 component->params[i].name);
        values[i] = *memheap_params_value(f->params, name);
    }
}

long memheap_framework_priority(const memheap_framework_t *framework,
                                const memheap_component_t *component)
{
    char name[128];
    snprintf(name, sizeof(name), "MEMHEAP_%s_PRIORITY", component->name);
    return memheap_params_value(framework->params, name)->integer;
}

/* A component with a priority, its own or what create() made of it. */
typedef struct candidate {
    size_t index; /* NONE: no component */
    long priority;
} candidate_t;

enum {
    NONE = MEMHEAP_COMPONENT_MAX
};

/* Components stand in the order of names, which decides among equals. */
static bool goes_before(const candidate_t *a, const candidate_t *b)
{
    return b->index == NONE || a->priority > b->priority ||
           (a->priority == b->priority && a->index < b->index);
}

/* Of the usable components that were not asked, the one that goes before all
 * others; NONE if the best so far goes before it. */
static size_t next_to_ask(const memheap_framework_t *f, const bool *asked,
                          const candidate_t *best)
{
    candidate_t next = *best;
    for (size_t i = 0; i < memheap_framework_count(f); i++) {
        candidate_t one = {i, 0};
        if (!f->usable[i] || asked[i])
            continue;
        one.priority =
            memheap_framework_priority(f, memheap_framework_component(f, i));
        if (goes_before(&one, &next))
            next = one;
    }
    return next.index == best->index ? NONE : next.index;
}

/* Ask one component; *module_p stays NULL if it stands aside. */
static memheap_status_t ask(const memheap_framework_t *f,
                            const memheap_component_t *component,
                            memheap_module_config_t *config, long *priority_p,
                            memheap_module_t **module_p)
{
    memheap_value_t values[MEMHEAP_COMPONENT_PARAM_MAX];
    collect_values(f, component, values);
    config->params = values;
    *priority_p = memheap_framework_priority(f, component);
    memheap_status_t status = component->create(config, priority_p, module_p);
    config->params = NULL;
    if (status == MEMHEAP_ERR_UNSUPPORTED) {
        memheap_log_write(f->log, MEMHEAP_LOG_DEBUG,
                          "component %s stands aside for a region of %zu bytes",
                          component->name, config->size);
        return MEMHEAP_OK;
    }
    if (status != MEMHEAP_OK) {
        char size[MEMHEAP_SIZE_TEXT];
        memheap_log_write(f->log, MEMHEAP_LOG_ERROR,
                          "component %s cannot serve a region of %s: %s",
                          component->name,
                          memheap_format_size(size, config->max_size),
                          memheap_status_string(status));
    }
    return status;
}

/* Keep one component; NONE closes all. */
static void close_others(memheap_framework_t *framework, size_t kept)
{
    for (size_t i = 0; i < memheap_framework_count(framework); i++) {
        if (i != kept)
            memheap_framework_close_one(framework, i);
    }
}

memheap_status_t memheap_framework_use(memheap_framework_t *framework,
                                       const memheap_component_t *component,
                                       memheap_module_config_t *config,
                                       memheap_module_t **module_p)
{
    long priority = 0;
    memheap_status_t status = component->create(config, &priority, module_p);
    if (status != MEMHEAP_OK) {
        memheap_log_write(framework->log, MEMHEAP_LOG_ERROR,
                          "component %s cannot serve a region of %zu bytes: %s",
                          component->name, config->max_size,
                          memheap_status_string(status));
        return status;
    }
    close_others(framework, NONE);
    framework->selected = component;
    return MEMHEAP_OK;
}

memheap_status_t memheap_framework_select(memheap_framework_t *framework,
                                          memheap_module_config_t *config,
                                          memheap_module_t **module_p)
{
    bool asked[MEMHEAP_COMPONENT_MAX] = {false};
    candidate_t best = {NONE, 0};
    candidate_t one;
    memheap_module_t *best_module = NULL;
    while ((one.index = next_to_ask(framework, asked, &best)) != NONE) {
        memheap_module_t *module = NULL;
        asked[one.index] = true;
        memheap_status_t status =
            ask(framework, memheap_framework_component(framework, one.index),
                config, &one.priority, &module);
        memheap_module_t *loser = module;
        if (status == MEMHEAP_OK && module != NULL &&
            goes_before(&one, &best)) {
            loser = best_module;
            best = one;
            best_module = module;
        }
        if (status != MEMHEAP_OK)
            loser = best_module;
        if (loser != NULL)
            loser->ops->destroy(loser);
        if (status != MEMHEAP_OK)
            return status;
    }
    close_others(framework, best.index);
    if (best_module == NULL) {
        memheap_log_write(framework->log, MEMHEAP_LOG_ERROR,
                          "no component can serve a region of %zu bytes",
                          config->size);
        return MEMHEAP_ERR_NO_COMPONENT;
    }
    framework->selected = memheap_framework_component(framework, best.index);
    memheap_log_write(framework->log, MEMHEAP_LOG_DEBUG,
                      "component %s selected, of priority %ld",
                      framework->selected->name, best.priority);
    *module_p = best_module;
    return MEMHEAP_OK;
}
