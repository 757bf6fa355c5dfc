/*
 * Takes snapshots of replayed traces.
 */
#include "config.h"

#include "tools/map/map.h"
#include "tools/common/cli.h"
#include "tools/common/local.h"
#include "base/text.h"
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
        if (more == NULL) {
            taking->failed = true;
            return false;
        }
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

/* What the labels of a trace mean in a snapshot. */
typedef struct labels {
    size_t *site; /* by number in the trace: the index in the snapshot; NULL:
                     the trace is not labelled */
    size_t *born; /* by slot: the operation that allocated its block */
} labels_t;

static void free_labels(labels_t *labels)
{
    free(labels->site);
    free(labels->born);
}

/* Copy the tags. Returns false if memory is short. */
static bool take_tags(const trace_t *trace, snapshot_t *snapshot)
{
    snapshot->tags = calloc(trace->tags.count, sizeof(*snapshot->tags));
    if (snapshot->tags == NULL)
        return false;
    snapshot->tag_count = trace->tags.count;
    for (size_t i = 1; i < trace->tags.count; i++) {
        const char *name = trace->tags.name[i];
        if (name != NULL)
            memheap_text_copy(snapshot->tags[i], MEMHEAP_TAG_SIZE, name);
        else
            snprintf(snapshot->tags[i], MEMHEAP_TAG_SIZE, "tag %zu", i);
    }
    return true;
}

/* Find the number of the text of a call site: its first line. */
static bool find_text(places_t *places, const trace_t *trace, uint32_t site,
                      size_t *number_p)
{
    char text[MEMHEAP_STATS_SITE_SIZE];
    char unnamed[TRACE_SITE_TEXT];
    memheap_text_copy(text, sizeof(text),
                      trace_site_name(trace, site, unnamed));
    text[strcspn(text, "\n")] = '\0';
    *number_p = places_number(places, text);
    return *number_p != SIZE_MAX;
}

/* Set the call sites. Returns false if memory is short. */
static bool take_sites(const trace_t *trace, const trace_counts_t *counts,
                       places_t *places, snapshot_t *snapshot, size_t *number)
{
    size_t count = trace->sites.count;
    map_site_t *sites = calloc(count, sizeof(*sites));
    bool good = sites != NULL;
    for (size_t i = 0; i < count && good; i++) {
        sites[i] = (map_site_t){.used = counts[i].used,
                                .peak = counts[i].peak,
                                .live_blocks = counts[i].live_blocks,
                                .allocations = counts[i].allocations,
                                .bytes = counts[i].bytes};
        good = counts[i].allocations == 0 ||
               find_text(places, trace, (uint32_t)i, &number[i]);
    }
    good = good && snapshot_set_sites(snapshot, places, sites, number, count);
    free(sites);
    return good;
}

/* Take the call sites and tags of a trace up to an operation, if it has them.
 * Returns false if memory is short. */
static bool take_labels(const trace_t *trace, size_t operations,
                        places_t *places, snapshot_t *snapshot,
                        labels_t *labels)
{
    if (trace->labels == NULL)
        return true;
    trace_counts_t *counts = calloc(trace->sites.count, sizeof(*counts));
    labels->born = calloc(trace->slots + 1, sizeof(*labels->born));
    labels->site = calloc(trace->sites.count, sizeof(*labels->site));
    bool good = counts != NULL && labels->born != NULL &&
                labels->site != NULL &&
                trace_count(trace, operations, trace_site_of, counts) &&
                take_sites(trace, counts, places, snapshot, labels->site) &&
                take_tags(trace, snapshot);
    free(counts);
    return good;
}

static void note_birth(const trace_t *trace, size_t op, labels_t *labels)
{
    unsigned kind = trace->ops[op].kind;
    if (labels->site != NULL && (kind == TRACE_ALLOC || kind == TRACE_ALIGN))
        labels->born[trace->ops[op].slot] = op;
}

/* The label of the block in a slot. */
static trace_label_t label_of(const trace_t *trace, const labels_t *labels,
                              size_t slot)
{
    if (labels->site == NULL)
        return (trace_label_t){UINT32_MAX, 0};
    const trace_label_t *label = &trace->labels[labels->born[slot]];
    return (trace_label_t){(uint32_t)labels->site[label->site], label->tag};
}

static int compare_offsets(const void *a, const void *b)
{
    const memheap_stats_block_t *x = a;
    const memheap_stats_block_t *y = b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Give the blocks of a snapshot their labels. */
static void label_blocks(const trace_t *trace, const block_t *blocks,
                         const labels_t *labels, const char *base,
                         snapshot_t *snapshot)
{
    for (size_t slot = 0; slot < trace->slots && snapshot->count > 0; slot++) {
        if (blocks[slot].address == NULL)
            continue;
        const memheap_stats_block_t key = {
            .offset = (uint64_t)(blocks[slot].address - base)};
        memheap_stats_block_t *block =
            bsearch(&key, snapshot->blocks, snapshot->count,
                    sizeof(*snapshot->blocks), compare_offsets);
        trace_label_t label = label_of(trace, labels, slot);
        if (block != NULL) {
            block->site = label.site;
            block->tag = (uint16_t)label.tag;
        }
    }
}

bool snapshot_replay(const char *path, const char *at, const char *component,
                     places_t *places, snapshot_t *snapshot, char *message)
{
    trace_t trace;
    local_t local;
    labels_t labels = {.site = NULL};
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
    snprintf(message, MAP_MESSAGE, "%s", no_memory);
    if (!take_labels(&trace, count, places, snapshot, &labels))
        goto out;
    message[0] = '\0'; /* the library logs why it cannot create the heap */
    if (local_open(&local, component, &trace, (local_range_t){NULL, 0}, blocks,
                   NULL) != MEMHEAP_OK)
        goto out;
    local_replay(&local, 0, count);
    taking.base = memheap_base(local.heap);
    memheap_get_stats(local.heap, &snapshot->stats);
    memheap_walk(local.heap, take_block, &taking);
    for (size_t i = 0; i < count; i++)
        note_birth(&trace, i, &labels);
    label_blocks(&trace, blocks, &labels, taking.base, snapshot);
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
    free_labels(&labels);
    free(sizes);
    free(blocks);
    trace_free(&trace);
    if (!good)
        snapshot_free(snapshot);
    return good;
}

/* Note what an operation did to the block of its slot. current has the index of
 * the slot's life, plus 1. */
static void note_operation(snapshot_t *snapshot, const local_t *local,
                           const labels_t *labels, size_t i, size_t *current)
{
    const trace_op_t *op = &local->trace->ops[i];
    uint64_t moment = i + 1;
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
    trace_label_t label = label_of(local->trace, labels, op->slot);
    snapshot->lives[snapshot->life_count++] = (life_t){.from = moment,
                                                       .offset = offset,
                                                       .size = usable,
                                                       .asked = block->size,
                                                       .tag = label.tag,
                                                       .site = label.site};
    current[op->slot] = snapshot->life_count;
}

bool snapshot_replay_lives(const char *path, const char *component,
                           places_t *places, snapshot_t *snapshot,
                           char *message)
{
    trace_t trace;
    local_t local;
    labels_t labels = {.site = NULL};
    taking_t taking = {.snapshot = snapshot};
    bool good = false;
    *snapshot = (snapshot_t){.pe = -1};
    if (!trace_load(&trace, path, SIZE_MAX, message, MAP_MESSAGE))
        return false;
    block_t *blocks = calloc(trace.slots + 1, sizeof(*blocks));
    size_t *current = calloc(trace.slots + 1, sizeof(*current));
    snapshot->lives = calloc(trace.count + 1, sizeof(*snapshot->lives));
    snprintf(message, MAP_MESSAGE, "%s", no_memory);
    if (blocks == NULL || current == NULL || snapshot->lives == NULL ||
        !take_labels(&trace, trace.count, places, snapshot, &labels))
        goto out;
    message[0] = '\0'; /* the library logs why it cannot create the heap */
    if (local_open(&local, component, &trace, (local_range_t){NULL, 0}, blocks,
                   NULL) != MEMHEAP_OK)
        goto out;
    for (size_t i = 0; i < trace.count; i++) {
        local_replay(&local, i, i + 1);
        note_birth(&trace, i, &labels);
        note_operation(snapshot, &local, &labels, i, current);
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
    free_labels(&labels);
    free(current);
    free(blocks);
    trace_free(&trace);
    if (!good)
        snapshot_free(snapshot);
    return good;
}
