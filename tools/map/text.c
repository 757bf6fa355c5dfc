/*
 * Writes the picture as text: one letter for each cell.
 */
#include "config.h"

#include "tools/map/map.h"
#include "base/util.h"

#include <string.h>

enum {
    ROWS = 16,
    LABEL = 10,
    LEAST_CELL = 16,
    HALF = DRAW_LEVELS / 2
};

/* Format a size in at most seven characters. */
static const char *short_size(char *text, size_t size)
{
    static const char letters[] = "BKMGTPE";
    double value = (double)size;
    int power = 0;
    for (; value >= 1023.95 && power < 6; power++)
        value /= 1024;
    snprintf(text, MEMHEAP_SIZE_TEXT, power == 0 ? "%.0f%c" : "%.1f%c", value,
             letters[power]);
    return text;
}

static void write_wrapped(FILE *file, const char *text, size_t width)
{
    while (strlen(text) > width) {
        size_t cut = width;
        while (cut > 0 && text[cut] != ' ')
            cut--;
        if (cut == 0)
            break;
        fprintf(file, "%.*s\n", (int)cut, text);
        text += cut + 1;
    }
    fprintf(file, "%s\n", text);
}

static void write_cell(FILE *file, const map_groups_t *groups,
                       unsigned char cell, bool colours)
{
    if (cell == 0) {
        putc('.', file);
        return;
    }
    unsigned group = draw_cell_group(cell);
    const draw_group_t *c = &groups->group[group];
    int letter = (draw_cell_level(cell) < HALF ? 'a' : 'A') + (int)group;
    if (colours)
        fprintf(file, "\033[38;2;%u;%u;%um%c\033[0m", c->red, c->green, c->blue,
                letter);
    else
        putc(letter, file);
}

static bool write_panel(FILE *file, const snapshot_t *snapshot,
                        const map_groups_t *groups, size_t width, bool colours)
{
    char lines[MAP_FIGURES][256];
    char text[MEMHEAP_SIZE_TEXT];
    map_cells_t cells;
    size_t columns = width - LABEL;
    size_t bytes = memheap_align_up(
        memheap_max(snapshot->reach / (columns * ROWS) + 1, LEAST_CELL),
        LEAST_CELL);
    if (!map_cells_make(&cells, snapshot, groups, columns, bytes))
        return false;
    map_figures(snapshot, lines);
    for (const char *c = snapshot->title; *c != '\0'; c++)
        putc(*c >= ' ' && *c <= '~' ? *c : '?', file);
    putc('\n', file);
    for (int i = 0; i < MAP_FIGURES; i++)
        write_wrapped(file, lines[i], width);
    for (size_t row = 0; row < cells.rows; row++) {
        size_t start = row * columns * bytes;
        fprintf(file, "%*s ", LABEL - 1, short_size(text, start));
        for (size_t i = 0; i < columns; i++) {
            if (start + i * bytes < snapshot->reach)
                write_cell(file, groups, cells.cells[row * columns + i],
                           colours);
        }
        putc('\n', file);
    }
    fprintf(file, "%*s %s each\n\n", LABEL - 1, "cells",
            memheap_format_size(text, bytes));
    map_cells_free(&cells);
    return true;
}

bool map_text(FILE *file, const snapshot_t *snapshots, size_t count,
              const map_groups_t *groups, size_t width, bool colours)
{
    char legend[1024];
    size_t used = 0;
    width = memheap_max(width, 2 * LABEL);
    for (size_t i = 0; i < count; i++) {
        if (!write_panel(file, &snapshots[i], groups, width, colours))
            return false;
    }
    for (unsigned i = 0; i < groups->count && used < sizeof(legend); i++)
        used +=
            (size_t)snprintf(legend + used, sizeof(legend) - used, "%c %s, ",
                             'A' + (int)i, groups->group[i].name);
    if (used < sizeof(legend))
        snprintf(legend + used, sizeof(legend) - used,
                 "small letters: more than half of it free, . all of it free");
    write_wrapped(file, legend, width);
    return true;
}
