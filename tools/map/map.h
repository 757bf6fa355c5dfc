/*
 * What memheap-map draws: a heap at one moment, cut into cells.
 */
#ifndef MEMHEAP_TOOLS_MAP_MAP_H
#define MEMHEAP_TOOLS_MAP_MAP_H

#include <memheap/memheap.h>
#include "tools/common/draw.h"
#include "tools/common/live.h"

#include <stdio.h>

enum {
    MAP_TITLE = 160,
    MAP_NAME = 128,
    MAP_MESSAGE = 512
};

/** A heap at one moment. */
typedef struct snapshot {
    char title[MAP_TITLE];
    int pe;              /* -1: of no job */
    pid_t pid;           /* 0: it is a trace's, */
    size_t operations;   /* after this many of them */
    char name[MAP_NAME]; /* of the heap, or of the trace */
    char component[MAP_NAME];
    memheap_stats_t stats;
    memheap_stats_block_t *blocks; /* live and free, by their offsets */
    size_t count;
    char (*tags)[MEMHEAP_TAG_SIZE];
    size_t tag_count; /* 0: the heap keeps no records */
    size_t reach;     /* what is drawn: to the end of the highest block */
} snapshot_t;

void snapshot_free(snapshot_t *snapshot);

/** Ask a running heap for its blocks; the answer is for snapshot_fetch(). */
void snapshot_ask(live_heap_t *heap);

/**
 * Wait for the answer and take it.
 *
 * @param wait     seconds
 * @param message  takes why there is none, MAP_MESSAGE bytes at most
 */
bool snapshot_fetch(live_heap_t *heap, int pe, double wait,
                    snapshot_t *snapshot, char *message);

/**
 * Replay a trace up to a moment.
 *
 * @param at         "peak", "end", or a number of operations
 * @param component  that serves it; "" for the first choice
 */
bool snapshot_replay(const char *path, const char *at, const char *component,
                     snapshot_t *snapshot, char *message);

typedef enum map_colour {
    MAP_BY_SIZE,
    MAP_BY_AGE,
    MAP_BY_TAG
} map_colour_t;

/** What colours stand for: the same for all panels of a picture. */
typedef struct map_groups {
    map_colour_t by;
    unsigned count;
    draw_group_t group[DRAW_GROUPS];
    char names[DRAW_GROUPS][MEMHEAP_TAG_SIZE]; /* of tags */
} map_groups_t;

/** False if the heaps do not know what to colour by. */
bool map_groups_make(map_groups_t *groups, map_colour_t by,
                     const snapshot_t *snapshots, size_t count);

/** The group of a block. */
unsigned map_group_of(const map_groups_t *groups, const snapshot_t *snapshot,
                      const memheap_stats_block_t *block);

/** A heap as rows of cells. */
typedef struct map_cells {
    unsigned char *cells; /* as draw_cell() makes them */
    size_t rows, columns;
    size_t bytes; /* of a cell */
} map_cells_t;

/** Cut a heap into cells. False if there is no memory. */
bool map_cells_make(map_cells_t *cells, const snapshot_t *snapshot,
                    const map_groups_t *groups, size_t columns, size_t bytes);
void map_cells_free(map_cells_t *cells);

/** Write pictures, one below the other. False if there is no memory. */
bool map_svg(FILE *file, const snapshot_t *snapshots, size_t count,
             const map_groups_t *groups);
bool map_text(FILE *file, const snapshot_t *snapshots, size_t count,
              const map_groups_t *groups, size_t width, bool colours);

/** Write the statistics and the blocks of all heaps as JSON. */
void map_json(FILE *file, const snapshot_t *snapshots, size_t count);

enum {
    MAP_FIGURES = 2 /* lines */
};

/** Put the figures of a heap into lines of text. */
void map_figures(const snapshot_t *snapshot, char lines[MAP_FIGURES][256]);

#endif
