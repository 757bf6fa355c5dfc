/*
 * One address range, free on every PE.
 */
#ifndef MEMHEAP_COMM_RANGE_H
#define MEMHEAP_COMM_RANGE_H

#include "comm/job.h"

#include <stddef.h>

/**
 * Reserve address space at one place on all PEs. Collective.
 *
 * @param size    bytes, the same on every PE
 * @param base_p  takes the place, a multiple of 1 GiB; no page of it can be
 *                touched yet
 * @return the same on every PE. MEMHEAP_ERR_SYSTEM, logged on the PE where
 *         there is the least room, with the mapping that is in the way
 */
memheap_status_t memheap_range_reserve(const memheap_job_t *job, size_t size,
                                       const memheap_log_t *log, void **base_p);

#endif
