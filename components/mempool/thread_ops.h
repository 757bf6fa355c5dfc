/*
 * Operations that several threads may call at once.
 */
#ifndef MEMHEAP_COMPONENTS_MEMPOOL_THREAD_OPS_H
#define MEMHEAP_COMPONENTS_MEMPOOL_THREAD_OPS_H

#include "components/mempool/mempool.h"

/** The operations, and their setup when a module is created. */
extern const memheap_thread_ops_t mempool_thread_ops;
void mempool_threads_open(mempool_t *p);

#endif
