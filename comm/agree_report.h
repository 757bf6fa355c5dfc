/*
 * The report of a divergence.
 */
#ifndef MEMHEAP_COMM_AGREE_REPORT_H
#define MEMHEAP_COMM_AGREE_REPORT_H

#include "comm/agree_state.h"

/** All PEs come here, or none: each has the same verdict; or each that makes
 *  another call after agreements with one. */
memheap_status_t memheap_agree_diverge(memheap_agree_t *agree,
                                       const memheap_call_t *call,
                                       uint64_t result, bool results_differ);

/** Take the text of a PE of another node. */
void memheap_agree_receive_text(memheap_barrier_state_t *hub,
                                const message_t *message, const void *data,
                                size_t size);

#endif
