/*
 * The slow paths of thread_cache.h: creating caches, refilling and spilling
 * stacks, stopping, and the ends of threads and heaps.
 */
#include "config.h"

#include "memheap/thread_cache.h"
#include "memheap/block_ops.h"
#include "memheap/process.h"
#include "base/thread.h"

#include <sched.h>
#include <string.h>

enum {
    ROUNDS_MAX = 256, /* of a stack */
    ROUNDS_MIN = 4,
    STACK_BYTES = 64 << 10, /* of the blocks of a stack */
    BATCH_SHIFT = 4,        /* the share of that in a batch */
    /* The caches of a heap have a share of its size at most, and one cache no
     * more than CACHE_BYTES. */
    HEAP_SHARE_SHIFT = 4,
    CACHE_BYTES = 1 << 20
};

/* Rounds are offsets / 16 in 32 bits. */
#define MAP_LIMIT ((size_t)16 << 32)

_Thread_local thread_slot_t memheap_thread_slots[THREAD_SLOTS];

/* The caches of this thread. The list is changed under the lock of the process.
 */
static _Thread_local memheap_thread_cache_t *mine;

/* How many heaps have each slot, and the last ID. Under the lock of the
 * process. */
static unsigned slot_heaps[THREAD_SLOTS];
static uint64_t last_id;

static pthread_key_t end_key;
static bool end_key_works;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Rounds that a stack has space for. */
static unsigned rounds_of(unsigned number)
{
    size_t rounds = STACK_BYTES / thread_class_size(number);
    return (unsigned)memheap_min(memheap_max(rounds, ROUNDS_MIN), ROUNDS_MAX);
}

static size_t cache_bytes(void)
{
    size_t rounds = 0;
    for (unsigned i = 1; i < THREAD_CLASSES; i++)
        rounds += rounds_of(i);
    return sizeof(memheap_thread_cache_t) + rounds * sizeof(uint32_t);
}

/* Whether a block of a stack is free. If not, two threads have freed it at the
 * same time, and it has left the cache of the other one. The second free then
 * counts no more. */
static bool is_cached(memheap_t *heap, size_t offset, unsigned number)
{
    if (MEMHEAP_LIKELY(thread_mark(&heap->thread_caches, offset) == number))
        return true;
    memheap_log_write(heap->log, MEMHEAP_LOG_ERROR,
                      "memheap_free: two threads freed the block at %p of "
                      "heap \"%s\" at the same time",
                      (void *)(heap->base + offset), heap->name);
    heap->module->frees--;
    return false;
}

/* Return a cached block to the module. */
static void release(memheap_t *heap, size_t offset)
{
    thread_set_mark(&heap->thread_caches, offset, 0);
    heap_release(heap, false, heap->base + offset);
}

/* Return the `count` oldest blocks of a stack. */
static void flush(memheap_t *heap, memheap_thread_cache_t *cache,
                  unsigned number, unsigned count)
{
    thread_stack_t *stack = &cache->stacks[number];
    uint32_t *rounds = cache->rounds + stack->first;
    stack->count = (uint16_t)(stack->count - count);
    for (unsigned i = 0; i < count; i++) {
        size_t offset = (size_t)rounds[i] << 4;
        if (is_cached(heap, offset, number))
            release(heap, offset);
    }
    memmove(rounds, rounds + count, stack->count * sizeof(*rounds));
}

/* Return all blocks of a cache. @return whether there were any */
static bool flush_all(memheap_t *heap, memheap_thread_cache_t *cache)
{
    bool any = false;
    for (unsigned i = 1; i < THREAD_CLASSES; i++) {
        unsigned count = cache->stacks[i].count;
        any = any || count > 0;
        if (count > 0)
            flush(heap, cache, i, count);
    }
    return any;
}

static void set_limit(memheap_thread_cache_t *cache, unsigned number,
                      unsigned limit)
{
    size_t size = thread_class_size(number);
    cache->limit_bytes -= cache->stacks[number].limit * size;
    cache->stacks[number].limit = (uint16_t)limit;
    cache->limit_bytes += limit * size;
}

/* Why a limit may rise: the stack is empty, or full. */
typedef enum way {
    WAY_OUT = 1,
    WAY_IN
} way_t;

/* Double the limit of a stack, as far as the budget of the cache permits after
 * halving those of others. @return whether the limit rose */
static bool raise_limit(memheap_t *heap, memheap_thread_cache_t *cache,
                        unsigned number, way_t way)
{
    thread_stack_t *rising = &cache->stacks[number];
    bool one_way = rising->last_way == way;
    rising->last_way = (uint16_t)way;
    if (one_way && rising->limit >= rounds_of(number) >> BATCH_SHIFT)
        return false;
    size_t share =
        (heap->module->size >> HEAP_SHARE_SHIFT) / heap->thread_caches.count;
    size_t budget = memheap_min(share, CACHE_BYTES);
    unsigned limit = rising->limit;
    unsigned wanted =
        (unsigned)memheap_min(memheap_max(2 * limit, 1), rounds_of(number));
    size_t more = (wanted - limit) * thread_class_size(number);
    if (more == 0 || more > budget)
        return false;
    for (unsigned i = 0;
         i < THREAD_CLASSES && cache->limit_bytes + more > budget; i++) {
        unsigned victim = cache->next_victim++ % THREAD_CLASSES;
        const thread_stack_t *stack = &cache->stacks[victim];
        unsigned half = stack->limit / 2;
        if (victim == number || stack->limit == 0)
            continue;
        if (stack->count > half)
            flush(heap, cache, victim, stack->count - half);
        set_limit(cache, victim, half);
    }
    if (cache->limit_bytes + more > budget)
        return false;
    set_limit(cache, number, wanted);
    return true;
}

/* Give a new block its class. If there is no metadata for that, it has none.
 * @return whether it has one */
static bool give_class(memheap_t *heap, size_t offset, unsigned mark)
{
    memheap_thread_caches_t *caches = &heap->thread_caches;
    if (offset >= caches->map_end) {
        if (offset >= MAP_LIMIT ||
            memheap_array_ensure(&caches->array, (offset >> 5) + 1) !=
                MEMHEAP_OK)
            return false;
        atomic_store_explicit(
            &caches->map_end,
            memheap_min(caches->array.committed << 5, MAP_LIMIT),
            memory_order_relaxed);
    }
    thread_set_mark(caches, offset, mark);
    return true;
}

/* The stack has blocks if the cache was stopped. A full heap may still have a
 * block of the exact size. */
memheap_status_t memheap_thread_cache_refill(memheap_t *heap,
                                             memheap_thread_cache_t *cache,
                                             size_t size, size_t *offset_p,
                                             size_t *dirty_p)
{
    unsigned number = thread_class(size);
    thread_stack_t *stack = &cache->stacks[number];
    size_t whole = thread_class_size(number);
    while (stack->count > 0) {
        size_t offset = (size_t)cache->rounds[stack->first + --stack->count]
                        << 4;
        if (is_cached(heap, offset, number)) {
            thread_set_mark(&heap->thread_caches, offset, number | THREAD_LIVE);
            *offset_p = offset;
            *dirty_p = whole;
            return MEMHEAP_OK;
        }
    }
    memheap_status_t status =
        heap_place(heap, MEMHEAP_MIN_ALIGN, whole, offset_p, dirty_p);
    if (status == MEMHEAP_ERR_NO_MEMORY && size < whole)
        return heap_place(heap, MEMHEAP_MIN_ALIGN, size, offset_p, dirty_p);
    if (status != MEMHEAP_OK ||
        !give_class(heap, *offset_p, number | THREAD_LIVE))
        return status;
    raise_limit(heap, cache, number, WAY_OUT);
    heap->quiet = true;
    while (stack->count < stack->limit / 2) {
        size_t offset;
        size_t dirty;
        if (heap_try_place(heap, false, MEMHEAP_MIN_ALIGN, whole, &offset,
                           &dirty) != MEMHEAP_OK)
            break;
        if (!give_class(heap, offset, number)) {
            heap_release(heap, false, heap->base + offset);
            break;
        }
        cache->rounds[stack->first + stack->count++] = (uint32_t)(offset >> 4);
    }
    heap->quiet = false;
    return MEMHEAP_OK;
}

void memheap_thread_cache_spill(memheap_t *heap, memheap_thread_cache_t *cache,
                                size_t offset)
{
    unsigned number = thread_mark(&heap->thread_caches, offset) & THREAD_CLASS;
    thread_stack_t *stack = &cache->stacks[number];
    if (stack->count == stack->limit &&
        !raise_limit(heap, cache, number, WAY_IN))
        flush(heap, cache, number, (stack->count + 1u) / 2);
    thread_set_mark(&heap->thread_caches, offset, number);
    if (stack->count == stack->limit)
        release(heap, offset);
    else
        cache->rounds[stack->first + stack->count++] = (uint32_t)(offset >> 4);
    cache->frees++;
}

void memheap_thread_caches_stop(memheap_t *heap)
{
    memheap_thread_caches_t *caches = &heap->thread_caches;
    if (caches->id == THREAD_CACHES_NONE || caches->stopped)
        return;
    caches->stopped = true;
    if (caches->first == NULL)
        return;
    for (memheap_thread_cache_t *c = caches->first; c != NULL;
         c = c->next_of_heap)
        atomic_store(&c->stopped, 1);
    memheap_thread_barrier_all();
    for (memheap_thread_cache_t *c = caches->first; c != NULL;
         c = c->next_of_heap) {
        while (atomic_load(&c->busy) != 0)
            sched_yield();
    }
}

void memheap_thread_caches_resume(memheap_t *heap)
{
    memheap_thread_caches_t *caches = &heap->thread_caches;
    caches->stopped = false;
    for (memheap_thread_cache_t *c = caches->first; c != NULL;
         c = c->next_of_heap)
        atomic_store_explicit(&c->stopped, 0, memory_order_release);
}

bool memheap_thread_caches_empty(memheap_t *heap)
{
    bool any = false;
    memheap_thread_caches_stop(heap);
    for (memheap_thread_cache_t *c = heap->thread_caches.first; c != NULL;
         c = c->next_of_heap)
        any = flush_all(heap, c) || any;
    return any;
}

thread_tally_t memheap_thread_caches_tally(const memheap_t *heap)
{
    const memheap_thread_caches_t *caches = &heap->thread_caches;
    thread_tally_t sum = {.metadata = caches->array.committed +
                                      caches->made * cache_bytes()};
    for (const memheap_thread_cache_t *c = caches->first; c != NULL;
         c = c->next_of_heap) {
        sum.allocations += c->allocations;
        sum.frees += c->frees;
        sum.resizes += c->resizes;
        for (unsigned i = 1; i < THREAD_CLASSES; i++) {
            const thread_stack_t *stack = &c->stacks[i];
            for (unsigned k = 0; k < stack->count; k++)
                sum.bytes += heap_usable_at(
                    heap, (size_t)c->rounds[stack->first + k] << 4);
        }
    }
    return sum;
}

static bool check_cache(const memheap_t *heap, const memheap_thread_cache_t *c)
{
    size_t limits = 0;
    for (unsigned i = 1; i < THREAD_CLASSES; i++) {
        const thread_stack_t *stack = &c->stacks[i];
        limits += stack->limit * thread_class_size(i);
        if (stack->count > stack->limit || stack->limit > rounds_of(i))
            return false;
        for (unsigned k = 0; k < stack->count; k++) {
            size_t offset = (size_t)c->rounds[stack->first + k] << 4;
            if (thread_mark(&heap->thread_caches, offset) != i ||
                heap_usable_at(heap, offset) < thread_class_size(i))
                return false;
        }
    }
    return limits == c->limit_bytes;
}

memheap_status_t memheap_thread_caches_check(const memheap_t *heap)
{
    for (const memheap_thread_cache_t *c = heap->thread_caches.first; c != NULL;
         c = c->next_of_heap) {
        if (!check_cache(heap, c))
            return MEMHEAP_ERR_CORRUPT;
    }
    return MEMHEAP_OK;
}

/* Remove a cache from a list, in which `next` is the link. */
#define REMOVE(list, cache, next)                                              \
    do {                                                                       \
        memheap_thread_cache_t **link = (list);                                \
        while (*link != (cache))                                               \
            link = &(*link)->next;                                             \
        *link = (cache)->next;                                                 \
    } while (0)

/* End the use of a cache, which is no more in the list of its thread. */
static void retire_cache(memheap_t *heap, memheap_thread_cache_t *cache)
{
    memheap_thread_caches_t *caches = &heap->thread_caches;
    flush_all(heap, cache);
    heap->module->allocations += cache->allocations;
    heap->module->frees += cache->frees;
    heap->resizes += cache->resizes;
    REMOVE(&caches->first, cache, next_of_heap);
    caches->count--;
    cache->next_of_heap = caches->unused;
    caches->unused = cache;
}

/* A thread ends. If it uses a heap after this, it gets another cache, and this
 * runs again. */
static void end_thread(void *context)
{
    memheap_thread_cache_t **list = context;
    memheap_process_lock();
    while (*list != NULL) {
        memheap_thread_cache_t *cache = *list;
        memheap_t *heap = cache->heap;
        *list = cache->next_of_thread;
        heap_lock(heap);
        retire_cache(heap, cache);
        heap_unlock(heap);
    }
    memset(memheap_thread_slots, 0, sizeof(memheap_thread_slots));
    memheap_process_unlock();
}

static void make_key(void)
{
    end_key_works = pthread_key_create(&end_key, end_thread) == 0;
}

/* The library may be unloaded while threads are running. */
__attribute__((destructor)) static void delete_key(void)
{
    if (end_key_works)
        pthread_key_delete(end_key);
}

/* Create a cache of this thread, or use one again. No lock is held while there
 * is a request for memory. */
static memheap_thread_cache_t *create_cache(memheap_t *heap)
{
    memheap_thread_caches_t *caches = &heap->thread_caches;
    heap_lock(heap);
    memheap_thread_cache_t *cache = caches->unused;
    if (cache != NULL)
        caches->unused = cache->next_of_heap;
    heap_leave(heap);
    bool is_new = cache == NULL;
    if (is_new)
        cache = memheap_memory_new(heap->memory, cache_bytes());
    if (cache == NULL)
        return NULL;
    *cache = (memheap_thread_cache_t){.heap = heap, .thread = &mine};
    uint16_t first = 0;
    for (unsigned i = 1; i < THREAD_CLASSES; i++) {
        cache->stacks[i].first = first;
        first = (uint16_t)(first + rounds_of(i));
    }
    memheap_process_lock();
    heap_lock(heap);
    cache->next_of_thread = mine;
    mine = cache;
    cache->next_of_heap = caches->first;
    caches->first = cache;
    caches->count++;
    caches->made += is_new;
    heap_leave(heap);
    memheap_process_unlock();
    return cache;
}

memheap_thread_cache_t *memheap_thread_cache_mine(memheap_t *heap)
{
    uint64_t id = heap->thread_caches.id;
    thread_slot_t *slot = &memheap_thread_slots[id % THREAD_SLOTS];
    if (slot->id == id)
        return slot->cache;
    pthread_once(&once, make_key);
    if (!end_key_works)
        return NULL;
    memheap_process_lock();
    bool is_first = mine == NULL;
    memheap_thread_cache_t *cache = mine;
    while (cache != NULL && cache->heap != heap)
        cache = cache->next_of_thread;
    memheap_process_unlock();
    if (cache == NULL)
        cache = create_cache(heap);
    if (cache == NULL)
        return NULL;
    *slot = (thread_slot_t){id, cache};
    /* This may allocate, from this very heap. */
    if (is_first)
        pthread_setspecific(end_key, &mine);
    return cache;
}

memheap_status_t memheap_thread_caches_open(memheap_t *heap, size_t max_size)
{
    memheap_thread_caches_t *caches = &heap->thread_caches;
    if (!memheap_thread_barrier_open())
        return MEMHEAP_OK;
    memheap_status_t status =
        memheap_array_open(&caches->array, heap->memory,
                           (memheap_min(max_size, MAP_LIMIT) >> 5) + 1);
    if (status != MEMHEAP_OK)
        return status;
    caches->map = (_Atomic uint8_t *)(void *)caches->array.base;
    memheap_process_lock();
    unsigned slot = 0;
    for (unsigned i = 1; i < THREAD_SLOTS; i++)
        slot = slot_heaps[i] < slot_heaps[slot] ? i : slot;
    slot_heaps[slot]++;
    caches->id = ++last_id * THREAD_SLOTS + slot;
    memheap_process_unlock();
    return MEMHEAP_OK;
}

/* No thread uses the heap, but one that used it may end meanwhile. */
void memheap_thread_caches_close(memheap_t *heap)
{
    memheap_thread_caches_t *caches = &heap->thread_caches;
    if (caches->id == THREAD_CACHES_NONE)
        return;
    memheap_process_lock();
    slot_heaps[caches->id % THREAD_SLOTS]--;
    while (caches->first != NULL) {
        REMOVE(caches->first->thread, caches->first, next_of_thread);
        retire_cache(heap, caches->first);
    }
    memheap_process_unlock();
    while (caches->unused != NULL) {
        memheap_thread_cache_t *cache = caches->unused;
        caches->unused = cache->next_of_heap;
        memheap_memory_delete(heap->memory, cache, cache_bytes());
    }
    memheap_array_close(&caches->array);
}

/* The lists of the other threads are gone. */
void memheap_thread_caches_orphan(memheap_t *heap)
{
    memheap_thread_cache_t *next;
    for (memheap_thread_cache_t *c = heap->thread_caches.first; c != NULL;
         c = next) {
        next = c->next_of_heap;
        if (c->thread != &mine)
            retire_cache(heap, c);
    }
}
