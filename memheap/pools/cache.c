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

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum {
    NAME_SIZE = 48,
    TEXT_SIZE = 256,
    GROUP = 64, /* items whose bits are one word */
    ROOT = GROUP * GROUP,
    MOST_ITEMS = ROOT * GROUP,
    LEAST_STRIDE = 8,
    MOST_ALIGN = 16, /* that is not asked for */
    DEFAULT_ITEMS = 8,
    HELD = 64 /* items, at most */
};

#define DETACHED SIZE_MAX

static const size_t default_slab = 64 * MEMHEAP_KIB;
static const size_t largest_slab = 4 * MEMHEAP_GIB; /* quotients are exact */
static const size_t first_chunk = 4 * MEMHEAP_KIB;
static const size_t largest_chunk = 256 * MEMHEAP_KIB;

/* What no caller has the address of. */
static const char nothing;

typedef struct slab {
    char *base;  /* NULL: the record is unused, and `next` another such */
    size_t used; /* DETACHED: on its way back to the pool */
    struct slab *next, *previous; /* in the list */
    uint64_t root;                /* a bit for each word of group bits */
    uint64_t words[];             /* the items' bits, then the groups' */
} slab_t;

/* The place of an item: its slab, and its number there. */
typedef struct place {
    slab_t *slab;
    size_t index;
} place_t;

/* Records, which never move. */
typedef struct chunk {
    struct chunk *older;
    size_t bytes;
    size_t count;
} chunk_t;

struct memheap_cache {
    /* What an allocation touches: the word of the group in use, */
    uint64_t *word;
    char *group; /* where its items start, */
    size_t stride;
    slab_t *slab;     /* and the slab in use, NULL: none yet, */
    char *base;       /* which starts here; */
    const void *last; /* what was allocated last, of the group in use, */
    uint64_t bit;     /* and its bit */
    /* The items in use are peak - below_peak. */
    ptrdiff_t below_peak;
    memheap_biased_lock_t lock;
    bool locks;
    /* And what a free does. */
    size_t span;   /* bytes of a slab that are items, */
    size_t here;   /* as many, or 0 while there is no slab in use */
    uint64_t part; /* 2^64 / stride, rounded up */
    uint64_t frees;

    size_t peak;
    uint64_t failures;
    slab_t *list; /* slabs with free items and items in use */
    slab_t *spare;
    size_t slabs;
    memheap_hashmap_t map; /* base / 2^order to record */
    unsigned order;
    size_t items, groups, tops; /* of a slab: items, their words, and theirs */
    size_t align;
    size_t held;
    place_t hold[HELD];
    uint64_t none; /* the word while there is no slab */

    pthread_mutex_t mutex; /* for all below, and to call the pool */
    memheap_pool_t pool;
    size_t slab_align;
    slab_t *unused; /* records */
    chunk_t *chunks;
    size_t record_size;
    _Atomic size_t records; /* bytes of chunks, */
    size_t record_count;    /* which hold so many */
    size_t agreed; /* slabs that all who call the pool together may have */
    memheap_dependent_t self;        /* on the pool */
    memheap_dependents_t dependents; /* on the cache as a pool */
    const memheap_log_t *log;
    const memheap_memory_t *memory;
    char name[NAME_SIZE];
};

static MEMHEAP_INLINE void cache_lock(memheap_cache_t *cache)
{
    if (cache->locks)
        memheap_biased_lock_acquire(&cache->lock);
}

static MEMHEAP_INLINE void cache_unlock(memheap_cache_t *cache)
{
    if (cache->locks)
        memheap_biased_lock_release(&cache->lock);
}

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

static size_t live_of(const memheap_cache_t *cache)
{
    return cache->peak - (size_t)cache->below_peak;
}

static size_t free_items(const memheap_cache_t *cache)
{
    return cache->slabs * cache->items - live_of(cache);
}

static uint64_t *tops_of(const memheap_cache_t *cache, slab_t *slab)
{
    return slab->words + cache->groups;
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

static void list_add(memheap_cache_t *cache, slab_t *slab)
{
    slab->next = cache->list;
    slab->previous = NULL;
    if (cache->list != NULL)
        cache->list->previous = slab;
    cache->list = slab;
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

static uint64_t key_of(const memheap_cache_t *cache, uintptr_t address)
{
    return (uint64_t)address >> cache->order;
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

static void map_remove(memheap_cache_t *cache, const slab_t *slab)
{
    uint64_t key = key_of(cache, (uintptr_t)slab->base);
    memheap_hashmap_remove(&cache->map, memheap_hashmap_find(&cache->map, key));
}

/* Have the pool take back slabs that nobody finds any more, a list through
 * `next`. The mutex is held, and the lock is not. */
static memheap_status_t push_slabs(memheap_cache_t *cache, slab_t *slab)
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
 * held, as by new_slab(). *surplus_p takes those for push_slabs(): all if that
 * fails, or what others freed meanwhile has made needless. */
static memheap_status_t grow(memheap_cache_t *cache, size_t count,
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

static uint64_t bit_of(const place_t *place)
{
    return (uint64_t)1 << (place->index % GROUP);
}

static uint64_t *word_of(const place_t *place)
{
    return &place->slab->words[place->index / GROUP];
}

/* Set the bit of a group of a slab, and the one above. */
static void open_group(const memheap_cache_t *cache, slab_t *slab, size_t group)
{
    tops_of(cache, slab)[group / GROUP] |= (uint64_t)1 << (group % GROUP);
    slab->root |= (uint64_t)1 << (group / GROUP);
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

/* Let others find an item of a group that had none. */
static void show_group(memheap_cache_t *cache, slab_t *slab, size_t group)
{
    if (slab->root == 0 && slab != cache->slab)
        list_add(cache, slab);
    open_group(cache, slab, group);
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

/* Take the next free item of the group in use, or one that is held. */
static MEMHEAP_INLINE bool take(memheap_cache_t *cache, void **item_p)
{
    uint64_t word = *cache->word;
    if (MEMHEAP_UNLIKELY(word == 0))
        return take_held(cache, item_p);
    uint64_t rest = word & (word - 1);
    void *item = cache->group + (unsigned)__builtin_ctzll(word) * cache->stride;
    *cache->word = rest;
    cache->bit = word ^ rest;
    cache->last = item;
    count_item(cache, cache->slab);
    *item_p = item;
    return true;
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
static bool next_group(memheap_cache_t *cache)
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

memheap_status_t memheap_cache_alloc_batch(memheap_cache_t *cache, size_t count,
                                           void **items)
{
    memheap_status_t status = MEMHEAP_OK;
    slab_t *surplus = NULL;
    cache_lock(cache);
    bool grows = free_items(cache) < count;
    if (grows) {
        cache_unlock(cache);
        pool_lock(cache);
        status = grow(cache, count, &surplus);
    }
    if (status == MEMHEAP_OK) {
        for (size_t i = 0; i < count; i++) {
            while (!take(cache, &items[i]))
                next_group(cache);
        }
    } else {
        cache->failures++;
    }
    cache_unlock(cache);
    if (grows) {
        push_slabs(cache, surplus);
        if (cache->locks)
            pthread_mutex_unlock(&cache->mutex);
    }
    return status;
}

static MEMHEAP_NOINLINE memheap_status_t alloc_locked(memheap_cache_t *cache,
                                                      void **item_p)
{
    memheap_biased_lock_acquire(&cache->lock);
    bool took = take(cache, item_p);
    memheap_biased_lock_release(&cache->lock);
    return MEMHEAP_LIKELY(took) ? MEMHEAP_OK
                                : memheap_cache_alloc_batch(cache, 1, item_p);
}

memheap_status_t memheap_cache_alloc(memheap_cache_t *cache, void **item_p)
{
    if (cache->locks)
        return alloc_locked(cache, item_p);
    return MEMHEAP_LIKELY(take(cache, item_p))
               ? MEMHEAP_OK
               : memheap_cache_alloc_batch(cache, 1, item_p);
}

void *memheap_cache_malloc(memheap_cache_t *cache)
{
    void *item;
    return memheap_cache_alloc(cache, &item) == MEMHEAP_OK ? item : NULL;
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
 * slab is for push_slabs() then */
static bool keep_spare(memheap_cache_t *cache, slab_t *slab)
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

/* Release the lock, and let the pool have slabs. */
static void unlock_and_push(memheap_cache_t *cache, slab_t *slabs)
{
    cache_unlock(cache);
    if (slabs == NULL)
        return;
    if (cache->locks)
        pthread_mutex_lock(&cache->mutex);
    push_slabs(cache, slabs);
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
    if (slab->used == 0 && slab != cache->slab && !keep_spare(cache, slab)) {
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
            !keep_spare(cache, place.slab)) {
            place.slab->next = NULL;
            *end = place.slab;
            end = &place.slab->next;
        }
    }
    unlock_and_push(cache, slabs);
    return MEMHEAP_OK;
}

/* The greatest power of two of up to 16 that divides a size. */
static size_t natural_align(size_t size)
{
    return memheap_min(size & (~size + 1), MOST_ALIGN);
}

/* Fill in what follows from the sizes. @return false if they do not fit */
static bool set_sizes(memheap_cache_t *cache,
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

memheap_status_t memheap_cache_create(const memheap_cache_config_t *config,
                                      memheap_cache_t **cache_p)
{
    const memheap_memory_t *memory =
        config->memory == NULL ? &memheap_memory_system : config->memory;
    const memheap_log_t *log =
        config->log == NULL ? &memheap_log_stderr : config->log;
    memheap_cache_t sizes = {.order = 0};
    const char *name = config->name == NULL ? "cache" : config->name;
    if (config->pool == NULL || !set_sizes(&sizes, config)) {
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
    while (cache->chunks != NULL) {
        chunk_t *chunk = cache->chunks;
        for (size_t i = chunk->count; i-- > 0;) {
            slab_t *slab = record_at(cache, chunk, i);
            if (slab->base == NULL)
                continue;
            slab->next = NULL;
            memheap_status_t status = push_slabs(cache, slab);
            first = first == MEMHEAP_OK ? status : first;
        }
        cache->chunks = chunk->older;
        memheap_memory_delete(memory, chunk, chunk->bytes);
    }
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
           find_slab(cache, (uintptr_t)slab->base) == slab;
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

memheap_status_t memheap_cache_check(memheap_cache_t *cache)
{
    size_t slabs = 0;
    size_t used = 0;
    size_t listed = 0;
    bool sound = true;
    pool_lock(cache);
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
    sound = sound && slabs == cache->slabs && used == live_of(cache) &&
            slabs == cache->map.count && list_is_sound(cache, listed) &&
            (cache->spare == NULL || cache->spare->used == 0);
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
