/*
 * Handlers of the messages for atomic operations.
 */
#ifndef MEMHEAP_COMM_UCX_ATOMICS_H
#define MEMHEAP_COMM_UCX_ATOMICS_H

#include "comm/ucx.h"

/** Run an atomic operation of another PE on this PE's memory, and reply. */
ucs_status_t memheap_ucx_on_atomic_request(void *context, const void *header,
                                           size_t header_size, void *data,
                                           size_t size,
                                           const ucp_am_recv_param_t *param);

/** Complete an atomic operation of this PE. */
ucs_status_t memheap_ucx_on_atomic_reply(void *context, const void *header,
                                         size_t header_size, void *data,
                                         size_t size,
                                         const ucp_am_recv_param_t *param);

#endif
