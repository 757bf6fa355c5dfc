/*
 * Fuzzes parameters: files, variables and arguments, and the values in them.
 *
 * The input is a text of three parts with lines NAME=VALUE, separated by the
 * character 1: a parameter file, variables of the environment, and arguments of
 * a program. Accepted values are compared with their definitions; sizes with
 * exact arithmetic. A heap is then created with those of the arguments that
 * have no effect outside of it.
 */
#include "config.h"

#include "base/param_parse.h"
#include "base/param_table.h"
#include "base/params.h"
#include "tests/fuzz/fuzz.h"

#include <memheap/memheap.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    PARTS = 3,
    LINES = 20,
    TEXT = 4096
};

/* Definitions of each type, as a component may have them. */
static const char *const words[] = {"red", "green", "node:N", NULL};
static const memheap_param_def_t component_params[] = {
    {.name = "number",
     .type = MEMHEAP_PARAM_INT,
     .default_text = "3",
     .minimum = 2,
     .maximum = 1000},
    {.name = "any_number", .type = MEMHEAP_PARAM_INT, .default_text = ""},
    {.name = "power",
     .type = MEMHEAP_PARAM_SIZE,
     .default_text = "64",
     .minimum = 32,
     .maximum = 1 << 20,
     .power_of_two = true},
    {.name = "share",
     .type = MEMHEAP_PARAM_SHARE,
     .default_text = "1m",
     .old_name = "MEMHEAP_OLD_SHARE MEMHEAP_OLDER_SHARE"},
    {.name = "word",
     .type = MEMHEAP_PARAM_STRING,
     .default_text = "red",
     .words = words},
};

/* Parameters of a heap that change nothing outside of it. */
static const char *const harmless[] = {"COMPONENT",
                                       "CHECK",
                                       "CHECKERS",
                                       "GUARD",
                                       "RECORDS",
                                       "OVERCOMMIT",
                                       "TRIM",
                                       "PAGES",
                                       "PLACE",
                                       "TOP",
                                       "FIT_STRATEGY",
                                       "BUDDY_MIN_BLOCK",
                                       "FIT_PRIORITY",
                                       "BUDDY_PRIORITY",
                                       "PTMALLOC_PRIORITY",
                                       "MEMPOOL_PRIORITY"};

static memheap_params_t params;
static memheap_params_t derived;

/* Compare a size with its text, if that is short enough for exact arithmetic:
 * DIGITS * 1024^n / 10^fraction, rounded up. */
static void check_size(const char *text)
{
    static const char letters[] = "kmgt";
    size_t size = 77;
    bool good = memheap_parse_size(text, &size) == MEMHEAP_OK;
    fuzz_require(good || size == 77);
    unsigned __int128 number = 0;
    unsigned __int128 unit = 1;
    unsigned digits = 0;
    bool point = false;
    const char *c = text;
    for (; isdigit((unsigned char)*c) || (*c == '.' && !point); c++) {
        point = point || *c == '.';
        if (*c == '.')
            continue;
        number = number * 10 + (unsigned)(*c - '0');
        unit *= point ? 10 : 1;
        if (++digits > 18)
            return;
    }
    const char *letter =
        *c == '\0' ? NULL : strchr(letters, tolower((unsigned char)*c));
    if (letter != NULL)
        number <<= 10 * (letter - letters + 1);
    number = (number + unit - 1) / unit;
    bool valid =
        digits > 0 && (*c == '\0' || letter != NULL) && number <= SIZE_MAX;
    fuzz_require(good == valid);
    fuzz_require(!good || size == (size_t)number);
}

static void check_share(const char *text)
{
    memheap_share_t share;
    if (memheap_parse_share(text, &share) != MEMHEAP_OK)
        return;
    size_t bytes = memheap_share_bytes(&share, MEMHEAP_GIB, 3);
    if (share.of_total)
        fuzz_require(share.split && share.size <= 1000000 &&
                     bytes <= MEMHEAP_GIB / 3);
    else
        fuzz_require(bytes == (share.split ? share.size / 3 : share.size));
}

static void check_value(const memheap_param_t *param)
{
    const memheap_param_def_t *def = param->def;
    const memheap_value_t *value = &param->value;
    bool empty = *param->text == '\0';
    bool bounded = def->minimum != 0 || def->maximum != 0;
    switch (def->type) {
    case MEMHEAP_PARAM_STRING:
        fuzz_require(value->string != NULL);
        if (def->words == NULL)
            fuzz_require(value->string == param->text);
        else
            fuzz_require(strcasecmp(value->string, param->text) == 0);
        break;
    case MEMHEAP_PARAM_INT:
        fuzz_require(value->integer == strtol(param->text, NULL, 10));
        if (bounded)
            fuzz_require(value->integer >= (long)def->minimum &&
                         value->integer <= (long)def->maximum);
        break;
    case MEMHEAP_PARAM_SIZE:
        fuzz_require(!bounded || (value->size >= def->minimum &&
                                  value->size <= def->maximum));
        fuzz_require(!def->power_of_two ||
                     memheap_is_power_of_two(value->size));
        fuzz_require(!empty || value->size == 0);
        check_size(param->text);
        break;
    case MEMHEAP_PARAM_SHARE:
        check_share(param->text);
        break;
    case MEMHEAP_PARAM_BOOL:
        fuzz_require(!empty || !value->boolean);
        break;
    case MEMHEAP_PARAM_FLAG:
        fuzz_require(value->boolean ==
                     (param->source != MEMHEAP_SOURCE_DEFAULT));
        break;
    }
}

static void check_params(const memheap_params_t *set)
{
    fuzz_require(set->count <= MEMHEAP_PARAM_MAX);
    fuzz_require(set->text_used <= MEMHEAP_PARAM_TEXT);
    for (size_t i = 0; i < set->count; i++) {
        const memheap_param_t *param = &set->param[i];
        fuzz_require(memheap_params_find(set, param->name) == param);
        fuzz_require(
            (param->source == MEMHEAP_SOURCE_DEFAULT) ==
            (strcmp(memheap_param_source_name(param->source), "default") == 0));
        check_value(param);
    }
}

/* Split a text into lines. The list ends with NULL. */
static void split_lines(char *text, const char *lines[LINES + 1])
{
    size_t count = 0;
    char *rest = text;
    for (char *line; count < LINES && (line = strsep(&rest, "\n")) != NULL;)
        lines[count++] = line;
    lines[count] = NULL;
}

/* Copy the name of a variable of memheap or OpenSHMEM. */
static bool variable_of(const char *line, char name[64])
{
    static const char *const prefixes[] = {"MEMHEAP_", "SHMEM_", "SMA_",
                                           "OMPI_MCA_memheap"};
    size_t size = strcspn(line, "=");
    if (line[size] != '=' || size >= 64)
        return false;
    memcpy(name, line, size);
    name[size] = '\0';
    for (size_t i = 0; i < 4; i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    }
    return false;
}

static void set_environment(const char *const *lines, bool set)
{
    char name[64];
    for (; *lines != NULL; lines++) {
        if (!variable_of(*lines, name))
            continue;
        if (set)
            setenv(name, strchr(*lines, '=') + 1, 1);
        else
            unsetenv(name);
    }
}

static memheap_status_t read_params(const char *file,
                                    const char *const *arguments)
{
    memheap_params_init(&params, &fuzz_log);
    memheap_params_reserve(&params, memheap_job_params,
                           memheap_job_param_count);
    memheap_status_t status = MEMHEAP_OK;
    if (*file != '\0')
        status =
            memheap_params_read_file(&params, fuzz_file(file, strlen(file)));
    if (status == MEMHEAP_OK)
        status = memheap_params_add(&params, NULL, memheap_heap_params,
                                    memheap_heap_param_count);
    if (status == MEMHEAP_OK)
        status = memheap_params_add(&params, "some", component_params,
                                    sizeof(component_params) /
                                        sizeof(component_params[0]));
    if (status == MEMHEAP_OK && *file != '#')
        status = memheap_params_add(&params, NULL, memheap_job_params,
                                    memheap_job_param_count);
    check_params(&params);
    if (status == MEMHEAP_OK)
        status = memheap_params_check_names(&params);
    if (status == MEMHEAP_OK)
        status = memheap_params_derive(&derived, &params, arguments, &fuzz_log);
    if (status == MEMHEAP_OK)
        check_params(&derived);
    return status;
}

static bool is_harmless(const char *line)
{
    char name[64];
    if (!variable_of(line, name) || strncmp(name, "MEMHEAP_", 8) != 0)
        return false;
    for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
        if (strcasecmp(name + 8, harmless[i]) == 0)
            return true;
    }
    return false;
}

static void use_heap(const char **arguments)
{
    size_t kept = 0;
    for (size_t i = 0; arguments[i] != NULL; i++) {
        if (is_harmless(arguments[i]))
            arguments[kept++] = arguments[i];
    }
    arguments[kept] = NULL;
    memheap_config_t config = {
        .size = 65536, .params = arguments, .log = &fuzz_log};
    memheap_t *heap;
    if (kept == 0 || memheap_create(&config, &heap) != MEMHEAP_OK)
        return;
    char *block = memheap_malloc(heap, 1000);
    if (block != NULL)
        memset(block, 1, 1000);
    fuzz_require(memheap_check(heap) == MEMHEAP_OK);
    fuzz_require(memheap_free(heap, block) == MEMHEAP_OK);
    fuzz_require(memheap_destroy(heap) == MEMHEAP_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[TEXT];
    char nothing[] = "";
    char *part[PARTS] = {text, nothing, nothing};
    const char *variables[LINES + 1];
    const char *arguments[LINES + 1];
    if (size >= sizeof(text))
        return 0;
    fuzz_component_count(); /* reads the environment before it changes */
    memcpy(text, data, size);
    text[size] = '\0';
    check_size(text);
    check_share(text);
    char *rest = text;
    for (size_t i = 0; i < PARTS && rest != NULL; i++)
        part[i] = strsep(&rest, "\1");
    split_lines(part[1], variables);
    split_lines(part[2], arguments);
    set_environment(variables, true);
    read_params(part[0], arguments);
    set_environment(variables, false);
    use_heap(arguments);
    return 0;
}
