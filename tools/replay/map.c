/*
 * Samples a replay into a grid, and draws it.
 *
 * Addresses go up, time goes to the right. The state after each column's last
 * operation decides its cells: a cell has the colour of the size class that
 * covers most of it, paler where much of it is free. Cells of one colour are
 * drawn as one path of horizontal runs, in units of the grid, which keeps the
 * picture of a million operations small.
 */
#include "config.h"

#include "tools/replay/map.h"
#include "base/util.h"
#include "tools/replay/local.h"

#include <string.h>

enum {
    CLASSES = 5,
    LEVELS = 4, /* quarters of a cell */
    PANELS = 2, /* in a row */
    PANEL_GAP = 46,
    ROW_GAP = 120,
    LEFT = 84,
    RIGHT = 26,
    TOP = 96,
    BELOW = 112
};

/* Size classes, by the largest size in each, and their colours at full cover:
 * Tableau 10, which most people can tell apart. */
static const struct size_class {
    size_t largest;
    const char *name;
    unsigned char red, green, blue;
} classes[CLASSES] = {
    {256, "up to 256 bytes", 0x4e, 0x79, 0xa7},
    {4 << 10, "to 4 KiB", 0x76, 0xb7, 0xb2},
    {64 << 10, "to 64 KiB", 0x59, 0xa1, 0x4f},
    {1 << 20, "to 1 MiB", 0xf2, 0x8e, 0x2b},
    {SIZE_MAX, "larger", 0xe1, 0x57, 0x59},
};

/* Bytes of each size class in the rows of one column. */
typedef size_t cover_t[MAP_ROWS][CLASSES];

static unsigned class_of(size_t size)
{
    unsigned group = 0;
    while (size > classes[group].largest)
        group++;
    return group;
}

/* Where a row begins, in bytes from the base. */
static size_t row_start(size_t row, size_t scale)
{
    return (size_t)((double)scale / MAP_ROWS * (double)row);
}

static void cover_block(cover_t cover, size_t start, size_t size, size_t scale)
{
    unsigned group = class_of(size);
    size_t end = start + size;
    size_t row = (size_t)((double)start / (double)scale * MAP_ROWS);
    for (; row < MAP_ROWS && row_start(row, scale) < end; row++) {
        size_t from = memheap_max(start, row_start(row, scale));
        size_t to = memheap_min(end, row_start(row + 1, scale));
        if (to > from)
            cover[row][group] += to - from;
    }
}

static unsigned char cell_of(const size_t cover[CLASSES], size_t row_size)
{
    size_t total = 0;
    unsigned widest = 0;
    for (unsigned group = 0; group < CLASSES; group++) {
        total += cover[group];
        if (cover[group] > cover[widest])
            widest = group;
    }
    if (total == 0)
        return 0;
    unsigned level = (unsigned)(total * LEVELS / memheap_max(row_size, 1));
    if (level >= LEVELS)
        level = LEVELS - 1;
    return (unsigned char)(1 + widest * LEVELS + level);
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
        panel->cell[row][column] = cell_of(
            cover[row], row_start(row + 1, scale) - row_start(row, scale));
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

/* The distance of ticks on an axis: 1, 2 or 5 times a power of ten, so that
 * there are 4 to 10 of them up to end. */
static double tick_step(double end)
{
    static const double factors[] = {1, 2, 5};
    double power = 1e-6;
    while (power * 100 < end)
        power *= 10;
    for (;; power *= 10) {
        for (int i = 0; i < 3; i++) {
            if (end / (factors[i] * power) <= 10)
                return factors[i] * power;
        }
    }
}

static double height_of(double bytes, size_t scale)
{
    return MAP_ROWS * (1 - bytes / (double)scale);
}

static void write_address_axis(FILE *file, size_t scale, bool labels)
{
    double end = (double)scale / (double)MEMHEAP_MIB;
    double step = tick_step(end);
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
    double step = tick_step(end);
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

/* A colour, mixed with white the more the less of the cell is covered. */
static void write_colour(FILE *file, unsigned group, unsigned level)
{
    static const unsigned percent[LEVELS] = {30, 52, 76, 100};
    const struct size_class *c = &classes[group];
    unsigned part = percent[level];
    unsigned white = 255 * (100 - part);
    fprintf(file, "#%02x%02x%02x", (c->red * part + white) / 100,
            (c->green * part + white) / 100, (c->blue * part + white) / 100);
}

/* All runs of one kind of cell, row by row. */
static void write_runs(FILE *file, const map_panel_t *panel, unsigned char cell)
{
    size_t at_x = 0;
    size_t at_y = 0;
    bool any = false;
    for (size_t y = 0; y < MAP_ROWS; y++) {
        const unsigned char *row = panel->cell[MAP_ROWS - 1 - y];
        for (size_t x = 0; x < panel->columns; x++) {
            size_t start = x;
            while (x < panel->columns && row[x] == cell)
                x++;
            if (x == start)
                continue;
            if (!any) {
                fputs("<path stroke=\"", file);
                write_colour(file, (cell - 1u) / LEVELS, (cell - 1u) % LEVELS);
                fputs("\" d=\"M0 0", file);
                any = true;
            }
            fprintf(file, "m%ld %ldh%zu", (long)start - (long)at_x,
                    (long)y - (long)at_y, x - start);
            at_x = x;
            at_y = y;
        }
    }
    if (any)
        fputs("\"/>\n", file);
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
    fprintf(file,
            "<text y=\"-28\" class=\"t\">%s</text>\n"
            "<text y=\"-11\">reaches %s, %.2f times the peak of live "
            "bytes</text>\n",
            panel->title, memheap_format_size(footprint, panel->footprint),
            (double)panel->footprint / (double)trace->peak);
    fprintf(file,
            "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n"
            "<g transform=\"scale(%.4f 1) translate(0 .5)\" class=\"c\">\n",
            MAP_COLUMNS, MAP_ROWS,
            (double)MAP_COLUMNS / (double)panel->columns);
    for (unsigned cell = 1; cell <= CLASSES * LEVELS; cell++)
        write_runs(file, panel, (unsigned char)cell);
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
    for (unsigned group = 0; group < CLASSES; group++) {
        for (unsigned level = 0; level < LEVELS; level++) {
            fprintf(file,
                    "<rect x=\"%u\" y=\"-10\" width=\"8\" height=\"12\" "
                    "fill=\"",
                    (unsigned)x + 8 * level);
            write_colour(file, group, LEVELS - 1 - level);
            fputs("\"/>\n", file);
        }
        fprintf(file, "<text x=\"%d\">%s</text>\n", x + 38,
                classes[group].name);
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

/* The name comes from a file's, and may hold anything; what is not ASCII might
 * not be UTF-8 either, which a reader of XML refuses. */
static void write_escaped(FILE *file, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '<' || *text == '&')
            fputs(*text == '<' ? "&lt;" : "&amp;", file);
        else
            putc(*text >= ' ' && *text <= '~' ? *text : '?', file);
    }
}

void map_write(FILE *file, const trace_t *trace, const map_panel_t *panels,
               size_t count, size_t scale)
{
    size_t columns = memheap_min(count, PANELS);
    size_t rows = (count + PANELS - 1) / PANELS;
    size_t bottom = TOP + rows * (MAP_ROWS + ROW_GAP) - ROW_GAP;
    size_t width =
        LEFT + RIGHT + columns * (MAP_COLUMNS + PANEL_GAP) - PANEL_GAP;
    size_t least = LEFT + RIGHT + 640; /* the legend */
    width = memheap_max(width, least);
    fprintf(file,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%zu\" "
            "height=\"%zu\" font-family=\"sans-serif\" font-size=\"12\">\n"
            "<style>.c{stroke-width:1;fill:none;shape-rendering:crispEdges}"
            ".a{fill:none;stroke:#333}"
            ".l{fill:none;stroke:#000;stroke-opacity:.7}"
            ".p{fill:none;stroke:#000;stroke-width:1.3;stroke-dasharray:6 4}"
            ".t{font-size:15px;font-weight:bold}"
            ".r{text-anchor:end}.m{text-anchor:middle}</style>\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
            width, bottom + BELOW);
    fprintf(file,
            "<text x=\"%d\" y=\"34\" font-size=\"19\">Heap over time: ", LEFT);
    write_escaped(file, trace->name);
    char peak[MEMHEAP_SIZE_TEXT];
    fprintf(file, "; peak of live bytes: %s</text>\n",
            memheap_format_size(peak, trace->peak));
    for (size_t i = 0; i < count; i++)
        write_panel(file, trace, &panels[i], i, scale);
    write_legend(file, bottom + 66);
    fputs("</svg>\n", file);
}
