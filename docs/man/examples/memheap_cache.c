/* A cache of the nodes of a tree. */
#include <memheap/cache.h>
#include <stdio.h>

typedef struct node {
    struct node *left, *right;
    double key;
} node_t;

int main(void)
{
    memheap_config_t config = {.size = 64 << 20};
    memheap_t *heap;
    if (memheap_create(&config, &heap) != MEMHEAP_OK)
        return 1;
    memheap_pool_t pool = memheap_heap_as_pool(heap);
    memheap_cache_config_t nodes_config = {
        .name = "nodes", .item_size = sizeof(node_t), .pool = &pool};
    memheap_cache_t *nodes;
    if (memheap_cache_create(&nodes_config, &nodes) != MEMHEAP_OK)
        return 1;

    void *root;
    void *leaves[100];
    memheap_cache_stats_t stats;
    memheap_status_t status = memheap_cache_alloc(nodes, &root);
    if (status == MEMHEAP_OK)
        status = memheap_cache_alloc_batch(nodes, 100, leaves);
    memheap_cache_get_stats(nodes, &stats);
    printf("%zu items of %zu bytes in %zu slab\n", stats.live, stats.item_size,
           stats.slabs);
    if (status == MEMHEAP_OK)
        status = memheap_cache_free(nodes, root);
    if (status == MEMHEAP_OK)
        status = memheap_cache_destroy(nodes);
    memheap_destroy(heap);
    return status == MEMHEAP_OK ? 0 : 1;
}
