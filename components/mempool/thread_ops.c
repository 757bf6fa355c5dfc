/*
 * What several threads of one process may call at once.
 *
 * Each thread has a number of its own while it lives, the least that no other
 * thread has, and works in the cache of that number in every pool; threads that
 * are too many for that share the last cache, by turns. A thread says that it
 * is in its cache by a plain store. Then it looks whether the pool is closed,
 * and leaves again if so. Whoever closes the pool has the kernel let all
 * threads of the process pass a memory barrier: after that each of them either
 * is seen to be in its cache, or sees that the pool is closed. So what is paid
 * for stopping is not paid on each call. Where the kernel has no such call,
 * threads say that they are in their caches by an atomic exchange.
 *
 * Source: asymmetric fences, D. Dice, H. Huang, M. Yang, "Asymmetric Dekker
 * synchronization", 2001; membarrier(2).
 */
#include "config.h"

#include "components/mempool/thread_ops.h"
#include "components/mempool/slab.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    CACHE_SHARED = MEMPOOL_CACHES - 1,
    CACHE_UNKNOWN = MEMPOOL_CACHES
};

/* The cache of a thread. Read without a call, which a shared library otherwise
 * makes for a variable of a thread. */
static _Thread_local unsigned thread_cache_number
    __attribute__((tls_model("initial-exec"))) = CACHE_UNKNOWN;

/* Numbers that threads have, as bits; and what gives one back in the end. */
static _Atomic uint32_t numbers;
static pthread_key_t number_key;
static bool number_key_works;
static pthread_once_t number_once = PTHREAD_ONCE_INIT;

/* At the end of a thread, value being its number plus one. Should it call the
 * heap even after that, it gets another number, and this is called again. */
static void number_return(void *value)
{
    uint32_t bit = (uint32_t)1 << ((uintptr_t)value - 1);
    thread_cache_number = CACHE_UNKNOWN;
    atomic_fetch_and(&numbers, ~bit);
}

static void number_key_make(void)
{
    number_key_works = pthread_key_create(&number_key, number_return) == 0;
}

/* The library may go before its threads do. */
__attribute__((destructor)) static void number_key_delete(void)
{
    if (number_key_works)
        pthread_key_delete(number_key);
}

static MEMHEAP_NOINLINE unsigned number_take(void)
{
    uint32_t taken = atomic_load(&numbers);
    unsigned number;
    do {
        number = (unsigned)__builtin_ctz(~taken);
        if (number >= CACHE_SHARED)
            return CACHE_SHARED;
    } while (!atomic_compare_exchange_weak(&numbers, &taken,
                                           taken | (uint32_t)1 << number));
    if (!number_key_works ||
        pthread_setspecific(number_key, (void *)(uintptr_t)(number + 1)) != 0) {
        atomic_fetch_and(&numbers, ~((uint32_t)1 << number));
        return CACHE_SHARED;
    }
    return number;
}

static void cache_leave(thread_cache_t *cache)
{
    atomic_store_explicit(&cache->busy, 0, memory_order_release);
}

/* Wait until the pool is open. */
static MEMHEAP_NOINLINE void wait_open(mempool_t *p, thread_cache_t *cache)
{
    cache_leave(cache);
    while (atomic_load_explicit(&p->stopped, memory_order_relaxed) != 0)
        sched_yield();
}

/* Say that a thread is in its cache. */
static inline void cache_claim(const mempool_t *p, thread_cache_t *cache,
                               unsigned number)
{
    if (MEMHEAP_LIKELY(number != CACHE_SHARED && !p->no_membarrier)) {
        atomic_store_explicit(&cache->busy, 1, memory_order_relaxed);
        /* The barrier for the processor is what closes the pool. */
        atomic_signal_fence(memory_order_seq_cst);
        return;
    }
    while (atomic_exchange(&cache->busy, 1) != 0)
        sched_yield();
}

/* Enter the caller's cache. @return its number */
static inline unsigned cache_enter(mempool_t *p)
{
    unsigned number = thread_cache_number;
    if (MEMHEAP_UNLIKELY(number == CACHE_UNKNOWN))
        thread_cache_number = number = number_take();
    thread_cache_t *cache = &p->caches[number];
    cache_claim(p, cache, number);
    while (MEMHEAP_UNLIKELY(
        atomic_load_explicit(&p->stopped, memory_order_acquire) != 0)) {
        wait_open(p, cache);
        cache_claim(p, cache, number);
    }
    return number;
}

/* Let the sum over all caches be known as a peak, if it is one. */
static void peak_update(mempool_t *p)
{
    size_t used = p->module.used;
    for (unsigned i = 0; i < MEMPOOL_CACHES; i++)
        used += (size_t)LOAD_RELAXED(p->caches[i].used);
    size_t peak = LOAD_RELAXED(p->peak);
    while (used > peak && (ptrdiff_t)used > 0 &&
           !atomic_compare_exchange_weak(&p->peak, &peak, used))
        continue;
}

static memheap_status_t thread_alloc(memheap_module_t *module, size_t align,
                                     size_t size, size_t *offset_p,
                                     size_t *size_p)
{
    mempool_t *p = mempool_of(module);
    unsigned index = request_class(size, align);
    unsigned number = cache_enter(p);
    thread_cache_t *cache = &p->caches[number];
    memheap_status_t status;
    if (index < SIZE_CLASSES) {
        *size_p = mempool_class_size[index];
        status = slab_alloc(p, number, index, true, offset_p);
    } else {
        mempool_lock(p);
        status = run_alloc(p, size, align, offset_p, size_p);
        mempool_unlock(p);
    }
    if (MEMHEAP_LIKELY(status == MEMHEAP_OK)) {
        STORE_RELAXED(cache->used,
                      LOAD_RELAXED(cache->used) + (ptrdiff_t)*size_p);
        cache->allocations++;
    }
    cache_leave(cache);
    return status;
}

/* The last object of a slab of the caller's cache came back: give the slab
 * back, unless it is the first of its list. */
static void reclaim(mempool_t *p, slab_t *s, thread_cache_t *cache,
                    unsigned size_class)
{
    slab_collect_remote(p, cache, size_class);
    if (cache->partial[size_class] == (slab_id_t)(s - slab_at(p, 0)))
        return;
    slab_unlink(p, s);
    mempool_lock(p);
    slab_delete(p, s);
    mempool_unlock(p);
}

/* Put a slab where the thread of its cache will find it. */
static void remote_free_push(mempool_t *p, slab_t *s, thread_cache_t *cache,
                             unsigned size_class, bool empty)
{
    if (empty)
        cache_mark_empty(cache, size_class);
    _Atomic slab_id_t *list = &cache->remote_free[size_class];
    s->next_remote = LOAD_RELAXED(*list);
    while (!atomic_compare_exchange_weak_explicit(
        list, &s->next_remote, (slab_id_t)(s - slab_at(p, 0)),
        memory_order_release, memory_order_relaxed))
        continue;
}

/* Give an object back at an offset in a slab, which was seen under that head;
 * the caller is in the cache `mine`. */
static memheap_status_t object_free(mempool_t *p, uint64_t head, size_t offset,
                                    unsigned mine, size_t *size_p)
{
    slab_t *s = slab_of(p, head);
    unsigned index;
    unsigned cache;
    unsigned size_class;
    uint64_t all;
    uint64_t bit;
    uint64_t before = atomic_load_explicit(&s->free, memory_order_acquire);
    /* Whatever is read of the slab holds while its word is what it was. */
    do {
        if (head_of(p, offset / FRAGMENT) != head ||
            !slab_find(s, offset, &index))
            return MEMHEAP_ERR_BAD_ADDRESS;
        bit = (uint64_t)1 << index;
        if ((before & bit) != 0)
            return MEMHEAP_ERR_BAD_ADDRESS;
        cache = LOAD_RELAXED(s->cache);
        size_class = LOAD_RELAXED(s->size_class);
        all = slab_all(s);
    } while (!atomic_compare_exchange_weak_explicit(
        &s->free, &before, before | bit, memory_order_acq_rel,
        memory_order_acquire));
    *size_p = mempool_class_size[size_class];
    if (slab_bits(before) == 0) {
        if (cache == mine)
            slab_link(p, s);
        else
            remote_free_push(p, s, &p->caches[cache], size_class, bit == all);
    } else if (slab_bits(before | bit) == all) {
        if (cache == mine)
            reclaim(p, s, &p->caches[cache], size_class);
        else
            cache_mark_empty(&p->caches[cache], size_class);
    }
    return MEMHEAP_OK;
}

/* counts: the block was in use, and what was until now may be a peak. */
static memheap_status_t block_free(mempool_t *p, size_t offset, bool counts)
{
    unsigned mine = cache_enter(p);
    thread_cache_t *cache = &p->caches[mine];
    ptrdiff_t used = LOAD_RELAXED(cache->used);
    if (MEMHEAP_UNLIKELY(used > cache->used_max) && counts) {
        cache->used_max = used;
        peak_update(p);
    }
    memheap_status_t status = MEMHEAP_ERR_BAD_ADDRESS;
    uint64_t head = head_of(p, offset / FRAGMENT);
    size_t size = head >> 2;
    if (is_slab(head)) {
        status = object_free(p, head, offset, mine, &size);
    } else if (is_run(head) && offset % FRAGMENT == 0) {
        mempool_lock(p);
        if (head_of(p, offset / FRAGMENT) == head) {
            run_free(p, offset / FRAGMENT, size);
            status = MEMHEAP_OK;
        }
        mempool_unlock(p);
    }
    if (MEMHEAP_LIKELY(status == MEMHEAP_OK)) {
        STORE_RELAXED(cache->used, used - (ptrdiff_t)size);
        if (counts)
            cache->frees++;
        else
            cache->allocations--;
    }
    cache_leave(cache);
    return status;
}

static memheap_status_t thread_free(memheap_module_t *module, size_t offset)
{
    return block_free(mempool_of(module), offset, true);
}

static void thread_undo(memheap_module_t *module, size_t offset)
{
    block_free(mempool_of(module), offset, false);
}

/* Give the slabs of a list back that hold nothing: the first, and all others
 * if there may be some. */
static void flush_empty(mempool_t *p, thread_cache_t *cache,
                        unsigned size_class)
{
    bool more = (LOAD_RELAXED(cache->empty_classes) >> size_class & 1) != 0;
    slab_id_t id = cache->partial[size_class];
    while (id != SLAB_NONE) {
        slab_t *s = slab_at(p, id);
        id = more ? s->next : SLAB_NONE;
        if (slab_free(s) == slab_all(s)) {
            slab_unlink(p, s);
            slab_delete(p, s);
        }
    }
}

static size_t thread_stop(memheap_module_t *module)
{
    mempool_t *p = mempool_of(module);
    atomic_store(&p->stopped, 1);
    if (!p->no_membarrier)
        syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    for (unsigned i = 0; i < MEMPOOL_CACHES; i++) {
        while (atomic_load(&p->caches[i].busy) != 0)
            sched_yield();
    }
    peak_update(p);
    size_t peak = LOAD_RELAXED(p->peak);
    for (unsigned i = 0; i < MEMPOOL_CACHES; i++) {
        thread_cache_t *cache = &p->caches[i];
        for (unsigned size = 0; size < SIZE_CLASSES; size++) {
            slab_collect_remote(p, cache, size);
            flush_empty(p, cache, size);
        }
        STORE_RELAXED(cache->empty_classes, 0);
        module->used += (size_t)LOAD_RELAXED(cache->used);
        module->allocations += cache->allocations;
        module->frees += cache->frees;
        STORE_RELAXED(cache->used, 0);
        cache->used_max = 0;
        cache->allocations = cache->frees = 0;
    }
    return peak;
}

static void thread_resume(memheap_module_t *module)
{
    mempool_t *p = mempool_of(module);
    STORE_RELAXED(p->peak, module->used);
    atomic_store_explicit(&p->stopped, 0, memory_order_release);
}

const memheap_thread_ops_t mempool_thread_ops = {.alloc = thread_alloc,
                                                 .free = thread_free,
                                                 .undo = thread_undo,
                                                 .size_of = mempool_size_of,
                                                 .stop = thread_stop,
                                                 .resume = thread_resume};

void mempool_threads_open(mempool_t *p)
{
    pthread_once(&number_once, number_key_make);
    p->no_membarrier =
        syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0,
                0) != 0;
}
