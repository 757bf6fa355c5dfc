/*
 * The figures for programs.
 */
#include "config.h"

#include "tools/top/top.h"

void top_json(FILE *file, const top_line_t *lines, size_t count)
{
    fputs("{\"heaps\": [", file);
    for (size_t i = 0; i < count; i++) {
        const top_line_t *line = &lines[i];
        uint64_t values[MEMHEAP_STAT_COUNT];
        fputs(i == 0 ? "{\"pe\": " : ", {\"pe\": ", file);
        if (line->pe < 0)
            fputs("null", file);
        else
            fprintf(file, "%d", line->pe);
        fprintf(file, ", \"pid\": %ld, \"heap\": ", (long)line->pid);
        memheap_json_string(file, line->heap);
        fputs(", \"component\": ", file);
        memheap_json_string(file, line->component);
        fprintf(file, ", \"gone\": %s, ", line->gone ? "true" : "false");
        for (unsigned figure = 0; figure < MEMHEAP_STAT_COUNT; figure++)
            values[figure] = memheap_stat_table[figure].of(&line->stats);
        memheap_json_stats(file, values);
        fprintf(file,
                ", \"allocations_per_second\": %.1f, "
                "\"frees_per_second\": %.1f}",
                line->allocations, line->frees);
    }
    fputs("]}\n", file);
}
