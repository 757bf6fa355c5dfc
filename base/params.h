/*
 * Every parameter, in one registry.
 *
 * A parameter is declared by whoever uses it, in a table of definitions. When
 * a table is added, each of its parameters takes its value from the strongest
 * source that names it: an argument of the program, the environment, what
 * `mpirun --mca` put there, the parameter file, the default. A registry is an
 * object of fixed size, so it never runs out of memory, and copies what it
 * reads, so a later change of the environment does not reach it.
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
    MEMHEAP_PARAM_MAX = 128,   /* parameters of one registry */
    MEMHEAP_PARAM_TEXT = 32768 /* bytes of names and values */
};

typedef struct memheap_param {
    const char *name;
    const memheap_param_def_t *def;
    memheap_value_t value;
    const char *text; /* the value as it was written */
    memheap_param_source_t source;
    /** What named it: a variable, or file and line; "" for the default. */
    const char *origin;
} memheap_param_t;

typedef struct memheap_params {
    const memheap_log_t *log;
    const char *const *arguments;
    const char *file;      /* its name, or NULL */
    const char *file_text; /* its lines, each ended by a null byte */
    size_t file_size;
    size_t count;
    size_t text_used;
    memheap_param_t param[MEMHEAP_PARAM_MAX];
    char text[MEMHEAP_PARAM_TEXT];
} memheap_params_t;

/**
 * An empty registry. Both pointers must outlive it.
 *
 * @param arguments  "NAME=VALUE" strings up to a NULL, the strongest source;
 *                   or NULL
 */
void memheap_params_init(memheap_params_t *params, const memheap_log_t *log,
                         const char *const *arguments);

/**
 * Let a file of lines "NAME = VALUE", with comments from # on, take part for
 * all definitions that are added after this call.
 * @return MEMHEAP_ERR_BAD_PARAM, logged, if it cannot be read or understood.
 */
memheap_status_t memheap_params_read_file(memheap_params_t *params,
                                          const char *path);

/**
 * Add definitions, which must outlive the registry, and find their values.
 *
 * @param component  whose own they are, or NULL if names are whole
 * @return MEMHEAP_ERR_BAD_PARAM, logged, if a value cannot be understood.
 */
memheap_status_t memheap_params_add(memheap_params_t *params,
                                    const char *component,
                                    const memheap_param_def_t *defs,
                                    size_t count);

/**
 * Find names that begin with MEMHEAP_ and that no definition has, in every
 * source, and arguments without a name or a value. Variables of the
 * environment must have their names in upper case. MEMHEAP_TEST_ is left to
 * tests.
 * @return MEMHEAP_ERR_BAD_PARAM, logged with the names there are.
 */
memheap_status_t memheap_params_check_names(const memheap_params_t *params);

/** A parameter by its whole name, in either case; NULL if there is none. */
const memheap_param_t *memheap_params_find(const memheap_params_t *params,
                                           const char *name);

/** The value of a parameter that is known to exist. */
const memheap_value_t *memheap_params_value(const memheap_params_t *params,
                                            const char *name);

/** "default", "file", ...; never NULL. */
const char *memheap_param_source_name(memheap_param_source_t source);

/**
 * Read a size: a decimal number, with a fraction or without, and at most one
 * of the letters k, m, g, t in either case, for powers of 1024. What follows
 * the letter is ignored. A fraction of a byte counts as one.
 *
 * @return MEMHEAP_ERR_BAD_PARAM if the text is none, or past SIZE_MAX.
 * Source: OpenSHMEM 1.6, environment variable SHMEM_SYMMETRIC_SIZE.
 */
memheap_status_t memheap_parse_size(const char *text, size_t *size_p);

/**
 * Read a size, or a share of a machine that its processes split: "8g/node" is
 * so many bytes for all of them, "50%" a part of its memory, which may have a
 * fraction.
 *
 * @return MEMHEAP_ERR_BAD_PARAM if the text is none, or no part of 100.
 */
memheap_status_t memheap_parse_share(const char *text, memheap_share_t *share);

/** The bytes that a share is for one of `processes` on a machine. */
size_t memheap_share_bytes(const memheap_share_t *share, size_t total,
                           size_t processes);

#endif
