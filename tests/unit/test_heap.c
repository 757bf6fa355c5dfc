/*
 * The calls of memheap.h but for resizing and batches, on heaps over memory of
 * their own and over ranges of the caller, with every component.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <memheap/range_pool.h>
#include <memheap/version.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    SIZE = 256 * 1024,
    /* Bytes; the least that libc allows. Sanitizers need more. */
#ifdef __SANITIZE_ADDRESS__
    SMALL_STACK = 1 << 20
#else
    SMALL_STACK = 16384
#endif
};

static unit_heap_t unit;
static unit_log_t test_log;

static void setup(void)
{
    unit_log_init(&test_log);
}

static void *alloc(memheap_t *heap, size_t size)
{
    void *block;
    ck_assert_ok(memheap_alloc(heap, size, &block));
    return block;
}

static bool all_bytes_are(const void *memory, size_t size, unsigned char value)
{
    const unsigned char *byte = memory;
    for (size_t i = 0; i < size; i++) {
        if (byte[i] != value)
            return false;
    }
    return true;
}

/* Counts the pages at which the library looks: this definition comes before
 * that of libc. */
static size_t looked_at;

int mincore(void *address, size_t size, unsigned char *present)
{
    looked_at += size / 4096;
    return (int)syscall(SYS_mincore, address, size, present);
}

/* Creation. */

START_TEST(wide_range_is_not_looked_at)
{
    memheap_t *heap;
    memheap_range_pool_t *pool;
    memheap_stats_t stats;
    void *range = mmap(NULL, TIB, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ck_assert_ptr_ne(range, MAP_FAILED);
    memheap_config_t config = {.base = range, .size = TIB};
    looked_at = 0;
    ck_assert_ok(memheap_create(&config, &heap));
    memset(alloc(heap, 100), 1, 100);
    memheap_get_stats(heap, &stats);
    ck_assert_uint_eq(stats.resident, 4096);
    ck_assert_ok(memheap_destroy(heap));
    ck_assert_ok(memheap_range_pool_create(&config, &pool));
    ck_assert_ok(memheap_range_pool_destroy(pool));
    ck_assert_uint_gt(looked_at, 0);
    ck_assert_uint_lt(looked_at, 100);
    munmap(range, TIB);
}
END_TEST

static void *create_one(void *setting)
{
    memheap_t *heap;
    const char *params[] = {setting, NULL};
    memheap_config_t config = {.size = TIB, .params = params};
    if (memheap_create(&config, &heap) != MEMHEAP_OK)
        return NULL;
    memheap_free(heap, memheap_malloc(heap, 100));
    return memheap_destroy(heap) == MEMHEAP_OK ? setting : NULL;
}

START_TEST(thread_with_a_small_stack_can_create_a_heap)
{
    pthread_t thread;
    pthread_attr_t attributes;
    void *result;
    char setting[64];
    snprintf(setting, sizeof(setting), "MEMHEAP_COMPONENT=%s",
             unit_component_name(_i));
    pthread_attr_init(&attributes);
    ck_assert_int_eq(pthread_attr_setstacksize(&attributes, SMALL_STACK), 0);
    ck_assert_int_eq(pthread_create(&thread, &attributes, create_one, setting),
                     0);
    pthread_join(thread, &result);
    ck_assert_ptr_eq(result, setting);
}
END_TEST

START_TEST(heap_of_four_tebibytes_takes_no_memory)
{
    unit_memory_t memory;
    memheap_t *heap;
    unit_memory_init(&memory);
    memheap_config_t config = {.size = 4 * TIB, .memory = &memory.memory};
    long before = unit_resident_kib();
    ck_assert_ok(memheap_create(&config, &heap));
    void *block = alloc(heap, 100);
    memset(block, 1, 100);
    ck_assert_int_lt(unit_resident_kib() - before, 8 * 1024);
    ck_assert_uint_eq((uintptr_t)memheap_base(heap) % GIB, 0);
    memheap_destroy(heap);
    ck_assert_uint_eq(memory.pieces, 0);
}
END_TEST

START_TEST(default_size_is_that_of_physical_memory)
{
    memheap_t *heap;
    memheap_stats_t stats;
    memheap_config_t config = {.log = &test_log.log};
    ck_assert_ok(memheap_create(&config, &heap));
    memheap_get_stats(heap, &stats);
    ck_assert_uint_gt(stats.size, 64 * MIB);
    alloc(heap, 16);
    memheap_destroy(heap);
}
END_TEST

START_TEST(library_and_headers_have_one_version)
{
    char text[32];
    snprintf(text, sizeof(text), "%d.%d.%d", MEMHEAP_VERSION_MAJOR,
             MEMHEAP_VERSION_MINOR, MEMHEAP_VERSION_PATCH);
    ck_assert_str_eq(memheap_version(), MEMHEAP_VERSION_STRING);
    ck_assert_str_eq(memheap_version(), text);
}
END_TEST

START_TEST(heap_has_component_and_base)
{
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    ck_assert_str_eq(memheap_component_name(unit.heap),
                     unit_component_name(_i / 2));
    ck_assert_ptr_eq(alloc(unit.heap, 16), memheap_base(unit.heap));
    unit_heap_close(&unit);
}
END_TEST

START_TEST(heap_has_the_addresses_of_its_range)
{
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    const char *base = memheap_base(unit.heap);
    ck_assert(!memheap_has_address(unit.heap, base - 1));
    ck_assert(memheap_has_address(unit.heap, base));
    ck_assert(memheap_has_address(unit.heap, base + SIZE - 1));
    ck_assert(!memheap_has_address(unit.heap, base + SIZE));
    unit_heap_close(&unit);
}
END_TEST

START_TEST(impossible_ranges_are_refused)
{
    static char range[4096] __attribute__((aligned(16)));
    const memheap_config_t configs[] = {
        {.base = range + 8, .size = 4000},
        {.base = range, .size = 0},
        {.base = range, .size = SIZE_MAX - 100},
        {.base = range, .size = 4096, .max_size = SIZE_MAX - 100},
    };
    for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
        memheap_t *heap = NULL;
        memheap_config_t config = configs[i];
        config.log = &test_log.log;
        unit_log_clear(&test_log);
        ck_assert_int_eq(memheap_create(&config, &heap),
                         MEMHEAP_ERR_BAD_ARGUMENT);
        ck_assert_ptr_null(heap);
        ck_assert_uint_eq(test_log.count, 1);
        ck_assert_logged(&test_log, "a base is a multiple of 16");
    }
}
END_TEST

START_TEST(impossible_size_is_refused)
{
    memheap_t *heap;
    memheap_config_t config = {.size = SIZE_MAX - 5, .log = &test_log.log};
    ck_assert_int_eq(memheap_create(&config, &heap), MEMHEAP_ERR_SYSTEM);
    ck_assert_uint_eq(test_log.count, 1);
}
END_TEST

START_TEST(range_that_no_component_can_serve_is_refused)
{
    static char range[16] __attribute__((aligned(16)));
    memheap_t *heap;
    unit_memory_t memory;
    unit_memory_init(&memory);
    memheap_config_t config = {.base = range,
                               .size = (size_t)1 << 62,
                               .log = &test_log.log,
                               .memory = &memory.memory};
    memheap_status_t status = memheap_create(&config, &heap);
    ck_assert(status == MEMHEAP_ERR_NO_COMPONENT ||
              status == MEMHEAP_ERR_NO_METADATA);
    ck_assert_uint_eq(test_log.count, 1);
    ck_assert_uint_eq(memory.pieces, 0);
}
END_TEST

static const char *const bad_params[] = {
    "MEMHEAP_COMPONENT=nobody",
    "MEMHEAP_NOBODY=1",
    "MEMHEAP_CHECK=maybe",
    "MEMHEAP_CHECK",
};

START_TEST(bad_parameter_is_refused_and_costs_nothing)
{
    memheap_t *heap;
    unit_memory_t memory;
    unit_memory_init(&memory);
    const char *const params[] = {bad_params[_i], NULL};
    memheap_config_t config = {.size = SIZE,
                               .params = params,
                               .log = &test_log.log,
                               .memory = &memory.memory};
    ck_assert_int_eq(memheap_create(&config, &heap), MEMHEAP_ERR_BAD_PARAM);
    ck_assert_uint_eq(test_log.count, 1);
    ck_assert_uint_eq(memory.pieces, 0);
}
END_TEST

START_TEST(plain_calls_return_blocks_or_null)
{
    unit_heap_open(&unit, _i, MIB, 0, NULL);
    double *numbers = memheap_malloc(unit.heap, 10 * sizeof(double));
    char *zeros = memheap_calloc(unit.heap, 10, 10);
    void *page = memheap_aligned_alloc(unit.heap, 4096, 100);
    ck_assert_ptr_nonnull(numbers);
    ck_assert_ptr_nonnull(page);
    ck_assert_uint_eq((uintptr_t)page % 4096, 0);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(zeros[i], 0);
    numbers[9] = 9;
    numbers = memheap_realloc(unit.heap, numbers, 1000 * sizeof(double));
    ck_assert_double_eq(numbers[9], 9);
    ck_assert_ptr_null(memheap_malloc(unit.heap, 0));
    ck_assert_ptr_null(memheap_calloc(unit.heap, SIZE_MAX, 2));
    ck_assert_ptr_null(memheap_aligned_alloc(unit.heap, 48, 100));
    ck_assert_ptr_null(memheap_realloc(unit.heap, numbers, 4 * MIB));
    ck_assert_double_eq(numbers[9], 9);
    ck_assert_ok(memheap_free(unit.heap, numbers));
    ck_assert_ok(memheap_free(unit.heap, zeros));
    ck_assert_ok(memheap_free(unit.heap, page));
    unit_heap_close(&unit);
}
END_TEST

/* Where blocks lie after every second one of a row was freed, in the order of
 * addresses or against it. */
static void place_normalized(int kind, bool against, size_t places[20])
{
    void *row[40];
    unit_heap_open(&unit, kind, MIB, 0, "MEMHEAP_RECORDS=1");
    for (size_t i = 0; i < 40; i++)
        row[i] = alloc(unit.heap, 500 + 4000 * (i / 20));
    for (size_t i = 0; i < 40; i += 2)
        ck_assert_ok(memheap_free(unit.heap, row[against ? 38 - i : i]));
    memheap_normalize(unit.heap);
    for (size_t i = 0; i < 20; i++)
        places[i] = (size_t)((char *)alloc(unit.heap, 500 + 4000 * (i / 10)) -
                             (char *)memheap_base(unit.heap));
    unit_heap_close(&unit);
}

START_TEST(normalized_heap_forgets_its_history)
{
    size_t places[2][20];
    for (int i = 0; i < 2; i++)
        place_normalized(_i, i == 1, places[i]);
    ck_assert_mem_eq(places[0], places[1], sizeof(places[0]));
}
END_TEST

START_TEST(destruction_of_null_is_ignored)
{
    ck_assert_ok(memheap_destroy(NULL));
}
END_TEST

START_TEST(range_stays_the_callers)
{
    static char range[SIZE] __attribute__((aligned(4096)));
    memheap_t *heap;
    memheap_config_t config = {.base = range, .size = SIZE};
    memset(range, 7, SIZE);
    ck_assert_ok(memheap_create(&config, &heap));
    void *block = alloc(heap, 1000);
    ck_assert_ok(memheap_free(heap, block));
    alloc(heap, 100000);
    memheap_destroy(heap);
    ck_assert(all_bytes_are(range, SIZE, 7));
}
END_TEST

/* A range between canaries, right before a page where an access ends in a
 * signal. Blocks are filled, with sizes around what is free. */
START_TEST(range_is_not_exceeded)
{
    enum {
        HELD = 60,
        CANARY = 0xC3
    };
    static const size_t sizes[] = {5000, 64 * KIB + 7, MIB + 4097, 2 * MIB - 1};
    size_t size = sizes[_i % 4];
    size_t room = memheap_page_round(size) + memheap_page_size();
    size_t before = memheap_align_down(room - size, MEMHEAP_MIN_ALIGN);
    size_t end = before + size;
    char component[64];
    const char *params[] = {component, unit_component_setting(_i / 4), NULL};
    char *map =
        mmap(NULL, 2 * room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(map, MAP_FAILED);
    ck_assert_int_eq(mprotect(map, room, PROT_READ | PROT_WRITE), 0);
    memset(map, CANARY, room);
    snprintf(component, sizeof(component), "MEMHEAP_COMPONENT=%s",
             unit_component_name(_i / 4));
    memheap_t *heap;
    memheap_config_t config = {.base = map + before,
                               .size = size,
                               .params = params,
                               .log = &test_log.log};
    ck_assert_ok(memheap_create(&config, &heap));
    void *held[HELD] = {NULL};
    size_t usable[HELD] = {0};
    uint64_t seed = unit_seed();
    for (int step = 0; step < 600; step++) {
        memheap_stats_t stats;
        memheap_get_stats(heap, &stats);
        size_t i = unit_random_below(&seed, HELD);
        size_t wanted = stats.largest_free >> unit_random_below(&seed, 4);
        wanted += 20 - memheap_min(20, unit_random_below(&seed, 41));
        if (held[i] != NULL)
            ck_assert(all_bytes_are(held[i], usable[i], (unsigned char)i));
        if (held[i] == NULL || unit_random_below(&seed, 2) == 0) {
            if (memheap_resize(heap, held[i], wanted + 1, &held[i]) !=
                MEMHEAP_OK)
                continue;
            ck_assert_ok(memheap_usable_size(heap, held[i], &usable[i]));
            memset(held[i], (int)i, usable[i]);
        } else {
            ck_assert_ok(memheap_free(heap, held[i]));
            held[i] = NULL;
        }
    }
    for (size_t i = 0; i < HELD; i++)
        ck_assert(all_bytes_are(held[i], held[i] == NULL ? 0 : usable[i],
                                (unsigned char)i));
    ck_assert_ok(memheap_check(heap));
    memheap_destroy(heap);
    ck_assert(all_bytes_are(map, before, CANARY));
    ck_assert(all_bytes_are(map + end, room - end, CANARY));
    munmap(map, 2 * room);
}
END_TEST

START_TEST(heaps_of_several_components_live_side_by_side)
{
    static unit_heap_t other;
    int kinds = unit_heap_kinds();
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    unit_heap_open(&other, (_i + 2) % kinds, SIZE, 0, NULL);
    for (size_t i = 1; i <= 50; i++) {
        void *here = alloc(unit.heap, 100 * i);
        void *there = alloc(other.heap, 50 * i);
        memset(here, 1, 100 * i);
        memset(there, 2, 50 * i);
        ck_assert(all_bytes_are(here, 100 * i, 1));
        if (i % 2 == 0)
            ck_assert_ok(memheap_free(unit.heap, here));
    }
    ck_assert_ok(memheap_check(unit.heap));
    unit_heap_close(&unit);
    ck_assert_ok(memheap_check(other.heap));
    alloc(other.heap, 100);
    unit_heap_close(&other);
}
END_TEST

/* Allocation. */

START_TEST(impossible_sizes_are_refused)
{
    void *block = NULL;
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    ck_assert_int_eq(memheap_alloc(unit.heap, 0, &block),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_int_eq(memheap_alloc(unit.heap, SIZE_MAX, &block),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_int_eq(memheap_alloc(unit.heap, SIZE + 1, &block),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_ptr_null(block);
    ck_assert_uint_eq(unit.log.count, 0);
    ck_assert_ptr_eq(alloc(unit.heap, SIZE), unit.base);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(bad_alignments_are_refused)
{
    static const size_t bad[] = {0, 3, 24, TIB, (size_t)1 << 63, SIZE_MAX};
    void *block = NULL;
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_int_eq(memheap_alloc_aligned(unit.heap, bad[i], 16, &block),
                         MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_ptr_null(block);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(small_alignments_are_raised)
{
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    for (size_t align = 1; align <= 16; align *= 2) {
        void *block;
        ck_assert_ok(memheap_alloc_aligned(unit.heap, align, 3, &block));
        ck_assert_uint_eq((uintptr_t)block % 16, 0);
    }
    unit_heap_close(&unit);
}
END_TEST

START_TEST(addresses_are_aligned_as_far_as_the_base_is)
{
    size_t limit = _i % 2 == 0 ? GIB : 4096;
    unit_heap_open(&unit, _i, _i % 2 == 0 ? 4 * TIB : MIB, 0, NULL);
    alloc(unit.heap, 16);
    void *block;
    for (size_t align = 16; align <= limit; align *= 2) {
        ck_assert_ok(memheap_alloc_aligned(unit.heap, align, 1, &block));
        ck_assert_uint_eq((uintptr_t)block % align, 0);
        ck_assert_ok(memheap_free(unit.heap, block));
    }
    ck_assert_int_eq(memheap_alloc_aligned(unit.heap, 2 * limit, 1, &block),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(usable_size_is_at_least_the_requested_size)
{
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    for (size_t size = 1; size < 5000; size = size * 2 + 1) {
        size_t usable;
        void *block = alloc(unit.heap, size);
        ck_assert_ok(memheap_usable_size(unit.heap, block, &usable));
        ck_assert_uint_ge(usable, size);
        memset(block, 1, usable);
    }
    ck_assert_ok(memheap_check(unit.heap));
    unit_heap_close(&unit);
}
END_TEST

START_TEST(reused_memory_is_zeroed)
{
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    void *block = alloc(unit.heap, 1000);
    memset(block, 0xFF, 1000);
    ck_assert_ok(memheap_free(unit.heap, block));
    ck_assert_ok(memheap_alloc_zeroed(unit.heap, 10, 100, &block));
    ck_assert(all_bytes_are(block, 1000, 0));
    /* A part of the next block was in use before, a part was not. */
    memset(block, 0xFF, 1000);
    ck_assert_ok(memheap_free(unit.heap, block));
    ck_assert_ok(memheap_alloc_zeroed(unit.heap, 1, SIZE, &block));
    ck_assert(all_bytes_are(block, SIZE, 0));
    unit_heap_close(&unit);
}
END_TEST

START_TEST(range_of_the_caller_is_zeroed)
{
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    if (unit.range != NULL)
        memset(unit.base, 0xFF, SIZE);
    void *block;
    ck_assert_ok(memheap_alloc_zeroed(unit.heap, SIZE, 1, &block));
    ck_assert(all_bytes_are(block, SIZE, 0));
    unit_heap_close(&unit);
}
END_TEST

START_TEST(unused_memory_is_zero_and_not_touched)
{
    void *block;
    unit_heap_open(&unit, 2 * _i, 4 * TIB, 0, "MEMHEAP_OVERCOMMIT=1");
    long before = unit_resident_kib();
    ck_assert_ok(memheap_alloc_zeroed(unit.heap, 1024, GIB, &block));
    ck_assert_int_lt(unit_resident_kib() - before, 8 * 1024);
    ck_assert_int_eq(((char *)block)[TIB / 2], 0);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(product_that_overflows_is_refused)
{
    void *block = NULL;
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    ck_assert_int_eq(memheap_alloc_zeroed(unit.heap, SIZE_MAX / 2, 4, &block),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_int_eq(memheap_alloc_zeroed(unit.heap, 0, 4, &block),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_int_eq(memheap_alloc_zeroed(unit.heap, 4, 0, &block),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_ptr_null(block);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(block_that_cannot_be_committed_is_returned)
{
    void *block = NULL;
    unit_heap_open(&unit, 2 * _i, 64 * TIB, 0, NULL);
    uint64_t before = unit_heap_digest(unit.heap);
    ck_assert_int_eq(memheap_alloc(unit.heap, 32 * TIB, &block),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_ptr_null(block);
    ck_assert_uint_eq(unit.log.count, 1);
    ck_assert_logged(&unit.log, "32 TiB");
    ck_assert_uint_eq(unit_heap_digest(unit.heap), before);
    memheap_stats_t stats;
    memheap_get_stats(unit.heap, &stats);
    ck_assert_uint_eq(stats.used, 0);
    ck_assert_uint_eq(stats.peak, 0);
    alloc(unit.heap, 100);
    unit_heap_close(&unit);
}
END_TEST

/* Inspection. */

START_TEST(stats_follow_the_blocks)
{
    memheap_stats_t stats;
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    void *block = alloc(unit.heap, 4096);
    alloc(unit.heap, 8192);
    ck_assert_ok(memheap_free(unit.heap, block));
    memheap_get_stats(unit.heap, &stats);
    ck_assert_uint_eq(stats.size, SIZE);
    ck_assert_uint_eq(stats.used, 8192);
    ck_assert_uint_eq(stats.free, SIZE - 8192);
    ck_assert_uint_eq(stats.peak, 12288);
    ck_assert_uint_eq(stats.live_blocks, 1);
    ck_assert_uint_ge(stats.committed, 16384);
    ck_assert_uint_gt(stats.metadata, 0);
    ck_assert_uint_eq(stats.high_water, memheap_high_water(unit.heap));
    ck_assert_uint_ge(stats.high_water, 12288);
    alloc(unit.heap, stats.largest_free);
    unit_heap_close(&unit);
}
END_TEST

/* A walk that counts what it visits. */
typedef struct visits {
    size_t count;
    size_t limit;
    memheap_block_t block[8];
} visits_t;

static bool visit(void *context, const memheap_block_t *block)
{
    visits_t *visits = context;
    visits->block[visits->count++] = *block;
    return visits->count < visits->limit;
}

START_TEST(walk_visits_every_block_in_order)
{
    visits_t visits = {.limit = 8};
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    char *first = alloc(unit.heap, 4096);
    char *second = alloc(unit.heap, 4096);
    alloc(unit.heap, 4096);
    ck_assert_ok(memheap_free(unit.heap, second));
    memheap_walk(unit.heap, visit, &visits);
    ck_assert_uint_eq(visits.count, 4);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_ptr_eq(visits.block[i].address, first + i * 4096);
        ck_assert_uint_eq(visits.block[i].size, i < 3 ? 4096 : SIZE - 12288);
        ck_assert_int_eq(visits.block[i].live, i == 0 || i == 2);
    }
    visits = (visits_t){.limit = 2};
    memheap_walk(unit.heap, visit, &visits);
    ck_assert_uint_eq(visits.count, 2);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(address_is_described)
{
    char text[256];
    char expected[256];
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    char *block = alloc(unit.heap, 4096);
    snprintf(expected, sizeof(expected),
             "%p is a block of 4096 bytes in heap \"heap\"", (void *)block);
    ck_assert_str_eq(memheap_describe(unit.heap, block, text, sizeof(text)),
                     expected);
    ck_assert_ptr_eq(memheap_describe(unit.heap, block, text, 10), text);
    ck_assert_uint_eq(strlen(text), 9);
    memheap_describe(unit.heap, block + SIZE - 1, text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, "free space of 258048 bytes"));
    unit_heap_close(&unit);
}
END_TEST

START_TEST(heap_has_the_name_it_was_given)
{
    memheap_t *heap;
    char text[256];
    char long_name[100];
    memset(long_name, 'n', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    memheap_config_t config = {.size = SIZE, .name = long_name};
    ck_assert_ok(memheap_create(&config, &heap));
    memheap_describe(heap, text, text, sizeof(text));
    const char *name = strchr(text, '"') + 1;
    ck_assert_uint_eq(strspn(name, "n"), 47);
    ck_assert_int_eq(name[47], '"');
    memheap_destroy(heap);
}
END_TEST

START_TEST(check_mode_fills_new_and_freed_blocks)
{
    void *block;
    unit_heap_open(&unit, _i, SIZE, 0, "MEMHEAP_CHECK=1");
    block = alloc(unit.heap, 4096);
    ck_assert(all_bytes_are(block, 4096, 0xA5));
    memset(block, 1, 4096);
    ck_assert_ok(memheap_free(unit.heap, block));
    ck_assert(all_bytes_are(block, 4096, 0xDD));
    ck_assert_ok(memheap_alloc_zeroed(unit.heap, 1, 8192, &block));
    ck_assert(all_bytes_are(block, 8192, 0));
    unit_heap_close(&unit);
}
END_TEST

START_TEST(range_of_the_caller_grows)
{
    unit_heap_open(&unit, _i, SIZE, 4 * SIZE, NULL);
    void *block;
    alloc(unit.heap, SIZE);
    if (unit.range == NULL) {
        ck_assert_int_eq(memheap_grow(unit.heap, 2 * SIZE),
                         MEMHEAP_ERR_BAD_ARGUMENT);
        unit_heap_close(&unit);
        return;
    }
    ck_assert_int_eq(memheap_alloc(unit.heap, 16, &block),
                     MEMHEAP_ERR_NO_MEMORY);
    memset(unit.base + SIZE, 0xFF, SIZE);
    ck_assert_ok(memheap_grow(unit.heap, 2 * SIZE));
    ck_assert_ok(memheap_alloc_zeroed(unit.heap, 1, SIZE, &block));
    ck_assert(all_bytes_are(block, SIZE, 0));
    ck_assert_int_eq(memheap_grow(unit.heap, SIZE), MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_int_eq(memheap_grow(unit.heap, 4 * SIZE + 1),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_ok(memheap_grow(unit.heap, 4 * SIZE));
    ck_assert_ok(memheap_free(unit.heap, unit.base));
    ck_assert_ok(memheap_free(unit.heap, block));
    ck_assert_ptr_eq(alloc(unit.heap, 4 * SIZE), unit.base);
    ck_assert_ok(memheap_check(unit.heap));
    unit_heap_close(&unit);
}
END_TEST

/* Threads. */

typedef struct worker {
    pthread_t thread;
    unsigned number;
    unsigned wrong; /* wrong results */
} worker_t;

static void *work(void *context)
{
    enum {
        HELD = 16,
        ROUNDS = 3000
    };
    worker_t *self = context;
    uint64_t seed = self->number;
    unsigned char *held[HELD] = {NULL};
    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t at = unit_random_below(&seed, HELD);
        if (held[at] != NULL) {
            self->wrong +=
                !all_bytes_are(held[at], 100, (unsigned char)self->number);
            self->wrong += memheap_free(unit.heap, held[at]) != MEMHEAP_OK;
        }
        void *block = NULL;
        self->wrong +=
            memheap_alloc(unit.heap, 100 + i % 500, &block) != MEMHEAP_OK;
        held[at] = block;
        if (block != NULL)
            memset(block, (int)self->number, 100);
    }
    for (size_t i = 0; i < HELD; i++)
        self->wrong += memheap_free(unit.heap, held[i]) != MEMHEAP_OK;
    return NULL;
}

START_TEST(threads_share_a_heap)
{
    worker_t workers[4];
    memheap_stats_t stats;
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    for (unsigned i = 0; i < 4; i++) {
        workers[i] = (worker_t){.number = i + 1};
        ck_assert_int_eq(
            pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(workers[i].thread, NULL);
        ck_assert_uint_eq(workers[i].wrong, 0);
    }
    ck_assert_ok(memheap_check(unit.heap));
    memheap_get_stats(unit.heap, &stats);
    ck_assert_uint_eq(stats.used, 0);
    ck_assert_ptr_eq(alloc(unit.heap, SIZE), memheap_base(unit.heap));
    unit_heap_close(&unit);
}
END_TEST

START_TEST(chosen_address_can_be_reserved)
{
    size_t size;
    void *block;
    unit_heap_open(&unit, _i, MIB, 0, NULL);
    memheap_t *heap = unit.heap;
    char *place = unit.base + 256 * KIB;
    ck_assert_ok(memheap_reserve(heap, place, 64 * KIB));
    memset(place, 1, 64 * KIB);
    ck_assert_ok(memheap_usable_size(heap, place, &size));
    ck_assert_uint_ge(size, 64 * KIB);
    ck_assert_int_eq(memheap_reserve(heap, place, 64 * KIB), MEMHEAP_ERR_BUSY);
    ck_assert_ok(memheap_check(heap));
    for (int i = 0; i < 3; i++) {
        ck_assert_ok(memheap_alloc(heap, 100 * KIB, &block));
        ck_assert((char *)block + 100 * KIB <= place ||
                  (char *)block >= place + 64 * KIB);
    }
    memheap_stats_t stats;
    memheap_get_stats(heap, &stats);
    ck_assert_uint_eq(stats.live_blocks, 4);
    ck_assert_uint_ge(stats.peak, stats.used);
    ck_assert_ok(memheap_free(heap, place));
    ck_assert_ok(memheap_reserve(heap, place, 64 * KIB));
    unit_heap_close(&unit);
    unit_heap_open(&unit, _i, MIB, 0, NULL);
    ck_assert_ok(memheap_reserve(unit.heap, unit.base, MIB)); /* all of it */
    unit_heap_close(&unit);
}
END_TEST

/* A thread cache has it. */
START_TEST(freed_block_can_be_reserved)
{
    unit_heap_open(&unit, _i, MIB, 0, NULL);
    void *blocks[40];
    for (int i = 0; i < 40; i++)
        blocks[i] = alloc(unit.heap, 64);
    for (int i = 0; i < 40; i++)
        ck_assert_ok(memheap_free(unit.heap, blocks[i]));
    ck_assert_ok(memheap_reserve(unit.heap, blocks[7], 64));
    ck_assert_ok(memheap_free(unit.heap, blocks[7]));
    unit_heap_close(&unit);
}
END_TEST

START_TEST(guarded_heap_reserves_nothing)
{
    unit_heap_open(&unit, 0, MIB, 0, "MEMHEAP_GUARD=1");
    ck_assert_int_eq(memheap_reserve(unit.heap, unit.base, 4096),
                     MEMHEAP_ERR_UNSUPPORTED);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(bad_address_cannot_be_reserved)
{
    unit_heap_open(&unit, _i, MIB, 0, NULL);
    memheap_t *heap = unit.heap;
    char *base = unit.base;
    ck_assert_int_eq(memheap_reserve(heap, base, 0), MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_int_eq(memheap_reserve(heap, base + 8, 64),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_int_eq(memheap_reserve(heap, base - 4096, 4096),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_int_eq(memheap_reserve(heap, base + MIB, 4096),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_int_eq(memheap_reserve(heap, base + MIB - 4096, 8192),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_int_eq(memheap_reserve(heap, base, SIZE_MAX),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(address_that_cannot_be_committed_is_not_reserved)
{
    unit_heap_open(&unit, 2 * _i, 64 * TIB, 0, NULL);
    memheap_stats_t stats;
    ck_assert_int_eq(memheap_reserve(unit.heap, unit.base + 32 * TIB, 4096),
                     MEMHEAP_ERR_NO_MEMORY);
    memheap_get_stats(unit.heap, &stats);
    ck_assert_uint_eq(stats.live_blocks, 0);
    ck_assert_ok(memheap_check(unit.heap));
    unit_heap_close(&unit);
}
END_TEST

int main(void)
{
    int kinds = unit_heap_kinds();
    int count = (int)unit_component_count();
    TCase *tests = unit_case();
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, wide_range_is_not_looked_at);
    tcase_add_loop_test(tests, thread_with_a_small_stack_can_create_a_heap, 0,
                        count);
    tcase_add_test(tests, heap_of_four_tebibytes_takes_no_memory);
    tcase_add_test(tests, default_size_is_that_of_physical_memory);
    tcase_add_test(tests, library_and_headers_have_one_version);
    tcase_add_loop_test(tests, heap_has_component_and_base, 0, kinds);
    tcase_add_loop_test(tests, heap_has_the_addresses_of_its_range, 0, kinds);
    tcase_add_test(tests, impossible_ranges_are_refused);
    tcase_add_test(tests, impossible_size_is_refused);
    tcase_add_test(tests, range_that_no_component_can_serve_is_refused);
    tcase_add_loop_test(tests, bad_parameter_is_refused_and_costs_nothing, 0,
                        sizeof(bad_params) / sizeof(bad_params[0]));
    tcase_add_loop_test(tests, plain_calls_return_blocks_or_null, 0,
                        unit_heap_kinds());
    tcase_add_test(tests, destruction_of_null_is_ignored);
    tcase_add_test(tests, range_stays_the_callers);
    tcase_add_loop_test(tests, range_is_not_exceeded, 0,
                        4 * (int)unit_component_count());
    tcase_add_loop_test(tests, heaps_of_several_components_live_side_by_side, 0,
                        kinds);
    tcase_add_loop_test(tests, impossible_sizes_are_refused, 0, kinds);
    tcase_add_loop_test(tests, bad_alignments_are_refused, 0, kinds);
    tcase_add_loop_test(tests, small_alignments_are_raised, 0, kinds);
    tcase_add_loop_test(tests, addresses_are_aligned_as_far_as_the_base_is, 0,
                        kinds);
    tcase_add_loop_test(tests, usable_size_is_at_least_the_requested_size, 0,
                        kinds);
    tcase_add_loop_test(tests, reused_memory_is_zeroed, 0, kinds);
    tcase_add_loop_test(tests, range_of_the_caller_is_zeroed, 0, kinds);
    tcase_add_loop_test(tests, unused_memory_is_zero_and_not_touched, 0, count);
    tcase_add_loop_test(tests, product_that_overflows_is_refused, 0, kinds);
    tcase_add_loop_test(tests, block_that_cannot_be_committed_is_returned, 0,
                        count);
    tcase_add_loop_test(tests, stats_follow_the_blocks, 0, kinds);
    tcase_add_loop_test(tests, walk_visits_every_block_in_order, 0, kinds);
    tcase_add_loop_test(tests, address_is_described, 0, kinds);
    tcase_add_loop_test(tests, normalized_heap_forgets_its_history, 0, kinds);
    tcase_add_test(tests, heap_has_the_name_it_was_given);
    tcase_add_loop_test(tests, check_mode_fills_new_and_freed_blocks, 0, kinds);
    tcase_add_loop_test(tests, range_of_the_caller_grows, 0, kinds);
    tcase_add_loop_test(tests, threads_share_a_heap, 0, kinds);
    tcase_add_loop_test(tests, chosen_address_can_be_reserved, 0,
                        unit_heap_kinds());
    tcase_add_loop_test(tests, freed_block_can_be_reserved, 0,
                        unit_heap_kinds());
    tcase_add_test(tests, guarded_heap_reserves_nothing);
    tcase_add_loop_test(tests, bad_address_cannot_be_reserved, 0,
                        unit_heap_kinds());
    tcase_add_loop_test(tests, address_that_cannot_be_committed_is_not_reserved,
                        0, unit_heap_kinds() / 2);
    return unit_run("heap", tests);
}
