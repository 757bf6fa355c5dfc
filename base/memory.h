/*
 * Memory for metadata.
 *
 * A module keeps what it knows of its blocks in memory of this kind, never in
 * the region. It is address space, reserved once for all that the module may
 * ever need and committed from its start as it is used: tables keep their
 * place, and creating a heap costs the same at any size. A caller can bring a
 * source of its own; the tests bring one that fails on demand.
 */
#ifndef MEMHEAP_BASE_MEMORY_H
#define MEMHEAP_BASE_MEMORY_H

#include "base/status.h"

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

/** Memory that grows where it stands. Fields are read-only for its users. */
typedef struct memheap_table {
    char *base;
    size_t committed; /* bytes from base that may be touched */
    size_t reserved;  /* bytes that committed can reach */
    const memheap_memory_t *memory;
} memheap_table_t;

/** Reserve a table of at most max_size bytes. MEMHEAP_ERR_NO_METADATA. */
memheap_status_t memheap_table_open(memheap_table_t *table,
                                    const memheap_memory_t *memory,
                                    size_t max_size);

/** Give the table's memory back. A table of zeros may be closed too. */
void memheap_table_close(memheap_table_t *table);

/** What memheap_table_ensure() does when there is something to do. */
memheap_status_t memheap_table_extend(memheap_table_t *table, size_t size);

/** Let the first size bytes be usable. MEMHEAP_ERR_NO_METADATA. */
static inline memheap_status_t memheap_table_ensure(memheap_table_t *table,
                                                    size_t size)
{
    return size <= table->committed ? MEMHEAP_OK
                                    : memheap_table_extend(table, size);
}

#ifdef __cplusplus
}
#endif

#endif
