/*
 * Prints the output for scripts, one fact per line:
 *
 *      key:...:value
 *
 * The value comes last and may contain colons. A line break in it is written as
 * \n, a backslash as \\. The man page documents the keys, and they do not
 * change.
 */
#include "config.h"

#include "tools/info/info.h"
#include "base/huge_pages.h"
#include "base/sysinfo.h"
#include "base/numa.h"
#include "base/text.h"
#include "base/util.h"

#include <stdio.h>
#include <unistd.h>

/* Print a value and end the line. */
static void print_value(const char *value)
{
    while (*value != '\0') {
        size_t length = memheap_text_char(value);
        bool raw = length > 0 && !memheap_text_is_control(value);
        length = memheap_max(length, 1);
        if (*value == '\n')
            fputs("\\n", stdout);
        else if (*value == '\\')
            fputs("\\\\", stdout);
        else if (raw)
            fwrite(value, 1, length, stdout);
        else
            for (size_t i = 0; i < length; i++)
                printf("\\x%02x", (unsigned char)value[i]);
        value += length;
    }
    putchar('\n');
}

static void print_of(const char *kind, const char *name, const char *key,
                     const char *value)
{
    printf("%s:%s:%s:", kind, name, key);
    print_value(value);
}

static void print_pages(size_t page_size)
{
    size_t total;
    size_t unused;
    memheap_sysinfo_huge_pages(page_size, &total, &unused);
    printf("machine:huge_pages:%zu:total:%zu\n", page_size, total);
    printf("machine:huge_pages:%zu:free:%zu\n", page_size, unused);
}

static void print_machine(void)
{
    size_t total;
    size_t available;
    memheap_nodes_t nodes;
    memheap_sysinfo_memory(&total, &available);
    printf("machine:memory:total:%zu\n", total);
    printf("machine:memory:available:%zu\n", available);
    printf("machine:numa_nodes:%u\n", memheap_numa_nodes(&nodes));
    printf("machine:page_size:%ld\n", sysconf(_SC_PAGESIZE));
    printf("machine:transparent_huge_pages:%s\n",
           memheap_sysinfo_transparent_huge());
    printf("machine:transparent_huge_files:%s\n",
           memheap_sysinfo_transparent_huge_files());
    printf("machine:huge_pages_on_request:%s\n",
           memheap_huge_pages_try() == 0 ? "yes" : "no");
    print_pages(2 * MEMHEAP_MIB);
    print_pages(MEMHEAP_GIB);
}

static void print_component(const memheap_framework_t *framework, size_t i)
{
    const memheap_component_t *component =
        memheap_framework_component(framework, i);
    char priority[INFO_VALUE_TEXT];
    snprintf(priority, sizeof(priority), "%ld",
             memheap_framework_priority(framework, component));
    print_of("component", component->name, "priority", priority);
    print_of("component", component->name, "usable",
             framework->usable[i] ? "yes" : "no");
    print_of("component", component->name, "plugin",
             framework->registry->known[i].plugin == NULL ? "no" : "yes");
    print_of("component", component->name, "summary", component->summary);
}

static void print_param(const memheap_framework_t *framework,
                        const memheap_param_t *param)
{
    char text[INFO_VALUE_TEXT];
    const char *name = param->name;
    print_of("param", name, "value", info_value(param, text));
    print_of("param", name, "type", info_type(param));
    print_of("param", name, "unit", param->def->unit);
    print_of("param", name, "default", info_default(framework, param, text));
    print_of("param", name, "source", memheap_param_source_name(param->source));
    print_of("param", name, "origin", param->origin);
    print_of("param", name, "scope", info_scope(param));
    print_of("param", name, "old_name",
             param->def->old_name == NULL ? "" : param->def->old_name);
    print_of("param", name, "help", param->def->help);
}

void info_parsable_params(const memheap_framework_t *framework,
                          const char *prefix)
{
    const memheap_params_t *params = framework->params;
    for (size_t i = 0; i < params->count; i++) {
        if (info_begins(&params->param[i], prefix))
            print_param(framework, &params->param[i]);
    }
}

void info_parsable_all(const memheap_framework_t *framework)
{
    const memheap_component_t *first = info_first_choice(framework);
    fputs("version:", stdout);
    print_value(PACKAGE_VERSION);
    fputs("build:", stdout);
    print_value(MEMHEAP_BUILD_OPTIONS);
    print_machine();
    for (size_t i = 0; i < memheap_framework_count(framework); i++)
        print_component(framework, i);
    fputs("first_choice:", stdout);
    print_value(first == NULL ? "" : first->name);
    info_parsable_params(framework, "");
}
