/*
 * Checks of what a plug-in exports, so that a mistake in it is a message and
 * not a crash.
 */
#ifndef MEMHEAP_BASE_COMPONENT_CHECK_H
#define MEMHEAP_BASE_COMPONENT_CHECK_H

#include <memheap/component.h>

/** Check a component: its names, its parameters and its operations.
 *  @return what is wrong, or NULL */
const char *memheap_component_problem(const memheap_component_t *component);

/** Check that a module has all operations that must not be NULL.
 *  @return what is wrong, or NULL */
const char *memheap_module_problem(const memheap_module_t *module);

#endif
