/*
 * Gets the values that all output formats show for a parameter or a component.
 */
#include "config.h"

#include "tools/info/info.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *info_value(const memheap_param_t *param, char text[INFO_VALUE_TEXT])
{
    switch (param->def->type) {
    case MEMHEAP_PARAM_STRING:
        return param->text;
    case MEMHEAP_PARAM_INT:
        snprintf(text, INFO_VALUE_TEXT, "%ld", param->value.integer);
        return text;
    case MEMHEAP_PARAM_SIZE:
        if (param->text[0] == '\0')
            return "";
        snprintf(text, INFO_VALUE_TEXT, "%zu", param->value.size);
        return text;
    case MEMHEAP_PARAM_SHARE:
        if (param->text[0] == '\0' || param->value.share.split)
            return param->text;
        snprintf(text, INFO_VALUE_TEXT, "%zu", param->value.share.size);
        return text;
    case MEMHEAP_PARAM_BOOL:
    case MEMHEAP_PARAM_FLAG:
        return param->value.boolean ? "1" : "0";
    }
    return "";
}

static void priority_name(const memheap_component_t *component, char *name,
                          size_t room)
{
    snprintf(name, room, "MEMHEAP_%s_PRIORITY", component->name);
}

const char *info_default(const memheap_framework_t *framework,
                         const memheap_param_t *param,
                         char text[INFO_VALUE_TEXT])
{
    /* The component defines the default of its priority, not the parameter
     * definition. */
    for (size_t i = 0; i < memheap_framework_count(framework); i++) {
        const memheap_component_t *component =
            memheap_framework_component(framework, i);
        char name[128];
        priority_name(component, name, sizeof(name));
        if (strcasecmp(name, param->name) == 0) {
            snprintf(text, INFO_VALUE_TEXT, "%d", component->priority);
            return text;
        }
    }
    return param->def->default_text;
}

const char *info_type(const memheap_param_t *param)
{
    switch (param->def->type) {
    case MEMHEAP_PARAM_STRING:
        return "string";
    case MEMHEAP_PARAM_INT:
        return "integer";
    case MEMHEAP_PARAM_SIZE:
    case MEMHEAP_PARAM_SHARE:
        return "size";
    case MEMHEAP_PARAM_BOOL:
        return "boolean";
    case MEMHEAP_PARAM_FLAG:
        return "flag";
    }
    return "";
}

const char *info_scope(const memheap_param_t *param)
{
    unsigned flags = param->def->flags;
    bool per_pe = (flags & MEMHEAP_PARAM_PER_PE) != 0;
    if ((flags & MEMHEAP_PARAM_JOB) != 0)
        return per_pe ? "job, per PE" : "job";
    if ((flags & MEMHEAP_PARAM_PROCESS) != 0)
        return per_pe ? "process, per PE" : "process";
    return per_pe ? "heap, per PE" : "heap";
}

bool info_begins(const memheap_param_t *param, const char *prefix)
{
    return strncasecmp(param->name, prefix, strlen(prefix)) == 0;
}

const memheap_component_t *
info_first_choice(const memheap_framework_t *framework)
{
    const memheap_component_t *first = NULL;
    for (size_t i = 0; i < memheap_framework_count(framework); i++) {
        const memheap_component_t *component =
            memheap_framework_component(framework, i);
        if (framework->usable[i] &&
            (first == NULL || memheap_framework_priority(framework, component) >
                                  memheap_framework_priority(framework, first)))
            first = component;
    }
    return first;
}
