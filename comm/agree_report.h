/*
 * The report of a divergence.
 */
#ifndef MEMHEAP_COMM_AGREE_REPORT_H
#define MEMHEAP_COMM_AGREE_REPORT_H

#include "comm/agree_state.h"

/**
 * Report that the PEs differ: describe this PE's call, and let the first PE
 * that is present log all calls. Collective: all PEs come here, because all
 * have the same outcome; after rooted agreements, a PE that has already left
 * the call may be absent.
 *
 * @param results_differ  the calls are equal, and the results are not
 * @return MEMHEAP_ERR_DIVERGED
 */
memheap_status_t memheap_agree_diverge(memheap_agree_t *agree,
                                       const memheap_call_t *call,
                                       uint64_t result, bool results_differ);

#endif
