/*
 * First stage: use the registry, resolve the parameters of one heap, and open
 * the components that it may use.
 */
#include "config.h"

#include "base/framework.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The index of a component; MEMHEAP_COMPONENT_MAX if none has that name. */
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

/* Mark the components that MEMHEAP_COMPONENT admits. */
static memheap_status_t apply_list(memheap_framework_t *f, bool *admitted)
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
                "no component has the name \"%.*s\" (from %s); there are: %s",
                (int)size, list, param->origin,
                component_names(f, names, sizeof(names)));
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

/* The registry's parameters, or a copy with the heap's own arguments. */
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
    memheap_status_t status = apply_list(f, admitted);
    if (status != MEMHEAP_OK)
        return status;
    for (size_t i = 0; i < memheap_framework_count(f); i++) {
        f->usable[i] = admitted[i] && memheap_registry_open(i);
        if (admitted[i] && !f->usable[i])
            memheap_log_write(f->log, MEMHEAP_LOG_DEBUG,
                              "component %s stands aside",
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
