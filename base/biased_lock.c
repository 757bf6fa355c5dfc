/*
 * The slow ways of bias.h.
 */
#include "config.h"

#include "base/biased_lock.h"

#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    SPINS = 100, /* looks at the word before others may run, */
    YIELDS = 100 /* and times that they may before the thread sleeps */
};

_Thread_local char memheap_biased_lock_self;

static bool barrier_works(void)
{
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0,
                   0) == 0;
}

/* Let those run who hold what this thread waits for. */
static void wait_a_while(unsigned turn)
{
    static const struct timespec pause = {0, 50000};
    if (turn < YIELDS)
        sched_yield();
    else
        nanosleep(&pause, NULL);
}

static void take_word(memheap_biased_lock_t *bias)
{
    for (unsigned turn = 0;; turn++) {
        for (unsigned i = 0; i < SPINS; i++) {
            if (atomic_load_explicit(&bias->word, memory_order_relaxed) == 0 &&
                atomic_exchange_explicit(&bias->word, 1,
                                         memory_order_acquire) == 0)
                return;
        }
        wait_a_while(turn);
    }
}

/* End the ownership of a thread, and wait until it is outside. A child of
 * fork() may have to ask for barriers anew. */
static void dispossess(memheap_biased_lock_t *bias)
{
    atomic_store(&bias->owner, MEMHEAP_BIASED_LOCK_REVOKED);
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0 &&
        barrier_works())
        syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    for (unsigned turn = 0;
         atomic_load_explicit(&bias->inside, memory_order_acquire) != 0; turn++)
        wait_a_while(turn);
}

void memheap_biased_lock_acquire_slow(memheap_biased_lock_t *bias)
{
    if (atomic_exchange_explicit(&bias->word, 1, memory_order_acquire) != 0)
        take_word(bias);
    uintptr_t owner = atomic_load_explicit(&bias->owner, memory_order_relaxed);
    if (MEMHEAP_LIKELY(owner == MEMHEAP_BIASED_LOCK_REVOKED))
        return;
    if (owner != 0)
        dispossess(bias);
    else
        atomic_store_explicit(&bias->owner,
                              barrier_works()
                                  ? (uintptr_t)&memheap_biased_lock_self
                                  : MEMHEAP_BIASED_LOCK_REVOKED,
                              memory_order_relaxed);
}
