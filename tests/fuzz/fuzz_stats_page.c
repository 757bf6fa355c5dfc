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
#include "tools/map/map.h"
#include "tools/top/sites.h"

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
static top_sites_t sites;

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

/* Answer a request. */
static void serve(live_heap_t *heap, uint64_t more)
{
    uint64_t served = heap->page.list_published + more;
    put(heap->fd, &served, sizeof(served),
        offsetof(memheap_stats_page_t, list_published));
}

static void show(sample_t *sample, unsigned options)
{
    const top_face_t face = {
        .colours = options % 2, .graphs = options % 4, .utf8 = options % 8};
    memheap_json_t json = {.file = nowhere};
    fuzz_require(sample_take(sample, false));
    fuzz_require(sample->count == 1);
    fuzz_require(top_sites_ask(&sites, sample));
    serve(&sample->live.heap[0], 1);
    fuzz_require(top_sites_collect(&sites, sample));
    fuzz_require(sites.count <= SITES);
    top_sort(sample->lines, 1, top_column("used"), false);
    top_table(nowhere, &face, sample->lines, 1, 100 + options);
    top_sites_table(nowhere, &face, &sites, 80);
    memheap_json_object(&json, NULL);
    top_json(&json, sample->lines, 1);
    top_sites_json(&json, &sites);
    memheap_json_end(&json);
}

static void map(live_t *live, live_heap_t *heap, unsigned options)
{
    char message[MAP_MESSAGE];
    snapshot_t snapshot;
    map_groups_t groups;
    snapshot_ask(heap, 0);
    serve(heap, options % 16 != 0);
    if (!snapshot_fetch(heap, live_pe(live, heap), 0, &sites.places, &snapshot,
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
    sample_t sample = {.lines = NULL};
    live_t *live = &sample.live;
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
    fuzz_require(live_find(live, LIVE_PROCESSES, &me, 1, &bad) == 0);
    fuzz_require(live->count + live->strange <= 1);
    if (live->count == 1) {
        show(&sample, options);
        write_page(file);
        map(live, &live->heap[0], options);
    }
    if (sites.places.count > 1000)
        top_sites_free(&sites);
    sample_free(&sample);
    close(file);
    return 0;
}
