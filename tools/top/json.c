/*
 * The figures for programs.
 */
#include "config.h"

#include "tools/common/json.h"
#include "tools/top/top.h"

void top_json(FILE *file, const top_line_t *lines, size_t count)
{
    json_t json = {.file = file};
    json_object(&json, NULL);
    json_array(&json, "heaps");
    for (size_t i = 0; i < count; i++) {
        const top_line_t *line = &lines[i];
        json_object(&json, NULL);
        if (line->pe < 0)
            json_null(&json, "pe");
        else
            json_number(&json, "pe", (uint64_t)line->pe);
        json_number(&json, "pid", (uint64_t)line->pid);
        json_string(&json, "heap", line->heap);
        json_string(&json, "component", line->component);
        json_bool(&json, "gone", line->gone);
        json_stats(&json, &line->stats);
        json_real(&json, "allocations_per_second", line->allocations, 1);
        json_real(&json, "frees_per_second", line->frees, 1);
        json_end(&json);
    }
    json_end(&json);
    json_end(&json);
}
