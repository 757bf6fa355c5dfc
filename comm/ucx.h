/*
 * What the parts of the transport over UCX share.
 */
#ifndef MEMHEAP_COMM_UCX_H
#define MEMHEAP_COMM_UCX_H

#include "comm/transport.h"
#include "comm/address_table.h"
#include "base/hashmap.h"

#include <ucp/api/ucp.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum {
    MESSAGE_ID = 1,
    ATOMIC_REQUEST_ID,
    ATOMIC_REPLY_ID,
    /** Pieces of one segment: each is a quarter longer than all before it, so
     *  this covers any address space. */
    MAX_REGISTRATIONS = 128
};

/* Bytes of a segment that were registered in one step: up to end, from where
 * the piece before it ends. */
typedef struct registration {
    size_t end;
    ucp_mem_h memory;
    memheap_address_table_t
        keys; /* each with the segment's base on its PE before it */
} registration_t;

typedef struct segment {
    memheap_members_t members;
    registration_t registration[MAX_REGISTRATIONS];
    int count;
} segment_t;

/* What is known of a piece of a peer. */
typedef struct remote_key {
    uint64_t base;
    ucp_rkey_h key; /* NULL: not unpacked yet */
} remote_key_t;

typedef struct peer {
    memheap_transport_t *transport;
    int pe;
    ucp_ep_h endpoint;
    uint64_t fences; /* up to which what was put is there */
    remote_key_t
        *remote_keys[MEMHEAP_SEGMENTS]; /* MAX_REGISTRATIONS of each, or NULL */
    struct peer *next;
} peer_t;

struct memheap_transport {
    memheap_transport_config_t config;
    const memheap_job_t *job;
    const memheap_log_t *log;
    ucp_context_h context;
    ucp_worker_h worker;
    bool locked;        /* calls take the lock */
    bool closing;       /* errors of peers count no more */
    atomic_bool ending; /* the job is */
    pthread_mutex_t lock;
    memheap_address_table_t addresses;
    segment_t *segment[MEMHEAP_SEGMENTS]; /* NULL: nobody has it */
    memheap_hashmap_t peers;              /* from a PE to its peer_t */
    peer_t *first;
    size_t pending; /* operations that outlived their call */
    size_t atomics; /* those of them that are atomic */
    uint64_t fences;
    pthread_t thread;
    bool has_thread;
    atomic_bool thread_ends;
};

static inline void lock_worker(memheap_transport_t *t)
{
    if (t->locked)
        pthread_mutex_lock(&t->lock);
}

static inline void unlock_worker(memheap_transport_t *t)
{
    if (t->locked)
        pthread_mutex_unlock(&t->lock);
}

static const ucp_request_param_t no_callback = {0};

/** Tell the caller that a PE is lost. */
_Noreturn void memheap_ucx_lost(memheap_transport_t *t, int pe,
                                ucs_status_t why);

/** Wait for a request, which is freed. The lock is held on entry and on exit,
 *  and not in between. */
void memheap_ucx_finish(memheap_transport_t *t, int pe,
                        ucs_status_ptr_t request);

/** The peer of a PE. */
peer_t *memheap_ucx_peer(memheap_transport_t *t, int pe);

/** Make progress until nothing is left of what is counted. */
void memheap_ucx_progress_until_zero(memheap_transport_t *t,
                                     const size_t *count);

/** Log that UCX cannot do something. */
memheap_status_t memheap_ucx_failed(const memheap_transport_t *t,
                                    const char *what, ucs_status_t status);

#endif
