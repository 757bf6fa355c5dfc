/*
 * The spaces that the program made, when the library ends.
 */
#ifndef MEMHEAP_SHMEM_SPACE_H
#define MEMHEAP_SHMEM_SPACE_H

#include "shmem/runtime.h"

/** Say of all spaces that the program made what is to be said at the end.
 *  Collective over all PEs. */
void memheap_spaces_report(void);

/** End them, once nobody reaches them any more. */
void memheap_spaces_stop(void);

#endif
