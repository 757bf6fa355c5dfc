/*
 * A PE that computes and polls its own memory without a call. The progress
 * thread serves the other PEs meanwhile: at each thread level, while a child of
 * the PE runs, and in a library that was finalized and started again.
 *
 *   busy [SECONDS]   how long PE 0 computes before it polls (default: 0)
 */
#include "tests/mpi/tap.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void compute(long seconds)
{
    time_t end = time(NULL) + seconds;
    while (seconds > 0 && time(NULL) < end)
        continue;
}

/* All others count up, and the last one then releases PE 0.
 * @return the number of PEs that reached PE 0 */
static long reach(long seconds)
{
    int me = shmem_my_pe();
    int last = shmem_n_pes() - 1;
    volatile long *word = shmem_calloc(2, sizeof(*word));
    long *count = (long *)(uintptr_t)word + 1;
    if (me == 0) {
        pid_t child = fork();
        if (child == 0) {
            usleep(1000);
            _exit(0);
        }
        compute(seconds);
        while (word[0] == 0)
            continue;
        waitpid(child, NULL, 0);
    } else {
        shmem_long_atomic_inc(count, 0);
        if (me == last) {
            while (shmem_long_g(count, 0) < last)
                continue;
            shmem_long_p((long *)(uintptr_t)word, 1, 0);
        }
    }
    shmem_barrier_all();
    long reached = *count;
    shmem_free((void *)(uintptr_t)word);
    return reached;
}

int main(int argc, char **argv)
{
    long seconds = argc > 1 ? atol(argv[1]) : 0;
    long least = 0;
    int me = 0;
    for (int level = SHMEM_THREAD_SINGLE; level <= SHMEM_THREAD_MULTIPLE;
         level++) {
        int provided;
        if (shmem_init_thread(level, &provided) != 0)
            return 1;
        me = shmem_my_pe();
        long reached = reach(seconds);
        if (level == SHMEM_THREAD_SINGLE || reached < least)
            least = reached;
        shmem_finalize();
    }
    if (me == 0)
        printf("%ld PEs reached one that was busy\n", least);
    return 0;
}
