/*
 * What it means that one of several pools does not serve a request.
 */
#ifndef MEMHEAP_MEMHEAP_REFUSALS_H
#define MEMHEAP_MEMHEAP_REFUSALS_H

#include "base/status.h"

#include <stdbool.h>

/** Whether another pool may serve what one refused so. */
static inline bool memheap_refusal_is_local(memheap_status_t status)
{
    return status == MEMHEAP_ERR_NO_MEMORY ||
           status == MEMHEAP_ERR_NO_METADATA ||
           status == MEMHEAP_ERR_BAD_ARGUMENT;
}

/** Of two refusals, the one that says more: a pool that could serve the request
 *  at another time before one that never can. */
static inline memheap_status_t memheap_refusal_of(memheap_status_t a,
                                                  memheap_status_t b)
{
    return a == MEMHEAP_ERR_BAD_ARGUMENT || b == MEMHEAP_ERR_NO_MEMORY ? b : a;
}

#endif
