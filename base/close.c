/*
 * Third stage: close components, in any state of the framework.
 *
 * Plug-ins are unloaded last of all, since parameters name their definitions.
 */
#include "config.h"

#include "base/framework.h"

#include <dlfcn.h>

void memheap_framework_close_one(memheap_opened_t *opened)
{
    if (opened->usable && opened->component->close != NULL)
        opened->component->close();
    opened->usable = false;
}

void memheap_framework_close(memheap_framework_t *framework)
{
    for (size_t i = 0; i < framework->count; i++)
        memheap_framework_close_one(&framework->opened[i]);
    framework->params.count = 0;
    for (size_t i = 0; i < framework->count; i++) {
        if (framework->opened[i].plugin != NULL)
            dlclose(framework->opened[i].plugin);
    }
    framework->count = 0;
    framework->selected = NULL;
}
