/*
 * Who is told when a heap's blocks come and go.
 *
 * A heap that nobody watches has no notes, and pays one test a call. Where
 * something has to know of every block, be it records, a trace or a checker of
 * memory, the heap makes notes, in the order of its calls and under its lock;
 * its calls then come one by one. Nothing here changes where blocks go.
 */
#ifndef MEMHEAP_DEBUG_EVENTS_H
#define MEMHEAP_DEBUG_EVENTS_H

#include "base/params.h"
#include "memheap/debug/guard.h"
#include "memheap/debug/records.h"
#include "memheap/debug/trace.h"

typedef struct memheap_events {
    const memheap_memory_t *memory;
    bool keeps_records;
    memheap_records_t records;
    memheap_trace_t *trace; /* or NULL */
    memheap_guard_t *guard; /* NULL: nobody watches the memory */
} memheap_events_t;

/**
 * Start what the parameters, or flags of the heap, ask for.
 * @param name     of the heap
 * @param notes_p  NULL if that is nothing
 * @return MEMHEAP_ERR_NO_METADATA
 */
memheap_status_t memheap_events_open(const memheap_params_t *params,
                                     const char *name, unsigned flags,
                                     const memheap_memory_t *memory,
                                     const memheap_log_t *log,
                                     memheap_events_t **notes_p);
void memheap_events_close(memheap_events_t *notes);

/** Bytes that the notes take. */
size_t memheap_events_size(const memheap_events_t *notes);

/** A block was allocated; number is that of the allocation, from 1. */
void memheap_events_alloc(memheap_events_t *notes, size_t offset, size_t usable,
                          size_t asked, size_t align, uint64_t number);

/** A block was freed. */
void memheap_events_free(memheap_events_t *notes, size_t offset, size_t usable);

/** A block that stays what it is has another place or size. */
void memheap_events_move(memheap_events_t *notes, size_t old_offset,
                         size_t old_usable, size_t offset, size_t usable,
                         size_t asked);

#endif
