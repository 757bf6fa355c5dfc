/*
 * A program for the OpenSHMEM of Open MPI, which openmpi_component.sh compiles
 * with its oshcc. The argument says what to do; "calls" checks all memory
 * calls.
 */
#include <shmem.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLOTS = 40,
    ROUNDS = 2000
};

static uint64_t digest;    /* of all results; symmetric */
static uint64_t seed = 11; /* the same on all PEs */
static int me, pes;

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "PE %d: line %d: not %s\n", me, __LINE__,          \
                    #condition);                                               \
            shmem_global_exit(3);                                              \
        }                                                                      \
    } while (0)

static size_t random_below(size_t end)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (size_t)(seed >> 33) % end;
}

static void note(const void *block)
{
    digest = (digest ^ (uintptr_t)block) * UINT64_C(0x9E3779B97F4A7C15);
}

static int is_filled(const unsigned char *block, size_t size, unsigned value)
{
    for (size_t i = 0; i < size; i++) {
        if (block[i] != (unsigned char)value)
            return 0;
    }
    return 1;
}

/* Random calls. Each block is filled with a value of its own. */
static void make_calls(void)
{
    unsigned char *blocks[SLOTS] = {NULL};
    size_t sizes[SLOTS] = {0};
    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t slot = random_below(SLOTS);
        size_t size = 1 + random_below(5000);
        size_t order = random_below(14);
        size_t align = (size_t)8 << order;
        size_t kept = size < sizes[slot] ? size : sizes[slot];
        switch (blocks[slot] == NULL ? random_below(3) : 3 + random_below(2)) {
        case 0:
            blocks[slot] = shmem_malloc(size);
            break;
        case 1:
            blocks[slot] = shmem_calloc(size, 1);
            CHECK(is_filled(blocks[slot], size, 0));
            break;
        case 2:
            blocks[slot] = shmem_align(align, size);
            CHECK((uintptr_t)blocks[slot] % align == 0);
            break;
        case 3:
            blocks[slot] = shmem_realloc(blocks[slot], size);
            CHECK(is_filled(blocks[slot], kept, (unsigned)slot));
            break;
        default:
            CHECK(is_filled(blocks[slot], sizes[slot], (unsigned)slot));
            shmem_free(blocks[slot]);
            blocks[slot] = NULL;
        }
        note(blocks[slot]);
        sizes[slot] = blocks[slot] == NULL ? 0 : size;
        if (blocks[slot] != NULL)
            memset(blocks[slot], (int)slot, size);
    }
    for (size_t i = 0; i < SLOTS; i++)
        shmem_free(blocks[i]);
}

/* Fill the heap of 8 MiB, and use a part of it again. */
static void fill_heap(void)
{
    void *blocks[200];
    int count = 0;
    while (count < 200 && (blocks[count] = shmem_malloc(60000)) != NULL)
        note(blocks[count++]);
    CHECK(count > 100 && count < 200);
    CHECK(shmem_realloc(blocks[0], 4000000) == NULL);
    CHECK(shmem_align(4096, 4000000) == NULL);
    for (int i = 0; i < count; i++)
        shmem_free(blocks[i]);
    void *half = shmem_malloc(4000000);
    CHECK(half != NULL);
    shmem_free(half);
    CHECK(shmem_malloc(0) == NULL);
    void *block = shmem_realloc(NULL, 100);
    CHECK(block != NULL);
    CHECK(shmem_realloc(block, 0) == NULL);
    /* More than the alignment of any base. */
    char *aligned = shmem_align((size_t)1 << 32, 100);
    CHECK(aligned == NULL || (uintptr_t)aligned % ((size_t)1 << 32) == 0);
    note(aligned);
    shmem_free(aligned);
}

/* Blocks are symmetric: put to the next PE. */
static void communicate(void)
{
    long *block = shmem_malloc(1000 * sizeof(long));
    long mine[1000];
    for (int i = 0; i < 1000; i++)
        mine[i] = me * 1000 + i;
    shmem_long_put(block, mine, 1000, (me + 1) % pes);
    shmem_barrier_all();
    for (int i = 0; i < 1000; i++)
        CHECK(block[i] == (me + pes - 1) % pes * 1000 + i);
    shmem_barrier_all();
    shmem_free(block);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "calls";
    int level;
    if (strcmp(what, "threads") == 0)
        shmem_init_thread(SHMEM_THREAD_MULTIPLE, &level);
    else
        shmem_init();
    me = shmem_my_pe();
    pes = shmem_n_pes();
    char *block = shmem_malloc(100);
    if (strcmp(what, "wrong") == 0) {
        shmem_free(block + 16);
    } else if (strcmp(what, "use") == 0) {
        shmem_free(block);
        *(volatile char *)block = 1;
    } else if (strcmp(what, "leak") != 0) {
        make_calls();
        fill_heap();
        communicate();
        uint64_t other;
        shmem_barrier_all();
        shmem_getmem(&other, &digest, sizeof(other), (me + 1) % pes);
        CHECK(other == digest);
        shmem_free(block);
        if (me == 0)
            printf("all is well on %d PEs\n", pes);
    }
    shmem_finalize();
    return EXIT_SUCCESS;
}
