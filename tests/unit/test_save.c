/*
 * Saving heaps and loading them.
 */
#include "config.h"

#include "memheap/save.h"
#include "tests/unit/unit.h"

#include <memheap/context.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SIZE = 8 * 1024 * 1024,
    NODES = 400
};

/* A block of a list. Its bytes behind the head are its number. */
typedef struct node {
    struct node *next;
    size_t size;
    uint64_t number;
} node_t;

static unit_heap_t unit;
static int file;

#if !UNIT_TSAN
/* Whether reads and writes do only a part, or are interrupted by a signal. */
static bool partial;

static bool is_interrupted(size_t *size_p)
{
    static unsigned calls;
    if (partial && ++calls % 3 == 0) {
        errno = EINTR;
        return true;
    }
    *size_p -= partial ? *size_p / 3 : 0;
    return false;
}

ssize_t write(int fd, const void *data, size_t size)
{
    return is_interrupted(&size) ? -1 : syscall(SYS_write, fd, data, size);
}

ssize_t read(int fd, void *data, size_t size)
{
    return is_interrupted(&size) ? -1 : syscall(SYS_read, fd, data, size);
}
#endif

static void setup(void)
{
    file = memfd_create("saved", MFD_CLOEXEC);
    ck_assert_int_ge(file, 0);
}

static void teardown(void)
{
    close(file);
}

static void fill(node_t *node)
{
    memset(node + 1, (int)(node->number % 255 + 1), node->size - sizeof(*node));
}

static void check_list(const node_t *root, size_t count)
{
    size_t found = 0;
    for (const node_t *node = root; node != NULL; node = node->next) {
        const unsigned char *bytes = (const unsigned char *)(node + 1);
        for (size_t i = 0; i < node->size - sizeof(*node); i++)
            ck_assert_uint_eq(bytes[i], node->number % 255 + 1);
        found++;
    }
    ck_assert_uint_eq(found, count);
}

/* Build a list of blocks of many sizes and alignments, with gaps between them.
 * *count_p takes the number of its blocks. */
static node_t *build(memheap_t *heap, size_t *count_p)
{
    uint64_t state = unit_seed();
    node_t *all[NODES];
    node_t *root = NULL;
    size_t kept = 0;
    for (size_t i = 0; i < NODES; i++) {
        /* Some are longer than the buffer of a file. */
        size_t most = i % 100 == 0 ? 200000 : i % 20 == 0 ? 60000 : 500;
        size_t size = sizeof(node_t) + unit_random(&state) % most;
        size_t align = (size_t)16 << unit_random(&state) % 8;
        void *block;
        ck_assert_ok(memheap_alloc_aligned(heap, align, size, &block));
        all[i] = block;
        all[i]->size = size;
        all[i]->number = i;
    }
    for (size_t i = 0; i < NODES; i++) {
        if (unit_random(&state) % 3 == 0) {
            ck_assert_ok(memheap_free(heap, all[i]));
            continue;
        }
        all[i]->next = root;
        root = all[i];
        fill(root);
        kept++;
    }
    *count_p = kept;
    return root;
}

static bool digest_live(void *context, const memheap_block_t *block)
{
    uint64_t *digest = context;
    if (!block->live)
        return true;
    *digest ^= (uintptr_t)block->address;
    unit_random(digest);
    *digest ^= block->size;
    unit_random(digest);
    return true;
}

/* A digest of all live blocks. Free space may be divided in another way. */
static uint64_t live_digest(void)
{
    uint64_t digest = 1;
    memheap_walk(unit.heap, digest_live, &digest);
    return digest;
}

static void rewind_file(void)
{
    ck_assert_int_eq(lseek(file, 0, SEEK_SET), 0);
}

/* The configuration of a heap like the saved one. */
static memheap_config_t like_saved(void)
{
    memheap_config_t config = {
        .name = "loaded", .log = &unit.log.log, .params = unit.params};
    if (unit.range != NULL) {
        config.base = unit.base;
        config.size = SIZE;
    }
    return config;
}

/* Destroy the heap, and overwrite its range if that is the test's. */
static void destroy(void)
{
    ck_assert_ok(memheap_destroy(unit.heap));
    unit.heap = NULL;
    if (unit.range != NULL)
        memset(unit.base, 0xAB, SIZE);
}

static memheap_status_t load(void **root_p)
{
    memheap_config_t config = like_saved();
    rewind_file();
    return memheap_load(&config, file, &unit.heap, root_p);
}

START_TEST(loaded_heap_has_all_blocks)
{
    size_t count;
    void *root;
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    void *first = build(unit.heap, &count);
    uint64_t before = live_digest();
    memheap_stats_t old;
    memheap_stats_t now;
    memheap_get_stats(unit.heap, &old);
    ck_assert_ok(memheap_save(unit.heap, first, file));
    check_list(first, count); /* saving changes nothing */
    ck_assert_uint_eq(live_digest(), before);
    destroy();
    for (int round = 0; round < 2; round++) {
        ck_assert_ok(load(&root));
        ck_assert_ptr_eq(root, first);
        check_list(root, count);
        ck_assert_uint_eq(live_digest(), before);
        ck_assert_ok(memheap_check(unit.heap));
        memheap_get_stats(unit.heap, &now);
        ck_assert_uint_eq(now.used, old.used);
        ck_assert_uint_eq(now.live_blocks, count);
        /* It is a heap like any other. */
        size_t more;
        node_t *other = build(unit.heap, &more);
        check_list(root, count);
        check_list(other, more);
        for (node_t *node = root, *next; node != NULL; node = next) {
            next = node->next;
            ck_assert_ok(memheap_free(unit.heap, node));
        }
        ck_assert_ok(memheap_check(unit.heap));
        destroy();
    }
    unit_heap_close(&unit);
}
END_TEST

#if !UNIT_TSAN
START_TEST(partial_calls_are_continued)
{
    size_t count;
    void *root;
    unit_heap_open(&unit, 0, SIZE, 0, NULL);
    void *first = build(unit.heap, &count);
    uint64_t before = live_digest();
    partial = true;
    ck_assert_ok(memheap_save(unit.heap, first, file));
    destroy();
    ck_assert_ok(load(&root));
    partial = false;
    ck_assert_ptr_eq(root, first);
    check_list(root, count);
    ck_assert_uint_eq(live_digest(), before);
    unit_heap_close(&unit);
}
END_TEST
#endif

START_TEST(empty_heap_can_be_saved)
{
    void *root = &unit;
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    ck_assert_ok(memheap_save(unit.heap, NULL, file));
    destroy();
    ck_assert_ok(load(&root));
    ck_assert_ptr_null(root);
    ck_assert_ptr_nonnull(memheap_malloc(unit.heap, 1000));
    destroy();
    unit_heap_close(&unit);
}
END_TEST

/* Another process goes on, through a pipe. */
START_TEST(pipe_is_enough)
{
    size_t count;
    int ends[2];
    unit_heap_open(&unit, 0, SIZE, 0, NULL);
    node_t *first = build(unit.heap, &count);
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        memheap_config_t config = like_saved();
        void *root = NULL;
        close(ends[1]);
        memheap_destroy(unit.heap); /* the child's copy */
        if (memheap_load(&config, ends[0], &unit.heap, &root) != MEMHEAP_OK)
            _exit(1);
        size_t found = 0;
        for (node_t *node = root; node != NULL; node = node->next)
            found++;
        _exit(found == count ? 0 : 2);
    }
    close(ends[0]);
    ck_assert_ok(memheap_save(unit.heap, first, ends[1]));
    close(ends[1]);
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    unit_heap_close(&unit);
}
END_TEST

/* The file comes in two pieces. The first one ends in the head. */
START_TEST(pipe_may_pause)
{
    char saved[4096];
    int ends[2];
    int status;
    void *root;
    unit_heap_open(&unit, 0, SIZE, 0, NULL);
    memset(memheap_malloc(unit.heap, 100), 1, 100);
    ck_assert_ok(memheap_save(unit.heap, NULL, file));
    destroy();
    ssize_t size = pread(file, saved, sizeof(saved), 0);
    ck_assert_int_gt(size, 100);
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], saved, 10), 10);
    pid_t child = fork();
    if (child == 0) {
        int left = 10;
        while (ioctl(ends[0], FIONREAD, &left) == 0 && left > 0)
            sched_yield();
        size -= 10;
        _exit(write(ends[1], saved + 10, (size_t)size) == size ? 0 : 1);
    }
    memheap_config_t config = like_saved();
    ck_assert_ok(memheap_load(&config, ends[0], &unit.heap, &root));
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    close(ends[0]);
    close(ends[1]);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(untouched_memory_takes_no_place)
{
    memheap_config_t config = {.size = GIB, .name = "large"};
    memheap_t *heap;
    void *root;
    if (unit_lacks_addresses())
        return;
    ck_assert_ok(memheap_create(&config, &heap));
    char *block = memheap_malloc(heap, GIB / 2);
    block[100 * MIB] = 'x';
    block[GIB / 2 - 1] = 'y';
    ck_assert_ok(memheap_save(heap, block, file));
    ck_assert_int_lt(lseek(file, 0, SEEK_END), MIB);
    ck_assert_ok(memheap_destroy(heap));
    rewind_file();
    long before = unit_resident_kib();
    ck_assert_ok(memheap_load(&config, file, &heap, &root));
    ck_assert_ptr_eq(root, block);
    ck_assert_int_eq(block[100 * MIB], 'x');
    ck_assert_int_eq(block[GIB / 2 - 1], 'y');
    ck_assert_int_eq(block[200 * MIB], 0);
    ck_assert_int_lt(unit_resident_kib() - before, 20 * 1024);
    ck_assert_ok(memheap_destroy(heap));
}
END_TEST

/* A loaded block is zero where it was zero, even if its memory was in use. */
START_TEST(zeros_replace_what_was_there)
{
    void *root;
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    char *block = memheap_calloc(unit.heap, 1, 1000000);
    block[500000] = 'x';
    ck_assert_ok(memheap_save(unit.heap, block, file));
    destroy();
    ck_assert_ok(load(&root));
    ck_assert_ptr_eq(root, block);
    for (int i = 0; i < 1000000; i++)
        ck_assert_int_eq(block[i], i == 500000 ? 'x' : 0);
    destroy();
    unit_heap_close(&unit);
}
END_TEST

/* Collect the live blocks, which come in order of address. */
static bool take_block(void *context, const memheap_block_t *block)
{
    memheap_block_t **next = context;
    if (block->live)
        *(*next)++ = *block;
    return true;
}

START_TEST(tags_and_sizes_are_kept)
{
    void *root;
    unit_heap_open(&unit, 0, SIZE, 0, "MEMHEAP_RECORDS=1");
    memheap_set_tag("mesh");
    memheap_malloc(unit.heap, 1001);
    memheap_set_tag("graph");
    memheap_malloc(unit.heap, 2002);
    memheap_set_tag(NULL);
    ck_assert_ok(memheap_save(unit.heap, NULL, file));
    destroy();
    memheap_set_tag("mine");
    ck_assert_ok(load(&root));
    ck_assert_str_eq(memheap_set_tag(NULL), "mine");
    memheap_block_t blocks[2];
    memheap_block_t *next = blocks;
    memheap_walk(unit.heap, take_block, &next);
    ck_assert_ptr_eq(next, blocks + 2);
    ck_assert_uint_eq(blocks[0].asked, 1001);
    ck_assert_str_eq(blocks[0].tag, "mesh");
    ck_assert_uint_eq(blocks[1].asked, 2002);
    ck_assert_str_eq(blocks[1].tag, "graph");
    destroy();
    unit_heap_close(&unit);
}
END_TEST

/* The file with one byte changed, or without its end: each is found, and
 * nothing is left. */
START_TEST(damage_is_found)
{
    void *root;
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    for (int i = 1; i < 40; i++)
        memset(memheap_malloc(unit.heap, (size_t)i * 7), i, (size_t)i * 7);
    ck_assert_ok(memheap_save(unit.heap, NULL, file));
    destroy();
    off_t end = lseek(file, 0, SEEK_END);
    for (off_t at = 0; at < end; at += at < 200 ? 1 : 61) {
        char byte;
        ck_assert_int_eq(pread(file, &byte, 1, at), 1);
        byte ^= 0x10;
        ck_assert_int_eq(pwrite(file, &byte, 1, at), 1);
        unit_log_clear(&unit.log);
        ck_assert_int_eq(load(&root), MEMHEAP_ERR_CORRUPT);
        ck_assert_logged(&unit.log, at < 8 ? "the file is no saved heap"
                                           : "the saved heap is damaged: ");
        byte ^= 0x10;
        ck_assert_int_eq(pwrite(file, &byte, 1, at), 1);
    }
    for (off_t length = end - 1; length >= 0; length -= length < 200 ? 1 : 67) {
        int whole = file;
        char bytes[1 << 16];
        ck_assert_int_eq(pread(whole, bytes, (size_t)length, 0), length);
        setup();
        ck_assert_int_eq(write(file, bytes, (size_t)length), length);
        unit_log_clear(&unit.log);
        ck_assert_int_eq(load(&root), MEMHEAP_ERR_CORRUPT);
        ck_assert_logged(&unit.log, "the file ends too early");
        close(file);
        file = whole;
    }
    ck_assert_ok(load(&root));
    destroy();
    unit_heap_close(&unit);
}
END_TEST

/* The digest of a saved heap; see memheap/stream.c. */
static uint64_t digest_of(const uint64_t *words, size_t count)
{
    uint64_t digest = 0;
    for (size_t i = 0; i < count; i++) {
        digest = (digest ^ words[i]) * UINT64_C(0x9E3779B97F4A7C15);
        digest ^= digest >> 32;
    }
    return digest;
}

/* A file that somebody has made: its digests are right, but the contents of a
 * block are longer than the block. */
START_TEST(contents_longer_than_a_block_are_refused)
{
    enum {
        HEAD = 2 + sizeof(memheap_save_info_t) / 8, /* magic, info, digest */
        LENGTH = HEAD + 2,                          /* of the first block */
        TABLE = HEAD + 3 + MEMHEAP_TAG_SIZE / 8     /* digest of the table */
    };
    uint64_t words[TABLE + 64];
    void *root;
    unit_heap_open(&unit, 0, SIZE, 0, NULL);
    memset(memheap_malloc(unit.heap, 100), 1, 100);
    ck_assert_ok(memheap_save(unit.heap, NULL, file));
    destroy();
    size_t count = (size_t)lseek(file, 0, SEEK_END) / 8;
    ck_assert_uint_lt(count, TABLE + 60);
    ck_assert_uint_eq((size_t)pread(file, words, count * 8, 0), count * 8);
    ck_assert_uint_eq(words[HEAD - 1], digest_of(words, HEAD - 1));
    ck_assert_uint_eq(words[TABLE], digest_of(words, TABLE));
    ck_assert_uint_eq(words[count - 1], digest_of(words, count - 1));
    ck_assert_uint_eq(words[TABLE + 1], 0); /* the one run, behind the table */
    if (_i == 0) {
        words[LENGTH] += 16;
        words[TABLE] = digest_of(words, TABLE);
        words[TABLE + 2] += 16;
        words[count - 1] = words[count] = 7;
        count += 2;
    } else { /* it begins later; and its length overflows */
        words[TABLE + 1] = _i == 1 ? 16 : 101;
        words[TABLE + 2] = _i == 1 ? words[TABLE + 2] : 0;
        count -= _i == 1 ? 0 : (words[LENGTH] + 7) / 8;
    }
    words[count - 1] = digest_of(words, count - 1);
    ck_assert_int_eq(ftruncate(file, 0), 0);
    ck_assert_uint_eq((size_t)pwrite(file, words, count * 8, 0), count * 8);
    ck_assert_int_eq(load(&root), MEMHEAP_ERR_CORRUPT);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(tag_without_an_end_is_cut)
{
    enum {
        HEAD = 2 + sizeof(memheap_save_info_t) / 8,
        TAG = HEAD + 3,
        TABLE = TAG + MEMHEAP_TAG_SIZE / 8
    };
    uint64_t words[TABLE + 64];
    void *root;
    unit_heap_open(&unit, 0, SIZE, 0, "MEMHEAP_RECORDS=1");
    memset(memheap_malloc(unit.heap, 100), 1, 100);
    ck_assert_ok(memheap_save(unit.heap, NULL, file));
    destroy();
    size_t count = (size_t)lseek(file, 0, SEEK_END) / 8;
    ck_assert_uint_eq((size_t)pread(file, words, count * 8, 0), count * 8);
    memset(&words[TAG], 'x', MEMHEAP_TAG_SIZE);
    words[TABLE] = digest_of(words, TABLE);
    words[count - 1] = digest_of(words, count - 1);
    ck_assert_uint_eq((size_t)pwrite(file, words, count * 8, 0), count * 8);
    ck_assert_ok(load(&root));
    memheap_block_t block;
    memheap_block_t *next = &block;
    memheap_walk(unit.heap, take_block, &next);
    ck_assert_uint_eq(strlen(block.tag), MEMHEAP_TAG_SIZE - 1);
    ck_assert_uint_eq(strspn(block.tag, "x"), MEMHEAP_TAG_SIZE - 1);
    destroy();
    unit_heap_close(&unit);
}
END_TEST

/* Or overlaps another one. */
START_TEST(block_outside_of_the_heap_is_refused)
{
    enum {
        HEAD = 2 + sizeof(memheap_save_info_t) / 8,
        ENTRY = 3 + MEMHEAP_TAG_SIZE / 8
    };
    size_t table = HEAD + ENTRY * (1 + (size_t)_i); /* its digest */
    uint64_t words[HEAD + 2 * ENTRY + 64];
    void *root;
    unit_heap_open(&unit, 0, SIZE, 0, NULL);
    memset(memheap_malloc(unit.heap, 100), 1, 100);
    if (_i == 1)
        memset(memheap_malloc(unit.heap, 100), 1, 100);
    ck_assert_ok(memheap_save(unit.heap, NULL, file));
    destroy();
    size_t count = (size_t)lseek(file, 0, SEEK_END) / 8;
    ck_assert_uint_eq((size_t)pread(file, words, count * 8, 0), count * 8);
    if (_i == 0)
        words[HEAD] = SIZE - 16; /* the offset of the block */
    else
        words[HEAD + ENTRY] =
            words[HEAD]; /* the second is where the first is */
    words[table] = digest_of(words, table);
    words[count - 1] = digest_of(words, count - 1);
    ck_assert_uint_eq((size_t)pwrite(file, words, count * 8, 0), count * 8);
    ck_assert_int_eq(load(&root),
                     _i == 0 ? MEMHEAP_ERR_NO_MEMORY : MEMHEAP_ERR_BUSY);
    unit_heap_close(&unit);
}
END_TEST

START_TEST(other_heap_is_refused)
{
    void *root;
    memheap_t *heap;
    unit_heap_open(&unit, 0, SIZE, 0, NULL);
    memset(memheap_malloc(unit.heap, 100000), 1, 100000);
    memheap_malloc(unit.heap, 100000);
    ck_assert_ok(memheap_save(unit.heap, NULL, file));

    ck_assert_int_eq(load(&root), MEMHEAP_ERR_BUSY);
    ck_assert_logged(&unit.log, "(the range is taken)");
    memheap_config_t config = {.base = aligned_alloc(4096, SIZE),
                               .size = SIZE,
                               .log = &unit.log.log,
                               .params = unit.params};
    rewind_file();
    ck_assert_int_eq(memheap_load(&config, file, &heap, &root),
                     MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_logged(&unit.log, "the heap was saved at 0x");
    free(config.base);
    destroy();

    config = like_saved();
    config.size = 64 * KIB;
    rewind_file();
    ck_assert_int_eq(memheap_load(&config, file, &heap, &root),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_logged(&unit.log, "no place for a block of ");

    const char *guarded[] = {"MEMHEAP_GUARD=1", NULL};
    config = like_saved();
    config.params = guarded;
    rewind_file();
    ck_assert_int_eq(memheap_load(&config, file, &heap, &root),
                     MEMHEAP_ERR_UNSUPPORTED);
    ck_assert_logged(&unit.log, "a heap with MEMHEAP_GUARD cannot be loaded");

    /* The file of a PE of a job. */
    close(file);
    setup();
    memheap_save_info_t info = {.pe = 2, .pes = 4};
    unit_heap_open(&unit, 0, SIZE, 0, NULL);
    ck_assert_ok(memheap_save_part(unit.heap, &info, file));
    destroy();
    ck_assert_int_eq(load(&root), MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_logged(&unit.log, "the heap of PE 2 of 4");
    unit_heap_close(&unit);
}
END_TEST

START_TEST(other_component_is_refused)
{
    static const char *const choices[2][2] = {{"MEMHEAP_COMPONENT=buddy"},
                                              {"MEMHEAP_COMPONENT=ptmalloc"}};
    memheap_config_t config = {
        .size = SIZE, .log = &unit.log.log, .params = choices[0]};
    memheap_t *heap;
    unit_log_init(&unit.log);
    if (memheap_create(&config, &heap) != MEMHEAP_OK)
        return; /* the component is not built in */
    ck_assert_ok(memheap_save(heap, NULL, file));
    ck_assert_ok(memheap_destroy(heap));
    config.params = choices[1];
    rewind_file();
    memheap_status_t status = memheap_load(&config, file, &heap, NULL);
    if (status == MEMHEAP_ERR_NO_COMPONENT)
        return;
    ck_assert_int_eq(status, MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_logged(&unit.log,
                     "the heap was saved with component buddy, and this one "
                     "has ptmalloc; set MEMHEAP_COMPONENT=buddy");
}
END_TEST

START_TEST(files_that_fail_are_errors)
{
    void *root;
    unit_heap_open(&unit, 0, SIZE, 0, NULL);
    memset(memheap_malloc(unit.heap, 100000), 1, 100000);
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(full, 0);
    ck_assert_int_eq(memheap_save(unit.heap, NULL, full), MEMHEAP_ERR_SYSTEM);
    ck_assert_logged(&unit.log, "cannot save heap");
    ck_assert_logged(&unit.log, strerror(ENOSPC));
    close(full);
    destroy();
    memheap_config_t config = like_saved();
    ck_assert_int_eq(memheap_load(&config, -1, &unit.heap, &root),
                     MEMHEAP_ERR_SYSTEM);
    ck_assert_logged(&unit.log, "cannot read the saved heap");
    unit_heap_close(&unit);
}
END_TEST

START_TEST(lack_of_memory_is_an_error)
{
#ifdef __SANITIZE_ADDRESS__
    return; /* it needs address space itself */
#endif
    memheap_save_info_t info;
    unit_heap_open(&unit, 0, SIZE, 0, NULL);
    for (size_t i = 0; i < 20000; i++) /* their list is longer than a buffer */
        ck_assert_ptr_nonnull(memheap_malloc(unit.heap, 16));
    for (size_t i = 0; i < 2; i++) {
        unit_limit_memory(i * 512 * KIB);
        memheap_status_t status = memheap_save(unit.heap, NULL, file);
        unit_limit(RLIMIT_AS, RLIM_INFINITY);
        ck_assert_int_eq(status, MEMHEAP_ERR_NO_METADATA);
    }
    ck_assert_logged(&unit.log, "no memory for a list of the blocks");
    ck_assert_ok(memheap_save(unit.heap, NULL, file));
    memheap_unload(unit.heap);
    for (size_t i = 0; i < 3; i++) {
        rewind_file();
        unit_limit_memory(0);
        memheap_status_t status = memheap_load_info(file, &info, &unit.log.log);
        unit_limit(RLIMIT_AS, RLIM_INFINITY);
        ck_assert_int_eq(status, MEMHEAP_ERR_NO_METADATA);
        ck_assert_ok(memheap_load_info(file, &info, &unit.log.log));
        unit_limit_memory(i < 2 ? i * 512 * KIB : 64 * MIB);
        status = memheap_load_blocks(unit.heap, &info, file);
        unit_limit(RLIMIT_AS, RLIM_INFINITY);
        ck_assert_int_eq(status, i < 2 ? MEMHEAP_ERR_NO_METADATA : MEMHEAP_OK);
    }
    unit_heap_close(&unit);
}
END_TEST

START_TEST(heap_in_use_is_not_saved)
{
    memheap_context_t *context;
    unit_heap_open(&unit, 0, SIZE, 0, NULL);
    memheap_pool_t pool = memheap_heap_as_pool(unit.heap);
    memheap_context_config_t config = {
        .pool = &pool, .name = "solver", .log = &unit.log.log};
    ck_assert_ok(memheap_context_create(&config, &context));
    ck_assert_int_eq(memheap_save(unit.heap, NULL, file), MEMHEAP_ERR_BUSY);
    ck_assert_logged(&unit.log, "solver");
    ck_assert_int_eq(lseek(file, 0, SEEK_END), 0);
    ck_assert_ok(memheap_context_destroy(context));
    ck_assert_ok(memheap_save(unit.heap, NULL, file));
    unit_heap_close(&unit);
}
END_TEST

/* Load the file into the heap that is there. */
static memheap_status_t load_here(memheap_save_info_t *info)
{
    rewind_file();
    unit_log_clear(&unit.log);
    ck_assert_ok(memheap_load_info(file, info, &unit.log.log));
    return memheap_load_blocks(unit.heap, info, file);
}

START_TEST(failed_load_leaves_an_empty_heap)
{
    size_t count;
    memheap_save_info_t info;
    memheap_stats_t before;
    memheap_stats_t now;
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    node_t *root = build(unit.heap, &count);
    ck_assert_ok(memheap_save(unit.heap, root, file));
    off_t end = lseek(file, 0, SEEK_END);
    static char bytes[SIZE];
    ck_assert_int_eq(pread(file, bytes, (size_t)end, 0), end);
    ck_assert_int_eq(load_here(&info), MEMHEAP_ERR_BUSY);
    ck_assert_logged(&unit.log, "the heap has blocks already");
    memheap_unload(unit.heap);
    memheap_get_stats(unit.heap, &before);
    for (off_t cut = 8; cut < end / 2; cut *= 16) {
        ck_assert_int_eq(ftruncate(file, end - cut), 0);
        ck_assert_int_eq(load_here(&info), MEMHEAP_ERR_CORRUPT);
        ck_assert_ok(memheap_check(unit.heap));
        memheap_get_stats(unit.heap, &now);
        ck_assert_uint_eq(now.used, 0);
        ck_assert_uint_eq(now.live_blocks, 0);
        ck_assert_uint_eq(now.allocations, before.allocations);
        ck_assert_uint_eq(now.frees, before.frees);
    }
    ck_assert_int_eq(pwrite(file, bytes, (size_t)end, 0), end);
    rewind_file();
    unit_log_clear(&unit.log);
    ck_assert_ok(memheap_load_info(file, &info, &unit.log.log));
    info.blocks = UINT64_MAX / 8;
    ck_assert_int_eq(memheap_load_blocks(unit.heap, &info, file),
                     MEMHEAP_ERR_NO_METADATA);
    ck_assert_ok(load_here(&info));
    memheap_get_stats(unit.heap, &now);
    ck_assert_uint_eq(now.allocations, before.allocations + count);
    ck_assert_ptr_eq((void *)(uintptr_t)info.root, root);
    check_list(root, count);
    unit_heap_close(&unit);
}
END_TEST

/* Unloaded, a heap places blocks as a new one does. */
START_TEST(unloaded_heap_forgets_its_history)
{
    size_t count;
    unit_heap_open(&unit, _i, SIZE, 0, "MEMHEAP_RECORDS=1"); /* no caches */
    uint64_t empty = unit_heap_digest(unit.heap);
    void *first = memheap_malloc(unit.heap, 100);
    void *second = memheap_malloc(unit.heap, 5000);
    memheap_unload(unit.heap);
    build(unit.heap, &count);
    memheap_unload(unit.heap);
    ck_assert_uint_eq(unit_heap_digest(unit.heap), empty);
    ck_assert_ptr_eq(memheap_malloc(unit.heap, 100), first);
    ck_assert_ptr_eq(memheap_malloc(unit.heap, 5000), second);
    unit_heap_close(&unit);
}
END_TEST

/* Saving does not read the holes of a memory file: that would fill them. */
START_TEST(holes_of_a_memory_file_stay)
{
    memheap_region_t region;
    memheap_config_t config = {.name = "shared", .log = &unit.log.log};
    memheap_t *heap;
    void *block;
    int fd = memfd_create("memheap-test", MFD_CLOEXEC);
    char *base = mmap(NULL, 64 * MIB, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ck_assert_ptr_ne(base, MAP_FAILED);
    unit_log_init(&unit.log);
    ck_assert_ok(
        memheap_region_share(&region, base, 64 * MIB, fd, 1, &unit.log.log));
    ck_assert_ok(memheap_create_over(&region, &config, &heap));
    ck_assert_ok(memheap_alloc(heap, 32 * MIB, &block));
    memset((char *)block + 5 * MIB, 'x', 100000);
    ((char *)block)[9 * MIB] = 'y';
    struct stat pages;
    struct stat after;
    ck_assert_int_eq(fstat(fd, &pages), 0);
    ck_assert_ok(memheap_save(heap, block, file));
    ck_assert_int_eq(fstat(fd, &after), 0);
    /* A part of 64 KiB that begins with a page is read as a whole. */
    ck_assert_int_le((after.st_blocks - pages.st_blocks) * 512, 2 * 64 * 1024);
    ck_assert_int_lt(lseek(file, 0, SEEK_END), MIB);
    memheap_save_info_t info;
    memheap_unload(heap);
    rewind_file();
    ck_assert_ok(memheap_load_info(file, &info, &unit.log.log));
    ck_assert_ok(memheap_load_blocks(heap, &info, file));
    const char *loaded = block;
    for (size_t i = 0; i < 32 * MIB; i += i % MIB < 200000 ? 1 : 4096)
        ck_assert_int_eq(loaded[i], i >= 5 * MIB && i < 5 * MIB + 100000 ? 'x'
                                    : i == 9 * MIB                       ? 'y'
                                                                         : 0);
    memheap_destroy(heap);
}
END_TEST

START_TEST(unload_frees_all)
{
    size_t count;
    unit_heap_open(&unit, _i, SIZE, 0, NULL);
    build(unit.heap, &count);
    memheap_unload(unit.heap);
    memheap_stats_t stats;
    memheap_get_stats(unit.heap, &stats);
    ck_assert_uint_eq(stats.used, 0);
    ck_assert_uint_eq(stats.live_blocks, 0);
    ck_assert_ok(memheap_check(unit.heap));
    unit_heap_close(&unit);
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    int kinds = unit_heap_kinds();
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, loaded_heap_has_all_blocks, 0, kinds);
    tcase_add_loop_test(tests, empty_heap_can_be_saved, 0, kinds);
#if !UNIT_TSAN
    tcase_add_test(tests, partial_calls_are_continued);
#endif
    tcase_add_test(tests, pipe_is_enough);
    tcase_add_test(tests, pipe_may_pause);
    tcase_add_test(tests, untouched_memory_takes_no_place);
    tcase_add_loop_test(tests, zeros_replace_what_was_there, 0, kinds);
    tcase_add_test(tests, tags_and_sizes_are_kept);
    tcase_add_loop_test(tests, damage_is_found, 0, kinds);
    tcase_add_loop_test(tests, contents_longer_than_a_block_are_refused, 0, 3);
    tcase_add_test(tests, tag_without_an_end_is_cut);
    tcase_add_test(tests, other_heap_is_refused);
    tcase_add_test(tests, other_component_is_refused);
    tcase_add_test(tests, files_that_fail_are_errors);
    tcase_add_loop_test(tests, block_outside_of_the_heap_is_refused, 0, 2);
    tcase_add_test(tests, lack_of_memory_is_an_error);
    tcase_add_test(tests, heap_in_use_is_not_saved);
    tcase_add_loop_test(tests, unload_frees_all, 0, kinds);
    tcase_add_loop_test(tests, unloaded_heap_forgets_its_history, 0, kinds);
    tcase_add_loop_test(tests, failed_load_leaves_an_empty_heap, 0, kinds);
    tcase_add_test(tests, holes_of_a_memory_file_stay);
    return unit_run("save", tests);
}
