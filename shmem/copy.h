/*
 * Copies between the memories of PEs of one node.
 */
#ifndef MEMHEAP_SHMEM_COPY_H
#define MEMHEAP_SHMEM_COPY_H

#include <stddef.h>
#include <string.h>

/** The size, in bytes, from which memheap_copy_long() pays off. */
#define MEMHEAP_COPY_LONG 768

/** As memmove(), for at least MEMHEAP_COPY_LONG bytes. The data is visible
 * before any later store. */
void memheap_copy_long(void *dest, const void *source, size_t size);

/** As memheap_copy_long(), for any size. */
static inline void memheap_copy(void *dest, const void *source, size_t size)
{
    if (size < MEMHEAP_COPY_LONG)
        memmove(dest, source, size);
    else
        memheap_copy_long(dest, source, size);
}

#endif
