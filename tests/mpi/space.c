/*
 * Spaces: heaps beside the symmetric heap, with teams of their own.
 */
#include "tests/mpi/tap.h"

#include <shmem.h>
#include <shmemx.h>
#include <shmemx_pools.h>

#include <stdint.h>
#include <string.h>

enum {
    KIB = 1024,
    WORDS = 1000
};

static int me, n;

static shmemx_space_t create(size_t size)
{
    shmemx_space_config_t config = {.size = size};
    shmemx_space_t space = SHMEMX_SPACE_INVALID;
    if (shmemx_space_create(&config, &space) != 0)
        return SHMEMX_SPACE_INVALID;
    return space;
}

/* Destroy a space and its team. */
static bool destroy(shmemx_space_t space)
{
    shmem_team_destroy(shmemx_space_get_team(space));
    return shmemx_space_destroy(space) == 0;
}

static bool grows_without_a_size(void)
{
    shmemx_space_t space = create(0);
    bool good = space != SHMEMX_SPACE_INVALID &&
                shmemx_space_size(space) > (size_t)64 << 20;
    char *blocks[3];
    for (int i = 0; i < 3; i++) {
        blocks[i] = shmemx_space_malloc(space, (size_t)20 << 20);
        good = good && blocks[i] != NULL;
        if (good)
            memset(blocks[i], me + i, (size_t)20 << 20);
    }
    shmem_barrier_all();
    for (int i = 0; i < 3 && good; i++)
        good = shmem_char_g(blocks[i] + ((size_t)20 << 20) - 1, (me + 1) % n) ==
               (char)((me + 1) % n + i);
    shmem_barrier_all();
    return destroy(space) && good;
}

static bool size_is_the_limit(void)
{
    shmemx_space_t space = create(100 * KIB);
    bool good = shmemx_space_size(space) == 100 * KIB;
    void *whole = shmemx_space_malloc(space, 100 * KIB);
    good = good && whole != NULL;
    good = good && shmemx_space_malloc(space, 16) == NULL;
    shmemx_space_free(space, whole);
    good = good && shmemx_space_malloc(space, 100 * KIB) == whole;
    return destroy(space) && good;
}

/* Each PE puts, gets and adds on every other PE. */
static bool memory_is_reached(void)
{
    shmemx_space_t space = create(0);
    long *words = shmemx_space_calloc(space, WORDS, sizeof(*words));
    uint64_t *sum = shmemx_space_calloc(space, 1, sizeof(*sum));
    int *flag = shmemx_space_calloc(space, (size_t)n, sizeof(*flag));
    long *all = shmemx_space_malloc(space, (size_t)n * sizeof(*all));
    bool good = words != NULL && sum != NULL && flag != NULL && all != NULL;
    long mine[WORDS];
    for (int i = 0; i < WORDS; i++)
        mine[i] = me * WORDS + i;
    shmem_long_put(words, mine, WORDS, (me + 1) % n);
    shmem_quiet();
    shmem_int_p(&flag[me], 1, (me + 1) % n);
    int left = (me + n - 1) % n;
    shmem_int_wait_until(&flag[left], SHMEM_CMP_EQ, 1);
    for (int i = 0; i < WORDS; i++)
        good = good && words[i] == left * WORDS + i;
    for (int pe = 0; pe < n; pe++)
        shmem_uint64_atomic_add(sum, (uint64_t)me + 1, pe);
    shmem_barrier_all();
    good = good && *sum == (uint64_t)n * ((uint64_t)n + 1) / 2;
    good = good && shmem_uint64_atomic_fetch(sum, left) == *sum;
    good = good && shmem_long_fcollect(SHMEM_TEAM_WORLD, all, words, 1) == 0;
    for (int pe = 0; pe < n; pe++)
        good = good && all[pe] == (pe + n - 1) % n * WORDS;
    shmem_team_t team = shmemx_space_get_team(space);
    good = good && shmem_long_sum_reduce(team, all, words, 1) == 0 &&
           all[0] == (long)n * (n - 1) / 2 * WORDS;
    long *lock = shmemx_space_calloc(space, 2, sizeof(*lock));
    for (int i = 0; i < 20; i++) {
        shmem_set_lock(lock);
        long value = shmem_long_g(&lock[1], 0);
        shmem_long_p(&lock[1], value + 1, 0);
        shmem_clear_lock(lock);
    }
    shmem_barrier_all();
    good = good && shmem_long_g(&lock[1], 0) == 20L * n;
    shmem_barrier_all();
    return destroy(space) && good;
}

static bool addresses_are_equal(void)
{
    shmemx_space_t space = create(0);
    static uint64_t address;
    static uint64_t least;
    static uint64_t most;
    address = (uintptr_t)shmemx_space_align(space, 4096, 100);
    bool good = address != 0 && address % 4096 == 0;
    shmem_uint64_min_reduce(SHMEM_TEAM_WORLD, &least, &address, 1);
    shmem_uint64_max_reduce(SHMEM_TEAM_WORLD, &most, &address, 1);
    return destroy(space) && good && least == most;
}

static bool realloc_keeps_contents(void)
{
    shmemx_space_t space = create(0);
    char *block = shmemx_space_realloc(space, NULL, 100);
    bool good = block != NULL;
    memset(block, 7, 100);
    shmemx_space_malloc(space, 64);
    block = shmemx_space_realloc(space, block, 100 * KIB);
    good = good && block != NULL;
    for (int i = 0; i < 100; i++)
        good = good && block[i] == 7;
    good = good && shmemx_space_realloc(space, block, 0) == NULL;
    good = good && shmemx_space_malloc_with_hints(space, 64, 1) != NULL;
    return destroy(space) && good;
}

/* With a barrier, PE 0 would hang. */
static bool nothing_synchronises_without_bytes(void)
{
    shmemx_space_t space = create(0);
    bool good = true;
    if (me == 0) {
        good = shmemx_space_malloc(space, 0) == NULL &&
               shmemx_space_calloc(space, 0, 8) == NULL &&
               shmemx_space_calloc(space, 8, 0) == NULL &&
               shmemx_space_align(space, 64, 0) == NULL &&
               shmemx_space_realloc(space, NULL, 0) == NULL &&
               shmemx_space_malloc(SHMEMX_SPACE_INVALID, 100) == NULL;
        shmemx_space_free(space, NULL);
        shmemx_space_free(SHMEMX_SPACE_INVALID, &space);
    }
    return destroy(space) && good;
}

static bool default_space_is_the_heap(void)
{
    void *block = shmemx_space_malloc(SHMEMX_SPACE_DEFAULT, 100);
    bool good =
        block != NULL && shmemx_space_of_ptr(block) == SHMEMX_SPACE_DEFAULT &&
        shmemx_space_get_team(SHMEMX_SPACE_DEFAULT) == SHMEM_TEAM_WORLD &&
        shmemx_space_size(SHMEMX_SPACE_DEFAULT) == shmemx_heap_size();
    shmem_free(block);
    return good &&
           shmemx_space_of_team(SHMEM_TEAM_WORLD) == SHMEMX_SPACE_DEFAULT &&
           shmemx_space_of_team(SHMEM_TEAM_INVALID) == SHMEMX_SPACE_INVALID;
}

static bool space_is_known_by_what_is_in_it(void)
{
    static int variable;
    shmemx_space_t one = create(0);
    shmemx_space_t two = create(1 << 20);
    char *in_one = shmemx_space_malloc(one, 100);
    char *in_two = shmemx_space_malloc(two, 100);
    bool good = shmemx_space_of_ptr(in_one + 99) == one &&
                shmemx_space_of_ptr(in_two) == two &&
                shmemx_space_of_ptr(&variable) == SHMEMX_SPACE_INVALID &&
                shmemx_space_of_ptr(NULL) == SHMEMX_SPACE_INVALID;
    shmem_team_t team = shmemx_space_get_team(two);
    shmem_team_t part;
    shmem_team_split_strided(team, 0, 1, n, NULL, 0, &part);
    good = good && shmemx_space_of_team(team) == two &&
           shmemx_space_of_team(part) == two;
    good = good && shmem_addr_accessible(in_one, (me + 1) % n);
    shmem_team_destroy(part);
    good = destroy(one) && good;
    good = good && shmemx_space_of_ptr(in_one) == SHMEMX_SPACE_INVALID &&
           !shmem_addr_accessible(in_one, me);
    return destroy(two) && good;
}

static bool caps_are_told(void)
{
    shmemx_space_t space = create(0);
    long caps;
    bool good = shmemx_space_get_caps(space, &caps) == 0;
    long always = SHMEMX_CAP_RMA | SHMEMX_CAP_COLLECTIVES | SHMEMX_CAP_ATOMICS |
                  SHMEMX_CAP_WORLD_ACCESS | SHMEMX_CAP_IDENTICAL_ADDRESSES;
    char *block = shmemx_space_malloc(space, 1);
    bool direct = true;
    for (int pe = 0; pe < n; pe++)
        direct = direct && shmem_ptr(block, pe) != NULL;
    good = good && (caps & always) == always &&
           ((caps & SHMEMX_CAP_DIRECT_ACCESS) != 0) == direct;
    good = good && shmemx_space_get_caps(SHMEMX_SPACE_INVALID, &caps) != 0;
    return destroy(space) && good && caps == 0;
}

static bool several_end_in_any_order(void)
{
    enum {
        MANY = 6
    };
    static const int order[MANY] = {3, 0, 5, 1, 4, 2};
    shmemx_space_t spaces[MANY];
    char *blocks[MANY];
    bool good = true;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++) {
            spaces[i] = create(i % 2 == 0 ? 0 : 1 << 20);
            blocks[i] = shmemx_space_malloc(spaces[i], 1000);
            good = good && blocks[i] != NULL;
            memset(blocks[i], i, 1000);
        }
        shmem_barrier_all();
        for (int i = 0; i < MANY; i++) {
            int which = order[i];
            good = good && shmem_char_g(blocks[which] + 999, (me + 1) % n) ==
                               (char)which;
            good = destroy(spaces[which]) && good;
        }
    }
    return good;
}

static bool space_of_a_pool_is_collective(void)
{
    shmemx_space_t space = create(0);
    memheap_pool_t pool = shmemx_space_pool(space);
    void *block = NULL;
    size_t size = 0;
    bool good = pool.pop(pool.state, 256, 1000, &block) == MEMHEAP_OK &&
                (uintptr_t)block % 256 == 0 &&
                pool.getsize(pool.state, block, &size) == MEMHEAP_OK &&
                size >= 1000 &&
                pool.getsize(pool.state, (char *)block + 16, &size) ==
                    MEMHEAP_ERR_BAD_ADDRESS &&
                pool.push(pool.state, block) == MEMHEAP_OK;
    return destroy(space) && good;
}

static bool memory_found_at_once_is_backed(void)
{
    shmemx_space_config_t config = {.size = 1 << 20,
                                    .flags = SHMEMX_SPACE_BACKED};
    shmemx_space_t space;
    bool good = shmemx_space_create(&config, &space) == 0 &&
                shmemx_space_malloc(space, 1 << 20) != NULL;
    return destroy(space) && good;
}

static bool kind_of_pages_is_told(void)
{
    shmemx_space_config_t config = {.size = 4 << 20,
                                    .policy.pages = MEMHEAP_PAGES_4K};
    shmemx_space_t space;
    memheap_placement_t placement;
    bool good = shmemx_space_create(&config, &space) == 0;
    char *block = shmemx_space_malloc(space, 4 << 20);
    memset(block, 1, 4 << 20);
    good = good && shmemx_space_placement(space, &placement) == 0 &&
           placement.pages == MEMHEAP_PAGES_4K && placement.huge == 0 &&
           placement.resident >= 4 << 20;
    return destroy(space) && good;
}

static bool left_spaces_end_with_the_job(void)
{
    shmemx_space_t space = create(0);
    return shmemx_space_malloc(space, 100) != NULL;
}

int main(void)
{
    shmem_init();
    tap_plan(14);
    me = shmem_my_pe();
    n = shmem_n_pes();
    tap_ok(grows_without_a_size(), "a space without a size grows");
    tap_ok(size_is_the_limit(), "a space does not grow beyond its size");
    tap_ok(memory_is_reached(),
           "RMA, atomics, collectives and locks work in it");
    tap_ok(addresses_are_equal(), "a block has one address");
    tap_ok(realloc_keeps_contents(), "realloc keeps contents");
    tap_ok(nothing_synchronises_without_bytes(), "a size of 0 has no barrier");
    tap_ok(default_space_is_the_heap(),
           "the default space is the symmetric heap");
    tap_ok(space_is_known_by_what_is_in_it(),
           "pointers and teams belong to spaces");
    tap_ok(caps_are_told(), "caps are reported");
    tap_ok(several_end_in_any_order(), "spaces can be destroyed in any order");
    tap_ok(space_of_a_pool_is_collective(), "a space can be used as a pool");
    tap_ok(memory_found_at_once_is_backed(),
           "memory can be committed at creation");
    tap_ok(kind_of_pages_is_told(), "pages are of the requested kind");
    tap_ok(left_spaces_end_with_the_job(),
           "finalize destroys remaining spaces");
    shmem_finalize();
    return 0;
}
