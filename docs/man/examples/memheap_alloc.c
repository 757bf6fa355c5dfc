/* Blocks one by one, and in a batch. */
#include <memheap/memheap.h>
#include <stdio.h>

int main(void)
{
    memheap_config_t config = {.size = 64 << 20};
    memheap_t *heap;
    if (memheap_create(&config, &heap) != MEMHEAP_OK)
        return 1;

    void *page;
    void *table;
    memheap_status_t status = memheap_alloc_aligned(heap, 4096, 4096, &page);
    if (status == MEMHEAP_OK)
        status = memheap_alloc_zeroed(heap, 100, sizeof(double), &table);
    if (status == MEMHEAP_OK)
        status = memheap_resize(heap, table, 200 * sizeof(double), &table);

    size_t sizes[] = {100, 200, 300};
    void *parts[3];
    if (status == MEMHEAP_OK)
        status = memheap_alloc_batch(heap, 3, 64, sizes, parts);
    if (status == MEMHEAP_OK)
        status = memheap_free_batch(heap, 3, parts);
    if (status != MEMHEAP_OK)
        fprintf(stderr, "%s\n", memheap_status_string(status));
    double *numbers = memheap_malloc(heap, 100 * sizeof(double));
    if (numbers != NULL)
        memheap_free(heap, numbers);
    memheap_destroy(heap);
    return status == MEMHEAP_OK ? 0 : 1;
}
