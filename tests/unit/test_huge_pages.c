/*
 * Transparent huge pages of heaps in memory files: which blocks get them, what
 * they take, what is given back, and what happens where the kernel has none.
 *
 * On a kernel that gives none on request, only the last is tested.
 */
#include "config.h"

#include "tests/unit/unit.h"
#include "base/huge_pages.h"
#include "base/pages.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const size_t unit = 2 * MIB;
static const int collapse = 25; /* MADV_COLLAPSE */

static unit_log_t messages;
static memheap_placement_t placement;
static bool has_huge_pages;
static unsigned flags; /* of heaps */

/* A heap over a memory file, with a parameter. */
static memheap_status_t open_heap(size_t size, memheap_policy_mode_t mode,
                                  memheap_page_kind_t pages,
                                  const char *component, const char *param,
                                  memheap_t **heap_p)
{
    char setting[64];
    const char *params[] = {setting, param, NULL};
    memheap_memory_policy_t policy = {.pages = pages, .pages_mode = mode};
    memheap_config_t config = {
        .log = &messages.log, .params = params, .flags = flags};
    memheap_region_t region;
    memheap_region_t range;
    snprintf(setting, sizeof(setting), "MEMHEAP_COMPONENT=%s", component);
    unit_log_init(&messages);
    int fd = memfd_create("memheap-test", MFD_CLOEXEC);
    ck_assert_ok(memheap_region_reserve(&range, size, &messages.log));
    ck_assert_ok(
        memheap_region_share(&region, range.base, size, fd, 1, &messages.log));
    memheap_status_t status =
        memheap_pages_apply(&region, &policy, &messages.log);
    if (status == MEMHEAP_OK)
        status = memheap_create_over(&region, &config, heap_p);
    if (status != MEMHEAP_OK)
        memheap_region_release(&region);
    return status;
}

static memheap_t *open_default(size_t size, const char *component,
                               const char *param)
{
    memheap_t *heap = NULL;
    ck_assert_ok(open_heap(size, MEMHEAP_PREFERRED, MEMHEAP_PAGES_DEFAULT,
                           component, param, &heap));
    return heap;
}

static char *alloc(memheap_t *heap, size_t align, size_t size)
{
    void *block;
    ck_assert_ok(memheap_alloc_aligned(heap, align, size, &block));
    return block;
}

static size_t huge_of(memheap_t *heap)
{
    ck_assert_ok(memheap_get_placement(heap, &placement));
    return placement.huge;
}

START_TEST(large_block_is_backed_before_it_is_touched)
{
    flags = _i % 2 == 0 ? 0 : MEMHEAP_SINGLE_THREADED;
    memheap_t *heap =
        open_default(256 * MIB, unit_component_name(_i / 2), NULL);
    char *block = alloc(heap, unit, 33 * MIB + 5);
    if (has_huge_pages)
        ck_assert_uint_ge(huge_of(heap), 32 * MIB);
    ck_assert_uint_eq(placement.huge % unit, 0);
    ck_assert_uint_le(memheap_resident(heap), 34 * MIB);
    for (size_t i = 0; i < 33 * MIB; i += 4096)
        ck_assert_int_eq(block[i], 0);
    ck_assert_uint_eq(messages.count, 0);
    memheap_destroy(heap);
}
END_TEST

/* A second mapping of the file, as another PE has it. */
START_TEST(window_has_huge_pages_where_its_address_fits)
{
    memheap_t *heap = open_default(64 * MIB, "ptmalloc", NULL);
    char *block = alloc(heap, unit, 8 * MIB);
    char *range = mmap(NULL, 66 * MIB, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ck_assert_ptr_ne(range, MAP_FAILED);
    char *window = (char *)memheap_align_up((size_t)range, unit);
    int fd = -1;
    char path[64];
    char name[64];
    for (int i = 3; i < 64 && fd < 0; i++) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", i);
        ssize_t length = readlink(path, name, sizeof(name) - 1);
        name[length < 0 ? 0 : length] = '\0';
        fd = strncmp(name, "/memfd:memheap-test", 19) == 0 ? i : -1;
    }
    ck_assert_int_ge(fd, 0);
    ck_assert_ptr_eq(mmap(window, 64 * MIB, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_FIXED, fd, 0),
                     window);
    memheap_peer_windows_t windows = {
        .base = window, .stride = 64 * MIB, .count = 1};
    memheap_set_peer_windows(heap, &windows);
    size_t offset = (size_t)(block - (char *)memheap_base(heap));
    huge_of(heap);
    ck_assert_uint_eq(placement.windows_resident, 0);
    for (size_t i = 0; i < 8 * MIB; i += unit)
        window[offset + i] = 1;
    huge_of(heap);
    if (has_huge_pages) {
        ck_assert_uint_eq(placement.windows_huge, 8 * MIB);
        ck_assert_uint_eq(placement.windows_resident, 8 * MIB);
    }
    memheap_destroy(heap);
    munmap(range, 66 * MIB);
}
END_TEST

/* The memory rule: a heap of small blocks takes what they take, plus 2 MiB and
 * 10 %, at each size. */
START_TEST(growing_heap_takes_little_more_than_its_blocks)
{
    flags = _i % 2 == 0 ? 0 : MEMHEAP_SINGLE_THREADED;
    memheap_t *heap =
        open_default(256 * MIB, unit_component_name(_i / 2), NULL);
    memheap_stats_t stats;
    for (int i = 1; i <= 600; i++) {
        memset(alloc(heap, 16, 40000), 1, 40000);
        memheap_get_stats(heap, &stats);
        ck_assert_uint_le(stats.resident,
                          stats.high_water + stats.high_water / 10 + unit);
        if (stats.high_water < unit / 8)
            ck_assert_uint_le(stats.resident, stats.high_water + 4096);
    }
    if (has_huge_pages)
        ck_assert_uint_ge(huge_of(heap), 22 * MIB);
    memheap_destroy(heap);
}
END_TEST

START_TEST(growth_by_small_blocks_takes_few_requests)
{
    flags = MEMHEAP_SINGLE_THREADED;
    memheap_t *heap = open_default(GIB, "ptmalloc", NULL);
    memheap_stats_t stats = {.high_water = 0};
    size_t before = 0;
    int steps = 0;
    while (stats.high_water < 256 * MIB) {
        alloc(heap, 16, 40000);
        memheap_get_stats(heap, &stats);
        steps += stats.resident > before + 4096 * 16;
        before = stats.resident;
        ck_assert_uint_le(stats.resident,
                          stats.high_water + stats.high_water / 10 + unit);
    }
    if (has_huge_pages) /* 16 up to 32 MiB, and a sixteenth more each */
        ck_assert_int_le(steps, 16 + 48);
    memheap_destroy(heap);
}
END_TEST

START_TEST(space_that_a_block_passes_over_takes_no_memory)
{
    memheap_t *heap = open_default(512 * MIB, "ptmalloc", NULL);
    alloc(heap, 16, 64)[0] = 1;
    char *far = alloc(heap, 128 * MIB, 64); /* a piece that grows alone */
    far[0] = 1;
    ck_assert_uint_le(memheap_resident(heap), 64 * KIB);
    alloc(heap, 16, 150 * MIB);
    ck_assert_uint_le(memheap_resident(heap), 154 * MIB);
    /* A block that fills what was passed over is backed too. */
    char *block = alloc(heap, unit, 64 * MIB);
    ck_assert(block < far);
    ck_assert_uint_le(memheap_resident(heap), 220 * MIB);
    if (has_huge_pages)
        ck_assert_uint_ge(huge_of(heap), 212 * MIB);
    memheap_destroy(heap);
}
END_TEST

START_TEST(blocks_far_apart_take_a_huge_page_each_at_most)
{
    memheap_t *heap = open_default(512 * MIB, "ptmalloc", NULL);
    for (int i = 0; i < 50; i++)
        memset(alloc(heap, 4 * MIB, 300 * KIB), 1, 300 * KIB);
    ck_assert_uint_le(memheap_resident(heap), 51 * unit);
    memheap_destroy(heap);
}
END_TEST

START_TEST(untouched_heap_takes_no_memory)
{
    memheap_t *heap = open_default(512 * MIB, "ptmalloc", NULL);
    ck_assert_uint_eq(memheap_resident(heap), 0);
    memheap_destroy(heap);
    heap = open_default(512 * MIB, "ptmalloc", "MEMHEAP_OVERCOMMIT=1");
    alloc(heap, 16, 300 * MIB);
    ck_assert_uint_eq(memheap_resident(heap), 0);
    memheap_destroy(heap);
    heap = open_default(512 * MIB, "ptmalloc", "MEMHEAP_GUARD=1");
    alloc(heap, 16, 300 * MIB);
    ck_assert_uint_eq(memheap_resident(heap), 0);
    memheap_destroy(heap);
}
END_TEST

START_TEST(trim_returns_huge_pages_that_are_free)
{
    memheap_t *heap = open_default(256 * MIB, "ptmalloc", NULL);
    char *first = alloc(heap, unit, 16 * MIB);
    char *kept = alloc(heap, 16, 64);
    ck_assert_ok(memheap_free(heap, first));
    ck_assert_ok(memheap_trim(heap, 0));
    ck_assert_uint_le(memheap_resident(heap), unit);
    ck_assert_ptr_eq(alloc(heap, unit, 16 * MIB), first);
    if (has_huge_pages)
        ck_assert_uint_ge(huge_of(heap), 16 * MIB);
    ck_assert_int_eq(first[5 * MIB], 0);
    memheap_free(heap, kept);
    memheap_destroy(heap);
}
END_TEST

/* Blocks of a quarter of a huge page. A heap that trims itself keeps a free
 * quarter, and gives three back; on request, it gives each back. */
START_TEST(trim_splits_huge_pages_knowingly)
{
    memheap_t *heap = open_default(256 * MIB, "ptmalloc", "MEMHEAP_TRIM=1m");
    enum {
        COUNT = 64
    };
    static char *blocks[COUNT];
    const size_t size = unit / 4;
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = alloc(heap, size, size);
        memset(blocks[i], i + 1, size);
    }
    size_t all = memheap_resident(heap);
    for (int i = 0; i < COUNT; i += 4)
        ck_assert_ok(memheap_free(heap, blocks[i]));
    if (has_huge_pages)
        ck_assert_uint_eq(memheap_resident(heap), all);
    ck_assert_ok(memheap_trim(heap, 0));
    ck_assert_uint_le(memheap_resident(heap), all - (COUNT / 4 - 1) * size);
    for (int i = 0; i < COUNT; i += 4)
        blocks[i] = alloc(heap, size, size);
    for (int i = 0; i < COUNT; i += 4) {
        ck_assert_ok(memheap_free(heap, blocks[i + 1]));
        ck_assert_ok(memheap_free(heap, blocks[i + 2]));
        ck_assert_ok(memheap_free(heap, blocks[i]));
    }
    ck_assert_uint_le(memheap_resident(heap), all / 4 + 2 * unit);
    for (int i = 3; i < COUNT; i += 4) {
        for (size_t k = 0; k < size; k += 512)
            ck_assert_int_eq(blocks[i][k], i + 1);
    }
    memheap_destroy(heap);
}
END_TEST

START_TEST(block_that_grows_is_backed)
{
    memheap_t *heap = open_default(256 * MIB, "ptmalloc", NULL);
    void *block = alloc(heap, 16, 100);
    for (size_t size = unit; size < 64 * MIB; size += 3 * MIB)
        ck_assert_ok(memheap_resize(heap, block, size, &block));
    if (has_huge_pages)
        ck_assert_uint_ge(huge_of(heap), 58 * MIB);
    ck_assert_ok(memheap_free(heap, block));
    ck_assert_ok(memheap_check(heap));
    memheap_destroy(heap);
}
END_TEST

/* All that a network pins has pages, so they may be huge. */
START_TEST(pinned_memory_is_backed)
{
    memheap_t *heap = open_default(256 * MIB, "ptmalloc", NULL);
    alloc(heap, 16, 100)[0] = 1;
    ck_assert_uint_le(memheap_resident(heap), 4096);
    memheap_stats_t stats;
    memheap_get_stats(heap, &stats);
    memheap_back_pinned(heap, stats.committed);
    if (has_huge_pages)
        ck_assert_uint_eq(huge_of(heap), stats.committed);
    /* Later growth starts there. */
    alloc(heap, 16, stats.committed);
    ck_assert_uint_le(memheap_resident(heap), 2 * stats.committed + unit);
    memheap_destroy(heap);
}
END_TEST

START_TEST(policy_can_ask_for_huge_pages_everywhere)
{
    memheap_t *heap = NULL;
    memheap_status_t status =
        open_heap(64 * MIB, MEMHEAP_MANDATORY, MEMHEAP_PAGES_THP, "ptmalloc",
                  NULL, &heap);
    if (!has_huge_pages) {
        ck_assert_int_eq(status, MEMHEAP_ERR_UNSUPPORTED);
        ck_assert_logged(&messages, "transparent_hugepage/shmem_enabled is");
        return;
    }
    ck_assert_ok(status);
    alloc(heap, 16, 64);
    ck_assert_uint_eq(huge_of(heap), unit);
    ck_assert_int_eq(placement.pages, MEMHEAP_PAGES_THP);
    ck_assert_uint_eq(placement.resident, unit);
    memheap_destroy(heap);
    ck_assert_int_eq(open_heap(MIB, MEMHEAP_MANDATORY, MEMHEAP_PAGES_THP,
                               "ptmalloc", NULL, &heap),
                     MEMHEAP_ERR_UNSUPPORTED);
    ck_assert_logged(&messages, "has room for none");
}
END_TEST

/* Run a test in a process whose kernel refuses. */
static void in_child(int (*run)(int mode), int mode)
{
    pid_t child = fork();
    int status;
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(run(mode));
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

static const memheap_policy_mode_t modes[] = {MEMHEAP_PREFERRED,
                                              MEMHEAP_MANDATORY};

/* By default, a heap without huge pages is as good, and silent. */
static int by_default(int error)
{
    memheap_t *heap = NULL;
    if (!unit_refuse_advice(collapse, error))
        return 0;
    if (open_heap(64 * MIB, MEMHEAP_PREFERRED, MEMHEAP_PAGES_DEFAULT,
                  "ptmalloc", NULL, &heap) != MEMHEAP_OK)
        return 1;
    for (int i = 0; i < 8; i++)
        memset(alloc(heap, 16, 3 * MIB), 1, 3 * MIB);
    /* After a few attempts, no more pages are touched ahead; unless the kernel
     * says to try again. */
    size_t before = memheap_resident(heap);
    alloc(heap, 16, 8 * MIB);
    return huge_of(heap) != 0 || messages.count != 0 ||
           (error != EAGAIN && memheap_resident(heap) != before);
}

START_TEST(kernel_without_huge_pages_goes_unnoticed)
{
    static const int errors[] = {EINVAL, ENOMEM, EAGAIN};
    in_child(by_default, errors[_i]);
}
END_TEST

/* At the start, a policy that asks for them is told. */
static int by_policy(int mode)
{
    memheap_t *heap = NULL;
    if (!unit_refuse_advice(collapse, EINVAL))
        return 0;
    memheap_status_t status = open_heap(
        64 * MIB, modes[mode], MEMHEAP_PAGES_THP, "ptmalloc", NULL, &heap);
    if (messages.count != 1 ||
        strstr(messages.text, "shmem_enabled is") == NULL ||
        strstr(messages.text, "none on request (Invalid argument)") == NULL)
        return 1;
    return modes[mode] == MEMHEAP_MANDATORY
               ? status != MEMHEAP_ERR_UNSUPPORTED
               : status != MEMHEAP_OK || huge_of(heap) != 0 ||
                     placement.pages != MEMHEAP_PAGES_DEFAULT;
}

/* Later, it is told of the first block that has none. */
static int by_block(int mode)
{
    memheap_t *heap = NULL;
    void *block;
    if (open_heap(64 * MIB, modes[mode], MEMHEAP_PAGES_THP, "ptmalloc", NULL,
                  &heap) != MEMHEAP_OK)
        return 1;
    if (!unit_refuse_advice(collapse, ENOMEM))
        return 0;
    for (int i = 0; i < 6; i++) {
        if (memheap_alloc(heap, 3 * MIB, &block) !=
            (modes[mode] == MEMHEAP_MANDATORY ? MEMHEAP_ERR_NO_MEMORY
                                              : MEMHEAP_OK))
            return 2;
    }
    memheap_stats_t stats;
    memheap_get_stats(heap, &stats);
    return messages.count != (modes[mode] == MEMHEAP_MANDATORY ? 6 : 1) ||
           strstr(messages.text, modes[mode] == MEMHEAP_MANDATORY
                                     ? "are mandatory for a heap, but the "
                                       "kernel has none"
                                     : "are preferred for a heap, but the "
                                       "kernel has none") == NULL ||
           (modes[mode] == MEMHEAP_MANDATORY && stats.used != 0);
}

START_TEST(policy_that_cannot_be_met_is_reported)
{
    in_child(by_policy, _i);
    if (has_huge_pages)
        in_child(by_block, _i);
}
END_TEST

START_TEST(disabled_huge_pages_are_refused)
{
    memheap_t *heap = NULL;
    ck_assert_int_eq(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
    memheap_status_t status =
        open_heap(64 * MIB, MEMHEAP_MANDATORY, MEMHEAP_PAGES_THP, "ptmalloc",
                  NULL, &heap);
    prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
    ck_assert_int_eq(status, MEMHEAP_ERR_UNSUPPORTED);
    ck_assert_logged(&messages, "PR_SET_THP_DISABLE");
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    int count = (int)unit_component_count();
    has_huge_pages = memheap_huge_pages_try() == 0;
    tcase_add_loop_test(tests, large_block_is_backed_before_it_is_touched, 0,
                        2 * count);
    tcase_add_test(tests, window_has_huge_pages_where_its_address_fits);
    tcase_add_loop_test(tests, growing_heap_takes_little_more_than_its_blocks,
                        0, 2 * count);
    tcase_add_test(tests, growth_by_small_blocks_takes_few_requests);
    tcase_add_test(tests, space_that_a_block_passes_over_takes_no_memory);
    tcase_add_test(tests, blocks_far_apart_take_a_huge_page_each_at_most);
    tcase_add_test(tests, untouched_heap_takes_no_memory);
    tcase_add_test(tests, trim_returns_huge_pages_that_are_free);
    tcase_add_test(tests, trim_splits_huge_pages_knowingly);
    tcase_add_test(tests, block_that_grows_is_backed);
    tcase_add_test(tests, pinned_memory_is_backed);
    tcase_add_test(tests, policy_can_ask_for_huge_pages_everywhere);
    tcase_add_loop_test(tests, kernel_without_huge_pages_goes_unnoticed, 0, 3);
    tcase_add_loop_test(tests, policy_that_cannot_be_met_is_reported, 0, 2);
    tcase_add_test(tests, disabled_huge_pages_are_refused);
    return unit_run("huge_pages", tests);
}
