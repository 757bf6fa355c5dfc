/*
 * memheap-info: what the library knows, in three forms of output.
 *
 * The facts are those of an open framework and of the machine; human.c,
 * json.c and parsable.c only write them. Nothing here needs MPI.
 */
#ifndef MEMHEAP_TOOLS_INFO_INFO_H
#define MEMHEAP_TOOLS_INFO_INFO_H

#include "base/framework.h"

/** Room for any value, as info_value() writes those that it must write. */
#define INFO_VALUE_TEXT 32

/** The value in effect: sizes in bytes, truth as 1 or 0, strings as they are.
 *  Lies in text or in the registry. */
const char *info_value(const memheap_param_t *param,
                       char text[INFO_VALUE_TEXT]);

/** The value that would be in effect if no source named the parameter, as the
 *  user would write it; "" if there is none. Lies in text or in a constant. */
const char *info_default(const memheap_framework_t *framework,
                         const memheap_param_t *param,
                         char text[INFO_VALUE_TEXT]);

/** "string", "integer", "size", "boolean" or "flag". */
const char *info_type(const memheap_param_t *param);

/** "heap", "process" or "job", with "per PE" if PEs may differ. */
const char *info_scope(const memheap_param_t *param);

/** Whether the parameter's name begins with prefix, in either case. */
bool info_begins(const memheap_param_t *param, const char *prefix);

/** The component that a heap is asked of first; NULL if none is usable. */
const memheap_component_t *
info_first_choice(const memheap_framework_t *framework);

/** Everything, laid out for people. */
void info_print_all(const memheap_framework_t *framework);

/** The parameters whose names begin with prefix, laid out for people. */
void info_print_params(const memheap_framework_t *framework,
                       const char *prefix);

/** Everything, as lines of keys and values split by colons. */
void info_parsable_all(const memheap_framework_t *framework);

/** The parameters whose names begin with prefix, as such lines. */
void info_parsable_params(const memheap_framework_t *framework,
                          const char *prefix);

/** The parameters whose names begin with prefix as JSON; everything if it is
 *  NULL. */
void info_json(const memheap_framework_t *framework, const char *prefix);

#endif
