/*
 * What is said of a PE or an address that a call cannot have.
 */
#include "config.h"

#include "shmem/access.h"

void memheap_wrong_pe(const char *call, shmem_ctx_t ctx, int pe)
{
    if (memheap_runtime.depth == 0)
        memheap_runtime_not_running(call);
    if (ctx == SHMEM_CTX_INVALID)
        memheap_runtime_error("%s: the context is SHMEM_CTX_INVALID", call);
    else
        memheap_runtime_error("%s: there is no PE %d; the %s has PEs 0 to %d",
                              call, pe,
                              ctx->team == SHMEM_TEAM_WORLD ? "job" : "team",
                              ctx->team->size - 1);
    memheap_runtime_abort();
}

void memheap_wrong_address(const char *call, const void *address, size_t size,
                           int pe)
{
    const memheap_segment_t *heap = &memheap_runtime.symmetric;
    const memheap_segment_t *variables = &memheap_runtime.variables;
    if (memheap_runtime.depth == 0)
        memheap_runtime_not_running(call);
    memheap_runtime_error(
        "%s: %p is no symmetric address of %zu bytes on PE %d: the heap lies "
        "from %p to %p, the program's variables from %p to %p",
        call, address, size, pe, (void *)heap->base,
        (void *)(heap->base + heap->reach), (void *)variables->base,
        (void *)(variables->base + variables->reach));
    memheap_runtime_abort();
}
