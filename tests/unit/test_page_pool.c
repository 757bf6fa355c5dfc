/*
 * Page pools: runs, ranges and refused calls. Most tests use addresses without
 * memory, since the pool never accesses its ranges.
 */
#include "config.h"

#include "tests/unit/unit.h"
#include <memheap/page_pool.h>

#include <pthread.h>

enum {
    PAGE = 4096,
    THREADS = 4,
    ROUNDS = 20000
};

static unit_log_t messages;
static memheap_page_pool_t *pages;
static memheap_pool_t pool;
static char *const base = (char *)((size_t)1 << 40);

static void open_pool(size_t count)
{
    unit_log_init(&messages);
    memheap_page_pool_config_t config = {.base = base,
                                         .size = count * PAGE,
                                         .page_size = PAGE,
                                         .log = &messages.log};
    ck_assert_ok(memheap_page_pool_create(&config, &pages));
    pool = memheap_page_pool_as_pool(pages);
}

static char *take(size_t align, size_t size)
{
    void *block;
    ck_assert_ok(pool.pop(pool.state, align, size, &block));
    return block;
}

static void give(void *block)
{
    ck_assert_ok(pool.push(pool.state, block));
}

static size_t size_at(const void *block)
{
    size_t size = 0;
    memheap_status_t status = pool.getsize(pool.state, block, &size);
    ck_assert_int_eq(status, size == 0 ? MEMHEAP_ERR_BAD_ADDRESS : MEMHEAP_OK);
    return size;
}

static void ck_free(size_t wanted)
{
    size_t count;
    size_t unused;
    memheap_page_pool_count(pages, &count, &unused);
    ck_assert_uint_eq(unused, wanted);
}

START_TEST(lowest_run_of_pages_is_used)
{
    open_pool(100);
    ck_assert_ptr_eq(take(1, 1), base);
    ck_assert_ptr_eq(take(16, 3 * PAGE), base + PAGE);
    ck_assert_ptr_eq(take(16, PAGE + 1), base + 4 * PAGE);
    ck_assert_uint_eq(size_at(base), PAGE);
    ck_assert_uint_eq(size_at(base + PAGE), 3 * PAGE);
    ck_assert_uint_eq(size_at(base + 4 * PAGE), 2 * PAGE);
    ck_free(94);
    give(base + PAGE);
    ck_free(97);
    ck_assert_ptr_eq(take(1, 4 * PAGE), base + 6 * PAGE);
    ck_assert_ptr_eq(take(1, 2 * PAGE), base + PAGE);
    ck_assert_ptr_eq(take(1, PAGE), base + 3 * PAGE);
    memheap_page_pool_destroy(pages);
}
END_TEST

START_TEST(addresses_are_aligned)
{
    open_pool(1024);
    take(1, PAGE);
    ck_assert_ptr_eq(take(64 * PAGE, PAGE), base + 64 * PAGE);
    ck_assert_ptr_eq(take(1, 63 * PAGE), base + PAGE);
    ck_assert_ptr_eq(take(64 * PAGE, PAGE), base + 128 * PAGE);
    ck_assert_ptr_eq(take(1, 63 * PAGE), base + 65 * PAGE);
    memheap_page_pool_destroy(pages);
}
END_TEST

START_TEST(range_may_end_where_the_addresses_end)
{
    unit_log_init(&messages);
    char *start = (char *)(UINTPTR_MAX - 8 * PAGE + 1);
    memheap_page_pool_config_t config = {.base = start,
                                         .size = 7 * PAGE,
                                         .page_size = PAGE,
                                         .log = &messages.log};
    void *block;
    ck_assert_ok(memheap_page_pool_create(&config, &pages));
    pool = memheap_page_pool_as_pool(pages);
    ck_assert_ptr_eq(take(8 * PAGE, PAGE), start);
    ck_assert_int_eq(pool.pop(pool.state, 8 * PAGE, PAGE, &block),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_ptr_eq(take(4 * PAGE, 3 * PAGE), start + 4 * PAGE);
    memheap_page_pool_destroy(pages);
}
END_TEST

/* Whole words, of one level and of two, and parts of words. */
static const size_t page_counts[] = {64, 1000, 4096, 4160};

START_TEST(all_pages_can_be_allocated_and_freed)
{
    size_t all = page_counts[_i];
    open_pool(all);
    for (size_t i = 0; i < all; i++)
        ck_assert_ptr_eq(take(1, PAGE), base + i * PAGE);
    void *block;
    ck_assert_int_eq(pool.pop(pool.state, 1, 1, &block), MEMHEAP_ERR_NO_MEMORY);
    ck_free(0);
    for (size_t i = 0; i < all; i++)
        give(base + (i * 387 % all) * PAGE);
    ck_free(all);
    ck_assert_ptr_eq(take(1, all * PAGE), base);
    ck_assert_uint_eq(size_at(base), all * PAGE);
    memheap_page_pool_destroy(pages);
}
END_TEST

START_TEST(chosen_pages_can_be_reserved)
{
    open_pool(200);
    ck_assert_ok(memheap_page_pool_reserve(pages, base + 70 * PAGE, PAGE + 1));
    ck_assert_uint_eq(size_at(base + 70 * PAGE), 2 * PAGE);
    ck_assert_int_eq(memheap_page_pool_reserve(pages, base + 71 * PAGE, PAGE),
                     MEMHEAP_ERR_BUSY);
    ck_assert_int_eq(memheap_page_pool_reserve(pages, base, 71 * PAGE),
                     MEMHEAP_ERR_BUSY);
    ck_assert_ok(memheap_page_pool_reserve(pages, base, 70 * PAGE));
    ck_assert_ok(memheap_page_pool_reserve(pages, base + 199 * PAGE, PAGE));
    ck_assert_ptr_eq(take(1, 127 * PAGE), base + 72 * PAGE);
    ck_free(0);
    give(base);
    give(base + 70 * PAGE);
    ck_assert_ptr_eq(take(1, 72 * PAGE), base);
    memheap_page_pool_destroy(pages);
}
END_TEST

START_TEST(bad_reservation_is_refused)
{
    open_pool(10);
    ck_assert_int_eq(memheap_page_pool_reserve(pages, base, 0),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_int_eq(memheap_page_pool_reserve(pages, base + 8, PAGE),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_int_eq(memheap_page_pool_reserve(pages, base + 9 * PAGE, 8192),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_int_eq(memheap_page_pool_reserve(pages, base - PAGE, PAGE),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_int_eq(memheap_page_pool_reserve(pages, base, SIZE_MAX),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    memheap_page_pool_destroy(pages);
}
END_TEST

START_TEST(another_range_extends_the_pool)
{
    size_t count;
    size_t unused;
    open_pool(4);
    take(1, 4 * PAGE);
    ck_assert_ok(memheap_page_pool_extend(pages, base + 100 * PAGE, 8 * PAGE));
    ck_assert_ok(memheap_page_pool_extend(pages, base + 4 * PAGE, PAGE));
    memheap_page_pool_count(pages, &count, &unused);
    ck_assert_uint_eq(count, 13);
    ck_assert_uint_eq(unused, 9);
    ck_assert_ptr_eq(take(1, 8 * PAGE), base + 100 * PAGE);
    ck_assert_ptr_eq(take(1, PAGE), base + 4 * PAGE);
    give(base + 100 * PAGE);
    ck_assert_uint_eq(size_at(base + 50 * PAGE), 0);
    ck_assert_int_eq(pool.push(pool.state, base + 50 * PAGE),
                     MEMHEAP_ERR_BAD_ADDRESS);
    /* No block spans two ranges, even adjacent ones. */
    give(base);
    give(base + 4 * PAGE);
    void *block;
    ck_assert_int_eq(pool.pop(pool.state, 1, 9 * PAGE, &block),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_ptr_eq(take(1, 5 * PAGE), base + 100 * PAGE);
    memheap_page_pool_destroy(pages);
}
END_TEST

START_TEST(bad_range_is_refused)
{
    static const struct {
        long from, size;
    } bad[] = {{0, PAGE},          {3 * PAGE, 9 * PAGE}, {-PAGE, 2 * PAGE},
               {-PAGE, 90 * PAGE}, {100, PAGE},          {8 * PAGE, 100},
               {8 * PAGE, 0}};
    open_pool(4);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        unit_log_clear(&messages);
        ck_assert_int_eq(memheap_page_pool_extend(pages, base + bad[i].from,
                                                  (size_t)bad[i].size),
                         MEMHEAP_ERR_BAD_ARGUMENT);
        ck_assert_logged(&messages, "are not whole pages of");
    }
    ck_assert_int_eq(memheap_page_pool_extend(pages, NULL, PAGE),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_int_eq(
        memheap_page_pool_extend(pages, base, (size_t)0 - 8 * PAGE),
        MEMHEAP_ERR_BAD_ARGUMENT);
    ck_free(4);
    memheap_page_pool_destroy(pages);
}
END_TEST

START_TEST(wrong_address_is_reported)
{
    open_pool(10);
    char *block = take(1, 3 * PAGE);
    char *const wrong[] = {block + 1,   block + PAGE,     block + 5 * PAGE,
                           base - PAGE, base + 10 * PAGE, NULL};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        unit_log_clear(&messages);
        ck_assert_int_eq(pool.push(pool.state, wrong[i]),
                         MEMHEAP_ERR_BAD_ADDRESS);
        ck_assert_logged(&messages, "no block of the page pool starts at");
        ck_assert_uint_eq(size_at(wrong[i]), 0);
    }
    give(block);
    ck_assert_int_eq(pool.push(pool.state, block), MEMHEAP_ERR_BAD_ADDRESS);
    ck_free(10);
    memheap_page_pool_destroy(pages);
}
END_TEST

START_TEST(bad_request_is_refused)
{
    void *block;
    open_pool(10);
    ck_assert_int_eq(pool.pop(pool.state, 1, 0, &block),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_int_eq(pool.pop(pool.state, 3, 1, &block),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_int_eq(pool.pop(pool.state, 1, SIZE_MAX, &block),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_int_eq(pool.pop(pool.state, 1, 11 * PAGE, &block),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_int_eq(pool.pop(pool.state, (size_t)1 << 63, 1, &block),
                     MEMHEAP_ERR_NO_MEMORY);
    memheap_page_pool_destroy(pages);
    memheap_page_pool_config_t config = {.base = base,
                                         .size = 3 * PAGE,
                                         .page_size = 3 * PAGE,
                                         .log = &messages.log};
    ck_assert_int_eq(memheap_page_pool_create(&config, &pages),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_logged(&messages, "a page of 12288 bytes is not a power of two");
    config.page_size = 8;
    ck_assert_int_eq(memheap_page_pool_create(&config, &pages),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    config.page_size = 16;
    ck_assert_ok(memheap_page_pool_create(&config, &pages));
    memheap_page_pool_destroy(pages);
    ck_assert_ok(memheap_page_pool_destroy(NULL));
}
END_TEST

START_TEST(long_range_costs_nothing_until_it_is_used)
{
    if (unit_lacks_addresses())
        return;
    open_pool(10); /* touch the code, which takes memory too */
    give(take(1, PAGE));
    memheap_page_pool_destroy(pages);
    long before = unit_resident_kib();
    open_pool((size_t)1 << 30);
    char *block = take(1, PAGE);
    ck_assert_ptr_eq(block, base);
    give(block);
    char *last = base + (((size_t)1 << 30) - 1) * PAGE;
    ck_assert_ok(memheap_page_pool_reserve(pages, last, PAGE));
    ck_assert_ptr_eq(take(1, PAGE), base);
    ck_assert_int_lt(unit_resident_kib() - before, 512);
    memheap_page_pool_destroy(pages);
}
END_TEST

START_TEST(failing_memory_changes_nothing)
{
    for (size_t fail = 1; fail < 20; fail++) {
        unit_memory_t memory;
        unit_memory_init(&memory);
        memory.fail_at = fail;
        unit_log_init(&messages);
        memheap_page_pool_config_t config = {.base = base,
                                             .size = 10 * PAGE,
                                             .page_size = PAGE,
                                             .log = &messages.log,
                                             .memory = &memory.memory};
        memheap_status_t status = memheap_page_pool_create(&config, &pages);
        if (status == MEMHEAP_OK) {
            status =
                memheap_page_pool_extend(pages, base + 20 * PAGE, 5 * PAGE);
            ck_free(status == MEMHEAP_OK ? 15 : 10);
            memheap_page_pool_destroy(pages);
        }
        ck_assert_uint_eq(memory.pieces, 0);
        if (memory.requests < fail)
            return;
        ck_assert_int_eq(status, MEMHEAP_ERR_NO_METADATA);
        ck_assert_uint_eq(messages.count, 1);
    }
    ck_abort_msg("it never succeeds");
}
END_TEST

/* Compare random calls with a model, an array of pages. */
START_TEST(random_calls_agree_with_a_model)
{
    enum {
        PAGES = 150,
        CALLS = 20000
    };
    size_t owner[PAGES] = {0}; /* 1 + first page of the block */
    uint64_t seed = unit_seed();
    open_pool(PAGES);
    for (unsigned call = 0; call < CALLS; call++) {
        size_t at = unit_random_below(&seed, PAGES);
        size_t count = 1 + unit_random_below(&seed, 9);
        size_t align = (size_t)1 << unit_random_below(&seed, 4);
        void *block;
        if (owner[at] == at + 1) {
            size_t size = 0;
            for (size_t i = at; i < PAGES && owner[i] == at + 1; i++) {
                owner[i] = 0;
                size += PAGE;
            }
            ck_assert_uint_eq(size_at(base + at * PAGE), size);
            give(base + at * PAGE);
            continue;
        }
        bool very = call % 3 == 0;
        size_t found = PAGES;
        for (size_t i = very ? at : 0; i + count <= PAGES;
             i += very ? PAGES : align) {
            size_t unused = 0;
            while (unused < count && owner[i + unused] == 0)
                unused++;
            if (unused == count) {
                found = i;
                break;
            }
        }
        memheap_status_t status =
            very ? memheap_page_pool_reserve(pages, base + at * PAGE,
                                             count * PAGE)
                 : pool.pop(pool.state, align * PAGE, count * PAGE, &block);
        ck_assert_int_eq(status == MEMHEAP_OK, found < PAGES);
        if (status != MEMHEAP_OK)
            continue;
        if (!very)
            ck_assert_ptr_eq(block, base + found * PAGE);
        ck_assert_uint_eq(size_at(base + found * PAGE), count * PAGE);
        for (size_t i = 0; i < count; i++)
            owner[found + i] = found + 1;
    }
    memheap_page_pool_destroy(pages);
}
END_TEST

static void *churn(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < ROUNDS; i++) {
        void *block;
        if (pool.pop(pool.state, 1, (1 + i % 5) * PAGE, &block) == MEMHEAP_OK &&
            pool.push(pool.state, block) != MEMHEAP_OK)
            return pages;
    }
    return NULL;
}

START_TEST(threads_share_a_pool)
{
    pthread_t thread[THREADS];
    open_pool(12);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, churn, NULL), 0);
    for (int i = 0; i < THREADS; i++) {
        void *bad;
        pthread_join(thread[i], &bad);
        ck_assert_ptr_null(bad);
    }
    ck_free(12);
    memheap_page_pool_destroy(pages);
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    tcase_add_test(tests, lowest_run_of_pages_is_used);
    tcase_add_test(tests, addresses_are_aligned);
    tcase_add_test(tests, range_may_end_where_the_addresses_end);
    tcase_add_loop_test(tests, all_pages_can_be_allocated_and_freed, 0, 4);
    tcase_add_test(tests, chosen_pages_can_be_reserved);
    tcase_add_test(tests, bad_reservation_is_refused);
    tcase_add_test(tests, another_range_extends_the_pool);
    tcase_add_test(tests, bad_range_is_refused);
    tcase_add_test(tests, wrong_address_is_reported);
    tcase_add_test(tests, bad_request_is_refused);
    tcase_add_test(tests, long_range_costs_nothing_until_it_is_used);
    tcase_add_test(tests, failing_memory_changes_nothing);
    tcase_add_test(tests, random_calls_agree_with_a_model);
    tcase_add_test(tests, threads_share_a_pool);
    return unit_run("page_pool", tests);
}
