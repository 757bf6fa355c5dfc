/*
 * Allocation at any alignment.
 *
 * A heap over the caller's range aligns offsets, so it serves alignments up to
 * that of its base. dlmalloc and OpenSHMEM know no such limit.
 */
#ifndef MEMHEAP_ADAPTERS_COMMON_ALIGN_H
#define MEMHEAP_ADAPTERS_COMMON_ALIGN_H

#include <memheap/memheap.h>

/** As memheap_alloc_aligned(). If the alignment exceeds that of the base, take
 * the first free place that fits: equal on all PEs whose bases have that
 * alignment in common. The time then grows with the number of blocks. */
memheap_status_t adapter_alloc_aligned(memheap_t *heap, size_t align,
                                       size_t size, void **block_p);

#endif
