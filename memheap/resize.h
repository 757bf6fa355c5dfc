/*
 * A resize in two phases, so that PEs can agree on the outcome in between.
 */
#ifndef MEMHEAP_RESIZE_H
#define MEMHEAP_RESIZE_H

#include <memheap/memheap.h>

typedef enum memheap_resize_kind {
    MEMHEAP_RESIZE_IN_PLACE,
    MEMHEAP_RESIZE_BESIDE, /* old and new block are both live until the end */
    MEMHEAP_RESIZE_OVER    /* the new block overlaps the old one */
} memheap_resize_kind_t;

/** A resize between its two phases. Offsets and sizes are in bytes. */
typedef struct memheap_pending_resize {
    memheap_resize_kind_t kind;
    size_t old_offset;
    size_t old_size;
    size_t old_peak; /* of the heap */
    size_t new_offset;
    size_t asked;
    bool with_headroom; /* the new place has headroom, or was to have it */
} memheap_pending_resize_t;

/**
 * First phase: do all of a resize that can fail. Afterwards the new block is
 * complete, and the old contents still exist. Statuses are those of
 * memheap_resize(), without a message; on failure nothing has changed. No other
 * call of the heap may come before memheap_resize_end().
 *
 * @param headroom  give a block that moves headroom to grow on. If that fails
 *                  on a PE for lack of memory, pending->with_headroom is true
 *                  on all PEs, and they may try again without it
 */
memheap_status_t memheap_resize_begin(memheap_t *heap, const void *block,
                                      size_t size, bool headroom,
                                      memheap_pending_resize_t *pending);

/** Second phase: commit or undo the resize. Cannot fail.
 *  @return the block that is live now */
void *memheap_resize_end(memheap_t *heap,
                         const memheap_pending_resize_t *pending, bool commit);

#endif
