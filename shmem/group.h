/*
 * The PEs of one collective call: a team or an active set.
 */
#ifndef MEMHEAP_SHMEM_GROUP_H
#define MEMHEAP_SHMEM_GROUP_H

#include "shmem/access.h"
#include "shmem/call_description.h"
#include "shmem/mistakes.h"

typedef struct memheap_group {
    const char *name; /* for messages */
    memheap_call_t call;
    int start, stride, size, rank;
    bool on_node;           /* all PEs are on this node */
    memheap_agree_t *agree; /* of a team; NULL for an active set */
    long *sync;             /* the work array of an active set */
} memheap_group_t;

/** The group of a team, unless that is SHMEM_TEAM_INVALID. */
static inline memheap_group_t
memheap_group_of_team(const char *name, shmem_team_t team,
                      memheap_call_kind_t kind, size_t size, uint64_t argument)
{
    memheap_runtime_begin(name);
    if (MEMHEAP_UNLIKELY(team->size == 0))
        memheap_team_was_destroyed(name);
    return (memheap_group_t){.name = name,
                             .call = {kind, {size, argument, 0}, name},
                             .start = team->start,
                             .stride = team->stride,
                             .size = team->size,
                             .rank = team->rank,
                             .on_node = memheap_agree_is_one_node(team->agree),
                             .agree = team->agree};
}

/** The group of an active set. Ends the job if the set is invalid, or does not
 *  contain this PE. */
memheap_group_t memheap_group_of_set(const char *name, int start,
                                     int log_stride, int size, long *sync);

/** Whether a wait for this reason is one of an active set. */
bool memheap_group_is_reason(const memheap_wait_reason_t *reason);

/** Barrier over the group. */
void memheap_group_barrier(memheap_group_t *group);

/** The barrier of an active set in two steps: first rank 0 waits for the
 * others, then the others wait for rank 0. In between, rank 0 works for all. */
void memheap_group_arrive(const memheap_group_t *group);
void memheap_group_release(const memheap_group_t *group);

/** Words of the work array of an active set. */
enum {
    MEMHEAP_SET_BARRIER, /* counts the other PEs in a small set */
    MEMHEAP_SET_ARRIVE,  /* counts arrivals, on rank 0 */
    MEMHEAP_SET_LENGTH,  /* the length of this PE's part of a collect */
    MEMHEAP_SET_RELEASE, /* rank 0 has released this PE */
    MEMHEAP_SET_SENT,    /* a root has sent data */
    MEMHEAP_SET_DATA     /* that data, up to the end */
};

/** Maximum size for memheap_group_send(), in bytes. */
#define MEMHEAP_SET_ROOM ((SHMEM_SYNC_SIZE - MEMHEAP_SET_DATA) * sizeof(long))

/** Broadcast a few bytes over an active set on one node. The root does not wait
 *  for the others, and the others wait for the root only. */
void memheap_group_send(const memheap_group_t *group, void *dest,
                        const void *source, size_t size, int root);

/** Maximum size of the payloads of all PEs in an exchange, in bytes. Larger
 * data is cheaper to read directly. */
#define MEMHEAP_EXCHANGE_MAX ((size_t)256 << 10)

/** Whether the nodes can exchange `size` bytes in total within an agreement. */
static inline bool memheap_group_can_exchange(const memheap_group_t *group,
                                              size_t size)
{
    return !group->on_node && group->agree != NULL &&
           size <= MEMHEAP_EXCHANGE_MAX;
}

/** Exchange payloads between nodes; see memheap_agree_exchange(). */
void memheap_group_exchange(memheap_group_t *group,
                            const memheap_agree_exchange_t *exchange);

/** Whether `size` bytes fit into an inline payload of a team on one node: then
 * one barrier is enough. */
static inline bool memheap_group_can_inline(const memheap_group_t *group,
                                            size_t size)
{
    return group->agree != NULL && group->on_node && group->size > 1 &&
           size <= MEMHEAP_AGREE_PAYLOAD_MAX;
}

/** Wait for the root of a team; see memheap_agree_rooted(). */
void memheap_group_barrier_rooted(memheap_group_t *group, int root);

/** Find an object on rank i. @return as memheap_locate() */
static inline char *memheap_group_at(const memheap_group_t *group,
                                     const void *address, size_t size, int i,
                                     memheap_remote_addr_t *remote_p)
{
    return memheap_locate(group->name, address, size,
                          group->start + i * group->stride, remote_p);
}

/** End the job with a message if size bytes at an address are no symmetric
 *  object of this PE. Each collective checks its source and its destination
 *  before it writes. */
void memheap_group_check(const memheap_group_t *group, const void *address,
                         size_t size);

/** Find an object on member i of this node. */
char *memheap_group_on_node(const memheap_group_t *group, const void *address,
                            size_t size, int i);

/** Start to copy size bytes from rank i. They are valid after
 *  memheap_group_wait_gets(). */
void memheap_group_get(const memheap_group_t *group, void *dest,
                       const void *source, size_t size, int i);

/** Start to copy size bytes to rank i. They are visible there after
 *  memheap_group_wait_puts(); the source must stay valid until then. */
void memheap_group_put(const memheap_group_t *group, void *dest,
                       const void *source, size_t size, int i);

/** Wait until all outstanding gets, or all puts, are complete. */
void memheap_group_wait_gets(const memheap_group_t *group);
void memheap_group_wait_puts(const memheap_group_t *group);

#endif
