/*
 * What it means that one of several pools does not serve a request.
 */
#ifndef MEMHEAP_POOLS_FALLBACK_H
#define MEMHEAP_POOLS_FALLBACK_H

#include <memheap/status.h>

#include <stdbool.h>

/** Whether another pool may serve what one refused so. */
static inline bool memheap_fallback_is_allowed(memheap_status_t status)
{
    return status == MEMHEAP_ERR_NO_MEMORY ||
           status == MEMHEAP_ERR_NO_METADATA ||
           status == MEMHEAP_ERR_BAD_ARGUMENT;
}

/** Of two refusals, the one that says more: a pool that could serve the request
 *  at another time before one that never can. */
static inline memheap_status_t memheap_fallback_status(memheap_status_t a,
                                                       memheap_status_t b)
{
    return a == MEMHEAP_ERR_BAD_ARGUMENT || b == MEMHEAP_ERR_NO_MEMORY ? b : a;
}

#endif
