/*
 * Types and functions that the parts of the UCX transport share.
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
    /** Registered parts of one segment. A growing heap registers at least a
     *  quarter more each time, so this number covers any address space. */
    MAX_REGISTRATIONS = 128
};

/* A part of a segment that was registered in one step. It begins at the end of
 * the part before it. */
typedef struct registration {
    size_t end; /* offset in the segment */
    ucp_mem_h memory;
    /** Per member: the base address of its segment, then the packed key. */
    memheap_address_table_t keys;
} registration_t;

typedef struct segment {
    memheap_members_t members;
    registration_t registration[MAX_REGISTRATIONS];
    int count;
} segment_t;

/* The access to a registered part on a peer. */
typedef struct remote_key {
    uint64_t base;
    ucp_rkey_h key; /* NULL: not unpacked yet */
} remote_key_t;

typedef struct peer {
    memheap_transport_t *transport;
    int pe;
    ucp_ep_h endpoint;
    uint64_t fences; /* the fence up to which its puts are complete */
    remote_key_t *remote_keys[MEMHEAP_SEGMENTS]; /* arrays of MAX_REGISTRATIONS,
                                                    or NULL */
    struct peer *next;
} peer_t;

struct memheap_transport {
    memheap_transport_config_t config;
    const memheap_job_t *job;
    const memheap_log_t *log;
    ucp_context_h context;
    ucp_worker_h worker;
    bool locked;        /* calls take the lock: there are several threads */
    bool pins;          /* registered memory was pinned */
    bool shares_memory; /* UCX can share memory between all PEs */
    bool closing;       /* errors of peers are ignored */
    atomic_bool ending; /* the job is being aborted */
    pthread_mutex_t lock;
    memheap_address_table_t addresses;
    segment_t *segment[MEMHEAP_SEGMENTS]; /* NULL: not registered */
    memheap_hashmap_t peers;              /* PE -> peer_t * */
    peer_t *first;
    size_t pending; /* operations that outlive their call */
    size_t atomics; /* the atomic ones among them */
    uint64_t fences;
    uint64_t calls; /* steps of the program into UCX */
    pthread_t thread;
    bool has_thread; /* the progress thread runs */
    atomic_bool thread_ends;
};

/* Tell the progress thread that the program makes progress. Locked. */
static inline void count_call(memheap_transport_t *t)
{
    __atomic_store_n(&t->calls, t->calls + 1, __ATOMIC_RELAXED);
}

/* Begin a step of the program into UCX. */
static inline void lock_worker(memheap_transport_t *t)
{
    if (t->locked)
        pthread_mutex_lock(&t->lock);
    count_call(t);
}

static inline void unlock_worker(memheap_transport_t *t)
{
    if (t->locked)
        pthread_mutex_unlock(&t->lock);
}

static const ucp_request_param_t no_callback = {0};

/** Report a lost PE through the callback of the configuration. */
_Noreturn void memheap_ucx_lost(memheap_transport_t *t, int pe,
                                ucs_status_t why);

/** Wait for a request, and free it. The lock is held on entry and on return,
 *  and is released while waiting. */
void memheap_ucx_finish(memheap_transport_t *t, int pe,
                        ucs_status_ptr_t request);

/** The peer of a PE, created on first use. */
peer_t *memheap_ucx_peer(memheap_transport_t *t, int pe);

/** Make progress until a counter of operations is zero. Locked on entry and on
 *  return. */
void memheap_ucx_progress_until_zero(memheap_transport_t *t,
                                     const size_t *count);

/** Log that UCX cannot do something. @return MEMHEAP_ERR_SYSTEM */
memheap_status_t memheap_ucx_failed(const memheap_transport_t *t,
                                    const char *what, ucs_status_t status);

#endif
