/*
 * Remote memory access: copies between this PE and another's heap.
 *
 * A symmetric address is this PE's own; the other PE's window has the same
 * bytes at the same distance from its start. Address and PE are checked on
 * each call, in every build: two comparisons.
 */
#include "config.h"

#include "shmem/runtime.h"
#include "base/util.h"

#include <pshmem.h>

#include <string.h>

static _Noreturn void wrong_pe(const char *call, int pe)
{
    if (memheap_runtime.depth == 0)
        memheap_runtime_not_running(call);
    memheap_runtime_error("%s: there is no PE %d; the job has PEs 0 to %d",
                          call, pe, memheap_runtime.job.size - 1);
    memheap_runtime_abort();
}

static _Noreturn void wrong_address(const char *call, const void *address,
                                    size_t size, int pe)
{
    const memheap_runtime_t *rt = &memheap_runtime;
    memheap_runtime_error(
        "%s: %p is no symmetric address of %zu bytes on PE %d: the heap lies "
        "from %p to %p",
        call, address, size, pe, (void *)rt->base,
        (void *)(rt->base + rt->reach));
    memheap_runtime_abort();
}

/* Where size bytes at a symmetric address lie on another PE. */
static char *remote(const char *call, const void *address, size_t size, int pe)
{
    const memheap_runtime_t *rt = &memheap_runtime;
    if (MEMHEAP_UNLIKELY(rt->depth == 0 || pe < 0 || pe >= rt->job.size))
        wrong_pe(call, pe);
    size_t offset = (size_t)((uintptr_t)address - (uintptr_t)rt->base);
    if (MEMHEAP_UNLIKELY(offset > rt->reach || size > rt->reach - offset))
        wrong_address(call, address, size, pe);
    return rt->windows.base + (size_t)pe * rt->windows.stride + offset;
}

static void put(const char *call, void *dest, const void *source, size_t size,
                int pe)
{
    if (size > 0)
        memmove(remote(call, dest, size, pe), source, size);
    else if (!pshmem_pe_accessible(pe))
        wrong_pe(call, pe);
}

static void get(const char *call, void *dest, const void *source, size_t size,
                int pe)
{
    if (size > 0)
        memmove(dest, remote(call, source, size, pe), size);
    else if (!pshmem_pe_accessible(pe))
        wrong_pe(call, pe);
}

void pshmem_putmem(void *dest, const void *source, size_t nelems, int pe)
{
    put("shmem_putmem", dest, source, nelems, pe);
}
MEMHEAP_PROFILED(void, shmem_putmem,
                 (void *dest, const void *source, size_t nelems, int pe));

void pshmem_getmem(void *dest, const void *source, size_t nelems, int pe)
{
    get("shmem_getmem", dest, source, nelems, pe);
}
MEMHEAP_PROFILED(void, shmem_getmem,
                 (void *dest, const void *source, size_t nelems, int pe));

void pshmem_putmem_nbi(void *dest, const void *source, size_t nelems, int pe)
{
    put("shmem_putmem_nbi", dest, source, nelems, pe);
}
MEMHEAP_PROFILED(void, shmem_putmem_nbi,
                 (void *dest, const void *source, size_t nelems, int pe));

void pshmem_getmem_nbi(void *dest, const void *source, size_t nelems, int pe)
{
    get("shmem_getmem_nbi", dest, source, nelems, pe);
}
MEMHEAP_PROFILED(void, shmem_getmem_nbi,
                 (void *dest, const void *source, size_t nelems, int pe));
