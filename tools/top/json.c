/*
 * Writes the statistics as JSON, for programs.
 */
#include "config.h"

#include "memheap/debug/report.h"
#include "tools/top/top.h"

void top_json(memheap_json_t *json, const top_line_t *lines, size_t count)
{
    memheap_json_array(json, "heaps");
    for (size_t i = 0; i < count; i++) {
        const top_line_t *line = &lines[i];
        memheap_json_object(json, NULL);
        if (line->pe < 0)
            memheap_json_null(json, "pe");
        else
            memheap_json_number(json, "pe", (uint64_t)line->pe);
        memheap_json_number(json, "pid", (uint64_t)line->pid);
        memheap_json_string(json, "heap", line->heap);
        memheap_json_string(json, "component", line->component);
        memheap_json_bool(json, "gone", line->gone);
        memheap_json_stats(json, &line->stats);
        memheap_json_real(json, "allocations_per_second", line->allocations, 1);
        memheap_json_real(json, "frees_per_second", line->frees, 1);
        if (line->wait_s > 0)
            memheap_json_string(json, "waits_in", line->wait);
        else
            memheap_json_null(json, "waits_in");
        memheap_json_real(json, "waits_seconds", line->wait_s, 1);
        memheap_json_end(json);
    }
    memheap_json_end(json);
}
