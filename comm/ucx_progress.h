/*
 * The progress thread of the UCX transport.
 */
#ifndef MEMHEAP_COMM_UCX_PROGRESS_H
#define MEMHEAP_COMM_UCX_PROGRESS_H

#include "comm/ucx.h"

/** Start the thread. @return false if it cannot be started */
bool memheap_ucx_progress_start(memheap_transport_t *t);

/** End the thread, if there is one. */
void memheap_ucx_progress_stop(memheap_transport_t *t);

#endif
