/*
 * Values of parameters, and where each came from.
 *
 * A parameter takes its value from the first of these sources that has one: the
 * environment, the variables set by `mpirun --mca`, the parameter file, the
 * default. A derived set is a copy in which a program's arguments replace
 * values. A set-user-ID or set-group-ID program has no environment here, and so
 * no parameter file: both belong to the one who starts it.
 *
 * The set has a fixed size, so adding never allocates. It copies what it reads,
 * so later changes of the environment have no effect. Every entry has a valid
 * value.
 */
#ifndef MEMHEAP_BASE_PARAMS_H
#define MEMHEAP_BASE_PARAMS_H

#include <memheap/log.h>
#include <memheap/param.h>
#include <memheap/status.h>

#include <stdbool.h>
#include <stddef.h>

typedef enum memheap_param_source {
    MEMHEAP_SOURCE_DEFAULT,
    MEMHEAP_SOURCE_FILE,
    MEMHEAP_SOURCE_ENVIRONMENT,
    MEMHEAP_SOURCE_ARGUMENT
} memheap_param_source_t;

enum {
    MEMHEAP_PARAM_MAX = 128,   /* parameters */
    MEMHEAP_PARAM_TEXT = 32768 /* bytes of names and values */
};

typedef struct memheap_param {
    const char *name;
    const memheap_param_def_t *def;
    memheap_value_t value;
    const char *text; /* the value as the user wrote it */
    memheap_param_source_t source;
    /** Name of the variable, or file and line; "" for the default. */
    const char *origin;
} memheap_param_t;

typedef struct memheap_params {
    const memheap_log_t *log;
    /** Definitions with valid names whose values are not read yet. */
    const memheap_param_def_t *reserved;
    size_t reserved_count;
    const char *file;      /* path of the parameter file, or NULL */
    const char *file_text; /* its lines, each terminated by 0 */
    size_t file_size;
    size_t count;
    size_t text_used;
    memheap_param_t param[MEMHEAP_PARAM_MAX];
    char text[MEMHEAP_PARAM_TEXT];
} memheap_params_t;

/** Initialize an empty set. The log must outlive it. */
void memheap_params_init(memheap_params_t *params, const memheap_log_t *log);

/** Accept the names of these definitions without reading their values. The
 *  definitions must outlive the set. */
void memheap_params_reserve(memheap_params_t *params,
                            const memheap_param_def_t *defs, size_t count);

/**
 * Read a file of lines "NAME = VALUE"; # starts a comment. It is a source for
 * definitions added afterwards.
 * @return MEMHEAP_ERR_BAD_PARAM, logged, if the file cannot be read or parsed
 */
memheap_status_t memheap_params_read_file(memheap_params_t *params,
                                          const char *path);

/**
 * Add definitions and find their values. The definitions must outlive the set.
 *
 * @param component  the component they belong to; NULL if their names are
 *     complete
 * @return MEMHEAP_ERR_BAD_PARAM, logged, if a value is not valid
 */
memheap_status_t memheap_params_add(memheap_params_t *params,
                                    const char *component,
                                    const memheap_param_def_t *defs,
                                    size_t count);

/**
 * Copy a set and replace the values that a program sets.
 *
 * @param params     uninitialized; base must outlive it
 * @param arguments  "NAME=VALUE" strings, terminated by NULL
 * @return MEMHEAP_ERR_BAD_PARAM, logged, for an unknown name, an invalid value,
 *     or a parameter of the job or the process
 */
memheap_status_t memheap_params_derive(memheap_params_t *params,
                                       const memheap_params_t *base,
                                       const char *const *arguments,
                                       const memheap_log_t *log);

/**
 * Check that the parameter file has known names only, and that each variable of
 * the environment that starts with MEMHEAP_ is known. Variables are compared
 * with case. Names that start with MEMHEAP_TEST_ are reserved to tests and
 * accepted.
 * @return MEMHEAP_ERR_BAD_PARAM, logged with the known names
 */
memheap_status_t memheap_params_check_names(const memheap_params_t *params);

/** Find a parameter by its full name, in either case. NULL if there is none. */
const memheap_param_t *memheap_params_find(const memheap_params_t *params,
                                           const char *name);

/** The value of a parameter that is known to exist. */
const memheap_value_t *memheap_params_value(const memheap_params_t *params,
                                            const char *name);

/** Where a value is from, in words that param->origin completes. */
const char *memheap_param_origin_kind(const memheap_param_t *param);

/** "default", "file", "environment" or "argument". */
const char *memheap_param_source_name(memheap_param_source_t source);

#endif
