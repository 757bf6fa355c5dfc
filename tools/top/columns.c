/*
 * The columns: statistics of memheap_stat_table[] and a few others.
 */
#include "config.h"

#include "tools/top/columns.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

const top_column_t top_column_table[TOP_COLUMNS] = {
    {"PE", 3, 0, TOP_PE, NULL},
    {"PID", 7, 0, TOP_PID, NULL},
    {"HEAP", -9, 0, TOP_HEAP, NULL},
    {"COMPONENT", -9, 7, TOP_COMPONENT, NULL},
    {"SIZE", 5, 4, TOP_STAT, "size"},
    {"COMMIT", 6, 6, TOP_STAT, "committed"},
    {"RES", 5, 1, TOP_STAT, "resident"},
    {"USED", 5, 0, TOP_STAT, "used"},
    {"PEAK", 5, 2, TOP_STAT, "peak"},
    {"USED, PEAK", -12, 8, TOP_BAR, NULL},
    {"LAST MINUTE", -12, 9, TOP_HISTORY, NULL},
    {"BLOCKS", 6, 0, TOP_STAT, "live_blocks"},
    {"ALLOC/S", 7, 0, TOP_ALLOCATION_RATE, NULL},
    {"FREE/S", 6, 3, TOP_FREE_RATE, NULL},
    {"FAIL", 4, 5, TOP_STAT, "failures"},
    {"FRAG", 4, 1, TOP_STAT, "fragmentation"},
    {"WAITS IN", -24, 1, TOP_WAIT, NULL},
};

const memheap_stat_t *top_figure(const top_column_t *column)
{
    unsigned i = 0;
    while (i + 1 < MEMHEAP_STAT_COUNT &&
           strcmp(memheap_stat_table[i].name, column->stat) != 0)
        i++;
    return &memheap_stat_table[i];
}

static void put_short(char text[TOP_CELL], double value, double unit,
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
        snprintf(text, TOP_CELL, "%.0f", value);
    else
        snprintf(text, TOP_CELL, "%.*f%c",
                 value < 9.995   ? 2
                 : value < 99.95 ? 1
                                 : 0,
                 value, letters[power - 1]);
}

void top_bytes(char text[TOP_CELL], double value)
{
    put_short(text, value, 1024, "KMGTPE");
}

void top_count(char text[TOP_CELL], double value)
{
    put_short(text, value, 1000, "kMGTPE");
}

static double value_of(const top_column_t *column, const top_line_t *line)
{
    switch (column->source) {
    case TOP_PE:
        return line->pe;
    case TOP_PID:
        return line->pid;
    case TOP_ALLOCATION_RATE:
        return line->allocations;
    case TOP_FREE_RATE:
        return line->frees;
    case TOP_WAIT:
        return line->wait_s;
    case TOP_BAR:
        return line->stats.size == 0
                   ? 0
                   : (double)line->stats.used / (double)line->stats.size;
    case TOP_STAT:
        return (double)top_figure(column)->get(&line->stats);
    default:
        return 0;
    }
}

void top_text(char text[TOP_CELL], const char *from, int width)
{
    int i = 0;
    for (; i < width && from[i] != '\0'; i++)
        text[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
    if (from[i] != '\0')
        text[i - 1] = '+';
    text[i] = '\0';
}

/* Write what a PE waits in, and for how long. */
static void put_wait(char text[TOP_CELL], const top_line_t *line, int width)
{
    text[0] = '\0';
    if (line->wait_s <= 0)
        return;
    int length = snprintf(NULL, 0, " %.0f s", line->wait_s);
    top_text(text, line->wait, width - length);
    size_t used = strlen(text);
    snprintf(text + used, TOP_CELL - used, " %.0f s", line->wait_s);
}

void top_cell(char text[TOP_CELL], const top_column_t *column,
              const top_line_t *line)
{
    double value = value_of(column, line);
    text[0] = '\0';
    if (column->source == TOP_PE && line->pe < 0)
        snprintf(text, TOP_CELL, "-");
    else if (column->source == TOP_HEAP || column->source == TOP_COMPONENT)
        top_text(text,
                 column->source == TOP_HEAP ? line->heap : line->component,
                 -column->width);
    else if (column->source == TOP_WAIT)
        put_wait(text, line, -column->width);
    else if (column->source == TOP_PE || column->source == TOP_PID)
        snprintf(text, TOP_CELL, "%.0f", value);
    else if (column->source == TOP_STAT &&
             top_figure(column)->unit == MEMHEAP_UNIT_BYTES)
        top_bytes(text, value);
    else if (column->source == TOP_STAT &&
             top_figure(column)->unit == MEMHEAP_UNIT_PPM)
        snprintf(text, TOP_CELL, "%.0f%%", value / 1e4);
    else if (column->source != TOP_BAR && column->source != TOP_HISTORY)
        top_count(text, value);
}

/* Whether lines can be sorted by a column, from text output too. */
static bool is_sortable(int column)
{
    top_source_t source = top_column_table[column].source;
    return source != TOP_BAR && source != TOP_HISTORY;
}

int top_column(const char *title)
{
    for (int i = 0; i < TOP_COLUMNS; i++) {
        if (is_sortable(i) && strcasecmp(top_column_table[i].title, title) == 0)
            return i;
    }
    return -1;
}

int top_next_column(int column, bool forward)
{
    do {
        column = (column + (forward ? 1 : TOP_COLUMNS - 1)) % TOP_COLUMNS;
    } while (!is_sortable(column));
    return column;
}

const char *top_title(int column)
{
    return top_column_table[column].title;
}

char *top_columns(char *text, size_t room)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < TOP_COLUMNS && used < room; i++) {
        if (is_sortable(i))
            used += (size_t)snprintf(text + used, room - used, "%s%s",
                                     i == 0 ? "" : ", ", top_title(i));
    }
    return text;
}

static const top_column_t *sorted_by;
static bool is_reversed;

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
    if (sorted_by->source == TOP_HEAP)
        order = strcmp(left->heap, right->heap);
    else if (sorted_by->source == TOP_COMPONENT)
        order = strcmp(left->component, right->component);
    else if (sorted_by->source == TOP_PE || sorted_by->source == TOP_PID)
        difference = value_of(sorted_by, left) - value_of(sorted_by, right);
    else
        difference = value_of(sorted_by, right) - value_of(sorted_by, left);
    if (difference != 0)
        order = difference < 0 ? -1 : 1;
    if (is_reversed)
        order = -order;
    return order == 0 ? compare_places(left, right) : order;
}

void top_sort(top_line_t *lines, size_t count, int column, bool reversed)
{
    sorted_by = &top_column_table[column];
    is_reversed = reversed;
    if (count > 0)
        qsort(lines, count, sizeof(*lines), compare);
}
