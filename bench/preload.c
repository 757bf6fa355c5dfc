/*
 * malloc and the like over the public calls of one heap, to run programs of the
 * system with it:
 *
 *     LD_PRELOAD=build/bench/preload.so MEMHEAP_COMPONENT=mempool PROGRAM
 *
 * The first call creates the heap, which is never destroyed. Until the heap
 * exists, calls of libmemheap and of other threads take blocks from a buffer.
 * Those are not freed.
 */
#include <memheap/memheap.h>

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    ALIGN = 16,
    PAGE = 4096,
    BUFFER = 1 << 16
};

/* Stands before each block of the buffer. */
typedef struct early {
    _Alignas(ALIGN) size_t size;
} early_t;

static _Alignas(PAGE) char buffer[BUFFER];
static _Atomic size_t buffer_used;
static _Atomic(memheap_t *) heap;
static atomic_flag created = ATOMIC_FLAG_INIT;

/* Returns NULL while another call creates the heap. */
static __attribute__((noinline)) memheap_t *create_heap(void)
{
    memheap_config_t config = {.name = "malloc"};
    memheap_t *made;
    if (atomic_flag_test_and_set(&created))
        return atomic_load(&heap);
    if (memheap_create(&config, &made) != MEMHEAP_OK)
        abort();
    atomic_store(&heap, made);
    return made;
}

static inline memheap_t *get_heap(void)
{
    memheap_t *found = atomic_load_explicit(&heap, memory_order_acquire);
    return __builtin_expect(found != NULL, 1) ? found : create_heap();
}

static bool is_early(const void *block)
{
    return (uintptr_t)block - (uintptr_t)buffer < sizeof(buffer);
}

static size_t early_size(const void *block)
{
    return ((const early_t *)block)[-1].size;
}

/* Its contents are zero. */
static void *early_alloc(size_t align, size_t size)
{
    size_t needed = sizeof(early_t) + align + size;
    if (needed < size || needed > sizeof(buffer))
        abort();
    needed = (needed + ALIGN - 1) / ALIGN * ALIGN;
    size_t at = atomic_fetch_add(&buffer_used, needed);
    if (at + needed > sizeof(buffer))
        abort();
    char *first = buffer + at + sizeof(early_t);
    void *block = first + (-(uintptr_t)first & (align - 1));
    ((early_t *)block)[-1].size = size;
    return block;
}

static void *no_memory(int error)
{
    errno = error;
    return NULL;
}

static void *allocate(size_t align, size_t size)
{
    memheap_t *in = get_heap();
    void *block;
    size += size == 0;
    if (__builtin_expect(in == NULL, 0))
        return early_alloc(align, size);
    memheap_status_t status =
        align == ALIGN ? memheap_alloc(in, size, &block)
                       : memheap_alloc_aligned(in, align, size, &block);
    if (__builtin_expect(status == MEMHEAP_OK, 1))
        return block;
    return no_memory(status == MEMHEAP_ERR_BAD_ARGUMENT ? EINVAL : ENOMEM);
}

void *malloc(size_t size)
{
    return allocate(ALIGN, size);
}

void free(void *block)
{
    if (block == NULL || is_early(block))
        return;
    if (memheap_free(get_heap(), block) != MEMHEAP_OK)
        abort();
}

void *calloc(size_t count, size_t size)
{
    memheap_t *in = get_heap();
    void *block;
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return no_memory(ENOMEM);
    total += total == 0;
    if (in == NULL)
        return early_alloc(ALIGN, total);
    return memheap_alloc_zeroed(in, 1, total, &block) == MEMHEAP_OK
               ? block
               : no_memory(ENOMEM);
}

void *realloc(void *block, size_t size)
{
    if (block == NULL)
        return malloc(size);
    if (size == 0) {
        free(block);
        return NULL;
    }
    if (is_early(block)) {
        size_t old_size = early_size(block);
        void *moved = malloc(size);
        return moved == NULL
                   ? NULL
                   : memcpy(moved, block, old_size < size ? old_size : size);
    }
    return memheap_resize(get_heap(), block, size, &block) == MEMHEAP_OK
               ? block
               : no_memory(ENOMEM);
}

int posix_memalign(void **block_p, size_t align, size_t size)
{
    int error = errno;
    if (align < sizeof(void *) || (align & (align - 1)) != 0)
        return EINVAL;
    void *block = allocate(align < ALIGN ? ALIGN : align, size);
    errno = error;
    if (block == NULL)
        return ENOMEM;
    *block_p = block;
    return 0;
}

void *memalign(size_t align, size_t size)
{
    return allocate(align < ALIGN ? ALIGN : align, size);
}

void *aligned_alloc(size_t align, size_t size)
{
    return memalign(align, size);
}

void *valloc(size_t size)
{
    return allocate(PAGE, size);
}

void *pvalloc(size_t size)
{
    if (size > SIZE_MAX - PAGE)
        return no_memory(ENOMEM);
    size += size == 0;
    return allocate(PAGE, (size + PAGE - 1) & ~(size_t)(PAGE - 1));
}

size_t malloc_usable_size(void *block)
{
    size_t size = 0;
    if (block == NULL)
        return 0;
    if (is_early(block))
        return early_size(block);
    if (memheap_usable_size(get_heap(), block, &size) != MEMHEAP_OK)
        abort();
    return size;
}
