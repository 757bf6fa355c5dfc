/*
 * Placement in a job: a proximity of sources that all PEs call together, and of
 * sources that each PE calls alone.
 */
#include "tests/mpi/tap.h"

#include <memheap/placement.h>

enum {
    SHELF = 64,
    LOCAL = 64 * 1024
};

/* The symmetric heap as a pool. It stores the sizes, because the standard has
 * no call for them. */
typedef struct shelf {
    void *block[SHELF];
    size_t size[SHELF];
    int pops;
} shelf_t;

static int index_of(const shelf_t *shelf, const void *block)
{
    int i = 0;
    while (i < SHELF && shelf->block[i] != block)
        i++;
    return i;
}

static memheap_status_t pop(void *state, size_t align, size_t size,
                            void **block_p)
{
    shelf_t *shelf = state;
    int i = index_of(shelf, NULL);
    shelf->pops++;
    void *block = i == SHELF ? NULL : shmem_align(align, size);
    if (block == NULL)
        return MEMHEAP_ERR_NO_MEMORY;
    shelf->block[i] = *block_p = block;
    shelf->size[i] = size;
    return MEMHEAP_OK;
}

static memheap_status_t push(void *state, void *block)
{
    shelf_t *shelf = state;
    int i = index_of(shelf, block);
    if (i == SHELF)
        return MEMHEAP_ERR_BAD_ADDRESS;
    shelf->block[i] = NULL;
    shmem_free(block);
    return MEMHEAP_OK;
}

static memheap_status_t getsize(void *state, const void *block, size_t *size_p)
{
    const shelf_t *shelf = state;
    int i = block == NULL ? SHELF : index_of(shelf, block);
    if (i == SHELF)
        return MEMHEAP_ERR_BAD_ADDRESS;
    *size_p = shelf->size[i];
    return MEMHEAP_OK;
}

static shelf_t first, second;
static memheap_t *local, *carved;

static memheap_proximity_t *over(const memheap_source_t *sources, size_t count,
                                 memheap_search_order_t order)
{
    memheap_proximity_t *proximity = NULL;
    memheap_proximity_config_t config = {
        .sources = sources, .count = count, .order = order};
    memheap_proximity_create(&config, &proximity);
    return proximity;
}

/* The index of the source of a block of a reachability, or -1. */
static int place(memheap_proximity_t *proximity, unsigned reach, void **block_p)
{
    size_t source;
    if (memheap_placement_alloc(proximity, 64, 1000, reach, block_p) !=
            MEMHEAP_OK ||
        memheap_placement_query(proximity, *block_p, NULL, &source) !=
            MEMHEAP_OK)
        return -1;
    return (int)source;
}

/* Whether a put of the previous PE into a block arrives. */
static bool reaches(void *block)
{
    int me = shmem_my_pe();
    int n = shmem_n_pes();
    long value = 500 + me;
    shmem_barrier_all();
    shmem_long_put(block, &value, 1, (me + 1) % n);
    shmem_barrier_all();
    return *(long *)block == 500 + (me + n - 1) % n;
}

static void test_nearest(const memheap_source_t *sources)
{
    int me = shmem_my_pe();
    int n = shmem_n_pes();
    void *block;
    memheap_proximity_t *proximity = over(sources, 3, MEMHEAP_NEAREST_FIRST);
    tap_ok(place(proximity, MEMHEAP_REACH_PE, &block) == 0,
           "a request of one PE uses its own heap");
    bool good = place(proximity, MEMHEAP_REACH_SYSTEM, &block) == 1;
    tap_ok(good && tap_symmetric(block) && reaches(block),
           "a request of all PEs uses the symmetric heap");
    tap_ok(memheap_placement_free(proximity, block) == MEMHEAP_OK,
           "and the block is returned to it");
    /* One PE's heap is full: only that PE must try the next source. */
    int pops = first.pops;
    int at = 0;
    if (me == n - 1) {
        while (at == 0)
            at = place(proximity, MEMHEAP_REACH_PE, &block);
    }
    tap_ok(at == (me == n - 1 ? 2 : 0) && first.pops == pops,
           "a PE with a full heap does not start a collective call");
    good = place(proximity, MEMHEAP_REACH_SYSTEM, &block) == 1;
    tap_ok(good && tap_symmetric(block),
           "and all PEs make the next collective call together");
    tap_ok(memheap_placement_alloc(proximity, 8, 8,
                                   MEMHEAP_REACH_DEVICE | MEMHEAP_REACH_PE,
                                   &block) == MEMHEAP_ERR_UNREACHABLE,
           "no source is registered with a device");
    memheap_proximity_destroy(proximity);
}

static void test_turns(const memheap_source_t *sources)
{
    memheap_source_t all[] = {sources[0], sources[1], sources[1]};
    all[2].pool.state = &second;
    memheap_proximity_t *proximity = over(all, 3, MEMHEAP_IN_TURN);
    bool good = true;
    for (int i = 0; i < 6; i++) {
        void *block;
        for (int more = shmem_my_pe() % 3; more > 0; more--)
            place(proximity, MEMHEAP_REACH_PE, &block);
        good =
            good && place(proximity, MEMHEAP_REACH_SYSTEM, &block) == 1 + i % 2;
        good = tap_symmetric(block) && good;
    }
    tap_ok(good,
           "requests of all PEs agree, independent of requests of one PE");
    memheap_proximity_destroy(proximity);
}

int main(void)
{
    shmem_init();
    tap_plan(8);
    memheap_config_t config = {.size = LOCAL};
    memheap_create(&config, &local);
    config.base = shmem_align(4096, LOCAL);
    memheap_create(&config, &carved);
    const memheap_source_t sources[] = {{.pool = memheap_heap_as_pool(local),
                                         .reachability = MEMHEAP_REACH_PE,
                                         .node = MEMHEAP_NODE_NONE},
                                        {.pool = {.pop = pop,
                                                  .push = push,
                                                  .getsize = getsize,
                                                  .state = &first},
                                         .reachability = MEMHEAP_REACH_SYSTEM,
                                         .node = MEMHEAP_NODE_NONE,
                                         .collective = true},
                                        {.pool = memheap_heap_as_pool(carved),
                                         .reachability = MEMHEAP_REACH_SYSTEM,
                                         .node = MEMHEAP_NODE_NONE}};
    memheap_proximity_t *inside = over(&sources[2], 1, MEMHEAP_NEAREST_FIRST);
    void *block;
    bool good = place(inside, MEMHEAP_REACH_SYSTEM, &block) == 0;
    tap_ok(good && tap_symmetric(block) && reaches(block),
           "a heap in a symmetric block is accessible to all PEs, and called "
           "by each");
    memheap_proximity_destroy(inside);
    test_nearest(sources);
    test_turns(sources);
    memheap_destroy(carved);
    memheap_destroy(local);
    shmem_finalize();
    return 0;
}
