/*
 * The registry of param.h.
 *
 * All strings lie in the registry's own text, which only ever grows. An entry
 * is added whole or not at all, so that every entry has a value that parsed.
 */
#include "config.h"

#include "base/params.h"
#include "base/util.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

extern char **environ;

static const char prefix[] = "MEMHEAP_";
static const char test_prefix[] = "MEMHEAP_TEST_";
static const char mca_name[] = "OMPI_MCA_memheap";

enum {
    PREFIX_SIZE = sizeof(prefix) - 1,
    NAME_SIZE = 128
};

/* A value that was found, and where. */
typedef struct finding {
    const char *text;
    size_t length;
    memheap_param_source_t source;
    char origin[512];
} finding_t;

/* Keep a copy of a string; NULL if the registry is full. */
static const char *keep(memheap_params_t *params, const char *text,
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

static memheap_status_t full(const memheap_params_t *params)
{
    memheap_log_write(params->log, MEMHEAP_LOG_ERROR,
                      "the values of all parameters together are longer than "
                      "%d bytes, or there are more than %d parameters",
                      MEMHEAP_PARAM_TEXT, MEMHEAP_PARAM_MAX);
    return MEMHEAP_ERR_BAD_PARAM;
}

void memheap_params_init(memheap_params_t *params, const memheap_log_t *log,
                         const char *const *arguments)
{
    params->log = log;
    params->arguments = arguments;
    params->file = NULL;
    params->file_text = NULL;
    params->file_size = 0;
    params->count = 0;
    params->text_used = 0;
}

/* Split "NAME=VALUE", blanks around both allowed. False if there is no name
 * or no sign of equality. */
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

/* The next line of the parameter file behind line, NULL at the end. Start
 * with NULL. */
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

memheap_status_t memheap_params_read_file(memheap_params_t *params,
                                          const char *path)
{
    char *text = params->text + params->text_used;
    size_t room = MEMHEAP_PARAM_TEXT - params->text_used - 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, room);
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
        return full(params);
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

/* Look in the file's lines; the last line with that name counts. */
static bool find_in_file(const memheap_params_t *params, const char *name,
                         finding_t *found)
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

static bool find_in_environment(const char *variable, finding_t *found)
{
    const char *text = getenv(variable);
    if (text == NULL)
        return false;
    found->text = text;
    found->length = strlen(text);
    found->source = MEMHEAP_SOURCE_ENVIRONMENT;
    snprintf(found->origin, sizeof(found->origin), "%s", variable);
    return true;
}

/* What `mpirun --mca memheap buddy` or `--mca memheap_buddy_priority 9` put
 * into the environment: our name behind MEMHEAP_, in lower case. */
static bool find_from_mpirun(const char *name, finding_t *found)
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

static bool find_in_arguments(const memheap_params_t *params, const char *name,
                              finding_t *found)
{
    bool any = false;
    for (const char *const *a = params->arguments; a != NULL && *a != NULL;
         a++) {
        const char *key;
        const char *value;
        size_t key_size;
        size_t value_size;
        if (!split(*a, &key, &key_size, &value, &value_size) ||
            !same_name(name, key, key_size))
            continue;
        found->text = value;
        found->length = value_size;
        found->source = MEMHEAP_SOURCE_ARGUMENT;
        snprintf(found->origin, sizeof(found->origin), "%.*s", (int)key_size,
                 key);
        any = true;
    }
    return any;
}

static bool find_by_user(const memheap_params_t *params, const char *name,
                         const memheap_param_def_t *def, finding_t *found)
{
    return find_in_arguments(params, name, found) ||
           find_in_environment(name, found) ||
           (def->old_name != NULL &&
            find_in_environment(def->old_name, found)) ||
           find_from_mpirun(name, found) || find_in_file(params, name, found) ||
           (def->old_name != NULL &&
            find_in_file(params, def->old_name, found));
}

/* The strongest source that names the parameter, else its default. A variable
 * that is set to nothing is as one that is not set, unless it is any text, or
 * all that matters is that it is there. */
static void find_value(const memheap_params_t *params, const char *name,
                       const memheap_param_def_t *def, finding_t *found)
{
    bool may_be_empty =
        (def->type == MEMHEAP_PARAM_STRING && def->words == NULL) ||
        def->type == MEMHEAP_PARAM_FLAG;
    if (find_by_user(params, name, def, found) &&
        (found->length > 0 || may_be_empty))
        return;
    *found = (finding_t){def->default_text, strlen(def->default_text),
                         MEMHEAP_SOURCE_DEFAULT, ""};
}

memheap_status_t memheap_parse_size(const char *text, size_t *size_p)
{
    size_t whole = 0;
    size_t digits = 0;
    const char *c = text;
    for (; isdigit((unsigned char)*c); c++, digits++) {
        size_t digit = (size_t)(*c - '0');
        if (whole > (SIZE_MAX - digit) / 10)
            return MEMHEAP_ERR_BAD_PARAM;
        whole = whole * 10 + digit;
    }
    long double fraction = 0;
    if (*c == '.') {
        long double place = 1;
        for (c++; isdigit((unsigned char)*c); c++, digits++) {
            place /= 10;
            fraction += place * (*c - '0');
        }
    }
    if (digits == 0)
        return MEMHEAP_ERR_BAD_PARAM;
    static const char letters[] = "kmgt";
    const char *letter =
        *c == '\0' ? NULL : strchr(letters, tolower((unsigned char)*c));
    if (*c != '\0' && letter == NULL)
        return MEMHEAP_ERR_BAD_PARAM;
    unsigned shift = letter == NULL ? 0 : 10 * (unsigned)(letter - letters + 1);
    if (whole > SIZE_MAX >> shift)
        return MEMHEAP_ERR_BAD_PARAM;
    long double scaled = fraction * (long double)((size_t)1 << shift);
    size_t part = (size_t)scaled;
    part += (long double)part < scaled;
    if (part > SIZE_MAX - (whole << shift))
        return MEMHEAP_ERR_BAD_PARAM;
    *size_p = (whole << shift) + part;
    return MEMHEAP_OK;
}

memheap_status_t memheap_parse_share(const char *text, memheap_share_t *share)
{
    char *end;
    const char *slash = strchr(text, '/');
    double percent = strtod(text, &end);
    *share = (memheap_share_t){.split = slash != NULL &&
                                        strcasecmp(slash, "/node") == 0};
    if ((!isdigit((unsigned char)*text) && *text != '.') ||
        (slash != NULL && !share->split))
        return MEMHEAP_ERR_BAD_PARAM;
    if (end[0] == '%' && (end[1] == '\0' || end + 1 == slash)) {
        share->of_total = share->split = true;
        share->size = (size_t)(percent * 1e4 + 0.5);
        return share->size > 0 && percent <= 100 ? MEMHEAP_OK
                                                 : MEMHEAP_ERR_BAD_PARAM;
    }
    char number[64];
    size_t length = share->split ? (size_t)(slash - text) : strlen(text);
    if (length >= sizeof(number))
        return MEMHEAP_ERR_BAD_PARAM;
    memcpy(number, text, length);
    number[length] = '\0';
    return memheap_parse_size(number, &share->size);
}

size_t memheap_share_bytes(const memheap_share_t *share, size_t total,
                           size_t processes)
{
    const size_t whole = 1000000;
    size_t bytes = share->size;
    if (share->of_total)
        bytes = total / whole * bytes + total % whole * bytes / whole;
    return share->split ? bytes / processes : bytes;
}

static bool parse_integer(const char *text, long *value_p)
{
    char *end;
    errno = 0;
    *value_p = strtol(text, &end, 10);
    return *text != '\0' && *end == '\0' && errno == 0;
}

static bool parse_boolean(const char *text, bool *value_p)
{
    static const char *const yes[] = {"1", "yes", "on", "true"};
    static const char *const no[] = {"0", "no", "off", "false"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *value_p = strcasecmp(text, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

/* Whether text is a word, or stands for it: a word that ends in :N is one for
 * every number. */
static bool is_word(const char *word, const char *text)
{
    size_t length = strlen(word);
    if (length < 2 || strcmp(word + length - 2, ":N") != 0)
        return strcasecmp(word, text) == 0;
    if (strncasecmp(word, text, length - 1) != 0)
        return false;
    text += length - 1;
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && text[digits] == '\0';
}

/* The word that text is, or text itself if it stands for one; NULL for neither,
 * and all words are written to wanted. */
static const char *parse_word(const char *const *words, const char *text,
                              char *wanted, size_t room)
{
    size_t used = 0;
    for (; *words != NULL; words++) {
        if (is_word(*words, text))
            return strcasecmp(*words, text) == 0 ? *words : text;
        const char *link = used == 0 ? "" : words[1] == NULL ? " or " : ", ";
        used +=
            (size_t)snprintf(wanted + used, room - used, "%s%s", link, *words);
        used = memheap_min(used, room - 1);
    }
    return NULL;
}

/* Whether text is a value of the definition; if not, what would be is written
 * to wanted. */
static bool parse_value(const memheap_param_def_t *def, const char *text,
                        memheap_value_t *value, char *wanted, size_t room)
{
    bool bounded = def->minimum != 0 || def->maximum != 0;
    bool empty = *text == '\0';
    bool good = true;
    memset(value, 0, sizeof(*value)); /* all of it: there are digests of it */
    switch (def->type) {
    case MEMHEAP_PARAM_STRING:
        value->string = def->words == NULL
                            ? text
                            : parse_word(def->words, text, wanted, room);
        return value->string != NULL;
    case MEMHEAP_PARAM_INT:
        good = empty || parse_integer(text, &value->integer);
        if (good && bounded)
            good = value->integer >= (long)def->minimum &&
                   value->integer <= (long)def->maximum;
        snprintf(wanted, room, "a whole number");
        break;
    case MEMHEAP_PARAM_SIZE:
        good = empty || memheap_parse_size(text, &value->size) == MEMHEAP_OK;
        if (good && bounded)
            good = value->size >= def->minimum && value->size <= def->maximum;
        if (good && !empty && def->power_of_two)
            good = memheap_is_power_of_two(value->size);
        snprintf(wanted, room,
                 "a size such as 512, 64k, 3.1M, 2g or 1T (%sfrom %zu to %zu "
                 "bytes)",
                 def->power_of_two ? "a power of two " : "", def->minimum,
                 bounded ? def->maximum : SIZE_MAX);
        return good;
    case MEMHEAP_PARAM_SHARE:
        good = empty || memheap_parse_share(text, &value->share) == MEMHEAP_OK;
        snprintf(wanted, room,
                 "a size such as 64k, 3.1M or 2g, or a share of the machine "
                 "such as 8g/node or 50%%");
        return good;
    case MEMHEAP_PARAM_BOOL:
        good = empty || parse_boolean(text, &value->boolean);
        snprintf(wanted, room, "1, 0, yes, no, on, off, true or false");
        return good;
    case MEMHEAP_PARAM_FLAG:
        value->boolean = true;
        return true;
    }
    if (bounded)
        snprintf(wanted, room, "a whole number from %zu to %zu", def->minimum,
                 def->maximum);
    return good;
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
        return full(params);
    for (int i = 0; i < length; i++)
        name[i] = (char)toupper((unsigned char)name[i]);

    finding_t found;
    find_value(params, name, def, &found);
    memheap_param_t param = {.def = def, .source = found.source};
    param.name = keep(params, name, (size_t)length);
    param.text = keep(params, found.text, found.length);
    param.origin = keep(params, found.origin, strlen(found.origin));
    if (param.name == NULL || param.text == NULL || param.origin == NULL)
        return full(params);
    if (def->type == MEMHEAP_PARAM_FLAG &&
        found.source == MEMHEAP_SOURCE_DEFAULT) {
        params->param[params->count++] = param;
        return MEMHEAP_OK;
    }
    char wanted[160];
    if (!parse_value(def, param.text, &param.value, wanted, sizeof(wanted))) {
        memheap_log_write(params->log, MEMHEAP_LOG_ERROR,
                          "%s=\"%s\" (from %s) is no value for it: it wants "
                          "%s",
                          name, param.text, param.origin, wanted);
        return MEMHEAP_ERR_BAD_PARAM;
    }
    params->param[params->count++] = param;
    return MEMHEAP_OK;
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

/* Whether a variable is one that the parameter is read from. Unlike names in
 * a file, those of variables have no other case. */
static bool is_variable_of(const memheap_param_t *param, const char *name,
                           size_t size)
{
    const char *old_name = param->def->old_name;
    return (strlen(param->name) == size &&
            strncmp(param->name, name, size) == 0) ||
           (old_name != NULL && strlen(old_name) == size &&
            strncmp(old_name, name, size) == 0);
}

static bool begins_with(const char *name, size_t size, const char *start)
{
    size_t length = strlen(start);
    return size >= length && strncasecmp(name, start, length) == 0;
}

/* Whether a name is that of a parameter about a job's PEs, in a registry that
 * is about a heap alone: a program may have both. */
static bool is_of_jobs(const memheap_params_t *params, const char *name,
                       size_t size)
{
    static const char *const names[] = {
        "MEMHEAP_TRANSPORT",       "MEMHEAP_NODE_PES",
        "MEMHEAP_PROGRESS_THREAD", "MEMHEAP_MAP_NONBLOCK",
        "MEMHEAP_NODE_TIMEOUT",    "MEMHEAP_DEVICE_FOLDER"};
    if (memheap_params_find(params, names[0]) != NULL)
        return false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (same_name(names[i], name, size))
            return true;
    }
    return false;
}

/* Whether a name has to be that of a parameter. The environment has names of
 * all kinds, a file or the program none but ours, and those of the standard
 * where its layer does not run. */
static bool must_be_known(const memheap_params_t *params, const char *name,
                          size_t size, const char *where)
{
    if (begins_with(name, size, test_prefix) || is_of_jobs(params, name, size))
        return false;
    if (where == NULL || begins_with(name, size, prefix))
        return begins_with(name, size, prefix);
    bool standard =
        begins_with(name, size, "SHMEM_") || begins_with(name, size, "SMA_");
    return !standard ||
           memheap_params_find(params, "SHMEM_SYMMETRIC_SIZE") != NULL;
}

/* MEMHEAP_OK if a parameter has that name or none needs to. where is NULL for
 * the environment. */
static memheap_status_t check_name(const memheap_params_t *params,
                                   const char *name, size_t size,
                                   const char *where)
{
    if (!must_be_known(params, name, size, where))
        return MEMHEAP_OK;
    char choices[768] = "";
    size_t used = 0;
    for (size_t i = 0; i < params->count; i++) {
        const memheap_param_t *param = &params->param[i];
        if (where == NULL ? is_variable_of(param, name, size)
                          : same_name(param->name, name, size) ||
                                (param->def->old_name != NULL &&
                                 same_name(param->def->old_name, name, size)))
            return MEMHEAP_OK;
        if (used < sizeof(choices))
            used += (size_t)snprintf(choices + used, sizeof(choices) - used,
                                     "%s%s", i == 0 ? "" : ", ", param->name);
    }
    memheap_log_write(params->log, MEMHEAP_LOG_ERROR,
                      "no parameter has the name %.*s (from %s); there are: %s",
                      (int)size, name,
                      where == NULL ? "the environment" : where, choices);
    return MEMHEAP_ERR_BAD_PARAM;
}

memheap_status_t memheap_params_check_names(const memheap_params_t *params)
{
    memheap_status_t status;
    for (char **e = environ; e != NULL && *e != NULL; e++) {
        status = check_name(params, *e, strcspn(*e, "="), NULL);
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
        status = check_name(params, name, name_size, params->file);
        if (status != MEMHEAP_OK)
            return status;
    }
    for (const char *const *a = params->arguments; a != NULL && *a != NULL;
         a++) {
        const char *name;
        const char *value;
        size_t name_size;
        size_t value_size;
        if (!split(*a, &name, &name_size, &value, &value_size)) {
            memheap_log_write(params->log, MEMHEAP_LOG_ERROR,
                              "the program's parameter \"%s\" is not of the "
                              "form NAME=VALUE",
                              *a);
            return MEMHEAP_ERR_BAD_PARAM;
        }
        status = check_name(params, name, name_size, "the program");
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

const char *memheap_param_source_name(memheap_param_source_t source)
{
    static const char *const name[] = {"default", "file", "environment",
                                       "argument"};
    return name[source];
}
