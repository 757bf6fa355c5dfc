/*
 * Guarded heaps: placement of blocks, accessible memory, and reports of wrong
 * accesses.
 */
#include "config.h"

#include "components/guard/guard.c" /* for its state */
#include "memheap/debug/access.h"
#include "tests/unit/model.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PAGE = 4096,
    SIZE = 256 * 1024
};

/* Heaps over memory of their own, over a range, and over a range that begins
 * and ends within a page. */
enum {
    OWN,
    RANGE,
    CROOKED,
    KINDS
};

static memheap_t *heap;
static unit_log_t heap_log;
static void *range;

static void open_heap(int kind, size_t size, const char *param)
{
    static const char *params[3] = {"MEMHEAP_GUARD=1"};
    params[1] = param;
    memheap_config_t config = {.name = "guarded",
                               .size = size,
                               .params = params,
                               .log = &heap_log.log};
    unit_log_init(&heap_log);
    range = NULL;
    if (kind != OWN) {
        range = mmap(NULL, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ck_assert_ptr_ne(range, MAP_FAILED);
        config.base = (char *)range + (kind == CROOKED ? 48 : 0);
        config.size = size - (kind == CROOKED ? 96 : 0);
    }
    memheap_status_t status = memheap_create(&config, &heap);
    ck_assert_msg(status == MEMHEAP_OK, "%s", heap_log.text);
}

static void close_heap(size_t size)
{
    ck_assert_ok(memheap_check(heap));
    memheap_destroy(heap);
    ck_assert_msg(heap_log.count == 0, "%s", heap_log.text);
    if (range != NULL) {
        memset(range, 1, size); /* accessible again */
        munmap(range, size);
    }
}

static char *alloc(size_t size)
{
    void *block;
    ck_assert_ok(memheap_alloc(heap, size, &block));
    return block;
}

/* Call act in a child, which must not survive, and collect its standard error.
 */
static const char *said_by(void (*act)(char *block), char *block)
{
    static char text[65536];
    int ends[2];
    int status;
    size_t length = 0;
    ssize_t got;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        act(block);
        _exit(0);
    }
    close(ends[1]);
    while ((got = read(ends[0], text + length, sizeof(text) - 1 - length)) > 0)
        length += (size_t)got;
    close(ends[0]);
    text[length] = '\0';
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(status != 0, "survived: %s", text);
    return text;
}

#define ck_assert_says(text, part)                                             \
    ck_assert_msg(strstr((text), (part)) != NULL, "no \"%s\" in \"%s\"",       \
                  (part), (text))

static void write_behind(char *block)
{
    ((volatile char *)block)[1008 + 2] = 1;
}

static void read_before(char *block)
{
    (void)*(volatile char *)(block - PAGE);
}

static void read_it(char *block)
{
    (void)*(volatile char *)(block + 5);
}

static void fill_freed(char *block)
{
    memheap_free(heap, block);
    memset(block, 1, 10);
}

static void free_and_read(char *block)
{
    memheap_at("solver.c", 77);
    memheap_free(heap, block);
    read_it(block);
}

START_TEST(block_ends_near_the_end_of_its_pages)
{
    static const size_t sizes[] = {1, 16, 17, 1000, 4095, 4096, 4097, 20000};
    open_heap(_i, SIZE, NULL);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t usable;
        char *block = alloc(sizes[i]);
        ck_assert_uint_eq((uintptr_t)block % 16, 0);
        ck_assert_uint_lt(-((uintptr_t)block + sizes[i]) % PAGE, 16);
        ck_assert_ok(memheap_usable_size(heap, block, &usable));
        ck_assert_uint_eq(usable, memheap_align_up(sizes[i], 16));
        memset(block, 1, usable);
    }
    close_heap(SIZE);
}
END_TEST

START_TEST(overrun_is_reported)
{
    open_heap(_i, SIZE, NULL);
    alloc(16);
    memheap_set_tag("me\033sh");
    memheap_at("solver.c", 42);
    char *block = alloc(1008);
    memheap_set_tag(NULL);
    const char *text = said_by(write_behind, block);
#ifdef __x86_64__
    ck_assert_says(text, "memheap: write to 0x");
#endif
    ck_assert_says(text, ", 2 bytes behind the block of 1008 bytes at 0x");
    ck_assert_says(text, " of heap \"guarded\", allocation 2, tag \"me?sh\"\n");
    ck_assert_says(text, "memheap: the access is from ");
    ck_assert_says(text, "memheap: the block was allocated from solver.c:42\n");
    close_heap(SIZE);
}
END_TEST

START_TEST(use_after_free_is_reported)
{
    open_heap(_i, SIZE, NULL);
    memheap_at("solver.c", 42);
    const char *text = said_by(free_and_read, alloc(1000));
#ifdef __x86_64__
    ck_assert_says(text, "memheap: read of 0x");
#endif
    ck_assert_says(text, ", 5 bytes into the freed block of 1000 bytes at 0x");
    ck_assert_says(text, ", allocation 1");
    ck_assert_says(text, "memheap: the block was allocated from solver.c:42\n");
    ck_assert_says(text, "memheap: and freed from solver.c:77\n");
    close_heap(SIZE);
}
END_TEST

static void check_first_byte(char *block)
{
    memheap_check_access(block, 0, "shmem_putmem", 4);
    memheap_check_access(block - 1, 2, "shmem_putmem", 4);
}

static void check_last_byte(char *block)
{
    memheap_check_access(block, 3000, "shmem_getmem", 5);
}

static void check_and_read(char *block)
{
    memheap_check_access(block, 1008, "shmem_putmem", 4);
    read_it(block + PAGE);
}

START_TEST(access_for_a_routine_is_reported)
{
    open_heap(_i, SIZE, NULL);
    alloc(16);
    char *block = alloc(4096);
    const char *text = said_by(check_first_byte, block);
    ck_assert_says(text, "memheap: shmem_putmem reaches 0x");
    ck_assert_says(text, ", 4095 bytes behind the block of 16 bytes at 0x");
    ck_assert_says(text, " of heap \"guarded\" on PE 4, allocation 1\n");
    block = alloc(1008);
    text = said_by(check_last_byte, block);
    ck_assert_says(text, "memheap: shmem_getmem reaches 0x");
    ck_assert_says(text, ", 1991 bytes behind the block of 1008 bytes at 0x");
    ck_assert_says(text, " of heap \"guarded\" on PE 5, allocation 3\n");
    text = said_by(check_and_read, block);
    ck_assert_msg(strstr(text, "reaches") == NULL, "%s", text);
    ck_assert_msg(strstr(text, " on PE") == NULL, "%s", text);
    close_heap(SIZE);
}
END_TEST

START_TEST(access_to_the_old_place_of_a_moved_block_is_reported)
{
    open_heap(_i, SIZE, NULL);
    char *block = alloc(1000);
    void *moved;
    memset(block, 7, 1000);
    memheap_at("solver.c", 50);
    ck_assert_ok(memheap_resize(heap, block, 2000, &moved));
    ck_assert_ptr_ne(moved, block);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(((char *)moved)[i], 7);
    const char *text = said_by(read_it, block);
    ck_assert_says(text, "5 bytes into the freed block of 1000 bytes");
    ck_assert_says(text, "moved elsewhere by a resize from solver.c:50");
    ck_assert_ok(memheap_resize(heap, moved, 900, &moved));
    text = said_by(write_behind, (char *)moved - 1008 + 912);
    ck_assert_says(text, "bytes behind the block of 900 bytes");
    close_heap(SIZE);
}
END_TEST

/* A short block that was freed in the same page since does not have the byte.
 */
START_TEST(access_hits_the_freed_block_that_had_the_byte)
{
    open_heap(OWN, 8 * PAGE, NULL);
    char *longer = alloc(4000);
    ck_assert_ok(memheap_free(heap, longer));
    char *other = NULL;
    for (int i = 0; i < 100 && other != longer + 4000 - 16; i++) {
        other = alloc(16);
        ck_assert_ok(memheap_free(heap, other));
    }
    ck_assert_ptr_eq(other, longer + 4000 - 16);
    const char *text = said_by(read_it, longer);
    ck_assert_says(text, "5 bytes into the freed block of 4000 bytes");
    text = said_by(read_it, other);
    ck_assert_says(text, "5 bytes into the freed block of 16 bytes");
    close_heap(8 * PAGE);
}
END_TEST

static void read_far_before(char *block)
{
    (void)*(volatile char *)(block - 100);
}

START_TEST(page_of_a_freed_block_is_its_own)
{
    open_heap(_i, SIZE, NULL);
    alloc(1000);
    char *block = alloc(1000);
    ck_assert_ok(memheap_free(heap, block));
    const char *text = said_by(read_far_before, block);
    ck_assert_says(text, ", 100 bytes before the freed block of 1000 bytes");
    close_heap(SIZE);
}
END_TEST

START_TEST(freed_block_is_as_long_as_it_was)
{
    open_heap(OWN, SIZE, NULL);
    char *first = alloc(1000);
    alloc(30 * PAGE);
    ck_assert_ok(memheap_free(heap, first));
    const char *text = said_by(read_it, (char *)memheap_base(heap) + 50 * PAGE);
    ck_assert_says(text, "in no block of heap");
    close_heap(SIZE);
}
END_TEST

START_TEST(largest_free_block_leaves_a_page_closed)
{
    memheap_stats_t stats;
    open_heap(OWN, 4 * PAGE, NULL);
    for (size_t left = 4; left > 0; left -= 2) {
        memheap_get_stats(heap, &stats);
        ck_assert_uint_eq(stats.largest_free, (left - 1) * PAGE);
        alloc(PAGE);
    }
    memheap_get_stats(heap, &stats);
    ck_assert_uint_eq(stats.largest_free, 0);
    close_heap(4 * PAGE);
}
END_TEST

START_TEST(access_outside_all_blocks_is_reported)
{
    open_heap(_i, SIZE, NULL);
    const char *text = said_by(read_it, memheap_base(heap));
    ck_assert_says(text, "in no block of heap \"guarded\"");
    close_heap(SIZE);
}
END_TEST

START_TEST(access_before_a_block_is_behind_the_previous_one)
{
    open_heap(_i, SIZE, NULL);
    alloc(100);
    const char *text = said_by(read_before, alloc(4096));
    ck_assert_says(text, "behind the block of 100 bytes");
    close_heap(SIZE);
}
END_TEST

static void raise_other(char *block)
{
    *(volatile char *)block = 1;
}

static void exit_three(int signal)
{
    (void)signal;
    _exit(3);
}

START_TEST(other_faults_are_not_reported)
{
    open_heap(OWN, SIZE, NULL);
    char *other =
        mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const char *text = said_by(raise_other, other);
    ck_assert_ptr_null(strstr(text, "memheap:"));
    munmap(other, PAGE);
    close_heap(SIZE);
}
END_TEST

static void handled_before(char *unused)
{
    (void)unused;
    signal(SIGSEGV, exit_three);
    open_heap(OWN, SIZE, NULL);
    char *block = alloc(1000);
    memheap_free(heap, block);
    read_it(block);
}

START_TEST(previous_handler_runs_next)
{
    const char *text = said_by(handled_before, NULL);
    ck_assert_says(text, "into the freed block of 1000 bytes");
}
END_TEST

static void exit_with_info(int signal, siginfo_t *info, void *context)
{
    (void)context;
    _exit(signal == SIGSEGV && info->si_signo == SIGSEGV ? 3 : 4);
}

/* How a process ends that has a guarded heap and a handler of its own, and gets
 * a signal for another reason. */
static int status_after(const struct sigaction *own, bool is_fault)
{
    int status;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        sigaction(SIGSEGV, own, NULL);
        open_heap(OWN, SIZE, NULL);
        if (is_fault)
            raise_other(mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
                             -1, 0));
        else
            raise(SIGSEGV);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

START_TEST(other_signals_go_to_the_previous_handler)
{
    const struct sigaction none = {.sa_handler = SIG_DFL};
    const struct sigaction plain = {.sa_handler = exit_three};
    const struct sigaction with_info = {.sa_sigaction = exit_with_info,
                                        .sa_flags = SA_SIGINFO};
    int status = status_after(&none, _i == 1);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    status = status_after(&plain, _i == 1);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    status = status_after(&with_info, _i == 1);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 3);
}
END_TEST

static const int guard_signals[] = {SIGSEGV, SIGBUS};

START_TEST(handler_is_removed_with_the_last_heap)
{
    struct sigaction before;
    struct sigaction now;
    sigaction(guard_signals[_i], NULL, &before);
    open_heap(OWN, SIZE, NULL);
    memheap_t *first = heap;
    open_heap(OWN, SIZE, NULL);
    close_heap(SIZE);
    sigaction(guard_signals[_i], NULL, &now);
    ck_assert_int_ne(now.sa_flags & SA_SIGINFO, 0);
    memheap_destroy(first);
    sigaction(guard_signals[_i], NULL, &now);
    ck_assert(now.sa_handler == before.sa_handler);
}
END_TEST

static void ignore_it(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info, (void)context;
}

START_TEST(handler_that_was_installed_later_stays)
{
    const struct sigaction later = {.sa_sigaction = ignore_it,
                                    .sa_flags = SA_SIGINFO};
    struct sigaction now;
    open_heap(OWN, SIZE, NULL);
    sigaction(guard_signals[_i], &later, NULL);
    close_heap(SIZE);
    sigaction(guard_signals[_i], NULL, &now);
    ck_assert(now.sa_sigaction == ignore_it);
}
END_TEST

START_TEST(freed_pages_are_reused_as_late_as_possible)
{
    open_heap(_i, SIZE, NULL);
    char *first = alloc(100);
    char *second = alloc(100);
    ck_assert_ok(memheap_free(heap, second));
    ck_assert_ok(memheap_free(heap, first));
    size_t fresh = 0;
    char *block = alloc(100);
    for (; block != first && block != second; fresh++) {
        ck_assert_ok(memheap_free(heap, block));
        block = alloc(100);
    }
    ck_assert_ptr_eq(block, second); /* the oldest */
    ck_assert_uint_ge(fresh, SIZE / PAGE / 2 - 4);
    block[99] = 1;
    close_heap(SIZE);
}
END_TEST

START_TEST(long_run_does_not_grow_memory)
{
    open_heap(OWN, 64 * MIB, NULL);
    for (int i = 0; i < 200; i++) {
        char *block = alloc(MIB);
        memset(block, 1, MIB);
        ck_assert_ok(memheap_free(heap, block));
        ck_assert_uint_eq(memheap_resident(heap), 0);
    }
    close_heap(64 * MIB);
}
END_TEST

START_TEST(reused_block_can_be_zeroed)
{
    open_heap(_i, SIZE, NULL);
    for (int i = 0; i < 100; i++) {
        void *block;
        ck_assert_ok(memheap_alloc_zeroed(heap, 1, 20000, &block));
        for (int b = 0; b < 20000; b++)
            ck_assert_int_eq(((char *)block)[b], 0);
        memset(block, 9, 20000);
        ck_assert_ok(memheap_free(heap, block));
    }
    close_heap(SIZE);
}
END_TEST

START_TEST(guard_works_in_check_mode)
{
    open_heap(_i, SIZE, "MEMHEAP_CHECK=1");
    void *block = alloc(1000);
    ck_assert_int_eq(((unsigned char *)block)[999], 0xA5);
    ck_assert_ok(memheap_resize(heap, block, 30000, &block));
    ck_assert_int_eq(((unsigned char *)block)[999], 0xA5);
    const char *text = said_by(fill_freed, block);
    ck_assert_says(text, "into the freed block of 30000 bytes");
    close_heap(SIZE);
}
END_TEST

START_TEST(block_shrinks_in_place_in_a_full_heap)
{
    open_heap(OWN, 10 * PAGE, NULL);
    void *block = alloc(9 * PAGE);
    void *same;
    ck_assert_ok(memheap_resize(heap, block, 100, &same));
    ck_assert_ptr_eq(same, block);
    void *none;
    ck_assert_int_eq(memheap_alloc(heap, 1, &none), MEMHEAP_ERR_NO_MEMORY);
    close_heap(10 * PAGE);
}
END_TEST

START_TEST(block_does_not_grow_in_a_full_heap)
{
    size_t size;
    open_heap(OWN, 10 * PAGE, NULL);
    void *block = alloc(8 * PAGE);
    void *same = block;
    ck_assert_int_eq(memheap_resize(heap, block, 10 * PAGE, &same),
                     MEMHEAP_ERR_NO_MEMORY);
    ck_assert_ptr_eq(same, block);
    ck_assert_ok(memheap_usable_size(heap, block, &size));
    ck_assert_uint_eq(size, 8 * PAGE);
    close_heap(10 * PAGE);
}
END_TEST

START_TEST(batch_is_guarded)
{
    size_t sizes[] = {1008, 5000, 16};
    void *blocks[3];
    open_heap(_i, SIZE, NULL);
    ck_assert_ok(memheap_alloc_batch(heap, 3, 64, sizes, blocks));
    for (int i = 0; i < 3; i++)
        memset(blocks[i], 1, sizes[i]);
    ck_assert_ok(memheap_free_batch(heap, 2, &blocks[1]));
    ck_assert_says(said_by(read_it, blocks[1]), "into the freed block of 5000");
    size_t large[] = {1000, SIZE};
    ck_assert_int_eq(memheap_alloc_batch(heap, 2, 16, large, &blocks[1]),
                     MEMHEAP_ERR_NO_MEMORY);
    ((char *)blocks[0])[0] = 1;
    close_heap(SIZE);
}
END_TEST

START_TEST(grown_range_is_guarded)
{
    static const char *const params[] = {"MEMHEAP_GUARD=1", NULL};
    char *base = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(base, MAP_FAILED);
    memheap_config_t config = {.base = base + 16,
                               .size = SIZE / 2,
                               .max_size = SIZE - 16,
                               .params = params};
    ck_assert_ok(memheap_create(&config, &heap));
    ck_assert_ok(memheap_grow(heap, SIZE - 16));
    char *last = alloc(SIZE - 2 * PAGE);
    ck_assert_ptr_eq(last, base + PAGE);
    memset(last, 1, SIZE - 2 * PAGE - PAGE);
    ck_assert_says(said_by(read_it, base + SIZE - PAGE), "behind the block");
    memheap_destroy(heap);
    memset(base, 1, SIZE);
    munmap(base, SIZE);
}
END_TEST

START_TEST(range_without_a_page_is_refused)
{
    static const char *const params[] = {"MEMHEAP_GUARD=1", NULL};
    static _Alignas(PAGE) char memory[2 * PAGE];
    memheap_config_t config = {.base = memory + 16,
                               .size = 2 * PAGE - 32,
                               .params = params,
                               .log = &heap_log.log};
    unit_log_init(&heap_log);
    ck_assert_int_eq(memheap_create(&config, &heap), MEMHEAP_ERR_BAD_ARGUMENT);
    ck_assert_logged(&heap_log, "has no whole page");
}
END_TEST

START_TEST(heap_continues_unguarded_without_mappings)
{
    FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
    long most = 0;
    if (file == NULL || fscanf(file, "%ld", &most) != 1 || most > 300000)
        return; /* too slow */
    fclose(file);
    open_heap(OWN, (size_t)most * 4 * PAGE, NULL);
    for (long i = 0; i < most / 2 + 10; i++)
        alloc(16)[15] = 1;
    ck_assert_logged(&heap_log, "is not guarded any more");
    ck_assert_uint_eq(heap_log.count, 1);
    ck_assert_ok(memheap_check(heap));
    memheap_destroy(heap);
}
END_TEST

START_TEST(heap_continues_unguarded_if_windows_cannot_be_closed)
{
    open_heap(OWN, SIZE, NULL);
    memheap_peer_windows_t windows = {.stride = SIZE, .count = 1};
    windows.base =
        mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(windows.base, MAP_FAILED);
    munmap(windows.base, SIZE);
    memheap_set_peer_windows(heap, &windows);
    ck_assert_logged(&heap_log, "is not guarded any more");
    ck_assert_uint_eq(heap_log.count, 1);
    alloc(16)[15] = 1;
    ck_assert_ok(memheap_check(heap));
    memheap_destroy(heap);
}
END_TEST

START_TEST(failed_metadata_requests_are_survived)
{
    unit_memory_t memory;
    bool failed = true;
    for (size_t i = 1; failed; i++) {
        static const char *const params[] = {"MEMHEAP_GUARD=1", NULL};
        unit_memory_init(&memory);
        unit_log_init(&heap_log);
        memory.fail_at = i;
        memheap_config_t config = {.size = SIZE,
                                   .params = params,
                                   .memory = &memory.memory,
                                   .log = &heap_log.log};
        memheap_status_t status = memheap_create(&config, &heap);
        failed = status != MEMHEAP_OK;
        if (failed) {
            ck_assert_int_eq(status, MEMHEAP_ERR_NO_METADATA);
        } else {
            void *block;
            ck_assert(memheap_is_access_checked(heap));
            if (memheap_alloc(heap, 100, &block) == MEMHEAP_OK)
                ck_assert_ok(memheap_free(heap, block));
            failed = memory.requests >= i;
            memheap_destroy(heap);
        }
        ck_assert_uint_eq(memory.pieces, 0);
    }
}
END_TEST

START_TEST(random_calls_keep_the_invariants)
{
    static const size_t sizes[] = {64 * PAGE, 1000 * PAGE + 48, 16 * MIB};
    static model_t model;
    size_t size = sizes[_i];
    model_open(&model, UNIT_GUARD, size, 2 * size);
    model_run(&model, unit_seed(), 20000);
    while (model.count > 0)
        ck_assert_ok(model_free(&model, model.block[model.count / 2].offset));
    model_check(&model);
    size_t offset;
    size_t pages = model.size / PAGE;
    ck_assert_ok(model_alloc(&model, (pages - 1) * PAGE, 16, &offset));
    ck_assert_uint_eq(offset, 0);
    model_close(&model);
}
END_TEST

START_TEST(equal_calls_have_equal_results)
{
    static model_t one;
    static model_t other;
    uint64_t seed = unit_seed();
    model_open(&one, UNIT_GUARD, MIB, 2 * MIB);
    model_open(&other, UNIT_GUARD, MIB, 2 * MIB);
    model_run(&one, seed, 5000);
    model_run(&other, seed, 5000);
    ck_assert_uint_eq(one.digest, other.digest);
    model_close(&one);
    model_close(&other);
}
END_TEST

START_TEST(normalized_modules_have_equal_results)
{
    static model_t one;
    static model_t other;
    size_t live[3];
    size_t offset;
    size_t again;
    model_open(&one, UNIT_GUARD, MIB, MIB);
    model_open(&other, UNIT_GUARD, MIB, MIB);
    for (int i = 0; i < 3; i++) {
        ck_assert_ok(model_alloc(&one, 100, 16, &live[i]));
        ck_assert_ok(model_alloc(&other, 100, 16, &live[i]));
    }
    for (int i = 0; i < 200; i++) { /* other calls than in the other heap */
        ck_assert_ok(model_alloc(&one, 100, 16, &offset));
        ck_assert_ok(model_free(&one, offset));
    }
    ck_assert_ok(model_free(&one, live[1]));
    ck_assert_ok(model_free(&other, live[1]));
    one.unit.ops->normalize(one.unit.module);
    other.unit.ops->normalize(other.unit.module);
    for (int i = 0; i < 100; i++) {
        ck_assert_ok(model_alloc(&one, 100, 16, &offset));
        ck_assert_ok(model_alloc(&other, 100, 16, &again));
        ck_assert_uint_eq(offset, again);
    }
    model_check(&one);
    model_close(&one);
    model_close(&other);
}
END_TEST

static void write_far_behind(char *block)
{
    ((volatile char *)block)[1000] = 1;
}

START_TEST(sanitizer_report_names_the_block)
{
    unit_heap_t unit;
    if (!memheap_has_sanitizer())
        return;
    unit_heap_open(&unit, _i, SIZE, 0, "MEMHEAP_CHECKERS=1");
    heap = unit.heap;
    memheap_at("solver.c", 42);
    char *block = alloc(1000);
    size_t usable;
    ck_assert_ok(memheap_usable_size(heap, block, &usable));
    ck_assert_uint_eq(usable, 1000);
    const char *text = said_by(write_far_behind, block);
    ck_assert_says(text, ", 0 bytes behind the block of 1000 bytes at 0x");
    ck_assert_says(text, "the block was allocated from solver.c:42");
    text = said_by(free_and_read, block);
    ck_assert_says(text, ", 5 bytes into the freed block of 1000 bytes at 0x");
    ck_assert_says(text, ", allocation 1");
    ck_assert_says(text, "and freed from solver.c:77");
    unit_heap_close(&unit);
}
END_TEST

/* Correct programs get no reports of a sanitizer, with every fill. */
START_TEST(blocks_of_a_checked_heap_can_be_used)
{
    static const char *const settings[] = {
        "MEMHEAP_CHECKERS=1", "MEMHEAP_CHECK=1", "MEMHEAP_GUARD=1"};
    const char *params[5] = {unit_component_setting(_i)};
    const char **next = params + (params[0] != NULL);
    char component[64];
    struct {
        unsigned char *block;
        size_t size;
    } live[32] = {{NULL, 0}};
    uint64_t seed = unit_seed();
    for (int i = 0; i < 2 + (_i == 0); i++)
        *next++ = settings[i];
    snprintf(component, sizeof(component), "MEMHEAP_COMPONENT=%s",
             unit_component_name(_i));
    *next = component;
    memheap_config_t config = {
        .size = 16 * MIB, .params = params, .log = &heap_log.log};
    unit_log_init(&heap_log);
    ck_assert_ok(memheap_create(&config, &heap));
    for (int step = 0; step < 3000; step++) {
        size_t n = unit_random_below(&seed, 32);
        size_t size = 1 + unit_random_below(&seed, 5000);
        size_t kept = memheap_min(live[n].size, size);
        void *block = live[n].block;
        if (block == NULL && step % 2 == 0) {
            ck_assert_ok(memheap_alloc_zeroed(heap, 1, size, &block));
            ck_assert_int_eq(((char *)block)[size - 1], 0);
        } else if (step % 3 == 0) {
            ck_assert_ok(memheap_free(heap, block));
            block = NULL;
            size = 0;
        } else {
            ck_assert_ok(memheap_resize(heap, block, size, &block));
        }
        live[n].block = block;
        live[n].size = size;
        for (size_t i = 0; i < memheap_min(kept, size); i++)
            ck_assert_uint_eq(live[n].block[i], n);
        if (size > 0)
            memset(block, (int)n, size);
    }
    memheap_destroy(heap);
    ck_assert_msg(heap_log.count == 0, "%s", heap_log.text);
}
END_TEST

START_TEST(check_finds_violated_invariants)
{
    static model_t model;
    size_t offset[5];
    model_open(&model, UNIT_GUARD, MIB, 0);
    guard_t *g = guard_of(model.unit.module);
    for (size_t i = 0; i < 5; i++)
        ck_assert_ok(model_alloc(&model, 2 * PAGE, 16, &offset[i]));
    ck_assert_ok(model_free(&model, offset[1]));
    model.unit.ops->normalize(model.unit.module); /* it is free */
    ck_assert_ok(model_free(&model, offset[3]));  /* it is quarantined */
    model_check(&model);
    page_t *live = page_at(g, 0);
    page_t *hole = page_at(g, live->pages);
    ck_assert_int_eq(live->kind, RUN_LIVE);
    ck_assert_int_eq(hole->kind, RUN_FREE);
    ck_assert_uint_eq(g->quarantined, 1);
    page_t *queued = page_at(g, g->oldest);
    model_assert_found(&model, live->pages, 0);
    model_assert_found(&model, live->pages, live->pages - 1);
    model_assert_found(&model, live->pages, g->top + 1);
    model_assert_found(&model, live->before, 1);
    model_assert_found(&model, live->kind, NO_RUN);
    model_assert_found(&model, live->kind, RUN_FREE);
    model_assert_found(&model, live->start, g->page);
    model_assert_found(&model, live[1].pages, 1);
    model_assert_found(&model, live[1].kind, RUN_LIVE);
    model_assert_found(&model, hole->kind, RUN_LIVE);
    model_assert_found(&model, hole->kind, RUN_QUARANTINED);
    model_assert_found(&model, hole->before, hole->before + 1);
    model_assert_found(&model, queued->kind, RUN_FREE);
    model_assert_found(&model, g->oldest, 0);
    model_assert_found(&model, g->oldest, g->top);
    model_assert_found(&model, g->quarantined, 0);
    model_assert_found(&model, g->free, g->free + 1);
    model_assert_found(&model, g->last, g->last + 1);
    model_assert_found(&model, g->top, g->top - 1);
    model_assert_found(&model, g->pages, g->top - 1);
    model_close(&model);
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    tcase_add_loop_test(tests, block_ends_near_the_end_of_its_pages, 0, KINDS);
    tcase_add_loop_test(tests, overrun_is_reported, 0, KINDS);
    tcase_add_loop_test(tests, use_after_free_is_reported, 0, KINDS);
    tcase_add_loop_test(tests, access_for_a_routine_is_reported, 0, KINDS);
    tcase_add_loop_test(
        tests, access_to_the_old_place_of_a_moved_block_is_reported, 0, KINDS);
    tcase_add_test(tests, access_hits_the_freed_block_that_had_the_byte);
    tcase_add_loop_test(tests, page_of_a_freed_block_is_its_own, 0, KINDS);
    tcase_add_test(tests, freed_block_is_as_long_as_it_was);
    tcase_add_test(tests, largest_free_block_leaves_a_page_closed);
    tcase_add_loop_test(tests, access_outside_all_blocks_is_reported, 0, KINDS);
    tcase_add_loop_test(tests, access_before_a_block_is_behind_the_previous_one,
                        0, KINDS);
    tcase_add_test(tests, other_faults_are_not_reported);
    tcase_add_test(tests, previous_handler_runs_next);
    tcase_add_loop_test(tests, other_signals_go_to_the_previous_handler, 0, 2);
    tcase_add_loop_test(tests, handler_is_removed_with_the_last_heap, 0, 2);
    tcase_add_loop_test(tests, handler_that_was_installed_later_stays, 0, 2);
    tcase_add_loop_test(tests, freed_pages_are_reused_as_late_as_possible, 0,
                        KINDS);
    tcase_add_test(tests, long_run_does_not_grow_memory);
    tcase_add_loop_test(tests, reused_block_can_be_zeroed, 0, KINDS);
    tcase_add_loop_test(tests, guard_works_in_check_mode, 0, KINDS);
    tcase_add_test(tests, block_shrinks_in_place_in_a_full_heap);
    tcase_add_test(tests, block_does_not_grow_in_a_full_heap);
    tcase_add_loop_test(tests, batch_is_guarded, 0, KINDS);
    tcase_add_test(tests, grown_range_is_guarded);
    tcase_add_test(tests, range_without_a_page_is_refused);
    tcase_add_test(tests, heap_continues_unguarded_without_mappings);
    tcase_add_test(tests, failed_metadata_requests_are_survived);
    tcase_add_test(tests, heap_continues_unguarded_if_windows_cannot_be_closed);
    tcase_add_loop_test(tests, random_calls_keep_the_invariants, 0, 3);
    tcase_add_test(tests, equal_calls_have_equal_results);
    tcase_add_test(tests, normalized_modules_have_equal_results);
    tcase_add_loop_test(tests, sanitizer_report_names_the_block, 0,
                        unit_heap_kinds());
    tcase_add_loop_test(tests, blocks_of_a_checked_heap_can_be_used, 0,
                        (int)unit_component_count());
    tcase_add_test(tests, check_finds_violated_invariants);
    return unit_run("guard", tests);
}
