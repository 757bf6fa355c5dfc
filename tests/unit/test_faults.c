/*
 * Failed metadata requests: the n-th request fails, for each n up to their
 * number. Afterwards the heap works as if the call had not been made. In an
 * ordered heap, one call fails for each request. Thread caches do without the
 * memory that they do not get, so no call may fail for them.
 */
#include "config.h"

#include "tests/unit/unit.h"
#include <memheap/memheap.h>

#include <stdio.h>

enum {
    BLOCKS = 1500, /* enough that tables grow several times */
    BATCH = 300,   /* more than a heap keeps on the stack */
    RANGE = 1 << 20
};

static char range[RANGE] __attribute__((aligned(4096)));
static unit_memory_t memory;
static unit_log_t test_log;
static memheap_t *heap;
static unsigned flags;

/* The blocks of the sequence. Each is filled with its number. */
static struct {
    unsigned char *address;
    size_t size;
} block[BLOCKS];
static size_t blocks;
static size_t failures;

/* Check that a failed call failed for lack of metadata and left the heap sound.
 * @return whether the call succeeded */
static bool succeeded(memheap_status_t status)
{
    if (status == MEMHEAP_OK)
        return true;
    ck_assert_int_eq(status, MEMHEAP_ERR_NO_METADATA);
    ck_assert_ok(memheap_check(heap));
    failures++;
    return false;
}

static void fill(size_t i)
{
    memset(block[i].address, (int)(i % 251), block[i].size);
}

static bool is_intact(size_t i)
{
    for (size_t byte = 0; byte < block[i].size; byte++) {
        if (block[i].address[byte] != i % 251)
            return false;
    }
    return true;
}

static void alloc(size_t align, size_t size)
{
    void *address;
    if (!succeeded(memheap_alloc_aligned(heap, align, size, &address)))
        return;
    block[blocks].address = address;
    block[blocks].size = size;
    fill(blocks++);
}

static void alloc_batch(void)
{
    size_t sizes[BATCH];
    void *addresses[BATCH];
    for (size_t i = 0; i < BATCH; i++)
        sizes[i] = 16 + i % 5 * 16;
    if (!succeeded(memheap_alloc_batch(heap, BATCH, 16, sizes, addresses)))
        return;
    for (size_t i = 0; i < BATCH; i++) {
        block[blocks].address = addresses[i];
        block[blocks].size = sizes[i];
        fill(blocks++);
    }
}

/* A free never needs memory. */
static void free_last(void)
{
    ck_assert(is_intact(blocks - 1));
    ck_assert_ok(memheap_free(heap, block[--blocks].address));
}

static void free_batch(void)
{
    void *addresses[BATCH];
    if (blocks < BATCH)
        return;
    for (size_t i = 0; i < BATCH; i++)
        addresses[i] = block[blocks - 1 - i].address;
    if (succeeded(memheap_free_batch(heap, BATCH, addresses)))
        blocks -= BATCH;
}

static void resize(size_t i, size_t size)
{
    void *address;
    size_t before = block[i].size;
    if (!succeeded(memheap_resize(heap, block[i].address, size, &address)))
        return;
    block[i].address = address;
    block[i].size = memheap_min(before, size);
    ck_assert(is_intact(i));
    block[i].size = size;
    fill(i);
}

static void run_sequence(void)
{
    blocks = 0;
    for (size_t i = 0; i < 500; i++)
        alloc(i % 7 == 0 ? 256 : 16, 16 + i % 11 * 16);
    alloc_batch();
    for (size_t i = 0; i + 1 < blocks; i += 9)
        resize(i, block[i].size + 64);
    free_batch();
    for (size_t i = 0; i < 100; i++)
        free_last();
    alloc_batch();
    for (size_t i = 0; i < 200; i++)
        alloc(16, 100 + i);
    for (size_t i = 0; i + 1 < blocks; i += 5)
        resize(i, 16);
}

static memheap_status_t create(int component)
{
    static char name[64];
    const char *params[] = {name, unit_component_setting(component), NULL};
    snprintf(name, sizeof(name), "MEMHEAP_COMPONENT=%s",
             unit_component_name(component));
    memheap_config_t config = {.base = range,
                               .size = RANGE,
                               .flags = flags,
                               .params = params,
                               .log = &test_log.log,
                               .memory = &memory.memory};
    return memheap_create(&config, &heap);
}

/* Run the sequence with the n-th request failing. @return whether there was one
 */
static bool run_with_failure_at(size_t number, int component)
{
    unit_log_init(&test_log);
    unit_memory_init(&memory);
    memory.fail_at = number;
    failures = 0;
    memheap_status_t status = create(component);
    if (status != MEMHEAP_OK) {
        ck_assert_int_eq(status, MEMHEAP_ERR_NO_METADATA);
        ck_assert_uint_eq(test_log.count, 1);
        ck_assert_uint_eq(memory.requests >= number, true);
        ck_assert_uint_eq(memory.pieces, 0);
        return true;
    }
    run_sequence();
    ck_assert_ok(memheap_check(heap));
    bool failed = number != 0 && number <= memory.requests;
    ck_assert_uint_le(failures, failed);
    if (flags == MEMHEAP_ORDERED)
        ck_assert_uint_eq(failures, failed);
    for (size_t i = 0; i < blocks; i++)
        ck_assert_msg(is_intact(i), "block %zu, request %zu", i, number);
    while (blocks > 0)
        ck_assert_ok(memheap_free(heap, block[--blocks].address));
    ck_assert_ok(memheap_check(heap));
    bool reached = number <= memory.requests;
    memory.fail_at = 0;
    void *whole;
    ck_assert_ok(memheap_alloc(heap, RANGE, &whole));
    memheap_destroy(heap);
    ck_assert_uint_eq(memory.pieces, 0);
    ck_assert_uint_eq(memory.bytes, 0);
    return reached;
}

START_TEST(any_failed_request_is_survived)
{
    int component = _i / 2;
    flags = _i % 2 == 0 ? 0 : MEMHEAP_ORDERED;
    ck_assert(run_with_failure_at(0, component));
    size_t requests = memory.requests;
    ck_assert_uint_ge(requests, 10);
    for (size_t number = 1; run_with_failure_at(number, component); number++)
        ck_assert_uint_le(number, 10 * requests);
}
END_TEST

/* Undoing a resize needs no memory. */
START_TEST(resize_that_fails_restores_without_memory)
{
    unit_log_init(&test_log);
    unit_memory_init(&memory);
    ck_assert_ok(create(_i));
    void *large;
    void *moved;
    ck_assert_ok(memheap_alloc(heap, RANGE / 2, &large));
    for (blocks = 0; blocks < 350;)
        alloc(16, 16);
    memset(large, 1, RANGE / 2);
    unit_memory_t before = memory;
    for (size_t fail = 1; fail <= 3; fail++) {
        memory.fail_at = memory.requests + fail;
        memheap_status_t status = memheap_resize(heap, large, RANGE, &moved);
        ck_assert(status == MEMHEAP_ERR_NO_MEMORY ||
                  status == MEMHEAP_ERR_NO_METADATA);
        ck_assert_ok(memheap_check(heap));
    }
    ck_assert_uint_eq(memory.pieces, before.pieces);
    ck_assert_int_eq(((char *)large)[RANGE / 2 - 1], 1);
    ck_assert_ok(memheap_free(heap, large));
    memheap_destroy(heap);
    ck_assert_uint_eq(memory.pieces, 0);
}
END_TEST

/* Metadata of far places is committed apart. */
START_TEST(failed_request_far_away_is_survived)
{
    unit_module_t unit;
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        unit_memory_init(&memory);
        unit_module_open(&unit, _i, GIB, GIB, &memory.memory);
        memory.fail_at = memory.requests + n;
        failed = false;
        for (size_t i = 0; i < 60; i++) {
            memheap_result_t answer =
                unit.ops->alloc(unit.module, 16, 16 * MIB);
            ck_assert_ok(unit.ops->check(unit.module));
            if (answer.status != MEMHEAP_OK) {
                ck_assert_int_eq(answer.status, MEMHEAP_ERR_NO_METADATA);
                ck_assert(!failed);
                failed = true;
            }
        }
        unit_module_close(&unit);
        ck_assert_uint_eq(memory.pieces, 0);
    }
}
END_TEST

int main(void)
{
    int count = (int)unit_component_count();
    TCase *tests = unit_case();
    tcase_add_loop_test(tests, any_failed_request_is_survived, 0, 2 * count);
    tcase_add_loop_test(tests, resize_that_fails_restores_without_memory, 0,
                        count);
    tcase_add_loop_test(tests, failed_request_far_away_is_survived, 0, count);
    return unit_run("faults", tests);
}
