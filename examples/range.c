/*
 * A heap over the program's own range of memory, without MPI. A runtime may do
 * this with device memory, with a segment that threads share, or with pages
 * pinned for a network card. memheap stores no metadata in the range.
 *
 *     cc range.c $(pkg-config --cflags --libs memheap) -o range
 *     ./range
 */
#include <memheap/memheap.h>

#include <stdio.h>
#include <stdlib.h>

static bool show(void *context, const memheap_block_t *block)
{
    (void)context;
    printf("  %p  %8zu bytes  %s\n", block->address, block->size,
           block->live ? "in use" : "free");
    return true;
}

int main(void)
{
    size_t size = 1000000;
    void *range = aligned_alloc(4096, 1003520);
    memheap_config_t config = {.name = "range", .base = range, .size = size};
    memheap_t *heap;
    if (range == NULL || memheap_create(&config, &heap) != MEMHEAP_OK)
        return EXIT_FAILURE;

    void *small;
    void *aligned;
    void *grown;
    memheap_status_t status = memheap_alloc(heap, 100, &small);
    if (status == MEMHEAP_OK)
        status = memheap_alloc_aligned(heap, 4096, 10000, &aligned);
    if (status == MEMHEAP_OK)
        status = memheap_alloc_zeroed(heap, 1000, 8, &grown);
    if (status == MEMHEAP_OK)
        status = memheap_resize(heap, grown, 400000, &grown);
    if (status != MEMHEAP_OK) {
        fprintf(stderr, "%s\n", memheap_status_string(status));
        return EXIT_FAILURE;
    }
    memheap_free(heap, small);

    /* A wrong call returns an error, and does not damage the heap. */
    if (memheap_free(heap, (char *)grown + 16) != MEMHEAP_ERR_BAD_ADDRESS)
        return EXIT_FAILURE;

    memheap_stats_t stats;
    memheap_get_stats(heap, &stats);
    printf("component %s: %zu of %zu bytes in %zu blocks, %zu bytes kept "
           "about them\n",
           memheap_component_name(heap), stats.used, stats.size,
           stats.live_blocks, stats.metadata);
    memheap_walk(heap, show, NULL);
    memheap_destroy(heap);
    free(range);
    return EXIT_SUCCESS;
}
