/*
 * Draws heaps as SVG.
 *
 * A picture consists of grids of cells. Each cell belongs to a group, for
 * example a size class. A cell is paler if less of it is covered.
 *
 * A cell is one byte:
 *
 *      0                           nothing covers the cell
 *      1 + group * DRAW_LEVELS     less than a quarter is covered
 *        ...
 *      1 + group * DRAW_LEVELS + 3 three quarters or more are covered
 *
 * All cells of one colour form one path of horizontal runs, in units of the
 * grid. This keeps the picture of a million blocks small.
 */
#ifndef MEMHEAP_TOOLS_COMMON_DRAW_H
#define MEMHEAP_TOOLS_COMMON_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
    DRAW_LEVELS = 4, /* one level for each quarter of a cell */
    DRAW_SIZES = 5,  /* number of size classes */
    DRAW_GROUPS = 8  /* maximum number of groups of a picture */
};

/** A group of cells. The colour is that of a fully covered cell. */
typedef struct draw_group {
    const char *name;
    unsigned char red, green, blue;
} draw_group_t;

/** The size classes of blocks. */
extern const draw_group_t draw_sizes[DRAW_SIZES];

unsigned draw_size_class(size_t size);

/**
 * Compute a cell of bytes bytes. Group i covers cover[i] of them.
 *
 * @return the cell of the group that covers most; 0 if no group covers any byte
 */
unsigned char draw_cell(const size_t *cover, unsigned groups, size_t bytes);

/** Decode a cell that is not 0. */
static inline unsigned draw_cell_group(unsigned char cell)
{
    return (cell - 1u) / DRAW_LEVELS;
}

static inline unsigned draw_cell_level(unsigned char cell)
{
    return (cell - 1u) % DRAW_LEVELS;
}

typedef struct draw_grid {
    const unsigned char *cells; /* row-major */
    size_t rows, columns;
    size_t stride; /* cells from one row to the next */
    bool upwards;  /* the first row is at the bottom */
} draw_grid_t;

/** Write the cells of all groups. A cell is one unit wide and one unit high. */
void draw_cells(FILE *file, const draw_grid_t *grid, const draw_group_t *groups,
                unsigned count);

/** Write the colours of a group at x, followed by its name. */
void draw_swatches(FILE *file, int x, const draw_group_t *group);

/**
 * Begin a picture.
 *
 * It defines these style classes: a for axes, l for a curve, p for a dashed
 * line, t for a title, r for text that ends at its point, m for text centred at
 * its point.
 */
void draw_begin(FILE *file, size_t width, size_t height);
void draw_end(FILE *file);

/** Write a text of unknown content. Characters outside of ASCII are replaced,
 *  because XML readers reject invalid UTF-8. */
void draw_escaped(FILE *file, const char *text);

/** Compute the distance between the ticks of an axis: 1, 2 or 5 times a power
 *  of ten, so that there are 4 to 10 ticks up to end. */
double draw_tick_step(double end);

#endif
