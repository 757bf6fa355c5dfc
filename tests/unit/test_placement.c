/*
 * Proximities over sources of every kind: the order in which they serve, who
 * they serve, and each status. Pools that count their calls stand for those of
 * a job.
 */
#include "config.h"

#include "tests/unit/unit.h"
#include <memheap/page_pool.h>
#include <memheap/placement.h>
#include <memheap/range_pool.h>

#include <pthread.h>
#include <stdlib.h>

enum {
    SIZE = 256 * 1024,
    THREADS = 4,
    ROUNDS = 10000
};

static unit_log_t messages;

/* A caller's own allocator: four blocks of one size. */
typedef struct shelf {
    char block[4][128];
    bool used[4];
    unsigned pops;
    memheap_status_t answer; /* of each pop, unless it is MEMHEAP_OK */
} shelf_t;

static memheap_status_t shelf_pop(void *state, size_t align, size_t size,
                                  void **block_p)
{
    shelf_t *shelf = state;
    shelf->pops++;
    if (shelf->answer != MEMHEAP_OK)
        return shelf->answer;
    if (align > 16 || size > sizeof(shelf->block[0]))
        return MEMHEAP_ERR_BAD_ARGUMENT;
    for (int i = 0; i < 4; i++) {
        if (!shelf->used[i]) {
            shelf->used[i] = true;
            *block_p = shelf->block[i];
            return MEMHEAP_OK;
        }
    }
    return MEMHEAP_ERR_NO_MEMORY;
}

static int shelf_index(const shelf_t *shelf, const void *block)
{
    for (int i = 0; i < 4; i++) {
        if (block == shelf->block[i] && shelf->used[i])
            return i;
    }
    return -1;
}

static memheap_status_t shelf_push(void *state, void *block)
{
    shelf_t *shelf = state;
    int i = shelf_index(shelf, block);
    if (i < 0)
        return MEMHEAP_ERR_BAD_ADDRESS;
    shelf->used[i] = false;
    return MEMHEAP_OK;
}

static memheap_status_t shelf_getsize(void *state, const void *block,
                                      size_t *size_p)
{
    if (shelf_index(state, block) < 0)
        return MEMHEAP_ERR_BAD_ADDRESS;
    *size_p = sizeof(((shelf_t *)state)->block[0]);
    return MEMHEAP_OK;
}

static memheap_pool_t shelf_pool(shelf_t *shelf)
{
    return (memheap_pool_t){.pop = shelf_pop,
                            .push = shelf_push,
                            .getsize = shelf_getsize,
                            .state = shelf};
}

static memheap_source_t source(memheap_pool_t pool, unsigned reach)
{
    return (memheap_source_t){
        .pool = pool, .reachability = reach, .node = MEMHEAP_NODE_NONE};
}

static memheap_proximity_t *over(const memheap_source_t *sources, size_t count,
                                 memheap_search_order_t order)
{
    memheap_proximity_t *proximity;
    unit_log_init(&messages);
    memheap_proximity_config_t config = {.sources = sources,
                                         .count = count,
                                         .order = order,
                                         .log = &messages.log};
    ck_assert_ok(memheap_proximity_create(&config, &proximity));
    return proximity;
}

static size_t source_of(memheap_proximity_t *proximity, const void *block)
{
    size_t i = SIZE_MAX;
    ck_assert_ok(memheap_placement_query(proximity, block, NULL, &i));
    return i;
}

/* Allocate a block. @return the number of its source */
static size_t place(memheap_proximity_t *proximity, size_t size, unsigned reach)
{
    void *block;
    ck_assert_ok(memheap_placement_alloc(proximity, 16, size, reach, &block));
    return source_of(proximity, block);
}

static memheap_t *new_heap(size_t size)
{
    memheap_t *heap;
    memheap_config_t config = {.size = size, .log = &messages.log};
    unit_log_init(&messages);
    ck_assert_ok(memheap_create(&config, &heap));
    return heap;
}

START_TEST(nearest_source_is_used_until_it_is_full)
{
    shelf_t near = {.pops = 0};
    shelf_t middle = {.pops = 0};
    memheap_t *far = new_heap(SIZE);
    memheap_source_t sources[] = {
        source(shelf_pool(&near), MEMHEAP_REACH_PE),
        source(shelf_pool(&middle), MEMHEAP_REACH_PE),
        source(memheap_heap_as_pool(far), MEMHEAP_REACH_PE)};
    memheap_proximity_t *proximity = over(sources, 3, MEMHEAP_NEAREST_FIRST);
    for (size_t i = 0; i < 12; i++)
        ck_assert_uint_eq(place(proximity, 100, MEMHEAP_REACH_PE),
                          memheap_min(i / 4, 2));
    ck_assert_ok(memheap_placement_free(proximity, near.block[2]));
    ck_assert_uint_eq(place(proximity, 100, MEMHEAP_REACH_PE), 0);
    /* A request that a source can never serve goes to the next one. */
    ck_assert_ok(memheap_placement_free(proximity, near.block[2]));
    ck_assert_uint_eq(place(proximity, 1000, MEMHEAP_REACH_PE), 2);
    void *block;
    size_t size;
    ck_assert_ok(
        memheap_placement_alloc(proximity, 64, 10, MEMHEAP_REACH_PE, &block));
    ck_assert_uint_eq((uintptr_t)block % 64, 0);
    block = memheap_placement_malloc(proximity, 256, 10, MEMHEAP_REACH_PE);
    ck_assert_ptr_nonnull(block);
    ck_assert_uint_eq((uintptr_t)block % 256, 0);
    ck_assert_ptr_null(
        memheap_placement_malloc(proximity, 64, 2 * SIZE, MEMHEAP_REACH_PE));
    ck_assert_ok(
        memheap_placement_query(proximity, near.block[1], &size, NULL));
    ck_assert_uint_eq(size, 128);
    ck_assert_uint_eq(messages.count, 0);
    memheap_proximity_destroy(proximity);
    memheap_destroy(far);
}
END_TEST

static const struct {
    unsigned source, request;
    bool serves;
} reaches[] = {
    {MEMHEAP_REACH_PE, MEMHEAP_REACH_PE, true},
    {MEMHEAP_REACH_PE, MEMHEAP_REACH_NODE, false},
    {MEMHEAP_REACH_PE, MEMHEAP_REACH_SYSTEM, false},
    {MEMHEAP_REACH_NODE, MEMHEAP_REACH_PE, true},
    {MEMHEAP_REACH_NODE, MEMHEAP_REACH_NODE, true},
    {MEMHEAP_REACH_NODE, MEMHEAP_REACH_SYSTEM, false},
    {MEMHEAP_REACH_SYSTEM, MEMHEAP_REACH_PE, true},
    {MEMHEAP_REACH_SYSTEM, MEMHEAP_REACH_NODE, true},
    {MEMHEAP_REACH_SYSTEM, MEMHEAP_REACH_SYSTEM, true},
    {MEMHEAP_REACH_SYSTEM, MEMHEAP_REACH_DEVICE, false},
    {MEMHEAP_REACH_DEVICE, MEMHEAP_REACH_DEVICE, true},
    {MEMHEAP_REACH_DEVICE, MEMHEAP_REACH_PE, false},
    {MEMHEAP_REACH_DEVICE | MEMHEAP_REACH_PE, MEMHEAP_REACH_DEVICE, true},
    {MEMHEAP_REACH_DEVICE | MEMHEAP_REACH_PE, MEMHEAP_REACH_PE, true},
    {MEMHEAP_REACH_DEVICE | MEMHEAP_REACH_PE,
     MEMHEAP_REACH_DEVICE | MEMHEAP_REACH_NODE, false},
    {MEMHEAP_REACH_DEVICE | MEMHEAP_REACH_SYSTEM,
     MEMHEAP_REACH_DEVICE | MEMHEAP_REACH_NODE, true},
};

START_TEST(source_serves_its_reachability)
{
    shelf_t shelf = {.pops = 0};
    memheap_source_t one = source(shelf_pool(&shelf), reaches[_i].source);
    memheap_proximity_t *proximity =
        over(&one, 1, _i % 2 == 0 ? MEMHEAP_NEAREST_FIRST : MEMHEAP_IN_TURN);
    void *block;
    ck_assert_int_eq(
        memheap_placement_alloc(proximity, 16, 10, reaches[_i].request, &block),
        reaches[_i].serves ? MEMHEAP_OK : MEMHEAP_ERR_UNREACHABLE);
    ck_assert_uint_eq(shelf.pops, reaches[_i].serves);
    memheap_proximity_destroy(proximity);
}
END_TEST

START_TEST(collective_source_serves_no_single_PE)
{
    shelf_t system = {.pops = 0};
    memheap_source_t one = source(shelf_pool(&system),
                                  MEMHEAP_REACH_SYSTEM | MEMHEAP_REACH_DEVICE);
    one.collective = true;
    memheap_proximity_t *proximity = over(&one, 1, MEMHEAP_NEAREST_FIRST);
    void *block;
    ck_assert_int_eq(
        memheap_placement_alloc(proximity, 1, 1, MEMHEAP_REACH_PE, &block),
        MEMHEAP_ERR_UNREACHABLE);
    ck_assert_int_eq(
        memheap_placement_alloc(proximity, 1, 1, MEMHEAP_REACH_NODE, &block),
        MEMHEAP_ERR_UNREACHABLE);
    ck_assert_uint_eq(system.pops, 0);
    ck_assert_uint_eq(place(proximity, 1, MEMHEAP_REACH_SYSTEM), 0);
    ck_assert_uint_eq(
        place(proximity, 1, MEMHEAP_REACH_SYSTEM | MEMHEAP_REACH_DEVICE), 0);
    memheap_proximity_destroy(proximity);
}
END_TEST

START_TEST(sources_are_used_in_turn)
{
    memheap_t *heap[3];
    memheap_source_t sources[4];
    shelf_t other = {.pops = 0};
    for (int i = 0; i < 3; i++) {
        heap[i] = new_heap(SIZE);
        sources[i + (i > 0)] =
            source(memheap_heap_as_pool(heap[i]), MEMHEAP_REACH_PE);
    }
    sources[1] = source(shelf_pool(&other), MEMHEAP_REACH_SYSTEM);
    memheap_proximity_t *proximity = over(sources, 4, MEMHEAP_IN_TURN);
    for (size_t i = 0; i < 4; i++)
        ck_assert_uint_eq(place(proximity, 100, MEMHEAP_REACH_PE), i);
    /* Turns of other reachabilities do not count. */
    ck_assert_uint_eq(place(proximity, 100, MEMHEAP_REACH_SYSTEM), 1);
    ck_assert_uint_eq(place(proximity, 100, MEMHEAP_REACH_PE), 0);
    ck_assert_uint_eq(place(proximity, 100, MEMHEAP_REACH_SYSTEM), 1);
    ck_assert_uint_eq(place(proximity, 100, MEMHEAP_REACH_PE), 1);
    /* A full source is skipped. */
    other.answer = MEMHEAP_ERR_NO_MEMORY;
    ck_assert_uint_eq(place(proximity, 100, MEMHEAP_REACH_PE), 2);
    ck_assert_uint_eq(place(proximity, 100, MEMHEAP_REACH_PE), 3);
    ck_assert_uint_eq(place(proximity, 100, MEMHEAP_REACH_PE), 0);
    ck_assert_uint_eq(place(proximity, 100, MEMHEAP_REACH_PE), 2);
    memheap_proximity_destroy(proximity);
    for (int i = 0; i < 3; i++)
        memheap_destroy(heap[i]);
}
END_TEST

static const struct {
    memheap_status_t first, second, status;
    unsigned second_pops;
} refusals[] = {
    {MEMHEAP_ERR_NO_MEMORY, MEMHEAP_ERR_NO_MEMORY, MEMHEAP_ERR_NO_MEMORY, 1},
    {MEMHEAP_ERR_NO_MEMORY, MEMHEAP_ERR_BAD_ARGUMENT, MEMHEAP_ERR_NO_MEMORY, 1},
    {MEMHEAP_ERR_BAD_ARGUMENT, MEMHEAP_ERR_NO_MEMORY, MEMHEAP_ERR_NO_MEMORY, 1},
    {MEMHEAP_ERR_BAD_ARGUMENT, MEMHEAP_ERR_BAD_ARGUMENT,
     MEMHEAP_ERR_BAD_ARGUMENT, 1},
    {MEMHEAP_ERR_NO_METADATA, MEMHEAP_ERR_BAD_ARGUMENT, MEMHEAP_ERR_NO_METADATA,
     1},
    {MEMHEAP_ERR_NO_METADATA, MEMHEAP_OK, MEMHEAP_OK, 1},
    {MEMHEAP_ERR_DIVERGED, MEMHEAP_OK, MEMHEAP_ERR_DIVERGED, 0},
    {MEMHEAP_ERR_CORRUPT, MEMHEAP_OK, MEMHEAP_ERR_CORRUPT, 0},
    {MEMHEAP_ERR_NO_MEMORY, MEMHEAP_ERR_DIVERGED, MEMHEAP_ERR_DIVERGED, 1},
};

START_TEST(status_tells_why_all_sources_failed)
{
    shelf_t first = {.answer = refusals[_i].first};
    shelf_t second = {.answer = refusals[_i].second};
    memheap_source_t sources[] = {
        source(shelf_pool(&first), MEMHEAP_REACH_NODE),
        source(shelf_pool(&second), MEMHEAP_REACH_NODE)};
    memheap_proximity_t *proximity = over(sources, 2, MEMHEAP_NEAREST_FIRST);
    void *block = &first;
    ck_assert_int_eq(
        memheap_placement_alloc(proximity, 16, 9, MEMHEAP_REACH_NODE, &block),
        refusals[_i].status);
    ck_assert_uint_eq(second.pops, refusals[_i].second_pops);
    if (refusals[_i].status != MEMHEAP_OK)
        ck_assert_ptr_eq(block, &first);
    memheap_proximity_destroy(proximity);
}
END_TEST

START_TEST(bad_request_is_refused)
{
    shelf_t shelf = {.pops = 0};
    memheap_source_t one = source(shelf_pool(&shelf), MEMHEAP_REACH_SYSTEM);
    memheap_proximity_t *proximity = over(&one, 1, MEMHEAP_NEAREST_FIRST);
    static const struct {
        size_t size, align;
        unsigned reach;
    } bad[] = {{0, 16, 1},  {1, 0, 1},   {1, 3, 1},          {1, 16, 0},
               {1, 16, 2},  {1, 16, 4},  {1, 16, 5},         {1, 16, 6},
               {1, 16, 16}, {1, 16, 10}, {1, 16, UINT32_MAX}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        void *block;
        ck_assert_int_eq(memheap_placement_alloc(proximity, bad[i].align,
                                                 bad[i].size, bad[i].reach,
                                                 &block),
                         MEMHEAP_ERR_BAD_ARGUMENT);
    }
    ck_assert_uint_eq(shelf.pops, 0);
    memheap_proximity_destroy(proximity);
}
END_TEST

START_TEST(bad_configuration_is_refused)
{
    shelf_t shelf = {.pops = 0};
    memheap_source_t bad[] = {source(shelf_pool(&shelf), 0),
                              source(shelf_pool(&shelf), 6),
                              source(shelf_pool(&shelf), MEMHEAP_REACH_PE),
                              source(shelf_pool(&shelf), MEMHEAP_REACH_PE),
                              source(shelf_pool(&shelf), MEMHEAP_REACH_PE)};
    bad[2].pool.pop = NULL;
    bad[3].pool.push = NULL;
    bad[4].pool.getsize = NULL;
    memheap_proximity_t *proximity;
    memheap_proximity_config_t config = {.log = &messages.log};
    unit_log_init(&messages);
    ck_assert_int_eq(memheap_proximity_create(&config, &proximity),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    config.count = 1;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        config.sources = &bad[i];
        ck_assert_int_eq(memheap_proximity_create(&config, &proximity),
                         MEMHEAP_ERR_BAD_ARGUMENT);
        ck_assert_uint_eq(messages.count, i + 2);
    }
    ck_assert_logged(&messages, "bad configuration of 1 sources");
    unit_memory_t memory;
    unit_memory_init(&memory);
    memory.fail_at = 1;
    memheap_source_t one = source(shelf_pool(&shelf), MEMHEAP_REACH_PE);
    config.sources = &one;
    config.memory = &memory.memory;
    ck_assert_int_eq(memheap_proximity_create(&config, &proximity),
                     MEMHEAP_ERR_NO_METADATA);
    ck_assert_ok(memheap_proximity_destroy(NULL));
}
END_TEST

START_TEST(wrong_address_is_reported)
{
    memheap_t *heap = new_heap(SIZE);
    shelf_t shelf = {.pops = 0};
    memheap_source_t sources[] = {
        source(shelf_pool(&shelf), MEMHEAP_REACH_PE),
        source(memheap_heap_as_pool(heap), MEMHEAP_REACH_PE)};
    memheap_proximity_t *proximity = over(sources, 2, MEMHEAP_NEAREST_FIRST);
    void *block;
    ck_assert_ok(
        memheap_placement_alloc(proximity, 16, 500, MEMHEAP_REACH_PE, &block));
    ck_assert_ok(memheap_placement_free(proximity, NULL));
    ck_assert_int_eq(memheap_placement_free(proximity, (char *)block + 16),
                     MEMHEAP_ERR_BAD_ADDRESS);
    ck_assert_uint_eq(messages.count, 1);
    ck_assert_logged(&messages, "no block of any of the 2 sources");
    ck_assert_int_eq(memheap_placement_free(proximity, shelf.block[0]),
                     MEMHEAP_ERR_BAD_ADDRESS);
    ck_assert_int_eq(memheap_placement_query(proximity, &shelf, NULL, NULL),
                     MEMHEAP_ERR_BAD_ADDRESS);
    ck_assert_ok(memheap_placement_free(proximity, block));
    ck_assert_int_eq(memheap_placement_free(proximity, block),
                     MEMHEAP_ERR_BAD_ADDRESS);
    memheap_proximity_destroy(proximity);
    memheap_destroy(heap);
}
END_TEST

/* Heap, page pool, memory pool, caller's own and a proximity, as sources. */
START_TEST(every_kind_of_pool_can_be_a_source)
{
    static char range[SIZE] __attribute__((aligned(4096)));
    static char more[SIZE] __attribute__((aligned(4096)));
    memheap_page_pool_t *pages;
    memheap_range_pool_t *ranges;
    memheap_t *heap = new_heap(SIZE);
    shelf_t shelf = {.pops = 0};
    shelf_t inner = {.pops = 0};
    memheap_page_pool_config_t of_pages = {.base = range, .size = SIZE};
    memheap_config_t of_ranges = {.base = more, .size = SIZE};
    ck_assert_ok(memheap_page_pool_create(&of_pages, &pages));
    ck_assert_ok(memheap_range_pool_create(&of_ranges, &ranges));
    memheap_source_t one = source(shelf_pool(&inner), MEMHEAP_REACH_SYSTEM);
    memheap_proximity_t *in = over(&one, 1, MEMHEAP_NEAREST_FIRST);
    memheap_source_t sources[] = {
        source(memheap_heap_as_pool(heap), MEMHEAP_REACH_PE),
        source(memheap_page_pool_as_pool(pages), MEMHEAP_REACH_PE),
        source(memheap_range_pool_as_pool(ranges), MEMHEAP_REACH_PE),
        source(shelf_pool(&shelf), MEMHEAP_REACH_PE),
        source(memheap_proximity_as_pool(in, MEMHEAP_REACH_NODE),
               MEMHEAP_REACH_NODE)};
    memheap_proximity_t *proximity = over(sources, 5, MEMHEAP_IN_TURN);
    memheap_pool_t pool =
        memheap_proximity_as_pool(proximity, MEMHEAP_REACH_PE);
    void *block[15];
    for (size_t i = 0; i < 15; i++) {
        size_t size = 0;
        ck_assert_ok(pool.pop(pool.state, 16, 100, &block[i]));
        memset(block[i], (int)i, 100);
        ck_assert_uint_eq(source_of(proximity, block[i]), i % 5);
        ck_assert_ok(pool.getsize(pool.state, block[i], &size));
        ck_assert_uint_ge(size, 100);
    }
    ck_assert_uint_eq(inner.pops, 3);
    for (size_t i = 0; i < 15; i++) {
        for (size_t byte = 0; byte < 100; byte++)
            ck_assert_int_eq(((char *)block[i])[byte], (int)i);
        ck_assert_ok(pool.push(pool.state, block[i]));
        size_t size;
        ck_assert_int_eq(pool.getsize(pool.state, block[i], &size),
                         MEMHEAP_ERR_BAD_ADDRESS);
    }
    memheap_pool_t none = memheap_proximity_as_pool(proximity, 17);
    ck_assert_int_eq(none.pop(none.state, 16, 16, &block[0]),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_uint_eq(messages.count, 0);
    memheap_proximity_destroy(proximity);
    memheap_proximity_destroy(in);
    memheap_range_pool_destroy(ranges);
    memheap_page_pool_destroy(pages);
    memheap_destroy(heap);
}
END_TEST

START_TEST(each_node_has_a_heap)
{
    memheap_numa_heaps_t *places;
    ck_assert_ok(memheap_numa_heaps_create(NULL, &places));
    size_t count = memheap_numa_heaps_count(places);
    ck_assert_uint_ge(count, 1);
    for (size_t i = 0; i < count; i++) {
        void *block;
        memheap_proximity_t *near = memheap_numa_heaps_proximity(places, i);
        ck_assert_ok(
            memheap_placement_alloc(near, 64, 8192, MEMHEAP_REACH_PE, &block));
        ck_assert_uint_eq(source_of(near, block), 0);
        size_t size;
        ck_assert_ok(memheap_usable_size(memheap_numa_heaps_heap(places, i),
                                         block, &size));
        memset(block, 1, 8192);
        memheap_placement_t placement;
        ck_assert_ok(memheap_get_placement(memheap_numa_heaps_heap(places, i),
                                           &placement));
        if (placement.numa == MEMHEAP_NUMA_NODE &&
            placement.numa_node < MEMHEAP_PLACEMENT_NODES)
            ck_assert_uint_eq(placement.on_node[placement.numa_node],
                              placement.sampled);
        ck_assert_ok(
            memheap_placement_free(memheap_numa_heaps_local(places), block));
    }
    ck_assert_ptr_null(memheap_numa_heaps_proximity(places, count));
    ck_assert_ptr_null(memheap_proximity_source(
        memheap_numa_heaps_proximity(places, 0), count));
    ck_assert_ptr_null(memheap_numa_heaps_heap(places, count));
    ck_assert_int_eq(memheap_numa_heaps_node(places, count), MEMHEAP_NODE_NONE);
    memheap_numa_heaps_destroy(places);
    ck_assert_ok(memheap_numa_heaps_destroy(NULL));
}
END_TEST

START_TEST(two_nodes_have_two_heaps)
{
    memheap_numa_heaps_t *places;
    memheap_config_t config = {.size = SIZE, .log = &messages.log};
    unit_log_init(&messages);
    setenv("MEMHEAP_TEST_NODES", "2", 1);
    ck_assert_ok(memheap_numa_heaps_create(&config, &places));
    ck_assert_uint_eq(memheap_numa_heaps_count(places), 2);
    ck_assert_int_eq(memheap_numa_heaps_node(places, 1), 1);
    memheap_proximity_t *near[] = {memheap_numa_heaps_proximity(places, 0),
                                   memheap_numa_heaps_proximity(places, 1)};
    memheap_proximity_t *global = memheap_numa_heaps_interleaved(places);
    void *block;
    size_t size;
    for (size_t i = 0; i < 2; i++) {
        for (size_t n = 0; n < 2; n++)
            ck_assert_int_eq(memheap_proximity_source(near[i], n)->node,
                             (int)(i ^ n));
    }
    /* The second node's own memory, until it is full. */
    ck_assert_ok(memheap_placement_alloc(near[1], 16, SIZE / 2,
                                         MEMHEAP_REACH_PE, &block));
    ck_assert_ok(
        memheap_usable_size(memheap_numa_heaps_heap(places, 1), block, &size));
    ck_assert_ok(memheap_placement_alloc(near[1], 16, SIZE / 2,
                                         MEMHEAP_REACH_PE, &block));
    while (memheap_placement_alloc(near[1], 16, SIZE / 8, MEMHEAP_REACH_PE,
                                   &block) == MEMHEAP_OK)
        continue;
    ck_assert_int_eq(memheap_placement_alloc(near[1], 16, SIZE / 8,
                                             MEMHEAP_REACH_PE, &block),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_int_eq(
        memheap_placement_alloc(near[1], 1, 1, MEMHEAP_REACH_NODE, &block),
        MEMHEAP_ERR_UNREACHABLE);
    memheap_numa_heaps_destroy(places);

    ck_assert_ok(memheap_numa_heaps_create(&config, &places));
    global = memheap_numa_heaps_interleaved(places);
    near[0] = memheap_numa_heaps_proximity(places, 0);
    for (size_t i = 0; i < 6; i++) {
        ck_assert_ok(
            memheap_placement_alloc(global, 16, 100, MEMHEAP_REACH_PE, &block));
        ck_assert_ok(memheap_usable_size(memheap_numa_heaps_heap(places, i % 2),
                                         block, &size));
        /* Every proximity can free it. */
        ck_assert_ok(memheap_placement_free(near[0], block));
    }
    ck_assert_ptr_eq(memheap_numa_heaps_local(places), near[0]);
    memheap_numa_heaps_destroy(places);
    unsetenv("MEMHEAP_TEST_NODES");
}
END_TEST

START_TEST(numa_heaps_over_one_range_are_refused)
{
    static char range[4096] __attribute__((aligned(16)));
    memheap_numa_heaps_t *places = NULL;
    memheap_config_t config = {
        .base = range, .size = sizeof(range), .log = &messages.log};
    unit_log_init(&messages);
    ck_assert_int_eq(memheap_numa_heaps_create(&config, &places),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_uint_eq(messages.count, 1);
    ck_assert_ptr_null(places);
}
END_TEST

START_TEST(failing_memory_leaves_nothing)
{
    setenv("MEMHEAP_TEST_NODES", "2", 1);
    for (size_t fail = 1; fail < 100; fail++) {
        unit_memory_t memory;
        unit_memory_init(&memory);
        memory.fail_at = fail;
        unit_log_init(&messages);
        memheap_numa_heaps_t *places;
        memheap_config_t config = {
            .size = SIZE, .log = &messages.log, .memory = &memory.memory};
        memheap_status_t status = memheap_numa_heaps_create(&config, &places);
        if (status == MEMHEAP_OK)
            memheap_numa_heaps_destroy(places);
        ck_assert_uint_eq(memory.pieces, 0);
        if (memory.requests < fail) {
            unsetenv("MEMHEAP_TEST_NODES");
            return;
        }
        ck_assert_int_eq(status, MEMHEAP_ERR_NO_METADATA);
    }
    ck_abort_msg("it never succeeds");
}
END_TEST

static void *churn(void *context)
{
    memheap_proximity_t *proximity = context;
    void *block[8] = {NULL};
    for (size_t i = 0; i < ROUNDS; i++) {
        size_t at = i * 5 % 8;
        if (memheap_placement_free(proximity, block[at]) != MEMHEAP_OK)
            return proximity;
        if (memheap_placement_alloc(proximity, 16, 1 + i % 7 * 1000,
                                    MEMHEAP_REACH_PE, &block[at]) != MEMHEAP_OK)
            return proximity;
        *(size_t *)block[at] = i;
        size_t size;
        if (memheap_placement_query(proximity, block[at], &size, NULL) !=
                MEMHEAP_OK ||
            *(size_t *)block[at] != i)
            return proximity;
    }
    for (size_t at = 0; at < 8; at++)
        memheap_placement_free(proximity, block[at]);
    return NULL;
}

START_TEST(threads_share_a_proximity)
{
    static char range[64 * 4096] __attribute__((aligned(4096)));
    pthread_t thread[THREADS];
    memheap_page_pool_t *pages;
    memheap_page_pool_config_t of_pages = {.base = range,
                                           .size = sizeof(range)};
    memheap_t *heap = new_heap(4 * MIB);
    ck_assert_ok(memheap_page_pool_create(&of_pages, &pages));
    memheap_source_t sources[] = {
        source(memheap_page_pool_as_pool(pages), MEMHEAP_REACH_PE),
        source(memheap_heap_as_pool(heap), MEMHEAP_REACH_PE)};
    memheap_proximity_t *proximity =
        over(sources, 2, _i == 0 ? MEMHEAP_NEAREST_FIRST : MEMHEAP_IN_TURN);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, churn, proximity), 0);
    for (int i = 0; i < THREADS; i++) {
        void *bad;
        pthread_join(thread[i], &bad);
        ck_assert_ptr_null(bad);
    }
    size_t count;
    size_t unused;
    memheap_stats_t stats;
    memheap_page_pool_count(pages, &count, &unused);
    ck_assert_uint_eq(unused, count);
    memheap_get_stats(heap, &stats);
    ck_assert_uint_eq(stats.live_blocks, 0);
    ck_assert_uint_eq(messages.count, 0);
    memheap_proximity_destroy(proximity);
    memheap_page_pool_destroy(pages);
    memheap_destroy(heap);
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    tcase_add_test(tests, nearest_source_is_used_until_it_is_full);
    tcase_add_loop_test(tests, source_serves_its_reachability, 0,
                        sizeof(reaches) / sizeof(reaches[0]));
    tcase_add_test(tests, collective_source_serves_no_single_PE);
    tcase_add_test(tests, sources_are_used_in_turn);
    tcase_add_loop_test(tests, status_tells_why_all_sources_failed, 0,
                        sizeof(refusals) / sizeof(refusals[0]));
    tcase_add_test(tests, bad_request_is_refused);
    tcase_add_test(tests, bad_configuration_is_refused);
    tcase_add_test(tests, wrong_address_is_reported);
    tcase_add_test(tests, every_kind_of_pool_can_be_a_source);
    tcase_add_test(tests, each_node_has_a_heap);
    tcase_add_test(tests, two_nodes_have_two_heaps);
    tcase_add_test(tests, numa_heaps_over_one_range_are_refused);
    tcase_add_test(tests, failing_memory_leaves_nothing);
    tcase_add_loop_test(tests, threads_share_a_proximity, 0, 2);
    return unit_run("placement", tests);
}
