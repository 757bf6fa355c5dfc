/* A solver whose blocks are freed by one call. */
#include <memheap/context.h>
#include <stdio.h>

int main(void)
{
    memheap_config_t config = {.size = 64 << 20};
    memheap_t *heap;
    if (memheap_create(&config, &heap) != MEMHEAP_OK)
        return 1;
    memheap_pool_t pool = memheap_heap_as_pool(heap);
    memheap_context_config_t solver_config = {.name = "solver", .pool = &pool};
    memheap_context_t *solver;
    if (memheap_context_create(&solver_config, &solver) != MEMHEAP_OK)
        return 1;

    void *vector;
    memheap_block_info_t info = {.size = 1 << 20, .align = 4096, .tag = 7};
    memheap_status_t status = memheap_context_alloc(solver, 800, &vector);
    if (status == MEMHEAP_OK)
        status = memheap_context_alloc_info(solver, &info);
    if (status == MEMHEAP_OK)
        status = memheap_context_get_info(solver, vector, &info);
    if (status == MEMHEAP_OK)
        printf("%zu bytes at a multiple of %zu\n", info.size, info.align);
    if (status == MEMHEAP_OK)
        status = memheap_context_destroy(solver); /* frees both */
    memheap_destroy(heap);
    return status == MEMHEAP_OK ? 0 : 1;
}
