/*
 * Contexts: blocks of a pool that belong together.
 */
#include "config.h"

#include "tests/unit/unit.h"
#include "tests/unit/unit_pool.h"
#include <memheap/context.h>

#include <pthread.h>
#include <stdlib.h>

enum {
    SIZE = 16 << 20,
    MANY = 1000,
    THREADS = 4
};

static unit_heap_t unit;
static unit_pool_t pool;
static unit_log_t test_log;
static memheap_context_t *context;
static memheap_context_config_t config;
static void *blocks[MANY];

static void prepare(int kind)
{
    unit_heap_open(&unit, kind, SIZE, 0, NULL);
    unit_pool_init(&pool, memheap_heap_as_pool(unit.heap));
    pool.base = (uintptr_t)unit.base;
    unit_log_init(&test_log);
    config = (memheap_context_config_t){
        .name = "solver", .pool = &pool.pool, .log = &test_log.log};
}

static void open_context(int kind)
{
    prepare(kind);
    ck_assert_ok(memheap_context_create(&config, &context));
}

static void close_context(void)
{
    ck_assert_ok(memheap_context_destroy(context));
    ck_assert_uint_eq(pool.live, 0);
    ck_assert_ok(memheap_check(unit.heap));
    unit_heap_close(&unit);
}

/* A sub-context with all defaults of its parent. */
static memheap_context_t *sub_of(memheap_context_t *parent, const char *name)
{
    memheap_context_t *sub;
    memheap_context_config_t given = {.name = name, .parent = parent};
    ck_assert_ok(memheap_context_create(&given, &sub));
    return sub;
}

static memheap_context_stats_t get_stats(void)
{
    memheap_context_stats_t stats;
    memheap_context_get_stats(context, &stats);
    return stats;
}

static void alloc_blocks(size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        ck_assert_ok(memheap_context_alloc(context, 100 + i, &blocks[i]));
}

static bool is_zero(const void *block, size_t size)
{
    const unsigned char *bytes = block;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

/* Fill the heap's memory, so that new blocks are not zero. */
static void make_dirty(void)
{
    void *all;
    size_t size = SIZE / 2;
    ck_assert_ok(memheap_alloc(unit.heap, size, &all));
    memset(all, 0xA5, size);
    ck_assert_ok(memheap_free(unit.heap, all));
}

START_TEST(blocks_are_zeroed_and_aligned_to_64)
{
    open_context(_i);
    make_dirty();
    alloc_blocks(0, MANY);
    for (size_t i = 0; i < MANY; i++) {
        ck_assert_uint_eq((uintptr_t)blocks[i] % 64, 0);
        ck_assert(is_zero(blocks[i], 100 + i));
        memset(blocks[i], 1, 100 + i);
    }
    close_context();
}
END_TEST

START_TEST(request_can_override_defaults)
{
    open_context(_i);
    make_dirty();
    memheap_block_info_t info = {
        .size = 300, .align = 1024, .unset = true, .tag = 0x1234567890};
    ck_assert_ok(memheap_context_alloc_info(context, &info));
    ck_assert_uint_eq((uintptr_t)info.pointer % 1024, 0);
    ck_assert(!is_zero(info.pointer, 300));
    memheap_block_info_t found;
    ck_assert_ok(memheap_context_get_info(context, info.pointer, &found));
    ck_assert_uint_eq(found.size, 300);
    ck_assert_ptr_eq(found.pointer, info.pointer);
    ck_assert_uint_eq(found.align, 1024);
    ck_assert_int_eq(found.kind, MEMHEAP_KIND_NORMAL);
    ck_assert(!found.pinned);
    ck_assert(found.unset);
    ck_assert_uint_eq(found.tag, 0x1234567890);
    close_context();
}
END_TEST

START_TEST(info_of_a_plain_block_has_defaults)
{
    open_context(_i);
    memheap_block_info_t info;
    alloc_blocks(0, 5);
    ck_assert_ok(memheap_context_get_info(context, blocks[3], &info));
    ck_assert_uint_eq(info.size, 103);
    ck_assert_ptr_eq(info.pointer, blocks[3]);
    ck_assert_uint_eq(info.align, 64);
    ck_assert_int_eq(info.kind, MEMHEAP_KIND_NORMAL);
    ck_assert(!info.pinned && !info.unset);
    ck_assert_uint_eq(info.tag, 0);
    close_context();
}
END_TEST

START_TEST(unsupported_kind_is_refused)
{
    prepare(_i);
    config.kind = MEMHEAP_KIND_HUGE;
    config.pinned = true;
    ck_assert_ok(memheap_context_create(&config, &context));
    memheap_block_info_t info = {.size = 8, .kind = MEMHEAP_KIND_NORMAL};
    ck_assert_int_eq(memheap_context_alloc_info(context, &info),
                     MEMHEAP_ERR_UNSUPPORTED);
    info = (memheap_block_info_t){
        .size = 8, .kind = MEMHEAP_KIND_HUGE, .pinned = true};
    ck_assert_ok(memheap_context_alloc_info(context, &info));
    info = (memheap_block_info_t){.size = 8};
    ck_assert_ok(memheap_context_alloc_info(context, &info));
    ck_assert_int_eq(info.kind, MEMHEAP_KIND_HUGE);
    ck_assert(info.pinned);
    close_context();
    open_context(_i);
    info = (memheap_block_info_t){.size = 8, .pinned = true};
    ck_assert_int_eq(memheap_context_alloc_info(context, &info),
                     MEMHEAP_ERR_UNSUPPORTED);
    ck_assert_uint_eq(pool.pops, 0);
    close_context();
}
END_TEST

/* A pool of addresses without memory: an access ends the test. */
static memheap_status_t nowhere_pop(void *state, size_t align, size_t size,
                                    void **block_p)
{
    uintptr_t *next = state;
    *block_p = (void *)((*next + align - 1) & ~(uintptr_t)(align - 1));
    *next = (uintptr_t)*block_p + size;
    return MEMHEAP_OK;
}

static memheap_status_t nowhere_push(void *state, void *block)
{
    (void)state;
    (void)block;
    return MEMHEAP_OK;
}

static memheap_status_t nowhere_getsize(void *state, const void *block,
                                        size_t *size_p)
{
    (void)state;
    (void)block;
    (void)size_p;
    return MEMHEAP_ERR_BAD_ADDRESS;
}

START_TEST(device_memory_is_never_touched)
{
    uintptr_t next = 4096;
    memheap_pool_t nowhere = {.pop = nowhere_pop,
                              .push = nowhere_push,
                              .getsize = nowhere_getsize,
                              .state = &next};
    config = (memheap_context_config_t){.pool = &nowhere,
                                        .kind = MEMHEAP_KIND_DEVICE};
    ck_assert_ok(memheap_context_create(&config, &context));
    alloc_blocks(0, 3);
    memheap_block_info_t info;
    ck_assert_ok(memheap_context_get_info(context, blocks[2], &info));
    ck_assert_int_eq(info.kind, MEMHEAP_KIND_DEVICE);
    ck_assert(info.unset);
    ck_assert_int_eq(
        memheap_context_resize(context, blocks[1], 1000, &blocks[1]),
        MEMHEAP_ERR_UNSUPPORTED);
    ck_assert_ok(memheap_context_free(context, blocks[1]));
    memheap_context_t *sub = sub_of(context, "part");
    info = (memheap_block_info_t){.size = 100};
    ck_assert_ok(memheap_context_alloc_info(sub, &info));
    ck_assert_int_eq(info.kind, MEMHEAP_KIND_DEVICE);
    ck_assert(info.unset);
    ck_assert_ok(memheap_context_destroy(context));
}
END_TEST

START_TEST(destroying_frees_all_blocks)
{
    open_context(_i);
    alloc_blocks(0, MANY);
    ck_assert_uint_eq(pool.live, MANY);
    for (size_t i = 0; i < MANY; i += 3)
        ck_assert_ok(memheap_context_free(context, blocks[i]));
    close_context();
    ck_assert_uint_eq(pool.pushes, MANY);
    ck_assert_ok(memheap_context_destroy(NULL));
}
END_TEST

/* The pushed blocks, in order. */
static void *pushed[16];
static size_t pushes;

static memheap_status_t noting_push(void *state, void *block)
{
    pushed[pushes++] = block;
    return memheap_free(state, block);
}

START_TEST(sub_contexts_are_destroyed_youngest_first)
{
    prepare(_i);
    memheap_pool_t noting = memheap_heap_as_pool(unit.heap);
    noting.push = noting_push;
    config.pool = &noting;
    ck_assert_ok(memheap_context_create(&config, &context));
    memheap_context_t *owner[6] = {context};
    alloc_blocks(0, 1);
    owner[1] = sub_of(context, "older");
    owner[2] = sub_of(owner[1], "below");
    owner[3] = sub_of(context, "gone");
    owner[4] = sub_of(context, "younger");
    for (size_t i = 1; i < 5; i++) {
        for (size_t j = 0; j < 2; j++)
            ck_assert_ok(
                memheap_context_alloc(owner[i], 64, &blocks[2 * i + j]));
    }
    ck_assert_uint_eq(get_stats().sub_contexts, 3);
    ck_assert_ok(memheap_context_destroy(owner[3]));
    ck_assert_uint_eq(get_stats().sub_contexts, 2);
    alloc_blocks(1, 2);
    pushes = 0;
    ck_assert_ok(memheap_context_destroy(context));
    static const size_t order[] = {9, 8, 5, 4, 3, 2, 1, 0};
    ck_assert_uint_eq(pushes, 8);
    for (size_t i = 0; i < 8; i++)
        ck_assert_ptr_eq(pushed[i], blocks[order[i]]);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(wrong_address_is_refused_and_described)
{
    char here;
    void *other;
    memheap_block_info_t info;
    open_context(_i);
    memheap_context_t *sub = sub_of(context, "part");
    alloc_blocks(0, 10);
    ck_assert_ok(memheap_context_alloc(sub, 64, &other));
    const struct {
        void *address;
        const char *part;
    } bad[] = {{&here, "lies in none of its 10 blocks"},
               {(char *)blocks[4] + 8, "lies 8 bytes into the block of 104"},
               {other, "a block of its pool allocated outside the context"}};
    for (size_t i = 0; i < 3; i++) {
        unit_log_clear(&test_log);
        ck_assert_int_eq(memheap_context_free(context, bad[i].address),
                         MEMHEAP_ERR_BAD_ADDRESS);
        ck_assert_uint_eq(test_log.count, 1);
        ck_assert_logged(&test_log, "memheap_context_free: 0x");
        ck_assert_logged(&test_log, "no block of context \"solver\"");
        ck_assert_logged(&test_log, bad[i].part);
        ck_assert_int_eq(
            memheap_context_get_info(context, bad[i].address, &info),
            MEMHEAP_ERR_BAD_ADDRESS);
        ck_assert_int_eq(
            memheap_context_resize(context, bad[i].address, 8, &other),
            MEMHEAP_ERR_BAD_ADDRESS);
        ck_assert_uint_eq(test_log.count, 3);
    }
    ck_assert_int_eq(memheap_context_get_info(context, NULL, &info),
                     MEMHEAP_ERR_BAD_ADDRESS);
    ck_assert_logged(&test_log, "NULL is no block");
    ck_assert_ok(memheap_context_free(context, blocks[0]));
    ck_assert_int_eq(memheap_context_free(context, blocks[0]),
                     MEMHEAP_ERR_BAD_ADDRESS);
    ck_assert_ok(memheap_context_free(context, NULL));
    ck_assert_uint_eq(get_stats().blocks, 9);
    ck_assert_uint_eq(pool.pushes, 1);
    close_context();
}
END_TEST

START_TEST(wrong_arguments_are_refused)
{
    void *block;
    open_context(_i);
    ck_assert_int_eq(memheap_context_alloc(context, 0, &block),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    memheap_block_info_t info = {.size = 8, .align = 24};
    ck_assert_int_eq(memheap_context_alloc_info(context, &info),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_ptr_null(info.pointer);
    alloc_blocks(0, 1);
    ck_assert_int_eq(memheap_context_resize(context, blocks[0], 0, &block),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    memheap_context_config_t none = {.log = &test_log.log};
    memheap_context_t *other;
    ck_assert_int_eq(memheap_context_create(&none, &other),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_logged(&test_log, "has neither a pool nor a parent");
    close_context();
}
END_TEST

START_TEST(plain_calls_return_blocks_or_null)
{
    open_context(_i);
    char *block = memheap_context_malloc(context, 100);
    ck_assert_ptr_nonnull(block);
    memset(block, 7, 100);
    block = memheap_context_realloc(context, block, 5000);
    ck_assert_ptr_nonnull(block);
    ck_assert_int_eq(block[99], 7);
    ck_assert_uint_eq(get_stats().blocks, 1);
    ck_assert_ptr_null(memheap_context_malloc(context, 0));
    ck_assert_ptr_null(memheap_context_malloc(context, 2 * SIZE));
    ck_assert_ptr_null(memheap_context_realloc(context, block, 2 * SIZE));
    ck_assert_ok(memheap_context_free(context, block));
    close_context();
}
END_TEST

START_TEST(resize_keeps_contents_and_record)
{
    static const size_t sizes[] = {200, 5000, 90000, 90001, 300, 299, 1, 4096};
    open_context(_i);
    make_dirty();
    memheap_block_info_t info = {.size = 100, .align = 256, .tag = 77};
    alloc_blocks(0, 2);
    ck_assert_ok(memheap_context_alloc_info(context, &info));
    alloc_blocks(2, 3);
    size_t valid = 100;
    memset(info.pointer, 7, 100);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        void *block = info.pointer;
        ck_assert_ok(memheap_context_resize(context, block, sizes[i], &block));
        ck_assert_ok(memheap_context_get_info(context, block, &info));
        ck_assert_ptr_eq(info.pointer, block);
        ck_assert_uint_eq((uintptr_t)block % 256, 0);
        ck_assert_uint_eq(info.size, sizes[i]);
        ck_assert_uint_eq(info.tag, 77);
        valid = memheap_min(valid, sizes[i]);
        for (size_t byte = 0; byte < valid; byte++)
            ck_assert_uint_eq(((unsigned char *)block)[byte], 7);
        ck_assert(is_zero((char *)block + valid, sizes[i] - valid));
        ck_assert_uint_eq(get_stats().blocks, 4);
        ck_assert_uint_eq(get_stats().bytes, 303 + sizes[i]);
        ck_assert_uint_eq(pool.live, 4);
    }
    ck_assert_ok(memheap_context_resize(context, NULL, 10, &blocks[4]));
    ck_assert_uint_eq(get_stats().blocks, 5);
    close_context();
}
END_TEST

START_TEST(resize_that_fails_changes_nothing)
{
    void *block;
    open_context(_i);
    alloc_blocks(0, 3);
    memset(blocks[1], 9, 101);
    pool.fail_pop = pool.pops + 1;
    ck_assert_int_eq(memheap_context_resize(context, blocks[1], 50000, &block),
                     MEMHEAP_ERR_NO_MEMORY);
    pool.fail_push = pool.pushes + 1;
    ck_assert_int_eq(memheap_context_resize(context, blocks[1], 50000, &block),
                     MEMHEAP_ERR_BAD_ADDRESS);
    ck_assert_uint_eq(pool.live, 3);
    memheap_block_info_t info;
    ck_assert_ok(memheap_context_get_info(context, blocks[1], &info));
    ck_assert_uint_eq(info.size, 101);
    ck_assert_uint_eq(((unsigned char *)blocks[1])[100], 9);
    ck_assert_uint_eq(get_stats().bytes, 303);
    close_context();
}
END_TEST

START_TEST(pool_that_fails_changes_nothing)
{
    void *block = NULL;
    open_context(_i);
    alloc_blocks(0, 3);
    pool.fail_pop = 4;
    ck_assert_int_eq(memheap_context_alloc(context, 64, &block),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_ptr_null(block);
    ck_assert_uint_eq(get_stats().blocks, 3);
    ck_assert_uint_eq(get_stats().bytes, 303);
    pool.fail_push = 1;
    ck_assert_int_eq(memheap_context_free(context, blocks[1]),
                     MEMHEAP_ERR_BAD_ADDRESS);
    ck_assert_logged(&test_log, "context \"solver\": its pool does not take");
    ck_assert_uint_eq(get_stats().blocks, 3);
    ck_assert_ok(memheap_context_free(context, blocks[1]));
    close_context();
}
END_TEST

START_TEST(destruction_continues_after_a_failure)
{
    open_context(_i);
    memheap_context_t *sub = sub_of(context, "part");
    void *block;
    ck_assert_ok(memheap_context_alloc(sub, 64, &block));
    alloc_blocks(0, 20);
    pool.fail_push = 8;
    ck_assert_int_eq(memheap_context_destroy(context), MEMHEAP_ERR_BAD_ADDRESS);
    ck_assert_uint_eq(test_log.count, 1);
    ck_assert_uint_eq(pool.pushes, 21);
    ck_assert_uint_eq(pool.live, 1);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(stats_count_the_calls)
{
    open_context(_i);
    alloc_blocks(0, 10);
    for (size_t i = 0; i < 4; i++)
        ck_assert_ok(memheap_context_free(context, blocks[i]));
    memheap_context_stats_t stats = get_stats();
    ck_assert_str_eq(stats.name, "solver");
    ck_assert_uint_eq(stats.blocks, 6);
    ck_assert_uint_eq(stats.bytes, 104 + 105 + 106 + 107 + 108 + 109);
    ck_assert_uint_eq(stats.peak, 1045);
    ck_assert_uint_gt(stats.metadata, 0);
    close_context();
}
END_TEST

/* The tags of a walk, in order. */
typedef struct tags {
    size_t count, end;
    uint64_t tag[MANY];
} tags_t;

static bool note_tag(void *state, const memheap_block_info_t *info)
{
    tags_t *tags = state;
    tags->tag[tags->count++] = info->tag;
    return tags->count < tags->end;
}

START_TEST(walk_visits_the_oldest_block_first)
{
    static tags_t tags;
    open_context(_i);
    for (uint64_t i = 0; i < MANY; i++) {
        memheap_block_info_t info = {.size = 8, .tag = i};
        ck_assert_ok(memheap_context_alloc_info(context, &info));
        blocks[i] = info.pointer;
    }
    for (size_t i = 0; i < MANY; i += 2)
        ck_assert_ok(memheap_context_free(context, blocks[i]));
    memheap_block_info_t last = {.size = 8, .tag = MANY};
    ck_assert_ok(memheap_context_alloc_info(context, &last));
    ck_assert_ok(memheap_context_resize(context, blocks[1], 9000, &blocks[1]));
    tags = (tags_t){.end = SIZE_MAX};
    memheap_context_walk(context, note_tag, &tags);
    ck_assert_uint_eq(tags.count, MANY / 2 + 1);
    for (size_t i = 0; i < MANY / 2; i++)
        ck_assert_uint_eq(tags.tag[i], 2 * i + 1);
    ck_assert_uint_eq(tags.tag[MANY / 2], MANY);
    tags = (tags_t){.end = 3};
    memheap_context_walk(context, note_tag, &tags);
    ck_assert_uint_eq(tags.count, 3);
    close_context();
}
END_TEST

START_TEST(context_is_a_pool_of_another)
{
    open_context(_i);
    memheap_pool_t p = memheap_context_as_pool(context);
    void *block;
    size_t size;
    ck_assert_int_eq(p.pop(p.state, 0, 8, &block), MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_ok(p.pop(p.state, 16, 99, &block));
    ck_assert_ok(p.getsize(p.state, block, &size));
    ck_assert_uint_eq(size, 99);
    ck_assert_int_eq(p.getsize(p.state, (char *)block + 16, &size),
                     MEMHEAP_ERR_BAD_ADDRESS);
    ck_assert_uint_eq(test_log.count, 0);
    memheap_context_config_t inner = {.parent = context, .pool = &p};
    memheap_context_t *sub;
    ck_assert_ok(memheap_context_create(&inner, &sub));
    for (size_t i = 0; i < 100; i++)
        ck_assert_ok(memheap_context_alloc(sub, 50, &blocks[i]));
    ck_assert_uint_eq(get_stats().blocks, 101);
    ck_assert_ok(memheap_context_free(sub, blocks[7]));
    ck_assert_ok(p.push(p.state, block));
    ck_assert_uint_eq(get_stats().blocks, 99);
    close_context();
}
END_TEST

/* A digest of the offsets in a random sequence. A model checks the records. */
static uint64_t run_random(int kind, uint64_t seed)
{
    static memheap_block_info_t model[MANY];
    uint64_t digest = 0;
    size_t live = 0;
    size_t bytes = 0;
    open_context(kind);
    for (size_t step = 0; step < 6000; step++) {
        size_t choice = unit_random_below(&seed, 10);
        size_t i = live == 0 ? 0 : unit_random_below(&seed, live);
        if (live == 0 || (live < MANY && choice < 5)) {
            memheap_block_info_t info = {
                .size = 1 + unit_random_below(&seed, 500),
                .align = (size_t)16 << unit_random_below(&seed, 4),
                .tag = unit_random(&seed)};
            bytes += info.size;
            ck_assert_ok(memheap_context_alloc_info(context, &info));
            model[live++] = info;
            digest ^= (uintptr_t)info.pointer - (uintptr_t)unit.base;
        } else if (choice < 8) {
            ck_assert_ok(memheap_context_free(context, model[i].pointer));
            bytes -= model[i].size;
            model[i] = model[--live];
        } else {
            size_t size = 1 + unit_random_below(&seed, 2000);
            ck_assert_ok(memheap_context_resize(context, model[i].pointer, size,
                                                &model[i].pointer));
            bytes += size - model[i].size;
            model[i].size = size;
            digest ^= (uintptr_t)model[i].pointer - (uintptr_t)unit.base;
        }
        digest *= UINT64_C(0x100000001B3);
        ck_assert_uint_eq(get_stats().blocks, live);
        ck_assert_uint_eq(get_stats().bytes, bytes);
    }
    for (size_t i = 0; i < live; i++) {
        memheap_block_info_t info;
        ck_assert_ok(
            memheap_context_get_info(context, model[i].pointer, &info));
        ck_assert_uint_eq(info.size, model[i].size);
        ck_assert_uint_eq(info.align, model[i].align);
        ck_assert_uint_eq(info.tag, model[i].tag);
    }
    close_context();
    return digest ^ pool.digest;
}

START_TEST(random_sequence_agrees_with_a_model)
{
    uint64_t seed = unit_seed();
    void *other = malloc(12345); /* to move the metadata */
    uint64_t digest = run_random(_i, seed);
    ck_assert_uint_eq(run_random(_i, seed), digest);
    free(other);
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
    prepare(0);
    config.memory = &memory.memory;
    memheap_status_t status = memheap_context_create(&config, &context);
    if (status != MEMHEAP_OK) {
        ck_assert_int_eq(status, MEMHEAP_ERR_NO_METADATA);
        ck_assert_uint_eq(test_log.count, 1);
        ck_assert_uint_eq(memory.pieces, 0);
        unit_heap_close(&unit);
        return true;
    }
    while (live < MANY) {
        status = memheap_context_alloc(context, 64, &blocks[live]);
        if (status == MEMHEAP_OK) {
            live++;
            continue;
        }
        ck_assert_int_eq(status, MEMHEAP_ERR_NO_METADATA);
        ck_assert_uint_eq(get_stats().blocks, live);
        ck_assert_uint_eq(pool.live, live);
        failures++;
    }
    for (size_t i = 0; i < live; i += 2)
        ck_assert_ok(memheap_context_free(context, blocks[i]));
    bool reached = number <= memory.requests;
    ck_assert_uint_eq(failures, number != 0 && reached);
    close_context();
    ck_assert_uint_eq(memory.pieces, 0);
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
    memheap_context_t *context;
    uint64_t seed;
    size_t wrong;
    void *own[64];
} worker_t;

/* Allocate in a context, and now and then in a sub-context. */
static void *churn(void *state)
{
    worker_t *w = state;
    for (size_t step = 0; step < 3000; step++) {
        size_t i = unit_random_below(&w->seed, 64);
        memheap_block_info_t info;
        if (w->own[i] != NULL) {
            w->wrong += *(worker_t **)w->own[i] != w;
            w->wrong += memheap_context_get_info(w->context, w->own[i],
                                                 &info) != MEMHEAP_OK ||
                        info.tag != (uintptr_t)w;
            w->wrong +=
                memheap_context_free(w->context, w->own[i]) != MEMHEAP_OK;
            w->own[i] = NULL;
        } else {
            info = (memheap_block_info_t){.size = 8 + i, .tag = (uintptr_t)w};
            if (memheap_context_alloc_info(w->context, &info) == MEMHEAP_OK &&
                *(worker_t **)info.pointer == NULL) {
                w->own[i] = info.pointer;
                *(worker_t **)info.pointer = w;
            } else {
                w->wrong++;
            }
        }
        if (step % 50 == 0) {
            memheap_context_config_t given = {.parent = w->context};
            memheap_context_t *sub;
            void *block;
            w->wrong +=
                memheap_context_create(&given, &sub) != MEMHEAP_OK ||
                memheap_context_alloc(sub, 9, &block) != MEMHEAP_OK ||
                (step % 100 == 0 && memheap_context_destroy(sub) != MEMHEAP_OK);
        }
    }
    return NULL;
}

/* Threads share a context, or have one each below a parent. The pool does not
 * count, since several threads call it. */
START_TEST(threads_share_a_context_or_a_parent)
{
    static worker_t worker[THREADS];
    for (size_t shared = 0; shared < 2; shared++) {
        prepare(_i);
        memheap_pool_t heap = memheap_heap_as_pool(unit.heap);
        config.pool = &heap;
        ck_assert_ok(memheap_context_create(&config, &context));
        for (size_t i = 0; i < THREADS; i++) {
            worker[i] =
                (worker_t){.context = shared ? context : sub_of(context, "own"),
                           .seed = i + 1};
            pthread_create(&worker[i].thread, NULL, churn, &worker[i]);
        }
        for (size_t i = 0; i < THREADS; i++) {
            pthread_join(worker[i].thread, NULL);
            ck_assert_uint_eq(worker[i].wrong, 0);
        }
        ck_assert_ok(memheap_context_destroy(context));
        memheap_stats_t stats;
        memheap_get_stats(unit.heap, &stats);
        ck_assert_uint_eq(stats.live_blocks, 0);
        unit_heap_close(&unit);
    }
}
END_TEST

/* All PEs need memory at the same calls, and agree on it. */
START_TEST(callers_of_a_collective_pool_agree_on_memory)
{
    unit_memory_t memory;
    unit_memory_init(&memory);
    prepare(_i);
    unit_pool_share(&pool);
    config.memory = &memory.memory;
    pool.fail_agree = 1;
    ck_assert_int_eq(memheap_context_create(&config, &context),
                     MEMHEAP_ERR_NO_METADATA);
    ck_assert_uint_eq(memory.pieces, 0);
    memory.fail_at = memory.requests + 1;
    ck_assert_int_eq(memheap_context_create(&config, &context),
                     MEMHEAP_ERR_NO_METADATA);
    ck_assert_uint_eq(pool.agreements, 2);
    ck_assert_int_eq(pool.worst, MEMHEAP_ERR_NO_METADATA);
    ck_assert_ok(memheap_context_create(&config, &context));
    ck_assert_uint_eq(pool.agreements, 3);
    size_t other_failed = 0;
    for (size_t i = 0; i < MANY; i++) {
        size_t pops = pool.pops;
        size_t before = pool.agreements;
        pool.fail_agree = before + 1; /* another PE has no memory */
        memheap_status_t status =
            memheap_context_alloc(context, 100, &blocks[i]);
        ck_assert_int_eq(status == MEMHEAP_OK, pool.agreements == before);
        if (status == MEMHEAP_OK)
            continue;
        other_failed++;
        ck_assert_int_eq(status, MEMHEAP_ERR_NO_METADATA);
        ck_assert_uint_eq(pool.pops, pops);
        pool.fail_agree = 0;
        ck_assert_ok(memheap_context_alloc(context, 100, &blocks[i]));
        ck_assert_uint_eq(pool.agreements, before + 2);
    }
    ck_assert_uint_ge(other_failed, 4);
    ck_assert_uint_le(other_failed, 12);
    close_context();
}
END_TEST

START_TEST(sub_context_agrees_through_its_parent)
{
    prepare(_i);
    unit_pool_share(&pool);
    ck_assert_ok(memheap_context_create(&config, &context));
    memheap_pool_t owned = memheap_context_as_pool(context);
    memheap_context_config_t given = {.name = "inner", .pool = &owned};
    memheap_context_t *inner;
    size_t before = pool.agreements;
    ck_assert_ok(memheap_context_create(&given, &inner));
    ck_assert_uint_eq(pool.agreements, before + 1);
    ck_assert_ok(memheap_context_destroy(inner));
    close_context();
}
END_TEST

int main(void)
{
    int kinds = unit_heap_kinds();
    TCase *tests = unit_case();
    tcase_add_loop_test(tests, blocks_are_zeroed_and_aligned_to_64, 0, kinds);
    tcase_add_loop_test(tests, request_can_override_defaults, 0, kinds);
    tcase_add_loop_test(tests, info_of_a_plain_block_has_defaults, 0, kinds);
    tcase_add_loop_test(tests, unsupported_kind_is_refused, 0, kinds);
    tcase_add_test(tests, device_memory_is_never_touched);
    tcase_add_loop_test(tests, destroying_frees_all_blocks, 0, kinds);
    tcase_add_loop_test(tests, sub_contexts_are_destroyed_youngest_first, 0,
                        kinds);
    tcase_add_loop_test(tests, wrong_address_is_refused_and_described, 0,
                        kinds);
    tcase_add_loop_test(tests, wrong_arguments_are_refused, 0, kinds);
    tcase_add_loop_test(tests, plain_calls_return_blocks_or_null, 0, kinds);
    tcase_add_loop_test(tests, resize_keeps_contents_and_record, 0, kinds);
    tcase_add_loop_test(tests, resize_that_fails_changes_nothing, 0, kinds);
    tcase_add_loop_test(tests, pool_that_fails_changes_nothing, 0, kinds);
    tcase_add_loop_test(tests, destruction_continues_after_a_failure, 0, kinds);
    tcase_add_loop_test(tests, stats_count_the_calls, 0, kinds);
    tcase_add_loop_test(tests, walk_visits_the_oldest_block_first, 0, kinds);
    tcase_add_loop_test(tests, context_is_a_pool_of_another, 0, kinds);
    tcase_add_loop_test(tests, random_sequence_agrees_with_a_model, 0, kinds);
    tcase_add_test(tests, any_failed_metadata_request_is_survived);
    tcase_add_loop_test(tests, threads_share_a_context_or_a_parent, 0, kinds);
    tcase_add_loop_test(tests, callers_of_a_collective_pool_agree_on_memory, 0,
                        unit_heap_kinds());
    tcase_add_loop_test(tests, sub_context_agrees_through_its_parent, 0,
                        unit_heap_kinds());
    return unit_run("context", tests);
}
