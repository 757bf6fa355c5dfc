/*
 * Objects with dependents are not destroyed, and the message names these.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <memheap/cache.h>
#include <memheap/context.h>
#include <memheap/page_pool.h>
#include <memheap/placement.h>
#include <memheap/range_pool.h>

enum {
    SIZE = 4 << 20
};

static unit_log_t test_log;
static memheap_t *heap;
static char pages[16 * 4096] __attribute__((aligned(4096)));

static void setup(void)
{
    unit_log_init(&test_log);
    memheap_config_t config = {
        .name = "base", .size = SIZE, .log = &test_log.log};
    ck_assert_ok(memheap_create(&config, &heap));
}

static memheap_cache_t *cache_over(memheap_pool_t pool)
{
    memheap_cache_t *cache;
    memheap_cache_config_t config = {.name = "nodes",
                                     .item_size = 64,
                                     .slab_size = 4096,
                                     .pool = &pool,
                                     .log = &test_log.log};
    ck_assert_ok(memheap_cache_create(&config, &cache));
    return cache;
}

static memheap_context_t *context_over(memheap_pool_t pool,
                                       memheap_context_t *parent)
{
    memheap_context_t *context;
    memheap_context_config_t config = {.name = "solver",
                                       .pool = &pool,
                                       .parent = parent,
                                       .log = &test_log.log};
    ck_assert_ok(memheap_context_create(&config, &context));
    return context;
}

static memheap_proximity_t *proximity_over(memheap_pool_t pool)
{
    memheap_proximity_t *proximity;
    memheap_source_t source = {.pool = pool, .reachability = MEMHEAP_REACH_PE};
    memheap_proximity_config_t config = {
        .name = "near", .sources = &source, .count = 1, .log = &test_log.log};
    ck_assert_ok(memheap_proximity_create(&config, &proximity));
    return proximity;
}

/* Check for one message, about an object and its dependent. */
static void assert_busy(memheap_status_t status, const char *message)
{
    ck_assert_int_eq(status, MEMHEAP_ERR_BUSY);
    ck_assert_uint_eq(test_log.count, 1);
    ck_assert_logged(&test_log, message);
    unit_log_init(&test_log);
}

START_TEST(heap_under_a_cache_is_not_destroyed)
{
    memheap_cache_t *cache = cache_over(memheap_heap_as_pool(heap));
    assert_busy(memheap_destroy(heap),
                "heap \"base\" is in use by cache \"nodes\"; destroy that "
                "first");
    void *item;
    ck_assert_ok(memheap_cache_alloc(cache, &item));
    ck_assert_ok(memheap_cache_destroy(cache));
    ck_assert_ok(memheap_destroy(heap));
}
END_TEST

START_TEST(context_under_a_cache_is_not_destroyed)
{
    memheap_context_t *parent = context_over(memheap_heap_as_pool(heap), NULL);
    memheap_context_t *sub = context_over(memheap_heap_as_pool(heap), parent);
    memheap_cache_t *cache = cache_over(memheap_context_as_pool(sub));
    const char message[] = "context \"solver\" is in use by cache \"nodes\"";
    assert_busy(memheap_context_destroy(sub), message);
    assert_busy(memheap_context_destroy(parent), message);
    ck_assert_ok(memheap_cache_destroy(cache));
    ck_assert_ok(memheap_context_destroy(parent));
    ck_assert_ok(memheap_destroy(heap));
}
END_TEST

START_TEST(cache_under_a_context_is_not_destroyed)
{
    memheap_cache_t *cache = cache_over(memheap_heap_as_pool(heap));
    memheap_context_t *context =
        context_over(memheap_cache_as_pool(cache), NULL);
    assert_busy(memheap_cache_destroy(cache),
                "cache \"nodes\" is in use by context \"solver\"");
    ck_assert_ok(memheap_context_destroy(context));
    ck_assert_ok(memheap_cache_destroy(cache));
    ck_assert_ok(memheap_destroy(heap));
}
END_TEST

START_TEST(sources_and_proximity_are_not_destroyed)
{
    memheap_proximity_t *proximity = proximity_over(memheap_heap_as_pool(heap));
    memheap_cache_t *cache =
        cache_over(memheap_proximity_as_pool(proximity, MEMHEAP_REACH_PE));
    assert_busy(memheap_destroy(heap),
                "heap \"base\" is in use by proximity \"near\"");
    assert_busy(memheap_proximity_destroy(proximity),
                "proximity \"near\" is in use by cache \"nodes\"");
    ck_assert_ok(memheap_cache_destroy(cache));
    ck_assert_ok(memheap_proximity_destroy(proximity));
    ck_assert_ok(memheap_destroy(heap));
}
END_TEST

START_TEST(page_and_range_pools_are_not_destroyed)
{
    memheap_page_pool_t *page_pool;
    memheap_page_pool_config_t page_config = {.name = "pages",
                                              .base = pages,
                                              .size = sizeof(pages),
                                              .log = &test_log.log};
    memheap_range_pool_t *range_pool;
    memheap_config_t range_config = {
        .name = "ranges", .size = SIZE, .log = &test_log.log};
    ck_assert_ok(memheap_page_pool_create(&page_config, &page_pool));
    ck_assert_ok(memheap_range_pool_create(&range_config, &range_pool));
    memheap_cache_t *on_pages =
        cache_over(memheap_page_pool_as_pool(page_pool));
    memheap_context_t *on_ranges =
        context_over(memheap_range_pool_as_pool(range_pool), NULL);
    assert_busy(memheap_page_pool_destroy(page_pool),
                "page pool \"pages\" is in use by cache \"nodes\"");
    assert_busy(memheap_range_pool_destroy(range_pool),
                "range pool \"ranges\" is in use by context \"solver\"");
    ck_assert_ok(memheap_cache_destroy(on_pages));
    ck_assert_ok(memheap_context_destroy(on_ranges));
    ck_assert_ok(memheap_page_pool_destroy(page_pool));
    ck_assert_ok(memheap_range_pool_destroy(range_pool));
    ck_assert_ok(memheap_destroy(heap));
}
END_TEST

START_TEST(numa_heaps_are_not_destroyed)
{
    memheap_numa_heaps_t *heaps;
    memheap_config_t config = {
        .name = "nodes", .size = SIZE, .log = &test_log.log};
    ck_assert_ok(memheap_numa_heaps_create(&config, &heaps));
    memheap_cache_t *cache =
        cache_over(memheap_heap_as_pool(memheap_numa_heaps_heap(heaps, 0)));
    assert_busy(memheap_numa_heaps_destroy(heaps),
                "NUMA heaps \"nodes\" is in use by cache");
    ck_assert_ok(memheap_cache_destroy(cache));
    cache = cache_over(memheap_proximity_as_pool(
        memheap_numa_heaps_interleaved(heaps), MEMHEAP_REACH_PE));
    assert_busy(memheap_numa_heaps_destroy(heaps),
                "NUMA heaps \"nodes\" is in use by cache");
    ck_assert_ok(memheap_cache_destroy(cache));
    ck_assert_ok(memheap_numa_heaps_destroy(heaps));
    ck_assert_ok(memheap_destroy(heap));
}
END_TEST

START_TEST(message_counts_the_dependents)
{
    memheap_cache_t *cache[3];
    for (int i = 0; i < 3; i++)
        cache[i] = cache_over(memheap_heap_as_pool(heap));
    ck_assert_ok(memheap_cache_destroy(cache[1]));
    assert_busy(memheap_destroy(heap), "and 1 more; destroy them first");
    ck_assert_ok(memheap_cache_destroy(cache[2]));
    ck_assert_ok(memheap_cache_destroy(cache[0]));
    ck_assert_ok(memheap_destroy(heap));
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, heap_under_a_cache_is_not_destroyed);
    tcase_add_test(tests, context_under_a_cache_is_not_destroyed);
    tcase_add_test(tests, cache_under_a_context_is_not_destroyed);
    tcase_add_test(tests, sources_and_proximity_are_not_destroyed);
    tcase_add_test(tests, page_and_range_pools_are_not_destroyed);
    tcase_add_test(tests, numa_heaps_are_not_destroyed);
    tcase_add_test(tests, message_counts_the_dependents);
    return unit_run("dependents", tests);
}
