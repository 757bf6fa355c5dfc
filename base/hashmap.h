/*
 * A hash table from one number to another.
 *
 * Open addressing with linear probing over a power of two of slots, at most
 * three quarters full. Removing shifts later entries back, so there are no
 * tombstones, and a search ends at the first empty slot. Keys are stored plus
 * one, so zeroed memory is an empty table. No result depends on the order of
 * slots.
 *
 * Source: D. E. Knuth, TAOCP vol. 3, section 6.4, algorithms L and R.
 */
#ifndef MEMHEAP_BASE_HASHMAP_H
#define MEMHEAP_BASE_HASHMAP_H

#include <memheap/memory.h>
#include "base/util.h"

typedef struct memheap_hashmap_slot {
    uint64_t key_plus_one;
    uint64_t value;
} memheap_hashmap_slot_t;

typedef struct memheap_hashmap {
    memheap_hashmap_slot_t *slots;
    unsigned order; /* log2 of the number of slots */
    size_t count;
    size_t room; /* count up to which no memory is needed */
    const memheap_memory_t *memory;
} memheap_hashmap_t;

/** Create an empty table. MEMHEAP_ERR_NO_METADATA. */
memheap_status_t memheap_hashmap_open(memheap_hashmap_t *map,
                                      const memheap_memory_t *memory);
/** Release the memory. Accepts a table of zeros. */
void memheap_hashmap_close(memheap_hashmap_t *map);

/** Bytes of the table. */
static inline size_t memheap_hashmap_size(const memheap_hashmap_t *map)
{
    return sizeof(memheap_hashmap_slot_t) << map->order;
}

/** Slow path of memheap_hashmap_reserve(). */
memheap_status_t memheap_hashmap_extend(memheap_hashmap_t *map);

/** Make sure that the next memheap_hashmap_put() succeeds. The table is
 *  unchanged on MEMHEAP_ERR_NO_METADATA. */
static inline memheap_status_t memheap_hashmap_reserve(memheap_hashmap_t *map)
{
    return map->count < map->room ? MEMHEAP_OK : memheap_hashmap_extend(map);
}

/** The first slot to probe for a key. Multiplicative hashing by 2^64 divided
 *  by the golden ratio: keys are often multiples of a power of two, which the
 *  upper bits of the product mix. */
static inline size_t memheap_hashmap_home(const memheap_hashmap_t *map,
                                          uint64_t key)
{
    return (size_t)(key * UINT64_C(0x9E3779B97F4A7C15) >> (64 - map->order));
}

/** Pointer to the value of a key, or NULL. Keys are less than UINT64_MAX. */
uint64_t *memheap_hashmap_find(const memheap_hashmap_t *map, uint64_t key);

/** Add a key that is not in the table, after memheap_hashmap_reserve(). */
void memheap_hashmap_put(memheap_hashmap_t *map, uint64_t key, uint64_t value);

/** Remove a key, given the pointer from memheap_hashmap_find(). */
void memheap_hashmap_remove(memheap_hashmap_t *map, uint64_t *value);

#endif
