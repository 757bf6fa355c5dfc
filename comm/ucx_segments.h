/*
 * Registered memory: the parts of segments on this PE, and the remote keys of
 * those on other PEs.
 */
#ifndef MEMHEAP_COMM_UCX_SEGMENTS_H
#define MEMHEAP_COMM_UCX_SEGMENTS_H

#include "comm/ucx.h"

/* A part of a remote access that lies in one registered part. */
typedef struct span {
    peer_t *peer;
    uint64_t address;
    ucp_rkey_h key;
    size_t size;
} span_t;

/** The first span of an access to size bytes at a remote address. */
span_t memheap_ucx_span(memheap_transport_t *t,
                        const memheap_remote_addr_t *remote, size_t size);

/** Destroy the remote keys of a segment on all peers. Locked. */
void memheap_ucx_release_keys(memheap_transport_t *t, memheap_segment_id_t id);

/** Deregister this PE's part of a segment. Locked. */
void memheap_ucx_release_segment(memheap_transport_t *t,
                                 memheap_segment_id_t id);

#endif
