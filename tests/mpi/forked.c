/*
 * Calls in a forked child of a PE, one child for each. The child of the last PE
 * must end with an error, and the job must go on.
 */
#include <memheap/mpi.h>
#include <shmem.h>
#include <shmemx.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static long variable;
static long lock;
static long *block;
static shmem_ctx_t ctx;
static shmem_team_t team;
static shmemx_space_t space;
static long *space_block;
static memheap_mpi_t *heap;
static void *heap_block;
static memheap_pool_t pool;

static void init(void)
{
    shmem_init();
}
static void finalize(void)
{
    shmem_finalize();
}
static void my_pe(void)
{
    shmem_my_pe();
}
static void call_malloc(void)
{
    shmem_malloc(100);
}
static void call_calloc(void)
{
    shmem_calloc(1, 100);
}
static void call_realloc(void)
{
    shmem_realloc(block, 1000);
}
static void call_free(void)
{
    shmem_free(block);
}
static void barrier_all(void)
{
    shmem_barrier_all();
}
static void sync_all(void)
{
    shmem_sync_all();
}
static void team_sync(void)
{
    shmem_team_sync(team);
}
static void split(void)
{
    shmem_team_t made;
    shmem_team_split_strided(team, 0, 1, 1, NULL, 0, &made);
}
static void broadcast(void)
{
    shmem_long_broadcast(team, block, block, 1, 0);
}
static void reduce(void)
{
    shmem_long_sum_reduce(SHMEM_TEAM_WORLD, block, block, 1);
}
static void put(void)
{
    shmem_long_p(block, 1, 0);
}
static void put_variable(void)
{
    shmem_long_put(&variable, block, 1, 0);
}
static void put_on_ctx(void)
{
    shmem_ctx_putmem_nbi(ctx, block, &variable, 8, 0);
}
static void get(void)
{
    shmem_long_g(block, 0);
}
static void increment(void)
{
    shmem_long_atomic_inc(block, 0);
}
static void set_lock(void)
{
    shmem_set_lock(&lock);
}
static void wait_until(void)
{
    shmem_long_wait_until(block, SHMEM_CMP_EQ, 77);
}
static void space_malloc(void)
{
    shmemx_space_malloc(space, 100);
}
static void space_put(void)
{
    shmem_int_p((int *)space_block, 1, 0);
}
static void space_create(void)
{
    shmemx_space_t made;
    shmemx_space_config_t config = {.size = 1 << 20};
    shmemx_space_create(&config, &made);
}
static void global_exit(void)
{
    shmem_global_exit(0);
}

/* The heap's calls return a status. */
static void check(memheap_status_t status)
{
    exit(status == MEMHEAP_ERR_BAD_ARGUMENT ? EXIT_FAILURE : EXIT_SUCCESS);
}
static void heap_create(void)
{
    memheap_mpi_t *made;
    memheap_config_t config = {.size = 1 << 20};
    check(memheap_mpi_create(MPI_COMM_WORLD, &config, &made));
}
static void heap_destroy(void)
{
    check(memheap_mpi_destroy(heap));
}
static void heap_alloc(void)
{
    void *made;
    check(memheap_mpi_alloc(heap, 100, &made));
}
static void heap_alloc_zeroed(void)
{
    void *made;
    check(memheap_mpi_alloc_zeroed(heap, 1, 100, &made));
}
static void heap_free(void)
{
    check(memheap_mpi_free(heap, heap_block));
}
static void heap_resize(void)
{
    void *made;
    check(memheap_mpi_resize(heap, heap_block, 1000, &made));
}
static void heap_release(void)
{
    check(memheap_mpi_release(heap, heap_block));
}
static void heap_collect(void)
{
    check(memheap_mpi_collect(heap, NULL));
}
static void heap_agree(void)
{
    check(memheap_pool_agree(&pool, MEMHEAP_OK));
}

static const struct {
    const char *name; /* what the message says */
    void (*run)(void);
} calls[] = {
    {"shmem_init", init},
    {"shmem_finalize", finalize},
    {"shmem_my_pe", my_pe},
    {"shmem_malloc", call_malloc},
    {"shmem_calloc", call_calloc},
    {"shmem_realloc", call_realloc},
    {"shmem_free", call_free},
    {"shmem_barrier_all", barrier_all},
    {"shmem_sync_all", sync_all},
    {"shmem_team_sync", team_sync},
    {"shmem_team_split_strided", split},
    {"shmem_long_broadcast", broadcast},
    {"shmem_long_sum_reduce", reduce},
    {"shmem_long_p", put},
    {"shmem_long_put", put_variable},
    {"shmem_ctx_putmem_nbi", put_on_ctx},
    {"shmem_long_g", get},
    {"shmem_long_atomic_inc", increment},
    {"shmem_set_lock", set_lock},
    {"a routine that waits for another PE", wait_until},
    {"shmemx_space_malloc", space_malloc},
    {"shmem_int_p", space_put},
    {"shmemx_space_create", space_create},
    {"shmem_global_exit", global_exit},
    {"memheap_mpi_create", heap_create},
    {"memheap_mpi_destroy", heap_destroy},
    {"memheap_mpi_alloc", heap_alloc},
    {"memheap_mpi_alloc_zeroed", heap_alloc_zeroed},
    {"memheap_mpi_free", heap_free},
    {"memheap_mpi_resize", heap_resize},
    {"memheap_mpi_release", heap_release},
    {"memheap_mpi_collect", heap_collect},
    {"memheap_mpi_as_pool", heap_agree},
};

/* The exit status of a child that makes a call. */
static int status_in_child(void (*run)(void))
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(10);
        run();
        _exit(EXIT_SUCCESS);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(void)
{
    memheap_config_t config = {.size = 1 << 20};
    shmemx_space_config_t space_config = {.size = 1 << 20};
    shmem_init();
    int me = shmem_my_pe();
    int n = shmem_n_pes();
    block = shmem_calloc(1, sizeof(*block));
    if (shmem_ctx_create(0, &ctx) != 0 ||
        shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 1, n, NULL, 0, &team) !=
            0 ||
        shmemx_space_create(&space_config, &space) != 0 ||
        memheap_mpi_create(MPI_COMM_WORLD, &config, &heap) != MEMHEAP_OK ||
        memheap_mpi_alloc(heap, 100, &heap_block) != MEMHEAP_OK)
        return 2;
    space_block = shmemx_space_malloc(space, 100);
    pool = memheap_mpi_as_pool(heap);
    for (size_t i = 0; me == n - 1 && i < sizeof(calls) / sizeof(*calls); i++)
        printf("%s: status %d\n", calls[i].name, status_in_child(calls[i].run));
    fflush(stdout);
    shmem_free(shmem_malloc(1000));
    shmem_free(block);
    if (memheap_mpi_destroy(heap) != MEMHEAP_OK)
        return 2;
    shmem_finalize();
    return 0;
}
