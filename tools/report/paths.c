/*
 * Makes the paths to call sites the sites of a report, so that all commands can
 * print them.
 */
#include "config.h"

#include "tools/report/report.h"

#include <stdlib.h>
#include <string.h>

typedef struct list {
    site_t *sites;
    size_t count;
} list_t;

static void add(list_t *list, const char *text, const counts_t *counts)
{
    site_t *site = report_add(&list->sites, &list->count, sizeof(*site));
    *site = (site_t){.text = report_copy(text), .counts = *counts};
}

/* Add the paths of a site, and what no path tells. */
static void add_paths(list_t *list, const site_t *site)
{
    counts_t left = site->counts;
    uint64_t any = site->path_count == 0;
    for (size_t i = 0; i < site->path_count; i++) {
        const path_t *path = &site->paths[i];
        add(list, path->frames[0] == '\0' ? site->text : path->frames,
            &path->counts);
        for (int k = 0; k < COUNTS; k++) {
            uint64_t value = path->counts.value[k];
            left.value[k] -= value < left.value[k] ? value : left.value[k];
        }
    }
    for (int k = 0; k < COUNTS; k++)
        any |= left.value[k];
    if (any != 0)
        add(list, site->text, &left);
}

void report_by_path(report_t *report)
{
    for (size_t i = 0; i < report->heap_count; i++) {
        heap_t *heap = &report->heaps[i];
        list_t list = {.count = 0};
        for (size_t j = 0; j < heap->site_count; j++)
            add_paths(&list, &heap->sites[j]);
        report_unite(list.sites, &list.count);
        report_free_sites(heap);
        heap->sites = list.sites;
        heap->site_count = list.count;
    }
}

char *report_inside_out(const char *frames)
{
    static const char between[] = " < ";
    char *text = report_room(strlen(frames) * sizeof(between));
    char *to = text;
    const char *end = frames + strlen(frames);
    while (end > frames) {
        const char *start = end;
        while (start > frames && start[-1] != ';')
            start--;
        to = mempcpy(to, start, (size_t)(end - start));
        end = start > frames ? start - 1 : start;
        if (end > frames)
            to = stpcpy(to, between);
    }
    *to = '\0';
    return text;
}
