/*
 * Divides a heap into cells, and sorts blocks into groups.
 */
#include "config.h"

#include "tools/map/map.h"
#include "base/util.h"

#include <stdlib.h>
#include <string.h>

enum {
    AGES = 5,
    OTHERS = DRAW_GROUPS - 1 /* the group of all remaining names */
};

/* Colours from dark to light, like the viridis map. */
static const draw_group_t ages[AGES] = {
    {"oldest fifth of allocations", 0x44, 0x01, 0x54},
    {"second", 0x3b, 0x52, 0x8b},
    {"third", 0x21, 0x91, 0x8c},
    {"fourth", 0x5e, 0xc9, 0x62},
    {"newest fifth", 0xfd, 0xc7, 0x25},
};

/* Colours: Tableau 10. */
static const draw_group_t tag_colours[DRAW_GROUPS] = {
    {NULL, 0x4e, 0x79, 0xa7}, {NULL, 0xf2, 0x8e, 0x2b},
    {NULL, 0x59, 0xa1, 0x4f}, {NULL, 0xe1, 0x57, 0x59},
    {NULL, 0xb0, 0x7a, 0xa1}, {NULL, 0x9c, 0x75, 0x5f},
    {NULL, 0x76, 0xb7, 0xb2}, {NULL, 0xba, 0xb0, 0xac},
};

/* The number of tags or of call sites. */
static size_t name_count(const snapshot_t *snapshot, map_colour_t by)
{
    return by == MAP_BY_TAG ? snapshot->tag_count : snapshot->site_count;
}

/* The number of the tag or of the call site of a block. If it is not known,
 * that is name_count(). */
static size_t name_number(const snapshot_t *snapshot, map_colour_t by,
                          const memheap_stats_block_t *block)
{
    return memheap_min(by == MAP_BY_TAG ? block->tag : block->site,
                       name_count(snapshot, by));
}

/* The name of the tag or call site of this number, as groups have it. */
static const char *name_of(const snapshot_t *snapshot, map_colour_t by,
                           size_t number)
{
    if (by == MAP_BY_SITE)
        return number < snapshot->site_count ? snapshot->sites[number].text
                                             : "(not known)";
    return number < snapshot->tag_count && snapshot->tags[number][0] != '\0'
               ? snapshot->tags[number]
               : "(no tag)";
}

/* A name, and the bytes of its blocks in all heaps. */
typedef struct share {
    const char *name;
    size_t bytes;
} share_t;

static int compare_shares(const void *a, const void *b)
{
    const share_t *left = a;
    const share_t *right = b;
    if (left->bytes != right->bytes)
        return left->bytes > right->bytes ? -1 : 1;
    return strcmp(left->name, right->name);
}

static share_t *find_share(share_t *shares, size_t *count, const char *name)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(shares[i].name, name) == 0)
            return &shares[i];
    }
    shares[*count] = (share_t){name, 0};
    return &shares[(*count)++];
}

/* Make a group for each of the tags or call sites with the most bytes, and one
 * for all others. */
static bool make_names(map_groups_t *groups, const snapshot_t *snapshots,
                       size_t count)
{
    size_t room = 1;
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        room += name_count(&snapshots[i], groups->by) + 1;
    share_t *shares = calloc(room, sizeof(*shares));
    if (shares == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        const snapshot_t *snapshot = &snapshots[i];
        size_t names = name_count(snapshot, groups->by);
        size_t *bytes = calloc(names + 1, sizeof(*bytes));
        if (bytes == NULL) {
            free(shares);
            return false;
        }
        for (size_t j = 0; j < snapshot->count; j++) {
            const memheap_stats_block_t *block = &snapshot->blocks[j];
            if (block->live != 0)
                bytes[name_number(snapshot, groups->by, block)] += block->size;
        }
        for (size_t j = 0; j <= names; j++) {
            if (bytes[j] > 0)
                find_share(shares, &found, name_of(snapshot, groups->by, j))
                    ->bytes += bytes[j];
        }
        free(bytes);
    }
    qsort(shares, found, sizeof(*shares), compare_shares);
    groups->count = (unsigned)memheap_min(found, DRAW_GROUPS);
    for (unsigned i = 0; i < groups->count; i++) {
        bool others = i == OTHERS && found > DRAW_GROUPS;
        groups->whole_names[i] = others ? NULL : shares[i].name;
        snprintf(groups->names[i], MAP_GROUP, "%s",
                 others ? "all others" : shares[i].name);
        groups->group[i] = tag_colours[i];
        groups->group[i].name = groups->names[i];
    }
    free(shares);
    return true;
}

bool map_groups_make(map_groups_t *groups, map_colour_t by,
                     const snapshot_t *snapshots, size_t count)
{
    *groups = (map_groups_t){.by = by};
    if (by == MAP_BY_SIZE) {
        groups->count = DRAW_SIZES;
        memcpy(groups->group, draw_sizes, sizeof(draw_sizes));
        return true;
    }
    bool known = false;
    for (size_t i = 0; i < count; i++) {
        known =
            known || (by != MAP_BY_AGE && name_count(&snapshots[i], by) > 0);
        for (size_t j = 0; j < snapshots[i].count && by == MAP_BY_AGE; j++)
            known = known || snapshots[i].blocks[j].number > 0;
    }
    if (!known)
        return false;
    if (by != MAP_BY_AGE)
        return make_names(groups, snapshots, count);
    groups->count = AGES;
    memcpy(groups->group, ages, sizeof(ages));
    return true;
}

unsigned map_group_of(const map_groups_t *groups, const snapshot_t *snapshot,
                      const memheap_stats_block_t *block)
{
    if (groups->by == MAP_BY_SIZE)
        return draw_size_class(block->size);
    if (groups->by == MAP_BY_AGE) {
        uint64_t all = memheap_max(snapshot->stats.allocations, 1);
        uint64_t number = block->number == 0 ? 0 : block->number - 1;
        double age = (double)memheap_min(number, all) / (double)all;
        return (unsigned)memheap_min((size_t)(age * AGES), AGES - 1);
    }
    const char *name =
        name_of(snapshot, groups->by, name_number(snapshot, groups->by, block));
    unsigned i = 0;
    while (i + 1 < groups->count && strcmp(groups->whole_names[i], name) != 0)
        i++;
    return i;
}

bool map_cells_make(map_cells_t *cells, const snapshot_t *snapshot,
                    const map_groups_t *groups, size_t columns, size_t bytes)
{
    size_t count = (snapshot->reach + bytes - 1) / bytes;
    *cells = (map_cells_t){.columns = columns, .bytes = bytes};
    cells->rows = memheap_max((count + columns - 1) / columns, 1);
    count = cells->rows * columns;
    size_t(*cover)[DRAW_GROUPS] = calloc(count, sizeof(*cover));
    cells->cells = calloc(count, 1);
    if (cover == NULL || cells->cells == NULL) {
        free(cover);
        map_cells_free(cells);
        return false;
    }
    for (size_t i = 0; i < snapshot->count; i++) {
        const memheap_stats_block_t *block = &snapshot->blocks[i];
        if (block->live == 0 || block->offset >= snapshot->reach)
            continue;
        unsigned group = map_group_of(groups, snapshot, block);
        size_t end = block->offset + block->size;
        for (size_t cell = block->offset / bytes;
             cell < count && cell * bytes < end; cell++) {
            size_t from = memheap_max(block->offset, cell * bytes);
            size_t to = memheap_min(end, (cell + 1) * bytes);
            cover[cell][group] += to - from;
        }
    }
    for (size_t i = 0; i < count; i++)
        cells->cells[i] = draw_cell(cover[i], groups->count, bytes);
    free(cover);
    return true;
}

void map_cells_free(map_cells_t *cells)
{
    free(cells->cells);
    cells->cells = NULL;
}

void map_figures(const snapshot_t *snapshot, char lines[MAP_FIGURES][256])
{
    const memheap_stats_t *stats = &snapshot->stats;
    char text[4][MEMHEAP_SIZE_TEXT];
    size_t holes = 0;
    size_t hole_bytes = 0;
    size_t largest = 0;
    size_t run = 0;
    /* Adjacent free blocks count as one hole. The free space after the last
     * live block is not a hole. */
    for (size_t i = 0; i < snapshot->count; i++) {
        const memheap_stats_block_t *block = &snapshot->blocks[i];
        run = block->live != 0 ? run : run + block->size;
        if (block->live == 0 || run == 0)
            continue;
        holes++;
        hole_bytes += run;
        largest = memheap_max(largest, run);
        run = 0;
    }
    snprintf(lines[0], 256,
             "used %s in %zu block%s, %s at most; free between them %s in %zu "
             "hole%s, %s the largest",
             memheap_format_size(text[0], stats->used), stats->live_blocks,
             stats->live_blocks == 1 ? "" : "s",
             memheap_format_size(text[1], stats->peak),
             memheap_format_size(text[2], hole_bytes), holes,
             holes == 1 ? "" : "s", memheap_format_size(text[3], largest));
    snprintf(lines[1], 256,
             "size %s, free %s, largest free block %s, fragmentation %.2f%%",
             memheap_format_size(text[0], stats->size),
             memheap_format_size(text[1], stats->free),
             memheap_format_size(text[2], stats->largest_free),
             stats->fragmentation * 100);
}
