/*
 * The fit component: which free block each strategy takes.
 */
#include "config.h"

#include "components/fit/fit.c" /* for its state */
#include "tests/unit/model.h"

#include <stdio.h>
#include <stdlib.h>

static model_t model;

/* A module of one strategy over a region of 1 MiB. */
static void open_fit(const char *word)
{
    char setting[64];
    int i = 0;
    snprintf(setting, sizeof(setting), "MEMHEAP_fit_strategy=%s", word);
    while (unit_component_setting(i) == NULL ||
           strcmp(unit_component_setting(i), setting) != 0)
        i++;
    model_open(&model, i, MIB, 0);
}

static size_t alloc_aligned(size_t size, size_t align)
{
    size_t offset;
    ck_assert_ok(model_alloc(&model, size, align, &offset));
    return offset;
}

static size_t alloc(size_t size)
{
    return alloc_aligned(size, MEMHEAP_MIN_ALIGN);
}

/*
 * Make a list with these free blocks between live ones of 1 KiB, and with the
 * free rest of the region:
 *
 *     0 KiB: 4 KiB    5 KiB: 16 KiB    22 KiB: 2 KiB    25 KiB: 8 KiB    34 KiB
 */
static void make_chain(const char *word)
{
    static const size_t sizes[] = {4 * KIB, 16 * KIB, 2 * KIB, 8 * KIB};
    size_t offset = 0;
    open_fit(word);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_ok(model_reserve(&model, offset + sizes[i], KIB));
        offset += sizes[i] + KIB;
    }
    model_check(&model);
}

/* Where successive requests of these KiB are placed in that list. */
static const struct {
    const char *word;
    size_t wanted[6];
    size_t place[6];
} textbook[] = {
    {"first", {2, 2, 3, 8, 8, 2}, {0, 2, 5, 8, 25, 16}},
    {"next", {2, 8, 2, 2, 8, 8}, {0, 5, 13, 15, 25, 34}},
    {"best", {2, 3, 8, 2, 14, 2}, {22, 0, 25, 5, 7, 34}},
    {"worst", {2, 2, 12, 8, 3, 3}, {5, 7, 9, 25, 0, 34}},
};

START_TEST(placement_is_that_of_the_textbook)
{
    make_chain(textbook[_i].word);
    for (size_t i = 0; i < 6; i++)
        ck_assert_msg(alloc(textbook[_i].wanted[i] * KIB) ==
                          textbook[_i].place[i] * KIB,
                      "%s, request %zu", textbook[_i].word, i);
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(next_fit_wraps_around)
{
    make_chain("next");
    ck_assert_uint_eq(alloc(9 * KIB), 5 * KIB);
    ck_assert_uint_eq(alloc(8 * KIB), 25 * KIB);
    ck_assert_uint_eq(alloc(KIB), 0);
    model_close(&model);
}
END_TEST

START_TEST(next_fit_takes_the_block_that_it_stands_in)
{
    make_chain("next");
    size_t offset = alloc(8 * KIB);
    ck_assert_ok(model_free(&model, offset));
    ck_assert_uint_eq(alloc(8 * KIB), offset);
    model_close(&model);
}
END_TEST

START_TEST(normalized_next_fit_starts_over)
{
    make_chain("next");
    ck_assert_uint_eq(alloc(8 * KIB), 5 * KIB);
    model.unit.ops->normalize(model.unit.module);
    ck_assert_uint_eq(alloc(KIB), 0);
    model_close(&model);
}
END_TEST

START_TEST(equal_blocks_are_taken_by_their_offsets)
{
    size_t offset[8];
    open_fit(_i == 0 ? "best" : "worst");
    for (size_t i = 0; i < 8; i++)
        offset[i] = alloc(4 * KIB);
    ck_assert_ok(model_free(&model, offset[5]));
    ck_assert_ok(model_free(&model, offset[1]));
    ck_assert_ok(model_free(&model, offset[3]));
    for (size_t i = 1; i < 6; i += 2)
        ck_assert_uint_eq(alloc(4 * KIB), offset[i]);
    model_close(&model);
}
END_TEST

/* 8 KiB at a multiple of 8 KiB: only the block at 5 KiB has room. 3 KiB before
 * it and 5 KiB behind it stay free. */
START_TEST(alignment_leaves_free_blocks_on_both_sides)
{
    make_chain(textbook[_i].word);
    ck_assert_uint_eq(alloc_aligned(8 * KIB, 8 * KIB), 8 * KIB);
    ck_assert_ok(model_reserve(&model, 5 * KIB, 3 * KIB));
    ck_assert_ok(model_reserve(&model, 16 * KIB, 5 * KIB));
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(no_strategy_uses_more_of_a_long_region_than_it_needs)
{
    open_fit(textbook[_i].word);
    size_t offset = alloc(KIB);
    for (unsigned i = 0; i < 100; i++) {
        size_t other = alloc(KIB);
        ck_assert_uint_lt(other, 2 * KIB);
        ck_assert_ok(model_free(&model, offset));
        offset = other;
    }
    model_close(&model);
}
END_TEST

START_TEST(check_finds_violated_invariants)
{
    make_chain("best");
    fit_t *f = fit_of(model.unit.module);
    block_t *hole = f->chain.next;
    block_t *live = hole->next;
    ck_assert(!hole->live && live->live);
    model_assert_found(&model, hole->live, true);
    model_assert_found(&model, live->live, false);
    model_assert_found(&model, hole->size, hole->size - 16);
    model_assert_found(&model, hole->offset, 16);
    model_assert_found(&model, live->size, 0);
    model_assert_found(&model, hole->key, hole->key + 1);
    model_assert_found(&model, live->prev, live);
    model_assert_found(&model, f->chain.prev, live);
    model_assert_found(&model, f->nodes_used, f->nodes_used + 1);
    model_assert_found(&model, f->live.count, f->live.count + 1);
    model_assert_found(&model, f->module.size, f->module.size + 16);
    model_assert_found(&model, f->module.size, f->module.size - 16);
    model_assert_found(&model, f->tree, NULL);
    model_assert_found(&model, f->tree, f->tree->left);
    /* Each block of the tree: its order, its rank and its sum. */
    for (block_t *b = f->chain.next; b != &f->chain; b = b->next) {
        if (b->live)
            continue;
        model_assert_found(&model, b->largest, b->largest + 16);
        model_assert_found(&model, b->largest, b->largest - 16);
        if (b->left != NULL) {
            model_assert_found(&model, b->left->rank, UINT32_MAX);
            model_assert_found(&model, b->left, NULL);
            model_assert_found(&model, b->left, live);
            model_assert_found(&model, b->left->key, SIZE_MAX);
        }
        if (b->right != NULL) {
            model_assert_found(&model, b->right->rank, UINT32_MAX);
            model_assert_found(&model, b->right, NULL);
            model_assert_found(&model, b->right, live);
            model_assert_found(&model, b->right->key, 0);
        }
    }
    model_close(&model);
}
END_TEST

START_TEST(wrong_strategy_is_refused)
{
    unit_log_t log;
    memheap_t *heap;
    unit_log_init(&log);
    setenv("MEMHEAP_COMPONENT", "fit", 1);
    setenv("MEMHEAP_FIT_STRATEGY", _i == 0 ? "good" : "firs", 1);
    memheap_config_t config = {.size = MIB, .log = &log.log};
    ck_assert_int_eq(memheap_create(&config, &heap), MEMHEAP_ERR_BAD_PARAM);
    ck_assert_uint_eq(log.count, 1);
    ck_assert_logged(&log, "MEMHEAP_FIT_STRATEGY");
    ck_assert_logged(&log, "first, next, best or worst");
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    tcase_add_loop_test(tests, placement_is_that_of_the_textbook, 0, 4);
    tcase_add_test(tests, next_fit_wraps_around);
    tcase_add_test(tests, next_fit_takes_the_block_that_it_stands_in);
    tcase_add_test(tests, normalized_next_fit_starts_over);
    tcase_add_loop_test(tests, equal_blocks_are_taken_by_their_offsets, 0, 2);
    tcase_add_loop_test(tests, alignment_leaves_free_blocks_on_both_sides, 0,
                        4);
    tcase_add_loop_test(
        tests, no_strategy_uses_more_of_a_long_region_than_it_needs, 0, 4);
    tcase_add_test(tests, check_finds_violated_invariants);
    tcase_add_loop_test(tests, wrong_strategy_is_refused, 0, 2);
    return unit_run("fit", tests);
}
