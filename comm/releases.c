/*
 * Releases.
 */
#include "config.h"

#include "comm/releases.h"
#include "base/util.h"

#include <stdlib.h>

#define RELEASED (UINT64_C(1) << 63)
#define NO_MORE (RELEASED - 1)

void memheap_releases_open(memheap_releases_t *releases)
{
    *releases = (memheap_releases_t){.fresh = NULL};
    pthread_mutex_init(&releases->lock, NULL);
}

void memheap_releases_close(memheap_releases_t *releases)
{
    memheap_hashmap_close(&releases->blocks);
    free(releases->fresh);
    *releases = (memheap_releases_t){.fresh = NULL};
}

static uint64_t *find(const memheap_releases_t *releases, uint64_t address)
{
    return releases->count == 0
               ? NULL
               : memheap_hashmap_find(&releases->blocks, address);
}

bool memheap_releases_has(memheap_releases_t *releases, const void *block)
{
    if (!memheap_releases_any(releases))
        return false;
    pthread_mutex_lock(&releases->lock);
    bool has = find(releases, (uintptr_t)block) != NULL;
    pthread_mutex_unlock(&releases->lock);
    return has;
}

/* Make room for one more release. */
static memheap_status_t reserve(memheap_releases_t *releases)
{
    if (releases->fresh_count == releases->fresh_room) {
        size_t room = memheap_max(2 * releases->fresh_room, 64);
        uintptr_t *fresh =
            realloc(releases->fresh, room * sizeof(*releases->fresh));
        if (fresh == NULL)
            return MEMHEAP_ERR_NO_METADATA;
        releases->fresh = fresh;
        releases->fresh_room = room;
    }
    if (releases->blocks.slots == NULL) {
        memheap_status_t status =
            memheap_hashmap_open(&releases->blocks, &memheap_memory_system);
        if (status != MEMHEAP_OK)
            return status;
    }
    return memheap_hashmap_reserve(&releases->blocks);
}

memheap_status_t memheap_releases_add(memheap_releases_t *releases,
                                      memheap_t *heap, void *block)
{
    size_t usable;
    memheap_status_t status = memheap_find_block(heap, block, &usable);
    if (status != MEMHEAP_OK)
        return status;
    pthread_mutex_lock(&releases->lock);
    if (find(releases, (uintptr_t)block) != NULL)
        status = MEMHEAP_ERR_BUSY;
    else
        status = reserve(releases);
    if (status == MEMHEAP_OK) {
        memheap_hashmap_put(&releases->blocks, (uintptr_t)block, usable);
        releases->count++;
        releases->bytes += usable;
        releases->fresh[releases->fresh_count++] = (uintptr_t)block;
    }
    pthread_mutex_unlock(&releases->lock);
    return status;
}

static int compare(const void *a, const void *b)
{
    uintptr_t x = *(const uintptr_t *)a;
    uintptr_t y = *(const uintptr_t *)b;
    return x < y ? -1 : x > y;
}

/* All PEs have released a block. */
static void end_block(memheap_releases_t *releases, memheap_t *heap,
                      uint64_t address, uint64_t *usable)
{
    releases->bytes -= *usable;
    releases->count--;
    memheap_hashmap_remove(&releases->blocks, usable);
    memheap_free(heap, (void *)(uintptr_t)address);
}

size_t memheap_releases_collect(memheap_releases_t *releases, memheap_t *heap,
                                uint64_t (*minimum)(void *context,
                                                    uint64_t word),
                                void *context)
{
    size_t ended = 0;
    size_t next = 0;       /* in fresh */
    uint64_t address = 0;  /* of the block of the last step; 0: none */
    uint64_t *mine = NULL; /* the bytes of it, if this PE has released it */
    pthread_mutex_lock(&releases->lock);
    size_t count = releases->fresh_count;
    if (count > 0)
        qsort(releases->fresh, count, sizeof(*releases->fresh), compare);
    for (;;) {
        uint64_t word = next < count ? releases->fresh[next] : NO_MORE;
        if (address == 0 || mine != NULL)
            word |= RELEASED;
        uint64_t least = minimum(context, word);
        bool by_all = (least & RELEASED) != 0;
        if (by_all && address != 0) {
            end_block(releases, heap, address, mine);
            ended++;
        }
        address = least & ~RELEASED;
        if (address == NO_MORE && by_all)
            break;
        if (address == NO_MORE)
            address = 0;
        mine = find(releases, address);
        if (next < count && releases->fresh[next] == address)
            next++;
    }
    releases->fresh_count = 0;
    pthread_mutex_unlock(&releases->lock);
    return ended;
}
