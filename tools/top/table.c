/*
 * Writes the table for people. On a narrow terminal the least important columns
 * are left out.
 */
#include "config.h"

#include "tools/top/columns.h"
#include "base/util.h"

#include <stdlib.h>
#include <string.h>

/* Waits of more seconds are marked as bad. */
static const double long_wait_s = 60;

/* Which columns are shown. */
typedef struct layout {
    bool shown[TOP_COLUMNS];
    int spare; /* columns of the terminal that are left, for the last one */
} layout_t;

/* Leave out columns until the rest fits. */
static layout_t choose(size_t width, bool waits, bool graphs)
{
    layout_t layout = {.spare = 0};
    bool *shown = layout.shown;
    size_t total = 0;
    for (size_t i = 0; i < TOP_COLUMNS; i++) {
        const top_column_t *column = &top_column_table[i];
        bool is_graph =
            column->source == TOP_BAR || column->source == TOP_HISTORY;
        shown[i] =
            (waits || column->source != TOP_WAIT) && (graphs || !is_graph);
        total += shown[i] ? (size_t)abs(column->width) + (i > 0) : 0;
    }
    while (total > width) {
        const top_column_t *last = NULL;
        for (size_t i = 0; i < TOP_COLUMNS; i++) {
            if (shown[i] && top_column_table[i].rank > 0 &&
                (last == NULL || top_column_table[i].rank > last->rank))
                last = &top_column_table[i];
        }
        if (last == NULL)
            return layout;
        shown[last - top_column_table] = false;
        total -= (size_t)abs(last->width) + 1;
    }
    layout.spare = (int)memheap_min(width - total, TOP_CELL / 2);
    return layout;
}

static top_style_t style_of(const top_column_t *column, const top_line_t *line)
{
    const memheap_stats_t *stats = &line->stats;
    if (column->source == TOP_WAIT && line->wait_s > 0)
        return line->wait_s > long_wait_s ? TOP_BAD : TOP_WARNING;
    if (column->source != TOP_STAT)
        return TOP_PLAIN;
    if (strcmp(column->stat, "used") == 0 && stats->size > 0)
        return top_share_style((double)stats->used / (double)stats->size);
    return strcmp(column->stat, "failures") == 0 && stats->failures > 0
               ? TOP_BAD
               : TOP_PLAIN;
}

static void write_text(FILE *file, const top_face_t *face, top_style_t style,
                       int width, const char *text)
{
    if (style == TOP_PLAIN)
        fprintf(file, "%*s", width, text);
    else
        fprintf(file, "%s%*s%s", top_style(face, style), width, text,
                top_style(face, TOP_PLAIN));
}

static void write_cell(FILE *file, const top_face_t *face,
                       const top_column_t *column, int spare,
                       const top_line_t *line)
{
    char text[TOP_CELL];
    int width = abs(column->width);
    if (column->source == TOP_BAR) {
        top_bar(file, face, &line->stats, (size_t)width - 2);
    } else if (column->source == TOP_HISTORY) {
        top_spark(file, face, line->history->used, (size_t)width);
    } else {
        top_column_t wide = *column;
        wide.width -= column->source == TOP_WAIT ? spare : 0;
        top_cell(text, &wide, line);
        write_text(file, face, style_of(column, line), column->width, text);
    }
}

static void write_line(FILE *file, const top_face_t *face,
                       const top_line_t *line, const layout_t *layout)
{
    const top_face_t plain = {.utf8 = face->utf8};
    if (line->gone)
        fputs(top_style(face, TOP_DIM), file);
    for (size_t i = 0; i < TOP_COLUMNS; i++) {
        const top_column_t *column = &top_column_table[i];
        if (!layout->shown[i])
            continue;
        if (i > 0)
            putc(' ', file);
        write_cell(file, line->gone ? &plain : face, column, layout->spare,
                   line);
        if (line->gone && column->source == TOP_HEAP) {
            fputs(" gone", file);
            fputs(top_style(face, TOP_PLAIN), file);
            break;
        }
    }
    putc('\n', file);
}

static void write_total(FILE *file, const top_face_t *face,
                        const top_line_t *total, const layout_t *layout)
{
    for (size_t i = 0; i < TOP_COLUMNS; i++) {
        char text[TOP_CELL] = "";
        const top_column_t *column = &top_column_table[i];
        bool sum = column->source == TOP_ALLOCATION_RATE ||
                   column->source == TOP_FREE_RATE ||
                   (column->source == TOP_STAT &&
                    top_figure(column)->unit != MEMHEAP_UNIT_PPM);
        if (!layout->shown[i])
            continue;
        if (i > 0)
            putc(' ', file);
        if (sum || column->source == TOP_BAR) {
            write_cell(file, face, column, 0, total);
            continue;
        }
        if (column->source == TOP_HEAP)
            snprintf(text, TOP_CELL, "total");
        fprintf(file, "%*s", column->width, text);
    }
    putc('\n', file);
}

static void write_titles(FILE *file, const top_face_t *face,
                         const layout_t *layout)
{
    fputs(top_style(face, TOP_TITLE), file);
    for (int i = 0; i < TOP_COLUMNS; i++) {
        const top_column_t *column = &top_column_table[i];
        bool mark = face->colours && i == face->sort;
        if (!layout->shown[i])
            continue;
        if (i > 0)
            putc(' ', file);
        if (mark)
            fputs(top_style(face, TOP_MARK), file);
        fprintf(file, "%*s", column->width, column->title);
        if (mark)
            fprintf(file, "%s%s", top_style(face, TOP_PLAIN),
                    top_style(face, TOP_TITLE));
    }
    fprintf(file, "%s\n", top_style(face, TOP_PLAIN));
}

top_line_t top_total(const top_line_t *lines, size_t count)
{
    top_line_t total = {.heap = "", .component = ""};
    for (size_t i = 0; i < count; i++) {
        const top_line_t *line = &lines[i];
        if (line->gone)
            continue;
        total.stats.size += line->stats.size;
        total.stats.committed += line->stats.committed;
        total.stats.resident += line->stats.resident;
        total.stats.used += line->stats.used;
        total.stats.peak += line->stats.peak;
        total.stats.live_blocks += line->stats.live_blocks;
        total.stats.failures += line->stats.failures;
        total.allocations += line->allocations;
        total.frees += line->frees;
    }
    return total;
}

void top_table(FILE *file, const top_face_t *face, const top_line_t *lines,
               size_t count, size_t width)
{
    top_line_t total = top_total(lines, count);
    bool waits = false;
    for (size_t i = 0; i < count; i++)
        waits = waits || lines[i].wait_s > 0;
    layout_t layout = choose(width, waits, face->graphs);
    write_titles(file, face, &layout);
    for (size_t i = 0; i < count; i++)
        write_line(file, face, &lines[i], &layout);
    write_total(file, face, &total, &layout);
}
