/*
 * Heaps under AddressSanitizer: what they tell it. Its runtime is replaced by
 * functions of this program, unless the program is built with it.
 */
#include "config.h"

#include "memheap/debug/guard_state.h"
#include "memheap/heap_state.h"
#include "tests/unit/checked_heap.h"

#include <stdio.h>
#include <unistd.h>

static const bool knows_contents = false;

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>

static int state_of(const char *byte)
{
    return __asan_address_is_poisoned(byte) ? CLOSED : SET;
}
#else
/* Pieces of memory, the latest last. */
static struct {
    const char *start, *end;
    bool poisoned;
} pieces[1000];
static size_t piece_count;
static void (*callback)(const char *report);
static void *report_address;
static void *loaded, *stored; /* wrong accesses that were reported */

static void note(const volatile void *start, size_t size, bool poisoned)
{
    const char *first = (const char *)(uintptr_t)start;
    ck_assert_uint_lt(piece_count, 1000);
    pieces[piece_count].start = first;
    pieces[piece_count].end = first + size;
    pieces[piece_count++].poisoned = poisoned;
}

static int state_of(const char *byte)
{
    for (size_t i = piece_count; i-- > 0;) {
        if (byte >= pieces[i].start && byte < pieces[i].end)
            return pieces[i].poisoned ? CLOSED : SET;
    }
    return SET;
}

void __asan_poison_memory_region(const volatile void *start, size_t size);
void __asan_unpoison_memory_region(const volatile void *start, size_t size);
void __asan_set_error_report_callback(void (*function)(const char *report));
void *__asan_get_report_address(void);
void *__asan_region_is_poisoned(void *start, size_t size);
void __asan_report_load_n(void *address, long size);
void __asan_report_store_n(void *address, long size);

void __asan_poison_memory_region(const volatile void *start, size_t size)
{
    note(start, size, true);
}

void __asan_unpoison_memory_region(const volatile void *start, size_t size)
{
    note(start, size, false);
}

void __asan_set_error_report_callback(void (*function)(const char *report))
{
    callback = function;
}

void *__asan_get_report_address(void)
{
    return report_address;
}

void *__asan_region_is_poisoned(void *start, size_t size)
{
    for (char *byte = start; byte < (char *)start + size; byte++) {
        if (state_of(byte) == CLOSED)
            return byte;
    }
    return NULL;
}

void __asan_report_load_n(void *address, long size)
{
    ck_assert_int_eq(size, 1);
    loaded = address;
}

void __asan_report_store_n(void *address, long size)
{
    ck_assert_int_eq(size, 1);
    stored = address;
}

START_TEST(accesses_of_routines_are_checked)
{
    static const struct {
        const char *routine;
        bool reads;
    } calls[] = {
        {"shmem_getmem", true},           {"shmem_long_g", true},
        {"shmem_int_atomic_fetch", true}, {"shmem_putmem", false},
        {"shmem_long_p", false},          {"shmem_int_atomic_add", false}};
    open_checked(OWN);
    char *block = alloc(1000);
    for (size_t i = 0; i < 6; i++) {
        loaded = stored = NULL;
        memheap_check_access(block, 1000, calls[i].routine, 0);
        ck_assert_ptr_null(loaded);
        ck_assert_ptr_null(stored);
        memheap_check_access(block + 990, 20, calls[i].routine, 0);
        ck_assert_ptr_eq(calls[i].reads ? loaded : stored, block + 1000);
        ck_assert_ptr_null(calls[i].reads ? stored : loaded);
        loaded = stored = NULL;
        memheap_check_access(block + 1000, 0, calls[i].routine, 0);
        ck_assert_ptr_null(loaded);
        ck_assert_ptr_null(stored);
    }
    close_checked();
}
END_TEST

/* What the guard adds to a report on an address. */
static const char *said_of(void *address)
{
    static char text[4096];
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    int old = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    report_address = address;
    callback("a report");
    dup2(old, STDERR_FILENO);
    close(old);
    rewind(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    return text;
}

START_TEST(report_gets_the_block)
{
    char expected[256];
    open_checked(OWN);
    memheap_at("a.c", 1);
    char *block = alloc(1000);
    char *base = memheap_base(heap);
    snprintf(expected, sizeof(expected),
             "memheap: the address is %p, 5 bytes behind the block of 1000 "
             "bytes at %p of heap \"checked\", allocation 1\n"
             "memheap: the block was allocated from a.c:1\n",
             (void *)(block + 1005), (void *)block);
    ck_assert_str_eq(said_of(block + 1005), expected);
    memheap_at("b.c", 2);
    ck_assert_ok(memheap_free(heap, block));
    snprintf(expected, sizeof(expected),
             "memheap: the address is %p, 7 bytes into the freed block of 1000 "
             "bytes at %p of heap \"checked\", allocation 1\n"
             "memheap: the block was allocated from a.c:1\n"
             "memheap: and freed from b.c:2\n",
             (void *)(block + 7), (void *)block);
    ck_assert_str_eq(said_of(block + 7), expected);
    snprintf(expected, sizeof(expected),
             "memheap: the address is %p, in no block of heap \"checked\"\n",
             (void *)(base + SIZE - 1));
    ck_assert_str_eq(said_of(base + SIZE - 1), expected);
    ck_assert_str_eq(said_of(base + SIZE), ""); /* it is not of the heap */
    close_checked();
    ck_assert_str_eq(said_of(base), "");
}
END_TEST

START_TEST(report_names_the_pe_of_a_window)
{
    char expected[256];
    char *windows = open_windowed(OWN, false, false);
    memheap_at("a.c", 1);
    char *block = alloc(1000);
    char *other = windows + SIZE + (block - (char *)memheap_base(heap));
    snprintf(
        expected, sizeof(expected),
        "memheap: PE 3: the address is %p, 3 bytes behind the block of "
        "1000 bytes at %p of heap \"checked\" on PE 7, through its window, "
        "allocation 1\n"
        "memheap: PE 3: the block was allocated from a.c:1\n",
        (void *)(other + 1003), (void *)other);
    ck_assert_str_eq(said_of(other + 1003), expected);
    ck_assert_ptr_nonnull(
        strstr(said_of(other - SIZE), " on PE 5, through its window"));
    ck_assert_ptr_null(strstr(said_of(block), " on PE"));
    ck_assert_str_eq(said_of(windows + WINDOWS * SIZE), "");
    close_checked();
    munmap(windows, WINDOWS * SIZE);
}
END_TEST

START_TEST(report_knows_each_heap)
{
    memheap_t *heaps[GUARDS_MAX];
    for (size_t i = 0; i < GUARDS_MAX; i++) {
        open_checked(OWN);
        heaps[i] = heap;
    }
    for (size_t i = 0; i < GUARDS_MAX; i++) {
        char *base = memheap_base(heaps[i]);
        ck_assert_ptr_nonnull(strstr(said_of(base), "in no block of heap"));
        memheap_destroy(heaps[i]);
        ck_assert_str_eq(said_of(base), "");
    }
}
END_TEST

/* The redzone of a block ends where the next block begins. */
START_TEST(report_gets_the_block_beside_another)
{
    char next[64];
    open_checked(OWN);
    char *block = alloc(1000);
    char *small = alloc(8);
    ck_assert_ptr_eq(small, block + 1024);
    snprintf(next, sizeof(next), "the block of 8 bytes at %p", (void *)small);
    ck_assert_ptr_nonnull(strstr(said_of(small - 1), "23 bytes behind"));
    ck_assert_ptr_nonnull(strstr(said_of(small + 7), ", 7 bytes into"));
    ck_assert_ptr_nonnull(strstr(said_of(small + 7), next));
    ck_assert_ptr_nonnull(strstr(said_of(small + 8), ", 0 bytes behind"));
    ck_assert_ptr_nonnull(strstr(said_of(small + 8), next));
    ck_assert_ok(memheap_free(heap, small));
    ck_assert_ptr_nonnull(strstr(said_of(small), ", 0 bytes into the freed"));
    ck_assert_ptr_nonnull(
        strstr(said_of(small - 1), ", 23 bytes behind the block of 1000"));
    close_checked();
}
END_TEST

/* The place of a freed block has a shorter one. */
START_TEST(report_gets_the_freed_block_in_the_place_of_another)
{
    char expected[256];
    open_checked(OWN);
    memheap_at("a.c", 1);
    char *freed = alloc(1000);
    memheap_at("b.c", 2);
    ck_assert_ok(memheap_free(heap, freed));
    memheap_at("c.c", 3);
    ck_assert_ok(memheap_reserve(heap, freed, 100));
    snprintf(expected, sizeof(expected),
             "memheap: the address is %p, 25 bytes behind the freed block of "
             "1000 bytes at %p of heap \"checked\", allocation 1\n"
             "memheap: the block was allocated from a.c:1\n"
             "memheap: and freed from b.c:2\n",
             (void *)(freed + 1025), (void *)freed);
    ck_assert_str_eq(said_of(freed + 1025), expected);
    close_checked();
}
END_TEST

/* Bytes behind the freed block are in no block that the guard remembers. */
START_TEST(second_free_is_described)
{
    char expected[256];
    open_checked(_i == 0 ? OWN : GUARDED);
    heap_log.log.level = MEMHEAP_LOG_ERROR;
    memheap_at("a.c", 1);
    char *block = alloc(1000);
    ck_assert(!memheap_guard_describe_freed(
        heap->guard, (size_t)(block - (char *)memheap_base(heap)), expected,
        sizeof(expected)));
    size_t end = memheap_align_up(1000 + rest, 16);
    memheap_at("b.c", 2);
    ck_assert_ok(memheap_free(heap, block));
    for (size_t i = 0; i < end; i += end - 1) {
        ck_assert_int_eq(memheap_free(heap, block + i),
                         MEMHEAP_ERR_BAD_ADDRESS);
        snprintf(
            expected, sizeof(expected),
            "memheap_free: %p is no block of heap \"checked\": it lies %zu "
            "bytes into the block of 1000 bytes that was allocated from "
            "a.c:1 and freed from b.c:2\n",
            (void *)(block + i), i);
        ck_assert_str_eq(heap_log.text, expected);
        unit_log_clear(&heap_log);
    }
    memheap_free(heap, block + end);
    ck_assert_ptr_nonnull(strstr(heap_log.text, "it lies in free space of"));
    unit_log_clear(&heap_log);
    close_checked();
}
END_TEST
#endif

/* AddressSanitizer would take the next memory there for closed. */
START_TEST(windows_are_open_after_the_heap)
{
    char *windows = open_windowed(OWN, false, false);
    ck_assert_ok(memheap_free(heap, alloc(1000)));
    close_checked();
    expect(windows, 0, WINDOWS * SIZE, SET);
    munmap(windows, WINDOWS * SIZE);
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    add_checked_tests(tests);
    tcase_add_test(tests, windows_are_open_after_the_heap);
#ifndef __SANITIZE_ADDRESS__
    tcase_add_test(tests, accesses_of_routines_are_checked);
    tcase_add_test(tests, report_gets_the_block);
    tcase_add_test(tests, report_names_the_pe_of_a_window);
    tcase_add_test(tests, report_knows_each_heap);
    tcase_add_test(tests, report_gets_the_block_beside_another);
    tcase_add_test(tests, report_gets_the_freed_block_in_the_place_of_another);
    tcase_add_loop_test(tests, second_free_is_described, 0, 2);
#endif
    return unit_run("asan", tests);
}
