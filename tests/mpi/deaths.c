/*
 * A job in which one PE dies or stops at some moment; for deaths.sh.
 *
 *     deaths HOW PE MS FOLDER
 *
 * The PE writes the file FOLDER/end at that moment. HOW is what PE does MS
 * milliseconds after MPI has started: "kill" and "stop" raise the signals,
 * "leave" calls _exit(), and "exit" calls exit() at the end of a round. All PEs
 * allocate, communicate and free, round by round. After a stop they end when
 * the PE was continued; otherwise they never end.
 */
#include <mpi.h>
#include <shmem.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    LONGS = 5000
};

static const char *how;
static int end_file;
static volatile sig_atomic_t is_due;
static volatile sig_atomic_t was_stopped;
static long any_stopped;

static void on_time(int number)
{
    (void)number;
    (void)!write(end_file, "", 1);
    if (strcmp(how, "kill") == 0)
        raise(SIGKILL);
    if (strcmp(how, "leave") == 0)
        _exit(3);
    if (strcmp(how, "stop") == 0) {
        raise(SIGSTOP);
        was_stopped = 1;
    }
    is_due = 1;
}

static void set_timer(int ms)
{
    struct sigaction action = {.sa_handler = on_time, .sa_flags = SA_RESTART};
    struct itimerval timer = {.it_value = {ms / 1000, ms % 1000 * 1000 + 1}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void run_round(int me, int n)
{
    static long source[LONGS];
    static long sum;
    static long stopped;
    long *block = shmem_malloc(sizeof(source));
    long *more = shmem_align(4096, 100000);
    int next = (me + 1) % n;
    source[0] = me;
    shmem_long_put_nbi(block, source, LONGS, next);
    shmem_long_atomic_inc(&more[0], next);
    shmem_barrier_all();
    shmem_long_get(source, block, LONGS, next);
    shmem_long_sum_reduce(SHMEM_TEAM_WORLD, &sum, block, 1);
    stopped = was_stopped;
    shmem_long_max_reduce(SHMEM_TEAM_WORLD, &any_stopped, &stopped, 1);
    more = shmem_realloc(more, 200000);
    shmem_free(more);
    shmem_free(block);
}

int main(int argc, char **argv)
{
    int rank;
    int level;
    if (argc < 5 || chdir(argv[4]) != 0)
        return EXIT_FAILURE;
    how = argv[1];
    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (rank == atoi(argv[2])) {
        printf("victim %ld\n", (long)getpid());
        fflush(stdout);
        end_file = open("end", O_WRONLY | O_CREAT | O_TRUNC, 0600);
        set_timer(atoi(argv[3]));
    }
    shmem_init();
    int me = shmem_my_pe();
    int n = shmem_n_pes();
    while (any_stopped == 0) {
        run_round(me, n);
        if (is_due && strcmp(how, "exit") == 0)
            exit(3);
    }
    if (me == 0)
        printf("all went on\n");
    shmem_finalize();
    MPI_Finalize();
    return EXIT_SUCCESS;
}
