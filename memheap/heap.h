/*
 * The interface of a heap to the layers above, beyond memheap.h: a heap over a
 * region of theirs, and calls in two phases, so that PEs can agree on the
 * outcome in between.
 */
#ifndef MEMHEAP_HEAP_H
#define MEMHEAP_HEAP_H

#include "memheap/batch.h"
#include "memheap/blocks.h"
#include "memheap/properties.h"
#include "memheap/resize.h"
#include "memheap/debug/access.h"
#include "base/framework.h"
#include "base/region.h"

#include <memheap/memheap.h>

/** Flags of a heap in addition to those of memheap.h. */
enum {
    /** One of the equal heaps of a job. The job reports on them. */
    MEMHEAP_JOB_HEAP = 1 << 16,
    /** The heap of the job whose calls are traced. */
    MEMHEAP_JOB_LEADER = 1 << 17,
    /** Export statistics unless MEMHEAP_TOP is none. A call of such a heap
     *  waits for other PEs, which takes much longer than the export. */
    MEMHEAP_STATS_EXPORTED = 1 << 18,
    /** Put a redzone behind each block, for a sanitizer in this process or in
     *  another one of the job, unless MEMHEAP_CHECKERS is 0. */
    MEMHEAP_REDZONES = 1 << 19
};

/**
 * As memheap_create(), over a region.
 *
 * @param region  copied; the heap owns it if the call succeeds
 * @param config  base, size and max_size are ignored
 */
memheap_status_t memheap_create_over(const memheap_region_t *region,
                                     const memheap_config_t *config,
                                     memheap_t **heap_p);

/** Destroy a heap, whatever stands on it. For a layer that has checked. */
void memheap_end(memheap_t *heap);

/** Tell which PE of the job has this heap, for exported statistics. */
void memheap_set_pe(memheap_t *heap, int pe, int pes);

/** Export what the PE of the heap waits for: a text, and times of
 *  CLOCK_MONOTONIC. A wait that is not renewed has ended. Takes no lock. */
void memheap_publish_wait(memheap_t *heap, const char *text, uint64_t since_ns,
                          uint64_t renewed_ns);

/** Check accesses through these windows as those to the heap. Before the first
 *  block is allocated. */
void memheap_set_peer_windows(memheap_t *heap,
                              const memheap_peer_windows_t *windows);

/** Keep all pages from now on: a network has registered them. */
void memheap_pin_pages(memheap_t *heap);

/** Back memory up to an offset with huge pages, in blocks or not: a network is
 *  about to pin it, which takes memory for all of it. */
void memheap_back_pinned(memheap_t *heap, size_t end);

/** Normalize: afterwards placement depends only on the set of live blocks. */
void memheap_normalize(memheap_t *heap);

#endif
