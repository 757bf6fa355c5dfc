/*
 * Prints folded stacks, as programs that draw flame graphs read them: a line
 * for each stack, with its frames from the outermost one on, and a number.
 */
#include "config.h"

#include "tools/report/report.h"

#include <inttypes.h>
#include <stdio.h>

void report_folded(const report_t *report, count_t by)
{
    for (size_t i = 0; i < report->heap_count; i++) {
        const heap_t *heap = &report->heaps[i];
        for (size_t j = 0; j < heap->site_count; j++) {
            const site_t *site = &heap->sites[j];
            if (site->counts.value[by] == 0)
                continue;
            if (report->heap_count > 1)
                printf("%s;", heap->name);
            printf("%s %" PRIu64 "\n", site->text, site->counts.value[by]);
        }
    }
}
