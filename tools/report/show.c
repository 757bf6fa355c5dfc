/*
 * Prints the call sites of each heap.
 */
#include "config.h"

#include "tools/report/report.h"

#include <inttypes.h>
#include <stdio.h>

static const char *format(char text[MEMHEAP_SIZE_TEXT], count_t what,
                          uint64_t value)
{
    if (what == CALLS)
        snprintf(text, MEMHEAP_SIZE_TEXT, "%" PRIu64, value);
    else
        memheap_format_size(text, value);
    return text;
}

/* Print the heap's name, and its bytes now and at most if they are known. */
static void show_heap(const heap_t *heap)
{
    char text[MEMHEAP_SIZE_TEXT];
    unsigned used = report_stat("used");
    unsigned peak = report_stat("peak");
    printf("heap \"%s\"", heap->name);
    if (heap->component != NULL)
        printf(", component %s", heap->component);
    if (heap->pes > 0)
        printf(", PE 0 of %" PRIu64, heap->pes);
    if (heap->known[used])
        printf(", %s live", memheap_format_size(text, heap->stats[used]));
    if (heap->known[peak])
        printf(", %s at most", memheap_format_size(text, heap->stats[peak]));
    puts(heap->site_count > 0
             ? ""
             : "\n  no call sites: MEMHEAP_RECORDS=1 was not set, or nothing "
               "was allocated");
}

void report_show(const report_t *report)
{
    char text[MEMHEAP_SIZE_TEXT];
    for (size_t i = 0; i < report->heap_count; i++) {
        const heap_t *heap = &report->heaps[i];
        show_heap(heap);
        for (int k = 0; k < COUNTS && heap->site_count > 0; k++) {
            if (report_counts[k].title != NULL)
                printf(" %12s", report_counts[k].title);
        }
        if (heap->site_count > 0)
            puts(report->by_size ? "  size" : "  call site");
        for (size_t j = 0; j < heap->site_count; j++) {
            const site_t *site = &heap->sites[j];
            for (int k = 0; k < COUNTS; k++) {
                if (report_counts[k].title != NULL)
                    printf(" %12s",
                           format(text, (count_t)k, site->counts.value[k]));
            }
            printf("  %s\n", site->text);
        }
    }
}

void report_show_json(const report_t *report)
{
    memheap_json_t json = {.file = stdout};
    memheap_json_object(&json, NULL);
    memheap_json_string(&json, "file", report->file);
    memheap_json_array(&json, "heaps");
    for (size_t i = 0; i < report->heap_count; i++) {
        const heap_t *heap = &report->heaps[i];
        memheap_json_object(&json, NULL);
        memheap_json_string(&json, "heap", heap->name);
        memheap_json_array(&json, "sites");
        for (size_t j = 0; j < heap->site_count; j++) {
            const site_t *site = &heap->sites[j];
            memheap_json_object(&json, NULL);
            memheap_json_string(&json, "site", site->text);
            for (int k = 0; k < COUNTS; k++)
                memheap_json_number(&json, report_counts[k].key,
                                    site->counts.value[k]);
            memheap_json_end(&json);
        }
        memheap_json_end(&json);
        memheap_json_end(&json);
    }
    memheap_json_end(&json);
    memheap_json_end(&json);
}
