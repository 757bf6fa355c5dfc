/*
 * Monitors the neighbouring nodes over TCP connections.
 *
 * The nodes form a ring. The first PE of each node connects to that of the next
 * node. It publishes, through MPI, a port, its addresses, a key for each of
 * them, and a reply. An address may lead to another machine or nowhere from
 * elsewhere, so all are tried at once. A thread runs the protocol, and sleeps
 * in poll():
 *
 *     next node                                   this node
 *     ACCEPTED    <---- connect --------------   CONNECTING
 *     ACCEPTED    <---- hello (key, host) ----   HELLO_SENT
 *     REPLY_SENT  ----- hello (reply, host) -->  HELLO_SENT
 *     ESTABLISHED <---- one byte --------------  ESTABLISHED
 *
 * Any process that reaches the port can connect. Therefore:
 *   - A key counts only at its own address: a stranger behind one of the
 *     addresses gets a key, but cannot use it at another. It does not know the
 *     reply, and so cannot pass for the next node.
 *   - A connection that does not send its hello in time is closed, and at most
 *     MAX_UNKNOWN are open at once. Others wait in the kernel.
 *   - The port is closed when the previous node is connected.
 * Without descriptors, or if no address answers, the thread tries again later.
 *
 * A notice is one more byte on an established connection. A node passes the
 * first one on to its neighbours, so it goes around the ring both ways.
 *
 * A closed connection means that the process ends; others detect that. A failed
 * connection means that the node is lost, unless a notice has come: a process
 * may end without reading its last one. TCP_USER_TIMEOUT makes the kernel give
 * up on unanswered keep-alive probes and on unacknowledged data.
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
    MAX_UNKNOWN = 32, /* connections that have not proved to be the neighbour */
    MAX_LINKS = MAX_UNKNOWN + 2 * MAX_ADDRESSES + 2,
    BACKLOG = 64,
    PAUSE_MS = 1000, /* before another attempt; doubled each time */
    LAST_PAUSE_MS = 3600 * 1000,
    NOTICE = 0, /* bytes in the control pipe */
    STOP,
    HOST = 64
};

/* What a node tells the previous node. */
typedef struct address_record {
    uint64_t key[MAX_ADDRESSES];
    uint64_t reply;
    struct in_addr address[MAX_ADDRESSES];
    int count;
    in_port_t port; /* in network byte order; 0: cannot listen */
    char host[HOST];
} address_record_t;

/* The message that each side of a connection sends once. */
typedef struct hello {
    uint64_t secret; /* the key, or the reply, of the side that accepted */
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
    bool outgoing;   /* to the next node; from the previous one otherwise */
    int node;        /* at the other end */
    uint64_t key;    /* expected or to be sent */
    size_t deadline; /* to be established, by now_ms() */
    char host[HOST];
} link_t;

struct memheap_node_monitor {
    memheap_node_monitor_config_t config;
    const memheap_job_t *job;
    const memheap_log_t *log;
    address_record_t mine, next;
    int listener;
    int control[2]; /* a pipe to the thread. Closing it would not stop the
                       thread: a forked child may have it too */
    pthread_t thread;
    link_t links[MAX_LINKS];
    int count;
    bool has_next;    /* the next node was connected */
    bool notified;    /* a notice was passed on */
    size_t pause_ms;  /* before the next attempt */
    size_t retry_at;  /* time of the next attempt to connect */
    size_t accept_at; /* time from which to accept */
};

static size_t now_ms(void)
{
    return (size_t)(memheap_wait_now() / 1000000);
}

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

/* The time that a connection has for its hello. */
static size_t hello_ms(const memheap_node_monitor_t *m)
{
    return memheap_max((size_t)m->config.timeout_s * 1000 / 3, PAUSE_MS);
}

/* Add a connection. It must be established in time. */
static void add(memheap_node_monitor_t *m, int fd, link_state_t state, int node,
                uint64_t key)
{
    m->links[m->count++] = (link_t){.fd = fd,
                                    .state = state,
                                    .outgoing = state == CONNECTING,
                                    .node = node,
                                    .key = key,
                                    .deadline = now_ms() + hello_ms(m)};
}

static int count_in(const memheap_node_monitor_t *m, link_state_t first,
                    link_state_t last)
{
    int count = 0;
    for (int i = 0; i < m->count; i++)
        count += m->links[i].state >= first && m->links[i].state <= last;
    return count;
}

/* Whether to accept another connection, if there are descriptors. */
static bool has_room(const memheap_node_monitor_t *m)
{
    return m->listener >= 0 && count_in(m, ACCEPTED, REPLY_SENT) < MAX_UNKNOWN;
}

/* Whether another attempt to connect to the next node is due some time. */
static bool needs_next(const memheap_node_monitor_t *m)
{
    return !m->has_next && m->next.port != 0 &&
           count_in(m, CONNECTING, HELLO_SENT) == 0;
}

static void drop(memheap_node_monitor_t *m, int i)
{
    close(m->links[i].fd);
    m->links[i] = m->links[--m->count];
}

/* Start to connect to all addresses of the next node. */
static void connect_next(memheap_node_monitor_t *m)
{
    m->retry_at = now_ms() + m->pause_ms;
    m->pause_ms = memheap_min(2 * m->pause_ms, LAST_PAUSE_MS);
    for (int i = 0; i < m->next.count; i++) {
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
            add(m, fd, CONNECTING, neighbour(m, 1), m->next.key[i]);
    }
}

static bool send_hello(const memheap_node_monitor_t *m, int fd, uint64_t secret)
{
    hello_t hello = {.secret = secret};
    memcpy(hello.host, m->mine.host, sizeof(hello.host));
    return send(fd, &hello, sizeof(hello), MSG_NOSIGNAL) ==
           (ssize_t)sizeof(hello);
}

/* Receive a hello, and its host name. False if the secret is wrong. One
 * comparison of a word takes the same time, whatever bits differ. */
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

/* Accept a connection. It must come to an address with a key. */
static void accept_one(memheap_node_monitor_t *m)
{
    struct sockaddr_in here = {.sin_family = AF_UNSPEC};
    socklen_t size = sizeof(here);
    int fd = accept4(m->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        /* Out of descriptors: wait for some to become free. */
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            m->accept_at = now_ms() + PAUSE_MS;
        return;
    }
    getsockname(fd, (struct sockaddr *)&here, &size);
    for (int i = 0; i < m->mine.count; i++) {
        if (m->mine.address[i].s_addr == here.sin_addr.s_addr) {
            add(m, fd, ACCEPTED, neighbour(m, -1), m->mine.key[i]);
            return;
        }
    }
    close(fd);
}

static bool establish(memheap_node_monitor_t *m, link_t *link)
{
    link->state = ESTABLISHED;
    m->has_next = m->has_next || link->outgoing;
    keep_alive(m, link->fd);
    return true;
}

static void drop_all(memheap_node_monitor_t *m, link_state_t first,
                     link_state_t last)
{
    for (int i = m->count - 1; i >= 0; i--) {
        if (m->links[i].state >= first && m->links[i].state <= last)
            drop(m, i);
    }
}

/* One connection to each neighbour is enough. */
static void drop_others(memheap_node_monitor_t *m)
{
    bool has_previous = false;
    for (int i = 0; i < m->count; i++)
        has_previous = has_previous || (m->links[i].state == ESTABLISHED &&
                                        !m->links[i].outgoing);
    if (m->has_next)
        drop_all(m, CONNECTING, HELLO_SENT);
    if (has_previous && m->listener >= 0) {
        drop_all(m, ACCEPTED, REPLY_SENT);
        close(m->listener);
        m->listener = -1;
    }
}

static void drop_late(memheap_node_monitor_t *m)
{
    for (int i = m->count - 1; i >= 0; i--) {
        if (m->links[i].state != ESTABLISHED &&
            m->links[i].deadline <= now_ms())
            drop(m, i);
    }
}

/* Milliseconds until the next deadline or attempt. -1: there is none. */
static int until_next(const memheap_node_monitor_t *m)
{
    size_t next = SIZE_MAX;
    size_t now = now_ms();
    for (int i = 0; i < m->count; i++) {
        if (m->links[i].state != ESTABLISHED)
            next = memheap_min(next, m->links[i].deadline);
    }
    if (needs_next(m))
        next = memheap_min(next, m->retry_at);
    if (has_room(m) && m->accept_at > now)
        next = memheap_min(next, m->accept_at);
    if (next == SIZE_MAX)
        return -1;
    return next <= now ? 0 : (int)(next - now);
}

/* Pass a notice on. Returns false if that was done before. */
static bool pass_on(memheap_node_monitor_t *m)
{
    const char byte = 0;
    if (m->notified)
        return false;
    m->notified = true;
    for (int i = 0; i < m->count; i++) {
        if (m->links[i].state == ESTABLISHED)
            send(m->links[i].fd, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    return true;
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
               error == 0 && send_hello(m, link->fd, link->key);
    case HELLO_SENT:
        /* This byte establishes the connection on the other side, which closes
         * all others: so it is sent on one only. */
        return !m->has_next && receive_hello(link, m->next.reply) &&
               send(link->fd, &byte, 1, MSG_NOSIGNAL) == 1 &&
               establish(m, link);
    case ACCEPTED:
        link->state = REPLY_SENT;
        link->deadline = now_ms() + (size_t)m->config.timeout_s * 1000;
        return receive_hello(link, link->key) &&
               send_hello(m, link->fd, m->mine.reply);
    case REPLY_SENT:
        return recv(link->fd, &byte, 1, MSG_DONTWAIT) == 1 &&
               establish(m, link);
    case ESTABLISHED:
        break;
    }
    ssize_t received = recv(link->fd, &byte, 1, MSG_DONTWAIT);
    if (received == 1 && pass_on(m))
        m->config.notified(m->config.context);
    if (received >= 0)
        return received > 0;
    if (errno == EAGAIN || errno == EINTR)
        return true;
    if (!m->notified)
        m->config.lost(m->config.context, &m->job->nodes[link->node],
                       link->host, errno);
    return false;
}

static void *run(void *context)
{
    memheap_node_monitor_t *m = context;
    for (;;) {
        if (needs_next(m) && now_ms() >= m->retry_at)
            connect_next(m);
        bool accepting = has_room(m) && now_ms() >= m->accept_at;
        struct pollfd events[MAX_LINKS + 2] = {
            {.fd = m->control[0], .events = POLLIN},
            {.fd = accepting ? m->listener : -1, .events = POLLIN}};
        struct pollfd *event = events + 2;
        int count = m->count;
        for (int i = 0; i < count; i++)
            event[i] = (struct pollfd){
                .fd = m->links[i].fd,
                .events = m->links[i].state == CONNECTING ? POLLOUT : POLLIN};
        if (poll(events, (nfds_t)count + 2, until_next(m)) < 0) {
            /* Fewer descriptors are allowed than it has. */
            if (errno == EINVAL)
                poll(NULL, 0, PAUSE_MS);
            continue;
        }
        char byte = STOP;
        if (events[0].revents != 0 &&
            (read(m->control[0], &byte, 1) != 1 || byte == STOP))
            return NULL;
        if (events[0].revents != 0)
            pass_on(m);
        for (int i = count - 1; i >= 0; i--) {
            if (event[i].revents != 0 && !handle_event(m, &m->links[i]))
                drop(m, i);
        }
        drop_late(m);
        drop_others(m);
        if (events[1].revents != 0 && m->listener >= 0)
            accept_one(m);
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
        listen(m->listener, BACKLOG) != 0 ||
        getsockname(m->listener, (struct sockaddr *)&address, &size) != 0 ||
        getrandom(m->mine.key, sizeof(m->mine.key), 0) !=
            (ssize_t)sizeof(m->mine.key) ||
        getrandom(&m->mine.reply, sizeof(m->mine.reply), 0) !=
            (ssize_t)sizeof(m->mine.reply) ||
        pipe2(m->control, O_CLOEXEC) != 0 || getifaddrs(&all) != 0)
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
        if (m->control[i] >= 0)
            close(m->control[i]);
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
                                      .pause_ms = PAUSE_MS,
                                      .listener = -1,
                                      .control = {-1, -1}};
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

/* Write a byte for the thread. */
static bool tell(const memheap_node_monitor_t *m, char byte)
{
    ssize_t written;
    do {
        written = write(m->control[1], &byte, 1);
    } while (written < 0 && errno == EINTR);
    return written == 1;
}

void memheap_node_monitor_notify(memheap_node_monitor_t *m)
{
    if (m != NULL)
        tell(m, NOTICE);
}

void memheap_node_monitor_close(memheap_node_monitor_t *m)
{
    /* A thread that does not know of the end goes on with what it has. */
    if (m == NULL || !tell(m, STOP))
        return;
    pthread_join(m->thread, NULL);
    release(m);
}
