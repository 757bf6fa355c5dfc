/*
 * An allocator that only counts its calls. Its time is that of the replay
 * harness.
 */
#include <stddef.h>
#include <stdint.h>

int arena_init(void *base, size_t size);
void *arena_alloc(size_t size, size_t align);
void *arena_realloc(void *block, size_t size);
void arena_free(void *block);

static uintptr_t number;

int arena_init(void *base, size_t size)
{
    (void)size;
    number = (uintptr_t)base;
    return 0;
}

void *arena_alloc(size_t size, size_t align)
{
    (void)size;
    (void)align;
    return (void *)++number;
}

void *arena_realloc(void *block, size_t size)
{
    (void)size;
    return block;
}

void arena_free(void *block)
{
    (void)block;
}
