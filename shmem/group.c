/*
 * Groups, and how the PEs of one meet.
 *
 * A team agrees. An active set has nothing but the symmetric array that the
 * program gives: the first PE counts the others in its first word, and sets
 * the second word of each when all are there. Every word has its first value
 * again when a PE goes on, so the array can be used at once for the next call.
 */
#include "config.h"

#include "shmem/group.h"
#include "comm/wait.h"

#include <stdatomic.h>

memheap_group_t memheap_group_of_team(const char *call, shmem_team_t team,
                                      memheap_call_kind_t kind, size_t size,
                                      uint64_t argument)
{
    memheap_runtime_begin(call);
    return (memheap_group_t){.call = call,
                             .what = {kind, {size, argument, 0}, call},
                             .start = team->start,
                             .stride = team->stride,
                             .size = team->size,
                             .rank = team->rank,
                             .agree = team->agree};
}

memheap_group_t memheap_group_of_set(const char *call, int start,
                                     int log_stride, int size, long *sync)
{
    memheap_runtime_begin(call);
    const memheap_job_t *job = &memheap_runtime.job;
    int stride = log_stride < 0 || log_stride > 30 ? 0 : 1 << log_stride;
    memheap_group_t group = {.call = call,
                             .start = start,
                             .stride = stride,
                             .size = size,
                             .sync = sync};
    long last = start + (long)stride * (size - 1);
    if (start < 0 || stride == 0 || size < 1 || last >= job->size ||
        job->rank < start || (job->rank - start) % stride != 0 ||
        job->rank > last) {
        memheap_runtime_error("%s: PE %d is not in the active set of %d PEs "
                              "from %d, 2^%d apart, or there is no such set",
                              call, job->rank, size, start, log_stride);
        memheap_runtime_abort();
    }
    group.rank = (job->rank - start) / stride;
    return group;
}

/* The word of number i of the PE of number pe. */
static _Atomic long *word_at(const memheap_group_t *group, int i, int pe)
{
    return (_Atomic long *)(void *)memheap_group_at(group, group->sync + i,
                                                    sizeof(long), pe);
}

static void await(_Atomic long *word, long value)
{
    unsigned spins = memheap_runtime.agree.spins;
    while (atomic_load_explicit(word, memory_order_acquire) != value)
        memheap_wait_step(&spins);
    atomic_store_explicit(word, SHMEM_SYNC_VALUE, memory_order_relaxed);
}

static void meet_set(const memheap_group_t *group)
{
    if (group->rank != 0) {
        atomic_fetch_add(word_at(group, 0, 0), 1);
        await(word_at(group, 1, group->rank), SHMEM_SYNC_VALUE + 1);
        return;
    }
    if (group->size > 1)
        await(word_at(group, 0, 0), SHMEM_SYNC_VALUE + group->size - 1);
    for (int i = 1; i < group->size; i++)
        atomic_store(word_at(group, 1, i), SHMEM_SYNC_VALUE + 1);
}

void memheap_group_meet(memheap_group_t *group)
{
    if (group->agree != NULL)
        memheap_runtime_meet(group->agree, &group->what);
    else
        meet_set(group);
}
