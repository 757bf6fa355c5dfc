/*
 * The blocks that were never freed.
 *
 * They are collected in one walk, put in the order in which they were
 * allocated, which is the order of their records, and said one by one. What a
 * block's place in the program means is asked once for each place.
 */
#include "config.h"

#include "memheap/properties.h"
#include "memheap/debug/stack_depot.h"
#include "base/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct leaks {
    memheap_block_t *block;
    size_t count, room;
    size_t bytes;
} leaks_t;

static bool collect(void *context, const memheap_block_t *block)
{
    leaks_t *leaks = context;
    if (!block->live)
        return true;
    leaks->bytes += block->asked > 0 ? block->asked : block->size;
    if (leaks->count < leaks->room)
        leaks->block[leaks->count] = *block;
    leaks->count++;
    return true;
}

static int compare(const void *a, const void *b)
{
    const memheap_block_t *left = a;
    const memheap_block_t *right = b;
    if (left->number != right->number)
        return left->number < right->number ? -1 : 1;
    return left->address < right->address ? -1 : 1;
}

static void say(memheap_t *heap, const memheap_block_t *block)
{
    const memheap_log_t *log = memheap_get_log(heap);
    char text[MEMHEAP_CALL_SITE_TEXT];
    if (block->number == 0) {
        memheap_log_write(log, MEMHEAP_LOG_REPORT, "leak: %zu bytes at %p",
                          block->size, block->address);
        return;
    }
    memheap_block_call_site(heap, block->address, text, sizeof(text));
    memheap_log_write(log, MEMHEAP_LOG_REPORT,
                      "leak: %zu bytes at %p, allocation %llu%s%s%s, from %s",
                      block->asked, block->address,
                      (unsigned long long)block->number,
                      block->tag[0] == '\0' ? "" : ", tag \"", block->tag,
                      block->tag[0] == '\0' ? "" : "\"", text);
}

size_t memheap_report_leaks(memheap_t *heap)
{
    leaks_t leaks = {.room = 0};
    memheap_walk(heap, collect, &leaks);
    if (leaks.count == 0)
        return 0;
    size_t found = leaks.count;
    size_t bytes = leaks.bytes;
    leaks =
        (leaks_t){.block = malloc(found * sizeof(*leaks.block)), .room = found};
    if (leaks.block != NULL) {
        memheap_walk(heap, collect, &leaks);
        size_t known = memheap_min(leaks.count, leaks.room);
        qsort(leaks.block, known, sizeof(*leaks.block), compare);
        for (size_t i = 0; i < known; i++)
            say(heap, &leaks.block[i]);
        free(leaks.block);
    }
    char text[MEMHEAP_SIZE_TEXT];
    memheap_log_write(memheap_get_log(heap), MEMHEAP_LOG_REPORT,
                      "%zu block%s of heap \"%s\" %s never freed: %s", found,
                      found == 1 ? "" : "s", memheap_name(heap),
                      found == 1 ? "was" : "were",
                      memheap_format_size(text, bytes));
    return found;
}
