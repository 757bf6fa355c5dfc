/*
 * Growing and closing arrays (array.h).
 */
#include "config.h"

#include "base/array.h"
#include "base/util.h"

enum {
    LEAST_STEP = 16384
};

memheap_status_t memheap_array_open(memheap_array_t *array,
                                    const memheap_memory_t *memory,
                                    size_t max_size)
{
    size_t reserved = memheap_page_round(max_size);
    char *base = reserved < max_size ? NULL : memory->reserve(memory, reserved);
    if (base == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    *array =
        (memheap_array_t){.base = base, .reserved = reserved, .memory = memory};
    return MEMHEAP_OK;
}

void memheap_array_close(memheap_array_t *array)
{
    if (array->base != NULL)
        array->memory->release(array->memory, array->base, array->reserved);
    *array = (memheap_array_t){0};
}

memheap_status_t memheap_array_extend(memheap_array_t *array, size_t size)
{
    if (size > array->reserved)
        return MEMHEAP_ERR_NO_METADATA;
    size_t step = memheap_max(array->committed / 8, LEAST_STEP);
    size_t target =
        memheap_page_round(memheap_max(size, array->committed + step));
    target = memheap_min(target, array->reserved);
    if (!array->memory->commit(array->memory, array->base + array->committed,
                               target - array->committed))
        return MEMHEAP_ERR_NO_METADATA;
    array->committed = target;
    return MEMHEAP_OK;
}
