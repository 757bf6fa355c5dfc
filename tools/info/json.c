/*
 * Prints the output as JSON. The man page documents the keys, and they do not
 * change.
 */
#include "config.h"

#include "base/json.h"
#include "tools/info/info.h"
#include "base/huge_pages.h"
#include "base/sysinfo.h"
#include "base/numa.h"
#include "base/util.h"

#include <unistd.h>

static void write_pool(memheap_json_t *json, size_t page_size)
{
    size_t total;
    size_t unused;
    memheap_sysinfo_huge_pages(page_size, &total, &unused);
    memheap_json_object(json, NULL);
    memheap_json_number(json, "page_size", page_size);
    memheap_json_number(json, "total", total);
    memheap_json_number(json, "free", unused);
    memheap_json_end(json);
}

static void write_machine(memheap_json_t *json)
{
    size_t total;
    size_t available;
    memheap_nodes_t nodes;
    memheap_sysinfo_memory(&total, &available);
    memheap_json_object(json, "machine");
    memheap_json_number(json, "memory_total", total);
    memheap_json_number(json, "memory_available", available);
    memheap_json_number(json, "numa_nodes", memheap_numa_nodes(&nodes));
    memheap_json_number(json, "page_size", (uint64_t)sysconf(_SC_PAGESIZE));
    memheap_json_string(json, "transparent_huge_pages",
                        memheap_sysinfo_transparent_huge());
    memheap_json_string(json, "transparent_huge_files",
                        memheap_sysinfo_transparent_huge_files());
    memheap_json_bool(json, "huge_pages_on_request",
                      memheap_huge_pages_try() == 0);
    memheap_json_array(json, "huge_pages");
    write_pool(json, 2 * MEMHEAP_MIB);
    write_pool(json, MEMHEAP_GIB);
    memheap_json_end(json);
    memheap_json_end(json);
}

static void write_component(memheap_json_t *json,
                            const memheap_framework_t *framework, size_t i)
{
    const memheap_component_t *component =
        memheap_framework_component(framework, i);
    memheap_json_object(json, NULL);
    memheap_json_string(json, "name", component->name);
    memheap_json_real(json, "priority",
                      (double)memheap_framework_priority(framework, component),
                      0);
    memheap_json_bool(json, "usable", framework->usable[i]);
    memheap_json_bool(json, "plugin",
                      framework->registry->known[i].plugin != NULL);
    memheap_json_string(json, "summary", component->summary);
    memheap_json_end(json);
}

static void write_param(memheap_json_t *json,
                        const memheap_framework_t *framework,
                        const memheap_param_t *param)
{
    char text[INFO_VALUE_TEXT];
    memheap_json_object(json, NULL);
    memheap_json_string(json, "name", param->name);
    memheap_json_string(json, "value", info_value(param, text));
    memheap_json_string(json, "type", info_type(param));
    memheap_json_string(json, "unit", param->def->unit);
    memheap_json_string(json, "default", info_default(framework, param, text));
    memheap_json_string(json, "source",
                        memheap_param_source_name(param->source));
    memheap_json_string(json, "origin", param->origin);
    memheap_json_string(json, "scope", info_scope(param));
    memheap_json_string(json, "old_name",
                        param->def->old_name == NULL ? ""
                                                     : param->def->old_name);
    memheap_json_string(json, "help", param->def->help);
    memheap_json_end(json);
}

void info_json(const memheap_framework_t *framework, const char *prefix)
{
    memheap_json_t json = {.file = stdout};
    const memheap_component_t *first = info_first_choice(framework);
    memheap_json_object(&json, NULL);
    if (prefix == NULL) {
        memheap_json_string(&json, "version", PACKAGE_VERSION);
        memheap_json_string(&json, "build", MEMHEAP_BUILD_OPTIONS);
        write_machine(&json);
        memheap_json_array(&json, "components");
        for (size_t i = 0; i < memheap_framework_count(framework); i++)
            write_component(&json, framework, i);
        memheap_json_end(&json);
        if (first == NULL)
            memheap_json_null(&json, "first_choice");
        else
            memheap_json_string(&json, "first_choice", first->name);
    }
    memheap_json_array(&json, "parameters");
    for (size_t i = 0; i < framework->params->count; i++) {
        const memheap_param_t *param = &framework->params->param[i];
        if (info_begins(param, prefix == NULL ? "" : prefix))
            write_param(&json, framework, param);
    }
    memheap_json_end(&json);
    memheap_json_end(&json);
}
