/*
 * Groups, and how the PEs of one meet.
 *
 * A team agrees. An active set has nothing but the symmetric array that the
 * program gives: the first PE counts the others in its first word, and adds
 * one to the second word of each when all are there. Every word has its first
 * value again when a PE goes on, so the array can be used at once for the next
 * call.
 */
#include "config.h"

#include "shmem/group.h"

#include <string.h>

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

/* Add one to the word of number i of the PE of number pe. */
static void count(const memheap_group_t *group, int i, int pe)
{
    memheap_place_t far;
    const long one = 1;
    long *word = (long *)(void *)memheap_group_at(group, group->sync + i,
                                                  sizeof(long), pe, &far);
    if (word != NULL)
        __atomic_fetch_add(word, one, __ATOMIC_SEQ_CST);
    else
        memheap_far_update(SHMEM_CTX_DEFAULT, &far, MEMHEAP_ATOMIC_ADD,
                           sizeof(one), &one, NULL, NULL);
}

/* Wait for a word of this PE to be as much higher, and set it back. */
static void await(long *word, long more)
{
    memheap_wait_t wait = memheap_runtime.job.wait;
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != SHMEM_SYNC_VALUE + more)
        memheap_wait_step(&wait);
    __atomic_store_n(word, SHMEM_SYNC_VALUE, __ATOMIC_RELAXED);
}

static void meet_set(const memheap_group_t *group)
{
    if (group->rank != 0) {
        count(group, 0, 0);
        await(group->sync + 1, 1);
        return;
    }
    if (group->size > 1)
        await(group->sync, group->size - 1);
    for (int i = 1; i < group->size; i++)
        count(group, 1, i);
}

void memheap_group_get(const memheap_group_t *group, void *dest,
                       const void *source, size_t size, int i)
{
    memheap_place_t far;
    if (size == 0)
        return;
    const char *near = memheap_group_at(group, source, size, i, &far);
    if (MEMHEAP_LIKELY(near != NULL))
        memmove(dest, near, size);
    else
        memheap_transport_get_nbi(memheap_runtime.transport, &far, dest, size);
}

void memheap_group_put(const memheap_group_t *group, void *dest,
                       const void *source, size_t size, int i)
{
    memheap_place_t far;
    if (size == 0)
        return;
    char *near = memheap_group_at(group, dest, size, i, &far);
    if (MEMHEAP_LIKELY(near != NULL))
        memmove(near, source, size);
    else
        memheap_transport_put_nbi(memheap_runtime.transport, &far, source,
                                  size);
}

void memheap_group_arrive(void)
{
    if (MEMHEAP_UNLIKELY(memheap_runtime.transport != NULL))
        memheap_transport_arrive(memheap_runtime.transport);
}

void memheap_group_settle(void)
{
    if (MEMHEAP_UNLIKELY(memheap_runtime.transport != NULL))
        memheap_transport_quiet(memheap_runtime.transport);
}

void memheap_group_meet(memheap_group_t *group)
{
    if (group->agree != NULL)
        memheap_runtime_meet(group->agree, &group->what);
    else
        meet_set(group);
}
