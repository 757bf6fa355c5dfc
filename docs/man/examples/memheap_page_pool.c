/* Pages, with two of them allocated before. */
#include <memheap/page_pool.h>
#include <stdio.h>

static char range[64 * 4096] __attribute__((aligned(4096)));

int main(void)
{
    memheap_page_pool_t *pages;
    memheap_page_pool_config_t config = {
        .base = range, .size = sizeof(range), .page_size = 4096};
    if (memheap_page_pool_create(&config, &pages) != MEMHEAP_OK)
        return 1;
    memheap_pool_t pool = memheap_page_pool_as_pool(pages);
    void *block;
    memheap_status_t status =
        memheap_page_pool_reserve(pages, range + 4096, 2 * 4096);
    if (status == MEMHEAP_OK)
        status = pool.pop(pool.state, 64, 10000, &block);
    if (status == MEMHEAP_OK)
        printf("the block starts at page %zu\n",
               (size_t)((char *)block - range) / 4096);
    memheap_page_pool_destroy(pages);
    return status == MEMHEAP_OK ? 0 : 1;
}
