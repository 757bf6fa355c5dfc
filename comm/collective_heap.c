/*
 * The failure paths of collective calls.
 */
#include "config.h"

#include "comm/collective_heap.h"

void memheap_collective_roll_back(memheap_collective_t c,
                                  const memheap_call_t *call,
                                  memheap_status_t worst, int pe,
                                  void *const *blocks, size_t count)
{
    if (count > 0)
        memheap_roll_back(memheap_collective_heap(c), blocks, count);
    memheap_normalize(memheap_collective_heap(c));
    if (c.ops->failed != NULL)
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
    memheap_status_t worst = c.ops->agree(c.context, &agreed, mine, 0, &pe);
    if (c.ops->failed != NULL)
        c.ops->failed(c.context, call, worst, pe);
    return worst;
}
