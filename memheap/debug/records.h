/*
 * What a heap knows of its blocks beyond where they lie, if somebody wants to
 * know: how much was asked for, by which call, from where, and for what.
 *
 * There is one record a live block, found by its offset. A tag is a word that
 * the program gives its calls; each has a sum over its blocks. Where there is
 * no memory for a record, the block does without, and the loss is counted: no
 * allocation fails for want of one. The heap's lock covers all calls.
 */
#ifndef MEMHEAP_DEBUG_RECORDS_H
#define MEMHEAP_DEBUG_RECORDS_H

#include <memheap/memheap.h>
#include "memheap/debug/stack_depot.h"

/** A live block. */
typedef struct memheap_record {
    uint64_t number; /* of the allocation in its heap, from 1 */
    size_t asked;    /* bytes */
    size_t usable;   /* bytes */
    uint32_t tag;    /* index of the tag */
    memheap_call_site_t site;
} memheap_record_t;

typedef struct memheap_records {
    memheap_hashmap_t map; /* from an offset to an index in table */
    memheap_array_t table;
    uint32_t count;       /* entries of the table that were ever used */
    uint32_t unused;      /* head of a list through `tag`; 0 is none */
    memheap_array_t tags; /* 0 is that of calls without a tag */
    uint32_t tag_count;
    memheap_stack_depot_t sites;
    size_t lost; /* records that there was no memory for */
} memheap_records_t;

/** No records. MEMHEAP_ERR_NO_METADATA. */
memheap_status_t memheap_records_open(memheap_records_t *records,
                                      const memheap_memory_t *memory);
/** Give their memory back. Records of zeros may be closed too. */
void memheap_records_close(memheap_records_t *records);

/** Bytes that the records take. */
size_t memheap_records_size(const memheap_records_t *records);

/** A block was allocated by the call that the thread is in. */
void memheap_records_add(memheap_records_t *records, size_t offset,
                         uint64_t number, size_t asked, size_t usable);

/** A block was freed. */
void memheap_records_remove(memheap_records_t *records, size_t offset);

/** A block has another place or size, and stays what it is. */
void memheap_records_move(memheap_records_t *records, size_t old_offset,
                          size_t offset, size_t asked, size_t usable);

/** The record of a block; NULL if there is none. Valid until the next change.
 */
const memheap_record_t *memheap_records_find(const memheap_records_t *records,
                                             size_t offset);

/** The figures of a tag by its index, which is less than tag_count. */
const memheap_tag_stats_t *memheap_records_tag(const memheap_records_t *records,
                                               uint32_t index);

#endif
