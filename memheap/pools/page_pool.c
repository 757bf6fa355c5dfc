/*
 * Page pools: runs of pages, by two bitmaps for each range.
 *
 *     page         0  1  2  3  4  5  6  7  ...
 *     used         1  1  1  0  1  1  0  0      1: in a block
 *     starts       1  0  1  0  1  0  0  0      1: the first page of a block
 *
 * A block extends to the next start or free page. `used` has levels above it:
 * a bit of a higher level is set if the word below it is full. So the first
 * free page is found in a few loads, and a range of any length costs nothing
 * until it is used, wherever that is.
 */
#include "config.h"

#include <memheap/page_pool.h>
#include "memheap/dependents.h"
#include "base/bitmap.h"
#include "base/text.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum {
    NAME_SIZE = 48
};

/* MEMHEAP_MIN_ALIGN of component.h. */
#define PAGE_SIZE_MIN ((size_t)16)

typedef struct range {
    struct range *next;
    size_t bytes; /* of this struct with the bitmaps behind it */
    char *base;
    size_t pages;
    memheap_bitmap_t used; /* only the layout of its levels is that of a
                              memheap_bitmap_t */
    uint64_t *starts;
} range_t;

struct memheap_page_pool {
    pthread_mutex_t lock;
    range_t *ranges;
    size_t page_size;
    size_t pages;
    size_t free_pages;
    memheap_dependents_t dependents;
    const memheap_log_t *log;
    const memheap_memory_t *memory;
    char name[NAME_SIZE];
};

/* The first bit in [from, end) that is set; that is clear if invert is all
 * ones. end if there is none. */
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

static void set_used(range_t *range, size_t page)
{
    for (unsigned level = 0; level < range->used.levels; level++) {
        uint64_t *word = &range->used.level[level][page / 64];
        *word |= (uint64_t)1 << (page % 64);
        if (*word != UINT64_MAX)
            return;
        page /= 64;
    }
}

static void set_free(range_t *range, size_t page)
{
    for (unsigned level = 0; level < range->used.levels; level++) {
        uint64_t *word = &range->used.level[level][page / 64];
        uint64_t before = *word;
        *word &= ~((uint64_t)1 << (page % 64));
        if (before != UINT64_MAX)
            return;
        page /= 64;
    }
}

/* The first free page; at least range->pages if there is none. */
static size_t first_free(const range_t *range)
{
    const memheap_bitmap_t *used = &range->used;
    size_t n = 0;
    for (unsigned level = used->levels; level-- > 0;) {
        uint64_t word = used->level[level][n];
        if (word == UINT64_MAX)
            return range->pages;
        n = n * 64 + (size_t)__builtin_ctzll(~word);
        if (level > 0 &&
            n >= (size_t)(used->level[level] - used->level[level - 1]))
            return range->pages; /* behind the words of the level below */
    }
    return n;
}

static bool starts_block(const range_t *range, size_t page)
{
    return (range->starts[page / 64] >> (page % 64) & 1) != 0;
}

/* Number of pages of the block that starts at a page. */
static size_t block_pages(const range_t *range, size_t page)
{
    size_t end =
        next_bit(range->used.level[0], page + 1, range->pages, UINT64_MAX);
    return next_bit(range->starts, page + 1, end, 0) - page;
}

/* The first page from `at` on with an aligned address. It is not in the range
 * if there is none: addresses are aligned modulo 2^64. */
static size_t aligned_page(const memheap_page_pool_t *pool,
                           const range_t *range, size_t at, size_t align)
{
    size_t address = (size_t)range->base + at * pool->page_size;
    return at + (memheap_align_up(address, align) - address) / pool->page_size;
}

/* The lowest aligned run of count free pages. SIZE_MAX: none. */
static size_t find_run(const memheap_page_pool_t *pool, const range_t *range,
                       size_t count, size_t align)
{
    size_t at = first_free(range);
    for (;;) {
        at = aligned_page(pool, range, at, align);
        if (at >= range->pages || count > range->pages - at)
            return SIZE_MAX;
        size_t used = next_bit(range->used.level[0], at, at + count, 0);
        if (used >= at + count)
            return at;
        at = next_bit(range->used.level[0], used + 1, range->pages, UINT64_MAX);
    }
}

static void take_run(memheap_page_pool_t *pool, range_t *range, size_t at,
                     size_t count)
{
    for (size_t i = at; i < at + count; i++)
        set_used(range, i);
    range->starts[at / 64] |= (uint64_t)1 << (at % 64);
    pool->free_pages -= count;
}

/* The range that contains an address, and the page. NULL: none. */
static range_t *range_of(const memheap_page_pool_t *pool, const void *address,
                         size_t *page_p)
{
    for (range_t *range = pool->ranges; range != NULL; range = range->next) {
        size_t offset = (size_t)((uintptr_t)address - (uintptr_t)range->base);
        *page_p = offset / pool->page_size;
        if (*page_p < range->pages)
            return range;
    }
    return NULL;
}

/* The range and the first page of the block that starts at an address. NULL: no
 * block starts there. */
static range_t *block_at(const memheap_page_pool_t *pool, const void *address,
                         size_t *page_p)
{
    range_t *range = range_of(pool, address, page_p);
    return range != NULL && (uintptr_t)address % pool->page_size == 0 &&
                   starts_block(range, *page_p)
               ? range
               : NULL;
}

/* Number of pages for a size in bytes. 0: the size is 0 or too large. */
static size_t count_pages(const memheap_page_pool_t *pool, size_t size)
{
    return size == 0 || size > SIZE_MAX - pool->page_size
               ? 0
               : (size + pool->page_size - 1) / pool->page_size;
}

static memheap_status_t pop(void *state, size_t align, size_t size,
                            void **block_p)
{
    memheap_page_pool_t *pool = state;
    size_t count = count_pages(pool, size);
    if (count == 0 || !memheap_is_power_of_two(align))
        return MEMHEAP_ERR_BAD_ARGUMENT;
    align = memheap_max(align, pool->page_size);
    memheap_status_t status = MEMHEAP_ERR_NO_MEMORY;
    pthread_mutex_lock(&pool->lock);
    for (range_t *range = pool->ranges; range != NULL; range = range->next) {
        size_t at = find_run(pool, range, count, align);
        if (at == SIZE_MAX)
            continue;
        take_run(pool, range, at, count);
        *block_p = range->base + at * pool->page_size;
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
        size_t end = page + block_pages(range, page);
        range->starts[page / 64] &= ~((uint64_t)1 << (page % 64));
        pool->free_pages += end - page;
        for (; page < end; page++)
            set_free(range, page);
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
    size_t size =
        range == NULL ? 0 : block_pages(range, page) * pool->page_size;
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

/* Whether a range has whole pages and does not overlap another one. */
static bool is_valid_range(const memheap_page_pool_t *pool, const void *base,
                           size_t size)
{
    uintptr_t start = (uintptr_t)base;
    if (base == NULL || size == 0 || start % pool->page_size != 0 ||
        size % pool->page_size != 0 || size > UINTPTR_MAX - start)
        return false;
    for (const range_t *range = pool->ranges; range != NULL;
         range = range->next) {
        uintptr_t other = (uintptr_t)range->base;
        if (start < other + range->pages * pool->page_size &&
            other < start + size)
            return false;
    }
    return true;
}

static range_t *new_range(const memheap_page_pool_t *pool, void *base,
                          size_t size)
{
    size_t pages = size / pool->page_size;
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
    memheap_bitmap_init(&range->used, range->starts + words, pages);
    return range;
}

memheap_status_t memheap_page_pool_extend(memheap_page_pool_t *pool, void *base,
                                          size_t size)
{
    memheap_status_t status = MEMHEAP_OK;
    pthread_mutex_lock(&pool->lock);
    range_t **end = &pool->ranges;
    while (*end != NULL)
        end = &(*end)->next;
    if (!is_valid_range(pool, base, size)) {
        memheap_log_write(
            pool->log, MEMHEAP_LOG_ERROR,
            "page pool: %zu bytes at %p are not whole pages of %zu "
            "bytes, or overlap another range",
            size, base, pool->page_size);
        status = MEMHEAP_ERR_BAD_ARGUMENT;
    } else if ((*end = new_range(pool, base, size)) == NULL) {
        memheap_log_write(pool->log, MEMHEAP_LOG_ERROR,
                          "no memory for the metadata of a page pool");
        status = MEMHEAP_ERR_NO_METADATA;
    } else {
        pool->pages += (*end)->pages;
        pool->free_pages += (*end)->pages;
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
    if (!memheap_is_power_of_two(page) || page < PAGE_SIZE_MIN) {
        memheap_log_write(
            log, MEMHEAP_LOG_ERROR,
            "page pool: a page of %zu bytes is not a power of two of "
            "at least %zu",
            page, PAGE_SIZE_MIN);
        return MEMHEAP_ERR_BAD_ARGUMENT;
    }
    memheap_page_pool_t *pool = memheap_memory_new(memory, sizeof(*pool));
    if (pool == NULL) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "no memory for the metadata of a page pool");
        return MEMHEAP_ERR_NO_METADATA;
    }
    memheap_text_copy(pool->name, sizeof(pool->name),
                      config->name == NULL ? "page pool" : config->name);
    pool->page_size = page;
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
    while (pool->ranges != NULL) {
        range_t *range = pool->ranges;
        pool->ranges = range->next;
        memheap_memory_delete(pool->memory, range, range->bytes);
    }
    pthread_mutex_destroy(&pool->lock);
    memheap_memory_delete(pool->memory, pool, sizeof(*pool));
    return MEMHEAP_OK;
}

memheap_status_t memheap_page_pool_reserve(memheap_page_pool_t *pool,
                                           void *address, size_t size)
{
    size_t count = count_pages(pool, size);
    memheap_status_t status = MEMHEAP_ERR_BAD_ARGUMENT;
    size_t at;
    if (count == 0 || (uintptr_t)address % pool->page_size != 0)
        return status;
    pthread_mutex_lock(&pool->lock);
    range_t *range = range_of(pool, address, &at);
    if (range != NULL && count <= range->pages - at) {
        bool unused =
            next_bit(range->used.level[0], at, at + count, 0) >= at + count;
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
    *free_p = pool->free_pages;
    pthread_mutex_unlock(&pool->lock);
}
