/*
 * An allocator that does little work per call, as an upper bound of speed.
 *
 * There are eight size classes between two powers of two. A freed block goes to
 * the free list of its class. An allocation takes a block only from the free
 * list of its own class, or else from the unused end of the range. Blocks are
 * never split or coalesced. A header in front of each block holds the start of
 * the block's memory and its class.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int arena_init(void *base, size_t size);
void *arena_alloc(size_t size, size_t align);
void *arena_realloc(void *block, size_t size);
void arena_free(void *block);

enum {
    STEP_ORDER = 3,
    STEPS = 1 << STEP_ORDER,
    CLASSES = 64 * STEPS
};

/* Precedes each block. The memory of a free block starts with a pointer to the
 * next free block of its class. */
typedef struct header {
    char *memory;
    size_t class;
} header_t;

static char *unused;
static char *end;
static char *lists[CLASSES];

/* Return the smallest class with blocks of at least size bytes, and set
 * *rounded_p to its block size. Up to 128 bytes, classes are multiples of 16.
 */
static size_t class_of(size_t size, size_t *rounded_p)
{
    size_t last = (size - 1) | 15;
    if (last < 16 * STEPS) {
        *rounded_p = last + 1;
        return last / 16;
    }
    unsigned order = 63 - (unsigned)__builtin_clzl(last);
    unsigned shift = order - STEP_ORDER;
    *rounded_p = ((last >> shift) + 1) << shift;
    return (size_t)order * STEPS + (last >> shift) % STEPS;
}

static size_t size_of(size_t class)
{
    if (class < STEPS)
        return (class + 1) * 16;
    return (class % STEPS + STEPS + 1) << (class / STEPS - STEP_ORDER);
}

int arena_init(void *base, size_t size)
{
    unused = base;
    end = unused + size;
    return 0;
}

void *arena_alloc(size_t size, size_t align)
{
    size_t rounded;
    size_t class = class_of(size + (align > 16 ? align : 0), &rounded);
    char *memory = lists[class];
    if (memory != NULL) {
        memcpy(&lists[class], memory + sizeof(header_t), sizeof(char *));
    } else {
        rounded += sizeof(header_t);
        if ((size_t)(end - unused) < rounded)
            return NULL;
        memory = unused;
        unused += rounded;
    }
    char *block = memory + sizeof(header_t);
    if (align > 16)
        block += -(uintptr_t)block & (align - 1);
    header_t *header = (header_t *)(void *)block - 1;
    header->memory = memory;
    header->class = class;
    return block;
}

void arena_free(void *block)
{
    const header_t *header = (header_t *)block - 1;
    char *memory = header->memory;
    char **list = &lists[header->class];
    memcpy(memory + sizeof(header_t), list, sizeof(char *));
    *list = memory;
}

/* The block stays in place if it is large enough, and not larger than about
 * twice the size. */
void *arena_realloc(void *block, size_t size)
{
    const header_t *header = (header_t *)block - 1;
    size_t room = size_of(header->class) + sizeof(header_t) -
                  (size_t)((char *)block - header->memory);
    if (size <= room && room / 2 <= size)
        return block;
    void *moved = arena_alloc(size, 16);
    if (moved == NULL)
        return NULL;
    memcpy(moved, block, room < size ? room : size);
    arena_free(block);
    return moved;
}
