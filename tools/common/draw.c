/*
 * Writes SVG.
 */
#include "config.h"

#include "tools/common/draw.h"
#include "base/util.h"

/* Colours: Tableau 10, which most people can distinguish. */
const draw_group_t draw_sizes[DRAW_SIZES] = {
    {"up to 256 bytes", 0x4e, 0x79, 0xa7}, {"to 4 KiB", 0x76, 0xb7, 0xb2},
    {"to 64 KiB", 0x59, 0xa1, 0x4f},       {"to 1 MiB", 0xf2, 0x8e, 0x2b},
    {"larger", 0xe1, 0x57, 0x59},
};

/* The largest size of each class. */
static const size_t largest[DRAW_SIZES] = {256, 4 << 10, 64 << 10, 1 << 20,
                                           SIZE_MAX};

unsigned draw_size_class(size_t size)
{
    unsigned group = 0;
    while (size > largest[group])
        group++;
    return group;
}

unsigned char draw_cell(const size_t *cover, unsigned groups, size_t bytes)
{
    size_t total = 0;
    unsigned widest = 0;
    for (unsigned group = 0; group < groups; group++) {
        total += cover[group];
        if (cover[group] > cover[widest])
            widest = group;
    }
    if (total == 0)
        return 0;
    unsigned level = (unsigned)(total * DRAW_LEVELS / memheap_max(bytes, 1));
    if (level >= DRAW_LEVELS)
        level = DRAW_LEVELS - 1;
    return (unsigned char)(1 + widest * DRAW_LEVELS + level);
}

/* Write a colour. It gets more white if less of the cell is covered. */
static void write_colour(FILE *file, const draw_group_t *c, unsigned level)
{
    static const unsigned percent[DRAW_LEVELS] = {30, 52, 76, 100};
    unsigned part = percent[level];
    unsigned white = 255 * (100 - part);
    fprintf(file, "#%02x%02x%02x", (c->red * part + white) / 100,
            (c->green * part + white) / 100, (c->blue * part + white) / 100);
}

/* Write all runs of one cell value, row by row. */
static void write_runs(FILE *file, const draw_grid_t *grid, unsigned char cell,
                       const draw_group_t *group)
{
    size_t at_x = 0;
    size_t at_y = 0;
    bool any = false;
    for (size_t y = 0; y < grid->rows; y++) {
        const unsigned char *row =
            grid->cells +
            grid->stride * (grid->upwards ? grid->rows - 1 - y : y);
        for (size_t x = 0; x < grid->columns; x++) {
            size_t start = x;
            while (x < grid->columns && row[x] == cell)
                x++;
            if (x == start)
                continue;
            if (!any) {
                fputs("<path stroke=\"", file);
                write_colour(file, group, draw_cell_level(cell));
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

void draw_cells(FILE *file, const draw_grid_t *grid, const draw_group_t *groups,
                unsigned count)
{
    for (unsigned cell = 1; cell <= count * DRAW_LEVELS; cell++)
        write_runs(file, grid, (unsigned char)cell,
                   &groups[draw_cell_group((unsigned char)cell)]);
}

void draw_swatches(FILE *file, int x, const draw_group_t *group)
{
    for (unsigned level = 0; level < DRAW_LEVELS; level++) {
        fprintf(file,
                "<rect x=\"%u\" y=\"-10\" width=\"8\" height=\"12\" fill=\"",
                (unsigned)x + 8 * level);
        write_colour(file, group, DRAW_LEVELS - 1 - level);
        fputs("\"/>\n", file);
    }
    fprintf(file, "<text x=\"%d\">", x + 38);
    draw_escaped(file, group->name);
    fputs("</text>\n", file);
}

void draw_begin(FILE *file, size_t width, size_t height)
{
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
            width, height);
}

void draw_end(FILE *file)
{
    fputs("</svg>\n", file);
}

void draw_escaped(FILE *file, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '<' || *text == '&')
            fputs(*text == '<' ? "&lt;" : "&amp;", file);
        else
            putc(*text >= ' ' && *text <= '~' ? *text : '?', file);
    }
}

double draw_tick_step(double end)
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
