/*
 * The output for programs that read JSON. The keys are documented in the man
 * page, and stay.
 */
#include "config.h"

#include "tools/common/json.h"
#include "tools/info/info.h"
#include "base/sysinfo.h"
#include "base/numa.h"
#include "base/util.h"

#include <unistd.h>

static void write_pool(json_t *json, size_t page_size)
{
    size_t total;
    size_t unused;
    memheap_sysinfo_huge_pages(page_size, &total, &unused);
    json_object(json, NULL);
    json_number(json, "page_size", page_size);
    json_number(json, "total", total);
    json_number(json, "free", unused);
    json_end(json);
}

static void write_machine(json_t *json)
{
    size_t total;
    size_t available;
    memheap_nodes_t nodes;
    memheap_sysinfo_memory(&total, &available);
    json_object(json, "machine");
    json_number(json, "memory_total", total);
    json_number(json, "memory_available", available);
    json_number(json, "numa_nodes", memheap_numa_nodes(&nodes));
    json_number(json, "page_size", (uint64_t)sysconf(_SC_PAGESIZE));
    json_string(json, "transparent_huge_pages",
                memheap_sysinfo_transparent_huge());
    json_string(json, "transparent_huge_files",
                memheap_sysinfo_transparent_huge_files());
    json_array(json, "huge_pages");
    write_pool(json, 2 * MEMHEAP_MIB);
    write_pool(json, MEMHEAP_GIB);
    json_end(json);
    json_end(json);
}

static void write_component(json_t *json, const memheap_framework_t *framework,
                            size_t i)
{
    const memheap_component_t *component =
        memheap_framework_component(framework, i);
    json_object(json, NULL);
    json_string(json, "name", component->name);
    json_real(json, "priority",
              (double)memheap_framework_priority(framework, component), 0);
    json_bool(json, "usable", framework->usable[i]);
    json_bool(json, "plugin", framework->registry->known[i].plugin != NULL);
    json_string(json, "summary", component->summary);
    json_end(json);
}

static void write_param(json_t *json, const memheap_framework_t *framework,
                        const memheap_param_t *param)
{
    char text[INFO_VALUE_TEXT];
    json_object(json, NULL);
    json_string(json, "name", param->name);
    json_string(json, "value", info_value(param, text));
    json_string(json, "type", info_type(param));
    json_string(json, "unit", param->def->unit);
    json_string(json, "default", info_default(framework, param, text));
    json_string(json, "source", memheap_param_source_name(param->source));
    json_string(json, "origin", param->origin);
    json_string(json, "scope", info_scope(param));
    json_string(json, "old_name",
                param->def->old_name == NULL ? "" : param->def->old_name);
    json_string(json, "help", param->def->help);
    json_end(json);
}

void info_json(const memheap_framework_t *framework, const char *prefix)
{
    json_t json = {.file = stdout};
    const memheap_component_t *first = info_first_choice(framework);
    json_object(&json, NULL);
    if (prefix == NULL) {
        json_string(&json, "version", PACKAGE_VERSION);
        json_string(&json, "build", MEMHEAP_BUILD_OPTIONS);
        write_machine(&json);
        json_array(&json, "components");
        for (size_t i = 0; i < memheap_framework_count(framework); i++)
            write_component(&json, framework, i);
        json_end(&json);
        if (first == NULL)
            json_null(&json, "first_choice");
        else
            json_string(&json, "first_choice", first->name);
    }
    json_array(&json, "parameters");
    for (size_t i = 0; i < framework->params->count; i++) {
        const memheap_param_t *param = &framework->params->param[i];
        if (info_begins(param, prefix == NULL ? "" : prefix))
            write_param(&json, framework, param);
    }
    json_end(&json);
    json_end(&json);
}
