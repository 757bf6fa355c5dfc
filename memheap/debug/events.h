/*
 * Event hooks: records, trace and guard learn of each allocation, free and
 * move.
 *
 * A heap without hooks has a NULL pointer and tests it once a call. With hooks
 * the calls of a heap come one by one: the caller holds the heap's lock, and
 * the hooks see the calls in their order. Hooks do not affect placement.
 */
#ifndef MEMHEAP_DEBUG_EVENTS_H
#define MEMHEAP_DEBUG_EVENTS_H

#include "base/params.h"
#include "memheap/debug/guard_pages.h"
#include "memheap/debug/records.h"
#include "memheap/debug/trace.h"

typedef struct memheap_events {
    const memheap_memory_t *memory;
    bool keeps_records;
    memheap_records_t records; /* if keeps_records */
    memheap_trace_t *trace;    /* NULL: not traced */
    memheap_guard_t *guard;    /* NULL: access is not checked */
} memheap_events_t;

/**
 * Open the records and the trace that the parameters or the heap's flags ask
 * for. The heap sets the guard.
 *
 * @param name      of the heap
 * @param events_p  NULL if nothing is asked for
 * @return MEMHEAP_ERR_NO_METADATA
 */
memheap_status_t memheap_events_open(const memheap_params_t *params,
                                     const char *name, unsigned flags,
                                     const memheap_memory_t *memory,
                                     const memheap_log_t *log,
                                     memheap_events_t **events_p);

/** Close records and trace. NULL is ignored. */
void memheap_events_close(memheap_events_t *events);

/** Bytes of metadata. */
size_t memheap_events_size(const memheap_events_t *events);

/** A block was allocated. number counts the allocations of the heap, from 1. */
void memheap_events_alloc(memheap_events_t *events, size_t offset,
                          size_t usable, size_t asked, size_t align,
                          uint64_t number);

/** A block was freed. */
void memheap_events_free(memheap_events_t *events, size_t offset,
                         size_t usable);

/** A block was resized, and may have moved. */
void memheap_events_move(memheap_events_t *events, size_t old_offset,
                         size_t old_usable, size_t offset, size_t usable,
                         size_t asked);

#endif
