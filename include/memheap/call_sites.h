/*
 * Include this header in a source file, and reports name the file and line of
 * its calls; see memheap_at(). Without it, they name what the stack shows.
 */
#ifndef MEMHEAP_CALL_SITES_H
#define MEMHEAP_CALL_SITES_H

#include "memheap.h"

/** Make a call with this call site: one that returns a status, or a block. */
#define MEMHEAP_AT(call) (memheap_at(__FILE__, __LINE__), memheap_at_end(call))
#define MEMHEAP_BLOCK_AT(call)                                                 \
    (memheap_at(__FILE__, __LINE__), memheap_block_at_end(call))

static inline memheap_status_t memheap_at_end(memheap_status_t status)
{
    memheap_at(NULL, 0);
    return status;
}

static inline void *memheap_block_at_end(void *block)
{
    memheap_at(NULL, 0);
    return block;
}

#define memheap_alloc(...) MEMHEAP_AT(memheap_alloc(__VA_ARGS__))
#define memheap_alloc_aligned(...)                                             \
    MEMHEAP_AT(memheap_alloc_aligned(__VA_ARGS__))
#define memheap_alloc_zeroed(...) MEMHEAP_AT(memheap_alloc_zeroed(__VA_ARGS__))
#define memheap_alloc_batch(...) MEMHEAP_AT(memheap_alloc_batch(__VA_ARGS__))
#define memheap_resize(...) MEMHEAP_AT(memheap_resize(__VA_ARGS__))
#define memheap_free(...) MEMHEAP_AT(memheap_free(__VA_ARGS__))
#define memheap_free_batch(...) MEMHEAP_AT(memheap_free_batch(__VA_ARGS__))
#define memheap_malloc(...) MEMHEAP_BLOCK_AT(memheap_malloc(__VA_ARGS__))
#define memheap_calloc(...) MEMHEAP_BLOCK_AT(memheap_calloc(__VA_ARGS__))
#define memheap_aligned_alloc(...)                                             \
    MEMHEAP_BLOCK_AT(memheap_aligned_alloc(__VA_ARGS__))
#define memheap_realloc(...) MEMHEAP_BLOCK_AT(memheap_realloc(__VA_ARGS__))

#endif
