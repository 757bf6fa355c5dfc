/*
 * The mempool component: fragments compared with a plain array, slabs and their
 * size classes, and violated invariants that check() must find.
 */
#include "config.h"

#include "components/mempool/slab.h"
#include "tests/unit/model.h"

enum {
    FRAGMENTS = 3000 /* several words and nodes, and no multiple of either */
};

static model_t model;
static int mempool;

static void setup(void)
{
    for (mempool = 0; strcmp(unit_component_name(mempool), "mempool") != 0;
         mempool++)
        continue;
}

static size_t alloc(size_t size)
{
    size_t offset;
    ck_assert_ok(model_alloc(&model, size, MEMHEAP_MIN_ALIGN, &offset));
    return offset;
}

static mempool_t *pool(void)
{
    return mempool_of(model.unit.module);
}

/* The plain array. */
static bool used[FRAGMENTS];
static fragments_t fragments;

static size_t frontier(void)
{
    size_t end = FRAGMENTS;
    while (end > 0 && !used[end - 1])
        end--;
    return end;
}

static size_t plain_end(size_t first)
{
    while (first < frontier() && !used[first])
        first++;
    return first >= frontier() ? SIZE_MAX : first;
}

static size_t plain_find(size_t count, size_t from)
{
    size_t run = 0;
    for (size_t i = from; i < frontier(); i++) {
        run = used[i] ? 0 : run + 1;
        if (run == count)
            return i + 1 - count;
    }
    return FRAGMENT_NONE;
}

static void set(size_t first, size_t count, bool value)
{
    for (size_t i = first; i < first + count; i++)
        used[i] = value;
}

static void take(size_t first, size_t count)
{
    fragments_take(&fragments, first, count);
    set(first, count, true);
}

static void give(size_t first, size_t count)
{
    fragments_give(&fragments, first, count);
    set(first, count, false);
}

static void open_fragments(void)
{
    memset(used, 0, sizeof(used));
    ck_assert_ok(fragments_open(&fragments, &memheap_memory_system,
                                (size_t)FRAGMENTS * FRAGMENT));
}

START_TEST(runs_are_found_across_words)
{
    open_fragments();
    take(0, FRAGMENTS);
    /* From each position near a word's end, each length up to two words. */
    for (size_t first = 60; first < 70; first++) {
        for (size_t count = 1; count <= 130; count++) {
            give(first, count);
            ck_assert_uint_eq(fragments_best(&fragments), count);
            ck_assert_uint_eq(fragments_find(&fragments, count, 0), first);
            ck_assert_uint_eq(fragments_find(&fragments, count, first), first);
            ck_assert_uint_eq(fragments_find(&fragments, count, first + 1),
                              FRAGMENT_NONE);
            ck_assert_uint_eq(fragments_find(&fragments, count + 1, 0),
                              FRAGMENT_NONE);
            ck_assert_uint_eq(fragments_end(&fragments, first), first + count);
            take(first, count);
        }
    }
    ck_assert(fragments_check(&fragments));
    fragments_close(&fragments);
}
END_TEST

START_TEST(fragments_agree_with_a_plain_array)
{
    uint64_t seed = unit_seed();
    uint64_t state = seed;
    open_fragments();
    for (unsigned step = 0; step < 6000; step++) {
        size_t longest = (size_t)1 << unit_random_below(&state, 11);
        size_t count = 1 + unit_random_below(&state, longest);
        size_t from = unit_random_below(&state, FRAGMENTS);
        size_t found = fragments_find(&fragments, count, from);
        ck_assert_msg(found == plain_find(count, from),
                      "step %u; MEMHEAP_TEST_SEED=%llu", step,
                      (unsigned long long)seed);
        ck_assert_uint_eq(fragments_end(&fragments, from), plain_end(from));
        ck_assert_uint_eq(fragments.top, frontier());
        ck_assert(fragments_check(&fragments));
        if (unit_random_below(&state, 2) == 0) {
            if (found != FRAGMENT_NONE)
                take(found, count);
            else if (from >= frontier() && count <= FRAGMENTS - from)
                take(from, count);
        } else if (used[from]) {
            size_t end = from;
            while (end < FRAGMENTS && end - from < count && used[end])
                end++;
            give(from, end - from);
        }
    }
    fragments_close(&fragments);
}
END_TEST

START_TEST(sizes_waste_a_quarter_at_most)
{
    model_open(&model, mempool, MIB, 0);
    for (size_t size = 1; size <= OBJECT_MAX; size++) {
        unsigned index = size_class_for(size, MEMHEAP_MIN_ALIGN);
        ck_assert_uint_ge(mempool_class_size[index], size);
        ck_assert(index == 0 || mempool_class_size[index - 1] < size);
        ck_assert(size <= 128 ||
                  (mempool_class_size[index] - size) * 4 <= size);
        size_t offset = alloc(size);
        ck_assert_uint_eq(model.block[0].usable, mempool_class_size[index]);
        ck_assert_ok(model_free(&model, offset));
    }
    alloc(OBJECT_MAX + 1);
    ck_assert_uint_eq(model.block[0].usable, 1280);
    model_close(&model);
}
END_TEST

START_TEST(objects_of_a_size_lie_side_by_side)
{
    model_open(&model, mempool, MIB, 0);
    size_t small = alloc(48);
    size_t large = alloc(200);
    for (size_t i = 1; i < 30; i++)
        ck_assert_uint_eq(alloc(40), small + i * 48);
    ck_assert_uint_eq(alloc(200), large + 224);
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(empty_slab_is_deleted)
{
    size_t offset[SLAB_OBJECTS];
    model_open(&model, mempool, MIB, 0);
    alloc(5000);
    uint64_t before = model_walk_digest(&model);
    for (size_t i = 0; i < SLAB_OBJECTS; i++)
        offset[i] = alloc(64);
    /* The slab is full. */
    ck_assert_uint_eq(pool()->partial_classes, 0);
    for (size_t i = 0; i < SLAB_OBJECTS; i++) {
        ck_assert_uint_ne(model_walk_digest(&model), before);
        ck_assert_ok(model_free(&model, offset[i * 5 % SLAB_OBJECTS]));
        model_check(&model);
    }
    ck_assert_uint_eq(model_walk_digest(&model), before);
    model_close(&model);
}
END_TEST

START_TEST(objects_are_aligned_as_their_size_is)
{
    static const size_t align[] = {32, 64, 128, 256};
    model_open(&model, mempool, MIB, 0);
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < 10; k++) {
            size_t offset;
            ck_assert_ok(model_alloc(&model, 17, align[i], &offset));
        }
    }
    ck_assert_uint_le(model.unit.module->used, 10 * (32 + 64 + 128 + 256));
    model_close(&model);
}
END_TEST

START_TEST(aligned_hole_is_found_again)
{
    size_t first;
    size_t again;
    model_open(&model, mempool, MIB, 0);
    alloc(100);
    ck_assert_ok(model_alloc(&model, 4096, 4096, &first));
    alloc(5000);
    for (size_t i = 0; i < 100; i++) {
        ck_assert_ok(model_free(&model, first));
        ck_assert_ok(model_alloc(&model, 4096, 4096, &again));
        ck_assert_uint_eq(again, first);
    }
    model_close(&model);
}
END_TEST

START_TEST(larger_object_is_the_last_resort)
{
    model_open(&model, mempool, 8192, 0);
    for (size_t i = 0; i < 8; i++)
        alloc(1024);
    ck_assert_ok(model_free(&model, 3072));
    ck_assert_uint_eq(alloc(20), 3072);
    ck_assert_uint_eq(model.block[3].usable, 1024);
    model_check(&model);
    model_close(&model);
}
END_TEST

/* An undone resize leaves no trace in the set of live blocks, nor in the
 * placement of later ones. */
START_TEST(undone_resize_restores_the_slab)
{
    model_open(&model, mempool, MIB, 0);
    alloc(5000);
    size_t offset = alloc(64);
    ck_assert_ok(model_resize(&model, offset, 40000));
    ck_assert_ok(model_resize(&model, offset, 64));
    model_check(&model);
    for (size_t i = 1; i < SLAB_OBJECTS; i++)
        ck_assert_uint_eq(alloc(64), offset + i * 64);
    ck_assert_uint_eq(pool()->slab_count, 1);
    model_close(&model);
}
END_TEST

START_TEST(metadata_is_what_was_committed)
{
    unit_memory_t memory;
    unit_module_t unit;
    memheap_module_stats_t stats;
    unit_memory_init(&memory);
    unit_module_open(&unit, mempool, 64 * MIB, 0, &memory.memory);
    for (size_t i = 0; i < 20000; i++)
        ck_assert_ok(unit.ops->alloc(unit.module, 16, 1 + i % 3000).status);
    unit.ops->stats(unit.module, &stats);
    /* The state is rounded up to pages. */
    ck_assert_uint_le(stats.metadata, memory.committed);
    ck_assert_uint_gt(stats.metadata, memory.committed - 2 * 4096);
    unit_module_close(&unit);
}
END_TEST

START_TEST(check_finds_violated_invariants)
{
    model_open(&model, mempool, MIB, 0);
    size_t run = alloc(5000);
    size_t hole = alloc(2000);
    size_t object = alloc(100);
    alloc(100);
    alloc(3000);
    ck_assert_ok(model_free(&model, hole));
    mempool_t *p = pool();
    slab_t *s = slab_at(p, 1);
    ck_assert_uint_eq(s->start, object);
    model_assert_found(&model, s->free,
                       s->free | 1); /* a live block marked as free */
    model_assert_found(&model, s->free, s->free & (s->free - 1));
    model_assert_found(&model, s->free, 0); /* full, but in a list */
    model_assert_found(&model, s->start, object + 256);
    model_assert_found(&model, s->prev, 1);
    model_assert_found(&model, p->partial_classes, 0);
    model_assert_found(&model, p->partial[6], SLAB_NONE);
    model_assert_found(&model, p->fragments.bits[0], p->fragments.bits[0] | 1);
    model_assert_found(&model, p->fragments.bits[0], 0);
    model_assert_found(&model, p->fragments.best[0], 1);
    model_assert_found(&model, p->fragments.node[1][0].best, 64);
    model_assert_found(&model, p->fragments.top, p->fragments.top - 1);
    fragments_give(&p->fragments, run / FRAGMENT + 1, 1); /* of a live run */
    ck_assert_int_eq(model.unit.ops->check(model.unit.module),
                     MEMHEAP_ERR_CORRUPT);
    fragments_take(&p->fragments, run / FRAGMENT + 1, 1);
    model_assert_found(&model, *head_at(p, run / FRAGMENT), 0);
    model_assert_found(&model, *head_at(p, run / FRAGMENT),
                       4000 << 2 | HEAD_RUN);
    model_assert_found(&model, *head_at(p, run / FRAGMENT + 1),
                       256 << 2 | HEAD_RUN);
    model_assert_found(&model, *head_at(p, hole / FRAGMENT),
                       256 << 2 | HEAD_RUN);
    model_assert_found(&model, *head_at(p, object / FRAGMENT),
                       2 << 2 | HEAD_SLAB);
    model_assert_found(&model, *head_at(p, object / FRAGMENT + 1), 0);
    model_assert_found(&model, *head_at(p, p->fragments.top),
                       256 << 2 | HEAD_RUN);
    model_close(&model);
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, runs_are_found_across_words);
    tcase_add_test(tests, fragments_agree_with_a_plain_array);
    tcase_add_test(tests, sizes_waste_a_quarter_at_most);
    tcase_add_test(tests, objects_of_a_size_lie_side_by_side);
    tcase_add_test(tests, empty_slab_is_deleted);
    tcase_add_test(tests, objects_are_aligned_as_their_size_is);
    tcase_add_test(tests, aligned_hole_is_found_again);
    tcase_add_test(tests, larger_object_is_the_last_resort);
    tcase_add_test(tests, undone_resize_restores_the_slab);
    tcase_add_test(tests, metadata_is_what_was_committed);
    tcase_add_test(tests, check_finds_violated_invariants);
    return unit_run("mempool", tests);
}
