/*
 * A component in a shared object of its own: a pile of blocks.
 *
 *     cc -shared -fPIC plugin.c $(pkg-config --cflags memheap) -o pile.so
 *     MEMHEAP_PLUGIN_PATH=$PWD MEMHEAP_COMPONENT=pile mpirun -n 4 ./hello
 *
 * Each block is placed behind the last one. Freed space is reused when all
 * blocks behind it are free. This suits programs that free in reverse order.
 */
#include <memheap/component.h>

#include <string.h>

/* The extents describe the region up to `end`, block by block. */
typedef struct pile {
    memheap_module_t module; /* must be first: it is cast to pile_t */
    const memheap_memory_t *memory;
    memheap_extent_t *extents;
    size_t room;  /* allocated extents */
    size_t count; /* extents in use */
    size_t end;   /* end of the last block */
} pile_t;

static memheap_extent_t *extent_at(const pile_t *s, size_t i)
{
    return &s->extents[i];
}

static size_t round_up(size_t size, size_t align)
{
    return (size + align - 1) & ~(align - 1);
}

/* Ensure capacity for count extents. It grows by doubling. */
static memheap_status_t ensure_room(pile_t *s, size_t count)
{
    if (count <= s->room)
        return MEMHEAP_OK;
    size_t bytes = s->room * sizeof(memheap_extent_t);
    memheap_extent_t *larger = memheap_memory_new(s->memory, 2 * bytes);
    if (larger == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    memcpy(larger, s->extents, bytes);
    memheap_memory_delete(s->memory, s->extents, bytes);
    s->extents = larger;
    s->room *= 2;
    return MEMHEAP_OK;
}

static memheap_result_t pile_alloc(memheap_module_t *module, size_t align,
                                   size_t size)
{
    pile_t *s = (pile_t *)module;
    size_t start = round_up(s->end, align);
    size_t need = round_up(size, MEMHEAP_MIN_ALIGN);
    if (start > module->size || size > need || need > module->size - start)
        return memheap_result_error(MEMHEAP_ERR_NO_MEMORY);
    if (ensure_room(s, s->count + 2) != MEMHEAP_OK)
        return memheap_result_error(MEMHEAP_ERR_NO_METADATA);
    if (start > s->end)
        *extent_at(s, s->count++) =
            (memheap_extent_t){s->end, start - s->end, false};
    *extent_at(s, s->count++) = (memheap_extent_t){start, need, true};
    s->end = start + need;
    module->used += need;
    return memheap_result_ok(start);
}

static memheap_extent_t *find(const memheap_module_t *module, size_t offset)
{
    const pile_t *s = (const pile_t *)module;
    for (size_t i = s->count; i-- > 0;) {
        memheap_extent_t *e = extent_at(s, i);
        if (e->offset <= offset)
            return e->offset == offset && e->live ? e : NULL;
    }
    return NULL;
}

static memheap_status_t pile_free(memheap_module_t *module, size_t offset)
{
    pile_t *s = (pile_t *)module;
    memheap_extent_t *e = find(module, offset);
    if (e == NULL)
        return MEMHEAP_ERR_BAD_ADDRESS;
    e->live = false;
    module->used -= e->size;
    while (s->count > 0 && !extent_at(s, s->count - 1)->live)
        s->end = extent_at(s, --s->count)->offset;
    return MEMHEAP_OK;
}

static memheap_status_t pile_size_of(const memheap_module_t *module,
                                     size_t offset, size_t *size_p)
{
    const memheap_extent_t *e = find(module, offset);
    *size_p = e == NULL ? *size_p : e->size;
    return e == NULL ? MEMHEAP_ERR_BAD_ADDRESS : MEMHEAP_OK;
}

static void pile_walk(const memheap_module_t *module,
                      bool (*visit)(void *, const memheap_extent_t *),
                      void *context)
{
    const pile_t *s = (const pile_t *)module;
    memheap_extent_t rest = {s->end, module->size - s->end, false};
    bool more = true;
    for (size_t i = 0; i < s->count && more; i++)
        more = visit(context, extent_at(s, i));
    if (more && rest.size > 0)
        visit(context, &rest);
}

static memheap_status_t pile_check(const memheap_module_t *module)
{
    const pile_t *s = (const pile_t *)module;
    size_t end = 0;
    for (size_t i = 0; i < s->count && end == extent_at(s, i)->offset; i++)
        end += extent_at(s, i)->size;
    return end == s->end ? MEMHEAP_OK : MEMHEAP_ERR_CORRUPT;
}

static void pile_stats(const memheap_module_t *module,
                       memheap_module_stats_t *stats)
{
    const pile_t *s = (const pile_t *)module;
    *stats = (memheap_module_stats_t){
        module->size, module->used, module->size - s->end,
        sizeof(*s) + s->room * sizeof(memheap_extent_t)};
    stats->largest_free &= ~(MEMHEAP_MIN_ALIGN - 1);
}

static void pile_destroy(memheap_module_t *module)
{
    pile_t *s = (pile_t *)module;
    memheap_memory_delete(s->memory, s->extents,
                          s->room * sizeof(memheap_extent_t));
    memheap_memory_delete(s->memory, s, sizeof(*s));
}

static memheap_status_t pile_create(const memheap_module_config_t *config,
                                    long *priority_p,
                                    memheap_module_t **module_p)
{
    static const memheap_module_ops_t ops = {.alloc = pile_alloc,
                                             .free = pile_free,
                                             .size_of = pile_size_of,
                                             .walk = pile_walk,
                                             .check = pile_check,
                                             .stats = pile_stats,
                                             .destroy = pile_destroy};
    pile_t *s = memheap_memory_new(config->memory, sizeof(*s));
    (void)priority_p;
    if (s == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    s->module.ops = &ops;
    s->module.size = config->size;
    s->memory = config->memory;
    s->room = 128;
    s->extents =
        memheap_memory_new(s->memory, s->room * sizeof(memheap_extent_t));
    if (s->extents == NULL) {
        memheap_memory_delete(s->memory, s, sizeof(*s));
        return MEMHEAP_ERR_NO_METADATA;
    }
    *module_p = &s->module;
    return MEMHEAP_OK;
}

const memheap_component_t memheap_component = {
    .abi = MEMHEAP_COMPONENT_ABI,
    .name = "pile",
    .summary = "blocks in a pile: freed space is used again from the end",
    .priority = 10,
    .create = pile_create};
