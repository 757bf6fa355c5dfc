/*
 * The failure path of a collective allocation.
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
