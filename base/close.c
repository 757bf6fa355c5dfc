/*
 * Third stage: close components, in any state of the framework.
 */
#include "config.h"

#include "base/framework.h"

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
