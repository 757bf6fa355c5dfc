/*
 * A lock that costs its first thread no atomic operation.
 *
 * The thread that takes the lock first owns it: it says that it is inside by a
 * plain store, and then looks whether it still owns the lock. Another one takes
 * a word by an atomic exchange, ends the ownership, has the kernel pass a
 * barrier through all threads, and waits until the owner is outside. From then
 * on the lock is that word, for everyone. Whoever holds it should be done in
 * some dozens of instructions.
 *
 * Source: asymmetric fences, D. Dice, H. Huang, M. Yang, "Asymmetric Dekker
 * synchronization", 2001; membarrier(2).
 */
#ifndef MEMHEAP_BASE_BIASED_LOCK_H
#define MEMHEAP_BASE_BIASED_LOCK_H

#include "base/util.h"

#include <stdatomic.h>

/** All zero is a lock that nobody has taken. */
typedef struct memheap_biased_lock {
    _Atomic uintptr_t
        owner; /* 0: nobody yet; MEMHEAP_BIASED_LOCK_REVOKED: never again */
    _Atomic uintptr_t inside; /* the owner, which alone writes here; or 0 */
    _Atomic int word;         /* somebody else is */
} memheap_biased_lock_t;

#define MEMHEAP_BIASED_LOCK_REVOKED ((uintptr_t)1)

/** Its address is a name of the thread. */
extern _Thread_local char memheap_biased_lock_self
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/** What memheap_biased_lock_acquire() does for others than the owner. */
void memheap_biased_lock_acquire_slow(memheap_biased_lock_t *bias);

static MEMHEAP_INLINE void
memheap_biased_lock_acquire(memheap_biased_lock_t *bias)
{
    uintptr_t self = (uintptr_t)&memheap_biased_lock_self;
    if (MEMHEAP_LIKELY(
            atomic_load_explicit(&bias->owner, memory_order_relaxed) == self)) {
        atomic_store_explicit(&bias->inside, self, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst);
        if (MEMHEAP_LIKELY(atomic_load_explicit(&bias->owner,
                                                memory_order_acquire) == self))
            return;
        atomic_store_explicit(&bias->inside, 0, memory_order_release);
    }
    memheap_biased_lock_acquire_slow(bias);
}

/** By the thread that holds the lock. Another may be on its way to learn that
 * it owns it no more. */
static MEMHEAP_INLINE void
memheap_biased_lock_release(memheap_biased_lock_t *bias)
{
    uintptr_t self = (uintptr_t)&memheap_biased_lock_self;
    if (atomic_load_explicit(&bias->inside, memory_order_relaxed) == self)
        atomic_store_explicit(&bias->inside, 0, memory_order_release);
    else
        atomic_store_explicit(&bias->word, 0, memory_order_release);
}

#endif
