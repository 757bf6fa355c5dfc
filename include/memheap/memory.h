/*
 * Sources of memory for metadata.
 *
 * A module keeps its metadata in such memory, never in the region. It reserves
 * address space once, for the most it may need, and commits it from the start
 * as it is used. So arrays never move, and creating a heap takes the same time
 * at any size. A program can provide its own source; the tests provide one that
 * fails on demand.
 */
#ifndef MEMHEAP_MEMORY_H
#define MEMHEAP_MEMORY_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct memheap_memory memheap_memory_t;

/** A source of memory. Sizes and addresses are multiples of the page size.
 *  Several threads may call at once for different reservations. */
struct memheap_memory {
    /** Reserve address space that is not accessible yet. NULL on failure. */
    void *(*reserve)(const memheap_memory_t *self, size_t size);
    /** Make a part of a reservation readable and writable; it reads as zero.
     *  Returns false on failure. */
    bool (*commit)(const memheap_memory_t *self, void *address, size_t size);
    /** Release a whole reservation. */
    void (*release)(const memheap_memory_t *self, void *address, size_t size);
};

/** Anonymous pages of this process. */
extern const memheap_memory_t memheap_memory_system;

/**
 * Allocate zeroed memory of a fixed size, to be released by
 * memheap_memory_delete() with the same size.
 * @return NULL on failure
 */
void *memheap_memory_new(const memheap_memory_t *memory, size_t size);

/** Release memory of memheap_memory_new(). */
void memheap_memory_delete(const memheap_memory_t *memory, void *address,
                           size_t size);

#ifdef __cplusplus
}
#endif

#endif
