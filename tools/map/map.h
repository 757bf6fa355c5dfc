/*
 * The data of memheap-map: snapshots of heaps, divided into cells.
 *
 * main.c takes snapshots of running heaps (snapshot.c) and of traces
 * (replay.c), sorts blocks into colour groups and counts their bytes in cells
 * (cells.c), and writes the cells (svg.c, text.c) or the blocks (json.c,
 * html.c).
 */
#ifndef MEMHEAP_TOOLS_MAP_MAP_H
#define MEMHEAP_TOOLS_MAP_MAP_H

#include <memheap/memheap.h>
#include "tools/common/draw.h"
#include "tools/common/listing.h"
#include "tools/common/places.h"

#include <stdio.h>

enum {
    MAP_TITLE = 160,
    MAP_NAME = 128,
    MAP_GROUP = 64,
    MAP_MESSAGE = 512
};

/** When a block lived, and where. Moments are operations of a trace, or
 *  allocations of a heap, from 1; 0: not known. */
typedef struct life {
    uint64_t from, to; /* to 0: it lives at the end */
    uint64_t offset, size;
    uint64_t asked; /* requested bytes; 0: not known */
    uint32_t tag, site;
} life_t;

/** A call site, and the counts of its heap. */
typedef struct map_site {
    const char *text;
    uint64_t used, peak, live_blocks, allocations, bytes;
} map_site_t;

/** The state of a heap at one moment. */
typedef struct snapshot {
    char title[MAP_TITLE];
    int pe;              /* -1: belongs to no job */
    pid_t pid;           /* 0: a replayed trace */
    size_t operations;   /* number of replayed operations */
    char name[MAP_NAME]; /* name of the heap or of the trace */
    char component[MAP_NAME];
    memheap_stats_t stats;
    memheap_stats_block_t *blocks; /* live and free blocks, by offset */
    size_t count;
    char (*tags)[MEMHEAP_TAG_SIZE];
    size_t tag_count;  /* 0: the heap keeps no records */
    map_site_t *sites; /* blocks refer to them */
    size_t site_count; /* 0: the heap keeps no records */
    size_t reach;      /* bytes to draw: up to the end of the highest block */
    /** For a page: all blocks up to this moment, in the order of `from`. */
    life_t *lives;
    size_t life_count;
    uint64_t moments; /* so far */
} snapshot_t;

void snapshot_free(snapshot_t *snapshot);

/**
 * Set the call sites of a snapshot. Those of one text, which several paths lead
 * to, become one.
 *
 * @param counts  of each call site
 * @param number  of the text of each call site, in places; takes the index in
 *                the snapshot. SIZE_MAX: the call site has not allocated
 * @return false if memory is short
 */
bool snapshot_set_sites(snapshot_t *snapshot, const places_t *places,
                        const map_site_t *counts, size_t *number, size_t count);

/** Request the block list of a running heap. snapshot_fetch() receives it.
 *
 * @param end  the time of cli_now() until which to wait for another reader
 */
void snapshot_ask(live_heap_t *heap, double end);

/**
 * Wait for the list of blocks and copy it.
 *
 * @param wait     time limit in seconds
 * @param places   takes the texts of call sites; the snapshot refers to them
 * @param message  receives the error, at most MAP_MESSAGE bytes
 */
bool snapshot_fetch(live_heap_t *heap, int pe, double wait, places_t *places,
                    snapshot_t *snapshot, char *message);

/** Complete the lives of a snapshot that has blocks. False if memory is short.
 */
bool snapshot_live(snapshot_t *snapshot);

/** Replay a whole trace, and note the life of each block.
 *  As snapshot_replay(). */
bool snapshot_replay_lives(const char *path, const char *component,
                           places_t *places, snapshot_t *snapshot,
                           char *message);

/**
 * Replay a trace up to a moment.
 *
 * @param at         "peak", "end", or a number of operations
 * @param component  the component to use; "" for the first choice
 * @param places     as for snapshot_fetch()
 */
bool snapshot_replay(const char *path, const char *at, const char *component,
                     places_t *places, snapshot_t *snapshot, char *message);

typedef enum map_colour {
    MAP_BY_SIZE,
    MAP_BY_AGE,
    MAP_BY_TAG,
    MAP_BY_SITE
} map_colour_t;

/** The meaning of the colours. It is the same for all panels of a picture. */
typedef struct map_groups {
    map_colour_t by;
    unsigned count;
    draw_group_t group[DRAW_GROUPS];
    char names[DRAW_GROUPS][MAP_GROUP]; /* of tags or call sites, cut */
    const char *whole_names[DRAW_GROUPS];
} map_groups_t;

/** Define the groups. Returns false if the heaps lack the information. */
bool map_groups_make(map_groups_t *groups, map_colour_t by,
                     const snapshot_t *snapshots, size_t count);

/** Get the group of a block. */
unsigned map_group_of(const map_groups_t *groups, const snapshot_t *snapshot,
                      const memheap_stats_block_t *block);

/** A heap as rows of cells. */
typedef struct map_cells {
    unsigned char *cells; /* values of draw_cell() */
    size_t rows, columns;
    size_t bytes; /* bytes in a cell */
} map_cells_t;

/** Divide a heap into cells. Returns false if memory is short. */
bool map_cells_make(map_cells_t *cells, const snapshot_t *snapshot,
                    const map_groups_t *groups, size_t columns, size_t bytes);
void map_cells_free(map_cells_t *cells);

/** Write pictures, one below the other. Returns false if memory is short. */
bool map_svg(FILE *file, const snapshot_t *snapshots, size_t count,
             const map_groups_t *groups);
bool map_text(FILE *file, const snapshot_t *snapshots, size_t count,
              const map_groups_t *groups, size_t width, bool colours);

/** Write the statistics and the blocks of all heaps as JSON. */
void map_json(FILE *file, const snapshot_t *snapshots, size_t count);

/** Write a page for a browser. Returns false if memory is short. */
bool map_html(FILE *file, const snapshot_t *snapshots, size_t count);

enum {
    MAP_FIGURES = 2 /* number of lines */
};

/** Format the statistics of a heap as lines of text. */
void map_figures(const snapshot_t *snapshot, char lines[MAP_FIGURES][256]);

#endif
