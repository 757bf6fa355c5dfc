/*
 * Include this in a source file, and reports name the file and line of its
 * calls of the symmetric heap; without it, they name what the stack tells.
 */
#ifndef MEMHEAP_SHMEM_SHMEMX_SITES_H
#define MEMHEAP_SHMEM_SHMEMX_SITES_H

#include <shmem.h>
#include <shmemx.h>

/** A call that returns a block, and one that returns a number or nothing, said
 *  to come from here. */
#define SHMEMX_AT(call) (shmemx_at(__FILE__, __LINE__), shmemx_at_end(call))
#define SHMEMX_INT_AT(call)                                                    \
    (shmemx_at(__FILE__, __LINE__), shmemx_int_at_end(call))
#define SHMEMX_VOID_AT(call)                                                   \
    (shmemx_at(__FILE__, __LINE__), call, shmemx_at(NULL, 0))

static inline void *shmemx_at_end(void *block)
{
    shmemx_at(NULL, 0);
    return block;
}

static inline int shmemx_int_at_end(int result)
{
    shmemx_at(NULL, 0);
    return result;
}

#define shmem_malloc(...) SHMEMX_AT(shmem_malloc(__VA_ARGS__))
#define shmem_malloc_with_hints(...)                                           \
    SHMEMX_AT(shmem_malloc_with_hints(__VA_ARGS__))
#define shmem_calloc(...) SHMEMX_AT(shmem_calloc(__VA_ARGS__))
#define shmem_align(...) SHMEMX_AT(shmem_align(__VA_ARGS__))
#define shmem_realloc(...) SHMEMX_AT(shmem_realloc(__VA_ARGS__))
#define shmem_free(...) SHMEMX_VOID_AT(shmem_free(__VA_ARGS__))
#define shmalloc(...) SHMEMX_AT(shmalloc(__VA_ARGS__))
#define shmemalign(...) SHMEMX_AT(shmemalign(__VA_ARGS__))
#define shrealloc(...) SHMEMX_AT(shrealloc(__VA_ARGS__))
#define shfree(...) SHMEMX_VOID_AT(shfree(__VA_ARGS__))
#define shmemx_malloc_batch(...) SHMEMX_INT_AT(shmemx_malloc_batch(__VA_ARGS__))
#define shmemx_free_batch(...) SHMEMX_INT_AT(shmemx_free_batch(__VA_ARGS__))

#endif
