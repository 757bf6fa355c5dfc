/*
 * The end of the job by one PE.
 *
 * The PE that calls shmem_global_exit() exits as by exit(): its exit handlers
 * run and its output is flushed. Last of all, the destructor of this library
 * ends the other PEs:
 *
 *     the calling PE            PEs of its machine   PEs of other machines
 *     exit handlers, flush
 *     SIGNAL with REQUEST ----> flush
 *     count              <----- SIGNAL with FLUSHED
 *     notice of the node monitor ------------------> flush
 *     end the job -------- launcher: SIGTERM or SIGKILL --> end
 *
 * The notice is a byte that the monitors pass on to each other. The calling PE
 * does not wait for an answer, but it lingers. A PE that has no notice flushes
 * by SIGTERM, which not all launchers send.
 *
 * The other PEs may be anywhere in the program, so signals tell them. fflush()
 * is no function for a signal handler, but it works in all but rare moments,
 * since the locks of stdio are recursive. An alarm ends a PE that hangs there.
 *
 * A signal that the program handles itself stays with the program.
 */
#include "config.h"

#include "shmem/global_exit.h"
#include "shmem/runtime.h"

#include <pshmem.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SIGNAL (SIGRTMAX - 2)

enum {
    REQUEST = 1,       /* flush, and wait for the end */
    FLUSHED,           /* the answer */
    FLUSH_SECONDS = 2, /* that the calling PE waits for answers */
    LAST_SECONDS = 10  /* after which a PE ends without the launcher */
};

/* End by a signal, as if it had no handler. */
static void end_by(int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    signal(number, SIG_DFL);
    raise(number);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* Write what stdio has buffered. SIGALRM ends a PE that hangs here. */
static void flush(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    signal(SIGALRM, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    alarm(LAST_SECONDS);
    fflush(NULL);
}

/* Let the launcher read the output: when it ends a job, it may close pipes that
 * it has not read. */
static void linger(void)
{
    const struct timespec time = {.tv_nsec = 200000000};
    nanosleep(&time, NULL);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (getpid() != memheap_runtime.pid) {
        end_by(number); /* a forked child is not a PE */
    } else if (number == SIGTERM) {
        bool pending = __fpending(stdout) > 0;
        flush();
        if (pending)
            linger();
        end_by(number);
    } else if (info->si_code == SI_QUEUE &&
               info->si_value.sival_int == FLUSHED) {
        memheap_runtime.global_exit.flushed++;
    } else if (info->si_code == SI_QUEUE &&
               info->si_value.sival_int == REQUEST) {
        memheap_node_monitor_notify(memheap_runtime.node_monitor);
        flush();
        sigqueue(info->si_pid, SIGNAL, (union sigval){.sival_int = FLUSHED});
        while (!memheap_runtime.global_exit.begun)
            pause();
        alarm(0); /* this PE ends the job itself */
    }
}

/* The handler of a signal. */
static struct sigaction handler_of(int number)
{
    struct sigaction action;
    sigaction(number, NULL, &action);
    return action;
}

static bool is_ours(int number)
{
    struct sigaction action = handler_of(number);
    return (action.sa_flags & SA_SIGINFO) != 0 &&
           action.sa_sigaction == on_signal;
}

static void install(int number)
{
    struct sigaction action = handler_of(number);
    if ((action.sa_flags & SA_SIGINFO) != 0 || action.sa_handler != SIG_DFL)
        return;
    action = (struct sigaction){.sa_sigaction = on_signal,
                                .sa_flags = SA_SIGINFO | SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

static void uninstall(int number)
{
    if (is_ours(number))
        signal(number, SIG_DFL);
}

void memheap_global_exit_open(void)
{
    install(SIGTERM);
    install(SIGNAL);
}

void memheap_global_exit_close(void)
{
    uninstall(SIGTERM);
    uninstall(SIGNAL);
}

void memheap_global_exit_wait(void)
{
    while (memheap_runtime.global_exit.begun &&
           !pthread_equal(pthread_self(), memheap_runtime.global_exit.thread))
        pause();
}

/* Request PEs of this machine to flush. Returns their number. */
static int request_flush(const memheap_job_t *job, bool myself)
{
    const memheap_process_t *process = job->processes;
    const memheap_process_t *end = process + job->machine_size;
    const memheap_process_t *mine = process;
    int requests = 0;
    if (!is_ours(SIGNAL))
        return 0;
    while (mine->pid != memheap_runtime.pid)
        mine++;
    for (; process < end; process++) {
        if ((myself || process != mine) && mine->pid_namespace != 0 &&
            process->pid_namespace == mine->pid_namespace)
            requests += sigqueue(process->pid, SIGNAL,
                                 (union sigval){.sival_int = REQUEST}) == 0;
    }
    return requests;
}

void memheap_global_exit_flush(void)
{
    request_flush(&memheap_runtime.job, true);
}

/* Let the other PEs flush, and wait for those of this machine. */
static void flush_others(void)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    const atomic_int *flushed = &memheap_runtime.global_exit.flushed;
    memheap_node_monitor_notify(memheap_runtime.node_monitor);
    int requests = request_flush(&memheap_runtime.job, false);
    for (int i = 0; i < 1000 * FLUSH_SECONDS && *flushed < requests; i++)
        nanosleep(&pause, NULL);
}

/* This destructor runs after all exit handlers, and before those of MPI. */
__attribute__((destructor)) static void end_job(void)
{
    if (!memheap_runtime.global_exit.begun || getpid() != memheap_runtime.pid)
        return;
    fflush(NULL);
    flush_others();
    linger();
    memheap_job_end(memheap_runtime.exit_status);
}

void pshmem_global_exit(int status)
{
    if (memheap_runtime_has_ended("shmem_global_exit"))
        exit(status);
    memheap_runtime_t *rt = &memheap_runtime;
    rt->exit_status = status;
    rt->global_exit.thread = pthread_self();
    rt->global_exit.begun = true;
    /* No other PE takes part in calls of exit handlers. */
    rt->depth = 0;
    rt->ended_by = "shmem_global_exit()";
    exit(status);
}
MEMHEAP_PROFILED(shmem_global_exit)
