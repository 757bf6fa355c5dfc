/*
 * Properties of a heap, beyond those in memheap.h.
 */
#ifndef MEMHEAP_PROPERTIES_H
#define MEMHEAP_PROPERTIES_H

#include "base/params.h"

#include <memheap/memheap.h>

/** The log, the name and the parameters that the heap was created with. */
const memheap_log_t *memheap_get_log(const memheap_t *heap);
const char *memheap_name(const memheap_t *heap);
const memheap_params_t *memheap_get_params(const memheap_t *heap);

/** Whether an address lies in the heap's range. */
bool memheap_has_address(const memheap_t *heap, const void *address);

/** The high-water mark: bytes from the base to the end of the highest block so
 *  far. All of them are committed. */
size_t memheap_high_water(const memheap_t *heap);

/** Whether memheap_check_access() can find wrong accesses to this heap. */
bool memheap_is_access_checked(const memheap_t *heap);

#endif
