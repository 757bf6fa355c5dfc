/*
 * A lock that costs its first thread no atomic read-modify-write.
 *
 * The first thread to acquire the lock becomes its owner. The owner acquires by
 * a plain store to `inside`, then checks that it still is the owner. Another
 * thread acquires `word` by an atomic exchange, revokes the ownership, has the
 * kernel run a memory barrier on all threads, and waits until the owner is
 * outside. From then on `word` is an ordinary spin lock for all threads.
 * Critical sections should be some dozens of instructions long.
 *
 * Source: asymmetric fences, D. Dice, H. Huang, M. Yang, "Asymmetric Dekker
 * synchronization", 2001; membarrier(2).
 */
#ifndef MEMHEAP_BASE_BIASED_LOCK_H
#define MEMHEAP_BASE_BIASED_LOCK_H

#include "base/util.h"

#include <stdatomic.h>

/** All zero is a free lock without owner. */
typedef struct memheap_biased_lock {
    /** Address of the owner's memheap_biased_lock_self; 0 before the first
     *  acquire; MEMHEAP_BIASED_LOCK_REVOKED after another thread acquired the
     *  lock. */
    _Atomic uintptr_t owner;
    /** The owner while it holds the lock, else 0. Written by the owner only. */
    _Atomic uintptr_t inside;
    _Atomic int word; /* 1: held by another thread */
} memheap_biased_lock_t;

#define MEMHEAP_BIASED_LOCK_REVOKED ((uintptr_t)1)

/** Its address identifies the thread. */
extern _Thread_local char memheap_biased_lock_self
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/** Slow path of acquire: the caller is not the owner. */
void memheap_biased_lock_acquire_slow(memheap_biased_lock_t *lock);

static MEMHEAP_INLINE void
memheap_biased_lock_acquire(memheap_biased_lock_t *lock)
{
    uintptr_t self = (uintptr_t)&memheap_biased_lock_self;
    if (MEMHEAP_LIKELY(
            atomic_load_explicit(&lock->owner, memory_order_relaxed) == self)) {
        atomic_store_explicit(&lock->inside, self, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst);
        if (MEMHEAP_LIKELY(atomic_load_explicit(&lock->owner,
                                                memory_order_acquire) == self))
            return;
        atomic_store_explicit(&lock->inside, 0, memory_order_release);
    }
    memheap_biased_lock_acquire_slow(lock);
}

/** Release the lock, by the thread that holds it. The caller may just have
 *  lost the ownership. */
static MEMHEAP_INLINE void
memheap_biased_lock_release(memheap_biased_lock_t *lock)
{
    uintptr_t self = (uintptr_t)&memheap_biased_lock_self;
    if (atomic_load_explicit(&lock->inside, memory_order_relaxed) == self)
        atomic_store_explicit(&lock->inside, 0, memory_order_release);
    else
        atomic_store_explicit(&lock->word, 0, memory_order_release);
}

#endif
