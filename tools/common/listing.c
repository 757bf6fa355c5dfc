/*
 * Requests and copies lists.
 */
#define _GNU_SOURCE /* fallocate() */
#include "config.h"

#include "tools/common/listing.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

void listing_free(listing_t *listing)
{
    free(listing->blocks);
    free(listing->tags);
    free(listing->sites);
    *listing = (listing_t){.blocks = NULL};
}

static void write_field(live_heap_t *heap, size_t offset, uint64_t value)
{
    if (pwrite(heap->fd, &value, sizeof(value), (off_t)offset) < 0) {
        heap->gone = true;
        heap->error = errno;
    }
}

static void set_requested(live_heap_t *heap, uint64_t number)
{
    write_field(heap, offsetof(memheap_stats_page_t, list_requested), number);
}

void listing_ask(live_heap_t *heap, memheap_stats_kind_t kind)
{
    heap->locked = heap->locked || flock(heap->fd, LOCK_EX | LOCK_NB) == 0;
    if (!heap->locked || !live_read(heap))
        return;
    heap->requested = heap->page.list_published + 1;
    write_field(heap, offsetof(memheap_stats_page_t, list_kind), kind);
    set_requested(heap, heap->requested);
}

bool listing_is_there(live_heap_t *heap)
{
    return heap->locked && live_read(heap) &&
           heap->page.list_published == heap->requested;
}

void listing_end(live_heap_t *heap)
{
    if (heap->locked && !heap->gone &&
        heap->page.list_published != heap->requested)
        set_requested(heap, heap->page.list_published);
    flock(heap->fd, LOCK_UN);
    heap->locked = false;
}

/* Copy a part of the list. *at is its place in the file, and is moved to its
 * end. Returns 0 or an error number; EBADMSG if the file is too short. */
static int take_part(int fd, void *part_p, size_t count, size_t size,
                     uint64_t *at)
{
    char *part = calloc(count + 1, size);
    size_t left = count * size;
    *(void **)part_p = part;
    if (part == NULL)
        return ENOMEM;
    while (left > 0) {
        ssize_t got = pread(fd, part, left, (off_t)*at);
        if (got <= 0)
            return got < 0 ? errno : EBADMSG;
        part += got;
        *at += (uint64_t)got;
        left -= (size_t)got;
    }
    return 0;
}

/* Check that the blocks are in order and inside the heap, and that the heap is
 * no larger than the address space of a process. Other lists cannot be drawn.
 */
static bool is_in_order(const listing_t *listing)
{
    uint64_t end = 0;
    if (listing->stats.size > SIZE_MAX / 2)
        return false;
    for (size_t i = 0; i < listing->count; i++) {
        const memheap_stats_block_t *block = &listing->blocks[i];
        if (block->offset < end || block->offset > listing->stats.size ||
            block->size > listing->stats.size - block->offset)
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

/* Terminate the text of a call site, or limit its return addresses. */
static void check_site(memheap_stats_site_t *site)
{
    site->frames = memheap_min(site->frames, MEMHEAP_CALL_SITE_FRAMES);
    if (site->frames > 0)
        return;
    site->place.text[MEMHEAP_STATS_SITE_SIZE - 1] = '\0';
    memheap_text_clean(site->place.text);
}

int listing_take(live_heap_t *heap, listing_t *listing)
{
    const memheap_stats_page_t *page = &heap->page;
    struct stat file;
    *listing = (listing_t){.stats = page->list_stats};
    live_complete(&listing->stats);
    if (page->list_error != 0)
        return (int)page->list_error;
    if (fstat(heap->fd, &file) != 0)
        return errno;
    /* Bytes that take memory: the file may be longer, and have holes. */
    uint64_t there = (uint64_t)file.st_blocks * 512;
    if (page->list_blocks > there / sizeof(*listing->blocks) ||
        page->list_tags > there / sizeof(*listing->tags) ||
        page->list_sites > there / sizeof(*listing->sites))
        return EBADMSG;
    listing->count = page->list_blocks;
    listing->tag_count = page->list_tags;
    listing->site_count = page->list_sites;
    uint64_t at = MEMHEAP_STATS_LIST_START;
    int error = take_part(heap->fd, &listing->blocks, listing->count,
                          sizeof(*listing->blocks), &at);
    if (error == 0)
        error = take_part(heap->fd, &listing->tags, listing->tag_count,
                          sizeof(*listing->tags), &at);
    if (error == 0)
        error = take_part(heap->fd, &listing->sites, listing->site_count,
                          sizeof(*listing->sites), &at);
    if (error != 0)
        return error;
    for (size_t i = 0; i < listing->tag_count; i++)
        clean(listing->tags[i]);
    for (size_t i = 0; i < listing->site_count; i++)
        check_site(&listing->sites[i]);
    fallocate(heap->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
              MEMHEAP_STATS_LIST_START, file.st_size);
    return is_in_order(listing) ? 0 : EBADMSG;
}
