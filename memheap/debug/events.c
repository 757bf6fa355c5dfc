/*
 * Event hooks: passing events on to records, trace and guard.
 */
#include "config.h"

#include "memheap/debug/events.h"
#include "memheap/heap.h"

/* The path of the trace, or NULL. One heap of a job writes the trace. */
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
                                     memheap_events_t **events_p)
{
    bool keeps_records =
        (flags & (MEMHEAP_RECORDED | MEMHEAP_REDZONES)) != 0 ||
        memheap_params_value(params, "MEMHEAP_GUARD")->boolean ||
        memheap_params_value(params, "MEMHEAP_RECORDS")->boolean ||
        memheap_params_value(params, "MEMHEAP_LEAKS")->boolean;
    const char *path = trace_path(params, flags);
    *events_p = NULL;
    if (!keeps_records && path == NULL)
        return MEMHEAP_OK;
    memheap_events_t *events = memheap_memory_new(memory, sizeof(*events));
    if (events == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    events->memory = memory;
    events->keeps_records = keeps_records;
    memheap_status_t status = MEMHEAP_OK;
    if (keeps_records)
        status = memheap_records_open(&events->records, memory);
    if (status != MEMHEAP_OK) {
        memheap_memory_delete(memory, events, sizeof(*events));
        return status;
    }
    if (path != NULL)
        events->trace =
            memheap_trace_open(path, name, keeps_records, memory, log);
    *events_p = events;
    return MEMHEAP_OK;
}

void memheap_events_close(memheap_events_t *events)
{
    if (events == NULL)
        return;
    memheap_trace_close(events->trace);
    memheap_records_close(&events->records);
    memheap_memory_delete(events->memory, events, sizeof(*events));
}

size_t memheap_events_size(const memheap_events_t *events)
{
    return sizeof(*events) +
           (events->keeps_records ? memheap_records_size(&events->records)
                                  : 0) +
           (events->trace == NULL ? 0 : memheap_trace_size(events->trace));
}

void memheap_events_alloc(memheap_events_t *events, size_t offset,
                          size_t usable, size_t asked, size_t align,
                          uint64_t number)
{
    const memheap_record_t *record = NULL;
    if (events->keeps_records)
        record = memheap_records_add(&events->records, offset, number, asked,
                                     usable);
    if (events->trace != NULL)
        memheap_trace_alloc(events->trace, offset, asked, align,
                            record == NULL ? 0 : record->site,
                            record == NULL ? 0 : record->tag);
    if (events->guard != NULL)
        memheap_guard_alloc(events->guard, offset, usable, asked);
}

void memheap_events_free(memheap_events_t *events, size_t offset, size_t usable)
{
    if (events->guard != NULL)
        memheap_guard_free(events->guard, offset, usable,
                           memheap_records_find(&events->records, offset),
                           memheap_stack_depot_capture(&events->records.depot),
                           false);
    if (events->trace != NULL)
        memheap_trace_free(events->trace, offset);
    if (events->keeps_records)
        memheap_records_remove(&events->records, offset);
}

/* A block has no record if there was no memory for it. */
static void guard_move(memheap_events_t *events, size_t old_offset,
                       size_t old_usable, size_t offset, size_t usable,
                       size_t asked)
{
    const memheap_record_t *record =
        memheap_records_find(&events->records, old_offset);
    size_t old_asked = record == NULL ? old_usable : record->asked;
    if (offset != old_offset)
        memheap_guard_free(events->guard, old_offset, old_usable, record,
                           memheap_stack_depot_capture(&events->records.depot),
                           true);
    memheap_guard_move(events->guard, old_offset, old_asked, offset, usable,
                       asked);
}

void memheap_events_move(memheap_events_t *events, size_t old_offset,
                         size_t old_usable, size_t offset, size_t usable,
                         size_t asked)
{
    if (events->guard != NULL)
        guard_move(events, old_offset, old_usable, offset, usable, asked);
    if (events->trace != NULL)
        memheap_trace_move(events->trace, old_offset, offset, asked);
    if (events->keeps_records)
        memheap_records_move(&events->records, old_offset, offset, asked,
                             usable);
}
