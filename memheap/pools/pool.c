/*
 * A heap as a pool.
 */
#include "config.h"

#include "memheap/heap_state.h"
#include <memheap/pool.h>

static memheap_status_t pop(void *state, size_t align, size_t size,
                            void **block_p)
{
    return memheap_alloc_aligned(state, align, size, block_p);
}

static memheap_status_t push(void *state, void *block)
{
    return memheap_free(state, block);
}

static memheap_status_t getsize(void *state, const void *block, size_t *size_p)
{
    return memheap_find_block(state, block, size_p);
}

memheap_pool_t memheap_heap_as_pool(memheap_t *heap)
{
    return (memheap_pool_t){.pop = pop,
                            .push = push,
                            .getsize = getsize,
                            .state = heap,
                            .dependents = &heap->dependents};
}
