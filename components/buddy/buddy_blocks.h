/*
 * Free blocks and the top of a buddy module. All positions and lengths are in
 * granules. The caller has ensured the metadata unless a status is returned.
 */
#ifndef MEMHEAP_COMPONENTS_BUDDY_BUDDY_BLOCKS_H
#define MEMHEAP_COMPONENTS_BUDDY_BUDDY_BLOCKS_H

#include "components/buddy/buddy_state.h"

/** Update the limit of the cache. Called after the top or the region's end
 *  moved. */
void buddy_update_cache_limit(buddy_t *b);

/** Set the top. */
void buddy_set_top(buddy_t *b, uint64_t top);

/** Raise the top and make free blocks of the space it passes. They need no
 *  joining, because no free block ends at the top. */
void buddy_advance_top(buddy_t *b, uint64_t target);

/** Release a range of any length, block by block; join each block with its
 *  free buddies. */
void buddy_release(buddy_t *b, uint64_t start, uint64_t length);

/** Split a block that is no longer free down to order `target`. Keep the part
 *  that contains `granule` and return it; the rest becomes free blocks. */
uint64_t buddy_split(buddy_t *b, uint64_t block, unsigned order,
                     unsigned target, uint64_t granule);

/** Take a free block of an order, aligned to another. Returns false if there
 *  is none. */
bool buddy_take_free(buddy_t *b, unsigned order, unsigned align_order,
                     uint64_t *start_p);

/** Take a block of an order from above the top. It may be truncated at the
 *  region's end, but not below `size` bytes. MEMHEAP_ERR_NO_MEMORY,
 *  MEMHEAP_ERR_NO_METADATA. */
memheap_status_t buddy_take_above_top(buddy_t *b, unsigned order,
                                      unsigned align_order, size_t size,
                                      uint64_t *start_p, uint64_t *length_p);

/** Extend a live block to order `target`, at least to `size` bytes. Every
 *  buddy on the way must be free, or lie above the top. MEMHEAP_ERR_NO_MEMORY,
 *  MEMHEAP_ERR_NO_METADATA. */
memheap_status_t buddy_extend(buddy_t *b, uint64_t start, uint64_t length,
                              unsigned target, size_t size);

/** The order of the free block that contains `granule` and has at least
 * `order`, or ORDERS if there is none. */
unsigned buddy_order_around(const buddy_t *b, uint64_t granule, unsigned order);

/** Take exactly this range out of the free blocks that cover it: a block that
 *  was truncated before the region grew may have any length. No free block
 *  contains `start` and begins before it. Returns false if a part is not free.
 */
bool buddy_take_range(buddy_t *b, uint64_t start, uint64_t end);

/** Remove a block from the free ones. The block map does not change. */
void buddy_remove_free(buddy_t *b, uint64_t start, unsigned order);

#endif
