/*
 * Node monitors of two PEs that act as two nodes, for strangers.sh.
 * Strangers connect to the port of PE 0 before PE 1 does, PE 0 has no
 * descriptors, and both send notices. Prints TAP.
 */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "tests/mpi/tap.h"

#include "comm/job.h"
#include "comm/node_monitor.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    FIRST_FDS = 256, /* descriptors that are looked at */
    SILENT = 40,     /* more than are accepted at once */
    STRANGERS = SILENT + 4,
    TIMEOUT_S = 3, /* no other socket has this timeout */
    WAIT_MS = 20000
};

/* The monitor calls it when its port is open, before it waits for the other PE.
 * Does what the test does at that time. */
static void (*at_port)(void);

static int rank;
static bool lost;
static atomic_int notices;
static bool known[FIRST_FDS]; /* listeners of others */
static int stranger[STRANGERS];
static struct sockaddr_in port; /* of the monitor of PE 0 */

static void on_lost(void *context, const memheap_node_t *node, const char *host,
                    int error)
{
    (void)context;
    (void)node;
    (void)host;
    (void)error;
    lost = true;
}

static void on_notice(void *context)
{
    (void)context;
    notices++;
}

static int option_of(int fd, int level, int option)
{
    int value = 0;
    socklen_t size = sizeof(value);
    return getsockopt(fd, level, option, &value, &size) == 0 ? value : 0;
}

static bool is_listener(int fd)
{
    return option_of(fd, SOL_SOCKET, SO_ACCEPTCONN) != 0;
}

/* Number of established connections of the monitor. */
static int connected(void)
{
    int count = 0;
    for (int fd = 0; fd < FIRST_FDS; fd++)
        count +=
            option_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT) == TIMEOUT_S * 1000;
    return count;
}

/* Wait, for a while, until the monitor has this many connections. */
static bool becomes(int count)
{
    struct timespec pause = {.tv_nsec = 10000000};
    for (int i = 0; i < WAIT_MS / 10 && connected() != count; i++)
        nanosleep(&pause, NULL);
    return connected() == count;
}

static int connect_to_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (const struct sockaddr *)&port, sizeof(port)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Whether the monitor closes a connection of a stranger. */
static bool is_closed(int fd)
{
    struct pollfd event = {.fd = fd, .events = POLLIN};
    char byte;
    return poll(&event, 1, WAIT_MS) == 1 && recv(fd, &byte, 1, 0) <= 0;
}

int getifaddrs(struct ifaddrs **all)
{
    int (*real)(struct ifaddrs **) =
        (int (*)(struct ifaddrs **))(uintptr_t)dlsym(RTLD_NEXT, "getifaddrs");
    int result = real(all);
    if (at_port != NULL)
        at_port();
    at_port = NULL;
    return result;
}

/* Take the port of a listener that is not in `known`. */
static void find_port(void)
{
    socklen_t size = sizeof(port);
    for (int fd = 0; fd < FIRST_FDS; fd++) {
        if (!known[fd] && is_listener(fd))
            getsockname(fd, (struct sockaddr *)&port, &size);
    }
}

/* An address of this machine that the monitor publishes. */
static void find_address(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in far = {.sin_family = AF_INET, .sin_port = htons(9)};
    socklen_t size = sizeof(far);
    far.sin_addr.s_addr = htonl(0xc0000201); /* nothing is sent there */
    if (connect(fd, (const struct sockaddr *)&far, sizeof(far)) == 0 &&
        getsockname(fd, (struct sockaddr *)&far, &size) == 0)
        port.sin_addr = far.sin_addr;
    close(fd);
}

static void start_other(void)
{
    MPI_Send(NULL, 0, MPI_BYTE, 1, 0, MPI_COMM_WORLD);
}

static void attack(void)
{
    static const char garbage[4][100] = {"x", "GET / HTTP/1.0\r\n\r\n", ""};
    static const size_t length[4] = {1, 18, 72, 100};
    find_port();
    find_address();
    for (int i = 0; i < STRANGERS; i++) {
        stranger[i] = connect_to_port();
        if (i >= SILENT)
            (void)!write(stranger[i], garbage[i - SILENT], length[i - SILENT]);
    }
    start_other();
}

/* Open the monitors. PE 0 does something when its port is open; then PE 1
 * opens its own. */
static memheap_node_monitor_t *open_monitor(const memheap_job_t *job,
                                            void (*act)(void))
{
    memheap_node_monitor_config_t config = {
        .timeout_s = TIMEOUT_S, .lost = on_lost, .notified = on_notice};
    for (int fd = 0; fd < FIRST_FDS; fd++)
        known[fd] = is_listener(fd);
    if (rank == 0)
        at_port = act;
    else
        MPI_Recv(NULL, 0, MPI_BYTE, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    return memheap_node_monitor_open(job, &config, &memheap_log_stderr);
}

static int open_fds(void)
{
    int count = 0;
    for (int fd = 0; fd < FIRST_FDS; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void with_strangers(const memheap_job_t *job)
{
    int before = open_fds();
    memheap_node_monitor_t *monitor = open_monitor(job, attack);
    tap_ok(monitor != NULL && becomes(2),
           "neighbours find each other among silent and wrong connections");
    bool closed = true;
    for (int i = 0; i < STRANGERS && rank == 0; i++) {
        closed = stranger[i] >= 0 && is_closed(stranger[i]) && closed;
        close(stranger[i]);
    }
    tap_ok(closed, "silent and wrong connections are closed");
    /* The pipe and the two connections remain. */
    tap_ok(open_fds() == before + 4 && (rank != 0 || connect_to_port() < 0),
           "the port is closed then");
    memheap_node_monitor_close(monitor);
    tap_ok(open_fds() == before && !lost, "the monitor closes all it opened");
}

/* A notice reaches the other node once, though it is sent twice and both
 * connections carry it, and does not return. */
static void notify(const memheap_job_t *job)
{
    struct timespec pause = {.tv_nsec = 10000000};
    memheap_node_monitor_t *monitor = open_monitor(job, start_other);
    bool good = becomes(2);
    MPI_Barrier(MPI_COMM_WORLD);
    for (int i = 0; i < 2 && rank == 0; i++)
        memheap_node_monitor_notify(monitor);
    for (int i = 0; i < WAIT_MS / 10 && rank == 1 && notices == 0; i++)
        nanosleep(&pause, NULL);
    MPI_Barrier(MPI_COMM_WORLD);
    tap_ok(good && notices == rank, "a notice reaches the other node once");
    if (rank == 1)
        memheap_node_monitor_notify(monitor);
    nanosleep(&pause, NULL);
    tap_ok(notices == rank && connected() == 2 && !lost,
           "a node that was notified sends no notice of its own");
    MPI_Barrier(MPI_COMM_WORLD);
    /* A child with copies of all descriptors does not keep the thread. */
    pid_t child = fork();
    while (child == 0)
        sleep(1);
    memheap_node_monitor_close(monitor);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static struct rlimit limit; /* of descriptors */
static bool harsh;          /* forbid poll() too */

/* Leave no descriptor. */
static void starve(void)
{
    struct rlimit none = limit;
    int unused = dup(STDERR_FILENO);
    close(unused);
    none.rlim_cur = harsh ? 0 : (rlim_t)unused;
    setrlimit(RLIMIT_NOFILE, &none);
    start_other();
}

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void without_descriptors(const memheap_job_t *job)
{
    getrlimit(RLIMIT_NOFILE, &limit);
    memheap_node_monitor_t *monitor = open_monitor(job, starve);
    struct timespec pause = {.tv_nsec = 500000000};
    double before = cpu_s();
    if (rank == 0)
        nanosleep(&pause, NULL);
    double used = rank == 0 ? cpu_s() - before : 0;
    bool alone = rank != 0 || connected() == 0;
    if (rank == 0)
        setrlimit(RLIMIT_NOFILE, &limit);
    tap_ok(used < 0.25 && alone, "no descriptors are waited for, asleep");
    tap_ok(monitor != NULL && becomes(2),
           "neighbours find each other when there are descriptors again");
    tap_ok(!lost, "no node is lost");
    memheap_node_monitor_close(monitor);
}

int main(int argc, char **argv)
{
    memheap_job_t job;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    memheap_job_open(&job, MPI_COMM_WORLD, rank);
    if (memheap_job_form_nodes(&job, 1) != MEMHEAP_OK)
        return EXIT_FAILURE;
    with_strangers(&job);
    notify(&job);
    without_descriptors(&job);
    harsh = true;
    without_descriptors(&job);
    memheap_job_close(&job);
    MPI_Finalize();
    return EXIT_SUCCESS;
}
