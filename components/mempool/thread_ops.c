/*
 * What several threads of one process may call at once.
 *
 * Each thread has a number of its own while it lives, the least that no other
 * thread has, and works in the lane of that number in every pool; threads that
 * are too many for that share the last lane, by turns. A thread says that it
 * is in its lane by a plain store. Then it looks whether the pool is closed,
 * and leaves again if so. Whoever closes the pool has the kernel let all
 * threads of the process pass a memory barrier: after that each of them either
 * is seen to be in its lane, or sees that the pool is closed. So what is paid
 * for stopping is not paid on each call. Where the kernel has no such call,
 * threads say that they are in their lanes by an atomic exchange.
 *
 * Source: asymmetric fences, D. Dice, H. Huang, M. Yang, "Asymmetric Dekker
 * synchronization", 2001; membarrier(2).
 */
#include "config.h"

#include "components/mempool/mempool.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    LANE_SHARED = POOL_LANES - 1,
    LANE_UNKNOWN = POOL_LANES
};

/* The lane of a thread. Read without a call, which a shared library otherwise
 * makes for a variable of a thread. */
static _Thread_local unsigned thread_lane
    __attribute__((tls_model("initial-exec"))) = LANE_UNKNOWN;

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
    thread_lane = LANE_UNKNOWN;
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
        if (number >= LANE_SHARED)
            return LANE_SHARED;
    } while (!atomic_compare_exchange_weak(&numbers, &taken,
                                           taken | (uint32_t)1 << number));
    if (!number_key_works ||
        pthread_setspecific(number_key, (void *)(uintptr_t)(number + 1)) != 0) {
        atomic_fetch_and(&numbers, ~((uint32_t)1 << number));
        return LANE_SHARED;
    }
    return number;
}

static void lane_leave(lane_t *lane)
{
    atomic_store_explicit(&lane->held, 0, memory_order_release);
}

/* Wait until the pool is open. */
static MEMHEAP_NOINLINE void wait_open(pool_t *p, lane_t *lane)
{
    lane_leave(lane);
    while (atomic_load_explicit(&p->closed, memory_order_relaxed) != 0)
        sched_yield();
}

/* Say that a thread is in its lane. */
static inline void lane_claim(const pool_t *p, lane_t *lane, unsigned number)
{
    if (MEMHEAP_LIKELY(number != LANE_SHARED && !p->fenced)) {
        atomic_store_explicit(&lane->held, 1, memory_order_relaxed);
        /* The barrier for the processor is what closes the pool. */
        atomic_signal_fence(memory_order_seq_cst);
        return;
    }
    while (atomic_exchange(&lane->held, 1) != 0)
        sched_yield();
}

/* Enter the caller's lane. @return its number */
static inline unsigned lane_enter(pool_t *p)
{
    unsigned number = thread_lane;
    if (MEMHEAP_UNLIKELY(number == LANE_UNKNOWN))
        thread_lane = number = number_take();
    lane_t *lane = &p->lane[number];
    lane_claim(p, lane, number);
    while (MEMHEAP_UNLIKELY(
        atomic_load_explicit(&p->closed, memory_order_acquire) != 0)) {
        wait_open(p, lane);
        lane_claim(p, lane, number);
    }
    return number;
}

/* Let the sum over all lanes be known as a peak, if it is one. */
static void publish(pool_t *p)
{
    size_t used = p->module.used;
    for (unsigned i = 0; i < POOL_LANES; i++)
        used += (size_t)POOL_LOAD(p->lane[i].used);
    size_t peak = POOL_LOAD(p->peak);
    while (used > peak && (ptrdiff_t)used > 0 &&
           !atomic_compare_exchange_weak(&p->peak, &peak, used))
        continue;
}

static memheap_status_t shared_alloc(memheap_module_t *module, size_t align,
                                     size_t size, size_t *offset_p,
                                     size_t *size_p)
{
    pool_t *p = pool_of(module);
    unsigned index = pool_index_for(size, align);
    unsigned number = lane_enter(p);
    lane_t *lane = &p->lane[number];
    memheap_status_t status;
    if (index < POOL_SIZES) {
        *size_p = pool_size[index];
        status = slab_alloc(p, number, index, true, offset_p);
    } else {
        pool_lock(p);
        status = run_alloc(p, size, align, offset_p, size_p);
        pool_unlock(p);
    }
    if (MEMHEAP_LIKELY(status == MEMHEAP_OK)) {
        POOL_STORE(lane->used, POOL_LOAD(lane->used) + (ptrdiff_t)*size_p);
        lane->made++;
    }
    lane_leave(lane);
    return status;
}

/* The last object of a slab of the caller's lane came back: give the slab back,
 * unless it is the first of its list. */
static void reclaim(pool_t *p, slab_t *s, lane_t *lane, unsigned size_index)
{
    slab_collect(p, lane, size_index);
    if (lane->list[size_index] == (slab_id_t)(s - slab_at(p, 0)))
        return;
    slab_unlink(p, s);
    pool_lock(p);
    slab_delete(p, s);
    pool_unlock(p);
}

/* Put a slab where the thread of its lane will find it. */
static void hand_over(pool_t *p, slab_t *s, lane_t *lane, unsigned size_index,
                      bool empty)
{
    if (empty)
        slab_astray(lane, size_index);
    _Atomic slab_id_t *given = &lane->given[size_index];
    s->next_given = POOL_LOAD(*given);
    while (!atomic_compare_exchange_weak_explicit(
        given, &s->next_given, (slab_id_t)(s - slab_at(p, 0)),
        memory_order_release, memory_order_relaxed))
        continue;
}

/* Give an object back at an offset in a slab, which was seen under that head;
 * the caller is in the lane `mine`. */
static memheap_status_t give_object(pool_t *p, uint64_t head, size_t offset,
                                    unsigned mine, size_t *size_p)
{
    slab_t *s = slab_of(p, head);
    unsigned index;
    unsigned lane;
    unsigned size_index;
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
        lane = POOL_LOAD(s->lane);
        size_index = POOL_LOAD(s->size_index);
        all = slab_all(s);
    } while (!atomic_compare_exchange_weak_explicit(
        &s->free, &before, before | bit, memory_order_acq_rel,
        memory_order_acquire));
    *size_p = pool_size[size_index];
    if (slab_bits(before) == 0) {
        if (lane == mine)
            slab_link(p, s);
        else
            hand_over(p, s, &p->lane[lane], size_index, bit == all);
    } else if (slab_bits(before | bit) == all) {
        if (lane == mine)
            reclaim(p, s, &p->lane[lane], size_index);
        else
            slab_astray(&p->lane[lane], size_index);
    }
    return MEMHEAP_OK;
}

/* counts: the block was in use, and what was until now may be a peak. */
static memheap_status_t release(pool_t *p, size_t offset, bool counts)
{
    unsigned mine = lane_enter(p);
    lane_t *lane = &p->lane[mine];
    ptrdiff_t used = POOL_LOAD(lane->used);
    if (MEMHEAP_UNLIKELY(used > lane->most) && counts) {
        lane->most = used;
        publish(p);
    }
    memheap_status_t status = MEMHEAP_ERR_BAD_ADDRESS;
    uint64_t head = head_of(p, offset / FRAGMENT);
    size_t size = head >> 2;
    if (is_slab(head)) {
        status = give_object(p, head, offset, mine, &size);
    } else if (is_run(head) && offset % FRAGMENT == 0) {
        pool_lock(p);
        if (head_of(p, offset / FRAGMENT) == head) {
            run_free(p, offset / FRAGMENT, size);
            status = MEMHEAP_OK;
        }
        pool_unlock(p);
    }
    if (MEMHEAP_LIKELY(status == MEMHEAP_OK)) {
        POOL_STORE(lane->used, used - (ptrdiff_t)size);
        if (counts)
            lane->gone++;
        else
            lane->made--;
    }
    lane_leave(lane);
    return status;
}

static memheap_status_t shared_free(memheap_module_t *module, size_t offset)
{
    return release(pool_of(module), offset, true);
}

static void shared_undo(memheap_module_t *module, size_t offset)
{
    release(pool_of(module), offset, false);
}

/* Give the slabs of a list back that hold nothing: the first, and all others
 * if there may be some. */
static void flush(pool_t *p, lane_t *lane, unsigned size_index)
{
    bool more = (POOL_LOAD(lane->astray) >> size_index & 1) != 0;
    slab_id_t id = lane->list[size_index];
    while (id != SLAB_NONE) {
        slab_t *s = slab_at(p, id);
        id = more ? s->next : SLAB_NONE;
        if (slab_free(s) == slab_all(s)) {
            slab_unlink(p, s);
            slab_delete(p, s);
        }
    }
}

static size_t shared_stop(memheap_module_t *module)
{
    pool_t *p = pool_of(module);
    atomic_store(&p->closed, 1);
    if (!p->fenced)
        syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    for (unsigned i = 0; i < POOL_LANES; i++) {
        while (atomic_load(&p->lane[i].held) != 0)
            sched_yield();
    }
    publish(p);
    size_t peak = POOL_LOAD(p->peak);
    for (unsigned i = 0; i < POOL_LANES; i++) {
        lane_t *lane = &p->lane[i];
        for (unsigned size = 0; size < POOL_SIZES; size++) {
            slab_collect(p, lane, size);
            flush(p, lane, size);
        }
        POOL_STORE(lane->astray, 0);
        module->used += (size_t)POOL_LOAD(lane->used);
        module->allocations += lane->made;
        module->frees += lane->gone;
        POOL_STORE(lane->used, 0);
        lane->most = 0;
        lane->made = lane->gone = 0;
    }
    return peak;
}

static void shared_resume(memheap_module_t *module)
{
    pool_t *p = pool_of(module);
    POOL_STORE(p->peak, module->used);
    atomic_store_explicit(&p->closed, 0, memory_order_release);
}

const memheap_thread_ops_t pool_shared = {.alloc = shared_alloc,
                                          .free = shared_free,
                                          .undo = shared_undo,
                                          .size_of = mempool_size_of,
                                          .stop = shared_stop,
                                          .resume = shared_resume};

void pool_shared_open(pool_t *p)
{
    pthread_once(&number_once, number_key_make);
    p->fenced = syscall(SYS_membarrier,
                        MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) != 0;
}
