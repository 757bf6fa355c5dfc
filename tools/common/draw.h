/*
 * Pictures of heaps, as SVG.
 *
 * A picture is made of grids of cells. A cell belongs to a group, such as a
 * class of sizes, and is paler where less of it is covered. Cells of one colour
 * are drawn as one path of horizontal runs, in units of the grid, which keeps
 * the picture of a million blocks small.
 */
#ifndef MEMHEAP_TOOLS_COMMON_DRAW_H
#define MEMHEAP_TOOLS_COMMON_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
    DRAW_LEVELS = 4, /* quarters of a cell */
    DRAW_SIZES = 5,  /* size classes */
    DRAW_GROUPS = 8  /* of any picture, at most */
};

/** A group of cells, with its colour at full cover. */
typedef struct draw_group {
    const char *name;
    unsigned char red, green, blue;
} draw_group_t;

/** The classes of sizes. */
extern const draw_group_t draw_sizes[DRAW_SIZES];

unsigned draw_size_class(size_t size);

/**
 * The cell that stands for bytes bytes; group i covers cover[i] of them.
 * @return the cell of the group that covers most, or 0 if no group covers any
 */
unsigned char draw_cell(const size_t *cover, unsigned groups, size_t bytes);

/** Of a cell that is not 0. */
static inline unsigned draw_cell_group(unsigned char cell)
{
    return (cell - 1u) / DRAW_LEVELS;
}

static inline unsigned draw_cell_level(unsigned char cell)
{
    return (cell - 1u) % DRAW_LEVELS;
}

typedef struct draw_grid {
    const unsigned char *cells; /* row by row */
    size_t rows, columns;
    size_t stride; /* from one row to the next */
    bool upwards;  /* the first row is the lowest */
} draw_grid_t;

/** Write the cells of all groups, a cell to a unit of length. */
void draw_cells(FILE *file, const draw_grid_t *grid, const draw_group_t *groups,
                unsigned count);

/** Write the colours of a group, from x on, and its name. */
void draw_swatches(FILE *file, int x, const draw_group_t *group);

/** Begin a picture; classes of style: a lines of axes, l a curve, p a dashed
 *  line, t a title, r and m texts that end at or are around a point. */
void draw_begin(FILE *file, size_t width, size_t height);
void draw_end(FILE *file);

/** A text that may hold anything; what is not ASCII might not be UTF-8 either,
 *  which a reader of XML refuses. */
void draw_escaped(FILE *file, const char *text);

/** The distance of ticks on an axis: 1, 2 or 5 times a power of ten, so that
 *  there are 4 to 10 of them up to end. */
double draw_tick_step(double end);

#endif
