/*
 * Prints what differs between two reports. Heaps are matched by their names,
 * call sites by their texts, which have no addresses that depend on where a
 * program is loaded.
 */
#include "config.h"

#include "tools/report/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A call site that differs. NULL: it is not there. */
typedef struct change {
    const site_t *a, *b;
} change_t;

/* What differs in a heap. NULL: it is not there. */
typedef struct heap_changes {
    const heap_t *a, *b;
    bool stat[MEMHEAP_STAT_COUNT];
    bool stats, component, pes;
    change_t *sites;
    size_t site_count;
} heap_changes_t;

static const counts_t none;

/* Which of two is there, for messages. */
static const char *only_in(const void *a, const void *b)
{
    if (a != NULL)
        return b != NULL ? "" : " (only in A)";
    return " (only in B)";
}

static const counts_t *counts_of(const site_t *site)
{
    return site == NULL ? &none : &site->counts;
}

static const char *text_of(const change_t *change)
{
    return change->a != NULL ? change->a->text : change->b->text;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

static count_t sorted_by;

/* The greatest difference first, by the wanted count and then by all. */
static int compare_changes(const void *first, const void *second)
{
    const change_t *x = first;
    const change_t *y = second;
    for (int i = -1; i < COUNTS; i++) {
        int k = i < 0 ? (int)sorted_by : i;
        uint64_t left =
            distance(counts_of(x->a)->value[k], counts_of(x->b)->value[k]);
        uint64_t right =
            distance(counts_of(y->a)->value[k], counts_of(y->b)->value[k]);
        if (left != right)
            return left > right ? -1 : 1;
    }
    return strcmp(text_of(x), text_of(y));
}

/* Merge the sites, which are in the order of their texts. */
static void compare_sites(heap_changes_t *heap)
{
    const site_t *a = heap->a == NULL ? NULL : heap->a->sites;
    const site_t *b = heap->b == NULL ? NULL : heap->b->sites;
    size_t a_count = heap->a == NULL ? 0 : heap->a->site_count;
    size_t b_count = heap->b == NULL ? 0 : heap->b->site_count;
    size_t i = 0;
    size_t j = 0;
    while (i < a_count || j < b_count) {
        int order = i == a_count   ? 1
                    : j == b_count ? -1
                                   : strcmp(a[i].text, b[j].text);
        change_t change = {order <= 0 ? &a[i++] : NULL,
                           order >= 0 ? &b[j++] : NULL};
        if (order != 0 || memcmp(&change.a->counts, &change.b->counts,
                                 sizeof(change.a->counts)) != 0)
            *(change_t *)report_add(&heap->sites, &heap->site_count,
                                    sizeof(change)) = change;
    }
    if (heap->site_count > 0)
        qsort(heap->sites, heap->site_count, sizeof(*heap->sites),
              compare_changes);
}

/* What is resident depends on the kernel, and differs by chance. */
static void compare_stats(heap_changes_t *heap)
{
    const heap_t *a = heap->a;
    const heap_t *b = heap->b;
    for (unsigned i = 0; i < MEMHEAP_STAT_COUNT; i++) {
        heap->stat[i] = i != report_stat("resident") && a->known[i] &&
                        b->known[i] && a->stats[i] != b->stats[i];
        heap->stats = heap->stats || heap->stat[i];
    }
    heap->pes = a->pes != b->pes;
    heap->component =
        a->component != NULL && strcmp(a->component, b->component) != 0;
}

/* Find the n-th heap of a name. */
static const heap_t *find_heap(const report_t *report, const char *name,
                               size_t n)
{
    for (size_t i = 0; i < report->heap_count; i++) {
        if (strcmp(report->heaps[i].name, name) == 0 && n-- == 0)
            return &report->heaps[i];
    }
    return NULL;
}

/* Find the heap of another report that stands for heap i. */
static const heap_t *match(const report_t *report, size_t i,
                           const report_t *other)
{
    const char *name = report->heaps[i].name;
    size_t n = 0;
    for (size_t j = 0; j < i; j++)
        n += strcmp(report->heaps[j].name, name) == 0;
    return find_heap(other, name, n);
}

static void print_size(char text[MEMHEAP_SIZE_TEXT], memheap_unit_t unit,
                       uint64_t value)
{
    if (unit == MEMHEAP_UNIT_BYTES)
        memheap_format_size(text, value);
    else if (unit == MEMHEAP_UNIT_PPM)
        snprintf(text, MEMHEAP_SIZE_TEXT, "%.2f %%", (double)value / 1e4);
    else
        snprintf(text, MEMHEAP_SIZE_TEXT, "%" PRIu64, value);
}

/* Print a difference with its sign. */
static char *print_change(char text[MEMHEAP_SIZE_TEXT + 1], memheap_unit_t unit,
                          uint64_t a, uint64_t b)
{
    text[0] = a > b ? '-' : '+';
    print_size(text + 1, unit, distance(a, b));
    if (a == b)
        snprintf(text, MEMHEAP_SIZE_TEXT, "0");
    return text;
}

static void print_stats(const heap_changes_t *heap)
{
    char a[MEMHEAP_SIZE_TEXT];
    char b[MEMHEAP_SIZE_TEXT];
    char change[MEMHEAP_SIZE_TEXT + 1];
    if (heap->component)
        printf("  %-14s %s -> %s\n", "component", heap->a->component,
               heap->b->component);
    if (heap->pes)
        printf("  %-14s %" PRIu64 " -> %" PRIu64 "\n", "PEs", heap->a->pes,
               heap->b->pes);
    for (unsigned i = 0; i < MEMHEAP_STAT_COUNT; i++) {
        const memheap_stat_t *stat = &memheap_stat_table[i];
        char name[32];
        if (!heap->stat[i])
            continue;
        snprintf(name, sizeof(name), "%s", stat->name);
        for (char *c = name; *c != '\0'; c++)
            *c = *c == '_' ? ' ' : *c;
        print_size(a, stat->unit, heap->a->stats[i]);
        print_size(b, stat->unit, heap->b->stats[i]);
        printf("  %-14s %s -> %s (%s)\n", name, a, b,
               print_change(change, stat->unit, heap->a->stats[i],
                            heap->b->stats[i]));
    }
}

static void print_sites(const heap_changes_t *heap, bool sizes)
{
    char text[MEMHEAP_SIZE_TEXT + 1];
    for (int k = 0; k < COUNTS && heap->site_count > 0; k++) {
        if (report_counts[k].title != NULL)
            printf(" %12s", report_counts[k].title);
    }
    if (heap->site_count > 0)
        puts(sizes ? "  size" : "  call site");
    for (size_t i = 0; i < heap->site_count; i++) {
        const change_t *change = &heap->sites[i];
        for (int k = 0; k < COUNTS; k++) {
            memheap_unit_t unit =
                k == CALLS ? MEMHEAP_UNIT_COUNT : MEMHEAP_UNIT_BYTES;
            if (report_counts[k].title != NULL)
                printf(" %12s",
                       print_change(text, unit, counts_of(change->a)->value[k],
                                    counts_of(change->b)->value[k]));
        }
        printf("  %s%s\n", text_of(change), only_in(change->a, change->b));
    }
}

static void print_heap(const heap_changes_t *heap, bool sizes)
{
    printf("heap \"%s\"%s\n", heap->a != NULL ? heap->a->name : heap->b->name,
           only_in(heap->a, heap->b));
    print_stats(heap);
    print_sites(heap, sizes);
}

static void write_only(memheap_json_t *json, bool in_a, bool in_b)
{
    if (in_a && in_b)
        memheap_json_null(json, "only_in");
    else
        memheap_json_string(json, "only_in", in_a ? "a" : "b");
}

static void write_value(memheap_json_t *json, const char *key,
                        memheap_unit_t unit, uint64_t value)
{
    if (unit == MEMHEAP_UNIT_PPM)
        memheap_json_real(json, key, (double)value / 1e6, 6);
    else
        memheap_json_number(json, key, value);
}

static void write_pair(memheap_json_t *json, const char *key,
                       memheap_unit_t unit, uint64_t a, uint64_t b)
{
    memheap_json_object(json, key);
    write_value(json, "a", unit, a);
    write_value(json, "b", unit, b);
    memheap_json_end(json);
}

static void write_heap(memheap_json_t *json, const heap_changes_t *heap)
{
    memheap_json_object(json, NULL);
    memheap_json_string(json, "heap",
                        heap->a != NULL ? heap->a->name : heap->b->name);
    write_only(json, heap->a != NULL, heap->b != NULL);
    if (heap->component) {
        memheap_json_object(json, "component");
        memheap_json_string(json, "a", heap->a->component);
        memheap_json_string(json, "b", heap->b->component);
        memheap_json_end(json);
    }
    if (heap->pes)
        write_pair(json, "pes", MEMHEAP_UNIT_COUNT, heap->a->pes, heap->b->pes);
    memheap_json_object(json, "stats");
    for (unsigned i = 0; i < MEMHEAP_STAT_COUNT; i++) {
        const memheap_stat_t *stat = &memheap_stat_table[i];
        if (heap->stat[i])
            write_pair(json, stat->name, stat->unit, heap->a->stats[i],
                       heap->b->stats[i]);
    }
    memheap_json_end(json);
    memheap_json_array(json, "sites");
    for (size_t i = 0; i < heap->site_count; i++) {
        const change_t *change = &heap->sites[i];
        memheap_json_object(json, NULL);
        memheap_json_string(json, "site",
                            change->a != NULL ? change->a->text
                                              : change->b->text);
        write_only(json, change->a != NULL, change->b != NULL);
        for (int k = 0; k < COUNTS; k++)
            write_pair(json, report_counts[k].key, MEMHEAP_UNIT_COUNT,
                       counts_of(change->a)->value[k],
                       counts_of(change->b)->value[k]);
        memheap_json_end(json);
    }
    memheap_json_end(json);
    memheap_json_end(json);
}

static heap_changes_t compare_heaps(const heap_t *a, const heap_t *b)
{
    heap_changes_t heap = {.a = a, .b = b};
    if (a != NULL && b != NULL)
        compare_stats(&heap);
    compare_sites(&heap);
    return heap;
}

bool report_diff(const report_t *a, const report_t *b, count_t by, bool json)
{
    memheap_json_t writer = {.file = stdout};
    bool differs = false;
    sorted_by = by;
    if (json) {
        memheap_json_object(&writer, NULL);
        memheap_json_string(&writer, "a", a->file);
        memheap_json_string(&writer, "b", b->file);
        memheap_json_array(&writer, "heaps");
    }
    for (size_t i = 0; i < a->heap_count + b->heap_count; i++) {
        bool of_a = i < a->heap_count;
        size_t j = of_a ? i : i - a->heap_count;
        const heap_t *other = of_a ? match(a, j, b) : match(b, j, a);
        if (!of_a && other != NULL)
            continue; /* seen from a */
        heap_changes_t heap = compare_heaps(of_a ? &a->heaps[j] : NULL,
                                            of_a ? other : &b->heaps[j]);
        if (other == NULL || heap.stats || heap.component || heap.pes ||
            heap.site_count > 0) {
            if (json)
                write_heap(&writer, &heap);
            else
                print_heap(&heap, a->by_size);
            differs = true;
        }
        free(heap.sites);
    }
    if (json) {
        memheap_json_end(&writer);
        memheap_json_end(&writer);
    }
    return differs;
}
