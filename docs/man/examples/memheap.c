/* A heap over memory of the program's own, with an allocator of its choice. */
#include <memheap/memheap.h>
#include <stdio.h>

static _Alignas(4096) char range[1 << 20];

int main(void)
{
    const char *params[] = {"MEMHEAP_BUDDY_PRIORITY=100", NULL};
    memheap_config_t config = {
        .name = "mine", .base = range, .size = sizeof(range), .params = params};
    memheap_t *heap;
    memheap_status_t status = memheap_create(&config, &heap);
    if (status != MEMHEAP_OK) {
        fprintf(stderr, "%s\n", memheap_status_string(status));
        return 1;
    }
    void *block;
    status = memheap_alloc(heap, 1000, &block);
    if (status == MEMHEAP_OK)
        printf("%s: offset %td\n", memheap_component_name(heap),
               (char *)block - (char *)memheap_base(heap));
    memheap_destroy(heap);
    return status == MEMHEAP_OK ? 0 : 1;
}
