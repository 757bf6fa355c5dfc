/*
 * Fuzzes the readers of stats pages: memheap-top and memheap-map.
 *
 * This process has a memory file that looks like the stats page of a heap, with
 * a list of blocks and call sites. The input describes the blocks, and then
 * overwrites bytes anywhere in page and list. The readers have to find the heap
 * and show it, or to refuse it.
 */
#define _GNU_SOURCE /* memfd_create() */
#include "config.h"

#include "tests/fuzz/fuzz.h"
#include "tools/common/live.h"
#include "tools/map/map.h"
#include "tools/top/top.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    BLOCKS = 64,
    TAGS = 4,
    SITES = 3
};

/* The page and the list, which the file has at MEMHEAP_STATS_LIST_START. */
static struct {
    memheap_stats_page_t page;
    memheap_stats_block_t blocks[BLOCKS];
    char tags[TAGS][MEMHEAP_TAG_SIZE];
    memheap_stats_site_t sites[SITES];
} image;

static FILE *nowhere;

/* Kept from run to run, since addr2line takes long. */
static places_t places;

/* Make a valid page of a heap with some blocks, each of three bytes. */
static void make_page(fuzz_input_t *input, int file)
{
    memheap_stats_page_t *page = &image.page;
    uint64_t offset = 0;
    memset(&image, 0, sizeof(image));
    *page = (memheap_stats_page_t){.magic = MEMHEAP_STATS_MAGIC,
                                   .version = MEMHEAP_STATS_VERSION,
                                   .size = sizeof(*page),
                                   .sequence = 2,
                                   .pid = getpid(),
                                   .heap_fd = file,
                                   .base = UINT64_C(1) << 46,
                                   .name = "heap",
                                   .component = "buddy",
                                   .pe = 0,
                                   .pes = 2};
    page->list_blocks = fuzz_byte(input) % BLOCKS;
    unsigned names = fuzz_byte(input);
    page->list_tags = names % (TAGS + 1);
    page->list_sites = names / 16 % (SITES + 1);
    for (size_t i = 0; i < page->list_blocks; i++) {
        memheap_stats_block_t *block = &image.blocks[i];
        unsigned kind = fuzz_byte(input);
        *block = (memheap_stats_block_t){.offset = offset,
                                         .size = 1 + fuzz_short(input),
                                         .number = i * (kind / 8 % 2),
                                         .asked = 1,
                                         .live = kind % 2,
                                         .tag = (uint16_t)(kind / 16),
                                         .site = kind / 32};
        offset += block->size;
    }
    for (size_t i = 0; i < TAGS; i++)
        image.tags[i][0] = (char)('a' + i);
    /* The last one has return addresses: in no object file, and in this one. */
    for (size_t i = 0; i < SITES; i++) {
        image.sites[i] = (memheap_stats_site_t){
            .used = i, .peak = i, .allocations = i, .frames = i / 2 * 2};
        image.sites[i].place.text[0] = (char)('A' + i);
    }
    image.sites[SITES - 1].place.frame[1] = (uintptr_t)make_page;
    page->list_stats.size = page->stats.size = offset;
    page->list_stats.high_water = page->stats.high_water = offset;
}

/* Overwrite parts of it: a place, a length, and bytes. */
static void damage(fuzz_input_t *input)
{
    while (input->left > 0) {
        size_t at = fuzz_short(input) % sizeof(image);
        size_t size = memheap_min(fuzz_byte(input) % 16, sizeof(image) - at);
        size = memheap_min(size, input->left);
        memcpy((char *)&image + at, input->next, size);
        input->next += size;
        input->left -= size;
    }
}

static void put(int file, const void *from, size_t size, size_t at)
{
    fuzz_require(pwrite(file, from, size, (off_t)at) == (ssize_t)size);
}

static void write_page(int file)
{
    size_t at = MEMHEAP_STATS_LIST_START;
    size_t count = memheap_min(image.page.list_blocks, BLOCKS);
    put(file, &image.page, sizeof(image.page), 0);
    put(file, image.blocks, count * sizeof(image.blocks[0]), at);
    at += count * sizeof(image.blocks[0]);
    put(file, image.tags, sizeof(image.tags), at);
    at += memheap_min(image.page.list_tags, TAGS) * sizeof(image.tags[0]);
    put(file, image.sites, sizeof(image.sites), at);
}

static void show(live_t *live, live_heap_t *heap)
{
    top_line_t line = {.pe = live_pe(live, heap),
                       .pid = heap->pid,
                       .heap = heap->page.name,
                       .component = heap->page.component,
                       .wait = heap->page.wait,
                       .wait_s = live_wait(heap)};
    live_stats(heap, &line.stats);
    fuzz_require(top_sort(&line, 1, "used"));
    top_table(nowhere, &line, 1, 100, 10);
    top_json(nowhere, &line, 1);
}

static void map(live_t *live, live_heap_t *heap, unsigned options)
{
    char message[MAP_MESSAGE];
    snapshot_t snapshot;
    map_groups_t groups;
    snapshot_ask(heap, 0);
    uint64_t served = heap->page.list_published + (options % 16 != 0);
    put(heap->fd, &served, sizeof(served),
        offsetof(memheap_stats_page_t, list_published));
    if (!snapshot_fetch(heap, live_pe(live, heap), 0, &places, &snapshot,
                        message))
        return;
    fuzz_require(snapshot.count <= BLOCKS);
    if (map_groups_make(&groups, options / 16 % 4, &snapshot, 1)) {
        map_text(nowhere, &snapshot, 1, &groups, 80, options % 2);
        map_svg(nowhere, &snapshot, 1, &groups);
    }
    map_json(nowhere, &snapshot, 1);
    snapshot_free(&snapshot);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input_t input = {data, size};
    live_t live = {.heap = NULL};
    pid_t me = getpid();
    pid_t bad;
    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "w");
    int file = memfd_create(MEMHEAP_STATS_FILE, MFD_CLOEXEC);
    fuzz_require(nowhere != NULL && file >= 0);
    unsigned options = fuzz_byte(&input);
    make_page(&input, file);
    damage(&input);
    write_page(file);
    fuzz_require(live_find(&live, LIVE_PROCESSES, &me, 1, &bad) == 0);
    fuzz_require(live.count + live.strange <= 1);
    if (live.count == 1) {
        show(&live, &live.heap[0]);
        map(&live, &live.heap[0], options);
    }
    if (places.count > 1000)
        places_free(&places);
    live_close(&live);
    close(file);
    return 0;
}
