/*
 * Properties of a heap that a call reads without its lock.
 */
#include "config.h"

#include "memheap/properties.h"
#include "memheap/heap_state.h"

void *memheap_base(const memheap_t *heap)
{
    return heap->base;
}

bool memheap_has_address(const memheap_t *heap, const void *address)
{
    return heap_offset_of(heap, address) < heap->module->size;
}

size_t memheap_high_water(const memheap_t *heap)
{
    return heap->high_water;
}

const char *memheap_component_name(const memheap_t *heap)
{
    return heap->framework.selected->name;
}

const char *memheap_name(const memheap_t *heap)
{
    return heap->name;
}

const memheap_log_t *memheap_get_log(const memheap_t *heap)
{
    return heap->log;
}

const memheap_params_t *memheap_get_params(const memheap_t *heap)
{
    return heap->framework.params;
}

bool memheap_is_access_checked(const memheap_t *heap)
{
    return heap->guard != NULL;
}
