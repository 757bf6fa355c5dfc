/*
 * The notes of notes.h.
 */
#include "config.h"

#include "memheap/debug/events.h"
#include "memheap/heap.h"

/* The file of a trace, or NULL. One heap of a job writes it for all. */
static const char *trace_path(const memheap_params_t *params, unsigned flags)
{
    const char *path = memheap_params_find(params, "MEMHEAP_TRACE")->text;
    bool other =
        (flags & (MEMHEAP_JOB_HEAP | MEMHEAP_JOB_LEADER)) == MEMHEAP_JOB_HEAP;
    return path[0] == '\0' || other ? NULL : path;
}

memheap_status_t memheap_events_open(const memheap_params_t *params,
                                     const char *name, unsigned flags,
                                     const memheap_memory_t *memory,
                                     const memheap_log_t *log,
                                     memheap_events_t **notes_p)
{
    bool keeps_records =
        (flags & (MEMHEAP_RECORDED | MEMHEAP_REDZONES)) != 0 ||
        memheap_params_value(params, "MEMHEAP_GUARD")->boolean ||
        memheap_params_value(params, "MEMHEAP_RECORDS")->boolean ||
        memheap_params_value(params, "MEMHEAP_LEAKS")->boolean;
    const char *path = trace_path(params, flags);
    *notes_p = NULL;
    if (!keeps_records && path == NULL)
        return MEMHEAP_OK;
    memheap_events_t *notes = memheap_memory_new(memory, sizeof(*notes));
    if (notes == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    notes->memory = memory;
    notes->keeps_records = keeps_records;
    memheap_status_t status = MEMHEAP_OK;
    if (keeps_records)
        status = memheap_records_open(&notes->records, memory);
    if (status != MEMHEAP_OK) {
        memheap_events_close(notes);
        return status;
    }
    if (path != NULL)
        notes->trace = memheap_trace_open(path, name, memory, log);
    *notes_p = notes;
    return MEMHEAP_OK;
}

void memheap_events_close(memheap_events_t *notes)
{
    if (notes == NULL)
        return;
    memheap_trace_close(notes->trace);
    memheap_records_close(&notes->records);
    memheap_memory_delete(notes->memory, notes, sizeof(*notes));
}

size_t memheap_events_size(const memheap_events_t *notes)
{
    return sizeof(*notes) +
           (notes->keeps_records ? memheap_records_size(&notes->records) : 0) +
           (notes->trace == NULL ? 0 : memheap_trace_size(notes->trace));
}

void memheap_events_alloc(memheap_events_t *notes, size_t offset, size_t usable,
                          size_t asked, size_t align, uint64_t number)
{
    if (notes->trace != NULL)
        memheap_trace_alloc(notes->trace, offset, asked, align);
    if (notes->keeps_records)
        memheap_records_add(&notes->records, offset, number, asked, usable);
    if (notes->guard != NULL)
        memheap_guard_fit(notes->guard, offset, usable, asked);
}

void memheap_events_free(memheap_events_t *notes, size_t offset, size_t usable)
{
    if (notes->guard != NULL)
        memheap_guard_remember(
            notes->guard, offset, usable,
            memheap_records_find(&notes->records, offset),
            memheap_stack_depot_capture(&notes->records.sites), false);
    if (notes->trace != NULL)
        memheap_trace_free(notes->trace, offset);
    if (notes->keeps_records)
        memheap_records_remove(&notes->records, offset);
}

/* A block without a record has lost it for want of memory. */
static void guard_move(memheap_events_t *notes, size_t old_offset,
                       size_t old_usable, size_t offset, size_t usable,
                       size_t asked)
{
    const memheap_record_t *record =
        memheap_records_find(&notes->records, old_offset);
    size_t old_asked = record == NULL ? old_usable : record->asked;
    if (offset != old_offset)
        memheap_guard_remember(
            notes->guard, old_offset, old_usable, record,
            memheap_stack_depot_capture(&notes->records.sites), true);
    memheap_guard_move(notes->guard, old_offset, old_asked, offset, usable,
                       asked);
}

void memheap_events_move(memheap_events_t *notes, size_t old_offset,
                         size_t old_usable, size_t offset, size_t usable,
                         size_t asked)
{
    if (notes->guard != NULL)
        guard_move(notes, old_offset, old_usable, offset, usable, asked);
    if (notes->trace != NULL)
        memheap_trace_move(notes->trace, old_offset, offset, asked);
    if (notes->keeps_records)
        memheap_records_move(&notes->records, old_offset, offset, asked,
                             usable);
}
