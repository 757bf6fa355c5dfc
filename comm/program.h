/*
 * The executable that this process runs.
 */
#ifndef MEMHEAP_COMM_PROGRAM_H
#define MEMHEAP_COMM_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

/** A digest that two executables share only if their variables have the same
 *  places. */
uint64_t memheap_program_digest(void);

/** The path of the executable, cut to the room; "?" if the system does not
 *  tell. */
void memheap_program_path(char *path, size_t room);

#endif
