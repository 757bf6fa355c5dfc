/*
 * Contexts: records of blocks, and where to find them.
 *
 * The records are an array. A list of indexes links the records of blocks from
 * oldest to youngest; another links unused records. A hash table maps addresses
 * to records. Array and table double when full, before the pool is called: so
 * each block of the pool has a record. No decision depends on an address.
 *
 * Locks of the pool come after the context's. A thread that acquires a parent's
 * lock holds no other, except in a pool made of the parent.
 */
#include "config.h"

#include <memheap/context.h>
#include "memheap/dependents.h"
#include "base/hashmap.h"
#include "base/text.h"
#include "base/util.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum {
    NAME_SIZE = 48,
    TEXT_SIZE = 384,
    FIRST_ENTRIES = 64
};

/* A record, in one of the lists. Record 0 is the head of the list of blocks. */
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
    size_t capacity;      /* number of records */
    size_t never_used;    /* index of the first record that was never used */
    uint32_t free_list;   /* unused records, linked by `next`; 0: none */
    size_t agreed_blocks; /* PEs of a collective pool agreed to hold as many */
    size_t bytes;
    size_t peak;
    memheap_context_t *parent;
    memheap_context_t *youngest; /* sub-context; the head of their list */
    memheap_context_t *older, *younger;
    size_t sub_contexts;
    memheap_dependent_t dependent;   /* on the pool */
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

/* Fill in what the configuration leaves to the parent or to defaults. */
static void apply_defaults(memheap_context_config_t *config)
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

/* Whether the pool is an ancestor, which destroys the context first. */
static bool stands_on_ancestor(const memheap_context_t *context)
{
    const memheap_context_t *ancestor = context->parent;
    while (ancestor != NULL &&
           context->pool.dependents != &ancestor->dependents)
        ancestor = ancestor->parent;
    return ancestor != NULL;
}

/* Return a block to the pool; log a failure. */
static memheap_status_t push_block(const memheap_context_t *context,
                                   void *block)
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
static memheap_status_t destroy(memheap_context_t *context)
{
    memheap_status_t first = MEMHEAP_OK;
    while (context->youngest != NULL) {
        memheap_status_t status = destroy(context->youngest);
        first = first == MEMHEAP_OK ? status : first;
    }
    entry_t *entries = context->entries;
    for (uint32_t i = entries[0].previous; i != 0; i = entries[i].previous) {
        memheap_status_t status = push_block(context, entries[i].info.pointer);
        first = first == MEMHEAP_OK ? status : first;
    }
    leave_parent(context);
    memheap_dependents_remove(&context->dependent);
    const memheap_memory_t *memory = context->memory;
    memheap_hashmap_close(&context->map);
    memheap_memory_delete(memory, entries, context->capacity * sizeof(entry_t));
    pthread_mutex_destroy(&context->lock);
    memheap_memory_delete(memory, context, sizeof(*context));
    return first;
}

memheap_status_t memheap_context_create(const memheap_context_config_t *given,
                                        memheap_context_t **context_p)
{
    memheap_context_config_t config = *given;
    apply_defaults(&config);
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
    context->capacity = FIRST_ENTRIES;
    context->never_used = 1;
    context->pool = *config.pool;
    context->kind = config.kind;
    context->pinned = config.pinned;
    context->locks = (config.flags & MEMHEAP_SINGLE_THREADED) == 0;
    context->log = config.log;
    context->memory = memory;
    memheap_text_copy(context->name, sizeof(context->name), config.name);
    pthread_mutex_init(&context->lock, NULL);
    context->parent = config.parent;
    join_parent(context);
    if (!stands_on_ancestor(context))
        memheap_dependents_add(&context->pool, &context->dependent, "context",
                               context->name);
    memheap_status_t status = memheap_pool_agree(config.pool, MEMHEAP_OK);
    if (status != MEMHEAP_OK) {
        destroy(context);
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
                      "no memory for the metadata of context \"%s\"",
                      config.name);
    memheap_pool_agree(config.pool, MEMHEAP_ERR_NO_METADATA);
    return MEMHEAP_ERR_NO_METADATA;
}

memheap_status_t memheap_context_destroy(memheap_context_t *context)
{
    if (context == NULL)
        return MEMHEAP_OK;
    memheap_status_t status = check_dependents(context);
    return status == MEMHEAP_OK ? destroy(context) : status;
}

/* Make sure that there is an unused record. */
static memheap_status_t ensure_entry(memheap_context_t *context)
{
    memheap_status_t status = memheap_hashmap_reserve(&context->map);
    if (status != MEMHEAP_OK || context->free_list != 0 ||
        context->never_used < context->capacity)
        return status;
    size_t bytes = context->capacity * sizeof(entry_t);
    if (context->capacity > UINT32_MAX / 2)
        return MEMHEAP_ERR_NO_METADATA;
    entry_t *larger = memheap_memory_new(context->memory, 2 * bytes);
    if (larger == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    memcpy(larger, context->entries, bytes);
    memheap_memory_delete(context->memory, context->entries, bytes);
    context->entries = larger;
    context->capacity *= 2;
    return MEMHEAP_OK;
}

/* Make sure that there is an unused record. If the pool is collective, its PEs
 * agree on the outcome; all need memory at the same call. */
static memheap_status_t ensure_agreed(memheap_context_t *context)
{
    if (context->map.count < context->agreed_blocks)
        return MEMHEAP_OK;
    memheap_status_t status =
        memheap_pool_agree(&context->pool, ensure_entry(context));
    if (status == MEMHEAP_OK)
        context->agreed_blocks =
            memheap_min(context->map.room, context->capacity - 1);
    return status;
}

/* Add the record of a block, after ensure_agreed(). */
static void add_entry(memheap_context_t *context,
                      const memheap_block_info_t *info)
{
    uint32_t index = context->free_list;
    entry_t *entries = context->entries;
    if (index != 0)
        context->free_list = entries[index].next;
    else
        index = (uint32_t)context->never_used++;
    uint32_t youngest = entries[0].previous;
    entries[index] = (entry_t){.info = *info, .previous = youngest};
    entries[youngest].next = index;
    entries[0].previous = index;
    memheap_hashmap_put(&context->map, (uintptr_t)info->pointer, index);
}

/* Remove the record of a block, given its value in the hash table. */
static void remove_entry(memheap_context_t *context, uint64_t *value)
{
    uint32_t index = (uint32_t)*value;
    entry_t *entries = context->entries;
    entries[entries[index].previous].next = entries[index].next;
    entries[entries[index].next].previous = entries[index].previous;
    entries[index].next = context->free_list;
    context->free_list = index;
    memheap_hashmap_remove(&context->map, value);
}

/* Count a change of a block's size. */
static void count_bytes(memheap_context_t *context, size_t old_size,
                        size_t new_size)
{
    context->bytes += new_size - old_size;
    context->peak = memheap_max(context->peak, context->bytes);
}

/* Check a request, and fill in what it leaves to the context. */
static memheap_status_t complete_request(const memheap_context_t *context,
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
    memheap_block_info_t request = *info;
    memheap_status_t status = complete_request(context, &request);
    if (status != MEMHEAP_OK)
        return status;
    context_lock(context);
    status = ensure_agreed(context);
    if (status == MEMHEAP_OK)
        status = context->pool.pop(context->pool.state, request.align,
                                   request.size, &request.pointer);
    if (status == MEMHEAP_OK) {
        add_entry(context, &request);
        count_bytes(context, 0, request.size);
    }
    context_unlock(context);
    if (status != MEMHEAP_OK)
        return status;
    if (!request.unset)
        memset(request.pointer, 0, request.size);
    *info = request;
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

/* The value of a block in the hash table, or NULL. */
static uint64_t *find_value(const memheap_context_t *context, const void *block)
{
    return block == NULL
               ? NULL
               : memheap_hashmap_find(&context->map, (uintptr_t)block);
}

/* The block that contains an address, or NULL. Linear in the blocks. */
static const memheap_block_info_t *
search_block(const memheap_context_t *context, const void *address)
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
    const memheap_block_info_t *info = search_block(context, address);
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
                 "allocated outside the context",
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
    const uint64_t *value = find_value(context, block);
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
    uint64_t *value = find_value(context, block);
    if (value == NULL)
        return bad_address(context, "memheap_context_free", block);
    memheap_status_t status = push_block(context, block);
    if (status == MEMHEAP_OK) {
        count_bytes(context, context->entries[*value].info.size, 0);
        remove_entry(context, value);
    }
    context_unlock(context);
    return status;
}

/* Whether a block can have a size without moving. */
static bool fits(const memheap_context_t *context, const void *block,
                 size_t size)
{
    size_t usable;
    return context->pool.getsize(context->pool.state, block, &usable) ==
               MEMHEAP_OK &&
           size <= usable && size >= usable / 2;
}

/* Replace a block by one of another size. */
static memheap_status_t move_block(memheap_context_t *context, uint64_t *value,
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
    status = push_block(context, info->pointer);
    if (status != MEMHEAP_OK) {
        push_block(context, block);
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
    context_lock(context);
    uint64_t *value = find_value(context, block);
    if (value == NULL)
        return bad_address(context, "memheap_context_resize", block);
    memheap_block_info_t *info = &context->entries[*value].info;
    memheap_status_t status = fits(context, block, size)
                                  ? MEMHEAP_OK
                                  : move_block(context, value, size);
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
        .metadata = sizeof(*context) + context->capacity * sizeof(entry_t) +
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
    const uint64_t *value = find_value(context, block);
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
