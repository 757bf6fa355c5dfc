/*
 * The leak report: the blocks that were never freed.
 *
 * A walk collects the live blocks; they are sorted by the number of their
 * allocation and logged one by one, each with its call site.
 */
#include "config.h"

#include "memheap/properties.h"
#include "memheap/debug/stack_depot.h"
#include "base/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct leaks {
    memheap_block_t *blocks;
    size_t count, capacity;
    size_t bytes;
} leaks_t;

static bool collect(void *context, const memheap_block_t *block)
{
    leaks_t *leaks = context;
    if (!block->live)
        return true;
    leaks->bytes += block->asked > 0 ? block->asked : block->size;
    if (leaks->count < leaks->capacity)
        leaks->blocks[leaks->count] = *block;
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

static void log_block(memheap_t *heap, const memheap_block_t *block)
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
    leaks_t leaks = {.capacity = 0};
    memheap_walk(heap, collect, &leaks);
    if (leaks.count == 0)
        return 0;
    size_t found = leaks.count;
    size_t bytes = leaks.bytes;
    leaks = (leaks_t){.blocks = malloc(found * sizeof(*leaks.blocks)),
                      .capacity = found};
    if (leaks.blocks != NULL) {
        memheap_walk(heap, collect, &leaks);
        size_t known = memheap_min(leaks.count, leaks.capacity);
        qsort(leaks.blocks, known, sizeof(*leaks.blocks), compare);
        for (size_t i = 0; i < known; i++)
            log_block(heap, &leaks.blocks[i]);
        free(leaks.blocks);
    }
    char text[MEMHEAP_SIZE_TEXT];
    memheap_log_write(memheap_get_log(heap), MEMHEAP_LOG_REPORT,
                      "%zu block%s of heap \"%s\" %s never freed: %s", found,
                      found == 1 ? "" : "s", memheap_name(heap),
                      found == 1 ? "was" : "were",
                      memheap_format_size(text, bytes));
    return found;
}
