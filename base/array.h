/*
 * A growable array of metadata that never moves.
 *
 * The address space for the greatest length is reserved when the array is
 * opened. Memory is committed from its start as the array grows, by at least
 * 16 KiB and an eighth of what is committed: O(log n) system calls.
 */
#ifndef MEMHEAP_BASE_ARRAY_H
#define MEMHEAP_BASE_ARRAY_H

#include <memheap/memory.h>

#include <stddef.h>

/** Memory that grows where it stands. Fields are read-only for its users. */
typedef struct memheap_array {
    char *base;
    size_t committed; /* bytes from base that may be touched */
    size_t reserved;  /* bytes that committed can reach */
    const memheap_memory_t *memory;
} memheap_array_t;

/** Reserve an array of at most max_size bytes. MEMHEAP_ERR_NO_METADATA. */
memheap_status_t memheap_array_open(memheap_array_t *array,
                                    const memheap_memory_t *memory,
                                    size_t max_size);

/** Release the array's memory. An array of zeros may be closed too. */
void memheap_array_close(memheap_array_t *array);

/** The slow path of memheap_array_ensure(). */
memheap_status_t memheap_array_extend(memheap_array_t *array, size_t size);

/** Make the first size bytes usable. MEMHEAP_ERR_NO_METADATA. */
static inline memheap_status_t memheap_array_ensure(memheap_array_t *array,
                                                    size_t size)
{
    return size <= array->committed ? MEMHEAP_OK
                                    : memheap_array_extend(array, size);
}

#endif
