/*
 * Reads traces. A trace does not know call sites, so each power of two of sizes
 * stands for one. Bytes are those that were requested.
 */
#include "config.h"

#include "tools/report/report.h"
#include "tools/common/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CLASSES = 65 /* class c: sizes above 2^(c - 1), up to 2^c */
};

static unsigned class_of(size_t size)
{
    unsigned order = 0;
    while (order < 64 && (size - 1) >> order != 0)
        order++;
    return order;
}

static char *name_of(unsigned order, char text[64])
{
    char below[MEMHEAP_SIZE_TEXT];
    char most[MEMHEAP_SIZE_TEXT];
    if (order > 0)
        memheap_format_size(below, (size_t)1 << (order - 1));
    if (order == 0)
        snprintf(text, 64, "blocks of 1 byte");
    else if (order == 64)
        snprintf(text, 64, "blocks above %s", below);
    else
        snprintf(text, 64, "blocks above %s, up to %s", below,
                 memheap_format_size(most, (size_t)1 << order));
    return text;
}

/* Add a block of a size to a sum, or bytes by which a block grows. */
static void add(counts_t *sum, size_t size, size_t growth)
{
    uint64_t *value = sum->value;
    value[LIVE] += size;
    value[BLOCKS]++;
    if (value[PEAK] < value[LIVE])
        value[PEAK] = value[LIVE];
    if (__builtin_add_overflow(value[TOTAL], growth, &value[TOTAL]))
        value[TOTAL] = UINT64_MAX;
}

static void take(counts_t *sum, size_t size)
{
    sum->value[LIVE] -= size;
    sum->value[BLOCKS]--;
}

static void set_stat(heap_t *heap, const char *name, uint64_t value)
{
    unsigned stat = report_stat(name);
    heap->stats[stat] = value;
    heap->known[stat] = true;
}

/* Count the operations, of each class and in all, and by kind. Returns false if
 * there is no memory. */
static bool count(const trace_t *trace, counts_t classes[CLASSES],
                  counts_t *all, uint64_t kinds[4])
{
    size_t *sizes = calloc(trace->slots + 1, sizeof(*sizes));
    if (sizes == NULL)
        return false;
    for (size_t i = 0; i < trace->count; i++) {
        const trace_op_t *op = &trace->ops[i];
        bool is_new = op->kind == TRACE_ALLOC || op->kind == TRACE_ALIGN;
        size_t before = is_new ? 0 : sizes[op->slot];
        kinds[op->kind]++;
        if (!is_new) {
            take(&classes[class_of(before)], before);
            take(all, before);
        }
        if (op->kind == TRACE_FREE)
            continue;
        counts_t *class_counts = &classes[class_of(op->size)];
        size_t growth = op->size > before ? op->size - before : 0;
        add(class_counts, op->size, growth);
        add(all, op->size, growth);
        class_counts->value[CALLS] += is_new;
        sizes[op->slot] = op->size;
    }
    free(sizes);
    return true;
}

bool report_load_trace(report_t *report)
{
    char message[1024];
    trace_t trace;
    counts_t classes[CLASSES] = {0};
    counts_t all = {0};
    uint64_t kinds[4] = {0};
    if (!trace_load(&trace, report->file, SIZE_MAX, message, sizeof(message)))
        return cli_fail(&report_cli, "%s", message);
    if (!count(&trace, classes, &all, kinds)) {
        trace_free(&trace);
        return cli_fail(&report_cli, "%s: there is no memory to read it",
                        report->file);
    }
    trace_free(&trace);
    heap_t *heap =
        report_add(&report->heaps, &report->heap_count, sizeof(*heap));
    heap->name = report_copy("trace");
    set_stat(heap, "used", all.value[LIVE]);
    set_stat(heap, "peak", all.value[PEAK]);
    set_stat(heap, "live_blocks", all.value[BLOCKS]);
    set_stat(heap, "allocations", kinds[TRACE_ALLOC] + kinds[TRACE_ALIGN]);
    set_stat(heap, "frees", kinds[TRACE_FREE]);
    set_stat(heap, "resizes", kinds[TRACE_RESIZE]);
    for (unsigned i = 0; i < CLASSES; i++) {
        char text[64];
        if (classes[i].value[PEAK] == 0)
            continue;
        site_t *site =
            report_add(&heap->sites, &heap->site_count, sizeof(*site));
        site->text = report_copy(name_of(i, text));
        site->counts = classes[i];
    }
    return true;
}
