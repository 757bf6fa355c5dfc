/*
 * Range pools.
 */
#include "config.h"

#include "tests/unit/unit.h"
#include <memheap/range_pool.h>

#include <pthread.h>
#include <stdio.h>

enum {
    SIZE = 256 * 1024,
    THREADS = 4,
    ROUNDS = 5000
};

/* Two ranges with a gap between them, and one that follows the second. */
static char memory[4 * SIZE] __attribute__((aligned(65536)));
static char *const second = memory + 2 * SIZE;

static unit_log_t messages;
static memheap_range_pool_t *ranges;
static memheap_pool_t pool;

static const char *setting_of(int component)
{
    static char text[96];
    snprintf(text, sizeof(text), "MEMHEAP_COMPONENT=%s",
             unit_component_name(component));
    return text;
}

static void open_pool(int component)
{
    static const char *params[3];
    params[0] = setting_of(component);
    params[1] = unit_component_setting(component);
    if (params[1] != NULL && params[1][0] == '\0')
        params[1] = NULL;
    unit_log_init(&messages);
    memheap_config_t config = {.name = "ranges",
                               .base = memory,
                               .size = SIZE,
                               .log = &messages.log,
                               .params = params};
    ck_assert_ok(memheap_range_pool_create(&config, &ranges));
    pool = memheap_range_pool_as_pool(ranges);
}

static char *take(size_t size)
{
    void *block = NULL;
    ck_assert_ok(pool.pop(pool.state, 16, size, &block));
    return block;
}

static size_t size_at(const void *block)
{
    size_t size = 0;
    memheap_status_t status = pool.getsize(pool.state, block, &size);
    ck_assert_int_eq(status, size == 0 ? MEMHEAP_ERR_BAD_ADDRESS : MEMHEAP_OK);
    return size;
}

static bool lies_in(const char *block, const char *range)
{
    return block >= range && block < range + SIZE;
}

START_TEST(first_range_is_used_until_it_is_full)
{
    open_pool(_i);
    ck_assert(lies_in(take(1000), memory));
    char *half = take(SIZE / 2);
    ck_assert(lies_in(half, memory));
    void *block;
    ck_assert_int_eq(pool.pop(pool.state, 16, SIZE / 2, &block),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_ok(memheap_range_pool_extend(ranges, second, SIZE));
    char *other = take(SIZE / 2);
    ck_assert(lies_in(other, second));
    ck_assert(lies_in(take(100), memory));
    ck_assert_uint_ge(size_at(half), SIZE / 2);
    ck_assert_uint_ge(size_at(other), SIZE / 2);
    ck_assert_ok(pool.push(pool.state, half));
    ck_assert_ok(pool.push(pool.state, other));
    ck_assert(lies_in(take(SIZE / 2), memory));
    ck_assert_uint_eq(messages.count, 0);
    memheap_range_pool_destroy(ranges);
}
END_TEST

START_TEST(block_grows_in_its_range_or_moves_to_another)
{
    open_pool(_i);
    ck_assert_ok(memheap_range_pool_extend(ranges, second, SIZE));
    void *block = NULL;
    ck_assert_ok(memheap_range_pool_resize(ranges, NULL, 1000, &block));
    memset(block, 7, 1000);
    ck_assert_ok(memheap_range_pool_resize(ranges, block, 5000, &block));
    ck_assert(lies_in(block, memory));
    char *in_the_way = take(SIZE / 2);
    ck_assert(lies_in(in_the_way, memory));
    ck_assert_ok(
        memheap_range_pool_resize(ranges, block, SIZE / 2 + 1, &block));
    ck_assert(lies_in(block, second));
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(((char *)block)[i], 7);
    /* The old block is freed. */
    ck_assert_ok(pool.push(pool.state, in_the_way));
    ck_assert_ok(memheap_range_pool_reserve(ranges, memory, 4096));
    void *same = block;
    ck_assert_int_eq(memheap_range_pool_resize(ranges, block, 2 * SIZE, &block),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_ptr_eq(block, same);
    ck_assert_uint_gt(size_at(block), SIZE / 2);
    ck_assert_ok(memheap_range_pool_resize(ranges, block, 10, &block));
    ck_assert_int_eq(memheap_range_pool_resize(ranges, block, 0, &block),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    memheap_range_pool_destroy(ranges);
}
END_TEST

START_TEST(address_in_any_range_can_be_reserved)
{
    open_pool(_i);
    ck_assert_ok(memheap_range_pool_extend(ranges, second, SIZE));
    ck_assert_ok(memheap_range_pool_extend(ranges, second + SIZE, SIZE));
    ck_assert_ok(memheap_range_pool_reserve(ranges, second + 65536, 4096));
    ck_assert_uint_ge(size_at(second + 65536), 4096);
    ck_assert_int_eq(memheap_range_pool_reserve(ranges, second + 65536, 4096),
                     MEMHEAP_ERR_BUSY);
    ck_assert_int_eq(memheap_range_pool_reserve(ranges, memory + SIZE, 4096),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_int_eq(
        memheap_range_pool_reserve(ranges, second + SIZE - 4096, 8192),
        MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_ok(pool.push(pool.state, second + 65536));
    memheap_range_pool_destroy(ranges);
}
END_TEST

START_TEST(wrong_address_is_reported)
{
    open_pool(_i);
    ck_assert_ok(memheap_range_pool_extend(ranges, second, SIZE));
    char *block = take(5000);
    void *moved;
    size_t size;
    char *const wrong[] = {memory + SIZE, memory + SIZE + 64, second - 1,
                           second + SIZE, block + 16,         second};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        unit_log_clear(&messages);
        ck_assert_int_eq(pool.push(pool.state, wrong[i]),
                         MEMHEAP_ERR_BAD_ADDRESS);
        ck_assert_uint_eq(messages.count, 1);
        ck_assert_logged(&messages,
                         i < 4 ? "in none of the ranges" : "is no block of");
        ck_assert_int_eq(
            memheap_range_pool_resize(ranges, wrong[i], 10, &moved),
            MEMHEAP_ERR_BAD_ADDRESS);
        unit_log_clear(&messages);
        ck_assert_int_eq(pool.getsize(pool.state, wrong[i], &size),
                         MEMHEAP_ERR_BAD_ADDRESS);
        ck_assert_uint_eq(messages.count, 0);
    }
    ck_assert_ok(pool.push(pool.state, block));
    ck_assert_int_eq(pool.push(pool.state, block), MEMHEAP_ERR_BAD_ADDRESS);
    memheap_range_pool_destroy(ranges);
}
END_TEST

START_TEST(overlapping_range_is_refused)
{
    open_pool(0);
    char *const bad[] = {memory, memory + 16, memory + SIZE - 16};
    for (int i = 0; i < 3; i++) {
        unit_log_clear(&messages);
        ck_assert_int_eq(memheap_range_pool_extend(ranges, bad[i], SIZE),
                         MEMHEAP_ERR_BAD_ARGUMENT);
        ck_assert_logged(&messages, "overlap another range");
    }
    ck_assert_int_eq(memheap_range_pool_extend(ranges, second + 1, SIZE),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_int_eq(memheap_range_pool_extend(ranges, second, 0),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    memheap_range_pool_destroy(ranges);
    ck_assert_ok(memheap_range_pool_destroy(NULL));
}
END_TEST

START_TEST(pool_can_map_its_own_ranges)
{
    unit_log_init(&messages);
    memheap_config_t config = {.size = 64 * KIB, .log = &messages.log};
    ck_assert_ok(memheap_range_pool_create(&config, &ranges));
    pool = memheap_range_pool_as_pool(ranges);
    void *block;
    ck_assert_int_eq(pool.pop(pool.state, 16, MIB, &block),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_ok(memheap_range_pool_extend(ranges, NULL, 4 * MIB));
    char *large = take(MIB);
    memset(large, 1, MIB);
    ck_assert_ok(pool.push(pool.state, large));
    memheap_range_pool_destroy(ranges);
}
END_TEST

START_TEST(failing_memory_changes_nothing)
{
    for (size_t fail = 1; fail < 60; fail++) {
        unit_memory_t source;
        unit_memory_init(&source);
        source.fail_at = fail;
        unit_log_init(&messages);
        memheap_config_t config = {.base = memory,
                                   .size = SIZE,
                                   .log = &messages.log,
                                   .memory = &source.memory};
        memheap_status_t status = memheap_range_pool_create(&config, &ranges);
        if (status == MEMHEAP_OK) {
            status = memheap_range_pool_extend(ranges, second, SIZE);
            memheap_range_pool_destroy(ranges);
        }
        ck_assert_uint_eq(source.pieces, 0);
        if (source.requests < fail)
            return;
        ck_assert_int_eq(status, MEMHEAP_ERR_NO_METADATA);
    }
    ck_abort_msg("it never succeeds");
}
END_TEST

static void *churn(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < ROUNDS; i++) {
        void *block;
        size_t size;
        if (pool.pop(pool.state, 16, 1 + i % 3 * 20000, &block) != MEMHEAP_OK)
            continue;
        *(char *)block = 1;
        if (pool.getsize(pool.state, block, &size) != MEMHEAP_OK ||
            pool.push(pool.state, block) != MEMHEAP_OK)
            return ranges;
    }
    return NULL;
}

START_TEST(threads_share_a_pool_that_grows)
{
    pthread_t thread[THREADS];
    open_pool(_i);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, churn, NULL), 0);
    ck_assert_ok(memheap_range_pool_extend(ranges, second, SIZE));
    ck_assert_ok(memheap_range_pool_extend(ranges, second + SIZE, SIZE));
    for (int i = 0; i < THREADS; i++) {
        void *bad;
        pthread_join(thread[i], &bad);
        ck_assert_ptr_null(bad);
    }
    ck_assert_uint_eq(messages.count, 0);
    memheap_range_pool_destroy(ranges);
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    int components = (int)unit_component_count();
    tcase_add_loop_test(tests, first_range_is_used_until_it_is_full, 0,
                        components);
    tcase_add_loop_test(tests, block_grows_in_its_range_or_moves_to_another, 0,
                        components);
    tcase_add_loop_test(tests, address_in_any_range_can_be_reserved, 0,
                        components);
    tcase_add_loop_test(tests, wrong_address_is_reported, 0, components);
    tcase_add_test(tests, overlapping_range_is_refused);
    tcase_add_test(tests, pool_can_map_its_own_ranges);
    tcase_add_test(tests, failing_memory_changes_nothing);
    tcase_add_loop_test(tests, threads_share_a_pool_that_grows, 0, components);
    return unit_run("range_pool", tests);
}
