/*
 * One-sided access to PEs of other nodes.
 *
 * What can be reached of a PE is a few segments, each of which lies at an
 * address of its own on every PE; a place is a PE, a segment, and an offset.
 * PEs get to know each other on first use: a job keeps nothing for PEs that
 * never talk but what memheap_address_table_t holds once a node.
 *
 * Operations on one PE are applied in the order of the calls where a fence
 * stands between them. A PE serves the others whenever it calls in here, or in
 * memheap_transport_progress(), or all the time if it has a thread for it.
 * Whatever goes wrong with a PE that was reached once cannot be mended: it is
 * told to lost(), which ends the job.
 */
#ifndef MEMHEAP_COMM_TRANSPORT_H
#define MEMHEAP_COMM_TRANSPORT_H

#include "comm/job.h"

#include <stddef.h>

typedef struct memheap_transport memheap_transport_t;

/** The number of a segment. */
typedef unsigned memheap_segment_id_t;

enum {
    MEMHEAP_SEGMENT_HEAP,
    MEMHEAP_SEGMENT_DATA,
    MEMHEAP_SEGMENT_MORE, /* of what comes and goes, */
    MEMHEAP_SEGMENTS = 64 /* up to this */
};

/** Who has a segment: the PEs of a job within the job, which are the numbers
 *  start + i * stride there. */
typedef struct memheap_members {
    const memheap_job_t *job;
    int start, stride;
} memheap_members_t;

/** Bytes on a PE of the job. */
typedef struct memheap_remote_addr {
    int pe;
    memheap_segment_id_t segment;
    size_t offset;
} memheap_remote_addr_t;

/** What an atomic operation does to the object. */
typedef enum memheap_atomic_kind {
    MEMHEAP_ATOMIC_ADD,
    MEMHEAP_ATOMIC_AND,
    MEMHEAP_ATOMIC_OR,
    MEMHEAP_ATOMIC_XOR,
    MEMHEAP_ATOMIC_SWAP,
    MEMHEAP_ATOMIC_COMPARE_SWAP /* if it is as `compare` */
} memheap_atomic_kind_t;

/** An atomic operation on an aligned object of 4 or 8 bytes; words hold the
 *  bytes of the object's type from their first on. */
typedef struct memheap_atomic {
    memheap_atomic_kind_t kind;
    size_t size;
    uint64_t value, compare;
} memheap_atomic_t;

typedef struct memheap_transport_config {
    bool threads;         /* several threads may call at once */
    bool progress_thread; /* serve other PEs without being called */
    bool map_nonblocking; /* memory is registered as it is touched */
    /** Take a message of memheap_transport_send(), in its two parts, which may
     *  lie at any address. It comes in the middle of any call in here, and must
     *  not make one. */
    void (*receive)(void *context, const void *head, const void *data,
                    size_t size);
    /** A PE cannot be reached; `gone`: it could be before. pe is -1 if nobody
     *  knows which. Does not return. */
    void (*lost)(void *context, int pe, const char *why, bool gone);
    void *context;
} memheap_transport_config_t;

/** The largest head of a message, whose length both sides know. */
#define MEMHEAP_TRANSPORT_HEAD 512

/**
 * Open the transport of this PE. Collective.
 * @return the same on every PE. MEMHEAP_ERR_SYSTEM, MEMHEAP_ERR_NO_METADATA,
 *         logged
 */
memheap_status_t memheap_transport_open(
    const memheap_job_t *job, const memheap_transport_config_t *config,
    const memheap_log_t *log, memheap_transport_t **transport_p);

/** Close it. Collective; all that was begun is done then. NULL is nothing. */
void memheap_transport_close(memheap_transport_t *transport);

/**
 * Let the others reach more of a segment. Collective over its members.
 *
 * @param members    must outlive the segment
 * @param from, to  offsets, the same on every PE; from is where the part that
 *                  can be reached already ends, 0 the first time
 * @return the same on every owner. MEMHEAP_ERR_SYSTEM, MEMHEAP_ERR_NO_METADATA,
 *         logged
 */
memheap_status_t memheap_transport_register(memheap_transport_t *transport,
                                            memheap_segment_id_t segment,
                                            const memheap_members_t *members,
                                            char *base, size_t from, size_t to);

/** Let nobody reach a segment any more. Each owner calls, after a quiet of all
 *  of them; local. Nothing for one that was never covered. */
void memheap_transport_deregister(memheap_transport_t *transport,
                                  memheap_segment_id_t segment);

/** Copy bytes to a place. The source may change when the call returns. */
void memheap_transport_put(memheap_transport_t *transport,
                           const memheap_remote_addr_t *remote,
                           const void *source, size_t size);

/** The same; the source may change after the next quiet. */
void memheap_transport_put_nbi(memheap_transport_t *transport,
                               const memheap_remote_addr_t *remote,
                               const void *source, size_t size);

/** Copy bytes from a place. */
void memheap_transport_get(memheap_transport_t *transport,
                           const memheap_remote_addr_t *remote, void *dest,
                           size_t size);

/** The same; they are there after the next quiet. */
void memheap_transport_get_nbi(memheap_transport_t *transport,
                               const memheap_remote_addr_t *remote, void *dest,
                               size_t size);

/** Do an atomic operation and wait for the value before it. */
uint64_t memheap_transport_fetch(memheap_transport_t *transport,
                                 const memheap_remote_addr_t *remote,
                                 const memheap_atomic_t *atomic);

/** Begin an atomic operation. Unless old is NULL, the object's bytes before it
 *  are there after the next quiet. */
void memheap_transport_update(memheap_transport_t *transport,
                              const memheap_remote_addr_t *remote,
                              const memheap_atomic_t *atomic, void *old);

/** Let what comes after this call come after what came before it, on each PE.
 */
void memheap_transport_fence(memheap_transport_t *transport);

/** Wait until all that was begun to be got is there. */
void memheap_transport_wait_gets(memheap_transport_t *transport);

/** Wait until all that was begun is done, on all PEs or on one. */
void memheap_transport_quiet(memheap_transport_t *transport);
void memheap_transport_quiet_pe(memheap_transport_t *transport, int pe);

/** Send a message: a head and size bytes, both of which may change when the
 *  call returns. */
void memheap_transport_send(memheap_transport_t *transport, int pe,
                            const void *head, size_t head_size,
                            const void *data, size_t size);

/** Serve other PEs, without waiting. */
void memheap_transport_progress(void *transport);

/** The same, for a place from where it may already be under way: it does
 *  nothing then. @return what was done, as a number */
int memheap_transport_try_progress(memheap_transport_t *transport);

#endif
