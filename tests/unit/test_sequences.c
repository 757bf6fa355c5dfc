/*
 * Random sequences of calls for every built-in component. A simple model checks
 * the results, and equal sequences must give equal results. MEMHEAP_TEST_SEED
 * repeats a sequence.
 */
#include "config.h"

#include "tests/unit/model.h"

#include <sys/wait.h>
#include <unistd.h>

enum {
    STEPS = 3000,
    LONG_STEPS = 8000
};

/* Initial and later sizes. */
static const struct {
    size_t size;
    size_t max_size;
} regions[] = {
    {64 * 1024, 64 * 1024},
    {1 << 20, 1 << 20},
    {3250586 + 48, 3250586 + 48}, /* about 3.1 MiB, no power of two */
    {1000003, 1000003},
    {4096 + 16, 1 << 20},
    {100001, 777777},
    {(size_t)5 << 40, (size_t)5 << 40},
};

enum {
    REGIONS = sizeof(regions) / sizeof(regions[0])
};

/* The i-th pair of a component and a region. */
static void open_region(model_t *model, int i)
{
    model_open(model, i / REGIONS, regions[i % REGIONS].size,
               regions[i % REGIONS].max_size);
}

START_TEST(results_agree_with_the_model)
{
    static model_t model;
    open_region(&model, _i);
    model_run(&model, unit_seed(), STEPS);
    model_close(&model);
}
END_TEST

START_TEST(edges_agree_with_the_model)
{
    static model_t model;
    open_region(&model, _i);
    model_run_at_edges(&model, unit_seed(), STEPS);
    model_close(&model);
}
END_TEST

/* Each step is tried without some of the metadata that it asks for. */
START_TEST(lack_of_metadata_changes_nothing)
{
    static model_t model;
    open_region(&model, _i);
    model.lacks_memory = true;
    model_run(&model, unit_seed(), 1000);
    model_close(&model);
}
END_TEST

START_TEST(all_space_comes_back)
{
    static model_t model;
    size_t offset;
    size_t size = regions[_i % REGIONS].size;
    model_open(&model, _i / REGIONS, size, 0);
    model_run(&model, unit_seed(), 1000);
    while (model.count > 0)
        ck_assert_ok(model_free(&model, model.block[model.count / 2].offset));
    model_check(&model);
    ck_assert_uint_eq(model.unit.module->used, 0);
    ck_assert_ok(
        model_alloc(&model, memheap_align_down(size, 16), 16, &offset));
    ck_assert_uint_eq(offset, 0);
    model_check(&model);
    model_close(&model);
}
END_TEST

START_TEST(two_modules_return_the_same)
{
    static model_t one;
    static model_t other;
    uint64_t seed = unit_seed();
    model_open(&one, _i, MIB, 2 * MIB);
    model_open(&other, _i, MIB, 2 * MIB);
    model_run(&one, seed, LONG_STEPS);
    model_run(&other, seed, LONG_STEPS);
    ck_assert_msg(one.digest == other.digest &&
                      model_walk_digest(&one) == model_walk_digest(&other),
                  "MEMHEAP_TEST_SEED=%llu", (unsigned long long)seed);
    model_close(&one);
    model_close(&other);
}
END_TEST

/* Allocate and free blocks: this changes the state, but not the live blocks. */
static void detour(model_t *model, uint64_t seed)
{
    size_t offset[16];
    size_t count = 0;
    while (count < 16 && model_alloc(model, 1 + unit_random_below(&seed, 4000),
                                     16, &offset[count]) == MEMHEAP_OK)
        count++;
    for (size_t i = 0; i < count; i += 2)
        ck_assert_ok(model_free(model, offset[i]));
    for (size_t i = 1; i < count; i += 2)
        ck_assert_ok(model_free(model, offset[i]));
}

START_TEST(normalize_forgets_the_past)
{
    static model_t one;
    static model_t other;
    uint64_t seed = unit_seed();
    for (int round = 0; round < 20; round++, seed++) {
        model_open(&one, _i, MIB, 2 * MIB);
        model_open(&other, _i, MIB, 2 * MIB);
        model_run(&one, seed, 500);
        model_run(&other, seed, 500);
        detour(&one, seed);
        if (one.unit.ops->normalize != NULL) {
            one.unit.ops->normalize(one.unit.module);
            other.unit.ops->normalize(other.unit.module);
        }
        model_check(&one);
        one.digest = other.digest;
        model_run(&one, ~seed, 500);
        model_run(&other, ~seed, 500);
        ck_assert_msg(one.digest == other.digest, "MEMHEAP_TEST_SEED=%llu",
                      (unsigned long long)seed);
        model_close(&one);
        model_close(&other);
    }
}
END_TEST

/* The digest of a sequence over a new module. */
static uint64_t digest_of(int component, uint64_t seed)
{
    static model_t model;
    model_open(&model, component, MIB, 2 * MIB);
    model_run(&model, seed, LONG_STEPS);
    uint64_t digest = model.digest ^ model_walk_digest(&model);
    model_close(&model);
    return digest;
}

START_TEST(two_processes_return_the_same)
{
    int ends[2];
    uint64_t seed = unit_seed();
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        /* Addresses differ from the parent's, those of metadata too. */
        void *piece = memheap_memory_new(&memheap_memory_system, 333 * KIB);
        uint64_t digest = digest_of(_i, seed);
        ssize_t written = write(ends[1], &digest, sizeof(digest));
        _exit(piece == NULL || written != sizeof(digest));
    }
    close(ends[1]);
    uint64_t theirs = 0;
    int outcome = -1;
    ck_assert_int_eq(read(ends[0], &theirs, sizeof(theirs)), sizeof(theirs));
    ck_assert_int_eq(waitpid(child, &outcome, 0), child);
    ck_assert_int_eq(outcome, 0);
    close(ends[0]);
    ck_assert_msg(digest_of(_i, seed) == theirs, "MEMHEAP_TEST_SEED=%llu",
                  (unsigned long long)seed);
}
END_TEST

/* What the components answered when this was written. Processes of a job may be
 * built by different compilers for different processors, and have to place
 * blocks alike. If a change of placement is intended, take the new digests from
 * the message, and tell it in NEWS: PEs with different versions differ. */
static const struct {
    const char *component;
    const char *setting;
    uint64_t digest;
    uint64_t edges; /* of model_run_at_edges() */
} recorded[] = {
    {"buddy", "", UINT64_C(0x85c0795a499d6de), UINT64_C(0x6530a25f2668e069)},
    {"guard", "", UINT64_C(0x954fe7e9cc7e0b5), UINT64_C(0xcd8e843f54a75610)},
    {"fit", "MEMHEAP_fit_strategy=first", UINT64_C(0xcc309ace0143ab52),
     UINT64_C(0x8ee5cbce09925afd)},
    {"fit", "MEMHEAP_fit_strategy=next", UINT64_C(0x8b285d6229b85bdf),
     UINT64_C(0xd5ed1d1f1366f0b5)},
    {"fit", "MEMHEAP_fit_strategy=best", UINT64_C(0xe1f0eb18b4550c9f),
     UINT64_C(0x4cfa5c5675db5d63)},
    {"fit", "MEMHEAP_fit_strategy=worst", UINT64_C(0xcd26d0793c08b37b),
     UINT64_C(0xd10bb6673d5668a)},
    {"mempool", "", UINT64_C(0xe39b2f534fc0d44), UINT64_C(0x9e084c3d3db5fe80)},
    {"ptmalloc", "", UINT64_C(0xaf4a8579c4566051),
     UINT64_C(0xd5797dc4393424a3)},
};

START_TEST(blocks_are_placed_as_in_other_builds)
{
    static model_t model;
    uint64_t digest = 0;
    uint64_t edges = 0;
    const char *setting = "";
    const char *component =
        _i == UNIT_GUARD ? "guard" : unit_component_name(_i);
    if (_i == UNIT_GUARD && memheap_page_size() != 4096)
        return;
    for (int region = 0; region < REGIONS; region++) {
        /* It has an entry for each page of a block. */
        if (_i == UNIT_GUARD && regions[region].size > GIB)
            continue;
        model_open(&model, _i, regions[region].size, regions[region].max_size);
        setting = model.unit.setting;
        model_run(&model, 20261130, STEPS);
        digest = digest * 31 + model.digest + model_walk_digest(&model);
        model_close(&model);
        model_open(&model, _i, regions[region].size, regions[region].max_size);
        model_run_at_edges(&model, 20261130, STEPS);
        edges = edges * 31 + model.digest + model_walk_digest(&model);
        model_close(&model);
    }
    bool same = false;
    for (size_t i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++) {
        if (strcmp(recorded[i].component, component) == 0 &&
            strcmp(recorded[i].setting, setting) == 0)
            same = recorded[i].digest == digest && recorded[i].edges == edges;
    }
    ck_assert_msg(same, "{\"%s\", \"%s\", UINT64_C(0x%llx), UINT64_C(0x%llx)}",
                  component, setting, (unsigned long long)digest,
                  (unsigned long long)edges);
}
END_TEST

int main(void)
{
    int count = (int)unit_component_count();
    TCase *tests = unit_case();
    tcase_add_loop_test(tests, results_agree_with_the_model, 0,
                        count * REGIONS);
    tcase_add_loop_test(tests, edges_agree_with_the_model, 0, count * REGIONS);
    tcase_add_loop_test(tests, lack_of_metadata_changes_nothing, 0,
                        count * REGIONS);
    tcase_add_loop_test(tests, all_space_comes_back, 0, count * REGIONS);
    tcase_add_loop_test(tests, two_modules_return_the_same, 0, count);
    tcase_add_loop_test(tests, normalize_forgets_the_past, 0, count);
    tcase_add_loop_test(tests, two_processes_return_the_same, 0, count);
    tcase_add_loop_test(tests, blocks_are_placed_as_in_other_builds, UNIT_GUARD,
                        count);
    return unit_run("sequences", tests);
}
