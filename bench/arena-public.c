/*
 * Connects a trace replay to the public calls of a heap that threads may use.
 * MEMHEAP_COMPONENT chooses the component. The heap reserves a range of its
 * own, which is as long as the one that the replay offers. So the figures have
 * all that belongs to a call: checks, lock, and committing memory.
 */
#include <memheap/memheap.h>

#include <stddef.h>

extern const int arena_unbounded;
int arena_init(void *base, size_t size);
void *arena_alloc(size_t size, size_t align);
void *arena_realloc(void *block, size_t size);
void arena_free(void *block);

/* The blocks do not lie in the replay's range. */
const int arena_unbounded = 1;

static memheap_t *heap;

int arena_init(void *base, size_t size)
{
    (void)base;
    memheap_config_t config = {.size = size};
    return memheap_create(&config, &heap);
}

void *arena_alloc(size_t size, size_t align)
{
    void *block;
    memheap_status_t status =
        align <= 16 ? memheap_alloc(heap, size, &block)
                    : memheap_alloc_aligned(heap, align, size, &block);
    return status == MEMHEAP_OK ? block : NULL;
}

void *arena_realloc(void *block, size_t size)
{
    return memheap_resize(heap, block, size, &block) == MEMHEAP_OK ? block
                                                                   : NULL;
}

void arena_free(void *block)
{
    if (memheap_free(heap, block) != MEMHEAP_OK)
        __builtin_trap();
}
