/*
 * dlmalloc's mspaces over heaps: adapters/mspace.
 */
#include "config.h"

#include "tests/unit/unit.h"
#include <memheap/mspace.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SIZE = 256 * 1024,
    BLOCKS = 64,
    ROUNDS = 2000,
    THREADS = 4
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static char memory[2 * SIZE] __attribute__((aligned(4096)));

/* A space over the memory, with a component. */
static mspace space_over(char *base, size_t capacity, int component)
{
    setenv("MEMHEAP_COMPONENT", unit_component_name(component), 1);
    mspace space = create_mspace_with_base(base, capacity, 0);
    ck_assert_ptr_nonnull(space);
    return space;
}

static bool lies_in_memory(const void *block, size_t size)
{
    return (const char *)block >= memory &&
           (const char *)block + size <= memory + SIZE;
}

/* What a call writes to standard error, or "". */
static char *error_text(void (*call)(mspace space, void *block), mspace space,
                        void *block)
{
    static char text[1024];
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    int old = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    call(space, block);
    dup2(old, STDERR_FILENO);
    close(old);
    rewind(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    return text;
}

START_TEST(blocks_lie_in_the_base_apart)
{
    mspace space = space_over(memory, SIZE, _i);
    char *blocks[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        size_t size = (size_t)i * 37 % 500;
        blocks[i] = mspace_malloc(space, size);
        ck_assert(lies_in_memory(blocks[i], size));
        ck_assert_uint_eq((uintptr_t)blocks[i] % 16, 0);
        ck_assert_uint_ge(mspace_usable_size(blocks[i]), size);
        memset(blocks[i], i, mspace_usable_size(blocks[i]));
    }
    for (int i = 0; i < BLOCKS; i++) {
        ck_assert_int_eq(*blocks[i], i);
        ck_assert_int_eq(blocks[i][mspace_usable_size(blocks[i]) - 1], i);
        mspace_free(space, blocks[i]);
    }
    mspace_free(space, NULL);
    ck_assert_uint_eq(mspace_mallinfo(space).uordblks, 0);
    destroy_mspace(space);
}
END_TEST

START_TEST(a_base_is_usable_to_its_last_byte)
{
    static const char pattern[] = "both sides stay";
    memcpy(memory, pattern, sizeof(pattern));
    memcpy(memory + SIZE + 32, pattern, sizeof(pattern));
    mspace space = space_over(memory + 32, SIZE, _i);
    char *block = mspace_malloc(space, SIZE);
    ck_assert_ptr_eq(block, memory + 32);
    memset(block, 1, SIZE);
    ck_assert_ptr_null(mspace_malloc(space, 1));
    mspace_free(space, block);
    block = mspace_calloc(space, SIZE, 1);
    ck_assert_ptr_eq(block, memory + 32);
    ck_assert_int_eq(block[SIZE - 1], 0);
    destroy_mspace(space);
    ck_assert_str_eq(memory, pattern);
    ck_assert_str_eq(memory + SIZE + 32, pattern);
}
END_TEST

START_TEST(a_full_space_returns_null_and_sets_errno)
{
    mspace space = space_over(memory, SIZE, _i);
    void *block = mspace_malloc(space, 100);
    void *const requests[] = {
        mspace_malloc(space, 2 * SIZE),
        mspace_malloc(space, SIZE_MAX),
        mspace_calloc(space, SIZE, 2),
        mspace_calloc(space, SIZE_MAX, 2),
        mspace_memalign(space, 64, 2 * SIZE),
        mspace_realloc(space, block, 2 * SIZE),
        mspace_realloc(space, NULL, 2 * SIZE),
        mspace_memalign(space, SIZE_MAX, 1),
        mspace_independent_calloc(space, 2, SIZE, NULL),
        mspace_independent_calloc(space, SIZE_MAX / 4, 1, NULL),
    };
    for (size_t i = 0; i < LENGTH(requests); i++)
        ck_assert_ptr_null(requests[i]);
    errno = 0;
    ck_assert_ptr_null(mspace_malloc(space, 2 * SIZE));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(mspace_realloc(space, block, 2 * SIZE));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_uint_ge(mspace_usable_size(block), 100);
    destroy_mspace(space);
}
END_TEST

START_TEST(size_0_is_a_block)
{
    mspace space = space_over(memory, SIZE, _i);
    void *first = mspace_malloc(space, 0);
    void *second = mspace_calloc(space, 0, 8);
    void *third = mspace_calloc(space, 8, 0);
    void *fourth = mspace_memalign(space, 64, 0);
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_nonnull(second);
    ck_assert_ptr_nonnull(third);
    ck_assert_ptr_nonnull(fourth);
    ck_assert_ptr_ne(first, second);
    first = mspace_realloc(space, first, 0);
    ck_assert_uint_ge(mspace_usable_size(first), 1);
    void **none = mspace_independent_calloc(space, 0, 8, NULL);
    ck_assert_uint_ge(mspace_usable_size(none), 1);
    ck_assert_ptr_eq(mspace_independent_calloc(space, 0, 8, none), none);
    destroy_mspace(space);
}
END_TEST

START_TEST(realloc_keeps_the_contents)
{
    mspace space = space_over(memory, SIZE, _i);
    char *block = mspace_realloc(space, NULL, 10);
    memcpy(block, "123456789", 10);
    void *behind = mspace_malloc(space, 100);
    for (size_t size = 20; size < SIZE / 4; size *= 3) {
        block = mspace_realloc(space, block, size);
        ck_assert_str_eq(block, "123456789");
        ck_assert_uint_ge(mspace_usable_size(block), size);
    }
    block = mspace_realloc(space, block, 10);
    ck_assert_str_eq(block, "123456789");
    mspace_free(space, behind);
    destroy_mspace(space);
}
END_TEST

START_TEST(realloc_in_place_does_not_move)
{
    mspace space = space_over(memory, SIZE, _i);
    char *block = mspace_malloc(space, 1000);
    size_t usable = mspace_usable_size(block);
    ck_assert_ptr_eq(mspace_realloc_in_place(space, block, 10), block);
    ck_assert_ptr_eq(mspace_realloc_in_place(space, block, usable), block);
    ck_assert_ptr_null(mspace_realloc_in_place(space, block, usable + 1));
    ck_assert_ptr_null(mspace_realloc_in_place(space, NULL, 1));
    ck_assert_uint_eq(mspace_usable_size(block), usable);
    destroy_mspace(space);
}
END_TEST

START_TEST(alignments_are_rounded_up)
{
    static const size_t alignments[] = {0, 1, 3, 16, 17, 100, 512, 4096};
    mspace space = space_over(memory, SIZE, _i);
    mspace_malloc(space, 40);
    for (size_t i = 0; i < LENGTH(alignments); i++) {
        size_t align = 16;
        while (align < alignments[i])
            align *= 2;
        char *block = mspace_memalign(space, alignments[i], 10);
        ck_assert_uint_eq((uintptr_t)block % align, 0);
        ck_assert(lies_in_memory(block, 10));
        memset(block, 1, 10);
    }
    destroy_mspace(space);
}
END_TEST

/* The base is at an odd multiple of 32, and blocks are to lie at more. buddy
 * and mempool place such blocks at multiples of their own units only. */
START_TEST(alignments_may_exceed_that_of_the_base)
{
    const char *component = unit_component_name(_i);
    if (strcmp(component, "buddy") == 0 || strcmp(component, "mempool") == 0)
        return;
    mspace space = space_over(memory + 32, SIZE - 32, _i);
    char *blocks[8];
    for (size_t i = 0; i < LENGTH(blocks); i++) {
        blocks[i] = mspace_memalign(space, 8192, 5000);
        ck_assert_ptr_nonnull(blocks[i]);
        ck_assert_uint_eq((uintptr_t)blocks[i] % 8192, 0);
        ck_assert(lies_in_memory(blocks[i], 5000));
        memset(blocks[i], (int)i, 5000);
        for (size_t j = 0; j < i; j++)
            ck_assert_ptr_ne(blocks[i], blocks[j]);
    }
    ck_assert_ptr_null(mspace_memalign(space, 8192, SIZE));
    ck_assert_ptr_null(mspace_memalign(space, (size_t)1 << 40, 1));
    for (size_t i = 0; i < LENGTH(blocks); i++) {
        ck_assert_int_eq(blocks[i][4999], (int)i);
        mspace_free(space, blocks[i]);
    }
    ck_assert_uint_eq(mspace_mallinfo(space).uordblks, 0);
    ck_assert_ptr_nonnull(mspace_malloc(space, SIZE - 32));
    destroy_mspace(space);
}
END_TEST

START_TEST(a_base_is_rounded_up_and_too_short_ones_are_refused)
{
    static const size_t short_ones[] = {0, 1, 16, 63, 64, 78};
    mspace space = space_over(memory + 1, SIZE, _i);
    ck_assert_ptr_eq(mspace_malloc(space, SIZE - 16), memory + 16);
    destroy_mspace(space);
    space = space_over(memory, 64, _i);
    ck_assert_ptr_nonnull(mspace_malloc(space, 16));
    destroy_mspace(space);
    space = space_over(memory + 1, 79, _i);
    ck_assert_ptr_nonnull(mspace_malloc(space, 16));
    destroy_mspace(space);
    for (size_t i = 0; i < LENGTH(short_ones); i++)
        ck_assert_ptr_null(
            create_mspace_with_base(memory + 1, short_ones[i], 0));
    ck_assert_ptr_null(create_mspace_with_base(NULL, SIZE, 0));
    errno = 0;
    ck_assert_ptr_null(create_mspace_with_base(memory, SIZE_MAX - 16, 0));
    ck_assert_int_eq(errno, ENOMEM);
}
END_TEST

/* The calls of a sequence, by a number, over any base. */
static size_t offsets(char *base, size_t *offset)
{
    mspace space = create_mspace_with_base(base, SIZE, 1);
    char *blocks[BLOCKS] = {NULL};
    uint64_t seed = 7;
    size_t count = 0;
    for (int i = 0; i < ROUNDS; i++) {
        size_t slot = unit_random_below(&seed, BLOCKS);
        size_t size = unit_random_below(&seed, 3000);
        switch (unit_random_below(&seed, 4)) {
        case 0:
            mspace_free(space, blocks[slot]);
            blocks[slot] = NULL;
            break;
        case 1:
            blocks[slot] = mspace_realloc(space, blocks[slot], size);
            break;
        default:
            if (blocks[slot] == NULL)
                blocks[slot] = mspace_memalign(
                    space, (size_t)16 << unit_random_below(&seed, 9), size);
        }
        offset[count++] =
            blocks[slot] == NULL ? SIZE_MAX : (size_t)(blocks[slot] - base);
    }
    destroy_mspace(space);
    return count;
}

START_TEST(equal_calls_give_equal_offsets)
{
    static size_t one[ROUNDS], other[ROUNDS];
    setenv("MEMHEAP_COMPONENT", unit_component_name(_i), 1);
    ck_assert_uint_eq(offsets(memory, one), ROUNDS);
    ck_assert_uint_eq(offsets(memory + SIZE, other), ROUNDS);
    ck_assert_mem_eq(one, other, sizeof(one));
}
END_TEST

START_TEST(rows_of_blocks_are_all_or_nothing)
{
    mspace space = space_over(memory, SIZE, _i);
    memset(memory, 1, SIZE);
    void *own[4];
    void **blocks = mspace_independent_calloc(space, 3, 100, own);
    ck_assert_ptr_eq(blocks, own);
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 100; k++)
            ck_assert_int_eq(((char *)own[i])[k], 0);
        mspace_free(space, own[i]);
    }
    size_t sizes[] = {1, 5000, 0, 40};
    blocks = mspace_independent_comalloc(space, 4, sizes, NULL);
    ck_assert(lies_in_memory(blocks, 4 * sizeof(*blocks)));
    for (int i = 0; i < 4; i++)
        ck_assert_uint_ge(mspace_usable_size(blocks[i]), sizes[i]);
    ck_assert_uint_eq(mspace_bulk_free(space, blocks, 4), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_ptr_null(blocks[i]);
    mspace_free(space, blocks);
    sizes[3] = 2 * SIZE;
    ck_assert_ptr_null(mspace_independent_comalloc(space, 4, sizes, NULL));
    ck_assert_ptr_null(mspace_independent_comalloc(space, 4, sizes, own));
    ck_assert_uint_eq(mspace_mallinfo(space).uordblks, 0);
    destroy_mspace(space);
}
END_TEST

static void free_quietly(mspace space, void *block)
{
    mspace_free(space, block);
}

static void free_both(mspace space, void *block)
{
    void *blocks[] = {NULL, block, memory + 5000};
    ck_assert_uint_eq(mspace_bulk_free(space, blocks, 3), 1);
    ck_assert_ptr_null(blocks[1]);
    ck_assert_ptr_eq(blocks[2], memory + 5000);
}

static void realloc_wrong(mspace space, void *block)
{
    errno = 0;
    ck_assert_ptr_null(mspace_realloc(space, block, 10));
    ck_assert_int_eq(errno, EINVAL);
}

START_TEST(wrong_frees_are_named_and_ignored)
{
    mspace space = space_over(memory, SIZE, _i);
    char *block = mspace_malloc(space, 100);
    char *inner = block + 16;
    ck_assert_str_eq(error_text(free_quietly, space, NULL), "");
    char *text = error_text(free_quietly, space, inner);
    ck_assert_msg(strstr(text, "mspace") && strstr(text, "16 bytes into"),
                  "says %s", text);
    text = error_text(realloc_wrong, space, inner);
    ck_assert_msg(strstr(text, "16 bytes into") != NULL, "says %s", text);
    ck_assert_uint_ge(mspace_usable_size(block), 100);
    text = error_text(free_both, space, block);
    ck_assert_msg(strstr(text, "memheap_free") != NULL, "says %s", text);
    text = error_text(free_quietly, space, block);
    ck_assert_msg(strstr(text, "memheap_free") != NULL, "says %s", text);
    destroy_mspace(space);
}
END_TEST

START_TEST(a_space_of_its_own_memory_takes_any_size)
{
    setenv("MEMHEAP_COMPONENT", unit_component_name(_i), 1);
    mspace space = create_mspace(4096, 0);
    char *block = mspace_malloc(space, 4 * MIB);
    memset(block, 1, 4 * MIB);
    ck_assert_uint_ge(mspace_footprint(space), 4 * MIB);
    ck_assert_uint_eq(mspace_max_footprint(space), mspace_footprint(space));
    size_t footprint = mspace_footprint(space);
    ck_assert_uint_eq((uintptr_t)mspace_memalign(space, 2 * MIB, 1) % (2 * MIB),
                      0);
    ck_assert_ptr_null(mspace_malloc(space, SIZE_MAX / 2));
    ck_assert_uint_ge(destroy_mspace(space), footprint);
    space = create_mspace(0, 1);
    ck_assert_ptr_nonnull(mspace_malloc(space, 1));
    destroy_mspace(space);
    space = create_mspace(16 * TIB, 0);
    ck_assert_ptr_nonnull(space);
    destroy_mspace(space);
}
END_TEST

static void create_too_large(mspace space, void *block)
{
    (void)space;
    (void)block;
    ck_assert_ptr_null(create_mspace(SIZE_MAX / 2, 0));
}

START_TEST(a_space_that_cannot_be_created_is_null)
{
    char *text = error_text(create_too_large, NULL, NULL);
    ck_assert_msg(strstr(text, "memheap: ") != NULL, "says %s", text);
    setenv("MEMHEAP_COMPONENT", "nonesuch", 1);
    text = error_text(create_too_large, NULL, NULL);
    ck_assert_msg(strstr(text, "nonesuch") != NULL, "says %s", text);
}
END_TEST

START_TEST(memory_of_free_blocks_goes_back_by_trim)
{
    setenv("MEMHEAP_COMPONENT", unit_component_name(_i), 1);
    mspace space = create_mspace(0, 0);
    char *block = mspace_malloc(space, 4 * MIB);
    memset(block, 1, 4 * MIB);
    ck_assert_int_eq(mspace_trim(space, 0), 0);
    mspace_free(space, block);
    ck_assert_int_eq(mspace_trim(space, 0), 1);
    ck_assert_int_eq(mspace_trim(space, 0), 0);
    destroy_mspace(space);
    space = space_over(memory, SIZE, _i);
    ck_assert_int_eq(mspace_trim(space, 0), 0);
    ck_assert_uint_eq(mspace_footprint(space), SIZE);
    ck_assert_uint_eq(destroy_mspace(space), 0);
}
END_TEST

START_TEST(a_limit_is_kept)
{
    setenv("MEMHEAP_COMPONENT", unit_component_name(_i), 1);
    mspace space = create_mspace(0, 0);
    ck_assert_uint_eq(mspace_footprint_limit(space), SIZE_MAX);
    ck_assert_uint_eq(mspace_set_footprint_limit(space, 0), 65536);
    ck_assert_uint_eq(mspace_set_footprint_limit(space, MIB - 1), MIB);
    ck_assert_uint_eq(mspace_footprint_limit(space), MIB);
    errno = 0;
    ck_assert_ptr_null(mspace_malloc(space, 2 * MIB));
    ck_assert_ptr_null(mspace_calloc(space, 2, MIB));
    ck_assert_ptr_null(mspace_memalign(space, 64, 2 * MIB));
    ck_assert_int_eq(errno, ENOMEM);
    char *block = mspace_malloc(space, 1000);
    memset(block, 7, 1000);
    ck_assert_ptr_null(mspace_realloc(space, block, 2 * MIB));
    ck_assert_int_eq(block[999], 7);
    block = mspace_realloc(space, block, 5000);
    ck_assert_int_eq(block[999], 7);
    ck_assert_uint_le(mspace_footprint(space), MIB);
    mspace_mallinfo_t info = mspace_mallinfo(space);
    ck_assert_uint_le(info.uordblks + info.fordblks, MIB);
    ck_assert_uint_eq(mspace_set_footprint_limit(space, SIZE_MAX), 0);
    ck_assert_ptr_nonnull(mspace_malloc(space, 2 * MIB));
    ck_assert_uint_gt(mspace_set_footprint_limit(space, MIB), 2 * MIB);
    destroy_mspace(space);

    space = space_over(memory, SIZE, _i);
    mspace_set_footprint_limit(space, 65536);
    ck_assert_ptr_nonnull(mspace_malloc(space, SIZE));
    ck_assert_uint_eq(mspace_footprint(space), SIZE);
    destroy_mspace(space);
}
END_TEST

START_TEST(usable_size_finds_the_space_of_a_block)
{
    mspace outer = space_over(memory, SIZE, _i);
    mspace other = space_over(memory + SIZE, SIZE, _i);
    char *block = mspace_malloc(outer, 10000);
    mspace inner = space_over(block, 10000, _i);
    void *in_inner = mspace_malloc(inner, 100);
    void *in_other = mspace_malloc(other, 200);
    size_t usable = mspace_usable_size(in_inner);
    ck_assert(usable >= 100 && usable < 10000);
    ck_assert_uint_ge(mspace_usable_size(in_other), 200);
    destroy_mspace(inner);
    ck_assert_uint_ge(mspace_usable_size(block), 10000);
    ck_assert_uint_eq(mspace_usable_size(NULL), 0);
    ck_assert_uint_eq(mspace_usable_size(memory + 2 * SIZE), 0);
    destroy_mspace(outer);
    ck_assert_uint_eq(mspace_usable_size(block), 0);
    destroy_mspace(other);
}
END_TEST

typedef struct sums {
    size_t used;
    size_t free;
    size_t extents;
    char *end;
} sums_t;

static void add(void *start, void *end, size_t used, void *context)
{
    sums_t *sums = context;
    ck_assert_ptr_eq(start, sums->end);
    sums->end = end;
    size_t size = (size_t)((char *)end - (char *)start);
    if (used > 0) {
        ck_assert_uint_eq(used, size);
        sums->used += size;
    } else {
        sums->free += size;
        sums->extents++;
    }
}

static void print_stats(mspace space, void *block)
{
    (void)block;
    mspace_malloc_stats(space);
}

START_TEST(statistics_agree)
{
    mspace space = space_over(memory, SIZE, _i);
    void *blocks[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++)
        blocks[i] = mspace_malloc(space, 100 + 50 * i);
    for (size_t i = 0; i < BLOCKS; i += 3)
        mspace_free(space, blocks[i]);
    sums_t sums = {.end = memory};
    mspace_inspect_all(space, add, &sums);
    ck_assert_ptr_eq(sums.end, memory + SIZE);
    mspace_mallinfo_t info = mspace_mallinfo(space);
    ck_assert_uint_eq(info.arena, SIZE);
    ck_assert_uint_eq(info.usmblks, SIZE);
    ck_assert_uint_eq(info.uordblks, sums.used);
    ck_assert_uint_eq(info.fordblks, sums.free);
    ck_assert_uint_eq(info.ordblks, sums.extents);
    ck_assert(info.keepcost > 0 && info.keepcost < SIZE);
    char line[64];
    snprintf(line, sizeof(line), "in use bytes     = %zu\n", sums.used);
    char *text = error_text(print_stats, space, NULL);
    ck_assert_msg(strstr(text, line) != NULL, "says %s", text);
    ck_assert_int_eq(mspace_track_large_chunks(space, 0), 1);
    ck_assert_int_eq(mspace_mallopt(-1, 0), 0);
    destroy_mspace(space);
}
END_TEST

static void *churn(void *space)
{
    for (int i = 0; i < ROUNDS; i++) {
        size_t size = 16 + (size_t)i % 300;
        char *block = mspace_malloc(space, size);
        char *twin = mspace_memalign(space, 8192, size);
        ck_assert(block != NULL && twin != NULL);
        memset(block, i, size);
        memset(twin, i, size);
        ck_assert_int_eq(block[0], twin[size - 1]);
        mspace_free(space, block);
        mspace_free(space, twin);
    }
    return NULL;
}

START_TEST(several_threads_use_a_locked_space)
{
    mspace space = create_mspace_with_base(memory + 4096, SIZE, 1);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, churn, space);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(mspace_mallinfo(space).uordblks, 0);
    destroy_mspace(space);
}
END_TEST

static volatile bool stop;

static void *look_up(void *block)
{
    while (!stop)
        mspace_usable_size(block);
    return NULL;
}

START_TEST(a_forked_child_finds_the_list_unlocked)
{
    mspace space = create_mspace_with_base(memory, SIZE, 1);
    void *block = mspace_malloc(space, 100);
    pthread_t thread;
    pthread_create(&thread, NULL, look_up, block);
    for (int i = 0; i < 100; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(10);
            _exit(mspace_usable_size(block) >= 100 ? 0 : 1);
        }
        int status;
        waitpid(child, &status, 0);
        ck_assert_int_eq(status, 0);
    }
    stop = true;
    pthread_join(thread, NULL);
    destroy_mspace(space);
}
END_TEST

static void destroy(mspace space, void *block)
{
    (void)block;
    destroy_mspace(space);
}

START_TEST(parameters_apply)
{
    setenv("MEMHEAP_LEAKS", "1", 1);
    mspace space = create_mspace_with_base(memory, SIZE, 0);
    mspace_malloc(space, 12345);
    unsetenv("MEMHEAP_LEAKS");
    char *text = error_text(destroy, space, NULL);
    ck_assert_msg(strstr(text, "12345 bytes") != NULL, "says %s", text);
}
END_TEST

int main(void)
{
    TCase *tests = unit_case();
    int count = (int)unit_component_count();
    tcase_add_loop_test(tests, blocks_lie_in_the_base_apart, 0, count);
    tcase_add_loop_test(tests, a_base_is_usable_to_its_last_byte, 0, count);
    tcase_add_loop_test(tests, a_full_space_returns_null_and_sets_errno, 0,
                        count);
    tcase_add_loop_test(tests, size_0_is_a_block, 0, count);
    tcase_add_loop_test(tests, realloc_keeps_the_contents, 0, count);
    tcase_add_loop_test(tests, realloc_in_place_does_not_move, 0, count);
    tcase_add_loop_test(tests, alignments_are_rounded_up, 0, count);
    tcase_add_loop_test(tests, alignments_may_exceed_that_of_the_base, 0,
                        count);
    tcase_add_loop_test(
        tests, a_base_is_rounded_up_and_too_short_ones_are_refused, 0, count);
    tcase_add_loop_test(tests, equal_calls_give_equal_offsets, 0, count);
    tcase_add_loop_test(tests, rows_of_blocks_are_all_or_nothing, 0, count);
    tcase_add_loop_test(tests, wrong_frees_are_named_and_ignored, 0, count);
    tcase_add_loop_test(tests, a_space_of_its_own_memory_takes_any_size, 0,
                        count);
    tcase_add_test(tests, a_space_that_cannot_be_created_is_null);
    tcase_add_loop_test(tests, memory_of_free_blocks_goes_back_by_trim, 0,
                        count);
    tcase_add_loop_test(tests, a_limit_is_kept, 0, count);
    tcase_add_loop_test(tests, usable_size_finds_the_space_of_a_block, 0,
                        count);
    tcase_add_loop_test(tests, statistics_agree, 0, count);
    tcase_add_test(tests, several_threads_use_a_locked_space);
    tcase_add_test(tests, a_forked_child_finds_the_list_unlocked);
    tcase_add_test(tests, parameters_apply);
    return unit_run("mspace", tests);
}
