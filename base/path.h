/*
 * Paths of files that a heap writes, as users give them in parameters.
 */
#ifndef MEMHEAP_BASE_PATH_H
#define MEMHEAP_BASE_PATH_H

#include <stddef.h>

/** Put a heap's name in the place of each %h of a path, and the process's
 *  number in that of each %p. The path is cut at room bytes, and returned. */
char *memheap_path_expand(const char *path, const char *name, char *text,
                          size_t room);

#endif
