/*
 * The ptmalloc component: which chunk serves a request, what is cached, and
 * when a block keeps its length.
 */
#include "config.h"

#include "components/ptmalloc/ptmalloc_state.h"
#include "tests/unit/model.h"

static model_t model;
static int ptmalloc;

static void setup(void)
{
    for (ptmalloc = 0; strcmp(unit_component_name(ptmalloc), "ptmalloc") != 0;
         ptmalloc++)
        continue;
}

static size_t alloc(size_t size)
{
    size_t offset;
    ck_assert_ok(model_alloc(&model, size, MEMHEAP_MIN_ALIGN, &offset));
    return offset;
}

/* The smallest chunk that holds size bytes, as walk() reports chunks. The
 * extent that ends at the region's end is the top. */
typedef struct search {
    size_t size;
    size_t best;
    size_t around; /* an offset; size_around is the size of the chunk there */
    size_t size_around;
} search_t;

static bool search_extent(void *context, const memheap_extent_t *extent)
{
    search_t *search = context;
    if (extent->live || extent->offset + extent->size == model.size)
        return true;
    /* A remainder of 16 bytes cannot be a piece, and a long block does not
     * take it. */
    bool fits = extent->size >= search->size &&
                (extent->size != search->size + 16 || search->size < 1024);
    if (fits && extent->size < search->best)
        search->best = extent->size;
    if (search->around - extent->offset < extent->size)
        search->size_around = extent->size;
    return true;
}

static search_t search_for(size_t size, size_t around)
{
    search_t search = {.size = size, .best = SIZE_MAX, .around = around};
    model.unit.ops->walk(model.unit.module, search_extent, &search);
    return search;
}

/* Join all free space. */
static void normalize(void)
{
    model.unit.ops->normalize(model.unit.module);
}

/* Chunks of 1 KiB and more share a bin with their sixteenth of a power of two,
 * and only the first few of a bin are compared. So one in a thousand may be
 * longer. */
START_TEST(chunk_taken_is_a_good_fit)
{
    enum {
        STEPS = 2000
    };
    unsigned longer = 0;
    uint64_t seed = unit_seed();
    uint64_t state = seed;
    model_open(&model, ptmalloc, 64 * MIB, 0);
    for (unsigned step = 0; step < STEPS; step++) {
        if (model.count > 400) {
            for (size_t i = 0; i < 200; i++) {
                size_t leaves = unit_random_below(&state, model.count);
                ck_assert_ok(model_free(&model, model.block[leaves].offset));
            }
        }
        normalize();
        size_t size = 16 + unit_random_below(&state, 16 * KIB);
        size_t offset = alloc(size);
        size_t usable;
        ck_assert_ok(
            model.unit.ops->size_of(model.unit.module, offset, &usable));
        ck_assert_ok(model_free(&model, offset));
        normalize();
        search_t found = search_for(usable, offset);
        size_t best = found.best;
        size_t most = best < 1024 ? best : best + best / 8;
        longer += best != SIZE_MAX && found.size_around > most;
        ck_assert_msg(best == SIZE_MAX
                          ? found.size_around == 0
                          : found.size_around >= best && longer <= STEPS / 1000,
                      "%zu bytes out of %zu, not %zu; MEMHEAP_TEST_SEED=%llu",
                      size, found.size_around, best, (unsigned long long)seed);
        alloc(size);
    }
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(small_blocks_in_sequence_are_adjacent)
{
    model_open(&model, ptmalloc, MIB, 0);
    size_t large = alloc(4096);
    alloc(16);
    size_t fitting = alloc(128);
    alloc(16);
    ck_assert_ok(model_free(&model, large));
    ck_assert_ok(model_free(&model, fitting));
    normalize();
    ck_assert_uint_eq(alloc(48), fitting);
    ck_assert_uint_eq(alloc(1008), large);
    /* The remainder of the split chunk is used before the top. */
    for (size_t i = 0; i < 3; i++)
        ck_assert_uint_eq(alloc(1008), large + (i + 1) * 1008);
    ck_assert_uint_eq(alloc(64), large + 4 * 1008);
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(freed_block_is_the_next_of_its_size)
{
    static const size_t sizes[] = {16, 64, 1008, 1024, 2048, 2064};
    size_t offset[40];
    model_open(&model, ptmalloc, GIB, 0);
    for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
        for (size_t i = 0; i < 40; i++)
            offset[i] = alloc(sizes[s]);
        /* Enough for more than one magazine. */
        for (size_t i = 0; i < 40; i += 2)
            ck_assert_ok(model_free(&model, offset[i]));
        model_check(&model);
        for (size_t i = 40; i > 0; i -= 2)
            ck_assert_uint_eq(alloc(sizes[s]), offset[i - 2]);
        model_check(&model);
    }
    model_close(&model);
}
END_TEST

START_TEST(freed_block_serves_an_alignment_below_others)
{
    size_t offset;
    model_open(&model, ptmalloc, GIB, 0);
    for (size_t i = 0; i < 4; i++)
        ck_assert_uint_eq(alloc(48), i * 48);
    for (size_t i = 0; i < 3; i++)
        ck_assert_ok(model_free(&model, i * 48));
    ck_assert_ok(model_alloc(&model, 48, 64, &offset));
    ck_assert_uint_eq(offset, 0);
    ck_assert_uint_eq(alloc(48), 48);
    ck_assert_uint_eq(alloc(48), 96);
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(cached_blocks_are_joined_when_space_is_short)
{
    size_t offset;
    model_open(&model, ptmalloc, MIB, 0);
    for (size_t i = 0; i < 1024; i++)
        alloc(1024);
    ck_assert_int_eq(model_alloc(&model, 16, 16, &offset),
                     MEMHEAP_ERR_NO_MEMORY);
    for (size_t i = 0; i < 1024; i++)
        ck_assert_ok(model_free(&model, i * 1024));
    ck_assert_uint_eq(alloc(MIB), 0);
    model_check(&model);
    model_close(&model);
}
END_TEST

/* Each round allocates blocks of another length. */
START_TEST(blocks_of_old_lengths_are_joined)
{
    enum {
        BLOCKS = 1600,
        LENGTH = 8192
    };
    static size_t offset[BLOCKS];
    model_open(&model, ptmalloc, GIB, 0);
    for (size_t round = 0; round < 20; round++) {
        for (size_t i = 0; i < BLOCKS; i++) {
            offset[i] = alloc(LENGTH - round * 128);
            ck_assert_uint_lt(offset[i], 3 * BLOCKS * LENGTH / 2);
        }
        for (size_t i = 0; i < BLOCKS; i++)
            ck_assert_ok(model_free(&model, offset[i]));
        model_check(&model);
    }
    model_close(&model);
}
END_TEST

/* All blocks of 64 bytes fit into the cache. Those of 48 bytes need their
 * space, and each may join a few. */
START_TEST(surplus_blocks_are_joined_before_the_top_rises)
{
    enum {
        BLOCKS = 1000
    };
    size_t offset[BLOCKS];
    model_open(&model, ptmalloc, GIB, 0);
    for (size_t i = 0; i < BLOCKS; i++)
        offset[i] = alloc(64);
    size_t end = alloc(64) + 64;
    for (size_t i = 0; i < BLOCKS; i++)
        ck_assert_ok(model_free(&model, offset[i]));
    size_t above = 0;
    for (size_t i = 0; i < BLOCKS; i++)
        above += alloc(48) >= end;
    ck_assert_uint_le(above, BLOCKS / 10);
    model_check(&model);
    model_close(&model);
}
END_TEST

/* Other lengths make the hand go round; one of 64 bytes is freed and allocated
 * again all the time. */
START_TEST(blocks_that_are_used_again_are_not_surplus)
{
    size_t used[20];
    model_open(&model, ptmalloc, GIB, 0);
    for (size_t i = 0; i < 20; i++)
        used[i] = alloc(64);
    for (size_t round = 0; round < 100; round++) {
        for (size_t i = 0; i < 20; i++)
            ck_assert_ok(model_free(&model, used[i]));
        alloc(1008);
        for (size_t i = 20; i > 0; i--)
            ck_assert_uint_eq(alloc(64), used[i - 1]);
        model_check(&model);
    }
    model_close(&model);
}
END_TEST

static size_t usable_size(size_t offset)
{
    size_t usable;
    ck_assert_ok(model.unit.ops->size_of(model.unit.module, offset, &usable));
    return usable;
}

START_TEST(cached_long_block_serves_a_class_up_to_an_eighth_shorter)
{
    model_open(&model, ptmalloc, GIB, 0);
    size_t large = alloc(2048);
    size_t small = alloc(896);
    alloc(16);
    ck_assert_ok(model_free(&model, large));
    ck_assert_uint_eq(alloc(1800), large);
    ck_assert_uint_eq(usable_size(large), 2048);
    ck_assert_ok(model_free(&model, large));
    ck_assert_uint_eq(usable_size(alloc(1728)), 1728);
    ck_assert_ok(model_free(&model, small));
    ck_assert_uint_eq(usable_size(alloc(864)), 864);
    model_check(&model);
    model_close(&model);
}
END_TEST

/* Allocate and free a block too long to be cached, often enough for two periods
 * of growth. */
static void become_steady(size_t size)
{
    size_t top = alloc(size) + size;
    ck_assert_ok(model_free(&model, top - size));
    for (size_t sum = 0; sum <= 3 * top; sum += size)
        ck_assert_ok(model_free(&model, alloc(size)));
}

/* Whether a large block lies above many small ones that were freed. */
static bool freed_blocks_are_cached(void)
{
    enum {
        BLOCKS = 1000,
        LENGTH = 1008
    };
    size_t offset[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++)
        offset[i] = alloc(LENGTH);
    for (size_t i = 0; i < BLOCKS; i++)
        ck_assert_ok(model_free(&model, offset[i]));
    size_t large = alloc(BLOCKS * LENGTH);
    ck_assert_ok(model_free(&model, large));
    return large > offset[BLOCKS / 2];
}

START_TEST(steady_heap_caches_what_a_growing_one_joins)
{
    model_open(&model, ptmalloc, GIB, 0);
    ck_assert(!freed_blocks_are_cached());
    become_steady(16 * MIB);
    ck_assert(freed_blocks_are_cached());
    normalize();
    ck_assert(!freed_blocks_are_cached());
    become_steady(16 * MIB);
    /* The top rises. */
    ck_assert_ok(model_free(&model, alloc(256 * MIB)));
    ck_assert(!freed_blocks_are_cached());
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(steady_heap_with_little_room_caches_little)
{
    for (size_t room = 4; room <= 64; room += 60) {
        model_open(&model, ptmalloc, (40 + room) * MIB, 0);
        alloc(40 * MIB);
        become_steady(2 * MIB);
        ck_assert_int_eq(freed_blocks_are_cached(), room == 64);
        model_check(&model);
        model_close(&model);
    }
}
END_TEST

START_TEST(heap_is_steady_after_a_period_without_growth)
{
    growth_t growth = {.steady = false};
    ck_assert(!growth_note(&growth, 100, 1000));
    ck_assert(!growth_note(&growth, 1000, 1000));
    ck_assert(growth_note(&growth, 1, 1000));
    ck_assert(growth.steady);
    /* A little more than before is no growth. */
    ck_assert(!growth_note(&growth, 10, 1010));
    /* Nor is less than in the period before. */
    ck_assert(!growth_note(&growth, 1000, 500));
    ck_assert(!growth_note(&growth, 1, 1010));
    ck_assert(growth_note(&growth, 1, 1100));
    ck_assert(!growth.steady);
    /* Two periods forget what was before. */
    for (size_t i = 0; i < 2; i++)
        growth_note(&growth, 1200, 500);
    ck_assert(growth.steady);
    ck_assert(growth_note(&growth, 1, 1100));
}
END_TEST

START_TEST(map_values_keep_each_bit_and_have_no_live_byte)
{
    uint8_t bytes[MAP_VALUE_BYTES];
    for (uint64_t value = 1; value <= MAP_VALUE_MAX; value = value * 2 + 1) {
        uint64_t values[] = {value, (value + 1) / 2, MAP_VALUE_MAX - value};
        for (size_t i = 0; i < 3; i++) {
            map_write_value(bytes, values[i]);
            ck_assert_uint_eq(map_read_value(bytes), values[i]);
            for (size_t k = 0; k < MAP_VALUE_BYTES; k++)
                ck_assert_uint_lt(bytes[k], MAP_LIVE);
        }
    }
}
END_TEST

START_TEST(metadata_is_less_than_a_twenty_fifth_of_what_it_describes)
{
    if (unit_lacks_addresses())
        return;
    memheap_module_stats_t stats;
    uint64_t state = unit_seed();
    static size_t live[100000];
    model_open(&model, ptmalloc, TIB, 0);
    memheap_module_t *module = model.unit.module;
    for (size_t step = 0; step < 1000000; step++) {
        size_t i = unit_random_below(&state, 100000);
        if (step >= 100000)
            ck_assert_ok(module->ops->free(module, live[i]));
        else
            i = step;
        memheap_result_t answer = module->ops->alloc(
            module, MEMHEAP_MIN_ALIGN, 1 + unit_random_below(&state, 512));
        ck_assert_ok(answer.status);
        live[i] = answer.bytes;
    }
    model.unit.ops->stats(module, &stats);
    ck_assert_uint_lt(stats.metadata * 25, stats.used);
    model_close(&model);
}
END_TEST

START_TEST(block_that_shrinks_a_little_can_grow_again)
{
    model_open(&model, ptmalloc, MIB, 0);
    size_t small = alloc(64);
    alloc(16);
    ck_assert_ok(model_resize(&model, small, 16));
    alloc(48); /* would take what was given back */
    ck_assert_ok(model_resize(&model, small, 64));
    size_t large = alloc(64 * KIB);
    ck_assert_ok(model_resize(&model, large, 16));
    ck_assert_uint_eq(alloc(32 * KIB), large + 64);
    model_check(&model);
    model_close(&model);
}
END_TEST

/* The headers of long blocks are in the map bytes inside them. */
START_TEST(no_offset_inside_a_block_is_a_block)
{
    static const size_t sizes[] = {16,   48,       992,     1008,     1024,
                                   1040, 64 * KIB, 2 * MIB, 33 * MIB, 70 * MIB};
    size_t ignored;
    model_open(&model, ptmalloc, GIB, 0);
    for (size_t i = 0; i < 3 * sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t offset = alloc(sizes[i / 3]);
        alloc(48);      /* the next one starts in an odd granule */
        if (i % 3 == 1) /* a length without a class */
            model_resize(&model, offset, sizes[i / 3] / 2 + 1000);
        size_t usable;
        ck_assert_ok(
            model.unit.ops->size_of(model.unit.module, offset, &usable));
        for (size_t within = 16; within < usable; within += 16)
            ck_assert_int_eq(model.unit.ops->size_of(model.unit.module,
                                                     offset + within, &ignored),
                             MEMHEAP_ERR_BAD_ADDRESS);
        if (i % 3 == 2)
            ck_assert_ok(model_free(&model, offset));
        model_check(&model);
    }
    model_close(&model);
}
END_TEST

START_TEST(chunk_serves_an_alignment_though_its_start_does_not)
{
    size_t offset;
    model_open(&model, ptmalloc, 64 * KIB, 0);
    alloc(48);
    size_t best_fit = alloc(1008); /* from 48 on, where nothing is aligned */
    alloc(32);
    size_t hole = alloc(8192);
    alloc(memheap_align_down(model.size - hole - 8192, 16));
    ck_assert_ok(model_free(&model, best_fit));
    ck_assert_ok(model_free(&model, hole));
    ck_assert_ok(model_alloc(&model, 1008, 4096, &offset));
    ck_assert_uint_eq(offset, 4096);
    model_check(&model);
    ck_assert_ok(model_free(&model, offset));
    ck_assert_uint_eq(alloc(8192), hole);
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(long_block_is_like_any_other)
{
    if (unit_lacks_addresses())
        return;
    size_t usable;
    model_open(&model, ptmalloc, TIB, 0);
    static const size_t sizes[] = {16 * GIB - 16, 16 * GIB, 100 * GIB};
    for (size_t i = 0; i < 3; i++) {
        size_t offset = alloc(sizes[i]);
        alloc(16);
        ck_assert_ok(
            model.unit.ops->size_of(model.unit.module, offset, &usable));
        ck_assert_uint_ge(usable, sizes[i]);
        ck_assert_uint_le(usable, sizes[i] + sizes[i] / 64);
        ck_assert_ok(model_resize(&model, offset, 8 * GIB));
        ck_assert_ok(model_resize(&model, offset, 4096));
        model_check(&model);
        ck_assert_ok(model_resize(&model, offset, sizes[i]));
        model_check(&model);
        ck_assert_ok(model_free(&model, offset));
        ck_assert_ok(model_reserve(&model, offset, sizes[i]));
        model_check(&model);
    }
    model_close(&model);
}
END_TEST

START_TEST(check_finds_violated_invariants)
{
    enum {
        SPACED = 5
    };
    size_t hole[SPACED];
    model_open(&model, ptmalloc, MIB, 0);
    ptmalloc_t *p = ptmalloc_of(model.unit.module);
    free_space_t *space = &p->free_space;
    for (size_t i = 0; i < SPACED; i++) {
        hole[i] = alloc(i < 3 ? 640 : 4096); /* short and long ones */
        alloc(48);
    }
    size_t last = alloc(4096);
    for (size_t i = 0; i < SPACED; i++)
        ck_assert_ok(model_free(&model, hole[i]));
    normalize(); /* each hole is a chunk */
    alloc(4096); /* leaves an unused node */
    size_t cached = alloc(160);
    size_t kept = alloc(160);
    ck_assert_ok(model_free(&model, cached));
    model_check(&model);

    unsigned bin = bins_index(640 / 16);
    chunk_id_t first = space->bins.head[bin];
    chunk_t *chunk = chunk_at(&space->pool, first);
    chunk_t *next = chunk_at(&space->pool, chunk->next);
    ck_assert_uint_ne(chunk->next, CHUNK_NONE);
    model_assert_found(&model, space->bins.head[bin], CHUNK_NONE);
    model_assert_found(&model, space->bins.head[bin], chunk->next);
    model_assert_found(&model, space->bins.head[bin + 1], first);
    model_assert_found(&model, space->bins.map[0], 0);
    model_assert_found(&model, space->bins.map[0], UINT64_MAX);
    model_assert_found(&model, space->bins.summary, 0);
    model_assert_found(&model, space->bins.summary, UINT64_MAX);
    model_assert_found(&model, chunk->next, CHUNK_NONE);
    model_assert_found(&model, chunk->next, first); /* a cycle */
    model_assert_found(&model, chunk->prev, chunk->next);
    model_assert_found(&model, next->prev, CHUNK_NONE);
    model_assert_found(&model, chunk->size, chunk->size - 2);
    model_assert_found(&model, chunk->size, chunk->size + 1);
    model_assert_found(&model, chunk->start, chunk->start + 2);
    model_assert_found(&model, space->pool.count, space->pool.count + 1);
    model_assert_found(&model, space->pool.count, 1);
    chunk_id_t unused = space->pool.free_list;
    ck_assert_uint_ne(unused, CHUNK_NONE);
    model_assert_found(&model, space->pool.free_list, CHUNK_NONE);
    model_assert_found(&model, chunk_at(&space->pool, unused)->next, unused);
    model_assert_found(&model, space->total, space->total + 1);
    model_assert_found(&model, space->end, space->end - 1);
    model_assert_found(&model, p->blocks, p->blocks + 1);

    unsigned number = 160 / 16 - 1;
    cache_stack_t *stack = &p->cache.stacks[number];
    ck_assert_uint_eq(stack->magazine.count, 1);
    uint32_t start = stack->magazine.round[0];
    model_assert_found(&model, stack->magazine.count, 0); /* never flushed */
    model_assert_found(&model, stack->magazine.round[0], (uint32_t)(kept / 16));
    model_assert_found(&model, stack->magazine.round[0], start + 2);
    model_assert_found(&model, stack->capacity, 0);
    model_assert_found(&model, stack->capacity, MEMHEAP_MAGAZINE_ROUNDS - 1);
    model_assert_found(&model, stack->floor, 2);
    model_assert_found(&model, stack->block_size, 176);
    model_assert_found(&model, p->cache.stacks[number + 50].capacity,
                       MEMHEAP_MAGAZINE_ROUNDS);
    model_assert_found(&model, p->cache.map[0], 0);
    model_assert_found(&model, p->cache.map[0],
                       p->cache.map[0] | (uint64_t)1 << 60);
    model_assert_found(&model, p->cache.summary, 0);
    model_assert_found(&model, p->cache.summary, p->cache.summary | 4);

    /* The map: of a live block, of the rest of a long one, of a chunk, and of a
     * cached block. */
    const block_map_t *map = map_of(p);
    uint64_t long_start = last / 16;
    uint8_t *byte = map_byte(map, long_start);
    uint8_t *footer = map_footer(map, long_start + 4096 / 16);
    model_assert_found(&model, *map_byte(map, kept / 16), right_[0] ^ MAP_LIVE);
    model_assert_found(&model, *map_byte(map, kept / 16), right_[0] ^ MAP_ODD);
    model_assert_found(&model, *map_byte(map, kept / 16), right_[0] - 1);
    model_assert_found(&model, map_byte(map, kept / 16)[1], MAP_LIVE);
    model_assert_found(&model, map_byte(map, kept / 16)[1], 1);
    model_assert_found(&model, *map_byte(map, start), right_[0] ^ MAP_LIVE);
    model_assert_found(&model, *map_byte(map, chunk->start),
                       right_[0] ^ MAP_LIVE);
    model_assert_found(&model, *map_byte(map, chunk->start), right_[0] + 1);
    model_assert_found(&model, byte[12], MAP_LIVE);
    model_assert_found(&model, *footer, 0);
    model_assert_found(&model, footer[-12], MAP_LIVE);
    model_close(&model);
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, chunk_taken_is_a_good_fit);
    tcase_add_test(tests, small_blocks_in_sequence_are_adjacent);
    tcase_add_test(tests, freed_block_is_the_next_of_its_size);
    tcase_add_test(tests, freed_block_serves_an_alignment_below_others);
    tcase_add_test(tests, cached_blocks_are_joined_when_space_is_short);
    tcase_add_test(tests, blocks_of_old_lengths_are_joined);
    tcase_add_test(tests, surplus_blocks_are_joined_before_the_top_rises);
    tcase_add_test(tests, blocks_that_are_used_again_are_not_surplus);
    tcase_add_test(tests,
                   cached_long_block_serves_a_class_up_to_an_eighth_shorter);
    tcase_add_test(tests, steady_heap_caches_what_a_growing_one_joins);
    tcase_add_test(tests, steady_heap_with_little_room_caches_little);
    tcase_add_test(tests, heap_is_steady_after_a_period_without_growth);
    tcase_add_test(tests, map_values_keep_each_bit_and_have_no_live_byte);
    tcase_add_test(tests, block_that_shrinks_a_little_can_grow_again);
    tcase_add_test(tests,
                   metadata_is_less_than_a_twenty_fifth_of_what_it_describes);
    tcase_add_test(tests, no_offset_inside_a_block_is_a_block);
    tcase_add_test(tests, chunk_serves_an_alignment_though_its_start_does_not);
    tcase_add_test(tests, long_block_is_like_any_other);
    tcase_add_test(tests, check_finds_violated_invariants);
    return unit_run("ptmalloc", tests);
}
