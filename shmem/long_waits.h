/*
 * Long waits: reports what the PEs wait for.
 */
#ifndef MEMHEAP_SHMEM_LONG_WAITS_H
#define MEMHEAP_SHMEM_LONG_WAITS_H

#include "shmem/runtime.h"

/** Observe the waits of this PE, from now on. Local; the agreement is open. */
void memheap_long_waits_start(memheap_runtime_t *rt);

/** Stop that, before the agreement is closed. Local. */
void memheap_long_waits_stop(memheap_runtime_t *rt);

#endif
