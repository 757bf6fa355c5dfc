/*
 * Records of blocks, and what leads to them.
 *
 * The records are an array. Those of blocks are a list in the order of their
 * age, through their indexes, and unused ones are another; a hash table leads
 * from a block's address to its index. Both tables double when they are full,
 * before the pool is asked: so all is done in constant time but for that, and
 * a block that the pool gave is always one of the context. Sub-contexts are a
 * list too. No address is part of a decision.
 *
 * The lock is held while the pool is called, and whichever locks the pool takes
 * come after it. Of a context and its parent, it is the parent's that is taken
 * while no other is held, but by a pool that is made of the parent.
 */
#include "config.h"

#include <memheap/context.h>
#include "memheap/dependents.h"
#include "base/hashmap.h"
#include "base/util.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum {
    NAME_SIZE = 48,
    TEXT_SIZE = 384,
    FIRST_ENTRIES = 64
};

/* A record, in one of two lists. Index 0 is where both begin. */
typedef struct entry {
    memheap_block_info_t info;
    uint32_t next, previous;
} entry_t;

struct memheap_context {
    memheap_pool_t pool;
    memheap_kind_t kind;
    bool pinned;
    bool locks;
    pthread_mutex_t lock;
    memheap_hashmap_t map; /* address to index */
    entry_t *entries;
    size_t room;     /* of them, */
    size_t fresh;    /* from which on none was used yet */
    uint32_t unused; /* a list through `next`; 0: none */
    size_t agreed;   /* blocks that all who call the pool together may have */
    size_t bytes;
    size_t peak;
    memheap_context_t *parent;
    memheap_context_t *youngest; /* of the sub-contexts, which are in a list */
    memheap_context_t *older, *younger;
    size_t sub_contexts;
    memheap_dependent_t self;        /* on the pool */
    memheap_dependents_t dependents; /* on the context as a pool */
    const memheap_log_t *log;
    const memheap_memory_t *memory;
    char name[NAME_SIZE];
};

static void context_lock(memheap_context_t *context)
{
    if (context->locks)
        pthread_mutex_lock(&context->lock);
}

static void context_unlock(memheap_context_t *context)
{
    if (context->locks)
        pthread_mutex_unlock(&context->lock);
}

/* What the config leaves to the parent. */
static void inherit(memheap_context_config_t *config)
{
    const memheap_context_t *parent = config->parent;
    if (parent != NULL && config->pool == NULL) {
        config->pool = &parent->pool;
        config->kind = parent->kind;
        config->pinned = parent->pinned;
    }
    if (config->kind == MEMHEAP_KIND_ANY)
        config->kind = MEMHEAP_KIND_NORMAL;
    if (config->log == NULL)
        config->log = parent == NULL ? &memheap_log_stderr : parent->log;
    if (config->memory == NULL)
        config->memory =
            parent == NULL ? &memheap_memory_system : parent->memory;
    if (config->name == NULL)
        config->name = "context";
}

static void join_parent(memheap_context_t *context)
{
    memheap_context_t *parent = context->parent;
    if (parent == NULL)
        return;
    context_lock(parent);
    context->older = parent->youngest;
    if (context->older != NULL)
        context->older->younger = context;
    parent->youngest = context;
    parent->sub_contexts++;
    context_unlock(parent);
}

static void leave_parent(memheap_context_t *context)
{
    memheap_context_t *parent = context->parent;
    if (parent == NULL)
        return;
    context_lock(parent);
    if (context->older != NULL)
        context->older->younger = context->younger;
    if (context->younger != NULL)
        context->younger->older = context->older;
    else
        parent->youngest = context->older;
    parent->sub_contexts--;
    context_unlock(parent);
}

/* Whether a context takes its blocks from one of its ancestors, which ends it
 * before itself. */
static bool stands_on_ancestor(const memheap_context_t *context)
{
    const memheap_context_t *ancestor = context->parent;
    while (ancestor != NULL &&
           context->pool.dependents != &ancestor->dependents)
        ancestor = ancestor->parent;
    return ancestor != NULL;
}

static memheap_status_t end(memheap_context_t *context);

memheap_status_t memheap_context_create(const memheap_context_config_t *given,
                                        memheap_context_t **context_p)
{
    memheap_context_config_t config = *given;
    inherit(&config);
    if (config.pool == NULL) {
        memheap_log_write(config.log, MEMHEAP_LOG_ERROR,
                          "context \"%s\" has neither a pool nor a parent",
                          config.name);
        return MEMHEAP_ERR_BAD_ARGUMENT;
    }
    const memheap_memory_t *memory = config.memory;
    size_t entries = FIRST_ENTRIES * sizeof(entry_t);
    memheap_context_t *context = memheap_memory_new(memory, sizeof(*context));
    if (context == NULL)
        goto err_log;
    context->entries = memheap_memory_new(memory, entries);
    if (context->entries == NULL)
        goto err_context;
    if (memheap_hashmap_open(&context->map, memory) != MEMHEAP_OK)
        goto err_entries;
    context->room = FIRST_ENTRIES;
    context->fresh = 1;
    context->pool = *config.pool;
    context->kind = config.kind;
    context->pinned = config.pinned;
    context->locks = (config.flags & MEMHEAP_SINGLE_THREADED) == 0;
    context->log = config.log;
    context->memory = memory;
    snprintf(context->name, sizeof(context->name), "%s", config.name);
    pthread_mutex_init(&context->lock, NULL);
    context->parent = config.parent;
    join_parent(context);
    if (!stands_on_ancestor(context))
        memheap_dependents_add(&context->pool, &context->self, "context",
                               context->name);
    memheap_status_t status = memheap_pool_agree(config.pool, MEMHEAP_OK);
    if (status != MEMHEAP_OK) {
        end(context);
        return status;
    }
    *context_p = context;
    return MEMHEAP_OK;

err_entries:
    memheap_memory_delete(memory, context->entries, entries);
err_context:
    memheap_memory_delete(memory, context, sizeof(*context));
err_log:
    memheap_log_write(config.log, MEMHEAP_LOG_ERROR,
                      "no memory for what context \"%s\" keeps about itself",
                      config.name);
    memheap_pool_agree(config.pool, MEMHEAP_ERR_NO_METADATA);
    return MEMHEAP_ERR_NO_METADATA;
}

/* Give a block back to the pool; say so if that fails. */
static memheap_status_t push(const memheap_context_t *context, void *block)
{
    memheap_status_t status = context->pool.push(context->pool.state, block);
    if (status != MEMHEAP_OK)
        memheap_log_write(context->log, MEMHEAP_LOG_ERROR,
                          "context \"%s\": its pool does not take the block at "
                          "%p back: %s",
                          context->name, block, memheap_status_string(status));
    return status;
}

/* Whether something stands on a context or on one of its sub-contexts. */
static memheap_status_t check_dependents(const memheap_context_t *context)
{
    memheap_status_t status = memheap_dependents_check(
        &context->dependents, "context", context->name, context->log);
    for (const memheap_context_t *sub = context->youngest;
         sub != NULL && status == MEMHEAP_OK; sub = sub->older)
        status = check_dependents(sub);
    return status;
}

/* Destroy a context with its sub-contexts and blocks, the youngest first. */
static memheap_status_t end(memheap_context_t *context)
{
    memheap_status_t first = MEMHEAP_OK;
    while (context->youngest != NULL) {
        memheap_status_t status = end(context->youngest);
        first = first == MEMHEAP_OK ? status : first;
    }
    entry_t *entries = context->entries;
    for (uint32_t i = entries[0].previous; i != 0; i = entries[i].previous) {
        memheap_status_t status = push(context, entries[i].info.pointer);
        first = first == MEMHEAP_OK ? status : first;
    }
    leave_parent(context);
    memheap_dependents_remove(&context->self);
    const memheap_memory_t *memory = context->memory;
    memheap_hashmap_close(&context->map);
    memheap_memory_delete(memory, entries, context->room * sizeof(entry_t));
    pthread_mutex_destroy(&context->lock);
    memheap_memory_delete(memory, context, sizeof(*context));
    return first;
}

memheap_status_t memheap_context_destroy(memheap_context_t *context)
{
    if (context == NULL)
        return MEMHEAP_OK;
    memheap_status_t status = check_dependents(context);
    return status == MEMHEAP_OK ? end(context) : status;
}

/* Make sure that one more block can be known. */
static memheap_status_t ensure_entry(memheap_context_t *context)
{
    memheap_status_t status = memheap_hashmap_reserve(&context->map);
    if (status != MEMHEAP_OK || context->unused != 0 ||
        context->fresh < context->room)
        return status;
    size_t bytes = context->room * sizeof(entry_t);
    if (context->room > UINT32_MAX / 2)
        return MEMHEAP_ERR_NO_METADATA;
    entry_t *wider = memheap_memory_new(context->memory, 2 * bytes);
    if (wider == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    memcpy(wider, context->entries, bytes);
    memheap_memory_delete(context->memory, context->entries, bytes);
    context->entries = wider;
    context->room *= 2;
    return MEMHEAP_OK;
}

/* The same where others have to know a block at the same time: what may fail
 * for one of them alone is agreed on when all of them need memory, which they
 * do at the same call. */
static memheap_status_t ensure_all(memheap_context_t *context)
{
    if (context->map.count < context->agreed)
        return MEMHEAP_OK;
    memheap_status_t status =
        memheap_pool_agree(&context->pool, ensure_entry(context));
    if (status == MEMHEAP_OK)
        context->agreed = memheap_min(context->map.room, context->room - 1);
    return status;
}

/* Know a block from now on, after ensure_all(). */
static void add_entry(memheap_context_t *context,
                      const memheap_block_info_t *info)
{
    uint32_t index = context->unused;
    entry_t *entries = context->entries;
    if (index != 0)
        context->unused = entries[index].next;
    else
        index = (uint32_t)context->fresh++;
    uint32_t youngest = entries[0].previous;
    entries[index] = (entry_t){.info = *info, .previous = youngest};
    entries[youngest].next = index;
    entries[0].previous = index;
    memheap_hashmap_put(&context->map, (uintptr_t)info->pointer, index);
}

/* Forget a block; its place in the hash table is given. */
static void remove_entry(memheap_context_t *context, uint64_t *value)
{
    uint32_t index = (uint32_t)*value;
    entry_t *entries = context->entries;
    entries[entries[index].previous].next = entries[index].next;
    entries[entries[index].next].previous = entries[index].previous;
    entries[index].next = context->unused;
    context->unused = index;
    memheap_hashmap_remove(&context->map, value);
}

static void count_bytes(memheap_context_t *context, size_t less, size_t more)
{
    context->bytes += more - less;
    context->peak = memheap_max(context->peak, context->bytes);
}

/* Fill in the rest of a record that asks for a block. */
static memheap_status_t complete(const memheap_context_t *context,
                                 memheap_block_info_t *info)
{
    if (info->align == 0)
        info->align = MEMHEAP_CONTEXT_ALIGN;
    if (info->size == 0 || !memheap_is_power_of_two(info->align))
        return MEMHEAP_ERR_BAD_ARGUMENT;
    if ((info->kind != MEMHEAP_KIND_ANY && info->kind != context->kind) ||
        (info->pinned && !context->pinned))
        return MEMHEAP_ERR_UNSUPPORTED;
    info->kind = context->kind;
    info->pinned = context->pinned;
    info->unset = info->unset || context->kind == MEMHEAP_KIND_DEVICE;
    return MEMHEAP_OK;
}

memheap_status_t memheap_context_alloc_info(memheap_context_t *context,
                                            memheap_block_info_t *info)
{
    memheap_block_info_t wanted = *info;
    memheap_status_t status = complete(context, &wanted);
    if (status != MEMHEAP_OK)
        return status;
    context_lock(context);
    status = ensure_all(context);
    if (status == MEMHEAP_OK)
        status = context->pool.pop(context->pool.state, wanted.align,
                                   wanted.size, &wanted.pointer);
    if (status == MEMHEAP_OK) {
        add_entry(context, &wanted);
        count_bytes(context, 0, wanted.size);
    }
    context_unlock(context);
    if (status != MEMHEAP_OK)
        return status;
    if (!wanted.unset)
        memset(wanted.pointer, 0, wanted.size);
    *info = wanted;
    return MEMHEAP_OK;
}

memheap_status_t memheap_context_alloc(memheap_context_t *context, size_t size,
                                       void **block_p)
{
    memheap_block_info_t info = {.size = size};
    memheap_status_t status = memheap_context_alloc_info(context, &info);
    if (status == MEMHEAP_OK)
        *block_p = info.pointer;
    return status;
}

void *memheap_context_malloc(memheap_context_t *context, size_t size)
{
    void *block;
    return memheap_context_alloc(context, size, &block) == MEMHEAP_OK ? block
                                                                      : NULL;
}

void *memheap_context_realloc(memheap_context_t *context, void *block,
                              size_t size)
{
    return memheap_context_resize(context, block, size, &block) == MEMHEAP_OK
               ? block
               : NULL;
}

/* The place in the hash table of a block, or NULL. */
static uint64_t *find(const memheap_context_t *context, const void *block)
{
    return block == NULL
               ? NULL
               : memheap_hashmap_find(&context->map, (uintptr_t)block);
}

/* The block that an address lies in, or NULL: a look at each. */
static const memheap_block_info_t *search(const memheap_context_t *context,
                                          const void *address)
{
    const entry_t *entries = context->entries;
    for (uint32_t i = entries[0].next; i != 0; i = entries[i].next) {
        const memheap_block_info_t *info = &entries[i].info;
        if ((uintptr_t)address - (uintptr_t)info->pointer < info->size)
            return info;
    }
    return NULL;
}

/* Report a wrong address, and release the lock. */
static memheap_status_t bad_address(memheap_context_t *context,
                                    const char *call, const void *address)
{
    char text[TEXT_SIZE];
    const memheap_block_info_t *info = search(context, address);
    const char *name = context->name;
    size_t size;
    if (address == NULL)
        snprintf(text, sizeof(text), "NULL is no block of context \"%s\"",
                 name);
    else if (info != NULL)
        snprintf(text, sizeof(text),
                 "%p is no block of context \"%s\": it lies %zu bytes into the "
                 "block of %zu bytes at %p",
                 address, name,
                 (size_t)((uintptr_t)address - (uintptr_t)info->pointer),
                 info->size, info->pointer);
    else if (context->pool.getsize(context->pool.state, address, &size) ==
             MEMHEAP_OK)
        snprintf(text, sizeof(text),
                 "%p is no block of context \"%s\": it is a block of its pool "
                 "that somebody else allocated",
                 address, name);
    else
        snprintf(text, sizeof(text),
                 "%p is no block of context \"%s\": it lies in none of its %zu "
                 "blocks, and may have been freed before",
                 address, name, context->map.count);
    context_unlock(context);
    memheap_log_write(context->log, MEMHEAP_LOG_ERROR, "%s: %s", call, text);
    return MEMHEAP_ERR_BAD_ADDRESS;
}

memheap_status_t memheap_context_get_info(memheap_context_t *context,
                                          const void *block,
                                          memheap_block_info_t *info)
{
    context_lock(context);
    const uint64_t *value = find(context, block);
    if (value == NULL)
        return bad_address(context, "memheap_context_get_info", block);
    *info = context->entries[*value].info;
    context_unlock(context);
    return MEMHEAP_OK;
}

memheap_status_t memheap_context_free(memheap_context_t *context, void *block)
{
    if (block == NULL)
        return MEMHEAP_OK;
    context_lock(context);
    uint64_t *value = find(context, block);
    if (value == NULL)
        return bad_address(context, "memheap_context_free", block);
    memheap_status_t status = push(context, block);
    if (status == MEMHEAP_OK) {
        count_bytes(context, context->entries[*value].info.size, 0);
        remove_entry(context, value);
    }
    context_unlock(context);
    return status;
}

/* Whether a block may keep its place with a size. */
static bool fits(const memheap_context_t *context, const void *block,
                 size_t size)
{
    size_t usable;
    return context->pool.getsize(context->pool.state, block, &usable) ==
               MEMHEAP_OK &&
           size <= usable && size >= usable / 2;
}

/* Have another block of the pool in place of one. */
static memheap_status_t move(memheap_context_t *context, uint64_t *value,
                             size_t size)
{
    memheap_block_info_t *info = &context->entries[*value].info;
    uint32_t index = (uint32_t)*value;
    void *block;
    memheap_status_t status =
        context->pool.pop(context->pool.state, info->align, size, &block);
    if (status != MEMHEAP_OK)
        return status;
    memcpy(block, info->pointer, memheap_min(size, info->size));
    status = push(context, info->pointer);
    if (status != MEMHEAP_OK) {
        push(context, block);
        return status;
    }
    memheap_hashmap_remove(&context->map, value);
    memheap_hashmap_put(&context->map, (uintptr_t)block, index);
    info->pointer = block;
    return MEMHEAP_OK;
}

memheap_status_t memheap_context_resize(memheap_context_t *context, void *block,
                                        size_t size, void **block_p)
{
    if (block == NULL)
        return memheap_context_alloc(context, size, block_p);
    if (size == 0)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    if (context->kind == MEMHEAP_KIND_DEVICE)
        return MEMHEAP_ERR_UNSUPPORTED;
    memheap_status_t status = MEMHEAP_OK;
    context_lock(context);
    uint64_t *value = find(context, block);
    if (value == NULL)
        return bad_address(context, "memheap_context_resize", block);
    memheap_block_info_t *info = &context->entries[*value].info;
    if (!fits(context, block, size))
        status = move(context, value, size);
    if (status == MEMHEAP_OK) {
        if (size > info->size && !info->unset)
            memset((char *)info->pointer + info->size, 0, size - info->size);
        count_bytes(context, info->size, size);
        info->size = size;
        *block_p = info->pointer;
    }
    context_unlock(context);
    return status;
}

void memheap_context_get_stats(memheap_context_t *context,
                               memheap_context_stats_t *stats)
{
    context_lock(context);
    *stats = (memheap_context_stats_t){
        .name = context->name,
        .blocks = context->map.count,
        .bytes = context->bytes,
        .peak = context->peak,
        .sub_contexts = context->sub_contexts,
        .metadata = sizeof(*context) + context->room * sizeof(entry_t) +
                    (sizeof(memheap_hashmap_slot_t) << context->map.order),
    };
    context_unlock(context);
}

void memheap_context_walk(memheap_context_t *context,
                          bool (*visit)(void *state,
                                        const memheap_block_info_t *info),
                          void *state)
{
    context_lock(context);
    const entry_t *entries = context->entries;
    uint32_t i = entries[0].next;
    while (i != 0 && visit(state, &entries[i].info))
        i = entries[i].next;
    context_unlock(context);
}

static memheap_status_t pool_pop(void *state, size_t align, size_t size,
                                 void **block_p)
{
    memheap_block_info_t info = {.size = size, .align = align, .unset = true};
    if (align == 0)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    memheap_status_t status = memheap_context_alloc_info(state, &info);
    if (status == MEMHEAP_OK)
        *block_p = info.pointer;
    return status;
}

static memheap_status_t pool_push(void *state, void *block)
{
    return memheap_context_free(state, block);
}

static memheap_status_t pool_getsize(void *state, const void *block,
                                     size_t *size_p)
{
    memheap_context_t *context = state;
    context_lock(context);
    const uint64_t *value = find(context, block);
    if (value != NULL)
        *size_p = context->entries[*value].info.size;
    context_unlock(context);
    return value == NULL ? MEMHEAP_ERR_BAD_ADDRESS : MEMHEAP_OK;
}

static memheap_status_t pool_agree(void *state, memheap_status_t mine)
{
    const memheap_context_t *context = state;
    return memheap_pool_agree(&context->pool, mine);
}

memheap_pool_t memheap_context_as_pool(memheap_context_t *context)
{
    return (memheap_pool_t){.pop = pool_pop,
                            .push = pool_push,
                            .getsize = pool_getsize,
                            .state = context,
                            .agree = pool_agree,
                            .dependents = &context->dependents};
}
