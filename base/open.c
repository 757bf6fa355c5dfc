/*
 * First stage: find components, read parameters, open what may be used.
 *
 * Components are known first and opened later, since the parameters of all of
 * them must be known before a misspelt one can be told from another's.
 */
#include "config.h"

#include "base/framework.h"
#include "base/pages.h"
#include "base/util.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define MEMHEAP_STATIC_COMPONENT(name)                                         \
    extern const memheap_component_t memheap_##name##_component;
#include "base/static-components.h"
#undef MEMHEAP_STATIC_COMPONENT

static const memheap_component_t *const built_in[] = {
#define MEMHEAP_STATIC_COMPONENT(name) &memheap_##name##_component,
#include "base/static-components.h"
#undef MEMHEAP_STATIC_COMPONENT
};

/* Read on their own, before the others: they say where others come from. */
static const memheap_param_def_t source_params[] = {
    {.name = "MEMHEAP_PARAM_FILE",
     .type = MEMHEAP_PARAM_STRING,
     .unit = "",
     .default_text = "",
     .help = "file of lines NAME = VALUE; the environment is stronger"},
};

static const char *const shown[] = {"job", "all", "none", NULL};

static const memheap_param_def_t base_params[] = {
    {.name = "MEMHEAP_PLUGIN_PATH",
     .type = MEMHEAP_PARAM_STRING,
     .unit = "",
     .default_text = "",
     .help = "folders and shared objects with more components, split by :"},
    {.name = "MEMHEAP_COMPONENT",
     .type = MEMHEAP_PARAM_STRING,
     .unit = "",
     .default_text = "",
     .help = "the component to use, or a list (a,b) to choose from, or ^ and "
             "a list to leave out"},
    {.name = "MEMHEAP_CHECK",
     .type = MEMHEAP_PARAM_BOOL,
     .unit = "",
     .default_text = "0",
     .help = "test all metadata after every operation; fill new blocks with "
             "0xA5 and freed ones with 0xDD"},
    {.name = "MEMHEAP_CHECKERS",
     .type = MEMHEAP_PARAM_BOOL,
     .unit = "",
     .default_text = "1",
     .help = "tell valgrind's memcheck and AddressSanitizer of blocks, where "
             "one of them runs"},
    {.name = "MEMHEAP_GUARD",
     .type = MEMHEAP_PARAM_BOOL,
     .unit = "",
     .default_text = "0",
     .help = "put each block on pages of its own with one behind it that "
             "nobody may touch, nor what is freed; say what a wrong access "
             "hit"},
    {.name = "MEMHEAP_RECORDS",
     .type = MEMHEAP_PARAM_BOOL,
     .unit = "",
     .default_text = "0",
     .help = "keep a record of each block: what was asked for, by which call, "
             "from where, and with which tag"},
    {.name = "MEMHEAP_LEAKS",
     .type = MEMHEAP_PARAM_BOOL,
     .unit = "",
     .default_text = "0",
     .help = "keep records, and report each block that is still there when "
             "the heap ends"},
    {.name = "MEMHEAP_LEAKS_STATUS",
     .type = MEMHEAP_PARAM_INT,
     .unit = "",
     .default_text = "0",
     .help =
         "exit status of a PE whose symmetric heap still has blocks when it "
         "ends, with MEMHEAP_LEAKS; 0: as the program says",
     .minimum = 0,
     .maximum = 255},
    {.name = "MEMHEAP_REPORT",
     .type = MEMHEAP_PARAM_STRING,
     .unit = "",
     .default_text = "",
     .help = "1: print the figures of a heap when it ends; or a file to write "
             "them to as JSON, with %h for the heap's name and %p for the "
             "process"},
    {.name = "MEMHEAP_TRACE",
     .type = MEMHEAP_PARAM_STRING,
     .unit = "",
     .default_text = "",
     .help = "file to record the calls of a heap in, for memheap-replay; %h "
             "stands for the heap's name and %p for the process, and .xz at "
             "the end has it compressed"},
    {.name = "MEMHEAP_TOP",
     .type = MEMHEAP_PARAM_STRING,
     .unit = "",
     .default_text = "job",
     .help = "the heaps that memheap-top and memheap-map can see: those of a "
             "job, all, or none",
     .words = shown},
    {.name = "MEMHEAP_OVERCOMMIT",
     .type = MEMHEAP_PARAM_BOOL,
     .unit = "",
     .default_text = "0",
     .help = "let a heap grow past the memory that the machine has left"},
    {.name = "MEMHEAP_TRIM",
     .type = MEMHEAP_PARAM_SIZE,
     .unit = "bytes",
     .default_text = "0",
     .help = "give pages of free space back to the system when so many bytes, "
             "and an eighth of those in use, were freed; 0: when asked"},
};

/* The priority that every component has, with its own default. */
static memheap_status_t add_component_params(memheap_params_t *params,
                                             const memheap_component_t *c)
{
    static const memheap_param_def_t priority = {
        .name = "priority",
        .type = MEMHEAP_PARAM_INT,
        .unit = "",
        .default_text = "",
        .help = "the usable component with the highest priority is selected",
        .minimum = 0,
        .maximum = 100};
    memheap_status_t status = memheap_params_add(params, c->name, &priority, 1);
    if (status != MEMHEAP_OK)
        return status;
    memheap_param_t *added = &params->param[params->count - 1];
    if (added->text[0] == '\0') {
        added->value.integer = c->priority;
        added->source = MEMHEAP_SOURCE_DEFAULT;
    }
    return memheap_params_add(params, c->name, c->params, c->param_count);
}

static const memheap_opened_t *find_component(const memheap_framework_t *f,
                                              const char *name, size_t size)
{
    for (size_t i = 0; i < f->count; i++) {
        const char *known = f->opened[i].component->name;
        if (strlen(known) == size && strncasecmp(known, name, size) == 0)
            return &f->opened[i];
    }
    return NULL;
}

/* Insert in the order of names, on which the choice among equals rests. */
static bool add_component(memheap_framework_t *f,
                          const memheap_component_t *component, void *plugin)
{
    if (f->count == MEMHEAP_COMPONENT_MAX ||
        component->param_count > MEMHEAP_COMPONENT_PARAM_MAX ||
        find_component(f, component->name, strlen(component->name)) != NULL)
        return false;
    size_t i = f->count++;
    for (;
         i > 0 && strcmp(f->opened[i - 1].component->name, component->name) > 0;
         i--)
        f->opened[i] = f->opened[i - 1];
    f->opened[i] = (memheap_opened_t){component, plugin, false};
    return true;
}

#ifdef MEMHEAP_PLUGINS
/* Take in the component of one shared object. One that does not fit is left
 * out with a warning: the others can still serve. */
static void add_plugin(memheap_framework_t *f, const char *path)
{
    void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (plugin == NULL) {
        memheap_log_write(f->log, MEMHEAP_LOG_WARNING, "plug-in left out: %s",
                          dlerror());
        return;
    }
    const memheap_component_t *component = dlsym(plugin, "memheap_component");
    if (component == NULL)
        memheap_log_write(f->log, MEMHEAP_LOG_WARNING,
                          "plug-in %s left out: it exports no "
                          "memheap_component",
                          path);
    else if (component->abi != MEMHEAP_COMPONENT_ABI)
        memheap_log_write(f->log, MEMHEAP_LOG_WARNING,
                          "plug-in %s left out: it was built for component "
                          "ABI %u, this library has %u",
                          path, component->abi, MEMHEAP_COMPONENT_ABI);
    else if (!add_component(f, component, plugin))
        memheap_log_write(f->log, MEMHEAP_LOG_WARNING,
                          "plug-in %s left out: there is a component %s "
                          "already, or no room for one more",
                          path, component->name);
    else
        return;
    dlclose(plugin);
}

static int is_shared_object(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 3 && strcmp(entry->d_name + length - 3, ".so") == 0;
}

/* A folder's shared objects in the order of their names, or one of them. */
static void add_plugins(memheap_framework_t *f, const char *path)
{
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISDIR(info.st_mode)) {
        add_plugin(f, path);
        return;
    }
    struct dirent **entries;
    int count = scandir(path, &entries, is_shared_object, alphasort);
    if (count < 0) {
        memheap_log_write(f->log, MEMHEAP_LOG_WARNING,
                          "MEMHEAP_PLUGIN_PATH: cannot read %s", path);
        return;
    }
    for (int i = 0; i < count; i++) {
        char file[4096];
        int size =
            snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
        if (size < (int)sizeof(file))
            add_plugin(f, file);
        free(entries[i]);
    }
    free(entries);
}
#else
static void add_plugins(memheap_framework_t *f, const char *path)
{
    memheap_log_write(f->log, MEMHEAP_LOG_WARNING,
                      "MEMHEAP_PLUGIN_PATH: %s left out, since this library "
                      "was configured with --disable-plugins",
                      path);
}
#endif

static void add_plugin_path(memheap_framework_t *f, const char *list)
{
    while (*list != '\0') {
        size_t size = strcspn(list, ":");
        char path[4096];
        if (size > 0 && size < sizeof(path)) {
            memcpy(path, list, size);
            path[size] = '\0';
            add_plugins(f, path);
        }
        list += size + (list[size] == ':');
    }
}

/* The names of all components, for a message. */
static const char *component_names(const memheap_framework_t *f, char *text,
                                   size_t room)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < f->count && used < room; i++)
        used +=
            (size_t)snprintf(text + used, room - used, "%s%s",
                             i == 0 ? "" : ", ", f->opened[i].component->name);
    return text;
}

/* Mark the components that MEMHEAP_COMPONENT admits. */
static memheap_status_t apply_list(memheap_framework_t *f, bool *admitted)
{
    const memheap_param_t *param =
        memheap_params_find(&f->params, "MEMHEAP_COMPONENT");
    const char *list = param->text;
    bool excludes = list[0] == '^';
    bool any = false;
    for (size_t i = 0; i < f->count; i++)
        admitted[i] = excludes || list[0] == '\0';
    for (list += excludes; *list != '\0';) {
        size_t size = strcspn(list, ",");
        const memheap_opened_t *named = find_component(f, list, size);
        if (named == NULL) {
            char names[512];
            memheap_log_write(
                f->log, MEMHEAP_LOG_ERROR,
                "no component has the name \"%.*s\" (from %s); there are: %s",
                (int)size, list, param->origin,
                component_names(f, names, sizeof(names)));
            return MEMHEAP_ERR_BAD_PARAM;
        }
        admitted[named - f->opened] = !excludes;
        list += size + (list[size] == ',');
    }
    for (size_t i = 0; i < f->count; i++)
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

static memheap_status_t read_params(memheap_framework_t *f,
                                    const memheap_framework_config_t *config)
{
    memheap_params_t *params = &f->params;
    memheap_params_init(params, f->log, config->arguments);
    memheap_status_t status =
        memheap_params_add(params, NULL, source_params,
                           sizeof(source_params) / sizeof(source_params[0]));
    if (status != MEMHEAP_OK)
        return status;
    const char *file = params->param[0].text;
    if (file[0] != '\0')
        status = memheap_params_read_file(params, file);
    if (status == MEMHEAP_OK)
        status =
            memheap_params_add(params, NULL, base_params,
                               sizeof(base_params) / sizeof(base_params[0]));
    if (status == MEMHEAP_OK)
        status = memheap_params_add(params, NULL, memheap_pages_params,
                                    MEMHEAP_PAGES_PARAMS);
    if (status == MEMHEAP_OK && config->param_count > 0)
        status = memheap_params_add(params, NULL, config->params,
                                    config->param_count);
    return status;
}

static memheap_status_t open_components(memheap_framework_t *f)
{
    bool admitted[MEMHEAP_COMPONENT_MAX];
    memheap_status_t status = apply_list(f, admitted);
    if (status != MEMHEAP_OK)
        return status;
    for (size_t i = 0; i < f->count; i++) {
        memheap_opened_t *opened = &f->opened[i];
        if (!admitted[i])
            continue;
        opened->usable = opened->component->open == NULL ||
                         opened->component->open() == MEMHEAP_OK;
        if (!opened->usable)
            memheap_log_write(f->log, MEMHEAP_LOG_DEBUG,
                              "component %s stands aside",
                              opened->component->name);
    }
    return MEMHEAP_OK;
}

memheap_status_t
memheap_framework_open(memheap_framework_t *framework,
                       const memheap_framework_config_t *config)
{
    framework->log = config->log == NULL ? &memheap_log_stderr : config->log;
    framework->count = 0;
    framework->selected = NULL;
    memheap_status_t status = read_params(framework, config);
    if (status != MEMHEAP_OK)
        return status;
    for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++)
        add_component(framework, built_in[i], NULL);
    add_plugin_path(framework, memheap_params_value(&framework->params,
                                                    "MEMHEAP_PLUGIN_PATH")
                                   ->string);
    for (size_t i = 0; i < framework->count && status == MEMHEAP_OK; i++)
        status = add_component_params(&framework->params,
                                      framework->opened[i].component);
    if (status == MEMHEAP_OK)
        status = memheap_params_check_names(&framework->params);
    if (status == MEMHEAP_OK)
        status = open_components(framework);
    if (status != MEMHEAP_OK)
        memheap_framework_close(framework);
    return status;
}
