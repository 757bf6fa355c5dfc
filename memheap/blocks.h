/*
 * Calls for single blocks, for the layers above.
 */
#ifndef MEMHEAP_BLOCKS_H
#define MEMHEAP_BLOCKS_H

#include <memheap/memheap.h>

/** As memheap_usable_size(), without a message. */
memheap_status_t memheap_find_block(memheap_t *heap, const void *block,
                                    size_t *size_p);

/** As memheap_free() of a block that is not NULL, without a message. */
memheap_status_t memheap_release(memheap_t *heap, const void *block);

/** Roll back the allocations of one call that another PE could not make. They
 *  count as one failed call. */
void memheap_roll_back(memheap_t *heap, void *const *blocks, size_t count);

#endif
