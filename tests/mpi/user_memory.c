/*
 * Memory of the program that is registered.
 */
#include "tests/mpi/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PAGES = 700 /* more than a huge page */
};

static int me, n;
static size_t page;

/* Private memory with contents, at another address on each PE. */
static char *make(size_t pages)
{
    char *start = NULL;
    void *gap = mmap(NULL, (size_t)(me + 1) * 3 * page, PROT_READ,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (gap == MAP_FAILED ||
        posix_memalign((void **)&start, page, pages * page) != 0)
        return NULL;
    for (size_t i = 0; i < pages * page; i++)
        start[i] = (char)(i % 251 + (size_t)me);
    return start;
}

static bool has_contents(const char *start, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (start[i] != (char)(i % 251 + (size_t)me))
            return false;
    }
    return true;
}

/* Puts, gets, atomics, signals and collectives on registered memory. */
static bool is_symmetric(char *start, size_t size)
{
    int next = (me + 1) % n;
    int before = (me + n - 1) % n;
    long *words = (long *)(void *)(start + size - 64 * sizeof(long));
    uint64_t *signal = (uint64_t *)(void *)&words[63];
    long mine[8];
    memset(words, 0, 64 * sizeof(long));
    shmem_barrier_all();
    for (int i = 0; i < 8; i++)
        mine[i] = me * 100 + i;
    shmem_long_put_signal(words, mine, 8, signal, 5, SHMEM_SIGNAL_ADD, next);
    shmem_signal_wait_until(signal, SHMEM_CMP_EQ, 5);
    shmem_quiet(); /* a get may overtake the put */
    bool good = true;
    for (int i = 0; i < 8; i++)
        good = good && words[i] == before * 100 + i;
    good = good && shmem_long_g(&words[3], next) == me * 100 + 3;
    for (int pe = 0; pe < n; pe++)
        shmem_long_atomic_add(&words[20], me + 1, pe);
    shmem_barrier_all();
    good = good && words[20] == (long)n * (n + 1) / 2;
    words[30] = me + 1;
    shmem_long_sum_reduce(SHMEM_TEAM_WORLD, &words[31], &words[30], 1);
    good = good && words[31] == (long)n * (n + 1) / 2;
    shmem_long_fcollect(SHMEM_TEAM_WORLD, &words[40], &words[30], 1);
    for (int pe = 0; pe < n; pe++)
        good = good && words[40 + pe] == pe + 1;
    shmem_barrier_all();
    int rank;
    int size_of_node = tap_node(&rank);
    long *there = shmem_ptr(words, me);
    good = good && there != NULL && there[30] == me + 1;
    if (size_of_node == n) {
        there = shmem_ptr(words, next);
        good = good && there != NULL && there[30] == next + 1;
    }
    shmem_barrier_all();
    return good;
}

static bool private_memory_becomes_symmetric(void)
{
    size_t size = PAGES * page;
    char *start = make(PAGES);
    bool good = start != NULL;
    for (int round = 0; round < 3 && good; round++) {
        good = shmemx_register(start, size) == start;
        good = good && has_contents(start, 0, size - 64 * sizeof(long));
        good = tap_all(good) && is_symmetric(start, size);
        /* The other PE's contents, which are not this PE's. */
        int next = (me + 1) % n;
        char byte = 0;
        shmem_getmem(&byte, start + 12345, 1, next);
        good = good && byte == (char)(12345 % 251 + next);
        shmem_barrier_all();
        start[77] = 'x';
        good = shmemx_deregister(start) == 0 && good;
        good = good && start[77] == 'x';
        start[77] = (char)(77 + me);
        good = good && has_contents(start, 0, size - 64 * sizeof(long));
    }
    free(start);
    return good;
}

/* A part of a larger mapping; memory around it stays private. */
static bool part_of_a_mapping_is_enough(void)
{
    char *start = make(20);
    if (shmemx_register(start + 5 * page, 3 * page) == NULL)
        return false;
    bool good = is_symmetric(start + 5 * page, 3 * page);
    good = good && has_contents(start, 0, 8 * page - 512);
    good = good && has_contents(start, 8 * page, 20 * page);
    char *other = make(4);
    good = shmemx_register(other, 4 * page) == other && good;
    good = is_symmetric(other, 4 * page) && good;
    good = is_symmetric(start + 5 * page, 3 * page) && good;
    good = shmemx_deregister(start + 5 * page) == 0 && good;
    good = is_symmetric(other, 4 * page) && good;
    good = shmemx_deregister(other) == 0 && good;
    free(start);
    free(other);
    return good;
}

/* What other PEs put is in the file. */
static bool mapped_file_stays_one(void)
{
    char name[] = "/tmp/memheap-XXXXXX";
    int fd = mkstemp(name);
    bool good = fd >= 0 && ftruncate(fd, (off_t)(6 * page)) == 0;
    char *start = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                       (off_t)(2 * page));
    good = tap_all(good && start != MAP_FAILED);
    good = good && shmemx_register(start + page, 3 * page) == start + page;
    if (good) {
        good = is_symmetric(start + page, 3 * page);
        shmem_long_p((long *)(void *)(start + page), me + 1000, (me + 1) % n);
        good = shmemx_deregister(start + page) == 0 && good;
        long word = 0;
        good = good && pread(fd, &word, sizeof(word), (off_t)(3 * page)) ==
                           (ssize_t)sizeof(word);
        good = good && word == (me + n - 1) % n + 1000;
        start[0] = 'x'; /* still a mapping of the file */
        char byte = 0;
        good = good && pread(fd, &byte, 1, (off_t)(2 * page)) == 1;
        good = good && byte == 'x';
    }
    munmap(start, 4 * page);
    close(fd);
    unlink(name);
    return good;
}

/* A child has a copy: neither it nor the parent sees the other's writes. */
static bool child_has_a_copy(void)
{
    char *start = make(3);
    if (shmemx_register(start, 3 * page) == NULL)
        return false;
    int to_child[2];
    bool good = pipe(to_child) == 0;
    pid_t child = fork();
    if (child == 0) {
        char byte;
        bool same = read(to_child[0], &byte, 1) == 1 &&
                    has_contents(start, 0, 3 * page);
        memset(start, 'c', 3 * page);
        _exit(same ? 0 : 1);
    }
    char kept = start[10];
    start[10] = 'p';
    good = good && child > 0 && write(to_child[1], "x", 1) == 1;
    int status = -1;
    good = waitpid(child, &status, 0) == child && status == 0 && good;
    good = good && start[10] == 'p' && start[11] != 'c';
    start[10] = kept;
    good = good && has_contents(start, 0, 3 * page);
    close(to_child[0]);
    close(to_child[1]);
    good = tap_all(good);
    good = is_symmetric(start, 3 * page) && good;
    good = shmemx_deregister(start) == 0 && good;
    free(start);
    return good;
}

static char *late;

int main(void)
{
    shmem_init();
    me = shmem_my_pe();
    n = shmem_n_pes();
    page = (size_t)sysconf(_SC_PAGESIZE);
    tap_plan(5);
    tap_ok(private_memory_becomes_symmetric(),
           "private memory becomes symmetric");
    tap_ok(part_of_a_mapping_is_enough(), "a part of a mapping can be one");
    tap_ok(mapped_file_stays_one(), "a mapped file stays one");
    tap_ok(child_has_a_copy(), "a forked child has a copy");
    late = make(PAGES);
    bool good = shmemx_register(late, PAGES * page) == late;
    tap_ok(good && is_symmetric(late, PAGES * page),
           "memory can be registered until the end");
    shmem_finalize();
    if (!has_contents(late, 0, PAGES * page - 512))
        return EXIT_FAILURE;
    free(late);
    return EXIT_SUCCESS;
}
