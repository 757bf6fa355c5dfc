/*
 * Slabs: records, summary words, and the calls of the pool.
 */
#include "config.h"

#include "memheap/pools/cache_slabs.h"

enum {
    ROOT_WORDS = WORD_BITS * WORD_BITS,
    ITEMS_MAX = ROOT_WORDS * WORD_BITS,
    STRIDE_MIN = 8,
    DEFAULT_ALIGN_MAX = 16,
    DEFAULT_ITEMS = 8
};

/* In `used`: the slab is on the way back to the pool. */
#define LEAVING SIZE_MAX

static const size_t default_slab = 64 * MEMHEAP_KIB;
static const size_t slab_max = 4 * MEMHEAP_GIB; /* exact for the reciprocal */
static const size_t chunk_min = 4 * MEMHEAP_KIB;
static const size_t chunk_max = 256 * MEMHEAP_KIB;

/* The greatest power of two that divides a size, at most 16. */
static size_t natural_align(size_t size)
{
    return memheap_min(size & (~size + 1), DEFAULT_ALIGN_MAX);
}

bool memheap_cache_set_sizes(memheap_cache_t *cache,
                             const memheap_cache_config_t *config)
{
    size_t size = config->item_size;
    if (size == 0 || size > slab_max || config->align > slab_max ||
        (config->align & (config->align - 1)) != 0 ||
        config->slab_size > slab_max ||
        (config->slab_size & (config->slab_size - 1)) != 0)
        return false;
    cache->align = config->align == 0 ? natural_align(size) : config->align;
    cache->stride =
        memheap_max(memheap_align_up(size, cache->align), STRIDE_MIN);
    size_t slab = config->slab_size;
    if (slab == 0) {
        slab = memheap_max(default_slab, (size_t)1 << memheap_log2_ceil(
                                             DEFAULT_ITEMS * cache->stride));
        slab = memheap_min(slab, slab_max);
    }
    cache->order = memheap_log2_floor(slab);
    cache->slab_items = slab / cache->stride;
    cache->words = (cache->slab_items + WORD_BITS - 1) / WORD_BITS;
    cache->summaries = (cache->words + WORD_BITS - 1) / WORD_BITS;
    cache->span = cache->slab_items * cache->stride;
    cache->reciprocal = UINT64_MAX / cache->stride + 1;
    cache->slab_align = memheap_max(slab, cache->align);
    cache->record_size =
        sizeof(slab_t) + (cache->words + cache->summaries) * sizeof(uint64_t);
    return cache->slab_items >= 1 && cache->slab_items <= ITEMS_MAX;
}

static slab_t *record_at(const memheap_cache_t *cache, chunk_t *chunk,
                         size_t index)
{
    return (slab_t *)(void *)((char *)(chunk + 1) + index * cache->record_size);
}

/* Make sure that there is an unused record. The caller holds the mutex. */
static memheap_status_t ensure_record(memheap_cache_t *cache)
{
    if (cache->unused_records != NULL)
        return MEMHEAP_OK;
    size_t bytes = cache->chunks == NULL
                       ? chunk_min
                       : memheap_min(2 * cache->chunks->bytes, chunk_max);
    bytes = memheap_max(bytes, sizeof(chunk_t) + cache->record_size);
    chunk_t *chunk = memheap_memory_new(cache->memory, bytes);
    if (chunk == NULL)
        return MEMHEAP_ERR_NO_METADATA;
    *chunk = (chunk_t){.older = cache->chunks,
                       .bytes = bytes,
                       .count = (bytes - sizeof(chunk_t)) / cache->record_size};
    cache->chunks = chunk;
    cache->record_bytes += bytes;
    cache->record_count += chunk->count;
    for (size_t i = chunk->count; i-- > 0;) {
        slab_t *slab = record_at(cache, chunk, i);
        slab->next = cache->unused_records;
        cache->unused_records = slab;
    }
    return MEMHEAP_OK;
}

static void free_record(memheap_cache_t *cache, slab_t *slab)
{
    slab->base = NULL;
    slab->next = cache->unused_records;
    cache->unused_records = slab;
}

/* Set the first count bits. */
static void set_bits(uint64_t *words, size_t count)
{
    for (; count >= WORD_BITS; count -= WORD_BITS)
        *words++ = UINT64_MAX;
    if (count > 0)
        *words = ((uint64_t)1 << count) - 1;
}

static void list_remove(memheap_cache_t *cache, slab_t *slab)
{
    if (slab->previous == NULL)
        cache->partial = slab->next;
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
        free_record(cache, slab);
        slab = next;
    }
    return first;
}

/* Pop a block for a slab: aligned to its size if the pool has such a block,
 * since its items are then found at the first try. The caller holds the mutex
 * and not the lock. */
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

/* Allocate the metadata of one more slab. If the pool is collective, its PEs
 * agree on the outcome; all come here for the same slab. The caller holds the
 * mutex and the lock; the lock is released meanwhile. */
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
        cache->agreed_slabs = memheap_min(cache->map.room, cache->record_count);
    return status;
}

/* Take a slab from the pool, and put it into the map but into no list. The
 * caller holds the mutex and the lock; the lock is released meanwhile. */
static memheap_status_t new_slab(memheap_cache_t *cache, slab_t **slab_p)
{
    void *block;
    memheap_status_t status = MEMHEAP_OK;
    if (cache->map.count >= cache->agreed_slabs ||
        cache->unused_records == NULL)
        status = ensure_slab(cache);
    if (status != MEMHEAP_OK)
        return status;
    cache_unlock(cache);
    status = pop_block(cache, &block);
    cache_lock(cache);
    if (status != MEMHEAP_OK)
        return status;
    slab_t *slab = cache->unused_records;
    cache->unused_records = slab->next;
    slab->base = block;
    slab->used = 0;
    slab->root = 0;
    set_bits(slab->words, cache->slab_items);
    set_bits(summaries_of(cache, slab), cache->words);
    set_bits(&slab->root, cache->summaries);
    memheap_hashmap_put(&cache->map, key_of(cache, (uintptr_t)block),
                        (uint64_t)(uintptr_t)slab);
    *slab_p = slab;
    return MEMHEAP_OK;
}

memheap_status_t memheap_cache_grow(memheap_cache_t *cache, size_t count,
                                    slab_t **surplus_p)
{
    slab_t *new_slabs = NULL;
    size_t new_count = 0;
    memheap_status_t status = MEMHEAP_OK;
    while (status == MEMHEAP_OK &&
           free_items(cache) + new_count * cache->slab_items < count) {
        slab_t *slab;
        status = new_slab(cache, &slab);
        if (status == MEMHEAP_OK) {
            slab->next = new_slabs;
            new_slabs = slab;
            new_count++;
        }
    }
    slab_t **end = surplus_p;
    for (*end = new_slabs; new_slabs != NULL; new_slabs = *end) {
        if (status == MEMHEAP_OK &&
            free_items(cache) + (new_count - 1) * cache->slab_items < count)
            break;
        map_remove(cache, new_slabs);
        end = &new_slabs->next;
        new_count--;
    }
    *end = NULL;
    while (new_slabs != NULL) {
        slab_t *next = new_slabs->next;
        list_add(cache, new_slabs);
        new_slabs = next;
    }
    cache->slabs += new_count;
    return status;
}

/* Clear the summary bit of a word, and the root bit if it was the last. */
static void clear_summary(const memheap_cache_t *cache, slab_t *slab,
                          size_t word)
{
    uint64_t *summary = &summaries_of(cache, slab)[word / WORD_BITS];
    *summary &= ~((uint64_t)1 << (word % WORD_BITS));
    if (*summary == 0)
        slab->root &= ~((uint64_t)1 << (word / WORD_BITS));
}

/* Take the slab that became partial last, or else the spare. */
static slab_t *next_slab(memheap_cache_t *cache)
{
    slab_t *slab = cache->partial;
    if (slab != NULL) {
        list_remove(cache, slab);
    } else {
        slab = cache->spare;
        cache->spare = NULL;
    }
    return slab;
}

/* The next word of a slab that has a free item, from the start again after the
 * last. The slab has one. */
static size_t word_after(const memheap_cache_t *cache, slab_t *slab,
                         size_t word)
{
    const uint64_t *summaries = summaries_of(cache, slab);
    size_t summary = word / WORD_BITS;
    uint64_t bits = summaries[summary] & ~(uint64_t)1 << (word % WORD_BITS);
    if (bits == 0) {
        uint64_t root = slab->root & ~(uint64_t)1 << summary;
        summary = (size_t)__builtin_ctzll(root != 0 ? root : slab->root);
        bits = summaries[summary];
    }
    return summary * WORD_BITS + (size_t)__builtin_ctzll(bits);
}

void memheap_cache_next_word(memheap_cache_t *cache)
{
    slab_t *slab = cache->current;
    size_t word = 0;
    if (slab != NULL) {
        word = (size_t)(cache->word - slab->words);
        clear_summary(cache, slab, word);
    }
    if (slab == NULL || slab->root == 0) {
        slab = next_slab(cache);
        word = cache->words - 1; /* the next one is the first */
        cache->current = slab;
        cache->current_base = slab->base;
        cache->current_span = cache->span;
    }
    word = word_after(cache, slab, word);
    cache->word = &slab->words[word];
    cache->word_items = slab->base + word * WORD_BITS * cache->stride;
}

/* Remove the items of a slab from the recently freed ones. */
static void flush_recent(memheap_cache_t *cache, slab_t *slab)
{
    size_t kept = 0;
    for (size_t i = 0; i < cache->recent_count; i++) {
        const item_ref_t ref = cache->recent[i];
        if (ref.slab == slab)
            add_word(cache, slab, ref.index / WORD_BITS);
        else
            cache->recent[kept++] = ref;
    }
    cache->recent_count = kept;
}

bool memheap_cache_keep_empty(memheap_cache_t *cache, slab_t *slab)
{
    flush_recent(cache, slab);
    list_remove(cache, slab);
    if (cache->spare == NULL) {
        cache->spare = slab;
        return true;
    }
    map_remove(cache, slab);
    cache->slabs--;
    slab->used = LEAVING;
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

/* Whether a word has a recently freed item. */
static bool is_recent(const memheap_cache_t *cache, const uint64_t *word)
{
    for (size_t i = 0; i < cache->recent_count; i++) {
        if (word_of(&cache->recent[i]) == word &&
            (*word & bit_of(&cache->recent[i])) != 0)
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

/* Whether the invariants of one slab hold. */
static bool is_slab_sound(const memheap_cache_t *cache, slab_t *slab)
{
    size_t count = 0;
    for (size_t i = 0; i < cache->words; i++) {
        const uint64_t *summary = &summaries_of(cache, slab)[i / WORD_BITS];
        bool is_set = (*summary >> (i % WORD_BITS) & 1) != 0;
        bool root = (slab->root >> (i / WORD_BITS) & 1) != 0;
        if (root != (*summary != 0))
            return false;
        bool should_be_set =
            slab->words[i] != 0 || &slab->words[i] == cache->word;
        if (is_set != should_be_set &&
            (is_set || !is_recent(cache, &slab->words[i])))
            return false;
        count += (size_t)__builtin_popcountll(slab->words[i]);
    }
    return count == cache->slab_items - slab->used &&
           find_slab(cache, slab->base) == slab;
}

/* Whether the partial list has count slabs, and only such that belong there. */
static bool is_list_sound(const memheap_cache_t *cache, size_t count)
{
    size_t listed = 0;
    const slab_t *previous = NULL;
    for (const slab_t *slab = cache->partial; slab != NULL; slab = slab->next) {
        if (slab->previous != previous || slab->root == 0 ||
            slab == cache->current || slab == cache->spare || ++listed > count)
            return false;
        previous = slab;
    }
    return listed == count;
}

bool memheap_cache_check_slabs(memheap_cache_t *cache)
{
    size_t slabs = 0;
    size_t used = 0;
    size_t listed = 0;
    bool sound = true;
    for (chunk_t *chunk = cache->chunks; chunk != NULL; chunk = chunk->older) {
        for (size_t i = 0; i < chunk->count && sound; i++) {
            slab_t *slab = record_at(cache, chunk, i);
            if (slab->base == NULL || slab->used == LEAVING)
                continue;
            slabs++;
            used += slab->used;
            listed += slab->root != 0 && slab != cache->current &&
                      slab != cache->spare;
            sound = is_slab_sound(cache, slab) &&
                    (slab->used > 0 || slab == cache->current ||
                     slab == cache->spare);
        }
    }
    return sound && slabs == cache->slabs && used == live_items(cache) &&
           slabs == cache->map.count && is_list_sound(cache, listed) &&
           (cache->spare == NULL || cache->spare->used == 0);
}
