/*
 * Programs that end in unusual ways. Scripts start them with two words, and
 * check the output and the exit status.
 *
 *     STATUS WHERE   PE 1 calls shmem_global_exit(STATUS) while the others are
 *                    in WHERE: a barrier, a lock, a wait, a loop; deaf: a loop
 *                    in which SIGTERM is ignored
 *     twice, calls   a second shmem_finalize(), and other calls after the first
 *     handler        an exit handler frees a block after shmem_finalize() at
 * exit
 */
#include "tests/mpi/tap.h"

#include <signal.h>
#include <unistd.h>

static long *words;

/* Without a newline, so that only a flush writes it. */
static void print_before(void)
{
    printf("<%d before>", shmem_my_pe());
}

static void print_after(void)
{
    printf("<after>");
    shmem_finalize();
}

static void print_last(void)
{
    printf("<last>");
}

static void wait_in(const char *where)
{
    volatile long turns = 0;
    if (strcmp(where, "barrier") == 0)
        shmem_barrier_all();
    else if (strcmp(where, "lock") == 0)
        shmem_set_lock(words);
    else if (strcmp(where, "wait") == 0)
        shmem_long_wait_until(words + 1, SHMEM_CMP_EQ, 77);
    while (strcmp(where, "loop") == 0 || strcmp(where, "deaf") == 0)
        turns++;
}

/* All PEs exit with output in their buffers. */
static void end_all(int status, const char *where)
{
    static char buffer[1 << 16];
    setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
    if (shmem_my_pe() == 1) {
        shmem_set_lock(words);
        atexit(print_after);
    }
    print_before();
    shmem_sync_all();
    if (shmem_my_pe() == 1)
        shmem_global_exit(status);
    wait_in(where);
    exit(99);
}

static void free_block(void)
{
    shmem_free(words);
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 3)
        return 2;
    if (strcmp(argv[1], "handler") == 0)
        atexit(free_block);
    if (argc == 3)
        atexit(print_last);
    if (argc == 3 && strcmp(argv[2], "deaf") == 0)
        signal(SIGTERM, SIG_IGN);
    shmem_init();
    if (strcmp(argv[1], "start") == 0)
        shmem_global_exit(5);
    words = shmem_calloc(2, sizeof(*words));
    if (argc == 3)
        end_all(atoi(argv[1]), argv[2]);
    if (strcmp(argv[1], "handler") == 0)
        return 0;
    shmem_finalize();
    if (strcmp(argv[1], "calls") == 0) {
        if (shmem_n_pes() < 1 || shmem_my_pe() >= shmem_n_pes())
            return 3;
        shmem_free(words);
    }
    shmem_finalize();
    fprintf(stderr, "survived\n");
    return 0;
}
