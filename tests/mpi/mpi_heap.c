/*
 * Symmetric heaps over MPI communicators, without OpenSHMEM.
 */
#include <memheap/cache.h>
#include <memheap/mpi.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static int me, n;
static bool several_machines;
static int facts;
static char logged[4096];

static void sink(void *context, memheap_log_level_t level, const char *message)
{
    (void)context;
    (void)level;
    size_t used = strlen(logged);
    snprintf(logged + used, sizeof(logged) - used, "%s\n", message);
}

static const memheap_log_t log_here = {sink, NULL, MEMHEAP_LOG_WARNING};

static void ok(bool holds, const char *fact)
{
    int mine = holds;
    int all;
    MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    facts++;
    if (me == 0)
        printf("%s %d - %s\n", all ? "ok" : "not ok", facts, fact);
    fflush(stdout);
}

static memheap_mpi_t *create(MPI_Comm comm, size_t size)
{
    memheap_mpi_t *heap = NULL;
    memheap_config_t config = {.name = "mpi", .size = size, .log = &log_here};
    return memheap_mpi_create(comm, &config, &heap) == MEMHEAP_OK ? heap : NULL;
}

/* Whether all ranks have one address. */
static bool equal(MPI_Comm comm, const void *address)
{
    uint64_t word[2] = {(uintptr_t)address, ~(uint64_t)(uintptr_t)address};
    uint64_t least[2];
    MPI_Allreduce(word, least, 2, MPI_UINT64_T, MPI_MIN, comm);
    return address != NULL && least[0] == ~least[1];
}

/* Write to the next rank's block if it is on this node, and check the write of
 * the previous rank. */
static bool trade(MPI_Comm comm, memheap_mpi_t *heap, char *block, size_t size)
{
    int rank;
    int count;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &count);
    int before = (rank + count - 1) % count;
    char *next = memheap_mpi_ptr(heap, block, (rank + 1) % count);
    bool is_written = memheap_mpi_ptr(heap, block, before) != NULL;
    MPI_Barrier(comm);
    if (next != NULL)
        memset(next, rank + 1, size);
    MPI_Barrier(comm);
    bool good = several_machines || (next != NULL && is_written);
    for (size_t i = 0; i < size && is_written; i++)
        good = good && block[i] == before + 1;
    MPI_Barrier(comm);
    return good;
}

static bool blocks_have_one_address(void)
{
    memheap_mpi_t *heap = create(MPI_COMM_WORLD, 0);
    void *block[4];
    bool good = heap != NULL;
    good =
        good && memheap_mpi_alloc(heap, 100, &block[0]) == MEMHEAP_OK &&
        memheap_mpi_alloc_aligned(heap, 4096, 100, &block[1]) == MEMHEAP_OK &&
        memheap_mpi_alloc_zeroed(heap, 1000, 8, &block[2]) == MEMHEAP_OK &&
        memheap_mpi_alloc(heap, (size_t)40 << 20, &block[3]) == MEMHEAP_OK;
    for (int i = 0; i < 4 && good; i++)
        good = equal(MPI_COMM_WORLD, block[i]);
    good = good && (uintptr_t)block[1] % 4096 == 0;
    for (int i = 0; i < 8000 && good; i++)
        good = ((char *)block[2])[i] == 0;
    good = good && trade(MPI_COMM_WORLD, heap, block[0], 100) &&
           trade(MPI_COMM_WORLD, heap, block[3], (size_t)40 << 20);
    good = good && memheap_mpi_free(heap, block[0]) == MEMHEAP_OK &&
           memheap_mpi_free(heap, NULL) == MEMHEAP_OK;
    memheap_stats_t stats;
    memheap_get_stats(memheap_mpi_heap(heap), &stats);
    good = good && stats.live_blocks == 3 &&
           memheap_check(memheap_mpi_heap(heap)) == MEMHEAP_OK;
    memheap_mpi_destroy(heap);
    return good;
}

static bool resize_keeps_contents(void)
{
    memheap_mpi_t *heap = create(MPI_COMM_WORLD, 1 << 20);
    void *block = NULL;
    void *other;
    bool good = memheap_mpi_resize(heap, NULL, 100, &block) == MEMHEAP_OK;
    memset(block, 5, 100);
    good = good && memheap_mpi_alloc(heap, 16, &other) == MEMHEAP_OK;
    good = good &&
           memheap_mpi_resize(heap, block, 500000, &block) == MEMHEAP_OK &&
           equal(MPI_COMM_WORLD, block);
    for (int i = 0; i < 100 && good; i++)
        good = ((char *)block)[i] == 5;
    good = good && memheap_mpi_resize(heap, block, 2 << 20, &block) ==
                       MEMHEAP_ERR_NO_MEMORY;
    good =
        good && memheap_mpi_resize(heap, block, 900000, &block) == MEMHEAP_OK;
    memheap_mpi_destroy(heap);
    return good;
}

/* Overlapping communicators: all ranks, halves, and pairs across them. */
static bool communicators_overlap(void)
{
    enum {
        HEAPS = 4
    };
    static const int order[HEAPS] = {2, 0, 3, 1};
    MPI_Comm comm[HEAPS];
    memheap_mpi_t *heap[HEAPS];
    void *block[HEAPS];
    bool good = true;
    MPI_Comm_dup(MPI_COMM_WORLD, &comm[0]);
    MPI_Comm_split(MPI_COMM_WORLD, me < n / 2, me, &comm[1]);
    MPI_Comm_split(MPI_COMM_WORLD, me % 2, -me, &comm[2]);
    MPI_Comm_split(MPI_COMM_WORLD, me, 0, &comm[3]);
    for (int i = 0; i < HEAPS; i++) {
        heap[i] = create(comm[i], i % 2 == 0 ? 0 : (size_t)2 << 20);
        good = good && heap[i] != NULL &&
               memheap_mpi_alloc(heap[i], 1000, &block[i]) == MEMHEAP_OK &&
               equal(comm[i], block[i]);
    }
    for (int i = 0; i < HEAPS && good; i++)
        good = trade(comm[i], heap[i], block[i], 1000);
    for (int i = 0; i < HEAPS; i++) {
        memheap_mpi_destroy(heap[order[i]]);
        /* The remaining heaps are unchanged. */
        for (int k = i + 1; k < HEAPS && good; k++)
            good = trade(comm[order[k]], heap[order[k]], block[order[k]], 1000);
    }
    for (int i = 0; i < HEAPS; i++)
        MPI_Comm_free(&comm[i]);
    return good;
}

static bool says(const char *text)
{
    return me != 0 || strstr(logged, text) != NULL;
}

/* Whether one rank has logged a text, with its number, and no other rank. */
static bool told_by(int rank, const char *text)
{
    char start[24];
    snprintf(start, sizeof(start), "rank %d: ", rank);
    bool good = me == rank ? strncmp(logged, start, strlen(start)) == 0 &&
                                 strstr(logged, text) != NULL &&
                                 strchr(logged, '\n')[1] == '\0'
                           : logged[0] == '\0';
    logged[0] = '\0';
    return good;
}

/* Each call by the name under which the program called it. */
static bool failed_calls_have_their_names(void)
{
    memheap_mpi_t *heap = create(MPI_COMM_WORLD, 1 << 20);
    void *block = NULL;
    logged[0] = '\0';
    bool good = memheap_mpi_malloc(heap, 1 << 30) == NULL &&
                told_by(0, "memheap_mpi_malloc(1073741824): ");
    good = good && memheap_mpi_alloc(heap, 1 << 30, &block) != MEMHEAP_OK &&
           told_by(0, "memheap_mpi_alloc(1073741824): ");
    good = good && memheap_mpi_calloc(heap, 2, 1 << 30) == NULL &&
           told_by(0, "memheap_mpi_calloc(2, 1073741824): ");
    good = good && memheap_mpi_aligned_alloc(heap, 64, 1 << 30) == NULL &&
           told_by(0, "memheap_mpi_aligned_alloc(64, 1073741824): ");
    good = good && memheap_mpi_alloc_aligned(heap, 48, 8, &block) != 0 &&
           told_by(0, "memheap_mpi_alloc_aligned(48, 8): ");
    block = memheap_mpi_malloc(heap, 64);
    good = good && block != NULL &&
           memheap_mpi_realloc(heap, block, 1 << 30) == NULL &&
           told_by(0, "memheap_mpi_realloc(0x");
    good = good &&
           memheap_mpi_resize(heap, block, 1 << 30, &block) != MEMHEAP_OK &&
           told_by(0, "memheap_mpi_resize(0x");
    memheap_mpi_destroy(heap);
    return good;
}

static bool foreign_addresses_are_one_call(void)
{
    char local[16];
    void *from_libc = malloc(100);
    void *foreign = me % 2 == 0 ? (void *)local : from_libc;
    void *block;
    memheap_mpi_t *heap = create(MPI_COMM_WORLD, 1 << 20);
    logged[0] = '\0';
    bool good = memheap_mpi_free(heap, foreign) == MEMHEAP_ERR_BAD_ADDRESS &&
                told_by(0, ": it is on the stack");
    good = good &&
           memheap_mpi_resize(heap, foreign, 100, &block) ==
               MEMHEAP_ERR_BAD_ADDRESS &&
           told_by(0, "memheap_mpi_resize(0x");
    free(from_libc);
    memheap_mpi_destroy(heap);
    return good;
}

static bool differing_ranks_are_told(void)
{
    char text[200];
    memheap_mpi_t *heap = create(MPI_COMM_WORLD, 1 << 20);
    void *block;
    logged[0] = '\0';
    memheap_status_t status =
        memheap_mpi_alloc(heap, me == n - 1 ? 128 : 64, &block);
    snprintf(text, sizeof(text),
             "the ranks differ: rank 0 called "
             "memheap_mpi_alloc(64), rank %d called memheap_mpi_alloc(128)",
             n - 1);
    bool good = n == 1 ? status == MEMHEAP_OK
                       : status == MEMHEAP_ERR_DIVERGED && says(text);
    /* Nothing has changed, and the heap still works. */
    good = good && memheap_mpi_alloc(heap, 64, &block) == MEMHEAP_OK &&
           equal(MPI_COMM_WORLD, block);
    logged[0] = '\0';
    status = memheap_mpi_free(heap, me == n - 1 ? (char *)block + 16 : block);
    good = good &&
           status == (n == 1 ? MEMHEAP_ERR_BAD_ADDRESS : MEMHEAP_ERR_DIVERGED);
    good = good && memheap_mpi_free(heap, block) == MEMHEAP_OK;
    logged[0] = '\0';
    good = good && memheap_mpi_free(heap, block) == MEMHEAP_ERR_BAD_ADDRESS &&
           (me != 0 || strstr(logged, "memheap_mpi_free(0x") != NULL) &&
           told_by(0, "may have been freed before");
    memheap_mpi_destroy(heap);
    logged[0] = '\0';
    heap = create(MPI_COMM_WORLD, me == n - 1 ? 8192 : 4096);
    good =
        good && (n == 1 ? heap != NULL
                        : heap == NULL &&
                              says("memheap_mpi_create(flags 0, size 8192)"));
    memheap_mpi_destroy(heap);
    return good;
}

/* Whether rank 0 has logged that it made one call, and the last rank another.
 */
static bool told_that_calls_differ(const char *first, const char *last)
{
    char text[400];
    snprintf(
        text, sizeof(text),
        "the ranks differ: rank 0 called memheap_mpi_%s, rank %d called %s",
        first, n - 1, last);
    bool good = says(text);
    logged[0] = '\0';
    return good;
}

static bool each_call_is_described(void)
{
    bool last = me == n - 1;
    char local[16];
    void *block;
    memheap_mpi_t *heap = create(MPI_COMM_WORLD, 1 << 20);
    memheap_pool_t pool = memheap_mpi_as_pool(heap);
    if (n == 1)
        return memheap_mpi_destroy(heap) == MEMHEAP_OK;
    logged[0] = '\0';
    memheap_status_t status = last ? memheap_mpi_collect(heap, NULL)
                                   : memheap_mpi_alloc(heap, 64, &block);
    bool good = status == MEMHEAP_ERR_DIVERGED &&
                told_that_calls_differ("alloc(64)", "memheap_mpi_collect");
    status = last ? memheap_mpi_free(heap, local)
                  : memheap_mpi_alloc_zeroed(heap, 2, 8, &block);
    good = good && status == MEMHEAP_ERR_DIVERGED &&
           told_that_calls_differ("alloc_zeroed(2, 8)",
                                  "memheap_mpi_free of an address outside");
    status = last ? memheap_pool_agree(&pool, MEMHEAP_OK)
                  : memheap_mpi_alloc_aligned(heap, 64, 8, &block);
    good = good && status == MEMHEAP_ERR_DIVERGED &&
           told_that_calls_differ("alloc_aligned(64, 8)",
                                  "an allocation from memheap_mpi_as_pool");
    return memheap_mpi_destroy(heap) == MEMHEAP_OK && good;
}

/* Ranks whose settings differ: kinds of pages, and components if there are
 * several. */
static bool each_setting_is_described(void)
{
    static const char *const buddy[] = {"MEMHEAP_COMPONENT=buddy", NULL};
    static const char *const fit[] = {"MEMHEAP_COMPONENT=fit", NULL};
    memheap_mpi_t *heap = NULL;
    bool last = me == n - 1;
    bool built = true;
    memheap_config_t config = {.size = 1 << 20, .log = &log_here};
    for (int i = 0; i < 2; i++) {
        config.params = i == 0 ? buddy : fit;
        built =
            memheap_mpi_create(MPI_COMM_SELF, &config, &heap) == MEMHEAP_OK &&
            memheap_mpi_destroy(heap) == MEMHEAP_OK && built;
    }
    logged[0] = '\0';
    config.params = last ? fit : buddy;
    bool good = n == 1 || !built ||
                (memheap_mpi_create(MPI_COMM_WORLD, &config, &heap) ==
                     MEMHEAP_ERR_DIVERGED &&
                 told_that_calls_differ(
                     "create, which selected component buddy",
                     "memheap_mpi_create, which selected component fit"));
    config.params = NULL;
    config.policy.pages = last ? MEMHEAP_PAGES_4K : MEMHEAP_PAGES_THP;
    return good && (n == 1 ||
                    (memheap_mpi_create(MPI_COMM_WORLD, &config, &heap) ==
                         MEMHEAP_ERR_DIVERGED &&
                     says("rank 0 called memheap_mpi_create(kind of pages ")));
}

/* Each rank logs its own mistake. */
static bool wrong_releases_are_refused(void)
{
    char local[16];
    char start[64];
    memheap_mpi_t *heap = create(MPI_COMM_WORLD, 1 << 20);
    void *block = memheap_mpi_malloc(heap, 100);
    bool good = memheap_mpi_release(heap, block) == MEMHEAP_OK;
    snprintf(start, sizeof(start), "rank %d: memheap_mpi_release(%p): ", me,
             block);
    logged[0] = '\0';
    good = good &&
           memheap_mpi_release(heap, block) == MEMHEAP_ERR_BAD_ADDRESS &&
           strncmp(logged, start, strlen(start)) == 0 &&
           strstr(logged, "this rank has released it before") != NULL;
    logged[0] = '\0';
    good = good &&
           memheap_mpi_release(heap, local) == MEMHEAP_ERR_BAD_ADDRESS &&
           strstr(logged, "it is on the stack") != NULL;
    logged[0] = '\0';
    good = good && memheap_mpi_free(heap, block) == MEMHEAP_ERR_BAD_ADDRESS &&
           told_by(0, "is a block that this rank has released");
    return memheap_mpi_destroy(heap) == MEMHEAP_OK && good;
}

/* The last rank has no memory for metadata. */
static bool what_one_cannot_do_none_does(void)
{
    struct rlimit saved;
    getrlimit(RLIMIT_DATA, &saved);
    struct rlimit none = {4096, saved.rlim_max};
    memheap_mpi_t *heap = create(MPI_COMM_WORLD, (size_t)1 << 30);
    void *block = NULL;
    bool good = heap != NULL;
    memheap_status_t status = MEMHEAP_OK;
    if (me == n - 1)
        setrlimit(RLIMIT_DATA, &none);
    int made = 0;
    for (; made < 100000 && status == MEMHEAP_OK; made++)
        status = memheap_mpi_alloc(heap, 200, &block);
    if (me == n - 1)
        setrlimit(RLIMIT_DATA, &saved);
    good = good && status == MEMHEAP_ERR_NO_METADATA;
    for (int i = 0; i < 100 && good; i++)
        good = memheap_mpi_alloc(heap, 200, &block) == MEMHEAP_OK &&
               equal(MPI_COMM_WORLD, block);
    memheap_stats_t stats;
    memheap_get_stats(memheap_mpi_heap(heap), &stats);
    good = good && stats.live_blocks == (size_t)made - 1 + 100 &&
           stats.failures == 1;
    memheap_mpi_destroy(heap);
    return good;
}

static bool wrong_arguments_are_refused(void)
{
    memheap_mpi_t *heap = NULL;
    memheap_config_t config = {.log = &log_here};
    logged[0] = '\0';
    bool good = memheap_mpi_create(MPI_COMM_NULL, &config, &heap) ==
                    MEMHEAP_ERR_BAD_ARGUMENT &&
                strstr(logged, "MPI_COMM_NULL") != NULL;
    static char range[4096];
    config.base = range;
    config.size = sizeof(range);
    logged[0] = '\0';
    good = good &&
           memheap_mpi_create(MPI_COMM_WORLD, &config, &heap) ==
               MEMHEAP_ERR_BAD_ARGUMENT &&
           told_by(0, "must not be set");
    const char *const params[] = {"MEMHEAP_COMPONENT=nobody", NULL};
    memheap_config_t odd = {.log = &log_here, .params = params};
    logged[0] = '\0';
    good = good &&
           memheap_mpi_create(MPI_COMM_WORLD, &odd, &heap) ==
               MEMHEAP_ERR_BAD_PARAM &&
           told_by(0, "no component has the name");
    odd.params = NULL;
    odd.size = (size_t)900 << 40;
    good = good && memheap_mpi_create(MPI_COMM_WORLD, &odd, &heap) ==
                       MEMHEAP_ERR_SYSTEM;
    heap = create(MPI_COMM_WORLD, 1 << 20);
    void *block;
    good = good && heap != NULL &&
           memheap_mpi_alloc(heap, 0, &block) == MEMHEAP_ERR_BAD_ARGUMENT &&
           memheap_mpi_alloc_aligned(heap, 3, 16, &block) ==
               MEMHEAP_ERR_BAD_ARGUMENT &&
           memheap_mpi_alloc(heap, 2 << 20, &block) == MEMHEAP_ERR_NO_MEMORY &&
           memheap_mpi_alloc(heap, 100, &block) == MEMHEAP_OK &&
           memheap_mpi_ptr(heap, block, -1) == NULL &&
           memheap_mpi_ptr(heap, block, n) == NULL &&
           memheap_mpi_ptr(heap, range, 0) == NULL &&
           memheap_mpi_ptr(heap, block, me) == block;
    memheap_mpi_destroy(heap);
    memheap_mpi_destroy(NULL);
    return good;
}

/* Rank 0 logs it for all ranks. */
static bool leaks_and_figures_are_reported(void)
{
    const char *const params[] = {"MEMHEAP_LEAKS=1", "MEMHEAP_REPORT=1", NULL};
    memheap_config_t config = {
        .name = "mpi", .log = &log_here, .params = params};
    memheap_mpi_t *heap = NULL;
    void *block = NULL;
    bool good =
        memheap_mpi_create(MPI_COMM_WORLD, &config, &heap) == MEMHEAP_OK &&
        memheap_mpi_alloc(heap, 1000, &block) == MEMHEAP_OK;
    logged[0] = '\0';
    memheap_mpi_destroy(heap);
    if (me != 0)
        return good && logged[0] == '\0';
    return good && says("leak: 1000 bytes at 0x") &&
           says("1 block of heap \"mpi\" was never freed") &&
           says("heap \"mpi\", component") &&
           says("  live blocks    1 on each PE");
}

static bool heap_is_a_pool(void)
{
    memheap_mpi_t *heap = create(MPI_COMM_WORLD, 0);
    memheap_pool_t pool = memheap_mpi_as_pool(heap);
    void *block = NULL;
    size_t size = 0;
    bool good = pool.pop(pool.state, 64, 100, &block) == MEMHEAP_OK &&
                equal(MPI_COMM_WORLD, block) &&
                pool.getsize(pool.state, block, &size) == MEMHEAP_OK &&
                size >= 100 && pool.push(pool.state, block) == MEMHEAP_OK;
    memheap_mpi_destroy(heap);
    return good;
}

static bool heap_of_a_cache_stays(void)
{
    memheap_mpi_t *heap = create(MPI_COMM_WORLD, 0);
    memheap_pool_t pool = memheap_mpi_as_pool(heap);
    memheap_cache_t *cache = NULL;
    memheap_cache_config_t config = {
        .name = "items", .item_size = 64, .pool = &pool, .log = &log_here};
    void *item;
    bool good = memheap_cache_create(&config, &cache) == MEMHEAP_OK &&
                memheap_cache_alloc(cache, &item) == MEMHEAP_OK &&
                equal(MPI_COMM_WORLD, item);
    logged[0] = '\0';
    good = good && memheap_mpi_destroy(heap) == MEMHEAP_ERR_BUSY &&
           strstr(logged, "is in use by cache \"items\"") != NULL;
    good = memheap_cache_destroy(cache) == MEMHEAP_OK && good;
    return memheap_mpi_destroy(heap) == MEMHEAP_OK && good;
}

/* Before MPI_Init(), and after MPI_Finalize(). */
static bool is_refused_without_mpi(void)
{
    memheap_config_t config = {.log = &log_here};
    memheap_mpi_t *heap;
    logged[0] = '\0';
    return memheap_mpi_create(MPI_COMM_WORLD, &config, &heap) ==
               MEMHEAP_ERR_BAD_ARGUMENT &&
           strstr(logged, "memheap_mpi_create: MPI is not running") != NULL;
}

int main(int argc, char **argv)
{
    bool refused = is_refused_without_mpi();
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &me);
    MPI_Comm_size(MPI_COMM_WORLD, &n);
    MPI_Comm machine;
    int near;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL,
                        &machine);
    MPI_Comm_size(machine, &near);
    MPI_Comm_free(&machine);
    several_machines = near < n;
    if (me == 0)
        printf("1..15\n");
    ok(blocks_have_one_address(), "a block has one address on all ranks");
    ok(resize_keeps_contents(), "a resize keeps contents");
    ok(communicators_overlap(),
       "communicators overlap, heaps end in any order");
    ok(failed_calls_have_their_names(),
       "failed calls are logged once, by their names");
    ok(foreign_addresses_are_one_call(),
       "foreign addresses that differ between ranks are one call");
    ok(differing_ranks_are_told(),
       "ranks that differ are told who called what");
    ok(what_one_cannot_do_none_does(), "what one rank cannot do, none does");
    ok(wrong_arguments_are_refused(), "wrong arguments are refused");
    ok(leaks_and_figures_are_reported(), "leaks and figures are reported once");
    ok(heap_is_a_pool(), "a heap is a pool");
    ok(each_call_is_described(), "ranks that differ are told of each call");
    ok(each_setting_is_described(), "ranks that differ are told of settings");
    ok(wrong_releases_are_refused(), "wrong releases are refused");
    ok(heap_of_a_cache_stays(), "a heap that a cache uses is not destroyed");
    ok(refused, "a heap before MPI_Init() is refused");
    MPI_Finalize();
    return is_refused_without_mpi() ? EXIT_SUCCESS : EXIT_FAILURE;
}
