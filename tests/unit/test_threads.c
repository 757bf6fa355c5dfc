/*
 * Many threads in one heap, for every component: no two ever have the same
 * memory, and when all is freed the heap is as it was at first. Blocks are
 * stamped from end to end with who has them, so an overlap shows whichever of
 * the two looks.
 */
#define _GNU_SOURCE /* dladdr() */
#include "config.h"

#include "tests/unit/unit.h"
#include "memheap/heap_state.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    THREADS = 4,
    THREADS_MAX = 8,
    ROUNDS = 20000,
    HELD = 200,
    SIZE = 64 << 20,
    PASSED = 512 /* blocks passed between threads */
};

static unit_heap_t unit;

typedef struct block {
    uint64_t *words;
    size_t count;
    uint64_t stamp;
} block_t;

typedef struct worker {
    pthread_t thread;
    unsigned number;
    size_t largest;
    uint64_t seed;
    uint64_t stamps;
    unsigned refused; /* allocations that failed */
    unsigned wrong;   /* wrong results */
    block_t held[HELD];
} worker_t;

static worker_t workers[THREADS_MAX];

/* Blocks that threads leave for others to free. */
static _Atomic(block_t *) passed[PASSED];

static _Atomic bool over;

static void stamp(block_t *block, uint64_t value)
{
    block->stamp = value;
    for (size_t i = 0; i < block->count; i++)
        block->words[i] = value;
}

static bool is_stamped(const block_t *block, uint64_t value)
{
    for (size_t i = 0; i < block->count; i++) {
        if (block->words[i] != value)
            return false;
    }
    return true;
}

/* Allocate a block: a quarter are zeroed, an eighth aligned. */
static void allocate(worker_t *w, block_t *block)
{
    size_t size = 8 + unit_random_below(&w->seed, w->largest);
    size_t kind = unit_random_below(&w->seed, 8);
    size_t align = kind == 2 ? (size_t)16 << unit_random_below(&w->seed, 9) : 8;
    void *address = NULL;
    memheap_status_t status =
        kind < 2 ? memheap_alloc_zeroed(unit.heap, 1, size, &address)
                 : memheap_alloc_aligned(unit.heap, align, size, &address);
    *block = (block_t){.words = address, .count = size / 8};
    if (status != MEMHEAP_OK) {
        w->wrong += status != MEMHEAP_ERR_NO_MEMORY;
        w->refused++;
        block->words = NULL;
        return;
    }
    w->wrong += (uintptr_t)address % align != 0;
    w->wrong += kind < 2 && !is_stamped(block, 0);
    stamp(block, (uint64_t)w->number << 56 | ++w->stamps);
}

static void release(worker_t *w, block_t *block)
{
    if (block->words == NULL)
        return;
    w->wrong += !is_stamped(block, block->stamp);
    w->wrong += memheap_free(unit.heap, block->words) != MEMHEAP_OK;
    block->words = NULL;
}

/* Leave a block for another thread, and free the one that was there. */
static void pass_on(worker_t *w, block_t *block)
{
    block_t *copy = malloc(sizeof(*copy));
    size_t at = unit_random_below(&w->seed, PASSED);
    *copy = *block;
    block->words = NULL;
    block_t *other = atomic_exchange(&passed[at], copy);
    if (other != NULL)
        release(w, other);
    free(other);
}

static void resize(worker_t *w, block_t *block)
{
    size_t size = 8 + unit_random_below(&w->seed, w->largest);
    void *address;
    memheap_status_t status =
        memheap_resize(unit.heap, block->words, size, &address);
    w->wrong += status != MEMHEAP_OK && status != MEMHEAP_ERR_NO_MEMORY;
    if (status != MEMHEAP_OK)
        return;
    block->words = address;
    block->count = memheap_min(block->count, size / 8);
    w->wrong += !is_stamped(block, block->stamp);
    block->count = size / 8;
    stamp(block, block->stamp);
}

static void step(worker_t *w)
{
    block_t *block = &w->held[unit_random_below(&w->seed, HELD)];
    size_t kind = unit_random_below(&w->seed, 64);
    size_t size;
    if (block->words == NULL)
        allocate(w, block);
    else if (kind < 32)
        pass_on(w, block);
    else if (kind < 34)
        resize(w, block);
    else if (kind < 36)
        w->wrong +=
            memheap_usable_size(unit.heap, block->words, &size) != MEMHEAP_OK ||
            size < 8 * block->count;
    else
        release(w, block);
}

static void *work(void *context)
{
    worker_t *w = context;
    for (unsigned i = 0; i < ROUNDS; i++)
        step(w);
    for (size_t i = 0; i < HELD; i++)
        release(w, &w->held[i]);
    return NULL;
}

static bool count_live(void *context, const memheap_block_t *block)
{
    *(size_t *)context += block->live;
    return true;
}

/* Inspect the heap while other threads use it. */
static void *watch(void *context)
{
    unsigned *wrong = context;
    while (!over) {
        memheap_stats_t stats;
        size_t live = 0;
        *wrong += memheap_check(unit.heap) != MEMHEAP_OK;
        memheap_walk(unit.heap, count_live, &live);
        memheap_get_stats(unit.heap, &stats);
        *wrong += stats.used > SIZE || stats.peak < stats.used;
    }
    return NULL;
}

static void run(unsigned threads, size_t largest)
{
    memset(workers, 0, sizeof(workers));
    for (unsigned i = 0; i < threads; i++) {
        workers[i].number = i + 1;
        workers[i].seed = i + 1;
        workers[i].largest = largest;
        ck_assert_int_eq(
            pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        ck_assert_uint_eq(workers[i].wrong, 0);
    }
    for (size_t i = 0; i < PASSED; i++) {
        block_t *block = atomic_exchange(&passed[i], NULL);
        if (block != NULL)
            release(&workers[0], block);
        free(block);
    }
    ck_assert_uint_eq(workers[0].wrong, 0);
}

static void assert_empty(size_t size)
{
    void *all;
    memheap_stats_t stats;
    ck_assert_ok(memheap_check(unit.heap));
    memheap_get_stats(unit.heap, &stats);
    ck_assert_uint_eq(stats.used, 0);
    ck_assert_uint_eq(stats.live_blocks, 0);
    ck_assert_ok(memheap_alloc(unit.heap, size, &all));
    ck_assert_ok(memheap_free(unit.heap, all));
    ck_assert_uint_eq(unit.log.count, 0);
}

START_TEST(no_memory_is_allocated_twice)
{
    static const size_t largest[] = {8, 8, 100, 1000, 20000};
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    for (size_t i = 0; i < 5; i++) {
        for (unsigned threads = 2; threads <= THREADS_MAX; threads *= 2) {
            run(threads, largest[i]);
            ck_assert_uint_eq(workers[0].refused, 0);
            assert_empty(SIZE);
        }
    }
    unit_heap_close(&unit);
}
END_TEST

/* A heap for a quarter of what the threads request. */
START_TEST(full_heap_refuses_and_recovers)
{
    enum {
        LITTLE = 60 * 1024
    };
    unsigned refused = 0;
    unit_heap_open(&unit, _i, LITTLE, 0, NULL);
    run(THREADS, 1200);
    for (size_t i = 0; i < THREADS; i++)
        refused += workers[i].refused;
    ck_assert_uint_gt(refused, 0);
    assert_empty(LITTLE);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(heap_can_be_inspected_meanwhile)
{
    pthread_t watcher;
    unsigned wrong = 0;
    over = false;
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    ck_assert_int_eq(pthread_create(&watcher, NULL, watch, &wrong), 0);
    run(2, 2000);
    over = true;
    pthread_join(watcher, NULL);
    ck_assert_uint_eq(wrong, 0);
    assert_empty(SIZE);
    unit_heap_close(&unit);
}
END_TEST

/* Memory above the high-water mark is zero. Threads that raise the mark must
 * not make a block look zeroed that is not. */
static void *take_zeroed(void *context)
{
    worker_t *w = context;
    for (unsigned i = 0; i < ROUNDS / 2; i++) {
        size_t size = 16 + unit_random_below(&w->seed, w->largest);
        void *address;
        if (memheap_alloc_zeroed(unit.heap, 1, size, &address) != MEMHEAP_OK) {
            w->wrong++;
            break;
        }
        block_t block = {.words = address, .count = size / 8};
        w->wrong += !is_stamped(&block, 0);
        stamp(&block, UINT64_MAX);
        if (i % 2 == 0)
            w->wrong += memheap_free(unit.heap, address) != MEMHEAP_OK;
    }
    return NULL;
}

START_TEST(zeroed_blocks_are_zero)
{
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    if (unit.range != NULL)
        memset(unit.base, 0xFF, SIZE);
    memset(workers, 0, sizeof(workers));
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i].seed = i + 1;
        workers[i].largest = 1500;
        pthread_create(&workers[i].thread, NULL, take_zeroed, &workers[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        ck_assert_uint_eq(workers[i].wrong, 0);
    }
    unit_heap_close(&unit);
}
END_TEST

/* Threads take turns. The results must not depend on the thread. */
static void *take_turn(void *context)
{
    void **block = context;
    if (memheap_alloc(unit.heap, 100, block) != MEMHEAP_OK)
        *block = NULL;
    return NULL;
}

START_TEST(results_of_an_ordered_heap_do_not_depend_on_the_thread)
{
    static char range[1 << 20] __attribute__((aligned(4096)));
    const char *params[] = {unit.component, NULL};
    snprintf(unit.component, sizeof(unit.component), "MEMHEAP_COMPONENT=%s",
             unit_component_name(_i));
    memheap_config_t config = {.base = range,
                               .size = sizeof(range),
                               .flags = MEMHEAP_ORDERED,
                               .params = params};
    void *alone[8];
    void *in_turn[8];
    ck_assert_ok(memheap_create(&config, &unit.heap));
    for (size_t i = 0; i < 8; i++)
        take_turn(&alone[i]);
    memheap_destroy(unit.heap);
    ck_assert_ok(memheap_create(&config, &unit.heap));
    for (size_t i = 0; i < 8; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, take_turn, &in_turn[i]);
        pthread_join(thread, NULL);
        ck_assert_ptr_eq(in_turn[i], alone[i]);
    }
    memheap_destroy(unit.heap);
}
END_TEST

/* Where calls have to come in one order, no thread keeps blocks. */
START_TEST(heaps_in_order_have_no_thread_caches)
{
    static const unsigned flags[] = {MEMHEAP_SINGLE_THREADED,
                                     MEMHEAP_ORDERED,
                                     MEMHEAP_RECORDED,
                                     MEMHEAP_JOB_HEAP,
                                     0,
                                     0};
    const char *params[] = {NULL, NULL};
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        params[0] = i == 4   ? "MEMHEAP_CHECK=1"
                    : i == 5 ? "MEMHEAP_TOP=all"
                             : "MEMHEAP_TOP=none";
        memheap_config_t config = {.size = MIB,
                                   .flags = flags[i],
                                   .params = params,
                                   .log = &unit.log.log};
        void *block;
        unit_log_init(&unit.log);
        ck_assert_ok(memheap_create(&config, &unit.heap));
        ck_assert_uint_eq(unit.heap->thread_caches.id, THREAD_CACHES_NONE);
        ck_assert_ok(memheap_alloc(unit.heap, 100, &block));
        ck_assert_ok(memheap_free(unit.heap, block));
        ck_assert_int_eq(memheap_free(unit.heap, block),
                         MEMHEAP_ERR_BAD_ADDRESS);
        memheap_end(unit.heap);
    }
}
END_TEST

/* Two threads free the same large blocks. One free of each succeeds. */
typedef struct rival {
    pthread_t thread;
    void **block;
    size_t freed;
    pthread_barrier_t *start;
} rival_t;

static void *free_all(void *context)
{
    rival_t *r = context;
    pthread_barrier_wait(r->start);
    for (size_t i = 0; i < HELD; i++)
        r->freed += memheap_free(unit.heap, r->block[i]) == MEMHEAP_OK;
    return NULL;
}

START_TEST(one_of_two_concurrent_frees_succeeds)
{
    void *block[HELD];
    rival_t rival[2];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, 2);
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    for (size_t round = 0; round < 20; round++) {
        for (size_t i = 0; i < HELD; i++)
            ck_assert_ok(memheap_alloc(unit.heap, THREAD_CACHE_MAX + 16 + i * 8,
                                       &block[i]));
        for (size_t i = 0; i < 2; i++) {
            rival[i] = (rival_t){.block = block, .start = &start};
            pthread_create(&rival[i].thread, NULL, free_all, &rival[i]);
        }
        for (size_t i = 0; i < 2; i++)
            pthread_join(rival[i].thread, NULL);
        ck_assert_uint_eq(rival[0].freed + rival[1].freed, HELD);
        unit_log_clear(&unit.log);
        assert_empty(SIZE);
    }
    unit_heap_close(&unit);
    pthread_barrier_destroy(&start);
}
END_TEST

/* A thread that makes one call when it is told to, and lives on. */
typedef struct helper {
    pthread_t thread;
    pthread_barrier_t turn;
    void (*call)(void *block);
    void *block;
    void *taken;
    memheap_status_t status;
} helper_t;

static helper_t helper;

static void *help(void *context)
{
    (void)context;
    for (;;) {
        pthread_barrier_wait(&helper.turn);
        if (helper.call == NULL)
            return NULL;
        helper.call(helper.block);
        pthread_barrier_wait(&helper.turn);
    }
}

static void helper_start(void)
{
    pthread_barrier_init(&helper.turn, NULL, 2);
    ck_assert_int_eq(pthread_create(&helper.thread, NULL, help, NULL), 0);
}

static void helper_call(void (*call)(void *block), void *block)
{
    helper.call = call;
    helper.block = block;
    pthread_barrier_wait(&helper.turn);
    pthread_barrier_wait(&helper.turn);
}

static void helper_end(void)
{
    helper.call = NULL;
    pthread_barrier_wait(&helper.turn);
    pthread_join(helper.thread, NULL);
    pthread_barrier_destroy(&helper.turn);
}

static void free_one(void *block)
{
    helper.status = memheap_free(unit.heap, block);
}

static void take_one(void *block)
{
    (void)block;
    helper.status = memheap_alloc(unit.heap, 100, &helper.taken);
}

/* A small block that another thread freed is in its cache. */
START_TEST(second_free_by_another_thread_is_found)
{
    void *block;
    size_t size;
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    helper_start();
    ck_assert_ok(memheap_alloc(unit.heap, 100, &block));
    helper_call(free_one, block);
    ck_assert_ok(helper.status);
    ck_assert_int_eq(memheap_free(unit.heap, block), MEMHEAP_ERR_BAD_ADDRESS);
    ck_assert_logged(&unit.log, "may have been freed before");
    ck_assert_int_eq(memheap_usable_size(unit.heap, block, &size),
                     MEMHEAP_ERR_BAD_ADDRESS);
    ck_assert_int_eq(memheap_resize(unit.heap, block, 50, &block),
                     MEMHEAP_ERR_BAD_ADDRESS);
    unit_log_clear(&unit.log);
    assert_empty(SIZE);
    helper_end();
    unit_heap_close(&unit);
}
END_TEST

START_TEST(size_of_a_cached_block_is_refused)
{
    void *block;
    size_t size = 77;
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    ck_assert_ok(memheap_alloc(unit.heap, 100, &block));
    ck_assert_ok(memheap_free(unit.heap, block));
    ck_assert_int_eq(memheap_usable_size(unit.heap, block, &size),
                     MEMHEAP_ERR_BAD_ADDRESS);
    ck_assert_uint_eq(size, 77);
    unit_heap_close(&unit);
}
END_TEST

/* A full heap tries to move the block over its old place. The block that it
 * then restores is the module's, which may be larger than the class. */
START_TEST(failed_resize_of_a_small_block_changes_nothing)
{
    static const size_t sizes[] = {24, 48, 100, 200, 300, 400, 700, 1500, 3000};
    char *blocks[4096];
    size_t count = 0;
    unit_heap_open(&unit, _i, 64 * KIB, 0, NULL);
    for (size_t i = 0; i < 9; i++) {
        for (size_t k = 0; k < 8; k++, count++)
            blocks[count] = memheap_malloc(unit.heap, sizes[i]);
    }
    for (size_t i = 9; i-- > 0;) {
        while ((blocks[count] = memheap_malloc(unit.heap, sizes[i])) != NULL)
            count++;
    }
    for (size_t i = 0; i < count; i++) {
        memheap_stats_t before;
        memheap_stats_t after;
        void *moved = NULL;
        if (blocks[i] == NULL)
            continue;
        memset(blocks[i], 7, 24);
        memheap_get_stats(unit.heap, &before);
        ck_assert_int_eq(memheap_resize(unit.heap, blocks[i], 20 * KIB, &moved),
                         MEMHEAP_ERR_NO_MEMORY);
        memheap_get_stats(unit.heap, &after);
        ck_assert_uint_eq(after.used, before.used);
        ck_assert_int_eq(blocks[i][23], 7);
    }
    ck_assert_ok(memheap_check(unit.heap));
    unit_heap_close(&unit);
}
END_TEST

/* Both of two threads that free a block at the same time may succeed. The test
 * makes the block live again in between, so that this is certain. No two
 * callers get the block. */
START_TEST(block_freed_twice_at_once_is_found_later)
{
    void *block;
    void *mine;
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    memheap_thread_caches_t *caches = &unit.heap->thread_caches;
    helper_start();
    ck_assert_ok(memheap_alloc(unit.heap, 100, &block));
    size_t offset = heap_offset_of(unit.heap, block);
    unsigned live = thread_mark(caches, offset);
    ck_assert_uint_eq(live, thread_class(100) | THREAD_LIVE);
    helper_call(free_one, block);
    ck_assert_ok(helper.status);
    thread_set_mark(caches, offset, live);
    ck_assert_ok(memheap_free(unit.heap, block));
    ck_assert_ok(memheap_alloc(unit.heap, 100, &mine));
    ck_assert_ptr_eq(mine, block);
    ck_assert_uint_eq(unit.log.count, 0);
    helper_call(take_one, NULL);
    ck_assert_ok(helper.status);
    ck_assert_ptr_ne(helper.taken, block);
    ck_assert_logged(&unit.log, "two threads freed the block at");
    unit_log_clear(&unit.log);
    ck_assert_ok(memheap_free(unit.heap, helper.taken));
    ck_assert_ok(memheap_free(unit.heap, mine));
    assert_empty(SIZE);
    helper_end();
    unit_heap_close(&unit);
}
END_TEST

START_TEST(lock_is_taken_for_several_blocks)
{
    void *blocks[10];
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    for (int i = 0; i < 10; i++)
        ck_assert_ok(memheap_alloc(unit.heap, 64, &blocks[i]));
    const memheap_thread_cache_t *cache = unit.heap->thread_caches.first;
    ck_assert_ptr_nonnull(cache);
    const thread_stack_t *stack = &cache->stacks[thread_class(64)];
    unsigned count = stack->count;
    ck_assert_uint_gt(count, 0);
    for (int i = 0; i < 10; i++)
        ck_assert_ok(memheap_free(unit.heap, blocks[i]));
    ck_assert_uint_eq(stack->count, count + 10);
    unit_heap_close(&unit);
}
END_TEST

static void fill_and_free(void *block)
{
    enum {
        BLOCKS = 500
    };
    void *taken[BLOCKS];
    (void)block;
    for (size_t i = 0; i < BLOCKS; i++)
        ck_assert_ok(memheap_alloc(unit.heap, 16 + i % 50 * 16, &taken[i]));
    for (size_t i = 0; i < BLOCKS; i++)
        ck_assert_ok(memheap_free(unit.heap, taken[i]));
}

/* A heap that is full takes the blocks that idle threads have cached. */
START_TEST(full_heap_takes_cached_blocks)
{
    void *all;
    unit_heap_open(&unit, _i, MIB, 0, NULL);
    helper_start();
    helper_call(fill_and_free, NULL);
    ck_assert_ptr_nonnull(unit.heap->thread_caches.first);
    ck_assert_ok(memheap_alloc(unit.heap, MIB, &all));
    ck_assert_ok(memheap_free(unit.heap, all));
    helper_call(fill_and_free, NULL);
    ck_assert_ok(memheap_reserve(unit.heap, unit.base, 64));
    ck_assert_ok(memheap_free(unit.heap, unit.base));
    helper_call(fill_and_free, NULL);
    helper_end();
    assert_empty(MIB);
    unit_heap_close(&unit);
}
END_TEST

/* A small block that cannot move stays, and that is no failure. */
START_TEST(small_block_is_resized_in_a_full_heap)
{
    void *block;
    void *other;
    memheap_stats_t before;
    memheap_stats_t after;
    unit_heap_open(&unit, _i, MIB, 0, NULL);
    ck_assert_ok(memheap_alloc(unit.heap, 128, &block));
    for (size_t size = MIB; size >= 16; size /= 2) {
        while (memheap_alloc(unit.heap, size, &other) == MEMHEAP_OK)
            continue;
    }
    memset(block, 7, 128);
    memheap_get_stats(unit.heap, &before);
    ck_assert_ok(memheap_resize(unit.heap, block, 48, &other));
    memheap_get_stats(unit.heap, &after);
    ck_assert_uint_eq(after.failures, before.failures);
    ck_assert_uint_eq(after.live_blocks, before.live_blocks);
    ck_assert_int_eq(((char *)other)[47], 7);
    ck_assert_ok(memheap_check(unit.heap));
    unit_heap_close(&unit);
}
END_TEST

static void *run_once(void *context)
{
    fill_and_free(context);
    return NULL;
}

/* Check that memheap_check() finds a wrong value in a field. */
#define ASSERT_FOUND(field, wrong)                                             \
    do {                                                                       \
        __typeof__(field) right_ = (field);                                    \
        (field) = (__typeof__(field))(wrong);                                  \
        ck_assert_msg(memheap_check(unit.heap) == MEMHEAP_ERR_CORRUPT,         \
                      "%s = %s is not found", #field, #wrong);                 \
        (field) = right_;                                                      \
        ck_assert_ok(memheap_check(unit.heap));                                \
    } while (0)

START_TEST(check_finds_broken_thread_caches)
{
    void *block[2];
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    for (size_t i = 0; i < 2; i++)
        ck_assert_ok(memheap_alloc(unit.heap, 100, &block[i]));
    unsigned class = heap_mark(unit.heap, heap_offset_of(unit.heap, block[0])) &
                     THREAD_CLASS;
    ck_assert_ok(memheap_free(unit.heap, block[0]));
    memheap_thread_cache_t *cache = unit.heap->thread_caches.first;
    if (cache != NULL) { /* the machine has membarrier(2) */
        thread_stack_t *stack = &cache->stacks[class];
        uint32_t *round = &cache->rounds[stack->first + stack->count - 1];
        ck_assert_uint_eq(*round, heap_offset_of(unit.heap, block[0]) / 16);
        ASSERT_FOUND(*round, heap_offset_of(unit.heap, block[1]) / 16);
        ASSERT_FOUND(*round, *round + 1);
        ASSERT_FOUND(stack->limit, stack->count - 1);
        ASSERT_FOUND(stack->limit, stack->limit + 1);
        ASSERT_FOUND(stack->limit, UINT16_MAX);
        ASSERT_FOUND(cache->limit_bytes, cache->limit_bytes + 1);
    }
    ck_assert_ok(memheap_free(unit.heap, block[1]));
    unit_heap_close(&unit);
}
END_TEST

/* Threads that end leave nothing behind, and are counted. */
START_TEST(ended_threads_give_their_blocks_back)
{
    enum {
        MANY = 60
    };
    memheap_stats_t stats;
    memheap_stats_t after;
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    for (size_t i = 0; i < MANY; i++) {
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, run_once, NULL), 0);
        pthread_join(thread, NULL);
        if (i == 0)
            memheap_get_stats(unit.heap, &stats);
    }
    memheap_get_stats(unit.heap, &after);
    ck_assert_ptr_null(unit.heap->thread_caches.first);
    ck_assert_uint_eq(after.allocations, MANY * stats.allocations);
    ck_assert_uint_eq(after.frees, after.allocations);
    ck_assert_uint_le(after.high_water, stats.high_water * 11 / 10);
    ck_assert_uint_le(after.metadata, stats.metadata + stats.metadata / 16);
    assert_empty(SIZE);
    unit_heap_close(&unit);
}
END_TEST

/* One thread allocates and another frees: neither keeps more than a bounded
 * number of blocks. */
START_TEST(memory_of_producer_and_consumer_is_bounded)
{
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    helper_start();
    for (size_t i = 0; i < 20000; i++) {
        void *block;
        ck_assert_ok(memheap_alloc(unit.heap, 1000, &block));
        helper_call(free_one, block);
        ck_assert_ok(helper.status);
    }
    memheap_stats_t stats;
    memheap_get_stats(unit.heap, &stats);
    ck_assert_uint_eq(stats.used, 0);
    ck_assert_uint_eq(stats.live_blocks, 0);
    ck_assert_uint_le(stats.high_water, MIB);
    helper_end();
    assert_empty(SIZE);
    unit_heap_close(&unit);
}
END_TEST

/* The statistics count blocks as live or free, wherever they are cached. */
START_TEST(statistics_see_through_caches)
{
    void *block[100];
    memheap_stats_t stats;
    size_t live = 0;
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    for (size_t i = 0; i < 100; i++)
        ck_assert_ok(memheap_alloc(unit.heap, 100, &block[i]));
    for (size_t i = 0; i < 60; i++)
        ck_assert_ok(memheap_free(unit.heap, block[i]));
    for (size_t i = 60; i < 70; i++)
        ck_assert_ok(memheap_resize(unit.heap, block[i], 200, &block[i]));
    memheap_get_stats(unit.heap, &stats);
    ck_assert_uint_eq(stats.live_blocks, 40);
    ck_assert_uint_eq(stats.allocations, 100);
    ck_assert_uint_eq(stats.frees, 60);
    ck_assert_uint_eq(stats.resizes, 10);
    ck_assert_uint_ge(stats.used, 30 * 100 + 10 * 200);
    ck_assert_uint_le(stats.used, 30 * 128 + 10 * 256);
    ck_assert_uint_eq(stats.used + stats.free, stats.size);
    ck_assert_uint_ge(stats.peak, stats.used);
    memheap_walk(unit.heap, count_live, &live);
    ck_assert_uint_eq(live, 40);
    /* The caller's range is not trimmed. */
    ck_assert_int_eq(memheap_trim(unit.heap, 0),
                     unit.range == NULL ? MEMHEAP_OK : MEMHEAP_ERR_UNSUPPORTED);
    memheap_get_stats(unit.heap, &stats);
    ck_assert_uint_eq(stats.live_blocks, 40);
    unit_heap_close(&unit);
}
END_TEST

static void *churn_until_over(void *context)
{
    worker_t *w = context;
    while (!over)
        step(w);
    for (size_t i = 0; i < HELD; i++)
        release(w, &w->held[i]);
    return NULL;
}

/* The child finds the heap consistent, whatever other threads were doing. */
START_TEST(child_of_a_process_with_threads_can_use_the_heap)
{
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    memset(workers, 0, sizeof(workers));
    over = false;
    for (unsigned i = 0; i < 2; i++) {
        workers[i] = (worker_t){.number = i + 1, .seed = i, .largest = 30000};
        pthread_create(&workers[i].thread, NULL, churn_until_over, &workers[i]);
    }
    for (int i = 0; i < 20; i++) {
        fill_and_free(NULL);
        pid_t child = fork();
        if (child == 0) {
            fill_and_free(NULL);
            _exit(memheap_check(unit.heap) != MEMHEAP_OK ||
                  unit.heap->thread_caches.count != 1);
        }
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_int_eq(status, 0);
    }
    over = true;
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(workers[i].thread, NULL);
        ck_assert_uint_eq(workers[i].wrong, 0);
    }
    unit_heap_close(&unit);
}
END_TEST

/* More heaps than slots, destroyed while a thread that used them lives. */
START_TEST(thread_uses_many_heaps)
{
    enum {
        HEAPS = 3 * THREAD_SLOTS
    };
    memheap_t *heap[HEAPS];
    memheap_config_t config = {.size = MIB};
    for (int round = 0; round < 3; round++) {
        helper_start();
        for (size_t i = 0; i < HEAPS; i++)
            ck_assert_ok(memheap_create(&config, &heap[i]));
        for (size_t i = 0; i < 20 * HEAPS; i++) {
            unit.heap = heap[i % HEAPS];
            fill_and_free(NULL);
            if (i % 10 == 0)
                helper_call(fill_and_free, NULL);
        }
        for (size_t i = 0; i < HEAPS; i++) {
            ck_assert_ok(memheap_check(heap[i]));
            ck_assert_ok(memheap_destroy(heap[i]));
        }
        helper_end();
    }
}
END_TEST

/* A second copy of the library, which finds its own functions first. A
 * sanitizer refuses that. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define HAS_COPY 1
typedef struct library {
    void *handle;
    __typeof__(memheap_create) *create;
    __typeof__(memheap_alloc) *alloc;
    __typeof__(memheap_free) *free;
    __typeof__(memheap_destroy) *destroy;
} library_t;

static void library_open(library_t *library)
{
    static char buffer[1 << 16];
    char folder[UNIT_PATH];
    char path[UNIT_PATH + 16];
    Dl_info info;
    size_t got;
    ck_assert_int_ne(dladdr((void *)(uintptr_t)memheap_create, &info), 0);
    unit_folder_new(folder);
    snprintf(path, sizeof(path), "%s/copy.so", folder);
    FILE *from = fopen(info.dli_fname, "rb");
    FILE *to = fopen(path, "wb");
    ck_assert(from != NULL && to != NULL);
    while ((got = fread(buffer, 1, sizeof(buffer), from)) > 0)
        ck_assert_uint_eq(fwrite(buffer, 1, got, to), got);
    fclose(from);
    ck_assert_int_eq(fclose(to), 0);
    library->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    unit_folder_delete(folder);
    ck_assert_msg(library->handle != NULL, "%s", dlerror());
    *(void **)&library->create = dlsym(library->handle, "memheap_create");
    *(void **)&library->alloc = dlsym(library->handle, "memheap_alloc");
    *(void **)&library->free = dlsym(library->handle, "memheap_free");
    *(void **)&library->destroy = dlsym(library->handle, "memheap_destroy");
    ck_assert(library->create != NULL && library->create != memheap_create);
}

static void use_library(void *context)
{
    const library_t *library = context;
    memheap_config_t config = {.size = MIB};
    memheap_t *heap;
    helper.status = library->create(&config, &heap);
    if (helper.status != MEMHEAP_OK)
        return;
    helper.status = library->alloc(heap, 100, &helper.taken);
    library->free(heap, helper.taken);
    library->destroy(heap);
}

/* The thread has nothing to do for it when it ends. */
START_TEST(library_can_be_unloaded_while_a_thread_lives)
{
    library_t library;
    Dl_info info;
    if (unit_contains_library()) /* it cannot be unloaded */
        return;
    library_open(&library);
    helper_start();
    helper_call(use_library, &library);
    ck_assert_ok(helper.status);
    ck_assert_int_eq(dlclose(library.handle), 0);
    ck_assert_int_eq(dladdr((void *)(uintptr_t)library.create, &info), 0);
    helper_end();
}
END_TEST
#endif

/* Without membarrier(2), a heap has no thread caches. */
START_TEST(heap_works_without_membarrier)
{
    if (unit_is_emulated())
        return;
    ck_assert(unit_refuse_call(SYS_membarrier, ENOSYS));
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    run(THREADS, 1000);
    ck_assert_ptr_null(unit.heap->thread_caches.first);
    assert_empty(SIZE);
    unit_heap_close(&unit);
}
END_TEST

int main(void)
{
    int kinds = unit_heap_kinds();
    TCase *tests = unit_case();
    tcase_add_loop_test(tests, no_memory_is_allocated_twice, 0, kinds);
    tcase_add_loop_test(tests, full_heap_refuses_and_recovers, 0, kinds);
    tcase_add_loop_test(tests, heap_can_be_inspected_meanwhile, 0, kinds);
    tcase_add_loop_test(tests, zeroed_blocks_are_zero, 0, kinds);
    tcase_add_loop_test(tests,
                        results_of_an_ordered_heap_do_not_depend_on_the_thread,
                        0, (int)unit_component_count());
    tcase_add_test(tests, heaps_in_order_have_no_thread_caches);
    tcase_add_loop_test(tests, one_of_two_concurrent_frees_succeeds, 0, kinds);
    tcase_add_loop_test(tests, second_free_by_another_thread_is_found, 0,
                        kinds);
    tcase_add_loop_test(tests, size_of_a_cached_block_is_refused, 0, kinds);
    tcase_add_loop_test(tests, failed_resize_of_a_small_block_changes_nothing,
                        0, kinds);
    tcase_add_loop_test(tests, block_freed_twice_at_once_is_found_later, 0,
                        kinds);
    tcase_add_loop_test(tests, lock_is_taken_for_several_blocks, 0, kinds);
    tcase_add_loop_test(tests, full_heap_takes_cached_blocks, 0, kinds);
    tcase_add_loop_test(tests, small_block_is_resized_in_a_full_heap, 0, kinds);
    tcase_add_loop_test(tests, check_finds_broken_thread_caches, 0, kinds);
    tcase_add_loop_test(tests, ended_threads_give_their_blocks_back, 0, kinds);
    tcase_add_loop_test(tests, memory_of_producer_and_consumer_is_bounded, 0,
                        kinds);
    tcase_add_loop_test(tests, statistics_see_through_caches, 0, kinds);
    tcase_add_loop_test(tests, child_of_a_process_with_threads_can_use_the_heap,
                        0, kinds);
    tcase_add_test(tests, thread_uses_many_heaps);
#ifdef HAS_COPY
    tcase_add_test(tests, library_can_be_unloaded_while_a_thread_lives);
#endif
    if (getenv("CK_FORK") == NULL)
        tcase_add_loop_test(tests, heap_works_without_membarrier, 0, kinds);
    return unit_run("threads", tests);
}
