/*
 * Saving the symmetric heap and loading it, in the same job and by the next
 * one.
 *
 *   save            the test
 *   save write F    save to F.PE, and end without a word
 *   save HOW F      load from F.PE; what fails is printed, and survived
 */
#define _GNU_SOURCE /* memfd_create() */
#include "tests/mpi/tap.h"

#include <memheap/context.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    BLOCKS = 200
};

static int me, n;

typedef struct root {
    struct root *self;
    long *block[BLOCKS];
    size_t count[BLOCKS];
} root_t;

static long value(int pe, int i, size_t k)
{
    return (long)pe * 1000000 + i * 1000 + (long)k;
}

/* Blocks of many sizes, with gaps; each has this PE's values. */
static root_t *build(void)
{
    root_t *root = shmem_malloc(sizeof(*root));
    root->self = root;
    for (int i = 0; i < BLOCKS; i++) {
        root->count[i] = 1 + (size_t)i * (size_t)i % 911;
        root->block[i] = shmem_malloc(root->count[i] * sizeof(long));
    }
    for (int i = 0; i < BLOCKS; i++) {
        if (i % 3 == 1) {
            shmem_free(root->block[i]);
            root->block[i] = NULL;
        }
        for (size_t k = 0; root->block[i] != NULL && k < root->count[i]; k++)
            root->block[i][k] = value(me, i, k);
    }
    return root;
}

static bool is_whole(const root_t *root)
{
    if (root->self != root)
        return false;
    for (int i = 0; i < BLOCKS; i++)
        for (size_t k = 0; root->block[i] != NULL && k < root->count[i]; k++)
            if (root->block[i][k] != value(me, i, k))
                return false;
    return true;
}

static void free_all(root_t *root)
{
    for (int i = 0; i < BLOCKS; i++)
        shmem_free(root->block[i]);
    shmem_free(root);
}

/* The heap is loaded after all of its blocks were freed and overwritten. */
static bool heap_comes_back(int fd)
{
    root_t *first = build();
    size_t unused = shmemx_heap_free();
    shmemx_release(shmem_malloc(5000)); /* by all PEs: it is not saved */
    bool good = shmemx_heap_save(first, fd) == 0 && is_whole(first);
    good = good && shmemx_heap_free() == unused;
    free_all(first);
    void *large = shmem_malloc(1000000);
    memset(large, 0xAB, 1000000);
    shmem_free(large);
    void *found = NULL;
    lseek(fd, 0, SEEK_SET);
    good = shmemx_heap_load(fd, &found) == 0 && good;
    root_t *root = found;
    good = tap_all(good && root == first) && is_whole(root);
    good = good && shmemx_heap_free() == unused && shmemx_heap_check() == 0;
    /* It is symmetric. */
    int next = (me + 1) % n;
    for (int i = 0; good && i < BLOCKS; i += 3)
        good = shmem_long_g(root->block[i], next) == value(next, i, 0);
    shmem_barrier_all();
    shmem_long_p(root->block[3], 77, next);
    shmem_barrier_all();
    good = good && root->block[3][0] == 77;
    long *more = shmem_malloc(800);
    good = tap_symmetric(more) && good;
    shmem_free(more);
    free_all(root);
    return good;
}

/* Messages go to standard error. */
static void print(const char *what, int status)
{
    MPI_Barrier(MPI_COMM_WORLD);
    if (me == 0)
        printf("%s: %d\n", what, status);
    fflush(stdout);
}

static int open_mine(const char *name, int pe, int flags)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s.%d", name, pe);
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0)
        perror(path);
    return fd;
}

int main(int argc, char **argv)
{
    shmem_init();
    me = shmem_my_pe();
    n = shmem_n_pes();
    if (argc == 1) {
        int fd = memfd_create("saved", MFD_CLOEXEC);
        tap_plan(2);
        tap_ok(heap_comes_back(fd), "a saved heap comes back");
        bool empty = ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0;
        tap_ok(empty && heap_comes_back(fd), "and once more");
        shmem_finalize();
        return EXIT_SUCCESS;
    }
    const char *how = argv[1];
    const char *name = argv[2];
    void *root = NULL;
    if (strcmp(how, "write") == 0) {
        root = build();
        int fd = open_mine(name, me, O_CREAT | O_TRUNC | O_WRONLY);
        print("saved", shmemx_heap_save(root, fd));
        close(fd);
        shmem_global_exit(0); /* it ends in the middle of its work */
    } else if (strcmp(how, "full") == 0) {
        int fd = me == n - 1 ? open("/dev/full", O_WRONLY | O_CLOEXEC)
                             : open_mine(name, me, O_CREAT | O_WRONLY);
        build();
        print("saved", shmemx_heap_save(NULL, fd) == 0);
    } else {
        int pe = strcmp(how, "turned") == 0 ? (me + 1) % n : me;
        int fd = open_mine(name, pe, O_RDONLY);
        if (strcmp(how, "blocks") == 0)
            root = shmem_malloc(100);
        int status = shmemx_heap_load(fd, &root);
        print("loaded", status == 0);
        if (status == 0)
            print("whole", tap_all(is_whole(root)));
        else
            print("usable", tap_symmetric(shmem_malloc(1000)));
    }
    shmem_finalize();
    return EXIT_SUCCESS;
}
