/*
 * Locks.
 *
 * A lock is two numbers in one word, on the PE that its address falls to: how
 * many have asked for it, and how many have given it back. Whoever asks gets a
 * number, and has the lock when as many have given it back: so it goes round
 * in the order of arrival. 32 bits each, which may wrap.
 *
 * Source: D. P. Reed and R. K. Kanodia, "Synchronization with eventcounts and
 * sequencers", CACM 22(2), 1979 (tickets).
 */
#include "config.h"

#include "comm/wait.h"
#include "shmem/access.h"

#include <pshmem.h>

#include <stdatomic.h>

static const uint64_t one_asked = (uint64_t)1 << 32;

/* The word of a lock: locks are spread over the PEs. */
static _Atomic uint64_t *word_of(const char *call, long *lock)
{
    const memheap_runtime_t *rt = &memheap_runtime;
    int pe =
        rt->job.size == 0
            ? 0
            : (int)((uintptr_t)lock / sizeof(long) % (uintptr_t)rt->job.size);
    return (_Atomic uint64_t *)(void *)memheap_target(call, SHMEM_CTX_DEFAULT,
                                                      lock, sizeof(*lock), pe);
}

static uint32_t asked(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

static uint32_t returned(uint64_t word)
{
    return (uint32_t)word;
}

void pshmem_set_lock(long *lock)
{
    _Atomic uint64_t *word = word_of("shmem_set_lock", lock);
    uint32_t number = asked(atomic_fetch_add(word, one_asked));
    unsigned spins = memheap_runtime.agree.spins;
    while (returned(atomic_load(word)) != number)
        memheap_wait_step(&spins);
}
MEMHEAP_PROFILED(shmem_set_lock)

int pshmem_test_lock(long *lock)
{
    _Atomic uint64_t *word = word_of("shmem_test_lock", lock);
    uint64_t now = atomic_load(word);
    return asked(now) == returned(now) &&
                   atomic_compare_exchange_strong(word, &now, now + one_asked)
               ? 0
               : 1;
}
MEMHEAP_PROFILED(shmem_test_lock)

void pshmem_clear_lock(long *lock)
{
    _Atomic uint64_t *word = word_of("shmem_clear_lock", lock);
    uint64_t now = atomic_load(word);
    pshmem_quiet();
    /* Only the lower number moves, and it must not run over into the other. */
    while (!atomic_compare_exchange_weak(
        word, &now, (now & ~(one_asked - 1)) | (uint32_t)(now + 1)))
        continue;
}
MEMHEAP_PROFILED(shmem_clear_lock)
