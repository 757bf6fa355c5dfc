/*
 * top
 */
#ifndef MEMHEAP_COMPONENTS_MEMPOOL_THREAD_OPS_H
#define MEMHEAP_COMPONENTS_MEMPOOL_THREAD_OPS_H

#include "components/mempool/mempool.h"

/** What several threads may call, and what this takes; see shared.c. */
extern const memheap_thread_ops_t mempool_thread_ops;
void mempool_threads_open(mempool_t *p);

#endif
