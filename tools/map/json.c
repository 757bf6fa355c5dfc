/*
 * Writes the blocks as JSON, for programs.
 */
#include "config.h"

#include "memheap/debug/report.h"
#include "tools/map/map.h"

static void write_block(memheap_json_t *json, const snapshot_t *snapshot,
                        const memheap_stats_block_t *block)
{
    memheap_json_object(json, NULL);
    memheap_json_number(json, "offset", block->offset);
    memheap_json_number(json, "size", block->size);
    memheap_json_bool(json, "live", block->live != 0);
    if (block->live != 0 && block->number > 0) {
        memheap_json_number(json, "number", block->number);
        memheap_json_number(json, "asked", block->asked);
    }
    if (block->live != 0 && block->tag < snapshot->tag_count)
        memheap_json_string(json, "tag", snapshot->tags[block->tag]);
    if (block->live != 0 && block->site < snapshot->site_count)
        memheap_json_string(json, "site", snapshot->sites[block->site].text);
    memheap_json_end(json);
}

static void write_site(memheap_json_t *json, const map_site_t *site)
{
    memheap_json_object(json, NULL);
    memheap_json_string(json, "site", site->text);
    memheap_json_number(json, "used", site->used);
    memheap_json_number(json, "peak", site->peak);
    memheap_json_number(json, "live_blocks", site->live_blocks);
    memheap_json_number(json, "allocations", site->allocations);
    memheap_json_number(json, "bytes", site->bytes);
    memheap_json_end(json);
}

static void write_heap(memheap_json_t *json, const snapshot_t *snapshot)
{
    memheap_json_object(json, NULL);
    if (snapshot->pid == 0) {
        memheap_json_string(json, "trace", snapshot->name);
        memheap_json_number(json, "operations", snapshot->operations);
    } else {
        if (snapshot->pe < 0)
            memheap_json_null(json, "pe");
        else
            memheap_json_number(json, "pe", (uint64_t)snapshot->pe);
        memheap_json_number(json, "pid", (uint64_t)snapshot->pid);
        memheap_json_string(json, "heap", snapshot->name);
    }
    memheap_json_string(json, "component", snapshot->component);
    memheap_json_stats(json, &snapshot->stats);
    memheap_json_array(json, "blocks");
    for (size_t i = 0; i < snapshot->count; i++)
        write_block(json, snapshot, &snapshot->blocks[i]);
    memheap_json_end(json);
    if (snapshot->site_count > 0) {
        memheap_json_array(json, "sites");
        for (size_t i = 0; i < snapshot->site_count; i++)
            write_site(json, &snapshot->sites[i]);
        memheap_json_end(json);
    }
    memheap_json_end(json);
}

void map_json(FILE *file, const snapshot_t *snapshots, size_t count)
{
    memheap_json_t json = {.file = file};
    memheap_json_object(&json, NULL);
    memheap_json_array(&json, "heaps");
    for (size_t i = 0; i < count; i++)
        write_heap(&json, &snapshots[i]);
    memheap_json_end(&json);
    memheap_json_end(&json);
}
