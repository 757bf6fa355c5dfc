/*
 * Takes snapshots of running heaps and of replayed traces.
 *
 * A lock on the file of the stats page lets only one reader at a time request a
 * list from a heap.
 */
#define _GNU_SOURCE /* fallocate() */
#include "config.h"

#include "tools/map/map.h"
#include "tools/common/cli.h"
#include "tools/common/local.h"
#include "base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    POLL_MS = 2
};

void snapshot_free(snapshot_t *snapshot)
{
    free(snapshot->blocks);
    free(snapshot->lives);
    free(snapshot->tags);
    *snapshot = (snapshot_t){.blocks = NULL};
}

static void set_asked(live_heap_t *heap, uint64_t asked)
{
    if (pwrite(heap->fd, &asked, sizeof(asked),
               (off_t)offsetof(memheap_stats_page_t, list_requested)) < 0) {
        heap->gone = true;
        heap->error = errno;
    }
}

static void pause_shortly(void)
{
    struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    nanosleep(&pause, NULL);
}

void snapshot_ask(live_heap_t *heap, double end)
{
    while (!heap->locked) {
        heap->locked = flock(heap->fd, LOCK_EX | LOCK_NB) == 0;
        if (heap->locked || cli_now() >= end)
            break;
        pause_shortly();
    }
    if (heap->locked && live_read(heap))
        set_asked(heap, heap->page.list_published + 1);
}

/* Read a part of a file. Returns 0 or an error number; EBADMSG if the file is
 * too short. */
static int read_all(int fd, void *to, size_t size, uint64_t from)
{
    for (char *at = to; size > 0;) {
        ssize_t got = pread(fd, at, size, (off_t)from);
        if (got <= 0)
            return got < 0 ? errno : EBADMSG;
        at += got;
        from += (uint64_t)got;
        size -= (size_t)got;
    }
    return 0;
}

/* The end of the last live block. */
static size_t end_of_live(const snapshot_t *snapshot)
{
    size_t end = 0;
    for (size_t i = 0; i < snapshot->count; i++) {
        if (snapshot->blocks[i].live != 0)
            end = snapshot->blocks[i].offset + snapshot->blocks[i].size;
    }
    return end;
}

/* Check that the blocks are in order and inside the heap, and that the heap is
 * no larger than the address space of a process. Other lists cannot be drawn.
 */
static bool is_in_order(const snapshot_t *snapshot)
{
    uint64_t end = 0;
    if (snapshot->stats.size > SIZE_MAX / 2)
        return false;
    for (size_t i = 0; i < snapshot->count; i++) {
        const memheap_stats_block_t *block = &snapshot->blocks[i];
        if (block->offset < end || block->offset > snapshot->stats.size ||
            block->size > snapshot->stats.size - block->offset)
            return false;
        end = block->offset + block->size;
    }
    return true;
}

/* Terminate a tag of the program, and replace characters that could control a
 * terminal. */
static void clean(char tag[MEMHEAP_TAG_SIZE])
{
    tag[MEMHEAP_TAG_SIZE - 1] = '\0';
    for (char *c = tag; *c != '\0'; c++)
        *c = *c >= ' ' && *c <= '~' ? *c : '?';
}

/* Copy the list of a heap. Returns 0 or an error number; EBADMSG if the list is
 * damaged. */
static int take_list(const live_heap_t *heap, snapshot_t *snapshot)
{
    const memheap_stats_page_t *page = &heap->page;
    struct stat file;
    if (fstat(heap->fd, &file) != 0)
        return errno;
    /* Bytes that take memory: the file may be longer, and have holes. */
    uint64_t there = (uint64_t)file.st_blocks * 512;
    if (page->list_blocks > there / sizeof(*snapshot->blocks) ||
        page->list_tags > there / MEMHEAP_TAG_SIZE)
        return EBADMSG;
    size_t bytes = page->list_blocks * sizeof(*snapshot->blocks);
    snapshot->count = page->list_blocks;
    snapshot->tag_count = page->list_tags;
    snapshot->blocks = malloc(bytes + 1);
    snapshot->tags = malloc(page->list_tags * MEMHEAP_TAG_SIZE + 1);
    if (snapshot->blocks == NULL || snapshot->tags == NULL)
        return ENOMEM;
    int error =
        read_all(heap->fd, snapshot->blocks, bytes, MEMHEAP_STATS_LIST_START);
    if (error == 0)
        error = read_all(heap->fd, snapshot->tags,
                         page->list_tags * MEMHEAP_TAG_SIZE,
                         MEMHEAP_STATS_LIST_START + bytes);
    if (error != 0)
        return error;
    for (size_t i = 0; i < snapshot->tag_count; i++)
        clean(snapshot->tags[i]);
    fallocate(heap->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
              MEMHEAP_STATS_LIST_START, file.st_size);
    return is_in_order(snapshot) ? 0 : EBADMSG;
}

/* Wait until the heap has published the list. */
static bool is_answered(live_heap_t *heap, double wait)
{
    uint64_t asked = heap->page.list_published + 1;
    double end = cli_now() + wait;
    while (live_read(heap)) {
        if (heap->page.list_published == asked)
            return true;
        if (cli_now() >= end)
            break;
        pause_shortly();
    }
    return false;
}

bool snapshot_fetch(live_heap_t *heap, int pe, double wait,
                    snapshot_t *snapshot, char *message)
{
    const memheap_stats_page_t *page = &heap->page;
    char of_pe[32] = "";
    bool good = false;
    *snapshot = (snapshot_t){.pe = pe, .pid = heap->pid};
    snprintf(snapshot->name, MAP_NAME, "%s", page->name);
    snprintf(snapshot->component, MAP_NAME, "%s", page->component);
    if (pe >= 0)
        snprintf(of_pe, sizeof(of_pe), "PE %d, ", pe);
    snprintf(snapshot->title, MAP_TITLE, "%sprocess %ld: %s, %s", of_pe,
             (long)heap->pid, page->name, page->component);
    if (!heap->locked) {
        snprintf(message, MAP_MESSAGE,
                 "another memheap-map has looked at heap \"%s\" of process %ld "
                 "for %g s",
                 page->name, (long)heap->pid, wait);
    } else if (!heap->gone && is_answered(heap, wait)) {
        snapshot->stats = page->list_stats;
        live_complete(&snapshot->stats);
        int error = (int)page->list_error;
        error = error == 0 ? take_list(heap, snapshot) : error;
        good = error == 0;
        if (!good)
            snprintf(message, MAP_MESSAGE,
                     "the blocks of heap \"%s\" of process %ld cannot be read "
                     "(%s)",
                     page->name, (long)heap->pid,
                     error == EBADMSG ? "the list is damaged"
                                      : strerror(error));
    } else if (heap->error != 0) {
        snprintf(message, MAP_MESSAGE,
                 "heap \"%s\" of process %ld cannot be read (%s)", page->name,
                 (long)heap->pid, strerror(heap->error));
    } else if (heap->gone) {
        snprintf(message, MAP_MESSAGE, "heap \"%s\" of process %ld has ended",
                 page->name, (long)heap->pid);
    } else {
        set_asked(heap, page->list_published);
        snprintf(
            message, MAP_MESSAGE,
            "heap \"%s\" of process %ld was not called for %g s, and shows "
            "its blocks at the end of a call; try a longer --wait",
            page->name, (long)heap->pid, wait);
    }
    flock(heap->fd, LOCK_UN);
    if (good)
        snapshot->reach = memheap_max(
            end_of_live(snapshot),
            memheap_min(snapshot->stats.high_water, snapshot->stats.size));
    else
        snapshot_free(snapshot);
    return good;
}

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

static int compare_lives(const void *a, const void *b)
{
    const life_t *x = a;
    const life_t *y = b;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

bool snapshot_live(snapshot_t *snapshot)
{
    snapshot->lives = calloc(snapshot->count + 1, sizeof(*snapshot->lives));
    if (snapshot->lives == NULL)
        return false;
    for (size_t i = 0; i < snapshot->count; i++) {
        const memheap_stats_block_t *block = &snapshot->blocks[i];
        if (block->live == 0)
            continue;
        snapshot->lives[snapshot->life_count++] = (life_t){
            .from = block->number,
            .offset = block->offset,
            .size = block->size,
            .asked = block->asked,
            .tag = block->tag < snapshot->tag_count ? (uint32_t)block->tag : 0};
    }
    qsort(snapshot->lives, snapshot->life_count, sizeof(*snapshot->lives),
          compare_lives);
    snapshot->moments = snapshot->stats.allocations;
    return true;
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
