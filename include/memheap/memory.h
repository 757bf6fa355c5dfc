/*
 * Memory for metadata.
 *
 * A module keeps what it knows of its blocks in memory of this kind, never in
 * the region. It is address space, reserved once for all that the module may
 * ever need and committed from its start as it is used: tables keep their
 * place, and creating a heap costs the same at any size. A caller can bring a
 * source of its own; the tests bring one that fails on demand.
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

/** A source of memory. Sizes and addresses are multiples of the page size. */
struct memheap_memory {
    /** Address space that cannot be touched yet. NULL if there is none. */
    void *(*reserve)(const memheap_memory_t *self, size_t size);
    /** Make a part of a reservation usable; it reads as zero. */
    bool (*commit)(const memheap_memory_t *self, void *address, size_t size);
    /** Give a whole reservation back. */
    void (*release)(const memheap_memory_t *self, void *address, size_t size);
};

/** Anonymous pages of this process, backed when they are first touched. */
extern const memheap_memory_t memheap_memory_system;

/**
 * Zeroed memory of a fixed size, to be given back by memheap_memory_delete().
 * @return NULL if the source has none.
 */
void *memheap_memory_new(const memheap_memory_t *memory, size_t size);
void memheap_memory_delete(const memheap_memory_t *memory, void *address,
                           size_t size);

#ifdef __cplusplus
}
#endif

#endif
