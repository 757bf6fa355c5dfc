/*
 * Groups of PEs, and their barriers.
 *
 * A team uses its agreement. An active set has only the symmetric work array
 * (pSync) of the program. Each algorithm has its own words there, and restores
 * them, so the array can be reused at once by any next call of the set:
 *
 * - Small set: each PE increments the word of every other PE, waits until its
 *   own word has grown by the number of others, and subtracts that number. A PE
 *   that is ahead may have incremented for its next barrier already, and is
 *   counted instead of a slow one. That is safe: no PE is ahead before all have
 *   arrived.
 * - Large set: rank 0 counts the others, and then increments a word of each.
 *   Between the two steps, it can work for all.
 * - Send on one node: the root does not wait for the others, except for PEs
 * that have not consumed the data before. It first marks the word of each as
 * SENT, and then as READY. So a PE that continues and becomes a root itself
 * finds every word marked, or free again.
 */
#include "config.h"

#include "shmem/group.h"
#include "shmem/copy.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
    MAX_FLAT = 8, /* maximum size of a small set */
    /* States of the word MEMHEAP_SET_SENT, relative to SHMEM_SYNC_VALUE. */
    SENT = 1,
    READY = 2
};

/* Whether all PEs of a set are on this node. */
static bool is_on_node(const memheap_group_t *group)
{
    const memheap_job_t *job = &memheap_runtime.job;
    if (memheap_runtime.transport == NULL)
        return true;
    if (group->size > job->node_size)
        return false;
    for (int i = 0; i < group->size; i++) {
        if (!memheap_is_on_node(group->start + i * group->stride))
            return false;
    }
    return true;
}

memheap_group_t memheap_group_of_set(const char *name, int start,
                                     int log_stride, int size, long *sync)
{
    memheap_runtime_begin(name);
    const memheap_job_t *job = &memheap_runtime.job;
    int stride = log_stride < 0 || log_stride > 30 ? 0 : 1 << log_stride;
    memheap_group_t group = {.name = name,
                             .start = start,
                             .stride = stride,
                             .size = size,
                             .sync = sync};
    long last = start + (long)stride * (size - 1);
    if (start < 0 || stride == 0 || size < 1 || last >= job->size)
        memheap_mistake("%s: the active set of %d PEs from %d, 2^%d apart, is "
                        "not in the job, which has PEs 0 to %d",
                        name, size, start, log_stride, job->size - 1);
    if (job->rank < start || (job->rank - start) % stride != 0 ||
        job->rank > last)
        memheap_mistake("%s: PE %d is not in the active set of %d PEs from %d, "
                        "2^%d apart",
                        name, job->rank, size, start, log_stride);
    group.rank = (job->rank - start) / stride;
    group.on_node = is_on_node(&group);
    /* All PEs of a job use an agreement where that is faster: on several nodes,
     * or if PEs share cores. */
    if (size == job->size &&
        (!group.on_node || memheap_agree_is_crowded(&memheap_runtime.agree))) {
        group.agree = &memheap_runtime.sets_agree;
        group.call = (memheap_call_t){
            MEMHEAP_CALL_SET,
            {memheap_digest_bytes(0, name, strlen(name)), 0, 0},
            name};
    }
    return group;
}

/* Word i of the work array on rank pe; NULL if that is off node, and *remote_p
 * takes the remote address. */
static _Atomic long *word_at(const memheap_group_t *group, int i, int pe,
                             memheap_remote_addr_t *remote_p)
{
    return (_Atomic long *)(void *)memheap_group_at(group, group->sync + i,
                                                    sizeof(long), pe, remote_p);
}

/* Word i of the work array on this PE. */
static _Atomic long *own_word(const memheap_group_t *group, int i)
{
    return (_Atomic long *)(group->sync + i);
}

/* Increment word i on rank pe. */
static void increment(const memheap_group_t *group, int i, int pe)
{
    const long one = 1;
    memheap_remote_addr_t remote;
    _Atomic long *word = word_at(group, i, pe, &remote);
    if (MEMHEAP_LIKELY(word != NULL))
        atomic_fetch_add(word, one);
    else
        memheap_remote_update(SHMEM_CTX_DEFAULT, &remote, MEMHEAP_ATOMIC_ADD,
                              sizeof(one), &one, NULL, NULL);
}

/* What a member of an active set waits for. */
typedef struct set_reason {
    memheap_wait_reason_t reason;
    const char *call;
} set_reason_t;

static void describe_set(const memheap_wait_reason_t *reason, char *text,
                         size_t room)
{
    snprintf(text, room, "%s",
             ((const set_reason_t *)(const void *)reason)->call);
}

bool memheap_group_is_reason(const memheap_wait_reason_t *reason)
{
    return reason->describe == describe_set;
}

/* Wait until a word has grown by at least a number. */
static void await(const memheap_group_t *group, _Atomic long *word, long number)
{
    set_reason_t reason = {{describe_set}, group->name};
    memheap_wait_t wait =
        memheap_wait_begin(&memheap_runtime.job.wait, &reason.reason);
    while (atomic_load_explicit(word, memory_order_acquire) - SHMEM_SYNC_VALUE <
           number)
        memheap_wait_step(&wait);
}

static void reset(_Atomic long *word)
{
    atomic_store_explicit(word, SHMEM_SYNC_VALUE, memory_order_release);
}

void memheap_group_arrive(const memheap_group_t *group)
{
    if (group->rank != 0) {
        increment(group, MEMHEAP_SET_ARRIVE, 0);
        return;
    }
    _Atomic long *word = own_word(group, MEMHEAP_SET_ARRIVE);
    await(group, word, group->size - 1);
    reset(word);
}

void memheap_group_release(const memheap_group_t *group)
{
    if (group->rank != 0) {
        _Atomic long *word = own_word(group, MEMHEAP_SET_RELEASE);
        await(group, word, 1);
        reset(word);
        return;
    }
    for (int i = 1; i < group->size; i++)
        increment(group, MEMHEAP_SET_RELEASE, i);
}

static void set_barrier(const memheap_group_t *group)
{
    if (group->size > MAX_FLAT) {
        memheap_group_arrive(group);
        memheap_group_release(group);
        return;
    }
    for (int i = group->rank + 1; i < group->size; i++)
        increment(group, MEMHEAP_SET_BARRIER, i);
    for (int i = 0; i < group->rank; i++)
        increment(group, MEMHEAP_SET_BARRIER, i);
    _Atomic long *word = own_word(group, MEMHEAP_SET_BARRIER);
    await(group, word, group->size - 1);
    atomic_fetch_sub(word, group->size - 1);
}

/* Wait until rank i has consumed the data before, and put new data there. */
static void send_to_one(const memheap_group_t *group, int i, const void *source,
                        size_t size, int mark)
{
    memheap_remote_addr_t remote; /* unused: all PEs are on this node */
    set_reason_t reason = {{describe_set}, group->name};
    memheap_wait_t wait =
        memheap_wait_begin(&memheap_runtime.job.wait, &reason.reason);
    _Atomic long *word = word_at(group, MEMHEAP_SET_SENT, i, &remote);
    char *data = memheap_group_at(group, group->sync + MEMHEAP_SET_DATA, size,
                                  i, &remote);
    __builtin_prefetch(data, 1); /* word and data are adjacent */
    while (atomic_load_explicit(word, memory_order_acquire) != SHMEM_SYNC_VALUE)
        memheap_wait_step(&wait);
    memcpy(data, source, size);
    atomic_store_explicit(word, SHMEM_SYNC_VALUE + mark, memory_order_release);
}

void memheap_group_send(const memheap_group_t *group, void *dest,
                        const void *source, size_t size, int root)
{
    if (group->rank != root) {
        _Atomic long *word = own_word(group, MEMHEAP_SET_SENT);
        await(group, word, READY);
        memcpy(dest, group->sync + MEMHEAP_SET_DATA, size);
        for (int i = MEMHEAP_SET_DATA; i < SHMEM_SYNC_SIZE; i++)
            group->sync[i] = SHMEM_SYNC_VALUE;
        reset(word);
        return;
    }
    int n = group->size;
    for (int step = 1; step < n; step++)
        send_to_one(group, (root + step) % n, source, size,
                    step + 1 < n ? SENT : READY);
    for (int step = 1; step + 1 < n; step++) {
        memheap_remote_addr_t remote; /* unused: all PEs are on this node */
        atomic_store_explicit(
            word_at(group, MEMHEAP_SET_SENT, (root + step) % n, &remote),
            SHMEM_SYNC_VALUE + READY, memory_order_release);
    }
}

void memheap_group_check(const memheap_group_t *group, const void *address,
                         size_t size)
{
    int me = memheap_runtime.job.rank;
    if (size == 0)
        return;
    const memheap_segment_t *segment = memheap_segment_at(address, size);
    if (segment == NULL)
        memheap_wrong_address(group->name, address, size, me);
    if (MEMHEAP_UNLIKELY(segment->access_checked))
        memheap_check_access(address, size, group->name, me);
}

char *memheap_group_on_node(const memheap_group_t *group, const void *address,
                            size_t size, int i)
{
    memheap_remote_addr_t remote; /* unused: the PE is on this node */
    return memheap_group_at(group, address, size,
                            group->agree->first + i * group->agree->step,
                            &remote);
}

void memheap_group_exchange(memheap_group_t *group,
                            const memheap_agree_exchange_t *exchange)
{
    memheap_runtime_exchange(group->agree, &group->call, exchange);
}

void memheap_group_get(const memheap_group_t *group, void *dest,
                       const void *source, size_t size, int i)
{
    memheap_remote_addr_t remote;
    if (size == 0)
        return;
    const char *local = memheap_group_at(group, source, size, i, &remote);
    if (MEMHEAP_LIKELY(local != NULL))
        memheap_copy(dest, local, size);
    else
        memheap_transport_get_nbi(memheap_runtime.transport, &remote, dest,
                                  size);
}

void memheap_group_put(const memheap_group_t *group, void *dest,
                       const void *source, size_t size, int i)
{
    memheap_remote_addr_t remote;
    if (size == 0)
        return;
    char *local = memheap_group_at(group, dest, size, i, &remote);
    if (MEMHEAP_LIKELY(local != NULL))
        memheap_copy(local, source, size);
    else
        memheap_transport_put_nbi(memheap_runtime.transport, &remote, source,
                                  size);
}

void memheap_group_wait_gets(const memheap_group_t *group)
{
    if (!group->on_node)
        memheap_transport_wait_gets(memheap_runtime.transport);
}

void memheap_group_wait_puts(const memheap_group_t *group)
{
    if (!group->on_node)
        memheap_transport_quiet(memheap_runtime.transport);
}

void memheap_group_barrier(memheap_group_t *group)
{
    if (group->agree != NULL)
        memheap_runtime_barrier(group->agree, &group->call);
    else
        set_barrier(group);
}

void memheap_group_barrier_rooted(memheap_group_t *group, int root)
{
    memheap_runtime_barrier_rooted(group->agree, &group->call, root);
}
