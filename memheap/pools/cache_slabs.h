/*
 * The slabs of a cache: the struct of both, and what cache.c calls for slabs.
 */
#ifndef MEMHEAP_POOLS_CACHE_SLABS_H
#define MEMHEAP_POOLS_CACHE_SLABS_H

#include <memheap/cache.h>
#include "memheap/dependents.h"
#include "base/biased_lock.h"
#include "base/hashmap.h"
#include "base/util.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    NAME_SIZE = 48,
    GROUP = 64, /* items whose bits are one word */
    HELD = 64   /* items, at most */
};

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

#pragma GCC visibility push(hidden)

/* Fill in what follows from the sizes. @return false if they do not fit */
bool memheap_cache_set_sizes(memheap_cache_t *cache,
                             const memheap_cache_config_t *config);

/* Have the pool take back slabs that nobody finds any more, a list through
 * `next`. The mutex is held, and the lock is not. */
memheap_status_t memheap_cache_push_slabs(memheap_cache_t *cache, slab_t *slab);

/* Have so many free items, of new slabs if need be. The mutex and the lock are
 * held, as by new_slab(). *surplus_p takes those for push_slabs(): all if that
 * fails, or what others freed meanwhile has made needless. */
memheap_status_t memheap_cache_grow(memheap_cache_t *cache, size_t count,
                                    slab_t **surplus_p);

/* Leave the group in use, which is full, for one with a free item; none is
 * held. @return whether there is one at hand */
bool memheap_cache_next_group(memheap_cache_t *cache);

/* Let a slab without items be the spare. @return false if there is one; the
 * slab is for push_slabs() then */
bool memheap_cache_keep_spare(memheap_cache_t *cache, slab_t *slab);

/* Push all slabs, and free their records. */
memheap_status_t memheap_cache_delete_slabs(memheap_cache_t *cache);

/* Whether the records keep their rules. */
bool memheap_cache_slabs_are_sound(memheap_cache_t *cache);

#pragma GCC visibility pop

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

static inline size_t live_of(const memheap_cache_t *cache)
{
    return cache->peak - (size_t)cache->below_peak;
}

static inline size_t free_items(const memheap_cache_t *cache)
{
    return cache->slabs * cache->items - live_of(cache);
}

static inline uint64_t *tops_of(const memheap_cache_t *cache, slab_t *slab)
{
    return slab->words + cache->groups;
}

static inline uint64_t key_of(const memheap_cache_t *cache, uintptr_t address)
{
    return (uint64_t)address >> cache->order;
}

static inline uint64_t bit_of(const place_t *place)
{
    return (uint64_t)1 << (place->index % GROUP);
}

static inline uint64_t *word_of(const place_t *place)
{
    return &place->slab->words[place->index / GROUP];
}

/* Set the bit of a group of a slab, and the one above. */
static inline void open_group(const memheap_cache_t *cache, slab_t *slab,
                              size_t group)
{
    tops_of(cache, slab)[group / GROUP] |= (uint64_t)1 << (group % GROUP);
    slab->root |= (uint64_t)1 << (group / GROUP);
}

static inline void list_add(memheap_cache_t *cache, slab_t *slab)
{
    slab->next = cache->list;
    slab->previous = NULL;
    if (cache->list != NULL)
        cache->list->previous = slab;
    cache->list = slab;
}

/* Let others find an item of a group that had none. */
static inline void show_group(memheap_cache_t *cache, slab_t *slab,
                              size_t group)
{
    if (slab->root == 0 && slab != cache->slab)
        list_add(cache, slab);
    open_group(cache, slab, group);
}

#endif
