/*
 * Statistics and records: counters, tags, call sites and leaks.
 */
#include "config.h"

#include "tests/unit/unit.h"
#include "memheap/debug/report.h"
#include "memheap/heap_state.h"

#include <errno.h>
#include <fenv.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SIZE = 256 * 1024
};

static unit_heap_t unit;

static void open_recorded(int kind)
{
    unit_heap_open(&unit, kind, SIZE, 0, "MEMHEAP_RECORDS=1");
}

enum {
    ALLOC_LINE = __LINE__ + 7
};

/* The call site has its name, which it would not if it were inlined. */
__attribute__((noinline)) static void *alloc(size_t size)
{
    void *block;
    ck_assert_ok(memheap_alloc(unit.heap, size, &block)); /* ALLOC_LINE */
    return block;
}

static memheap_stats_t stats_now(void)
{
    memheap_stats_t stats;
    memheap_get_stats(unit.heap, &stats);
    return stats;
}

static const memheap_block_t *wanted;
static memheap_block_t found;

static bool find(void *context, const memheap_block_t *block)
{
    if (block->address != context)
        return true;
    found = *block;
    wanted = &found;
    return false;
}

static const memheap_block_t *block_at(void *address)
{
    wanted = NULL;
    memheap_walk(unit.heap, find, address);
    ck_assert_ptr_nonnull(wanted);
    return wanted;
}

START_TEST(calls_are_counted)
{
    size_t sizes[] = {100, 200, 300};
    void *blocks[3];
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    void *first = alloc(64);
    void *second = alloc(64);
    ck_assert_ok(memheap_alloc_batch(unit.heap, 3, 16, sizes, blocks));
    ck_assert_ok(memheap_free(unit.heap, first));
    ck_assert_ok(memheap_resize(unit.heap, second, 5000, &second));
    ck_assert_ok(memheap_resize(unit.heap, second, 50000, &second));
    ck_assert_ok(memheap_free_batch(unit.heap, 2, blocks));
    void *none;
    ck_assert_int_eq(memheap_alloc(unit.heap, 2 * SIZE, &none),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_int_eq(memheap_resize(unit.heap, second, 2 * SIZE, &none),
                     MEMHEAP_ERR_NO_MEMORY);
    sizes[1] = 2 * SIZE;
    ck_assert_int_eq(memheap_alloc_batch(unit.heap, 3, 16, sizes, blocks),
                     MEMHEAP_ERR_NO_MEMORY);
    memheap_stats_t stats = stats_now();
    ck_assert_uint_eq(stats.allocations, 5);
    ck_assert_uint_eq(stats.frees, 3);
    ck_assert_uint_eq(stats.resizes, 2);
    ck_assert_uint_eq(stats.failures, 3);
    ck_assert_uint_eq(stats.live_blocks, 2);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(reserved_block_is_an_allocation)
{
    unit_heap_open(&unit, _i, SIZE, 0, "MEMHEAP_RECORDS=1");
    char *place = (char *)memheap_base(unit.heap) + 65536;
    if (memheap_reserve(unit.heap, place, 4096) == MEMHEAP_OK) {
        ck_assert_uint_eq(stats_now().allocations, 1);
        ck_assert_uint_eq(stats_now().frees, 0);
        ck_assert_uint_eq(block_at(place)->number, 1);
        ck_assert_uint_eq(block_at(place)->asked, 4096);
    }
    unit_heap_close(&unit);
}
END_TEST

START_TEST(rolled_back_blocks_count_as_one_failure)
{
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    void *blocks[] = {alloc(10), alloc(20)};
    memheap_roll_back(unit.heap, blocks, 2);
    memheap_stats_t stats = stats_now();
    ck_assert_uint_eq(stats.allocations, 0);
    ck_assert_uint_eq(stats.frees, 0);
    ck_assert_uint_eq(stats.failures, 1);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(fragmentation_is_computed_from_the_largest_block)
{
    void *blocks[SIZE / 4096];
    size_t count = 0;
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    ck_assert_double_eq_tol(stats_now().fragmentation, 0, 1e-9);
    while (count < SIZE / 4096 &&
           memheap_alloc(unit.heap, 4096, &blocks[count]) == MEMHEAP_OK)
        count++;
    for (size_t i = 0; i < count; i += 2)
        ck_assert_ok(memheap_free(unit.heap, blocks[i]));
    memheap_stats_t stats = stats_now();
    ck_assert_uint_gt(stats.free, SIZE / 4);
    ck_assert_double_gt(stats.fragmentation, 0.8);
    ck_assert_double_lt(stats.fragmentation, 1);
    ck_assert_uint_ge(stats.high_water, SIZE / 2);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(record_has_the_requested_size)
{
    open_recorded(_i);
    alloc(16);
    void *block = alloc(1000);
    ck_assert_uint_eq(block_at(block)->asked, 1000);
    ck_assert_uint_eq(block_at(block)->number, 2);
    ck_assert_ok(memheap_resize(unit.heap, block, 9000, &block));
    ck_assert_uint_eq(block_at(block)->asked, 9000);
    ck_assert_uint_eq(block_at(block)->number, 2);
    ck_assert_ok(memheap_free(unit.heap, block));
    block = alloc(900);
    ck_assert_uint_eq(block_at(block)->number, 3);
    ck_assert_uint_eq(block_at(block)->asked, 900);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(tags_have_statistics)
{
    memheap_tag_stats_t none;
    memheap_tag_stats_t solver;
    open_recorded(_i);
    alloc(64);
    ck_assert_ptr_null(memheap_set_tag("solver"));
    void *block = alloc(1000);
    alloc(2000);
    ck_assert_str_eq(memheap_set_tag(NULL), "solver");
    ck_assert_str_eq(block_at(block)->tag, "solver");
    ck_assert(memheap_get_tag_stats(unit.heap, 0, &none));
    ck_assert(memheap_get_tag_stats(unit.heap, 1, &solver));
    ck_assert(!memheap_get_tag_stats(unit.heap, 2, &solver));
    ck_assert_str_eq(none.name, "");
    ck_assert_str_eq(solver.name, "solver");
    ck_assert_uint_eq(solver.live_blocks, 2);
    ck_assert_uint_eq(solver.allocations, 2);
    ck_assert_uint_ge(solver.used, 3000);
    ck_assert_uint_eq(none.used + solver.used, stats_now().used);
    size_t peak = solver.used;
    ck_assert_ok(memheap_resize(unit.heap, block, 100, &block));
    ck_assert_ok(memheap_free(unit.heap, block));
    ck_assert(memheap_get_tag_stats(unit.heap, 1, &solver));
    ck_assert_uint_eq(solver.live_blocks, 1);
    ck_assert_uint_eq(solver.peak, peak);
    ck_assert_uint_eq(none.used + solver.used, stats_now().used);
    unit_heap_close(&unit);
}
END_TEST

/* A block that the program states to come from a line. */
static void *alloc_at(int line, size_t size)
{
    memheap_at("mesh.c", line);
    return alloc(size);
}

START_TEST(call_sites_have_statistics)
{
    memheap_site_stats_t sites[4];
    open_recorded(_i);
    ck_assert_uint_eq(memheap_get_site_stats(unit.heap, sites, 4), 0);
    void *large = alloc_at(10, 20000);
    void *small = alloc_at(20, 100);
    ck_assert_ok(memheap_free(unit.heap, alloc_at(10, 3000)));
    alloc_at(20, 100);
    ck_assert_uint_eq(memheap_get_site_stats(unit.heap, sites, 4), 2);
    ck_assert_str_eq(sites[0].site, "mesh.c:10");
    ck_assert_uint_ge(sites[0].used, 20000);
    ck_assert_uint_ge(sites[0].peak, 23000);
    ck_assert_uint_eq(sites[0].bytes, sites[0].peak);
    ck_assert_uint_eq(sites[0].live_blocks, 1);
    ck_assert_uint_eq(sites[0].allocations, 2);
    ck_assert_str_eq(sites[1].site, "mesh.c:20");
    ck_assert_uint_eq(sites[1].live_blocks, 2);
    ck_assert_uint_eq(sites[0].used + sites[1].used, stats_now().used);

    /* A resized block counts for where it was allocated. */
    size_t peak = sites[0].peak;
    ck_assert_ok(memheap_resize(unit.heap, small, 50000, &small));
    ck_assert_ok(memheap_free(unit.heap, large));
    ck_assert_uint_eq(memheap_get_site_stats(unit.heap, sites, 1), 1);
    ck_assert_str_eq(sites[0].site, "mesh.c:20");
    ck_assert_uint_ge(sites[0].used, 50000);
    ck_assert_uint_eq(sites[0].bytes, sites[0].used);
    ck_assert_uint_eq(memheap_get_site_stats(unit.heap, sites, 4), 2);
    ck_assert_uint_eq(sites[1].used, 0);
    ck_assert_uint_eq(sites[1].live_blocks, 0);
    ck_assert_uint_eq(sites[1].peak, peak);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(greatest_call_sites_are_listed)
{
    memheap_site_stats_t sites[3];
    char expected[32];
    open_recorded(0);
    for (int line = 1; line <= 100; line++)
        alloc_at(line, line < 98 ? 64 : (size_t)1024 << (line - 97));
    ck_assert_uint_eq(memheap_get_site_stats(unit.heap, sites, 3), 3);
    for (int i = 0; i < 3; i++) {
        snprintf(expected, sizeof(expected), "mesh.c:%d", 100 - i);
        ck_assert_str_eq(sites[i].site, expected);
    }
    unit_heap_close(&unit);
}
END_TEST

/* Several paths that lead to one place are one call site. */
START_TEST(call_site_has_all_paths)
{
    memheap_site_stats_t sites[3];
    unit_heap_open(&unit, 0, SIZE, 0, "MEMHEAP_RECORDS=1");
    for (int i = 0; i < 3; i++)
        alloc(1000);
    for (int i = 0; i < 2; i++)
        alloc(1000);
    size_t count = memheap_get_site_stats(unit.heap, sites, 3);
    ck_assert_uint_eq(count, 1);
    if (!unit_contains_library())
        ck_assert_msg(strstr(sites[0].site, "alloc") != NULL, "%s",
                      sites[0].site);
    ck_assert_uint_eq(sites[0].allocations, 5);
    ck_assert_uint_eq(sites[0].peak, stats_now().used);
    unit_heap_close(&unit);
}
END_TEST

/* Allocate below a stack of this depth. */
__attribute__((noinline)) void *records_test_recurses(int depth);
void *records_test_recurses(int depth)
{
    void *block = depth == 0 ? alloc(1000) : records_test_recurses(depth - 1);
    __asm__ volatile("" : : "r"(block) : "memory"); /* no tail call */
    return block;
}

START_TEST(call_site_has_any_number_of_paths)
{
    memheap_site_stats_t site;
    unit_heap_open(&unit, 0, SIZE, 0, "MEMHEAP_RECORDS=1");
    for (int depth = 0; depth < 150; depth++)
        records_test_recurses(depth % 20);
    ck_assert_uint_eq(memheap_get_site_stats(unit.heap, &site, 1), 1);
    ck_assert_uint_eq(site.allocations, 150);
    ck_assert_uint_eq(site.live_blocks, 150);
    ck_assert_uint_eq(site.used, stats_now().used);
    unit_heap_close(&unit);
}
END_TEST

/* Open a heap that keeps records, and writes a report to a new file. */
static void open_reported(char path[UNIT_PATH])
{
    char param[UNIT_PATH + 32];
    const char *params[] = {"MEMHEAP_RECORDS=1", param, NULL};
    memheap_config_t config = {.size = SIZE, .name = "heap", .params = params};
    unit_file_new(path, "");
    snprintf(param, sizeof(param), "MEMHEAP_REPORT=%s", path);
    ck_assert_ok(memheap_create(&config, &unit.heap));
}

/* Close it, read its report, and remove the file. */
static void read_report(const char *path, char *text, size_t size)
{
    memheap_destroy(unit.heap);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    size_t length = fread(text, 1, size - 1, file);
    text[length] = '\0';
    ck_assert_uint_gt(length, 0);
    fclose(file);
    remove(path);
}

static int count_of(const char *text, const char *part)
{
    int count = 0;
    while ((text = strstr(text, part)) != NULL) {
        count++;
        text += strlen(part);
    }
    return count;
}

/* The stack of a call is that of the program: neither the library's frames nor
 * those that call main(). */
START_TEST(report_file_has_the_paths_to_call_sites)
{
    char path[UNIT_PATH];
    static char text[65536];
    open_reported(path);
    records_test_recurses(0);
    records_test_recurses(0);
    records_test_recurses(15);
    alloc_at(7, 10);
    read_report(path, text, sizeof(text));
    /* Without debug information, the name is that of a dynamic symbol. */
    ck_assert_msg(count_of(text, "records_test_recurses") >= 15, "%s", text);
    ck_assert_int_eq(count_of(text, "\"frames\": "), 3);
    ck_assert_int_eq(count_of(text, "\"], \"used\": "), 3);
    ck_assert_int_eq(count_of(text, "\"live_blocks\": 1, \"allocations\": 1, "),
                     4); /* and that of the stated line */
    if (!unit_contains_library())
        ck_assert_int_eq(count_of(text, "memheap_alloc"), 0);
    ck_assert_int_eq(count_of(text, "libc"), 0);
    const char *stated = strstr(text, "{\"site\": \"mesh.c:7\", ");
    ck_assert_ptr_nonnull(stated);
    ck_assert_ptr_nonnull(strstr(stated, "\"allocations\": 1, "));
    ck_assert_ptr_nonnull(strstr(stated, "\"paths\": []}"));
}
END_TEST

/* Inlined, so that it has no frame of its own on the stack. */
static inline __attribute__((always_inline)) void *allocates_inlined(void)
{
    return records_test_recurses(3); /* INLINED_LINE */
}

enum {
    INLINED_LINE = __LINE__ - 4,
    OUTER_LINE = __LINE__ + 6
};

__attribute__((noinline)) void *records_test_calls_inlined(void);
void *records_test_calls_inlined(void)
{
    void *block = allocates_inlined();              /* OUTER_LINE */
    __asm__ volatile("" : : "r"(block) : "memory"); /* no tail call */
    return block;
}

START_TEST(report_file_has_inlined_functions)
{
    char path[UNIT_PATH];
    static char text[65536];
    open_reported(path);
    records_test_calls_inlined();
    read_report(path, text, sizeof(text));
    char both[160];
    snprintf(both, sizeof(both),
             "\"allocates_inlined at test_records.c:%d\", "
             "\"records_test_calls_inlined at test_records.c:%d\"",
             INLINED_LINE, OUTER_LINE);
    const char *outer = strstr(text, "\"records_test_calls_inlined at ");
    ck_assert_ptr_nonnull(strstr(text, "records_test_calls_inlined"));
    if (outer != NULL) { /* the test has debug information */
        ck_assert_msg(strstr(text, both) != NULL, "no %s in %s", both, text);
    }
}
END_TEST

START_TEST(report_file_has_the_greatest_paths_to_a_place)
{
    char path[UNIT_PATH];
    static char text[1 << 20];
    open_reported(path);
    /* Each call has an address of its own. */
#define TWICE(x) x x
    TWICE(TWICE(TWICE(TWICE(TWICE(TWICE(TWICE(records_test_recurses(1);)))))))
#undef TWICE
    /* The last path is the greatest: two calls whose frames are cut. */
    records_test_recurses(40);
    records_test_recurses(40);
    read_report(path, text, sizeof(text));
    ck_assert_int_eq(count_of(text, "\"frames\": "), 100);
    ck_assert_ptr_nonnull(strstr(text, "\"allocations\": 130, \"bytes\""));
    ck_assert_ptr_nonnull(
        strstr(text, "\"live_blocks\": 2, \"allocations\": 2, "));
}
END_TEST

START_TEST(long_tag_is_cut)
{
    memheap_tag_stats_t tag;
    open_recorded(0);
    memheap_set_tag("a word of forty bytes, which are too many");
    alloc(1);
    memheap_set_tag("a word of forty bytes, which are cut");
    alloc(1);
    memheap_set_tag(NULL);
    ck_assert(memheap_get_tag_stats(unit.heap, 1, &tag));
    ck_assert_str_eq(tag.name, "a word of forty bytes, which ar");
    ck_assert_uint_eq(tag.live_blocks, 2);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(heap_without_records_has_no_tags)
{
    memheap_tag_stats_t tag;
    memheap_site_stats_t site;
    char text[100] = "x";
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    void *block = alloc(100);
    ck_assert(!memheap_get_tag_stats(unit.heap, 0, &tag));
    ck_assert_uint_eq(memheap_get_site_stats(unit.heap, &site, 1), 0);
    ck_assert_uint_eq(block_at(block)->number, 0);
    ck_assert_str_eq(block_at(block)->tag, "");
    memheap_block_call_site(unit.heap, block, text, sizeof(text));
    ck_assert_str_eq(text, "");
    unit_heap_close(&unit);
}
END_TEST

START_TEST(stated_location_is_the_call_site)
{
    char text[MEMHEAP_TAG_SIZE];
    open_recorded(0);
    memheap_at("solver.c", 42);
    void *first = alloc(10);
    memheap_at("solver.c", 43);
    void *second = alloc(10);
    memheap_block_call_site(unit.heap, first, text, sizeof(text));
    ck_assert_str_eq(text, "solver.c:42");
    memheap_block_call_site(unit.heap, second, text, sizeof(text));
    ck_assert_str_eq(text, "solver.c:43");
    unit_heap_close(&unit);
}
END_TEST

START_TEST(each_file_is_a_call_site_of_its_own)
{
    static const char *const files[] = {"solver.c", "solver.cc", "a.c", "b.c"};
    char text[MEMHEAP_TAG_SIZE];
    char expected[MEMHEAP_TAG_SIZE];
    void *block[8];
    open_recorded(0);
    for (size_t i = 0; i < 8; i++) {
        memheap_at(files[i % 4], 42);
        block[i] = alloc(10);
    }
    for (size_t i = 0; i < 8; i++) {
        memheap_block_call_site(unit.heap, block[i], text, sizeof(text));
        snprintf(expected, sizeof(expected), "%s:42", files[i % 4]);
        ck_assert_str_eq(text, expected);
    }
    unit_heap_close(&unit);
}
END_TEST

/* Allocate and free blocks at new call sites, in a file with a short name or in
 * files with long ones. @return the growth of metadata */
static size_t visit_sites(int count, int length)
{
    char name[256];
    size_t before = stats_now().metadata;
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "%0*d", length, length < 8 ? 0 : i);
        memheap_at(name, i);
        ck_assert_ok(memheap_free(unit.heap, alloc(10)));
    }
    return stats_now().metadata - before;
}

START_TEST(call_sites_count_as_metadata)
{
    enum {
        SITES = 3000
    };
    open_recorded(0);
    size_t lines = visit_sites(SITES, 3);
    ck_assert_uint_ge(lines,
                      SITES * (sizeof(void *) + sizeof(memheap_site_counts_t)));
    ck_assert_uint_le(lines, SITES * 512);
    size_t names = visit_sites(SITES, 200);
    ck_assert_uint_ge(names, lines / 2 + SITES * 200);
    ck_assert_uint_le(names, SITES * (512 + 256));
    unit_heap_close(&unit);
}
END_TEST

START_TEST(block_without_a_record_has_no_call_site)
{
    char text[MEMHEAP_CALL_SITE_TEXT];
    memheap_tag_stats_t tag;
    unit_memory_t memory;
    unit_memory_init(&memory);
    const char *const params[] = {"MEMHEAP_RECORDS=1", NULL};
    memheap_config_t config = {
        .size = MIB, .params = params, .memory = &memory.memory};
    ck_assert_ok(memheap_create(&config, &unit.heap));
    void *block = alloc_at(1, 64);
    memheap_status_t status;
    size_t blocks = 0;
    size_t requests;
    do { /* until a request fails that the allocation does not need */
        requests = memory.requests;
        memory.fail_at = requests + 1;
        memheap_at("mesh.c", 1);
        status = memheap_alloc(unit.heap, 64, &block);
        blocks += status == MEMHEAP_OK;
    } while (status != MEMHEAP_OK || memory.requests == requests);
    ck_assert_uint_eq(block_at(block)->number, 0);
    memheap_block_call_site(unit.heap, block, text, sizeof(text));
    ck_assert_str_eq(text, "");
    ck_assert(memheap_get_tag_stats(unit.heap, 0, &tag));
    ck_assert_uint_eq(tag.live_blocks, blocks); /* and the first, but this */
    ck_assert_uint_eq(tag.allocations, blocks);
    ck_assert_ok(memheap_resize(unit.heap, block, 5000, &block));
    ck_assert_uint_eq(block_at(block)->number, 0);
    ck_assert_ok(memheap_free(unit.heap, block));
    ck_assert(memheap_get_tag_stats(unit.heap, 0, &tag));
    ck_assert_uint_eq(tag.live_blocks, blocks);
    memheap_destroy(unit.heap);
}
END_TEST

/* What addr2line prints, and what is shown of it. */
START_TEST(line_of_addr2line_is_shortened)
{
    static const char *const lines[][2] = {
        {"main at /a/b/mesh.c:42", "main at mesh.c:42"},
        {"main at mesh.c:42", "main at mesh.c:42"},
        {"main at ./b/mesh.c:42 (discriminator 3)", "main at mesh.c:42"},
        {"main at mesh.c:42 (discriminator 3)", "main at mesh.c:42"},
        {"?? at /a/b/mesh.c:42", NULL},
        {"main at ??:0", NULL},
        {"main at /a/b/mesh.c:?", "main at mesh.c"},
        {"main at /a/b/c:?", "main at c"},
        {"main", NULL}};
    char text[64];
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        strcpy(text, "as it was");
        ck_assert_int_eq(
            memheap_call_site_shorten(lines[i][0], text, sizeof(text)),
            lines[i][1] != NULL);
        ck_assert_str_eq(text, lines[i][1] ? lines[i][1] : "as it was");
    }
    ck_assert(memheap_call_site_shorten(lines[0][0], text, 10));
    ck_assert_str_eq(text, "main at m");
}
END_TEST

START_TEST(frames_of_libraries_are_left_out)
{
    static const char *const out[] = {"/usr/lib/libmemheap.so.0",
                                      "libmemheap_mpi.so.0",
                                      "/lib/libc.so.6",
                                      "libucp.so.0",
                                      "libmpi.so.40",
                                      "libopen-pal.so.40",
                                      "liboshmem.so.40",
                                      "mca_memheap_x.so",
                                      "libasan.so.8",
                                      "libclang_rt.asan.so",
                                      "vgpreload_core.so",
                                      "linux-vdso.so.1"};
    static const char *const in[] = {"/home/libc./prog", "libm.so.6",
                                     "mylibc.so",        "libmemheaps.so",
                                     "mca_mpi.so",       ""};
    for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++)
        ck_assert_msg(memheap_call_site_is_library(out[i]), "%s", out[i]);
    for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++)
        ck_assert_msg(!memheap_call_site_is_library(in[i]), "%s", in[i]);
}
END_TEST

START_TEST(description_of_a_call_site_is_cut)
{
    char text[] = "as it was";
    open_recorded(0);
    void *block = alloc_at(42, 10);
    ck_assert_ptr_eq(memheap_block_call_site(unit.heap, block, text, 7), text);
    ck_assert_str_eq(text, "mesh.c");
    ck_assert_str_eq(text + 7, "as"); /* the rest of the old text */
    unit_heap_close(&unit);
}
END_TEST

START_TEST(same_stack_is_one_call_site)
{
    char texts[2][512];
    void *block = NULL;
    open_recorded(0);
    for (int i = 0; i < 20; i++) {
        block = alloc(10);
        memheap_block_call_site(unit.heap, block, texts[i > 0], 512);
    }
    ck_assert_str_ne(texts[0], "an unknown call site");
    ck_assert_str_eq(texts[0], texts[1]);
    unit_heap_close(&unit);
}
END_TEST

/* The metadata of a heap with 1000 blocks; the same with records, and with a
 * tag for each block. */
static size_t metadata_of_blocks(const char *param, bool tagged)
{
    char tag[MEMHEAP_TAG_SIZE] = "tag";
    unit_heap_open(&unit, 0, SIZE, 0, param);
    for (int i = 0; i < 1000; i++) {
        if (tagged)
            snprintf(tag, sizeof(tag), "tag %d", i);
        memheap_set_tag(tag);
        alloc_at(1, 16);
    }
    memheap_set_tag(NULL);
    size_t metadata = stats_now().metadata;
    unit_heap_close(&unit);
    return metadata;
}

START_TEST(records_and_tags_count_as_metadata)
{
    size_t plain = metadata_of_blocks("MEMHEAP_TOP=all", false);
    size_t recorded = metadata_of_blocks("MEMHEAP_RECORDS=1", false);
    size_t tagged = metadata_of_blocks("MEMHEAP_RECORDS=1", true);
    ck_assert_uint_ge(recorded, plain + 1000 * (sizeof(memheap_record_t) +
                                                2 * sizeof(uint64_t)));
    ck_assert_uint_le(recorded, plain + 1000 * 256);
    /* The first 16 KiB are there before the first tag. */
    ck_assert_uint_ge(tagged, recorded + 700 * sizeof(memheap_tag_stats_t));
    ck_assert_uint_le(tagged, recorded + 2000 * sizeof(memheap_tag_stats_t));
}
END_TEST

/* The stack shows its name, which must be global. */
__attribute__((noinline)) void *records_test_allocates(void);
void *records_test_allocates(void)
{
    void *block = alloc(10);
    __asm__ volatile("" : : "r"(block) : "memory"); /* no tail call */
    return block;
}

START_TEST(call_site_is_found_on_the_stack)
{
    char text[512];
    if (unit_contains_library())
        return;
    open_recorded(0);
    void *block = records_test_allocates();
    int files = unit_open_files();
    memheap_block_call_site(unit.heap, block, text, sizeof(text));
    ck_assert_msg(strstr(text, "test_records.c:") != NULL ||
                      strstr(text, "records") != NULL,
                  "%s", text);
    if (strstr(text, " at ") != NULL) { /* the test has debug information */
        char expected[64];
        snprintf(expected, sizeof(expected), "alloc at test_records.c:%d",
                 ALLOC_LINE);
        ck_assert_str_eq(text, expected);
    }
    ck_assert_int_eq(unit_open_files(), files);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
    unit_heap_close(&unit);
}
END_TEST

START_TEST(call_site_in_a_library_has_its_name)
{
    char text[512];
    void *frames[] = {(char *)(uintptr_t)memheap_alloc + 4, /* left out */
                      (char *)(uintptr_t)fegetround + 4};
    if (unit_contains_library())
        return;
    ck_assert_ptr_eq(memheap_frames_describe(frames, 2, text, sizeof(text)),
                     text);
    ck_assert_msg(strstr(text, "fegetround") != NULL, "%s", text);
    if (strstr(text, " at ") == NULL) /* libm has no debug information */
        ck_assert_msg(strstr(text, " in libm") != NULL, "%s", text);
    ck_assert_ptr_eq(memheap_frames_describe(frames, 1, text, sizeof(text)),
                     text);
    ck_assert_str_eq(text, "an unknown call site");
}
END_TEST

START_TEST(call_site_without_addr2line_is_an_address)
{
    char text[512];
    open_recorded(0);
    void *block = records_test_allocates();
    rlim_t limit = unit_limit(RLIMIT_NOFILE, 0); /* no pipe to read from */
    memheap_block_call_site(unit.heap, block, text, sizeof(text));
    unit_limit(RLIMIT_NOFILE, limit);
    ck_assert_msg(strstr(text, "records") != NULL, "%s", text);
    ck_assert_msg(strstr(text, "0x") != NULL, "%s", text);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(addr2line_is_not_taken_from_the_path)
{
    char text[512];
    char folder[UNIT_PATH];
    char *path = strdup(getenv("PATH"));
    open_recorded(0);
    void *block = records_test_allocates();
    unit_folder_new(folder);
    unit_program_new(folder, "addr2line", "echo another at another.c:1");
    memheap_block_call_site(unit.heap, block, text, sizeof(text));
    setenv("PATH", path, 1);
    free(path);
    unit_folder_delete(folder);
    ck_assert_msg(strstr(text, "another") == NULL, "%s", text);
    unit_heap_close(&unit);
}
END_TEST

#include <memheap/call_sites.h>

START_TEST(macros_state_the_line)
{
    char text[512];
    char expected[64];
    void *block;
    open_recorded(0);
    ck_assert_ok(memheap_alloc(unit.heap, 10, &block));
    snprintf(expected, sizeof(expected), "test_records.c:%d", __LINE__ - 1);
    memheap_block_call_site(unit.heap, block, text, sizeof(text));
    ck_assert_msg(strstr(text, expected) != NULL, "%s", text);
    /* A failed call uses its line too. */
    ck_assert_int_eq(memheap_alloc(unit.heap, 0, &block),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    block = records_test_allocates();
    memheap_block_call_site(unit.heap, block, text, sizeof(text));
    snprintf(expected, sizeof(expected), "test_records.c:%d", __LINE__ - 4);
    ck_assert_msg(strstr(text, expected) == NULL, "%s", text);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(leaks_are_reported_in_order)
{
    unit_heap_open(&unit, _i, SIZE, 0, "MEMHEAP_LEAKS=1");
    void *gone = alloc(16);
    memheap_at("a.c", 1);
    alloc(5000);
    memheap_set_tag("mesh");
    memheap_at("b.c", 2);
    alloc(70);
    memheap_set_tag(NULL);
    ck_assert_ok(memheap_free(unit.heap, gone));
    ck_assert_uint_eq(memheap_report_leaks(unit.heap), 2);
    ck_assert_uint_eq(unit.log.count, 3);
    const char *first = strstr(unit.log.text, "leak: 5000 bytes at 0x");
    const char *second = strstr(unit.log.text, "leak: 70 bytes at 0x");
    ck_assert_ptr_nonnull(first);
    ck_assert(second > first);
    ck_assert_logged(&unit.log, ", allocation 2, from a.c:1\n");
    ck_assert_logged(&unit.log, ", allocation 3, tag \"mesh\", from b.c:2\n");
    ck_assert_logged(&unit.log, "2 blocks of heap \"heap\" were never freed: "
                                "4.95 KiB");
    unit_log_clear(&unit.log);
    unit_heap_close(&unit);
    ck_assert_uint_eq(unit.log.count, 3);
}
END_TEST

START_TEST(no_leaks_are_not_reported)
{
    unit_heap_open(&unit, _i, SIZE, 0, "MEMHEAP_LEAKS=1");
    ck_assert_ok(memheap_free(unit.heap, alloc(100)));
    unit_heap_close(&unit);
    ck_assert_uint_eq(unit.log.count, 0);
}
END_TEST

START_TEST(report_file_has_stats_and_tags)
{
    char path[UNIT_PATH];
    char param[UNIT_PATH + 32];
    char text[1024] = "";
    unit_file_new(path, "");
    snprintf(param, sizeof(param), "MEMHEAP_REPORT=%s", path);
    unit_heap_open(&unit, _i, MIB, 0, param);
    alloc(100);
    unit_heap_close(&unit);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_gt(fread(text, 1, sizeof(text) - 1, file), 0);
    fclose(file);
    remove(path);
    const char start[] =
        "{\"heaps\": [\n{\"heap\": \"heap\", \"component\": \"";
    ck_assert_ptr_eq(strstr(text, start), text);
    ck_assert_ptr_nonnull(strstr(text, "\"stats\": {\"size\": 1048576, "));
    ck_assert_ptr_nonnull(strstr(text, "\"live_blocks\": 1, "));
    ck_assert_ptr_nonnull(
        strstr(text, "}, \"tags\": [], \"sites\": []}\n]}\n"));
}
END_TEST

/* A name of two bytes a character, which is cut between two of them. */
START_TEST(reports_of_several_heaps_are_one_document)
{
    char path[UNIT_PATH];
    char param[UNIT_PATH + 32];
    char text[4096] = "";
    char name[80] = "x";
    while (strlen(name) < 61)
        strcat(name, "\xc3\xa4");
    unit_file_new(path, "an older file, which is longer than the report is\n");
    snprintf(param, sizeof(param), "MEMHEAP_REPORT=%s", path);
    const char *params[] = {param, NULL};
    const char *const names[] = {"first", "sec\"ond", name};
    for (int i = 0; i < 3; i++) {
        memheap_t *heap;
        memheap_config_t config = {
            .size = MIB, .name = names[i], .params = params};
        ck_assert_ok(memheap_create(&config, &heap));
        memheap_destroy(heap);
    }
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_gt(fread(text, 1, sizeof(text) - 1, file), 0);
    fclose(file);
    remove(path);
    name[47] = '\0';
    strcat(name, "\", \"component\"");
    ck_assert_ptr_eq(strstr(text, "{\"heaps\": [\n{\"heap\": \"first\", "),
                     text);
    ck_assert_ptr_nonnull(strstr(text, "]}\n,\n{\"heap\": \"sec\\\"ond\", "));
    ck_assert_msg(strstr(text, name) != NULL, "%s", text);
    ck_assert_str_eq(text + strlen(text) - 7, "[]}\n]}\n");
}
END_TEST

/* What the program, the report and the stats page say is the same. */
START_TEST(figures_are_the_same_everywhere)
{
    uint64_t values[MEMHEAP_STAT_COUNT];
    memheap_stats_t stats;
    unit_heap_open(&unit, _i, MIB, 0, "MEMHEAP_TOP=all");
    void *block = alloc(1000);
    void *batch[3];
    size_t sizes[3] = {100, 200, 300};
    char *base = memheap_base(unit.heap);
    ck_assert_ok(memheap_alloc_batch(unit.heap, 3, 16, sizes, batch));
    ck_assert_ok(memheap_resize(unit.heap, block, 5000, &block));
    memheap_reserve(unit.heap, base + 512 * KIB, 4096);
    ck_assert_ok(memheap_free(unit.heap, batch[1]));
    ck_assert_int_ne(memheap_alloc(unit.heap, 2 * MIB, &block), MEMHEAP_OK);
    memheap_get_stats(unit.heap, &stats);
    memheap_stats_collect(unit.heap, values);
    memheap_stats_t page = unit.heap->stats_export->page->stats;
    ck_assert_uint_eq(page.allocations, stats.allocations);
    ck_assert_uint_eq(page.allocations - page.live_blocks, stats.frees);
    ck_assert_uint_eq(page.live_blocks, stats.live_blocks);
    ck_assert_uint_eq(page.used, stats.used);
    ck_assert_uint_eq(page.size - page.used, stats.free);
    ck_assert_uint_eq(page.peak, stats.peak);
    ck_assert_uint_eq(page.high_water, stats.high_water);
    ck_assert_uint_eq(page.committed, stats.committed);
    ck_assert_uint_eq(page.largest_free, stats.largest_free);
    ck_assert_uint_eq(page.metadata, stats.metadata);
    ck_assert_uint_eq(page.resizes, stats.resizes);
    ck_assert_uint_eq(page.failures, stats.failures);
    for (unsigned i = 0; i < MEMHEAP_STAT_COUNT; i++)
        ck_assert_uint_eq(values[i], memheap_stat_table[i].get(&stats));
    unit_heap_close(&unit);
}
END_TEST

START_TEST(leaks_of_a_heap_without_records_have_addresses)
{
    char first[64];
    char second[64];
    unit_heap_open(&unit, 0, SIZE, 0, NULL);
    char *block = alloc(64);
    ck_assert_uint_eq(memheap_report_leaks(unit.heap), 1);
    snprintf(first, sizeof(first), "leak: 64 bytes at %p\n", (void *)block);
    ck_assert_logged(&unit.log, first);
    ck_assert_logged(&unit.log, "1 block of heap \"heap\" was never freed: 64");
    unit_log_clear(&unit.log);
    char *other = alloc(128);
    ck_assert(other > block);
    memheap_report_leaks(unit.heap);
    unit_log_clear(&unit.log);
    size_t allocated = unit_malloced();
    ck_assert_uint_eq(memheap_report_leaks(unit.heap), 2);
    ck_assert_uint_eq(unit_malloced(), allocated);
    snprintf(second, sizeof(second), "leak: 128 bytes at %p\n", (void *)other);
    ck_assert_logged(&unit.log, second);
    ck_assert(strstr(unit.log.text, second) > strstr(unit.log.text, first));
    unit_log_clear(&unit.log);
    unit_heap_close(&unit);
}
END_TEST

/* Make each request for metadata fail once, and the next one succeed. @return
 * the number of failed allocations */
static unsigned refused_of_many(const char *param)
{
    enum {
        BLOCKS = 20000
    };
    unit_memory_t memory;
    unit_memory_init(&memory);
    const char *const params[] = {param, NULL};
    memheap_config_t config = {.size = 64 * MIB,
                               .flags = MEMHEAP_ORDERED,
                               .params = params,
                               .memory = &memory.memory};
    memheap_t *heap;
    ck_assert_ok(memheap_create(&config, &heap));
    unsigned refused = 0;
    for (unsigned i = 0; i < BLOCKS; i++) {
        void *block;
        memory.fail_at = memory.requests + 1;
        memheap_status_t status = memheap_alloc(heap, 64, &block);
        refused += status != MEMHEAP_OK;
        memory.fail_at = 0;
        if (status != MEMHEAP_OK)
            ck_assert_ok(memheap_alloc(heap, 64, &block));
    }
    memheap_stats_t stats;
    memheap_get_stats(heap, &stats);
    ck_assert_uint_eq(stats.live_blocks, BLOCKS);
    ck_assert_ok(memheap_check(heap));
    memheap_destroy(heap);
    ck_assert_uint_eq(memory.pieces, 0);
    return refused;
}

/* Only the component's own requests fail. */
START_TEST(no_allocation_fails_for_lack_of_a_record)
{
    unsigned refused = refused_of_many(NULL);
    ck_assert_uint_gt(refused, 0);
    ck_assert_uint_eq(refused_of_many("MEMHEAP_RECORDS=1"), refused);
}
END_TEST

START_TEST(heap_without_memory_for_records_is_not_created)
{
    unit_memory_t memory;
    memheap_t *heap;
    unit_log_t log;
    unit_log_init(&log);
    const char *const params[] = {"MEMHEAP_RECORDS=1", NULL};
    unit_memory_init(&memory);
    memheap_config_t config = {.size = MIB,
                               .params = params,
                               .memory = &memory.memory,
                               .log = &log.log};
    ck_assert_ok(memheap_create(&config, &heap));
    memheap_destroy(heap);
    size_t requests = memory.requests;
    ck_assert_uint_gt(requests, 5);
    for (size_t i = 1; i <= requests; i++) {
        unit_memory_init(&memory);
        memory.fail_at = i;
        ck_assert_int_eq(memheap_create(&config, &heap),
                         MEMHEAP_ERR_NO_METADATA);
        ck_assert_uint_eq(memory.pieces, 0);
    }
}
END_TEST

/* The list is whole, or empty. */
START_TEST(call_sites_are_not_listed_without_memory)
{
    unit_memory_t memory;
    unit_log_t log;
    memheap_site_stats_t sites[3];
    const char *const params[] = {"MEMHEAP_RECORDS=1", NULL};
    unit_memory_init(&memory);
    unit_log_init(&log);
    memheap_config_t config = {.size = MIB,
                               .params = params,
                               .memory = &memory.memory,
                               .log = &log.log};
    ck_assert_ok(memheap_create(&config, &unit.heap));
    alloc_at(1, 100);
    alloc(200);
    size_t pieces = memory.pieces;
    size_t count = 0;
    for (memory.fail_at = 1; count == 0; memory.fail_at++) {
        memory.requests = 0;
        count = memheap_get_site_stats(unit.heap, sites, 3);
        ck_assert_uint_eq(count, memory.requests < memory.fail_at ? 2 : 0);
        ck_assert_uint_eq(memory.pieces, pieces);
    }
    ck_assert_uint_gt(memory.fail_at, 5);
    ck_assert_str_ne(sites[0].site, "");
    ck_assert_str_eq(sites[1].site, "mesh.c:1");
    memheap_destroy(unit.heap);
}
END_TEST

START_TEST(depot_has_room_for_many_call_sites)
{
    memheap_stack_depot_t depot;
    char text[64];
    char expected[64];
    ck_assert_ok(memheap_stack_depot_open(&depot, &memheap_memory_system));
    for (int line = 1; line <= 100000; line++) {
        memheap_at("mesh.c", line);
        ck_assert_int_eq(memheap_stack_depot_capture(&depot), line);
    }
    for (int line = 1; line <= 100000; line += 99) {
        snprintf(expected, sizeof(expected), "mesh.c:%d", line);
        memheap_call_site_describe(&depot, (memheap_call_site_t)line, text,
                                   sizeof(text));
        ck_assert_str_eq(text, expected);
    }
    memheap_at("", 5);
    memheap_call_site_describe(&depot, memheap_stack_depot_capture(&depot),
                               text, sizeof(text));
    ck_assert_str_eq(text, ":5");
    memheap_stack_depot_close(&depot);
}
END_TEST

START_TEST(copy_of_a_call_site_has_its_frames)
{
    memheap_stack_depot_t depot;
    uint64_t copy[MEMHEAP_CALL_SITE_FRAMES];
    char text[64] = "as it was";
    int count;
    ck_assert_ok(memheap_stack_depot_open(&depot, &memheap_memory_system));
    memheap_call_site_t site = memheap_stack_depot_capture(&depot);
    void *const *frames = memheap_call_site_frames(&depot, site, &count);
    memset(copy, 0xA5, sizeof(copy));
    ck_assert_int_eq(
        memheap_call_site_copy(&depot, site, copy, text, sizeof(text)), count);
    ck_assert_int_gt(count, 0);
    ck_assert_int_lt(count, MEMHEAP_CALL_SITE_FRAMES);
    for (int i = 0; i < count; i++)
        ck_assert_uint_eq(copy[i], (uintptr_t)frames[i]);
    ck_assert_uint_eq(copy[count], UINT64_C(0xA5A5A5A5A5A5A5A5));
    ck_assert_str_eq(text, "as it was");
    memheap_stack_depot_close(&depot);
}
END_TEST

#if !UNIT_TSAN
/* What read() gets, if it is set, in place of the output of addr2line: seven
 * bytes at a time, with a line's end behind them, or an interruption. */
static const char *lines;

ssize_t read(int fd, void *data, size_t size)
{
    static unsigned calls;
    if (lines == NULL)
        return syscall(SYS_read, fd, data, size);
    if (++calls % 3 == 0) {
        errno = EINTR;
        return -1;
    }
    size_t got = memheap_min(strlen(lines), 7);
    ck_assert_uint_gt(size, got);
    memcpy(data, lines, got);
    ((char *)data)[got] = '\n';
    lines += got;
    return (ssize_t)got;
}

START_TEST(output_of_addr2line_may_come_in_pieces)
{
    memheap_frame_t frames[2] = {
        {.address = (char *)(uintptr_t)memheap_create + 4},
        {.address = (char *)(uintptr_t)memheap_destroy + 4}};
    if (access(MEMHEAP_ADDR2LINE, X_OK) != 0)
        return;
    lines = "solve at /src/solver.c:12\nsmooth at /src/field.c:7\n"
            " (inlined by) main at /src/main.c:123\n";
    memheap_frames_resolve(frames, 2);
    ck_assert_str_eq(lines, "");
    lines = NULL;
    ck_assert_str_eq(frames[0].text, "solve at solver.c:12");
    ck_assert_str_eq(frames[1].text, "smooth at field.c:7\nmain at main.c:123");
    if (unit_contains_library()) /* which has no dynamic symbols then */
        return;
    lines = "?? ??:0\n?? ??:0\n";
    memheap_frames_resolve(frames, 2);
    lines = NULL;
    ck_assert_msg(strncmp(frames[0].text, "memheap_create+0x3 in ", 22) == 0,
                  "%s", frames[0].text);
}
END_TEST
#endif

static void *churn(void *context)
{
    (void)context;
    for (int i = 0; i < 1000; i++) {
        void *block;
        if (memheap_alloc(unit.heap, 48, &block) != MEMHEAP_OK ||
            memheap_free(unit.heap, block) != MEMHEAP_OK)
            return &unit;
    }
    return NULL;
}

START_TEST(threads_are_recorded_one_by_one)
{
    pthread_t threads[4];
    memheap_tag_stats_t tag;
    open_recorded(_i);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, churn, NULL), 0);
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        ck_assert_ptr_null(result);
    }
    ck_assert(memheap_get_tag_stats(unit.heap, 0, &tag));
    ck_assert_uint_eq(tag.allocations, 4000);
    ck_assert_uint_eq(tag.used, 0);
    ck_assert_uint_eq(stats_now().frees, 4000);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(parallel_threads_are_counted)
{
    pthread_t threads[4];
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, churn, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(stats_now().allocations, 4000);
    ck_assert_uint_eq(stats_now().frees, 4000);
    unit_heap_close(&unit);
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    int kinds = unit_heap_kinds();
    tcase_add_loop_test(tests, calls_are_counted, 0, kinds);
    tcase_add_loop_test(tests, reserved_block_is_an_allocation, 0, kinds);
    tcase_add_loop_test(tests, rolled_back_blocks_count_as_one_failure, 0,
                        kinds);
    tcase_add_loop_test(tests, fragmentation_is_computed_from_the_largest_block,
                        0, kinds);
    tcase_add_loop_test(tests, record_has_the_requested_size, 0, kinds);
    tcase_add_loop_test(tests, tags_have_statistics, 0, kinds);
    tcase_add_loop_test(tests, call_sites_have_statistics, 0, kinds);
    tcase_add_test(tests, greatest_call_sites_are_listed);
    tcase_add_test(tests, call_site_has_all_paths);
    tcase_add_test(tests, call_site_has_any_number_of_paths);
    tcase_add_test(tests, report_file_has_the_paths_to_call_sites);
    tcase_add_test(tests, report_file_has_inlined_functions);
    tcase_add_test(tests, report_file_has_the_greatest_paths_to_a_place);
    tcase_add_test(tests, long_tag_is_cut);
    tcase_add_loop_test(tests, heap_without_records_has_no_tags, 0, kinds);
    tcase_add_test(tests, stated_location_is_the_call_site);
    tcase_add_test(tests, each_file_is_a_call_site_of_its_own);
    tcase_add_test(tests, call_sites_count_as_metadata);
    tcase_add_test(tests, line_of_addr2line_is_shortened);
    tcase_add_test(tests, frames_of_libraries_are_left_out);
    tcase_add_test(tests, description_of_a_call_site_is_cut);
    tcase_add_test(tests, same_stack_is_one_call_site);
    tcase_add_test(tests, records_and_tags_count_as_metadata);
    tcase_add_test(tests, call_site_in_a_library_has_its_name);
    tcase_add_test(tests, call_site_is_found_on_the_stack);
    tcase_add_test(tests, call_site_without_addr2line_is_an_address);
    tcase_add_test(tests, addr2line_is_not_taken_from_the_path);
    tcase_add_test(tests, macros_state_the_line);
    tcase_add_loop_test(tests, leaks_are_reported_in_order, 0, kinds);
    tcase_add_loop_test(tests, no_leaks_are_not_reported, 0, kinds);
    tcase_add_test(tests, reports_of_several_heaps_are_one_document);
    tcase_add_loop_test(tests, figures_are_the_same_everywhere, 0,
                        unit_heap_kinds());
    tcase_add_loop_test(tests, report_file_has_stats_and_tags, 0, kinds);
    tcase_add_test(tests, leaks_of_a_heap_without_records_have_addresses);
    tcase_add_test(tests, block_without_a_record_has_no_call_site);
    tcase_add_test(tests, no_allocation_fails_for_lack_of_a_record);
    tcase_add_test(tests, heap_without_memory_for_records_is_not_created);
    tcase_add_test(tests, call_sites_are_not_listed_without_memory);
    tcase_add_test(tests, depot_has_room_for_many_call_sites);
    tcase_add_test(tests, copy_of_a_call_site_has_its_frames);
#if !UNIT_TSAN
    tcase_add_test(tests, output_of_addr2line_may_come_in_pieces);
#endif
    tcase_add_loop_test(tests, threads_are_recorded_one_by_one, 0, kinds);
    tcase_add_loop_test(tests, parallel_threads_are_counted, 0, kinds);
    return unit_run("records", tests);
}
