/*
 * The rare paths of collective calls.
 */
#include "config.h"

#include "comm/collective_heap.h"

size_t memheap_collective_collect(memheap_collective_t c)
{
    return memheap_releases_collect(c.ops->releases(c.context),
                                    memheap_collective_heap(c), c.ops->minimum,
                                    c.context);
}

memheap_status_t memheap_collective_agree_again(memheap_collective_t c,
                                                const memheap_call_t *call,
                                                memheap_status_t mine,
                                                uint64_t result, int *pe_p)
{
    size_t ended = memheap_collective_collect(c);
    memheap_status_t worst = c.ops->agree(c.context, call, mine, result, pe_p);
    return worst == MEMHEAP_ERR_NO_MEMORY && ended > 0 ? MEMHEAP_RELEASED
                                                       : worst;
}

void memheap_collective_roll_back(memheap_collective_t c,
                                  const memheap_call_t *call,
                                  memheap_status_t worst, int pe,
                                  void *const *blocks, size_t count)
{
    if (count > 0)
        memheap_roll_back(memheap_collective_heap(c), blocks, count);
    memheap_normalize(memheap_collective_heap(c));
    if (worst != MEMHEAP_RELEASED && c.ops->failed != NULL)
        c.ops->failed(c.context, call, worst, pe);
}

memheap_status_t memheap_collective_refuse(memheap_collective_t c,
                                           const memheap_call_t *call,
                                           const void *block,
                                           memheap_status_t mine)
{
    int pe;
    memheap_call_t agreed = *call;
    c.ops->bad_block(c.context, block);
    if (!memheap_has_address(memheap_collective_heap(c), block))
        agreed.argument[0] = MEMHEAP_CALL_FOREIGN;
    memheap_status_t worst = memheap_collective_agree(c, &agreed, mine, 0, &pe);
    if (c.ops->failed != NULL)
        c.ops->failed(c.context, call, worst, pe);
    return worst;
}
