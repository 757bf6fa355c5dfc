/*
 * Allocation at any alignment (align.h).
 */
#include "adapters/common/align.h"

/* A search for free space, as memheap_walk() visits it. */
typedef struct search {
    uintptr_t align;
    size_t size;
    uintptr_t from;  /* look at no place before */
    uintptr_t place; /* the result; 0: none */
} search_t;

static bool fits(void *context, const memheap_block_t *block)
{
    search_t *search = context;
    uintptr_t first = (uintptr_t)block->address;
    uintptr_t end = first + block->size;
    if (first < search->from)
        first = search->from;
    uintptr_t place = (first + search->align - 1) & ~(search->align - 1);
    if (block->live || place < first || place >= end ||
        search->size > end - place)
        return true;
    search->place = place;
    return false;
}

/* If another thread takes a place first, look behind it. */
static memheap_status_t alloc_first_fit(memheap_t *heap, size_t align,
                                        size_t size, void **block_p)
{
    search_t search = {.align = align, .size = size};
    memheap_status_t status;
    do {
        search.place = 0;
        memheap_walk(heap, fits, &search);
        if (search.place == 0)
            return MEMHEAP_ERR_NO_MEMORY;
        search.from = search.place + align;
        status = memheap_reserve(heap, (void *)search.place, size);
    } while (status == MEMHEAP_ERR_BUSY);
    if (status == MEMHEAP_OK)
        *block_p = (void *)search.place;
    return status;
}

memheap_status_t adapter_alloc_aligned(memheap_t *heap, size_t align,
                                       size_t size, void **block_p)
{
    memheap_status_t status = memheap_alloc_aligned(heap, align, size, block_p);
    bool is_valid = size > 0 && align > 0 && (align & (align - 1)) == 0;
    return status == MEMHEAP_ERR_BAD_ARGUMENT && is_valid
               ? alloc_first_fit(heap, align, size, block_p)
               : status;
}
