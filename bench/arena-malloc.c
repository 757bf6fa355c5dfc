/*
 * Connects a trace replay to malloc: that of libc, or of the library that
 * LD_PRELOAD names. It is not limited to a range.
 */
#include <stddef.h>
#include <stdlib.h>

extern const int arena_unbounded;
int arena_init(void *base, size_t size);
void *arena_alloc(size_t size, size_t align);
void *arena_realloc(void *block, size_t size);
void arena_free(void *block);

const int arena_unbounded = 1;

int arena_init(void *base, size_t size)
{
    (void)base;
    (void)size;
    return 0;
}

void *arena_alloc(size_t size, size_t align)
{
    void *block;
    if (align <= 16)
        return malloc(size);
    return posix_memalign(&block, align, size) == 0 ? block : NULL;
}

void *arena_realloc(void *block, size_t size)
{
    return realloc(block, size);
}

void arena_free(void *block)
{
    free(block);
}
