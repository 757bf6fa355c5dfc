/*
 * The slabs of a cache. For cache.c and cache_slabs.c.
 *
 * A slab is a block of 2^order bytes from the pool, cut into items from its
 * start. Its record lies elsewhere:
 *
 *     slab        | item 0 | item 1 | item 2 | ...     | rest |
 *     words       a bit for each item: 1 if it is free
 *     summaries   a bit for each word: 1 if it has a free item
 *     root        a bit for each summary word: 1 if it is not 0
 *
 * Items are taken from the current word of the current slab. Its summary bit
 * stays set while it is current. An item of a full slab that is freed goes on
 * the stack of recently freed items, without a summary bit, while there is
 * space: the next allocation mostly takes it.
 *
 * Invariants, which memheap_cache_check() tests:
 *   - a slab has as many clear bits as `used` says, and all slabs together as
 *     many as items are in use;
 *   - a summary bit is set if and only if the word has a free item, but for the
 *     current word (always set) and words with recently freed items (may be
 *     clear);
 *   - the partial list has the slabs with a nonzero root, but for the current
 *     slab and the spare.
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
    WORD_BITS = 64,
    RECENT_MAX = 64
};

/* The record of a slab. */
typedef struct slab {
    char *base;        /* NULL: the record is unused */
    size_t used;       /* items in use; LEAVING: on the way back to the pool */
    struct slab *next; /* in a list; of unused records too */
    struct slab *previous; /* in the partial list */
    uint64_t root;         /* a bit for each summary word that is not 0 */
    uint64_t words[];      /* the bits of the items, then the summary words */
} slab_t;

/* An item: its slab and its number there. */
typedef struct item_ref {
    slab_t *slab;
    size_t index;
} item_ref_t;

/* A chunk of records. Records never move. */
typedef struct chunk {
    struct chunk *older;
    size_t bytes; /* of this struct with the records behind it */
    size_t count; /* of records */
} chunk_t;

struct memheap_cache {
    /* For an allocation. */
    uint64_t *word;        /* the current word */
    char *word_items;      /* its first item */
    size_t stride;         /* bytes of an item */
    slab_t *current;       /* the current slab; NULL: none yet */
    char *current_base;    /* its first item */
    const void *last_item; /* the last item taken from the current word */
    uint64_t last_bit;     /* its bit */
    ptrdiff_t below_peak;  /* peak - items in use */
    memheap_biased_lock_t lock;
    bool locks;

    /* For a free. */
    size_t span;         /* bytes of a slab that are items */
    size_t current_span; /* the same; 0: there is no current slab */
    uint64_t reciprocal; /* 2^64 / stride, rounded up */
    uint64_t frees;

    size_t peak; /* the most items in use so far */
    uint64_t failures;
    slab_t *partial;       /* slabs with items in use and free items */
    slab_t *spare;         /* a slab without items in use; NULL: none */
    size_t slabs;          /* number of slabs */
    memheap_hashmap_t map; /* base / 2^order to record */
    unsigned order;        /* a slab has 2^order bytes */
    size_t slab_items;     /* items of a slab */
    size_t words;          /* words for the bits of its items */
    size_t summaries;      /* summary words above them */
    size_t align;          /* of an item */
    size_t recent_count;
    item_ref_t recent[RECENT_MAX]; /* recently freed items of full slabs */
    uint64_t empty_word;           /* the current word without a slab: 0 */

    /* Protected by the mutex, as are the calls of the pool. */
    pthread_mutex_t mutex;
    memheap_pool_t pool;
    size_t slab_align;      /* to request from the pool */
    slab_t *unused_records; /* a list */
    chunk_t *chunks;
    size_t record_size;
    _Atomic size_t record_bytes; /* of all chunks */
    size_t record_count;         /* of all chunks */
    size_t agreed_slabs; /* PEs of a collective pool agreed to hold as many */
    memheap_dependent_t dependent;   /* on the pool */
    memheap_dependents_t dependents; /* on the cache as a pool */
    const memheap_log_t *log;
    const memheap_memory_t *memory;
    char name[NAME_SIZE];
};

#pragma GCC visibility push(hidden)

/* Set the fields that follow from the sizes in the configuration.
 * @return false if the sizes are not supported */
bool memheap_cache_set_sizes(memheap_cache_t *cache,
                             const memheap_cache_config_t *config);

/* Return slabs to the pool, and free their records. The slabs are a list
 * through `next` and not in the map. The caller holds the mutex and not the
 * lock.
 * @return the first failure; each is logged */
memheap_status_t memheap_cache_push_slabs(memheap_cache_t *cache, slab_t *slab);

/* Take slabs from the pool until there are count free items. The caller holds
 * the mutex and the lock; the lock is released meanwhile.
 * @param surplus_p  takes slabs to push: all new ones on failure, or those that
 *                   other threads' frees made superfluous */
memheap_status_t memheap_cache_grow(memheap_cache_t *cache, size_t count,
                                    slab_t **surplus_p);

/* Leave the current word, which is full, for the next one with a free item.
 * There is one, and there are no recently freed items. */
void memheap_cache_next_word(memheap_cache_t *cache);

/* Make a slab without items in use the spare.
 * @return false if there is a spare: the caller pushes the slab */
bool memheap_cache_keep_empty(memheap_cache_t *cache, slab_t *slab);

/* Push all slabs, and free all records. @return the first failure */
memheap_status_t memheap_cache_delete_slabs(memheap_cache_t *cache);

/* Whether the invariants hold. */
bool memheap_cache_check_slabs(memheap_cache_t *cache);

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

/* Number of items in use. */
static inline size_t live_items(const memheap_cache_t *cache)
{
    return cache->peak - (size_t)cache->below_peak;
}

static inline size_t free_items(const memheap_cache_t *cache)
{
    return cache->slabs * cache->slab_items - live_items(cache);
}

static inline uint64_t *summaries_of(const memheap_cache_t *cache, slab_t *slab)
{
    return slab->words + cache->words;
}

/* The key of the slab that starts in the same 2^order bytes as an address. */
static inline uint64_t key_of(const memheap_cache_t *cache, uintptr_t address)
{
    return (uint64_t)address >> cache->order;
}

static inline uint64_t bit_of(const item_ref_t *ref)
{
    return (uint64_t)1 << (ref->index % WORD_BITS);
}

static inline uint64_t *word_of(const item_ref_t *ref)
{
    return &ref->slab->words[ref->index / WORD_BITS];
}

/* Set the summary bit of a word, and the bit of the summary word. */
static inline void set_summary(const memheap_cache_t *cache, slab_t *slab,
                               size_t word)
{
    summaries_of(cache, slab)[word / WORD_BITS] |= (uint64_t)1
                                                   << (word % WORD_BITS);
    slab->root |= (uint64_t)1 << (word / WORD_BITS);
}

static inline void list_add(memheap_cache_t *cache, slab_t *slab)
{
    slab->next = cache->partial;
    slab->previous = NULL;
    if (cache->partial != NULL)
        cache->partial->previous = slab;
    cache->partial = slab;
}

/* Set the summary bit of a word that had no free item, and put the slab on the
 * partial list if it was full. */
static inline void add_word(memheap_cache_t *cache, slab_t *slab, size_t word)
{
    if (slab->root == 0 && slab != cache->current)
        list_add(cache, slab);
    set_summary(cache, slab, word);
}

#endif
