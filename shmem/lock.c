/*
 * Locks: MCS queue locks.
 *
 * PEs that want a lock form a queue. Each polls a word of its own memory, which
 * its predecessor writes. So the lock is granted in the order of arrival, at a
 * few messages per handover, however many PEs wait. The 64 bits of a lock are
 * two words of 32 bits:
 *
 *     tail   on the lock's home PE:  last PE of the queue + 1; 0: lock is free
 *     entry  on each PE:  bit 0       QUEUED: this PE is in the queue
 *                         bit 1       GRANTED: it has the lock
 *                         bits 2..31  its successor + 1; 0: none
 *
 * The home PE follows from the lock's address. A thread that finds its PE in
 * the queue waits until the PE has left it.
 *
 * Source: J. M. Mellor-Crummey and M. L. Scott, "Algorithms for scalable
 * synchronization on shared-memory multiprocessors", ACM TOCS 9(1), 1991.
 */
#include "config.h"

#include "shmem/access.h"
#include "shmem/mistakes.h"

#include <pshmem.h>

#include <stdio.h>

enum {
    QUEUED = 1,
    GRANTED = 2,
    NEXT_SHIFT = 2 /* shift of the successor */
};

/* A lock, for one call. */
typedef struct lock {
    const char *call;
    uint32_t *tail;  /* on PE `home` */
    uint32_t *entry; /* on every PE */
    int home;
    int me;
} lock_t;

static lock_t lock_of(const char *call, long *lock)
{
    _Static_assert(sizeof(*lock) == 2 * sizeof(uint32_t),
                   "a lock is two words");
    const memheap_job_t *job = &memheap_runtime.job;
    uint32_t *words = (uint32_t *)(void *)lock;
    if (memheap_runtime.depth == 0)
        memheap_runtime_not_running(call);
    /* By the offset in the segment: addresses of variables may differ between
     * PEs. */
    const memheap_segment_t *segment = memheap_segment_at(lock, sizeof(*lock));
    if (segment == NULL)
        memheap_wrong_address(call, lock, sizeof(*lock), job->rank);
    const memheap_members_t *members = &segment->members;
    size_t number =
        ((uintptr_t)lock - (uintptr_t)segment->base) / sizeof(*lock);
    int home = (int)(number % (size_t)members->job->size);
    return (lock_t){call, &words[0], &words[1],
                    members->start + home * members->stride, job->rank};
}

/* Operations on the tail, and on the entry of a PE. */
static uint32_t swap_tail(const lock_t *lock, uint32_t value)
{
    return memheap_word_fetch(lock->call, MEMHEAP_ATOMIC_SWAP, lock->tail,
                              value, 0, lock->home);
}

static uint32_t replace_tail(const lock_t *lock, uint32_t value,
                             uint32_t compare)
{
    return memheap_word_fetch(lock->call, MEMHEAP_ATOMIC_COMPARE_SWAP,
                              lock->tail, value, compare, lock->home);
}

static void set_entry_bits(const lock_t *lock, uint32_t bits, int pe)
{
    memheap_word_fetch(lock->call, MEMHEAP_ATOMIC_OR, lock->entry, bits, 0, pe);
}

/* Mark this PE's entry as queued; not 0 if another thread has done so. */
static uint32_t enter_queue(const lock_t *lock)
{
    return memheap_word_fetch(lock->call, MEMHEAP_ATOMIC_COMPARE_SWAP,
                              lock->entry, QUEUED, 0, lock->me);
}

static void leave_queue(const lock_t *lock)
{
    __atomic_store_n(lock->entry, 0, __ATOMIC_RELEASE);
}

/* The wait for a lock, or for a PE that is about to queue for it. */
typedef struct lock_reason {
    memheap_wait_reason_t reason;
    const lock_t *lock;
    int before; /* the PE before this one in the queue; -1: not known */
} lock_reason_t;

static void describe_lock(const memheap_wait_reason_t *reason, char *text,
                          size_t room)
{
    const lock_reason_t *wait = (const lock_reason_t *)(const void *)reason;
    int used = snprintf(text, room, "%s(%p)", wait->lock->call,
                        (const void *)wait->lock->tail);
    if (wait->before == wait->lock->me)
        snprintf(text + used, room - (size_t)used,
                 ", which another thread of this PE holds");
    else if (wait->before >= 0)
        snprintf(text + used, room - (size_t)used, ", behind PE %d",
                 wait->before);
}

/* Wait until this PE's entry has one of these bits. */
static uint32_t await_entry(const lock_t *lock, uint32_t bits, int before)
{
    lock_reason_t reason = {{describe_lock}, lock, before};
    memheap_wait_t wait = memheap_runtime_wait(&reason.reason);
    uint32_t entry;
    while (((entry = __atomic_load_n(lock->entry, __ATOMIC_ACQUIRE)) & bits) ==
           0)
        memheap_wait_step(&wait);
    return entry;
}

/* End the job: the PE sets a lock that it holds. */
static _Noreturn void end_on_second_set(const lock_t *lock)
{
    memheap_mistake("%s: this PE already holds lock %p; clear it first",
                    lock->call, (const void *)lock->tail);
}

/* End the job: the PE clears a lock that it does not hold. */
static _Noreturn void end_on_foreign_clear(const lock_t *lock)
{
    uint32_t tail = memheap_word_fetch(lock->call, MEMHEAP_ATOMIC_OR,
                                       lock->tail, 0, 0, lock->home);
    if (tail == 0)
        memheap_mistake("%s: lock %p is free", lock->call,
                        (const void *)lock->tail);
    memheap_mistake("%s: this PE does not hold lock %p; PE %d holds it, or is "
                    "the last that waits for it",
                    lock->call, (const void *)lock->tail, (int)tail - 1);
}

/* Put this PE into the queue, as soon as no other thread of it is there. */
static void await_turn(const lock_t *lock)
{
    if (MEMHEAP_LIKELY(enter_queue(lock) == 0))
        return;
    if (memheap_runtime.thread_level != SHMEM_THREAD_MULTIPLE)
        end_on_second_set(lock);
    lock_reason_t reason = {{describe_lock}, lock, lock->me};
    memheap_wait_t wait = memheap_runtime_wait(&reason.reason);
    do {
        memheap_wait_step(&wait);
    } while (enter_queue(lock) != 0);
}

void pshmem_set_lock(long *lock)
{
    lock_t l = lock_of("shmem_set_lock", lock);
    await_turn(&l);
    uint32_t before = swap_tail(&l, (uint32_t)l.me + 1);
    if (before == 0)
        return;
    set_entry_bits(&l, ((uint32_t)l.me + 1) << NEXT_SHIFT, (int)before - 1);
    await_entry(&l, GRANTED, (int)before - 1);
}
MEMHEAP_PROFILED(shmem_set_lock)

int pshmem_test_lock(long *lock)
{
    lock_t l = lock_of("shmem_test_lock", lock);
    if (enter_queue(&l) != 0)
        return 1;
    if (replace_tail(&l, (uint32_t)l.me + 1, 0) == 0)
        return 0;
    leave_queue(&l);
    return 1;
}
MEMHEAP_PROFILED(shmem_test_lock)

void pshmem_clear_lock(long *lock)
{
    lock_t l = lock_of("shmem_clear_lock", lock);
    const uint32_t next_bits = ~(uint32_t)(QUEUED | GRANTED);
    pshmem_quiet();
    uint32_t entry = __atomic_load_n(l.entry, __ATOMIC_ACQUIRE);
    if (MEMHEAP_UNLIKELY((entry & QUEUED) == 0))
        end_on_foreign_clear(&l);
    if ((entry & next_bits) == 0 &&
        replace_tail(&l, 0, (uint32_t)l.me + 1) == (uint32_t)l.me + 1) {
        leave_queue(&l);
        return;
    }
    entry = await_entry(&l, next_bits, -1);
    leave_queue(&l);
    set_entry_bits(&l, GRANTED, (int)(entry >> NEXT_SHIFT) - 1);
}
MEMHEAP_PROFILED(shmem_clear_lock)
