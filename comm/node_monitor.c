/*
 * Monitors the neighbouring nodes over TCP connections.
 *
 * The nodes form a ring. The first PE of each node connects to that of the next
 * node. It publishes a port, a random secret and its addresses. An address may
 * lead to another machine or nowhere from elsewhere, so all are tried at once,
 * and both sides must send the secret of the side that accepted. A thread runs
 * the protocol, and sleeps in poll():
 *
 *     next node                                   this node
 *     ACCEPTED    <---- connect --------------   CONNECTING
 *     ACCEPTED    <---- hello (secret, host) --  HELLO_SENT
 *     REPLY_SENT  ----- hello (secret, host) ->  HELLO_SENT
 *     ESTABLISHED <---- one byte --------------  ESTABLISHED
 *
 * A closed connection means that the process ends; others detect that. A failed
 * connection means that the node is lost. TCP_USER_TIMEOUT makes the kernel
 * give up on unanswered keep-alive probes and on unacknowledged data.
 */
#include "config.h"

#include "comm/node_monitor.h"
#include "base/thread.h"
#include "base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MAX_ADDRESSES = 8, /* of a node */
    MAX_LINKS = 2 * MAX_ADDRESSES + 2,
    HOST = 64
};

/* What a node tells the previous node. */
typedef struct address_record {
    uint64_t secret;
    struct in_addr address[MAX_ADDRESSES];
    int count;
    in_port_t port; /* in network byte order; 0: cannot listen */
    char host[HOST];
} address_record_t;

/* The message that each side of a connection sends once. */
typedef struct hello {
    uint64_t secret; /* of the side that accepted */
    char host[HOST]; /* of the sender */
} hello_t;

typedef enum link_state {
    CONNECTING, /* to the next node */
    HELLO_SENT, /* to the next node */
    ACCEPTED,   /* a connection; the peer is unknown yet */
    REPLY_SENT, /* to the previous node */
    ESTABLISHED
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
    address_record_t mine, next;
    int listener;
    int stop[2]; /* a pipe; closing it ends the thread */
    pthread_t thread;
    link_t links[MAX_LINKS];
    int count;
};

static int neighbour(const memheap_node_monitor_t *m, int distance)
{
    int count = m->job->node_count;
    return (m->job->node_number + distance + count) % count;
}

static void set_option(int fd, int level, int option, int value)
{
    setsockopt(fd, level, option, &value, sizeof(value));
}

/* Send keep-alive probes each second, after a third of the timeout. */
static void keep_alive(const memheap_node_monitor_t *m, int fd)
{
    int timeout_s = (int)m->config.timeout_s;
    int idle_s = timeout_s / 3;
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle_s == 0 ? 1 : idle_s);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 1);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, timeout_s * 1000);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

/* Add a connection, or close it if there are too many. */
static void add(memheap_node_monitor_t *m, int fd, link_state_t state, int node)
{
    if (m->count == MAX_LINKS)
        close(fd);
    else
        m->links[m->count++] = (link_t){.fd = fd, .state = state, .node = node};
}

static void drop(memheap_node_monitor_t *m, int i)
{
    close(m->links[i].fd);
    m->links[i] = m->links[--m->count];
}

/* Start to connect to all addresses of the next node. */
static void connect_next(memheap_node_monitor_t *m)
{
    for (int i = 0; i < m->next.count && m->next.port != 0; i++) {
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = m->next.port,
                                      .sin_addr = m->next.address[i]};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
            return;
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) !=
                0 &&
            errno != EINPROGRESS)
            close(fd);
        else
            add(m, fd, CONNECTING, neighbour(m, 1));
    }
}

static bool send_hello(const memheap_node_monitor_t *m, int fd, uint64_t secret)
{
    hello_t hello = {.secret = secret};
    memcpy(hello.host, m->mine.host, sizeof(hello.host));
    return send(fd, &hello, sizeof(hello), MSG_NOSIGNAL) ==
           (ssize_t)sizeof(hello);
}

/* Receive a hello, and its host name. False if the secret is wrong. */
static bool receive_hello(link_t *link, uint64_t secret)
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

static bool establish(memheap_node_monitor_t *m, link_t *link)
{
    link->state = ESTABLISHED;
    keep_alive(m, link->fd);
    return true;
}

/* One connection to the next node is enough. */
static void drop_others(memheap_node_monitor_t *m)
{
    for (int i = m->count - 1; i >= 0; i--) {
        if (m->links[i].state == CONNECTING || m->links[i].state == HELLO_SENT)
            drop(m, i);
    }
}

/* Handle an event on a connection. Returns whether to keep the connection. */
static bool handle_event(memheap_node_monitor_t *m, link_t *link)
{
    char byte = 0;
    int error = 0;
    socklen_t size = sizeof(error);
    switch (link->state) {
    case CONNECTING:
        link->state = HELLO_SENT;
        return getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
               error == 0 && send_hello(m, link->fd, m->next.secret);
    case HELLO_SENT:
        /* This byte establishes the connection on the other side. */
        return receive_hello(link, m->next.secret) &&
               send(link->fd, &byte, 1, MSG_NOSIGNAL) == 1 &&
               establish(m, link);
    case ACCEPTED:
        link->state = REPLY_SENT;
        return receive_hello(link, m->mine.secret) &&
               send_hello(m, link->fd, m->mine.secret);
    case REPLY_SENT:
        return recv(link->fd, &byte, 1, MSG_DONTWAIT) == 1 &&
               establish(m, link);
    case ESTABLISHED:
        break;
    }
    if (recv(link->fd, &byte, 1, MSG_DONTWAIT) >= 0)
        return false;
    if (errno != EAGAIN && errno != EINTR)
        m->config.lost(m->config.context, &m->job->nodes[link->node],
                       link->host, m->config.timeout_s);
    return true;
}

static void *run(void *context)
{
    memheap_node_monitor_t *m = context;
    connect_next(m);
    for (;;) {
        struct pollfd events[MAX_LINKS + 2] = {
            {.fd = m->stop[0], .events = POLLIN},
            {.fd = m->listener, .events = POLLIN}};
        struct pollfd *event = events + 2;
        int count = m->count;
        for (int i = 0; i < count; i++)
            event[i] = (struct pollfd){
                .fd = m->links[i].fd,
                .events = m->links[i].state == CONNECTING ? POLLOUT : POLLIN};
        if (poll(events, (nfds_t)count + 2, -1) < 0)
            continue;
        if (events[0].revents != 0)
            return NULL;
        bool found = false;
        for (int i = count - 1; i >= 0; i--) {
            link_t *link = &m->links[i];
            bool was_pending = link->state == HELLO_SENT;
            if (event[i].revents != 0 && !handle_event(m, link))
                drop(m, i);
            else
                found = found || (was_pending && link->state == ESTABLISHED);
        }
        if (found)
            drop_others(m);
        if (events[1].revents != 0) {
            int fd =
                accept4(m->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd >= 0)
                add(m, fd, ACCEPTED, neighbour(m, -1));
        }
    }
}

/* Listen on a port, and find the addresses of this node. */
static bool listen_here(memheap_node_monitor_t *m)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    struct ifaddrs *all;
    m->listener =
        socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (m->listener < 0 ||
        bind(m->listener, (const struct sockaddr *)&address, size) != 0 ||
        listen(m->listener, MAX_ADDRESSES) != 0 ||
        getsockname(m->listener, (struct sockaddr *)&address, &size) != 0 ||
        getrandom(&m->mine.secret, sizeof(m->mine.secret), 0) !=
            (ssize_t)sizeof(m->mine.secret) ||
        pipe2(m->stop, O_CLOEXEC) != 0 || getifaddrs(&all) != 0)
        return false;
    for (const struct ifaddrs *one = all; one != NULL; one = one->ifa_next) {
        if (one->ifa_addr == NULL || one->ifa_addr->sa_family != AF_INET ||
            (one->ifa_flags & IFF_UP) == 0 ||
            (one->ifa_flags & IFF_LOOPBACK) != 0 ||
            m->mine.count == MAX_ADDRESSES)
            continue;
        memcpy(&address.sin_addr,
               (const char *)one->ifa_addr +
                   offsetof(struct sockaddr_in, sin_addr),
               sizeof(address.sin_addr));
        m->mine.address[m->mine.count++] = address.sin_addr;
    }
    freeifaddrs(all);
    m->mine.port = address.sin_port;
    return true;
}

static void release(memheap_node_monitor_t *m)
{
    while (m->count > 0)
        drop(m, 0);
    for (int i = 0; i < 2; i++) {
        if (m->stop[i] >= 0)
            close(m->stop[i]);
    }
    if (m->listener >= 0)
        close(m->listener);
    free(m);
}

memheap_node_monitor_t *
memheap_node_monitor_open(const memheap_job_t *job,
                          const memheap_node_monitor_config_t *config,
                          const memheap_log_t *log)
{
    /* Nodes of one machine are lost together. */
    if (job->machine_size == job->size || job->node_rank != 0)
        return NULL;
    address_record_t none = {.port = 0};
    address_record_t next;
    memheap_node_monitor_t *m = calloc(1, sizeof(*m));
    if (m != NULL) {
        *m = (memheap_node_monitor_t){.config = *config,
                                      .job = job,
                                      .log = log,
                                      .listener = -1,
                                      .stop = {-1, -1}};
        gethostname(m->mine.host, HOST - 1);
        if (!listen_here(m))
            m->mine.port = 0;
    }
    memheap_job_leaders_shift(job, m == NULL ? &none : &m->mine, &next,
                              sizeof(next));
    if (m == NULL)
        return NULL;
    m->next = next;
    if (m->mine.port != 0 && memheap_thread_start(&m->thread, run, m))
        return m;
    memheap_log_write(log, MEMHEAP_LOG_DEBUG,
                      "only the network detects a lost node (%s)",
                      strerror(errno));
    release(m);
    return NULL;
}

void memheap_node_monitor_close(memheap_node_monitor_t *m)
{
    if (m == NULL)
        return;
    close(m->stop[1]);
    m->stop[1] = -1;
    pthread_join(m->thread, NULL);
    release(m);
}
