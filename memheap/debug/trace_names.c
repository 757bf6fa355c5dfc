/*
 * Names of call sites by the table of call sites, and of tags by the records.
 */
#include "config.h"

#include "memheap/debug/trace_names.h"
#include "memheap/debug/site_table.h"
#include "memheap/inspect.h"
#include "base/text.h"

#include <string.h>

enum {
    NAME_SIZE = MEMHEAP_CALL_SITE_FRAMES * MEMHEAP_FRAME_TEXT
};

/* The frames of a call site on lines of their own. The table describes no more
 * than the first frame of some paths. */
static void describe(const memheap_site_table_t *table,
                     const memheap_site_path_t *path, char *name)
{
    size_t length = 0;
    name[0] = '\0';
    for (int i = 0; i < path->frame_count; i++) {
        const char *frame = memheap_site_table_frame(table, path->frames[i]);
        if (frame[0] == '\0')
            continue;
        if (length > 0)
            name[length++] = '\n';
        memheap_text_copy(name + length, NAME_SIZE - length, frame);
        length += strlen(name + length);
    }
}

void memheap_trace_write_names(memheap_trace_t *trace, memheap_t *heap)
{
    const memheap_records_t *records = heap_records(heap);
    memheap_site_table_t table;
    char name[NAME_SIZE];
    if (!memheap_trace_takes_names(trace))
        return;
    for (uint32_t i = 1; i < records->tag_count; i++)
        memheap_trace_name(trace, MEMHEAP_TRACE_TAG, i,
                           memheap_records_tag(records, i)->name);
    if (!memheap_site_table_make(&table, heap, SIZE_MAX))
        return;
    for (size_t i = 0; i < table.path_count; i++) {
        const memheap_site_path_t *path = &table.paths[i];
        if (path->number == 0)
            continue;
        if (path->frame_count > 0)
            describe(&table, path, name);
        else
            memheap_call_site_describe(&records->depot, path->number, name,
                                       sizeof(name));
        memheap_trace_name(trace, MEMHEAP_TRACE_SITE, path->number, name);
    }
    memheap_site_table_free(&table);
}
