/*
 * Thread caches: freed blocks that a thread keeps for its next requests, in
 * front of the module of a heap that several threads use.
 *
 * A request of up to THREAD_CACHE_MAX bytes has a class: 7 classes in steps of
 * 16 bytes up to 128, then 8 for each power of two. A thread has a cache for
 * each heap that it uses, with a stack of blocks for each class. It pops and
 * pushes blocks without a lock. A stack that is empty is refilled from the
 * module, and one that is full returns its older half to it, both in batches
 * under the lock of the heap. To the module, a block in a cache is live.
 *
 * A block of a class has a byte in the map of the heap, at its offset / 32:
 *
 *     bit     7   6   5       0
 *           +---+---+-----------+
 *           |ODD|LIV|   class   |     0: no block of a class starts here
 *           +---+---+-----------+
 *
 *     ODD   the offset is an odd multiple of 16
 *     LIV   the block is live, else it is in a cache
 *
 * Blocks of a class have at least 32 bytes, so no two share a byte. Blocks
 * without a class, such as long ones, are known to the module alone. So a wrong
 * free is found: by the byte if it is not 0, else by the module. The byte is
 * written without an atomic operation: if two threads free a block at the same
 * time, both calls may succeed. The block is then in two caches, and found when
 * it leaves the second one: no two callers get it.
 *
 * How many blocks a stack may have, its limit, doubles when it runs empty or
 * full: up to a batch, and beyond that only if the stack ran full, or empty,
 * the last time. So a thread that only allocates, or only frees, keeps few
 * blocks. The limits of a cache add up to a budget at most, in bytes; a stack
 * whose limit rises takes from the others in turn.
 *
 * A cache is used by its thread, which marks it as busy and looks whether it is
 * stopped; or by the thread that has the lock of the heap and has stopped all
 * caches (base/thread.h); or by its thread with the lock. A heap that is full
 * takes the blocks of all caches before a call fails. A thread that ends, and
 * the other threads of the parent in a forked child, give theirs back.
 *
 * Invariants, tested by memheap_thread_caches_check():
 * - the byte of each block in a stack has its class and not LIV;
 * - no stack has more blocks than its limit; limit_bytes is the sum of limits.
 *
 * Sources: J. Bonwick, J. Adams, "Magazines and vmem", USENIX 2001; J. Evans,
 * "A scalable concurrent malloc implementation for FreeBSD", BSDCan 2006.
 */
#ifndef MEMHEAP_THREAD_CACHE_H
#define MEMHEAP_THREAD_CACHE_H

#include "base/array.h"
#include "base/util.h"

#include <memheap/memheap.h>

#include <stdatomic.h>

enum {
    THREAD_CACHE_MAX = 16384, /* bytes of the largest class */
    THREAD_CLASSES = 64,      /* numbers of classes; 0 is none */
    THREAD_SLOTS = 8,
    /* The parts of a byte of the map. */
    THREAD_ODD = 0x80,
    THREAD_LIVE = 0x40,
    THREAD_CLASS = 0x3F
};

/** The ID of a heap without thread caches. */
#define THREAD_CACHES_NONE UINT64_MAX

/** The blocks of one class: rounds[first] up to rounds[first + count]. */
typedef struct thread_stack {
    uint16_t count;
    uint16_t limit;
    uint16_t first;
    uint16_t last_way; /* 0: it never ran empty or full */
} thread_stack_t;

typedef struct memheap_thread_cache {
    _Atomic uint32_t busy;    /* its thread is inside */
    _Atomic uint32_t stopped; /* its thread must not enter */
    uint64_t allocations;     /* without the lock of the heap */
    uint64_t frees;
    uint64_t resizes;
    thread_stack_t stacks[THREAD_CLASSES];
    size_t limit_bytes;
    unsigned next_victim; /* the class whose limit is lowered next */
    memheap_t *heap;
    struct memheap_thread_cache *next_of_heap;
    struct memheap_thread_cache *next_of_thread;
    struct memheap_thread_cache **thread; /* the list of its thread */
    uint32_t rounds[];                    /* offsets / 16 */
} memheap_thread_cache_t;

/** The thread caches of a heap. */
typedef struct memheap_thread_caches {
    uint64_t id; /* never used again; or THREAD_CACHES_NONE */
    _Atomic uint8_t *map;
    _Atomic size_t map_end; /* offsets below have a byte */
    bool stopped;
    unsigned count; /* caches of threads */
    unsigned made;  /* and unused ones */
    memheap_thread_cache_t *first;
    memheap_thread_cache_t *unused; /* left by threads that ended */
    memheap_array_t array;          /* of the map */
} memheap_thread_caches_t;

/** The caches that the thread used last, by ID modulo THREAD_SLOTS. */
typedef struct thread_slot {
    uint64_t id;
    memheap_thread_cache_t *cache;
} thread_slot_t;

#pragma GCC visibility push(hidden)

extern _Thread_local thread_slot_t memheap_thread_slots[THREAD_SLOTS]
    __attribute__((tls_model("initial-exec")));

/* Give a heap thread caches, if there is membarrier(2), and end them.
 * MEMHEAP_ERR_NO_METADATA. */
memheap_status_t memheap_thread_caches_open(memheap_t *heap, size_t max_size);
void memheap_thread_caches_close(memheap_t *heap);

/* The cache of this thread; NULL if there is no memory for one. The caller does
 * not have the lock. */
memheap_thread_cache_t *memheap_thread_cache_mine(memheap_t *heap);

/* For the following, the caller has the lock of the heap. */

/* Stop all caches, until the lock is released or resume() is called. */
void memheap_thread_caches_stop(memheap_t *heap);
void memheap_thread_caches_resume(memheap_t *heap);

/* End the caches of all other threads: this is a forked child. The caches are
 * stopped, and the caller has the lock of the process too. */
void memheap_thread_caches_orphan(memheap_t *heap);

/* Return all cached blocks to the module. @return whether there were any */
bool memheap_thread_caches_empty(memheap_t *heap);

/* Allocate a block, and refill its stack if that is empty. *dirty_p as in
 * heap_place(). */
memheap_status_t memheap_thread_cache_refill(memheap_t *heap,
                                             memheap_thread_cache_t *cache,
                                             size_t size, size_t *offset_p,
                                             size_t *dirty_p);

/* Free a live block of a class: into the cache, whose stack may be full, or
 * else to the module. */
void memheap_thread_cache_spill(memheap_t *heap, memheap_thread_cache_t *cache,
                                size_t offset);

/* Sums over all caches, which are stopped. */
typedef struct thread_tally {
    uint64_t allocations;
    uint64_t frees;
    uint64_t resizes;
    size_t bytes;    /* of cached blocks, as rounded up by the module */
    size_t metadata; /* of the caches */
} thread_tally_t;

thread_tally_t memheap_thread_caches_tally(const memheap_t *heap);

/* Check the invariants. The caches are stopped. MEMHEAP_ERR_CORRUPT. */
memheap_status_t memheap_thread_caches_check(const memheap_t *heap);

#pragma GCC visibility pop

/* The class of a size from 1 to THREAD_CACHE_MAX. */
static inline unsigned thread_class(size_t size)
{
    size_t steps = ((size - 1) >> 4) + (size <= 16);
    unsigned order = memheap_log2_floor(steps | 8) - 3;
    return (order << 3) + (unsigned)(steps >> order);
}

/* Bytes of a class. */
static inline size_t thread_class_size(unsigned number)
{
    return number < 16 ? ((size_t)number + 1) << 4
                       : ((size_t)(number & 7) + 9) << (number / 8 + 3);
}

/* The bit ODD of an offset. */
static inline unsigned thread_odd(size_t offset)
{
    return (unsigned)(offset << 3) & THREAD_ODD;
}

/* Whether an offset has a byte in the map. */
static inline bool thread_has_byte(const memheap_thread_caches_t *caches,
                                   size_t offset)
{
    return offset % 16 == 0 &&
           offset <
               atomic_load_explicit(&caches->map_end, memory_order_relaxed);
}

/* What the map says of an offset: LIV and class of the block that starts there;
 * 0 if that is none of a class. */
static inline unsigned thread_mark(const memheap_thread_caches_t *caches,
                                   size_t offset)
{
    if (!thread_has_byte(caches, offset))
        return 0;
    unsigned mark =
        atomic_load_explicit(&caches->map[offset >> 5], memory_order_relaxed) ^
        thread_odd(offset);
    return mark < THREAD_ODD && (mark & THREAD_CLASS) != 0 ? mark : 0;
}

static inline void thread_set_mark(const memheap_thread_caches_t *caches,
                                   size_t offset, unsigned mark)
{
    atomic_store_explicit(&caches->map[offset >> 5],
                          (uint8_t)(mark == 0 ? 0 : mark | thread_odd(offset)),
                          memory_order_relaxed);
}

/* Enter this thread's cache. NULL: it has none, it is not in its slot, or it is
 * stopped. */
static MEMHEAP_INLINE memheap_thread_cache_t *
thread_cache_enter(const memheap_thread_caches_t *caches)
{
    const thread_slot_t *slot =
        &memheap_thread_slots[caches->id % THREAD_SLOTS];
    if (MEMHEAP_UNLIKELY(slot->id != caches->id))
        return NULL;
    memheap_thread_cache_t *cache = slot->cache;
    atomic_store_explicit(&cache->busy, 1, memory_order_relaxed);
    /* Only the compiler needs a barrier: the thread that stops the cache
     * provides that of the processor. */
    atomic_signal_fence(memory_order_seq_cst);
    if (MEMHEAP_LIKELY(
            atomic_load_explicit(&cache->stopped, memory_order_acquire) == 0))
        return cache;
    atomic_store_explicit(&cache->busy, 0, memory_order_release);
    return NULL;
}

static MEMHEAP_INLINE void thread_cache_leave(memheap_thread_cache_t *cache)
{
    atomic_store_explicit(&cache->busy, 0, memory_order_release);
}

/* Take a block of at least `size` bytes out of this thread's cache. The size is
 * in a class. @return false if that takes the lock */
static MEMHEAP_INLINE bool thread_cache_pop(memheap_thread_caches_t *caches,
                                            size_t size, size_t *offset_p)
{
    memheap_thread_cache_t *cache = thread_cache_enter(caches);
    if (MEMHEAP_UNLIKELY(cache == NULL))
        return false;
    unsigned number = thread_class(size);
    thread_stack_t *stack = &cache->stacks[number];
    unsigned count = stack->count;
    bool found = false;
    if (MEMHEAP_LIKELY(count > 0)) {
        size_t offset = (size_t)cache->rounds[stack->first + count - 1] << 4;
        _Atomic uint8_t *byte = &caches->map[offset >> 5];
        unsigned cached = number | thread_odd(offset);
        *offset_p = offset;
        found = atomic_load_explicit(byte, memory_order_relaxed) == cached;
        if (MEMHEAP_LIKELY(found)) {
            stack->count = (uint16_t)(count - 1);
            atomic_store_explicit(byte, (uint8_t)(cached | THREAD_LIVE),
                                  memory_order_relaxed);
            cache->allocations++;
        }
    }
    thread_cache_leave(cache);
    return found;
}

/* Free a block into this thread's cache.
 * @return false if that takes the lock, or no block of a class starts there */
static MEMHEAP_INLINE bool thread_cache_push(memheap_thread_caches_t *caches,
                                             size_t offset)
{
    memheap_thread_cache_t *cache = thread_cache_enter(caches);
    if (MEMHEAP_UNLIKELY(cache == NULL))
        return false;
    bool done = false;
    if (MEMHEAP_LIKELY(thread_has_byte(caches, offset))) {
        _Atomic uint8_t *byte = &caches->map[offset >> 5];
        unsigned live = atomic_load_explicit(byte, memory_order_relaxed);
        unsigned number = live ^ THREAD_LIVE ^ thread_odd(offset);
        thread_stack_t *stack = &cache->stacks[number % THREAD_CLASSES];
        unsigned count = stack->count;
        done = number < THREAD_CLASSES && count < stack->limit;
        if (MEMHEAP_LIKELY(done)) {
            atomic_store_explicit(byte, (uint8_t)(live ^ THREAD_LIVE),
                                  memory_order_relaxed);
            cache->rounds[stack->first + count] = (uint32_t)(offset >> 4);
            stack->count = (uint16_t)(count + 1);
            cache->frees++;
        }
    }
    thread_cache_leave(cache);
    return done;
}

#endif
