/*
 * Object caches: items of one size out of a pool's slabs.
 */
#include "config.h"

#include "tests/unit/unit.h"
#include "tests/unit/unit_pool.h"
#include "memheap/pools/cache_slabs.h"
#include <memheap/cache.h>

#include <pthread.h>
#include <stdlib.h>

enum {
    SIZE = 32 << 20,
    SLAB = 4096, /* small, for many slabs */
    MANY = 3000,
    THREADS = 4
};

static unit_heap_t unit;
static unit_pool_t pool;
static unit_log_t test_log;
static memheap_cache_t *cache;
static memheap_cache_config_t config;
static void *items[MANY];

/* A configuration over a heap of a kind; tests change it before create(). */
static void prepare(int kind, size_t item_size)
{
    unit_heap_open(&unit, kind, SIZE, 0, NULL);
    unit_pool_init(&pool, memheap_heap_as_pool(unit.heap));
    pool.base = (uintptr_t)unit.base;
    unit_log_init(&test_log);
    config = (memheap_cache_config_t){.name = "nodes",
                                      .item_size = item_size,
                                      .slab_size = SLAB,
                                      .pool = &pool.pool,
                                      .log = &test_log.log};
}

static void create(void)
{
    ck_assert_ok(memheap_cache_create(&config, &cache));
}

static void open_cache(int kind, size_t item_size)
{
    prepare(kind, item_size);
    create();
}

/* Destroy the cache, and check that all slabs returned. */
static void close_cache(void)
{
    ck_assert_ok(memheap_cache_check(cache));
    ck_assert_ok(memheap_cache_destroy(cache));
    ck_assert_uint_eq(pool.live, 0);
    ck_assert_ok(memheap_check(unit.heap));
    unit_heap_close(&unit);
}

static memheap_cache_stats_t get_stats(void)
{
    memheap_cache_stats_t stats;
    memheap_cache_get_stats(cache, &stats);
    return stats;
}

static void alloc_items(size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        ck_assert_ok(memheap_cache_alloc(cache, &items[i]));
}

static void return_items(size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        ck_assert_ok(memheap_cache_free(cache, items[i]));
}

/* Check that an address is refused with a message that names the cache, and
 * that nothing changes. */
static void assert_refused(void *address, const char *part)
{
    memheap_cache_stats_t before = get_stats();
    unit_log_clear(&test_log);
    ck_assert_int_eq(memheap_cache_free(cache, address),
                     MEMHEAP_ERR_BAD_ADDRESS);
    ck_assert_uint_eq(test_log.count, 1);
    ck_assert_logged(&test_log, "memheap_cache_free: 0x");
    ck_assert_logged(&test_log, "cache \"nodes\"");
    ck_assert_logged(&test_log, part);
    memheap_cache_stats_t after = get_stats();
    ck_assert_int_eq(memcmp(&before, &after, sizeof(before)), 0);
    ck_assert_ok(memheap_cache_check(cache));
}

START_TEST(items_are_aligned_and_do_not_overlap)
{
    static const struct {
        size_t size, align, stride, aligned;
    } shape[] = {{8, 0, 8, 8},    {1, 0, 8, 1},     {12, 0, 12, 4},
                 {48, 0, 48, 16}, {40, 64, 64, 64}, {100, 32, 128, 32},
                 {72, 8, 72, 8},  {512, 0, 512, 16}};
    for (size_t s = 0; s < sizeof(shape) / sizeof(*shape); s++) {
        prepare(_i, shape[s].size);
        config.align = shape[s].align;
        create();
        ck_assert_uint_eq(get_stats().item_size, shape[s].stride);
        for (size_t i = 0; i < MANY; i++) {
            alloc_items(i, i + 1);
            ck_assert_uint_eq((uintptr_t)items[i] % shape[s].aligned, 0);
            memset(items[i], (int)(i % 251), shape[s].size);
        }
        for (size_t i = 0; i < MANY; i++) {
            const unsigned char *bytes = items[i];
            ck_assert_uint_eq(bytes[0], i % 251);
            ck_assert_uint_eq(bytes[shape[s].size - 1], i % 251);
        }
        return_items(0, MANY);
        ck_assert_uint_eq(get_stats().live, 0);
        close_cache();
    }
}
END_TEST

START_TEST(item_of_8_bytes_takes_8_bytes)
{
    open_cache(_i, 8);
    alloc_items(0, SLAB / 8);
    ck_assert_uint_eq(get_stats().slabs, 1);
    ck_assert_uint_eq(get_stats().bytes, SLAB);
    for (size_t i = 1; i < SLAB / 8; i++)
        ck_assert_ptr_eq(items[i], (char *)items[0] + 8 * i);
    close_cache();
}
END_TEST

START_TEST(lowest_free_item_of_the_word_is_taken_first)
{
    open_cache(_i, 16);
    alloc_items(0, 60);
    ck_assert_ok(memheap_cache_free(cache, items[40]));
    ck_assert_ok(memheap_cache_free(cache, items[7]));
    ck_assert_ok(memheap_cache_free(cache, items[59]));
    void *item;
    ck_assert_ok(memheap_cache_alloc(cache, &item));
    ck_assert_ptr_eq(item, items[7]);
    ck_assert_ok(memheap_cache_alloc(cache, &item));
    ck_assert_ptr_eq(item, items[40]);
    close_cache();
}
END_TEST

/* A digest of the offsets of items and slabs in a sequence. */
static uint64_t run_sequence(int kind)
{
    uint64_t digest = 0;
    uint64_t seed = 5;
    size_t live = 0;
    open_cache(kind, 24);
    for (size_t step = 0; step < 20000; step++) {
        if (live == 0 || (live < MANY && unit_random_below(&seed, 100) < 52)) {
            alloc_items(live, live + 1);
            size_t offset = (size_t)((char *)items[live++] - unit.base);
            digest = (digest ^ offset) * UINT64_C(0x100000001B3);
        } else {
            size_t i = unit_random_below(&seed, live);
            ck_assert_ok(memheap_cache_free(cache, items[i]));
            items[i] = items[--live];
        }
    }
    ck_assert_ok(memheap_cache_destroy(cache));
    digest ^= pool.digest;
    unit_heap_close(&unit);
    return digest;
}

START_TEST(same_calls_get_same_offsets)
{
    void *other = malloc(12345); /* to move the metadata */
    uint64_t digest = run_sequence(_i);
    ck_assert_uint_eq(run_sequence(_i), digest);
    free(other);
}
END_TEST

START_TEST(pool_is_called_once_per_slab)
{
    open_cache(_i, 32);
    size_t slabs = (MANY + SLAB / 32 - 1) / (SLAB / 32);
    alloc_items(0, MANY);
    ck_assert_uint_eq(pool.pops, slabs);
    ck_assert_uint_eq(get_stats().slabs, slabs);
    ck_assert_uint_eq(pool.pushes, 0);
    for (size_t round = 0; round < 1000; round++) {
        return_items(0, 3);
        alloc_items(0, 3);
    }
    ck_assert_uint_eq(pool.pops, slabs);
    ck_assert_uint_eq(pool.pushes, 0);
    return_items(0, MANY);
    ck_assert_uint_eq(pool.pushes, slabs - 2);
    close_cache();
    ck_assert_uint_eq(pool.pushes, slabs);
}
END_TEST

START_TEST(slab_alignment_is_reduced_to_that_of_the_pool)
{
    prepare(_i, 48);
    pool.most_align = 16;
    create();
    void *gap;
    ck_assert_ok(memheap_alloc(unit.heap, 1040, &gap));
    alloc_items(0, MANY);
    ck_assert_uint_eq(pool.pops, get_stats().slabs + 1);
    ck_assert_ok(memheap_cache_check(cache));
    for (size_t i = 0; i < MANY; i += 7)
        assert_refused((char *)items[i] + 1, "lies 1 bytes into the item at");
    return_items(0, MANY);
    ck_assert_uint_eq(get_stats().live, 0);
    close_cache();
}
END_TEST

START_TEST(one_empty_slab_is_kept)
{
    open_cache(_i, 64);
    size_t one = SLAB / 64;
    alloc_items(0, 2 * one);
    alloc_items(2 * one, 2 * one + 1);
    for (size_t round = 0; round < 10; round++) {
        return_items(one, 2 * one + 1);
        alloc_items(one, 2 * one + 1);
    }
    ck_assert_uint_eq(pool.pops, 3);
    ck_assert_uint_eq(pool.pushes, 0);
    close_cache();
}
END_TEST

START_TEST(foreign_pointer_is_refused)
{
    char here[64];
    void *block;
    open_cache(_i, 48);
    assert_refused(here, "none of its 0 slabs has an item there");
    alloc_items(0, 200);
    ck_assert_ok(memheap_alloc(unit.heap, 64, &block));
    assert_refused(here, "none of its 3 slabs has an item there");
    assert_refused(block, "none of its 3 slabs has an item there");
    assert_refused((void *)(uintptr_t)16, "no item");
    assert_refused((void *)UINTPTR_MAX, "no item");
    /* The rest at the end of a slab is no item. */
    assert_refused((char *)items[0] + SLAB / 48 * 48, "no item");
    close_cache();
}
END_TEST

START_TEST(pointer_into_an_item_is_refused)
{
    open_cache(_i, 48);
    alloc_items(0, 400);
    for (size_t i = 0; i < 400; i += 13) {
        assert_refused((char *)items[i] + 1, "lies 1 bytes into the item at");
        assert_refused((char *)items[i] + 16, "lies 16 bytes into");
        assert_refused((char *)items[i] + 47, "lies 47 bytes into");
    }
    return_items(0, 400);
    close_cache();
}
END_TEST

START_TEST(second_free_is_refused)
{
    open_cache(_i, 48);
    alloc_items(0, 400);
    for (size_t i = 0; i < 400; i += 3) {
        return_items(i, i + 1);
        assert_refused(items[i], "it may have been freed before");
    }
    alloc_items(0, 1);
    return_items(0, 1);
    assert_refused(items[0], "it may have been freed before");
    close_cache();
}
END_TEST

START_TEST(free_of_null_is_ignored)
{
    open_cache(_i, 48);
    ck_assert_ok(memheap_cache_free(cache, NULL));
    alloc_items(0, 1);
    ck_assert_ok(memheap_cache_free(cache, NULL));
    ck_assert_uint_eq(get_stats().live, 1);
    ck_assert_uint_eq(test_log.count, 0);
    close_cache();
}
END_TEST

START_TEST(items_of_a_batch_can_be_freed_singly)
{
    open_cache(_i, 40);
    alloc_items(0, 7);
    ck_assert_ok(memheap_cache_alloc_batch(cache, MANY - 7, items + 7));
    ck_assert_uint_eq(get_stats().live, MANY);
    for (size_t i = 0; i < MANY; i++)
        memset(items[i], 1, 40);
    ck_assert_ok(memheap_cache_check(cache));
    return_items(0, MANY);
    ck_assert_uint_eq(get_stats().live, 0);
    ck_assert_ok(memheap_cache_alloc_batch(cache, 0, NULL));
    close_cache();
}
END_TEST

START_TEST(failed_batch_changes_nothing)
{
    open_cache(_i, 64);
    alloc_items(0, 10);
    memheap_cache_stats_t before = get_stats();
    for (size_t fail = 1; fail <= 20; fail++) {
        /* There is none with a smaller alignment either. */
        pool.most_align = 16;
        pool.fail_pop = pool.pops + 1 + fail;
        ck_assert_int_eq(memheap_cache_alloc_batch(cache, MANY, items + 10),
                         MEMHEAP_ERR_NO_MEMORY);
        ck_assert_ok(memheap_cache_check(cache));
        ck_assert_uint_eq(pool.live, 1);
        ck_assert_uint_eq(get_stats().failures, fail);
        before.failures = fail;
        before.metadata = get_stats().metadata;
        memheap_cache_stats_t after = get_stats();
        ck_assert_int_eq(memcmp(&before, &after, sizeof(before)), 0);
    }
    pool.fail_pop = 0;
    ck_assert_ok(memheap_cache_alloc_batch(cache, MANY - 10, items + 10));
    return_items(0, MANY);
    close_cache();
}
END_TEST

START_TEST(batch_with_nulls_is_freed)
{
    open_cache(_i, 24);
    alloc_items(0, MANY);
    for (size_t i = 0; i < MANY; i += 5) {
        ck_assert_ok(memheap_cache_free(cache, items[i]));
        items[i] = NULL;
    }
    ck_assert_ok(memheap_cache_free_batch(cache, MANY, items));
    ck_assert_uint_eq(get_stats().live, 0);
    ck_assert_uint_eq(get_stats().frees, MANY);
    ck_assert_uint_le(get_stats().slabs, 2);
    ck_assert_ok(memheap_cache_free_batch(cache, 0, NULL));
    close_cache();
}
END_TEST

START_TEST(bad_entry_of_a_batch_frees_nothing)
{
    char here;
    open_cache(_i, 24);
    alloc_items(0, MANY);
    void *bad[] = {&here, (char *)items[9] + 8, items[3], items[MANY - 1]};
    for (size_t i = 0; i < 4; i++) {
        void *kept = items[MANY / 2];
        memheap_cache_stats_t before = get_stats();
        items[MANY / 2] = bad[i];
        unit_log_clear(&test_log);
        ck_assert_int_eq(memheap_cache_free_batch(cache, MANY, items),
                         MEMHEAP_ERR_BAD_ADDRESS);
        ck_assert_uint_eq(test_log.count, 1);
        ck_assert_logged(&test_log, "memheap_cache_free_batch: 0x");
        items[MANY / 2] = kept;
        memheap_cache_stats_t after = get_stats();
        ck_assert_int_eq(memcmp(&before, &after, sizeof(before)), 0);
        ck_assert_ok(memheap_cache_check(cache));
    }
    ck_assert_ok(memheap_cache_free_batch(cache, MANY, items));
    close_cache();
}
END_TEST

START_TEST(pool_that_fails_changes_nothing)
{
    open_cache(_i, 512);
    pool.most_align = 16;
    pool.fail_pop = 2;
    ck_assert_int_eq(memheap_cache_alloc(cache, &items[0]),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_uint_eq(get_stats().failures, 1);
    ck_assert_uint_eq(get_stats().slabs, 0);
    alloc_items(0, 8);
    pool.fail_pop = pool.pops + 1;
    ck_assert_int_eq(memheap_cache_alloc(cache, &items[8]),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_ok(memheap_cache_check(cache));
    ck_assert_uint_eq(get_stats().live, 8);
    return_items(7, 8); /* the item allocated last, after all others */
    assert_refused(items[7], "freed before");
    alloc_items(7, 9);
    return_items(0, 9);
    close_cache();
}
END_TEST

START_TEST(slab_that_the_pool_refuses_is_reported)
{
    open_cache(_i, 512);
    alloc_items(0, 40);
    pool.fail_push = 1;
    return_items(0, 40);
    ck_assert_uint_eq(test_log.count, 1);
    ck_assert_logged(&test_log, "cache \"nodes\": its pool does not take");
    ck_assert_ok(memheap_cache_check(cache));
    pool.fail_push = pool.pushes + 1;
    ck_assert_int_eq(memheap_cache_destroy(cache), MEMHEAP_ERR_BAD_ADDRESS);
    ck_assert_uint_eq(test_log.count, 2);
    ck_assert_uint_eq(pool.live, 2); /* only those that failed */
    unit_heap_close(&unit);
}
END_TEST

START_TEST(stats_count_the_calls)
{
    open_cache(_i, 48);
    alloc_items(0, 300);
    return_items(100, 300);
    alloc_items(100, 150);
    memheap_cache_stats_t stats = get_stats();
    ck_assert_str_eq(stats.name, "nodes");
    ck_assert_uint_eq(stats.item_size, 48);
    ck_assert_uint_eq(stats.slab_items, SLAB / 48);
    ck_assert_uint_eq(stats.live, 150);
    ck_assert_uint_eq(stats.peak, 300);
    ck_assert_uint_eq(stats.allocations, 350);
    ck_assert_uint_eq(stats.frees, 200);
    ck_assert_uint_eq(stats.failures, 0);
    ck_assert_uint_eq(stats.bytes, stats.slabs * SLAB);
    ck_assert_uint_eq(stats.slabs, pool.live);
    ck_assert_uint_gt(stats.metadata, 0);
    close_cache();
}
END_TEST

START_TEST(unsupported_sizes_are_refused)
{
    static const struct {
        size_t size, align, slab;
    } bad[] = {{0, 0, 0},        {8, 3, 0},       {8, 0, 5000},
               {5000, 0, 4096},  {8, 0, 4 * MIB}, {8, 8192, 4096},
               {8, 0, 8 * GIB},  {8 * GIB, 0, 0}, {8, SIZE_MAX / 2 + 1, 0},
               {SIZE_MAX, 16, 0}};
    prepare(0, 8);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        config.item_size = bad[i].size;
        config.align = bad[i].align;
        config.slab_size = bad[i].slab;
        ck_assert_int_eq(memheap_cache_create(&config, &cache),
                         MEMHEAP_ERR_BAD_ARGUMENT);
        ck_assert_uint_eq(test_log.count, i + 1);
    }
    config = (memheap_cache_config_t){.item_size = 8, .log = &test_log.log};
    ck_assert_int_eq(memheap_cache_create(&config, &cache),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_logged(&test_log, "cache \"cache\": items of");
    unit_heap_close(&unit);
}
END_TEST

START_TEST(slab_of_2_to_the_18_items_is_used_up)
{
    enum {
        ITEMS = 1 << 18
    };
    static void *all[ITEMS];
    prepare(0, 8);
    config.slab_size = (size_t)ITEMS * 8;
    create();
    ck_assert_ok(memheap_cache_alloc_batch(cache, ITEMS, all));
    ck_assert_uint_eq(pool.pops, 1);
    for (size_t i = 1; i < ITEMS; i++)
        ck_assert_ptr_eq(all[i], (char *)all[0] + 8 * i);
    ck_assert_ok(memheap_cache_free(cache, all[200000]));
    ck_assert_ok(memheap_cache_free(cache, all[70000]));
    ck_assert_ok(memheap_cache_alloc(cache, &items[0]));
    ck_assert_ok(memheap_cache_check(cache));
    ck_assert_ptr_eq(items[0], all[70000]);
    close_cache();
}
END_TEST

START_TEST(default_slab_holds_eight_items)
{
    static const size_t size[] = {8, 48, 8192, 10000, 100000};
    static const size_t bytes[] = {65536, 65536, 65536, 131072, 1048576};
    for (size_t i = 0; i < 5; i++) {
        prepare(_i, size[i]);
        config.slab_size = 0;
        create();
        alloc_items(0, 1);
        ck_assert_uint_eq(get_stats().bytes, bytes[i]);
        ck_assert_uint_ge(get_stats().slab_items, 8);
        close_cache();
    }
}
END_TEST

START_TEST(plain_call_returns_an_item_or_null)
{
    size_t count = 0;
    prepare(_i, MIB);
    config.slab_size = MIB;
    create();
    while (count < MANY && (items[count] = memheap_cache_malloc(cache)) != NULL)
        count++;
    ck_assert_uint_ge(count, SIZE / MIB / 2);
    ck_assert_uint_le(count, SIZE / MIB);
    ck_assert_uint_eq(get_stats().live, count);
    return_items(0, count);
    close_cache();
}
END_TEST

START_TEST(cache_is_a_pool)
{
    open_cache(_i, 100);
    memheap_pool_t p = memheap_cache_as_pool(cache);
    void *block;
    size_t size;
    ck_assert_int_eq(p.pop(p.state, 4, 101, &block), MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_int_eq(p.pop(p.state, 8, 100, &block), MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_int_eq(p.pop(p.state, 4, 0, &block), MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_ok(p.pop(p.state, 4, 60, &block));
    ck_assert_ok(p.getsize(p.state, block, &size));
    ck_assert_uint_eq(size, 100);
    ck_assert_int_eq(p.getsize(p.state, (char *)block + 4, &size),
                     MEMHEAP_ERR_BAD_ADDRESS);
    ck_assert_ok(p.push(p.state, block));
    ck_assert_int_eq(p.getsize(p.state, block, &size), MEMHEAP_ERR_BAD_ADDRESS);
    ck_assert_uint_eq(test_log.count, 0);
    ck_assert_int_eq(p.push(p.state, block), MEMHEAP_ERR_BAD_ADDRESS);
    close_cache();
}
END_TEST

/* The model: which items are live. Each is filled with its number. */
static void run_random(size_t item_size, uint64_t seed)
{
    size_t live = 0;
    for (size_t step = 0; step < 1000; step++) {
        size_t count = 1 + unit_random_below(&seed, 200);
        size_t room = memheap_min(count, MANY - live);
        switch (unit_random_below(&seed, 5)) {
        case 0:
            alloc_items(live, live + room);
            break;
        case 1:
            ck_assert_ok(memheap_cache_alloc_batch(cache, room, items + live));
            break;
        case 2:
            count = memheap_min(count, live);
            ck_assert_ok(
                memheap_cache_free_batch(cache, count, items + live - count));
            live -= count;
            room = 0;
            break;
        default:
            room = 0;
            for (size_t i = 0; i < count && live > 0; i++) {
                size_t j = unit_random_below(&seed, live);
                const unsigned char *bytes = items[j];
                ck_assert_uint_eq(bytes[0], (uintptr_t)bytes / 8 % 255 + 1);
                ck_assert_uint_eq(bytes[item_size - 1], bytes[0]);
                memset(items[j], 0, item_size);
                return_items(j, j + 1);
                items[j] = items[--live];
            }
        }
        for (size_t i = live; i < live + room; i++)
            memset(items[i], (int)((uintptr_t)items[i] / 8 % 255 + 1),
                   item_size);
        live += room;
        ck_assert_uint_eq(get_stats().live, live);
        ck_assert_uint_eq(get_stats().slabs, pool.live);
        if (step % 16 == 0)
            ck_assert_ok(memheap_cache_check(cache));
    }
    return_items(0, live);
}

START_TEST(random_sequence_agrees_with_a_model)
{
    static const size_t sizes[] = {8, 63, 48, 500, 4096};
    uint64_t seed = unit_seed();
    for (size_t i = 0; i < 5; i++) {
        prepare(_i, sizes[i]);
        config.flags = i % 2 == 0 ? MEMHEAP_SINGLE_THREADED : 0;
        config.slab_size = i == 4 ? (size_t)2 * SLAB : SLAB;
        pool.most_align = i == 3 ? 16 : 0;
        create();
        run_random(sizes[i], seed + i);
        close_cache();
    }
}
END_TEST

/* Run with the n-th metadata request failing. @return whether there was one */
static bool run_with_failure_at(size_t number)
{
    unit_memory_t memory;
    size_t live = 0;
    size_t failures = 0;
    unit_memory_init(&memory);
    memory.fail_at = number;
    prepare(0, 200);
    config.memory = &memory.memory;
    config.slab_size = 1024;
    memheap_status_t status = memheap_cache_create(&config, &cache);
    if (status != MEMHEAP_OK) {
        ck_assert_int_eq(status, MEMHEAP_ERR_NO_METADATA);
        ck_assert_uint_eq(test_log.count, 1);
        ck_assert_uint_eq(memory.pieces, 0);
        unit_heap_close(&unit);
        return true;
    }
    while (live + 20 <= MANY) {
        size_t slabs = get_stats().slabs;
        status = live % 3 == 0
                     ? memheap_cache_alloc(cache, &items[live])
                     : memheap_cache_alloc_batch(cache, 20, &items[live]);
        if (status == MEMHEAP_OK) {
            live += live % 3 == 0 ? 1 : 20;
            continue;
        }
        ck_assert_int_eq(status, MEMHEAP_ERR_NO_METADATA);
        ck_assert_uint_eq(get_stats().slabs, slabs);
        ck_assert_uint_eq(pool.live, slabs);
        ck_assert_ok(memheap_cache_check(cache));
        failures++;
    }
    ck_assert_uint_eq(get_stats().failures, failures);
    ck_assert_uint_eq(get_stats().live, live);
    return_items(0, live);
    bool reached = number <= memory.requests;
    ck_assert_uint_eq(failures, number != 0 && reached);
    close_cache();
    ck_assert_uint_eq(memory.pieces, 0);
    ck_assert_uint_eq(memory.bytes, 0);
    return reached;
}

START_TEST(any_failed_metadata_request_is_survived)
{
    ck_assert(run_with_failure_at(0));
    size_t number = 1;
    while (run_with_failure_at(number))
        number++;
    ck_assert_uint_ge(number, 10);
}
END_TEST

typedef struct worker {
    pthread_t thread;
    pthread_barrier_t *start;
    uint64_t seed;
    size_t wrong, freed;
    void *own[500];
} worker_t;

static void start_workers(worker_t *worker, void *(*work)(void *))
{
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, THREADS);
    for (size_t i = 0; i < THREADS; i++) {
        worker[i] = (worker_t){.start = &start, .seed = i + 1};
        pthread_create(&worker[i].thread, NULL, work, &worker[i]);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(worker[i].thread, NULL);
    pthread_barrier_destroy(&start);
}

/* The owner of an item marks it until the free. */
static void *churn(void *context)
{
    worker_t *w = context;
    pthread_barrier_wait(w->start);
    for (size_t step = 0; step < 20000; step++) {
        void **slot = &w->own[unit_random_below(&w->seed, 490)];
        if (*slot != NULL) {
            w->wrong += *(worker_t **)*slot != w;
            w->wrong += memheap_cache_free(cache, *slot) != MEMHEAP_OK;
            *slot = NULL;
        } else if (memheap_cache_alloc(cache, slot) == MEMHEAP_OK) {
            *(worker_t **)*slot = w;
        } else {
            w->wrong++;
        }
        void *some[10];
        if (step % 100 == 0) {
            w->wrong +=
                memheap_cache_alloc_batch(cache, 10, some) != MEMHEAP_OK;
            for (size_t i = 0; i < 10; i++)
                *(worker_t **)some[i] = w;
            w->wrong += memheap_cache_free_batch(cache, 10, some) != MEMHEAP_OK;
        }
        if (step % 1000 == 0)
            w->wrong += memheap_cache_check(cache) != MEMHEAP_OK;
    }
    for (size_t i = 0; i < 490; i++)
        w->wrong += memheap_cache_free(cache, w->own[i]) != MEMHEAP_OK;
    return NULL;
}

/* Check that memheap_cache_check() finds a wrong value in a field. */
#define ASSERT_FOUND(field, wrong)                                             \
    do {                                                                       \
        __typeof__(field) right_ = (field);                                    \
        (field) = (wrong);                                                     \
        ck_assert_msg(memheap_cache_check(cache) == MEMHEAP_ERR_CORRUPT,       \
                      "%s = %s is not found", #field, #wrong);                 \
        (field) = right_;                                                      \
        ck_assert_ok(memheap_cache_check(cache));                              \
    } while (0)

START_TEST(check_finds_violated_invariants)
{
    enum {
        ITEMS = SLAB / 16,
        SLABS = 6
    };
    open_cache(_i, 16);
    alloc_items(0, SLABS * ITEMS);
    /* Slab 5 is current. 4 is the spare, 2, 1 and 0 are on the partial list, in
     * this order, and 3 has only a recently freed item. */
    return_items(4 * ITEMS, 5 * ITEMS);
    for (size_t i = 0; i < 3; i++)
        ck_assert_ok(memheap_cache_free_batch(cache, 1, &items[i * ITEMS]));
    return_items(3 * ITEMS, 3 * ITEMS + 1);
    slab_t *first = cache->partial;
    slab_t *second = first->next;
    slab_t *spare = cache->spare;
    slab_t *recent = cache->recent[0].slab;
    ck_assert_ptr_eq(first->base, items[2 * ITEMS]);
    ck_assert_ptr_eq(second->base, items[ITEMS]);
    ck_assert_ptr_eq(spare->base, items[4 * ITEMS]);
    ck_assert_ptr_eq(recent->base, items[3 * ITEMS]);
    ck_assert_ptr_eq(cache->current->base, items[5 * ITEMS]);

    ASSERT_FOUND(first->used, first->used + 1);
    ASSERT_FOUND(first->words[0], 0);
    ASSERT_FOUND(first->words[1], 1);
    ASSERT_FOUND(first->root, 0);
    ASSERT_FOUND(*summaries_of(cache, first), 0);
    ASSERT_FOUND(*summaries_of(cache, first), 3);
    ASSERT_FOUND(recent->root, 1);
    ASSERT_FOUND(cache->recent_count, 0);
    ASSERT_FOUND(cache->recent[0].index, 1);
    ASSERT_FOUND(cache->recent[0].index, WORD_BITS);
    ASSERT_FOUND(first->base, second->base);
    ASSERT_FOUND(cache->slabs, SLABS - 1);
    ASSERT_FOUND(cache->slabs, SLABS + 1);
    ASSERT_FOUND(cache->map.count, SLABS + 1);
    ASSERT_FOUND(cache->below_peak, cache->below_peak - 1);
    ASSERT_FOUND(cache->spare, NULL);
    ASSERT_FOUND(cache->spare, second);
    ASSERT_FOUND(cache->current, first);

    /* The partial list: cut, longer, with wrong links, and with slabs that do
     * not belong there. */
    ASSERT_FOUND(cache->partial, NULL);
    ASSERT_FOUND(cache->partial, second);
    ASSERT_FOUND(first->next, NULL);
    ASSERT_FOUND(first->next, first);
    ASSERT_FOUND(first->next, second->next);
    ASSERT_FOUND(first->previous, second);
    ASSERT_FOUND(second->previous, NULL);
    slab_t *last = second->next;
    slab_t *const strangers[] = {recent, spare, cache->current};
    for (size_t i = 0; i < 3; i++) {
        slab_t old = *strangers[i];
        strangers[i]->next = NULL;
        strangers[i]->previous = second;
        ASSERT_FOUND(second->next, strangers[i]); /* in place of the last */
        strangers[i]->previous = last;
        ASSERT_FOUND(last->next, strangers[i]);
        strangers[i]->next = old.next;
        strangers[i]->previous = old.previous;
    }
    return_items(5 * ITEMS, 6 * ITEMS);
    close_cache();
}
END_TEST

START_TEST(no_item_is_allocated_twice_by_threads)
{
    static worker_t worker[THREADS];
    for (size_t round = 0; round < 5; round++) {
        open_cache(_i, 16 + round * 40);
        if (round % 2 == 0) /* this thread owns the biased lock */
            ck_assert_ok(memheap_cache_free(cache, NULL));
        start_workers(worker, churn);
        for (size_t i = 0; i < THREADS; i++)
            ck_assert_uint_eq(worker[i].wrong, 0);
        ck_assert_uint_eq(get_stats().live, 0);
        ck_assert_uint_eq(get_stats().slabs, pool.live);
        close_cache();
    }
}
END_TEST

/* A log for messages of any thread. */
static void no_sink(void *context, memheap_log_level_t level,
                    const char *message)
{
    (void)context;
    (void)level;
    (void)message;
}

static void *free_all(void *context)
{
    worker_t *w = context;
    pthread_barrier_wait(w->start);
    for (size_t i = 0; i < MANY; i++)
        w->freed += memheap_cache_free(cache, items[i]) == MEMHEAP_OK;
    return NULL;
}

START_TEST(one_of_concurrent_frees_succeeds)
{
    static worker_t worker[THREADS];
    for (size_t round = 0; round < 5; round++) {
        size_t freed = 0;
        prepare(_i, 64);
        test_log.log.sink = no_sink;
        create();
        alloc_items(0, MANY);
        start_workers(worker, free_all);
        for (size_t i = 0; i < THREADS; i++)
            freed += worker[i].freed;
        ck_assert_uint_eq(freed, MANY);
        ck_assert_uint_eq(get_stats().live, 0);
        close_cache();
    }
}
END_TEST

/* All PEs need memory for the same slabs, and agree on it. */
START_TEST(callers_of_a_collective_pool_agree_on_memory)
{
    unit_memory_t memory;
    unit_memory_init(&memory);
    prepare(_i, 1024);
    unit_pool_share(&pool);
    config.memory = &memory.memory;
    pool.fail_agree = 1;
    ck_assert_int_eq(memheap_cache_create(&config, &cache),
                     MEMHEAP_ERR_NO_METADATA);
    ck_assert_uint_eq(memory.pieces, 0);
    memory.fail_at = memory.requests + 1;
    ck_assert_int_eq(memheap_cache_create(&config, &cache),
                     MEMHEAP_ERR_NO_METADATA);
    ck_assert_uint_eq(pool.agreements, 2);
    ck_assert_int_eq(pool.worst, MEMHEAP_ERR_NO_METADATA);
    create();
    size_t other_failed = 0;
    for (size_t i = 0; i < MANY; i++) {
        size_t pops = pool.pops;
        size_t before = pool.agreements;
        pool.fail_agree = before + 1; /* another PE has no memory */
        memheap_status_t status = memheap_cache_alloc(cache, &items[i]);
        ck_assert_int_eq(status == MEMHEAP_OK, pool.agreements == before);
        if (status == MEMHEAP_OK)
            continue;
        other_failed++;
        ck_assert_int_eq(status, MEMHEAP_ERR_NO_METADATA);
        ck_assert_uint_eq(pool.pops, pops);
        pool.fail_agree = 0;
        ck_assert_ok(memheap_cache_alloc(cache, &items[i]));
        ck_assert_uint_eq(pool.agreements, before + 2);
    }
    /* There is no agreement for each slab. */
    ck_assert_uint_ge(other_failed, 2);
    ck_assert_uint_le(other_failed, pool.pops / 8);
    close_cache();
}
END_TEST

int main(void)
{
    int kinds = unit_heap_kinds();
    TCase *tests = unit_case();
    tcase_add_loop_test(tests, items_are_aligned_and_do_not_overlap, 0, kinds);
    tcase_add_loop_test(tests, item_of_8_bytes_takes_8_bytes, 0, kinds);
    tcase_add_loop_test(tests, lowest_free_item_of_the_word_is_taken_first, 0,
                        kinds);
    tcase_add_loop_test(tests, same_calls_get_same_offsets, 0, kinds);
    tcase_add_loop_test(tests, pool_is_called_once_per_slab, 0, kinds);
    tcase_add_loop_test(tests, slab_alignment_is_reduced_to_that_of_the_pool, 0,
                        kinds);
    tcase_add_loop_test(tests, one_empty_slab_is_kept, 0, kinds);
    tcase_add_loop_test(tests, foreign_pointer_is_refused, 0, kinds);
    tcase_add_loop_test(tests, pointer_into_an_item_is_refused, 0, kinds);
    tcase_add_loop_test(tests, second_free_is_refused, 0, kinds);
    tcase_add_loop_test(tests, free_of_null_is_ignored, 0, kinds);
    tcase_add_loop_test(tests, items_of_a_batch_can_be_freed_singly, 0, kinds);
    tcase_add_loop_test(tests, failed_batch_changes_nothing, 0, kinds);
    tcase_add_loop_test(tests, batch_with_nulls_is_freed, 0, kinds);
    tcase_add_loop_test(tests, bad_entry_of_a_batch_frees_nothing, 0, kinds);
    tcase_add_loop_test(tests, pool_that_fails_changes_nothing, 0, kinds);
    tcase_add_loop_test(tests, slab_that_the_pool_refuses_is_reported, 0,
                        kinds);
    tcase_add_loop_test(tests, stats_count_the_calls, 0, kinds);
    tcase_add_test(tests, unsupported_sizes_are_refused);
    tcase_add_test(tests, slab_of_2_to_the_18_items_is_used_up);
    tcase_add_loop_test(tests, default_slab_holds_eight_items, 0, kinds);
    tcase_add_loop_test(tests, plain_call_returns_an_item_or_null, 0, kinds);
    tcase_add_loop_test(tests, cache_is_a_pool, 0, kinds);
    tcase_add_loop_test(tests, random_sequence_agrees_with_a_model, 0, kinds);
    tcase_add_test(tests, any_failed_metadata_request_is_survived);
    tcase_add_loop_test(tests, check_finds_violated_invariants, 0, kinds);
    tcase_add_loop_test(tests, no_item_is_allocated_twice_by_threads, 0, kinds);
    tcase_add_loop_test(tests, one_of_concurrent_frees_succeeds, 0, kinds);
    tcase_add_loop_test(tests, callers_of_a_collective_pool_agree_on_memory, 0,
                        unit_heap_kinds());
    return unit_run("cache", tests);
}
