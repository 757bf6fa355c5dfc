/*
 * Traces: the contents of the file, whatever happens to the program.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SIZE = 1 << 20,
    OPS_MAX = 1 << 19
};

enum {
    ALLOC,
    ALIGN,
    RESIZE,
    FREE
};

static unit_heap_t unit;
static char folder[UNIT_PATH];
static char path[2 * UNIT_PATH];
static char param[3 * UNIT_PATH];

static void set_up(void)
{
    unit_folder_new(folder);
    snprintf(path, sizeof(path), "%s/a.sht", folder);
    snprintf(param, sizeof(param), "MEMHEAP_TRACE=%s", path);
}

static void tear_down(void)
{
    unit_folder_delete(folder);
}

static void open_traced(int kind)
{
    unit_heap_open(&unit, kind, SIZE, 0, param);
}

/* The same without a trace, and with one thread at a time. */
static void open_ordered(int kind)
{
    unit_heap_open(&unit, kind, SIZE, 0, "MEMHEAP_RECORDS=1");
}

static void *alloc(size_t size)
{
    void *block;
    ck_assert_ok(memheap_alloc(unit.heap, size, &block));
    return block;
}

/* An operation of the file. */
typedef struct op {
    uint64_t kind, size;
    uint64_t more; /* order of an alignment, or age of a block */
} op_t;

static struct {
    uint8_t bytes[1 << 22];
    size_t size, at;
    op_t op[OPS_MAX];
    uint64_t site[OPS_MAX], tag[OPS_MAX]; /* in a labelled trace */
    size_t count;
} file;

static uint64_t number(void)
{
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        ck_assert_uint_lt(file.at, file.size);
        uint8_t byte = file.bytes[file.at++];
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return value;
    }
}

/* Read the trace up to its count of operations. */
static void read_trace(void)
{
    FILE *stream = fopen(path, "rb");
    ck_assert_ptr_nonnull(stream);
    file.size = fread(file.bytes, 1, sizeof(file.bytes), stream);
    fclose(stream);
    ck_assert_uint_ge(file.size, 10);
    bool labelled = file.bytes[3] == '2';
    ck_assert_mem_eq(file.bytes, labelled ? "SHT2\n" : "SHT1\n", 5);
    file.at = 5;
    file.count = (size_t)number();
    ck_assert_uint_le(file.count, OPS_MAX);
    for (size_t i = 0; i < file.count; i++) {
        uint64_t value = number();
        op_t *op = &file.op[i];
        *op = (op_t){.kind = value & 3, .size = value >> 2};
        if (op->kind == FREE)
            *op = (op_t){.kind = FREE, .more = value >> 2};
        else if (op->kind != ALLOC)
            op->more = number();
        if (labelled && (op->kind == ALLOC || op->kind == ALIGN)) {
            file.site[i] = number();
            file.tag[i] = number();
        }
    }
}

/* The same for a heap that was destroyed: the file ends there, and is in use no
 * more. */
static void read_ended(void)
{
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    ck_assert_ptr_nonnull(maps);
    while (fgets(line, sizeof(line), maps) != NULL)
        ck_assert_msg(strstr(line, folder + 2) == NULL, "%s", line);
    fclose(maps);
    read_trace();
    ck_assert_uint_eq(file.at, file.size);
}

static void expect(size_t count, const op_t *ops)
{
    ck_assert_uint_eq(file.count, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(memcmp(&file.op[i], &ops[i], sizeof(*ops)) == 0,
                      "operation %zu is %d %d %d", i, (int)file.op[i].kind,
                      (int)file.op[i].size, (int)file.op[i].more);
    }
}

START_TEST(name_of_a_trace_may_have_one_letter)
{
    ck_assert_int_eq(chdir(folder), 0);
    unit_heap_open(&unit, 0, SIZE, 0, "MEMHEAP_TRACE=t");
    alloc(100);
    unit_heap_close(&unit);
    ck_assert_int_eq(access("t", F_OK), 0);
    ck_assert_int_eq(chdir(".."), 0);
}
END_TEST

START_TEST(each_call_is_recorded)
{
    size_t sizes[] = {10, 20, 30};
    void *blocks[4];
    void *big;
    open_traced(_i);
    void *first = alloc(100);
    ck_assert_ok(memheap_alloc_aligned(unit.heap, 1024, 500, &big));
    ck_assert_ok(memheap_alloc_zeroed(unit.heap, 7, 9, &blocks[3]));
    ck_assert_ok(memheap_alloc_batch(unit.heap, 3, 64, sizes, blocks));
    ck_assert_ok(memheap_free(unit.heap, first));
    ck_assert_ok(memheap_free(unit.heap, NULL));
    ck_assert_ok(memheap_resize(unit.heap, big, 40000, &big));
    ck_assert_ok(memheap_resize(unit.heap, big, 1000, &big));
    ck_assert_ok(memheap_free_batch(unit.heap, 4, blocks));
    ck_assert_ok(memheap_resize(unit.heap, NULL, 33, &first));
    ck_assert_ok(memheap_free(unit.heap, big));
    unit_heap_close(&unit);
    read_ended();
    expect(15, (op_t[]){{ALLOC, 100, 0},
                        {ALIGN, 500, 10},
                        {ALLOC, 63, 0},
                        {ALIGN, 10, 6},
                        {ALIGN, 20, 6},
                        {ALIGN, 30, 6},
                        {FREE, 0, 6},
                        {RESIZE, 40000, 5},
                        {RESIZE, 1000, 5},
                        {FREE, 0, 3},
                        {FREE, 0, 2},
                        {FREE, 0, 1},
                        {FREE, 0, 4},
                        {ALLOC, 33, 0},
                        {FREE, 0, 6}});
}
END_TEST

START_TEST(failed_calls_are_not_recorded)
{
    size_t sizes[] = {64, 2 * SIZE};
    void *block;
    void *blocks[2];
    open_traced(_i);
    block = alloc(64);
    ck_assert_int_eq(memheap_alloc(unit.heap, 2 * SIZE, &blocks[0]),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_int_eq(memheap_resize(unit.heap, block, 2 * SIZE, &block),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_int_eq(memheap_alloc_batch(unit.heap, 2, 16, sizes, blocks),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_int_eq(memheap_free(unit.heap, (char *)block + 16),
                     MEMHEAP_ERR_BAD_ADDRESS);
    memheap_pending_resize_t step;
    ck_assert_ok(memheap_resize_begin(unit.heap, block, 9000, true, &step));
    block = memheap_resize_end(unit.heap, &step, false);
    ck_assert_ok(memheap_free(unit.heap, block));
    unit_heap_close(&unit);
    read_ended();
    expect(2, (op_t[]){{ALLOC, 64, 0}, {FREE, 0, 1}});
}
END_TEST

START_TEST(rolled_back_block_is_allocated_and_freed)
{
    open_traced(_i);
    void *block = alloc(640);
    memheap_roll_back(unit.heap, &block, 1);
    alloc(48);
    unit_heap_close(&unit);
    read_ended();
    expect(3, (op_t[]){{ALLOC, 640, 0}, {FREE, 0, 1}, {ALLOC, 48, 0}});
}
END_TEST

/* Random calls, until blocks fill half of the heap. */
static void churn_heap(uint64_t seed, int calls)
{
    static void *blocks[512];
    memset(blocks, 0, sizeof(blocks));
    for (int i = 0; i < calls; i++) {
        void **block = &blocks[unit_random_below(&seed, 512)];
        size_t size = 1 + unit_random_below(&seed, 1500);
        if (*block == NULL)
            (void)memheap_alloc_aligned(
                unit.heap, (size_t)1 << unit_random_below(&seed, 10), size,
                block);
        else if (size % 3 == 0)
            (void)memheap_resize(unit.heap, *block, size, block);
        else {
            ck_assert_ok(memheap_free(unit.heap, *block));
            *block = NULL;
        }
    }
}

/* Replaying the file fills a heap in the same way. */
START_TEST(replay_has_equal_results)
{
    static void *blocks[OPS_MAX];
    size_t count = 0;
    uint64_t seed = unit_seed();
    open_traced(_i);
    churn_heap(seed, 20000);
    uint64_t digest = unit_heap_digest(unit.heap);
    unit_heap_close(&unit);
    read_ended();
    open_ordered(_i);
    for (size_t i = 0; i < file.count; i++) {
        const op_t *op = &file.op[i];
        ck_assert(op->kind == ALLOC || op->kind == ALIGN || op->more <= count);
        void **block = op->kind == ALLOC || op->kind == ALIGN
                           ? &blocks[count++]
                           : &blocks[count - op->more];
        if (op->kind == RESIZE)
            ck_assert_ok(memheap_resize(unit.heap, *block, op->size, block));
        else if (op->kind == FREE)
            ck_assert_ok(memheap_free(unit.heap, *block));
        else
            ck_assert_ok(memheap_alloc_aligned(
                unit.heap, op->kind == ALIGN ? (size_t)1 << op->more : 16,
                op->size, block));
    }
    ck_assert_uint_eq(unit_heap_digest(unit.heap), digest);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(trace_does_not_change_placement)
{
    uint64_t seed = unit_seed();
    open_traced(_i);
    churn_heap(seed, 5000);
    uint64_t digest = unit_heap_digest(unit.heap);
    unit_heap_close(&unit);
    open_ordered(_i);
    churn_heap(seed, 5000);
    ck_assert_uint_eq(unit_heap_digest(unit.heap), digest);
    unit_heap_close(&unit);
}
END_TEST

/* More operations than fit in the window. */
START_TEST(long_trace_is_complete)
{
    open_traced(0);
    for (int i = 0; i < 100000; i++)
        ck_assert_ok(memheap_free(unit.heap, alloc(300)));
    unit_heap_close(&unit);
    read_ended();
    ck_assert_uint_eq(file.count, 200000);
    for (size_t i = 0; i < file.count; i += 2) {
        ck_assert_uint_eq(file.op[i].size, 300);
        ck_assert_uint_eq(file.op[i + 1].more, 1);
    }
}
END_TEST

START_TEST(trace_counts_as_metadata)
{
    size_t metadata[2];
    memheap_stats_t stats;
    for (int i = 0; i < 2; i++) {
        if (i == 0)
            unit_heap_open(&unit, 0, SIZE, 0, "MEMHEAP_TOP=all");
        else
            open_traced(0);
        for (int j = 0; j < 5000; j++)
            alloc(16);
        memheap_get_stats(unit.heap, &stats);
        metadata[i] = stats.metadata;
        unit_heap_close(&unit);
    }
    ck_assert_uint_ge(metadata[1],
                      metadata[0] + PATH_MAX + 5000 * 2 * sizeof(uint64_t));
    ck_assert_uint_le(metadata[1],
                      metadata[0] + 3 * PATH_MAX + 5000 * 8 * sizeof(uint64_t));
}
END_TEST

static pid_t fork_child(void)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    return child;
}

START_TEST(trace_of_a_crash_has_all_calls)
{
    pid_t child = fork_child();
    if (child == 0) {
        open_traced(0);
        for (int i = 0; i < 50000; i++)
            memheap_free(unit.heap, alloc(100));
        alloc(77);
        raise(SIGKILL);
    }
    waitpid(child, NULL, 0);
    read_trace();
    ck_assert_uint_eq(file.count, 100001);
    ck_assert_uint_eq(file.op[100000].size, 77);
    for (; file.at < file.size; file.at++)
        ck_assert_uint_eq(file.bytes[file.at], 0);
}
END_TEST

START_TEST(forked_child_is_not_traced)
{
    if (unit_is_emulated())
        return;
    open_traced(0);
    alloc(100);
    pid_t child = fork_child();
    if (child == 0) {
        for (int i = 0; i < 100; i++)
            alloc(16);
        unit_heap_close(&unit);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    ck_assert_int_eq(status, 0);
    alloc(200);
    unit_heap_close(&unit);
    read_ended();
    expect(2, (op_t[]){{ALLOC, 100, 0}, {ALLOC, 200, 0}});
}
END_TEST

START_TEST(forked_child_can_have_a_trace_of_its_own)
{
    open_traced(0);
    pid_t child = fork_child();
    if (child == 0) {
        unit_heap_t own;
        snprintf(path, sizeof(path), "%s/b.sht", folder);
        snprintf(param, sizeof(param), "MEMHEAP_TRACE=%s", path);
        unit_heap_open(&own, 0, SIZE, 0, param);
        unit.heap = own.heap;
        alloc(55);
        unit_heap_close(&own);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    unit_heap_close(&unit);
    snprintf(path, sizeof(path), "%s/b.sht", folder);
    read_ended();
    expect(1, (op_t[]){{ALLOC, 55, 0}});
}
END_TEST

/* A name behind the operations. */
typedef struct name {
    uint64_t number; /* twice the call site, or twice the tag and 1 */
    char text[4096];
} name_t;

static name_t names[16];

/* Read names to the end of the file. @return their number */
static size_t read_names(void)
{
    size_t count = 0;
    while (file.at < file.size) {
        name_t *name = &names[count++];
        ck_assert_uint_lt(count, 16);
        name->number = number() - 1;
        size_t length = (size_t)number();
        ck_assert_uint_le(length, file.size - file.at);
        ck_assert_uint_lt(length, sizeof(name->text));
        memcpy(name->text, file.bytes + file.at, length);
        name->text[length] = '\0';
        file.at += length;
    }
    return count;
}

/* The name of this number. */
static const char *name_of(uint64_t wanted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i].number == wanted)
            return names[i].text;
    }
    ck_abort_msg("there is no name %d", (int)wanted);
}

/* The stack of the calls is in the name. */
static MEMHEAP_NOINLINE void *alloc_elsewhere(void)
{
    return alloc(48);
}

static void open_labelled(int kind)
{
    setenv("MEMHEAP_RECORDS", "1", 1);
    open_traced(kind);
    unsetenv("MEMHEAP_RECORDS");
}

START_TEST(trace_of_a_heap_with_records_is_labelled)
{
    open_labelled(_i);
    memheap_at("first.c", 12);
    void *first = alloc(100);
    memheap_set_tag("grid");
    memheap_at("second.c", 34);
    void *second;
    ck_assert_ok(memheap_alloc_aligned(unit.heap, 64, 200, &second));
    memheap_set_tag(NULL);
    memheap_at("second.c", 34);
    alloc(300);
    ck_assert_ok(memheap_resize(unit.heap, first, 1000, &first));
    ck_assert_ok(memheap_free(unit.heap, first));
    alloc_elsewhere();
    unit_heap_close(&unit);
    read_trace();
    size_t count = read_names();
    ck_assert_uint_eq(count, 4);
    expect(6, (op_t[]){{ALLOC, 100, 0},
                       {ALIGN, 200, 6},
                       {ALLOC, 300, 0},
                       {RESIZE, 1000, 3},
                       {FREE, 0, 3},
                       {ALLOC, 48, 0}});
    ck_assert_uint_eq(file.site[1], file.site[2]);
    ck_assert_uint_eq(file.tag[0], 0);
    ck_assert_uint_eq(file.tag[1], 1);
    ck_assert_uint_eq(file.tag[2], 0);
    ck_assert_str_eq(name_of(3, count), "grid");
    ck_assert_str_eq(name_of(2 * file.site[0], count), "first.c:12");
    ck_assert_str_eq(name_of(2 * file.site[1], count), "second.c:34");
    const char *lines = name_of(2 * file.site[5], count);
    ck_assert_ptr_nonnull(strchr(lines, '\n'));
    if (strstr(lines, " at ") == NULL)
        return; /* no debug information */
    ck_assert_msg(strncmp(lines, "alloc", 5) == 0, "%s", lines);
    ck_assert_ptr_nonnull(strstr(lines, "\nalloc_elsewhere at test_trace.c:"));
}
END_TEST

/* Names are longer than the window. */
START_TEST(names_of_a_trace_are_complete)
{
    enum {
        NAMES = 40,
        LENGTH = 10000
    };
    static char text[LENGTH + 1];
    bool found[NAMES] = {false};
    open_labelled(0);
    for (int i = 0; i < NAMES; i++) {
        memset(text, '0' + i, LENGTH);
        memheap_at(text, 7);
        alloc(100);
    }
    unit_heap_close(&unit);
    read_trace();
    ck_assert_uint_eq(file.count, NAMES);
    for (int i = 0; i < NAMES; i++) {
        number();
        ck_assert_uint_eq(number(), LENGTH + 2);
        ck_assert_uint_ge(file.size - file.at, LENGTH + 2);
        const uint8_t *name = file.bytes + file.at;
        memset(text, name[0], LENGTH);
        ck_assert_mem_eq(name, text, LENGTH);
        ck_assert_mem_eq(name + LENGTH, ":7", 2);
        ck_assert_uint_lt(name[0] - (unsigned)'0', NAMES);
        ck_assert(!found[name[0] - '0']);
        found[name[0] - '0'] = true;
        file.at += LENGTH + 2;
    }
    ck_assert_uint_eq(file.at, file.size);
}
END_TEST

START_TEST(labelled_trace_of_a_crash_has_all_calls)
{
    pid_t child = fork_child();
    if (child == 0) {
        open_labelled(0);
        memheap_at("crash.c", 1);
        alloc(77);
        raise(SIGKILL);
    }
    waitpid(child, NULL, 0);
    read_trace();
    expect(1, (op_t[]){{ALLOC, 77, 0}});
    ck_assert_uint_eq(file.site[0], 1);
    for (; file.at < file.size; file.at++)
        ck_assert_uint_eq(file.bytes[file.at], 0);
}
END_TEST

START_TEST(forked_child_writes_no_names)
{
    if (unit_is_emulated())
        return;
    open_labelled(0);
    memheap_at("parent.c", 1);
    alloc(100);
    pid_t child = fork_child();
    if (child == 0) {
        unit_heap_close(&unit);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    ck_assert_int_eq(status, 0);
    memheap_at("parent.c", 1);
    alloc(200);
    unit_heap_close(&unit);
    read_trace();
    ck_assert_uint_eq(read_names(), 1);
    expect(2, (op_t[]){{ALLOC, 100, 0}, {ALLOC, 200, 0}});
    ck_assert_uint_eq(file.site[1], 1);
    ck_assert_str_eq(names[0].text, "parent.c:1");
}
END_TEST

START_TEST(two_heaps_do_not_write_one_file)
{
    unit_heap_t other;
    open_traced(0);
    alloc(100);
    unit_heap_open(&other, 0, SIZE, 0, param);
    ck_assert_logged(&other.log, "another heap writes it; use %h");
    void *block;
    ck_assert_ok(memheap_alloc(other.heap, 10, &block));
    unit_heap_close(&other);
    alloc(200);
    unit_heap_close(&unit);
    read_ended();
    expect(2, (op_t[]){{ALLOC, 100, 0}, {ALLOC, 200, 0}});
}
END_TEST

START_TEST(name_has_heap_and_process)
{
    snprintf(param, sizeof(param), "MEMHEAP_TRACE=%s/%%h-%%p.sht", folder);
    open_traced(0);
    alloc(9);
    snprintf(path, sizeof(path), "%s/%s-%ld.sht", folder,
             memheap_name(unit.heap), (long)getpid());
    unit_heap_close(&unit);
    read_ended();
    expect(1, (op_t[]){{ALLOC, 9, 0}});
}
END_TEST

static const char *const unwritable[] = {
    "MEMHEAP_TRACE=/proc/nowhere/a.sht", "/proc/nowhere/a.sht: No such file",
    "MEMHEAP_TRACE=/dev/null", "/dev/null: it is not a regular file"};

START_TEST(heap_works_without_a_trace_file)
{
    unit_heap_open(&unit, 0, SIZE, 0, unwritable[2 * _i]);
    ck_assert_logged(&unit.log, unwritable[2 * _i + 1]);
    ck_assert_ok(memheap_free(unit.heap, alloc(100)));
    unit_heap_close(&unit);
}
END_TEST

/* The limit of the file size, and a full disk. What there is is not compressed.
 */
START_TEST(file_that_cannot_grow_ends_the_trace)
{
    snprintf(param, sizeof(param), "MEMHEAP_TRACE=%s.xz", path);
    open_traced(0);
    rlim_t limit =
        unit_limit(RLIMIT_FSIZE, _i == 0 ? 300 * KIB : RLIM_INFINITY);
    ck_assert(_i == 0 || unit_refuse_call(SYS_fallocate, ENOSPC));
    int failed = 0; /* no asserts: they write to a file of Check */
    for (int i = 0; i < 100000; i++) {
        void *block;
        failed += memheap_alloc(unit.heap, 300, &block) != MEMHEAP_OK ||
                  memheap_free(unit.heap, block) != MEMHEAP_OK;
    }
    unit_limit(RLIMIT_FSIZE, limit);
    ck_assert_int_eq(failed, 0);
    ck_assert_logged(&unit.log, strerror(_i == 0 ? EFBIG : ENOSPC));
    ck_assert_uint_eq(unit.log.count, 1);
    unit_heap_close(&unit);
    read_ended();
    ck_assert_uint_gt(file.count, 50000);
}
END_TEST

START_TEST(trace_is_compressed_at_the_end)
{
    char command[6 * UNIT_PATH];
    if (access(MEMHEAP_XZ, X_OK) != 0)
        return;
    char *programs = strdup(getenv("PATH"));
    snprintf(param, sizeof(param), "MEMHEAP_TRACE=%s.xz", path);
    open_traced(0);
    alloc(100);
    ck_assert_int_eq(access(path, F_OK), 0);
    unit_program_new(folder, "xz", ":"); /* it is not taken from the PATH */
    unit_heap_close(&unit);
    setenv("PATH", programs, 1);
    free(programs);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_uint_eq(unit.log.count, 0);
    snprintf(command, sizeof(command), MEMHEAP_XZ " -dk %s.xz", path);
    ck_assert_int_eq(system(command), 0);
    read_ended();
    expect(1, (op_t[]){{ALLOC, 100, 0}});
}
END_TEST

/* Close a heap whose trace cannot be compressed. */
static void close_uncompressed(const char *why)
{
    alloc(100);
    memheap_destroy(unit.heap);
    unit.heap = NULL;
    ck_assert_logged(&unit.log, why);
    unit_heap_close(&unit);
    read_ended();
    expect(1, (op_t[]){{ALLOC, 100, 0}});
}

START_TEST(trace_stays_if_xz_fails)
{
    char packed[2 * UNIT_PATH + 8];
    if (access(MEMHEAP_XZ, X_OK) != 0)
        return;
    snprintf(packed, sizeof(packed), "%s.xz", path);
    snprintf(param, sizeof(param), "MEMHEAP_TRACE=%s", packed);
    open_traced(0);
    ck_assert_int_eq(mkdir(packed, 0700), 0);
    close_uncompressed("is not compressed: xz(1) fails");
    rmdir(packed);
}
END_TEST

START_TEST(trace_stays_if_xz_cannot_be_started)
{
#ifdef __SANITIZE_ADDRESS__
    return; /* it needs address space itself */
#endif
    if (unit_is_emulated())
        return;
    snprintf(param, sizeof(param), "MEMHEAP_TRACE=%s.xz", path);
    open_traced(0);
    rlim_t limit = unit_limit(RLIMIT_AS, 4096);
    close_uncompressed("is not compressed: xz(1) cannot be started (");
    unit_limit(RLIMIT_AS, limit);
}
END_TEST

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

START_TEST(threads_are_traced_one_by_one)
{
    static bool freed[4000];
    pthread_t threads[4];
    size_t count = 0;
    open_traced(_i);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, churn, NULL), 0);
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        ck_assert_ptr_null(result);
    }
    unit_heap_close(&unit);
    read_ended();
    ck_assert_uint_eq(file.count, 8000);
    memset(freed, 0, sizeof(freed));
    for (size_t i = 0; i < file.count; i++) {
        if (file.op[i].kind == ALLOC) {
            count++;
            continue;
        }
        ck_assert_uint_le(file.op[i].more, count);
        ck_assert(!freed[count - file.op[i].more]);
        freed[count - file.op[i].more] = true;
    }
}
END_TEST

/* Metadata runs out after a few calls; the heap itself needs some too. */
START_TEST(allocations_that_a_trace_lacks_are_counted)
{
    enum {
        CALLS = 3000
    };
    char lost[64];
    unit_memory_t memory;
    unit_log_t log;
    const char *params[] = {param, NULL};
    memheap_t *heap;
    size_t allocated = 0;
    unit_log_init(&log);
    unit_memory_init(&memory);
    memheap_config_t config = {.size = SIZE,
                               .params = params,
                               .log = &log.log,
                               .memory = &memory.memory};
    ck_assert_ok(memheap_create(&config, &heap));
    for (size_t i = 0; i < CALLS; i++) {
        void *block;
        memory.fail_at = i < 10 ? 0 : memory.requests + 1;
        allocated += memheap_alloc(heap, 32, &block) == MEMHEAP_OK;
    }
    memheap_destroy(heap);
    read_ended();
    ck_assert_uint_gt(file.count, 0);
    ck_assert_uint_lt(file.count, allocated);
    snprintf(lost, sizeof(lost), "lacks %zu allocations, for lack of memory",
             allocated - file.count);
    ck_assert_logged(&log, lost);
    ck_assert_uint_eq(memory.pieces, 0);
}
END_TEST

START_TEST(no_heap_fails_for_lack_of_a_trace)
{
    unit_memory_t memory;
    const char *params[] = {param, NULL};
    bool created = false;
    for (size_t i = 1; i < 200; i++) {
        unit_log_t log;
        unit_log_init(&log);
        unit_memory_init(&memory);
        memory.fail_at = i;
        memheap_config_t config = {.size = SIZE,
                                   .params = params,
                                   .log = &log.log,
                                   .memory = &memory.memory};
        memheap_t *heap;
        if (memheap_create(&config, &heap) == MEMHEAP_OK) {
            void *block;
            created = true;
            if (memheap_alloc(heap, 100, &block) == MEMHEAP_OK)
                ck_assert_ok(memheap_free(heap, block));
            memheap_destroy(heap);
        }
        ck_assert_uint_eq(memory.pieces, 0);
    }
    ck_assert(created);
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    int kinds = unit_heap_kinds();
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, name_of_a_trace_may_have_one_letter);
    tcase_add_loop_test(tests, each_call_is_recorded, 0, kinds);
    tcase_add_loop_test(tests, failed_calls_are_not_recorded, 0, kinds);
    tcase_add_loop_test(tests, rolled_back_block_is_allocated_and_freed, 0,
                        kinds);
    tcase_add_loop_test(tests, replay_has_equal_results, 0, kinds);
    tcase_add_loop_test(tests, trace_does_not_change_placement, 0, kinds);
    tcase_add_test(tests, long_trace_is_complete);
    tcase_add_test(tests, trace_counts_as_metadata);
    tcase_add_test(tests, trace_of_a_crash_has_all_calls);
    tcase_add_test(tests, forked_child_is_not_traced);
    tcase_add_test(tests, forked_child_can_have_a_trace_of_its_own);
    tcase_add_loop_test(tests, trace_of_a_heap_with_records_is_labelled, 0,
                        kinds);
    tcase_add_test(tests, names_of_a_trace_are_complete);
    tcase_add_test(tests, labelled_trace_of_a_crash_has_all_calls);
    tcase_add_test(tests, forked_child_writes_no_names);
    tcase_add_test(tests, two_heaps_do_not_write_one_file);
    tcase_add_test(tests, name_has_heap_and_process);
    tcase_add_loop_test(tests, heap_works_without_a_trace_file, 0, 2);
    tcase_add_loop_test(tests, file_that_cannot_grow_ends_the_trace, 0, 2);
    tcase_add_test(tests, trace_is_compressed_at_the_end);
    tcase_add_test(tests, trace_stays_if_xz_fails);
    tcase_add_test(tests, trace_stays_if_xz_cannot_be_started);
    tcase_add_loop_test(tests, threads_are_traced_one_by_one, 0, kinds);
    tcase_add_test(tests, allocations_that_a_trace_lacks_are_counted);
    tcase_add_test(tests, no_heap_fails_for_lack_of_a_trace);
    return unit_run("trace", tests);
}
