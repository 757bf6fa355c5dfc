/*
 * Kinds and NUMA nodes of the symmetric heap's pages: they are read back from
 * the kernel. If one PE cannot have mandatory pages, all PEs fail; if the pages
 * are preferred, only that PE falls back.
 */
#include "tests/mpi/tap.h"

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

/* From now on, the kernel denies this process any memory policy. */
static bool lose_policies(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mbind, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

int main(void)
{
    memheap_placement_t placement;
    setenv("SHMEM_SYMMETRIC_SIZE", "15m", 1);
    shmem_init();
    tap_plan(9);
    bool good = works() && shmemx_heap_placement(&placement) == 0;
    tap_ok(good && placement.resident >= size && placement.sampled > 0 &&
               placement.numa == MEMHEAP_NUMA_DEFAULT,
           "the kernel reports the pages of a heap");
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

    good = start("thp", "interleave");
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
    return 0;
}
