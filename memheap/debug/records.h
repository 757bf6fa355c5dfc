/*
 * Records of live blocks: the requested size, the number of the allocation, the
 * call site and the tag.
 *
 * A hash table maps a block's offset to its record in an array. Each tag and
 * each call site has statistics over its blocks. If there is no memory for a
 * record, the block has none: no allocation fails for lack of a record. The
 * caller holds the heap's lock.
 */
#ifndef MEMHEAP_DEBUG_RECORDS_H
#define MEMHEAP_DEBUG_RECORDS_H

#include <memheap/memheap.h>
#include "memheap/debug/stack_depot.h"

/** The record of a live block. */
typedef struct memheap_record {
    uint64_t number; /* of the allocation in its heap, from 1 */
    size_t asked;    /* requested bytes */
    size_t usable;   /* bytes */
    uint32_t tag;    /* index of the tag; next of an unused record */
    memheap_call_site_t site;
} memheap_record_t;

/** Statistics of the blocks of one call site. Sizes are in bytes. */
typedef struct memheap_site_counts {
    size_t used, peak, live_blocks;
    uint64_t allocations, bytes; /* so far */
} memheap_site_counts_t;

typedef struct memheap_records {
    memheap_hashmap_t map;   /* offset to index in entries */
    memheap_array_t entries; /* memheap_record_t; index 0 is not used */
    uint32_t entry_count;    /* entries used so far */
    uint32_t free_list;      /* first unused record, linked by `tag`; 0: none */
    memheap_array_t tags;    /* memheap_tag_stats_t; 0: calls without a tag */
    uint32_t tag_count;
    memheap_array_t sites;       /* memheap_site_counts_t, by call site */
    uint32_t site_count;         /* call sites that have counts */
    memheap_stack_depot_t depot; /* call sites */
} memheap_records_t;

/** Open an empty set of records. @return MEMHEAP_ERR_NO_METADATA */
memheap_status_t memheap_records_open(memheap_records_t *records,
                                      const memheap_memory_t *memory);

/** Free the memory. All zero may be closed too. */
void memheap_records_close(memheap_records_t *records);

/** Bytes of metadata. */
size_t memheap_records_size(const memheap_records_t *records);

/** Record a block that the current call of this thread has allocated.
 *  @return its record, valid until the next change; NULL if there is no memory
 *  for one */
const memheap_record_t *memheap_records_add(memheap_records_t *records,
                                            size_t offset, uint64_t number,
                                            size_t asked, size_t usable);

/** Remove the record of a freed block. */
void memheap_records_remove(memheap_records_t *records, size_t offset);

/** A block was resized, and may have moved. Number, site and tag stay. */
void memheap_records_move(memheap_records_t *records, size_t old_offset,
                          size_t offset, size_t asked, size_t usable);

/** The record of a block, valid until the next change. @return NULL if there is
 *  none */
const memheap_record_t *memheap_records_find(const memheap_records_t *records,
                                             size_t offset);

/** Statistics of a tag. @param index  below tag_count */
const memheap_tag_stats_t *memheap_records_tag(const memheap_records_t *records,
                                               uint32_t index);

/** Statistics of a call site. @param site  below site_count */
const memheap_site_counts_t *
memheap_records_site(const memheap_records_t *records,
                     memheap_call_site_t site);

#endif
