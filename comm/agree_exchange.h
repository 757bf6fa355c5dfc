/*
 * Agreement between the nodes of a group.
 */
#ifndef MEMHEAP_COMM_AGREE_EXCHANGE_H
#define MEMHEAP_COMM_AGREE_EXCHANGE_H

#include "comm/agree_state.h"

/** Agree with the PEs of other nodes, after this PE has written its line.
 *  @return the outcome, the same on every PE of the group */
outcome_t memheap_agree_between_nodes(memheap_agree_t *agree, uint64_t digest,
                                      uint64_t result, reduce_t *reduce,
                                      const memheap_agree_exchange_t *exchange);

/** Store a message from another node: the receive callback of the transport. */
void memheap_agree_receive(const memheap_agree_t *world, const void *head,
                           const void *data, size_t size);

#endif
