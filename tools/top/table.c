/*
 * Writes the table for people.
 *
 * The columns are statistics of memheap_stat_table[] and a few others. On a
 * narrow terminal the least important columns are left out.
 */
#include "config.h"

#include "tools/top/top.h"
#include "base/util.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    CELL = 64
};

typedef enum source {
    PE,
    PID,
    HEAP,
    COMPONENT,
    ALLOCATION_RATE,
    FREE_RATE,
    WAIT,
    STAT
} source_t;

typedef struct column {
    const char *title;
    int width; /* negative: left-aligned */
    int rank;  /* columns of high rank are left out first; 0: never */
    source_t source;
    const char *stat;
} column_t;

static const column_t columns[] = {
    {"PE", 3, 0, PE, NULL},
    {"PID", 7, 0, PID, NULL},
    {"HEAP", -9, 0, HEAP, NULL},
    {"COMPONENT", -9, 7, COMPONENT, NULL},
    {"SIZE", 5, 4, STAT, "size"},
    {"COMMIT", 6, 6, STAT, "committed"},
    {"RES", 5, 1, STAT, "resident"},
    {"USED", 5, 0, STAT, "used"},
    {"PEAK", 5, 2, STAT, "peak"},
    {"BLOCKS", 6, 0, STAT, "live_blocks"},
    {"ALLOC/S", 7, 0, ALLOCATION_RATE, NULL},
    {"FREE/S", 6, 3, FREE_RATE, NULL},
    {"FAIL", 4, 5, STAT, "failures"},
    {"FRAG", 4, 1, STAT, "fragmentation"},
    {"WAITS IN", -24, 1, WAIT, NULL},
};

enum {
    COLUMNS = sizeof(columns) / sizeof(columns[0])
};

/* Get the statistic of a column of source STAT. */
static const memheap_stat_t *figure_of(const column_t *column)
{
    unsigned i = 0;
    while (i + 1 < MEMHEAP_STAT_COUNT &&
           strcmp(memheap_stat_table[i].name, column->stat) != 0)
        i++;
    return &memheap_stat_table[i];
}

/* Format a number in at most five characters, with a letter for a power of the
 * unit. */
static void put_short(char text[CELL], double value, double unit,
                      const char *letters)
{
    int power = 0;
    while (value >= (unit > 1000 ? 999.5 : 9999.5) && letters[power] != '\0') {
        value /= unit;
        power++;
        if (value < 999.5)
            break;
    }
    if (power == 0)
        snprintf(text, CELL, "%.0f", value);
    else
        snprintf(text, CELL, "%.*f%c",
                 value < 9.995   ? 2
                 : value < 99.95 ? 1
                                 : 0,
                 value, letters[power - 1]);
}

static double value_of(const column_t *column, const top_line_t *line)
{
    switch (column->source) {
    case PE:
        return line->pe;
    case PID:
        return line->pid;
    case ALLOCATION_RATE:
        return line->allocations;
    case FREE_RATE:
        return line->frees;
    case WAIT:
        return line->wait_s;
    case STAT:
        return (double)figure_of(column)->get(&line->stats);
    default:
        return 0;
    }
}

/* Copy a text of the program. Replace characters that could control a
 * terminal. */
static void put_text(char text[CELL], const char *from, int width)
{
    int i = 0;
    for (; i < width && from[i] != '\0'; i++)
        text[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
    if (from[i] != '\0')
        text[i - 1] = '+';
    text[i] = '\0';
}

static void put_cell(char text[CELL], const column_t *column,
                     const top_line_t *line)
{
    double value = value_of(column, line);
    text[0] = '\0';
    if (column->source == PE && line->pe < 0) {
        snprintf(text, CELL, "-");
    } else if (column->source == HEAP || column->source == COMPONENT) {
        put_text(text, column->source == HEAP ? line->heap : line->component,
                 -column->width);
    } else if (column->source == WAIT) {
        put_text(text, line->wait_s > 0 ? line->wait : "", -column->width);
    } else if (column->source == PE || column->source == PID) {
        snprintf(text, CELL, "%.0f", value);
    } else if (column->source == STAT &&
               figure_of(column)->unit == MEMHEAP_UNIT_BYTES) {
        put_short(text, value, 1024, "KMGTPE");
    } else if (column->source == STAT &&
               figure_of(column)->unit == MEMHEAP_UNIT_PPM) {
        snprintf(text, CELL, "%.0f%%", value / 1e4);
    } else {
        put_short(text, value, 1000, "kMGTPE");
    }
}

static const column_t *find_column(const char *name)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        if (strcasecmp(columns[i].title, name) == 0)
            return &columns[i];
    }
    return NULL;
}

char *top_columns(char *text, size_t room)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < COLUMNS && used < room; i++)
        used += (size_t)snprintf(text + used, room - used, "%s%s",
                                 i == 0 ? "" : ", ", columns[i].title);
    return text;
}

static const column_t *sorted_by;

/* Compare by PE, then by process, then by heap name. */
static int compare_places(const top_line_t *left, const top_line_t *right)
{
    if (left->pe != right->pe)
        return left->pe < right->pe ? -1 : 1;
    if (left->pid != right->pid)
        return left->pid < right->pid ? -1 : 1;
    return strcmp(left->heap, right->heap);
}

/* Compare by the sort column. Statistics are in descending order. */
static int compare(const void *a, const void *b)
{
    const top_line_t *left = a;
    const top_line_t *right = b;
    double difference = 0;
    int order = 0;
    if (sorted_by->source == HEAP)
        order = strcmp(left->heap, right->heap);
    else if (sorted_by->source == COMPONENT)
        order = strcmp(left->component, right->component);
    else if (sorted_by->source == PID)
        difference = (double)left->pid - (double)right->pid;
    else if (sorted_by->source != PE)
        difference = value_of(sorted_by, right) - value_of(sorted_by, left);
    if (difference != 0)
        order = difference < 0 ? -1 : 1;
    return order == 0 ? compare_places(left, right) : order;
}

bool top_sort(top_line_t *lines, size_t count, const char *column)
{
    sorted_by = find_column(column);
    if (sorted_by == NULL)
        return false;
    if (count > 0)
        qsort(lines, count, sizeof(*lines), compare);
    return true;
}

/* Leave out columns until the rest fits. */
static void choose(size_t width, bool waits, bool shown[COLUMNS])
{
    size_t total = 0;
    for (size_t i = 0; i < COLUMNS; i++) {
        shown[i] = waits || columns[i].source != WAIT;
        total += shown[i] ? (size_t)abs(columns[i].width) + (i > 0) : 0;
    }
    while (total > width) {
        const column_t *last = NULL;
        for (size_t i = 0; i < COLUMNS; i++) {
            if (shown[i] && columns[i].rank > 0 &&
                (last == NULL || columns[i].rank > last->rank))
                last = &columns[i];
        }
        if (last == NULL)
            return;
        shown[last - columns] = false;
        total -= (size_t)abs(last->width) + 1;
    }
}

static void write_line(FILE *file, const top_line_t *line,
                       const bool shown[COLUMNS])
{
    for (size_t i = 0; i < COLUMNS; i++) {
        char text[CELL];
        if (!shown[i])
            continue;
        put_cell(text, &columns[i], line);
        fprintf(file, "%s%*s", i == 0 ? "" : " ", columns[i].width, text);
        if (line->gone && columns[i].source == HEAP) {
            fputs(" gone", file);
            break;
        }
    }
    putc('\n', file);
}

static void write_total(FILE *file, const top_line_t *total,
                        const bool shown[COLUMNS])
{
    for (size_t i = 0; i < COLUMNS; i++) {
        char text[CELL] = "";
        const column_t *column = &columns[i];
        bool sum = column->source == ALLOCATION_RATE ||
                   column->source == FREE_RATE ||
                   (column->source == STAT &&
                    figure_of(column)->unit != MEMHEAP_UNIT_PPM);
        if (!shown[i])
            continue;
        if (sum)
            put_cell(text, column, total);
        else if (column->source == HEAP)
            snprintf(text, CELL, "total");
        fprintf(file, "%s%*s", i == 0 ? "" : " ", column->width, text);
    }
    putc('\n', file);
}

static void add(top_line_t *total, const top_line_t *line)
{
    if (line->gone)
        return;
    total->stats.size += line->stats.size;
    total->stats.committed += line->stats.committed;
    total->stats.resident += line->stats.resident;
    total->stats.used += line->stats.used;
    total->stats.peak += line->stats.peak;
    total->stats.live_blocks += line->stats.live_blocks;
    total->stats.failures += line->stats.failures;
    total->allocations += line->allocations;
    total->frees += line->frees;
}

void top_table(FILE *file, const top_line_t *lines, size_t count, size_t width,
               size_t most)
{
    bool shown[COLUMNS];
    top_line_t total = {.heap = "", .component = ""};
    bool waits = false;
    for (size_t i = 0; i < count; i++)
        waits = waits || lines[i].wait_s > 0;
    choose(width, waits, shown);
    for (size_t i = 0; i < COLUMNS; i++) {
        if (shown[i])
            fprintf(file, "%s%*s", i == 0 ? "" : " ", columns[i].width,
                    columns[i].title);
    }
    putc('\n', file);
    for (size_t i = 0; i < count; i++) {
        add(&total, &lines[i]);
        if (i < most)
            write_line(file, &lines[i], shown);
    }
    if (count > most)
        fprintf(file, "... and %zu more\n", count - most);
    write_total(file, &total, shown);
}
