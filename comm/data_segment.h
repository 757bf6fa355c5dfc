/*
 * The data segment: the program's global and static variables.
 *
 * It spans the writable pages of the executable, from the first to the last.
 * These are a few ranges; pages between them are read-only, and no part of it:
 *
 *     executable  | code | RELRO | .data .bss | .lrodata | .ldata .lbss |
 *     ranges                     |     0      |          |      1       |
 *     offsets                    0            from .. to             size
 */
#ifndef MEMHEAP_COMM_DATA_SEGMENT_H
#define MEMHEAP_COMM_DATA_SEGMENT_H

#include "comm/moved_pages.h"

/** Find the data segment. Local. */
void memheap_data_segment_find(memheap_moved_pages_t *data);

#endif
