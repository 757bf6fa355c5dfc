/*
 * Opens a heap and prints its component, for secure.sh. Prints first whether
 * the kernel says that the program has rights of its file's owner or group.
 */
#include <memheap/memheap.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>

int main(void)
{
    memheap_t *heap;
    void *block;
    memheap_config_t config = {.name = "heap", .size = 1 << 20};
    puts(getauxval(AT_SECURE) != 0 ? "with rights" : "without rights");
    fflush(stdout);
    if (memheap_create(&config, &heap) != MEMHEAP_OK ||
        memheap_alloc(heap, 100, &block) != MEMHEAP_OK)
        return EXIT_FAILURE;
    printf("component %s\n", memheap_component_name(heap));
    memheap_destroy(heap);
    return EXIT_SUCCESS;
}
