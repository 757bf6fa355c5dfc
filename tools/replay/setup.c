/*
 * Loads traces and finds components. Errors are returned and not printed,
 * because only PE 0 prints.
 */
#include "config.h"

#include "tools/replay/setup.h"
#include "base/util.h"
#include "tools/replay/digest.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool no_memory(char *message)
{
    snprintf(message, SETUP_MESSAGE, "there is no memory for the traces");
    return false;
}

/* A log sink that stores the message. */
static void keep_message(void *context, memheap_log_level_t level,
                         const char *message)
{
    (void)level;
    snprintf(context, SETUP_MESSAGE, "%s", message);
}

/* Store the usable components by descending priority. */
static void take_components(setup_t *setup,
                            const memheap_framework_t *framework)
{
    long priorities[MEMHEAP_COMPONENT_MAX];
    for (size_t i = 0; i < memheap_framework_count(framework); i++) {
        const memheap_component_t *component =
            memheap_framework_component(framework, i);
        if (!framework->usable[i])
            continue;
        long priority = memheap_framework_priority(framework, component);
        size_t at = setup->subject_count++;
        for (; at > 0 && priorities[at - 1] < priority; at--) {
            priorities[at] = priorities[at - 1];
            setup->subjects[at] = setup->subjects[at - 1];
        }
        subject_t *subject = &setup->subjects[at];
        priorities[at] = priority;
        *subject = (subject_t){.value = ""};
        snprintf(subject->component, SETUP_NAME, "%s", component->name);
        snprintf(subject->name, SETUP_NAME, "%s", component->name);
    }
}

/* Find the component that owns the varied parameter. */
static subject_t *find_owner(setup_t *setup)
{
    for (size_t i = 0; i < setup->subject_count; i++) {
        char start[SETUP_NAME + 16];
        int size = snprintf(start, sizeof(start), "MEMHEAP_%s_",
                            setup->subjects[i].component);
        if (strncasecmp(setup->vary, start, (size_t)size) == 0)
            return &setup->subjects[i];
    }
    return NULL;
}

/* Replace the subject of the parameter's component by one subject for each
 * value. */
static bool vary(setup_t *setup, const char *list, char *message)
{
    size_t size = strcspn(list, "=");
    snprintf(setup->vary, sizeof(setup->vary), "%.*s", (int)size, list);
    for (char *c = setup->vary; *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
    subject_t *owner = find_owner(setup);
    if (owner == NULL || list[size] == '\0') {
        snprintf(message, SETUP_MESSAGE,
                 "--param wants NAME=VALUE,VALUE..., with a parameter of a "
                 "component that is compared, not \"%s\"",
                 list);
        return false;
    }
    size_t values = 1;
    for (const char *c = list + size; *c != '\0'; c++)
        values += *c == ',';
    size_t room = sizeof(setup->subjects) / sizeof(setup->subjects[0]);
    if (values > room - setup->subject_count) {
        snprintf(message, SETUP_MESSAGE, "--param has too many values");
        return false;
    }
    const subject_t component = *owner;
    const subject_t *end = setup->subjects + setup->subject_count;
    memmove(owner + values, owner + 1,
            (size_t)(end - owner - 1) * sizeof(*owner));
    setup->subject_count += values - 1;
    for (size_t i = 0; i < values; i++) {
        list += size + 1;
        size = strcspn(list, ",");
        owner[i] = component;
        snprintf(owner[i].value, SETUP_NAME, "%.*s", (int)size, list);
        snprintf(owner[i].name, sizeof(owner[i].name), "%s:%s",
                 component.component, owner[i].value);
    }
    return true;
}

/* Test whether the library accepts all values of the varied parameter. */
static bool values_are_good(const setup_t *setup, char *message)
{
    const memheap_log_t log = {keep_message, message, MEMHEAP_LOG_ERROR};
    for (size_t i = 0; i < setup->subject_count; i++) {
        char argument[4 * SETUP_NAME];
        const char *arguments[] = {argument, NULL};
        memheap_framework_t framework;
        memheap_framework_config_t config = {.log = &log,
                                             .arguments = arguments};
        if (setup->subjects[i].value[0] == '\0')
            continue;
        snprintf(argument, sizeof(argument), "%s=%s", setup->vary,
                 setup->subjects[i].value);
        if (memheap_framework_open(&framework, &config) != MEMHEAP_OK)
            return false;
        memheap_framework_close(&framework);
    }
    return true;
}

static bool find_components(setup_t *setup, const char *list, char *message)
{
    const memheap_log_t log = {keep_message, message, MEMHEAP_LOG_ERROR};
    char argument[512];
    const char *arguments[] = {list == NULL ? NULL : argument, NULL};
    memheap_framework_t framework;
    memheap_framework_config_t config = {.log = &log, .arguments = arguments};
    if (list != NULL &&
        snprintf(argument, sizeof(argument), "MEMHEAP_COMPONENT=%s", list) >=
            (int)sizeof(argument)) {
        snprintf(message, SETUP_MESSAGE, "the list of components is too long");
        return false;
    }
    if (memheap_framework_open(&framework, &config) != MEMHEAP_OK)
        return false;
    take_components(setup, &framework);
    memheap_framework_close(&framework);
    if (setup->subject_count == 0)
        snprintf(message, SETUP_MESSAGE, "no component is usable");
    return setup->subject_count > 0;
}

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name);
    size_t size = strlen(end);
    return length > size && strcmp(name + length - size, end) == 0;
}

static int is_trace(const struct dirent *entry)
{
    return ends_with(entry->d_name, ".sht") ||
           ends_with(entry->d_name, ".sht.xz");
}

static bool load(setup_t *setup, const char *path, size_t limit, char *message)
{
    if (!trace_load(&setup->traces[setup->trace_count], path, limit, message,
                    SETUP_MESSAGE))
        return false;
    setup->trace_count++;
    return true;
}

/* Load the traces of a folder in the order of their names. */
static bool load_folder(setup_t *setup, const options_t *options, char *message)
{
    struct dirent **entries;
    int count = scandir(options->trace_dir, &entries, is_trace, alphasort);
    if (count <= 0) {
        if (count == 0)
            free(entries);
        snprintf(message, SETUP_MESSAGE,
                 "there are no traces (*.sht, *.sht.xz) in %s; name some, or "
                 "their folder with --traces DIR",
                 options->trace_dir);
        return false;
    }
    setup->traces = calloc((size_t)count, sizeof(*setup->traces));
    bool good = setup->traces != NULL || no_memory(message);
    for (int i = 0; i < count; i++) {
        char path[4096];
        if (good && snprintf(path, sizeof(path), "%s/%s", options->trace_dir,
                             entries[i]->d_name) < (int)sizeof(path))
            good = load(setup, path, options->operations, message);
        free(entries[i]);
    }
    free(entries);
    return good;
}

static bool load_traces(setup_t *setup, const options_t *options, char *message)
{
    if (options->trace_count == 0)
        return load_folder(setup, options, message);
    setup->traces = calloc(options->trace_count, sizeof(*setup->traces));
    if (setup->traces == NULL)
        return no_memory(message);
    for (size_t i = 0; i < options->trace_count; i++) {
        if (!load(setup, options->traces[i], options->operations, message))
            return false;
    }
    return true;
}

static uint64_t digest_of(const setup_t *setup)
{
    uint64_t digest = 0;
    for (size_t i = 0; i < setup->trace_count; i++) {
        const trace_t *trace = &setup->traces[i];
        digest = digest_add(digest, trace->count);
        for (size_t j = 0; j < trace->count; j++) {
            const trace_op_t *op = &trace->ops[j];
            digest = digest_add(digest, op->size);
            digest = digest_add(digest, (uint64_t)op->slot << 16 |
                                            (uint64_t)op->kind << 8 |
                                            op->align_order);
        }
    }
    for (size_t i = 0; i < setup->subject_count; i++) {
        for (const char *c = setup->subjects[i].name; *c != '\0'; c++)
            digest = digest_add(digest, (unsigned char)*c);
    }
    return digest;
}

bool setup_make(setup_t *setup, const options_t *options, char *message)
{
    *setup = (setup_t){.digest = 0};
    if (!find_components(setup, options->components, message) ||
        (options->vary != NULL && (!vary(setup, options->vary, message) ||
                                   !values_are_good(setup, message))) ||
        !load_traces(setup, options, message))
        return false;
    size_t slots = 1;
    for (size_t i = 0; i < setup->trace_count; i++)
        slots = memheap_max(slots, setup->traces[i].slots);
    setup->blocks = calloc(slots, sizeof(*setup->blocks));
    if (setup->blocks == NULL)
        return no_memory(message);
    setup->digest = digest_of(setup);
    return true;
}

void setup_free(setup_t *setup)
{
    for (size_t i = 0; i < setup->trace_count; i++)
        trace_free(&setup->traces[i]);
    free(setup->traces);
    free(setup->blocks);
}

void setup_choose(const setup_t *setup, const subject_t *subject)
{
    setenv("MEMHEAP_COMPONENT", subject->component, 1);
    if (subject->value[0] != '\0')
        setenv(setup->vary, subject->value, 1);
}
