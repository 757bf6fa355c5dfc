/*
 * top
 */
#ifndef MEMHEAP_COMPONENTS_BUDDY_BUDDY_BLOCKS_H
#define MEMHEAP_COMPONENTS_BUDDY_BUDDY_BLOCKS_H

#include "components/buddy/buddy.h"

/** Let the limit of the stacks follow the top. */
void buddy_update_cache_limit(buddy_t *b);

/** doc */
void buddy_set_top(buddy_t *b, uint64_t top);

/** Cut [top, target) into free blocks, which needs no joining: the block
 * before the top is not free. */
void buddy_advance_top(buddy_t *b, uint64_t target);

/** Free what lies at a place, of any length, block by block. */
void buddy_release(buddy_t *b, uint64_t start, uint64_t length);

/** Cut a block that is no longer free down to the smaller order, around the
 * part that contains a place; the rest becomes free. Returns that part. */
uint64_t buddy_split(buddy_t *b, uint64_t block, unsigned order,
                     unsigned target, uint64_t place);

/** Take a block of an order from the free ones, at a multiple of another. */
bool buddy_take_free(buddy_t *b, unsigned order, unsigned align_order,
                     uint64_t *start_p);

/** Take a block of an order, or what of it the region has, but size bytes at
 * least, from behind the top. */
memheap_status_t buddy_take_above_top(buddy_t *b, unsigned order,
                                      unsigned align_order, size_t size,
                                      uint64_t *start_p, uint64_t *length_p);

/** Let a live block take in what lies behind it, up to an order. Every buddy on
 * the way must be free, or the top lie right behind. */
memheap_status_t buddy_extend(buddy_t *b, uint64_t start, uint64_t length,
                              unsigned target, size_t size);

/** The order of the free block that contains a place, of at least an order;
 * ORDERS if there is none. */
unsigned buddy_order_around(const buddy_t *b, uint64_t place, unsigned order);

/** Take a space of any length out of the free blocks that it lies in: it is
 * what a block had that was cut before the region grew. */
bool buddy_take_range(buddy_t *b, uint64_t start, uint64_t end);

/** Remove a free block; its map stay. */
void buddy_remove_free(buddy_t *b, uint64_t start, unsigned order);

#endif
