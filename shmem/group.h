/*
 * The PEs of one collective call: those of a team, or an active set.
 */
#ifndef MEMHEAP_SHMEM_GROUP_H
#define MEMHEAP_SHMEM_GROUP_H

#include "shmem/access.h"
#include "shmem/call_description.h"

typedef struct memheap_group {
    const char *name; /* for messages */
    memheap_call_t call;
    int start, stride, size, rank;
    bool on_node;           /* all of them are on this node */
    memheap_agree_t *agree; /* of a team; NULL for an active set, */
    long *sync;             /* which has this array instead */
} memheap_group_t;

/** The group of a team that is not invalid. */
static inline memheap_group_t
memheap_group_of_team(const char *name, shmem_team_t team,
                      memheap_call_kind_t kind, size_t size, uint64_t argument)
{
    memheap_runtime_begin(name);
    return (memheap_group_t){.name = name,
                             .call = {kind, {size, argument, 0}, name},
                             .start = team->start,
                             .stride = team->stride,
                             .size = team->size,
                             .rank = team->rank,
                             .on_node = memheap_agree_is_one_node(team->agree),
                             .agree = team->agree};
}

/** The group of an active set. Ends the job if there is no such set, or this
 *  PE is not in it. */
memheap_group_t memheap_group_of_set(const char *name, int start,
                                     int log_stride, int size, long *sync);

/** Wait for all PEs of the group. */
void memheap_group_barrier(memheap_group_t *group);

/** The same in two parts, for an active set: the first PE waits for all, and
 *  then the others wait for it, which has done what is to be done for all. */
void memheap_group_arrive(const memheap_group_t *group);
void memheap_group_release(const memheap_group_t *group);

/** Words of an active set's array. */
enum {
    MEMHEAP_SET_BARRIER, /* PEs that have come here */
    MEMHEAP_SET_ARRIVE,  /* PEs that have come to the first PE */
    MEMHEAP_SET_LENGTH,  /* of what this PE brings to a collect */
    MEMHEAP_SET_RELEASE, /* what the first PE waited for is done */
    MEMHEAP_SET_SENT,    /* a root has sent */
    MEMHEAP_SET_DATA     /* this, up to the end */
};

/** Most bytes that memheap_group_send() takes. */
#define MEMHEAP_SET_ROOM ((SHMEM_SYNC_SIZE - MEMHEAP_SET_DATA) * sizeof(long))

/** Broadcast a few bytes over an active set of one node: the root waits for
 *  nobody, and the others for it alone. */
void memheap_group_send(const memheap_group_t *group, void *dest,
                        const void *source, size_t size, int root);

/** Most bytes that nodes trade in one meeting, counted with those of all PEs:
 *  more is cheaper to take one by one. */
#define MEMHEAP_EXCHANGE_MAX ((size_t)256 << 10)

/** Whether the PEs are on several nodes, and so few bytes of all of them that
 *  the nodes trade them as they meet. */
static inline bool memheap_group_can_exchange(const memheap_group_t *group,
                                              size_t size)
{
    return !group->on_node && group->agree != NULL &&
           size <= MEMHEAP_EXCHANGE_MAX;
}

/** Trade; see memheap_agree_exchange(). */
void memheap_group_exchange(memheap_group_t *group,
                            const memheap_agree_exchange_t *exchange);

/** Whether the PEs of a team can show one another so many bytes as they meet:
 *  then one meeting does for two. */
static inline bool memheap_group_can_inline(const memheap_group_t *group,
                                            size_t size)
{
    return group->agree != NULL && group->on_node && group->size > 1 &&
           size <= MEMHEAP_AGREE_PAYLOAD_MAX;
}

/** Wait for number `one` of a team that can show so much, or for all. */
void memheap_group_barrier_rooted(memheap_group_t *group, int root);

/** Where an object of the group's PE of number i lies; NULL if that is of
 *  another node, and *remote_p is its place then. */
static inline char *memheap_group_at(const memheap_group_t *group,
                                     const void *address, size_t size, int i,
                                     memheap_remote_addr_t *remote_p)
{
    return memheap_locate(group->name, address, size,
                          group->start + i * group->stride, remote_p);
}

/** The same for the PE that is number i of those on this node. */
char *memheap_group_on_node(const memheap_group_t *group, const void *address,
                            size_t size, int i);

/** Take size bytes of the source of number i: they are there after
 *  memheap_group_wait_gets(). */
void memheap_group_get(const memheap_group_t *group, void *dest,
                       const void *source, size_t size, int i);

/** Give size bytes to number i: they are there after memheap_group_wait_puts().
 *  The source has to stay until then. */
void memheap_group_put(const memheap_group_t *group, void *dest,
                       const void *source, size_t size, int i);

/** Wait for what was taken, or for what was given. */
void memheap_group_wait_gets(const memheap_group_t *group);
void memheap_group_wait_puts(const memheap_group_t *group);

#endif
