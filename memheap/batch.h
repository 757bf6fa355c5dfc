/*
 * Calls for several blocks, for the layers above.
 */
#ifndef MEMHEAP_BATCH_H
#define MEMHEAP_BATCH_H

#include <memheap/memheap.h>

/** Whether memheap_free_batch() would succeed, without a message.
 *  @param bad_p  takes an address that is no live block or appears twice */
memheap_status_t memheap_find_batch(memheap_t *heap, size_t count,
                                    void *const *blocks, const void **bad_p);

#endif
