/*
 * Sets of parameter values (params.h).
 *
 * All strings are in the set's own buffer, which only grows. An entry is added
 * completely or not at all.
 */
#define _GNU_SOURCE /* secure_getenv() */
#include "config.h"

#include "base/params.h"
#include "base/nearest.h"
#include "base/param_parse.h"
#include "base/util.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/auxv.h>
#include <unistd.h>

extern char **environ;

static const char prefix[] = "MEMHEAP_";
static const char test_prefix[] = "MEMHEAP_TEST_";
static const char mca_name[] = "OMPI_MCA_memheap";

enum {
    PREFIX_SIZE = sizeof(prefix) - 1,
    NAME_SIZE = 128
};

/* A value and its source. */
typedef struct found_value {
    const char *text;
    size_t length;
    memheap_param_source_t source;
    char origin[512];
} found_value_t;

/* Copy a string into the set. NULL if the set is full. */
static const char *copy_text(memheap_params_t *params, const char *text,
                             size_t length)
{
    if (length >= MEMHEAP_PARAM_TEXT - params->text_used)
        return NULL;
    char *copy = params->text + params->text_used;
    memcpy(copy, text, length);
    copy[length] = '\0';
    params->text_used += length + 1;
    return copy;
}

static memheap_status_t set_full(const memheap_params_t *params)
{
    memheap_log_write(params->log, MEMHEAP_LOG_ERROR,
                      "the values of all parameters together are longer than "
                      "%d bytes, or there are more than %d parameters",
                      MEMHEAP_PARAM_TEXT, MEMHEAP_PARAM_MAX);
    return MEMHEAP_ERR_BAD_PARAM;
}

void memheap_params_init(memheap_params_t *params, const memheap_log_t *log)
{
    params->log = log;
    params->reserved = NULL;
    params->reserved_count = 0;
    params->file = NULL;
    params->file_text = NULL;
    params->file_size = 0;
    params->count = 0;
    params->text_used = 0;
}

void memheap_params_reserve(memheap_params_t *params,
                            const memheap_param_def_t *defs, size_t count)
{
    params->reserved = defs;
    params->reserved_count = count;
}

/* Split "NAME=VALUE", with optional blanks around both. Returns false if there
 * is no name or no '='. */
static bool split(const char *line, const char **name_p, size_t *name_size_p,
                  const char **value_p, size_t *value_size_p)
{
    const char *equals = strchr(line, '=');
    if (equals == NULL)
        return false;
    const char *name_end = equals;
    while (isspace((unsigned char)*line))
        line++;
    while (name_end > line && isspace((unsigned char)name_end[-1]))
        name_end--;
    const char *value = equals + 1;
    while (isspace((unsigned char)*value))
        value++;
    const char *value_end = value + strlen(value);
    while (value_end > value && isspace((unsigned char)value_end[-1]))
        value_end--;
    *name_p = line;
    *name_size_p = (size_t)(name_end - line);
    *value_p = value;
    *value_size_p = (size_t)(value_end - value);
    return name_end > line;
}

/* The next line of the parameter file, or NULL at its end; NULL gives the
 * first. */
static const char *next_line(const memheap_params_t *params, const char *line)
{
    if (params->file_text == NULL)
        return NULL;
    const char *end = params->file_text + params->file_size;
    const char *next =
        line == NULL ? params->file_text : line + strlen(line) + 1;
    return next < end ? next : NULL;
}

static bool is_blank(const char *line)
{
    return line[strspn(line, " \t\r")] == '\0';
}

/* Read a file to its end, also a pipe. At most room bytes. */
static ssize_t read_all(int fd, char *text, size_t room)
{
    size_t size = 0;
    ssize_t more = 1;
    while (more > 0 && size < room) {
        more = read(fd, text + size, room - size);
        size += more > 0 ? (size_t)more : 0;
        if (more < 0 && errno == EINTR)
            more = 1;
    }
    return more < 0 ? -1 : (ssize_t)size;
}

memheap_status_t memheap_params_read_file(memheap_params_t *params,
                                          const char *path)
{
    char *text = params->text + params->text_used;
    size_t room = MEMHEAP_PARAM_TEXT - params->text_used - 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read_all(fd, text, room);
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (size < 0) {
        memheap_log_write(params->log, MEMHEAP_LOG_ERROR,
                          "cannot read the parameter file %s (%s)", path,
                          strerror(error));
        return MEMHEAP_ERR_BAD_PARAM;
    }
    if ((size_t)size == room)
        return set_full(params);
    text[size] = '\0';
    bool comment = false;
    for (char *c = text; c < text + size; c++) {
        comment = *c != '\n' && (comment || *c == '#');
        if (*c == '\n' || comment)
            *c = *c == '\n' ? '\0' : ' ';
    }
    params->text_used += (size_t)size + 1;
    params->file = path;
    params->file_text = text;
    params->file_size = (size_t)size;

    unsigned number = 0;
    for (const char *line = NULL; (line = next_line(params, line)) != NULL;) {
        const char *name;
        const char *value;
        size_t name_size;
        size_t value_size;
        number++;
        if (!is_blank(line) &&
            !split(line, &name, &name_size, &value, &value_size)) {
            memheap_log_write(params->log, MEMHEAP_LOG_ERROR,
                              "%s:%u: \"%s\" is not of the form NAME = VALUE",
                              path, number, line);
            return MEMHEAP_ERR_BAD_PARAM;
        }
    }
    return MEMHEAP_OK;
}

static bool same_name(const char *name, const char *other, size_t other_size)
{
    return strlen(name) == other_size &&
           strncasecmp(name, other, other_size) == 0;
}

/* Search the parameter file; the last line with the name wins. */
static bool find_in_file(const memheap_params_t *params, const char *name,
                         found_value_t *found)
{
    bool any = false;
    unsigned number = 0;
    for (const char *line = NULL; (line = next_line(params, line)) != NULL;) {
        const char *key;
        const char *value;
        size_t key_size;
        size_t value_size;
        number++;
        if (!split(line, &key, &key_size, &value, &value_size) ||
            !same_name(name, key, key_size))
            continue;
        found->text = value;
        found->length = value_size;
        found->source = MEMHEAP_SOURCE_FILE;
        snprintf(found->origin, sizeof(found->origin), "%s:%u", params->file,
                 number);
        any = true;
    }
    return any;
}

static bool find_in_environment(const char *variable, found_value_t *found)
{
    const char *text = secure_getenv(variable);
    if (text == NULL)
        return false;
    found->text = text;
    found->length = strlen(text);
    found->source = MEMHEAP_SOURCE_ENVIRONMENT;
    snprintf(found->origin, sizeof(found->origin), "%s", variable);
    return true;
}

/* Search the variables of `mpirun --mca memheap buddy` and `--mca
 * memheap_buddy_priority 9`: the part of the name after MEMHEAP_, in lower
 * case. */
static bool find_from_mpirun(const char *name, found_value_t *found)
{
    if (strncmp(name, prefix, PREFIX_SIZE) != 0)
        return false;
    const char *rest = name + PREFIX_SIZE;
    char variable[NAME_SIZE];
    if (strcmp(rest, "COMPONENT") == 0)
        return find_in_environment(mca_name, found);
    int length = snprintf(variable, sizeof(variable), "%s_%s", mca_name, rest);
    for (int i = (int)sizeof(mca_name); i < length; i++)
        variable[i] = (char)tolower((unsigned char)variable[i]);
    return find_in_environment(variable, found);
}

/* Take the first name off a list of old names. False if there is none. */
static bool next_old_name(const char **names, char *name)
{
    if (*names == NULL || **names == '\0')
        return false;
    size_t size = strcspn(*names, " ");
    snprintf(name, NAME_SIZE, "%.*s", (int)size, *names);
    *names += size + ((*names)[size] == ' ');
    return true;
}

static bool find_user_value(const memheap_params_t *params, const char *name,
                            const memheap_param_def_t *def,
                            found_value_t *found)
{
    char old[NAME_SIZE];
    if (find_in_environment(name, found))
        return true;
    for (const char *names = def->old_name; next_old_name(&names, old);) {
        if (find_in_environment(old, found))
            return true;
    }
    if (find_from_mpirun(name, found) || find_in_file(params, name, found))
        return true;
    for (const char *names = def->old_name; next_old_name(&names, old);) {
        if (find_in_file(params, old, found))
            return true;
    }
    return false;
}

/* Whether an empty value is valid. For other parameters it means unset. */
static bool may_be_empty(const memheap_param_def_t *def)
{
    return (def->type == MEMHEAP_PARAM_STRING && def->words == NULL) ||
           def->type == MEMHEAP_PARAM_FLAG;
}

/* Find the value in the first source that has one, else the default. */
static void find_value(const memheap_params_t *params, const char *name,
                       const memheap_param_def_t *def, found_value_t *found)
{
    if (find_user_value(params, name, def, found) &&
        (found->length > 0 || may_be_empty(def)))
        return;
    *found = (found_value_t){def->default_text, strlen(def->default_text),
                             MEMHEAP_SOURCE_DEFAULT, ""};
}

/* Parse a found value and make an entry of it. */
static memheap_status_t make_entry(memheap_params_t *params, const char *name,
                                   const memheap_param_def_t *def,
                                   const found_value_t *found,
                                   memheap_param_t *param)
{
    *param = (memheap_param_t){.def = def, .source = found->source};
    param->name = copy_text(params, name, strlen(name));
    param->text = copy_text(params, found->text, found->length);
    param->origin = copy_text(params, found->origin, strlen(found->origin));
    if (param->name == NULL || param->text == NULL || param->origin == NULL)
        return set_full(params);
    if (def->type == MEMHEAP_PARAM_FLAG &&
        found->source == MEMHEAP_SOURCE_DEFAULT)
        return MEMHEAP_OK;
    char wanted[160];
    if (memheap_parse_value(def, param->text, &param->value, wanted,
                            sizeof(wanted)))
        return MEMHEAP_OK;
    memheap_log_write(params->log, MEMHEAP_LOG_ERROR,
                      "%s=\"%s\" (from %s%s) is not a valid value: expected "
                      "%s",
                      name, param->text, memheap_param_origin_kind(param),
                      param->origin, wanted);
    return MEMHEAP_ERR_BAD_PARAM;
}

static memheap_status_t add_one(memheap_params_t *params, const char *component,
                                const memheap_param_def_t *def)
{
    char name[NAME_SIZE];
    int length = component == NULL
                     ? snprintf(name, sizeof(name), "%s", def->name)
                     : snprintf(name, sizeof(name), "%s%s_%s", prefix,
                                component, def->name);
    if (length >= NAME_SIZE || params->count == MEMHEAP_PARAM_MAX)
        return set_full(params);
    for (int i = 0; i < length; i++)
        name[i] = (char)toupper((unsigned char)name[i]);

    found_value_t found;
    memheap_param_t param;
    find_value(params, name, def, &found);
    memheap_status_t status = make_entry(params, name, def, &found, &param);
    if (status == MEMHEAP_OK)
        params->param[params->count++] = param;
    return status;
}

memheap_status_t memheap_params_add(memheap_params_t *params,
                                    const char *component,
                                    const memheap_param_def_t *defs,
                                    size_t count)
{
    for (size_t i = 0; i < count; i++) {
        memheap_status_t status = add_one(params, component, &defs[i]);
        if (status != MEMHEAP_OK)
            return status;
    }
    return MEMHEAP_OK;
}

/* Compares names: exactly for the environment, without case for files and
 * programs. */
typedef bool name_equal_t(const char *name, const char *other,
                          size_t other_size);

static bool is_same_variable(const char *name, const char *other,
                             size_t other_size)
{
    return strlen(name) == other_size && strncmp(name, other, other_size) == 0;
}

static bool is_name_of(const memheap_param_def_t *def, const char *def_name,
                       const char *name, size_t size, name_equal_t *same)
{
    char old[NAME_SIZE];
    bool any = same(def_name, name, size);
    for (const char *names = def->old_name; next_old_name(&names, old);)
        any = any || same(old, name, size);
    return any;
}

/* The reserved definition of a name, or NULL. */
static const memheap_param_def_t *find_reserved(const memheap_params_t *params,
                                                const char *name, size_t size,
                                                name_equal_t *same)
{
    for (size_t i = 0; i < params->reserved_count; i++) {
        const memheap_param_def_t *def = &params->reserved[i];
        if (is_name_of(def, def->name, name, size, same))
            return def;
    }
    return NULL;
}

/* The entry of a name, or NULL. */
static const memheap_param_t *find_entry(const memheap_params_t *params,
                                         const char *name, size_t size,
                                         name_equal_t *same)
{
    for (size_t i = 0; i < params->count; i++) {
        const memheap_param_t *param = &params->param[i];
        if (is_name_of(param->def, param->name, name, size, same))
            return param;
    }
    return NULL;
}

static memheap_nearest_t nearest_names(const memheap_params_t *params,
                                       const char *name, size_t size)
{
    memheap_nearest_t nearest = {.word = name, .size = size, .best = SIZE_MAX};
    for (size_t i = 0; i < params->count; i++)
        memheap_nearest_offer(&nearest, params->param[i].name);
    return nearest;
}

static memheap_status_t unknown_name(const memheap_params_t *params,
                                     const char *name, size_t size,
                                     const char *where)
{
    memheap_nearest_t nearest = nearest_names(params, name, size);
    memheap_log_write(params->log, MEMHEAP_LOG_ERROR,
                      "no parameter has the name %.*s (from %s); %s%s",
                      (int)size, name, where,
                      nearest.text[0] == '\0' ? "memheap-info lists all"
                                              : "the nearest is ",
                      nearest.text);
    return MEMHEAP_ERR_BAD_PARAM;
}

/* A variable that may be meant for the library. The program or another library
 * may have it too, so it is no error. */
static void warn_of_unknown(const memheap_params_t *params, const char *name,
                            size_t size)
{
    memheap_nearest_t nearest = nearest_names(params, name, size);
    memheap_log_write(
        params->log, MEMHEAP_LOG_WARNING,
        "the environment variable %.*s has no effect%s%s", (int)size, name,
        nearest.text[0] == '\0' ? "" : "; the nearest is ", nearest.text);
}

static bool has_prefix(const char *name, size_t size, const char *start)
{
    size_t length = strlen(start);
    return size >= length && strncasecmp(name, start, length) == 0;
}

static memheap_status_t check_name(const memheap_params_t *params,
                                   const char *name, size_t size,
                                   const char *where, name_equal_t *same)
{
    if (has_prefix(name, size, test_prefix) ||
        find_entry(params, name, size, same) != NULL ||
        find_reserved(params, name, size, same) != NULL)
        return MEMHEAP_OK;
    return unknown_name(params, name, size, where);
}

memheap_status_t memheap_params_check_names(const memheap_params_t *params)
{
    /* Without a job, variables of OpenSHMEM are for other programs. */
    bool job = memheap_params_find(params, "SHMEM_SYMMETRIC_SIZE") != NULL;
    char **first = getauxval(AT_SECURE) != 0 ? NULL : environ;
    for (char **e = first; e != NULL && *e != NULL; e++) {
        size_t size = strcspn(*e, "=");
        if (job && has_prefix(*e, size, "SHMEM_") &&
            find_entry(params, *e, size, is_same_variable) == NULL)
            warn_of_unknown(params, *e, size);
        memheap_status_t status =
            has_prefix(*e, size, prefix)
                ? check_name(params, *e, size, "the environment",
                             is_same_variable)
                : MEMHEAP_OK;
        if (status != MEMHEAP_OK)
            return status;
    }
    for (const char *line = NULL; (line = next_line(params, line)) != NULL;) {
        const char *name;
        const char *value;
        size_t name_size;
        size_t value_size;
        if (!split(line, &name, &name_size, &value, &value_size))
            continue;
        memheap_status_t status =
            check_name(params, name, name_size, params->file, same_name);
        if (status != MEMHEAP_OK)
            return status;
    }
    return MEMHEAP_OK;
}

/* Replace one value by a program's argument. */
static memheap_status_t set_argument(memheap_params_t *params,
                                     const char *argument)
{
    const char *name;
    const char *value;
    size_t name_size;
    size_t value_size;
    if (!split(argument, &name, &name_size, &value, &value_size)) {
        memheap_log_write(params->log, MEMHEAP_LOG_ERROR,
                          "the program's parameter \"%s\" is not of the form "
                          "NAME=VALUE",
                          argument);
        return MEMHEAP_ERR_BAD_PARAM;
    }
    if (has_prefix(name, name_size, test_prefix))
        return MEMHEAP_OK;
    const memheap_param_t *known =
        find_entry(params, name, name_size, same_name);
    const memheap_param_def_t *def =
        known != NULL ? known->def
                      : find_reserved(params, name, name_size, same_name);
    if (def == NULL)
        return unknown_name(params, name, name_size, "the program");
    if ((def->flags & (MEMHEAP_PARAM_JOB | MEMHEAP_PARAM_PROCESS)) != 0) {
        memheap_log_write(params->log, MEMHEAP_LOG_ERROR,
                          "%.*s cannot be set for one heap: it is read from "
                          "the environment when the %s starts",
                          (int)name_size, name,
                          (def->flags & MEMHEAP_PARAM_JOB) != 0 ? "job"
                                                                : "process");
        return MEMHEAP_ERR_BAD_PARAM;
    }
    if (value_size == 0 && !may_be_empty(def))
        return MEMHEAP_OK; /* unset */
    found_value_t found = {value, value_size, MEMHEAP_SOURCE_ARGUMENT, ""};
    snprintf(found.origin, sizeof(found.origin), "%.*s", (int)name_size, name);
    return make_entry(params, known->name, def, &found,
                      &params->param[known - params->param]);
}

memheap_status_t memheap_params_derive(memheap_params_t *params,
                                       const memheap_params_t *base,
                                       const char *const *arguments,
                                       const memheap_log_t *log)
{
    memheap_params_init(params, log);
    memheap_params_reserve(params, base->reserved, base->reserved_count);
    memcpy(params->param, base->param, base->count * sizeof(base->param[0]));
    params->count = base->count;
    for (; *arguments != NULL; arguments++) {
        memheap_status_t status = set_argument(params, *arguments);
        if (status != MEMHEAP_OK)
            return status;
    }
    return MEMHEAP_OK;
}

const memheap_param_t *memheap_params_find(const memheap_params_t *params,
                                           const char *name)
{
    for (size_t i = 0; i < params->count; i++) {
        if (strcasecmp(params->param[i].name, name) == 0)
            return &params->param[i];
    }
    return NULL;
}

const memheap_value_t *memheap_params_value(const memheap_params_t *params,
                                            const char *name)
{
    const memheap_param_t *param = memheap_params_find(params, name);
    MEMHEAP_ASSERT(param != NULL);
    return &param->value;
}

const char *memheap_param_origin_kind(const memheap_param_t *param)
{
    static const char *const kind[] = {"the default", "file ",
                                       "the environment variable ",
                                       "the program's argument "};
    return kind[param->source];
}

const char *memheap_param_source_name(memheap_param_source_t source)
{
    static const char *const name[] = {"default", "file", "environment",
                                       "argument"};
    return name[source];
}
