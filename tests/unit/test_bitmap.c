/*
 * Bitmaps with summary words. Sizes are at the limits of words and levels: 64,
 * 64^2 and 64^3 numbers are the most for one, two and three levels.
 */
#include "config.h"

#include "tests/unit/unit.h"
#include "base/bitmap.h"

#include <stdlib.h>

static const size_t sizes[] = {1,    2,    63,   64,     65,     4095,
                               4096, 4097, 5000, 262143, 262144, 262145};

enum {
    SIZES = sizeof(sizes) / sizeof(sizes[0])
};

/* An empty set of numbers below bits. */
static void *open_set(memheap_bitmap_t *map, size_t bits)
{
    void *memory = calloc(1, memheap_bitmap_bytes(bits));
    ck_assert_ptr_nonnull(memory);
    memheap_bitmap_init(map, memory, bits);
    return memory;
}

START_TEST(empty_set_has_no_first_member)
{
    memheap_bitmap_t map;
    void *memory = open_set(&map, sizes[_i]);
    ck_assert_uint_eq(memheap_bitmap_first(&map), MEMHEAP_BITMAP_NONE);
    free(memory);
}
END_TEST

START_TEST(last_number_fits)
{
    memheap_bitmap_t map;
    size_t last = sizes[_i] - 1;
    void *memory = open_set(&map, sizes[_i]);
    memheap_bitmap_set(&map, last);
    ck_assert(memheap_bitmap_test(&map, last));
    ck_assert_uint_eq(memheap_bitmap_first(&map), last);
    free(memory);
}
END_TEST

START_TEST(cleared_set_is_zeroed_memory_again)
{
    memheap_bitmap_t map;
    size_t bits = sizes[_i];
    char *memory = open_set(&map, bits);
    for (size_t n = 0; n < bits; n += 7)
        memheap_bitmap_set(&map, n);
    for (size_t n = 0; n < bits; n += 7)
        memheap_bitmap_clear(&map, n);
    for (size_t i = 0; i < memheap_bitmap_bytes(bits); i++)
        ck_assert_int_eq(memory[i], 0);
    free(memory);
}
END_TEST

START_TEST(first_is_the_least_member)
{
    memheap_bitmap_t map;
    void *memory = open_set(&map, 300000);
    static const size_t falling[] = {299999, 262144, 262143, 4096, 64, 63, 0};
    for (size_t i = 0; i < sizeof(falling) / sizeof(falling[0]); i++) {
        memheap_bitmap_set(&map, falling[i]);
        ck_assert_uint_eq(memheap_bitmap_first(&map), falling[i]);
    }
    for (size_t i = sizeof(falling) / sizeof(falling[0]); i-- > 1;) {
        memheap_bitmap_clear(&map, falling[i]);
        ck_assert_uint_eq(memheap_bitmap_first(&map), falling[i - 1]);
    }
    free(memory);
}
END_TEST

START_TEST(neighbours_of_a_member_are_no_members)
{
    memheap_bitmap_t map;
    void *memory = open_set(&map, 8192);
    memheap_bitmap_set(&map, 4096);
    ck_assert(!memheap_bitmap_test(&map, 4095));
    ck_assert(memheap_bitmap_test(&map, 4096));
    ck_assert(!memheap_bitmap_test(&map, 4097));
    free(memory);
}
END_TEST

START_TEST(random_sets_agree_with_an_array)
{
    enum {
        BITS = 5000,
        STEPS = 20000
    };
    memheap_bitmap_t map;
    static bool member[BITS];
    memset(member, 0, sizeof(member));
    void *memory = open_set(&map, BITS);
    uint64_t seed = 1;
    for (unsigned step = 0; step < STEPS; step++) {
        size_t n = unit_random_below(&seed, BITS);
        if (member[n])
            memheap_bitmap_clear(&map, n);
        else
            memheap_bitmap_set(&map, n);
        member[n] = !member[n];
        ck_assert_int_eq(memheap_bitmap_test(&map, n), member[n]);
        size_t least = 0;
        while (least < BITS && !member[least])
            least++;
        ck_assert_uint_eq(memheap_bitmap_first(&map),
                          least == BITS ? MEMHEAP_BITMAP_NONE : least);
    }
    free(memory);
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    tcase_add_loop_test(tests, empty_set_has_no_first_member, 0, SIZES);
    tcase_add_loop_test(tests, last_number_fits, 0, SIZES);
    tcase_add_loop_test(tests, cleared_set_is_zeroed_memory_again, 0, SIZES);
    tcase_add_test(tests, first_is_the_least_member);
    tcase_add_test(tests, neighbours_of_a_member_are_no_members);
    tcase_add_test(tests, random_sets_agree_with_an_array);
    return unit_run("bitmap", tests);
}
