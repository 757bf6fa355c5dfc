/*
 * The spaces that the program created: to find one, and when the library stops.
 */
#ifndef MEMHEAP_SHMEM_SPACE_H
#define MEMHEAP_SHMEM_SPACE_H

#include "shmem/runtime.h"

/** Write the reports that the parameters ask for, for a space that ends.
 *  Collective over its members. */
void memheap_space_report(memheap_space_t *space);

/** The space whose heap has an address, or NULL. Local. */
memheap_space_t *memheap_space_at(const void *address);

/** Write the reports of all spaces. Collective over all PEs. */
void memheap_spaces_report(void);

/** Destroy all spaces, after the transport is closed. Local. */
void memheap_spaces_stop(void);

#endif
