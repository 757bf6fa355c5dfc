/*
 * Reports in memory.
 */
#include "config.h"

#include "tools/report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const count_name_t report_counts[COUNTS] = {
    [LIVE] = {"live", "live", "used"},
    [PEAK] = {"peak", "at most", "peak"},
    [TOTAL] = {"total", "in all", "bytes"},
    [CALLS] = {"calls", "calls", "allocations"},
    [BLOCKS] = {"blocks", NULL, "live_blocks"},
};

static void no_memory(void)
{
    cli_fail(&report_cli, "out of memory");
    exit(REPORT_TROUBLE);
}

void *report_add(void *array_p, size_t *count_p, size_t element)
{
    char **array = array_p;
    size_t count = *count_p;
    if ((count & (count - 1)) == 0) { /* full: room is a power of two */
        char *longer =
            reallocarray(*array, count == 0 ? 1 : 2 * count, element);
        if (longer == NULL)
            no_memory();
        *array = longer;
    }
    ++*count_p;
    return memset(*array + count * element, 0, element);
}

char *report_room(size_t length)
{
    char *text = malloc(length + 1);
    if (text == NULL)
        no_memory();
    return text;
}

char *report_copy(const char *text)
{
    size_t length = strlen(text);
    return memcpy(report_room(length), text, length + 1);
}

unsigned report_stat(const char *name)
{
    unsigned i = 0;
    while (strcmp(memheap_stat_table[i].name, name) != 0)
        i++;
    return i;
}

void report_sum(counts_t *sum, const counts_t *counts)
{
    for (int i = 0; i < COUNTS; i++) {
        if (__builtin_add_overflow(sum->value[i], counts->value[i],
                                   &sum->value[i]))
            sum->value[i] = UINT64_MAX;
    }
}

static void free_site(site_t *site)
{
    for (size_t i = 0; i < site->path_count; i++)
        free(site->paths[i].frames);
    free(site->paths);
    free(site->text);
}

void report_free_sites(heap_t *heap)
{
    for (size_t i = 0; i < heap->site_count; i++)
        free_site(&heap->sites[i]);
    free(heap->sites);
}

void report_free(report_t *report)
{
    for (size_t i = 0; i < report->heap_count; i++) {
        report_free_sites(&report->heaps[i]);
        free(report->heaps[i].name);
        free(report->heaps[i].component);
    }
    free(report->heaps);
    *report = (report_t){.file = NULL};
}

static count_t sorted_by;

static int compare_sites(const void *a, const void *b)
{
    const site_t *x = a;
    const site_t *y = b;
    uint64_t left = x->counts.value[sorted_by];
    uint64_t right = y->counts.value[sorted_by];
    if (left != right)
        return left > right ? -1 : 1;
    return strcmp(x->text, y->text);
}

void report_sort(report_t *report, count_t by)
{
    sorted_by = by;
    for (size_t i = 0; i < report->heap_count; i++) {
        heap_t *heap = &report->heaps[i];
        if (heap->site_count > 0)
            qsort(heap->sites, heap->site_count, sizeof(*heap->sites),
                  compare_sites);
    }
}

static int compare_texts(const void *a, const void *b)
{
    const site_t *x = a;
    const site_t *y = b;
    return strcmp(x->text, y->text);
}

void report_sort_texts(site_t *sites, size_t count)
{
    if (count > 0)
        qsort(sites, count, sizeof(*sites), compare_texts);
}

void report_unite(site_t *sites, size_t *count_p)
{
    size_t count = 0;
    report_sort_texts(sites, *count_p);
    for (size_t i = 0; i < *count_p; i++) {
        site_t *site = &sites[i];
        site_t *last = count == 0 ? NULL : &sites[count - 1];
        if (last == NULL || strcmp(last->text, site->text) != 0) {
            sites[count++] = *site;
            continue;
        }
        report_sum(&last->counts, &site->counts);
        for (size_t k = 0; k < site->path_count; k++) {
            path_t *path =
                report_add(&last->paths, &last->path_count, sizeof(*path));
            *path = site->paths[k];
        }
        site->path_count = 0;
        free_site(site);
    }
    *count_p = count;
}
