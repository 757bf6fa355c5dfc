/*
 * Caches: allocating and freeing items. cache_slabs.h has the data structure.
 *
 * An allocation takes, in this order:
 *   1. the lowest free item of the current word;
 *   2. the most recently freed item of a full slab;
 *   3. the next word of the current slab, then of the slab that became partial
 *      last, then of the spare, then of a new slab.
 * A free finds the slab in a hash table by address / 2^order. If the pool did
 * not align the slab to its size, the slab may be under the number before. The
 * item's number is offset / stride, by a multiplication. A slab without items
 * in use becomes the spare, or returns to the pool if there is a spare; the
 * current slab stays. No decision depends on an address.
 *
 * One thread at a time is in the cache, under a biased lock. A thread that
 * calls the pool holds the mutex, acquired before the lock, and releases the
 * lock meanwhile.
 *
 * Sources: J. Bonwick, "The slab allocator", USENIX Summer 1994. Division with
 * remainder: D. Lemire, O. Kaser, N. Kurz, "Faster remainder by direct
 * computation", Software: Practice and Experience 49(6), 2019.
 */
#include "config.h"

#include <memheap/cache.h>
#include "memheap/pools/cache_slabs.h"
#include "base/text.h"

#include <stdio.h>

enum {
    TEXT_SIZE = 256
};

/* Its address is that of no item. */
static const char no_item;

/* Acquire the mutex and the lock, to call the pool. */
static void lock_pool(memheap_cache_t *cache)
{
    if (cache->locks)
        pthread_mutex_lock(&cache->mutex);
    cache_lock(cache);
}

static void unlock_pool(memheap_cache_t *cache)
{
    cache_unlock(cache);
    if (cache->locks)
        pthread_mutex_unlock(&cache->mutex);
}

/* Count an item that was taken. */
static MEMHEAP_INLINE void count_item(memheap_cache_t *cache, slab_t *slab)
{
    slab->used++;
    if (--cache->below_peak < 0) {
        cache->below_peak = 0;
        cache->peak++;
    }
}

/* Take the most recently freed item of a full slab.
 * @return false if there is none */
static MEMHEAP_NOINLINE bool take_recent(memheap_cache_t *cache, void **item_p)
{
    if (cache->recent_count == 0)
        return false;
    const item_ref_t *ref = &cache->recent[--cache->recent_count];
    uint64_t *word = word_of(ref);
    *word &= ~bit_of(ref);
    if (MEMHEAP_UNLIKELY(*word != 0))
        add_word(cache, ref->slab, ref->index / WORD_BITS);
    count_item(cache, ref->slab);
    *item_p = ref->slab->base + ref->index * cache->stride;
    return true;
}

/* Take the lowest free item of the current word.
 * @return false if there is none */
static MEMHEAP_INLINE bool take_item(memheap_cache_t *cache, void **item_p)
{
    uint64_t word = *cache->word;
    if (MEMHEAP_UNLIKELY(word == 0))
        return false;
    uint64_t rest = word & (word - 1);
    void *item =
        cache->word_items + (unsigned)__builtin_ctzll(word) * cache->stride;
    *cache->word = rest;
    cache->last_bit = word ^ rest;
    cache->last_item = item;
    count_item(cache, cache->current);
    *item_p = item;
    return true;
}

/* Not inlined: it would slow down single allocations. */
MEMHEAP_NOINLINE memheap_status_t
memheap_cache_alloc_batch(memheap_cache_t *cache, size_t count, void **items)
{
    memheap_status_t status = MEMHEAP_OK;
    slab_t *surplus = NULL;
    cache_lock(cache);
    bool grows = free_items(cache) < count;
    if (grows) {
        cache_unlock(cache);
        lock_pool(cache);
        status = memheap_cache_grow(cache, count, &surplus);
    }
    if (status == MEMHEAP_OK) {
        for (size_t i = 0; i < count; i++) {
            while (!take_item(cache, &items[i]) &&
                   !take_recent(cache, &items[i]))
                memheap_cache_next_word(cache);
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
    bool took = take_item(cache, item_p) || take_recent(cache, item_p);
    memheap_biased_lock_release(&cache->lock);
    return MEMHEAP_LIKELY(took) ? MEMHEAP_OK
                                : memheap_cache_alloc_batch(cache, 1, item_p);
}

/* Allocate an item when the current word is full, without a lock. */
static MEMHEAP_NOINLINE memheap_status_t alloc_slow(memheap_cache_t *cache,
                                                    void **item_p)
{
    return take_recent(cache, item_p)
               ? MEMHEAP_OK
               : memheap_cache_alloc_batch(cache, 1, item_p);
}

memheap_status_t memheap_cache_alloc(memheap_cache_t *cache, void **item_p)
{
    if (cache->locks)
        return alloc_locked(cache, item_p);
    return MEMHEAP_LIKELY(take_item(cache, item_p)) ? MEMHEAP_OK
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
static bool contains(const memheap_cache_t *cache, const slab_t *slab,
                     uintptr_t address)
{
    return slab != NULL && address - (uintptr_t)slab->base < cache->span;
}

/* The slab with an item at an address, or NULL. */
static MEMHEAP_NOINLINE slab_t *search_slab(const memheap_cache_t *cache,
                                            uintptr_t address)
{
    uint64_t key = key_of(cache, address);
    slab_t *slab = find_key(cache, key);
    if (!contains(cache, slab, address))
        slab = key == 0 ? NULL : find_key(cache, key - 1);
    return contains(cache, slab, address) ? slab : NULL;
}

/* The same; the first slot of the hash table mostly has it. */
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

/* Find the item at an address.
 * @return whether it starts there; if not, ref->slab may be NULL */
static MEMHEAP_INLINE bool find_item(const memheap_cache_t *cache,
                                     const void *item, item_ref_t *ref)
{
    uintptr_t address = (uintptr_t)item;
    size_t offset = address - (uintptr_t)cache->current_base;
    ref->slab = cache->current;
    if (offset >= cache->current_span) {
        ref->index = 0;
        ref->slab = find_slab(cache, address);
        if (MEMHEAP_UNLIKELY(ref->slab == NULL))
            return false;
        offset = address - (uintptr_t)ref->slab->base;
    }
    unsigned __int128 product = (unsigned __int128)offset * cache->reciprocal;
    ref->index = (size_t)(product >> 64);
    return (uint64_t)product < cache->reciprocal;
}

/* Count an item that was freed. @return items in use of its slab */
static MEMHEAP_INLINE size_t count_free(memheap_cache_t *cache, slab_t *slab)
{
    cache->frees++;
    cache->below_peak++;
    return --slab->used;
}

/* Release the lock, and push slabs to the pool. */
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

/* Describe why an address is no item in use. The caller holds the lock. */
static MEMHEAP_NOINLINE char *describe(const memheap_cache_t *cache,
                                       const void *address, char *text)
{
    item_ref_t ref;
    bool starts = find_item(cache, address, &ref);
    const char *name = cache->name;
    if (ref.slab == NULL) {
        snprintf(text, TEXT_SIZE,
                 "%p is no item of cache \"%s\": none of its %zu slabs has an "
                 "item there",
                 address, name, cache->slabs);
        return text;
    }
    size_t inside = (size_t)((const char *)address - ref.slab->base) -
                    ref.index * cache->stride;
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

/* Release the lock, and report an address that is no item in use. */
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

/* Complete a free: the slab may have no items in use. Releases the lock. */
static MEMHEAP_NOINLINE memheap_status_t finish_free(memheap_cache_t *cache,
                                                     slab_t *slab)
{
    slab_t *leaving = NULL;
    if (slab->used == 0 && slab != cache->current &&
        !memheap_cache_keep_empty(cache, slab)) {
        slab->next = NULL;
        leaving = slab;
    }
    unlock_and_push(cache, leaving);
    return MEMHEAP_OK;
}

/* Complete a free into a word that was full. Releases the lock. */
static MEMHEAP_NOINLINE memheap_status_t
finish_full_word(memheap_cache_t *cache, slab_t *slab, size_t word)
{
    add_word(cache, slab, word);
    return finish_free(cache, slab);
}

/* Free an item, and release the lock. locks is a constant for the compiler. */
static MEMHEAP_INLINE memheap_status_t free_item(memheap_cache_t *cache,
                                                 const void *item, bool locks)
{
    item_ref_t ref;
    if (item == cache->last_item && (*cache->word & cache->last_bit) == 0) {
        *cache->word |= cache->last_bit;
        count_free(cache, cache->current);
        if (locks)
            memheap_biased_lock_release(&cache->lock);
        return MEMHEAP_OK;
    }
    if (MEMHEAP_UNLIKELY(!find_item(cache, item, &ref)))
        return bad_item(cache, item);
    uint64_t *word = word_of(&ref);
    uint64_t before = *word;
    if (MEMHEAP_UNLIKELY((before & bit_of(&ref)) != 0))
        return bad_item(cache, item);
    *word = before | bit_of(&ref);
    size_t left = count_free(cache, ref.slab);
    if (before == 0) {
        if (MEMHEAP_UNLIKELY(left == 0))
            return finish_full_word(cache, ref.slab, ref.index / WORD_BITS);
        if (ref.slab->root != 0)
            set_summary(cache, ref.slab, ref.index / WORD_BITS);
        else if (cache->recent_count < RECENT_MAX)
            cache->recent[cache->recent_count++] = ref;
        else
            return finish_full_word(cache, ref.slab, ref.index / WORD_BITS);
    } else if (MEMHEAP_UNLIKELY(left == 0 && ref.slab != cache->current)) {
        return finish_free(cache, ref.slab);
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

/* Set the bits of items, and nothing else. @return the number of items before
 * the first one that is not in use; count if all are */
static size_t free_bits(const memheap_cache_t *cache, size_t count,
                        void *const *items)
{
    item_ref_t ref;
    for (size_t i = 0; i < count; i++) {
        if (items[i] == NULL)
            continue;
        if (!find_item(cache, items[i], &ref) ||
            (*word_of(&ref) & bit_of(&ref)) != 0)
            return i;
        *word_of(&ref) |= bit_of(&ref);
    }
    return count;
}

/* Clear the bits again. */
static void undo_free_bits(const memheap_cache_t *cache, size_t count,
                           void *const *items)
{
    item_ref_t ref;
    for (size_t i = 0; i < count; i++) {
        if (items[i] != NULL && find_item(cache, items[i], &ref))
            *word_of(&ref) &= ~bit_of(&ref);
    }
}

memheap_status_t memheap_cache_free_batch(memheap_cache_t *cache, size_t count,
                                          void *const *items)
{
    char text[TEXT_SIZE];
    slab_t *slabs = NULL;
    slab_t **end = &slabs;
    cache_lock(cache);
    size_t freed = free_bits(cache, count, items);
    if (freed < count) {
        describe(cache, items[freed], text);
        undo_free_bits(cache, freed, items);
        cache_unlock(cache);
        memheap_log_write(cache->log, MEMHEAP_LOG_ERROR,
                          "memheap_cache_free_batch: %s", text);
        return MEMHEAP_ERR_BAD_ADDRESS;
    }
    for (size_t i = 0; i < count; i++) {
        item_ref_t ref;
        if (items[i] == NULL || !find_item(cache, items[i], &ref))
            continue;
        add_word(cache, ref.slab, ref.index / WORD_BITS);
        if (count_free(cache, ref.slab) == 0 && ref.slab != cache->current &&
            !memheap_cache_keep_empty(cache, ref.slab)) {
            ref.slab->next = NULL;
            *end = ref.slab;
            end = &ref.slab->next;
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
        memheap_log_write(
            log, MEMHEAP_LOG_ERROR,
            "cache \"%s\": items of %zu bytes, aligned to %zu, in "
            "slabs of %zu bytes are not supported%s",
            name, config->item_size, config->align, config->slab_size,
            config->pool == NULL ? "; there is no pool" : "");
        return MEMHEAP_ERR_BAD_ARGUMENT;
    }
    memheap_cache_t *cache = memheap_memory_new(memory, sizeof(*cache));
    if (cache == NULL)
        goto err_log;
    *cache = sizes;
    if (memheap_hashmap_open(&cache->map, memory) != MEMHEAP_OK)
        goto err_cache;
    cache->word = &cache->empty_word;
    cache->last_item = &no_item;
    cache->locks = (config->flags & MEMHEAP_SINGLE_THREADED) == 0;
    cache->pool = *config->pool;
    cache->log = log;
    cache->memory = memory;
    memheap_text_copy(cache->name, sizeof(cache->name), name);
    pthread_mutex_init(&cache->mutex, NULL);
    memheap_dependents_add(&cache->pool, &cache->dependent, "cache",
                           cache->name);
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
                      "no memory for the metadata of cache \"%s\"", name);
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
    memheap_dependents_remove(&cache->dependent);
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
    size_t live = live_items(cache);
    *stats = (memheap_cache_stats_t){
        .name = cache->name,
        .item_size = cache->stride,
        .slab_items = cache->slab_items,
        .live = live,
        .peak = cache->peak,
        .slabs = cache->slabs,
        .bytes = cache->slabs << cache->order,
        .metadata = sizeof(*cache) + cache->record_bytes +
                    (sizeof(memheap_hashmap_slot_t) << cache->map.order),
        .allocations = live + cache->frees,
        .frees = cache->frees,
        .failures = cache->failures,
    };
    cache_unlock(cache);
}

memheap_status_t memheap_cache_check(memheap_cache_t *cache)
{
    lock_pool(cache);
    bool sound = memheap_cache_check_slabs(cache);
    unlock_pool(cache);
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
    item_ref_t ref;
    cache_lock(cache);
    bool live =
        find_item(cache, block, &ref) &&
        (ref.slab->words[ref.index / WORD_BITS] >> (ref.index % WORD_BITS) &
         1) == 0;
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
