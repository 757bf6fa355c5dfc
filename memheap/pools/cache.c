/*
 * Slabs of items of one size.
 *
 * A slab is a block of the pool, 2^order bytes, cut into items from its start.
 * What is known of it is a record elsewhere: a bit for each item, set while
 * the item is free, in groups of 64; a bit for each group, and a root of 64
 * bits above. The greatest alignment that a slab can have is asked for, and
 * less is taken: so an item's slab is found by its address over 2^order in a
 * hash table of where slabs start, or else by the number before that.
 *
 * An item is the lowest free one of the group in use. When that is full, the
 * held item comes that was freed last: the first that is freed of a full slab
 * is held, and nothing else noted of it, while there is room, as the next
 * allocation mostly wants it. When none is held, the next group up that has a
 * free item is in use, and after the last the first; and when the slab in use
 * is full, the one that stopped being so last, the spare, or a new one. A slab
 * whose last item is freed becomes the spare, or goes back if there is one; the
 * slab in use stays. No address is part of a decision. Rules that
 * memheap_cache_check() tests:
 *   - a slab's items in use are as many as it counts, and all slabs' together
 *     as many as the cache counts;
 *   - the bit of a group is set if an item of it is free, and only then; but
 *     that of the group in use always is, and that of a group with an item
 *     held may be clear;
 *   - in the list are the slabs with a group's bit set, but for the one in use
 *     and the spare.
 *
 * Of threads, one at a time is in here, behind a lock (base/biased_lock.h) that
 * nobody holds while the pool is called; whoever goes to the pool holds a mutex
 * as well, and takes it first.
 *
 * Sources: J. Bonwick, "The slab allocator", USENIX Summer 1994. What is left
 * of a division: D. Lemire, O. Kaser, N. Kurz, "Faster remainder by direct
 * computation", Software: Practice and Experience 49(6), 2019.
 */
#include "config.h"

#include <memheap/cache.h>
#include "memheap/dependents.h"
#include "base/biased_lock.h"
#include "base/hashmap.h"
#include "base/util.h"
#include "config.h"

#include <memheap/cache.h>
#include "memheap/pools/cache_slabs.h"

#include <stdio.h>

enum {
    TEXT_SIZE = 256
};

/* What no caller has the address of. */
static const char nothing;

/* Be the one who calls the pool, and hold the lock too. */
static void pool_lock(memheap_cache_t *cache)
{
    if (cache->locks)
        pthread_mutex_lock(&cache->mutex);
    cache_lock(cache);
}

static void pool_unlock(memheap_cache_t *cache)
{
    cache_unlock(cache);
    if (cache->locks)
        pthread_mutex_unlock(&cache->mutex);
}
static MEMHEAP_INLINE void count_item(memheap_cache_t *cache, slab_t *slab)
{
    slab->used++;
    if (--cache->below_peak < 0) {
        cache->below_peak = 0;
        cache->peak++;
    }
}

/* Take the item that was held last. */
static MEMHEAP_NOINLINE bool take_held(memheap_cache_t *cache, void **item_p)
{
    if (cache->held == 0)
        return false;
    const place_t *place = &cache->hold[--cache->held];
    uint64_t *word = word_of(place);
    *word &= ~bit_of(place);
    if (MEMHEAP_UNLIKELY(*word != 0))
        show_group(cache, place->slab, place->index / GROUP);
    count_item(cache, place->slab);
    *item_p = place->slab->base + place->index * cache->stride;
    return true;
}

/* Take the next free item of the group in use. */
static MEMHEAP_INLINE bool take(memheap_cache_t *cache, void **item_p)
{
    uint64_t word = *cache->word;
    if (MEMHEAP_UNLIKELY(word == 0))
        return false;
    uint64_t rest = word & (word - 1);
    void *item = cache->group + (unsigned)__builtin_ctzll(word) * cache->stride;
    *cache->word = rest;
    cache->bit = word ^ rest;
    cache->last = item;
    count_item(cache, cache->slab);
    *item_p = item;
    return true;
}

MEMHEAP_NOINLINE memheap_status_t
memheap_cache_alloc_batch(memheap_cache_t *cache, size_t count, void **items)
{
    memheap_status_t status = MEMHEAP_OK;
    slab_t *surplus = NULL;
    cache_lock(cache);
    bool grows = free_items(cache) < count;
    if (grows) {
        cache_unlock(cache);
        pool_lock(cache);
        status = memheap_cache_grow(cache, count, &surplus);
    }
    if (status == MEMHEAP_OK) {
        for (size_t i = 0; i < count; i++) {
            while (!take(cache, &items[i]) && !take_held(cache, &items[i]))
                memheap_cache_next_group(cache);
        }
    } else {
        cache->failures++;
    }
    cache_unlock(cache);
    if (grows) {
        memheap_cache_push_slabs(cache, surplus);
        if (cache->locks)
            pthread_mutex_unlock(&cache->mutex);
    }
    return status;
}

static MEMHEAP_NOINLINE memheap_status_t alloc_locked(memheap_cache_t *cache,
                                                      void **item_p)
{
    memheap_biased_lock_acquire(&cache->lock);
    bool took = take(cache, item_p) || take_held(cache, item_p);
    memheap_biased_lock_release(&cache->lock);
    return MEMHEAP_LIKELY(took) ? MEMHEAP_OK
                                : memheap_cache_alloc_batch(cache, 1, item_p);
}

static MEMHEAP_NOINLINE memheap_status_t alloc_slow(memheap_cache_t *cache,
                                                    void **item_p)
{
    return take_held(cache, item_p)
               ? MEMHEAP_OK
               : memheap_cache_alloc_batch(cache, 1, item_p);
}

memheap_status_t memheap_cache_alloc(memheap_cache_t *cache, void **item_p)
{
    if (cache->locks)
        return alloc_locked(cache, item_p);
    return MEMHEAP_LIKELY(take(cache, item_p)) ? MEMHEAP_OK
                                               : alloc_slow(cache, item_p);
}

void *memheap_cache_malloc(memheap_cache_t *cache)
{
    void *item;
    return memheap_cache_alloc(cache, &item) == MEMHEAP_OK ? item : NULL;
}

static slab_t *find_key(const memheap_cache_t *cache, uint64_t key)
{
    const uint64_t *value = memheap_hashmap_find(&cache->map, key);
    return value == NULL ? NULL : (slab_t *)(uintptr_t)*value;
}

/* Whether an address lies among the items of a slab. */
static bool lies_in(const memheap_cache_t *cache, const slab_t *slab,
                    uintptr_t address)
{
    return slab != NULL && address - (uintptr_t)slab->base < cache->span;
}

/* The slab whose items an address lies among, or NULL. */
static MEMHEAP_NOINLINE slab_t *search_slab(const memheap_cache_t *cache,
                                            uintptr_t address)
{
    uint64_t key = key_of(cache, address);
    slab_t *slab = find_key(cache, key);
    if (!lies_in(cache, slab, address))
        slab = key == 0 ? NULL : find_key(cache, key - 1);
    return lies_in(cache, slab, address) ? slab : NULL;
}

/* The same, for most in one look. */
static MEMHEAP_INLINE slab_t *find_slab(const memheap_cache_t *cache,
                                        uintptr_t address)
{
    uint64_t key = key_of(cache, address);
    const memheap_hashmap_slot_t *slot =
        &cache->map.slots[memheap_hashmap_home(&cache->map, key)];
    slab_t *slab = (slab_t *)(uintptr_t)slot->value;
    if (MEMHEAP_LIKELY(slot->key_plus_one == key + 1 &&
                       address - (uintptr_t)slab->base < cache->span))
        return slab;
    return search_slab(cache, address);
}

/* Whether an item starts at an address, and where it is then. */
static MEMHEAP_INLINE bool find_item(const memheap_cache_t *cache,
                                     const void *item, place_t *place)
{
    uintptr_t address = (uintptr_t)item;
    size_t offset = address - (uintptr_t)cache->base;
    place->slab = cache->slab;
    if (offset >= cache->here) {
        place->index = 0;
        place->slab = find_slab(cache, address);
        if (MEMHEAP_UNLIKELY(place->slab == NULL))
            return false;
        offset = address - (uintptr_t)place->slab->base;
    }
    unsigned __int128 product = (unsigned __int128)offset * cache->part;
    place->index = (size_t)(product >> 64);
    return (uint64_t)product < cache->part;
}

/* Count an item that was freed. @return how many its slab has left */
static MEMHEAP_INLINE size_t count_free(memheap_cache_t *cache, slab_t *slab)
{
    cache->frees++;
    cache->below_peak++;
    return --slab->used;
}

/* Release the lock, and let the pool have slabs. */
static void unlock_and_push(memheap_cache_t *cache, slab_t *slabs)
{
    cache_unlock(cache);
    if (slabs == NULL)
        return;
    if (cache->locks)
        pthread_mutex_lock(&cache->mutex);
    memheap_cache_push_slabs(cache, slabs);
    if (cache->locks)
        pthread_mutex_unlock(&cache->mutex);
}

/* Say in words why an address is no item in use; the lock is held. */
static MEMHEAP_NOINLINE char *describe(const memheap_cache_t *cache,
                                       const void *address, char *text)
{
    place_t place;
    bool starts = find_item(cache, address, &place);
    const char *name = cache->name;
    if (place.slab == NULL) {
        snprintf(text, TEXT_SIZE,
                 "%p is no item of cache \"%s\": none of its %zu slabs has an "
                 "item there",
                 address, name, cache->slabs);
        return text;
    }
    size_t inside = (size_t)((const char *)address - place.slab->base) -
                    place.index * cache->stride;
    if (!starts)
        snprintf(text, TEXT_SIZE,
                 "%p is no item of cache \"%s\": it lies %zu bytes into the "
                 "item at %p",
                 address, name, inside,
                 (const void *)((const char *)address - inside));
    else
        snprintf(text, TEXT_SIZE,
                 "%p is no item in use of cache \"%s\": it may have been freed "
                 "before",
                 address, name);
    return text;
}

/* Release the lock, and answer for what is no item in use. */
static MEMHEAP_NOINLINE memheap_status_t bad_item(memheap_cache_t *cache,
                                                  const void *address)
{
    char text[TEXT_SIZE];
    if (address != NULL)
        describe(cache, address, text);
    cache_unlock(cache);
    if (address == NULL)
        return MEMHEAP_OK;
    memheap_log_write(cache->log, MEMHEAP_LOG_ERROR, "memheap_cache_free: %s",
                      text);
    return MEMHEAP_ERR_BAD_ADDRESS;
}

/* Let a slab without items go, if need be, and release the lock. */
static MEMHEAP_NOINLINE memheap_status_t finish_slab(memheap_cache_t *cache,
                                                     slab_t *slab)
{
    slab_t *leaves = NULL;
    if (slab->used == 0 && slab != cache->slab &&
        !memheap_cache_keep_spare(cache, slab)) {
        slab->next = NULL;
        leaves = slab;
    }
    unlock_and_push(cache, leaves);
    return MEMHEAP_OK;
}

/* As finish_slab(), for a group that was full. */
static MEMHEAP_NOINLINE memheap_status_t finish_group(memheap_cache_t *cache,
                                                      slab_t *slab,
                                                      size_t group)
{
    show_group(cache, slab, group);
    return finish_slab(cache, slab);
}

/* Free an item, and release the lock; `locks` is as in the cache. */
static MEMHEAP_INLINE memheap_status_t free_item(memheap_cache_t *cache,
                                                 const void *item, bool locks)
{
    place_t place;
    if (item == cache->last && (*cache->word & cache->bit) == 0) {
        *cache->word |= cache->bit;
        count_free(cache, cache->slab);
        if (locks)
            memheap_biased_lock_release(&cache->lock);
        return MEMHEAP_OK;
    }
    if (MEMHEAP_UNLIKELY(!find_item(cache, item, &place)))
        return bad_item(cache, item);
    uint64_t *word = word_of(&place);
    uint64_t before = *word;
    if (MEMHEAP_UNLIKELY((before & bit_of(&place)) != 0))
        return bad_item(cache, item);
    *word = before | bit_of(&place);
    size_t left = count_free(cache, place.slab);
    if (before == 0) {
        if (MEMHEAP_UNLIKELY(left == 0))
            return finish_group(cache, place.slab, place.index / GROUP);
        if (place.slab->root != 0)
            open_group(cache, place.slab, place.index / GROUP);
        else if (cache->held < HELD)
            cache->hold[cache->held++] = place;
        else
            return finish_group(cache, place.slab, place.index / GROUP);
    } else if (MEMHEAP_UNLIKELY(left == 0 && place.slab != cache->slab)) {
        return finish_slab(cache, place.slab);
    }
    if (locks)
        memheap_biased_lock_release(&cache->lock);
    return MEMHEAP_OK;
}

static MEMHEAP_NOINLINE memheap_status_t free_locked(memheap_cache_t *cache,
                                                     const void *item)
{
    memheap_biased_lock_acquire(&cache->lock);
    return free_item(cache, item, true);
}

memheap_status_t memheap_cache_free(memheap_cache_t *cache, void *item)
{
    return cache->locks ? free_locked(cache, item)
                        : free_item(cache, item, false);
}

/* Free the first count items, bit by bit and without more. @return how many
 * could be, up to one that is no item in use */
static size_t mark(const memheap_cache_t *cache, size_t count,
                   void *const *items)
{
    place_t place;
    for (size_t i = 0; i < count; i++) {
        if (items[i] == NULL)
            continue;
        if (!find_item(cache, items[i], &place) ||
            (*word_of(&place) & bit_of(&place)) != 0)
            return i;
        *word_of(&place) |= bit_of(&place);
    }
    return count;
}

/* Undo that. */
static void unmark(const memheap_cache_t *cache, size_t count,
                   void *const *items)
{
    place_t place;
    for (size_t i = 0; i < count; i++) {
        if (items[i] != NULL && find_item(cache, items[i], &place))
            *word_of(&place) &= ~bit_of(&place);
    }
}

memheap_status_t memheap_cache_free_batch(memheap_cache_t *cache, size_t count,
                                          void *const *items)
{
    char text[TEXT_SIZE];
    slab_t *slabs = NULL;
    slab_t **end = &slabs;
    cache_lock(cache);
    size_t marked = mark(cache, count, items);
    if (marked < count) {
        describe(cache, items[marked], text);
        unmark(cache, marked, items);
        cache_unlock(cache);
        memheap_log_write(cache->log, MEMHEAP_LOG_ERROR,
                          "memheap_cache_free_batch: %s", text);
        return MEMHEAP_ERR_BAD_ADDRESS;
    }
    for (size_t i = 0; i < count; i++) {
        place_t place;
        if (items[i] == NULL || !find_item(cache, items[i], &place))
            continue;
        show_group(cache, place.slab, place.index / GROUP);
        if (count_free(cache, place.slab) == 0 && place.slab != cache->slab &&
            !memheap_cache_keep_spare(cache, place.slab)) {
            place.slab->next = NULL;
            *end = place.slab;
            end = &place.slab->next;
        }
    }
    unlock_and_push(cache, slabs);
    return MEMHEAP_OK;
}

memheap_status_t memheap_cache_create(const memheap_cache_config_t *config,
                                      memheap_cache_t **cache_p)
{
    const memheap_memory_t *memory =
        config->memory == NULL ? &memheap_memory_system : config->memory;
    const memheap_log_t *log =
        config->log == NULL ? &memheap_log_stderr : config->log;
    memheap_cache_t sizes = {.order = 0};
    const char *name = config->name == NULL ? "cache" : config->name;
    if (config->pool == NULL || !memheap_cache_set_sizes(&sizes, config)) {
        memheap_log_write(log, MEMHEAP_LOG_ERROR,
                          "no cache \"%s\" can have items of %zu bytes at "
                          "multiples of %zu in slabs of %zu%s",
                          name, config->item_size, config->align,
                          config->slab_size,
                          config->pool == NULL ? " out of no pool" : "");
        return MEMHEAP_ERR_BAD_ARGUMENT;
    }
    memheap_cache_t *cache = memheap_memory_new(memory, sizeof(*cache));
    if (cache == NULL)
        goto err_log;
    *cache = sizes;
    if (memheap_hashmap_open(&cache->map, memory) != MEMHEAP_OK)
        goto err_cache;
    cache->word = &cache->none;
    cache->last = &nothing;
    cache->locks = (config->flags & MEMHEAP_SINGLE_THREADED) == 0;
    cache->pool = *config->pool;
    cache->log = log;
    cache->memory = memory;
    snprintf(cache->name, sizeof(cache->name), "%s", name);
    pthread_mutex_init(&cache->mutex, NULL);
    memheap_dependents_add(&cache->pool, &cache->self, "cache", cache->name);
    memheap_status_t status = memheap_pool_agree(config->pool, MEMHEAP_OK);
    if (status != MEMHEAP_OK) {
        memheap_cache_destroy(cache);
        return status;
    }
    *cache_p = cache;
    return MEMHEAP_OK;

err_cache:
    memheap_memory_delete(memory, cache, sizeof(*cache));
err_log:
    memheap_log_write(log, MEMHEAP_LOG_ERROR,
                      "no memory for what cache \"%s\" keeps about itself",
                      name);
    memheap_pool_agree(config->pool, MEMHEAP_ERR_NO_METADATA);
    return MEMHEAP_ERR_NO_METADATA;
}

memheap_status_t memheap_cache_destroy(memheap_cache_t *cache)
{
    if (cache == NULL)
        return MEMHEAP_OK;
    memheap_status_t first = memheap_dependents_check(
        &cache->dependents, "cache", cache->name, cache->log);
    if (first != MEMHEAP_OK)
        return first;
    memheap_dependents_remove(&cache->self);
    const memheap_memory_t *memory = cache->memory;
    first = memheap_cache_delete_slabs(cache);
    memheap_hashmap_close(&cache->map);
    pthread_mutex_destroy(&cache->mutex);
    memheap_memory_delete(memory, cache, sizeof(*cache));
    return first;
}

void memheap_cache_get_stats(memheap_cache_t *cache,
                             memheap_cache_stats_t *stats)
{
    cache_lock(cache);
    size_t live = live_of(cache);
    *stats = (memheap_cache_stats_t){
        .name = cache->name,
        .item_size = cache->stride,
        .slab_items = cache->items,
        .live = live,
        .peak = cache->peak,
        .slabs = cache->slabs,
        .bytes = cache->slabs << cache->order,
        .metadata = sizeof(*cache) + cache->records +
                    (sizeof(memheap_hashmap_slot_t) << cache->map.order),
        .allocations = live + cache->frees,
        .frees = cache->frees,
        .failures = cache->failures,
    };
    cache_unlock(cache);
}

memheap_status_t memheap_cache_check(memheap_cache_t *cache)
{
    pool_lock(cache);
    bool sound = memheap_cache_slabs_are_sound(cache);
    pool_unlock(cache);
    return sound ? MEMHEAP_OK : MEMHEAP_ERR_CORRUPT;
}

static memheap_status_t pool_pop(void *state, size_t align, size_t size,
                                 void **block_p)
{
    memheap_cache_t *cache = state;
    if (size == 0 || size > cache->stride || !memheap_is_power_of_two(align) ||
        align > cache->align)
        return MEMHEAP_ERR_BAD_ARGUMENT;
    return memheap_cache_alloc(cache, block_p);
}

static memheap_status_t pool_push(void *state, void *block)
{
    return memheap_cache_free(state, block);
}

static memheap_status_t pool_getsize(void *state, const void *block,
                                     size_t *size_p)
{
    memheap_cache_t *cache = state;
    place_t place;
    cache_lock(cache);
    bool live =
        find_item(cache, block, &place) &&
        (place.slab->words[place.index / GROUP] >> (place.index % GROUP) & 1) ==
            0;
    cache_unlock(cache);
    if (!live)
        return MEMHEAP_ERR_BAD_ADDRESS;
    *size_p = cache->stride;
    return MEMHEAP_OK;
}

static memheap_status_t pool_agree(void *state, memheap_status_t mine)
{
    const memheap_cache_t *cache = state;
    return memheap_pool_agree(&cache->pool, mine);
}

memheap_pool_t memheap_cache_as_pool(memheap_cache_t *cache)
{
    return (memheap_pool_t){.pop = pool_pop,
                            .push = pool_push,
                            .getsize = pool_getsize,
                            .state = cache,
                            .agree = pool_agree,
                            .dependents = &cache->dependents};
}
