/*
 * Writes the picture as SVG.
 *
 * A panel shows addresses from left to right, row after row:
 *
 *      0      [cell][cell][cell] ... [cell]
 *      1 MiB  [cell][cell][cell] ... [cell]
 *      2 MiB  [cell][cell] grey: never allocated
 *
 * The bytes of a row and of a cell are powers of two, so that the labels are
 * round numbers. A white line marks the start of a block that is many cells
 * long, to separate it from the block before.
 */
#include "config.h"

#include "tools/map/map.h"
#include "base/util.h"

#include <string.h>

enum {
    WIDTH = 1024,   /* width of a row in pixels; maximum cells of a row */
    ROW = 14,       /* height of a row in pixels */
    ROWS = 32,      /* maximum rows if there is one panel */
    ROWS_EACH = 12, /* maximum rows of each of several panels */
    LEAST_CELL = 16,
    LEAST_ROW = 256,
    EDGE_CELLS = 6, /* blocks of at least this size get a mark */
    LEFT = 84,
    RIGHT = 26,
    TOP = 40,
    HEAD = 62, /* height of the text above the rows of a panel */
    FOOT = 22,
    LEGEND = 56,
    LEGEND_ROW = 18
};

/* Compute the bytes of a row so that at most rows rows are needed. */
static size_t row_bytes(size_t reach, size_t rows)
{
    size_t bytes = LEAST_ROW;
    while ((reach + bytes - 1) / bytes > rows)
        bytes *= 2;
    return bytes;
}

/* Mark the starts of the blocks that are large enough. */
static void write_edges(FILE *file, const snapshot_t *snapshot,
                        const map_cells_t *cells)
{
    double scale = (double)WIDTH / (double)cells->columns;
    bool any = false;
    for (size_t i = 0; i < snapshot->count; i++) {
        const memheap_stats_block_t *block = &snapshot->blocks[i];
        size_t cell = block->offset / cells->bytes;
        if (block->live == 0 || block->size < EDGE_CELLS * cells->bytes ||
            cell >= cells->rows * cells->columns)
            continue;
        fprintf(file, "%sM%.1f %zuv%d",
                any ? "" : "<path stroke=\"#fff\" stroke-width=\".8\" d=\"",
                (double)(cell % cells->columns) * scale,
                cell / cells->columns * ROW, ROW - 1);
        any = true;
    }
    if (any)
        fputs("\"/>\n", file);
}

static void write_labels(FILE *file, const map_cells_t *cells)
{
    char text[2][MEMHEAP_SIZE_TEXT];
    size_t row = cells->columns * cells->bytes;
    size_t step = 1;
    while (cells->rows / step > 8)
        step *= 2;
    for (size_t i = 0; i < cells->rows; i += step)
        fprintf(file, "<text x=\"-9\" y=\"%zu\" class=\"r\">%s</text>\n",
                i * ROW + ROW - 3,
                i == 0 ? "0" : memheap_format_size(text[0], i * row));
    fprintf(file,
            "<text x=\"%d\" y=\"%zu\" class=\"r\">a row: %s, a cell: "
            "%s</text>\n",
            WIDTH, cells->rows * ROW + 15, memheap_format_size(text[0], row),
            memheap_format_size(text[1], cells->bytes));
}

/* Fill the end of the last row, which the heap has never allocated, with
 * grey. */
static void write_beyond(FILE *file, const snapshot_t *snapshot,
                         const map_cells_t *cells)
{
    size_t row = cells->columns * cells->bytes;
    size_t last = (cells->rows - 1) * row;
    double from =
        (double)(snapshot->reach - memheap_min(snapshot->reach, last)) /
        (double)row * WIDTH;
    fprintf(file,
            "<rect x=\"%.1f\" y=\"%zu\" width=\"%.1f\" height=\"%d\" "
            "fill=\"#ddd\"/>\n",
            from, (cells->rows - 1) * ROW, WIDTH - from, ROW);
}

static void write_panel(FILE *file, const snapshot_t *snapshot,
                        const map_groups_t *groups, const map_cells_t *cells,
                        size_t top)
{
    char lines[MAP_FIGURES][256];
    draw_grid_t grid = {.cells = cells->cells,
                        .rows = cells->rows,
                        .columns = cells->columns,
                        .stride = cells->columns};
    map_figures(snapshot, lines);
    fprintf(file,
            "<g transform=\"translate(%d %zu)\">\n<text y=\"14\" class=\"t\">",
            LEFT, top);
    draw_escaped(file, snapshot->title);
    fprintf(file,
            "</text>\n<text y=\"33\">%s</text>\n<text y=\"49\">%s</text>\n"
            "<g transform=\"translate(0 %d)\">\n"
            "<g transform=\"scale(%.4f %d) translate(0 .5)\" class=\"c\">\n",
            lines[0], lines[1], HEAD, (double)WIDTH / (double)cells->columns,
            ROW);
    draw_cells(file, &grid, groups->group, groups->count);
    fputs("</g>\n", file);
    write_beyond(file, snapshot, cells);
    write_edges(file, snapshot, cells);
    for (size_t i = 1; i < cells->rows; i++)
        fprintf(file,
                "<path stroke=\"#bbb\" stroke-width=\".7\" d=\"M0 %zuh%d\"/>\n",
                i * ROW, WIDTH);
    fprintf(file, "<rect width=\"%d\" height=\"%zu\" class=\"a\"/>\n", WIDTH,
            cells->rows * ROW);
    write_labels(file, cells);
    fputs("</g>\n</g>\n", file);
}

/* Find the place of the next group in the legend. It has rows of LEGEND_ROW. */
static int legend_place(const draw_group_t *group, int *next_x, int *y)
{
    int width = 56 + 7 * (int)strlen(group->name);
    if (*next_x > 0 && *next_x + width > WIDTH) {
        *next_x = 0;
        *y += LEGEND_ROW;
    }
    int x = *next_x;
    *next_x += width;
    return x;
}

static size_t legend_height(const map_groups_t *groups)
{
    int x = 0;
    int y = 0;
    for (unsigned i = 0; i < groups->count; i++)
        legend_place(&groups->group[i], &x, &y);
    return LEGEND + (size_t)y;
}

static void write_legend(FILE *file, const map_groups_t *groups, size_t top)
{
    int next_x = 0;
    int y = 0;
    fprintf(file, "<g transform=\"translate(%d %zu)\">\n", LEFT, top);
    for (unsigned i = 0; i < groups->count; i++) {
        int x = legend_place(&groups->group[i], &next_x, &y);
        fprintf(file, "<g transform=\"translate(0 %d)\">\n", y);
        draw_swatches(file, x, &groups->group[i]);
        fputs("</g>\n", file);
    }
    fprintf(file,
            "<text y=\"%d\">colour by %s; paler: partly free; white: "
            "free; grey: never reached</text>\n</g>\n",
            y + 20,
            groups->by == MAP_BY_SIZE  ? "the size of blocks"
            : groups->by == MAP_BY_AGE ? "the age of blocks"
            : groups->by == MAP_BY_TAG ? "tags"
                                       : "call sites");
}

bool map_svg(FILE *file, const snapshot_t *snapshots, size_t count,
             const map_groups_t *groups)
{
    size_t most = count == 1 ? ROWS : ROWS_EACH;
    size_t height = TOP;
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        size_t bytes = row_bytes(snapshots[i].reach, most);
        size_t rows = (snapshots[i].reach + bytes - 1) / bytes;
        height += HEAD + memheap_max(rows, 1) * ROW + FOOT;
    }
    draw_begin(file, LEFT + WIDTH + RIGHT, height + legend_height(groups));
    fprintf(file, "<text x=\"%d\" y=\"28\" font-size=\"19\">%s</text>\n", LEFT,
            count == 1 ? "Heap" : "Heaps");
    size_t top = TOP;
    for (size_t i = 0; i < count && good; i++) {
        map_cells_t cells;
        size_t row = row_bytes(snapshots[i].reach, most);
        size_t columns = memheap_min(row / LEAST_CELL, WIDTH);
        good = map_cells_make(&cells, &snapshots[i], groups, columns,
                              row / columns);
        if (!good)
            break;
        write_panel(file, &snapshots[i], groups, &cells, top);
        top += HEAD + cells.rows * ROW + FOOT;
        map_cells_free(&cells);
    }
    write_legend(file, groups, top + 22);
    draw_end(file);
    return good;
}
