/*
 * Requests lists of blocks and call sites from running heaps
 * (memheap/debug/stats_page.h).
 *
 * The lock on the file of the stats page lets only one reader at a time request
 * a list from a heap. A list is untrusted input, as the page is.
 */
#ifndef MEMHEAP_TOOLS_COMMON_LISTING_H
#define MEMHEAP_TOOLS_COMMON_LISTING_H

#include "tools/common/live.h"

/** A list. */
typedef struct listing {
    memheap_stats_t stats;
    memheap_stats_block_t *blocks; /* live and free ones, by offset */
    size_t count;
    char (*tags)[MEMHEAP_TAG_SIZE]; /* without control characters */
    size_t tag_count;               /* 0: the heap keeps no records */
    memheap_stats_site_t *sites;    /* place.text is terminated */
    size_t site_count;
} listing_t;

void listing_free(listing_t *listing);

/** Request a list, unless another reader has the lock. */
void listing_ask(live_heap_t *heap, memheap_stats_kind_t kind);

/** Whether the list is there. Reads the page. */
bool listing_is_there(live_heap_t *heap);

/**
 * Copy the list that is there.
 *
 * @param listing  needs listing_free() in any case
 * @return 0 or an error number; EBADMSG if the list is damaged
 */
int listing_take(live_heap_t *heap, listing_t *listing);

/** Withdraw a request that was not answered, and unlock the heap. */
void listing_end(live_heap_t *heap);

#endif
