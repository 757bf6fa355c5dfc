/*
 * Teams and contexts, as the chapters see them.
 */
#ifndef MEMHEAP_SHMEM_TEAM_H
#define MEMHEAP_SHMEM_TEAM_H

#include "comm/agree.h"

#include <shmem.h>

/** Bytes of a team and of a context. Those with names are copied into programs
 *  that are no position-independent code, so they must never change. */
enum {
    MEMHEAP_TEAM_SIZE = 128,
    MEMHEAP_CTX_SIZE = 64
};

/** The PEs start + i * stride of the job, i < size. */
struct shmemx_team {
    int start, stride, size;
    int rank;  /* this PE's number in it */
    int group; /* of its agreement */
    shmem_team_config_t config;
    memheap_agree_t *agree;
    struct shmemx_ctx *contexts; /* those on it */
    struct shmemx_team *next;    /* of all that were made, from the world on */
    struct shmemx_space *space;  /* whose team it was split from, or NULL */
    char reserved[72];
};
_Static_assert(sizeof(struct shmemx_team) == MEMHEAP_TEAM_SIZE,
               "the size of a team belongs to the binary interface");

struct shmemx_ctx {
    struct shmemx_team *team;
    long options;
    struct shmemx_ctx *next; /* in the team's list */
    uint64_t issued;         /* operations that may have been under way, */
    uint64_t completed;      /* and how many of them surely are no more */
    char reserved[24];
};
_Static_assert(sizeof(struct shmemx_ctx) == MEMHEAP_CTX_SIZE,
               "the size of a context belongs to the binary interface");

/** Make a team of some PEs of a parent, as the numbers start + i * stride
 * there; size is 0 on a PE that joins none. Collective over the parent.
 *  @return 0; not 0 on all of them if there is none to be had */
int memheap_team_make(shmem_team_t parent, const memheap_call_t *call,
                      int start, int stride, int size, int rank,
                      shmem_team_t *team_p);

/** End a team, when its PEs have met. */
void memheap_team_end(shmem_team_t team);

/** Let the predefined teams be those of the job that was started. */
void memheap_team_start(void);

/** Forget the teams and contexts that the program did not end. */
void memheap_team_stop(void);

/** Meet in every team that is left, where PEs may have differed in a call that
 *  waited for one of them alone. Collective over all PEs. */
void memheap_team_final_sync(void);

#endif
