/*
 * Reads traces. If a trace is not labelled, each power of two of sizes stands
 * for a call site. Bytes are those that were requested.
 */
#include "config.h"

#include "tools/report/report.h"
#include "tools/common/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CLASSES = 65, /* class c: sizes above 2^(c - 1), up to 2^c */
    NAME_SIZE = 64
};

static uint32_t class_of(const trace_t *trace, size_t op, uint32_t before)
{
    (void)before;
    uint32_t order = 0;
    while (order < 64 && (trace->ops[op].size - 1) >> order != 0)
        order++;
    return order;
}

static uint32_t all_of(const trace_t *trace, size_t op, uint32_t before)
{
    (void)trace;
    (void)op;
    (void)before;
    return 0;
}

static char *name_of(unsigned order, char text[NAME_SIZE])
{
    char below[MEMHEAP_SIZE_TEXT];
    char most[MEMHEAP_SIZE_TEXT];
    if (order > 0)
        memheap_format_size(below, (size_t)1 << (order - 1));
    if (order == 0)
        snprintf(text, NAME_SIZE, "blocks of 1 byte");
    else if (order == 64)
        snprintf(text, NAME_SIZE, "blocks above %s", below);
    else
        snprintf(text, NAME_SIZE, "blocks above %s, up to %s", below,
                 memheap_format_size(most, (size_t)1 << order));
    return text;
}

static counts_t counts_of(const trace_counts_t *c)
{
    return (counts_t){{[LIVE] = c->used,
                       [PEAK] = c->peak,
                       [TOTAL] = c->bytes,
                       [CALLS] = c->allocations,
                       [BLOCKS] = c->live_blocks}};
}

static site_t *add_site(heap_t *heap, char *text, const counts_t *counts)
{
    site_t *site = report_add(&heap->sites, &heap->site_count, sizeof(*site));
    *site = (site_t){.text = text, .counts = *counts};
    return site;
}

/* The frames of a name in the other order, separated by semicolons; those in a
 * frame become commas. */
static char *outside_in(const char *name)
{
    size_t length = strlen(name);
    char *frames = report_room(length);
    char *to = frames + length;
    *to = '\0';
    for (;;) {
        size_t line = strcspn(name, "\n");
        to -= line;
        for (size_t i = 0; i < line; i++)
            to[i] = name[i] == ';' ? ',' : name[i];
        if (name[line] == '\0')
            return frames;
        *--to = ';';
        name += line + 1;
    }
}

/* Add a call site, which is a path to the line of its first frame. */
static void add_path(heap_t *heap, const char *name, const counts_t *counts)
{
    char *text = report_copy(name);
    text[strcspn(text, "\n")] = '\0';
    site_t *site = add_site(heap, text, counts);
    path_t *path = report_add(&site->paths, &site->path_count, sizeof(*path));
    *path = (path_t){outside_in(name), *counts};
}

/* Add the groups that have blocks as sites. */
static void add_groups(heap_t *heap, const trace_t *trace,
                       const trace_counts_t *groups, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[NAME_SIZE];
        const counts_t counts = counts_of(&groups[i]);
        if (groups[i].peak == 0)
            continue;
        if (trace->labels == NULL)
            add_site(heap, report_copy(name_of((unsigned)i, text)), &counts);
        else
            add_path(heap, trace_site_name(trace, (uint32_t)i, text), &counts);
    }
    report_unite(heap->sites, &heap->site_count);
}

static void set_stat(heap_t *heap, const char *name, uint64_t value)
{
    unsigned stat = report_stat(name);
    heap->stats[stat] = value;
    heap->known[stat] = true;
}

static void set_stats(heap_t *heap, const trace_t *trace,
                      const trace_counts_t *all)
{
    uint64_t kinds[4] = {0};
    for (size_t i = 0; i < trace->count; i++)
        kinds[trace->ops[i].kind]++;
    set_stat(heap, "used", all->used);
    set_stat(heap, "peak", all->peak);
    set_stat(heap, "live_blocks", all->live_blocks);
    set_stat(heap, "allocations", all->allocations);
    set_stat(heap, "frees", kinds[TRACE_FREE]);
    set_stat(heap, "resizes", kinds[TRACE_RESIZE]);
}

bool report_load_trace(report_t *report)
{
    char message[1024];
    trace_t trace;
    trace_counts_t all = {0};
    if (!trace_load(&trace, report->file, SIZE_MAX, message, sizeof(message)))
        return cli_fail(&report_cli, "%s", message);
    report->by_size = trace.labels == NULL;
    report->kind = report->by_size ? "trace without call sites" : "trace";
    size_t count = report->by_size ? CLASSES : trace.sites.count;
    trace_counts_t *groups = calloc(count, sizeof(*groups));
    bool good =
        groups != NULL &&
        trace_count(&trace, trace.count,
                    report->by_size ? class_of : trace_site_of, groups) &&
        trace_count(&trace, trace.count, all_of, &all);
    if (good) {
        heap_t *heap =
            report_add(&report->heaps, &report->heap_count, sizeof(*heap));
        heap->name = report_copy("trace");
        set_stats(heap, &trace, &all);
        add_groups(heap, &trace, groups, count);
    } else {
        cli_fail(&report_cli, "%s: there is no memory to read it",
                 report->file);
    }
    free(groups);
    trace_free(&trace);
    return good;
}
