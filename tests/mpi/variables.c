/*
 * Global and static variables as symmetric objects: initialized, zeroed and
 * large ones; changed before the start; used after the end; and in forked
 * children.
 */
#include "tests/mpi/tap.h"

#include <pthread.h>
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
static int prepared;
static int followed;
static int adopted;
static int box;

/* Handlers of forks, which the program registers before it starts the library.
 */
static void prepare(void)
{
    prepared++;
}

static void follow(void)
{
    followed++;
}

static void adopt(void)
{
    adopted++;
}

/* The peak memory of this PE, in bytes. */
static size_t peak(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (size_t)usage.ru_maxrss * 1024;
}

/* The exit status of a child. */
static int status_of(pid_t child)
{
    int status = -1;
    waitpid(child, &status, 0);
    return status;
}

/* Whether children have the variables as they are at the fork, although this
 * PE writes to them at once, and the children's writes are not seen here. */
static bool forks_well(int forks)
{
    bool well = true;
    for (int i = 0; i < forks; i++) {
        initialised = i;
        table[500] = i;
        pid_t child = fork();
        if (child == 0) {
            bool kept = initialised == i && table[500] == i && table[0] == 7;
            initialised = -2;
            zeroed = -2;
            large[5000] = 2;
            _exit(kept ? 0 : 1);
        }
        initialised = -1;
        well = status_of(child) == 0 && well && initialised == -1;
    }
    return well && large[5000] == 0;
}

/* Whether a child does not see a put to its parent that follows the fork.
 * Collective. */
static bool hides_put(int me, int n)
{
    int gate[2];
    char byte = 0;
    box = -1;
    if (pipe(gate) != 0)
        return false;
    shmem_barrier_all();
    pid_t child = fork();
    if (child == 0)
        _exit(read(gate[0], &byte, 1) == 1 && box == -1 ? 0 : 1);
    shmem_barrier_all();
    shmem_int_p(&box, me, (me + 1) % n);
    shmem_barrier_all();
    bool sent = write(gate[1], &byte, 1) == 1;
    close(gate[0]);
    close(gate[1]);
    return status_of(child) == 0 && sent && box == (me + n - 1) % n;
}

int main(void)
{
    size_t loaded = peak();
    if (pthread_atfork(prepare, follow, adopt) != 0)
        return 2;
    initialised = 42; /* before the start */
    table[999] = 99;
    large[LARGE - 1] = 'x';
    shmem_init();
    tap_plan(15);
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

    size_t before = peak();
    tap_ok(forks_well(100), "children have the values at the fork");
    tap_ok(zeroed == 100 + left && initialised == -1,
           "and cannot change those of this PE");
    tap_ok(hides_put(me, n), "a child does not see later puts to its parent");
    prepared = followed = adopted = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(prepared == 1 && followed == 0 && adopted == 1 ? 0 : 1);
    tap_ok(status_of(child) == 0 && prepared == 1 && followed == 1 &&
               adopted == 0,
           "handlers of forks write to variables of their own process");
    tap_ok(system("true") == 0, "a forked child can run a program");

    shmem_finalize();
    tap_ok(loaded < LARGE / 2 && peak() - before < LARGE / 2,
           "unused arrays take no memory at the load, in forks and at the end");
    tap_ok(initialised == -1 && large[LARGE - 1] == 'x' &&
               strcmp(&large[1000], "neighbour") == 0,
           "they keep their values after the end");
    return 0;
}
