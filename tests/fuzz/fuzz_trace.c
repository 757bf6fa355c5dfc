/*
 * Fuzzes the reader of traces, and what replays and draws them without a job.
 *
 * The first byte chooses how to draw; the rest is the file, plain or
 * compressed. The operations of a trace that the reader accepts are executed on
 * a table of slots: each must be possible.
 */
#include "config.h"

#include "tests/fuzz/fuzz.h"
#include "tools/common/trace.h"
#include "tools/map/map.h"

#include <stdlib.h>
#include <string.h>

enum {
    OPERATIONS = 4096,
    /* Bytes that a replay may have live, and skip for alignment. */
    PEAK = 16 << 20,
    SKIPPED = 256 << 20
};

/* Check that a trace can be replayed: slots are within bounds, the lowest
 * number of them, and live when they are resized or freed. */
static void check_trace(const trace_t *trace)
{
    size_t *sizes = calloc(trace->slots + 1, sizeof(*sizes));
    size_t count = 0;
    size_t most = 0;
    size_t bytes = 0;
    size_t peak = 0;
    for (size_t i = 0; i < trace->count; i++) {
        const trace_op_t *op = &trace->ops[i];
        fuzz_require(op->slot < trace->slots);
        bool allocates = op->kind == TRACE_ALLOC || op->kind == TRACE_ALIGN;
        fuzz_require(allocates == (sizes[op->slot] == 0));
        fuzz_require((op->kind == TRACE_FREE) == (op->size == 0));
        fuzz_require(op->align_order < 63);
        if (trace->labels != NULL) {
            fuzz_require(trace->labels[i].site < trace->sites.count);
            fuzz_require(trace->labels[i].tag < trace->tags.count);
        }
        count += allocates;
        count -= op->kind == TRACE_FREE;
        bytes += op->size - sizes[op->slot];
        sizes[op->slot] = op->size;
        most = memheap_max(most, count);
        peak = memheap_max(peak, bytes);
    }
    fuzz_require(most == trace->slots);
    fuzz_require(peak == trace->peak);
    free(sizes);
}

/* The bytes that alignments skip at most. */
static size_t skipped_by(const trace_t *trace)
{
    size_t sum = 0;
    for (size_t i = 0; i < trace->count; i++)
        sum += (size_t)1 << memheap_min(trace->ops[i].align_order, 40);
    return sum;
}

static void draw(const char *path, unsigned options)
{
    static const char *const moments[] = {"peak", "end", "7", "-1"};
    static FILE *nowhere;
    char message[MAP_MESSAGE];
    places_t places = {.count = 0};
    snapshot_t snapshot;
    map_groups_t groups;
    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "w");
    const char *component = fuzz_component(options % fuzz_component_count());
    if (!snapshot_replay(path, moments[options / 64],
                         strchr(component, '=') + 1, &places, &snapshot,
                         message)) {
        places_free(&places);
        return;
    }
    fuzz_require(snapshot.count > 0);
    if (map_groups_make(&groups, options % 4, &snapshot, 1)) {
        map_text(nowhere, &snapshot, 1, &groups, 20 + options, options % 2);
        map_svg(nowhere, &snapshot, 1, &groups);
    }
    map_json(nowhere, &snapshot, 1);
    snapshot_free(&snapshot);
    places_free(&places);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char message[MAP_MESSAGE] = "";
    fuzz_input_t input = {data, size};
    unsigned options = fuzz_byte(&input);
    const char *path = fuzz_file(input.next, input.left);
    trace_t trace;
    if (!trace_load(&trace, path, OPERATIONS, message, sizeof(message))) {
        fuzz_require(message[0] != '\0');
        return 0;
    }
    check_trace(&trace);
    bool draws = trace.count < OPERATIONS && trace.peak <= PEAK &&
                 skipped_by(&trace) <= SKIPPED;
    trace_free(&trace);
    if (draws)
        draw(path, options);
    return 0;
}
