/*
 * Takes snapshots of replayed traces.
 */
#include "config.h"

#include "tools/map/map.h"
#include "tools/common/cli.h"
#include "tools/common/local.h"
#include "base/util.h"

#include <stdlib.h>
#include <string.h>

/* Find the number of operations after which the sum of the requested sizes is
 * largest. */
static size_t peak_of(const trace_t *trace, size_t *sizes)
{
    size_t live = 0;
    size_t most = 0;
    size_t at = 0;
    memset(sizes, 0, trace->slots * sizeof(*sizes));
    for (size_t i = 0; i < trace->count; i++) {
        const trace_op_t *op = &trace->ops[i];
        live = live - sizes[op->slot] + op->size;
        sizes[op->slot] = op->size;
        if (live > most) {
            most = live;
            at = i + 1;
        }
    }
    return at;
}

/* Parse a moment into a number of operations. Returns false if the text is
 * invalid. */
static bool moment_of(const trace_t *trace, const char *at, size_t *sizes,
                      size_t *count_p)
{
    if (strcmp(at, "peak") == 0) {
        *count_p = peak_of(trace, sizes);
        return true;
    }
    *count_p = trace->count;
    if (strcmp(at, "end") == 0)
        return true;
    if (!cli_count(at, 0, SIZE_MAX, count_p))
        return false;
    *count_p = memheap_min(*count_p, trace->count);
    return true;
}

static const char no_memory[] = "there is no memory for the trace";

typedef struct taking {
    snapshot_t *snapshot;
    const char *base;
    size_t room;
    bool failed; /* for lack of memory */
} taking_t;

static bool take_block(void *context, const memheap_block_t *block)
{
    taking_t *taking = context;
    snapshot_t *snapshot = taking->snapshot;
    if (snapshot->count == taking->room) {
        size_t room = taking->room == 0 ? 1024 : taking->room * 2;
        void *more =
            reallocarray(snapshot->blocks, room, sizeof(*snapshot->blocks));
        taking->failed = more == NULL;
        if (taking->failed)
            return false;
        snapshot->blocks = more;
        taking->room = room;
    }
    snapshot->blocks[snapshot->count++] = (memheap_stats_block_t){
        .offset = (uint64_t)((const char *)block->address - taking->base),
        .size = block->size,
        .number = block->number,
        .asked = block->asked,
        .live = block->live};
    return true;
}

bool snapshot_replay(const char *path, const char *at, const char *component,
                     snapshot_t *snapshot, char *message)
{
    trace_t trace;
    local_t local;
    size_t count;
    taking_t taking = {.snapshot = snapshot};
    bool good = false;
    *snapshot = (snapshot_t){.tag_count = 0};
    if (!trace_load(&trace, path, SIZE_MAX, message, MAP_MESSAGE))
        return false;
    block_t *blocks = calloc(trace.slots + 1, sizeof(*blocks));
    size_t *sizes = calloc(trace.slots + 1, sizeof(*sizes));
    snprintf(message, MAP_MESSAGE, "%s", no_memory);
    if (blocks == NULL || sizes == NULL)
        goto out;
    snprintf(message, MAP_MESSAGE,
             "--at wants \"peak\", \"end\" or a number of operations, not "
             "\"%s\"",
             at);
    if (!moment_of(&trace, at, sizes, &count))
        goto out;
    message[0] = '\0'; /* the library logs why it cannot create the heap */
    if (local_open(&local, component, &trace, (local_range_t){NULL, 0}, blocks,
                   NULL) != MEMHEAP_OK)
        goto out;
    local_replay(&local, 0, count);
    taking.base = memheap_base(local.heap);
    memheap_get_stats(local.heap, &snapshot->stats);
    memheap_walk(local.heap, take_block, &taking);
    snapshot->operations = count;
    snprintf(snapshot->name, MAP_NAME, "%s", trace.name);
    snprintf(snapshot->component, MAP_NAME, "%s",
             memheap_component_name(local.heap));
    snprintf(snapshot->title, MAP_TITLE,
             "%.60s, %.48s, after %zu of %zu operations", trace.name,
             snapshot->component, count, trace.count);
    snapshot->reach = snapshot->stats.high_water;
    good = !taking.failed;
    if (!good)
        snprintf(message, MAP_MESSAGE, "%s", no_memory);
    local_close(&local);
out:
    free(sizes);
    free(blocks);
    trace_free(&trace);
    return good;
}

/* Note what an operation did to the block of its slot. current has the index of
 * the slot's life, plus 1. */
static void note_operation(snapshot_t *snapshot, const local_t *local,
                           const trace_op_t *op, uint64_t moment,
                           size_t *current)
{
    const block_t *block = &local->blocks[op->slot];
    life_t *life =
        current[op->slot] == 0 ? NULL : &snapshot->lives[current[op->slot] - 1];
    size_t usable = 0;
    uint64_t offset = 0;
    if (block->address != NULL) {
        memheap_usable_size(local->heap, block->address, &usable);
        offset = (uint64_t)(block->address - (char *)memheap_base(local->heap));
    }
    if (life != NULL && life->offset == offset && life->size == usable) {
        life->asked = block->size;
        return;
    }
    if (life != NULL)
        life->to = moment;
    current[op->slot] = 0;
    if (block->address == NULL)
        return;
    snapshot->lives[snapshot->life_count++] = (life_t){
        .from = moment, .offset = offset, .size = usable, .asked = block->size};
    current[op->slot] = snapshot->life_count;
}

bool snapshot_replay_lives(const char *path, const char *component,
                           snapshot_t *snapshot, char *message)
{
    trace_t trace;
    local_t local;
    taking_t taking = {.snapshot = snapshot};
    bool good = false;
    *snapshot = (snapshot_t){.pe = -1};
    if (!trace_load(&trace, path, SIZE_MAX, message, MAP_MESSAGE))
        return false;
    block_t *blocks = calloc(trace.slots + 1, sizeof(*blocks));
    size_t *current = calloc(trace.slots + 1, sizeof(*current));
    snapshot->lives = calloc(trace.count + 1, sizeof(*snapshot->lives));
    snprintf(message, MAP_MESSAGE, "%s", no_memory);
    if (blocks == NULL || current == NULL || snapshot->lives == NULL)
        goto out;
    message[0] = '\0'; /* the library logs why it cannot create the heap */
    if (local_open(&local, component, &trace, (local_range_t){NULL, 0}, blocks,
                   NULL) != MEMHEAP_OK)
        goto out;
    for (size_t i = 0; i < trace.count; i++) {
        local_replay(&local, i, i + 1);
        note_operation(snapshot, &local, &trace.ops[i], i + 1, current);
    }
    taking.base = memheap_base(local.heap);
    memheap_get_stats(local.heap, &snapshot->stats);
    memheap_walk(local.heap, take_block, &taking);
    snapshot->operations = snapshot->moments = trace.count;
    snapshot->reach = snapshot->stats.high_water;
    snprintf(snapshot->name, MAP_NAME, "%s", trace.name);
    snprintf(snapshot->component, MAP_NAME, "%s",
             memheap_component_name(local.heap));
    snprintf(snapshot->title, MAP_TITLE, "%.60s, %.48s, %zu operations",
             trace.name, snapshot->component, trace.count);
    good = !taking.failed;
    if (!good)
        snprintf(message, MAP_MESSAGE, "%s", no_memory);
    local_close(&local);
out:
    free(current);
    free(blocks);
    trace_free(&trace);
    if (!good)
        snapshot_free(snapshot);
    return good;
}
