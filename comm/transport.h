/*
 * One-sided access to PEs of other nodes.
 *
 * The accessible memory of a PE consists of a few segments. Each segment may
 * have a different base address on each PE, so a remote address is a PE, a
 * segment and an offset. PEs connect on first use: for PEs that never
 * communicate, a job stores only their records in the address tables, once per
 * node.
 *
 * Operations on one PE are applied in the order of the calls if a fence lies
 * between them. A PE serves the others in each call of this interface, in
 * memheap_transport_progress(), and at any time if it has a progress thread.
 * An error after the first contact with a PE cannot be repaired. It is reported
 * to the callback lost(), which ends the job.
 *
 * ucx.c and its companions implement this interface.
 */
#ifndef MEMHEAP_COMM_TRANSPORT_H
#define MEMHEAP_COMM_TRANSPORT_H

#include "comm/job.h"

#include <stddef.h>

typedef struct memheap_transport memheap_transport_t;

/** The id of a segment. */
typedef unsigned memheap_segment_id_t;

enum {
    MEMHEAP_SEGMENT_HEAP,
    MEMHEAP_SEGMENT_DATA,
    MEMHEAP_SEGMENT_MORE, /* the first id for spaces */
    MEMHEAP_SEGMENTS = 64 /* number of ids */
};

/** The PEs that have a segment: PE i of `job` is PE start + i * stride of the
 *  world job. */
typedef struct memheap_members {
    const memheap_job_t *job;
    int start, stride;
} memheap_members_t;

/** An address on a PE of the world job. */
typedef struct memheap_remote_addr {
    int pe;
    memheap_segment_id_t segment;
    size_t offset;
} memheap_remote_addr_t;

/** Kinds of atomic operations. */
typedef enum memheap_atomic_kind {
    MEMHEAP_ATOMIC_ADD,
    MEMHEAP_ATOMIC_AND,
    MEMHEAP_ATOMIC_OR,
    MEMHEAP_ATOMIC_XOR,
    MEMHEAP_ATOMIC_SWAP,
    MEMHEAP_ATOMIC_COMPARE_SWAP /* swap if the word equals `compare` */
} memheap_atomic_kind_t;

/** An atomic operation on an aligned object of size 4 or 8. The object's bytes
 *  are the first bytes of value and of compare. */
typedef struct memheap_atomic {
    memheap_atomic_kind_t kind;
    size_t size;
    uint64_t value, compare;
} memheap_atomic_t;

typedef struct memheap_transport_config {
    bool threads;         /* several threads may make progress, */
    bool concurrent;      /* and begin operations at the same time */
    bool progress_thread; /* a thread serves other PEs */
    bool map_nonblocking; /* register memory when it is touched */
    /** Receive a message of memheap_transport_send(). Both parts may be
     *  unaligned. Runs inside any call of this interface, and must not make
     *  one. */
    void (*receive)(void *context, const void *head, const void *data,
                    size_t size);
    /** A PE cannot be reached. pe is -1 if the PE is unknown; gone is true if
     * it was reached before. Must not return. */
    void (*lost)(void *context, int pe, const char *why, bool gone);
    void *context;
} memheap_transport_config_t;

/** Maximum size of a message head, in bytes. Both sides know its size. */
#define MEMHEAP_TRANSPORT_HEAD 512

/**
 * Open the transport of this PE. Collective.
 * @return the same on every PE. MEMHEAP_ERR_SYSTEM, MEMHEAP_ERR_NO_METADATA,
 *         logged
 */
memheap_status_t memheap_transport_open(
    const memheap_job_t *job, const memheap_transport_config_t *config,
    const memheap_log_t *log, memheap_transport_t **transport_p);

/** Complete all operations and close the transport. Collective. NULL is
 *  ignored. */
void memheap_transport_close(memheap_transport_t *transport);

/**
 * Make more of a segment accessible to other nodes. Collective over its
 * members.
 *
 * @param members    must outlive the segment
 * @param from, to  offsets, the same on every PE; from is at or behind the end
 *                  of the part that is accessible already, 0 at first
 * @return the same on every member. MEMHEAP_ERR_SYSTEM,
 * MEMHEAP_ERR_NO_METADATA, logged
 */
memheap_status_t memheap_transport_register(memheap_transport_t *transport,
                                            memheap_segment_id_t segment,
                                            const memheap_members_t *members,
                                            char *base, size_t from, size_t to);

/** Whether the network pins registered memory: all of it then has pages, which
 *  cannot be replaced. */
bool memheap_transport_pins(const memheap_transport_t *transport);

/** Make a segment inaccessible. Local: each member calls, after all of them
 * have completed their operations on it. A segment that was never registered is
 *  ignored. */
void memheap_transport_deregister(memheap_transport_t *transport,
                                  memheap_segment_id_t segment);

/** Copy bytes to another PE. On return, the source may be changed. */
void memheap_transport_put(memheap_transport_t *transport,
                           const memheap_remote_addr_t *remote,
                           const void *source, size_t size);

/** The same; the source may be changed after the next quiet. */
void memheap_transport_put_nbi(memheap_transport_t *transport,
                               const memheap_remote_addr_t *remote,
                               const void *source, size_t size);

/** Copy bytes from another PE, and wait for them. */
void memheap_transport_get(memheap_transport_t *transport,
                           const memheap_remote_addr_t *remote, void *dest,
                           size_t size);

/** Start to copy bytes from another PE. They are valid after the next quiet. */
void memheap_transport_get_nbi(memheap_transport_t *transport,
                               const memheap_remote_addr_t *remote, void *dest,
                               size_t size);

/** Run an atomic operation. @return the old value */
uint64_t memheap_transport_fetch(memheap_transport_t *transport,
                                 const memheap_remote_addr_t *remote,
                                 const memheap_atomic_t *atomic);

/** Start an atomic operation. If old is not NULL, it has the old value after
 * the next quiet. */
void memheap_transport_update(memheap_transport_t *transport,
                              const memheap_remote_addr_t *remote,
                              const memheap_atomic_t *atomic, void *old);

/** Maximum size of a put with a signal, in bytes. */
#define MEMHEAP_TRANSPORT_SIGNALLED ((size_t)64 << 10)

/** Start to copy bytes to another PE, and to run an atomic operation on a word
 *  of that PE after the bytes are there. On return, the source may be changed.
 */
void memheap_transport_put_signal(memheap_transport_t *transport,
                                  const memheap_remote_addr_t *remote,
                                  const void *source, size_t size,
                                  const memheap_remote_addr_t *word,
                                  const memheap_atomic_t *atomic);

/** Order operations: on each PE, those before the fence are applied before
 * those after it. */
void memheap_transport_fence(memheap_transport_t *transport);

/** Wait until all outstanding gets are complete. */
void memheap_transport_wait_gets(memheap_transport_t *transport);

/** Wait until all outstanding operations are complete, on all PEs or on one. */
void memheap_transport_quiet(memheap_transport_t *transport);
void memheap_transport_quiet_pe(memheap_transport_t *transport, int pe);

/** Send a message: a head, and size bytes of data. On return, both may be
 *  changed. */
void memheap_transport_send(memheap_transport_t *transport, int pe,
                            const void *head, size_t head_size,
                            const void *data, size_t size);

/** Serve other PEs, without waiting. @return whether there was something to do.
 *  Takes void * to be a callback, as the next one does. */
bool memheap_transport_progress(void *transport);

/** Sleep for less than a second, or until there is something to do. */
void memheap_transport_sleep(void *transport, uint64_t ns);

/** The same, but do nothing if another call is in progress. For callbacks of
 *  other libraries. @return the number of events */
int memheap_transport_try_progress(memheap_transport_t *transport);

#endif
