/*
 * Contexts and object caches over symmetric memory: collective when they call
 * the pool, and equal on all PEs.
 */
#include "tests/mpi/tap.h"

#include <shmemx_pools.h>

#include <memheap/cache.h>
#include <memheap/context.h>

#include <string.h>
#include <sys/resource.h>

enum {
    ITEMS = 5000,
    BLOCKS = 200
};

static int me, n;

/* A pool that counts the calls. */
typedef struct counted {
    memheap_pool_t pool;
    size_t pops, pushes;
} counted_t;

static memheap_status_t pop(void *state, size_t align, size_t size,
                            void **block_p)
{
    counted_t *counted = state;
    counted->pops++;
    return counted->pool.pop(counted->pool.state, align, size, block_p);
}

static memheap_status_t push(void *state, void *block)
{
    counted_t *counted = state;
    counted->pushes++;
    return counted->pool.push(counted->pool.state, block);
}

static memheap_status_t getsize(void *state, const void *block, size_t *size_p)
{
    const counted_t *counted = state;
    return counted->pool.getsize(counted->pool.state, block, size_p);
}

static memheap_pool_t count(counted_t *counted, shmemx_space_t space)
{
    *counted = (counted_t){.pool = shmemx_space_pool(space)};
    return (memheap_pool_t){
        .pop = pop, .push = push, .getsize = getsize, .state = counted};
}

/* Whether all PEs have the same addresses. */
static bool equal(void *const *address, size_t size)
{
    static uint64_t sum;
    static uint64_t least;
    static uint64_t most;
    sum = 0;
    for (size_t i = 0; i < size; i++)
        sum = sum * 31 + (uintptr_t)address[i];
    shmem_uint64_min_reduce(SHMEM_TEAM_WORLD, &least, &sum, 1);
    shmem_uint64_max_reduce(SHMEM_TEAM_WORLD, &most, &sum, 1);
    return least == most;
}

static bool items_need_a_step_for_a_slab(shmemx_space_t space)
{
    static void *item[ITEMS];
    counted_t counted;
    memheap_pool_t pool = count(&counted, space);
    memheap_cache_config_t config = {
        .name = "items", .item_size = 48, .pool = &pool};
    memheap_cache_t *cache = NULL;
    bool good = memheap_cache_create(&config, &cache) == MEMHEAP_OK;
    for (size_t i = 0; i < ITEMS && good; i++)
        good = memheap_cache_alloc(cache, &item[i]) == MEMHEAP_OK;
    memheap_cache_stats_t stats;
    memheap_cache_get_stats(cache, &stats);
    size_t slabs = (ITEMS + stats.slab_items - 1) / stats.slab_items;
    good = good && counted.pops == slabs && equal(item, ITEMS);
    /* The blocks are symmetric: the next PE writes to each. */
    for (size_t i = 0; i < ITEMS && good; i += 97)
        shmem_int_p(item[i], me * ITEMS + (int)i, (me + 1) % n);
    shmem_barrier_all();
    for (size_t i = 0; i < ITEMS && good; i += 97)
        good = *(int *)item[i] == (me + n - 1) % n * ITEMS + (int)i;
    shmem_barrier_all();
    for (size_t i = 0; i < ITEMS; i += 3)
        good = memheap_cache_free(cache, item[i]) == MEMHEAP_OK && good;
    for (size_t i = 0; i < ITEMS; i += 3)
        good = memheap_cache_alloc(cache, &item[i]) == MEMHEAP_OK && good;
    good = good && counted.pops == slabs && equal(item, ITEMS) &&
           memheap_cache_check(cache) == MEMHEAP_OK;
    good = memheap_cache_destroy(cache) == MEMHEAP_OK && good;
    return good && counted.pushes == slabs;
}

static bool context_ends_what_it_owns(shmemx_space_t space)
{
    void *block[BLOCKS];
    counted_t counted;
    memheap_pool_t pool = count(&counted, space);
    memheap_context_config_t config = {.name = "library", .pool = &pool};
    memheap_context_t *context = NULL;
    memheap_context_t *inner = NULL;
    bool good = memheap_context_create(&config, &context) == MEMHEAP_OK;
    memheap_context_config_t part = {.name = "part", .parent = context};
    good = good && memheap_context_create(&part, &inner) == MEMHEAP_OK;
    for (size_t i = 0; i < BLOCKS && good; i++) {
        memheap_block_info_t info = {.size = 1 + i * 13, .tag = i};
        good = memheap_context_alloc_info(i % 3 == 0 ? inner : context,
                                          &info) == MEMHEAP_OK;
        block[i] = info.pointer;
        for (size_t k = 0; k < info.size && good; k++)
            good = ((char *)info.pointer)[k] == 0;
    }
    good = good && equal(block, BLOCKS);
    for (size_t i = 1; i < BLOCKS && good; i += 3) {
        memheap_block_info_t info;
        good =
            memheap_context_get_info(context, block[i], &info) == MEMHEAP_OK &&
            info.tag == i && info.size == 1 + i * 13 && info.align == 64 &&
            memheap_context_free(context, block[i]) == MEMHEAP_OK;
    }
    good = good && counted.pops == BLOCKS;
    good = memheap_context_destroy(context) == MEMHEAP_OK && good;
    return good && counted.pushes == BLOCKS;
}

static bool cache_in_a_context_works(shmemx_space_t space)
{
    void *item[ITEMS];
    memheap_pool_t pool = shmemx_space_pool(space);
    memheap_context_config_t config = {.pool = &pool};
    memheap_context_t *context = NULL;
    bool good = memheap_context_create(&config, &context) == MEMHEAP_OK;
    memheap_pool_t owned = memheap_context_as_pool(context);
    memheap_cache_config_t items = {.item_size = 8, .pool = &owned};
    memheap_cache_t *cache = NULL;
    good = good && memheap_cache_create(&items, &cache) == MEMHEAP_OK &&
           memheap_cache_alloc_batch(cache, ITEMS, item) == MEMHEAP_OK &&
           equal(item, ITEMS) &&
           memheap_cache_free_batch(cache, ITEMS, item) == MEMHEAP_OK;
    good = memheap_cache_destroy(cache) == MEMHEAP_OK && good;
    return memheap_context_destroy(context) == MEMHEAP_OK && good;
}

/* The last PE has no memory for metadata; no PE may wait for it. */
static bool what_one_cannot_do_none_does(shmemx_space_t space)
{
    struct rlimit saved;
    getrlimit(RLIMIT_DATA, &saved);
    struct rlimit none = {4096, saved.rlim_max};
    memheap_pool_t pool = shmemx_space_pool(space);
    memheap_context_config_t config = {.pool = &pool};
    memheap_context_t *context = NULL;
    memheap_context_t *other;
    bool good = memheap_context_create(&config, &context) == MEMHEAP_OK;
    if (me == n - 1)
        setrlimit(RLIMIT_DATA, &none);
    bool refused = memheap_context_create(&config, &other) != MEMHEAP_OK;
    void *block;
    memheap_status_t status = MEMHEAP_OK;
    for (int i = 0; i < 10000 && status == MEMHEAP_OK; i++)
        status = memheap_context_alloc(context, 16, &block);
    if (me == n - 1)
        setrlimit(RLIMIT_DATA, &saved);
    good = good && refused && status == MEMHEAP_ERR_NO_METADATA &&
           memheap_context_alloc(context, 16, &block) == MEMHEAP_OK &&
           equal(&block, 1);
    return memheap_context_destroy(context) == MEMHEAP_OK && good;
}

static bool a_space_is_empty_after_all(shmemx_space_t space)
{
    void *whole = shmemx_space_malloc(space, shmemx_space_size(space));
    bool good = whole != NULL;
    shmemx_space_free(space, whole);
    return good;
}

int main(void)
{
    shmem_init();
    tap_plan(8);
    me = shmem_my_pe();
    n = shmem_n_pes();
    shmemx_space_config_t config = {.size = 2 << 20};
    shmemx_space_t space;
    bool good = shmemx_space_create(&config, &space) == 0;
    tap_ok(good && items_need_a_step_for_a_slab(space),
           "objects in a space cost one collective call per slab");
    tap_ok(items_need_a_step_for_a_slab(SHMEMX_SPACE_DEFAULT),
           "so do objects in the symmetric heap");
    tap_ok(context_ends_what_it_owns(space),
           "destroying a context frees its blocks");
    tap_ok(context_ends_what_it_owns(SHMEMX_SPACE_DEFAULT),
           "also in the symmetric heap");
    tap_ok(cache_in_a_context_works(space),
           "a cache can allocate from a context");
    tap_ok(what_one_cannot_do_none_does(space),
           "all PEs fail if one PE has no memory");
    tap_ok(a_space_is_empty_after_all(space), "all of the space is free again");
    shmem_team_destroy(shmemx_space_get_team(space));
    tap_ok(shmemx_space_destroy(space) == 0, "and the space can be destroyed");
    shmem_finalize();
    return 0;
}
