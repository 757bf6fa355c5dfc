/*
 * Shows the components, the parameters and the machine, in three output
 * formats.
 *
 * The values come from an open framework (facts.c) and from the system.
 * human.c, json.c and parsable.c only format them. Nothing here needs MPI.
 */
#ifndef MEMHEAP_TOOLS_INFO_INFO_H
#define MEMHEAP_TOOLS_INFO_INFO_H

#include "base/framework.h"

/** Buffer size for info_value() and info_default(). */
#define INFO_VALUE_TEXT 32

/** Get the value in effect: sizes in bytes, booleans as 1 or 0, strings
 *  unchanged. The result is in text or in the registry. */
const char *info_value(const memheap_param_t *param,
                       char text[INFO_VALUE_TEXT]);

/** Get the default value in the form that a user writes, or "" if there is
 *  none. The result is in text or is a constant. */
const char *info_default(const memheap_framework_t *framework,
                         const memheap_param_t *param,
                         char text[INFO_VALUE_TEXT]);

/** Get the type: "string", "integer", "size", "boolean" or "flag". */
const char *info_type(const memheap_param_t *param);

/** Get the scope: "heap", "process" or "job", followed by ", per PE" if PEs may
 *  differ. */
const char *info_scope(const memheap_param_t *param);

/** Test whether the name of a parameter begins with prefix, ignoring case. */
bool info_begins(const memheap_param_t *param, const char *prefix);

/** Get the first choice for a new heap; NULL if no component is usable. */
const memheap_component_t *
info_first_choice(const memheap_framework_t *framework);

/** Print everything for people. */
void info_print_all(const memheap_framework_t *framework);

/** Print the parameters that begin with prefix, for people. */
void info_print_params(const memheap_framework_t *framework,
                       const char *prefix);

/** Print everything as lines of keys and values, separated by colons. */
void info_parsable_all(const memheap_framework_t *framework);

/** Print the parameters that begin with prefix as lines of keys and values. */
void info_parsable_params(const memheap_framework_t *framework,
                          const char *prefix);

/** Print the parameters that begin with prefix as JSON; NULL: print
 *  everything. */
void info_json(const memheap_framework_t *framework, const char *prefix);

#endif
