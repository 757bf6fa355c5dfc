/*
 * Checks of what a plug-in exports (component_check.h).
 */
#include "config.h"

#include "base/component_check.h"
#include "base/registry.h"

#include <string.h>

/* Together, MEMHEAP_<COMPONENT>_<PARAMETER> is shorter than the longest name of
 * a parameter (params.c), and a component's name fits in the stats page. */
enum {
    COMPONENT_NAME = 32,
    PARAM_NAME = 64
};

/* Names become part of the names of variables. */
static bool is_name(const char *name, size_t limit)
{
    if (name == NULL || name[0] == '\0' || strnlen(name, limit) == limit)
        return false;
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static const char *param_problem(const memheap_param_def_t *def)
{
    if (!is_name(def->name, PARAM_NAME))
        return "the name of a parameter is not 1 to 63 lower-case letters, "
               "digits and underscores";
    if (def->unit == NULL || def->default_text == NULL || def->help == NULL)
        return "a parameter has no unit, default or help";
    if ((unsigned)def->type > MEMHEAP_PARAM_FLAG)
        return "a parameter has no known type";
    return NULL;
}

const char *memheap_component_problem(const memheap_component_t *component)
{
    if (!is_name(component->name, COMPONENT_NAME))
        return "its name is not 1 to 31 lower-case letters, digits and "
               "underscores";
    if (component->summary == NULL)
        return "it has no summary";
    if (component->create == NULL)
        return "it has no create()";
    if (component->param_count > MEMHEAP_COMPONENT_PARAM_MAX)
        return "it has more than 16 parameters";
    if (component->params == NULL && component->param_count > 0)
        return "its parameters are missing";
    const char *problem = NULL;
    for (size_t i = 0; i < component->param_count && problem == NULL; i++)
        problem = param_problem(&component->params[i]);
    return problem;
}

const char *memheap_module_problem(const memheap_module_t *module)
{
    const memheap_module_ops_t *ops = module == NULL ? NULL : module->ops;
    if (ops == NULL)
        return "create() returned no module, or one without operations";
    bool missing = ops->alloc == NULL || ops->free == NULL ||
                   ops->size_of == NULL || ops->walk == NULL ||
                   ops->check == NULL || ops->stats == NULL ||
                   ops->destroy == NULL;
    return missing ? "its module lacks an operation" : NULL;
}
