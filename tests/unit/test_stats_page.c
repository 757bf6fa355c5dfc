/*
 * The stats page, read as another process reads it.
 */
#include "config.h"

#include "tests/unit/unit.h"
#include "tools/common/listing.h"
#include "tools/common/places.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SIZE = 1 << 20,
    ROUNDS = 2000
};

static unit_heap_t unit;
static live_t live;

/* Whether writes do only a part, or are interrupted by a signal. */
static bool partial;

#if !UNIT_TSAN
ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    static unsigned calls;
    if (partial && ++calls % 3 == 0) {
        errno = EINTR;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, data, size - (partial ? size / 3 : 0), at);
}
#endif

static void open_shown(int kind)
{
    unit_heap_open(&unit, kind, SIZE, 0, "MEMHEAP_TOP=all");
}

/* Number of heaps that this process exports. */
static size_t find(void)
{
    pid_t self = getpid();
    pid_t bad;
    live_close(&live);
    ck_assert_int_eq(live_find(&live, LIVE_PROCESSES, &self, 1, &bad), 0);
    return live.count;
}

static live_heap_t *find_one(void)
{
    ck_assert_uint_eq(find(), 1);
    return &live.heap[0];
}

static void *alloc(size_t size)
{
    void *block;
    ck_assert_ok(memheap_alloc(unit.heap, size, &block));
    return block;
}

static void check_figures(live_heap_t *heap)
{
    memheap_stats_t shown;
    memheap_stats_t stats;
    ck_assert(live_read(heap));
    live_stats(heap, &shown);
    memheap_get_stats(unit.heap, &stats);
    ck_assert_uint_eq(shown.size, stats.size);
    ck_assert_uint_eq(shown.committed, stats.committed);
    ck_assert_uint_eq(shown.used, stats.used);
    ck_assert_uint_eq(shown.free, stats.free);
    ck_assert_uint_eq(shown.peak, stats.peak);
    ck_assert_uint_eq(shown.high_water, stats.high_water);
    ck_assert_uint_eq(shown.live_blocks, stats.live_blocks);
    ck_assert_uint_eq(shown.allocations, stats.allocations);
    ck_assert_uint_eq(shown.frees, stats.frees);
    ck_assert_uint_eq(shown.resizes, stats.resizes);
    ck_assert_uint_eq(shown.failures, stats.failures);
}

START_TEST(page_may_be_in_the_place_of_standard_input)
{
    int input = dup(STDIN_FILENO);
    close(STDIN_FILENO);
    open_shown(0);
    check_figures(find_one());
    unit_heap_close(&unit);
    live_close(&live);
    dup2(input, STDIN_FILENO);
    close(input);
}
END_TEST

START_TEST(stats_are_updated_after_each_call)
{
    void *none;
    void *blocks[200];
    open_shown(_i);
    live_heap_t *heap = find_one();
    ck_assert_str_eq(heap->page.name, memheap_name(unit.heap));
    ck_assert_str_eq(heap->page.component, memheap_component_name(unit.heap));
    check_figures(heap);
    for (size_t i = 0; i < 200; i++) {
        blocks[i] = alloc(100 + i);
        check_figures(heap);
    }
    for (size_t i = 0; i < 200; i += 3) {
        ck_assert_ok(memheap_free(unit.heap, blocks[i]));
        check_figures(heap);
    }
    ck_assert_ok(memheap_resize(unit.heap, blocks[1], 5000, &blocks[1]));
    check_figures(heap);
    ck_assert_int_eq(memheap_alloc(unit.heap, 2 * SIZE, &none),
                     MEMHEAP_ERR_NO_MEMORY);
    check_figures(heap);
    unit_heap_close(&unit);
    ck_assert(!live_read(heap));
    ck_assert(heap->gone);
    live_close(&live);
}
END_TEST

START_TEST(fragmentation_is_updated)
{
    void *blocks[SIZE / 4096];
    size_t count = 0;
    memheap_stats_t shown;
    memheap_stats_t stats;
    open_shown(_i);
    live_heap_t *heap = find_one();
    while (count < SIZE / 4096 &&
           memheap_alloc(unit.heap, 4096, &blocks[count]) == MEMHEAP_OK)
        count++;
    for (size_t i = 0; i < count; i += 2)
        ck_assert_ok(memheap_free(unit.heap, blocks[i]));
    for (int i = 0; i < MEMHEAP_STATS_INTERVAL / 2; i++)
        ck_assert_ok(memheap_free(unit.heap, alloc(64)));
    ck_assert(live_read(heap));
    live_stats(heap, &shown);
    memheap_get_stats(unit.heap, &stats);
    ck_assert_double_gt(shown.fragmentation, 0.5);
    ck_assert_double_eq_tol(shown.fragmentation, stats.fragmentation, 0.1);
    unit_heap_close(&unit);
    live_close(&live);
}
END_TEST

START_TEST(resident_agrees_with_the_kernel)
{
    memheap_stats_t shown;
    open_shown(0);
    live_heap_t *heap = find_one();
    memset(alloc(SIZE / 2), 1, SIZE / 2);
    ck_assert(live_read(heap));
    live_stats(heap, &shown);
    ck_assert_uint_ge(shown.resident, SIZE / 2);
    ck_assert_uint_le(shown.resident, SIZE);
    unit_heap_close(&unit);
    live_close(&live);
}
END_TEST

START_TEST(page_is_private_to_the_user)
{
    struct stat file;
    open_shown(0);
    live_heap_t *heap = find_one();
    ck_assert_int_eq(fstat(heap->fd, &file), 0);
    ck_assert_uint_eq(file.st_mode & 07777, 0600);
    ck_assert_uint_eq(file.st_nlink, 0);
    /* No reader can truncate the file. */
    ck_assert_int_ne(ftruncate(heap->fd, 0), 0);
    unit_heap_close(&unit);
    live_close(&live);
}
END_TEST

START_TEST(stats_are_not_exported_by_default)
{
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    ck_assert_uint_eq(find(), 0);
    unit_heap_close(&unit);
    unit_heap_open(&unit, _i, SIZE, 0, "MEMHEAP_TOP=none");
    ck_assert_uint_eq(find(), 0);
    unit_heap_close(&unit);
    live_close(&live);
}
END_TEST

START_TEST(heap_of_a_job_has_a_pe)
{
    memheap_region_t region;
    memheap_t *heap;
    memheap_config_t config = {.name = "job",
                               .flags = MEMHEAP_JOB_HEAP |
                                        MEMHEAP_STATS_EXPORTED |
                                        MEMHEAP_SINGLE_THREADED};
    ck_assert_ok(memheap_region_reserve(&region, SIZE, &memheap_log_stderr));
    ck_assert_ok(memheap_create_over(&region, &config, &heap));
    memheap_set_pe(heap, 3, 8);
    ck_assert_int_eq(find_one()->page.pe, 3);
    ck_assert_int_eq(live.heap[0].page.pes, 8);
    ck_assert_int_eq(live_pe(&live, &live.heap[0]), 3);
    memheap_destroy(heap);
    live_close(&live);
}
END_TEST

/* Mappings of stats pages in this process. */
static size_t mapped_pages(void)
{
    char line[512];
    size_t count = 0;
    FILE *file = fopen("/proc/self/maps", "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof(line), file) != NULL)
        count += strstr(line, MEMHEAP_STATS_FILE) != NULL;
    fclose(file);
    return count;
}

START_TEST(destroyed_heap_leaves_no_page)
{
    open_shown(0);
    find_one();
    live_close(&live);
    ck_assert_uint_eq(mapped_pages(), 1);
    unit_heap_close(&unit);
    ck_assert_uint_eq(mapped_pages(), 0);
    ck_assert_uint_eq(find(), 0);
    live_close(&live);
}
END_TEST

START_TEST(forked_child_does_not_write_the_page)
{
    open_shown(0);
    alloc(100);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        size_t count = find(); /* the page of the parent is not its own */
        for (int i = 0; i < 100; i++)
            alloc(100);
        _exit((int)count);
    }
    int status;
    waitpid(child, &status, 0);
    ck_assert_int_eq(status, 0);
    live_heap_t *heap = find_one();
    ck_assert_uint_eq(heap->page.stats.allocations, 1);
    unit_heap_close(&unit);
    live_close(&live);
}
END_TEST

/* Write updates in which two statistics are equal. */
static void *read_figures(void *context)
{
    live_heap_t *heap = context;
    while (live_read(heap) && heap->page.stats.used < ROUNDS) {
        if (heap->page.stats.used != heap->page.stats.live_blocks)
            return heap;
    }
    return NULL;
}

START_TEST(reader_never_sees_a_partial_update)
{
    pthread_t reader;
    void *result;
    memheap_stats_export_config_t config = {.name = "slow",
                                            .component = "none",
                                            .heap_fd = -1,
                                            .memory = &memheap_memory_system,
                                            .log = &memheap_log_stderr};
    memheap_stats_export_t *exported = memheap_stats_export_open(&config);
    ck_assert_ptr_nonnull(exported);
    live_heap_t *heap = find_one();
    pthread_create(&reader, NULL, read_figures, heap);
    for (size_t i = 1; i <= ROUNDS; i++) {
        memheap_stats_page_t *page = memheap_stats_export_begin(exported);
        if (page == NULL)
            break;
        *(volatile size_t *)&page->stats.used = i;
        for (int j = 0; j < 20; j++)
            sched_yield();
        *(volatile size_t *)&page->stats.live_blocks = i;
        memheap_stats_export_end(page);
    }
    pthread_join(reader, &result);
    ck_assert_ptr_null(result);
    memheap_stats_export_close(exported);
    live_close(&live);
}
END_TEST

static void ask(const live_heap_t *heap, uint64_t number)
{
    ck_assert_int_eq(pwrite(heap->fd, &number, sizeof(number),
                            offsetof(memheap_stats_page_t, list_requested)),
                     sizeof(number));
}

typedef struct comparing {
    int fd;
    uint64_t at, blocks;
    bool differs;
} comparing_t;

static bool compare(void *context, const memheap_block_t *block)
{
    comparing_t *comparing = context;
    memheap_stats_block_t shown;
    ssize_t size =
        pread(comparing->fd, &shown, sizeof(shown), (off_t)comparing->at);
    comparing->at += sizeof(shown);
    comparing->blocks++;
    comparing->differs =
        comparing->differs || size != (ssize_t)sizeof(shown) ||
        shown.offset != (size_t)((char *)block->address -
                                 (char *)memheap_base(unit.heap)) ||
        shown.size != block->size || (shown.live != 0) != block->live ||
        shown.number != block->number || shown.asked != block->asked;
    return true;
}

/* Readers look at the memory file of a heap that has one. */
START_TEST(page_names_the_memory_file)
{
    static const char *const params[] = {"MEMHEAP_TOP=all", NULL};
    memheap_config_t config = {.name = "shared", .params = params};
    memheap_region_t region;
    memheap_t *heap;
    open_shown(0);
    ck_assert_int_eq(find_one()->page.heap_fd, -1);
    unit_heap_close(&unit);
    int fd = memfd_create("memheap-test", MFD_CLOEXEC);
    void *base = mmap(NULL, SIZE, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ck_assert_ptr_ne(base, MAP_FAILED);
    ck_assert_ok(
        memheap_region_share(&region, base, SIZE, fd, 1, &memheap_log_stderr));
    ck_assert_ok(memheap_create_over(&region, &config, &heap));
    ck_assert_int_eq(find_one()->page.heap_fd, fd);
    memheap_destroy(heap);
    live_close(&live);
}
END_TEST

/* The text belongs to the start of the wait. */
START_TEST(reason_of_a_wait_is_shown)
{
    open_shown(0);
    live_heap_t *heap = find_one();
    static const struct {
        const char *text, *shown;
        uint64_t since, renewed;
    } steps[] = {{"a barrier", "a barrier", 100, 100},
                 {"ignored", "a barrier", 100, 200},
                 {"a broadcast", "a broadcast", 300, 300},
                 {"", "", 0, 0}};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        memheap_publish_wait(unit.heap, steps[i].text, steps[i].since,
                             steps[i].renewed);
        ck_assert(live_read(heap));
        ck_assert_str_eq(heap->page.wait, steps[i].shown);
        ck_assert_uint_eq(heap->page.wait_since_ns, steps[i].since);
        ck_assert_uint_eq(heap->page.wait_renewed_ns, steps[i].renewed);
    }
    unit_heap_close(&unit);
    live_close(&live);
    unit_heap_open(&unit, 0, SIZE, 0, "MEMHEAP_TOP=none");
    memheap_publish_wait(unit.heap, "a barrier", 1, 1);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(list_agrees_with_a_walk)
{
    void *blocks[300];
    unit_heap_open(&unit, _i, SIZE, 0, "MEMHEAP_TOP=all");
    live_heap_t *heap = find_one();
    for (size_t i = 0; i < 300; i++)
        blocks[i] = alloc(50 + i * 7);
    for (size_t i = 0; i < 300; i += 3)
        ck_assert_ok(memheap_free(unit.heap, blocks[i]));
    ask(heap, 1);
    partial = _i % 2 == 0;
    alloc(77);
    partial = false;
    ck_assert(live_read(heap));
    ck_assert_uint_eq(heap->page.list_published, 1);
    ck_assert_int_eq(heap->page.list_error, 0);
    ck_assert_uint_eq(heap->page.list_stats.live_blocks, 201);
    comparing_t comparing = {.fd = heap->fd, .at = MEMHEAP_STATS_LIST_START};
    memheap_walk(unit.heap, compare, &comparing);
    ck_assert(!comparing.differs);
    ck_assert_uint_eq(comparing.blocks, heap->page.list_blocks);
    unit_heap_close(&unit);
    live_close(&live);
}
END_TEST

START_TEST(list_has_records_and_tags)
{
    char tag[MEMHEAP_TAG_SIZE];
    setenv("MEMHEAP_RECORDS", "1", 1);
    open_shown(0);
    live_heap_t *heap = find_one();
    alloc(10);
    memheap_set_tag("mesh");
    alloc(20);
    ask(heap, 1);
    alloc(30);
    memheap_set_tag(NULL);
    comparing_t comparing = {.fd = heap->fd, .at = MEMHEAP_STATS_LIST_START};
    memheap_walk(unit.heap, compare, &comparing);
    ck_assert(!comparing.differs);
    ck_assert(live_read(heap));
    ck_assert_uint_eq(heap->page.list_tags, 2);
    ck_assert_int_eq(pread(heap->fd, tag, sizeof(tag),
                           (off_t)(comparing.at + MEMHEAP_TAG_SIZE)),
                     sizeof(tag));
    ck_assert_str_eq(tag, "mesh");
    for (uint64_t i = 0; i < comparing.blocks; i++) {
        memheap_stats_block_t shown;
        off_t at = MEMHEAP_STATS_LIST_START + (off_t)(i * sizeof(shown));
        ck_assert_int_eq(pread(heap->fd, &shown, sizeof(shown), at),
                         sizeof(shown));
        if (!shown.live)
            continue;
        at = (off_t)(comparing.at + shown.tag * MEMHEAP_TAG_SIZE);
        ck_assert_int_eq(pread(heap->fd, tag, sizeof(tag), at), sizeof(tag));
        ck_assert_str_eq(tag, shown.asked == 10 ? "" : "mesh");
    }
    unit_heap_close(&unit);
    live_close(&live);
}
END_TEST

/* The call site with a text; NULL if there is none. */
static const memheap_stats_site_t *find_site(const listing_t *listing,
                                             const places_t *places,
                                             const size_t *number,
                                             const char *text)
{
    for (size_t i = 0; i < listing->site_count; i++) {
        if (listing->sites[i].allocations > 0 &&
            strstr(places->text[number[i]], text) != NULL)
            return &listing->sites[i];
    }
    return NULL;
}

START_TEST(list_has_call_sites)
{
    size_t number[16];
    listing_t listing;
    places_t places = {.text = NULL};
    memheap_stats_kind_t kind =
        _i == 0 ? MEMHEAP_STATS_ALL : MEMHEAP_STATS_SITES;
    setenv("MEMHEAP_RECORDS", "1", 1);
    open_shown(0);
    live_heap_t *heap = find_one();
    memheap_at("stated.c", 7);
    alloc(100);
    ck_assert_ok(memheap_free(unit.heap, alloc(200)));
    listing_ask(heap, kind);
    ck_assert(!listing_is_there(heap));
    memheap_at("stated.c", 7);
    void *block = alloc(100);
    size_t usable;
    ck_assert_ok(memheap_usable_size(unit.heap, block, &usable));
    ck_assert(listing_is_there(heap));
    ck_assert_int_eq(listing_take(heap, &listing), 0);
    listing_end(heap);
    ck_assert_uint_le(listing.site_count, 16);
    ck_assert(places_find(&places, getpid(), listing.sites, listing.site_count,
                          number));
    const memheap_stats_site_t *stated =
        find_site(&listing, &places, number, "stated.c:7");
    ck_assert_ptr_nonnull(stated);
    ck_assert_uint_eq(stated->used, 2 * usable);
    ck_assert_uint_eq(stated->live_blocks, 2);
    ck_assert_uint_eq(stated->allocations, 2);
    const memheap_stats_site_t *found =
        find_site(&listing, &places, number,
                  unit_contains_library() ? "memheap" : "stats_page");
    ck_assert_ptr_nonnull(found);
    ck_assert_uint_eq(found->used, 0);
    ck_assert_uint_ge(found->peak, 200);
    size_t at_stated = 0;
    for (size_t i = 0; i < listing.count; i++)
        at_stated += listing.blocks[i].live != 0 &&
                     &listing.sites[listing.blocks[i].site] == stated;
    ck_assert_uint_eq(at_stated, kind == MEMHEAP_STATS_ALL ? 2 : 0);
    listing_free(&listing);
    places_free(&places);
    unit_heap_close(&unit);
    live_close(&live);
}
END_TEST

START_TEST(request_that_is_withdrawn_is_not_served)
{
    open_shown(0);
    live_heap_t *heap = find_one();
    listing_ask(heap, MEMHEAP_STATS_ALL);
    listing_end(heap);
    alloc(10);
    ck_assert(live_read(heap));
    ck_assert_uint_eq(heap->page.list_published, 0);
    unit_heap_close(&unit);
    live_close(&live);
}
END_TEST

START_TEST(list_beyond_the_file_size_limit_is_an_error)
{
    open_shown(0);
    live_heap_t *heap = find_one();
    rlim_t limit = unit_limit(RLIMIT_FSIZE, MEMHEAP_STATS_LIST_START + 10);
    ask(heap, 1);
    void *block;
    memheap_status_t status = memheap_alloc(unit.heap, 10, &block);
    unit_limit(RLIMIT_FSIZE, limit);
    ck_assert_ok(status);
    ck_assert(live_read(heap));
    ck_assert_uint_eq(heap->page.list_published, 1);
    ck_assert_int_eq(heap->page.list_error, EFBIG);
    unit_heap_close(&unit);
    live_close(&live);
}
END_TEST

START_TEST(list_may_end_at_the_file_size_limit)
{
    struct stat file;
    open_shown(0);
    live_heap_t *heap = find_one();
    void *block = alloc(10);
    for (uint64_t number = 1; number <= 2; number++) {
        rlim_t limit = unit_limit(RLIMIT_FSIZE, RLIM_INFINITY);
        if (number == 2) /* the second list is as long as the first one */
            unit_limit(RLIMIT_FSIZE, (rlim_t)file.st_size);
        ask(heap, number);
        memheap_status_t status = memheap_resize(unit.heap, block, 10, &block);
        unit_limit(RLIMIT_FSIZE, limit);
        ck_assert_ok(status);
        ck_assert(live_read(heap));
        ck_assert_uint_eq(heap->page.list_published, number);
        ck_assert_int_eq(heap->page.list_error, 0);
        ck_assert_int_eq(fstat(heap->fd, &file), 0);
        ck_assert_int_eq(file.st_size, MEMHEAP_STATS_LIST_START +
                                           2 * sizeof(memheap_stats_block_t));
    }
    unit_heap_close(&unit);
    live_close(&live);
}
END_TEST

START_TEST(heap_works_without_a_stats_page)
{
    static const struct {
        unsigned call; /* that is refused; 0: the file is too large */
        int error;
    } ways[] = {{0, EFBIG}, {SYS_memfd_create, ENOSYS}, {SYS_fchmod, EPERM}};
    char expected[128];
    int before = unit_open_files();
    rlim_t limit = unit_limit(RLIMIT_FSIZE, _i == 0 ? 1000 : RLIM_INFINITY);
    ck_assert(_i == 0 || unit_refuse_call(ways[_i].call, ways[_i].error));
    unit_heap_open(&unit, 0, SIZE, 0, "MEMHEAP_TOP=all");
    unit_limit(RLIMIT_FSIZE, limit);
    snprintf(expected, sizeof(expected),
             "cannot export the statistics of heap \"heap\" (%s)",
             strerror(ways[_i].error));
    ck_assert_logged(&unit.log, expected);
    ck_assert_int_eq(unit_open_files(), before);
    ck_assert_uint_eq(find(), 0);
    ck_assert_ok(memheap_free(unit.heap, alloc(100)));
    unit_heap_close(&unit);
    live_close(&live);
}
END_TEST

START_TEST(export_does_not_change_placement)
{
    static const char *const params[] = {"MEMHEAP_TOP=all",
                                         "MEMHEAP_RECORDS=1"};
    uint64_t digest[2];
    uint64_t seed = unit_seed();
    for (int i = 0; i < 2; i++) {
        uint64_t state = seed;
        void *blocks[64] = {NULL};
        unit_heap_open(&unit, _i, SIZE, 0, params[i]);
        for (int j = 0; j < 5000; j++) {
            void **block = &blocks[unit_random_below(&state, 64)];
            size_t size = 1 + unit_random_below(&state, 3000);
            ck_assert_ok(memheap_free(unit.heap, *block));
            *block = alloc(size);
        }
        digest[i] = unit_heap_digest(unit.heap);
        unit_heap_close(&unit);
    }
    ck_assert_uint_eq(digest[0], digest[1]);
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    int kinds = unit_heap_kinds();
    tcase_add_test(tests, page_may_be_in_the_place_of_standard_input);
    tcase_add_loop_test(tests, stats_are_updated_after_each_call, 0, kinds);
    tcase_add_loop_test(tests, fragmentation_is_updated, 0, kinds);
    tcase_add_test(tests, resident_agrees_with_the_kernel);
    tcase_add_test(tests, page_is_private_to_the_user);
    tcase_add_loop_test(tests, stats_are_not_exported_by_default, 0, kinds);
    tcase_add_test(tests, heap_of_a_job_has_a_pe);
    tcase_add_test(tests, reason_of_a_wait_is_shown);
    tcase_add_test(tests, page_names_the_memory_file);
    tcase_add_test(tests, destroyed_heap_leaves_no_page);
    tcase_add_test(tests, forked_child_does_not_write_the_page);
    tcase_add_test(tests, reader_never_sees_a_partial_update);
    tcase_add_loop_test(tests, list_agrees_with_a_walk, 0, kinds);
    tcase_add_test(tests, list_has_records_and_tags);
    tcase_add_loop_test(tests, list_has_call_sites, 0, 2);
    tcase_add_test(tests, request_that_is_withdrawn_is_not_served);
    tcase_add_test(tests, list_beyond_the_file_size_limit_is_an_error);
    tcase_add_test(tests, list_may_end_at_the_file_size_limit);
    tcase_add_loop_test(tests, heap_works_without_a_stats_page, 0, 3);
    tcase_add_loop_test(tests, export_does_not_change_placement, 0, kinds);
    return unit_run("stats_page", tests);
}
