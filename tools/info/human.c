/*
 * Prints the output for people: aligned, and wrapped to 80 columns.
 */
#include "config.h"

#include "tools/info/info.h"
#include "base/huge_pages.h"
#include "base/sysinfo.h"
#include "base/numa.h"
#include "base/text.h"
#include "base/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LINE_WIDTH = 79,
    FACT_COLUMN = 18,
    HELP_COLUMN = 6
};

/* Print words from the current column on. Break lines so that they continue in
 * that column. Ends the line. */
static void print_wrapped(const char *text, int column)
{
    int at = column;
    while (*text != '\0') {
        int word = (int)strcspn(text, " ");
        if (at > column && at + 1 + word > LINE_WIDTH) {
            printf("\n%*s", column, "");
            at = column;
        } else if (at > column) {
            putchar(' ');
            at++;
        }
        printf("%.*s", word, text);
        at += word;
        text += word;
        text += strspn(text, " ");
    }
    putchar('\n');
}

static void print_fact(const char *name, const char *text)
{
    printf("  %-*s", FACT_COLUMN - 2, name);
    print_wrapped(text, FACT_COLUMN);
}

static void print_pool(size_t page_size)
{
    char name[MEMHEAP_SIZE_TEXT + 16];
    char size[MEMHEAP_SIZE_TEXT];
    char text[128];
    size_t total;
    size_t unused;
    memheap_sysinfo_huge_pages(page_size, &total, &unused);
    snprintf(name, sizeof(name), "%s pages",
             memheap_format_size(size, page_size));
    if (total == 0)
        snprintf(text, sizeof(text), "none in the pool");
    else
        snprintf(text, sizeof(text), "%zu in the pool, %zu of them free", total,
                 unused);
    print_fact(name, text);
}

static void print_machine(void)
{
    size_t total;
    size_t available;
    memheap_nodes_t nodes;
    char total_text[MEMHEAP_SIZE_TEXT];
    char available_text[MEMHEAP_SIZE_TEXT];
    char text[256];
    memheap_sysinfo_memory(&total, &available);
    puts("\nMachine");
    snprintf(text, sizeof(text), "%s, %s of it available",
             memheap_format_size(total_text, total),
             memheap_format_size(available_text, available));
    print_fact("memory", text);
    snprintf(text, sizeof(text), "%u", memheap_numa_nodes(&nodes));
    print_fact("NUMA nodes", text);
    char name[MEMHEAP_SIZE_TEXT + 16];
    snprintf(name, sizeof(name), "%s pages",
             memheap_format_size(total_text, (size_t)sysconf(_SC_PAGESIZE)));
    snprintf(text, sizeof(text),
             "always; joined to transparent huge pages: %s; those of memory "
             "files: %s",
             memheap_sysinfo_transparent_huge(),
             memheap_sysinfo_transparent_huge_files());
    print_fact(name, text);
    int error = memheap_huge_pages_try();
    snprintf(name, sizeof(name), "%s pages",
             memheap_format_size(total_text,
                                 memheap_sysinfo_transparent_huge_size()));
    snprintf(text, sizeof(text), "transparent, on request: %s%s%s%s",
             error == 0 ? "yes, so symmetric heaps have them" : "no",
             error == 0 ? "" : " (", error == 0 ? "" : strerror(error),
             error == 0 ? "" : ")");
    print_fact(name, text);
    print_pool(2 * MEMHEAP_MIB);
    print_pool(MEMHEAP_GIB);
}

/* The length of the longest component name. */
static int name_width(const memheap_framework_t *framework)
{
    size_t width = 0;
    for (size_t i = 0; i < memheap_framework_count(framework); i++)
        width = memheap_max(
            width, strlen(memheap_framework_component(framework, i)->name));
    return (int)width;
}

static const char *state_of(const memheap_framework_t *framework, size_t i)
{
    if (memheap_framework_component(framework, i) ==
        info_first_choice(framework))
        return "first choice";
    return framework->usable[i] ? "usable" : "left out";
}

static void print_components(const memheap_framework_t *framework)
{
    int width = name_width(framework);
    puts("\nComponents");
    for (size_t i = 0; i < memheap_framework_count(framework); i++) {
        const memheap_component_t *component =
            memheap_framework_component(framework, i);
        printf("  %-*s  priority %3ld  %-12s  ", width, component->name,
               memheap_framework_priority(framework, component),
               state_of(framework, i));
        print_wrapped(component->summary, width + 32);
    }
}

/* Describe the source of a value. */
static void describe_source(const memheap_param_t *param, char *text,
                            size_t room)
{
    switch (param->source) {
    case MEMHEAP_SOURCE_DEFAULT:
        snprintf(text, room, "this is the default");
        return;
    case MEMHEAP_SOURCE_FILE:
        snprintf(text, room, "set in file %s", param->origin);
        return;
    case MEMHEAP_SOURCE_ENVIRONMENT:
        snprintf(text, room, "set by environment variable %s", param->origin);
        return;
    case MEMHEAP_SOURCE_ARGUMENT:
        snprintf(text, room, "set by the program as %s", param->origin);
        return;
    }
}

/* Get the value of a size parameter in bytes; 0 if it depends on the machine or
 * is no size. */
static size_t bytes_of(const memheap_param_t *param)
{
    if (param->def->type == MEMHEAP_PARAM_SIZE)
        return param->value.size;
    return param->def->type == MEMHEAP_PARAM_SHARE && !param->value.share.split
               ? param->value.share.size
               : 0;
}

static void print_param(const memheap_framework_t *framework,
                        const memheap_param_t *param)
{
    char value_text[INFO_VALUE_TEXT];
    char default_text[INFO_VALUE_TEXT];
    char size_text[MEMHEAP_SIZE_TEXT];
    char source[640];
    char line[1024];
    const char *value = info_value(param, value_text);
    const char *otherwise = info_default(framework, param, default_text);
    char *shown = strdup(value[0] == '\0' ? "(unset)" : value);
    printf("  %s = %s", param->name,
           shown == NULL ? "" : memheap_text_clean(shown));
    free(shown);
    size_t bytes = bytes_of(param);
    if (value[0] != '\0' && bytes >= MEMHEAP_KIB)
        printf(" (%s)", memheap_format_size(size_text, bytes));
    printf("\n%*s", HELP_COLUMN, "");
    describe_source(param, source, sizeof(source));
    snprintf(line, sizeof(line), "%s%s%s; %s%s%s", info_type(param),
             param->def->unit[0] == '\0' ? "" : " in ", param->def->unit,
             source,
             param->source == MEMHEAP_SOURCE_DEFAULT ? "" : "; default ",
             param->source == MEMHEAP_SOURCE_DEFAULT ? ""
             : otherwise[0] == '\0'                  ? "(unset)"
                                                     : otherwise);
    print_wrapped(memheap_text_clean(line), HELP_COLUMN);
    printf("%*s", HELP_COLUMN, "");
    print_wrapped(param->def->help, HELP_COLUMN);
}

void info_print_params(const memheap_framework_t *framework, const char *prefix)
{
    const memheap_params_t *params = framework->params;
    for (size_t i = 0; i < params->count; i++) {
        if (info_begins(&params->param[i], prefix))
            print_param(framework, &params->param[i]);
    }
}

void info_print_all(const memheap_framework_t *framework)
{
    puts("memheap " PACKAGE_VERSION);
    print_fact("built with", MEMHEAP_BUILD_OPTIONS);
    print_machine();
    print_components(framework);
    puts("\nParameters");
    info_print_params(framework, "");
}
