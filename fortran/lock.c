/*
 * Locks in a default INTEGER, which has half the bits of a lock of C: ticket
 * locks. The word of a lock on its home PE has the tickets. The word on each PE
 * says whether that PE is in the queue:
 *
 *     bit 0        QUEUED: this PE waits for the lock, or has it
 *     bits 1..15   the ticket that has the lock
 *     bits 17..31  the next ticket
 *
 * The lock is free if the two tickets are equal. A PE has one ticket at most,
 * so TICKETS PEs can queue. The home PE follows from the lock's address within
 * its page, since variables may lie at other pages on other PEs.
 *
 * Source: D. P. Reed and R. K. Kanodia, "Synchronization with eventcounts and
 * sequencers", CACM 22(2), 1979.
 */
#include "config.h"

#include "fortran/fortran.h"

#include <sched.h>

enum {
    QUEUED = 1,
    TICKETS = 1 << 15,
    HOLDER = 1, /* shift of the ticket that has the lock */
    NEXT = 17,  /* shift of the next ticket */
    PAGE = 4096
};

static int home_of(const int *lock)
{
    return (int)((uintptr_t)lock % PAGE / sizeof(*lock)) % shmem_n_pes();
}

static unsigned *word_of(int *lock)
{
    return (unsigned *)lock;
}

static unsigned holder(unsigned word)
{
    return word >> HOLDER & (TICKETS - 1);
}

/* Mark this PE as queued.
 *
 * @return whether another call has done so */
static int enter(int *lock)
{
    return (shmem_uint_atomic_fetch_or(word_of(lock), QUEUED, shmem_my_pe()) &
            QUEUED) != 0;
}

static void leave(int *lock)
{
    shmem_uint_atomic_and(word_of(lock), ~(unsigned)QUEUED, shmem_my_pe());
}

void memheap_fortran_set_lock(int *lock)
{
    int home = home_of(lock);
    int level;
    while (enter(lock)) {
        shmem_query_thread(&level);
        if (level != SHMEM_THREAD_MULTIPLE)
            memheap_fortran_end(
                "shmem_set_lock: this PE already holds lock %p; clear it first",
                (void *)lock);
        sched_yield();
    }
    unsigned ticket =
        shmem_uint_atomic_fetch_add(word_of(lock), 1U << NEXT, home) >> NEXT;
    while (holder(shmem_uint_atomic_fetch(word_of(lock), home)) != ticket)
        sched_yield();
}

int memheap_fortran_test_lock(int *lock)
{
    int home = home_of(lock);
    if (enter(lock))
        return 1;
    for (;;) {
        unsigned word = shmem_uint_atomic_fetch(word_of(lock), home);
        if (holder(word) != word >> NEXT) {
            leave(lock);
            return 1;
        }
        if (shmem_uint_atomic_compare_swap(word_of(lock), word,
                                           word + (1U << NEXT), home) == word)
            return 0;
    }
}

void memheap_fortran_clear_lock(int *lock)
{
    int home = home_of(lock);
    shmem_quiet();
    if ((shmem_uint_atomic_fetch(word_of(lock), shmem_my_pe()) & QUEUED) == 0)
        memheap_fortran_end("shmem_clear_lock: this PE does not hold lock %p",
                            (void *)lock);
    /* No other PE changes the holder, so its bits can be flipped. */
    unsigned ticket = holder(shmem_uint_atomic_fetch(word_of(lock), home));
    unsigned next = (ticket + 1) & (TICKETS - 1);
    leave(lock);
    shmem_uint_atomic_xor(word_of(lock), (ticket ^ next) << HOLDER, home);
}
