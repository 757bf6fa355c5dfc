/*
 * Loading and unloading the registry (registry.h).
 *
 * All components are loaded before names of parameters are checked, because a
 * wrong name is only recognized once all components' parameters are known.
 */
#define _GNU_SOURCE /* asprintf() */
#include "config.h"

#include "base/registry.h"
#include "base/component_check.h"
#include "base/param_table.h"

#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static memheap_registry_t registry;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Insert in the order of names, which decides among equal priorities. Returns
 * false if the component does not fit. */
static bool add_component(memheap_registry_t *r,
                          const memheap_component_t *component, void *plugin)
{
    size_t i = 0;
    if (r->count == MEMHEAP_COMPONENT_MAX)
        return false;
    while (i < r->count &&
           strcmp(r->known[i].component->name, component->name) < 0)
        i++;
    if (i < r->count &&
        strcmp(r->known[i].component->name, component->name) == 0)
        return false;
    memmove(&r->known[i + 1], &r->known[i],
            (r->count - i) * sizeof(r->known[0]));
    r->known[i] = (memheap_known_t){.component = component, .plugin = plugin};
    r->count++;
    return true;
}

#ifdef MEMHEAP_PLUGINS
/* Load the component of one shared object. If it is not usable, warn and go
 * on. */
static void add_plugin(memheap_registry_t *r, const char *path)
{
    char *file;
    /* dlopen() searches the libraries' folders for a name without a slash. */
    if (asprintf(&file, "%s%s", strchr(path, '/') == NULL ? "./" : "", path) <
        0)
        return;
    void *plugin = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    free(file);
    if (plugin == NULL) {
        memheap_log_write(r->log, MEMHEAP_LOG_WARNING, "plug-in ignored: %s",
                          dlerror());
        return;
    }
    const memheap_component_t *component = dlsym(plugin, "memheap_component");
    const char *problem =
        component == NULL || component->abi != MEMHEAP_COMPONENT_ABI
            ? NULL
            : memheap_component_problem(component);
    if (component == NULL)
        memheap_log_write(r->log, MEMHEAP_LOG_WARNING,
                          "plug-in %s ignored: it exports no "
                          "memheap_component",
                          path);
    else if (component->abi != MEMHEAP_COMPONENT_ABI)
        memheap_log_write(r->log, MEMHEAP_LOG_WARNING,
                          "plug-in %s ignored: it was built for component "
                          "ABI %u, this library has %u",
                          path, component->abi, MEMHEAP_COMPONENT_ABI);
    else if (problem != NULL)
        memheap_log_write(r->log, MEMHEAP_LOG_WARNING, "plug-in %s ignored: %s",
                          path, problem);
    else if (!add_component(r, component, plugin))
        memheap_log_write(r->log, MEMHEAP_LOG_WARNING,
                          "plug-in %s ignored: there is a component %s "
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

/* Load one shared object, or those of a folder in the order of names. */
static void add_plugins(memheap_registry_t *r, const char *path)
{
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISDIR(info.st_mode)) {
        add_plugin(r, path);
        return;
    }
    struct dirent **entries;
    int count = scandir(path, &entries, is_shared_object, alphasort);
    if (count < 0) {
        memheap_log_write(r->log, MEMHEAP_LOG_WARNING,
                          "MEMHEAP_PLUGIN_PATH: cannot read %s", path);
        return;
    }
    for (int i = 0; i < count; i++) {
        char *file;
        if (asprintf(&file, "%s/%s", path, entries[i]->d_name) >= 0) {
            add_plugin(r, file);
            free(file);
        }
        free(entries[i]);
    }
    free(entries);
}
#else
static void add_plugins(memheap_registry_t *r, const char *path)
{
    memheap_log_write(r->log, MEMHEAP_LOG_WARNING,
                      "MEMHEAP_PLUGIN_PATH: %s ignored: this library "
                      "was configured with --disable-plugins",
                      path);
}
#endif

static void add_plugin_path(memheap_registry_t *r, const char *list)
{
    while (*list != '\0') {
        size_t size = strcspn(list, ":");
        char *path = size == 0 ? NULL : strndup(list, size);
        if (path != NULL)
            add_plugins(r, path);
        free(path);
        list += size + (list[size] == ':');
    }
}

/* Add the parameters of a component; the priority is the first. */
static memheap_status_t add_component_params(memheap_params_t *params,
                                             const memheap_component_t *c)
{
    memheap_status_t status =
        memheap_params_add(params, c->name, &memheap_priority_def, 1);
    if (status != MEMHEAP_OK)
        return status;
    memheap_param_t *priority = &params->param[params->count - 1];
    if (priority->text[0] == '\0') {
        priority->value.integer = c->priority;
        priority->source = MEMHEAP_SOURCE_DEFAULT;
    }
    return memheap_params_add(params, c->name, c->params, c->param_count);
}

static memheap_status_t add_job_params(memheap_registry_t *r)
{
    memheap_status_t status = memheap_params_add(
        &r->params, NULL, memheap_job_params, memheap_job_param_count);
    r->has_job = status == MEMHEAP_OK;
    return status;
}

static memheap_status_t load(memheap_registry_t *r, bool job)
{
    memheap_params_t *params = &r->params;
    memheap_params_init(params, r->log);
    memheap_params_reserve(params, memheap_job_params, memheap_job_param_count);
    memheap_status_t status =
        memheap_params_add(params, NULL, &memheap_param_file_def, 1);
    if (status == MEMHEAP_OK && params->param[0].text[0] != '\0')
        status = memheap_params_read_file(params, params->param[0].text);
    if (status == MEMHEAP_OK)
        status = memheap_params_add(params, NULL, memheap_heap_params,
                                    memheap_heap_param_count);
    if (status == MEMHEAP_OK && job)
        status = add_job_params(r);
    if (status != MEMHEAP_OK)
        return status;
    for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++)
        add_component(r, built_in[i], NULL);
    add_plugin_path(
        r, memheap_params_value(params, "MEMHEAP_PLUGIN_PATH")->string);
    for (size_t i = 0; i < r->count && status == MEMHEAP_OK; i++)
        status = add_component_params(params, r->known[i].component);
    return status == MEMHEAP_OK ? memheap_params_check_names(params) : status;
}

static void unload(memheap_registry_t *r)
{
    /* The parameters point to definitions of plug-ins. */
    r->params.count = 0;
    for (size_t i = 0; i < r->count; i++) {
        if (r->known[i].plugin != NULL)
            dlclose(r->known[i].plugin);
    }
    r->count = 0;
    r->has_job = false;
}

memheap_status_t memheap_registry_acquire(bool job, const memheap_log_t *log,
                                          const memheap_registry_t **registry_p)
{
    memheap_registry_t *r = &registry;
    memheap_status_t status = MEMHEAP_OK;
    pthread_mutex_lock(&lock);
    r->log = r->params.log = log;
    if (r->users == 0) {
        status = load(r, job);
        if (status != MEMHEAP_OK)
            unload(r);
    } else if (job && !r->has_job) {
        status = add_job_params(r);
    }
    r->users += status == MEMHEAP_OK;
    r->log = r->params.log = &memheap_log_stderr;
    pthread_mutex_unlock(&lock);
    *registry_p = r;
    return status;
}

void memheap_registry_release(void)
{
    pthread_mutex_lock(&lock);
    if (--registry.users == 0)
        unload(&registry);
    pthread_mutex_unlock(&lock);
}

bool memheap_registry_open(size_t index)
{
    memheap_known_t *known = &registry.known[index];
    pthread_mutex_lock(&lock);
    bool opened = known->users > 0 || known->component->open == NULL ||
                  known->component->open() == MEMHEAP_OK;
    known->users += opened;
    pthread_mutex_unlock(&lock);
    return opened;
}

void memheap_registry_close(size_t index)
{
    memheap_known_t *known = &registry.known[index];
    pthread_mutex_lock(&lock);
    if (--known->users == 0 && known->component->close != NULL)
        known->component->close();
    pthread_mutex_unlock(&lock);
}
