/*
 * Second stage: one module, of the component with the highest priority.
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

/* Ask one component; *module_p stays NULL if it stands aside. */
static memheap_status_t ask(const memheap_framework_t *f,
                            const memheap_component_t *component,
                            memheap_module_config_t *config, long *priority_p,
                            memheap_module_t **module_p)
{
    char name[128];
    memheap_value_t values[MEMHEAP_COMPONENT_PARAM_MAX];
    collect_values(f, component, values);
    config->params = values;
    snprintf(name, sizeof(name), "MEMHEAP_%s_PRIORITY", component->name);
    *priority_p = memheap_params_value(&f->params, name)->integer;
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

memheap_status_t memheap_framework_select(memheap_framework_t *framework,
                                          memheap_module_config_t *config,
                                          memheap_module_t **module_p)
{
    memheap_module_t *best = NULL;
    memheap_opened_t *best_opened = NULL;
    long best_priority = 0;
    memheap_status_t status = MEMHEAP_OK;
    for (size_t i = 0; i < framework->count && status == MEMHEAP_OK; i++) {
        memheap_opened_t *opened = &framework->opened[i];
        if (!opened->usable)
            continue;
        long priority;
        memheap_module_t *module = NULL;
        status = ask(framework, opened->component, config, &priority, &module);
        if (module != NULL && (best == NULL || priority > best_priority)) {
            if (best != NULL) {
                best->ops->destroy(best);
                memheap_framework_close_one(best_opened);
            }
            best = module;
            best_opened = opened;
            best_priority = priority;
        } else {
            if (module != NULL)
                module->ops->destroy(module);
            memheap_framework_close_one(opened);
        }
    }
    if (status != MEMHEAP_OK) {
        if (best != NULL)
            best->ops->destroy(best);
        return status;
    }
    if (best == NULL) {
        memheap_log_write(framework->log, MEMHEAP_LOG_ERROR,
                          "no component can serve a region of %zu bytes",
                          config->size);
        return MEMHEAP_ERR_NO_COMPONENT;
    }
    memheap_log_write(framework->log, MEMHEAP_LOG_DEBUG,
                      "component %s selected, of priority %ld",
                      best_opened->component->name, best_priority);
    framework->selected = best_opened->component;
    *module_p = best;
    return MEMHEAP_OK;
}
