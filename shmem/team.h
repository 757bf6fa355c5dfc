/*
 * Teams and contexts, as the chapters see them.
 */
#ifndef MEMHEAP_SHMEM_TEAM_H
#define MEMHEAP_SHMEM_TEAM_H

#include "comm/agree.h"

#include <shmem.h>

/** The PEs start + i * stride of the job, i < size. */
struct shmemx_team {
    int start, stride, size;
    int rank;               /* this PE's number in it */
    int group;              /* of its agreement */
    memheap_agree_t *agree; /* of the world, or own */
    memheap_agree_t own;
    shmem_team_config_t config;
    struct shmemx_ctx *contexts; /* those on it */
    struct shmemx_team *next;    /* of all that were made, from the world on */
};

struct shmemx_ctx {
    struct shmemx_team *team;
    long options;
    struct shmemx_ctx *next; /* in the team's list */
    bool pending;            /* the transport may have something under way */
};

/** Let the predefined teams be those of the job that was started. */
void memheap_team_start(void);

/** Forget the teams and contexts that the program did not end. */
void memheap_team_stop(void);

#endif
