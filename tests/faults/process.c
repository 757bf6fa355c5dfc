/*
 * The program of one process for tests/faults.sh: it uses heaps and pools,
 * while a call of the system fails at some point.
 *
 *     process BLOCKS PART...    parts: heap, range, save, pools, hold
 *
 * A step that fails prints its name and status, and the program goes on. At the
 * end it prints what is still open. Its exit status is 0, or 1 if a heap is not
 * consistent or a block has lost its contents.
 */
#include "config.h"

#include <memheap/cache.h>
#include <memheap/context.h>
#include <memheap/memheap.h>
#include <memheap/page_pool.h>
#include <memheap/placement.h>
#include <memheap/range_pool.h>

#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    BLOCKS = 300, /* at most */
    LEFT = 8,     /* that are not freed */
    BATCH = 20,
    ITEMS = 600,
    LARGE = 40 << 20, /* more than a heap commits at first */
    RANGE = 1 << 20
};

static char range[RANGE] __attribute__((aligned(4096)));
static unsigned char *block[BLOCKS];
static size_t size[BLOCKS];
static int blocks;
static bool broken;

/* Print a step that has failed. @return whether it has not */
static bool did(const char *step, memheap_status_t status)
{
    if (status != MEMHEAP_OK)
        printf("%s: %s\n", step, memheap_status_string(status));
    return status == MEMHEAP_OK;
}

static void must(bool holds, const char *what)
{
    if (!holds)
        printf("broken: %s\n", what);
    broken = broken || !holds;
}

static void check_blocks(void)
{
    for (int i = 0; i < blocks; i++) {
        for (size_t at = 0; block[i] != NULL && at < size[i]; at++) {
            if (block[i][at] != i % 251) {
                must(false, "the contents of a block");
                return;
            }
        }
    }
}

static void take(memheap_t *heap, int i, size_t bytes, size_t align)
{
    void *got = NULL;
    if (!did("alloc", memheap_alloc_aligned(heap, align, bytes, &got)))
        return;
    block[i] = got;
    size[i] = bytes;
    memset(got, i % 251, bytes);
}

static void change(memheap_t *heap, int i, size_t bytes)
{
    void *got;
    if (block[i] == NULL ||
        !did("resize", memheap_resize(heap, block[i], bytes, &got)))
        return;
    block[i] = got;
    size_t kept = bytes < size[i] ? bytes : size[i];
    size[i] = kept;
    check_blocks();
    size[i] = bytes;
    memset(got, i % 251, bytes);
}

static void give(memheap_t *heap, int i)
{
    if (block[i] != NULL && did("free", memheap_free(heap, block[i])))
        block[i] = NULL;
}

static bool count_block(void *context, const memheap_block_t *one)
{
    size_t *live = context;
    *live += one->live;
    return true;
}

/* A thread that allocates and frees, and so has a thread cache. */
static void *other_thread(void *context)
{
    void *own[50];
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 50; i++)
            own[i] = memheap_malloc(context, 100);
        for (int i = 0; i < 50; i++)
            memheap_free(context, own[i]);
    }
    return NULL;
}

static void use_batches(memheap_t *heap)
{
    size_t sizes[BATCH];
    void *got[BATCH];
    for (int i = 0; i < BATCH; i++)
        sizes[i] = 1000;
    if (did("batch", memheap_alloc_batch(heap, BATCH, 16, sizes, got)))
        did("free of batch", memheap_free_batch(heap, BATCH, got));
}

static void inspect(memheap_t *heap)
{
    char text[512];
    size_t live = 0;
    memheap_stats_t stats;
    memheap_placement_t placement;
    must(memheap_check(heap) == MEMHEAP_OK, "a heap");
    memheap_walk(heap, count_block, &live);
    memheap_get_stats(heap, &stats);
    must(live == stats.live_blocks, "the number of blocks");
    did("placement", memheap_get_placement(heap, &placement));
    memheap_describe(heap, block[3], text, sizeof(text));
    memheap_block_call_site(heap, block[3], text, sizeof(text));
}

static void use_heap(void)
{
    memheap_t *heap;
    pthread_t thread;
    void *large;
    memheap_config_t config = {.name = "own", .size = (size_t)64 << 20};
    if (!did("create", memheap_create(&config, &heap)))
        return;
    for (int i = 0; i < blocks; i++)
        take(heap, i, 30 + (size_t)i * 17, i % 7 == 0 ? 256 : 16);
    for (int i = 0; i < blocks; i += 5)
        change(heap, i, 30 + (size_t)i * 40);
    for (int i = 0; i < blocks; i += 3)
        give(heap, i);
    memheap_set_tag("large");
    if (did("large", memheap_alloc(heap, LARGE, &large)))
        memset(large, 1, LARGE);
    else
        large = NULL;
    memheap_set_tag(NULL);
    use_batches(heap);
    if (pthread_create(&thread, NULL, other_thread, heap) == 0)
        pthread_join(thread, NULL);
    inspect(heap);
    did("free of large", memheap_free(heap, large));
    did("trim", memheap_trim(heap, 0));
    check_blocks();
    inspect(heap);
    /* Some blocks are left, for the report of leaks. */
    for (int i = 0; i < blocks - LEFT; i++)
        give(heap, i);
    memheap_report_leaks(heap);
    must(memheap_destroy(heap) == MEMHEAP_OK, "the end of a heap");
    memset(block, 0, sizeof(block));
}

/* A heap over memory of the program, which grows. */
static void use_range(void)
{
    memheap_t *heap;
    memheap_config_t config = {
        .name = "range", .base = range, .size = RANGE / 4, .max_size = RANGE};
    if (!did("create over a range", memheap_create(&config, &heap)))
        return;
    take(heap, 0, RANGE / 8, 16);
    did("grow", memheap_grow(heap, RANGE));
    take(heap, 1, RANGE / 4, 16);
    for (int i = 2; i < blocks; i++)
        take(heap, i, 100, 16);
    must(memheap_check(heap) == MEMHEAP_OK, "a heap over a range");
    for (int i = 0; i < blocks; i++)
        give(heap, i);
    must(memheap_destroy(heap) == MEMHEAP_OK, "the end of a range");
    memset(block, 0, sizeof(block));
}

/* A heap that is saved, destroyed and loaded. The file is this program's own.
 */
static void use_save(void)
{
    memheap_t *heap;
    void *root = NULL;
    memheap_config_t config = {.name = "saved", .size = (size_t)64 << 20};
    FILE *file = tmpfile();
    if (file == NULL)
        return;
    int fd = fileno(file);
    if (did("create", memheap_create(&config, &heap))) {
        for (int i = 0; i < blocks; i++)
            take(heap, i, 30 + (size_t)i * 170, 16);
        bool saved = did("save", memheap_save(heap, block[0], fd));
        check_blocks();
        must(memheap_destroy(heap) == MEMHEAP_OK, "the end of a saved heap");
        rewind(file);
        memheap_status_t status = memheap_load(&config, fd, &heap, &root);
        if (did("load", status)) {
            must(saved && root == block[0], "the root of a loaded heap");
            must(memheap_check(heap) == MEMHEAP_OK, "a loaded heap");
            check_blocks();
            must(memheap_destroy(heap) == MEMHEAP_OK, "the end of it");
        }
        memset(block, 0, sizeof(block));
    }
    fclose(file);
}

static void use_context(const memheap_pool_t *pool)
{
    memheap_context_t *context;
    memheap_context_t *inner;
    void *got;
    memheap_context_config_t config = {.pool = pool};
    if (!did("context", memheap_context_create(&config, &context)))
        return;
    memheap_context_config_t sub = {.parent = context};
    if (did("sub-context", memheap_context_create(&sub, &inner)))
        for (int i = 0; i < ITEMS; i++)
            did("sub-context's block", memheap_context_alloc(inner, 100, &got));
    for (int i = 0; i < blocks; i++) {
        if (did("context's block", memheap_context_alloc(context, 200, &got)))
            did("context's resize",
                memheap_context_resize(context, got, 500, &got));
    }
    must(memheap_context_destroy(context) == MEMHEAP_OK, "a context");
}

static void use_cache(const memheap_pool_t *pool)
{
    static void *item[ITEMS];
    memheap_cache_t *cache;
    memheap_cache_config_t config = {
        .item_size = 1000, .slab_size = 16384, .pool = pool};
    if (!did("cache", memheap_cache_create(&config, &cache)))
        return;
    if (did("items", memheap_cache_alloc_batch(cache, ITEMS, item)))
        did("free of items", memheap_cache_free_batch(cache, ITEMS, item));
    for (int i = 0; i < ITEMS; i++) {
        if (!did("item", memheap_cache_alloc(cache, &item[i])))
            item[i] = NULL;
    }
    must(memheap_cache_check(cache) == MEMHEAP_OK, "a cache");
    for (int i = 0; i < ITEMS; i++) {
        if (item[i] != NULL)
            did("free of an item", memheap_cache_free(cache, item[i]));
    }
    must(memheap_cache_destroy(cache) == MEMHEAP_OK, "the end of a cache");
}

static void use_page_pool(void)
{
    memheap_page_pool_t *pages;
    memheap_page_pool_config_t config = {
        .base = range, .size = RANGE / 2, .page_size = 4096};
    void *got;
    if (!did("page pool", memheap_page_pool_create(&config, &pages)))
        return;
    memheap_pool_t pool = memheap_page_pool_as_pool(pages);
    did("more pages",
        memheap_page_pool_extend(pages, range + RANGE / 2, RANGE / 2));
    if (did("page", pool.pop(pool.state, 4096, 10000, &got)))
        did("free of a page", pool.push(pool.state, got));
    must(memheap_page_pool_destroy(pages) == MEMHEAP_OK, "a page pool");
}

static void use_range_pool(void)
{
    memheap_range_pool_t *ranges;
    void *got;
    memheap_config_t config = {.base = range, .size = RANGE / 2};
    if (!did("range pool", memheap_range_pool_create(&config, &ranges)))
        return;
    memheap_pool_t pool = memheap_range_pool_as_pool(ranges);
    did("another range",
        memheap_range_pool_extend(ranges, range + RANGE / 2, RANGE / 2));
    for (int i = 0; i < 3; i++) {
        if (did("block of a range", pool.pop(pool.state, 64, RANGE / 4, &got)))
            did("its resize",
                memheap_range_pool_resize(ranges, got, RANGE / 8, &got));
    }
    must(memheap_range_pool_destroy(ranges) == MEMHEAP_OK, "a range pool");
}

static void use_numa_heaps(void)
{
    memheap_numa_heaps_t *heaps;
    void *got;
    memheap_config_t config = {.size = (size_t)16 << 20};
    if (!did("NUMA heaps", memheap_numa_heaps_create(&config, &heaps)))
        return;
    memheap_proximity_t *near = memheap_numa_heaps_local(heaps);
    if (did("near block",
            memheap_placement_alloc(near, 64, 4096, MEMHEAP_REACH_PE, &got)))
        did("free of a near block", memheap_placement_free(near, got));
    must(memheap_numa_heaps_destroy(heaps) == MEMHEAP_OK, "NUMA heaps");
}

static void use_pools(void)
{
    memheap_t *heap;
    memheap_config_t config = {.name = "pools", .size = (size_t)8 << 20};
    if (did("create for pools", memheap_create(&config, &heap))) {
        memheap_pool_t pool = memheap_heap_as_pool(heap);
        use_context(&pool);
        use_cache(&pool);
        must(memheap_destroy(heap) == MEMHEAP_OK, "the heap under pools");
    }
    use_page_pool();
    use_range_pool();
    use_numa_heaps();
}

/* Have a heap with blocks until a signal comes, for tools that look at it. Its
 * owner calls it, so it answers. */
static void hold(void)
{
    memheap_t *heap;
    const struct timespec pause = {.tv_nsec = 1000000};
    memheap_config_t config = {.name = "held", .size = RANGE};
    if (!did("create", memheap_create(&config, &heap)))
        return;
    for (int i = 0; i < blocks; i++)
        take(heap, i, 1000, 16);
    printf("ready\n");
    for (;;) {
        nanosleep(&pause, NULL);
        memheap_free(heap, memheap_malloc(heap, 100));
    }
}

/* Print what this process has: descriptors, KiB of mappings without those of
 * malloc(), and bytes of malloc(). */
static void print_open(void)
{
    char line[512];
    size_t from;
    size_t to;
    size_t mapped = 0;
    int files = 0;
    size_t used = 0;
#if __GLIBC_PREREQ(2, 33)
    used = mallinfo2().uordblks;
#endif
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        if (sscanf(line, "%zx-%zx ", &from, &to) == 2 &&
            strstr(line, "[heap]") == NULL && strstr(line, "[stack]") == NULL)
            mapped += to - from;
    }
    if (maps != NULL)
        fclose(maps);
    DIR *folder = opendir("/proc/self/fd");
    while (folder != NULL && readdir(folder) != NULL)
        files++;
    if (folder != NULL)
        closedir(folder);
    printf("open %d %zu %zu\n", files, mapped / 1024, used);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*use)(void);
    } parts[] = {{"heap", use_heap},
                 {"range", use_range},
                 {"save", use_save},
                 {"pools", use_pools},
                 {"hold", hold}};
    static char buffer[1 << 16];
    setvbuf(stdout, buffer, _IOLBF, sizeof(buffer));
    blocks = argc < 2 ? 0 : atoi(argv[1]);
    blocks = blocks > BLOCKS ? BLOCKS : blocks;
    for (int i = 2; i < argc; i++) {
        for (size_t part = 0; part < sizeof(parts) / sizeof(parts[0]); part++) {
            if (strcmp(parts[part].name, argv[i]) == 0)
                parts[part].use();
        }
    }
    print_open();
    return broken ? EXIT_FAILURE : EXIT_SUCCESS;
}
