/*
 * Watches neighbouring nodes over connections of TCP.
 *
 * The nodes are a ring: the first PE of each connects to that of the next one,
 * and is connected to by that of the one before. What a PE tells about itself
 * is a port, a random number and its addresses; some of these may mean another
 * machine, or none, elsewhere, so all are tried at once, and who is connected
 * has to know the number of the other. A thread does all of it, and sleeps.
 *
 * A connection that is closed was closed by a process that ends, well or not:
 * that is seen by others. One that fails is a node lost. TCP_USER_TIMEOUT has
 * the kernel give up both on a question (a keep-alive probe) and on data.
 */
#include "config.h"

#include "comm/node_monitor.h"
#include "base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ADDRESSES = 8, /* of a node, at most */
    LINKS = 2 * ADDRESSES + 2,
    HOST = 64
};

/* What a node tells the one before it. */
typedef struct card {
    uint64_t secret;
    struct in_addr address[ADDRESSES];
    int count;
    in_port_t port; /* as the network has it; 0: it cannot be connected */
    char host[HOST];
} card_t;

/* What is sent over a connection, once in each direction. */
typedef struct hello {
    uint64_t secret; /* of the one that was connected to */
    char host[HOST]; /* of the sender */
} hello_t;

typedef enum link_state {
    CONNECTING, /* to the next node */
    ASKED,      /* who it is */
    COMING,     /* from somebody */
    ANSWERED,   /* who this is, to the node before this one */
    WATCHED
} link_state_t;

typedef struct link {
    int fd;
    link_state_t state;
    int node; /* at the other end */
    char host[HOST];
} link_t;

struct memheap_node_monitor {
    memheap_node_monitor_config_t config;
    const memheap_job_t *job;
    const memheap_log_t *log;
    card_t mine, next;
    int listener;
    int stop[2]; /* a pipe; closing it ends the thread */
    pthread_t thread;
    link_t links[LINKS];
    int count;
};

static int neighbour(const memheap_node_monitor_t *w, int distance)
{
    int count = w->job->node_count;
    return (w->job->node_number + distance + count) % count;
}

static void set(int fd, int level, int option, int value)
{
    setsockopt(fd, level, option, &value, sizeof(value));
}

/* Have the kernel ask, from a third of the time on, each second. */
static void keep_alive(const memheap_node_monitor_t *w, int fd)
{
    int timeout_s = (int)w->config.timeout_s;
    int idle_s = timeout_s / 3;
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle_s == 0 ? 1 : idle_s);
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 1);
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, timeout_s * 1000);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

/* Add a connection, or close it where there are too many. */
static void add(memheap_node_monitor_t *w, int fd, link_state_t state, int node)
{
    if (w->count == LINKS)
        close(fd);
    else
        w->links[w->count++] = (link_t){.fd = fd, .state = state, .node = node};
}

static void drop(memheap_node_monitor_t *w, int i)
{
    close(w->links[i].fd);
    w->links[i] = w->links[--w->count];
}

/* Begin to connect to all addresses of the next node. */
static void connect_next(memheap_node_monitor_t *w)
{
    for (int i = 0; i < w->next.count && w->next.port != 0; i++) {
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = w->next.port,
                                      .sin_addr = w->next.address[i]};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
            return;
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) !=
                0 &&
            errno != EINPROGRESS)
            close(fd);
        else
            add(w, fd, CONNECTING, neighbour(w, 1));
    }
}

static bool say(const memheap_node_monitor_t *w, int fd, uint64_t secret)
{
    hello_t hello = {.secret = secret};
    memcpy(hello.host, w->mine.host, sizeof(hello.host));
    return send(fd, &hello, sizeof(hello), MSG_NOSIGNAL) ==
           (ssize_t)sizeof(hello);
}

/* Whether the other side knows what it should; its name then. */
static bool hear(link_t *link, uint64_t secret)
{
    hello_t hello;
    if (recv(link->fd, &hello, sizeof(hello), MSG_DONTWAIT) !=
            (ssize_t)sizeof(hello) ||
        hello.secret != secret)
        return false;
    memcpy(link->host, hello.host, sizeof(link->host));
    link->host[HOST - 1] = '\0';
    return true;
}

static bool watch(memheap_node_monitor_t *w, link_t *link)
{
    link->state = WATCHED;
    keep_alive(w, link->fd);
    return true;
}

/* One connection to the next node is enough. */
static void drop_others(memheap_node_monitor_t *w)
{
    for (int i = w->count - 1; i >= 0; i--) {
        if (w->links[i].state == CONNECTING || w->links[i].state == ASKED)
            drop(w, i);
    }
}

/* Look at a connection that something happened to. @return whether it is one
 * to keep */
static bool look(memheap_node_monitor_t *w, link_t *link)
{
    char byte = 0;
    int error = 0;
    socklen_t size = sizeof(error);
    switch (link->state) {
    case CONNECTING:
        link->state = ASKED;
        return getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
               error == 0 && say(w, link->fd, w->next.secret);
    case ASKED:
        /* The other side counts on it from this byte on. */
        return hear(link, w->next.secret) &&
               send(link->fd, &byte, 1, MSG_NOSIGNAL) == 1 && watch(w, link);
    case COMING:
        link->state = ANSWERED;
        return hear(link, w->mine.secret) && say(w, link->fd, w->mine.secret);
    case ANSWERED:
        return recv(link->fd, &byte, 1, MSG_DONTWAIT) == 1 && watch(w, link);
    case WATCHED:
        break;
    }
    if (recv(link->fd, &byte, 1, MSG_DONTWAIT) >= 0)
        return false;
    if (errno != EAGAIN && errno != EINTR)
        w->config.lost(w->config.context, &w->job->nodes[link->node],
                       link->host, w->config.timeout_s);
    return true;
}

static void *run(void *context)
{
    memheap_node_monitor_t *w = context;
    connect_next(w);
    for (;;) {
        struct pollfd events[LINKS + 2] = {
            {.fd = w->stop[0], .events = POLLIN},
            {.fd = w->listener, .events = POLLIN}};
        struct pollfd *event = events + 2;
        int count = w->count;
        for (int i = 0; i < count; i++)
            event[i] = (struct pollfd){
                .fd = w->links[i].fd,
                .events = w->links[i].state == CONNECTING ? POLLOUT : POLLIN};
        if (poll(events, (nfds_t)count + 2, -1) < 0)
            continue;
        if (events[0].revents != 0)
            return NULL;
        bool found = false;
        for (int i = count - 1; i >= 0; i--) {
            link_t *link = &w->links[i];
            bool asked = link->state == ASKED;
            if (event[i].revents != 0 && !look(w, link))
                drop(w, i);
            else
                found = found || (asked && link->state == WATCHED);
        }
        if (found)
            drop_others(w);
        if (events[1].revents != 0) {
            int fd =
                accept4(w->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd >= 0)
                add(w, fd, COMING, neighbour(w, -1));
        }
    }
}

/* Have a port, and know the addresses at which other nodes may find it. */
static bool listen_here(memheap_node_monitor_t *w)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    struct ifaddrs *all;
    w->listener =
        socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (w->listener < 0 ||
        bind(w->listener, (const struct sockaddr *)&address, size) != 0 ||
        listen(w->listener, ADDRESSES) != 0 ||
        getsockname(w->listener, (struct sockaddr *)&address, &size) != 0 ||
        getrandom(&w->mine.secret, sizeof(w->mine.secret), 0) !=
            (ssize_t)sizeof(w->mine.secret) ||
        pipe2(w->stop, O_CLOEXEC) != 0 || getifaddrs(&all) != 0)
        return false;
    for (const struct ifaddrs *one = all; one != NULL; one = one->ifa_next) {
        if (one->ifa_addr == NULL || one->ifa_addr->sa_family != AF_INET ||
            (one->ifa_flags & IFF_UP) == 0 ||
            (one->ifa_flags & IFF_LOOPBACK) != 0 || w->mine.count == ADDRESSES)
            continue;
        memcpy(&address.sin_addr,
               (const char *)one->ifa_addr +
                   offsetof(struct sockaddr_in, sin_addr),
               sizeof(address.sin_addr));
        w->mine.address[w->mine.count++] = address.sin_addr;
    }
    freeifaddrs(all);
    w->mine.port = address.sin_port;
    return true;
}

/* Start the thread, which takes no signal of the program's. */
static bool start(memheap_node_monitor_t *w)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&w->thread, NULL, run, w) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static void release(memheap_node_monitor_t *w)
{
    while (w->count > 0)
        drop(w, 0);
    for (int i = 0; i < 2; i++) {
        if (w->stop[i] >= 0)
            close(w->stop[i]);
    }
    if (w->listener >= 0)
        close(w->listener);
    free(w);
}

memheap_node_monitor_t *
memheap_node_monitor_open(const memheap_job_t *job,
                          const memheap_node_monitor_config_t *config,
                          const memheap_log_t *log)
{
    /* Nodes that are one machine are lost together. */
    if (job->machine_size == job->size || job->node_rank != 0)
        return NULL;
    card_t none = {.port = 0};
    card_t next;
    memheap_node_monitor_t *w = calloc(1, sizeof(*w));
    if (w != NULL) {
        *w = (memheap_node_monitor_t){.config = *config,
                                      .job = job,
                                      .log = log,
                                      .listener = -1,
                                      .stop = {-1, -1}};
        gethostname(w->mine.host, HOST - 1);
        if (!listen_here(w))
            w->mine.port = 0;
    }
    memheap_job_leaders_shift(job, w == NULL ? &none : &w->mine, &next,
                              sizeof(next));
    if (w == NULL)
        return NULL;
    w->next = next;
    if (w->mine.port != 0 && start(w))
        return w;
    memheap_log_write(log, MEMHEAP_LOG_DEBUG,
                      "a lost node is left to the network to notice (%s)",
                      strerror(errno));
    release(w);
    return NULL;
}

void memheap_node_monitor_close(memheap_node_monitor_t *w)
{
    if (w == NULL)
        return;
    close(w->stop[1]);
    w->stop[1] = -1;
    pthread_join(w->thread, NULL);
    release(w);
}
