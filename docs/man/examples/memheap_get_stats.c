/* A look at a heap that grows. */
#include <memheap/memheap.h>
#include <stdio.h>

static _Alignas(4096) char range[1 << 20];

static bool show(void *context, const memheap_block_t *block)
{
    (void)context;
    printf("%p %zu %s\n", block->address, block->size,
           block->live ? "live" : "free");
    return true;
}

int main(void)
{
    memheap_config_t config = {
        .base = range, .size = 1 << 16, .max_size = sizeof(range)};
    memheap_t *heap;
    void *block;
    if (memheap_create(&config, &heap) != MEMHEAP_OK ||
        memheap_alloc(heap, 1000, &block) != MEMHEAP_OK ||
        memheap_grow(heap, sizeof(range)) != MEMHEAP_OK)
        return 1;
    memheap_walk(heap, show, NULL);

    memheap_stats_t stats;
    memheap_get_stats(heap, &stats);
    printf("%zu of %zu bytes in %zu blocks\n", stats.used, stats.size,
           stats.live_blocks);

    char text[200];
    puts(memheap_describe(heap, (char *)block + 8, text, sizeof(text)));
    memheap_status_t status = memheap_check(heap);
    memheap_destroy(heap);
    return status == MEMHEAP_OK ? 0 : 1;
}
