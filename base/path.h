/*
 * Placeholders in paths that parameters name.
 */
#ifndef MEMHEAP_BASE_PATH_H
#define MEMHEAP_BASE_PATH_H

#include <stddef.h>

/** Replace %h by the heap's name and %p by the process ID. Truncates to room
 *  bytes. Returns text. */
char *memheap_path_expand(const char *path, const char *name, char *text,
                          size_t room);

#endif
