/*
 * The slabs of a cache: their records, and the words above their bits.
 */
#include "config.h"

#include "memheap/pools/cache_slabs.h"

enum {
    ROOT = GROUP * GROUP,
    MOST_ITEMS = ROOT * GROUP,
    LEAST_STRIDE = 8,
    MOST_ALIGN = 16, /* that is not asked for */
    DEFAULT_ITEMS = 8
};

#define DETACHED SIZE_MAX

static const size_t default_slab = 64 * MEMHEAP_KIB;
static const size_t largest_slab = 4 * MEMHEAP_GIB; /* quotients are exact */
static const size_t first_chunk = 4 * MEMHEAP_KIB;
static const size_t largest_chunk = 256 * MEMHEAP_KIB;

/* The greatest power of two of up to 16 that divides a size. */
static size_t natural_align(size_t size)
{
    return memheap_min(size & (~size + 1), MOST_ALIGN);
}

/* Fill in what follows from the sizes. @return false if they do not fit */
bool memheap_cache_set_sizes(memheap_cache_t *cache,
                             const memheap_cache_config_t *config)
{
    size_t size = config->item_size;
    if (size == 0 || size > largest_slab || config->align > largest_slab ||
        (config->align & (config->align - 1)) != 0 ||
        config->slab_size > largest_slab ||
        (config->slab_size & (config->slab_size - 1)) != 0)
        return false;
    cache->align = config->align == 0 ? natural_align(size) : config->align;
    cache->stride =
        memheap_max(memheap_align_up(size, cache->align), LEAST_STRIDE);
    size_t slab = config->slab_size;
    if (slab == 0) {
        slab = memheap_max(default_slab, (size_t)1 << memheap_log2_ceil(
                                             DEFAULT_ITEMS * cache->stride));
        slab = memheap_min(slab, largest_slab);
    }
    cache->order = memheap_log2_floor(slab);
    cache->items = slab / cache->stride;
    cache->groups = (cache->items + GROUP - 1) / GROUP;
    cache->tops = (cache->groups + GROUP - 1) / GROUP;
    cache->span = cache->items * cache->stride;
    cache->part = UINT64_MAX / cache->stride + 1;
    cache->slab_align = memheap_max(slab, cache->align);
    cache->record_size =
        sizeof(slab_t) + (cache->groups + cache->tops) * sizeof(uint64_t);
    return cache->items >= 1 && cache->items <= MOST_ITEMS;
}

static slab_t *record_at(const memheap_cache_t *cache, chunk_t *chunk,
                         size_t index)
{
    return (slab_t *)(void *)((char *)(chunk + 1) + index * cache->record_size);
}

/* Make sure that there is an unused record; the mutex is held. */
static memheap_status_t ensure_record(memheap_cache_t *cache)
{
    if (cache->unused != NULL)
        return MEMHEAP_OK;
    size_t bytes = cache->chunks == NULL
                       ? first_chunk
                       : memheap_min(2 * cache->chunks->bytes, largest_chunk);
    bytes = memheap_max(bytes, sizeof(chunk_t) + cache->record_size);
    chunk_t *chunk = memheap_memory_new(cache->memory, bytes);
    if (chunk == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    *chunk = (chunk_t){.older = cache->chunks,
                       .bytes = bytes,
                       .count = (bytes - sizeof(chunk_t)) / cache->record_size};
    cache->chunks = chunk;
    cache->records += bytes;
    cache->record_count += chunk->count;
    for (size_t i = chunk->count; i-- > 0;) {
        slab_t *slab = record_at(cache, chunk, i);
        slab->next = cache->unused;
        cache->unused = slab;
    }
    return MEMHEAP_OK;
}

static void drop_record(memheap_cache_t *cache, slab_t *slab)
{
    slab->base = NULL;
    slab->next = cache->unused;
    cache->unused = slab;
}

/* Set the first count bits. */
static void set_bits(uint64_t *words, size_t count)
{
    for (; count >= GROUP; count -= GROUP)
        *words++ = UINT64_MAX;
    if (count > 0)
        *words = ((uint64_t)1 << count) - 1;
}

static void list_remove(memheap_cache_t *cache, slab_t *slab)
{
    if (slab->previous == NULL)
        cache->list = slab->next;
    else
        slab->previous->next = slab->next;
    if (slab->next != NULL)
        slab->next->previous = slab->previous;
}
static void map_remove(memheap_cache_t *cache, const slab_t *slab)
{
    uint64_t key = key_of(cache, (uintptr_t)slab->base);
    memheap_hashmap_remove(&cache->map, memheap_hashmap_find(&cache->map, key));
}

/* Have the pool take back slabs that nobody finds any more, a list through
 * `next`. The mutex is held, and the lock is not. */
memheap_status_t memheap_cache_push_slabs(memheap_cache_t *cache, slab_t *slab)
{
    memheap_status_t first = MEMHEAP_OK;
    while (slab != NULL) {
        slab_t *next = slab->next;
        memheap_status_t status =
            cache->pool.push(cache->pool.state, slab->base);
        if (status != MEMHEAP_OK)
            memheap_log_write(cache->log, MEMHEAP_LOG_ERROR,
                              "cache \"%s\": its pool does not take the slab "
                              "at %p back: %s",
                              cache->name, (void *)slab->base,
                              memheap_status_string(status));
        first = first == MEMHEAP_OK ? status : first;
        drop_record(cache, slab);
        slab = next;
    }
    return first;
}

/* A block of the pool, at a multiple of its size if there is one. The mutex is
 * held, and the lock is not. */
static memheap_status_t pop_block(memheap_cache_t *cache, void **block_p)
{
    const memheap_pool_t *pool = &cache->pool;
    size_t size = (size_t)1 << cache->order;
    memheap_status_t status =
        pool->pop(pool->state, cache->slab_align, size, block_p);
    if (cache->slab_align == cache->align ||
        (status != MEMHEAP_ERR_NO_MEMORY && status != MEMHEAP_ERR_BAD_ARGUMENT))
        return status;
    if (status == MEMHEAP_ERR_BAD_ARGUMENT)
        cache->slab_align = cache->align;
    return pool->pop(pool->state, cache->align, size, block_p);
}

/* Make sure that there can be one slab more, for all who call the pool
 * together: what may fail for one of them alone is agreed on when all of them
 * need memory, which they do for the same slab. The mutex and the lock are
 * held; the lock is not meanwhile. */
static memheap_status_t ensure_slab(memheap_cache_t *cache)
{
    cache_unlock(cache);
    memheap_status_t status = ensure_record(cache);
    cache_lock(cache);
    if (status == MEMHEAP_OK)
        status = memheap_hashmap_reserve(&cache->map);
    cache_unlock(cache);
    status = memheap_pool_agree(&cache->pool, status);
    cache_lock(cache);
    if (status == MEMHEAP_OK)
        cache->agreed = memheap_min(cache->map.room, cache->record_count);
    return status;
}

/* Take a slab from the pool and into the map, which is all that knows of it.
 * The mutex and the lock are held; the lock is not meanwhile. */
static memheap_status_t new_slab(memheap_cache_t *cache, slab_t **slab_p)
{
    void *block;
    memheap_status_t status = MEMHEAP_OK;
    if (cache->map.count >= cache->agreed || cache->unused == NULL)
        status = ensure_slab(cache);
    if (status != MEMHEAP_OK)
        return status;
    cache_unlock(cache);
    status = pop_block(cache, &block);
    cache_lock(cache);
    if (status != MEMHEAP_OK)
        return status;
    slab_t *slab = cache->unused;
    cache->unused = slab->next;
    slab->base = block;
    slab->used = 0;
    slab->root = 0;
    set_bits(slab->words, cache->items);
    set_bits(tops_of(cache, slab), cache->groups);
    set_bits(&slab->root, cache->tops);
    memheap_hashmap_put(&cache->map, key_of(cache, (uintptr_t)block),
                        (uint64_t)(uintptr_t)slab);
    *slab_p = slab;
    return MEMHEAP_OK;
}

/* Have so many free items, of new slabs if need be. The mutex and the lock are
 * held, as by new_slab(). *surplus_p takes those for
 * memheap_cache_push_slabs(): all if that fails, or what others freed meanwhile
 * has made needless. */
memheap_status_t memheap_cache_grow(memheap_cache_t *cache, size_t count,
                                    slab_t **surplus_p)
{
    slab_t *fresh = NULL;
    size_t gained = 0;
    memheap_status_t status = MEMHEAP_OK;
    while (status == MEMHEAP_OK &&
           free_items(cache) + gained * cache->items < count) {
        slab_t *slab;
        status = new_slab(cache, &slab);
        if (status == MEMHEAP_OK) {
            slab->next = fresh;
            fresh = slab;
            gained++;
        }
    }
    slab_t **end = surplus_p;
    for (*end = fresh; fresh != NULL; fresh = *end) {
        if (status == MEMHEAP_OK &&
            free_items(cache) + (gained - 1) * cache->items < count)
            break;
        map_remove(cache, fresh);
        end = &fresh->next;
        gained--;
    }
    *end = NULL;
    while (fresh != NULL) {
        slab_t *next = fresh->next;
        list_add(cache, fresh);
        fresh = next;
    }
    cache->slabs += gained;
    return status;
}
/* And clear it. */
static void close_group(const memheap_cache_t *cache, slab_t *slab,
                        size_t group)
{
    uint64_t *top = &tops_of(cache, slab)[group / GROUP];
    *top &= ~((uint64_t)1 << (group % GROUP));
    if (*top == 0)
        slab->root &= ~((uint64_t)1 << (group / GROUP));
}

/* A slab at hand with a free item, other than the one in use; or NULL. */
static slab_t *next_slab(memheap_cache_t *cache)
{
    slab_t *slab = cache->list;
    if (slab != NULL) {
        list_remove(cache, slab);
    } else {
        slab = cache->spare;
        cache->spare = NULL;
    }
    return slab;
}

/* The next group up of a slab that has a free item, or else the first. */
static size_t group_after(const memheap_cache_t *cache, slab_t *slab,
                          size_t group)
{
    const uint64_t *tops = tops_of(cache, slab);
    size_t top = group / GROUP;
    uint64_t bits = tops[top] & ~(uint64_t)1 << (group % GROUP);
    if (bits == 0) {
        uint64_t root = slab->root & ~(uint64_t)1 << top;
        top = (size_t)__builtin_ctzll(root != 0 ? root : slab->root);
        bits = tops[top];
    }
    return top * GROUP + (size_t)__builtin_ctzll(bits);
}

/* Leave the group in use, which is full, for one with a free item; none is
 * held. @return whether there is one at hand */
bool memheap_cache_next_group(memheap_cache_t *cache)
{
    slab_t *slab = cache->slab;
    size_t group = 0;
    if (slab != NULL) {
        group = (size_t)(cache->word - slab->words);
        close_group(cache, slab, group);
    }
    if (slab == NULL || slab->root == 0) {
        slab = next_slab(cache);
        if (slab == NULL) {
            if (cache->slab != NULL)
                open_group(cache, cache->slab, group);
            return false;
        }
        group = cache->groups - 1; /* what comes next is the first */
        cache->slab = slab;
        cache->base = slab->base;
        cache->here = cache->span;
    }
    group = group_after(cache, slab, group);
    cache->word = &slab->words[group];
    cache->group = slab->base + group * GROUP * cache->stride;
    return true;
}

/* Hold no item of a slab any more. */
static void show_held(memheap_cache_t *cache, slab_t *slab)
{
    size_t kept = 0;
    for (size_t i = 0; i < cache->held; i++) {
        const place_t place = cache->hold[i];
        if (place.slab == slab)
            show_group(cache, slab, place.index / GROUP);
        else
            cache->hold[kept++] = place;
    }
    cache->held = kept;
}

/* Let a slab without items be the spare. @return false if there is one; the
 * slab is for memheap_cache_push_slabs() then */
bool memheap_cache_keep_spare(memheap_cache_t *cache, slab_t *slab)
{
    show_held(cache, slab);
    list_remove(cache, slab);
    if (cache->spare == NULL) {
        cache->spare = slab;
        return true;
    }
    map_remove(cache, slab);
    cache->slabs--;
    slab->used = DETACHED;
    return false;
}

memheap_status_t memheap_cache_delete_slabs(memheap_cache_t *cache)
{
    memheap_status_t first = MEMHEAP_OK;
    const memheap_memory_t *memory = cache->memory;
    while (cache->chunks != NULL) {
        chunk_t *chunk = cache->chunks;
        for (size_t i = chunk->count; i-- > 0;) {
            slab_t *slab = record_at(cache, chunk, i);
            if (slab->base == NULL)
                continue;
            slab->next = NULL;
            memheap_status_t status = memheap_cache_push_slabs(cache, slab);
            first = first == MEMHEAP_OK ? status : first;
        }
        cache->chunks = chunk->older;
        memheap_memory_delete(memory, chunk, chunk->bytes);
    }
    return first;
}

/* Whether an item of a group is held. */
static bool is_held(const memheap_cache_t *cache, const uint64_t *word)
{
    for (size_t i = 0; i < cache->held; i++) {
        if (word_of(&cache->hold[i]) == word &&
            (*word & bit_of(&cache->hold[i])) != 0)
            return true;
    }
    return false;
}

/* The slab that starts at an address, or NULL. */
static const slab_t *find_slab(const memheap_cache_t *cache, const char *base)
{
    const uint64_t *value =
        memheap_hashmap_find(&cache->map, key_of(cache, (uintptr_t)base));
    return value == NULL ? NULL : (const slab_t *)(uintptr_t)*value;
}

/* Whether a slab's record keeps the rules of its own. */
static bool slab_is_sound(const memheap_cache_t *cache, slab_t *slab)
{
    size_t count = 0;
    for (size_t i = 0; i < cache->groups; i++) {
        const uint64_t *top = &tops_of(cache, slab)[i / GROUP];
        bool open = (*top >> (i % GROUP) & 1) != 0;
        bool root = (slab->root >> (i / GROUP) & 1) != 0;
        if (root != (*top != 0))
            return false;
        bool wanted = slab->words[i] != 0 || &slab->words[i] == cache->word;
        if (open != wanted && (open || !is_held(cache, &slab->words[i])))
            return false;
        count += (size_t)__builtin_popcountll(slab->words[i]);
    }
    return count == cache->items - slab->used &&
           find_slab(cache, slab->base) == slab;
}

/* Whether the list has as many slabs as it should, each of which may be in it.
 */
static bool list_is_sound(const memheap_cache_t *cache, size_t wanted)
{
    size_t count = 0;
    const slab_t *previous = NULL;
    for (const slab_t *slab = cache->list; slab != NULL; slab = slab->next) {
        if (slab->previous != previous || slab->used == 0 ||
            slab->used == cache->items || slab == cache->slab ||
            slab == cache->spare || ++count > wanted)
            return false;
        previous = slab;
    }
    return count == wanted;
}

bool memheap_cache_slabs_are_sound(memheap_cache_t *cache)
{
    size_t slabs = 0;
    size_t used = 0;
    size_t listed = 0;
    bool sound = true;
    for (chunk_t *chunk = cache->chunks; chunk != NULL; chunk = chunk->older) {
        for (size_t i = 0; i < chunk->count && sound; i++) {
            slab_t *slab = record_at(cache, chunk, i);
            if (slab->base == NULL || slab->used == DETACHED)
                continue;
            slabs++;
            used += slab->used;
            listed +=
                slab->root != 0 && slab != cache->slab && slab != cache->spare;
            sound =
                slab_is_sound(cache, slab) &&
                (slab->used > 0 || slab == cache->slab || slab == cache->spare);
        }
    }
    return sound && slabs == cache->slabs && used == live_of(cache) &&
           slabs == cache->map.count && list_is_sound(cache, listed) &&
           (cache->spare == NULL || cache->spare->used == 0);
}
