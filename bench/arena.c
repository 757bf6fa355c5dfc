/*
 * Connects a trace replay to the module of one component, by four functions.
 * They make the checks that every build of the heap makes, and no others,
 * because the module is compared with allocators, not with heaps.
 *
 * Compiled once for each component, with ARENA_COMPONENT as its name.
 */
#include "config.h"

#include <memheap/component.h>
#include "base/params.h"
#include "base/util.h"

#include <string.h>

#define ARENA_JOIN(name) memheap_##name##_component
#define ARENA_DESCRIPTOR(name) ARENA_JOIN(name)

extern const memheap_component_t ARENA_DESCRIPTOR(ARENA_COMPONENT);

int arena_init(void *base, size_t size);
void *arena_alloc(size_t size, size_t align);
void *arena_realloc(void *block, size_t size);
void arena_free(void *block);

static memheap_module_t *module;
static char *arena;
static memheap_result_t (*resize)(memheap_module_t *module, size_t offset,
                                  size_t size);

/* Resize operation of a module without one: it reports the block's size. */
static memheap_result_t resize_never(memheap_module_t *m, size_t offset,
                                     size_t size)
{
    memheap_result_t answer = {0, MEMHEAP_OK};
    answer.status = m->ops->size_of(m, offset, &answer.bytes);
    if (answer.status == MEMHEAP_OK && size > answer.bytes)
        answer.status = MEMHEAP_ERR_NO_MEMORY;
    return answer;
}

/* Parameters of the component come from the environment. */
int arena_init(void *base, size_t size)
{
    static memheap_params_t params;
    const memheap_component_t *component = &ARENA_DESCRIPTOR(ARENA_COMPONENT);
    memheap_value_t values[16];
    memheap_params_init(&params, &memheap_log_stderr);
    if (memheap_params_add(&params, component->name, component->params,
                           component->param_count) != MEMHEAP_OK)
        return -1;
    for (size_t i = 0; i < params.count; i++)
        values[i] = params.param[i].value;
    memheap_module_config_t config = {.size = size,
                                      .max_size = size,
                                      .memory = &memheap_memory_system,
                                      .params = values};
    long priority = component->priority;
    arena = base;
    memheap_status_t status = component->create(&config, &priority, &module);
    if (status == MEMHEAP_OK)
        resize =
            module->ops->resize != NULL ? module->ops->resize : &resize_never;
    return (int)status;
}

void *arena_alloc(size_t size, size_t align)
{
    if (MEMHEAP_UNLIKELY(size == 0))
        return NULL;
    if (align != MEMHEAP_MIN_ALIGN) {
        if (!memheap_is_power_of_two(align))
            return NULL;
        align = memheap_max(align, MEMHEAP_MIN_ALIGN);
    }
    memheap_result_t answer = module->ops->alloc(module, align, size);
    return MEMHEAP_LIKELY(answer.status == MEMHEAP_OK) ? arena + answer.bytes
                                                       : NULL;
}

void arena_free(void *block)
{
    size_t offset = (size_t)((uintptr_t)block - (uintptr_t)arena);
    if (MEMHEAP_UNLIKELY(module->ops->free(module, offset) != MEMHEAP_OK))
        __builtin_trap();
}

void *arena_realloc(void *block, size_t size)
{
    if (MEMHEAP_UNLIKELY(size == 0))
        return NULL;
    size_t offset = (size_t)((uintptr_t)block - (uintptr_t)arena);
    memheap_result_t answer = resize(module, offset, size);
    if (answer.status == MEMHEAP_OK)
        return block;
    if (answer.status == MEMHEAP_ERR_BAD_ADDRESS)
        return NULL;
    size_t ahead =
        size > answer.bytes ? memheap_min(size / 2, module->headroom) : 0;
    void *moved = arena_alloc(size + ahead, MEMHEAP_MIN_ALIGN);
    if (moved == NULL)
        return NULL;
    memcpy(moved, block, memheap_min(answer.bytes, size));
    arena_free(block);
    return moved;
}
