/*
 * Setup, exit and query: nested and repeated initialization, and the results of
 * queries in each state.
 */
#include "tests/mpi/tap.h"

#include <sys/wait.h>
#include <unistd.h>

static int initialized(void)
{
    int flag = -1;
    shmem_query_initialized(&flag);
    return flag;
}

int main(void)
{
    int before = initialized();
    int major;
    int minor;
    int level = -1;
    char name[SHMEM_MAX_NAME_LEN];

    shmem_init();
    tap_plan(17);
    tap_ok(before == 0 && initialized() == 1,
           "query_initialized returns the state");

    int me = shmem_my_pe();
    int n = shmem_n_pes();
    int rank;
    int size;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    tap_ok(me == rank && n == size, "PE numbers are the ranks of MPI");
    tap_ok(shmem_pe_accessible(0) == 1 && shmem_pe_accessible(n - 1) == 1 &&
               shmem_pe_accessible(n) == 0 && shmem_pe_accessible(-1) == 0,
           "pe_accessible is true for existing PEs only");

    shmem_info_get_version(&major, &minor);
    tap_ok(major == SHMEM_MAJOR_VERSION && minor == SHMEM_MINOR_VERSION,
           "info_get_version returns the version of the standard");
    shmem_info_get_name(name);
    tap_ok(strcmp(name, SHMEM_VENDOR_STRING) == 0 &&
               strlen(name) < SHMEM_MAX_NAME_LEN,
           "info_get_name returns the vendor string");

    int *block = shmem_malloc(1000);
    int local = 0;
    static int variable;
    tap_ok(shmem_addr_accessible(block, n - 1) == 1 &&
               shmem_addr_accessible((char *)block + 999, 0) == 1,
           "a block is accessible on every PE");
    tap_ok(shmem_addr_accessible(&local, 0) == 0 &&
               shmem_addr_accessible(NULL, 0) == 0 &&
               shmem_addr_accessible(block, n) == 0,
           "the stack, NULL and invalid PEs are not accessible");
    tap_ok(shmem_ptr(block, me) == block, "ptr for this PE returns the block");
    tap_ok(shmem_ptr(&local, 0) == NULL && shmem_ptr(block, n) == NULL &&
               shmem_ptr(block, -1) == NULL,
           "ptr for inaccessible objects returns NULL");

    *block = me;
    shmem_barrier_all();
    bool seen = true;
    int mine;
    int near = tap_node(&mine);
    int found = 0;
    for (int pe = 0; pe < n; pe++) {
        int *there = shmem_ptr(block, pe);
        found += there != NULL;
        seen = seen && (there == NULL || *there == pe);
    }
    tap_ok(seen && found == near, "ptr gives access to every PE of the node");
    shmem_barrier_all();

    pid_t child = fork();
    if (child == 0)
        exit(EXIT_SUCCESS);
    int ended = -1;
    waitpid(child, &ended, 0);
    tap_ok(ended == 0, "a forked child exits without ending the job");

    shmem_init();
    shmem_finalize();
    tap_ok(initialized() == 1 && tap_symmetric(shmem_malloc(16)),
           "a nested init and its finalize leave the library running");
    shmem_finalize();
    tap_ok(initialized() == 0, "the outer finalize stops the library");

    int status = shmem_init_thread(SHMEM_THREAD_MULTIPLE, &level);
    int queried = -1;
    shmem_query_thread(&queried);
    tap_ok(status == 0 && level == SHMEM_THREAD_MULTIPLE && queried == level,
           "it can start again, with threads");
    int *again = shmem_malloc(1000);
    tap_ok(tap_symmetric(again) && again == block,
           "the new heap is empty, and at the same addresses");
    tap_ok(shmem_init_thread(SHMEM_THREAD_MULTIPLE + 1, &level) != 0,
           "an invalid thread level is an error");
    shmem_finalize();

    start_pes(0);
    start_pes(17);
    tap_ok(shmem_n_pes() == n && initialized() == 1 && variable == 0,
           "start_pes initializes once, and ignores its argument");
    return 0; /* the exit handler finalizes */
}
