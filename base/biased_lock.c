/*
 * Slow paths of biased_lock.h.
 */
#include "config.h"

#include "base/biased_lock.h"
#include "base/thread.h"

#include <sched.h>
#include <time.h>

enum {
    SPINS = 100, /* tests of the word before other threads may run */
    YIELDS = 100 /* yields before the thread sleeps */
};

_Thread_local char memheap_biased_lock_self;

/* Let other threads run; `turn` counts the calls. */
static void back_off(unsigned turn)
{
    static const struct timespec pause = {0, 50000};
    if (turn < YIELDS)
        sched_yield();
    else
        nanosleep(&pause, NULL);
}

static void acquire_word(memheap_biased_lock_t *lock)
{
    for (unsigned turn = 0;; turn++) {
        for (unsigned i = 0; i < SPINS; i++) {
            if (atomic_load_explicit(&lock->word, memory_order_relaxed) == 0 &&
                atomic_exchange_explicit(&lock->word, 1,
                                         memory_order_acquire) == 0)
                return;
        }
        back_off(turn);
    }
}

/* Revoke the ownership and wait until the owner is outside. */
static void revoke_owner(memheap_biased_lock_t *lock)
{
    atomic_store(&lock->owner, MEMHEAP_BIASED_LOCK_REVOKED);
    memheap_thread_barrier_all();
    for (unsigned turn = 0;
         atomic_load_explicit(&lock->inside, memory_order_acquire) != 0; turn++)
        back_off(turn);
}

void memheap_biased_lock_acquire_slow(memheap_biased_lock_t *lock)
{
    if (atomic_exchange_explicit(&lock->word, 1, memory_order_acquire) != 0)
        acquire_word(lock);
    uintptr_t owner = atomic_load_explicit(&lock->owner, memory_order_relaxed);
    if (MEMHEAP_LIKELY(owner == MEMHEAP_BIASED_LOCK_REVOKED))
        return;
    if (owner != 0)
        revoke_owner(lock);
    else
        atomic_store_explicit(&lock->owner,
                              memheap_thread_barrier_open()
                                  ? (uintptr_t)&memheap_biased_lock_self
                                  : MEMHEAP_BIASED_LOCK_REVOKED,
                              memory_order_relaxed);
}
