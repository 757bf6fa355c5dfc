/*
 * The PEs of one collective call: those of a team, or an active set.
 */
#ifndef MEMHEAP_SHMEM_GROUP_H
#define MEMHEAP_SHMEM_GROUP_H

#include "shmem/access.h"
#include "shmem/calls.h"

typedef struct memheap_group {
    const char *call; /* for messages */
    memheap_call_t what;
    int start, stride, size, rank;
    memheap_agree_t *agree; /* of a team; NULL for an active set, */
    long *sync;             /* which has this array instead */
} memheap_group_t;

/** The group of a team that is not invalid. */
memheap_group_t memheap_group_of_team(const char *call, shmem_team_t team,
                                      memheap_call_kind_t kind, size_t size,
                                      uint64_t argument);

/** The group of an active set. Ends the job if there is no such set, or this
 *  PE is not in it. */
memheap_group_t memheap_group_of_set(const char *call, int start,
                                     int log_stride, int size, long *sync);

/** Wait for all PEs of the group. */
void memheap_group_meet(memheap_group_t *group);

/** Where an object of the group's PE of number i lies; NULL if that is of
 *  another node, and *far_p is its place then. */
static inline char *memheap_group_at(const memheap_group_t *group,
                                     const void *address, size_t size, int i,
                                     memheap_place_t *far_p)
{
    return memheap_remote(group->call, address, size,
                          group->start + i * group->stride, far_p);
}

/** Take size bytes of the source of number i: they are there after
 *  memheap_group_arrive(). */
void memheap_group_get(const memheap_group_t *group, void *dest,
                       const void *source, size_t size, int i);

/** Give size bytes to number i, which has them after the next meeting of
 *  whoever comes there through memheap_group_settle(). */
void memheap_group_put(const memheap_group_t *group, void *dest,
                       const void *source, size_t size, int i);

/** Wait for what was taken, or for what was given. */
void memheap_group_arrive(void);
void memheap_group_settle(void);

#endif
