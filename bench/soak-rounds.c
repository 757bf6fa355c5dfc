/*
 * Replays one trace many times in one heap, each time with variations, to see
 * whether the heap's footprint grows with age.
 *
 * A round starts at a random operation of the trace and goes once around it.
 * One random number from 1/2 to 1 scales all sizes. In half of the rounds,
 * each size also gets a random factor of its own, from 7/8 to 1. A free without
 * an earlier allocation is skipped. If a block would be allocated twice, it is
 * freed before. At the end of a round, a random part of the live blocks stays,
 * and is freed during the next round. All random numbers come from the seed, so
 * round N is the same in each run.
 *
 * Prints CSV, one line for each interval:
 *   seconds, rounds   since the start
 *   live_peak         the most bytes live at one time, as requested
 *   footprint         the end of the highest block
 *   ratio             mean over the rounds of footprint / live_peak of a round
 *   largest_free, live_blocks, metadata   after the last round
 *   resident          resident memory of the process in bytes
 * The heap is checked before each line is printed. The exit status is 1 if a
 * check or an allocation fails.
 */
#include "config.h"

#include <memheap/memheap.h>
#include "tools/common/trace.h"

#include "common/random.h"
#include "common/timing.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    /* Heap size / peak of the trace. Blocks of the last round need space. */
    ROOM = 4
};

typedef struct item {
    char *address; /* NULL: none */
    size_t size;   /* as requested */
} item_t;

/* A block that stays from the last round, and the operation of this round
 * before which it is freed. */
typedef struct guest {
    item_t item;
    size_t until;
} guest_t;

typedef struct soak {
    memheap_t *heap;
    trace_t trace;
    item_t *items; /* one for each slot of the trace */
    guest_t *guests;
    size_t guest_count;
    uint64_t random;
    size_t live;
    size_t live_peak; /* in this round */
    size_t footprint; /* in this round */
    uint64_t scale;   /* of sizes, in units of 2^-32 */
    bool blurred;
} soak_t;

static uint64_t draw_below(soak_t *soak, uint64_t limit)
{
    return (draw64(&soak->random) >> 32) * limit >> 32;
}

static void fail(const char *what)
{
    fprintf(stderr, "soak-rounds: %s\n", what);
    exit(1);
}

static size_t scaled(soak_t *soak, size_t size)
{
    uint64_t scale = soak->scale;
    if (soak->blurred)
        scale -= draw_below(soak, scale >> 3);
    size = (size_t)((double)size * ((double)scale / 4294967296.0));
    return size == 0 ? 1 : size;
}

static void see(soak_t *soak, const item_t *item)
{
    size_t end =
        (size_t)(item->address - (char *)memheap_base(soak->heap)) + item->size;
    soak->footprint = end > soak->footprint ? end : soak->footprint;
    soak->live_peak =
        soak->live > soak->live_peak ? soak->live : soak->live_peak;
}

static void release(soak_t *soak, item_t *item)
{
    if (memheap_free(soak->heap, item->address) != MEMHEAP_OK)
        fail("a block could not be freed");
    soak->live -= item->size;
    *item = (item_t){.size = 0};
}

static void take(soak_t *soak, item_t *item, size_t size, size_t align)
{
    void *block;
    if (memheap_alloc_aligned(soak->heap, align, size, &block) != MEMHEAP_OK)
        fail("an allocation failed");
    *item = (item_t){.address = block, .size = size};
    soak->live += size;
    see(soak, item);
}

static void operate(soak_t *soak, const trace_op_t *op)
{
    item_t *item = &soak->items[op->slot];
    if (op->kind == TRACE_RESIZE && item->address != NULL) {
        void *block = item->address;
        size_t size = scaled(soak, op->size);
        if (memheap_resize(soak->heap, block, size, &block) != MEMHEAP_OK)
            fail("an allocation failed");
        soak->live += size - item->size;
        *item = (item_t){.address = block, .size = size};
        see(soak, item);
        return;
    }
    if (item->address != NULL)
        release(soak, item);
    if (op->kind != TRACE_FREE)
        take(soak, item, scaled(soak, op->size), (size_t)1 << op->align_order);
}

static int compare_guests(const void *a, const void *b)
{
    size_t left = ((const guest_t *)a)->until;
    size_t right = ((const guest_t *)b)->until;
    return (left > right) - (left < right);
}

/* Free most blocks, and make the others guests of the next round. */
static void leave(soak_t *soak)
{
    uint64_t kept = draw_below(soak, 1u << 14); /* of 2^16: at most a quarter */
    soak->guest_count = 0;
    for (size_t i = 0; i < soak->trace.slots; i++) {
        item_t *item = &soak->items[i];
        if (item->address == NULL)
            continue;
        if (draw_below(soak, 1u << 16) >= kept) {
            release(soak, item);
            continue;
        }
        soak->guests[soak->guest_count++] =
            (guest_t){*item, draw_below(soak, soak->trace.count)};
        *item = (item_t){.size = 0};
    }
    qsort(soak->guests, soak->guest_count, sizeof(guest_t), compare_guests);
}

static void replay_round(soak_t *soak)
{
    const trace_t *trace = &soak->trace;
    size_t start = draw_below(soak, trace->count);
    size_t gone = 0;
    soak->scale = ((uint64_t)1 << 31) + (draw64(&soak->random) >> 33);
    soak->blurred = draw64(&soak->random) >> 63 != 0;
    soak->live_peak = 0;
    soak->footprint = 0;
    for (size_t i = 0; i < soak->guest_count; i++)
        see(soak, &soak->guests[i].item);
    for (size_t i = 0; i < trace->count; i++) {
        for (; gone < soak->guest_count && soak->guests[gone].until == i;
             gone++)
            release(soak, &soak->guests[gone].item);
        size_t at = start + i;
        operate(soak, &trace->ops[at < trace->count ? at : at - trace->count]);
    }
    leave(soak);
}

static size_t resident(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*s %zu", &pages) != 1)
        pages = 0;
    if (file != NULL)
        fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Run rounds until the given time, and print a line. began is the start of the
 * program. */
static void run_window(soak_t *soak, double began, double until,
                       size_t *rounds_p)
{
    size_t live_peak = 0;
    size_t footprint = 0;
    size_t rounds = 0;
    double ratio = 0;
    do {
        replay_round(soak);
        live_peak = soak->live_peak > live_peak ? soak->live_peak : live_peak;
        footprint = soak->footprint > footprint ? soak->footprint : footprint;
        ratio += (double)soak->footprint / (double)soak->live_peak;
        rounds++;
    } while (now() < until);
    if (memheap_check(soak->heap) != MEMHEAP_OK)
        fail("the heap failed its check");
    *rounds_p += rounds;
    memheap_stats_t stats;
    memheap_get_stats(soak->heap, &stats);
    printf("%.1f,%zu,%zu,%zu,%.4f,%zu,%zu,%zu,%zu\n", (now() - began) / 1e9,
           *rounds_p, live_peak, footprint, ratio / (double)rounds,
           stats.largest_free, stats.live_blocks, stats.metadata, resident());
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static soak_t soak;
    char message[256];
    if (argc != 5) {
        fprintf(stderr,
                "usage: soak-rounds TRACE SECONDS SECONDS_A_LINE SEED\n");
        return 2;
    }
    if (!trace_load(&soak.trace, argv[1], SIZE_MAX, message, sizeof(message)))
        fail(message);
    double length = atof(argv[2]) * 1e9;
    double line = atof(argv[3]) * 1e9;
    soak.random = strtoull(argv[4], NULL, 0) * 2 + 1;
    soak.items = calloc(soak.trace.slots + 1, sizeof(*soak.items));
    soak.guests = calloc(soak.trace.slots + 1, sizeof(*soak.guests));
    memheap_config_t config = {.size = soak.trace.peak * ROOM,
                               .flags = MEMHEAP_SINGLE_THREADED};
    if (soak.items == NULL || soak.guests == NULL ||
        memheap_create(&config, &soak.heap) != MEMHEAP_OK)
        fail("there is no memory");
    printf("seconds,rounds,live_peak,footprint,ratio,largest_free,live_blocks,"
           "metadata,resident\n");
    size_t rounds = 0;
    double began = now();
    for (double at = began; at < began + length; at = now())
        run_window(&soak, began, at + line, &rounds);
    memheap_destroy(soak.heap);
    free(soak.items);
    free(soak.guests);
    trace_free(&soak.trace);
    return 0;
}
