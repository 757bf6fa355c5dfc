/*
 * Agreement between the nodes of a group.
 */
#ifndef MEMHEAP_COMM_AGREE_EXCHANGE_H
#define MEMHEAP_COMM_AGREE_EXCHANGE_H

#include "comm/agree_state.h"

/** Meet the PEs of other nodes, when this PE has written its line. */
verdict_t memheap_agree_between_nodes(memheap_agree_t *agree, uint64_t digest,
                                      uint64_t result, fold_t *fold,
                                      const memheap_agree_exchange_t *trade);

/** Take a message that came from another node; for the transport. */
void memheap_agree_receive(const memheap_agree_t *world, const void *head,
                           const void *data, size_t size);

/** End the job. The message cannot wait for a verdict of the PEs, which is what
 *  the hub's log is for. */
_Noreturn void memheap_agree_no_memory(const memheap_barrier_state_t *hub,
                                       size_t size);

#endif
