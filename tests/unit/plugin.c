/*
 * A component for tests, built several times under the name PLUGIN_NAME.
 *
 * It hands out space from a frontier that never comes back, which is the least
 * that the interface asks for: no operation that may be left out is there.
 * There is one module at a time, of PLUGIN_BLOCKS blocks at most.
 */
#include "config.h"

#include "tests/unit/plugin.h"
#include "base/util.h"

#include <string.h>

#ifndef PLUGIN_ABI
#define PLUGIN_ABI MEMHEAP_COMPONENT_ABI
#endif
#ifndef PLUGIN_SYMBOL
#define PLUGIN_SYMBOL memheap_component
#endif

enum {
    PLUGIN_BLOCKS = 256
};

extern plugin_control_t plugin_control;
extern memheap_component_t PLUGIN_SYMBOL;

plugin_control_t plugin_control;

static struct {
    memheap_module_t module;
    size_t count;
    memheap_extent_t block[PLUGIN_BLOCKS]; /* in order, without gaps */
} plugin;

static size_t frontier(void)
{
    return plugin.count == 0 ? 0
                             : plugin.block[plugin.count - 1].offset +
                                   plugin.block[plugin.count - 1].size;
}

static memheap_extent_t *find(size_t offset)
{
    for (size_t i = 0; i < plugin.count; i++) {
        if (plugin.block[i].offset == offset && plugin.block[i].live)
            return &plugin.block[i];
    }
    return NULL;
}

static memheap_result_t plugin_alloc(memheap_module_t *module, size_t align,
                                     size_t size)
{
    size_t end = frontier();
    size_t start = memheap_align_up(end, align);
    size_t rounded = memheap_align_up(size, MEMHEAP_MIN_ALIGN);
    if (plugin.count + 2 > PLUGIN_BLOCKS)
        return memheap_result_error(MEMHEAP_ERR_NO_METADATA);
    if (rounded < size || start > module->size ||
        rounded > module->size - start)
        return memheap_result_error(MEMHEAP_ERR_NO_MEMORY);
    if (start > end)
        plugin.block[plugin.count++] =
            (memheap_extent_t){end, start - end, false};
    plugin.block[plugin.count++] = (memheap_extent_t){start, rounded, true};
    module->used += rounded;
    return memheap_result_ok(start);
}

static memheap_status_t plugin_free(memheap_module_t *module, size_t offset)
{
    memheap_extent_t *block = find(offset);
    if (block == NULL)
        return MEMHEAP_ERR_BAD_ADDRESS;
    block->live = false;
    module->used -= block->size;
    return MEMHEAP_OK;
}

static memheap_status_t plugin_size_of(const memheap_module_t *module,
                                       size_t offset, size_t *size_p)
{
    (void)module;
    const memheap_extent_t *block = find(offset);
    if (block == NULL)
        return MEMHEAP_ERR_BAD_ADDRESS;
    *size_p = block->size;
    return MEMHEAP_OK;
}

static void plugin_walk(const memheap_module_t *module,
                        bool (*visit)(void *context,
                                      const memheap_extent_t *extent),
                        void *context)
{
    for (size_t i = 0; i < plugin.count; i++) {
        if (!visit(context, &plugin.block[i]))
            return;
    }
    size_t end = frontier();
    memheap_extent_t rest = {end, module->size - end, false};
    if (rest.size > 0)
        visit(context, &rest);
}

static memheap_status_t plugin_check(const memheap_module_t *module)
{
    (void)module;
    return plugin_control.check_status;
}

static void plugin_stats(const memheap_module_t *module,
                         memheap_module_stats_t *stats)
{
    *stats = (memheap_module_stats_t){
        .size = module->size,
        .used = module->used,
        .largest_free =
            memheap_align_down(module->size - frontier(), MEMHEAP_MIN_ALIGN),
        .metadata = sizeof(plugin)};
}

static void plugin_destroy(memheap_module_t *module)
{
    (void)module;
    plugin_control.destroyed++;
}

static const memheap_module_ops_t plugin_ops = {.alloc = plugin_alloc,
                                                .free = plugin_free,
                                                .size_of = plugin_size_of,
                                                .walk = plugin_walk,
                                                .check = plugin_check,
                                                .stats = plugin_stats,
                                                .destroy = plugin_destroy};

static memheap_status_t plugin_open(void)
{
    plugin_control.opened += plugin_control.open_status == MEMHEAP_OK;
    return plugin_control.open_status;
}

static void plugin_close(void)
{
    plugin_control.closed++;
}

static memheap_status_t plugin_create(const memheap_module_config_t *config,
                                      long *priority_p,
                                      memheap_module_t **module_p)
{
    plugin_control.priority = *priority_p;
    plugin_control.region_size = config->size;
    plugin_control.step = config->params[0].size;
    if (plugin_control.create_status != MEMHEAP_OK)
        return plugin_control.create_status;
    plugin_control.created++;
    if (plugin_control.lowered_priority != 0)
        *priority_p = plugin_control.lowered_priority;
    static memheap_module_ops_t ops;
    ops = plugin_ops;
    if (plugin_control.missing != 0)
        memset((char *)&ops + plugin_control.missing - 1, 0, sizeof(ops.alloc));
    plugin.module = (memheap_module_t){.ops = &ops, .size = config->size};
    plugin.count = 0;
    *module_p = &plugin.module;
    return MEMHEAP_OK;
}

static const memheap_param_def_t params[] = {
    {.name = "step",
     .type = MEMHEAP_PARAM_SIZE,
     .unit = "bytes",
     .default_text = "4k",
     .help = "what create() remembers"},
};

memheap_component_t PLUGIN_SYMBOL = {.abi = PLUGIN_ABI,
                                     .name = PLUGIN_NAME,
                                     .summary =
                                         "space from a frontier, for tests",
                                     .priority = 60,
                                     .params = params,
                                     .param_count = 1,
                                     .open = plugin_open,
                                     .close = plugin_close,
                                     .create = plugin_create};
