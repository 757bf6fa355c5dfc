/*
 * Opening, selecting and closing components (framework.h).
 */
#include "config.h"

#include "base/framework.h"
#include "base/component_check.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Index of a component by name; MEMHEAP_COMPONENT_MAX if there is none. */
static size_t find_component(const memheap_framework_t *f, const char *name,
                             size_t size)
{
    for (size_t i = 0; i < memheap_framework_count(f); i++) {
        const char *known = memheap_framework_component(f, i)->name;
        if (strlen(known) == size && strncasecmp(known, name, size) == 0)
            return i;
    }
    return MEMHEAP_COMPONENT_MAX;
}

/* The names of all components, for a message. */
static const char *component_names(const memheap_framework_t *f, char *text,
                                   size_t room)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < memheap_framework_count(f) && used < room; i++)
        used += (size_t)snprintf(text + used, room - used, "%s%s",
                                 i == 0 ? "" : ", ",
                                 memheap_framework_component(f, i)->name);
    return text;
}

/* Mark the components that MEMHEAP_COMPONENT allows. */
static memheap_status_t apply_component_list(memheap_framework_t *f,
                                             bool *admitted)
{
    const memheap_param_t *param =
        memheap_params_find(f->params, "MEMHEAP_COMPONENT");
    const char *list = param->text;
    bool excludes = list[0] == '^';
    bool any = false;
    for (size_t i = 0; i < memheap_framework_count(f); i++)
        admitted[i] = excludes || list[0] == '\0';
    for (list += excludes; *list != '\0';) {
        size_t size = strcspn(list, ",");
        size_t named = find_component(f, list, size);
        if (named == MEMHEAP_COMPONENT_MAX) {
            char names[512];
            memheap_log_write(
                f->log, MEMHEAP_LOG_ERROR,
                "no component has the name \"%.*s\" (from %s%s); there are: %s",
                (int)size, list, memheap_param_origin_kind(param),
                param->origin, component_names(f, names, sizeof(names)));
            return MEMHEAP_ERR_BAD_PARAM;
        }
        admitted[named] = !excludes;
        list += size + (list[size] == ',');
    }
    for (size_t i = 0; i < memheap_framework_count(f); i++)
        any = any || admitted[i];
    if (!any) {
        char names[512];
        memheap_log_write(
            f->log, MEMHEAP_LOG_ERROR,
            "%s=\"%s\" leaves no component; there are: %s",
            param->origin[0] == '\0' ? param->name : param->origin, param->text,
            component_names(f, names, sizeof(names)));
        return MEMHEAP_ERR_NO_COMPONENT;
    }
    return MEMHEAP_OK;
}

/* Use the registry's parameters, or a copy with the heap's own arguments. */
static memheap_status_t resolve_params(memheap_framework_t *f,
                                       const char *const *arguments)
{
    f->params = &f->registry->params;
    if (arguments == NULL || arguments[0] == NULL)
        return MEMHEAP_OK;
    f->own_params = memheap_memory_new(f->memory, sizeof(*f->own_params));
    if (f->own_params == NULL) {
        memheap_log_write(f->log, MEMHEAP_LOG_ERROR,
                          "no memory for the parameters of a heap");
        return MEMHEAP_ERR_NO_METADATA;
    }
    f->params = f->own_params;
    return memheap_params_derive(f->own_params, &f->registry->params, arguments,
                                 f->log);
}

static memheap_status_t open_components(memheap_framework_t *f)
{
    bool admitted[MEMHEAP_COMPONENT_MAX];
    memheap_status_t status = apply_component_list(f, admitted);
    if (status != MEMHEAP_OK)
        return status;
    for (size_t i = 0; i < memheap_framework_count(f); i++) {
        f->usable[i] = admitted[i] && memheap_registry_open(i);
        if (admitted[i] && !f->usable[i])
            memheap_log_write(f->log, MEMHEAP_LOG_DEBUG,
                              "component %s declines",
                              memheap_framework_component(f, i)->name);
    }
    return MEMHEAP_OK;
}

memheap_status_t
memheap_framework_open(memheap_framework_t *framework,
                       const memheap_framework_config_t *config)
{
    *framework = (memheap_framework_t){
        .log = config->log == NULL ? &memheap_log_stderr : config->log,
        .memory =
            config->memory == NULL ? &memheap_memory_system : config->memory};
    memheap_status_t status = memheap_registry_acquire(
        config->job, framework->log, &framework->registry);
    if (status != MEMHEAP_OK)
        return status;
    status = resolve_params(framework, config->arguments);
    if (status == MEMHEAP_OK)
        status = open_components(framework);
    if (status != MEMHEAP_OK)
        memheap_framework_close(framework);
    return status;
}

/* Values of a component's own parameters, in the order of its definitions. */
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

/* A component, and its priority before or after create(). */
typedef struct candidate {
    size_t index; /* NO_COMPONENT: none */
    long priority;
} candidate_t;

enum {
    NO_COMPONENT = MEMHEAP_COMPONENT_MAX
};

/* Components are in the order of names, which decides among equals. */
static bool is_better(const candidate_t *a, const candidate_t *b)
{
    return b->index == NO_COMPONENT || a->priority > b->priority ||
           (a->priority == b->priority && a->index < b->index);
}

/* The best component not tried yet; NO_COMPONENT if it cannot be better than
 * `best`. */
static size_t next_candidate(const memheap_framework_t *f, const bool *tried,
                             const candidate_t *best)
{
    candidate_t next = *best;
    for (size_t i = 0; i < memheap_framework_count(f); i++) {
        candidate_t one = {i, 0};
        if (!f->usable[i] || tried[i])
            continue;
        one.priority =
            memheap_framework_priority(f, memheap_framework_component(f, i));
        if (is_better(&one, &next))
            next = one;
    }
    return next.index == best->index ? NO_COMPONENT : next.index;
}

/* Create a module of one component. *module_p stays NULL if it declines. */
static memheap_status_t create_module(const memheap_framework_t *f,
                                      const memheap_component_t *component,
                                      memheap_module_config_t *config,
                                      long *priority_p,
                                      memheap_module_t **module_p)
{
    memheap_value_t values[MEMHEAP_COMPONENT_PARAM_MAX];
    collect_values(f, component, values);
    config->params = values;
    *priority_p = memheap_framework_priority(f, component);
    memheap_status_t status = component->create(config, priority_p, module_p);
    config->params = NULL;
    const char *problem =
        status == MEMHEAP_OK ? memheap_module_problem(*module_p) : NULL;
    if (problem != NULL) {
        memheap_log_write(f->log, MEMHEAP_LOG_WARNING,
                          "component %s is not used: %s", component->name,
                          problem);
        *module_p = NULL;
        return MEMHEAP_OK;
    }
    if (status == MEMHEAP_ERR_UNSUPPORTED) {
        memheap_log_write(f->log, MEMHEAP_LOG_DEBUG,
                          "component %s declines a region of %zu bytes",
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

/* Close all components but one; NO_COMPONENT closes all. */
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
    close_others(framework, NO_COMPONENT);
    framework->selected = component;
    return MEMHEAP_OK;
}

memheap_status_t memheap_framework_select(memheap_framework_t *framework,
                                          memheap_module_config_t *config,
                                          memheap_module_t **module_p)
{
    bool tried[MEMHEAP_COMPONENT_MAX] = {false};
    candidate_t best = {NO_COMPONENT, 0};
    candidate_t one;
    memheap_module_t *best_module = NULL;
    while ((one.index = next_candidate(framework, tried, &best)) !=
           NO_COMPONENT) {
        memheap_module_t *module = NULL;
        tried[one.index] = true;
        memheap_status_t status = create_module(
            framework, memheap_framework_component(framework, one.index),
            config, &one.priority, &module);
        memheap_module_t *loser = module;
        if (status == MEMHEAP_OK && module != NULL && is_better(&one, &best)) {
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
                      "component %s selected with priority %ld",
                      framework->selected->name, best.priority);
    *module_p = best_module;
    return MEMHEAP_OK;
}

void memheap_framework_close_one(memheap_framework_t *framework, size_t index)
{
    if (framework->usable[index])
        memheap_registry_close(index);
    framework->usable[index] = false;
}

void memheap_framework_close(memheap_framework_t *framework)
{
    for (size_t i = 0; i < memheap_framework_count(framework); i++)
        memheap_framework_close_one(framework, i);
    if (framework->own_params != NULL)
        memheap_memory_delete(framework->memory, framework->own_params,
                              sizeof(*framework->own_params));
    memheap_registry_release();
    framework->registry = NULL;
    framework->selected = NULL;
}
