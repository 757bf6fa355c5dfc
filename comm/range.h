/*
 * Reserves one address range on all PEs.
 */
#ifndef MEMHEAP_COMM_RANGE_H
#define MEMHEAP_COMM_RANGE_H

#include "comm/job.h"

#include <stddef.h>

/**
 * Reserve address space at the same address on all PEs. Collective.
 *
 * @param size    bytes, the same on every PE
 * @param base_p  takes the address, a multiple of 1 GiB. The pages are not
 *                accessible yet.
 * @return the same on every PE. MEMHEAP_ERR_SYSTEM, logged on the PE with the
 *         fewest free candidates, with a mapping that is in the way
 */
memheap_status_t memheap_range_reserve(const memheap_job_t *job, size_t size,
                                       const memheap_log_t *log, void **base_p);

#endif
