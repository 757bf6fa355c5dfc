/*
 * Runs of pages by two bitmaps for each range.
 *
 * Pages from `fresh` on were never handed out: no bit of theirs is set, so
 * that a range of any length costs nothing until it is used. Below it, a page
 * is free if its bit in the set of free ones is set; the first page of each
 * block is marked, and a block goes on to the next mark or free page.
 */
#include "config.h"

#include <memheap/page_pool.h>
#include "memheap/dependents.h"
#include "base/bitmap.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum {
    NAME_SIZE = 48
};

/* The least alignment of a heap's blocks, as component.h has it. */
#define LEAST_PAGE ((size_t)16)

typedef struct range {
    struct range *next;
    size_t bytes; /* of this struct, with the bitmaps behind it */
    char *base;
    size_t pages;
    size_t fresh;
    memheap_bitmap_t free;
    uint64_t *starts;
} range_t;

struct memheap_page_pool {
    pthread_mutex_t lock;
    range_t *first;
    size_t page;
    size_t pages;
    size_t free;
    memheap_dependents_t dependents;
    const memheap_log_t *log;
    const memheap_memory_t *memory;
    char name[NAME_SIZE];
};

/* The first bit in [from, end) that is set, or clear if invert is all ones;
 * end if there is none. */
static size_t next_bit(const uint64_t *word, size_t from, size_t end,
                       uint64_t invert)
{
    for (size_t at = from; at < end; at = (at / 64 + 1) * 64) {
        uint64_t bits = (word[at / 64] ^ invert) >> (at % 64);
        if (bits != 0)
            return memheap_min(at + (size_t)__builtin_ctzll(bits), end);
    }
    return end;
}

static bool starts_block(const range_t *range, size_t page)
{
    return page < range->fresh &&
           (range->starts[page / 64] >> (page % 64) & 1) != 0;
}

/* Pages of the block that starts there. */
static size_t length_of(const range_t *range, size_t page)
{
    size_t end = next_bit(range->free.level[0], page + 1, range->fresh, 0);
    return next_bit(range->starts, page + 1, end, 0) - page;
}

/* The first page from at on whose address is a multiple of align; SIZE_MAX if
 * there is none. */
static size_t aligned_page(const memheap_page_pool_t *pool,
                           const range_t *range, size_t at, size_t align)
{
    size_t address = (size_t)range->base + at * pool->page;
    size_t up = memheap_align_up(address, align);
    return at >= range->pages || up < address
               ? SIZE_MAX
               : at + (up - address) / pool->page;
}

/* The lowest run of so many free pages; SIZE_MAX if there is none. */
static size_t find_run(const memheap_page_pool_t *pool, const range_t *range,
                       size_t count, size_t align)
{
    size_t at = memheap_min(memheap_bitmap_first(&range->free), range->fresh);
    for (;;) {
        at = aligned_page(pool, range, at, align);
        if (at >= range->pages || count > range->pages - at)
            return SIZE_MAX;
        size_t known = memheap_min(at + count, range->fresh);
        size_t used = next_bit(range->free.level[0], at, known, UINT64_MAX);
        if (used >= known)
            return at;
        at = next_bit(range->free.level[0], used + 1, range->fresh, 0);
    }
}

static void take_run(memheap_page_pool_t *pool, range_t *range, size_t at,
                     size_t count)
{
    size_t end = at + count;
    for (size_t i = at; i < end && i < range->fresh; i++)
        memheap_bitmap_clear(&range->free, i);
    for (size_t i = range->fresh; i < at; i++)
        memheap_bitmap_set(&range->free, i);
    range->fresh = memheap_max(range->fresh, end);
    range->starts[at / 64] |= (uint64_t)1 << (at % 64);
    pool->free -= count;
}

/* The range that an address lies in, and the page; NULL if in none. */
static range_t *range_of(const memheap_page_pool_t *pool, const void *address,
                         size_t *page_p)
{
    for (range_t *range = pool->first; range != NULL; range = range->next) {
        size_t offset = (size_t)((uintptr_t)address - (uintptr_t)range->base);
        *page_p = offset / pool->page;
        if (*page_p < range->pages)
            return range;
    }
    return NULL;
}

/* The range of a block, and its first page; NULL if none starts there. */
static range_t *block_at(const memheap_page_pool_t *pool, const void *address,
                         size_t *page_p)
{
    range_t *range = range_of(pool, address, page_p);
    return range != NULL && (uintptr_t)address % pool->page == 0 &&
                   starts_block(range, *page_p)
               ? range
               : NULL;
}

/* Pages of a size in bytes; 0 for no size, and for more than there can be. */
static size_t pages_of(const memheap_page_pool_t *pool, size_t size)
{
    return size == 0 || size > SIZE_MAX - pool->page
               ? 0
               : (size + pool->page - 1) / pool->page;
}

static memheap_status_t pop(void *state, size_t align, size_t size,
                            void **block_p)
{
    memheap_page_pool_t *pool = state;
    size_t count = pages_of(pool, size);
    if (count == 0 || !memheap_is_power_of_two(align))
        return MEMHEAP_ERR_BAD_ARGUMENT;
    align = memheap_max(align, pool->page);
    memheap_status_t status = MEMHEAP_ERR_NO_MEMORY;
    pthread_mutex_lock(&pool->lock);
    for (range_t *range = pool->first; range != NULL; range = range->next) {
        size_t at = find_run(pool, range, count, align);
        if (at == SIZE_MAX)
            continue;
        take_run(pool, range, at, count);
        *block_p = range->base + at * pool->page;
        status = MEMHEAP_OK;
        break;
    }
    pthread_mutex_unlock(&pool->lock);
    return status;
}

static memheap_status_t push(void *state, void *block)
{
    memheap_page_pool_t *pool = state;
    size_t page;
    pthread_mutex_lock(&pool->lock);
    range_t *range = block_at(pool, block, &page);
    if (range != NULL) {
        size_t end = page + length_of(range, page);
        range->starts[page / 64] &= ~((uint64_t)1 << (page % 64));
        pool->free += end - page;
        for (; page < end; page++)
            memheap_bitmap_set(&range->free, page);
    }
    pthread_mutex_unlock(&pool->lock);
    if (range != NULL)
        return MEMHEAP_OK;
    memheap_log_write(pool->log, MEMHEAP_LOG_ERROR,
                      "no block of the page pool starts at %p", block);
    return MEMHEAP_ERR_BAD_ADDRESS;
}

static memheap_status_t getsize(void *state, const void *block, size_t *size_p)
{
    memheap_page_pool_t *pool = state;
    size_t page;
    pthread_mutex_lock(&pool->lock);
    range_t *range = block_at(pool, block, &page);
    size_t size = range == NULL ? 0 : length_of(range, page) * pool->page;
    pthread_mutex_unlock(&pool->lock);
    if (size == 0)
        return MEMHEAP_ERR_BAD_ADDRESS;
    *size_p = size;
    return MEMHEAP_OK;
}

memheap_pool_t memheap_page_pool_as_pool(memheap_page_pool_t *pool)
{
    return (memheap_pool_t){.pop = pop,
                            .push = push,
                            .getsize = getsize,
                            .state = pool,
                            .dependents = &pool->dependents};
}

/* Whether a range is one, and has nothing of those that are there. */
static bool is_new(const memheap_page_pool_t *pool, const void *base,
                   size_t size)
{
    uintptr_t start = (uintptr_t)base;
    if (base == NULL || size == 0 || start % pool->page != 0 ||
        size % pool->page != 0 || size > UINTPTR_MAX - start)
        return false;
    for (const range_t *range = pool->first; range != NULL;
         range = range->next) {
        uintptr_t other = (uintptr_t)range->base;
        if (start < other + range->pages * pool->page && other < start + size)
            return false;
    }
    return true;
}

static range_t *new_range(const memheap_page_pool_t *pool, void *base,
                          size_t size)
{
    size_t pages = size / pool->page;
    size_t words = pages / 64 + 1;
    size_t bytes = sizeof(range_t) + words * sizeof(uint64_t) +
                   memheap_bitmap_bytes(pages);
    range_t *range = memheap_memory_new(pool->memory, bytes);
    if (range == NULL)
        return NULL;
    range->bytes = bytes;
    range->base = base;
    range->pages = pages;
    range->starts = (uint64_t *)(void *)(range + 1);
    memheap_bitmap_init(&range->free, range->starts + words, pages);
    return range;
}

memheap_status_t memheap_page_pool_extend(memheap_page_pool_t *pool, void *base,
                                          size_t size)
{
    memheap_status_t status = MEMHEAP_OK;
    pthread_mutex_lock(&pool->lock);
    range_t **end = &pool->first;
    while (*end != NULL)
        end = &(*end)->next;
    if (!is_new(pool, base, size)) {
        memheap_log_write(pool->log, MEMHEAP_LOG_ERROR,
                          "%zu bytes at %p are no new range of whole pages of "
                          "%zu bytes for the page pool",
                          size, base, pool->page);
        status = MEMHEAP_ERR_BAD_ARGUMENT;
    } else if ((*end = new_range(pool, base, size)) == NULL) {
        memheap_log_write(pool->log, MEMHEAP_LOG_ERROR,
                          "no memory for what a page pool keeps about its "
                          "pages");
        status = MEMHEAP_ERR_NO_METADATA;
    } else {
        pool->pages += (*end)->pages;
        pool->free += (*end)->pages;
    }
    pthread_mutex_unlock(&pool->lock);
    return status;
}

memheap_status_t
memheap_page_pool_create(const memheap_page_pool_config_t *config,
                         memheap_page_pool_t **pool_p)
{
    const memheap_memory_t *memory =
        config->memory == NULL ? &memheap_memory_system : config->memory;
    const memheap_log_t *log =
        config->log == NULL ? &memheap_log_stderr : config->log;
    size_t page = config->page_size == 0 ? (size_t)sysconf(_SC_PAGESIZE)
                                         : config->page_size;
    if (!memheap_is_power_of_two(page) || page < LEAST_PAGE) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "a page of %zu bytes is none: it must be a power of "
                          "two of at least %zu",
                          page, LEAST_PAGE);
        return MEMHEAP_ERR_BAD_ARGUMENT;
    }
    memheap_page_pool_t *pool = memheap_memory_new(memory, sizeof(*pool));
    if (pool == NULL) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "no memory for what a page pool keeps about itself");
        return MEMHEAP_ERR_NO_METADATA;
    }
    snprintf(pool->name, sizeof(pool->name), "%s",
             config->name == NULL ? "page pool" : config->name);
    pool->page = page;
    pool->log = log;
    pool->memory = memory;
    pthread_mutex_init(&pool->lock, NULL);
    memheap_status_t status =
        memheap_page_pool_extend(pool, config->base, config->size);
    if (status == MEMHEAP_OK)
        *pool_p = pool;
    else
        memheap_page_pool_destroy(pool);
    return status;
}

memheap_status_t memheap_page_pool_destroy(memheap_page_pool_t *pool)
{
    if (pool == NULL)
        return MEMHEAP_OK;
    memheap_status_t status = memheap_dependents_check(
        &pool->dependents, "page pool", pool->name, pool->log);
    if (status != MEMHEAP_OK)
        return status;
    while (pool->first != NULL) {
        range_t *range = pool->first;
        pool->first = range->next;
        memheap_memory_delete(pool->memory, range, range->bytes);
    }
    pthread_mutex_destroy(&pool->lock);
    memheap_memory_delete(pool->memory, pool, sizeof(*pool));
    return MEMHEAP_OK;
}

memheap_status_t memheap_page_pool_reserve(memheap_page_pool_t *pool,
                                           void *address, size_t size)
{
    size_t count = pages_of(pool, size);
    memheap_status_t status = MEMHEAP_ERR_BAD_ARGUMENT;
    size_t at;
    if (count == 0 || (uintptr_t)address % pool->page != 0)
        return status;
    pthread_mutex_lock(&pool->lock);
    range_t *range = range_of(pool, address, &at);
    if (range != NULL && count <= range->pages - at) {
        size_t known = memheap_min(at + count, range->fresh);
        bool unused =
            next_bit(range->free.level[0], at, known, UINT64_MAX) >= known;
        status = unused ? MEMHEAP_OK : MEMHEAP_ERR_BUSY;
        if (unused)
            take_run(pool, range, at, count);
    }
    pthread_mutex_unlock(&pool->lock);
    return status;
}

void memheap_page_pool_count(memheap_page_pool_t *pool, size_t *pages_p,
                             size_t *free_p)
{
    pthread_mutex_lock(&pool->lock);
    *pages_p = pool->pages;
    *free_p = pool->free;
    pthread_mutex_unlock(&pool->lock);
}
