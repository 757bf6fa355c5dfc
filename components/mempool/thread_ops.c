/*
 * Operations that several threads may call at once.
 *
 * A living thread has a number, the least that no other thread has, and uses
 * the cache of that number in every module. If there are more threads than
 * caches, the others share the last cache and take turns. A thread enters its
 * cache by a plain store, then checks whether the module is stopped, and leaves
 * again if so. The thread that stops the module has the kernel run a memory
 * barrier on all threads of the process. After that, each thread is either seen
 * in its cache, or sees that the module is stopped. So stop() bears the cost of
 * the barrier, and alloc and free do not. Without membarrier(2), threads enter
 * by an atomic exchange.
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

/* The cache of this thread. The TLS model avoids the function call with which
 * a shared library otherwise reads such a variable. */
static _Thread_local unsigned thread_cache_number
    __attribute__((tls_model("initial-exec"))) = CACHE_UNKNOWN;

/* Numbers in use, as bits, and the key whose destructor returns a number. */
static _Atomic uint32_t numbers;
static pthread_key_t number_key;
static bool number_key_works;
static pthread_once_t number_once = PTHREAD_ONCE_INIT;

/* Return a number when its thread ends; value is the number + 1. If the thread
 * uses a heap after that, it gets another number, and this runs again. */
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

/* The library may be unloaded while threads are running. */
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

/* Leave the cache and wait until the module is resumed. */
static MEMHEAP_NOINLINE void wait_open(mempool_t *p, thread_cache_t *cache)
{
    cache_leave(cache);
    while (atomic_load_explicit(&p->stopped, memory_order_relaxed) != 0)
        sched_yield();
}

/* Mark the cache as busy. */
static inline void cache_claim(const mempool_t *p, thread_cache_t *cache,
                               unsigned number)
{
    if (MEMHEAP_LIKELY(number != CACHE_SHARED && !p->no_membarrier)) {
        atomic_store_explicit(&cache->busy, 1, memory_order_relaxed);
        /* Only the compiler needs a barrier: stop() provides that of the
         * processor. */
        atomic_signal_fence(memory_order_seq_cst);
        return;
    }
    while (atomic_exchange(&cache->busy, 1) != 0)
        sched_yield();
}

/* Enter the cache of this thread. Returns its number. */
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

/* Raise the peak to the sum over all caches, if that is greater. */
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

/* Delete a slab of this thread's cache that became empty, unless it is the
 * first of its list. */
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

/* Push a slab onto the remote free list of its cache. */
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

/* Free the object at an offset in a slab, found under `head`. The caller has
 * entered the cache `mine`. */
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
    /* What was read of the slab is valid if its word has not changed. */
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

/* Free a block. `counts` is false if the block was never in use. */
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

/* Delete empty slabs of a list: the first, and the others if some may be
 * empty. */
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
