/*
 * When one of several pools fails: whether to try another, and what to return.
 */
#ifndef MEMHEAP_POOLS_FALLBACK_H
#define MEMHEAP_POOLS_FALLBACK_H

#include <memheap/status.h>

#include <stdbool.h>

/** Whether to try another pool after a pool failed with a status. */
static inline bool memheap_fallback_is_allowed(memheap_status_t status)
{
    return status == MEMHEAP_ERR_NO_MEMORY ||
           status == MEMHEAP_ERR_NO_METADATA ||
           status == MEMHEAP_ERR_BAD_ARGUMENT;
}

/** The failure to report of two. A pool that could serve the request at another
 *  time takes precedence over one that never can. */
static inline memheap_status_t memheap_fallback_status(memheap_status_t a,
                                                       memheap_status_t b)
{
    return a == MEMHEAP_ERR_BAD_ARGUMENT || b == MEMHEAP_ERR_NO_MEMORY ? b : a;
}

#endif
