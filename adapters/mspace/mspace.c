/*
 * dlmalloc's mspaces over heaps.
 *
 * A space is a heap and an entry in the list of all spaces, in which
 * mspace_usable_size() finds the space of an address. The lock of the list is
 * held for a look at the list alone, never while a heap is called.
 *
 * Source: the interface of Doug Lea's malloc 2.8.6.
 */
#include "config.h"

#include <memheap/mspace.h>

#include <memheap/memheap.h>

#include "adapters/common/align.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    BASE_ALIGN = 16,
    /* Every component can serve a heap of this size. */
    LEAST_CAPACITY = 64,
    LIMIT_UNIT = 64 * 1024
};

typedef struct space {
    memheap_t *heap;
    struct space *next;
    uintptr_t start;
    size_t size;
    size_t limit; /* of the footprint; SIZE_MAX: none */
    bool has_base;
} space_t;

static space_t *spaces; /* the newest first */
static pthread_mutex_t spaces_lock = PTHREAD_MUTEX_INITIALIZER;

static void lock_spaces(void)
{
    pthread_mutex_lock(&spaces_lock);
}

static void unlock_spaces(void)
{
    pthread_mutex_unlock(&spaces_lock);
}

/* A child of fork() finds the list consistent and unlocked. */
__attribute__((constructor)) static void start(void)
{
    pthread_atfork(lock_spaces, unlock_spaces, unlock_spaces);
}

/* Set errno after a call that failed. @return NULL */
static void *failed(memheap_status_t status)
{
    errno = status == MEMHEAP_ERR_BAD_ADDRESS ? EINVAL : ENOMEM;
    return NULL;
}

static size_t at_least_one(size_t size)
{
    return size + (size == 0);
}

static mspace create(void *base, size_t size, int locked)
{
    /* A thread cache would make placement depend on which thread calls. */
    memheap_config_t config = {.name = "mspace",
                               .base = base,
                               .size = size,
                               .flags = locked ? MEMHEAP_ORDERED
                                               : MEMHEAP_SINGLE_THREADED};
    space_t *space = memheap_memory_new(&memheap_memory_system, sizeof(*space));
    if (space == NULL)
        return failed(MEMHEAP_ERR_NO_METADATA);
    memheap_status_t status = memheap_create(&config, &space->heap);
    if (status != MEMHEAP_OK) {
        memheap_memory_delete(&memheap_memory_system, space, sizeof(*space));
        return failed(status);
    }
    memheap_stats_t stats;
    memheap_get_stats(space->heap, &stats);
    space->start = (uintptr_t)memheap_base(space->heap);
    space->size = stats.size;
    space->limit = SIZE_MAX;
    space->has_base = base != NULL;
    lock_spaces();
    space->next = spaces;
    spaces = space;
    unlock_spaces();
    return space;
}

mspace create_mspace(size_t capacity, int locked)
{
    space_t *space = create(NULL, 0, locked);
    if (space == NULL || space->size >= capacity)
        return space;
    destroy_mspace(space);
    return create(NULL, capacity, locked);
}

mspace create_mspace_with_base(void *base, size_t capacity, int locked)
{
    size_t lead = -(uintptr_t)base % BASE_ALIGN;
    if (base == NULL || capacity < lead + LEAST_CAPACITY ||
        capacity > SIZE_MAX - (uintptr_t)base)
        return failed(MEMHEAP_ERR_BAD_ARGUMENT);
    return create((char *)base + lead, capacity - lead, locked);
}

size_t destroy_mspace(mspace msp)
{
    space_t *space = msp;
    size_t freed = space->has_base ? 0 : mspace_footprint(space);
    lock_spaces();
    space_t **link = &spaces;
    while (*link != space)
        link = &(*link)->next;
    *link = space->next;
    unlock_spaces();
    memheap_destroy(space->heap);
    memheap_memory_delete(&memheap_memory_system, space, sizeof(*space));
    return freed;
}

/* A space with a base cannot grow, so a limit changes nothing. */
static bool is_limited(const space_t *space)
{
    return space->limit != SIZE_MAX && !space->has_base;
}

/* Return a new block, or free it if it exceeds the limit. */
static void *within_limit(const space_t *space, void *block)
{
    if (!is_limited(space))
        return block;
    size_t size = 0;
    memheap_usable_size(space->heap, block, &size);
    if ((uintptr_t)block - space->start + size <= space->limit)
        return block;
    memheap_free(space->heap, block);
    return failed(MEMHEAP_ERR_NO_MEMORY);
}

void *mspace_malloc(mspace msp, size_t bytes)
{
    const space_t *space = msp;
    void *block;
    memheap_status_t status =
        memheap_alloc(space->heap, at_least_one(bytes), &block);
    return status == MEMHEAP_OK ? within_limit(space, block) : failed(status);
}

void *mspace_calloc(mspace msp, size_t count, size_t bytes)
{
    const space_t *space = msp;
    void *block;
    if (count == 0 || bytes == 0)
        count = bytes = 1;
    memheap_status_t status =
        memheap_alloc_zeroed(space->heap, count, bytes, &block);
    return status == MEMHEAP_OK ? within_limit(space, block) : failed(status);
}

void *mspace_memalign(mspace msp, size_t alignment, size_t bytes)
{
    const space_t *space = msp;
    void *block;
    size_t align = BASE_ALIGN;
    while (align < alignment) {
        if (align > SIZE_MAX / 2)
            return failed(MEMHEAP_ERR_NO_MEMORY);
        align *= 2;
    }
    memheap_status_t status =
        adapter_alloc_aligned(space->heap, align, at_least_one(bytes), &block);
    return status == MEMHEAP_OK ? within_limit(space, block) : failed(status);
}

/* Change the size of a block by way of another one. */
static void *move_within_limit(space_t *space, void *mem, size_t size)
{
    size_t usable;
    memheap_status_t status = memheap_usable_size(space->heap, mem, &usable);
    if (status != MEMHEAP_OK)
        return failed(status);
    void *block = mspace_malloc(space, size);
    if (block != NULL) {
        memcpy(block, mem, size < usable ? size : usable);
        memheap_free(space->heap, mem);
    }
    return block;
}

void *mspace_realloc(mspace msp, void *mem, size_t bytes)
{
    space_t *space = msp;
    if (mem == NULL)
        return mspace_malloc(msp, bytes);
    size_t size = at_least_one(bytes);
    /* With a limit, the old block has to stay if the new one exceeds it. */
    if (is_limited(space))
        return move_within_limit(space, mem, size);
    memheap_status_t status = memheap_resize(space->heap, mem, size, &mem);
    return status == MEMHEAP_OK ? mem : failed(status);
}

void *mspace_realloc_in_place(mspace msp, void *mem, size_t bytes)
{
    const space_t *space = msp;
    size_t usable = 0;
    if (mem == NULL)
        return NULL;
    memheap_status_t status = memheap_usable_size(space->heap, mem, &usable);
    return status == MEMHEAP_OK && bytes <= usable ? mem : failed(status);
}

void mspace_free(mspace msp, void *mem)
{
    const space_t *space = msp;
    memheap_free(space->heap, mem);
}

size_t mspace_bulk_free(mspace msp, void **blocks, size_t count)
{
    const space_t *space = msp;
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        if (memheap_free(space->heap, blocks[i]) == MEMHEAP_OK)
            blocks[i] = NULL;
        else
            wrong++;
    }
    return wrong;
}

size_t mspace_usable_size(const void *mem)
{
    memheap_t *heap = NULL;
    lock_spaces();
    /* A space in a block of another one is the newer of the two. */
    for (const space_t *space = spaces; space != NULL && heap == NULL;
         space = space->next)
        if ((uintptr_t)mem - space->start < space->size)
            heap = space->heap;
    unlock_spaces();
    size_t size = 0;
    if (heap != NULL && memheap_usable_size(heap, mem, &size) != MEMHEAP_OK)
        size = 0;
    return size;
}

/* Allocate count blocks: zeroed ones of `bytes` if there are no sizes. */
static void **alloc_several(mspace msp, size_t count, size_t bytes,
                            const size_t *sizes, void **blocks)
{
    if (count > SIZE_MAX / sizeof(*blocks))
        return failed(MEMHEAP_ERR_NO_MEMORY);
    void **array = blocks;
    if (array == NULL)
        array = mspace_malloc(msp, count * sizeof(*array));
    size_t done = 0;
    while (array != NULL && done < count) {
        array[done] = sizes == NULL ? mspace_calloc(msp, 1, bytes)
                                    : mspace_malloc(msp, sizes[done]);
        if (array[done] == NULL)
            break;
        done++;
    }
    if (array == NULL || done == count)
        return array;
    mspace_bulk_free(msp, array, done);
    if (blocks == NULL)
        mspace_free(msp, array);
    return failed(MEMHEAP_ERR_NO_MEMORY);
}

void **mspace_independent_calloc(mspace msp, size_t count, size_t bytes,
                                 void **blocks)
{
    return alloc_several(msp, count, bytes, NULL, blocks);
}

void **mspace_independent_comalloc(mspace msp, size_t count, size_t *sizes,
                                   void **blocks)
{
    return alloc_several(msp, count, 0, sizes, blocks);
}

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The footprint; fills in all statistics. The heap commits memory in long
 * steps, but blocks use none beyond the limit. */
static size_t footprint(const space_t *space, memheap_stats_t *stats)
{
    memheap_get_stats(space->heap, stats);
    return is_limited(space) ? lesser(stats->committed, space->limit)
                             : stats->committed;
}

size_t mspace_footprint(mspace msp)
{
    memheap_stats_t stats;
    return footprint(msp, &stats);
}

/* What is committed stays committed. */
size_t mspace_max_footprint(mspace msp)
{
    return mspace_footprint(msp);
}

size_t mspace_set_footprint_limit(mspace msp, size_t bytes)
{
    space_t *space = msp;
    memheap_stats_t stats;
    memheap_get_stats(space->heap, &stats);
    /* There may be blocks up to the high-water mark. */
    size_t least = bytes > stats.high_water ? bytes : stats.high_water;
    size_t rounded = at_least_one(least) + LIMIT_UNIT - 1;
    bool is_limit = rounded > bytes;
    space->limit = is_limit ? rounded - rounded % LIMIT_UNIT : SIZE_MAX;
    return is_limit ? space->limit : 0;
}

size_t mspace_footprint_limit(mspace msp)
{
    const space_t *space = msp;
    return space->limit;
}

int mspace_trim(mspace msp, size_t pad)
{
    const space_t *space = msp;
    (void)pad;
    if (space->has_base)
        return 0;
    size_t before = memheap_resident(space->heap);
    memheap_trim(space->heap, 0);
    return memheap_resident(space->heap) < before;
}

int mspace_track_large_chunks(mspace msp, int enable)
{
    (void)msp;
    (void)enable;
    return 1;
}

int mspace_mallopt(int parameter, int value)
{
    (void)parameter;
    (void)value;
    return 0;
}

void mspace_malloc_stats(mspace msp)
{
    memheap_stats_t stats;
    size_t bytes = footprint(msp, &stats);
    fprintf(stderr,
            "max system bytes = %zu\nsystem bytes     = %zu\n"
            "in use bytes     = %zu\n",
            bytes, bytes, stats.used);
}

/* Count free extents. */
static bool count_free(void *context, const memheap_block_t *block)
{
    size_t *count = context;
    *count += !block->live;
    return true;
}

mspace_mallinfo_t mspace_mallinfo(mspace msp)
{
    const space_t *space = msp;
    memheap_stats_t stats;
    size_t bytes = footprint(space, &stats);
    mspace_mallinfo_t info = {.arena = bytes,
                              .usmblks = bytes,
                              .uordblks = stats.used,
                              .fordblks = bytes - stats.used,
                              .keepcost =
                                  bytes - lesser(bytes, stats.high_water)};
    memheap_walk(space->heap, count_free, &info.ordblks);
    return info;
}

typedef struct visitor {
    void (*visit)(void *start, void *end, size_t used, void *context);
    void *context;
} visitor_t;

static bool pass_on(void *context, const memheap_block_t *block)
{
    const visitor_t *visitor = context;
    visitor->visit(block->address, (char *)block->address + block->size,
                   block->live ? block->size : 0, visitor->context);
    return true;
}

void mspace_inspect_all(mspace msp,
                        void (*visit)(void *start, void *end, size_t used,
                                      void *context),
                        void *context)
{
    const space_t *space = msp;
    visitor_t visitor = {visit, context};
    memheap_walk(space->heap, pass_on, &visitor);
}
