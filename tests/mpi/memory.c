/*
 * The memory management chapter: the result of each call, the same on all PEs.
 */
#include "tests/mpi/tap.h"

/* Fill a block with a pattern of this PE, or check the pattern. */
static void fill(unsigned char *block, size_t size)
{
    for (size_t i = 0; i < size; i++)
        block[i] = (unsigned char)(i * 7 + (size_t)shmem_my_pe());
}

static bool is_filled(const unsigned char *block, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (block[i] != (unsigned char)(i * 7 + (size_t)shmem_my_pe()))
            return false;
    }
    return true;
}

static void nothing(void)
{
    tap_ok(shmem_malloc(0) == NULL && shmem_calloc(0, 8) == NULL &&
               shmem_calloc(8, 0) == NULL && shmem_align(64, 0) == NULL &&
               shmem_malloc_with_hints(0, 0) == NULL &&
               shmem_realloc(NULL, 0) == NULL,
           "size 0 returns NULL");
    /* If these calls had a barrier, a single PE would wait forever. */
    if (shmem_my_pe() == shmem_n_pes() - 1) {
        shmem_free(NULL);
        shmem_malloc(0);
        shmem_calloc(1, 0);
        shmem_align(16, 0);
    }
    tap_ok(true, "a single PE may free NULL and allocate 0 bytes");
}

static void blocks(void)
{
    void *a = shmem_malloc(1);
    void *b = shmem_malloc(100);
    void *c = shmem_malloc_with_hints(4096, SHMEM_MALLOC_ATOMICS_REMOTE |
                                                SHMEM_MALLOC_SIGNAL_REMOTE);
    tap_ok(tap_symmetric(a) && tap_symmetric(b) && tap_symmetric(c),
           "malloc returns the same address on every PE");
    tap_ok((uintptr_t)a % 16 == 0 && (uintptr_t)b % 16 == 0 && a != b && b != c,
           "blocks are aligned to 16 bytes and distinct");
    fill(b, 100);
    fill(c, 4096);
    shmem_free(a);
    tap_ok(is_filled(b, 100) && is_filled(c, 4096),
           "freeing one block does not change the others");
    shmem_free(b);
    shmem_free(c);

    bool aligned = true;
    for (size_t align = 1; align <= 4096; align *= 2) {
        void *block = shmem_align(align, 24);
        aligned =
            tap_symmetric(block) && aligned && (uintptr_t)block % align == 0;
        shmem_free(block);
    }
    tap_ok(aligned, "align works for 1 to 4096");
    tap_ok(shmem_align(0, 8) == NULL && shmem_align(3, 8) == NULL &&
               shmem_align((size_t)1 << 40, 8) == NULL,
           "align to 0, 3 and 1 TiB returns NULL");
}

static void zeroed(void)
{
    unsigned char *dirty = shmem_malloc(5000);
    memset(dirty, 0xFF, 5000);
    shmem_free(dirty);
    unsigned char *block = shmem_calloc(50, 100);
    bool zero = tap_symmetric(block);
    for (int i = 0; i < 5000; i++)
        zero = zero && block[i] == 0;
    tap_ok(zero, "calloc zeroes reused memory");
    shmem_free(block);
    tap_ok(shmem_calloc(SIZE_MAX / 2, 3) == NULL &&
               shmem_calloc(SIZE_MAX, SIZE_MAX) == NULL,
           "calloc with an overflowing product returns NULL");
}

static void resized(void)
{
    size_t whole = shmemx_heap_size();
    unsigned char *block = shmem_realloc(NULL, 100);
    tap_ok(tap_symmetric(block), "realloc of NULL allocates");
    fill(block, 100);
    void *wall = shmem_malloc(64);
    block = shmem_realloc(block, 100000);
    tap_ok(tap_symmetric(block) && is_filled(block, 100),
           "realloc that moves keeps the contents");
    block = shmem_realloc(block, 50);
    tap_ok(tap_symmetric(block) && is_filled(block, 50),
           "realloc to a smaller size keeps the rest");
    void *failed = shmem_realloc(block, whole);
    tap_ok(failed == NULL && is_filled(block, 50),
           "realloc that does not fit does not change the block");
    shmem_free(wall);
    block = shmem_realloc(block, whole);
    tap_ok(tap_symmetric(block) && is_filled(block, 50),
           "realloc from a small block to the whole heap succeeds");
    tap_ok(shmem_malloc(16) == NULL, "a full heap returns NULL");
    tap_ok(shmem_realloc(block, 0) == NULL &&
               shmemx_heap_free() == shmemx_heap_size(),
           "realloc to 0 frees");
    tap_ok(shmem_malloc(SIZE_MAX) == NULL && shmem_malloc(whole + 1) == NULL,
           "a size larger than the heap returns NULL");
}

/* Grow a block, and fill the new part. */
static bool append(unsigned char **block_p, size_t *size_p, unsigned *moves_p)
{
    unsigned char *moved = shmem_realloc(*block_p, *size_p + 1000);
    if (moved == NULL)
        return false;
    *moves_p += moved != *block_p;
    for (size_t i = *size_p; i < *size_p + 1000; i++)
        moved[i] = (unsigned char)(i * 7 + (i >> 8));
    *block_p = moved;
    *size_p += 1000;
    return true;
}

static bool is_appended(const unsigned char *block, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (block[i] != (unsigned char)(i * 7 + (i >> 8)))
            return false;
    }
    return true;
}

/* Two blocks that block each other's growth. */
static void appended(void)
{
    unsigned char *blocks[2] = {NULL, NULL};
    size_t sizes[2] = {0, 0};
    unsigned moves = 0;
    bool good = true;
    for (int i = 0; i < 2000 && good; i++)
        good = append(&blocks[i % 2], &sizes[i % 2], &moves);
    tap_ok(good && tap_symmetric(blocks[0]) && tap_symmetric(blocks[1]) &&
               is_appended(blocks[0], sizes[0]) &&
               is_appended(blocks[1], sizes[1]),
           "two alternately growing blocks keep their contents");
    /* 5/4 to the power of 31 is about 1000. */
    tap_ok(moves <= 2 * (31 + 2) && tap_same(moves),
           "they move a few times, not at every step");
    shmem_free(blocks[0]);
    shmem_free(blocks[1]);
}

static void trimmed(void)
{
    int rank;
    bool far = tap_node(&rank) < shmem_n_pes();
    size_t size = 4 << 20;
    char *block = shmem_malloc(size);
    memset(block, 1, size);
    bool good = shmemx_heap_resident() >= size;
    shmem_free(block);
    good = good && shmemx_heap_resident() >= size;
    tap_ok(good, "a freed written block keeps its pages");
    /* On all PEs but one, because trimming is a local call. */
    bool trims = shmem_my_pe() > 0 || shmem_n_pes() == 1;
    int status = trims ? shmemx_heap_trim(0) : 0;
    size_t left = shmemx_heap_resident();
    if (far)
        tap_ok(!trims || (status != 0 && left >= size),
               "pages registered with a network are not returned");
    else
        tap_ok(status == 0 && (trims ? left < size / 8 : left >= size),
               "pages are returned on request");
    shmem_barrier_all();
    block = shmem_calloc(size, 1);
    good = tap_symmetric(block);
    for (size_t i = 0; i < size && good; i++)
        good = block[i] == 0;
    shmem_barrier_all();
    shmem_putmem(block + size / 2, &rank, sizeof(rank),
                 (shmem_my_pe() + 1) % shmem_n_pes());
    shmem_barrier_all();
    int got;
    shmem_getmem(&got, block + size / 2, sizeof(got),
                 (shmem_my_pe() + 1) % shmem_n_pes());
    tap_ok(good && got == rank, "and the next block can use them again");
    shmem_free(block);
}

static void old_names(void)
{
    void *a = shmalloc(100);
    void *b = shmemalign(256, 100);
    a = shrealloc(a, 200);
    tap_ok(tap_symmetric(a) && tap_symmetric(b) && (uintptr_t)b % 256 == 0,
           "the deprecated names work");
    shfree(a);
    shfree(b);
}

static void batches(void)
{
    size_t sizes[200];
    void *many[200];
    for (size_t i = 0; i < 200; i++)
        sizes[i] = 1 + i * 37 % 500;
    bool symmetric = shmemx_malloc_batch(200, sizes, many) == 0;
    for (int i = 0; i < 200; i++)
        symmetric = tap_symmetric(many[i]) && symmetric;
    tap_ok(symmetric, "a batch of blocks is symmetric");
    void *twice[3] = {many[0], many[1], many[0]};
    size_t before = shmemx_heap_free();
    tap_ok(shmemx_free_batch(3, twice) != 0 && shmemx_heap_free() == before,
           "a batch with a block twice frees nothing");
    tap_ok(shmemx_free_batch(200, many) == 0 &&
               shmemx_heap_free() == shmemx_heap_size(),
           "a batch of frees returns all space");
    size_t too_much[2] = {64, shmemx_heap_size()};
    size_t none[2] = {64, 0};
    tap_ok(shmemx_malloc_batch(2, too_much, many) != 0 &&
               shmemx_malloc_batch(2, none, many) != 0 &&
               shmemx_heap_free() == shmemx_heap_size(),
           "a batch that does not fit, or has a size of 0, allocates nothing");
    tap_ok(shmemx_malloc_batch(0, NULL, NULL) == 0 &&
               shmemx_free_batch(0, NULL) == 0,
           "an empty batch succeeds");
}

static void wrong_frees(void)
{
    char *block = shmem_malloc(4096);
    size_t before = shmemx_heap_free();
    shmem_free(block + 64);
    shmem_free(
        (void *)(uintptr_t)4096); /* the same foreign address on all PEs */
    tap_ok(shmemx_heap_free() == before && shmemx_heap_check() == 0,
           "freeing a foreign address changes nothing");
    shmem_free(block);
    shmem_free(block);
    tap_ok(shmemx_heap_free() == shmemx_heap_size() &&
               shmemx_heap_check() == 0 && shmem_realloc(block, 64) == NULL,
           "a double free changes nothing, and realloc of it returns NULL");
}

int main(void)
{
    setenv("SHMEM_SYMMETRIC_SIZE", "8m", 1);
    shmem_init();
    tap_plan(30);
    nothing();
    blocks();
    zeroed();
    resized();
    appended();
    trimmed();
    old_names();
    batches();
    wrong_frees();
    shmem_finalize();
    return 0;
}
