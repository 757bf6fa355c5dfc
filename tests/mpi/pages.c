/*
 * Kinds and NUMA nodes of the symmetric heap's pages: they are read back from
 * the kernel. If one PE cannot have mandatory pages, all PEs fail; if the pages
 * are preferred, only that PE falls back. By default, heap and windows have
 * transparent huge pages where the kernel gives some, and a heap of few blocks
 * takes little memory.
 */
#include "tests/mpi/tap.h"
#include "base/huge_pages.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const size_t size = 4 << 20;

/* Initialize with a kind of pages and a NUMA node. */
static bool start(const char *pages, const char *place)
{
    int level;
    setenv("MEMHEAP_PAGES", pages, 1);
    setenv("MEMHEAP_PLACE", place, 1);
    return shmem_init_thread(SHMEM_THREAD_SINGLE, &level) == 0;
}

/* Whether a block has the same address on all PEs, and a put of the previous PE
 * arrives. */
static bool works(void)
{
    int me = shmem_my_pe();
    int n = shmem_n_pes();
    char *block = shmem_align((size_t)2 << 20, size);
    if (!tap_symmetric(block))
        return false;
    memset(block, me, size);
    shmem_barrier_all();
    long put = 1000 + me;
    shmem_long_put((long *)(void *)block + 7, &put, 1, (me + 1) % n);
    shmem_barrier_all();
    long got = ((long *)(void *)block)[7];
    return got == 1000 + (me + n - 1) % n && block[size - 1] == (char)me;
}

/* From now on, the kernel refuses a system call of this process, or that call
 * with one value as its third argument. */
static bool lose(unsigned call, unsigned argument, bool any)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, argument, 0, any ? 0 : 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {6, filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static bool lose_policies(void)
{
    return lose(SYS_mbind, 0, true);
}

static bool lose_huge_pages(void)
{
    return lose(SYS_madvise, 25 /* MADV_COLLAPSE */, false);
}

/* Whether this PE's windows on the others of its node have huge pages in a
 * block that all have. Pages of 2 MiB take a fault each. */
static bool windows_are_huge(char *block)
{
    memheap_placement_t placement;
    int n = shmem_n_pes();
    for (int pe = 0; pe < n; pe++) {
        for (size_t i = 0; i < size; i += size / 2) {
            char *there = shmem_ptr(block + i, pe);
            if (there != NULL && there[1] != 7)
                return false;
        }
    }
    int near = shmem_team_n_pes(SHMEM_TEAM_SHARED);
    return shmemx_heap_placement(&placement) == 0 &&
           placement.windows_resident >= (size_t)(near - 1) * size &&
           placement.windows_huge == placement.windows_resident;
}

/* Whether a block has huge pages before it is touched, and windows have them
 * too. */
static bool is_huge(void)
{
    memheap_placement_t placement;
    char *block = shmem_align((size_t)2 << 20, size);
    bool good = block != NULL && shmemx_heap_placement(&placement) == 0 &&
                placement.huge >= size &&
                placement.resident <= placement.huge + 64 * 1024;
    memset(block, 7, size);
    shmem_barrier_all();
    good = good && windows_are_huge(block);
    shmem_barrier_all();
    return good;
}

/* Bytes in huge pages of the mapping that has an address. */
static size_t huge_at(const void *address)
{
    char line[512];
    size_t from;
    size_t to;
    size_t kib = 0;
    bool inside = false;
    FILE *maps = fopen("/proc/self/smaps", "r");
    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        if (sscanf(line, "%zx-%zx ", &from, &to) == 2)
            inside = (size_t)address >= from && (size_t)address < to;
        else if (inside)
            sscanf(line, "ShmemPmdMapped: %zu", &kib);
    }
    if (maps != NULL)
        fclose(maps);
    return kib * 1024;
}

/* Variables that fill some huge pages, wherever they start. */
static char variables[(size_t)8 << 20];

/* A few small blocks take a few pages, and no huge one. */
static bool is_little(void)
{
    for (int i = 0; i < 20; i++) {
        char *block = shmem_malloc(1000);
        memset(block, 1, 1000);
    }
    return shmemx_heap_resident() <= 64 * 1024;
}

/* The program of memory_rule.sh: a few blocks on each PE. Prints what the heaps
 * take in all. */
static int run_little(void)
{
    static long mine, all;
    shmem_init();
    for (size_t bytes = 100; bytes < 2000000; bytes *= 7)
        memset(shmem_malloc(bytes), 1, bytes);
    mine = (long)shmemx_heap_resident();
    shmem_long_sum_reduce(SHMEM_TEAM_WORLD, &all, &mine, 1);
    if (shmem_my_pe() == 0)
        printf("%ld\n", all);
    shmem_finalize();
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "little") == 0)
        return run_little();
    memheap_placement_t placement;
    setenv("SHMEM_SYMMETRIC_SIZE", "15m", 1);
    bool has_huge_pages = memheap_huge_pages_try() == 0;
    shmem_init();
    tap_plan(15);
    bool good = works() && shmemx_heap_placement(&placement) == 0;
    tap_ok(good && placement.resident >= size && placement.sampled > 0 &&
               placement.numa == MEMHEAP_NUMA_DEFAULT,
           "the kernel reports the pages of a heap");
    shmem_finalize();

    good = start("default", "none");
    tap_ok(good && is_little(), "a little heap has small pages");
    tap_ok(good && (is_huge() || !has_huge_pages),
           "blocks and windows have huge pages before they are touched");
    shmem_finalize();

    good = start("mandatory:4k", "local");
    good = good && works() && shmemx_heap_placement(&placement) == 0;
    tap_ok(good && placement.huge == 0 &&
               placement.page_size == (size_t)sysconf(_SC_PAGESIZE),
           "a heap of small pages has only small pages");
    shmem_finalize();

    /* More than any machine has. */
    setenv("SHMEM_SYMMETRIC_SIZE", "4t", 1);
    good = start("1g", "none");
    good = good && works() && shmemx_heap_placement(&placement) == 0;
    tap_ok(good && placement.pages == MEMHEAP_PAGES_DEFAULT,
           "a heap falls back to the system's pages");
    shmem_finalize();
    tap_ok(!start("mandatory:1g", "none"), "mandatory pages are refused");

    setenv("SHMEM_SYMMETRIC_SIZE", "15m", 1);
    good = start("2m", "none");
    good = good && works() && shmemx_heap_placement(&placement) == 0;
    tap_ok(good && shmemx_heap_size() == (size_t)16 << 20 &&
               (placement.pages == MEMHEAP_PAGES_DEFAULT ||
                (placement.page_size == (size_t)2 << 20 &&
                 placement.huge >= size)),
           "a heap has pages of 2 MiB, or is aligned to them");
    shmem_finalize();

    variables[0] = 1;
    tap_ok(huge_at(variables) == 0, "untouched variables take no memory");
    good = start("thp", "interleave");
    tap_ok(good && (huge_at(variables) >= sizeof(variables) - (2 << 20) ||
                    !has_huge_pages),
           "large variables have huge pages if all memory is to have them");
    good = good && works() && shmemx_heap_placement(&placement) == 0;
    tap_ok(good && (placement.pages == MEMHEAP_PAGES_DEFAULT ||
                    placement.pages == MEMHEAP_PAGES_THP),
           "a heap has transparent huge pages where it can");
    bool policies = good && placement.numa == MEMHEAP_NUMA_INTERLEAVE;
    shmem_finalize();

    int me;
    int n;
    MPI_Comm_rank(MPI_COMM_WORLD, &me);
    MPI_Comm_size(MPI_COMM_WORLD, &n);
    bool lost = me == n - 1 && lose_policies();
    good = start("default", "interleave");
    good = good && works() && shmemx_heap_placement(&placement) == 0;
    tap_ok(good &&
               placement.numa == (policies && !lost ? MEMHEAP_NUMA_INTERLEAVE
                                                    : MEMHEAP_NUMA_DEFAULT),
           "one PE falls back, and the others do not");
    shmem_finalize();

    MPI_Bcast(&lost, 1, MPI_C_BOOL, n - 1, MPI_COMM_WORLD);
    good = start("default", "mandatory:interleave");
    tap_ok(good == (policies && !lost),
           "all PEs fail if one PE lacks the pages");
    if (good)
        shmem_finalize();
    good = start("default", "none");
    tap_ok(good && works(), "and a heap without such pages succeeds");
    shmem_finalize();

    lost = me == n - 1 && lose_huge_pages();
    MPI_Bcast(&lost, 1, MPI_C_BOOL, n - 1, MPI_COMM_WORLD);
    good = start("default", "none") && works();
    good = good && shmemx_heap_placement(&placement) == 0;
    tap_ok(good && (me < n - 1 || !lost || placement.huge == 0),
           "a PE whose kernel has no huge pages works without");
    shmem_finalize();
    good = start("mandatory:thp", "none");
    tap_ok(good == (has_huge_pages && !lost),
           "all PEs fail if one PE lacks mandatory huge pages");
    if (good)
        shmem_finalize();
    return 0;
}
