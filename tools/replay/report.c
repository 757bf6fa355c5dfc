/*
 * Prints results as a table, as CSV or as JSON.
 */
#include "config.h"

#include "tools/replay/report.h"
#include "base/json.h"
#include <memheap/log.h>
#include "base/util.h"

#include <stdio.h>
#include <string.h>

bool measure_good(const measure_t *measure)
{
    return measure->same && measure->failed == 0 && measure->wrong == 0;
}

/* The width of a column: the longest of its names and its heading. */
static int name_width(const measure_t *measures, size_t count,
                      const char *heading,
                      const char *(*get)(const measure_t *measure))
{
    size_t width = strlen(heading);
    for (size_t i = 0; i < count; i++)
        width = memheap_max(width, strlen(get(&measures[i])));
    return (int)width;
}

static const char *get_trace(const measure_t *measure)
{
    return measure->trace;
}

static const char *get_component(const measure_t *measure)
{
    return measure->component;
}

static void print_row(const measure_t *m)
{
    char peak[MEMHEAP_SIZE_TEXT];
    char footprint[MEMHEAP_SIZE_TEXT];
    printf("  %9.1f  %10s  %10s  ", m->ns_alone,
           memheap_format_size(peak, m->peak),
           memheap_format_size(footprint, m->footprint));
    if (m->smallest > 0)
        printf("%13.3f", (double)m->smallest / (double)m->peak);
    else
        printf("%13s", "none found");
    printf("  %11.1f  %10zu  %9s", m->ns_collective, m->operations,
           m->same ? "same" : "DIFFERENT");
    if (m->failed == 0 && m->wrong == 0)
        printf("  none\n");
    else
        printf("  %zu failed, %zu wrong\n", m->failed, m->wrong);
}

void report_table(const measure_t *measures, size_t count, int pes)
{
    int trace = name_width(measures, count, "trace", get_trace);
    int component = name_width(measures, count, "component", get_component);
    printf("%d PE%s. ns/op: time of one operation of the allocator alone, and "
           "of one through\nshmem, with the barrier of all PEs (together). "
           "Heap/peak: the smallest heap in\nwhich the trace passes, over the "
           "peak of live bytes.\n\n",
           pes, pes == 1 ? "" : "s");
    printf("%*s  %9s  %10s  %10s  %13s  %11s\n", trace + 2 + component, "",
           "ns/op", "peak live", "", "smallest", "ns/op");
    printf("%-*s  %-*s  %9s  %10s  %10s  %13s  %11s  %10s  %9s  %s\n", trace,
           "trace", component, "component", "alone", "bytes", "footprint",
           "heap/peak", "together", "operations", "addresses", "errors");
    for (size_t i = 0; i < count; i++) {
        printf("%-*s  %-*s", trace, measures[i].trace, component,
               measures[i].component);
        print_row(&measures[i]);
    }
}

/* Print a name, in quotes if it needs them. Source: RFC 4180. */
static void print_quoted(const char *name)
{
    if (strpbrk(name, ",\"\n") == NULL) {
        fputs(name, stdout);
        return;
    }
    putchar('"');
    for (; *name != '\0'; name++) {
        if (*name == '"')
            putchar('"');
        putchar(*name);
    }
    putchar('"');
}

void report_csv(const measure_t *measures, size_t count, int pes)
{
    puts("trace,component,pes,operations,ns_together,ns_alone,peak_bytes,"
         "footprint_bytes,smallest_bytes,smallest_over_peak,"
         "verified_operations,same_addresses,failed,wrong");
    for (size_t i = 0; i < count; i++) {
        const measure_t *m = &measures[i];
        print_quoted(m->trace);
        printf(",%s,%d,%zu,%.1f,%.1f,%zu,%zu,%zu,%.4f,%zu,%s,%zu,%zu\n",
               m->component, pes, m->operations, m->ns_collective, m->ns_alone,
               m->peak, m->footprint, m->smallest,
               (double)m->smallest / (double)m->peak, m->verified,
               m->same ? "yes" : "no", m->failed, m->wrong);
    }
}

void report_json(const measure_t *measures, size_t count, int pes)
{
    memheap_json_t json = {.file = stdout};
    memheap_json_object(&json, NULL);
    memheap_json_number(&json, "pes", (uint64_t)pes);
    memheap_json_array(&json, "results");
    for (size_t i = 0; i < count; i++) {
        const measure_t *m = &measures[i];
        memheap_json_object(&json, NULL);
        memheap_json_string(&json, "trace", m->trace);
        memheap_json_string(&json, "component", m->component);
        memheap_json_number(&json, "operations", m->operations);
        memheap_json_real(&json, "ns_together", m->ns_collective, 1);
        memheap_json_real(&json, "ns_alone", m->ns_alone, 1);
        memheap_json_number(&json, "peak_bytes", m->peak);
        memheap_json_number(&json, "footprint_bytes", m->footprint);
        if (m->smallest > 0)
            memheap_json_number(&json, "smallest_bytes", m->smallest);
        else
            memheap_json_null(&json, "smallest_bytes");
        memheap_json_number(&json, "verified_operations", m->verified);
        memheap_json_bool(&json, "same_addresses", m->same);
        memheap_json_number(&json, "failed", m->failed);
        memheap_json_number(&json, "wrong", m->wrong);
        memheap_json_end(&json);
    }
    memheap_json_end(&json);
    memheap_json_end(&json);
}
