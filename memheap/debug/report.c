/*
 * Statistics as text and as JSON.
 */
#include "config.h"

#include "memheap/debug/report.h"
#include "memheap/debug/site_table.h"
#include "memheap/properties.h"
#include "base/pages.h"
#include "base/output.h"
#include "base/path.h"
#include "base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAT_GETTER(field, stat_unit)                                          \
    static uint64_t field##_of(const memheap_stats_t *stats)                   \
    {                                                                          \
        return stats->field;                                                   \
    }
#define STATS(X)                                                               \
    X(size, MEMHEAP_UNIT_BYTES)                                                \
    X(committed, MEMHEAP_UNIT_BYTES)                                           \
    X(resident, MEMHEAP_UNIT_BYTES)                                            \
    X(used, MEMHEAP_UNIT_BYTES)                                                \
    X(peak, MEMHEAP_UNIT_BYTES)                                                \
    X(high_water, MEMHEAP_UNIT_BYTES)                                          \
    X(largest_free, MEMHEAP_UNIT_BYTES)                                        \
    X(metadata, MEMHEAP_UNIT_BYTES)                                            \
    X(live_blocks, MEMHEAP_UNIT_COUNT)                                         \
    X(allocations, MEMHEAP_UNIT_COUNT)                                         \
    X(frees, MEMHEAP_UNIT_COUNT)                                               \
    X(resizes, MEMHEAP_UNIT_COUNT)                                             \
    X(failures, MEMHEAP_UNIT_COUNT)

STATS(STAT_GETTER)

static uint64_t fragmentation_of(const memheap_stats_t *stats)
{
    return (uint64_t)(stats->fragmentation * 1e6 + 0.5);
}

#define STAT_ENTRY(field, stat_unit) {#field, stat_unit, field##_of},

const memheap_stat_t memheap_stat_table[MEMHEAP_STAT_COUNT] = {
    STATS(STAT_ENTRY){"fragmentation", MEMHEAP_UNIT_PPM, fragmentation_of}};

void memheap_stats_collect(memheap_t *heap, uint64_t values[MEMHEAP_STAT_COUNT])
{
    memheap_stats_t stats;
    memheap_get_stats(heap, &stats);
    for (unsigned i = 0; i < MEMHEAP_STAT_COUNT; i++)
        values[i] = memheap_stat_table[i].get(&stats);
}

/* A statistic over all PEs. */
typedef struct spread {
    uint64_t min, max, sum;
    int min_pe, max_pe;
} spread_t;

static spread_t spread_of(const memheap_report_t *report, unsigned stat)
{
    spread_t spread = {.min = UINT64_MAX};
    int count = report->pes == 0 ? 1 : report->pes;
    for (int pe = 0; pe < count; pe++) {
        uint64_t value = report->values[(size_t)pe * MEMHEAP_STAT_COUNT + stat];
        spread.sum += value;
        if (pe == 0 || value > spread.max) {
            spread.max = value;
            spread.max_pe = pe;
        }
        if (value < spread.min) {
            spread.min = value;
            spread.min_pe = pe;
        }
    }
    return spread;
}

static char *format(char text[MEMHEAP_SIZE_TEXT], memheap_unit_t unit,
                    uint64_t value)
{
    if (unit == MEMHEAP_UNIT_BYTES)
        return memheap_format_size(text, value);
    if (unit == MEMHEAP_UNIT_PPM)
        snprintf(text, MEMHEAP_SIZE_TEXT, "%.2f %%", (double)value / 1e4);
    else
        snprintf(text, MEMHEAP_SIZE_TEXT, "%llu", (unsigned long long)value);
    return text;
}

static void log_stat(const memheap_report_t *report, unsigned stat,
                     const memheap_log_t *log)
{
    const memheap_stat_t *f = &memheap_stat_table[stat];
    spread_t spread = spread_of(report, stat);
    char name[32];
    char min[MEMHEAP_SIZE_TEXT];
    char max[MEMHEAP_SIZE_TEXT];
    char sum[MEMHEAP_SIZE_TEXT];
    snprintf(name, sizeof(name), "%s", f->name);
    for (char *c = name; *c != '\0'; c++)
        *c = *c == '_' ? ' ' : *c;
    format(min, f->unit, spread.min);
    format(max, f->unit, spread.max);
    format(sum, f->unit, spread.sum);
    if (report->pes == 0)
        memheap_log_write(log, MEMHEAP_LOG_REPORT, "  %-14s %s", name, min);
    else if (spread.min == spread.max)
        memheap_log_write(log, MEMHEAP_LOG_REPORT, "  %-14s %s on each PE",
                          name, min);
    else if (f->unit == MEMHEAP_UNIT_PPM)
        memheap_log_write(log, MEMHEAP_LOG_REPORT,
                          "  %-14s %s (PE %d) to %s (PE %d)", name, min,
                          spread.min_pe, max, spread.max_pe);
    else
        memheap_log_write(log, MEMHEAP_LOG_REPORT,
                          "  %-14s %s (PE %d) to %s (PE %d), %s in all", name,
                          min, spread.min_pe, max, spread.max_pe, sum);
}

/* Log which pages this process has, by what the kernel says. */
static void log_pages(const memheap_report_t *report, const memheap_log_t *log)
{
    memheap_placement_t pages;
    char huge[MEMHEAP_SIZE_TEXT];
    char all[MEMHEAP_SIZE_TEXT];
    char windows[128] = "";
    if (memheap_get_placement(report->heap, &pages) != MEMHEAP_OK)
        return;
    if (report->pes > 0)
        snprintf(windows, sizeof(windows),
                 "; PE 0 has accessed %s of the heaps of its node, %s of it in "
                 "huge pages",
                 memheap_format_size(all, pages.windows_resident),
                 memheap_format_size(huge, pages.windows_huge));
    memheap_log_write(log, MEMHEAP_LOG_REPORT,
                      "  %-14s %s: %s of %s in huge pages%s%s", "pages",
                      memheap_pages_word(pages.pages),
                      memheap_format_size(huge, pages.huge),
                      memheap_format_size(all, pages.resident),
                      report->pes > 0 ? " on PE 0" : "", windows);
}

enum {
    SITES_LOGGED = 10 /* call sites in a report as text */
};

/* Log the call sites that allocate most, as a table. */
static void log_sites(memheap_t *heap, const memheap_log_t *log)
{
    memheap_site_stats_t sites[SITES_LOGGED];
    char used[MEMHEAP_SIZE_TEXT];
    char peak[MEMHEAP_SIZE_TEXT];
    char bytes[MEMHEAP_SIZE_TEXT];
    size_t count = memheap_get_site_stats(heap, sites, SITES_LOGGED);
    if (count > 0)
        memheap_log_write(log, MEMHEAP_LOG_REPORT,
                          "  %12s %12s %12s %10s  call site", "live", "at most",
                          "in all", "calls");
    for (size_t i = 0; i < count; i++)
        memheap_log_write(
            log, MEMHEAP_LOG_REPORT, "  %12s %12s %12s %10llu  %s",
            memheap_format_size(used, sites[i].used),
            memheap_format_size(peak, sites[i].peak),
            memheap_format_size(bytes, sites[i].bytes),
            (unsigned long long)sites[i].allocations, sites[i].site);
}

void memheap_report_log(const memheap_report_t *report,
                        const memheap_log_t *log)
{
    memheap_tag_stats_t tag;
    char job[32] = "";
    char used[MEMHEAP_SIZE_TEXT];
    char peak[MEMHEAP_SIZE_TEXT];
    if (report->pes > 0)
        snprintf(job, sizeof(job), " on %d PE%s", report->pes,
                 report->pes == 1 ? "" : "s");
    memheap_log_write(log, MEMHEAP_LOG_REPORT, "heap \"%s\", component %s%s:",
                      memheap_name(report->heap),
                      memheap_component_name(report->heap), job);
    for (unsigned i = 0; i < MEMHEAP_STAT_COUNT; i++)
        log_stat(report, i, log);
    log_pages(report, log);
    for (unsigned i = 0; memheap_get_tag_stats(report->heap, i, &tag); i++)
        memheap_log_write(
            log, MEMHEAP_LOG_REPORT,
            "  tag \"%s\": %s in %zu block%s, %s at most, %llu allocation%s",
            tag.name, memheap_format_size(used, tag.used), tag.live_blocks,
            tag.live_blocks == 1 ? "" : "s",
            memheap_format_size(peak, tag.peak),
            (unsigned long long)tag.allocations,
            tag.allocations == 1 ? "" : "s");
    log_sites(report->heap, log);
}

static void write_stat(memheap_json_t *json, unsigned stat, uint64_t value)
{
    const memheap_stat_t *s = &memheap_stat_table[stat];
    if (s->unit == MEMHEAP_UNIT_PPM)
        memheap_json_real(json, s->name, (double)value / 1e6, 6);
    else
        memheap_json_number(json, s->name, value);
}

void memheap_json_stats(memheap_json_t *json, const memheap_stats_t *stats)
{
    for (unsigned i = 0; i < MEMHEAP_STAT_COUNT; i++)
        write_stat(json, i, memheap_stat_table[i].get(stats));
}

/* Write the statistics of a job: sums, minima, maxima, and those of each PE. */
static void write_job(memheap_json_t *json, const memheap_report_t *report)
{
    memheap_json_number(json, "pes", (uint64_t)report->pes);
    memheap_json_object(json, "sum");
    for (unsigned i = 0; i < MEMHEAP_STAT_COUNT; i++) {
        if (memheap_stat_table[i].unit != MEMHEAP_UNIT_PPM)
            write_stat(json, i, spread_of(report, i).sum);
    }
    memheap_json_end(json);
    memheap_json_object(json, "min");
    for (unsigned i = 0; i < MEMHEAP_STAT_COUNT; i++)
        write_stat(json, i, spread_of(report, i).min);
    memheap_json_end(json);
    memheap_json_object(json, "max");
    for (unsigned i = 0; i < MEMHEAP_STAT_COUNT; i++)
        write_stat(json, i, spread_of(report, i).max);
    memheap_json_end(json);
    memheap_json_array(json, "each");
    for (size_t pe = 0; pe < (size_t)report->pes; pe++) {
        memheap_json_object(json, NULL);
        memheap_json_number(json, "pe", pe);
        for (unsigned i = 0; i < MEMHEAP_STAT_COUNT; i++)
            write_stat(json, i, report->values[pe * MEMHEAP_STAT_COUNT + i]);
        memheap_json_end(json);
    }
    memheap_json_end(json);
}

/* Write which pages this process has, by what the kernel says. */
static void write_pages(memheap_json_t *json, memheap_t *heap)
{
    memheap_placement_t pages;
    if (memheap_get_placement(heap, &pages) != MEMHEAP_OK)
        return;
    memheap_json_object(json, "pages");
    memheap_json_string(json, "kind", memheap_pages_word(pages.pages));
    memheap_json_number(json, "resident", pages.resident);
    memheap_json_number(json, "huge", pages.huge);
    memheap_json_number(json, "windows_resident", pages.windows_resident);
    memheap_json_number(json, "windows_huge", pages.windows_huge);
    memheap_json_end(json);
}

static void write_counts(memheap_json_t *json, size_t used, size_t peak,
                         size_t live_blocks, uint64_t allocations,
                         uint64_t bytes)
{
    memheap_json_number(json, "used", used);
    memheap_json_number(json, "peak", peak);
    memheap_json_number(json, "live_blocks", live_blocks);
    memheap_json_number(json, "allocations", allocations);
    memheap_json_number(json, "bytes", bytes);
}

/* Write the functions of a frame: more than one if they are inlined. */
static void write_frame(memheap_json_t *json, const char *text)
{
    char line[MEMHEAP_FRAME_TEXT];
    for (size_t length; *text != '\0';
         text += length + (text[length] != '\0')) {
        length = strcspn(text, "\n");
        snprintf(line, sizeof(line), "%.*s", (int)length, text);
        memheap_json_string(json, NULL, line);
    }
}

/* Write the paths to a place, if the stack tells them. */
static void write_paths(memheap_json_t *json, const memheap_site_table_t *table,
                        const memheap_site_sum_t *place)
{
    size_t count = memheap_min(place->count, MEMHEAP_PLACE_PATHS);
    for (size_t i = 0; i < count; i++) {
        const memheap_site_path_t *path = &table->paths[place->first + i];
        const memheap_site_counts_t *c = &path->counts;
        if (path->frame_count == 0)
            continue;
        memheap_json_object(json, NULL);
        memheap_json_array(json, "frames");
        for (int k = 0; k < path->frame_count; k++)
            write_frame(json, memheap_site_table_frame(table, path->frames[k]));
        memheap_json_end(json);
        write_counts(json, c->used, c->peak, c->live_blocks, c->allocations,
                     c->bytes);
        memheap_json_end(json);
    }
}

static void write_sites(memheap_json_t *json, memheap_t *heap)
{
    memheap_site_table_t table = {.site_count = 0};
    memheap_site_table_make(&table, heap, SIZE_MAX);
    memheap_json_array(json, "sites");
    for (size_t i = 0; i < table.site_count; i++) {
        const memheap_site_sum_t *site = &table.sites[i];
        const memheap_site_stats_t *s = &site->stats;
        memheap_json_object(json, NULL);
        memheap_json_string(json, "site", s->site);
        write_counts(json, s->used, s->peak, s->live_blocks, s->allocations,
                     s->bytes);
        memheap_json_array(json, "paths");
        for (size_t j = 0; j < site->count; j++)
            write_paths(json, &table, &table.places[site->first + j]);
        memheap_json_end(json);
        memheap_json_end(json);
    }
    memheap_json_end(json);
    memheap_site_table_free(&table);
}

static void write_tags(memheap_json_t *json, memheap_t *heap)
{
    memheap_tag_stats_t tag;
    memheap_json_array(json, "tags");
    for (unsigned i = 0; memheap_get_tag_stats(heap, i, &tag); i++) {
        memheap_json_object(json, NULL);
        memheap_json_string(json, "tag", tag.name);
        memheap_json_number(json, "used", tag.used);
        memheap_json_number(json, "peak", tag.peak);
        memheap_json_number(json, "live_blocks", tag.live_blocks);
        memheap_json_number(json, "allocations", tag.allocations);
        memheap_json_end(json);
    }
    memheap_json_end(json);
}

/* The report files of this process. A further report in one of them is added to
 * the document that is there. */
static struct report_file {
    struct report_file *next;
    char path[]; /* a string */
} * report_files;
static pthread_mutex_t report_lock = PTHREAD_MUTEX_INITIALIZER;

/* A document:  {"heaps": [REPORT, REPORT]}  on lines. */
static const char document_start[] = "{\"heaps\": [\n";
static const char document_end[] = "]}\n";

static bool is_known_file(const char *path)
{
    for (const struct report_file *f = report_files; f != NULL; f = f->next) {
        if (strcmp(f->path, path) == 0)
            return true;
    }
    return false;
}

/* Without memory, the next report replaces this one. */
static void know_file(const char *path)
{
    size_t length = strlen(path) + 1;
    struct report_file *file = malloc(sizeof(*file) + length);
    if (file == NULL)
        return;
    memcpy(file->path, path, length);
    file->next = report_files;
    report_files = file;
}

static void write_report(FILE *file, const memheap_report_t *report)
{
    memheap_json_t json = {.file = file};
    memheap_json_object(&json, NULL);
    memheap_json_string(&json, "heap", memheap_name(report->heap));
    memheap_json_string(&json, "component",
                        memheap_component_name(report->heap));
    if (report->pes > 0) {
        write_job(&json, report);
    } else {
        memheap_json_object(&json, "stats");
        for (unsigned i = 0; i < MEMHEAP_STAT_COUNT; i++)
            write_stat(&json, i, report->values[i]);
        memheap_json_end(&json);
    }
    write_pages(&json, report->heap);
    write_tags(&json, report->heap);
    write_sites(&json, report->heap);
    memheap_json_end(&json);
}

/* Open a file for a report, positioned at its place. NULL: *problem_p says why.
 */
static FILE *open_report(const char *path, const char **problem_p)
{
    struct stat info;
    off_t end = sizeof(document_end) - 1;
    int fd = memheap_output_open(path, O_WRONLY, problem_p);
    if (fd < 0)
        return NULL;
    FILE *file = fstat(fd, &info) == 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL) {
        *problem_p = strerror(errno);
        close(fd);
        return NULL;
    }
    bool regular = S_ISREG(info.st_mode);
    if (regular && is_known_file(path) && info.st_size > end) {
        fseeko(file, info.st_size - end, SEEK_SET);
        fputs(",\n", file);
        return file;
    }
    if (regular && ftruncate(fd, 0) == 0 && !is_known_file(path))
        know_file(path);
    fputs(document_start, file);
    return file;
}

memheap_status_t memheap_report_write(const memheap_report_t *report,
                                      const char *path,
                                      const memheap_log_t *log)
{
    char name[PATH_MAX];
    const char *problem;
    memheap_path_expand(path, memheap_name(report->heap), name, sizeof(name));
    pthread_mutex_lock(&report_lock);
    FILE *file = open_report(name, &problem);
    if (file != NULL) {
        write_report(file, report);
        fputs(document_end, file);
        bool failed = ferror(file) != 0;
        failed = fclose(file) != 0 || failed;
        problem = failed ? strerror(errno) : NULL;
    }
    pthread_mutex_unlock(&report_lock);
    if (problem == NULL)
        return MEMHEAP_OK;
    memheap_log_write(log, MEMHEAP_LOG_WARNING,
                      "MEMHEAP_REPORT: cannot write %s (%s)", name, problem);
    return MEMHEAP_ERR_SYSTEM;
}

void memheap_report_by_param(const memheap_report_t *report,
                             const memheap_log_t *log)
{
    const memheap_params_t *params = memheap_get_params(report->heap);
    const char *value = memheap_params_find(params, "MEMHEAP_REPORT")->text;
    if (value[0] == '\0' || strcmp(value, "0") == 0)
        return;
    if (strcmp(value, "1") == 0)
        memheap_report_log(report, log);
    else
        memheap_report_write(report, value, log);
}
