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
        values[i] = *memheap_params_value(&f->params, name);
    }
}

static long priority_of(const memheap_framework_t *f,
                        const memheap_component_t *component)
{
    char name[128];
    snprintf(name, sizeof(name), "MEMHEAP_%s_PRIORITY", component->name);
    return memheap_params_value(&f->params, name)->integer;
}

/* A component with a priority, its own or what create() made of it. */
typedef struct candidate {
    memheap_opened_t *opened; /* NULL: none */
    long priority;
} candidate_t;

/* Components stand in the order of names, which decides among equals. */
static bool goes_before(const candidate_t *a, const candidate_t *b)
{
    return b->opened == NULL || a->priority > b->priority ||
           (a->priority == b->priority && a->opened < b->opened);
}

/* Of the usable components that were not asked, the one that goes before all
 * others; NULL if the best so far goes before it. */
static memheap_opened_t *next_to_ask(memheap_framework_t *f, const bool *asked,
                                     const candidate_t *best)
{
    candidate_t next = *best;
    for (size_t i = 0; i < f->count; i++) {
        candidate_t one = {&f->opened[i], 0};
        if (!one.opened->usable || asked[i])
            continue;
        one.priority = priority_of(f, one.opened->component);
        if (goes_before(&one, &next))
            next = one;
    }
    return next.opened == best->opened ? NULL : next.opened;
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
    *priority_p = priority_of(f, component);
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

/* The module of a heap that is guarded, whatever else there is. */
static memheap_status_t select_guard(memheap_framework_t *framework,
                                     memheap_module_config_t *config,
                                     memheap_module_t **module_p)
{
    const memheap_component_t *guard = &memheap_guard_component;
    long priority = 0;
    memheap_status_t status = guard->create(config, &priority, module_p);
    if (status != MEMHEAP_OK) {
        memheap_log_write(framework->log, MEMHEAP_LOG_ERROR,
                          "MEMHEAP_GUARD: cannot serve a region of %zu bytes: "
                          "%s",
                          config->max_size, memheap_status_string(status));
        return status;
    }
    for (size_t i = 0; i < framework->count; i++)
        memheap_framework_close_one(&framework->opened[i]);
    framework->selected = guard;
    return MEMHEAP_OK;
}

memheap_status_t memheap_framework_select(memheap_framework_t *framework,
                                          memheap_module_config_t *config,
                                          memheap_module_t **module_p)
{
    bool asked[MEMHEAP_COMPONENT_MAX] = {false};
    candidate_t best = {NULL, 0};
    candidate_t one;
    memheap_module_t *best_module = NULL;
    if (memheap_params_value(&framework->params, "MEMHEAP_GUARD")->boolean)
        return select_guard(framework, config, module_p);
    while ((one.opened = next_to_ask(framework, asked, &best)) != NULL) {
        memheap_module_t *module = NULL;
        asked[one.opened - framework->opened] = true;
        memheap_status_t status = ask(framework, one.opened->component, config,
                                      &one.priority, &module);
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
    for (size_t i = 0; i < framework->count; i++) {
        if (&framework->opened[i] != best.opened)
            memheap_framework_close_one(&framework->opened[i]);
    }
    if (best_module == NULL) {
        memheap_log_write(framework->log, MEMHEAP_LOG_ERROR,
                          "no component can serve a region of %zu bytes",
                          config->size);
        return MEMHEAP_ERR_NO_COMPONENT;
    }
    memheap_log_write(framework->log, MEMHEAP_LOG_DEBUG,
                      "component %s selected, of priority %ld",
                      best.opened->component->name, best.priority);
    framework->selected = best.opened->component;
    *module_p = best_module;
    return MEMHEAP_OK;
}
