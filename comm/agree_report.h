/*
 * The report of a divergence.
 */
#ifndef MEMHEAP_COMM_AGREE_REPORT_H
#define MEMHEAP_COMM_AGREE_REPORT_H

#include "comm/agree_state.h"

/**
 * Report that the PEs differ: describe this PE's call, and let the first PE
 * that is present log all calls; on several nodes, the first or the second PE.
 * Collective: all PEs come here, because all find the difference; after rooted
 * agreements, a PE that has already left the call may be absent.
 *
 * @param results_differ  the calls are equal, and the results are not
 * @return MEMHEAP_ERR_DIVERGED
 */
memheap_status_t memheap_agree_diverge(memheap_agree_t *agree,
                                       const memheap_call_t *call,
                                       uint64_t result, bool results_differ);

/** Keep the call of a rank that a message told, in case that PE never reports.
 *  Its arguments are word.result and word.aux. */
void memheap_agree_hear(memheap_barrier_state_t *state, int group, int rank,
                        uint64_t number, packed_outcome_t word, uint64_t kind);

/** Keep a report from another node. */
void memheap_agree_receive_report(memheap_barrier_state_t *state,
                                  const message_t *message, const void *data,
                                  size_t size);

#endif
