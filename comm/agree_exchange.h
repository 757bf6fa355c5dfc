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

/** The same for a rooted agreement: wait for the payload of the root. If this
 * PE is the root, send it.
 *  @return whether the root has made the same call, as far as this PE knows */
bool memheap_agree_rooted_between_nodes(const memheap_agree_t *agree,
                                        uint64_t digest, int root);

/** Tell this node and others that this PE has found a difference in the last
 *  agreement. */
void memheap_agree_raise_alarm(const memheap_agree_t *agree);

/** End the job: there is no memory for `size` bytes. */
_Noreturn void memheap_agree_no_memory(const memheap_barrier_state_t *state,
                                       size_t size);

/** Store a message from another node: the receive callback of the transport. */
void memheap_agree_receive(const memheap_agree_t *world, const void *head,
                           const void *data, size_t size);

#endif
