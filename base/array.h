/*
 * A growable array for metadata, which never moves.
 *
 * open() reserves address space for the greatest length. Memory is committed
 * from the start as the array grows, in steps of at least 16 KiB and an eighth
 * of the present length: O(log n) system calls.
 */
#ifndef MEMHEAP_BASE_ARRAY_H
#define MEMHEAP_BASE_ARRAY_H

#include <memheap/memory.h>

#include <stddef.h>

/** Fields are read-only for users. */
typedef struct memheap_array {
    char *base;
    size_t committed; /* accessible bytes from base */
    size_t reserved;  /* greatest value of committed */
    const memheap_memory_t *memory;
} memheap_array_t;

/** Reserve an array of at most max_size bytes. MEMHEAP_ERR_NO_METADATA. */
memheap_status_t memheap_array_open(memheap_array_t *array,
                                    const memheap_memory_t *memory,
                                    size_t max_size);

/** Release the memory. Accepts an array of zeros. */
void memheap_array_close(memheap_array_t *array);

/** Slow path of memheap_array_ensure(). */
memheap_status_t memheap_array_extend(memheap_array_t *array, size_t size);

/** Make the first size bytes accessible. MEMHEAP_ERR_NO_METADATA. */
static inline memheap_status_t memheap_array_ensure(memheap_array_t *array,
                                                    size_t size)
{
    return size <= array->committed ? MEMHEAP_OK
                                    : memheap_array_extend(array, size);
}

#endif
