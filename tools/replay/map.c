/*
 * Samples a replay into a grid, and draws the grid.
 *
 *      address
 *        ^   [cell][cell][cell]
 *        |   [cell][cell][cell]
 *        +-----------------------> time
 *
 * A column shows the heap after the last operation of its time step. A cell has
 * the colour of the size class that covers most of it, and is paler if much of
 * it is free.
 */
#include "config.h"

#include "tools/replay/map.h"
#include "tools/common/draw.h"
#include "tools/common/local.h"
#include "base/util.h"

#include <string.h>

enum {
    PANELS = 2, /* panels side by side */
    PANEL_GAP = 46,
    ROW_GAP = 120,
    LEFT = 84,
    RIGHT = 26,
    TOP = 96,
    BELOW = 112
};

/* Covered bytes of each size class, in the rows of one column. */
typedef size_t cover_t[MAP_ROWS][DRAW_SIZES];

/* The start of a row in bytes from the base. */
static size_t row_start(size_t row, size_t scale)
{
    return (size_t)((double)scale / MAP_ROWS * (double)row);
}

static void cover_block(cover_t cover, size_t start, size_t size, size_t scale)
{
    unsigned group = draw_size_class(size);
    size_t end = start + size;
    size_t row = (size_t)((double)start / (double)scale * MAP_ROWS);
    for (; row < MAP_ROWS && row_start(row, scale) < end; row++) {
        size_t from = memheap_max(start, row_start(row, scale));
        size_t to = memheap_min(end, row_start(row + 1, scale));
        if (to > from)
            cover[row][group] += to - from;
    }
}

static void sample_column(map_panel_t *panel, size_t column,
                          const local_t *local, size_t scale)
{
    cover_t cover = {{0}};
    const char *base = memheap_base(local->heap);
    panel->live[column] = 0;
    for (size_t i = 0; i < local->trace->slots; i++) {
        const block_t *block = &local->blocks[i];
        if (block->address == NULL)
            continue;
        panel->live[column] += block->size;
        cover_block(cover, (size_t)(block->address - base), block->size, scale);
    }
    for (size_t row = 0; row < MAP_ROWS; row++)
        panel->cell[row][column] =
            draw_cell(cover[row], DRAW_SIZES,
                      row_start(row + 1, scale) - row_start(row, scale));
}

bool map_sample(map_panel_t *panel, const char *component, const trace_t *trace,
                size_t footprint, size_t scale, block_t *blocks)
{
    local_t local;
    if (local_open(&local, component, trace, (local_range_t){NULL, 0}, blocks,
                   NULL) != MEMHEAP_OK)
        return false;
    panel->footprint = footprint;
    panel->columns = memheap_min(trace->count, MAP_COLUMNS);
    for (size_t column = 0; column < panel->columns; column++) {
        local_replay(&local, trace->count * column / panel->columns,
                     trace->count * (column + 1) / panel->columns);
        sample_column(panel, column, &local, scale);
    }
    local_close(&local);
    return true;
}

static double height_of(double bytes, size_t scale)
{
    return MAP_ROWS * (1 - bytes / (double)scale);
}

static void write_address_axis(FILE *file, size_t scale, bool labels)
{
    double end = (double)scale / (double)MEMHEAP_MIB;
    double step = draw_tick_step(end);
    for (int i = 0; i * step <= end; i++) {
        double y = height_of(i * step * (double)MEMHEAP_MIB, scale);
        fprintf(file, "<path class=\"a\" d=\"M-5 %.1fh5\"/>\n", y);
        if (labels)
            fprintf(file, "<text x=\"-9\" y=\"%.1f\" class=\"r\">%g</text>\n",
                    y + 4, i * step);
    }
    if (labels)
        fprintf(file,
                "<text class=\"m\" transform=\"translate(-58 %d) "
                "rotate(-90)\">address, MiB from the base</text>\n",
                MAP_ROWS / 2);
}

static void write_time_axis(FILE *file, size_t operations)
{
    double end = (double)operations;
    double step = draw_tick_step(end);
    for (int i = 0; i * step <= end; i++) {
        double x = MAP_COLUMNS * (i * step / end);
        fprintf(file, "<path class=\"a\" d=\"M%.1f %dv5\"/>\n", x, MAP_ROWS);
        fprintf(file, "<text x=\"%.1f\" y=\"%d\" class=\"m\">%.0f%s</text>\n",
                x, MAP_ROWS + 19,
                operations >= 10000 ? i * step / 1000 : i * step,
                operations >= 10000 && i > 0 ? "k" : "");
    }
    fprintf(file, "<text x=\"%d\" y=\"%d\" class=\"m\">operations</text>\n",
            MAP_COLUMNS / 2, MAP_ROWS + 38);
}

static void write_live_curve(FILE *file, const map_panel_t *panel, size_t scale)
{
    fputs("<path class=\"l\" d=\"M0 ", file);
    fprintf(file, "%d", MAP_ROWS);
    for (size_t i = 0; i < panel->columns; i++)
        fprintf(file, "L%.1f %.1f",
                (double)(i + 1) * MAP_COLUMNS / (double)panel->columns,
                height_of((double)panel->live[i], scale));
    fputs("\"/>\n", file);
}

static void write_panel(FILE *file, const trace_t *trace,
                        const map_panel_t *panel, size_t number, size_t scale)
{
    char footprint[MEMHEAP_SIZE_TEXT];
    fprintf(file, "<g transform=\"translate(%zu %zu)\">\n",
            LEFT + number % PANELS * (MAP_COLUMNS + PANEL_GAP),
            TOP + number / PANELS * (MAP_ROWS + ROW_GAP));
    fputs("<text y=\"-28\" class=\"t\">", file);
    draw_escaped(file, panel->title);
    fprintf(file,
            "</text>\n<text y=\"-11\">reaches %s, %.2f times the peak of live "
            "bytes</text>\n",
            memheap_format_size(footprint, panel->footprint),
            (double)panel->footprint / (double)trace->peak);
    fprintf(file,
            "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n"
            "<g transform=\"scale(%.4f 1) translate(0 .5)\" class=\"c\">\n",
            MAP_COLUMNS, MAP_ROWS,
            (double)MAP_COLUMNS / (double)panel->columns);
    draw_grid_t grid = {.cells = &panel->cell[0][0],
                        .rows = MAP_ROWS,
                        .columns = panel->columns,
                        .stride = MAP_COLUMNS,
                        .upwards = true};
    draw_cells(file, &grid, draw_sizes, DRAW_SIZES);
    fputs("</g>\n", file);
    write_live_curve(file, panel, scale);
    fprintf(file, "<path class=\"p\" d=\"M0 %.1fh%d\"/>\n",
            height_of((double)trace->peak, scale), MAP_COLUMNS);
    fprintf(file, "<rect width=\"%d\" height=\"%d\" class=\"a\"/>\n",
            MAP_COLUMNS, MAP_ROWS);
    write_address_axis(file, scale, number % PANELS == 0);
    write_time_axis(file, trace->count);
    fputs("</g>\n", file);
}

static void write_legend(FILE *file, size_t top)
{
    int x = 0;
    fprintf(file, "<g transform=\"translate(%d %zu)\">\n", LEFT, top);
    for (unsigned group = 0; group < DRAW_SIZES; group++) {
        draw_swatches(file, x, &draw_sizes[group]);
        x += group == 0 ? 150 : 110;
    }
    fprintf(file,
            "<path class=\"l\" d=\"M0 19h32\"/>"
            "<text x=\"38\" y=\"23\">live bytes</text>\n"
            "<path class=\"p\" d=\"M150 19h32\"/>"
            "<text x=\"188\" y=\"23\">their peak</text>\n"
            "<text x=\"300\" y=\"23\">paler: partly free; white: free</text>\n"
            "</g>\n");
}

void map_write(FILE *file, const trace_t *trace, const map_panel_t *panels,
               size_t count, size_t scale)
{
    size_t columns = memheap_min(count, PANELS);
    size_t rows = (count + PANELS - 1) / PANELS;
    size_t bottom = TOP + rows * (MAP_ROWS + ROW_GAP) - ROW_GAP;
    size_t width =
        LEFT + RIGHT + columns * (MAP_COLUMNS + PANEL_GAP) - PANEL_GAP;
    size_t least = LEFT + RIGHT + 640; /* width of the legend */
    width = memheap_max(width, least);
    draw_begin(file, width, bottom + BELOW);
    fprintf(file,
            "<text x=\"%d\" y=\"34\" font-size=\"19\">Heap over time: ", LEFT);
    draw_escaped(file, trace->name);
    char peak[MEMHEAP_SIZE_TEXT];
    fprintf(file, "; peak of live bytes: %s</text>\n",
            memheap_format_size(peak, trace->peak));
    for (size_t i = 0; i < count; i++)
        write_panel(file, trace, &panels[i], i, scale);
    write_legend(file, bottom + 66);
    draw_end(file);
}
