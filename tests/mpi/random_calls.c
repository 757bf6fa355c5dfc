/*
 * Long random sequences of all collective calls, the same on every PE by a
 * common seed. A neighbour writes the contents, and they are checked. The heap
 * is small enough that calls fail now and then.
 *
 * MEMHEAP_TEST_SEED repeats a sequence.
 */
#include "tests/mpi/tap.h"

enum {
    SLOTS = 64,
    STEPS = 2000
};

typedef struct slot {
    unsigned char *block;
    size_t size;
    unsigned char stamp;
} slot_t;

static slot_t slots[SLOTS];
static uint64_t seed;

/* xorshift64*; S. Vigna, 2016. */
static uint64_t draw(uint64_t below)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (seed * UINT64_C(2685821657736338717) >> 16) % below;
}

/* Fill the right neighbour's block. */
static void stamp(slot_t *slot)
{
    int me = shmem_my_pe();
    int right = (me + 1) % shmem_n_pes();
    slot->stamp++;
    unsigned char *bytes = malloc(slot->size);
    memset(bytes, slot->stamp ^ right, slot->size);
    shmem_putmem(slot->block, bytes, slot->size, right);
    free(bytes);
    shmem_barrier_all();
}

static bool intact(const slot_t *slot, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (slot->block[i] != (unsigned char)(slot->stamp ^ shmem_my_pe()))
            return false;
    }
    return true;
}

static void *allocate(size_t size)
{
    switch (draw(3)) {
    case 0:
        return shmem_malloc(size);
    case 1:
        return shmem_calloc(1, size);
    default:
        return shmem_align((size_t)1 << draw(13), size);
    }
}

int main(void)
{
    setenv("SHMEM_SYMMETRIC_SIZE", "1m", 1);
    setenv("MEMHEAP_CHECK", "1", 1);
    shmem_init();
    tap_plan(4);
    const char *given = getenv("MEMHEAP_TEST_SEED");
    seed = given == NULL ? 20261120 : strtoull(given, NULL, 10);
    seed += seed == 0;
    uint64_t first = seed;
    bool kept = true;
    bool same = true;
    for (int i = 0; i < STEPS; i++) {
        slot_t *slot = &slots[draw(SLOTS)];
        size_t size = (size_t)1 + draw((uint64_t)1 << (4 + draw(14)));
        if (slot->block == NULL) {
            slot->block = allocate(size);
            slot->size = size;
        } else if (draw(2) == 0) {
            kept = kept && intact(slot, slot->size);
            shmem_free(slot->block);
            slot->block = NULL;
        } else {
            size_t least = size < slot->size ? size : slot->size;
            unsigned char *moved = shmem_realloc(slot->block, size);
            if (moved != NULL)
                *slot = (slot_t){moved, size, slot->stamp};
            kept = kept && intact(slot, moved == NULL ? slot->size : least);
            shmem_barrier_all(); /* no PE writes before all have checked */
        }
        if (slot->block != NULL)
            stamp(slot);
        same = same && tap_same((uintptr_t)slot->block);
    }
    if (!kept || !same)
        printf("# MEMHEAP_TEST_SEED=%llu\n", (unsigned long long)first);
    tap_ok(kept, "contents are kept");
    tap_ok(same, "addresses are the same on all PEs");
    for (int i = 0; i < SLOTS; i++)
        shmem_free(slots[i].block);
    tap_ok(shmemx_heap_free() == shmemx_heap_size(),
           "all space is free at the end");
    tap_ok(shmemx_heap_check() == 0, "the heap is consistent");
    shmem_finalize();
    return 0;
}
