/* A block on the NUMA node of this thread. */
#include <memheap/placement.h>
#include <stdio.h>

int main(void)
{
    memheap_numa_heaps_t *heaps;
    if (memheap_numa_heaps_create(NULL, &heaps) != MEMHEAP_OK)
        return 1;
    memheap_proximity_t *near = memheap_numa_heaps_local(heaps);
    void *block;
    size_t source;
    memheap_status_t status =
        memheap_placement_alloc(near, 64, 4096, MEMHEAP_REACH_PE, &block);
    if (status == MEMHEAP_OK)
        status = memheap_placement_query(near, block, NULL, &source);
    if (status == MEMHEAP_OK)
        printf("the block lies on node %d, which is the nearest but %zu\n",
               memheap_proximity_source(near, source)->node, source);
    if (status == MEMHEAP_OK)
        status = memheap_placement_free(near, block);
    if (status != MEMHEAP_OK)
        fprintf(stderr, "%s\n", memheap_status_string(status));
    memheap_numa_heaps_destroy(heaps);
    return status == MEMHEAP_OK ? 0 : 1;
}
