/*
 * What is ptmalloc's own: which chunk serves a request, and blocks too long
 * for a word.
 */
#include "config.h"

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

/* The smallest chunk that holds size bytes, as walk() shows the chunks; what
 * reaches to the end of the region is the top. */
typedef struct search {
    size_t size;
    size_t best;
    size_t around; /* an offset; size_around is that of the chunk there */
    size_t size_around;
} search_t;

static bool search_extent(void *context, const memheap_extent_t *extent)
{
    search_t *search = context;
    if (extent->live || extent->offset + extent->size == model.size)
        return true;
    if (extent->size >= search->size && extent->size < search->best)
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

START_TEST(smallest_chunk_that_fits_is_taken)
{
    uint64_t seed = unit_seed();
    uint64_t state = seed;
    model_open(&model, ptmalloc, 64 * MIB, 0);
    for (unsigned step = 0; step < 4000; step++) {
        if (model.count > 400) {
            for (size_t i = 0; i < 200; i++) {
                size_t leaves = unit_random_below(&state, model.count);
                ck_assert_ok(model_free(&model, model.block[leaves].offset));
            }
        }
        size_t size = 1024 + unit_random_below(&state, 16 * KIB);
        size_t rounded = memheap_align_up(size, MEMHEAP_MIN_ALIGN);
        size_t best = search_for(rounded, 0).best;
        size_t offset = alloc(size);
        ck_assert_ok(model_free(&model, offset));
        search_t found = search_for(rounded, offset);
        ck_assert_msg(best == SIZE_MAX ? found.size_around == 0
                                       : found.size_around == best,
                      "%zu bytes out of %zu, not %zu; MEMHEAP_TEST_SEED=%llu",
                      size, found.size_around, best, (unsigned long long)seed);
        alloc(size);
    }
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(small_blocks_of_one_time_lie_together)
{
    model_open(&model, ptmalloc, MIB, 0);
    size_t large = alloc(4096);
    alloc(16);
    size_t fitting = alloc(128);
    alloc(16);
    ck_assert_ok(model_free(&model, large));
    ck_assert_uint_eq(alloc(48), large);
    /* The rest of the chunk that was split goes before one that fits better,
     * and so does what it joins. */
    ck_assert_ok(model_free(&model, fitting));
    for (size_t i = 1; i < 40; i++)
        ck_assert_uint_eq(alloc(48), large + i * 48);
    ck_assert_ok(model_free(&model, large + 39 * 48));
    ck_assert_uint_eq(alloc(96), large + 39 * 48);
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(freed_small_block_is_the_next_of_its_size)
{
    size_t offset[20];
    model_open(&model, ptmalloc, MIB, 0);
    for (size_t i = 0; i < 20; i++)
        offset[i] = alloc(64);
    ck_assert_ok(model_free(&model, offset[3]));
    ck_assert_ok(model_free(&model, offset[7]));
    ck_assert_uint_eq(alloc(64), offset[7]);
    ck_assert_uint_eq(alloc(64), offset[3]);
    model_close(&model);
}
END_TEST

START_TEST(chunk_serves_an_alignment_though_its_start_does_not)
{
    size_t offset;
    model_open(&model, ptmalloc, 64 * KIB, 0);
    alloc(48);
    size_t best_fit = alloc(2048); /* from 48 on: nothing in it is aligned */
    alloc(16);
    size_t hole = alloc(8192);
    alloc(memheap_align_down(model.size - hole - 8192, 16));
    ck_assert_ok(model_free(&model, best_fit));
    ck_assert_ok(model_free(&model, hole));
    ck_assert_ok(model_alloc(&model, 2048, 4096, &offset));
    ck_assert_uint_eq(offset, 4096);
    model_check(&model);
    ck_assert_ok(model_free(&model, offset));
    ck_assert_uint_eq(alloc(8192), hole);
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(block_too_long_for_a_word_is_like_any_other)
{
    size_t usable;
    model_open(&model, ptmalloc, TIB, 0);
    /* A word counts to 2^30 granules of 16 bytes. */
    static const size_t sizes[] = {16 * GIB - 16, 16 * GIB, 100 * GIB};
    for (size_t i = 0; i < 3; i++) {
        size_t offset = alloc(sizes[i]);
        alloc(16);
        ck_assert_ok(
            model.unit.ops->size_of(model.unit.module, offset, &usable));
        ck_assert_uint_eq(usable, sizes[i]);
        ck_assert_ok(model_resize(&model, offset, 16 * GIB - 32));
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

int main(void)
{
    TCase *tests = unit_case();
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, smallest_chunk_that_fits_is_taken);
    tcase_add_test(tests, small_blocks_of_one_time_lie_together);
    tcase_add_test(tests, freed_small_block_is_the_next_of_its_size);
    tcase_add_test(tests, chunk_serves_an_alignment_though_its_start_does_not);
    tcase_add_test(tests, block_too_long_for_a_word_is_like_any_other);
    return unit_run("ptmalloc", tests);
}
