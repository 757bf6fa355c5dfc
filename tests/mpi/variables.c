/*
 * Global and static variables as symmetric objects: initialized, zeroed and
 * large ones; changed before the start; used after the end; and in a forked
 * child.
 */
#include "tests/mpi/tap.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LARGE = 200000000
};

static int initialised = 41;
static int zeroed;
static char large[LARGE];
static int table[1000] = {7, 8, 9};
int global = 5;
static long work[SHMEM_SYNC_SIZE] = {SHMEM_SYNC_VALUE};
static long lock;

/* The peak memory of this PE, in bytes. */
static size_t peak(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (size_t)usage.ru_maxrss * 1024;
}

int main(void)
{
    initialised = 42; /* before the start */
    table[999] = 99;
    large[LARGE - 1] = 'x';
    shmem_init();
    tap_plan(13);
    int me = shmem_my_pe();
    int n = shmem_n_pes();
    int right = (me + 1) % n;
    int left = (me + n - 1) % n;

    tap_ok(initialised == 42 && zeroed == 0 && global == 5 && table[0] == 7 &&
               table[999] == 99 && large[0] == 0 && large[LARGE - 1] == 'x',
           "variables keep their values");
    tap_ok(shmem_addr_accessible(&zeroed, right) == 1 &&
               shmem_addr_accessible(large, 0) == 1,
           "variables are accessible");
    int local;
    void *heap = malloc(16);
    tap_ok(shmem_addr_accessible(&local, 0) == 0 &&
               shmem_addr_accessible(heap, 0) == 0 &&
               shmem_addr_accessible(stdout, 0) == 0,
           "the stack, the private heap and a library's data are not");
    free(heap);

    shmem_barrier_all();
    shmem_int_p(&zeroed, 100 + me, right);
    shmem_putmem(&large[1000], "neighbour", 10, right);
    shmem_barrier_all();
    tap_ok(zeroed == 100 + left && strcmp(&large[1000], "neighbour") == 0,
           "puts arrive in them");
    tap_ok(shmem_int_g(&zeroed, right) == 100 + me, "gets see them");
    shmem_barrier_all();
    shmem_int_atomic_inc(&global, 0);
    shmem_barrier_all();
    tap_ok(shmem_int_g(&global, 0) == 5 + n, "atomics work on them");
    int mine;
    int near = tap_node(&mine);
    int *there = shmem_team_ptr(SHMEM_TEAM_SHARED, &table, (mine + 1) % near);
    tap_ok(there != NULL && there[2] == 9 && (near == 1) == (there == table),
           "ptr gives access to them");

    shmem_barrier(0, 0, n, work);
    shmem_set_lock(&lock);
    shmem_int_p(&global, shmem_int_g(&global, 0) + 1, 0);
    shmem_clear_lock(&lock);
    shmem_barrier(0, 0, n, work);
    tap_ok(shmem_int_g(&global, 0) == 5 + 2 * n,
           "work arrays and locks can be variables");

    initialised = me;
    pid_t child = fork();
    if (child == 0) {
        bool kept = initialised == me && table[0] == 7;
        initialised = -1;
        zeroed = -1;
        _exit(kept ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    tap_ok(status == 0, "a forked child has their values");
    tap_ok(initialised == me && zeroed == 100 + left,
           "and cannot change those of this PE");
    status = system("true");
    tap_ok(status == 0, "a forked child can run a program");

    size_t before = peak();
    shmem_finalize();
    tap_ok(peak() - before < LARGE / 2,
           "unused arrays take no memory at the end");
    tap_ok(initialised == me && large[LARGE - 1] == 'x' &&
               strcmp(&large[1000], "neighbour") == 0,
           "they keep their values after the end");
    return 0;
}
