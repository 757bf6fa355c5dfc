/*
 * Teams.
 */
#ifndef MEMHEAP_SHMEM_TEAM_H
#define MEMHEAP_SHMEM_TEAM_H

#include "comm/agree.h"

#include <shmem.h>

/** Size of a team, in bytes. Predefined teams are copied into executables that
 *  are not position-independent, so the size must not change. */
enum {
    MEMHEAP_TEAM_SIZE = 128
};

/** A team: the PEs start + i * stride of the job, i < size. */
struct shmemx_team {
    int start, stride, size;
    int rank;  /* this PE's rank */
    int group; /* group number of the agreement */
    shmem_team_config_t config;
    memheap_agree_t *agree;
    struct shmemx_ctx *contexts; /* list of its contexts */
    struct shmemx_team *next;    /* list of all teams; the world is its head */
    struct shmemx_space *space;  /* space of the team, or NULL */
    char reserved[72];
};
_Static_assert(sizeof(struct shmemx_team) == MEMHEAP_TEAM_SIZE,
               "the size of a team is part of the ABI");

/** Split a team from a parent: the PEs start + i * stride of the parent; size
 * is 0 on a PE that joins no team. Collective over the parent.
 *  @return 0; not 0 on all PEs if a PE has no memory or no group is free */
int memheap_team_make(shmem_team_t parent, const memheap_call_t *call,
                      int start, int stride, int size, int rank,
                      shmem_team_t *team_p);

/** Destroy a team. Collective over it. */
void memheap_team_end(shmem_team_t team);

/** Initialize the predefined teams for the job. */
void memheap_team_start(void);

/** Free the teams and contexts that the program has not destroyed. */
void memheap_team_stop(void);

/** Final synchronization of all remaining teams: detects differences in calls
 *  that have waited for a root only. Collective over all PEs. */
void memheap_team_final_sync(void);

#endif
