/*
 * Memory of segments that UCX registered, on this PE and on others.
 */
#ifndef MEMHEAP_COMM_UCX_SEGMENTS_H
#define MEMHEAP_COMM_UCX_SEGMENTS_H

#include "comm/ucx.h"

/* Part of a place that lies in one registration. */
typedef struct span {
    peer_t *peer;
    uint64_t address;
    ucp_rkey_h key;
    size_t size;
} span_t;

/** The first of the spans that size bytes at a place consist of. */
span_t memheap_ucx_span(memheap_transport_t *t,
                        const memheap_remote_addr_t *remote, size_t size);

/** Forget what peers have said of their part of a segment; with the lock. */
void memheap_ucx_release_keys(memheap_transport_t *t, memheap_segment_id_t id);

/** Let go of this PE's part of a segment. */
void memheap_ucx_release_segment(memheap_transport_t *t,
                                 memheap_segment_id_t id);

#endif
