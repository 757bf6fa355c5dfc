/*
 * The blocks for programs.
 */
#include "config.h"

#include "tools/common/json.h"
#include "tools/map/map.h"

static void write_block(json_t *json, const snapshot_t *snapshot,
                        const memheap_stats_block_t *block)
{
    json_object(json, NULL);
    json_number(json, "offset", block->offset);
    json_number(json, "size", block->size);
    json_bool(json, "live", block->live != 0);
    if (block->live != 0 && block->number > 0) {
        json_number(json, "number", block->number);
        json_number(json, "asked", block->asked);
    }
    if (block->live != 0 && block->tag < snapshot->tag_count)
        json_string(json, "tag", snapshot->tags[block->tag]);
    json_end(json);
}

static void write_heap(json_t *json, const snapshot_t *snapshot)
{
    json_object(json, NULL);
    if (snapshot->pid == 0) {
        json_string(json, "trace", snapshot->name);
        json_number(json, "operations", snapshot->operations);
    } else {
        if (snapshot->pe < 0)
            json_null(json, "pe");
        else
            json_number(json, "pe", (uint64_t)snapshot->pe);
        json_number(json, "pid", (uint64_t)snapshot->pid);
        json_string(json, "heap", snapshot->name);
    }
    json_string(json, "component", snapshot->component);
    json_stats(json, &snapshot->stats);
    json_array(json, "blocks");
    for (size_t i = 0; i < snapshot->count; i++)
        write_block(json, snapshot, &snapshot->blocks[i]);
    json_end(json);
    json_end(json);
}

void map_json(FILE *file, const snapshot_t *snapshots, size_t count)
{
    json_t json = {.file = file};
    json_object(&json, NULL);
    json_array(&json, "heaps");
    for (size_t i = 0; i < count; i++)
        write_heap(&json, &snapshots[i]);
    json_end(&json);
    json_end(&json);
}
