/*
 * What each built-in allocator must provide. The module is called directly,
 * over regions that do not exist, because it never touches them.
 */
#include "config.h"

#include "tests/unit/model.h"

static model_t model;

/* Allocate at the smallest alignment; must succeed. */
static size_t alloc(size_t size)
{
    size_t offset;
    ck_assert_ok(model_alloc(&model, size, MEMHEAP_MIN_ALIGN, &offset));
    return offset;
}

/* Three adjacent blocks of a page. */
static void alloc_three(size_t offset[3])
{
    for (size_t i = 0; i < 3; i++) {
        offset[i] = alloc(4096);
        ck_assert_uint_eq(offset[i], i * 4096);
    }
}

/* Check that the region is one free extent. If it has only MEMHEAP_MIN_ALIGN
 * bytes, it may be too short for any block. */
static void assert_empty(void)
{
    model_check(&model);
    ck_assert_uint_eq(model.unit.module->used, 0);
    size_t whole = memheap_align_down(model.size, MEMHEAP_MIN_ALIGN);
    if (whole > MEMHEAP_MIN_ALIGN) {
        ck_assert_uint_eq(alloc(whole), 0);
        ck_assert_ok(model_free(&model, 0));
    }
    model_check(&model);
}

START_TEST(new_module_is_one_free_block)
{
    model_open(&model, _i, MIB, 0);
    memheap_module_stats_t stats;
    model.unit.ops->stats(model.unit.module, &stats);
    ck_assert_uint_eq(stats.largest_free, MIB);
    ck_assert_uint_eq(stats.used, 0);
    assert_empty();
    model_close(&model);
}
END_TEST

START_TEST(blocks_are_aligned_as_asked)
{
    model_open(&model, _i, 64 * MIB, 0);
    for (size_t align = MEMHEAP_MIN_ALIGN; align <= MIB; align *= 2) {
        size_t offset;
        alloc(16);
        ck_assert_ok(model_alloc(&model, 24, align, &offset));
        ck_assert_ok(model_alloc(&model, 3 * align, align, &offset));
    }
    model_check(&model);
    while (model.count > 0)
        ck_assert_ok(model_free(&model, model.block[0].offset));
    assert_empty();
    model_close(&model);
}
END_TEST

START_TEST(block_is_aligned_to_a_gibibyte)
{
    if (unit_lacks_addresses())
        return;
    size_t offset;
    model_open(&model, _i, 4 * TIB, 0);
    alloc(100);
    ck_assert_ok(model_alloc(&model, 100, GIB, &offset));
    ck_assert_uint_eq(offset, GIB);
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(alignment_that_does_not_fit_is_refused)
{
    size_t offset;
    model_open(&model, _i, MIB, 0);
    alloc(16);
    ck_assert_int_eq(model_alloc(&model, 16, MIB, &offset),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_int_eq(model_alloc(&model, 16, (size_t)1 << 63, &offset),
                     MEMHEAP_ERR_NO_MEMORY);
    model_close(&model);
}
END_TEST

START_TEST(exhausted_region_recovers_fully)
{
    size_t offset;
    model_open(&model, _i, MIB, 0);
    while (model_alloc(&model, 4096, 16, &offset) == MEMHEAP_OK)
        continue;
    ck_assert_uint_eq(model.count, 256);
    ck_assert_uint_eq(model.unit.module->used, MIB);
    ck_assert_int_eq(model_alloc(&model, 1, 16, &offset),
                     MEMHEAP_ERR_NO_MEMORY);
    for (size_t i = 0; i < 256; i++)
        ck_assert_ok(model_free(&model, i * 37 % 256 * 4096));
    assert_empty();
    model_close(&model);
}
END_TEST

static const size_t impossible[] = {MIB + 1,         2 * MIB,
                                    (size_t)1 << 62, SIZE_MAX / 2 + 1,
                                    SIZE_MAX - 15,   SIZE_MAX};

START_TEST(more_than_the_region_is_refused)
{
    size_t offset;
    model_open(&model, _i, MIB, 0);
    alloc(100);
    for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
        for (size_t align = 16; align <= GIB; align *= 4096)
            ck_assert_int_eq(model_alloc(&model, impossible[i], align, &offset),
                             MEMHEAP_ERR_NO_MEMORY);
        ck_assert_int_eq(model_resize(&model, 0, impossible[i]),
                         MEMHEAP_ERR_NO_MEMORY);
    }
    model_check(&model);
    model_close(&model);
}
END_TEST

static const size_t odd_sizes[] = {1,    15,    16,      17,     48,
                                   4080, 65552, 1000003, 3250634};

enum {
    ODD_SIZES = sizeof(odd_sizes) / sizeof(odd_sizes[0])
};

START_TEST(region_of_any_size_is_one_block)
{
    model_open(&model, _i / ODD_SIZES, odd_sizes[_i % ODD_SIZES], 0);
    assert_empty();
    model_close(&model);
}
END_TEST

START_TEST(region_of_any_size_is_used_to_its_end)
{
    static const size_t fillers[] = {4096, 256, 16};
    size_t size = odd_sizes[_i % ODD_SIZES];
    size_t offset;
    model_open(&model, _i / ODD_SIZES, size, 0);
    for (size_t i = 0; i < 3; i++) {
        while (model_alloc(&model, fillers[i], 16, &offset) == MEMHEAP_OK)
            continue;
    }
    if (size >= 2 * MEMHEAP_MIN_ALIGN)
        ck_assert_uint_ge(model.unit.module->used,
                          memheap_align_down(size, MEMHEAP_MIN_ALIGN));
    while (model.count > 0)
        ck_assert_ok(model_free(&model, model.block[model.count / 2].offset));
    assert_empty();
    model_close(&model);
}
END_TEST

START_TEST(offsets_reach_above_a_tebibyte)
{
    if (unit_lacks_addresses())
        return;
    model_open(&model, _i, 4 * TIB, 0);
    long before = unit_resident_kib();
    ck_assert_uint_eq(alloc(4 * GIB), 0);
    size_t above_4g = alloc(2 * GIB);
    ck_assert_uint_ge(above_4g, 4 * GIB);
    size_t large = alloc(TIB);
    size_t above_1t = alloc(TIB);
    ck_assert_uint_gt(above_1t, TIB);
    ck_assert_ok(model_resize(&model, above_1t, 100));
    ck_assert_ok(model_free(&model, large));
    model_check(&model);
    model_assert_bad_address(&model, above_1t + 16);
    ck_assert_ok(model_free(&model, above_1t));
    ck_assert_ok(model_free(&model, 0));
    ck_assert_ok(model_free(&model, above_4g));
    assert_empty();
    /* Metadata for terabytes is reserved, but not touched. */
    ck_assert_int_lt(unit_resident_kib() - before, 16 * 1024);
    model_close(&model);
}
END_TEST

START_TEST(creation_asks_for_the_same_at_any_size)
{
    if (unit_lacks_addresses())
        return;
    static const size_t sizes[] = {MIB, 4 * TIB};
    size_t requests[2];
    long before = unit_resident_kib();
    for (size_t i = 0; i < 2; i++) {
        unit_module_t unit;
        unit_memory_t memory;
        unit_memory_init(&memory);
        unit_module_open(&unit, _i, sizes[i], 0, &memory.memory);
        requests[i] = memory.requests;
        unit_module_close(&unit);
        ck_assert_uint_eq(memory.pieces, 0);
        ck_assert_uint_eq(memory.bytes, 0);
    }
    ck_assert_uint_eq(requests[0], requests[1]);
    ck_assert_int_lt(unit_resident_kib() - before, 4 * 1024);
}
END_TEST

START_TEST(wrong_addresses_are_found_and_harm_nothing)
{
    size_t offset[3];
    model_open(&model, _i, MIB, 0);
    alloc_three(offset);
    ck_assert_ok(model_free(&model, offset[1]));
    model_assert_bad_address(&model, 1); /* in the first granule of a block */
    model_assert_bad_address(&model, 8);
    model_assert_bad_address(&model, 16);        /* inside a block */
    model_assert_bad_address(&model, 4080);      /* the block's last granule */
    model_assert_bad_address(&model, offset[1]); /* freed, behind a block */
    model_assert_bad_address(&model, offset[1] + 16);
    model_assert_bad_address(&model, offset[2] - 16);
    model_assert_bad_address(&model, offset[2] + 4096); /* never in use */
    model_assert_bad_address(&model, MIB / 2);
    model_assert_bad_address(&model, MIB - 16);
    model_assert_bad_address(&model, MIB - 1);
    ck_assert_ok(model_free(&model, offset[0]));
    model_assert_bad_address(&model, offset[0]);
    ck_assert_ok(model_free(&model, offset[2]));
    model_assert_bad_address(&model, offset[2]);
    assert_empty();
    model_close(&model);
}
END_TEST

START_TEST(end_of_a_full_region_is_no_block)
{
    model_open(&model, _i, MIB + 48, 0);
    alloc(MIB + 48);
    model_assert_bad_address(&model, MIB);
    model_assert_bad_address(&model, MIB + 32);
    model_assert_bad_address(&model, MIB + 47);
    /* Offsets behind the region. */
    static const size_t behind[] = {MIB + 48,         MIB + 4096,    GIB,
                                    SIZE_MAX / 2 + 1, SIZE_MAX - 15, SIZE_MAX};
    for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++)
        model_assert_bad_address(&model, behind[i]);
    model_close(&model);
}
END_TEST

START_TEST(shrinking_frees_what_is_cut_off)
{
    model_open(&model, _i, 64 * KIB, 0);
    alloc(64 * KIB);
    ck_assert_ok(model_resize(&model, 0, 4096));
    ck_assert_uint_eq(model.block[0].usable, 4096);
    size_t offset = alloc(32 * KIB);
    model_check(&model);
    ck_assert_ok(model_free(&model, 0));
    ck_assert_ok(model_free(&model, offset));
    assert_empty();
    model_close(&model);
}
END_TEST

START_TEST(shrinking_between_neighbours_frees_what_is_cut_off)
{
    size_t offset[3];
    model_open(&model, _i, 64 * KIB, 0);
    alloc_three(offset);
    ck_assert_ok(model_resize(&model, offset[1], 16));
    ck_assert_uint_le(model.block[1].usable, 32);
    model_check(&model);
    size_t filler = alloc(2048);
    ck_assert(filler > offset[1] && filler < offset[2]);
    model_close(&model);
}
END_TEST

START_TEST(block_grows_into_a_free_neighbour)
{
    size_t offset[3];
    model_open(&model, _i, 64 * KIB, 0);
    alloc_three(offset);
    ck_assert_ok(model_free(&model, offset[1]));
    ck_assert_ok(model_resize(&model, offset[0], 8192));
    ck_assert_uint_eq(model.block[0].usable, 8192);
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(last_block_grows_to_the_end_of_the_region)
{
    model_open(&model, _i, 65552, 0);
    alloc(100);
    ck_assert_ok(model_resize(&model, 0, 65552));
    ck_assert_uint_eq(model.block[0].usable, 65552);
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(block_does_not_grow_past_the_region)
{
    model_open(&model, _i, 100000, 0);
    ck_assert_uint_eq(alloc(65536), 0);
    ck_assert_uint_eq(alloc(100), 65536);
    ck_assert_int_eq(model_resize(&model, 65536, 100000 - 65536 + 1),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_ok(model_resize(&model, 65536, 100000 - 65536));
    model_check(&model);
    model_close(&model);
}
END_TEST

/* The part of a granule at the end of a region may be used or not; the model
 * sees a block that ends behind the region. */
START_TEST(region_that_ends_within_a_granule_is_not_exceeded)
{
    for (size_t part = 1; part < MEMHEAP_MIN_ALIGN; part++) {
        size_t end = 4096 + part;
        size_t offset;
        model_open(&model, _i, end, 0);
        for (size_t size = 4096; size <= end + MEMHEAP_MIN_ALIGN; size++) {
            if (model_alloc(&model, size, 16, &offset) == MEMHEAP_OK)
                model_free(&model, offset);
            if (model_reserve(&model, 0, size) == MEMHEAP_OK)
                model_free(&model, 0);
            ck_assert_uint_eq(alloc(100), 0);
            model_resize(&model, 0, size);
            ck_assert_ok(model_resize(&model, 0, 4096));
            model_resize(&model, 0, size);
            ck_assert_ok(model_free(&model, 0));
            model_check(&model);
        }
        model_close(&model);
    }
}
END_TEST

START_TEST(many_holes_are_remembered)
{
    model_open(&model, _i, MIB, 0);
    for (size_t i = 0; i < MODEL_BLOCKS; i++)
        ck_assert_uint_eq(alloc(32), 32 * i);
    for (size_t i = 0; i < MODEL_BLOCKS; i += 2)
        ck_assert_ok(model_free(&model, 32 * i));
    model_check(&model);
    while (model.count > 0)
        ck_assert_ok(model_free(&model, model.block[0].offset));
    assert_empty();
    model_close(&model);
}
END_TEST

START_TEST(block_before_a_live_one_does_not_grow)
{
    size_t offset[3];
    model_open(&model, _i, 64 * KIB, 0);
    alloc_three(offset);
    ck_assert_int_eq(model_resize(&model, offset[0], 4097),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_ok(model_free(&model, offset[1]));
    ck_assert_int_eq(model_resize(&model, offset[0], 8193),
                     MEMHEAP_ERR_NO_MEMORY);
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(exact_range_can_be_reserved)
{
    model_open(&model, _i, 64 * KIB, 0);
    ck_assert_ok(model_reserve(&model, 32 * KIB, 4096));
    model_check(&model);
    ck_assert_ok(model_reserve(&model, 0, 4096));
    ck_assert_ok(model_reserve(&model, 16 * KIB, 8192));
    model_check(&model);
    while (model.count > 0)
        ck_assert_ok(model_free(&model, model.block[0].offset));
    assert_empty();
    model_close(&model);
}
END_TEST

/* In ascending and in descending order. A component may refuse a place that it
 * gives no block of that size. */
START_TEST(many_blocks_can_be_reserved_side_by_side)
{
    static const size_t sizes[] = {16, 32, 48, 112, 256, 1024, 4096};
    for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t size = sizes[i / 2];
        model_open(&model, _i, MIB, 0);
        for (size_t n = 0; n < 200; n++) {
            size_t offset = size * (i % 2 == 0 ? n : 199 - n);
            memheap_status_t status = model_reserve(&model, offset, size);
            if (size >= 32 && (size & (size - 1)) == 0)
                ck_assert_ok(status);
        }
        model_check(&model);
        while (model.count > 0)
            ck_assert_ok(
                model_free(&model, model.block[model.count / 2].offset));
        assert_empty();
        model_close(&model);
    }
}
END_TEST

START_TEST(full_region_has_no_free_block)
{
    memheap_module_stats_t stats;
    model_open(&model, _i, 64 * KIB, 0);
    for (size_t n = 0; n < 64; n++)
        alloc(1024);
    model.unit.ops->stats(model.unit.module, &stats);
    ck_assert_uint_eq(stats.largest_free, 0);
    ck_assert_ok(model_free(&model, 5 * KIB));
    ck_assert_ok(model_free(&model, 7 * KIB));
    model.unit.ops->stats(model.unit.module, &stats);
    ck_assert_uint_eq(stats.largest_free, 1024);
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(whole_region_can_be_reserved)
{
    model_open(&model, _i, 65552, 0);
    ck_assert_ok(model_reserve(&model, 0, 65552));
    ck_assert_uint_eq(model.unit.module->used, 65552);
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(range_in_use_is_busy)
{
    model_open(&model, _i, 64 * KIB, 0);
    ck_assert_ok(model_reserve(&model, 16 * KIB, 8192));
    ck_assert_int_eq(model_reserve(&model, 16 * KIB, 8192), MEMHEAP_ERR_BUSY);
    ck_assert_int_eq(model_reserve(&model, 16 * KIB, 16), MEMHEAP_ERR_BUSY);
    ck_assert_int_eq(model_reserve(&model, 20 * KIB, 4096), MEMHEAP_ERR_BUSY);
    ck_assert_int_eq(model_reserve(&model, 0, 32 * KIB), MEMHEAP_ERR_BUSY);
    ck_assert_int_eq(model_reserve(&model, 48 * KIB, 32 * KIB),
                     MEMHEAP_ERR_BUSY);
    ck_assert_int_eq(model_reserve(&model, 48 * KIB, SIZE_MAX),
                     MEMHEAP_ERR_BUSY);
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(free_end_of_the_range_is_never_busy)
{
    static const size_t size[] = {1000, 64 * KIB, 64 * KIB + 16, 64 * KIB + 40};
    for (size_t i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
        for (size_t before = 16; before <= 64; before += 16) {
            model_open(&model, _i, size[i], 0);
            size_t offset = (size[i] - before) / 16 * 16;
            memheap_status_t status = model_reserve(&model, offset, 16);
            if (status != MEMHEAP_OK)
                ck_assert_int_eq(status, MEMHEAP_ERR_BAD_ARGUMENT);
            model_check(&model);
            model_close(&model);
        }
    }
}
END_TEST

START_TEST(unaligned_reserve_is_refused)
{
    model_open(&model, _i, 64 * KIB, 0);
    ck_assert_int_eq(model_reserve(&model, 8, 16), MEMHEAP_ERR_BAD_ARGUMENT);
    model_close(&model);
}
END_TEST

START_TEST(block_just_freed_can_be_restored)
{
    size_t offset[3];
    model_open(&model, _i, 64 * KIB, 0);
    alloc_three(offset);
    uint64_t before = model_walk_digest(&model);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_ok(model_free(&model, offset[i]));
        ck_assert_ok(model_reserve(&model, offset[i], 4096));
        ck_assert_uint_eq(model_walk_digest(&model), before);
    }
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(grown_region_is_longer)
{
    if (unit_lacks_addresses())
        return;
    size_t offset;
    model_open(&model, _i, 64 * KIB, 4 * TIB);
    alloc(64 * KIB);
    ck_assert_int_eq(model_alloc(&model, 16, 16, &offset),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_ok(model_grow(&model, 128 * KIB));
    model_check(&model);
    ck_assert_uint_eq(alloc(64 * KIB), 64 * KIB);
    ck_assert_ok(model_grow(&model, 4 * TIB));
    model_check(&model);
    alloc(TIB);
    while (model.count > 0)
        ck_assert_ok(model_free(&model, model.block[0].offset));
    assert_empty();
    model_close(&model);
}
END_TEST

START_TEST(region_grows_past_a_block_at_its_end)
{
    model_open(&model, _i, 100000, 262144);
    alloc(100000);
    ck_assert_ok(model_grow(&model, 200000));
    model_check(&model);
    ck_assert_ok(model_resize(&model, 0, 200000));
    model_check(&model);
    ck_assert_ok(model_free(&model, 0));
    assert_empty();
    model_close(&model);
}
END_TEST

START_TEST(region_does_not_grow_past_its_greatest_size)
{
    model_open(&model, _i, 64 * KIB, 1000003);
    ck_assert_int_eq(model_grow(&model, 1000004), MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_int_eq(model_grow(&model, SIZE_MAX), MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_ok(model_grow(&model, 1000003));
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(region_does_not_shrink)
{
    model_open(&model, _i, 64 * KIB, MIB);
    ck_assert_int_eq(model_grow(&model, 64 * KIB - 1),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_ok(model_grow(&model, 64 * KIB));
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(largest_free_block_is_the_largest_possible)
{
    model_open(&model, _i, 1000003, 0);
    uint64_t seed = 11;
    for (unsigned round = 0; round < 50; round++) {
        memheap_module_stats_t stats;
        size_t offset;
        model_run(&model, unit_random(&seed), 20);
        if (model.unit.ops->normalize != NULL)
            model.unit.ops->normalize(model.unit.module);
        model.unit.ops->stats(model.unit.module, &stats);
        ck_assert_int_eq(
            model_alloc(&model, stats.largest_free + 1, 16, &offset),
            MEMHEAP_ERR_NO_MEMORY);
        if (stats.largest_free == 0)
            continue;
        offset = alloc(stats.largest_free);
        ck_assert_ok(model_free(&model, offset));
    }
    model_close(&model);
}
END_TEST

static bool stop_at_second(void *context, const memheap_extent_t *extent)
{
    (void)extent;
    return ++*(unsigned *)context < 2;
}

START_TEST(walk_ends_when_it_is_told_to)
{
    size_t offset[3];
    unsigned visits = 0;
    model_open(&model, _i, MIB, 0);
    alloc_three(offset);
    model.unit.ops->walk(model.unit.module, stop_at_second, &visits);
    ck_assert_uint_eq(visits, 2);
    model_close(&model);
}
END_TEST

START_TEST(metadata_is_of_what_was_committed)
{
    static size_t offset[50000];
    unit_memory_t memory;
    unit_module_t unit;
    memheap_module_stats_t stats;
    uint64_t seed = 1;
    unit_memory_init(&memory);
    unit_module_open(&unit, _i, 64 * MIB, 0, &memory.memory);
    for (size_t i = 0; i < 50000; i++) {
        memheap_result_t result = unit.ops->alloc(
            unit.module, 16, 1 + unit_random_below(&seed, i % 8 ? 100 : 5000));
        ck_assert_ok(result.status);
        offset[i] = result.bytes;
    }
    for (size_t i = 0; i < 50000; i += 3)
        ck_assert_ok(unit.ops->free(unit.module, offset[i]));
    unit.ops->stats(unit.module, &stats);
    ck_assert_uint_le(stats.metadata, memory.committed);
    ck_assert_uint_ge(stats.metadata, memory.committed / 4);
    size_t most = stats.metadata;
    for (size_t i = 0; i < 50000; i++) {
        if (i % 3 != 0)
            ck_assert_ok(unit.ops->free(unit.module, offset[i]));
    }
    unit.ops->stats(unit.module, &stats);
    ck_assert_uint_ge(stats.metadata, most);
    unit_module_close(&unit);
}
END_TEST

START_TEST(check_finds_wrong_statistics)
{
    size_t offset[3];
    model_open(&model, _i, MIB, 0);
    alloc_three(offset);
    memheap_module_t *module = model.unit.module;
    module->used += 16;
    ck_assert_int_eq(model.unit.ops->check(module), MEMHEAP_ERR_CORRUPT);
    module->used -= 16;
    module->size = 8192; /* a block lies behind that */
    ck_assert_int_eq(model.unit.ops->check(module), MEMHEAP_ERR_CORRUPT);
    module->size = MIB;
    ck_assert_ok(model.unit.ops->check(module));
    model_close(&model);
}
END_TEST

int main(void)
{
    int count = (int)unit_component_count();
    TCase *tests = unit_case();
    tcase_add_loop_test(tests, new_module_is_one_free_block, 0, count);
    tcase_add_loop_test(tests, blocks_are_aligned_as_asked, 0, count);
    tcase_add_loop_test(tests, block_is_aligned_to_a_gibibyte, 0, count);
    tcase_add_loop_test(tests, alignment_that_does_not_fit_is_refused, 0,
                        count);
    tcase_add_loop_test(tests, exhausted_region_recovers_fully, 0, count);
    tcase_add_loop_test(tests, more_than_the_region_is_refused, 0, count);
    tcase_add_loop_test(tests, region_of_any_size_is_one_block, 0,
                        count * ODD_SIZES);
    tcase_add_loop_test(tests, region_of_any_size_is_used_to_its_end, 0,
                        count * ODD_SIZES);
    tcase_add_loop_test(tests, offsets_reach_above_a_tebibyte, 0, count);
    tcase_add_loop_test(tests, creation_asks_for_the_same_at_any_size, 0,
                        count);
    tcase_add_loop_test(tests, wrong_addresses_are_found_and_harm_nothing, 0,
                        count);
    tcase_add_loop_test(tests, end_of_a_full_region_is_no_block, 0, count);
    tcase_add_loop_test(tests, shrinking_frees_what_is_cut_off, 0, count);
    tcase_add_loop_test(
        tests, shrinking_between_neighbours_frees_what_is_cut_off, 0, count);
    tcase_add_loop_test(tests, block_grows_into_a_free_neighbour, 0, count);
    tcase_add_loop_test(tests, last_block_grows_to_the_end_of_the_region, 0,
                        count);
    tcase_add_loop_test(tests, block_does_not_grow_past_the_region, 0, count);
    tcase_add_loop_test(
        tests, region_that_ends_within_a_granule_is_not_exceeded, 0, count);
    tcase_add_loop_test(tests, many_holes_are_remembered, 0, count);
    tcase_add_loop_test(tests, block_before_a_live_one_does_not_grow, 0, count);
    tcase_add_loop_test(tests, exact_range_can_be_reserved, 0, count);
    tcase_add_loop_test(tests, many_blocks_can_be_reserved_side_by_side, 0,
                        count);
    tcase_add_loop_test(tests, full_region_has_no_free_block, 0, count);
    tcase_add_loop_test(tests, whole_region_can_be_reserved, 0, count);
    tcase_add_loop_test(tests, range_in_use_is_busy, 0, count);
    tcase_add_loop_test(tests, free_end_of_the_range_is_never_busy, 0, count);
    tcase_add_loop_test(tests, unaligned_reserve_is_refused, 0, count);
    tcase_add_loop_test(tests, block_just_freed_can_be_restored, 0, count);
    tcase_add_loop_test(tests, grown_region_is_longer, 0, count);
    tcase_add_loop_test(tests, region_grows_past_a_block_at_its_end, 0, count);
    tcase_add_loop_test(tests, region_does_not_grow_past_its_greatest_size, 0,
                        count);
    tcase_add_loop_test(tests, region_does_not_shrink, 0, count);
    tcase_add_loop_test(tests, largest_free_block_is_the_largest_possible, 0,
                        count);
    tcase_add_loop_test(tests, walk_ends_when_it_is_told_to, 0, count);
    tcase_add_loop_test(tests, metadata_is_of_what_was_committed, 0, count);
    tcase_add_loop_test(tests, check_finds_wrong_statistics, 0, count);
    return unit_run("conformance", tests);
}
